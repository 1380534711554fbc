/**
 * `SpannCoder` with SIMD. All coders of a kernel share one memory, since engines give out few of them:
 *
 *     tables of the query scanned last · masks of the rotation used last · what a call takes and returns
 *
 * Views of the memory are made anew once it has grown.
 */

import { BaseCoder } from "../core/index/vector/spann/base-coder.js";
import type { CentroidKernel } from "../core/index/vector/spann/centroid-table.js";
import { EVERYTHING, nearerRows, scanFactorsOf } from "../core/index/vector/spann/fast-scan.js";
import { putOrdinals, SUB_BLOCK_ROWS, subBlockBytesOf } from "../core/index/vector/spann/list-layout.js";
import { PlainPages } from "../core/index/vector/spann/plain-pages.js";
import { SHORTENED } from "../core/index/vector/spann/residual-code.js";
import type { Rotation } from "../core/index/vector/spann/rotation.js";
import {
  type CoderOptions,
  LENGTH_MAX,
  type ListMatches,
  type ListPages,
  type ListView,
  type PreparedQuery,
  type Probe,
  type ScanOptions,
  type SpannCoder,
} from "../core/index/vector/spann/spann-kernel.js";
import type { Space } from "../core/types.js";
import { EXACT_SPACES, lacksMemory, TableMemory } from "./table-memory.js";
import { WasmListPages } from "./wasm-list-pages.js";

/** Four bytes of tables a component, four masks of four bytes, at dimension 4,096. */
const TABLES_BYTES = 4 * 4096;
const SIGNS_BYTES = 4 * TABLES_BYTES;
/** Rows that one call into the kernel rotates: with what they become they stay in the processor's cache. */
const ROWS_PER_CALL = 64;
const SUMS_BYTES = 4 * SUB_BLOCK_ROWS;
/** As `assembly/residual-code.ts` numbers them. */
export const SPACES: readonly Space[] = ["l2", "cosine", "ip"];

/** All of the memory, until it grows. */
interface MemoryViews {
  bytes: Uint8Array;
  words: Uint32Array;
  floats: Float32Array;
}

function viewsOf(buffer: ArrayBuffer): MemoryViews {
  return { bytes: new Uint8Array(buffer), words: new Uint32Array(buffer), floats: new Float32Array(buffer) };
}

/** A list in scratch memory, with room behind it for what scans find. */
interface LaidList {
  views: MemoryViews;
  subBlocks: number;
  /** Of each of the three columns that a scan finds. */
  columnBytes: number;
  foundAt: number;
}

/** Copies rows, row-major or an array each, to a place from which on they lie row-major. */
function putRows(rows: Float32Array | readonly Float32Array[], into: Float32Array, at: number): void {
  if (rows instanceof Float32Array) return into.set(rows, at);
  const width = rows[0]?.length ?? 0;
  for (let row = 0; row < rows.length; row++) into.set(rows[row]!, at + row * width);
}

/** The memory of a kernel's coders. */
export class CoderMemory {
  readonly module: WebAssembly.Module;
  readonly #memory: TableMemory;
  readonly tablesAt: number;
  readonly signsAt: number;
  readonly scratchAt: number;
  #views: MemoryViews;
  #query: PreparedQuery | null = null;
  #rotation: Rotation | null = null;
  /** What scratch memory begins with. */
  #rows: Float32Array | null = null;

