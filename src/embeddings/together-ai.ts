/** Together AI. */
import type { RequestLimits } from "./batches.js";
import { embeddingsUrl, OpenAIShapedFunction } from "./openai-shape.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type Provider, type Purpose, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link TogetherAIEmbeddingFunction}. */
export interface TogetherAIOptions extends RemoteOptions {
  /** Such as "BAAI/bge-base-en-v1.5". */
  modelName: string;
  /** Stored for Chroma's packages, which read the key from there. Default "TOGETHER_API_KEY". */
  apiKeyEnvVar?: string;
}

const provider: Provider<TogetherAIOptions> = {
  className: "TogetherAIEmbeddingFunction",
  options: {
    apiKeyEnvVar: ["text", "api_key_env_var"],
    modelName: ["text!", "model_name"],
  },
  defaults: () => ({ apiKeyEnvVar: "TOGETHER_API_KEY" }),
};

/**
 * Embeddings of Together AI. Registered as "together-ai".
 */
export class TogetherAIEmbeddingFunction extends OpenAIShapedFunction<TogetherAIOptions> {
  /** Names that other packages store it under. */
  static readonly aliases: readonly string[] = ["together_ai"];
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "together-ai";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 128 };

  /** @internal */
  protected request(input: readonly string[], _: Purpose, key: string): RemoteRequest {
    return { url: embeddingsUrl("https://api.together.xyz/v1"), headers: bearer(key), body: { input, model: this.options.modelName } };
  }
}
