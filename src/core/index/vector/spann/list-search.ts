/**
 * One search through inverted lists: which lists are looked into, and which of the rows in them are judged.
 *
 * Lists are looked into in the order of their centroids' distance, until so many in a row had nothing for the best estimates; with a filter
 * also until enough of its matches were seen. Rows are judged in the order of the least distance that their estimate leaves possible,
 * until that lies beyond the k-th exact distance. Bounds are those of `EPSILON` standard units: likely, not certain.
 */
import { Bitmap } from "../../../base/bitmap.js";
import { FirstItems } from "../../../base/first-items.js";
import type { Judge } from "../judge.js";
import type { ListSource } from "./list-source.js";
import { type CentroidTable, FAR_BELOW, type PreparedQuery, type Probe, type SpannCoder } from "./spann-kernel.js";

/** Standard units between an estimate and the bounds of the distance. */
const EPSILON = 2.2;
/** Lists in a row without anything for the best estimates, after which a search ends. */
const PATIENCE = 32;
/** Best estimates that count, for each row that is asked for, and at least. */
const BEST_PER_RESULT = 3;
const BEST_MIN = 30;
/** Lists that are looked into at least and, without a filter, at most. */
const LISTS_MIN = 16;
const LISTS_MAX = 256;
/** Lists that are read at once. */
const LISTS_PER_READ = 16;
/** Matches of a filter that are seen at least, as long as there are as many. */
const MATCHES_MIN = 1000;
/** Rows that are judged at once, and in all, unless more are asked for. */
const JUDGED_AT_ONCE = 32;
const JUDGED_MAX = 1000;

/** How many lists are looked into: as many, or as many as it takes. */
export type SearchEffort = number | "adaptive";

/** The lists that a search is through. */
export interface SearchedLists {
  readonly coder: Pick<SpannCoder, "scan">;
  readonly centroids: Pick<CentroidTable, "probe">;
  /** Slots of lists that are there. */
  readonly inUse: Bitmap;
  /** The slot of a row's list. */
  listOf(ordinal: number): number;
}

export interface SearchTask {
  k: number;
  /** Rows that may be found, all of which are in lists. More than k. */
  matching: Bitmap;
  /** How many of them are in each list, where that is known. */
  matchesIn: Uint32Array | null;
  effort: SearchEffort;
}

export class ListSearch {
  readonly #lists: SearchedLists;
  readonly #query: PreparedQuery;
  readonly #task: SearchTask;
  readonly #ordinals: number[] = [];
  readonly #bounds: number[] = [];
  /** The k least upper bounds: nothing beyond all of them can be among the k nearest. */
  readonly #uppers: FirstItems<number>;
  readonly #best: FirstItems<number>;
  #looked = 0;
  #quiet = 0;
  #seen = 0;

  constructor(lists: SearchedLists, query: PreparedQuery, task: SearchTask) {
    this.#lists = lists;
    this.#query = query;
    this.#task = task;
    this.#uppers = new FirstItems(task.k, ascending);
    this.#best = new FirstItems(Math.max(BEST_MIN, BEST_PER_RESULT * task.k), ascending);
  }

  /** Looks into lists. Where the nearest of them have less than k matches it goes on with the others. */
  async run(source: ListSource): Promise<void> {
    const only = this.#listsWithMatches();
    const all = only.count();
    const first = this.#task.effort === "adaptive" ? (this.#task.matchesIn === null ? LISTS_MAX : all) : this.#task.effort;
    await this.#lookInto(this.#probes(first, only), source);
    if (this.#uppers.last === undefined && this.#looked < all) await this.#lookInto(this.#probes(all, only).slice(this.#looked), source);
  }

  /** Judges rows until none of those left is likely to be among the nearest. */
  async judge(judge: Judge): Promise<void> {
    const order = this.#candidates();
    const most = Math.max(JUDGED_MAX, 2 * this.#task.k);
    for (let from = 0, to = this.#task.k; from < order.length && from < most; to = from + JUDGED_AT_ONCE) {
      const near = order.slice(from, to).filter((at) => this.#bounds[at]! <= judge.farthest);
      if (near.length === 0) return;
      await judge.judge(Uint32Array.from(near, (at) => this.#ordinals[at]!));
      from += near.length;
    }
  }

  #listsWithMatches(): Bitmap {
    const { matchesIn } = this.#task;
    if (matchesIn === null) return this.#lists.inUse;
    const slots = new Bitmap(matchesIn.length);
    for (let slot = 0; slot < matchesIn.length; slot++) if (matchesIn[slot]! > 0) slots.add(slot);
    return slots;
  }

  #probes(count: number, only: Bitmap): Probe[] {
    return this.#lists.centroids.probe(this.#query, count, only.words);
  }

  async #lookInto(probes: readonly Probe[], source: ListSource): Promise<void> {
    for (let from = 0; from < probes.length && !this.#isOver; from += LISTS_PER_READ) {
      const round = probes.slice(from, from + LISTS_PER_READ);
      const lists = await source.read(round.map(({ slot }) => slot));
      for (let i = 0; i < round.length && !this.#isOver; i++) this.#scan(lists[i]!, round[i]!);
    }
  }

  get #isOver(): boolean {
    if (this.#uppers.last === undefined || this.#task.effort !== "adaptive") return false;
    const { matchesIn } = this.#task;
    if (matchesIn !== null && this.#seen < MATCHES_MIN) return false;
    return this.#looked >= LISTS_MIN && this.#quiet >= PATIENCE;
  }

  #scan(list: Uint8Array, probe: Probe): void {
    const { matching, matchesIn } = this.#task;
    const threshold = this.#uppers.last ?? Infinity;
    const found = this.#lists.coder.scan(list, this.#query, probe, { threshold, epsilon: EPSILON, allowed: matching.words });
    let isQuiet = true;
    for (let i = 0; i < found.ordinals.length; i++) {
      const ordinal = found.ordinals[i]!;
      // The row is in another list by now.
      if (this.#lists.listOf(ordinal) !== probe.slot) continue;
      if (this.#take(ordinal, found.estimates[i]!, found.sigmas[i]!)) isQuiet = false;
    }
    this.#looked++;
    this.#seen += matchesIn?.[probe.slot] ?? 0;
    this.#quiet = isQuiet ? this.#quiet + 1 : 0;
  }

  /** Whether the row is among the best so far. */
  #take(ordinal: number, estimate: number, sigma: number): boolean {
    this.#ordinals.push(ordinal);
    this.#bounds.push(estimate - EPSILON * sigma);
    // A row without an estimate is judged, and says nothing of others.
    if (estimate === FAR_BELOW) return false;
    this.#uppers.offer(estimate + EPSILON * sigma);
    const isBest = estimate < (this.#best.last ?? Infinity);
    if (isBest) this.#best.offer(estimate);
    return isBest;
  }

  /** Places of the rows that may be among the nearest, those first that may be the nearest. */
  #candidates(): Uint32Array {
    const threshold = this.#uppers.last ?? Infinity;
    const places: number[] = [];
    this.#bounds.forEach((bound, at) => {
      if (bound <= threshold) places.push(at);
    });
    return Uint32Array.from(places).sort((a, b) => this.#bounds[a]! - this.#bounds[b]! || this.#ordinals[a]! - this.#ordinals[b]!);
  }
}

function ascending(a: number, b: number): number {
  return a - b;
}
