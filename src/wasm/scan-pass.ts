/** One pass of the kernel over the rows of a table, window by window, for as many queries as there are slots. */

import type { Candidates } from "../core/index/vector/candidates.js";
import type { ScanQuery } from "../core/index/vector/vector-kernel.js";
import { CANDIDATE_BYTES, candidatesIn } from "./candidates-at.js";
import type { Workplace } from "./table-memory.js";

/** Rows that one call into the kernel scans: as many as its bitmap window has bits. */
const WINDOW_ROWS = 65_536;
const WINDOW_WORDS = WINDOW_ROWS / 32;
/** The slot of a query, in numbers of four bytes: its scale, the limit of its results and how many it holds. */
const SLOT_NUMBERS = 4;
const LIMIT_OFFSET = 1;
const HELD_OFFSET = 2;
/** Tells the kernel that no distance is too large. */
const NO_LIMIT = NaN;

/** Which rows are scanned for how many results. */
export interface ScanScope {
  r: number;
  /** Of the table. */
  rows: number;
  allowed: Uint32Array;
  /** Words of `allowed` that matter. */
  words: number;
}

/** Scratch memory that a pass takes. */
export function scanScratchBytes(queries: number, { r, rows }: Pick<ScanScope, "r" | "rows">): number {
  return queries * CANDIDATE_BYTES * keptOf(r, rows);
}

function keptOf(r: number, rows: number): number {
  return Math.min(r, rows, WINDOW_ROWS);
}

/** The `r` nearest rows of each query, at most `QUERIES_PER_PASS` of them. */
export function scanPass(place: Workplace, queries: readonly ScanQuery[], scope: ScanScope): Candidates[] {
  const { r, words } = scope;
  place.reserve(place.scratchAt + scanScratchBytes(queries.length, scope));
  const { shorts } = place.views;
  for (let slot = 0; slot < queries.length; slot++) shorts.set(queries[slot]!.codes, place.spots.queries[slot]!);
  let best = scanWindow(place, 0, Math.min(words, WINDOW_WORDS), queries, () => NO_LIMIT, scope);
  for (let word = WINDOW_WORDS; word < words; word += WINDOW_WORDS) {
    const limitOf = (slot: number): number => (best[slot]!.ordinals.length < r ? NO_LIMIT : best[slot]!.distances[r - 1]!);
    const next = scanWindow(place, word, Math.min(words, word + WINDOW_WORDS), queries, limitOf, scope);
    best = best.map((near, slot) => merge(near, next[slot]!, r));
  }
  return best;
}

function scanWindow(
  { kernel, views: { words, floats }, spots, scratchAt }: Workplace,
  from: number,
  to: number,
  queries: readonly ScanQuery[],
  limitOf: (slot: number) => number,
  { r, rows, allowed }: ScanScope,
): Candidates[] {
  const kept = keptOf(r, rows);
  words.set(allowed.subarray(from, to), spots.window);
  for (let slot = 0; slot < queries.length; slot++) {
    const at = spots.slots + SLOT_NUMBERS * slot;
    floats[at] = queries[slot]!.scale;
    floats[at + LIMIT_OFFSET] = limitOf(slot);
    words[at + HELD_OFFSET] = 0;
  }
  const first = from * 32;
  kernel.scan(first, to - from, kept, queries.length, scratchAt);
  return queries.map((_, slot) => {
    const held = words[spots.slots + SLOT_NUMBERS * slot + HELD_OFFSET]!;
    return candidatesIn(floats, words, (scratchAt + CANDIDATE_BYTES * kept * slot) / 4, held, first);
  });
}

/** The `r` nearest of two ascending lists. Every ordinal of `near` is below those of `far`, so it wins ties. */
function merge(near: Candidates, far: Candidates, r: number): Candidates {
  const count = Math.min(r, near.ordinals.length + far.ordinals.length);
  const ordinals = new Uint32Array(count);
  const distances = new Float32Array(count);
  let i = 0;
  let j = 0;
  for (let n = 0; n < count; n++) {
    const takeNear = j === far.ordinals.length || (i < near.ordinals.length && near.distances[i]! <= far.distances[j]!);
    const from = takeNear ? near : far;
    const index = takeNear ? i++ : j++;
    ordinals[n] = from.ordinals[index]!;
    distances[n] = from.distances[index]!;
  }
  return { ordinals, distances };
}
