/** The embedding function that a collection is given: a model of `@huggingface/transformers`, in a worker. */
import type { EmbeddingFunction, EmbeddingFunctionSpace, GenerateOptions } from "../api/embedding-function.js";
import { readArguments, readObject, validateTexts } from "../api/read-arguments.js";
import { invalidArgument, show } from "../core/errors.js";
import { closedError, embedTexts } from "../model-worker/embed-texts.js";
import { ModelLink } from "../model-worker/model-link.js";
import { createTransformersWorker } from "./create-transformers-worker.js";
import {
  differing,
  MODEL_OPTIONS,
  type ModelSettings,
  readSettings,
  restoredOptions,
  type StoredTransformers,
  stored,
  type TransformersModelOptions,
} from "./model-settings.js";
import { RUNTIME_OPTIONS, type Runtime, readRuntime, type TransformersRuntimeOptions } from "./runtime-options.js";
import type { LoadedTransformer, News, Start } from "./start.js";

/** Options of {@link TransformersEmbeddingFunction}: what its vectors depend on, which is stored, and where it runs, which is not. */
export interface TransformersOptions extends TransformersModelOptions, TransformersRuntimeOptions {}

const NAME = "TransformersEmbeddingFunction";

/** A worker with a model, which functions of equal settings share, and those of them that want to hear of it. */
interface Shared {
  link: ModelLink<Start, News>;
  listeners: Set<Runtime>;
  loaded: LoadedTransformer | null;
}

const workers = new Map<string, Shared>();

/**
 * Embeds texts with a model of `@huggingface/transformers` (version 4, which the application installs): all-MiniLM, BGE, E5, GTE,
 * EmbeddingGemma and others, on WebGPU where there is one. Pooling and the prefixes of documents and queries are those of the model's card.
 *
 * It runs in a worker of its own, which loads the model when it is first needed; functions with equal options share one. Unless told
 * otherwise, the library has the model's files from Hugging Face, and keeps them in the browser's cache. Texts that are longer than the
 * model reads are read in windows.
 *
 * Collections store it as "sentence_transformer", with what Chroma's packages store under that name, and it restores theirs, and those
 * of Chroma's default function.
 *
 * @example
 * import { registerEmbeddingFunction } from "tidepool-db";
 * import { TransformersEmbeddingFunction } from "tidepool-db/transformers";
 *
 * registerEmbeddingFunction("sentence_transformer", TransformersEmbeddingFunction);
 * const embeddingFunction = new TransformersEmbeddingFunction({ model: "Xenova/bge-small-en-v1.5", dtype: "q8" });
 * const notes = await client.createCollection({ name: "notes", embeddingFunction });
 */
export class TransformersEmbeddingFunction implements EmbeddingFunction {
  /** Names under which Chroma's packages store functions whose vectors this one makes, too. */
  static readonly aliases: readonly string[] = ["sentence-transformer", "default-embed", "default", "onnx_mini_lm_l6_v2"];
  /** @internal What counts where the options say nothing. */
  protected static readonly runtime: TransformersRuntimeOptions = {};
  /** The name under which collections store it. */
  readonly name = "sentence_transformer";
  readonly #settings: ModelSettings;
  readonly #runtime: Runtime;
  readonly #worker: Shared;
  #isClosed = false;

