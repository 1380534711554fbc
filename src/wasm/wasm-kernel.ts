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
  QUERIES_PER_PASS,
  queryMax,
  type ScanQuery,
  type VectorKernel,
} from "../core/index/vector/vector-kernel.js";
import type { Space } from "../core/types.js";
import { CANDIDATE_BYTES, candidatesIn } from "./candidates-at.js";
import { EXACT_SPACES, TableMemory } from "./table-memory.js";
import { WasmGraph } from "./wasm-graph.js";
import { quantizeIn } from "./wasm-quantize.js";
import { CoderMemory, WasmSpannCoder } from "./wasm-spann-coder.js";

/** Rows that one call into the kernel scans: as many as its bitmap window has bits. */
const WINDOW_ROWS = 65_536;
const WINDOW_WORDS = WINDOW_ROWS / 32;
/** The slot of a query, in numbers of four bytes: its scale, the limit of its results and how many it holds. */
const SLOT_NUMBERS = 4;
const LIMIT_OFFSET = 1;
const HELD_OFFSET = 2;
/** Scale, norm and error of a query. */
const QUERY_NUMBERS_BYTES = 24;
/** Tells the kernel that no distance is too large. */
const NO_LIMIT = NaN;

/** The kernel over a compiled module: one instance, and so one memory, per code table, and one for all coders and the quantiser. */
export class WasmKernel implements VectorKernel {
  readonly name: VectorKernel["name"];
  readonly #module: WebAssembly.Module;
  readonly #coders: CoderMemory;

  /** What every write needs is taken at once: later there may be none. */
  constructor(module: WebAssembly.Module, name: VectorKernel["name"]) {
    this.#module = module;
    this.#coders = new CoderMemory(module);
    this.name = name;
  }

  get coderBytes(): number {
    return this.#coders.byteLength;
  }

