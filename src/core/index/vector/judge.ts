/**
 * Exact distances of candidates: what turns an approximate order into results. Rows are fetched in parts, so that a
 * search that must judge many of them does not hold them all.
 */

import { carved } from "../../base/slab.js";
import { TidepoolError } from "../../errors.js";
import type { Space } from "../../types.js";
import type { Candidates } from "./candidates.js";
import type { ExactDistances } from "./distance.js";
import type { Margin } from "./error-bounds.js";

/** Exact float32 vectors of the given ordinals: row-major, in the order given. A source may put them into `room`, where there is one. */
export type VectorSource = (ordinals: Uint32Array, room?: Float32Array) => Promise<Float32Array>;

/** Nearest rows, ascending by distance, equal distances by ordinal. */
export interface Nearest {
  ordinals: Uint32Array;
  distances: Float32Array;
}

/** Vectors asked of a source at once, so that a search that must judge every row does not hold them all. */
const FETCH_BYTES_MAX = 4 * 1024 * 1024;
/** Candidates beyond k that are judged at once, where they may be among the k nearest: in most searches no more are. */
const FIRST_SPARE = 6;
/** Rows up to which each is put into its place among the nearest: that takes no arrays, which take longer than so few comparisons. */
const INSERTED_MAX = 32;
/** Nobody writes into it. */
const NOTHING: Nearest = { ordinals: new Uint32Array(0), distances: new Float32Array(0) };
/** Rooms that are kept for the rows of later searches: to have one made takes longer than to fill it. */
const ROOMS_KEPT = 4;
const ROOM_NUMBERS_KEPT = 32_768;
const rooms: Float32Array[] = [];

/** Judges rows by their exact distance and keeps the k nearest. */
export class Judge {
  readonly #space: Space;
  readonly #query: Float32Array;
  readonly #k: number;
  readonly #vectors: VectorSource;
  readonly #exact: ExactDistances;
  #nearest = NOTHING;

  constructor(space: Space, query: Float32Array, k: number, vectors: VectorSource, exact: ExactDistances) {
    this.#space = space;
    this.#query = query;
    this.#k = k;
    this.#vectors = vectors;
    this.#exact = exact;
  }

  get nearest(): Nearest {
    return this.#nearest;
  }

  /** Distance of the k-th nearest so far; infinite while there are fewer. */
  get farthest(): number {
    return this.#nearest.distances[this.#k - 1] ?? Infinity;
  }

