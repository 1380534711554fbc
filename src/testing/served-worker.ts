/** A worker that is none: it stands between a function in the page and the service of a model, in one thread. */
import type { FromWorker, ToWorker } from "../model-worker/messages.js";
import { ModelService, type ModelSurroundings } from "../model-worker/model-service.js";

/** Serves what `open` brings, until it is terminated. */
export class ServedWorker<Start, News> extends EventTarget {
  onmessage: ((event: { data: FromWorker<News> }) => void) | null = null;
  onerror: ((event: { message: string }) => void) | null = null;
  onmessageerror: ((event: { data: unknown }) => void) | null = null;
  isRunning = true;
  readonly #service: ModelService<Start, News>;

  constructor(open: ModelSurroundings<Start, News>["open"]) {
    super();
    this.#service = new ModelService<Start, News>({
      open,
      post: (message) => queueMicrotask(() => this.isRunning && this.onmessage?.({ data: message })),
      turn: () => new Promise((resolve) => setImmediate(resolve)),
    });
  }

  postMessage(message: ToWorker<Start>): void {
    queueMicrotask(() => this.isRunning && this.#service.receive(structuredClone(message)));
  }

  terminate(): void {
    this.isRunning = false;
  }
}
