/**
 * Takes rows into inverted lists: each into that of the nearest centroid. A list that grows too long is split, after which rows of it
 * and of its neighbours that are nearer to another centroid now move; one that has become short is dissolved.
 *
 * A build changes nothing that a search can see: it gives lists new slots, notes what moves, and puts all of it in place at once, or
 * gives it up. Rows that go into lists, or move, are kept rotated until the lists are written; what stays where it is keeps its codes.
 * The same rows in the same order give the same lists.
 */
import { Bitmap } from "../../../base/bitmap.js";
import { inTurns } from "../../../base/steps.js";
import type { Tick } from "../../../base/turns.js";
import type { VectorSource } from "../judge.js";
import { HeldRows } from "./held-rows.js";
import { type InvertedLists, type ListChanges, NO_LIST } from "./inverted-lists.js";
import { type JoinedPart, joinLists } from "./join-lists.js";
import type { ListSource } from "./list-source.js";
import type { CentroidTable, ListView, SpannCoder } from "./spann-kernel.js";
import { twoMeans } from "./two-means.js";

export interface ListBuilderOptions {
  /** Rows beyond which a list is split. */
  splitThreshold: number;
  /** Rows below which a list is dissolved. */
  mergeThreshold: number;
  /** Lists beside one that was split whose rows are looked through. */
  reassignNeighbours: number;
}

/** Rows that are fetched and rotated at once. */
const ROWS_AT_ONCE = 64;
/** Rows for which the nearest centroid is looked for between two turns. */
const ROWS_PER_STEP = 16;
/** Lists that are read at once to be written anew. */
const LISTS_AT_ONCE = 32;
/** How often splits may follow from each other. */
const CASCADE_MAX = 3;
/** Share of a list's rows that the smaller part of a split has at least. */
const SPLIT_SHARE_MIN = 0.2;
/** Lists that one build dissolves at most. */
const DISSOLVED_MAX = 64;

/** Rows of a list that are not coded yet: ordinal → number among the held rows. */
type AddedRows = Map<number, number>;

const NONE: ReadonlyMap<number, number> = new Map();

/** Rotated rows of a list, row-major. */
interface Members {
  ordinals: Uint32Array;
  rows: Float32Array;
}

/** How a list looks from a new centroid. */
type ViewOf = (slot: number) => ListView;

export class ListBuilder {
  readonly #lists: InvertedLists;
  readonly #coder: SpannCoder;
  readonly #centroids: CentroidTable;
  readonly #width: number;
  readonly #source: ListSource;
  readonly #vectors: VectorSource;
  readonly #options: ListBuilderOptions;
  readonly #tick: Tick;
  /** Slots of the lists that there will be. */
  readonly #working: Bitmap;
  readonly #created = new Set<number>();
  readonly #retired = new Set<number>();
  readonly #moved = new Map<number, number>();
  readonly #sizes = new Map<number, number>();
  readonly #held: HeldRows;
  readonly #added = new Map<number, AddedRows>();
  /** Lists of this build as they were coded first. */
  readonly #coded = new Map<number, Uint8Array>();

  /** `vectors` has the vectors that rows are to be coded by; `source` the lists that are installed. */
  constructor(lists: InvertedLists, source: ListSource, vectors: VectorSource, options: ListBuilderOptions, tick: Tick) {
    this.#lists = lists;
    this.#coder = lists.coder;
    this.#centroids = lists.centroids;
    this.#width = lists.coder.paddedDimension;
    this.#held = new HeldRows(this.#width);
    this.#source = source;
    this.#vectors = vectors;
    this.#options = options;
    this.#tick = tick;
    this.#working = lists.inUse.clone();
    lists.beginChanges();
  }

  get retired(): Iterable<number> {
    return this.#retired;
  }

