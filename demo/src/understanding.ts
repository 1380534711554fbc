/**
 * The model: loaded when the page has settled, told of in bytes, and then given every passage that waits for a vector, a few at a time and
 * never while somebody types. One tab of the origin does that work; when it closes, another goes on. What is done is stored as it is
 * done, so neither a reload nor a crash begins it anew.
 */
import type { SentenceEncoder } from "tidepool-db/sentence-encoder";
import modelUrl from "tidepool-db/sentence-encoder.bin?url";
import { fetchPart } from "./fetch-part.js";
import { keepOffline } from "./install.js";
import type { Library } from "./library.js";

/** Passages per write; a query waits for one passage at most. */
const passagesPerWrite = 8;
/** How long the reading rests after a query, so that the next key is answered at once. */
const restMs = 700;

export interface Reading {
  /** `idle`: not asked for yet. `ready`: queries are embedded; passages may still wait. */
  phase: "idle" | "loading" | "ready" | "failed";
  loadedBytes: number;
  totalBytes: number;
  /** Passages that were read since the page was opened, and how long that took. */
  read: number;
  readMs: number;
  isPaused: boolean;
  isReading: boolean;
  problem: unknown;
}

export class Understanding {
  readonly #library: Library;
  readonly #onChange: () => void;
  #encoder: SentenceEncoder | null = null;
  #loading: Promise<SentenceEncoder> | null = null;
  #restsUntil = 0;
  #working: Promise<void> | null = null;
  readonly #state: Reading = {
    phase: "idle",
    loadedBytes: 0,
    totalBytes: 0,
    read: 0,
    readMs: 0,
    isPaused: false,
    isReading: false,
    problem: null,
  };

  constructor(library: Library, onChange: () => void) {
    this.#library = library;
    this.#onChange = onChange;
  }

  get state(): Readonly<Reading> {
    return this.#state;
  }

  /** Whether a query can be embedded without waiting for a download. */
  get isReady(): boolean {
    return this.#state.phase === "ready";
  }

  /** Loads the model, once; a failure is shown and can be tried again. */
  load(): Promise<SentenceEncoder> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = null;
      this.#set({ phase: "failed", problem: error });
      throw error;
    });
    return this.#loading;
  }

  /** The query's vector, and how long the model took. */
  async embed(query: string): Promise<{ embedding: Float32Array; ms: number }> {
    this.#restsUntil = performance.now() + restMs;
    const started = performance.now();
    const [embedding] = await this.#encoder!.generate([query]);
    return { embedding: embedding!, ms: performance.now() - started };
  }

  /** Reads what waits, in the background. Calling it again while it reads is fine. */
  readPending(): void {
    if (this.#encoder === null || this.#state.isPaused) return;
    this.#working ??= this.#alone(() => this.#readAll())
      .catch((error: unknown) => this.#set({ problem: error }))
      .finally(() => {
        this.#working = null;
        this.#set({ isReading: false });
      });
  }

  pause(isPaused: boolean): void {
    this.#set({ isPaused });
    if (!isPaused) this.readPending();
  }

  async #load(): Promise<SentenceEncoder> {
    this.#set({ phase: "loading", problem: null });
    const { SentenceEncoder } = await fetchPart("The model", import("tidepool-db/sentence-encoder"));
    const onProgress = (progress: { loadedBytes: number; totalBytes: number }): void => this.#set(progress);
    const encoder = new SentenceEncoder({ modelUrl, onProgress, idleMs: 600_000 });
    await encoder.load();
    this.#encoder = encoder;
    this.#set({ phase: "ready" });
    keepOffline(modelUrl);
    return encoder;
  }

  /** Of all tabs one at a time. */
  async #alone(work: () => Promise<void>): Promise<void> {
    if (navigator.locks) await navigator.locks.request("tidepool-demo-understanding", work);
    else await work();
  }

  async #readAll(): Promise<void> {
    while (!this.#state.isPaused) {
      const { ids, documents } = await this.#library.pending(passagesPerWrite);
      if (ids.length === 0) return;
      this.#set({ isReading: true });
      const started = performance.now();
      const embeddings: Float32Array[] = [];
      for (const document of documents) embeddings.push(await this.#read(document));
      await this.#library.understand(ids, embeddings);
      this.#set({ read: this.#state.read + ids.length, readMs: this.#state.readMs + performance.now() - started });
    }
  }

  async #read(document: string): Promise<Float32Array> {
    for (let wait = this.#restsUntil - performance.now(); wait > 0; wait = this.#restsUntil - performance.now())
      await new Promise((resolve) => setTimeout(resolve, wait));
    return (await this.#encoder!.generate([document]))[0]!;
  }

  #set(change: Partial<Reading>): void {
    Object.assign(this.#state, change);
    this.#onChange();
  }
}
