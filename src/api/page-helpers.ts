/**
 * Helpers of the engine (`wasm/helper-pool.ts`), which the page starts for its worker. A worker that starts another waits until the page's
 * thread has dealt with it, and in Firefox it may wait for ever: while tools watch its workers, the one signal that ends the wait may
 * wake the new worker instead. The page waits for nothing.
 */
import { asError, type HelperAnswer, type HelperRequest } from "../worker/protocol.js";
import { trusting } from "./trusted-worker.js";

export class PageHelpers {
  readonly #workers = new Map<string, Worker>();

  /** `port` leads to the engine: the helper gets it once it runs, and until then the engine hears over it what is wrong. */
  onRequest({ name, url }: HelperRequest, port: MessagePort | undefined): void {
    if (url === undefined || port === undefined) return this.#end(name);
    const fail = (why: string): void => port.postMessage({ type: "failed", why } satisfies HelperAnswer);
    try {
      const worker = trusting("Worker", () => new Worker(url, { type: "module", name }));
      this.#workers.set(name, worker);
      worker.addEventListener("message", () => worker.postMessage(null, [port]), { once: true });
      worker.addEventListener("error", (event) => {
        event.preventDefault();
        fail(event.message || "it could not be loaded: do the page's policies allow it?");
      });
    } catch (error) {
      fail(asError(error).message);
    }
  }

  end(): void {
    for (const name of this.#workers.keys()) this.#end(name);
  }

  #end(name: string): void {
    this.#workers.get(name)?.terminate();
    this.#workers.delete(name);
  }
}
