/**
 * The page's end of the encoder's worker: starts it when it is first needed, and ends it when it has been idle for a while, or has
 * failed; the next call starts another one. Every call gets an answer or an error.
 */
import { show, TidepoolError } from "../core/errors.js";
import type { LoadProgress } from "./load-progress.js";
import type { FromWorker, ToWorker } from "./messages.js";

/** A call under way. */
interface Pending {
  owner: object;
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

/** Whose call it is, and its own wishes. */
export interface CallOptions {
  owner: object;
  signal?: AbortSignal | undefined;
  onEmbedded?(texts: number): void;
}

/** The link. Several may share it: each is the owner of its calls. */
export class EncoderLink {
  readonly #options: EncoderLinkOptions;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #calls = 0;

  constructor(options: EncoderLinkOptions) {
    this.#options = options;
  }

  /** The embeddings of the texts, one after the other. No texts: resolves when the model is there. */
  async embed(texts: string[], { owner, signal, onEmbedded = () => {} }: CallOptions): Promise<Float32Array> {
    signal?.throwIfAborted();
    const call = ++this.#calls;
    const answer = new Promise<Float32Array>((resolve, reject) => {
      this.#pending.set(call, { owner, onEmbedded, resolve, reject });
    });
    const onAbort = (): void => this.#takeBack(call, signal!.reason);
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

  /** Takes back all calls of an owner, with this error, and ends the worker unless others wait for it. */
  leave(owner: object, error: TidepoolError): void {
    const calls = [...this.#pending].filter(([, pending]) => pending.owner === owner);
    for (const [call] of calls) this.#takeBack(call, error);
    if (calls.length === this.#pending.size) this.#end();
  }

  #takeBack(call: number, error: unknown): void {
    this.#post({ kind: "abort", call });
    this.#pending.get(call)?.reject(error);
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