  /** Of no more work than there are lists: it is asked for while searches wait. */
  get changes(): ListChanges {
    const changed = new Set([...this.#created, ...this.#retired, ...this.#longer()]);
    return { created: this.#created, retired: this.#retired, moved: this.#moved, changed };
  }

  /** Slots of lists that have new rows. */
  *#longer(): Generator<number, void, undefined> {
    for (const [slot, { size }] of this.#added) if (size > 0) yield slot;
  }

  /** The list that each row from `first` to before `end` will be in, `NO_LIST` for none. */
  mapOf(first: number, end: number): Uint32Array {
    const map = this.#lists.mapOf(first, end);
    for (const [ordinal, slot] of this.#moved) if (ordinal >= first && ordinal < end) map[ordinal - first] = slot;
    return map;
  }

  /** The list that a row will be in. */
  listOf(ordinal: number): number {
    return this.#moved.get(ordinal) ?? this.#lists.listOf(ordinal);
  }

  /** Takes in rows that are in no list. Lists that have become too long are split once some rows are in. */
  async add(ordinals: Uint32Array): Promise<void> {
    for (let from = 0; from < ordinals.length; from += ROWS_AT_ONCE) {
      const part = ordinals.subarray(from, from + ROWS_AT_ONCE);
      const rows = await this.#rotated(part);
      if (this.#working.count() === 0) this.#create(this.#coder.mean(rows, new Uint8Array(part.length), 0));
      await inTurns(this.#centroids.group(), this.#tick);
      const long = new Set<number>();
      for (let row = 0; row < part.length; row += ROWS_PER_STEP) {
        const step = part.subarray(row, row + ROWS_PER_STEP);
        for (const slot of this.#put(step, rows.subarray(row * this.#width, (row + step.length) * this.#width))) {
          if (this.#isLong(slot)) long.add(slot);
        }
        await this.#tick();
      }
      for (const slot of long) if (this.#working.has(slot) && this.#isLong(slot)) await this.#split(slot, 0);
    }
  }

  /** Dissolves lists that have become short. */
  async dissolve(): Promise<void> {
    const short = [...this.#working.values()].filter((slot) => this.#sizeOf(slot) < this.#options.mergeThreshold);
    for (const slot of short.slice(0, DISSOLVED_MAX)) {
      if (this.#working.count() === 1 || this.#sizeOf(slot) >= this.#options.mergeThreshold) continue;
      const members = await this.#members(slot);
      this.#retire(slot);
      this.#put(members.ordinals, members.rows);
      await this.#tick();
    }
  }

  /** The lists that are new or have new rows, coded. */
  async *changed(): AsyncGenerator<[slot: number, list: Uint8Array], void, undefined> {
    const changed = [...this.#working.values()].filter((slot) => this.#coded.has(slot) || (this.#added.get(slot)?.size ?? 0) > 0);
    for (let from = 0; from < changed.length; from += LISTS_AT_ONCE) {
      const slots = changed.slice(from, from + LISTS_AT_ONCE);
      const lists = await this.#codedLists(slots);
      for (const [i, slot] of slots.entries()) {
        const list = this.#join(slot, lists[i]!, this.#added.get(slot) ?? NONE);
        this.#lists.held.prepare(slot, list);
        yield [slot, list];
        await this.#tick();
      }
    }
  }

  /** Gives up what was built. */
  abandon(): void {
    this.#lists.abandon(this.#created);
  }

  // ---- lists

  async #rotated(ordinals: Uint32Array): Promise<Float32Array> {
    const rows = new Float32Array(ordinals.length * this.#width);
    if (ordinals.length > 0) this.#coder.rotate(await this.#vectors(ordinals), rows);
    return rows;
  }

  #rowOf(rows: Float32Array, row: number): Float32Array {
    return rows.subarray(row * this.#width, (row + 1) * this.#width);
  }

  #create(centroid: Float32Array): number {
    const slot = this.#lists.createList(centroid);
    this.#created.add(slot);
    this.#working.add(slot);
    this.#sizes.set(slot, 0);
    return slot;
  }

  #retire(slot: number): void {
    this.#working.delete(slot);
    this.#retired.add(slot);
    this.#added.delete(slot);
    this.#coded.delete(slot);
  }

  #centroid(slot: number): Float32Array {
    const centroid = new Float32Array(this.#width);
    this.#centroids.at(slot, centroid);
    return centroid;
  }

  /** Of each of the lists, one after the other, with room for so many more. */
  #centroidsOf(slots: readonly number[], more = 0): Float32Array {
    const centroids = new Float32Array((slots.length + more) * this.#width);
    for (const [i, slot] of slots.entries()) this.#centroids.at(slot, this.#rowOf(centroids, i));
    return centroids;
  }

  #sizeOf(slot: number): number {
    return this.#sizes.get(slot) ?? this.#lists.sizeOf(slot);
  }

  #isLong(slot: number): boolean {
    return this.#sizeOf(slot) > this.#options.splitThreshold;
  }

  /** Takes rows into the lists of the nearest centroids; returns their slots. */
  #put(ordinals: Uint32Array, rows: Float32Array): Uint32Array {
    const slots = this.#centroids.assign(rows, this.#working.words);
    const first = this.#held.keep(rows);
    slots.forEach((slot, row) => this.#move(ordinals[row]!, slot, first + row));
    return slots;
  }

  /** `number`: of the row among those held. */
  #move(ordinal: number, slot: number, number: number): void {
    const from = this.listOf(ordinal);
    if (from !== NO_LIST) {
      this.#sizes.set(from, this.#sizeOf(from) - 1);
      this.#added.get(from)?.delete(ordinal);
    }
    this.#moved.set(ordinal, slot);
    this.#sizes.set(slot, this.#sizeOf(slot) + 1);
    const added = this.#added.get(slot);
    if (added === undefined) this.#added.set(slot, new Map([[ordinal, number]]));
    else added.set(ordinal, number);
  }

  /** What is coded of each list; `null` for nothing. */
  async #codedLists(slots: readonly number[]): Promise<(Uint8Array | null)[]> {
    const isStored = (slot: number): boolean => !this.#coded.has(slot) && !this.#created.has(slot);
    const stored = slots.filter(isStored);
    const read = await this.#lists.held.read(stored, this.#source);
    let next = 0;
    return slots.map((slot) => (isStored(slot) ? read[next++]! : (this.#coded.get(slot) ?? null)));
  }

  /** Rows of a coded list that belong to it still. */
  #kept(slot: number, ordinals: Uint32Array): Uint32Array {
    const added = this.#added.get(slot) ?? NONE;
    return ordinals.filter((ordinal) => this.listOf(ordinal) === slot && !added.has(ordinal));
  }

  async #members(slot: number): Promise<Members> {
    const [coded] = await this.#codedLists([slot]);
    const kept = coded == null ? new Uint32Array(0) : this.#kept(slot, this.#coder.ordinals(coded));
    const added = this.#added.get(slot) ?? NONE;
    const rows = new Float32Array((kept.length + added.size) * this.#width);
    rows.set(await this.#rotated(kept));
    this.#held.copy(added.values(), rows, kept.length);
    return { ordinals: Uint32Array.from([...kept, ...added.keys()]), rows };
  }

  #join(slot: number, coded: Uint8Array | null, added: ReadonlyMap<number, number>): Uint8Array {
    const parts: JoinedPart[] = coded === null ? [] : [{ list: coded, ordinalOf: this.#keptOf(slot, coded, added) }];
    if (added.size > 0) parts.push({ list: this.#encode(slot, added), ordinalOf: null });
    return joinLists(this.#width, parts);
  }

  /** Which rows of a coded list belong to it still; `null` where all do, as can be told from how many there are. */
  #keptOf(slot: number, coded: Uint8Array, added: ReadonlyMap<number, number>): JoinedPart["ordinalOf"] {
    if (this.#coder.ordinals(coded).length === this.#sizeOf(slot) - added.size) return null;
    return (ordinal) => (this.listOf(ordinal) === slot && !added.has(ordinal) ? ordinal : -1);
  }

  #encode(slot: number, added: ReadonlyMap<number, number>): Uint8Array {
    const rows = Array.from(added.values(), (number) => this.#held.at(number));
    return this.#coder.encode(rows, Uint32Array.from(added.keys()), this.#centroid(slot));
  }

  // ---- splits

  async #split(slot: number, depth: number): Promise<void> {
    const members = await this.#members(slot);
    const { mergeThreshold } = this.#options;
    const least = Math.max(SPLIT_SHARE_MIN * members.ordinals.length, mergeThreshold);
    const { sides, means } = twoMeans(this.#coder, members.rows, this.#width, Math.ceil(least));
    const before = this.#centroid(slot);
    this.#retire(slot);
    const slots = [this.#create(means[0]), this.#create(means[1])] as const;
    for (const side of [0, 1] as const) this.#fill(slots[side], members, sides, side);
    await this.#tick();
    await this.#reassign(before, slots, members, sides);
    if (depth === CASCADE_MAX) return;
    for (const half of slots) if (this.#working.has(half) && this.#isLong(half)) await this.#split(half, depth + 1);
  }

  /** Makes a list of one side of a split. */
  #fill(slot: number, { ordinals, rows }: Members, sides: Uint8Array, side: number): void {
    const own = ordinals.filter((_, row) => sides[row] === side);
    const ownRows: Float32Array[] = [];
    for (let row = 0; row < ordinals.length; row++) {
      if (sides[row] !== side) continue;
      this.#moved.set(ordinals[row]!, slot);
      ownRows.push(this.#rowOf(rows, row));
    }
    this.#sizes.set(slot, own.length);
    this.#coded.set(slot, this.#coder.encode(ownRows, own, this.#centroid(slot)));
  }

  async #reassign(before: Float32Array, halves: readonly [number, number], members: Members, sides: Uint8Array): Promise<void> {
    const { reassignNeighbours } = this.#options;
    const near = this.#centroids.nearest(before, reassignNeighbours + 2, this.#working.words).slots;
    const neighbours = near.filter((slot) => !halves.includes(slot)).subarray(0, reassignNeighbours);
    if (neighbours.length === 0) return;
    this.#moveOut(before, halves, members, sides, neighbours);
    await this.#moveIn(halves, neighbours);
  }

  /** Rows that a split has left farther from their centroid than before may be nearer to a neighbour's. */
  #moveOut(before: Float32Array, halves: readonly [number, number], members: Members, sides: Uint8Array, neighbours: Uint32Array): void {
    const points = this.#centroidsOf(halves, 1);
    points.set(before, 2 * this.#width);
    const distances = this.#coder.squaredDistances(points, members.rows, this.#width);
    const count = sides.length;
    const farther = Uint32Array.from(sides.keys()).filter((row) => distances[sides[row]! * count + row]! > distances[2 * count + row]!);
    const rows = Array.from(farther, (row) => this.#rowOf(members.rows, row));
    const nearest = this.#nearestOf([...halves, ...neighbours], rows);
    farther.forEach((row, i) => {
      if (nearest[i] !== halves[sides[row]!]!) this.#move(members.ordinals[row]!, nearest[i]!, this.#held.add(rows[i]!));
    });
  }

  /** Of these lists the one with the nearest centroid, the first of equals, for each row. */
  #nearestOf(slots: readonly number[], rows: Float32Array | readonly Float32Array[]): Uint32Array {
    const count = rows instanceof Float32Array ? rows.length / this.#width : rows.length;
    const nearest = new Uint32Array(count);
    if (count === 0) return nearest;
    const distances = this.#coder.squaredDistances(this.#centroidsOf(slots), rows, this.#width);
    for (let row = 0; row < count; row++) {
      let best = 0;
      for (let at = 1; at < slots.length; at++) if (distances[at * count + row]! < distances[best * count + row]!) best = at;
      nearest[row] = slots[best]!;
    }
    return nearest;
  }

  /** Rows of neighbours may be nearer to one of the new centroids: codes tell which those may be, and vectors which they are. */
  async #moveIn(halves: readonly [number, number], neighbours: Uint32Array): Promise<void> {
    const views = this.#viewsFrom(halves, neighbours);
    const lists = await this.#codedLists([...neighbours]);
    const doubtful: Uint32Array[] = [];
    for (const [i, slot] of neighbours.entries()) {
      this.#moveAdded(slot, halves);
      doubtful.push(this.#doubtful(slot, lists[i]!, views));
      await this.#tick();
    }
    // All of them are read at once.
    const rows = await this.#rotated(concatenated(doubtful));
    let at = 0;
    for (const [i, slot] of neighbours.entries()) {
      const own = rows.subarray(at * this.#width, (at += doubtful[i]!.length) * this.#width);
      this.#moveNearer(slot, halves, doubtful[i]!, own, (row) => this.#held.add(this.#rowOf(own, row)));
    }
  }

  /** Moves rows that this build has added to a list. */
  #moveAdded(slot: number, halves: readonly [number, number]): void {
    const added = this.#added.get(slot) ?? NONE;
    if (added.size === 0) return;
    const numbers = [...added.values()];
    const rows = numbers.map((number) => this.#held.at(number));
    this.#moveNearer(slot, halves, Uint32Array.from(added.keys()), rows, (row) => numbers[row]!);
  }

  #viewsFrom(halves: readonly number[], neighbours: Uint32Array): ViewOf[] {
    const only = Bitmap.of(neighbours).words;
    return halves.map((slot) => {
      const query = this.#coder.prepare(this.#centroid(slot));
      const probes = new Map(this.#centroids.probe(query, neighbours.length, only).map((probe) => [probe.slot, probe]));
      return (neighbour) => ({ query, probe: probes.get(neighbour)! });
    });
  }

  /** Moves the rows of a list that are nearer to a new centroid than to their own. `numberOf`: of a row among those held. */
  #moveNearer(
    slot: number,
    halves: readonly [number, number],
    ordinals: Uint32Array,
    rows: Float32Array | readonly Float32Array[],
    numberOf: (row: number) => number,
  ): void {
    const nearest = this.#nearestOf([slot, ...halves], rows);
    ordinals.forEach((ordinal, row) => {
      if (nearest[row] !== slot) this.#move(ordinal, nearest[row]!, numberOf(row));
    });
  }

  /** Coded rows of a list whose estimate is nearer to one of the views than to their own centroid. */
  #doubtful(slot: number, coded: Uint8Array | null, views: readonly ViewOf[]): Uint32Array {
    if (coded === null) return new Uint32Array(0);
    const query = this.#coder.prepare(this.#centroid(slot));
    const [probe] = this.#centroids.probe(query, 1, Bitmap.of([slot]).words);
    const nearer = this.#coder.nearer(
      coded,
      { query, probe: probe! },
      views.map((viewOf) => viewOf(slot)),
    );
    return this.#kept(slot, nearer);
  }
}

function concatenated(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
