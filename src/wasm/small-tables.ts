/**
 * Keeps small code tables out of WebAssembly. Every WebAssembly memory reserves many gigabytes of addresses, so that a
 * browser gives out about 120 of them to all tabs of a site and their workers, however small, while an app may have hundreds of
 * small collections in use. To be scanned they are laid into a table of the kernel that all of a dimension share (`lent-tables.ts`).
 * Where all memories are given out, tables stay plain, with the same bits and slower, until one is free.
 */

import type { Candidates } from "../core/index/vector/candidates.js";
import { checkAllowed } from "../core/index/vector/check-allowed.js";
import type { EncodedQuery } from "../core/index/vector/encoded-query.js";
import type { Graph, GraphOptions } from "../core/index/vector/graph-kernel.js";
import { ReferenceTable } from "../core/index/vector/reference-kernel.js";
import type { CodedRow, CodeTable, CommonSearch, ScanQuery, VectorKernel } from "../core/index/vector/vector-kernel.js";
import type { Space } from "../core/types.js";
import { LentTables } from "./lent-tables.js";
import { lacksMemory } from "./table-memory.js";

/** Codes that a table may hold before it moves into the kernel. */
const SMALL_BYTES_MAX = 256 * 1024;
/** Calls between two looks for a free memory, at most: the engine collects garbage for each. */
const CALLS_PER_LOOK_MAX = 64;

/** A kernel whose tables begin as plain arrays. */
export function withSmallTables(kernel: VectorKernel, smallBytesMax = SMALL_BYTES_MAX): VectorKernel {
  const looks = new SeldomLooks();
  const lent = new LentTables((dimension) => (looks.isTime() ? tableOrNull(kernel, dimension) : null));
  const createTable = (dimension: number): CodeTable => new GrowingTable(dimension, kernel, lent, smallBytesMax);
  return {
    name: kernel.name,
    get coderBytes() {
      return kernel.coderBytes + lent.byteLength;
    },
    ...(kernel.helpers && { helpers: kernel.helpers }),
    createTable,
    createCoder: (options) => kernel.createCoder(options, createTable),
    quantize: (space, dimension, values) => kernel.quantize(space, dimension, values),
  };
}

class GrowingTable implements CodeTable {
  readonly dimension: number;
  readonly #kernel: VectorKernel;
  readonly #lent: LentTables;
  readonly #smallRowsMax: number;
  /** `null` once the rows have moved. */
  #small: ReferenceTable | null;
  #table: CodeTable;
  #rows = 0;
  readonly #looks = new SeldomLooks();

  constructor(dimension: number, kernel: VectorKernel, lent: LentTables, smallBytesMax: number) {
    this.dimension = dimension;
    this.#kernel = kernel;
    this.#lent = lent;
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
    if (this.#small !== null) this.#lent.set(this.#small, first, codes, slopes, intercepts);
    this.#rows = end;
  }

  scan(query: Int16Array, queryScale: number, r: number, allowed: Uint32Array): Candidates {
    return this.#scanned(allowed).scan(query, queryScale, r, allowed);
  }

  scanMany(queries: readonly ScanQuery[], r: number, allowed: Uint32Array): Candidates[] {
    return this.#scanned(allowed).scanMany(queries, r, allowed);
  }

  /** Where rows are to be scanned. The table that is borrowed may have more rows, which are another's. */
  #scanned(allowed: Uint32Array): CodeTable {
    this.#moveIfLarge(this.#rows);
    if (this.#small === null || this.#rows > this.#smallRowsMax) return this.#table;
    checkAllowed(allowed, this.#rows);
    return this.#lent.borrow(this.#small, this.#rows) ?? this.#table;
  }

  scanTogether(queries: readonly ScanQuery[], r: number, allowed: Uint32Array): CommonSearch | null {
    return this.#table.scanTogether?.(queries, r, allowed) ?? null;
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

  encodeQuery(space: Space, query: Float32Array): EncodedQuery {
    return this.#table.encodeQuery(space, query);
  }

  #moveIfLarge(rows: number): void {
    if (this.#small !== null && rows > this.#smallRowsMax && this.#looks.isTime()) this.#move();
  }

  /** Copies the rows into a table of the kernel, unless there is no memory for one; what was small stays until that has worked. */
  #move(): void {
    const small = this.#small;
    if (small === null) return;
    const table = tableOrNull(this.#kernel, this.dimension);
    if (table === null) return;
    const { codes, slopes, intercepts } = small.rowsTo(this.#rows);
    if (this.#rows > 0) table.set(0, codes, slopes, intercepts);
    this.#table = table;
    this.#small = null;
  }
}

function tableOrNull(kernel: VectorKernel, dimension: number): CodeTable | null {
  try {
    return kernel.createTable(dimension);
  } catch (error) {
    if (!lacksMemory(error)) throw error;
    return null;
  }
}

/** Looks for a memory ever more seldom. */
class SeldomLooks {
  /** Calls to let pass before the next one, and after that. */
  #callsLeft = 0;
  #callsPerLook = 1;

  isTime(): boolean {
    if (this.#callsLeft-- > 0) return false;
    this.#callsLeft = this.#callsPerLook;
    this.#callsPerLook = Math.min(CALLS_PER_LOOK_MAX, 2 * this.#callsPerLook);
    return true;
  }
}
