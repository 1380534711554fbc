/** Jina AI. */
import type { RequestLimits } from "./batches.js";
import { OpenAIShapedFunction } from "./openai-shape.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type Provider, type Purpose, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link JinaEmbeddingFunction}. */
export interface JinaOptions extends RemoteOptions {
  /** Default "jina-clip-v2". */
  modelName?: string;
  /** What the vectors are for, of models that ask: "retrieval.passage", "text-matching" and others. Default: not said. */
  task?: string;
  /** Whether the texts of one request are read as parts of one document. Default: the provider's. */
  lateChunking?: boolean;
  /** Whether texts that are too long are cut, instead of refused. Default: the provider's. */
  truncate?: boolean;
  /** Shorter embeddings. Default: the model's own length. */
  dimensions?: number;
  /** Whether embeddings have length 1. Default: the provider's. */
  normalized?: boolean;
  /** How numbers travel. Default: the provider's, "float". */
  embeddingType?: "float" | "base64";
  /** Stored for Chroma's packages, which read the key from there. Default "JINA_API_KEY". */
  apiKeyEnvVar?: string;
}

const provider: Provider<JinaOptions> = {
  className: "JinaEmbeddingFunction",
  options: {
    apiKeyEnvVar: ["text", "api_key_env_var"],
    modelName: ["text", "model_name"],
    task: ["text", "task"],
    lateChunking: ["flag", "late_chunking"],
    truncate: ["flag", "truncate"],
    dimensions: ["count", "dimensions"],
    embeddingType: ["text", "embedding_type"],
    normalized: ["flag", "normalized"],
  },
  defaults: () => ({ apiKeyEnvVar: "JINA_API_KEY", modelName: "jina-clip-v2" }),
};

/**
 * Embeddings of Jina AI. Registered as "jina". Where `task` is "retrieval.passage", queries are sent as "retrieval.query".
 */
export class JinaEmbeddingFunction extends OpenAIShapedFunction<JinaOptions> {
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "jina";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 512 };

  /** @internal */
  protected request(input: readonly string[], purpose: Purpose, key: string): RemoteRequest {
    const { modelName: model, lateChunking: late_chunking, truncate, dimensions, normalized, embeddingType: embedding_type } = this.options;
    const task = this.options.task === "retrieval.passage" && purpose === "query" ? "retrieval.query" : this.options.task;
    const body = { input, model, task, late_chunking, truncate, dimensions, normalized, embedding_type };
    return { url: "https://api.jina.ai/v1/embeddings", headers: bearer(key), body };
  }
}
