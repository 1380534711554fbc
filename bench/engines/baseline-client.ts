/** A baseline engine in a worker of its own, called by message as Tidepool is. */
import type { Baseline, BaselineName, Hit } from "./baseline.js";
import type { BaselineMethod, BaselineRequest, BaselineResponse } from "./baseline-protocol.js";

export class BaselineClient {
  readonly name: BaselineName;
  readonly #worker = new Worker(new URL("./baseline-worker.ts", import.meta.url), { type: "module" });
  readonly #waiting = new Map<number, (response: BaselineResponse) => void>();
  #lastId = 0;

  constructor(name: BaselineName) {
    this.name = name;
    this.#worker.addEventListener("message", ({ data }: MessageEvent<BaselineResponse>) => {
      this.#waiting.get(data.id)?.(data);
      this.#waiting.delete(data.id);
    });
  }

  /** Calls a method; `insideMs` is what the engine itself took. */
  async call<M extends BaselineMethod>(
    method: M,
    ...args: Parameters<Baseline[M]>
  ): Promise<{ result: Awaited<ReturnType<Baseline[M]>>; insideMs: number }> {
    const id = ++this.#lastId;
    const { result, error, insideMs } = await new Promise<BaselineResponse>((resolve) => {
      this.#waiting.set(id, resolve);
      const request: BaselineRequest = { id, engine: this.name, method, args };
      this.#worker.postMessage(request);
    });
    if (error !== undefined) throw new Error(error);
    return { result: result as Awaited<ReturnType<Baseline[M]>>, insideMs };
  }

  async query(...args: Parameters<Baseline["query"]>): Promise<{ hits: Hit[]; insideMs: number }> {
    const { result, insideMs } = await this.call("query", ...args);
    return { hits: result, insideMs };
  }

  close(): void {
    this.#worker.terminate();
  }
}
