/**
 * Keeps small code tables out of WebAssembly. Every WebAssembly memory reserves many gigabytes of addresses, so that a
 * browser gives out about 120 of them to all tabs of a site and their workers, however small, while an app may have hundreds of
 * small collections in use. For a few hundred rows the plain kernel is as good: it answers in less than a millisecond, and with
 * the same bits. Where all memories are given out, larger tables stay there too, slower, until one is free.
 */

import type { Candidates } from "../core/index/vector/candidates.js";
import type { Graph, GraphOptions } from "../core/index/vector/graph-kernel.js";
import { ReferenceTable } from "../core/index/vector/reference-kernel.js";
import type { CodedRow, CodeTable, ScanQuery, VectorKernel } from "../core/index/vector/vector-kernel.js";
import type { Space } from "../core/types.js";
import { lacksMemory } from "./table-memory.js";

/** Codes that a table may hold before it moves into the kernel. */
const SMALL_BYTES_MAX = 256 * 1024;
/** Writes and scans between two looks for a free memory, at most: the engine collects garbage for each. */
const CALLS_PER_LOOK_MAX = 64;

/** A kernel whose tables begin as plain arrays. */
export function withSmallTables(kernel: VectorKernel, smallBytesMax = SMALL_BYTES_MAX): VectorKernel {
  const createTable = (dimension: number): CodeTable => new GrowingTable(dimension, kernel, smallBytesMax);
  return {
    name: kernel.name,
    get coderBytes() {
      return kernel.coderBytes;
    },
    createTable,
    createCoder: (options) => kernel.createCoder(options, createTable),
    quantize: (space, dimension, values) => kernel.quantize(space, dimension, values),
  };
}

class GrowingTable implements CodeTable {
  readonly dimension: number;
  readonly #kernel: VectorKernel;
  readonly #smallRowsMax: number;
  /** `null` once the rows have moved. */
  #small: ReferenceTable | null;
  #table: CodeTable;
  #rows = 0;
  /** Calls to let pass before the next look for a memory, and after that. */
  #callsLeft = 0;
  #callsPerLook = 1;

  constructor(dimension: number, kernel: VectorKernel, smallBytesMax: number) {
    this.dimension = dimension;
    this.#kernel = kernel;
    this.#smallRowsMax = Math.floor(smallBytesMax / dimension);
    this.#table = this.#small = new ReferenceTable(dimension);
  }

  get byteLength(): number {
    return this.#table.byteLength;
  }

  set(first: number, codes: Int8Array, slopes: Float32Array, intercepts: Float32Array): void {
    const end = Math.max(this.#rows, first + slopes.length);
    this.#moveIfLarge(end);
    this.#table.set(first, codes, slopes, intercepts);
    this.#rows = end;
  }

  scan(query: Int16Array, queryScale: number, r: number, allowed: Uint32Array): Candidates {
    this.#moveIfLarge(this.#rows);
    return this.#table.scan(query, queryScale, r, allowed);
  }

  scanMany(queries: readonly ScanQuery[], r: number, allowed: Uint32Array): Candidates[] {
    this.#moveIfLarge(this.#rows);
    return this.#table.scanMany(queries, r, allowed);
  }

  row(ordinal: number): CodedRow {
    return this.#table.row(ordinal);
  }

  fingerprint(ordinal: number): number {
    return this.#table.fingerprint(ordinal);
  }

  /** A graph lies in the memory of the table, and so where it is made. */
  createGraph(options: GraphOptions): Graph {
    this.#move();
    this.#small = null;
    return this.#table.createGraph(options);
  }

  exactDistances(space: Space, query: Float32Array, rows: Float32Array): Float32Array {
    return this.#table.exactDistances(space, query, rows);
  }

  #moveIfLarge(rows: number): void {
    if (this.#small === null || rows <= this.#smallRowsMax || this.#callsLeft-- > 0) return;
    this.#move();
    this.#callsLeft = this.#callsPerLook;
    this.#callsPerLook = Math.min(CALLS_PER_LOOK_MAX, 2 * this.#callsPerLook);
  }

  /** Copies the rows into a table of the kernel, unless there is no memory for one; what was small stays until that has worked. */
  #move(): void {
    const small = this.#small;
    if (small === null) return;
    const table = this.#createTable();
    if (table === null) return;
    const ordinals = Array.from({ length: this.#rows }, (_, ordinal) => ordinal);
    const slopes = Float32Array.from(ordinals, (ordinal) => small.slope(ordinal));
    const intercepts = Float32Array.from(ordinals, (ordinal) => small.intercept(ordinal));
    if (this.#rows > 0) table.set(0, small.codeRows(this.#rows), slopes, intercepts);
    this.#table = table;
    this.#small = null;
  }

  #createTable(): CodeTable | null {
    try {
      return this.#kernel.createTable(this.dimension);
    } catch (error) {
      if (!lacksMemory(error)) throw error;
      return null;
    }
  }
}
