/** What one set's evaluation in one stage found. */
export interface Outcome {
  set: string;
  /** What was checked, such as "ground truth" or "9 filters". */
  against: string;
  records: number;
  dimension: number;
  space: string;
  /** The worst that was found; 1 where everything is as it must be. */
  recallAt10: number;
  p50Ms: number;
  p95Ms: number;
  /** Only for text search. */
  ndcgAt10?: number;
  recallAt100?: number;
  /** Everything that is not as it must be, in words. */
  problems: string[];
}
