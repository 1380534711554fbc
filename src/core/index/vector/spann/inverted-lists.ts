/**
 * Rows in lists by their nearest centroid, as 1-bit codes: which list each row is in, and the centroids, are in memory, and the lists
 * wherever their source has them (`list-source.ts`). What is found is judged by the rows' own vectors, so distances are exact; a search
 * looks into the nearest lists only, so it may miss a row.
 *
 * Invariants: a covered row is in the list that `listOf` says, coded from the vector that it has now. A list may have more rows: such as
 * have gone, or are in another list since; they do not count. Slots name lists; one that was given up is used again only after the change
 * that did so is installed, so searches never look into what is being built.
 */
import { Bitmap } from "../../../base/bitmap.js";
import type { Space } from "../../../types.js";
import { Judge, type Nearest, type VectorSource } from "../judge.js";
import type { VectorKernel } from "../vector-kernel.js";
import { HeldLists } from "./held-lists.js";
import { ListSearch, type SearchEffort, type SearchTask } from "./list-search.js";
import type { ListSource } from "./list-source.js";
import type { CentroidTable, SpannCoder } from "./spann-kernel.js";

/** What stands for the list of a row that is in none. */
export const NO_LIST = 0xffffffff;

/** Allowed rows up to which all are judged, instead of looking into lists: of 1,000 among 100,000 the scan took less than half as long. */
const JUDGED_ROWS_MAX = 500;

export interface InvertedListsOptions {
  /** Of the rotation. */
  seed: number;
  /** Allowed rows up to which all are judged. Default 500; tests ask for less. */
  judgedRowsMax?: number | undefined;
  /** Bytes of lists that are held in memory. */
  heldBytesMax: number;
}

/** What a build has changed. */
export interface ListChanges {
  created: ReadonlySet<number>;
  retired: ReadonlySet<number>;
  /** row → its list from now on. */
  moved: ReadonlyMap<number, number>;
  /** Slots that have another list now, or none. */
  changed: Iterable<number>;
}

export class InvertedLists {
  readonly space: Space;
  readonly dimension: number;
  readonly coder: SpannCoder;
  readonly centroids: CentroidTable;
  /** Those that searches have asked for. */
  readonly held: HeldLists;
  /** Slots of lists that are there. */
  readonly inUse = new Bitmap();
  /** Rows that are in a list. */
  readonly covered = new Bitmap();
  readonly #judgedRowsMax: number;
  #coveredCount = 0;
  /** `NO_LIST` for rows that are in none. */
  #listOf = new Uint32Array(0);
  /** Rows of each list. */
  #sizes = new Uint32Array(0);
  #slotEnd = 0;
  readonly #free: number[] = [];
  /** Rows that were set or deleted since the build began that is under way. */
  #touched: Bitmap | null = null;

  constructor(kernel: VectorKernel, space: Space, dimension: number, options: InvertedListsOptions) {
    const { seed, judgedRowsMax = JUDGED_ROWS_MAX, heldBytesMax } = options;
    this.#judgedRowsMax = judgedRowsMax;
    this.space = space;
    this.dimension = dimension;
    this.coder = kernel.createCoder({ dimension, space, seed });
    this.centroids = this.coder.createCentroids();
    this.held = new HeldLists(this.coder, heldBytesMax);
  }

  get byteLength(): number {
    const tables = this.coder.byteLength + this.centroids.byteLength + this.#listOf.byteLength + this.#sizes.byteLength;
    return tables + this.covered.words.byteLength + this.inUse.words.byteLength;
  }

  get coveredCount(): number {
    return this.#coveredCount;
  }

  /** One past the largest slot that was given out. */
  get slotEnd(): number {
    return this.#slotEnd;
  }

  // ---- rows

  /** The list of a covered row, `NO_LIST` for others. */
  listOf(ordinal: number): number {
    return this.#listOf[ordinal] ?? NO_LIST;
  }

  /** The list of each row from `first` to before `end`, `NO_LIST` for none. */
  mapOf(first: number, end: number): Uint32Array {
    const map = new Uint32Array(end - first);
    for (let i = 0; i < map.length; i++) map[i] = this.listOf(first + i);
    return map;
  }

  /** Rows of a list. */
  sizeOf(slot: number): number {
    return this.#sizes[slot] ?? 0;
  }

  /** A row is deleted, or has another vector: it is in no list until it is taken into one again. */
  forget(ordinal: number): void {
    this.#touched?.add(ordinal);
    this.#takeOut(ordinal);
  }

