/**
 * Centroids in groups about centroids of their own, √C of C, so that the nearest to a row is found in a few groups instead of
 * among all: nearly always the nearest of all, else one that is hardly farther, which is all that a row's list needs.
 *
 * Groups are made when first asked for, from a sample moved once to its members' means, and anew when twice as many centroids are there.
 */

import { Bitmap } from "../../../base/bitmap.js";
import type { Steps } from "../../../base/steps.js";
import { codesOf } from "../quantize.js";
import type { CodeTable, ScanQuery } from "../vector-kernel.js";

/** Groups that a row is looked for in. */
const GROUPS_LOOKED = 8;
/** Centroids that are looked at in one step while groups are made. */
const SLOTS_PER_STEP = 64;
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
  readonly #table: CodeTable;
  readonly #all: Bitmap;
  readonly #members: Bitmap[];
  readonly #madeOf: number;

  /** Groups of the `count` centroids that are live. */
  static *of(centroids: Centroids, dimension: number, count: number): Steps<CentroidGroups> {
    const slots = centroids.live.toArray();
    const groups = Math.ceil(Math.sqrt(count));
    const sample = Array.from({ length: groups }, (_, i) => vectorAt(centroids, slots[Math.floor((i * count) / groups)]!, dimension));
    const means = yield* meansOf(centroids, slots, sample);
    const made = new CentroidGroups(centroids, means, count);
    for (const [i, slot] of slots.entries()) {
      made.add(slot, vectorAt(centroids, slot, dimension));
      if (i % SLOTS_PER_STEP === 0) yield;
    }
    return made;
  }

  private constructor(centroids: Centroids, means: readonly Float32Array[], count: number) {
    this.#madeOf = count;
    this.#all = Bitmap.of(means.keys());
    this.#table = centroids.tableOf(means);
    this.#members = means.map(() => new Bitmap());
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
    this.#members[nearestIn(this.#table, vector, this.#all)]!.add(slot);
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
}

function vectorAt(centroids: Centroids, slot: number, dimension: number): Float32Array {
  const vector = new Float32Array(dimension);
  centroids.at(slot, vector);
  return vector;
}

function nearestIn(table: CodeTable, vector: Float32Array, all: Bitmap): number {
  const { codes, scale } = codesOf(vector);
  return table.scan(codes, scale, 1, all.words).ordinals[0]!;
}

/** Of the centroids nearest to each of the sample, which they include. */
function* meansOf(centroids: Centroids, slots: Uint32Array, sample: readonly Float32Array[]): Steps<Float32Array[]> {
  const table = centroids.tableOf(sample);
  const all = Bitmap.of(sample.keys());
  const sums = sample.map(({ length }) => new Float64Array(length));
  const counts = new Uint32Array(sample.length);
  for (const [i, slot] of slots.entries()) {
    const vector = vectorAt(centroids, slot, sample[0]!.length);
    const group = nearestIn(table, vector, all);
    counts[group]!++;
    const sum = sums[group]!;
    for (let at = 0; at < vector.length; at++) sum[at]! += vector[at]!;
    if (i % SLOTS_PER_STEP === 0) yield;
  }
  return sums.map((sum, group) => (counts[group] === 0 ? sample[group]! : Float32Array.from(sum, (x) => x / counts[group]!)));
}
