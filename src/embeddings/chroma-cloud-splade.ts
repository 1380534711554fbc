/** SPLADE in Chroma Cloud. */

import type { SparseVector } from "../core/types.js";
import { chromaCloud } from "./chroma-cloud.js";
import { restoredOptions, withDefaults } from "./options.js";
import type { RemoteRequest } from "./post.js";
import { type OwnTable, type Purpose, RemoteFunction, type RemoteLimits, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link ChromaCloudSpladeEmbeddingFunction}. */
export interface ChromaCloudSpladeOptions extends RemoteOptions {
  /** Default "prithivida/Splade_PP_en_v1". */
  model?: string;
  /** Stored for Chroma's packages, which read the key from there. Default "CHROMA_API_KEY". */
  apiKeyEnvVar?: string;
}

const table: OwnTable<ChromaCloudSpladeOptions> = {
  model: ["text", "model"],
  apiKeyEnvVar: ["text", "api_key_env_var"],
};

/**
 * Sparse embeddings of SPLADE by Chroma Cloud, for a `SparseVectorIndexConfig`. Registered as "chroma-cloud-splade".
 */
export class ChromaCloudSpladeEmbeddingFunction extends RemoteFunction<SparseVector, ChromaCloudSpladeOptions> {
  /** The name that is stored. */
  readonly name = "chroma-cloud-splade";
  /** @internal */
  protected readonly limits: RemoteLimits = { texts: 100 };

  /**
   * Sends nothing.
   *
   * @param client - Whose `credentials` bring the key, where `apiKey` is not given.
   * @throws `INVALID_ARGUMENT`.
   */
  constructor(options: ChromaCloudSpladeOptions = {}, client?: unknown) {
    super(withDefaults(options, { model: "prithivida/Splade_PP_en_v1", apiKeyEnvVar: "CHROMA_API_KEY" }), table, client);
  }

  /** Builds the function that `getConfig` told of, here or in Chroma's packages. */
  static buildFromConfig(config: object, client?: unknown): ChromaCloudSpladeEmbeddingFunction {
    return new ChromaCloudSpladeEmbeddingFunction(
      restoredOptions<ChromaCloudSpladeOptions>(config, "ChromaCloudSpladeEmbeddingFunction", table),
      client,
    );
  }

  /** @internal */
  protected request(texts: readonly string[], _: Purpose, key: string): RemoteRequest {
    return chromaCloud("embed_sparse", key, this.options.model!, { texts, task: "", target: "" });
  }

  /** @internal */
  protected vectorsIn(answer: unknown): SparseVector[] {
    return (answer as { embeddings: SparseVector[] }).embeddings.map(ascending);
  }
}

/** The provider's order is that of weights. */
function ascending({ indices, values }: SparseVector): SparseVector {
  const order = [...indices.keys()].sort((a, b) => indices[a]! - indices[b]!);
  return { indices: order.map((i) => indices[i]!), values: order.map((i) => values[i]!) };
}
