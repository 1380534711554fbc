/**
 * What an index of inverted lists asks of the machine: rotation, 1-bit codes of residuals in lists, estimates of distances
 * from them, and the centroids. `reference-spann-coder.ts` implements it in TypeScript, `src/wasm` with SIMD, bit for bit alike.
 *
 * All rows, centroids and queries that go in here are *rotated* (`rotate`), but for what `rotate` itself and `exactDistances` take.
 * Distances are
 * those of the space, as `distance.ts` gives them: squared Euclidean, 1 − cosine, 1 − dot product; only `nearest`, which
 * compares rows with centroids, speaks of squared Euclidean distances in every space. Whatever finite vectors go in, all that
 * comes out is finite.
 */

import type { Bitmap } from "../../../base/bitmap.js";
import type { Steps } from "../../../base/steps.js";
import type { Space } from "../../../types.js";
import type { ExactDistances } from "../distance.js";

export interface CoderOptions {
  /** 1 to 4,096. */
  dimension: number;
  space: Space;
  /** An unsigned 32-bit integer from which the rotation is drawn. Lists and centroids fit only the coder of their seed. */
  seed: number;
}

/** Sums over rotated rows, row-major. Who passes the same array again has not written to it in between: it may still lie where it was. */
export interface RowSums {
  /**
   * Squared Euclidean distances, whatever the space: those of all rows from the first of the points, then from the next. Rows may be an
   * array each, wherever they lie.
   */
  squaredDistances(points: Float32Array, rows: Float32Array | readonly Float32Array[], paddedDimension: number): Float32Array;
  /** The mean of the rows whose side is `side`; there is at least one. */
  mean(rows: Float32Array, sides: Uint8Array, side: number): Float32Array;
}

/** One coder per index. */
export interface SpannCoder extends RowSums, ExactDistances {
  /** The dimension, raised to a multiple of 16: components of a rotated row. */
  readonly paddedDimension: number;
  /** Bytes of memory held, without those of centroid tables. */
  readonly byteLength: number;
  /** Bytes of a list of so many rows: `subBlockRows` at a time, see `list-layout.ts`. */
  listBytes(rows: number): number;
  /**
   * Writes the rotated forms of rows (row-major, n × dimension) to `into` (n × paddedDimension). For cosine they are
   * normalised first, zero vectors stay zero. Where longer vectors than `LENGTH_MAX` come in, they are shortened to that
   * length, which `encode` and `prepare` notice: no estimate excludes such a row, or any row from such a query.
   */
  rotate(rows: Float32Array, into: Float32Array): void;
  /** The list of n rotated rows, row-major or an array each, with their ordinals, coded about a centroid as `CentroidTable.at` gives it. */
  encode(rotatedRows: Float32Array | readonly Float32Array[], ordinals: Uint32Array, centroid: Float32Array): Uint8Array<ArrayBuffer>;
  /** Ordinals of a list's rows, in the order in which they were encoded. */
  ordinals(list: Uint8Array): Uint32Array;
  createCentroids(): CentroidTable;
  /** Memory is grown ahead of need up to `bytesMax`. */
  createPages(bytesMax: number): ListPages;
  /** What scans need of a rotated query, once for all lists. */
  prepare(rotatedQuery: Float32Array): PreparedQuery;
  /** The matches of a list that was encoded about the centroid at `probe.slot`. Valid until the next call of any coder. */
  scan(list: Uint8Array, query: PreparedQuery, probe: Probe, options: ScanOptions): ListMatches;
  /** Ordinals of the rows of a list that seem nearer to one of the `others` than to `own`, by squared Euclidean distance. */
  nearer(list: Uint8Array, own: ListView, others: readonly ListView[]): Uint32Array;
}

/** Memory for sub-blocks of lists, a page each, numbered densely from 0. */
export interface ListPages {
  /** Bytes of memory held. */
  readonly byteLength: number;
  put(page: number, subBlock: Uint8Array): void;
  copy(page: number, into: Uint8Array): void;
  /**
   * What `SpannCoder.scan` finds in each of some lists, at least one: the sub-blocks of list `i` lie in the next `counts[i]` of the
   * `pages`. Valid until the next call.
   */
  scan(query: PreparedQuery, probes: readonly Probe[], pages: Uint32Array, counts: Uint32Array, options: ScanOptions): ScannedLists;
}

