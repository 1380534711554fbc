/** Calls by message between the page and the worker of one engine. */

interface WorkerRequest {
  id: number;
  method: string;
  args: unknown[];
}

interface WorkerResponse {
  id: number;
  result?: unknown;
  error?: string;
}

/** Methods of a worker: all are answered by message. */
// biome-ignore lint/suspicious/noExplicitAny: whatever their arguments are
type Methods<M> = { [K in keyof M]: (...args: any[]) => Promise<unknown> };

/** The page's side. */
export class WorkerClient<M extends Methods<M>> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (response: WorkerResponse) => void>();
  #lastId = 0;

  /** `module` names the engine's file, `variant` tells it what to be. */
  constructor(module: string, variant = "") {
    this.#worker = new Worker(`./engines/${module}.js?${variant}`, { type: "module" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<WorkerResponse>) => this.#settle(data));
    this.#worker.addEventListener("error", ({ message }) => this.#fail(message || `the worker of ${module} did not start`));
  }

  async call<K extends keyof M & string>(method: K, ...args: Parameters<M[K]>): Promise<Awaited<ReturnType<M[K]>>> {
    const id = ++this.#lastId;
    const { result, error } = await new Promise<WorkerResponse>((resolve) => {
      this.#waiting.set(id, resolve);
      const request: WorkerRequest = { id, method, args };
      this.#worker.postMessage(request);
    });
    if (error !== undefined) throw new Error(error);
    return result as Awaited<ReturnType<M[K]>>;
  }

  close(): void {
    this.#worker.terminate();
  }

  #settle(response: WorkerResponse): void {
    this.#waiting.get(response.id)?.(response);
    this.#waiting.delete(response.id);
  }

  #fail(error: string): void {
    for (const id of [...this.#waiting.keys()]) this.#settle({ id, error });
  }
}

/** The worker's side: answers with what the methods return. */
export function answerCalls<M extends Methods<M>>(methods: M): void {
  const answer = async ({ id, method, args }: WorkerRequest): Promise<WorkerResponse> => {
    try {
      return { id, result: await methods[method as keyof M](...args) };
    } catch (error) {
      return { id, error: `${method}: ${describe(error)}` };
    }
  };
  addEventListener("message", ({ data }: MessageEvent<WorkerRequest>) => void answer(data).then((response) => postMessage(response)));
}

/** Some engines throw what is no error. */
function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error);
}
