/** Ollama. */
import type { Vector } from "../api/embedding-function.js";
import { restoredOptions, withDefaults } from "./options.js";
import type { RemoteRequest } from "./post.js";
import {
  bearer,
  type OwnTable,
  type Purpose,
  RemoteEmbeddingFunction,
  type RemoteLimits,
  type RemoteOptions,
} from "./remote-embedding-function.js";

/** Options of {@link OllamaEmbeddingFunction}. */
export interface OllamaOptions extends RemoteOptions {
  /** Its address. Default "http://localhost:11434". */
  url?: string;
  /** Default "chroma/all-minilm-l6-v2-f32", as in Chroma's package. */
  model?: string;
}

const table: OwnTable<OllamaOptions> = {
  model: ["text", "model_name"],
  url: ["text", "url"],
};

/**
 * Embeddings of an Ollama server. Registered as "ollama". Pages of other origins than localhost, and extensions, need a server that was
 * started with `OLLAMA_ORIGINS`.
 */
export class OllamaEmbeddingFunction extends RemoteEmbeddingFunction<OllamaOptions> {
  /** The name that is stored. */
  readonly name = "ollama";
  /** @internal */
  protected readonly limits: RemoteLimits = { texts: 64 };

  /**
   * Sends nothing.
   *
   * @param client - Whose `credentials` bring the key, where `apiKey` is not given.
   * @throws `INVALID_ARGUMENT`.
   */
  constructor(options: OllamaOptions = {}, client?: unknown) {
    super(withDefaults(options, { url: "http://localhost:11434", model: "chroma/all-minilm-l6-v2-f32", apiKey: null }), table, client);
  }

  /** Builds the function that `getConfig` told of, here or in Chroma's packages. */
  static buildFromConfig(config: object, client?: unknown): OllamaEmbeddingFunction {
    return new OllamaEmbeddingFunction(restoredOptions<OllamaOptions>(config, "OllamaEmbeddingFunction", table, ["timeout"]), client);
  }

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