  constructor(module: WebAssembly.Module) {
    this.module = module;
    this.#memory = new TableMemory(module, 16);
    this.tablesAt = Math.ceil(this.#memory.scratchAt / 16) * 16;
    this.signsAt = this.tablesAt + TABLES_BYTES;
    this.scratchAt = this.signsAt + SIGNS_BYTES;
    this.#memory.reserve(this.scratchAt);
    this.#views = viewsOf(this.#memory.buffer);
  }

  get byteLength(): number {
    return this.#memory.buffer.byteLength;
  }

  get kernel(): TableMemory["kernel"] {
    return this.#memory.kernel;
  }

  /** The memory, with at least so many bytes of scratch. */
  withScratch(bytes: number): ArrayBuffer {
    this.#rows = null;
    this.#memory.reserve(this.scratchAt + bytes);
    return this.#memory.buffer;
  }

  /** Lays rows at the beginning of scratch memory, unless they are there; `bytes` follow them. */
  withRows(rows: Float32Array | readonly Float32Array[], bytes: number): ArrayBuffer {
    if (!(rows instanceof Float32Array)) return this.#withRowsApart(rows, bytes);
    this.#memory.reserve(this.scratchAt + rows.byteLength + bytes);
    if (this.#rows !== rows) new Float32Array(this.#memory.buffer).set(rows, this.scratchAt / 4);
    this.#rows = rows;
    return this.#memory.buffer;
  }

  #withRowsApart(rows: readonly Float32Array[], bytes: number): ArrayBuffer {
    const width = rows[0]?.length ?? 0;
    const buffer = this.withScratch(4 * width * rows.length + bytes);
    putRows(rows, new Float32Array(buffer), this.scratchAt / 4);
    return buffer;
  }

  viewsWithScratch(bytes: number): MemoryViews {
    const buffer = this.withScratch(bytes);
    if (this.#views.bytes.buffer !== buffer) this.#views = viewsOf(buffer);
    return this.#views;
  }

  layTables(query: PreparedQuery): void {
    if (this.#query === query) return;
    new Uint8Array(this.#memory.buffer).set(query.tables, this.tablesAt);
    this.#query = query;
  }

  laySigns(rotation: Rotation): void {
    if (this.#rotation === rotation) return;
    new Uint32Array(this.#memory.buffer).set(rotation.signs, this.signsAt / 4);
    this.#rotation = rotation;
  }
}

export class WasmSpannCoder extends BaseCoder implements SpannCoder {
  readonly #memory: CoderMemory;

  constructor(options: CoderOptions, memory: CoderMemory, kernel: CentroidKernel) {
    super(options, kernel);
    this.#memory = memory;
  }

  rotate(rows: Float32Array, into: Float32Array): void {
    this.#memory.laySigns(this.rotation);
    const count = rows.length / this.dimension;
    for (let from = 0; from < count; from += ROWS_PER_CALL) {
      const to = Math.min(count, from + ROWS_PER_CALL);
      into.set(this.#rotated(rows.subarray(from * this.dimension, to * this.dimension), to - from), from * this.paddedDimension);
    }
  }

  encode(rotatedRows: Float32Array | readonly Float32Array[], ordinals: Uint32Array, centroid: Float32Array): Uint8Array<ArrayBuffer> {
    const { kernel, scratchAt } = this.#memory;
    const bytes = this.listBytes(ordinals.length);
    const rowsAt = scratchAt + centroid.byteLength;
    const listAt = rowsAt + 4 * this.paddedDimension * ordinals.length;
    const buffer = this.#memory.withScratch(listAt + bytes - scratchAt);
    const floats = new Float32Array(buffer);
    floats.set(centroid, scratchAt / 4);
    putRows(rotatedRows, floats, rowsAt / 4);
    new Uint8Array(buffer, listAt, bytes).fill(0);
    kernel.encodeRows(rowsAt, ordinals.length, this.paddedDimension, scratchAt, listAt, SPACES.indexOf(this.space), SHORTENED);
    const list = new Uint8Array(buffer, listAt, bytes).slice();
    putOrdinals(list, this.paddedDimension, ordinals);
    return list;
  }

  prepare(rotatedQuery: Float32Array): PreparedQuery {
    const { kernel, scratchAt } = this.#memory;
    const queryAt = scratchAt + 32;
    const tablesAt = queryAt + rotatedQuery.byteLength;
    const buffer = this.#memory.withScratch(tablesAt + rotatedQuery.byteLength - scratchAt);
    new Float32Array(buffer).set(rotatedQuery, queryAt / 4);
    kernel.prepareTables(queryAt, rotatedQuery.length, tablesAt, scratchAt);
    const [step, minimum, squaredNorm, tableError] = new Float64Array(buffer, scratchAt, 4) as unknown as [number, number, number, number];
    const tables = new Uint8Array(buffer, tablesAt, 4 * rotatedQuery.length).slice();
    return { rotated: rotatedQuery, squaredNorm, tables, step, minimum, tableError, estimable: squaredNorm < SHORTENED };
  }

  scan(list: Uint8Array, query: PreparedQuery, probe: Probe, options: ScanOptions): ListMatches {
    return this.#scanLaid(this.#layList(list, 1), 0, { query, probe }, options);
  }

  nearer(list: Uint8Array, own: ListView, others: readonly ListView[]): Uint32Array {
    const views = [own, ...others];
    const laid = this.#layList(list, views.length);
    const found = views.map((view, at) => this.#scanLaid(laid, at, view, EVERYTHING));
    return nearerRows(this.space, views, found);
  }

  /** Where there is no memory for them, each page is brought into the coders' memory to be scanned. */
  createPages(bytesMax: number): ListPages {
    try {
      return new WasmListPages(this.#memory.module, this.paddedDimension, bytesMax);
    } catch (error) {
      if (!lacksMemory(error)) throw error;
      return new PlainPages(this);
    }
  }

  /** Scratch memory holds the list, then sums, then what each scan finds: ordinals, estimates and sigmas. */
  #layList(list: Uint8Array, scans: number): LaidList {
    const { scratchAt } = this.#memory;
    const subBlocks = list.length / subBlockBytesOf(this.paddedDimension);
    const columnBytes = 4 * SUB_BLOCK_ROWS * subBlocks;
    const foundAt = scratchAt + list.length + SUMS_BYTES;
    const views = this.#memory.viewsWithScratch(foundAt + 3 * scans * columnBytes - scratchAt);
    views.bytes.set(list, scratchAt);
    return { views, subBlocks, columnBytes, foundAt };
  }

  #scanLaid({ views, subBlocks, columnBytes, foundAt: first }: LaidList, at: number, view: ListView, options: ScanOptions): ListMatches {
    const { kernel, tablesAt, scratchAt } = this.#memory;
    const foundAt = first + 3 * at * columnBytes;
    this.#memory.layTables(view.query);
    const { step, minimum, base, weight, spread, epsilon, limit, below } = scanFactorsOf(view.query, view.probe, options);
    kernel.beginScan(step, minimum, epsilon, below, foundAt, foundAt + columnBytes, foundAt + 2 * columnBytes);
    const sumsAt = first - SUMS_BYTES;
    const count = kernel.scanList(scratchAt, subBlocks, this.paddedDimension, tablesAt, sumsAt, base, weight, spread, limit);
    const column = (of: number): number => (foundAt + of * columnBytes) / 4;
    return {
      ordinals: views.words.subarray(column(0), column(0) + count),
      estimates: views.floats.subarray(column(1), column(1) + count),
      sigmas: views.floats.subarray(column(2), column(2) + count),
    };
  }

  /** Scratch memory holds the rows, then distances, then the query. */
  exactDistances(space: Space, query: Float32Array, rows: Float32Array): Float32Array {
    const { kernel, scratchAt } = this.#memory;
    const count = rows.length / query.length;
    const outAt = scratchAt + rows.byteLength;
    const queryAt = outAt + 4 * count;
    const buffer = this.#memory.withRows(rows, 4 * count + query.byteLength);
    new Float32Array(buffer).set(query, queryAt / 4);
    kernel.exactDistances(EXACT_SPACES[space], queryAt, scratchAt, query.length, count, outAt);
    return new Float32Array(buffer, outAt, count);
  }

  /** Scratch memory holds the rows, then the points, then distances. */
  squaredDistances(points: Float32Array, rows: Float32Array | readonly Float32Array[], paddedDimension: number): Float32Array {
    const { kernel, scratchAt } = this.#memory;
    const count = rows instanceof Float32Array ? rows.length / paddedDimension : rows.length;
    const pointCount = points.length / paddedDimension;
    const pointsAt = scratchAt + 4 * paddedDimension * count;
    const outAt = pointsAt + points.byteLength;
    const buffer = this.#memory.withRows(rows, points.byteLength + 4 * count * pointCount);
    new Float32Array(buffer).set(points, pointsAt / 4);
    kernel.squaredDistances(pointsAt, pointCount, scratchAt, paddedDimension, count, outAt);
    return new Float32Array(buffer, outAt, count * pointCount).slice();
  }

  /** Scratch memory holds the rows, then sums, then sides. */
  mean(rows: Float32Array, sides: Uint8Array, side: number): Float32Array {
    const { kernel, scratchAt } = this.#memory;
    const sumsAt = scratchAt + rows.byteLength;
    const sidesAt = sumsAt + 4 * this.paddedDimension;
    const buffer = this.#memory.withRows(rows, sidesAt + sides.length - sumsAt);
    new Uint8Array(buffer).set(sides, sidesAt);
    const sums = new Float32Array(buffer, sumsAt, this.paddedDimension).fill(0);
    const count = kernel.addRows(scratchAt, this.paddedDimension, sides.length, sidesAt, side, sumsAt);
    const mean = new Float32Array(sums.length);
    for (let i = 0; i < mean.length; i++) mean[i] = sums[i]! / count;
    return mean;
  }

  /** A view of up to `ROWS_PER_CALL` rotated rows, until the next call. */
  #rotated(rows: Float32Array, count: number): Float32Array {
    const { kernel, signsAt, scratchAt } = this.#memory;
    const intoAt = scratchAt + Math.ceil(rows.byteLength / 16) * 16;
    const values = count * this.paddedDimension;
    const buffer = this.#memory.withScratch(intoAt + 4 * values - scratchAt);
    new Float32Array(buffer).set(rows, scratchAt / 4);
    const { span } = this.rotation;
    const normalise = this.space === "cosine";
    kernel.rotateRows(scratchAt, count, this.dimension, intoAt, this.paddedDimension, signsAt, span, normalise, LENGTH_MAX);
    return new Float32Array(buffer, intoAt, values);
  }
}
