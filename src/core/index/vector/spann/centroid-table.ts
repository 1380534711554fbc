/**
 * The centroids of an index over a code table: int8 codes, their scale as a slope and the squared norm of what the codes
 * stand for as an intercept, so that a scan of the table ranks slots by |c|² − 2⟨x, c⟩.
 *
 * For inner products a query is made so long that only the product counts: ranks by distance become ranks by product.
 */

import { Bitmap } from "../../../base/bitmap.js";
import type { Space } from "../../../types.js";
import { squaredNorm } from "../distance.js";
import { type EncodedQuery, encodeQuery, quantizeRows } from "../quantize.js";
import type { CodeTable } from "../vector-kernel.js";
import { type Place, probeOf } from "./probes.js";
import type { CentroidTable, NearestCentroids, PreparedQuery, Probe } from "./spann-kernel.js";

/** Times the longest centroid that an inner product's query is: what is left of |c|² is below float32's resolution. */
const FAR_OUT = 2 ** 26;
/** Keeps distances of such a query inside float32 where centroids are so long that little can be added. */
const REACH_MAX = 2 ** 100;
/** Standard deviations of a product's rounding that count as its uncertainty. */
const DEVIATIONS = 4;

export class CodedCentroids implements CentroidTable {
  readonly #space: Space;
  readonly #table: CodeTable;
  readonly #live = new Bitmap();
  #count = 0;
  #longest = 0;

  constructor(space: Space, table: CodeTable) {
    this.#space = space;
    this.#table = table;
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#table.byteLength + this.#live.words.byteLength;
  }

  set(slot: number, rotatedCentroid: Float32Array): void {
    const { codes, slopes } = quantizeRows("l2", rotatedCentroid.length, rotatedCentroid);
    const scale = slopes[0]! / -2;
    const squared = scale * scale * codes.reduce((sum, code) => sum + code * code, 0);
    this.#table.set(slot, codes, slopes, Float32Array.of(squared));
    this.#longest = Math.max(this.#longest, Math.sqrt(squared));
    if (!this.#live.has(slot)) this.#count++;
    this.#live.add(slot);
  }

  delete(slot: number): void {
    if (this.#live.has(slot)) this.#count--;
    this.#live.delete(slot);
  }

  at(slot: number, into: Float32Array): void {
    const { codes, slope } = this.#table.row(slot);
    for (let i = 0; i < into.length; i++) into[i] = (slope / -2) * codes[i]!;
  }

  nearest(rotatedRow: Float32Array, count: number, only: Uint32Array | null = null): NearestCentroids {
    const { codes, scale } = encodeQuery("l2", rotatedRow);
    const { ordinals, distances } = this.#table.scan(codes, scale, count, this.#among(only));
    const own = squaredNorm(rotatedRow, 0, rotatedRow.length);
    return { slots: ordinals, distances: distances.map((distance) => Math.max(0, distance + own)) };
  }

  probe(query: PreparedQuery, count: number, only: Uint32Array | null = null): Probe[] {
    const encoded = encodeQuery("l2", query.rotated);
    const stretch = this.#space === "ip" && encoded.norm > 0 ? this.#reach() / encoded.norm : 1;
    const { ordinals, distances } = this.#table.scan(encoded.codes, Math.fround(encoded.scale * stretch), count, this.#among(only));
    return Array.from(ordinals, (slot, i) => probeOf(this.#space, query, this.#placeOf(slot, distances[i]!, stretch, encoded)));
  }

  /** Length of an inner product's query. */
  #reach(): number {
    const longest = Math.max(this.#longest, 2 ** -60);
    return Math.min(FAR_OUT * longest, REACH_MAX / longest);
  }

  #placeOf(slot: number, distance: number, stretch: number, encoded: EncodedQuery): Place {
    const squared = this.#table.row(slot).intercept;
    const uncertainty = (DEVIATIONS * encoded.error * Math.sqrt(squared)) / Math.sqrt(encoded.vector.length);
    return { slot, product: (squared - distance) / 2 / stretch, uncertainty, squaredNorm: squared };
  }

  #among(only: Uint32Array | null): Uint32Array {
    const { words } = this.#live;
    return only === null ? words : words.map((word, i) => word & (only[i] ?? 0));
  }
}
