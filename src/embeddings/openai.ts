/** OpenAI, and by `apiBase` whoever answers as it does: xAI, LM Studio, vLLM, llama.cpp and others. */
import type { RequestLimits } from "./batches.js";
import { embeddingsUrl, OpenAIShapedFunction } from "./openai-shape.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type Provider, type Purpose, type RemoteOptions } from "./remote-embedding-function.js";

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

const provider: Provider<OpenAIOptions> = {
  className: "OpenAIEmbeddingFunction",
  options: {
    apiKeyEnvVar: ["text", "api_key_env_var"],
    modelName: ["text!", "model_name"],
    organizationId: ["text", "organization_id"],
    dimensions: ["count", "dimensions"],
    apiBase: ["text", "api_base"],
  },
  defaults: (given) => (given.apiKey === null ? {} : { apiKeyEnvVar: "OPENAI_API_KEY" }),
  hasNoEffect: (key, value) => key === "api_type" && value === "openai",
  restored: (options) => (options.apiKeyEnvVar === undefined ? { ...options, apiKey: null } : options),
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
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "openai";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 2048, tokens: 300_000 };

  /** @internal */
  protected request(input: readonly string[], _: Purpose, key: string): RemoteRequest {
    const { apiBase = "https://api.openai.com/v1", modelName: model, dimensions, organizationId } = this.options;
    const organization: Record<string, string> = organizationId === undefined ? {} : { "OpenAI-Organization": organizationId };
    const headers = { ...bearer(key), ...organization };
    return { url: embeddingsUrl(apiBase), headers, body: { input, model, dimensions, encoding_format: "base64" } };
  }
}
