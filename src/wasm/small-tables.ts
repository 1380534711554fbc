/**
 * Keeps small code tables out of WebAssembly. Every WebAssembly memory reserves many gigabytes of addresses, so that a
 * browser gives out about 120 of them, however small, while an app may have hundreds of small collections in use. For a
 * few hundred rows the plain kernel is as good: it answers in less than a millisecond, and with the same bits.
 */

import type { Candidates } from "../core/index/vector/candidates.js";
import type { Graph, GraphOptions } from "../core/index/vector/graph-kernel.js";
import { ReferenceTable } from "../core/index/vector/reference-kernel.js";
import type { CodedRow, CodeTable, ScanQuery, VectorKernel } from "../core/index/vector/vector-kernel.js";
import type { Space } from "../core/types.js";

/** Codes that a table may hold before it moves into the kernel. */
const SMALL_BYTES_MAX = 256 * 1024;

/** A kernel whose tables begin as plain arrays. */
export function withSmallTables(kernel: VectorKernel, smallBytesMax = SMALL_BYTES_MAX): VectorKernel {
  return {
    name: kernel.name,
    get coderBytes() {
      return kernel.coderBytes;
    },
    createTable: (dimension) => new GrowingTable(dimension, kernel, smallBytesMax),
    createCoder: (options) => kernel.createCoder(options),
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
    if (end > this.#smallRowsMax) this.#move();
    this.#table.set(first, codes, slopes, intercepts);
    this.#rows = end;
  }

  scan(query: Int16Array, queryScale: number, r: number, allowed: Uint32Array): Candidates {
    return this.#table.scan(query, queryScale, r, allowed);
  }

  scanMany(queries: readonly ScanQuery[], r: number, allowed: Uint32Array): Candidates[] {
    return this.#table.scanMany(queries, r, allowed);
  }

  row(ordinal: number): CodedRow {
    return this.#table.row(ordinal);
  }

  fingerprint(ordinal: number): number {
    return this.#table.fingerprint(ordinal);
  }

  /** A graph lies in the memory of the kernel's table. */
  createGraph(options: GraphOptions): Graph {
    this.#move();
    return this.#table.createGraph(options);
  }

  exactDistances(space: Space, query: Float32Array, rows: Float32Array): Float32Array {
    return this.#table.exactDistances(space, query, rows);
  }

  /** Copies the rows into a table of the kernel; what was small stays until that has worked. */
  #move(): void {
    const small = this.#small;
    if (small === null) return;
    const table = this.#kernel.createTable(this.dimension);
    const ordinals = Array.from({ length: this.#rows }, (_, ordinal) => ordinal);
    const slopes = Float32Array.from(ordinals, (ordinal) => small.slope(ordinal));
    const intercepts = Float32Array.from(ordinals, (ordinal) => small.intercept(ordinal));
    if (this.#rows > 0) table.set(0, small.codeRows(this.#rows), slopes, intercepts);
    this.#table = table;
    this.#small = null;
  }
}
