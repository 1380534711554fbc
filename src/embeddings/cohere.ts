/** Cohere. */

import type { EmbeddingFunctionSpace, Vector } from "../api/embedding-function.js";
import type { RequestLimits } from "./batches.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type Provider, type Purpose, RemoteEmbeddingFunction, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link CohereEmbeddingFunction}. */
export interface CohereOptions extends RemoteOptions {
  /** Default "embed-english-v3.0". */
  modelName?: string;
  /** What documents are sent as. Default "search_document", and queries are then sent as "search_query"; others are sent as they are. */
  inputType?: "search_document" | "search_query" | "classification" | "clustering";
  /** What becomes of texts that are too long. Default: the provider's, which cuts their end. */
  truncate?: "NONE" | "START" | "END";
  /** The numbers that are asked for. Default: float. Bits are not supported. */
  embeddingType?: "float" | "int8" | "uint8";
  /** Stored for Chroma's packages, which read the key from there. Default "COHERE_API_KEY". */
  apiKeyEnvVar?: string;
}

const provider: Provider<CohereOptions> = {
  className: "CohereEmbeddingFunction",
  options: {
    modelName: ["text", "model_name"],
    apiKeyEnvVar: ["text", "api_key_env_var"],
    inputType: ["text", "input_type"],
    truncate: ["text", "truncate"],
    embeddingType: ["text", "embedding_type"],
  },
  defaults: () => ({ modelName: "embed-english-v3.0", apiKeyEnvVar: "COHERE_API_KEY", inputType: "search_document" }),
  // Chroma's package stores of every function whether it takes images; one that does is none for texts.
  hasNoEffect: (key, value) => key === "image" && value === false,
};

/**
 * Embeddings of Cohere. Registered as "cohere". Queries are sent as queries ("search_query"); Chroma's package sends them as
 * documents.
 */
export class CohereEmbeddingFunction extends RemoteEmbeddingFunction<CohereOptions> {
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "cohere";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 96 };

  /** @internal */
  protected request(texts: readonly string[], purpose: Purpose, key: string): RemoteRequest {
    const { modelName: model, inputType, truncate, embeddingType } = this.options;
    const input_type = inputType === "search_document" && purpose === "query" ? "search_query" : inputType;
    const embedding_types = embeddingType === undefined ? undefined : [embeddingType];
    return { url: "https://api.cohere.com/v1/embed", headers: bearer(key), body: { model, input_type, truncate, embedding_types, texts } };
  }

  /** @internal */
  protected vectorsIn(answer: unknown): Vector[] {
    const { embeddings } = answer as { embeddings: number[][] | Record<string, number[][]> };
    return Array.isArray(embeddings) ? embeddings : embeddings[this.options.embeddingType ?? "float"]!;
  }

  /** What is stored with a collection, under the names that Chroma's packages use. The key is not. */
  override getConfig(): Record<string, unknown> {
    return { ...super.getConfig(), image: false };
  }

  /** What the model was made for. */
  override defaultSpace(): EmbeddingFunctionSpace {
    return this.supportedSpaces()[0]!;
  }

  /** The first English models are for cosine only, the first of many languages for products. */
  override supportedSpaces(): EmbeddingFunctionSpace[] {
    const { modelName = "" } = this.options;
    if (modelName === "embed-multilingual-v2.0") return ["ip"];
    return /^embed-english-(?:light-)?v2\.0$/.test(modelName) ? ["cosine"] : super.supportedSpaces();
  }
}
