/** OpenAI, and by `apiBase` whoever answers as it does: xAI, LM Studio, vLLM, llama.cpp and others. */
import { embeddingsUrl, OpenAIShapedFunction } from "./openai-shape.js";
import { restoredOptions, withDefaults } from "./options.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type OwnTable, type Purpose, type RemoteLimits, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link OpenAIEmbeddingFunction}. */
export interface OpenAIOptions extends RemoteOptions {
  /** Such as "text-embedding-3-small". */
  modelName: string;
  /** Shorter embeddings, of models that have them. Default: the model's own length. */
  dimensions?: number;
  /** The organization that pays, where the key has several. */
  organizationId?: string;
  /** Another server of this shape, such as "http://localhost:1234/v1". Default "https://api.openai.com/v1". */
  apiBase?: string;
  /** Stored for Chroma's packages, which read the key from there. Default "OPENAI_API_KEY"; none where `apiKey` is `null`. */
  apiKeyEnvVar?: string;
}

const table: OwnTable<OpenAIOptions> = {
  apiKeyEnvVar: ["text", "api_key_env_var"],
  modelName: ["text!", "model_name"],
  organizationId: ["text", "organization_id"],
  dimensions: ["count", "dimensions"],
  apiBase: ["text", "api_base"],
};

/**
 * Embeddings of OpenAI, or of a server that answers as it does. Registered as "openai".
 *
 * @example
 * import { OpenAIEmbeddingFunction } from "tidepool-db/embeddings";
 *
 * const apiKey = () => prompt("Your key for OpenAI") ?? "";
 * const embeddingFunction = new OpenAIEmbeddingFunction({ modelName: "text-embedding-3-small", apiKey });
 * console.log(embeddingFunction.name); // openai
 */
export class OpenAIEmbeddingFunction extends OpenAIShapedFunction<OpenAIOptions> {
  /** The name that is stored. */
  readonly name = "openai";
  /** @internal */
  protected readonly limits: RemoteLimits = { texts: 2048, tokens: 300_000 };

  /**
   * Sends nothing.
   *
   * @param client - Whose `credentials` bring the key, where `apiKey` is not given.
   * @throws `INVALID_ARGUMENT`.
   */
  constructor(options: OpenAIOptions, client?: unknown) {
    super(withDefaults(options, options?.apiKey === null ? {} : { apiKeyEnvVar: "OPENAI_API_KEY" }), table, client);
  }

  /** Builds the function that `getConfig` told of, here or in Chroma's packages. */
  static buildFromConfig(config: object, client?: unknown): OpenAIEmbeddingFunction {
    const ignored = "api_type" in config && config.api_type === "openai" ? ["api_type"] : [];
    const options = restoredOptions<OpenAIOptions>(config, "OpenAIEmbeddingFunction", table, ignored);
    return new OpenAIEmbeddingFunction(options.apiKeyEnvVar === undefined ? { ...options, apiKey: null } : options, client);
  }

  /** @internal */
  protected request(input: readonly string[], _: Purpose, key: string): RemoteRequest {
    const { apiBase = "https://api.openai.com/v1", modelName: model, dimensions, organizationId } = this.options;
    const organization: Record<string, string> = organizationId === undefined ? {} : { "OpenAI-Organization": organizationId };
    const headers = { ...bearer(key), ...organization };
    return { url: embeddingsUrl(apiBase), headers, body: { input, model, dimensions, encoding_format: "base64" } };
  }
}
