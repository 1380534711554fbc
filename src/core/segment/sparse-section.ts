/** What a manifest says of the indexes of sparse vectors. */
import type { PostingSection } from "../blockstore/posting-blockfile.js";

/** The index of one metadata key. */
export interface SparseIndex {
  key: string;
  /** Ordinals below this are covered. */
  upTo: number;
  /** Lists by their keys (`sparse-key.ts`). */
  postings: PostingSection;
}

export interface SparseSection {
  indexes: SparseIndex[];
}
