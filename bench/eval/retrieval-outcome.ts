/** What the evaluation of one set of texts found. */

/** Ways of asking, and in which order a table has them: `hybrid` is of full text and vectors, `hybridOfThree` of all before it. */
export const METHODS = ["sparse", "fullText", "dense", "hybrid", "hybridOfThree"] as const;
export type Method = (typeof METHODS)[number];
/** What each hybrid is made of. */
export const BRANCHES = { hybrid: ["fullText", "dense"], hybridOfThree: ["sparse", "fullText", "dense"] } as const;
export type Hybrid = keyof typeof BRANCHES;

/** A hybrid beside its best branch, question by question. */
export interface Beside {
  branch: Method;
  /** Of nDCG@10: above 0 where the hybrid is better. */
  difference: number;
  /** How far that is by chance: the standard error of the mean over the questions. */
  standardError: number;
}

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
  /** Whether full text takes words by their stems, which is not the default: for information, without aims. */
  isStemmed: boolean;
  /** A way that a set has no vectors for is missing. */
  methods: { [M in Method]?: Quality };
  beside: { [H in Hybrid]?: Beside };
  /** nDCG@10 of reference implementations, by the name that the data has for them. */
  reference: Record<string, number>;
}
