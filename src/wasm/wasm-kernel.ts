/**
 * Drives the WebAssembly kernel's scans: copies rows and bitmaps in and candidates out, and merges the results of
 * windows. `table-memory.ts` owns the memory.
 */

import { carved } from "../core/base/slab.js";
import type { Candidates } from "../core/index/vector/candidates.js";
import { checkAllowed } from "../core/index/vector/check-allowed.js";
import type { Graph, GraphOptions } from "../core/index/vector/graph-kernel.js";
import { type EncodedQuery, encodeQuery, type QuantizedRows } from "../core/index/vector/quantize.js";
import type { CoderOptions, SpannCoder } from "../core/index/vector/spann/spann-kernel.js";
import {
  type CodedRow,
  type CodeTable,
  type CommonSearch,
  QUERIES_PER_PASS,
  queryMax,
  type ScanQuery,
  type VectorKernel,
} from "../core/index/vector/vector-kernel.js";
import type { Space } from "../core/types.js";
import { scanPass } from "./scan-pass.js";
import type { LackingHelpers, TableHelpers } from "./table-helpers.js";
import { EXACT_SPACES, TableMemory } from "./table-memory.js";
import { WasmGraph } from "./wasm-graph.js";
import { quantizeIn } from "./wasm-quantize.js";
import { CoderMemory, WasmSpannCoder } from "./wasm-spann-coder.js";

/** Scale, norm and error of a query. */
const QUERY_NUMBERS_BYTES = 24;

/**
 * The kernel over a compiled module: one instance, and so one memory, per code table, and one for all coders and the quantiser. Tables
 * are in shared memory where there may be helpers.
 */
export class WasmKernel implements VectorKernel {
  readonly name: VectorKernel["name"];
  readonly #module: WebAssembly.Module;
  readonly #coders: CoderMemory;
  readonly helpers?: TableHelpers | LackingHelpers;

  /** What every write needs is taken at once: later there may be none. */
  constructor(module: WebAssembly.Module, name: VectorKernel["name"], helpers?: TableHelpers | LackingHelpers) {
    this.#module = module;
    this.#coders = new CoderMemory(module);
    this.name = name;
    if (helpers !== undefined) this.helpers = helpers;
  }

  get coderBytes(): number {
    return this.#coders.byteLength + (this.helpers?.byteLength ?? 0);
  }

