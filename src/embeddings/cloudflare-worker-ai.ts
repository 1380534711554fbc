/** Cloudflare Workers AI. */

import type { Vector } from "../api/embedding-function.js";
import type { RequestLimits } from "./batches.js";
import type { RemoteRequest } from "./post.js";
import { bearer, type Provider, type Purpose, RemoteEmbeddingFunction, type RemoteOptions } from "./remote-embedding-function.js";

/** Options of {@link CloudflareWorkerAIEmbeddingFunction}. */
export interface CloudflareWorkerAIOptions extends RemoteOptions {
  /** Whose models they are. */
  accountId: string;
  /** Such as "@cf/baai/bge-base-en-v1.5". */
  modelName: string;
  /** A gateway of the account, through which requests go. */
  gatewayId?: string;
  /** Stored for Chroma's packages, which read the key from there. Default "CLOUDFLARE_API_KEY". */
  apiKeyEnvVar?: string;
}

const provider: Provider<CloudflareWorkerAIOptions> = {
  className: "CloudflareWorkerAIEmbeddingFunction",
  options: {
    accountId: ["text!", "account_id"],
    modelName: ["text!", "model_name"],
    apiKeyEnvVar: ["text", "api_key_env_var"],
    gatewayId: ["text", "gateway_id"],
  },
  defaults: () => ({ apiKeyEnvVar: "CLOUDFLARE_API_KEY" }),
};

/**
 * Embeddings of Cloudflare Workers AI. Registered as "cloudflare-worker-ai".
 */
export class CloudflareWorkerAIEmbeddingFunction extends RemoteEmbeddingFunction<CloudflareWorkerAIOptions> {
  /** Names that other packages store it under. */
  static readonly aliases: readonly string[] = ["cloudflare_workers_ai"];
  /** @internal */
  static readonly provider = provider;
  /** The name that is stored. */
  readonly name = "cloudflare-worker-ai";
  /** @internal */
  protected readonly limits: RequestLimits = { texts: 100 };

  /** @internal */
  protected request(text: readonly string[], _: Purpose, key: string): RemoteRequest {
    const { accountId, modelName, gatewayId } = this.options;
    const url =
      gatewayId === undefined
        ? `https://api.cloudflare.com/client/v4/accounts/${accountId}/ai/run/${modelName}`
        : `https://gateway.ai.cloudflare.com/v1/${accountId}/${gatewayId}/workers-ai/${modelName}`;
    return { url, headers: bearer(key), body: { text } };
  }

  /** @internal */
  protected vectorsIn(answer: unknown): Vector[] {
    return (answer as { result: { data: number[][] } }).result.data;
  }
}
