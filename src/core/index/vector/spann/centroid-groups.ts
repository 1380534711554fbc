/**
 * Centroids in groups about centroids of their own, √C of C, so that the nearest to a row is found in a few groups instead of
 * among all: nearly always the nearest of all, else one that is hardly farther, which is all that a row's list needs.
 *
 * Groups are made when first asked for, from a sample moved once to its members' means, and anew when twice as many centroids are there.
 */

import { Bitmap } from "../../../base/bitmap.js";
import { codesOf } from "../quantize.js";
import type { CodeTable, ScanQuery } from "../vector-kernel.js";

/** Groups that a row is looked for in. */
const GROUPS_LOOKED = 8;
/** Fewer centroids are looked through as they are. */
export const GROUPED_MIN = 512;

/** What groups need of the centroids. */
export interface Centroids {
  readonly live: Bitmap;
  at(slot: number, into: Float32Array): void;
  /** A table of what takes the place of centroids. */
  tableOf(vectors: readonly Float32Array[]): CodeTable;
}

export class CentroidGroups {
  readonly #centroids: Centroids;
  readonly #table: CodeTable;
  readonly #all: Bitmap;
  readonly #members: Bitmap[];
  readonly #madeOf: number;

  constructor(centroids: Centroids, dimension: number, count: number) {
    this.#centroids = centroids;
    this.#madeOf = count;
    const groups = Math.ceil(Math.sqrt(count));
    this.#all = Bitmap.of(Array(groups).keys());
    const slots = centroids.live.toArray();
    const sample = Array.from({ length: groups }, (_, i) => this.#vectorAt(slots[Math.floor((i * count) / groups)]!, dimension));
    const first = centroids.tableOf(sample);
    this.#table = centroids.tableOf(this.#meansOf(slots, first, sample));
    this.#members = sample.map(() => new Bitmap());
    for (const slot of slots) this.add(slot, this.#vectorAt(slot, dimension));
  }

  get byteLength(): number {
    return this.#members.reduce((sum, { words }) => sum + words.byteLength, this.#table.byteLength);
  }

  /** Whether groups of so many centroids should be made anew. */
  isOutgrown(count: number): boolean {
    return count >= 2 * this.#madeOf;
  }

  add(slot: number, vector: Float32Array): void {
    this.delete(slot);
    this.#members[this.#nearest(this.#table, vector, 1)[0]!]!.add(slot);
  }

  delete(slot: number): void {
    for (const members of this.#members) members.delete(slot);
  }

  /** The groups nearest to each of some rows. */
  near(rows: readonly ScanQuery[]): Uint32Array[] {
    return this.#table.scanMany(rows, GROUPS_LOOKED, this.#all.words).map(({ ordinals }) => ordinals);
  }

  /** Puts the slots of groups, as far as `among` has them, into `words`, which is as long; returns whether there are any. */
  gather(groups: Uint32Array, among: Uint32Array, words: Uint32Array): boolean {
    words.fill(0);
    let any = 0;
    for (let g = 0; g < groups.length; g++) {
      const members = this.#members[groups[g]!]!.words;
      const end = Math.min(words.length, members.length);
      for (let i = 0; i < end; i++) any |= words[i]! |= members[i]! & among[i]!;
    }
    return any !== 0;
  }

  #vectorAt(slot: number, dimension: number): Float32Array {
    const vector = new Float32Array(dimension);
    this.#centroids.at(slot, vector);
    return vector;
  }

  #nearest(table: CodeTable, vector: Float32Array, count: number): Uint32Array {
    const { codes, scale } = codesOf(vector);
    return table.scan(codes, scale, count, this.#all.words).ordinals;
  }

  /** Of the centroids nearest to each of the sample, which they include. */
  #meansOf(slots: Uint32Array, table: CodeTable, sample: readonly Float32Array[]): Float32Array[] {
    const sums = sample.map(({ length }) => new Float64Array(length));
    const counts = new Uint32Array(sample.length);
    for (const slot of slots) {
      const vector = this.#vectorAt(slot, sample[0]!.length);
      const group = this.#nearest(table, vector, 1)[0]!;
      counts[group]!++;
      for (let i = 0; i < vector.length; i++) sums[group]![i]! += vector[i]!;
    }
    return sums.map((sum, group) => (counts[group] === 0 ? sample[group]! : Float32Array.from(sum, (x) => x / counts[group]!)));
  }
}
