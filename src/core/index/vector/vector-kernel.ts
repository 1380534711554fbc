/**
 * What vector search asks of the machine underneath. `src/wasm` implements it with SIMD, `reference-kernel.ts` in plain
 * TypeScript; the two return the same candidates for the same input.
 *
 * A row is an int8 code vector with two numbers that turn an integer dot product into an approximate distance:
 *
 *     distance = intercept[row] + slope[row] × queryScale × Σ query[i] × code[row][i]
 *
 * so the kernel knows nothing of spaces (`quantize.ts` chooses slope and intercept for l2, cosine and ip).
 */

import type { Tick } from "../../base/turns.js";
import type { Space } from "../../types.js";
import type { Candidates } from "./candidates.js";
import type { CommonSearch, ScanQuery } from "./common-search.js";
import type { ExactDistances } from "./distance.js";
import type { EncodedQuery } from "./encoded-query.js";
import type { Graph, GraphOptions } from "./graph-kernel.js";
import type { QuantizedRows } from "./quantized-rows.js";
import type { CoderOptions, SpannCoder } from "./spann/spann-kernel.js";

export type { CommonSearch, ScanQuery };

/** Codes of one collection, indexed by ordinal. Grows as rows are set. A row that was never set must not be allowed. */
export interface CodeTable extends ExactDistances {
  readonly dimension: number;
  /** Bytes of memory held. */
  readonly byteLength: number;
  /** Copies rows in, ordinals `first … first + n − 1`; `codes` is row-major, n × dimension. Throws `RESOURCE_EXHAUSTED` when full. */
  set(first: number, codes: Int8Array, slopes: Float32Array, intercepts: Float32Array): void;
  /** What `encodeQuery` of `quantize.ts` makes of a query, to the last bit. */
  encodeQuery(space: Space, query: Float32Array): EncodedQuery;
  /**
   * The `r` allowed rows of smallest approximate distance. `allowed` has one bit per ordinal, 32 per word, lowest bit
   * first; bits beyond the table's rows must be 0. The dot product is exact in int32: `query` values are bounded by
   * `queryMax(dimension)`.
   */
  scan(query: Int16Array, queryScale: number, r: number, allowed: Uint32Array): Candidates;
  /** What `scan` gives for each query; `QUERIES_PER_PASS` of them share a pass over the rows. */
  scanMany(queries: readonly ScanQuery[], r: number, allowed: Uint32Array): Candidates[];
  /**
   * As `scanMany`, by several threads; `null` where there is one, or where it is not worth it. No row is set before it is ended. Missing
   * where there is never more than one thread.
   */
  scanTogether?(queries: readonly ScanQuery[], r: number, allowed: Uint32Array): CommonSearch | null;
  /** A row that was set; its codes are valid until the table's next call. */
  row(ordinal: number): CodedRow;
  /** A hash of a row that was set, the same in every kernel; not a checksum of stored bytes. */
  fingerprint(ordinal: number): number;
  /** An empty graph over the rows, in the table's memory. At most one in the life of a table. */
  createGraph(options: GraphOptions): Graph;
}

export interface CodedRow {
  codes: Int8Array;
  slope: number;
  intercept: number;
}

/** Queries of one pass over the rows. More would save little memory traffic, and keep other work waiting. */
export const QUERIES_PER_PASS = 4;

/** What helpers need of the engine that they help. */
export interface HelpedEngine {
  /** Awaited between two items that the engine's thread does itself. */
  tick: Tick;
  /** Is told once, the first time that a helper cannot be started or has ended by itself. */
  onTrouble(why: string): void;
  /** What a search may share beside tables. */
  bytesMax: number;
}

/** Threads beside the engine's own. */
export interface KernelHelpers {
  /** Threads that may be at work, the engine's own included. */
  readonly cores: number;
  /** Helpers that run now: they are started when there is work for them, and end when there is none. */
  readonly running: number;
  /** Why there is nobody to help, although there may be more than one thread; `null` where that is not so. */
  readonly alone: string | null;
  /** Sets how many threads there may be, for tables that are made from now on. */
  use(cores: number): void;
  /** Works for an engine from now on. */
  serve(engine: HelpedEngine): void;
  /** Ends the helpers until there is work again. */
  rest(): void;
}

export interface VectorKernel {
  /** Missing where there cannot be any. */
  readonly helpers?: KernelHelpers;
  readonly name: "wasm-simd" | "wasm-relaxed-simd" | "typescript";
  createTable(dimension: number): CodeTable;
  /** Bytes of memory that all its coders share, besides those of each. */
  readonly coderBytes: number;
  /** `createTable` makes the tables of centroids; default: as the kernel makes all its tables. */
  createCoder(options: CoderOptions, createTable?: (dimension: number) => CodeTable): SpannCoder;
  /** Quantises the rows of `values`, row-major, n × dimension, as `quantizeRows` does. */
  quantize(space: Space, dimension: number, values: Float32Array): QuantizedRows;
}

/** Largest magnitude of a query code for which Σ query × code stays within int32: floor((2³¹ − 1) / (127 × dimension)), at most 32767. */
export function queryMax(dimension: number): number {
  return Math.min(32767, Math.floor(2147483647 / (127 * dimension)));
}
