/**
 * One search through inverted lists: which lists are looked into, and which of the rows in them are judged.
 *
 * Lists are looked into in the order of their centroids' distance, until so many in a row had nothing for the best estimates; with a filter
 * as many as have so many matches, and until enough of them were seen. The best of the first lists are judged at once: the k-th exact
 * distance is what rows of the others have to be able to come below. In the end rows are judged in the order of the least distance that
 * their estimate leaves possible, until that lies beyond the k-th exact distance. Bounds are those of `EPSILON` standard units: likely, not
 * certain.
 *
 * No estimates are compared with each other to leave rows out. Where many rows are about as near, as with little structure in many
 * dimensions, the k that seem nearest among thousands are those whose estimates erred most, and nearer rows would be left out by them.
 */
import { Bitmap } from "../../../base/bitmap.js";
import { FirstItems } from "../../../base/first-items.js";
import type { Judge } from "../judge.js";
import type { HeldLists } from "./held-lists.js";
import type { ListSource } from "./list-source.js";
import { type CentroidTable, FAR_BELOW, type PreparedQuery, type Probe, type RankedLists, type ScanOptions } from "./spann-kernel.js";

/** Standard units between an estimate and the bounds of the distance. */
const EPSILON = 2.2;
/**
 * Lists in a row without anything for the best estimates, after which a search ends: at least, and for each root of how many lists there
 * are; and best estimates that count, for each row that is asked for, and at least. Chosen on low-rank rows, where fewer of either end the
 * search before those are reached in which the last of the nearest lie. The more rows, the more that matters: of 415,000 rows, in 2,785
 * lists, 40 lists had .981 of the nearest after looking into 313, 64 lists .989 after 412 and 96 lists .993 after 507. Fewer than 2.2
 * standard units judge fewer rows (66 instead of 83 at 1.9), and lose none there, but do where rows have less structure.
 */
const ALL_ROWS: Patience = { listsMin: 40, listsPerRoot: 1.2, bestPerResult: 10, bestMin: 100 };
/**
 * With a filter it is matches that count, and lists are what holds as many matches as one has rows: as if there were no other rows, of
 * which the nearest lie in many more lists, though. Of a million low-rank rows it found .994 under a filter of a tenth, looking into 1,300
 * lists, and .999 under one of a hundredth, into 2,600; one a root fewer .975 and .996.
 */
const MATCHES: Patience = { listsMin: 0, listsPerRoot: 2, bestPerResult: 3, bestMin: 30 };
/** Lists that are looked into at least and, without a filter, at most: of a million low-rank rows 256 had .94 of the nearest. */
const LISTS_MIN = 16;
const LISTS_MAX = 2048;
/** Lists that are put in order at first: of a million low-rank rows searches looked into some 630. */
const LISTS_RANKED = 1024;
/**
 * Lists that are scanned at once: at first, while there is nothing yet that rows have to come below; then; and the share of those looked
 * into that may be for nothing since the search ends among them, up to so many. Each scan costs as much as some lists.
 */
const LISTS_PER_FIRST_SCAN = 2;
const LISTS_PER_SCAN = 16;
const SCAN_SHARE = 1 / 4;
const LISTS_PER_SCAN_MAX = 64;
/** Matches of a filter that are seen at least, as long as there are as many. */
const MATCHES_MIN = 1000;
/** Rows beyond k that are judged once the first lists were looked into. */
const FIRST_SPARE = 6;
/** Rows that are judged at once, and in the end, unless more are asked for. */
const JUDGED_AT_ONCE = 32;
const JUDGED_MAX = 1000;

/** How many lists are looked into: as many, or as many as it takes. */
export type SearchEffort = number | "adaptive";

interface Patience {
  listsMin: number;
  listsPerRoot: number;
  bestPerResult: number;
  bestMin: number;
}

/** The lists that a search is through. */
export interface SearchedLists {
  readonly held: Pick<HeldLists, "scan">;
  readonly centroids: Pick<CentroidTable, "rank" | "count">;
  /** Rows in all of them. */
  readonly coveredCount: number;
  /** Slots of lists that are there. */
  readonly inUse: Bitmap;
  /** The slot of a row's list. */
  listOf(ordinal: number): number;
}