  #takeOut(ordinal: number): void {
    if (!this.covered.has(ordinal)) return;
    this.covered.delete(ordinal);
    this.#coveredCount--;
    this.#sizes[this.#listOf[ordinal]!]!--;
    this.#listOf[ordinal] = NO_LIST;
  }

  #put(ordinal: number, slot: number): void {
    this.#takeOut(ordinal);
    this.#makeRoomFor(ordinal + 1);
    this.#listOf[ordinal] = slot;
    this.covered.add(ordinal);
    this.#coveredCount++;
    this.#sizes[slot]!++;
  }

  #makeRoomFor(ordinals: number): void {
    if (ordinals > this.#listOf.length) this.#listOf = grown(this.#listOf, ordinals, NO_LIST);
  }

  // ---- lists

  /** Opens lists that are stored: of the slots from `first` on those that are `present`, of which all have their centroids there. */
  openLists(first: number, centroids: Float32Array, present: Bitmap): void {
    const end = first + centroids.length / this.coder.paddedDimension;
    if (end === first) return;
    this.centroids.load(first, centroids, present);
    this.#reserve(end - 1);
    for (let slot = first; slot < end; slot++) if (present.has(slot)) this.inUse.add(slot);
  }

  /** Says once all stored lists are there which slots are free. */
  sealLists(): void {
    for (let slot = this.#slotEnd - 1; slot >= 0; slot--) if (!this.inUse.has(slot)) this.#free.push(slot);
  }

  /** Takes the rows from `first` on that are `present`, in no list yet, into their lists. Returns the first that has none there, or −1. */
  restore(first: number, slots: Uint32Array, present: Bitmap): number {
    this.#makeRoomFor(first + slots.length);
    // What is said of rows that are not covered is not asked for.
    this.#listOf.set(slots, first);
    const [inUse, sizes, taken] = [this.inUse, this.#sizes, new Uint32Array(slots.length)];
    let count = 0;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      if (slot === NO_LIST || !present.has(first + i)) continue;
      if (!inUse.has(slot)) return first + i;
      sizes[slot]!++;
      taken[count++] = first + i;
    }
    this.covered.addAll(taken.subarray(0, count));
    this.#coveredCount += count;
    return -1;
  }

  /** A slot for a list that a build makes, with its centroid. */
  createList(centroid: Float32Array): number {
    const slot = this.#free.pop() ?? this.#slotEnd;
    this.#reserve(slot);
    this.centroids.set(slot, centroid);
    return slot;
  }

  #reserve(slot: number): void {
    this.#slotEnd = Math.max(this.#slotEnd, slot + 1);
    if (slot >= this.#sizes.length) this.#sizes = grown(this.#sizes, slot + 1, 0);
    this.#sizes[slot] = 0;
  }

  /** From here on it is noted which rows are set or deleted. */
  beginChanges(): void {
    this.#touched = new Bitmap();
  }

  /** Puts what a build has made in place. */
  install({ created, retired, moved, changed }: ListChanges): void {
    const touched = this.#touched;
    this.#touched = null;
    for (const slot of created) if (!retired.has(slot)) this.inUse.add(slot);
    for (const [ordinal, slot] of moved) if (!touched?.has(ordinal)) this.#put(ordinal, slot);
    for (const slot of retired) this.#give(slot);
    this.held.install(changed);
  }

  /** Gives up what a build has made. */
  abandon(created: Iterable<number>): void {
    this.#touched = null;
    this.held.abandon();
    for (const slot of created) this.#give(slot);
  }

  #give(slot: number): void {
    this.inUse.delete(slot);
    this.centroids.delete(slot);
    this.#sizes[slot] = 0;
    this.#free.push(slot);
  }

  // ---- searching

  /** The `k` nearest of the covered rows that are allowed, all of them when there are fewer. */
  async search(
    query: Float32Array,
    k: number,
    allowed: Bitmap,
    vectors: VectorSource,
    source: ListSource,
    effort: SearchEffort,
  ): Promise<Nearest> {
    const judge = new Judge(this.space, query, k, vectors, this.coder);
    const matching = allowed.includes(this.covered) ? null : allowed.clone().intersect(this.covered);
    const matchCount = matching?.count() ?? this.#coveredCount;
    if (this.#isFew(matchCount, k)) await judge.judge((matching ?? this.covered).toArray());
    else
      await this.#searchLists(query, { k, matching, matchCount, effort, matchesIn: this.#matchesIn(matching, matchCount) }, judge, source);
    return judge.nearest;
  }

  /** Whether a search for `k` of the allowed rows judges all of them, so that it misses none. */
  judgesAll(k: number, allowed: Bitmap): boolean {
    return this.#isFew(allowed.countAgainst(this.covered).inside, k);
  }

  #isFew(count: number, k: number): boolean {
    return count <= this.#judgedRowsMax || k >= count;
  }

  async #searchLists(query: Float32Array, task: SearchTask, judge: Judge, source: ListSource): Promise<void> {
    const rotated = new Float32Array(this.coder.paddedDimension);
    this.coder.rotate(query, rotated);
    await new ListSearch(this, this.coder.prepare(rotated), task, judge).run(source);
  }

  /** How many of these rows each list has, if so few match that it is worth knowing which lists have none. */
  #matchesIn(matching: Bitmap | null, matchCount: number): Uint32Array | null {
    if (matching === null || 2 * matchCount >= this.#coveredCount) return null;
    const counts = new Uint32Array(this.#slotEnd);
    const { words } = matching;
    for (let i = 0; i < words.length; i++) {
      for (let word = words[i]!; word !== 0; word &= word - 1) counts[this.#listOf[32 * i + 31 - Math.clz32(word & -word)]!]!++;
    }
    return counts;
  }
}

function grown(values: Uint32Array, length: number, filled: number): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(Math.max(length, 2 * values.length));
  longer.set(values);
  return longer.fill(filled, values.length);
}
