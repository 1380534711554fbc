/** The page of `npm run eval -- embeddings`. */
import { TidepoolClient } from "tidepool-db";
import type { EmbeddingOutcome } from "../eval/embedding-outcome.js";
import { evaluateEmbeddings } from "../eval/embedding-set.js";
import { expose } from "../page.js";

const client = new TidepoolClient({ path: "embedding-eval", storage: "opfs" });

const functions = {
  evaluate: (name: string): Promise<EmbeddingOutcome> => evaluateEmbeddings(client, name),
};

export type EmbeddingEvalPage = typeof functions;

expose(functions);
