/** Google Gemini. */

import type { Vector } from "../api/embedding-function.js";
import type { RequestLimits } from "./batches.js";
import type { RemoteRequest } from "./post.js";
import { type Provider, type Purpose, RemoteEmbeddingFunction, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link GoogleGeminiEmbeddingFunction}. */
export interface GoogleGeminiOptions extends RemoteOptions {
  /** Default "gemini-embedding-001". */
  modelName?: string;
  /** What the vectors are for; `null`: not said, as for collections that were stored without. Default "RETRIEVAL_DOCUMENT". */
  taskType?: string | null;
  /** Shorter embeddings. Default: the model's own length. */
  dimension?: number;
  /** Stored for Chroma's packages, which read the key from there. Default "GEMINI_API_KEY". */
  apiKeyEnvVar?: string;
}

const provider: Provider<GoogleGeminiOptions> = {
  className: "GoogleGeminiEmbeddingFunction",
  options: {
    apiKeyEnvVar: ["text", "api_key_env_var"],
    modelName: ["text", "model_name"],
    taskType: ["text or null", "task_type"],
    dimension: ["count", "dimension"],
  },
  defaults: () => ({ apiKeyEnvVar: "GEMINI_API_KEY", modelName: "gemini-embedding-001", taskType: "RETRIEVAL_DOCUMENT" }),
  restored: (options) => ({ taskType: null, ...options }),
};

/**
 * Embeddings of Google Gemini. Registered as "google-gemini". Where `taskType` is "RETRIEVAL_DOCUMENT", queries are sent as
 * "RETRIEVAL_QUERY".
 */
export class GoogleGeminiEmbeddingFunction extends RemoteEmbeddingFunction<GoogleGeminiOptions> {
  /** Names that other packages store it under. */
  static readonly aliases: readonly string[] = ["google_gemini", "google_genai"];
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "google-gemini";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 100 };

  /** @internal */
  protected request(texts: readonly string[], purpose: Purpose, key: string): RemoteRequest {
    const { modelName, taskType: wanted, dimension: outputDimensionality } = this.options;
    const taskType = wanted === "RETRIEVAL_DOCUMENT" && purpose === "query" ? "RETRIEVAL_QUERY" : (wanted ?? undefined);
    const model = `models/${modelName}`;
    const requests = texts.map((text) => ({ model, content: { role: "user", parts: [{ text }] }, taskType, outputDimensionality }));
    const headers: Record<string, string> = key === "" ? {} : { "x-goog-api-key": key };
    return { url: `https://generativelanguage.googleapis.com/v1beta/${model}:batchEmbedContents`, headers, body: { requests } };
  }

  /** @internal */
  protected vectorsIn(answer: unknown): Vector[] {
    return (answer as { embeddings: { values: number[] }[] }).embeddings.map(({ values }) => values);
  }
}