  /** Exact distances, in the order of `ordinals`. */
  async judge(ordinals: Uint32Array): Promise<Float32Array> {
    const distances = carved(Float32Array, ordinals.length);
    const step = Math.max(1, Math.floor(FETCH_BYTES_MAX / (4 * this.#query.length)));
    if (ordinals.length <= Math.min(step, INSERTED_MAX)) {
      await this.#measure(ordinals, distances, 0);
      this.#insert(ordinals, distances);
      return distances;
    }
    for (let from = 0; from < ordinals.length; from += step) {
      const part = ordinals.subarray(from, from + step);
      await this.#measure(part, distances, from);
      this.#nearest = merge(this.#nearest, this.#sortedNear(part, distances.subarray(from, from + step)), this.#k);
    }
    return distances;
  }

  /** Puts each of a few rows into its place. */
  #insert(ordinals: Uint32Array, distances: Float32Array): void {
    let held = this.#nearest.ordinals.length;
    const room = Math.min(this.#k, held + ordinals.length);
    if (room > held) this.#nearest = lengthened(this.#nearest, room);
    const { ordinals: rows, distances: order } = this.#nearest;
    for (let i = 0; i < ordinals.length; i++) {
      const ordinal = ordinals[i]!;
      const distance = distances[i]!;
      let at = Math.min(held, room);
      while (at > 0 && (distance < order[at - 1]! || (distance === order[at - 1]! && ordinal < rows[at - 1]!))) {
        if (at < room) {
          order[at] = order[at - 1]!;
          rows[at] = rows[at - 1]!;
        }
        at--;
      }
      if (at === room) continue;
      order[at] = distance;
      rows[at] = ordinal;
      if (held < room) held++;
    }
  }

  /** Those that may be among the k nearest: of many rows few are. */
  #sortedNear(ordinals: Uint32Array, distances: Float32Array): Nearest {
    const { farthest } = this;
    const near: number[] = [];
    for (let i = 0; i < distances.length; i++) if (distances[i]! <= farthest) near.push(i);
    if (near.length === distances.length) return sorted(ordinals, distances);
    return sorted(
      Uint32Array.from(near, (i) => ordinals[i]!),
      Float32Array.from(near, (i) => distances[i]!),
    );
  }

  /** Puts the distances into `out`, from `at` on. */
  async #measure(ordinals: Uint32Array, out: Float32Array, at: number): Promise<void> {
    const dimension = this.#query.length;
    const room = takeRoom(ordinals.length * dimension);
    const rows = await this.#vectors(ordinals, room.subarray(0, ordinals.length * dimension));
    if (rows.length !== ordinals.length * dimension) {
      throw new TidepoolError(
        "INTERNAL",
        `${ordinals.length} vectors of dimension ${dimension} were asked for, but ${rows.length} numbers came.`,
      );
    }
    out.set(this.#exact.exactDistances(this.#space, this.#query, rows), at);
    if (rooms.length < ROOMS_KEPT && room.length <= ROOM_NUMBERS_KEPT) rooms.push(room);
  }
}

/** A room for so many numbers, which nobody else uses meanwhile. */
function takeRoom(length: number): Float32Array {
  const room = rooms.pop();
  return room !== undefined && room.length >= length ? room : new Float32Array(length);
}

/**
 * Judges ascending candidates, the first `judged` of which are judged already, until, as the margin has it, none of those
 * left can be among the k nearest. `offset` is what their distances lack. Returns how many are judged now.
 */
export async function judgeWhileNear(
  judge: Judge,
  k: number,
  candidates: Candidates,
  offset: number,
  margin: Margin,
  judged = 0,
): Promise<number> {
  const count = candidates.ordinals.length;
  const endOfNear = (from: number): number => {
    let end = from;
    while (end < count && !margin.excludes(candidates.distances[end]! + offset, judge.farthest)) end++;
    return end;
  };
  let from = judged;
  for (let to = judged === 0 ? firstEnd(k, candidates, offset, margin) : endOfNear(judged); from < to; to = endOfNear(to)) {
    const exact = await judge.judge(candidates.ordinals.slice(from, to));
    for (let i = 0; i < exact.length; i++) margin.observe(candidates.distances[from + i]! + offset, exact[i]!);
    from = to;
  }
  return from;
}

/**
 * How many candidates are judged first: `k`, and some of those that may be nearer than the k-th, which is not farther than the margin
 * beyond what it seems.
 */
function firstEnd(k: number, { distances }: Candidates, offset: number, margin: Margin): number {
  const most = Math.min(distances.length, k + FIRST_SPARE);
  let end = Math.min(most, k);
  const farthest = margin.beyond(distances[end - 1]! + offset);
  while (end < most && !margin.excludes(distances[end]! + offset, farthest)) end++;
  return end;
}

/** By distance, then ordinal. */
function sorted(ordinals: Uint32Array, distances: Float32Array): Nearest {
  const order = new Uint32Array(ordinals.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  order.sort((a, b) => distances[a]! - distances[b]! || ordinals[a]! - ordinals[b]!);
  const out: Nearest = { ordinals: new Uint32Array(order.length), distances: new Float32Array(order.length) };
  for (let i = 0; i < order.length; i++) {
    out.ordinals[i] = ordinals[order[i]!]!;
    out.distances[i] = distances[order[i]!]!;
  }
  return out;
}

/** A copy with room for more. */
function lengthened({ ordinals, distances }: Nearest, length: number): Nearest {
  const longer: Nearest = { ordinals: new Uint32Array(length), distances: new Float32Array(length) };
  longer.ordinals.set(ordinals);
  longer.distances.set(distances);
  return longer;
}

/** The `k` nearest of two ascending lists. */
function merge(a: Nearest, b: Nearest, k: number): Nearest {
  const count = Math.min(k, a.ordinals.length + b.ordinals.length);
  const out: Nearest = { ordinals: new Uint32Array(count), distances: new Float32Array(count) };
  let i = 0;
  let j = 0;
  for (let n = 0; n < count; n++) {
    const from = isNearer(a, i, b, j) ? a : b;
    const index = from === a ? i++ : j++;
    out.ordinals[n] = from.ordinals[index]!;
    out.distances[n] = from.distances[index]!;
  }
  return out;
}

/** Whether entry i of `a` comes before entry j of `b`; a list that has ended comes last. */
function isNearer(a: Nearest, i: number, b: Nearest, j: number): boolean {
  if (i === a.ordinals.length || j === b.ordinals.length) return j === b.ordinals.length;
  const difference = a.distances[i]! - b.distances[j]!;
  return difference < 0 || (difference === 0 && a.ordinals[i]! < b.ordinals[j]!);
}

/** The first `limit` of several lists together, in whatever order each is. */
export function nearestOf(lists: readonly Nearest[], limit: number): Nearest {
  const hits = lists.flatMap(({ ordinals, distances }) => Array.from(ordinals, (ordinal, i) => ({ ordinal, distance: distances[i]! })));
  hits.sort((a, b) => a.distance - b.distance || a.ordinal - b.ordinal).splice(limit);
  return {
    ordinals: Uint32Array.from(hits, (hit) => hit.ordinal),
    distances: Float32Array.from(hits, (hit) => hit.distance),
  };
}
