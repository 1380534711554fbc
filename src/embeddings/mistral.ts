/** Mistral. */
import type { RequestLimits } from "./batches.js";
import { embeddingsUrl, OpenAIShapedFunction } from "./openai-shape.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type Provider, type Purpose, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link MistralEmbeddingFunction}. */
export interface MistralOptions extends RemoteOptions {
  /** Default "mistral-embed". */
  model?: string;
  /** Stored for Chroma's packages, which read the key from there. Default "MISTRAL_API_KEY". */
  apiKeyEnvVar?: string;
}

const provider: Provider<MistralOptions> = {
  className: "MistralEmbeddingFunction",
  options: {
    apiKeyEnvVar: ["text", "api_key_env_var"],
    model: ["text", "model"],
  },
  defaults: () => ({ apiKeyEnvVar: "MISTRAL_API_KEY", model: "mistral-embed" }),
};

/**
 * Embeddings of Mistral. Registered as "mistral".
 */
export class MistralEmbeddingFunction extends OpenAIShapedFunction<MistralOptions> {
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "mistral";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 128, tokens: 16_000 };

  /** @internal */
  protected request(input: readonly string[], _: Purpose, key: string): RemoteRequest {
    return { url: embeddingsUrl("https://api.mistral.ai/v1"), headers: bearer(key), body: { model: this.options.model, input } };
  }
}
