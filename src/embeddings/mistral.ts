/** Mistral. */
import { embeddingsUrl, OpenAIShapedFunction } from "./openai-shape.js";
import { restoredOptions, withDefaults } from "./options.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type OwnTable, type Purpose, type RemoteLimits, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link MistralEmbeddingFunction}. */
export interface MistralOptions extends RemoteOptions {
  /** Default "mistral-embed". */
  model?: string;
  /** Stored for Chroma's packages, which read the key from there. Default "MISTRAL_API_KEY". */
  apiKeyEnvVar?: string;
}

const table: OwnTable<MistralOptions> = {
  apiKeyEnvVar: ["text", "api_key_env_var"],
  model: ["text", "model"],
};

/**
 * Embeddings of Mistral. Registered as "mistral".
 */
export class MistralEmbeddingFunction extends OpenAIShapedFunction<MistralOptions> {
  /** The name that is stored. */
  readonly name = "mistral";
  /** @internal */
  protected readonly limits: RemoteLimits = { texts: 128, tokens: 16_000 };

  /**
   * Sends nothing.
   *
   * @param client - Whose `credentials` bring the key, where `apiKey` is not given.
   * @throws `INVALID_ARGUMENT`.
   */
  constructor(options: MistralOptions = {}, client?: unknown) {
    super(withDefaults(options, { apiKeyEnvVar: "MISTRAL_API_KEY", model: "mistral-embed" }), table, client);
  }

  /** Builds the function that `getConfig` told of, here or in Chroma's packages. */
  static buildFromConfig(config: object, client?: unknown): MistralEmbeddingFunction {
    return new MistralEmbeddingFunction(restoredOptions<MistralOptions>(config, "MistralEmbeddingFunction", table), client);
  }

  /** @internal */
  protected request(input: readonly string[], _: Purpose, key: string): RemoteRequest {
    return { url: embeddingsUrl("https://api.mistral.ai/v1"), headers: bearer(key), body: { model: this.options.model, input } };
  }
}
