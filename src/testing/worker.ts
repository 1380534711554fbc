/** A stand-in for a browser's Worker in Node: a host at the other end of a MessageChannel, and a way to kill it. */
import type { Host } from "../worker/host.js";

export class TestWorker extends EventTarget {
  readonly #page: MessagePort;
  readonly #inside: MessagePort;
  terminated = false;
  /** Messages from the page, in order: names of what is asked of the session, such as "call". */
  readonly calls: string[] = [];

  constructor(host: Host) {
    super();
    const { port1, port2 } = new MessageChannel();
    this.#page = port1;
    this.#inside = port2;
    port1.addEventListener("message", (event) => this.dispatchEvent(new MessageEvent("message", { data: event.data })));
    port1.start();
    host.own(port2);
  }

  postMessage(message: { path?: string[]; call?: number }, transfer: Transferable[] = []): void {
    this.calls.push(message.call === undefined ? (message.path ?? []).join(".") : "call");
    if (!this.terminated) this.#page.postMessage(message, transfer);
  }

  /** Ends silently, as a worker does that the browser kills. */
  terminate(): void {
    this.terminated = true;
    this.#page.close();
    this.#inside.close();
  }

  /** Ends as a worker does whose script throws or cannot be loaded. */
  crash(message?: string): void {
    this.dispatchEvent(Object.assign(new Event("error", { cancelable: true }), { message }));
  }

  /** The factory that the client's option `worker` takes. */
  static factory(host: () => Host, made: TestWorker[] = []): () => Worker {
    return () => {
      const worker = new TestWorker(host());
      made.push(worker);
      return worker as unknown as Worker;
    };
  }
}
