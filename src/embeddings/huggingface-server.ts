/** A server of Hugging Face's, text-embeddings-inference. */

import type { Vector } from "../api/embedding-function.js";
import type { RequestLimits } from "./batches.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type Provider, type Purpose, RemoteEmbeddingFunction, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link HuggingfaceServerEmbeddingFunction}. */
export interface HuggingfaceServerOptions extends RemoteOptions {
  /** Its address, such as "http://localhost:8080/embed". */
  url: string;
  /** Stored for Chroma's packages, which read the key from there. Default: none, as for a server that asks for no key. */
  apiKeyEnvVar?: string;
}

const provider: Provider<HuggingfaceServerOptions> = {
  className: "HuggingfaceServerEmbeddingFunction",
  options: {
    apiKeyEnvVar: ["text", "api_key_env_var"],
    url: ["text!", "url"],
  },
  defaults: (given) => (given.apiKey === undefined && given.apiKeyEnvVar === undefined ? { apiKey: null } : {}),
};

/**
 * Embeddings of a text-embeddings-inference server. Registered as "huggingface-server". A page of another origin needs a server that was
 * started with `--cors-allow-origin`.
 */
export class HuggingfaceServerEmbeddingFunction extends RemoteEmbeddingFunction<HuggingfaceServerOptions> {
  /** Names that other packages store it under. */
  static readonly aliases: readonly string[] = ["huggingface_server"];
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "huggingface-server";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 32 };

  /** @internal */
  protected request(inputs: readonly string[], _: Purpose, key: string): RemoteRequest {
    return { url: this.options.url, headers: bearer(key), body: { inputs } };
  }

  /** @internal */
  protected vectorsIn(answer: unknown): Vector[] {
    return answer as number[][];
  }
}
