/**
 * The vector kernel in plain TypeScript: what runs where WebAssembly SIMD does not, and the oracle that the WASM kernel
 * is tested against. Each float32 step is rounded with `Math.fround` in the order of the WASM kernel, so both return
 * the same candidates, bit for bit.
 */

import type { Candidates } from "./candidates.js";
import { checkAllowed } from "./check-allowed.js";
import { plainDistances } from "./distance.js";
import type { Graph, GraphOptions } from "./graph-kernel.js";
import { encodeQuery, quantizeRows } from "./quantize.js";
import { ReferenceGraph, type RowReader } from "./reference-graph.js";
import { ReferenceSpannCoder } from "./spann/reference-spann-coder.js";
import type { CodedRow, CodeTable, ScanQuery, VectorKernel } from "./vector-kernel.js";

const FNV_PRIME = 0x01000193;

/** Needs nothing of the platform; about 15 times slower than SIMD. */
export const referenceKernel: VectorKernel = {
  name: "typescript",
  coderBytes: 0,
  createTable: (dimension) => new ReferenceTable(dimension),
  quantize: quantizeRows,
  createCoder: (options, createTable = referenceKernel.createTable) =>
    new ReferenceSpannCoder(options, { createTable, quantize: quantizeRows }),
};

export class ReferenceTable implements CodeTable, RowReader {
  readonly dimension: number;
  readonly exactDistances = plainDistances.exactDistances;
  readonly encodeQuery = encodeQuery;
  #rows = 0;
  #codes = new Int8Array(0);
  #slopes = new Float32Array(0);
  #intercepts = new Float32Array(0);

  constructor(dimension: number) {
    this.dimension = dimension;
  }

  get byteLength(): number {
    return this.#codes.byteLength + this.#slopes.byteLength + this.#intercepts.byteLength;
  }

  set(first: number, codes: Int8Array, slopes: Float32Array, intercepts: Float32Array): void {
    this.#reserve(first + slopes.length);
    this.#codes.set(codes, first * this.dimension);
    this.#slopes.set(slopes, first);
    this.#intercepts.set(intercepts, first);
    this.#rows = Math.max(this.#rows, first + slopes.length);
  }

  scanMany(queries: readonly ScanQuery[], r: number, allowed: Uint32Array): Candidates[] {
    return queries.map(({ codes, scale }) => this.scan(codes, scale, r, allowed));
  }

