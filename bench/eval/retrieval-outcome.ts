/** What the evaluation of one set of texts found. */

/** Ways of asking, and in which order a table has them. */
export const METHODS = ["sparse", "fullText", "dense", "hybrid"] as const;
export type Method = (typeof METHODS)[number];

/** How good a way of asking is, over all questions that have an answer. */
export interface Quality {
  ndcgAt10: number;
  recallAt100: number;
  p50Ms: number;
  p95Ms: number;
}

export interface RetrievalOutcome {
  set: string;
  records: number;
  queries: number;
  /** `null`: the set has no vectors. */
  vectors: string | null;
  /** A way that a set has no vectors for is missing. */
  methods: { [M in Method]?: Quality };
  /** nDCG@10 of reference implementations, by the name that the data has for them. */
  reference: Record<string, number>;
}
