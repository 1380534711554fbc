/**
 * The memory of one code table: a WebAssembly instance of its own, and which of its bytes are what. The layout is told in
 * `assembly/layout.ts`; this file places row chunks, node chunks and towers one after the other, enters the chunks in the
 * directory and grows the memory. Nothing placed is ever moved or freed. Views of the memory are made anew for every use,
 * because growing detaches them; addresses are unsigned, but arrive from the kernel as signed integers.
 *
 * Memory may be shared with helpers, each of which has an instance of its own over it, and a desk, which `helper-pool.ts` places.
 */

import { TidepoolError } from "../core/errors.js";
import { QUERIES_PER_PASS } from "../core/index/vector/vector-kernel.js";
import type { Space } from "../core/types.js";

const PAGE_BYTES = 65_536;
/** As the kernel's import of memory says. */
export const PAGES_MAX = 65_536;
/** Memory is grown by an eighth more than asked for, at most this much, to grow seldom. */
const HEADROOM_PAGES_MAX = 256;
/** Chunks hold as many rows as fit, rounded down to a power of two: more than half of this, so the directory reaches 4 GiB. */
const ROW_CHUNK_BYTES_MAX = 2 * 1024 * 1024;

/** As `exactDistances` of the kernel numbers them. */
export const EXACT_SPACES: Record<Space, number> = { l2: 0, ip: 1, cosine: 2 };

/** What `assembly/kernel.ts` exports. */
export interface KernelExports {
  memory: WebAssembly.Memory;
  init(dimension: number, chunkShift: number): void;
  workAt(desk: number): void;
  deskBytes(): number;
  windowAt(): number;
  directoryAt(): number;
  slotsAt(): number;
  queryAt(slot: number): number;
  deskEnd(): number;
  noteRows(from: number, to: number): void;
  longestRow(): number;
  noteLongest(value: number): void;
  scan(firstOrdinal: number, words: number, r: number, queries: number, heapsAt: number): void;
  encodeQuery(queryAt: number, dimension: number, isCosine: boolean, codeMax: number, codesAt: number, numbersAt: number): number;
  exactDistances(space: number, queryAt: number, rowsAt: number, dimension: number, count: number, out: number): void;
  squaredDistances(pointsAt: number, points: number, rowsAt: number, padded: number, count: number, out: number): void;
  addRows(rowsAt: number, padded: number, count: number, sidesAt: number, side: number, sumsAt: number): number;
  fingerprint(ordinal: number): number;
  layChecksumTables(tables: number): void;
  checksum(at: number, blocks: number, tables: number, register: number): number;
  checksumRows(at: number, width: number, tables: number): void;
  quantizeRows(rowsAt: number, count: number, dimension: number, space: number, normMax: number, codesAt: number, numbersAt: number): void;
  rotateRows(
    rowsAt: number,
    count: number,
    dimension: number,
    intoAt: number,
    padded: number,
    signsAt: number,
    span: number,
    normalise: boolean,
    longest: number,
  ): void;
  encodeRows(rowsAt: number, count: number, padded: number, centroidAt: number, listAt: number, space: number, shortened: number): void;
  prepareTables(queryAt: number, padded: number, tablesAt: number, out: number): void;
  beginScan(step: number, minimum: number, epsilon: number, below: number, ordinalsAt: number, estimatesAt: number, sigmasAt: number): void;
  scanList(
    listAt: number,
    subBlocks: number,
    padded: number,
    tablesAt: number,
    sumsAt: number,
    base: number,
    weight: number,
    spread: number,
    limit: number,
  ): number;
  scanPages(probesAt: number, count: number, pagesAt: number, padded: number, tablesAt: number, sumsAt: number): void;
  initGraph(M: number, efConstruction: number, slopeFactor: number, interceptFactor: number): number;
  layScratch(at: number, ordinals: number, beam: number): number;
  allowedAt(): number;
  resultsAt(): number;
  entryOrdinal(): number;
  restoreEntry(ordinal: number): void;
  clearGraph(): void;
  insert(ordinal: number, level: number): void;
  hang(ordinal: number, level: number): void;
  tie(ordinalsAt: number, count: number, part: number, parts: number): void;
  staleNodes(): number;
  noteStale(count: number): void;
  retire(ordinal: number): void;
  repair(from: number, to: number): void;
  release(ordinal: number, end: number): void;
  adopt(ordinal: number): number;
  search(queryScale: number, beam: number, filtered: boolean): number;
}