  scan(query: Int16Array, queryScale: number, r: number, allowed: Uint32Array): Candidates {
    const words = checkAllowed(allowed, this.#rows);
    const scale = Math.fround(queryScale);
    const nearest = new NearestHeap(r);
    for (let i = 0; i < words; i++) {
      for (let word = allowed[i]!; word !== 0; word &= word - 1) {
        const ordinal = i * 32 + 31 - Math.clz32(word & -word);
        nearest.offer(this.distance(query, scale, ordinal), ordinal);
      }
    }
    return nearest.drain();
  }

  row(ordinal: number): CodedRow {
    return { codes: this.codes(ordinal), slope: this.slope(ordinal), intercept: this.intercept(ordinal) };
  }

  fingerprint(ordinal: number): number {
    return fingerprintOfRow(this.codes(ordinal), this.slope(ordinal), this.intercept(ordinal));
  }

  createGraph(options: GraphOptions): Graph {
    return new ReferenceGraph(this, options);
  }

  /** Adding 0 turns −0 into 0, so that equal distances also have equal bits. */
  distance(query: Int16Array | Int8Array, scale: number, ordinal: number): number {
    const offset = ordinal * this.dimension;
    let dot = 0;
    for (let i = 0; i < this.dimension; i++) dot += query[i]! * this.#codes[offset + i]!;
    const product = Math.fround(Math.fround(this.#slopes[ordinal]! * scale) * Math.fround(dot));
    return Math.fround(this.#intercepts[ordinal]! + product) + 0;
  }

  codes(ordinal: number): Int8Array {
    return this.#codes.subarray(ordinal * this.dimension, (ordinal + 1) * this.dimension);
  }

  /** Codes and factors of the ordinals below `end`. */
  rowsTo(end: number): { codes: Int8Array; slopes: Float32Array; intercepts: Float32Array } {
    const codes = this.#codes.subarray(0, end * this.dimension);
    return { codes, slopes: this.#slopes.subarray(0, end), intercepts: this.#intercepts.subarray(0, end) };
  }

  slope(ordinal: number): number {
    return this.#slopes[ordinal]!;
  }

  intercept(ordinal: number): number {
    return this.#intercepts[ordinal]!;
  }

  #reserve(rows: number): void {
    if (rows <= this.#slopes.length) return;
    const capacity = Math.max(rows, Math.ceil(this.#slopes.length * 1.5));
    this.#codes = enlarge(this.#codes, new Int8Array(capacity * this.dimension));
    this.#slopes = enlarge(this.#slopes, new Float32Array(capacity));
    this.#intercepts = enlarge(this.#intercepts, new Float32Array(capacity));
  }
}

/** A max-heap of at most `capacity` candidates, the farthest on top; of equal distances the larger ordinal is farther. */
class NearestHeap {
  readonly #capacity: number;
  readonly #distances: number[] = [];
  readonly #ordinals: number[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Ordinals come in ascending order, so a distance equal to the farthest is no improvement. */
  offer(distance: number, ordinal: number): void {
    if (this.#ordinals.length < this.#capacity) this.#push(distance, ordinal);
    else if (this.#capacity > 0 && distance < this.#distances[0]!) this.#sink(distance, ordinal, this.#capacity);
  }

  /** Empties the heap into ascending order. */
  drain(): Candidates {
    const count = this.#ordinals.length;
    const distances = new Float32Array(count);
    const ordinals = new Uint32Array(count);
    for (let last = count - 1; last >= 0; last--) {
      distances[last] = this.#distances[0]!;
      ordinals[last] = this.#ordinals[0]!;
      this.#sink(this.#distances[last]!, this.#ordinals[last]!, last);
    }
    return { ordinals, distances };
  }

  #push(distance: number, ordinal: number): void {
    let slot = this.#ordinals.length;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      if (!this.#isFarther(distance, ordinal, parent)) break;
      this.#put(slot, this.#distances[parent]!, this.#ordinals[parent]!);
      slot = parent;
    }
    this.#put(slot, distance, ordinal);
  }

  /** Replaces the top of the first `count` entries. */
  #sink(distance: number, ordinal: number, count: number): void {
    let slot = 0;
    for (let child = 1; child < count; child = 2 * slot + 1) {
      const right = child + 1;
      if (right < count && this.#isFarther(this.#distances[right]!, this.#ordinals[right]!, child)) child = right;
      if (this.#isFarther(distance, ordinal, child)) break;
      this.#put(slot, this.#distances[child]!, this.#ordinals[child]!);
      slot = child;
    }
    this.#put(slot, distance, ordinal);
  }

  #isFarther(distance: number, ordinal: number, slot: number): boolean {
    const other = this.#distances[slot]!;
    return distance > other || (distance === other && ordinal > this.#ordinals[slot]!);
  }

  #put(slot: number, distance: number, ordinal: number): void {
    this.#distances[slot] = distance;
    this.#ordinals[slot] = ordinal;
  }
}

/** The hash of a row, as `CodeTable.fingerprint` tells it. */
export function fingerprintOfRow(codes: Int8Array, slope: number, intercept: number): number {
  const lanes = [1, 2, 3, 4];
  const padded = new Int8Array(Math.ceil(codes.length / 16) * 16);
  padded.set(codes);
  new Uint32Array(padded.buffer).forEach((word, i) => (lanes[i % 4] = Math.imul(lanes[i % 4]! ^ word, FNV_PRIME)));
  return [bitsOf(intercept), ...lanes].reduce((hash, word) => Math.imul(hash, FNV_PRIME) ^ word, bitsOf(slope)) >>> 0;
}

function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}

function enlarge<T extends Int8Array | Float32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
