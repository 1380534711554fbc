/** Morph. */
import type { RequestLimits } from "./batches.js";
import { embeddingsUrl, OpenAIShapedFunction } from "./openai-shape.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type Provider, type Purpose, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link MorphEmbeddingFunction}. */
export interface MorphOptions extends RemoteOptions {
  /** Default "morph-embedding-v2". */
  modelName?: string;
  /** Default "https://api.morphllm.com/v1". */
  apiBase?: string;
  /** How numbers travel: as text, or as base64 of float32. Default "float". */
  encodingFormat?: "float" | "base64";
  /** Stored for Chroma's packages, which read the key from there. Default "MORPH_API_KEY". */
  apiKeyEnvVar?: string;
}

const provider: Provider<MorphOptions> = {
  className: "MorphEmbeddingFunction",
  options: {
    apiKeyEnvVar: ["text", "api_key_env_var"],
    modelName: ["text", "model_name"],
    apiBase: ["text", "api_base"],
    encodingFormat: ["text", "encoding_format"],
  },
  defaults: () => ({
    apiKeyEnvVar: "MORPH_API_KEY",
    modelName: "morph-embedding-v2",
    apiBase: "https://api.morphllm.com/v1",
    encodingFormat: "float",
  }),
};

/**
 * Embeddings of Morph, for code. Registered as "morph".
 */
export class MorphEmbeddingFunction extends OpenAIShapedFunction<MorphOptions> {
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "morph";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 128 };

  /** @internal */
  protected request(input: readonly string[], _: Purpose, key: string): RemoteRequest {
    const { apiBase, modelName: model, encodingFormat: encoding_format } = this.options;
    return { url: embeddingsUrl(apiBase!), headers: bearer(key), body: { input, model, encoding_format } };
  }
}
