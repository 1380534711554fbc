/** The embedding function that a collection is given: a model of English sentences that comes with the package. */
import type { EmbeddingFunction, EmbeddingFunctionSpace, GenerateOptions } from "../api/embedding-function.js";
import { readArguments, readObject, validateTexts } from "../api/read-arguments.js";
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { createEncoderWorker } from "./create-encoder-worker.js";
import { DIMENSION } from "./encoder.js";
import { type CallOptions, EncoderLink } from "./encoder-link.js";
import type { LoadProgress } from "./load-progress.js";

/** The name of the weights: vectors of others cannot be compared with theirs. */
const MODEL = "universal-sentence-encoder-lite-int8";

/** The worker of all functions that are made without options, as those are that collections bring with them. */
let shared: EncoderLink | null = null;

/** Options of {@link SentenceEncoder}. None of them is stored. */
export interface SentenceEncoderOptions {
  /** Where `sentence-encoder.bin` is, relative to the page. Default: beside the package's worker, where bundlers put it. */
  modelUrl?: string | URL;
  /** Hears how far the model's file is loaded, each time that a worker loads it. */
  onProgress?: (progress: LoadProgress) => void;
  /** How long the worker, and with it the model's 9 MB, stays without a call, in milliseconds. Default 60,000. */
  idleMs?: number;
}

/**
 * Embeds English sentences by their meaning, with the model that comes with the package: Google's Universal Sentence Encoder lite, 512
 * numbers of unit length, weights made int8. Nothing is asked of another origin, so it works offline. It runs in a worker of its own,
 * which loads the model (7.5 MB) when it is first needed; functions that are made without options share one.
 *
 * Questions and passages that say one thing in other words are near; names, numbers and rare words are found better by `searchText`,
 * and both by `hybrid`. Texts of more than 128 pieces (some 100 words) are read in windows that overlap, and have the mean of
 * their embeddings. A text with nothing to read has the zero vector.
 *
 * @example
 * import { registerEmbeddingFunction } from "tidepool-db";
 * import { SentenceEncoder } from "tidepool-db/sentence-encoder";
 *
 * registerEmbeddingFunction("tidepool-sentence-encoder", SentenceEncoder);
 * const notes = await client.createCollection({ name: "notes", embeddingFunction: new SentenceEncoder() });
 */
export class SentenceEncoder implements EmbeddingFunction {
  /** The name under which collections store it. */
  readonly name = "tidepool-sentence-encoder";
  /** Length of the embeddings. */
  readonly dimension = DIMENSION;
  readonly #link: EncoderLink;
  #isClosed = false;

  /**
   * Nothing is loaded yet.
   *
   * @throws `INVALID_ARGUMENT`.
   */
  constructor(options: SentenceEncoderOptions = {}) {
    const read = readArguments("SentenceEncoder", () => readOptions(options));
    const isPlain = Object.keys(options).length === 0;
    const link = (isPlain && shared) || new EncoderLink({ createWorker: createEncoderWorker, ...read });
    if (isPlain) shared = link;
    this.#link = link;
  }

  /**
   * Builds the function that `getConfig` told of.
   *
   * @throws `INVALID_ARGUMENT` when that is another model.
   */
  static buildFromConfig(config: { model?: string } = {}): SentenceEncoder {
    readArguments("SentenceEncoder.buildFromConfig", () =>
      checkModel(readObject(config, "SentenceEncoder.buildFromConfig", "model").model),
    );
    return new SentenceEncoder();
  }

  /**
   * Loads the model ahead of the first call.
   *
   * @throws `EMBEDDING_FUNCTION` when its file or its worker cannot be loaded, `NOT_SUPPORTED` where there are no workers or no
   *   WebAssembly with SIMD, `CLOSED`; the signal's reason.
   */
  async load(options: { signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = readArguments("load", () => readObject(options, "load", "signal"));
    await this.#embed([], { signal });
  }

  /**
   * One embedding per text, 512 numbers each. Calls are served in order; `onProgress` is told of each text.
   *
   * @throws As `load`.
   */
  async generate(texts: string[], options: GenerateOptions = {}): Promise<Float32Array[]> {
    const { signal, onProgress } = readArguments("generate", () => {
      validateTexts(texts, "texts");
      return readObject(options, "generate", "signal onProgress");
    });
    if (texts.length === 0) return [];
    const distinct = [...new Set(texts)];
    const onEmbedded = (embedded: number): void => onProgress?.({ embedded, total: distinct.length });
    const embeddings = await this.#embed(distinct, { signal, onEmbedded });
    const places = new Map(distinct.map((text, i) => [text, i * DIMENSION]));
    return texts.map((text) => embeddings.subarray(places.get(text)!, places.get(text)! + DIMENSION));
  }

  /**
   * Ends the function: its calls under way, and later ones, fail with `CLOSED`, and its worker ends unless other functions wait for
   * it. Without it the worker ends when it has been idle for `idleMs`.
   */
  close(): void {
    this.#isClosed = true;
    this.#link.leave(this, closed());
  }

  async #embed(texts: string[], options: Omit<CallOptions, "owner">): Promise<Float32Array> {
    if (this.#isClosed) throw closed();
    return this.#link.embed(texts, { owner: this, ...options });
  }

  /** What is stored with a collection. */
  getConfig(): { model: string } {
    return { model: MODEL };
  }

  /** A collection for which this function was given, and no space, measures by cosine. */
  defaultSpace(): EmbeddingFunctionSpace {
    return "cosine";
  }

  /** All three order unit vectors alike. */
  supportedSpaces(): EmbeddingFunctionSpace[] {
    return ["cosine", "l2", "ip"];
  }

  /**
   * Refuses another model, since the collection's vectors are of this one.
   *
   * @throws `INVALID_ARGUMENT`.
   */
  validateConfigUpdate(newConfig: { model?: string }): void {
    readArguments("validateConfigUpdate", () => checkModel(readObject(newConfig, "validateConfigUpdate", "model").model));
  }
}

function closed(): TidepoolError {
  return new TidepoolError("CLOSED", "This SentenceEncoder was closed");
}

function checkModel(model: unknown): void {
  if (model === undefined || model === MODEL) return;
  throw invalidArgument(`model must be ${show(MODEL)}, got ${show(model)}`);
}

function readOptions(options: SentenceEncoderOptions): {
  modelUrl: string | null;
  onProgress: (progress: LoadProgress) => void;
  idleMs: number;
} {
  const given = readObject(options, "SentenceEncoder", "modelUrl onProgress idleMs");
  const { modelUrl, onProgress = () => {}, idleMs = limits.encoderIdleMs } = given;
  if (typeof onProgress !== "function") throw invalidArgument(`onProgress must be a function, got ${show(onProgress)}`);
  if (!Number.isSafeInteger(idleMs) || idleMs < 0 || idleMs > limits.timeoutMsMax) {
    throw invalidArgument(`idleMs must be a whole number of 0 … ${limits.timeoutMsMax}, got ${show(idleMs)}`);
  }
  return { modelUrl: modelUrl === undefined ? null : addressOf(modelUrl), onProgress, idleMs };
}

/** The worker lies elsewhere than the page, and would read a relative address as its own. */
function addressOf(modelUrl: string | URL): string {
  const base = typeof document === "undefined" ? globalThis.location?.href : document.baseURI;
  const text = modelUrl instanceof URL ? modelUrl.href : modelUrl;
  if (typeof text === "string" && text !== "" && URL.canParse(text, base)) return new URL(text, base).href;
  throw invalidArgument(`modelUrl must be the address of a file, got ${show(modelUrl)}`);
}
