/** Ollama. */

import type { Vector } from "../api/embedding-function.js";
import type { RequestLimits } from "./batches.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type Provider, type Purpose, RemoteEmbeddingFunction, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link OllamaEmbeddingFunction}. */
export interface OllamaOptions extends RemoteOptions {
  /** Its address. Default "http://localhost:11434". */
  url?: string;
  /** Default "chroma/all-minilm-l6-v2-f32", as in Chroma's package. */
  model?: string;
}

const provider: Provider<OllamaOptions> = {
  className: "OllamaEmbeddingFunction",
  options: {
    model: ["text", "model_name"],
    url: ["text", "url"],
  },
  defaults: () => ({ url: "http://localhost:11434", model: "chroma/all-minilm-l6-v2-f32", apiKey: null }),
  hasNoEffect: (key) => key === "timeout",
};

/**
 * Embeddings of an Ollama server. Registered as "ollama". Pages of other origins than localhost, and extensions, need a server that was
 * started with `OLLAMA_ORIGINS`.
 */
export class OllamaEmbeddingFunction extends RemoteEmbeddingFunction<OllamaOptions> {
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "ollama";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 64 };

  /** @internal */
  protected request(input: readonly string[], _: Purpose, key: string): RemoteRequest {
    const { url, model } = this.options;
    return { url: `${url!.replace(/\/+$/, "")}/api/embed`, headers: bearer(key), body: { model, input } };
  }

  /** @internal */
  protected vectorsIn(answer: unknown): Vector[] {
    return (answer as { embeddings: number[][] }).embeddings;
  }
}
