/**
 * Codes of the rows that are in no list yet: what was written lately. They are scanned, so a row is found from the moment it is set.
 *
 * Rows lie in segments of a fixed number of places; a row that goes leaves its place, and a segment goes with its last row.
 */
import { Bitmap } from "../../../base/bitmap.js";
import type { Space } from "../../../types.js";
import { FlatIndex, type Nearest, type VectorSource } from "../flat.js";
import { nearestOf } from "../judge.js";
import type { QuantizedRows } from "../quantize.js";
import type { VectorKernel } from "../vector-kernel.js";

const SEGMENT_ROWS = 16_384;

interface Segment {
  flat: FlatIndex;
  /** By place. */
  ordinals: number[];
  /** Places whose rows are there. */
  live: Bitmap;
  count: number;
}

/** Where a row is. */
interface Place {
  segment: Segment;
  at: number;
}

export class TailRows {
  readonly #kernel: VectorKernel;
  readonly #space: Space;
  readonly #dimension: number;
  readonly #segments = new Set<Segment>();
  readonly #places = new Map<number, Place>();
  /** The segment that takes what comes. */
  #last: Segment | null = null;

  constructor(kernel: VectorKernel, space: Space, dimension: number) {
    this.#kernel = kernel;
    this.#space = space;
    this.#dimension = dimension;
  }

  get count(): number {
    return this.#places.size;
  }

  get byteLength(): number {
    let bytes = 80 * this.#places.size;
    for (const { flat } of this.#segments) bytes += flat.byteLength;
    return bytes;
  }

  has(ordinal: number): boolean {
    return this.#places.has(ordinal);
  }

  /** In no order. */
  ordinals(): IterableIterator<number> {
    return this.#places.keys();
  }

  /** Sets a row, new or replaced: row `at` of `rows`. */
  set(ordinal: number, rows: QuantizedRows, at: number): void {
    this.delete(ordinal);
    const segment = this.#open();
    const place = segment.ordinals.push(ordinal) - 1;
    const dimension = this.#dimension;
    segment.flat.set(place, {
      codes: rows.codes.subarray(at * dimension, (at + 1) * dimension),
      slopes: rows.slopes.subarray(at, at + 1),
      intercepts: rows.intercepts.subarray(at, at + 1),
      errors: rows.errors.subarray(at, at + 1),
    });
    segment.live.add(place);
    segment.count++;
    this.#places.set(ordinal, { segment, at: place });
  }

  delete(ordinal: number): void {
    const place = this.#places.get(ordinal);
    if (place === undefined) return;
    this.#places.delete(ordinal);
    const { segment, at } = place;
    segment.live.delete(at);
    if (--segment.count > 0) return;
    this.#segments.delete(segment);
    if (segment === this.#last) this.#last = null;
  }

  /** What is set from now on does not keep the segments of what is there. */
  seal(): void {
    this.#last = null;
  }

  #open(): Segment {
    if (this.#last !== null && this.#last.ordinals.length < SEGMENT_ROWS) return this.#last;
    const flat = new FlatIndex(this.#kernel, this.#space, this.#dimension);
    this.#last = { flat, ordinals: [], live: new Bitmap(), count: 0 };
    this.#segments.add(this.#last);
    return this.#last;
  }

  /** The `k` nearest allowed rows of each query, all of them when there are fewer. */
  async search(queries: readonly Float32Array[], k: number, allowed: Bitmap, vectors: VectorSource): Promise<Nearest[]> {
    const found: Nearest[][] = queries.map(() => []);
    for (const { flat, ordinals, live } of this.#segments) {
      const places = new Bitmap(ordinals.length);
      for (let at = 0; at < ordinals.length; at++) if (live.has(at) && allowed.has(ordinals[at]!)) places.add(at);
      const named = (ats: Uint32Array): Uint32Array => ats.map((at) => ordinals[at]!);
      const hits = await flat.searchMany(queries, k, places, (ats) => vectors(named(ats)));
      hits.forEach(({ ordinals: ats, distances }, q) => found[q]!.push({ ordinals: named(ats), distances }));
    }
    return found.map((lists) => nearestOf(lists, k));
  }
}
