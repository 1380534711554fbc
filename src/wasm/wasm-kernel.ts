/**
 * Drives the WebAssembly kernel's scans: copies rows and bitmaps in and candidates out, and merges the results of
 * windows. `table-memory.ts` owns the memory.
 */

import { checkAllowed } from "../core/index/check-allowed.js";
import type { Graph, GraphOptions } from "../core/index/graph.js";
import type { Candidates, CodeTable, VectorKernel } from "../core/index/vector-kernel.js";
import { CANDIDATE_BYTES, candidatesAt } from "./candidates-at.js";
import { type KernelExports, TableMemory } from "./table-memory.js";
import { WasmGraph } from "./wasm-graph.js";

/** Rows that one call into the kernel scans: as many as its bitmap window has bits. */
const WINDOW_ROWS = 65_536;
const WINDOW_WORDS = WINDOW_ROWS / 32;
/** Tells the kernel that no distance is too large. */
const NO_LIMIT = NaN;

/** The kernel over a compiled module: one instance, and so one memory, per code table. */
export class WasmKernel implements VectorKernel {
  readonly name: VectorKernel["name"];
  readonly #module: WebAssembly.Module;

  constructor(module: WebAssembly.Module, name: VectorKernel["name"]) {
    this.#module = module;
    this.name = name;
  }

  createTable(dimension: number): CodeTable {
    return new WasmTable(new TableMemory(this.#module, dimension), dimension);
  }
}

class WasmTable implements CodeTable {
  readonly dimension: number;
  readonly #memory: TableMemory;
  #rows = 0;

  constructor(memory: TableMemory, dimension: number) {
    this.dimension = dimension;
    this.#memory = memory;
  }

  get byteLength(): number {
    return this.#memory.buffer.byteLength;
  }

  set(first: number, codes: Int8Array, slopes: Float32Array, intercepts: Float32Array): void {
    const end = first + slopes.length;
    if (end > this.#rows) this.#memory.placeRows(end);
    this.#clearRows(this.#rows, first);
    const { buffer, codeBytes } = this.#memory;
    const view = new DataView(buffer);
    const bytes = new Int8Array(buffer);
    for (let i = 0; i < slopes.length; i++) {
      const row = this.#memory.rowAt(first + i);
      bytes.set(codes.subarray(i * this.dimension, (i + 1) * this.dimension), row);
      bytes.fill(0, row + this.dimension, row + codeBytes);
      view.setFloat32(row + codeBytes, slopes[i]!, true);
      view.setFloat32(row + codeBytes + 4, intercepts[i]!, true);
    }
    this.#rows = Math.max(this.#rows, end);
  }

  scan(query: Int16Array, queryScale: number, r: number, allowed: Uint32Array): Candidates {
    const words = checkAllowed(allowed, this.#rows);
    if (r === 0 || words === 0) return { ordinals: new Uint32Array(0), distances: new Float32Array(0) };
    this.#memory.reserve(this.#memory.scratchAt + CANDIDATE_BYTES * Math.min(r, this.#rows, WINDOW_ROWS));
    new Int16Array(this.#memory.buffer, this.#memory.kernel.queryAt(), query.length).set(query);
    let best = this.#scanWindow(0, Math.min(words, WINDOW_WORDS), r, queryScale, NO_LIMIT, allowed);
    for (let word = WINDOW_WORDS; word < words; word += WINDOW_WORDS) {
      const nearerThan = best.ordinals.length < r ? NO_LIMIT : best.distances[r - 1]!;
      const next = this.#scanWindow(word, Math.min(words, word + WINDOW_WORDS), r, queryScale, nearerThan, allowed);
      best = merge(best, next, r);
    }
    return best;
  }

  fingerprint(ordinal: number): number {
    return this.#memory.kernel.fingerprint(ordinal) >>> 0;
  }

  createGraph(options: GraphOptions): Graph {
    return new WasmGraph(this.#memory, options);
  }

  dotsAndNorms(query: Float32Array, rows: Float32Array): Float64Array {
    return this.#sums(query, rows, 2, this.#memory.kernel.dotsAndNorms);
  }

  squaredDistances(query: Float32Array, rows: Float32Array): Float64Array {
    return this.#sums(query, rows, 1, this.#memory.kernel.squaredDistances);
  }

  /** Scratch memory holds the sums, `perRow` of them, then the query, then the rows. */
  #sums(query: Float32Array, rows: Float32Array, perRow: number, sum: KernelExports["squaredDistances"]): Float64Array {
    const count = rows.length / query.length;
    const out = this.#memory.scratchAt;
    const queryAt = out + 8 * perRow * count;
    const rowsAt = queryAt + query.byteLength;
    this.#memory.reserve(rowsAt + rows.byteLength);
    const floats = new Float32Array(this.#memory.buffer);
    floats.set(query, queryAt / 4);
    floats.set(rows, rowsAt / 4);
    sum(queryAt, rowsAt, query.length, count, out);
    return new Float64Array(this.#memory.buffer, out, perRow * count).slice();
  }

  #scanWindow(
    from: number,
    to: number,
    r: number,
    queryScale: number,
    nearerThan: number,
    allowed: Uint32Array,
  ): Candidates {
    const { kernel, buffer, scratchAt } = this.#memory;
    new Uint32Array(buffer, kernel.windowAt(), WINDOW_WORDS).set(allowed.subarray(from, to));
    const first = from * 32;
    const count = kernel.scan(first, to - from, Math.min(r, WINDOW_ROWS), queryScale, nearerThan, scratchAt);
    return candidatesAt(buffer, scratchAt, count, first);
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
