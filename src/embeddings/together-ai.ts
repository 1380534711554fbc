/** Together AI. */
import { embeddingsUrl, OpenAIShapedFunction } from "./openai-shape.js";
import { restoredOptions, withDefaults } from "./options.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type OwnTable, type Purpose, type RemoteLimits, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link TogetherAIEmbeddingFunction}. */
export interface TogetherAIOptions extends RemoteOptions {
  /** Such as "BAAI/bge-base-en-v1.5". */
  modelName: string;
  /** Stored for Chroma's packages, which read the key from there. Default "TOGETHER_API_KEY". */
  apiKeyEnvVar?: string;
}

const table: OwnTable<TogetherAIOptions> = {
  apiKeyEnvVar: ["text", "api_key_env_var"],
  modelName: ["text!", "model_name"],
};

/**
 * Embeddings of Together AI. Registered as "together-ai".
 */
export class TogetherAIEmbeddingFunction extends OpenAIShapedFunction<TogetherAIOptions> {
  /** Names that other packages store it under. */
  static readonly aliases: readonly string[] = ["together_ai"];
  /** The name that is stored. */
  readonly name = "together-ai";
  /** @internal */
  protected readonly limits: RemoteLimits = { texts: 128 };

  /**
   * Sends nothing.
   *
   * @param client - Whose `credentials` bring the key, where `apiKey` is not given.
   * @throws `INVALID_ARGUMENT`.
   */
  constructor(options: TogetherAIOptions, client?: unknown) {
    super(withDefaults(options, { apiKeyEnvVar: "TOGETHER_API_KEY" }), table, client);
  }

  /** Builds the function that `getConfig` told of, here or in Chroma's packages. */
  static buildFromConfig(config: object, client?: unknown): TogetherAIEmbeddingFunction {
    return new TogetherAIEmbeddingFunction(restoredOptions<TogetherAIOptions>(config, "TogetherAIEmbeddingFunction", table), client);
  }

  /** @internal */
  protected request(input: readonly string[], _: Purpose, key: string): RemoteRequest {
    return { url: embeddingsUrl("https://api.together.xyz/v1"), headers: bearer(key), body: { input, model: this.options.modelName } };
  }
}
