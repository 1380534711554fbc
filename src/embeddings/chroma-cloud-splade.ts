/** SPLADE in Chroma Cloud. */

import type { SparseVector } from "../core/types.js";
import type { RequestLimits } from "./batches.js";
import { chromaCloud } from "./chroma-cloud.js";
import type { RemoteRequest } from "./post.js";
import { type Provider, type Purpose, RemoteFunction, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link ChromaCloudSpladeEmbeddingFunction}. */
export interface ChromaCloudSpladeOptions extends RemoteOptions {
  /** Default "prithivida/Splade_PP_en_v1". */
  model?: string;
  /** Stored for Chroma's packages, which read the key from there. Default "CHROMA_API_KEY". */
  apiKeyEnvVar?: string;
}

const provider: Provider<ChromaCloudSpladeOptions> = {
  className: "ChromaCloudSpladeEmbeddingFunction",
  options: {
    model: ["text", "model"],
    apiKeyEnvVar: ["text", "api_key_env_var"],
  },
  defaults: () => ({ model: "prithivida/Splade_PP_en_v1", apiKeyEnvVar: "CHROMA_API_KEY" }),
};

/**
 * Sparse embeddings of SPLADE by Chroma Cloud, for a `SparseVectorIndexConfig`. Registered as "chroma-cloud-splade".
 */
export class ChromaCloudSpladeEmbeddingFunction extends RemoteFunction<SparseVector, ChromaCloudSpladeOptions> {
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "chroma-cloud-splade";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 100 };

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
