/**
 * Embedding models of the AI SDK (`EmbeddingModel` of `@ai-sdk/provider`, specifications v2 to v4) as embedding functions. Nothing of the
 * SDK is imported: the model that is given does the work.
 */
import type { EmbeddingFunction, GenerateOptions } from "../api/embedding-function.js";
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import { embedDistinct } from "./batches.js";
import { checkOptions, type TableOf, withDefaults } from "./options.js";
import { type Failure, readRetryAfter, retried } from "./retry.js";

/** What is asked of a model: `EmbeddingModelV2<string>`, `V3` and `V4` of `@ai-sdk/provider` have it. */
export interface AiSdkEmbeddingModel {
  /** Name of the provider, such as `"openai.embedding"`. */
  readonly provider: string;
  /** Name of the model at its provider. */
  readonly modelId: string;
  /** Texts that one call takes; `undefined`: any number. */
  readonly maxEmbeddingsPerCall: PromiseLike<number | undefined> | number | undefined;
  /** Whether several calls may be under way. */
  readonly supportsParallelCalls: PromiseLike<boolean> | boolean;
  /** One embedding per value, in order. */
  doEmbed(options: {
    values: string[];
    abortSignal?: AbortSignal;
    headers?: Record<string, string | undefined>;
    providerOptions?: AiSdkProviderOptions;
  }): PromiseLike<{ embeddings: number[][] }>;
}

/** What a provider of the AI SDK understands beside the texts, by the provider's name: `{ openai: { dimensions: 256 } }`. */
export type AiSdkProviderOptions = Record<string, Record<string, unknown>>;

/** Options of {@link fromAiSdk}. */
export interface FromAiSdkOptions {
  /** Sent with every call. Where it changes the vectors it is for the caller to keep it the same: it is not stored. */
  providerOptions?: AiSdkProviderOptions;
  /** Sent in place of `providerOptions` with texts to ask with, for models that read them differently. */
  queryProviderOptions?: AiSdkProviderOptions;
  /** Headers of every call. */
  headers?: Record<string, string>;
  /** Texts of one call. Default, and most: `maxEmbeddingsPerCall` of the model, 2,048 where it has none. */
  batchSize?: number;
  /** Calls under way at once, for a model that supports it; else 1. Default 2. */
  concurrency?: number;
  /** How often a call is made again whose error says that it may be (`isRetryable`). Default 5. */
  maxRetries?: number;
}

const table: TableOf<FromAiSdkOptions> = {
  providerOptions: ["any"],
  queryProviderOptions: ["any"],
  headers: ["headers"],
  batchSize: ["count"],
  concurrency: ["count"],
  maxRetries: ["retries"],
};

const TEXTS_MAX = 2048;
const MAX_RETRIES = 5;

/**
 * An embedding function that asks a model of the AI SDK. Identical texts are sent once. A collection stores the names of provider and
 * model, and refuses another model's function; the model itself is stored nowhere, so it is given again when the collection is opened.
 *
 * @throws `INVALID_ARGUMENT`. Its `generate` throws `EMBEDDING_FUNCTION` when the model fails; the signal's reason.
 *
 * @example
 * import { fromAiSdk } from "tidepool-db/embeddings";
 * const embeddingFunction = fromAiSdk(openai.embeddingModel("text-embedding-3-small"));
 * const notes = await client.getOrCreateCollection({ name: "notes", embeddingFunction });
 */
export function fromAiSdk(model: AiSdkEmbeddingModel, options: FromAiSdkOptions = {}): EmbeddingFunction {
  if (typeof model?.doEmbed !== "function" || typeof model.modelId !== "string" || typeof model.provider !== "string")
    throw invalidArgument(
      `model of fromAiSdk must be an embedding model of the AI SDK, with doEmbed, provider and modelId, got ${show(model)}`,
    );
  const read = withDefaults(options, () => ({}), "fromAiSdk");
  checkOptions(read, "fromAiSdk", table);
  return new AiSdkEmbeddingFunction(model, read);
}

class AiSdkEmbeddingFunction implements EmbeddingFunction {
  readonly name: string;
  readonly #model: AiSdkEmbeddingModel;
  readonly #options: FromAiSdkOptions;

  constructor(model: AiSdkEmbeddingModel, options: FromAiSdkOptions) {
    this.name = `ai-sdk/${model.provider}/${model.modelId}`;
    this.#model = model;
    this.#options = options;
  }

  /** A model is an object of the program, of which a configuration knows the name only. */
  static buildFromConfig({ provider, model_id: model }: { provider: string; model_id: string }): never {
    throw new TidepoolError("EMBEDDING_FUNCTION", `The model ${show(model)} of ${show(provider)} is stored nowhere: pass fromAiSdk(model)`);
  }

  getConfig(): { provider: string; model_id: string } {
    return { provider: this.#model.provider, model_id: this.#model.modelId };
  }

  generate(texts: string[], options?: GenerateOptions): Promise<number[][]> {
    return this.#embed(texts, this.#options.providerOptions, options);
  }

  generateForQueries(texts: string[], options?: GenerateOptions): Promise<number[][]> {
    const { providerOptions, queryProviderOptions = providerOptions } = this.#options;
    return this.#embed(texts, queryProviderOptions, options);
  }

  async #embed(
    texts: readonly string[],
    providerOptions: AiSdkProviderOptions | undefined,
    options: GenerateOptions = {},
  ): Promise<number[][]> {
    if (texts.length === 0) return [];
    options.signal?.throwIfAborted();
    const { batchSize = Infinity, concurrency, maxRetries = MAX_RETRIES } = this.#options;
    const limits = { texts: Math.min((await this.#model.maxEmbeddingsPerCall) ?? TEXTS_MAX, batchSize) };
    const lanes = (await this.#model.supportsParallelCalls) ? concurrency : 1;
    return embedDistinct(texts, { ...options, limits, concurrency: lanes }, (values, signal) =>
      retried(() => this.#attempt(values, providerOptions, signal), { maxRetries, signal }),
    );
  }

  async #attempt(
    values: readonly string[],
    providerOptions: AiSdkProviderOptions | undefined,
    abortSignal: AbortSignal,
  ): Promise<{ answer: number[][] } | Failure> {
    const { headers } = this.#options;
    let embeddings: unknown;
    try {
      const call = { values: [...values], abortSignal, ...(headers && { headers }), ...(providerOptions && { providerOptions }) };
      embeddings = (await this.#model.doEmbed(call)).embeddings;
    } catch (cause) {
      abortSignal.throwIfAborted();
      return this.#failure(cause);
    }
    if (Array.isArray(embeddings) && embeddings.length === values.length) return { answer: embeddings as number[][] };
    const answered = Array.isArray(embeddings) ? embeddings.length : show(embeddings);
    throw new TidepoolError("EMBEDDING_FUNCTION", `${this.name} answered ${answered} embeddings for ${values.length} texts`);
  }

  /** `APICallError` of the AI SDK says whether the call may be made again, and has the headers of the answer. */
  #failure(cause: unknown): Failure {
    const { isRetryable, responseHeaders } = (cause ?? {}) as { isRetryable?: unknown; responseHeaders?: Record<string, string> };
    const why = cause instanceof Error ? cause.message : show(cause);
    const error = new TidepoolError("EMBEDDING_FUNCTION", `${this.name} failed: ${why}`, { cause });
    return { error, isTemporary: isRetryable === true, retryAfterMs: readRetryAfter(responseHeaders?.["retry-after"] ?? null) };
  }
}
