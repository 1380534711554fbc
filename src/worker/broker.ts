/**
 * The broker: a SharedWorker through which the pages of one origin hand each other ports to the workers that hold engines. A page
 * whose worker is a holder offers itself under the name of the holder's presence lock; another asks for that name and sends the
 * port that is to be passed on. Who asks before the holder's page has offered waits for it here.
 *
 * Any script of the origin may connect, so what is no request is passed over, and no more is kept than `limits.guestsMax`.
 */
import { limits } from "../core/limits.js";
import { isId } from "./rendezvous.js";

export type BrokerRequest = { type: "offer"; host: string } | { type: "reach"; host: string };

export class Broker {
  readonly #locks: Pick<LockManager, "request">;
  readonly #pages = new Map<string, MessagePort>();
  readonly #waiting: { host: string; port: MessagePort }[] = [];

  constructor(locks: Pick<LockManager, "request">) {
    this.#locks = locks;
  }

  connect(page: MessagePort): void {
    page.addEventListener("message", ({ data, ports }: MessageEvent) => this.#hear(page, data, ports[0]));
    page.start();
  }

  #hear(page: MessagePort, data: unknown, port: MessagePort | undefined): void {
    const { type, host } = Object(data) as Record<string, unknown>;
    if (!isId(host)) return;
    if (type === "offer") this.#offer(host, page);
    else if (type === "reach" && port !== undefined) this.#reach(host, port);
  }

  #offer(host: string, page: MessagePort): void {
    if (this.#pages.has(host) || this.#pages.size >= limits.guestsMax) return;
    this.#pages.set(host, page);
    // Granted when the holder has ended: nobody is to be sent there any more.
    void this.#locks.request(host, () => this.#pages.delete(host));
    for (const waiting of this.#waiting.splice(0)) this.#reach(waiting.host, waiting.port);
  }

  #reach(host: string, port: MessagePort): void {
    const page = this.#pages.get(host);
    if (page !== undefined) return page.postMessage({ type: "guest", host }, [port]);
    this.#waiting.push({ host, port });
    if (this.#waiting.length > limits.guestsMax) this.#waiting.shift()!.port.close();
  }
}
