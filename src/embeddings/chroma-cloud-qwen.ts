/** Qwen3 in Chroma Cloud. */

import type { Vector } from "../api/embedding-function.js";
import type { RequestLimits } from "./batches.js";
import { chromaCloud } from "./chroma-cloud.js";
import type { RemoteRequest } from "./post.js";
import { type Provider, type Purpose, RemoteEmbeddingFunction, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link ChromaCloudQwenEmbeddingFunction}. */
export interface ChromaCloudQwenOptions extends RemoteOptions {
  /** Default "Qwen/Qwen3-Embedding-0.6B". */
  model?: string;
  /** Which of the instructions is used, such as "nl_to_code". Default `null`: none. */
  task?: string | null;
  /** What the model is told, by task, of documents and of queries. Default: that of "nl_to_code". */
  instructions?: Record<
    string,
    {
      /** Before what is to be found; empty: nothing. */
      documents: string;
      /** Before what is asked with; empty: nothing. */
      query: string;
    }
  >;
  /** Stored for Chroma's packages, which read the key from there. Default "CHROMA_API_KEY". */
  apiKeyEnvVar?: string;
}

const provider: Provider<ChromaCloudQwenOptions> = {
  className: "ChromaCloudQwenEmbeddingFunction",
  options: {
    model: ["text", "model"],
    task: ["any", "task"],
    instructions: ["any", "instructions"],
    apiKeyEnvVar: ["text", "api_key_env_var"],
  },
  defaults: () => ({ model: "Qwen/Qwen3-Embedding-0.6B", task: null, instructions: INSTRUCTIONS, apiKeyEnvVar: "CHROMA_API_KEY" }),
};

/** From the task prompts of Qwen3-Embedding (github.com/QwenLM/Qwen3-Embedding, evaluation/task_prompts.json), as in Chroma's package. */
const INSTRUCTIONS = {
  nl_to_code: { documents: "", query: "Given a question about coding, retrieval code or passage that can solve user's question" },
};

/**
 * Embeddings of Qwen3 by Chroma Cloud. Registered as "chroma-cloud-qwen".
 */
export class ChromaCloudQwenEmbeddingFunction extends RemoteEmbeddingFunction<ChromaCloudQwenOptions> {
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "chroma-cloud-qwen";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 100 };

  /** @internal */
  protected request(texts: readonly string[], purpose: Purpose, key: string): RemoteRequest {
    const { model, task, instructions: all } = this.options;
    const instructions = (task == null ? undefined : all?.[task])?.[purpose === "query" ? "query" : "documents"] ?? "";
    return chromaCloud("", key, model!, { texts, instructions });
  }

  /** @internal */
  protected vectorsIn(answer: unknown): Vector[] {
    return (answer as { embeddings: number[][] }).embeddings;
  }
}