/** Rows of several lists. */
export interface ScannedLists extends ListMatches {
  /** How many of the rows are of each list or one before it. */
  ends: Uint32Array;
}

/** A list, seen from a point. */
export interface ListView {
  query: PreparedQuery;
  probe: Probe;
}

export interface ScanOptions {
  /** Distance that the lower bound of a match (`estimate − epsilon × sigma`) does not exceed; Infinity takes all rows. */
  threshold: number;
  /** Rows whose estimate is less match, too, whatever their bound. Default: none. */
  below?: number;
  /** Standard units between estimate and lower bound. */
  epsilon: number;
}

/** Rows of a list, in its order; all arrays are as long. */
export interface ListMatches {
  ordinals: Uint32Array;
  /** Estimated distances: unbiased, not below `FAR_BELOW` (which says that there is no estimate). May be negative. */
  estimates: Float32Array;
  /** One standard unit of the estimate's error. */
  sigmas: Float32Array;
}

/** What stands for the estimate where there is none: no distance is smaller. */
export const FAR_BELOW = -3.4028234663852886e38;

/** Longest vector that is coded for l2 and ip: products of lengths stay far inside float32. */
export const LENGTH_MAX = 2 ** 58;

/** A query as `prepare` makes it. */
export interface PreparedQuery {
  /** The rotated query. */
  readonly rotated: Float32Array;
  readonly squaredNorm: number;
  /** A table of 16 signed sums for each four components, in 7 bits: `step × value`, and `minimum` for all of them together. */
  readonly tables: Uint8Array;
  readonly step: number;
  readonly minimum: number;
  /** Standard deviation of what the rounding of tables does to a sum. */
  readonly tableError: number;
  /** Whether distances can be estimated: the query is no longer than `LENGTH_MAX`. */
  readonly estimable: boolean;
}

/** A centroid from a query's view: what turns the codes of its list into distances. */
export interface Probe {
  slot: number;
  /** From the query to the centroid. For ip, lists of smaller distance come first. */
  distance: number;
  /** What the distance contributes to each estimate of the list, and the factor of the rows' `add`. */
  base: number;
  weight: number;
  /** Standard unit of an estimate's error per unit of the rows' `scale`. */
  spread: number;
  /** How far float32 and the centroid's rounded dot product may put an estimate off; bounds are wider by it. */
  slack: number;
}

/** Centroids of an index by slot, resident as int8. Slots are chosen by the caller, densely. */
export interface CentroidTable {
  /** Slots in use. */
  readonly count: number;
  readonly byteLength: number;
  set(slot: number, rotatedCentroid: Float32Array): void;
  /** Sets those of many slots, from `first` on, that are `present`: row-major, with any row where a slot is not. */
  load(first: number, rotatedCentroids: Float32Array, present: Bitmap): void;
  delete(slot: number): void;
  /** The centroid as held (dequantised), which `encode` needs so that estimates fit. */
  at(slot: number, into: Float32Array): void;
  /**
   * The `count` slots nearest to a rotated row, ascending by squared Euclidean distance, ties by slot. `only`: bits of the
   * slots that count, 32 a word, lowest first; null for all.
   */
  nearest(rotatedRow: Float32Array, count: number, only?: Uint32Array | null): NearestCentroids;
  /**
   * Makes what `assign` finds slots by, where it would have to be made there: of thousands of slots that takes long. Nothing is set or
   * deleted between the steps.
   */
  group(): Steps<void>;
  /** The slots whose lists rotated rows, row-major, should go to: nearly always the nearest, found without looking at all of them. */
  assign(rotatedRows: Float32Array, only?: Uint32Array | null): Uint32Array;
  /** The `count` lists to look into first for a query, the most promising first. */
  probe(query: PreparedQuery, count: number, only?: Uint32Array | null): Probe[];
  /** As `probe`, for searches that look into few of them. */
  rank(query: PreparedQuery, count: number, only?: Uint32Array | null): RankedLists;
}

export interface RankedLists {
  slots: Uint32Array;
  /** The list at a place of the order. */
  probe(at: number): Probe;
}

export interface NearestCentroids {
  slots: Uint32Array;
  distances: Float32Array;
}