export interface SearchTask {
  k: number;
  /** Rows that may be found, all of which are in lists, `null` for all that are; and how many they are. More than k. */
  matching: Bitmap | null;
  matchCount: number;
  /** How many of them are in each list, where that is known. */
  matchesIn: Uint32Array | null;
  effort: SearchEffort;
}

export class ListSearch {
  readonly #lists: SearchedLists;
  readonly #query: PreparedQuery;
  readonly #task: SearchTask;
  readonly #judge: Judge;
  /** Candidates, in the order in which they were found. */
  readonly #ordinals: number[] = [];
  readonly #estimates: number[] = [];
  readonly #bounds: number[] = [];
  /** Places of the candidates with the best estimates. */
  readonly #best: FirstItems<number>;
  /** Places of candidates that were judged. */
  readonly #judged = new Bitmap();
  readonly #rowsPerList: number;
  /** Matches without anything for the best, after which a search ends. */
  readonly #patience: number;
  #looked = 0;
  /** Matches seen, and those seen since there was one for the best. */
  #seen = 0;
  #quiet = 0;

  constructor(lists: SearchedLists, query: PreparedQuery, task: SearchTask, judge: Judge) {
    this.#lists = lists;
    this.#query = query;
    this.#task = task;
    this.#judge = judge;
    const { count } = lists.centroids;
    this.#rowsPerList = lists.coveredCount / count;
    const { listsMin, listsPerRoot, bestPerResult, bestMin } = task.matchesIn === null ? ALL_ROWS : MATCHES;
    const rows = task.matchesIn === null ? lists.coveredCount : task.matchCount;
    this.#patience = Math.max(listsMin, listsPerRoot * Math.sqrt(rows / this.#rowsPerList)) * this.#rowsPerList;
    const byEstimate = (a: number, b: number): number => this.#estimates[a]! - this.#estimates[b]! || a - b;
    this.#best = new FirstItems(Math.max(bestMin, bestPerResult * task.k), byEstimate);
  }

  /** Looks into lists, and judges. Where the nearest of them have less than k matches it goes on with the others. */
  async run(source: ListSource): Promise<void> {
    const only = this.#listsWithMatches();
    const all = only.count();
    for (const count of this.#rankings(all)) {
      if (this.#looked < all && !this.#isOver) await this.#lookInto(this.#rank(count, only), source);
    }
    if (!this.#hasEnough && this.#looked < all) await this.#lookInto(this.#rank(all, only), source);
    await this.#judgeNear();
  }

  /** How many lists are put in order, one after the other as long as more are needed. */
  #rankings(all: number): readonly number[] {
    const { effort, matchesIn } = this.#task;
    if (effort !== "adaptive") return [effort];
    return matchesIn === null ? [LISTS_RANKED, LISTS_MAX] : [all];
  }

  #listsWithMatches(): Bitmap {
    const { matchesIn } = this.#task;
    if (matchesIn === null) return this.#lists.inUse;
    const slots = new Bitmap(matchesIn.length);
    for (let slot = 0; slot < matchesIn.length; slot++) if (matchesIn[slot]! > 0) slots.add(slot);
    return slots;
  }

