/**
 * What a vector index asks of its approximate half: to find rows near a query without looking at all of them. `hnsw.ts` is
 * the one of this project; others come from outside of core, by the name that `configuration.hnsw.engine` has for them.
 *
 * It covers the rows that it has built in so far, and says which those are; the exact scan answers for the rest, and for
 * everything when it fails. So it may cover as little as it likes, and forget what it covers, but not return a row that
 * was deleted or replaced since.
 */

import type { Bitmap } from "../../base/bitmap.js";
import type { Steps } from "../../base/steps.js";
import type { Tick } from "../../base/turns.js";
import type { Space } from "../../types.js";
import type { Candidates } from "./candidates.js";
import type { GraphCopy, GraphSnapshot } from "./graph-snapshot.js";
import type { VectorSource } from "./judge.js";
import type { EncodedQuery, QuantizedRows } from "./quantize.js";
import type { CommonSearch } from "./vector-kernel.js";

/** What one is made with; fixed for its life. */
export interface ApproximateOptions {
  space: Space;
  dimension: number;
  M: number;
  efConstruction: number;
  seed: number;
  /** Told in words, once it has given up what it covered: it is to be built again. */
  onFailure(why: string): void;
}

export type CreateApproximate = (options: ApproximateOptions) => ApproximateIndex;

export interface ApproximateStatistics {
  /** Rows that a search can return. */
  covered: number;
  /** Rows to be inserted: at once, and later. */
  ready: number;
  waiting: number;
  /** Rows that are deleted or replaced and take up room still. */
  stale: number;
  /** Rows that were inserted and cannot be found. */
  outcast: number;
}

export interface ApproximateIndex {
  /** Ordinals of the rows that a search can return. Not to be changed from outside. */
  readonly covered: Bitmap;
  readonly coveredCount: number;
  readonly statistics: ApproximateStatistics;
  /** Bytes held beside the table of codes. */
  readonly byteLength: number;
  /** A row measured on a walk takes as long as so many rows of a scan. */
  readonly stepCost: number;
  /** Tells of rows `first …` that were set, new ones or others than before. Rows with intercept −∞ are the scan's. */
  set(first: number, rows: QuantizedRows): void;
  /** Tells of a row that is not to be found any more. Its ordinal may be set again at any time. */
  delete(ordinal: number): void;
  /** Fetches vectors that the next steps of `build` need. No row is set or deleted until it resolves; it does not reject. */
  prepare?(vectors: VectorSource): Promise<void>;
  /** Does what is due in small steps until `isOver` says so; returns whether nothing is left. `isThorough`: as before saving. */
  build(isOver: () => boolean, isThorough: boolean): boolean;
  /**
   * Builds some of much that is to be built, by several threads; resolves to whether it did, and should be asked again. No row is set or
   * deleted until it resolves, and `build` does nothing.
   */
  buildTogether?(pause: Tick): Promise<boolean>;
  /** While this is no time to search: resolves when it is over. */
  readonly changing?: Promise<void> | null;
  /**
   * Covered and allowed rows near the query by approximate distance, ascending, at most `beam` of them. Distances are as
   * `CodeTable.scan` has them, no farther off. `null` when it failed.
   */
  candidates(query: EncodedQuery, beam: number, allowed: Bitmap | null): Candidates | null;
  /** As `candidates` for each query, by several threads; `null` where that is not worth it. To be ended before anything changes. */
  candidatesTogether?(queries: readonly EncodedQuery[], beam: number, allowed: Bitmap | null): CommonSearch | null;
  /** The index as it is, copied piece by piece; nothing is built until the last one. Missing where it is built anew each time. */
  save?(): GraphCopy;
  /** Takes a saved index, once every row is set; why it is of no use, or `null`. */
  load?(snapshot: GraphSnapshot): Steps<string | null>;
  /** Gives its memory back. It covers nothing from then on and builds nothing. */
  dispose?(): void;
}