/** All of a memory, until it grows. */
export interface MemoryViews {
  buffer: ArrayBuffer;
  shorts: Int16Array;
  words: Uint32Array;
  floats: Float32Array;
  doubles: Float64Array;
}

export function viewsOf(buffer: ArrayBuffer): MemoryViews {
  return {
    buffer,
    shorts: new Int16Array(buffer),
    words: new Uint32Array(buffer),
    floats: new Float32Array(buffer),
    doubles: new Float64Array(buffer),
  };
}

/** Where an instance's scans have what they work with, as indexes of views. */
export interface Spots {
  queries: readonly number[];
  slots: number;
  window: number;
}

export function spotsOf(kernel: KernelExports): Spots {
  const queries = Array.from({ length: QUERIES_PER_PASS }, (_, slot) => kernel.queryAt(slot) / 2);
  return { queries, slots: kernel.slotsAt() / 4, window: kernel.windowAt() / 4 };
}

/** An instance of the kernel, and what it may use of its memory. */
export interface Workplace {
  readonly kernel: KernelExports;
  readonly views: MemoryViews;
  readonly spots: Spots;
  /** Where scratch memory begins. */
  readonly scratchAt: number;
  /** Makes sure of memory up to an address. */
  reserve(bytes: number): void;
}

/** A helper's place in shared memory: its desk, and behind it scratch memory up to `end`. */
export interface Desk {
  at: number;
  end: number;
}

export interface TableMemoryOptions {
  /** Bytes up to which memory may be grown by more than is asked for. */
  headroomEnd?: number;
  /** That the module imports. Default: one of its own, which nobody shares. */
  memory?: WebAssembly.Memory;
}

/** Of the table made last. */
let latestNumber = 0;

export class TableMemory implements Workplace {
  /** No other table of this engine has it. */
  readonly number = ++latestNumber;
  readonly dimension: number;
  readonly kernel: KernelExports;
  /** Bytes of a row's padded codes, and of a row with its two factors. */
  readonly codeBytes: number;
  readonly rowBytes: number;
  /** 2 to this power ordinals share a chunk. */
  readonly chunkShift: number;
  readonly #rowChunks: number[] = [];
  readonly #nodeChunks: number[] = [];
  #nodeBytes = 0;
  /** End of what is placed. The last row chunk may be backed by memory only as far as it is used. */
  #top: number;
  /** End of the rows in use, if the last thing placed is a row chunk, else `#top`. */
  #used: number;
  /** In pages. */
  readonly #headroomEnd: number;

  readonly spots: Spots;
  #views: MemoryViews;

  constructor(module: WebAssembly.Module, dimension: number, { headroomEnd = Infinity, memory }: TableMemoryOptions = {}) {
    this.#headroomEnd = headroomEnd / PAGE_BYTES;
    this.dimension = dimension;
    this.kernel = instantiate(module, memory);
    this.codeBytes = Math.ceil(dimension / 16) * 16;
    this.rowBytes = this.codeBytes + 8;
    this.chunkShift = Math.floor(Math.log2(ROW_CHUNK_BYTES_MAX / this.rowBytes));
    this.kernel.init(dimension, this.chunkShift);
    this.spots = spotsOf(this.kernel);
    this.#views = viewsOf(this.buffer);
    this.#top = this.kernel.deskEnd();
    this.#used = this.#top;
  }

  get buffer(): ArrayBuffer {
    return this.kernel.memory.buffer;
  }

