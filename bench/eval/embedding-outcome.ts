/** What the evaluation of ways to find texts by their embeddings found, of one set. */

/** Ways of asking, and in which order a table has them. */
export const WAYS = ["full text", "hashing", "sentence encoder", "hybrid", "hybrid, vectors × 3"] as const;
export type Way = (typeof WAYS)[number];

export interface EmbeddingOutcome {
  set: string;
  records: number;
  queries: number;
  /** How good each way is, over all questions that have an answer. */
  ways: Record<Way, { ndcgAt10: number; recallAt10: number; firstIsRight: number }>;
  /** Time in which the sentence encoder has embedded all records, and written them. */
  embedSeconds: number;
}
