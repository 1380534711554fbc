/**
 * The page's end of the encoder's worker: starts it when it is first needed, and ends it when it has been idle for a while, or has
 * failed; the next call starts another one. Every call gets an answer or an error.
 */
import { show, TidepoolError } from "../core/errors.js";
import type { LoadProgress } from "./load-progress.js";
import type { FromWorker, ToWorker } from "./messages.js";

/** A call under way. */
interface Pending {
  onEmbedded(texts: number): void;
  resolve(embeddings: Float32Array): void;
  reject(error: unknown): void;
}

/** What a link is made with. */
export interface EncoderLinkOptions {
  createWorker(): Worker;
  modelUrl: string | null;
  idleMs: number;
  onProgress(progress: LoadProgress): void;
}

/** A call's own wishes. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  onEmbedded?(texts: number): void;
}

/** The link. */
export class EncoderLink {
  readonly #options: EncoderLinkOptions;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #calls = 0;
  #isClosed = false;

  constructor(options: EncoderLinkOptions) {
    this.#options = options;
  }

  /** The embeddings of the texts, one after the other. No texts: resolves when the model is there. */
  async embed(texts: string[], { signal, onEmbedded = () => {} }: CallOptions = {}): Promise<Float32Array> {
    if (this.#isClosed) throw closed();
    signal?.throwIfAborted();
    const call = ++this.#calls;
    const answer = new Promise<Float32Array>((resolve, reject) => {
      this.#pending.set(call, { onEmbedded, resolve, reject });
    });
    const onAbort = (): void => {
      this.#post({ kind: "abort", call });
      this.#pending.get(call)?.reject(signal!.reason);
    };
    signal?.addEventListener("abort", onAbort);
    try {
      clearTimeout(this.#idle);
      this.#worker ??= this.#start();
      this.#post({ kind: "embed", call, texts });
      return await answer;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#pending.delete(call);
      if (this.#pending.size === 0 && this.#worker !== null) this.#idle = setTimeout(() => this.#end(), this.#options.idleMs);
    }
  }

  /** Ends the worker for good; calls under way fail. */
  close(): void {
    this.#isClosed = true;
    this.#fail(closed());
  }

  #start(): Worker {
    const worker = this.#options.createWorker();
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    worker.onerror = (event) => {
      const reason = event.message || "its file is missing, or a policy of the page forbids it";
      const help = 'Vite 7 and earlier need optimizeDeps: { exclude: ["tidepool-db"] }';
      this.#fail(new TidepoolError("EMBEDDING_FUNCTION", `The worker of SentenceEncoder cannot be run: ${reason}. ${help}`));
    };
    worker.onmessageerror = (event) => {
      this.#fail(new TidepoolError("INTERNAL", `A message of the worker of SentenceEncoder cannot be read: ${show(event.data)}`));
    };
    worker.postMessage({ kind: "start", modelUrl: this.#options.modelUrl } satisfies ToWorker);
    return worker;
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #receive(message: FromWorker): void {
    if (message.kind === "loading") this.#options.onProgress(message.progress);
    else if (message.kind === "unloadable") this.#fail(new TidepoolError(message.code, message.message));
    else this.#settle(message);
  }

  #settle(message: Extract<FromWorker, { call: number }>): void {
    const pending = this.#pending.get(message.call);
    if (message.kind === "embedded") pending?.onEmbedded(message.texts);
    else if (message.kind === "answer") pending?.resolve(message.embeddings);
    else pending?.reject(new TidepoolError(message.code, message.message));
  }

  #fail(error: TidepoolError): void {
    this.#end();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #end(): void {
    clearTimeout(this.#idle);
    this.#worker?.terminate();
    this.#worker = null;
  }
}

function closed(): TidepoolError {
  return new TidepoolError("CLOSED", "This SentenceEncoder was closed");
}
