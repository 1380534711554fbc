/**
 * The centroids of an index over a code table: int8 codes, their scale as a slope and the squared norm of what the codes
 * stand for as an intercept, so that a scan of the table ranks slots by |c|² − 2⟨x, c⟩.
 *
 * For inner products a query is made so long that only the product counts: ranks by distance become ranks by product.
 */

import { Bitmap, countBits } from "../../../base/bitmap.js";
import { atOnce, type Steps } from "../../../base/steps.js";
import type { Space } from "../../../types.js";
import { squaredNorm } from "../distance.js";
import { codesOf, type EncodedQuery } from "../quantize.js";
import type { CodeTable, VectorKernel } from "../vector-kernel.js";
import { CentroidGroups, GROUPED_MIN } from "./centroid-groups.js";
import { type Place, probeOf } from "./probes.js";
import type { CentroidTable, NearestCentroids, PreparedQuery, Probe, RankedLists } from "./spann-kernel.js";

/** Times the longest centroid that an inner product's query is: what is left of |c|² is below float32's resolution. */
const FAR_OUT = 2 ** 26;
/** Keeps distances of such a query inside float32 where centroids are so long that little can be added. */
const REACH_MAX = 2 ** 100;
/** Standard deviations of a product's rounding that count as its uncertainty. */
const DEVIATIONS = 4;

/** What centroids are held with. */
export interface CentroidKernel extends Pick<VectorKernel, "quantize"> {
  createTable(dimension: number): CodeTable;
}

export class CodedCentroids implements CentroidTable {
  readonly live = new Bitmap();
  readonly #space: Space;
  readonly #dimension: number;
  readonly #kernel: CentroidKernel;
  readonly #table: CodeTable;
  #squaredNorms = new Float32Array(64);
  #groups: CentroidGroups | null = null;
  #count = 0;
  #longest = 0;

  constructor(space: Space, dimension: number, kernel: CentroidKernel) {
    this.#space = space;
    this.#dimension = dimension;
    this.#kernel = kernel;
    this.#table = kernel.createTable(dimension);
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    const groups = this.#groups?.byteLength ?? 0;
    return this.#table.byteLength + this.#squaredNorms.byteLength + this.live.words.byteLength + groups;
  }

  set(slot: number, rotatedCentroid: Float32Array): void {
    const [squared] = this.#put(this.#table, slot, rotatedCentroid);
    this.#note(slot, squared!);
    this.#groups?.add(slot, rotatedCentroid);
  }

