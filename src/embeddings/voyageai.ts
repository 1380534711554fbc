/** Voyage AI. */
import type { RequestLimits } from "./batches.js";
import { embeddingsUrl, OpenAIShapedFunction } from "./openai-shape.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type Provider, type Purpose, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link VoyageAIEmbeddingFunction}. */
export interface VoyageAIOptions extends RemoteOptions {
  /** Such as "voyage-3.5". */
  modelName: string;
  /** What documents are sent as. Default: not said. */
  inputType?: "document" | "query";
  /** Whether texts that are too long are cut, instead of refused. Default `true`. */
  truncation?: boolean;
  /** Stored for Chroma's packages, which read the key from there. Default "VOYAGE_API_KEY". */
  apiKeyEnvVar?: string;
}

const provider: Provider<VoyageAIOptions> = {
  className: "VoyageAIEmbeddingFunction",
  options: {
    apiKeyEnvVar: ["text", "api_key_env_var"],
    modelName: ["text!", "model_name"],
    inputType: ["text", "input_type"],
    truncation: ["flag", "truncation"],
  },
  defaults: () => ({ apiKeyEnvVar: "VOYAGE_API_KEY", truncation: true }),
};

/**
 * Embeddings of Voyage AI. Registered as "voyageai". Where `inputType` is "document", queries are sent as "query"; Chroma's package
 * stores `inputType` and `truncation`, and sends neither.
 */
export class VoyageAIEmbeddingFunction extends OpenAIShapedFunction<VoyageAIOptions> {
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "voyageai";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 1000, tokens: 120_000 };

  /** @internal */
  protected request(input: readonly string[], purpose: Purpose, key: string): RemoteRequest {
    const { modelName: model, inputType, truncation } = this.options;
    const input_type = inputType === "document" ? purpose : inputType;
    return { url: embeddingsUrl("https://api.voyageai.com/v1"), headers: bearer(key), body: { input, model, input_type, truncation } };
  }
}