  #rank(count: number, only: Bitmap): RankedLists {
    return this.#lists.centroids.rank(this.#query, count, only.words);
  }

  /** Goes on with the list behind those that it has looked into. */
  async #lookInto({ slots, probe }: RankedLists, source: ListSource): Promise<void> {
    while (this.#looked < slots.length && !this.#isOver) {
      const round = Math.min(this.#listsPerScan, slots.length - this.#looked);
      await this.#scan(
        Array.from({ length: round }, (_, i) => probe(this.#looked + i)),
        source,
      );
      if (this.#looked >= LISTS_MIN && this.#hasEnough && this.#judge.farthest === Infinity) await this.#judgeBest();
    }
  }

  get #listsPerScan(): number {
    if (this.#best.last === undefined) return LISTS_PER_FIRST_SCAN;
    return Math.min(LISTS_PER_SCAN_MAX, Math.max(LISTS_PER_SCAN, Math.floor(SCAN_SHARE * this.#looked)));
  }

  /** Whether as many rows were found as are asked for. */
  get #hasEnough(): boolean {
    return this.#ordinals.length >= this.#task.k;
  }

  get #isOver(): boolean {
    if (!this.#hasEnough || this.#task.effort !== "adaptive") return false;
    if (this.#task.matchesIn !== null && this.#seen < MATCHES_MIN) return false;
    return this.#looked >= LISTS_MIN && this.#quiet >= this.#patience;
  }

  async #scan(probes: readonly Probe[], source: ListSource): Promise<void> {
    const options = (): ScanOptions => this.#options;
    const { ordinals, estimates, sigmas, ends } = await this.#lists.held.scan(this.#query, probes, source, options);
    const { matching, matchesIn } = this.#task;
    let row = 0;
    for (let i = 0; i < probes.length && !this.#isOver; i++) {
      const { slot } = probes[i]!;
      let isQuiet = true;
      for (; row < ends[i]!; row++) {
        const ordinal = ordinals[row]!;
        // Else it does not match, or is in another list by now.
        if (matching?.has(ordinal) === false || this.#lists.listOf(ordinal) !== slot) continue;
        if (this.#take(ordinal, estimates[row]!, sigmas[row]!)) isQuiet = false;
      }
      const matches = matchesIn?.[slot] ?? this.#rowsPerList;
      this.#looked++;
      this.#seen += matches;
      this.#quiet = isQuiet ? this.#quiet + matches : 0;
    }
  }

  /** Rows count that may be among the nearest by their lower bound, or are among the best, which say when to stop, by their estimate. */
  get #options(): ScanOptions {
    const last = this.#best.last;
    if (last === undefined) return { threshold: Infinity, epsilon: EPSILON };
    const below = this.#estimates[last]!;
    const { farthest } = this.#judge;
    // Until there is an exact distance: ten times as many rows as are asked for seem nearer, also where they err as far as they may.
    return { threshold: farthest === Infinity ? 2 * below - this.#bounds[last]! : farthest, below, epsilon: EPSILON };
  }

  /** Whether the row is among the best so far. */
  #take(ordinal: number, estimate: number, sigma: number): boolean {
    const place = this.#ordinals.push(ordinal) - 1;
    this.#estimates.push(estimate);
    this.#bounds.push(estimate - EPSILON * sigma);
    // A row without an estimate is judged, and says nothing of others.
    if (estimate === FAR_BELOW) return false;
    const last = this.#best.last;
    const isBest = last === undefined || estimate < this.#estimates[last]!;
    if (isBest) this.#best.offer(place);
    return isBest;
  }

  // ---- judging

  async #judgeBest(): Promise<void> {
    const places = Uint32Array.from(this.#best.items()).sort((a, b) => this.#estimates[a]! - this.#estimates[b]! || a - b);
    await this.#judgeAt(places.length < this.#task.k ? this.#inOrder() : places.subarray(0, this.#task.k + FIRST_SPARE));
  }

  /** Judges rows until none of those left is likely to be among the nearest. */
  async #judgeNear(): Promise<void> {
    const order = this.#inOrder();
    const most = Math.max(JUDGED_MAX, 2 * this.#task.k);
    for (let from = 0, to = 0; from < order.length && from < most; from = to) {
      const { farthest } = this.#judge;
      while (to < order.length && to < from + JUDGED_AT_ONCE && this.#bounds[order[to]!]! <= farthest) to++;
      if (from === to) return;
      await this.#judgeAt(order.subarray(from, to));
    }
  }

  async #judgeAt(places: Uint32Array): Promise<void> {
    await this.#judge.judge(places.map((at) => this.#ordinals[at]!));
    this.#judged.addAll(places);
  }

  /** Places of rows that may be among the nearest and are not judged yet, those first that may be the nearest. */
  #inOrder(): Uint32Array {
    const { farthest } = this.#judge;
    const places: number[] = [];
    this.#bounds.forEach((bound, at) => {
      if (bound <= farthest && !this.#judged.has(at)) places.push(at);
    });
    return Uint32Array.from(places).sort((a, b) => this.#bounds[a]! - this.#bounds[b]! || this.#ordinals[a]! - this.#ordinals[b]!);
  }
}
