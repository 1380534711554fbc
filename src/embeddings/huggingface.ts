/** Models that Hugging Face runs. */

import type { Vector } from "../api/embedding-function.js";
import type { RequestLimits } from "./batches.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type Provider, type Purpose, RemoteEmbeddingFunction, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link HuggingFaceEmbeddingFunction}. */
export interface HuggingFaceOptions extends RemoteOptions {
  /** Such as "sentence-transformers/all-MiniLM-L6-v2", which is the default. */
  modelName?: string;
  /** Stored for Chroma's packages, which read the key from there. Default "HUGGINGFACE_API_KEY". */
  apiKeyEnvVar?: string;
}

const provider: Provider<HuggingFaceOptions> = {
  className: "HuggingFaceEmbeddingFunction",
  options: {
    apiKeyEnvVar: ["text", "api_key_env_var"],
    modelName: ["text", "model_name"],
  },
  defaults: () => ({ apiKeyEnvVar: "HUGGINGFACE_API_KEY", modelName: "sentence-transformers/all-MiniLM-L6-v2" }),
};

/**
 * Embeddings of models that Hugging Face runs (Inference Providers). Registered as "huggingface", as in Chroma's Python package. For a
 * server of your own see `HuggingfaceServerEmbeddingFunction`.
 */
export class HuggingFaceEmbeddingFunction extends RemoteEmbeddingFunction<HuggingFaceOptions> {
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "huggingface";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 32 };

  /** @internal */
  protected request(inputs: readonly string[], _: Purpose, key: string): RemoteRequest {
    const url = `https://router.huggingface.co/hf-inference/models/${this.options.modelName}/pipeline/feature-extraction`;
    return { url, headers: bearer(key), body: { inputs } };
  }

  /** @internal */
  protected vectorsIn(answer: unknown): Vector[] {
    return answer as number[][];
  }
}