  load(first: number, rotatedCentroids: Float32Array, present: Bitmap): void {
    this.#groups = null;
    this.#put(this.#table, first, rotatedCentroids).forEach((squared, at) => {
      if (present.has(first + at)) this.#note(first + at, squared);
    });
  }

  #note(slot: number, squared: number): void {
    this.#keepNorm(slot, squared);
    this.#longest = Math.max(this.#longest, Math.sqrt(squared));
    if (!this.live.has(slot)) this.#count++;
    this.live.add(slot);
  }

  delete(slot: number): void {
    if (this.live.has(slot)) this.#count--;
    this.live.delete(slot);
    this.#groups?.delete(slot);
  }

  at(slot: number, into: Float32Array): void {
    const { codes, slope } = this.#table.row(slot);
    for (let i = 0; i < into.length; i++) into[i] = (slope / -2) * codes[i]!;
  }

  nearest(rotatedRow: Float32Array, count: number, only: Uint32Array | null = null): NearestCentroids {
    const { codes, scale } = codesOf(rotatedRow);
    const { ordinals, distances } = this.#table.scan(codes, scale, count, this.#among(only));
    const own = squaredNorm(rotatedRow, 0, rotatedRow.length);
    return { slots: ordinals, distances: distances.map((distance) => Math.max(0, distance + own)) };
  }

  assign(rotatedRows: Float32Array, only: Uint32Array | null = null): Uint32Array {
    const width = this.#dimension;
    const rows = Array.from({ length: rotatedRows.length / width }, (_, row) =>
      codesOf(rotatedRows.subarray(row * width, (row + 1) * width)),
    );
    const among = this.#among(only);
    if (countBits(among) >= GROUPED_MIN) atOnce(this.group());
    const groups = countBits(among) < GROUPED_MIN ? null : this.#groups;
    const near = groups?.near(rows) ?? [];
    const words = new Uint32Array(among.length);
    return Uint32Array.from(rows, ({ codes, scale }, row) => {
      const isNear = groups?.gather(near[row]!, among, words) === true;
      return this.#table.scan(codes, scale, 1, isNear ? words : among).ordinals[0]!;
    });
  }

  probe(query: PreparedQuery, count: number, only: Uint32Array | null = null): Probe[] {
    const { slots, probe } = this.rank(query, count, only);
    return Array.from(slots, (_, at) => probe(at));
  }

  rank(query: PreparedQuery, count: number, only: Uint32Array | null = null): RankedLists {
    const encoded = this.#table.encodeQuery("l2", query.rotated);
    const stretch = this.#space === "ip" && encoded.norm > 0 ? this.#reach() / encoded.norm : 1;
    const { ordinals, distances } = this.#table.scan(encoded.codes, Math.fround(encoded.scale * stretch), count, this.#among(only));
    const probe = (at: number): Probe => probeOf(this.#space, query, this.#placeOf(ordinals[at]!, distances[at]!, stretch, encoded));
    return { slots: ordinals, probe };
  }

  tableOf(vectors: readonly Float32Array[]): CodeTable {
    const table = this.#kernel.createTable(this.#dimension);
    for (const [slot, vector] of vectors.entries()) this.#put(table, slot, vector);
    return table;
  }

  /** Length of an inner product's query. */
  #reach(): number {
    const longest = Math.max(this.#longest, 2 ** -60);
    return Math.min(FAR_OUT * longest, REACH_MAX / longest);
  }

  #placeOf(slot: number, distance: number, stretch: number, encoded: EncodedQuery): Place {
    const squared = this.#squaredNorms[slot]!;
    const uncertainty = (DEVIATIONS * encoded.error * Math.sqrt(squared)) / Math.sqrt(encoded.vector.length);
    return { slot, product: (squared - distance) / 2 / stretch, uncertainty, squaredNorm: squared };
  }

  *group(): Steps<void> {
    if (this.#count < GROUPED_MIN || this.#groups?.isOutgrown(this.#count) === false) return;
    this.#groups = yield* CentroidGroups.of(this, this.#dimension, this.#count);
  }

  #keepNorm(slot: number, squared: number): void {
    if (slot >= this.#squaredNorms.length) {
      const grown = new Float32Array(Math.max(slot + 1, 2 * this.#squaredNorms.length));
      grown.set(this.#squaredNorms);
      this.#squaredNorms = grown;
    }
    this.#squaredNorms[slot] = squared;
  }

  #among(only: Uint32Array | null): Uint32Array {
    const { words } = this.live;
    return only === null ? words : words.map((word, i) => word & (only[i] ?? 0));
  }

  /** Holds vectors, row-major, in a table from a slot on. Returns the squared norms of what is held. */
  #put(table: CodeTable, first: number, vectors: Float32Array): Float32Array {
    const { codes, slopes } = this.#kernel.quantize("l2", this.#dimension, vectors);
    const squaredNorms = slopes.map((slope, row) => {
      const scale = slope / -2;
      return scale * scale * squaredLength(codes, row * this.#dimension, this.#dimension);
    });
    table.set(first, codes, slopes, squaredNorms);
    return squaredNorms;
  }
}

function squaredLength(codes: Int8Array, from: number, count: number): number {
  let squared = 0;
  for (let i = from; i < from + count; i++) squared += codes[i]! * codes[i]!;
  return squared;
}
