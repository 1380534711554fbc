/**
 * The page's end of a model's worker: starts it when it is first needed, and ends it when it has been idle for a while, or has
 * failed; the next call starts another one. Every call gets an answer or an error.
 */
import { show, TidepoolError } from "../core/errors.js";
import { asError } from "../worker/protocol.js";
import type { FromWorker, ToWorker } from "./messages.js";

/** A call under way. */
interface Pending {
  owner: object;
  onEmbedded(texts: number): void;
  resolve(embeddings: Float32Array): void;
  reject(error: unknown): void;
}

/** What a link is made with. */
export interface ModelLinkOptions<Start, News> {
  /** Of the function, for errors. */
  name: string;
  /** The worker's file in the package. */
  file: string;
  /** What to do, beside serving the package's files, where the worker cannot run. */
  instead?: string;
  createWorker(): Worker;
  /** What every worker is told first. */
  start: Start;
  idleMs: number;
  /** Hears what the worker tells of its model. */
  onNews(news: News): void;
}

/** Whose call it is, and its own wishes. */
export interface CallOptions {
  owner: object;
  /** Put before each text, and before each part of one that is read in parts. */
  prefix?: string;
  signal?: AbortSignal | undefined;
  onEmbedded?(texts: number): void;
}

/** The link. Several may share it: each is the owner of its calls. */
export class ModelLink<Start, News> {
  readonly #options: ModelLinkOptions<Start, News>;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #hasSpoken = false;
  #hasServed = false;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #calls = 0;

  constructor(options: ModelLinkOptions<Start, News>) {
    this.#options = options;
  }

  /** The embeddings of the texts, one after the other. No texts: resolves when the model is there. */
  async embed(texts: string[], { owner, prefix = "", signal, onEmbedded = () => {} }: CallOptions): Promise<Float32Array> {
    signal?.throwIfAborted();
    const call = ++this.#calls;
    const answer = new Promise<Float32Array>((resolve, reject) => {
      this.#pending.set(call, { owner, onEmbedded, resolve, reject });
    });
    const onAbort = (): void => {
      this.#takeBack(call, signal!.reason);
      // Who takes back the wish for the model wants no more of its download. One who takes back a text may soon have another.
      if (texts.length === 0 && !this.#hasServed && this.#pending.size === 1) this.#end();
    };
    signal?.addEventListener("abort", onAbort);
    try {
      clearTimeout(this.#idle);
      if (this.#worker === null) this.#begin();
      this.#post({ kind: "embed", call, texts, prefix });
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

  #begin(): void {
    this.#hasSpoken = this.#hasServed = false;
    try {
      this.#worker = this.#start();
    } catch (error) {
      if (error instanceof TidepoolError) throw error;
      this.#explain(null, error);
    }
  }

  #start(): Worker {
    const worker = this.#options.createWorker();
    worker.onmessage = ({ data }: MessageEvent<FromWorker<News>>) => this.#receive(data);
    worker.onerror = (event) => {
      if (!event.message && !this.#hasSpoken) this.#explain(worker, worker);
      else this.#fail(this.#failure("EMBEDDING_FUNCTION", `failed: ${event.message || "the browser does not say why"}`));
    };
    worker.onmessageerror = (event) => this.#fail(this.#failure("INTERNAL", `sent what cannot be read: ${show(event.data)}`));
    worker.postMessage({ kind: "start", start: this.#options.start } satisfies ToWorker<Start>);
    return worker;
  }

  #failure(code: "EMBEDDING_FUNCTION" | "INTERNAL", what: string): TidepoolError {
    return new TidepoolError(code, `The worker of ${this.#options.name} ${what}`);
  }

  /** Fails all calls with the reason why no worker could be had, which takes a while to find out; another may be at work by then. */
  #explain(worker: Worker | null, failed: unknown): void {
    const { name, file, instead } = this.#options;
    void import("../api/worker-trouble.js")
      .then(({ workerTrouble }) => workerTrouble(failed, { whose: `The worker of ${name}`, file, instead }))
      .catch((error: unknown) => this.#failure("EMBEDDING_FUNCTION", `cannot be loaded, nor what tells why: ${asError(error).message}`))
      .then((error) => this.#worker === worker && this.#fail(error));
  }

  #post(message: ToWorker<Start>): void {
    this.#worker?.postMessage(message);
  }

  #receive(message: FromWorker<News>): void {
    this.#hasSpoken = true;
    if (message.kind === "news") this.#options.onNews(message.news);
    else if (message.kind === "unloadable") this.#fail(new TidepoolError(message.code, message.message));
    else this.#settle(message);
  }

  #settle(message: Extract<FromWorker<News>, { call: number }>): void {
    this.#hasServed = true;
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