  createTable(dimension: number): CodeTable {
    const helpers = this.helpers?.isWanted ? this.helpers : null;
    const memory = helpers?.newMemory();
    if (!helpers || !memory) return new WasmTable(new TableMemory(this.#module, dimension), null);
    return new WasmTable(new TableMemory(helpers.module, dimension, { memory }), helpers);
  }

  createCoder(options: CoderOptions, createTable = (dimension: number) => this.createTable(dimension)): SpannCoder {
    return new WasmSpannCoder(options, this.#coders, { createTable, quantize: (...rows) => this.quantize(...rows) });
  }

  quantize(space: Space, dimension: number, values: Float32Array): QuantizedRows {
    return quantizeIn(this.#coders, space, dimension, values);
  }
}

class WasmTable implements CodeTable {
  readonly dimension: number;
  readonly #memory: TableMemory;
  /** `null` where memory is not shared. */
  readonly #helpers: TableHelpers | null;
  #rows = 0;

  constructor(memory: TableMemory, helpers: TableHelpers | null) {
    this.dimension = memory.dimension;
    this.#memory = memory;
    this.#helpers = helpers;
  }

  get byteLength(): number {
    return this.#memory.buffer.byteLength;
  }

  set(first: number, codes: Int8Array, slopes: Float32Array, intercepts: Float32Array): void {
    const end = first + slopes.length;
    if (end > this.#rows) this.#memory.placeRows(end);
    this.#clearRows(this.#rows, first);
    const { buffer, codeBytes } = this.#memory;
    const bytes = new Int8Array(buffer);
    const factors = new Float32Array(buffer);
    for (let i = 0; i < slopes.length; i++) {
      const row = this.#memory.rowAt(first + i);
      bytes.set(codes.subarray(i * this.dimension, (i + 1) * this.dimension), row);
      if (codeBytes > this.dimension) bytes.fill(0, row + this.dimension, row + codeBytes);
      factors[(row + codeBytes) / 4] = slopes[i]!;
      factors[(row + codeBytes) / 4 + 1] = intercepts[i]!;
    }
    this.#memory.kernel.noteRows(first, end);
    this.#rows = Math.max(this.#rows, end);
  }

  scan(query: Int16Array, queryScale: number, r: number, allowed: Uint32Array): Candidates {
    return this.scanMany([{ codes: query, scale: queryScale }], r, allowed)[0]!;
  }

  scanMany(queries: readonly ScanQuery[], r: number, allowed: Uint32Array): Candidates[] {
    const words = checkAllowed(allowed, this.#rows);
    if (r === 0 || words === 0) return queries.map(() => ({ ordinals: new Uint32Array(0), distances: new Float32Array(0) }));
    const found: Candidates[] = [];
    for (let from = 0; from < queries.length; from += QUERIES_PER_PASS) {
      found.push(...scanPass(this.#memory, queries.slice(from, from + QUERIES_PER_PASS), { r, rows: this.#rows, allowed, words }));
    }
    return found;
  }

  scanTogether(queries: readonly ScanQuery[], r: number, allowed: Uint32Array): CommonSearch | null {
    const words = checkAllowed(allowed, this.#rows);
    return this.#helpers?.scan(this.#memory, queries, { r, rows: this.#rows, allowed, words }) ?? null;
  }

  row(ordinal: number): CodedRow {
    const { buffer, codeBytes } = this.#memory;
    const at = this.#memory.rowAt(ordinal);
    const factors = new Float32Array(buffer, at + codeBytes, 2);
    return { codes: new Int8Array(buffer, at, this.dimension), slope: factors[0]!, intercept: factors[1]! };
  }

  fingerprint(ordinal: number): number {
    return this.#memory.kernel.fingerprint(ordinal) >>> 0;
  }

  createGraph(options: GraphOptions): Graph {
    return new WasmGraph(this.#memory, options, this.#helpers);
  }

  /** Scratch memory holds the distances, then the query, then the rows. */
  exactDistances(space: Space, query: Float32Array, rows: Float32Array): Float32Array {
    const count = rows.length / query.length;
    const out = this.#memory.scratchAt;
    const queryAt = out + 4 * count;
    const rowsAt = queryAt + query.byteLength;
    this.#memory.reserve(rowsAt + rows.byteLength);
    const { floats } = this.#memory.views;
    floats.set(query, queryAt / 4);
    floats.set(rows, rowsAt / 4);
    this.#memory.kernel.exactDistances(EXACT_SPACES[space], queryAt, rowsAt, query.length, count, out);
    return floats.subarray(out / 4, out / 4 + count);
  }

  /** Scratch memory holds the numbers, then the codes, then the query. */
  encodeQuery(space: Space, query: Float32Array): EncodedQuery {
    const { length } = query;
    const numbersAt = Math.ceil(this.#memory.scratchAt / 8) * 8;
    const codesAt = numbersAt + QUERY_NUMBERS_BYTES;
    const queryAt = codesAt + Math.ceil(length / 2) * 4;
    this.#memory.reserve(queryAt + query.byteLength);
    const { shorts, floats, doubles } = this.#memory.views;
    floats.set(query, queryAt / 4);
    if (!this.#memory.kernel.encodeQuery(queryAt, length, space === "cosine", queryMax(length), codesAt, numbersAt)) {
      return encodeQuery(space, query);
    }
    const codes = carved(Int16Array, length);
    codes.set(shorts.subarray(codesAt / 2, codesAt / 2 + length));
    const [scale, norm, error] = [doubles[numbersAt / 8]!, doubles[numbersAt / 8 + 1]!, doubles[numbersAt / 8 + 2]!];
    return { vector: query, codes, scale, norm, error };
  }

  /** Rows that are skipped over hold what scratch memory left there. */
  #clearRows(from: number, to: number): void {
    for (let ordinal = from; ordinal < to; ordinal++) {
      const row = this.#memory.rowAt(ordinal);
      new Uint8Array(this.#memory.buffer, row, this.#memory.rowBytes).fill(0);
    }
  }
}
