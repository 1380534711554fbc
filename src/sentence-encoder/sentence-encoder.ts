/** The embedding function that a collection is given: a model of English sentences that comes with the package. */
import type { EmbeddingFunction, EmbeddingFunctionSpace, GenerateOptions } from "../api/embedding-function.js";
import { readArguments, readObject, validateTexts } from "../api/read-arguments.js";
import { invalidArgument, show } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { addressInPage, checkCallback, checkIdleMs, closedError, embedTexts } from "../model-worker/embed-texts.js";
import { type CallOptions, ModelLink } from "../model-worker/model-link.js";
import { createEncoderWorker } from "./create-encoder-worker.js";
import { DIMENSION } from "./encoder.js";
import type { LoadProgress } from "./load-progress.js";

/** The name of the weights: vectors of others cannot be compared with theirs. */
const MODEL = "universal-sentence-encoder-lite-int8";

/** A worker that is told first where the model is. */
type EncoderLink = ModelLink<{ modelUrl: string | null }, LoadProgress>;

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
    const link = (isPlain && shared) || linkOf(read);
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
   * Loads the model ahead of the first call. Its signal ends the download, too, unless other calls wait for the model.
   *
   * @throws `EMBEDDING_FUNCTION` when its file cannot be loaded, `NOT_SUPPORTED` where its worker cannot run, or without WebAssembly
   *   with SIMD, `CONNECTION_LOST` when the worker's file cannot be reached, `CLOSED`; the signal's reason.
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
    return embedTexts(texts, onProgress, (distinct, onEmbedded) => this.#embed(distinct, { signal, onEmbedded }));
  }

  /**
   * Ends the function: its calls under way, and later ones, fail with `CLOSED`, and its worker ends unless other functions wait for
   * it. Without it the worker ends when it has been idle for `idleMs`.
   */
  close(): void {
    this.#isClosed = true;
    this.#link.leave(this, closedError("SentenceEncoder"));
  }

  async #embed(texts: string[], options: Omit<CallOptions, "owner">): Promise<Float32Array> {
    if (this.#isClosed) throw closedError("SentenceEncoder");
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

function checkModel(model: unknown): void {
  if (model === undefined || model === MODEL) return;
  throw invalidArgument(`model must be ${show(MODEL)}, got ${show(model)}`);
}

/** Options with what counts where they say nothing. */
interface ReadOptions {
  modelUrl: string | null;
  onProgress: (progress: LoadProgress) => void;
  idleMs: number;
}

function readOptions(options: SentenceEncoderOptions): ReadOptions {
  const given = readObject(options, "SentenceEncoder", "modelUrl onProgress idleMs");
  const { modelUrl, onProgress = () => {}, idleMs = limits.encoderIdleMs } = given;
  checkCallback(onProgress, "onProgress");
  checkIdleMs(idleMs);
  return { modelUrl: modelUrl === undefined ? null : addressInPage(modelUrl, "modelUrl"), onProgress, idleMs };
}

function linkOf({ modelUrl, onProgress, idleMs }: ReadOptions): EncoderLink {
  return new ModelLink({
    name: "SentenceEncoder",
    file: "sentence-encoder-worker.js",
    createWorker: createEncoderWorker,
    start: { modelUrl },
    idleMs,
    onNews: onProgress,
  });
}
