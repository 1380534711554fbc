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
/** About what is held of a row beside its codes. */
const PLACE_BYTES = 50;

interface Segment {
  number: number;
  flat: FlatIndex;
  /** By place. */
  ordinals: number[];
  /** Places whose rows are there. */
  live: Bitmap;
  count: number;
}

export type TailRow = readonly [ordinal: number, row: { quantized: QuantizedRows; at: number }];

export class TailRows {
  readonly #kernel: VectorKernel;
  readonly #space: Space;
  readonly #dimension: number;
  /** By number. */
  readonly #segments = new Map<number, Segment>();
  #nextSegment = 0;
  /** By ordinal, the number of its segment × `SEGMENT_ROWS` + its place in there. */
  readonly #places = new Map<number, number>();
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
    let bytes = PLACE_BYTES * this.#places.size;
    for (const { flat } of this.#segments.values()) bytes += flat.byteLength;
    return bytes;
  }

  has(ordinal: number): boolean {
    return this.#places.has(ordinal);
  }

  /** In no order. */
  ordinals(): IterableIterator<number> {
    return this.#places.keys();
  }

  /** Sets rows, new or replaced: of each row `at` of `quantized`. Such as lie there one after the other are copied at once. */
  set(rows: readonly TailRow[]): void {
    for (const [ordinal] of rows) this.delete(ordinal);
    for (let from = 0, to: number; from < rows.length; from = to) {
      const segment = this.#open();
      to = endOfRun(rows, from, from + SEGMENT_ROWS - segment.ordinals.length);
      this.#put(rows.slice(from, to), segment);
    }
  }

  #put(rows: readonly TailRow[], segment: Segment): void {
    const [, { quantized, at: from }] = rows[0]!;
    const to = from + rows.length;
    segment.flat.set(segment.ordinals.length, {
      codes: quantized.codes.subarray(from * this.#dimension, to * this.#dimension),
      slopes: quantized.slopes.subarray(from, to),
      intercepts: quantized.intercepts.subarray(from, to),
      errors: quantized.errors.subarray(from, to),
    });
    segment.count += rows.length;
    for (const [ordinal] of rows) {
      this.delete(ordinal);
      const at = segment.ordinals.push(ordinal) - 1;
      segment.live.add(at);
      this.#places.set(ordinal, segment.number * SEGMENT_ROWS + at);
    }
  }

  delete(ordinal: number): void {
    const place = this.#places.get(ordinal);
    if (place === undefined) return;
    this.#places.delete(ordinal);
    const segment = this.#segments.get(Math.floor(place / SEGMENT_ROWS))!;
    segment.live.delete(place % SEGMENT_ROWS);
    if (--segment.count > 0) return;
    this.#segments.delete(segment.number);
    if (segment === this.#last) this.#last = null;
  }

  /** What is set from now on does not keep the segments of what is there. */
  seal(): void {
    this.#last = null;
  }

  #open(): Segment {
    if (this.#last !== null && this.#last.ordinals.length < SEGMENT_ROWS) return this.#last;
    const flat = new FlatIndex(this.#kernel, this.#space, this.#dimension);
    this.#last = { number: this.#nextSegment++, flat, ordinals: [], live: new Bitmap(), count: 0 };
    this.#segments.set(this.#last.number, this.#last);
    return this.#last;
  }

  /** The `k` nearest allowed rows of each query, all of them when there are fewer. */
  async search(queries: readonly Float32Array[], k: number, allowed: Bitmap, vectors: VectorSource): Promise<Nearest[]> {
    const found: Nearest[][] = queries.map(() => []);
    for (const { flat, ordinals, live } of this.#segments.values()) {
      const places = new Bitmap(ordinals.length);
      for (let at = 0; at < ordinals.length; at++) if (live.has(at) && allowed.has(ordinals[at]!)) places.add(at);
      const named = (ats: Uint32Array): Uint32Array => ats.map((at) => ordinals[at]!);
      const hits = await flat.searchMany(queries, k, places, (ats) => vectors(named(ats)));
      hits.forEach(({ ordinals: ats, distances }, q) => found[q]!.push({ ordinals: named(ats), distances }));
    }
    return found.map((lists) => nearestOf(lists, k));
  }
}

/** Where rows end, before `end`, that were quantised together and lie there one after the other. */
function endOfRun(rows: readonly TailRow[], from: number, end: number): number {
  const [, { quantized, at }] = rows[from]!;
  let to = from + 1;
  while (to < Math.min(end, rows.length) && rows[to]![1].quantized === quantized && rows[to]![1].at === at + to - from) to++;
  return to;
}