  createTable(dimension: number): CodeTable {
    return new WasmTable(new TableMemory(this.#module, dimension), dimension);
  }

  createCoder(options: CoderOptions, createTable = (dimension: number) => this.createTable(dimension)): SpannCoder {
    return new WasmSpannCoder(options, this.#coders, { createTable, quantize: (...rows) => this.quantize(...rows) });
  }

  quantize(space: Space, dimension: number, values: Float32Array): QuantizedRows {
    return quantizeIn(this.#coders, space, dimension, values);
  }
}

/** All of a table's memory, until it grows. */
interface TableViews {
  buffer: ArrayBuffer;
  shorts: Int16Array;
  words: Uint32Array;
  floats: Float32Array;
  doubles: Float64Array;
}

function viewsOf(buffer: ArrayBuffer): TableViews {
  return {
    buffer,
    shorts: new Int16Array(buffer),
    words: new Uint32Array(buffer),
    floats: new Float32Array(buffer),
    doubles: new Float64Array(buffer),
  };
}

class WasmTable implements CodeTable {
  readonly dimension: number;
  readonly #memory: TableMemory;
  readonly #queriesAt: number[];
  readonly #slotsAt: number;
  readonly #windowAt: number;
  #views: TableViews;
  #rows = 0;

  constructor(memory: TableMemory, dimension: number) {
    this.dimension = dimension;
    this.#memory = memory;
    this.#queriesAt = Array.from({ length: QUERIES_PER_PASS }, (_, slot) => memory.kernel.queryAt(slot) / 2);
    this.#slotsAt = memory.kernel.slotsAt() / 4;
    this.#windowAt = memory.kernel.windowAt() / 4;
    this.#views = viewsOf(memory.buffer);
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
      found.push(...this.#pass(queries.slice(from, from + QUERIES_PER_PASS), r, allowed, words));
    }
    return found;
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
    return new WasmGraph(this.#memory, options);
  }

  /** Scratch memory holds the distances, then the query, then the rows. */
  exactDistances(space: Space, query: Float32Array, rows: Float32Array): Float32Array {
    const count = rows.length / query.length;
    const out = this.#memory.scratchAt;
    const queryAt = out + 4 * count;
    const rowsAt = queryAt + query.byteLength;
    this.#memory.reserve(rowsAt + rows.byteLength);
    const { floats } = this.#viewsNow();
    floats.set(query, queryAt / 4);
    floats.set(rows, rowsAt / 4);
    this.#memory.kernel.exactDistances(EXACT_SPACES[space], queryAt, rowsAt, query.length, count, out);
    return floats.subarray(out / 4, out / 4 + count);
  }

  #viewsNow(): TableViews {
    if (this.#views.buffer !== this.#memory.buffer) this.#views = viewsOf(this.#memory.buffer);
    return this.#views;
  }

  /** Scratch memory holds the numbers, then the codes, then the query. */
  encodeQuery(space: Space, query: Float32Array): EncodedQuery {
    const { length } = query;
    const numbersAt = Math.ceil(this.#memory.scratchAt / 8) * 8;
    const codesAt = numbersAt + QUERY_NUMBERS_BYTES;
    const queryAt = codesAt + Math.ceil(length / 2) * 4;
    this.#memory.reserve(queryAt + query.byteLength);
    const { shorts, floats, doubles } = this.#viewsNow();
    floats.set(query, queryAt / 4);
    if (!this.#memory.kernel.encodeQuery(queryAt, length, space === "cosine", queryMax(length), codesAt, numbersAt)) {
      return encodeQuery(space, query);
    }
    const codes = carved(Int16Array, length);
    codes.set(shorts.subarray(codesAt / 2, codesAt / 2 + length));
    const [scale, norm, error] = [doubles[numbersAt / 8]!, doubles[numbersAt / 8 + 1]!, doubles[numbersAt / 8 + 2]!];
    return { vector: query, codes, scale, norm, error };
  }

  /** One pass over the rows, window by window, for as many queries as there are slots. */
  #pass(queries: readonly ScanQuery[], r: number, allowed: Uint32Array, words: number): Candidates[] {
    const kept = Math.min(r, this.#rows, WINDOW_ROWS);
    this.#memory.reserve(this.#memory.scratchAt + queries.length * CANDIDATE_BYTES * kept);
    this.#viewsNow();
    for (let slot = 0; slot < queries.length; slot++) this.#views.shorts.set(queries[slot]!.codes, this.#queriesAt[slot]!);
    let best = this.#scanWindow(0, Math.min(words, WINDOW_WORDS), kept, queries, () => NO_LIMIT, allowed);
    for (let word = WINDOW_WORDS; word < words; word += WINDOW_WORDS) {
      const limitOf = (slot: number): number => (best[slot]!.ordinals.length < r ? NO_LIMIT : best[slot]!.distances[r - 1]!);
      const next = this.#scanWindow(word, Math.min(words, word + WINDOW_WORDS), kept, queries, limitOf, allowed);
      best = best.map((near, slot) => merge(near, next[slot]!, r));
    }
    return best;
  }

  #scanWindow(
    from: number,
    to: number,
    kept: number,
    queries: readonly ScanQuery[],
    limitOf: (slot: number) => number,
    allowed: Uint32Array,
  ): Candidates[] {
    const { kernel, scratchAt } = this.#memory;
    const { words, floats } = this.#views;
    words.set(allowed.subarray(from, to), this.#windowAt);
    for (let slot = 0; slot < queries.length; slot++) {
      const at = this.#slotsAt + SLOT_NUMBERS * slot;
      floats[at] = queries[slot]!.scale;
      floats[at + LIMIT_OFFSET] = limitOf(slot);
      words[at + HELD_OFFSET] = 0;
    }
    const first = from * 32;
    kernel.scan(first, to - from, kept, queries.length, scratchAt);
    return queries.map((_, slot) => {
      const held = words[this.#slotsAt + SLOT_NUMBERS * slot + HELD_OFFSET]!;
      return candidatesIn(floats, words, (scratchAt + CANDIDATE_BYTES * kept * slot) / 4, held, first);
    });
  }

  /** Rows that are skipped over hold what scratch memory left there. */
  #clearRows(from: number, to: number): void {
    for (let ordinal = from; ordinal < to; ordinal++) {
      const row = this.#memory.rowAt(ordinal);
      new Uint8Array(this.#memory.buffer, row, this.#memory.rowBytes).fill(0);
    }
  }
}

/** The `r` nearest of two ascending lists. Every ordinal of `near` is below those of `far`, so it wins ties. */
function merge(near: Candidates, far: Candidates, r: number): Candidates {
  const count = Math.min(r, near.ordinals.length + far.ordinals.length);
  const ordinals = new Uint32Array(count);
  const distances = new Float32Array(count);
  let i = 0;
  let j = 0;
  for (let n = 0; n < count; n++) {
    const takeNear = j === far.ordinals.length || (i < near.ordinals.length && near.distances[i]! <= far.distances[j]!);
    const from = takeNear ? near : far;
    const index = takeNear ? i++ : j++;
    ordinals[n] = from.ordinals[index]!;
    distances[n] = from.distances[index]!;
  }
  return { ordinals, distances };
}