  get views(): MemoryViews {
    if (this.#views.buffer !== this.buffer) this.#views = viewsOf(this.buffer);
    return this.#views;
  }

  /** Where scratch memory may begin: everything behind is unused, but may be taken by the next row or chunk. */
  get scratchAt(): number {
    return this.#used;
  }

  rowAt(ordinal: number): number {
    return this.#rowChunks[ordinal >>> this.chunkShift]! + this.#placeInChunk(ordinal) * this.rowBytes;
  }

  nodeAt(ordinal: number): number {
    return this.#nodeChunks[ordinal >>> this.chunkShift]! + this.#placeInChunk(ordinal) * this.#nodeBytes;
  }

  /** Makes room for the rows below `end`. New rows hold arbitrary bytes. */
  placeRows(end: number): void {
    const last = (end - 1) >>> this.chunkShift;
    const missing = last + 1 - this.#rowChunks.length;
    const usedOfLast = (this.#placeInChunk(end - 1) + 1) * this.rowBytes;
    if (missing > 0) {
      this.reserve(this.#top + (missing - 1) * this.#rowChunkBytes + usedOfLast);
      for (let i = 0; i < missing; i++) this.#enter(this.#rowChunks, 0, this.#rowChunkBytes);
    } else {
      this.reserve(this.#rowChunks[last]! + usedOfLast);
    }
    if (this.#rowChunks[last]! + this.#rowChunkBytes === this.#top) this.#used = this.#rowChunks[last]! + usedOfLast;
  }

  /** Fixes the size of graph nodes. Called once, before nodes are placed. */
  setNodeBytes(bytes: number): void {
    this.#nodeBytes = bytes;
  }

  /** Makes room for the graph nodes below `end`; new ones are absent. */
  placeNodes(end: number): void {
    const bytes = Math.ceil((this.#nodeBytes << this.chunkShift) / 8) * 8;
    while (this.#nodeChunks.length << this.chunkShift < end) {
      this.reserve(this.#top + bytes);
      this.#enter(this.#nodeChunks, 1, bytes);
      this.#used = this.#top;
      new Uint8Array(this.buffer, this.#top - bytes, bytes).fill(0);
    }
  }

  /** Address of `bytes` bytes of 0, for ever. */
  place(bytes: number): number {
    const at = this.#top;
    this.reserve(at + bytes);
    this.#top += Math.ceil(bytes / 8) * 8;
    this.#used = this.#top;
    new Uint8Array(this.buffer, at, bytes).fill(0);
    return at;
  }

  /** Grows memory to at least `bytes`. Throws `RESOURCE_EXHAUSTED` when it cannot. */
  reserve(bytes: number): void {
    const { memory } = this.kernel;
    const held = memory.buffer.byteLength / PAGE_BYTES;
    const missing = Math.ceil(bytes / PAGE_BYTES) - held;
    if (missing <= 0) return;
    const headroom = Math.min(HEADROOM_PAGES_MAX, held >>> 3, Math.max(0, Math.floor(this.#headroomEnd - held - missing)));
    if (tryGrow(memory, missing + headroom) === null) return;
    const refusal = tryGrow(memory, missing);
    if (refusal !== null) throw exhausted(bytes, memory.buffer.byteLength, refusal);
  }

  get #rowChunkBytes(): number {
    return this.rowBytes << this.chunkShift;
  }

  #placeInChunk(ordinal: number): number {
    return ordinal & ((1 << this.chunkShift) - 1);
  }

  /** Takes a chunk from the end and tells the directory, of which `column` is for this kind of chunk. */
  #enter(chunks: number[], column: 0 | 1, bytes: number): void {
    new Uint32Array(this.buffer, this.kernel.directoryAt())[2 * chunks.length + column] = this.#top;
    chunks.push(this.#top);
    this.#top += bytes;
  }
}

function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory | undefined): KernelExports {
  try {
    return instanceOver(module, memory ?? new WebAssembly.Memory({ initial: 1, maximum: PAGES_MAX }));
  } catch (cause) {
    throw exhausted(PAGE_BYTES, 0, cause);
  }
}

/** An instance of the kernel's module over a memory. */
export function instanceOver(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelExports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports;
}

/** Null when memory grew, else what was thrown. */
function tryGrow(memory: WebAssembly.Memory, pages: number): unknown {
  try {
    memory.grow(pages);
    return null;
  } catch (cause) {
    return cause;
  }
}

/** Whether a table could not be made since the engine gives out no further memory, which it does again once others are collected. */
export function lacksMemory(error: unknown): boolean {
  return error instanceof TidepoolError && error.code === "RESOURCE_EXHAUSTED" && error.details["held"] === 0;
}

function exhausted(bytes: number, held: number, cause: unknown): TidepoolError {
  const limit =
    held === 0
      ? "the browser gives out none: close other databases or tabs of this site"
      : `cannot grow beyond the ${held} it holds (at most 4 GiB)`;
  return new TidepoolError("RESOURCE_EXHAUSTED", `The vector index needs ${bytes} bytes of WebAssembly memory, but ${limit}.`, {
    cause,
    details: { bytes, held },
  });
}
