/** The page's side of an engine in its worker. */
import type { EngineMethods, EngineRequest, EngineResponse } from "./engine-protocol.js";

export class EngineClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (response: EngineResponse) => void>();
  #lastId = 0;

  /** `module` names a file of this folder, `variant` tells it what to be. */
  constructor(module: string, variant: string) {
    this.#worker = new Worker(`./engines/${module}.js?${variant}`, { type: "module" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<EngineResponse>) => this.#settle(data));
    this.#worker.addEventListener("error", ({ message }) => this.#fail(message || `the worker of ${module} did not start`));
  }

  async call<M extends keyof EngineMethods>(
    method: M,
    ...args: Parameters<EngineMethods[M]>
  ): Promise<Awaited<ReturnType<EngineMethods[M]>>> {
    const id = ++this.#lastId;
    const { result, error } = await new Promise<EngineResponse>((resolve) => {
      this.#waiting.set(id, resolve);
      const request: EngineRequest = { id, method, args };
      this.#worker.postMessage(request);
    });
    if (error !== undefined) throw new Error(error);
    return result as Awaited<ReturnType<EngineMethods[M]>>;
  }

  close(): void {
    this.#worker.terminate();
  }

  #settle(response: EngineResponse): void {
    this.#waiting.get(response.id)?.(response);
    this.#waiting.delete(response.id);
  }

  #fail(error: string): void {
    for (const id of [...this.#waiting.keys()]) this.#settle({ id, error });
  }
}