  /**
   * Nothing is loaded yet.
   *
   * @throws `INVALID_ARGUMENT`, also for a model that is not known, without `pooling`.
   */
  constructor(options: TransformersOptions = {}) {
    const { runtime } = new.target;
    const given = readArguments(NAME, () => readObject(options, NAME, `${MODEL_OPTIONS} ${RUNTIME_OPTIONS}`));
    [this.#settings, this.#runtime] = readArguments(NAME, () => [readSettings(given), readRuntime({ ...runtime, ...given })]);
    this.#worker = workerOf(this.#settings, this.#runtime);
    if (this.#runtime.onProgress ?? this.#runtime.onLoad) this.#worker.listeners.add(this.#runtime);
  }

  /**
   * This class with other defaults of where it runs. Registered in its place, it is what collections restore their function with, of
   * which such options are not stored.
   *
   * @throws `INVALID_ARGUMENT`.
   *
   * @example
   * const Local = TransformersEmbeddingFunction.configured({ localModelPath: "/models/", wasmPaths: "/ort/" });
   * registerEmbeddingFunction("sentence_transformer", Local);
   */
  static configured(options: TransformersRuntimeOptions): typeof TransformersEmbeddingFunction {
    const runtime = readArguments(NAME, () => readObject(options, `${NAME}.configured`, RUNTIME_OPTIONS));
    readArguments(NAME, () => readRuntime(runtime));
    return class extends TransformersEmbeddingFunction {
      protected static override readonly runtime = runtime;
    };
  }

  /**
   * Builds the function that `getConfig` told of, here or in Chroma's packages.
   *
   * @throws `INVALID_ARGUMENT` when nobody here could follow what it says.
   */
  static buildFromConfig(config: object = {}): TransformersEmbeddingFunction {
    return new this(readArguments(`${NAME}.buildFromConfig`, () => restoredOptions(config)));
  }

  /**
   * Loads the model ahead of the first call, and tells where it computes. The signal ends the download, too, unless other calls wait for
   * the model.
   *
   * @throws `EMBEDDING_FUNCTION` when the library or the model cannot be loaded, `NOT_SUPPORTED` where the worker cannot run, or there is
   *   none of the WebGPU that was asked for, `CONNECTION_LOST` when the worker's file cannot be reached, `INVALID_ARGUMENT` when
   *   `maxTokens` is more than the model reads, `CLOSED`; the signal's reason.
   */
  async load(options: { signal?: AbortSignal } = {}): Promise<LoadedTransformer> {
    const { signal } = readArguments("load", () => readObject(options, "load", "signal"));
    await this.#embed([], "", signal);
    return this.#worker.loaded!;
  }

  /**
   * One embedding per text, read as a document. Equal texts are embedded once, calls are served in order, and `onProgress` is told of
   * texts that are done.
   *
   * @throws As `load`; `EMBEDDING_FUNCTION` when the model fails.
   */
  async generate(texts: string[], options: GenerateOptions = {}): Promise<Float32Array[]> {
    return this.#generate(texts, this.#settings.documentPrefix, options);
  }

  /**
   * One embedding per text, read as a query.
   *
   * @throws As `generate`.
   */
  async generateForQueries(texts: string[], options: GenerateOptions = {}): Promise<Float32Array[]> {
    return this.#generate(texts, this.#settings.queryPrefix, options);
  }

  async #generate(texts: string[], prefix: string, options: GenerateOptions): Promise<Float32Array[]> {
    const { signal, onProgress } = readArguments("generate", () => {
      validateTexts(texts, "texts");
      return readObject(options, "generate", "signal onProgress");
    });
    return embedTexts(texts, onProgress, (distinct, onEmbedded) => this.#embed(distinct, prefix, signal, onEmbedded));
  }

  async #embed(texts: string[], prefix: string, signal?: AbortSignal, onEmbedded?: (texts: number) => void): Promise<Float32Array> {
    if (this.#isClosed) throw closedError(NAME);
    return this.#worker.link.embed(texts, { owner: this, prefix, signal, onEmbedded });
  }

  /**
   * Ends the function: its calls under way, and later ones, fail with `CLOSED`, and its worker ends unless other functions wait for
   * it. Without it the worker ends when it has been idle for `idleMs`.
   */
  close(): void {
    this.#isClosed = true;
    this.#worker.listeners.delete(this.#runtime);
    this.#worker.link.leave(this, closedError(NAME));
  }

  /** What is stored with a collection: what its vectors depend on. */
  getConfig(): StoredTransformers {
    return stored(this.#settings);
  }

  /** A collection for which this function was given, and no space, measures by cosine. */
  defaultSpace(): EmbeddingFunctionSpace {
    return "cosine";
  }

  /** All three; they order unit vectors alike. */
  supportedSpaces(): EmbeddingFunctionSpace[] {
    return ["cosine", "l2", "ip"];
  }

  /**
   * Refuses another model, or another way of reading it, since the collection's vectors are of this one.
   *
   * @throws `INVALID_ARGUMENT`.
   */
  validateConfigUpdate(newConfig: object): void {
    const next = readArguments("validateConfigUpdate", () => readSettings(restoredOptions(newConfig)));
    const key = differing(this.#settings, next);
    if (key === undefined) return;
    const [now, then] = [this.#settings, next].map((settings) => show(stored(settings)[key]));
    throw invalidArgument(`${key} is ${now} and cannot become ${then}`);
  }
}

/** The worker of these settings, which is made with the first function that has them, and begins with its first call. */
function workerOf(settings: ModelSettings, { start, idleMs }: Runtime): Shared {
  const told: Start = { settings, ...start };
  const key = JSON.stringify([told, idleMs]);
  const shared = workers.get(key) ?? newWorker(told, idleMs);
  workers.set(key, shared);
  return shared;
}

function newWorker(start: Start, idleMs: number): Shared {
  const listeners = new Set<Runtime>();
  const onNews = (news: News): void => {
    if (news.kind === "loaded") shared.loaded = news.model;
    // Functions that collections restore have their callbacks of one class: each hears once.
    if (news.kind === "loaded") for (const onLoad of new Set([...listeners].map((one) => one.onLoad))) onLoad?.(news.model);
    else for (const onProgress of new Set([...listeners].map((one) => one.onProgress))) onProgress?.(news.progress);
  };
  const link = new ModelLink<Start, News>({
    name: NAME,
    file: "transformers-worker.js",
    createWorker: createTransformersWorker,
    start,
    idleMs,
    onNews,
  });
  const shared: Shared = { link, listeners, loaded: null };
  return shared;
}
