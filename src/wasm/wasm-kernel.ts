/**
 * Drives the WebAssembly kernel: one instance, and so one memory, per code table. The layout of that memory is told in
 * `assembly/kernel.ts`; this file grows it, copies rows and bitmaps in and candidates out, and merges the results of
 * chunks. Views of the memory are made anew for every use, because growing detaches them.
 */

import { checkAllowed } from "../core/index/check-allowed.js";
import type { Candidates, CodeTable, VectorKernel } from "../core/index/vector-kernel.js";
import { TidepoolError } from "../core/errors.js";

/** Rows that one call into the kernel scans: as many as its bitmap window has bits. */
const CHUNK_ROWS = 65_536;
const CHUNK_WORDS = CHUNK_ROWS / 32;
const PAGE_BYTES = 65_536;
/** Memory is grown by an eighth more than asked for, at most this much, to grow seldom. */
const HEADROOM_PAGES_MAX = 256;
/** Bytes of a key in the kernel's heap, and of a candidate in its result. */
const CANDIDATE_BYTES = 8;
/** Tells the kernel that no distance is too large. */
const NO_LIMIT = NaN;

/** What `assembly/kernel.ts` exports. Addresses are unsigned, but arrive as signed integers. */
interface KernelExports {
  memory: WebAssembly.Memory;
  init(dimension: number): void;
  windowAt(): number;
  queryAt(): number;
  rowsAt(): number;
  rowBytes(): number;
  scan(chunk: number, words: number, r: number, queryScale: number, nearerThan: number, heapAt: number): number;
}

/** The kernel over a compiled module. */
export class WasmKernel implements VectorKernel {
  readonly name = "wasm-simd";
  readonly #module: WebAssembly.Module;

  constructor(module: WebAssembly.Module) {
    this.#module = module;
  }

  createTable(dimension: number): CodeTable {
    return new WasmTable(instantiate(this.#module), dimension);
  }
}

class WasmTable implements CodeTable {
  readonly dimension: number;
  readonly #kernel: KernelExports;
  readonly #rowsAt: number;
  readonly #rowBytes: number;
  #rows = 0;

  constructor(kernel: KernelExports, dimension: number) {
    this.dimension = dimension;
    this.#kernel = kernel;
    kernel.init(dimension);
    this.#rowsAt = kernel.rowsAt();
    this.#rowBytes = kernel.rowBytes();
  }

  get byteLength(): number {
    return this.#kernel.memory.buffer.byteLength;
  }

  set(first: number, codes: Int8Array, slopes: Float32Array, intercepts: Float32Array): void {
    const end = first + slopes.length;
    this.#reserve(this.#addressOf(end));
    if (first > this.#rows) this.#clear(this.#rows, first);
    const { buffer } = this.#kernel.memory;
    const view = new DataView(buffer);
    const bytes = new Int8Array(buffer);
    const factorsAt = this.#rowBytes - 8;
    for (let i = 0; i < slopes.length; i++) {
      const row = this.#addressOf(first + i);
      bytes.set(codes.subarray(i * this.dimension, (i + 1) * this.dimension), row);
      view.setFloat32(row + factorsAt, slopes[i]!, true);
      view.setFloat32(row + factorsAt + 4, intercepts[i]!, true);
    }
    this.#rows = Math.max(this.#rows, end);
  }

  scan(query: Int16Array, queryScale: number, r: number, allowed: Uint32Array): Candidates {
    const words = checkAllowed(allowed, this.#rows);
    if (r === 0 || words === 0) return { ordinals: new Uint32Array(0), distances: new Float32Array(0) };
    this.#reserve(this.#heapAt + CANDIDATE_BYTES * Math.min(r, this.#rows, CHUNK_ROWS));
    new Int16Array(this.#kernel.memory.buffer, this.#kernel.queryAt(), query.length).set(query);
    let best = this.#scanChunk(0, Math.min(words, CHUNK_WORDS), r, queryScale, NO_LIMIT, allowed);
    for (let word = CHUNK_WORDS; word < words; word += CHUNK_WORDS) {
      const nearerThan = best.ordinals.length < r ? NO_LIMIT : best.distances[r - 1]!;
      const next = this.#scanChunk(word, Math.min(words, word + CHUNK_WORDS), r, queryScale, nearerThan, allowed);
      best = merge(best, next, r);
    }
    return best;
  }

  #scanChunk(
    from: number,
    to: number,
    r: number,
    queryScale: number,
    nearerThan: number,
    allowed: Uint32Array,
  ): Candidates {
    const kernel = this.#kernel;
    const { buffer } = kernel.memory;
    new Uint32Array(buffer, kernel.windowAt(), CHUNK_WORDS).set(allowed.subarray(from, to));
    const first = from * 32;
    const heapAt = this.#heapAt;
    const rMax = Math.min(r, CHUNK_ROWS);
    const count = kernel.scan(this.#addressOf(first), to - from, rMax, queryScale, nearerThan, heapAt);
    return unpack(buffer, heapAt, count, first);
  }

  /** Behind the last row; rows may later overwrite it, since its content lives for one scan only. */
  get #heapAt(): number {
    return this.#addressOf(this.#rows);
  }

  #addressOf(ordinal: number): number {
    return this.#rowsAt + ordinal * this.#rowBytes;
  }

  /** Rows that are skipped over hold what a scan left there. */
  #clear(from: number, to: number): void {
    new Uint8Array(this.#kernel.memory.buffer).fill(0, this.#addressOf(from), this.#addressOf(to));
  }

  #reserve(bytes: number): void {
    const { memory } = this.#kernel;
    const held = memory.buffer.byteLength / PAGE_BYTES;
    const missing = Math.ceil(bytes / PAGE_BYTES) - held;
    if (missing <= 0) return;
    const headroom = Math.min(HEADROOM_PAGES_MAX, held >>> 3);
    if (tryGrow(memory, missing + headroom) === null) return;
    const refusal = tryGrow(memory, missing);
    if (refusal !== null) throw exhausted(bytes, memory.buffer.byteLength, refusal);
  }
}

function instantiate(module: WebAssembly.Module): KernelExports {
  try {
    return new WebAssembly.Instance(module).exports as unknown as KernelExports;
  } catch (cause) {
    throw exhausted(PAGE_BYTES, 0, cause);
  }
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

function exhausted(bytes: number, held: number, cause: unknown): TidepoolError {
  const message = `The vector index needs ${bytes} bytes of WebAssembly memory, but cannot grow beyond the ${held} it holds (at most 4 GiB).`;
  return new TidepoolError("RESOURCE_EXHAUSTED", message, { cause, details: { bytes, held } });
}

/** Pairs of distance and position in the chunk, as the kernel leaves them. */
function unpack(buffer: ArrayBuffer, at: number, count: number, firstOrdinal: number): Candidates {
  const pairs = buffer.slice(at, at + count * CANDIDATE_BYTES);
  const floats = new Float32Array(pairs);
  const integers = new Uint32Array(pairs);
  const ordinals = new Uint32Array(count);
  const distances = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    distances[i] = floats[2 * i]!;
    ordinals[i] = firstOrdinal + integers[2 * i + 1]!;
  }
  return { ordinals, distances };
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
