/**
 * Chooses between the two ways to answer a query: scan every allowed row, or walk the graph and scan only what it does
 * not cover. Costs are counted in rows of a scan.
 *
 * A walk measures about `DISTANCES_PER_BEAM` rows per place in its beam: M = 16 gives lists of 20 to 25, of which most are
 * visited already as the walk closes in. Each costs `WALK_FACTOR` rows of a scan: it comes from anywhere in memory and
 * passes through two queues, but so do the scattered rows of a filtered scan, nearly. A filtered walk collects only allowed
 * nodes but goes through all, so where one in s is allowed it goes as far as a walk with a beam s times as wide; at worst it
 * measures every node.
 *
 * The constants are fitted to times of both ways in Node, with clustered vectors of dimension 384, 10,000 and 50,000 rows,
 * beams 16 to 96 and filters that allow 1, 5, 10, 20, 50 and 100 % (the SIMD kernel; only the ratio matters). At 50,000
 * rows and beam 48 the ways cost the same where about a tenth is allowed, at 10,000 rows where about a third is.
 * Being wrong by a factor of two near that point costs at most that factor in time, never a result.
 */

import { limits } from "../../limits.js";

const DISTANCES_PER_BEAM = 16;
export const WALK_FACTOR = 1.25;
/** Rows that a walk costs before its beam comes into play: the way down, and what a call costs. */
const WALK_ROWS_MIN = 500;

/** What a row costs beside its codes, in bytes of codes: a quarter of the time at dimension 384, most of it at 16. */
const ROW_OVERHEAD_BYTES = 64;

export interface SearchShape {
  /** Rows that the graph covers, and how many of them are allowed. */
  covered: number;
  matches: number;
  /** Allowed rows that the graph does not cover. */
  uncovered: number;
  /** Results kept along the walk. */
  beam: number;
  /** Rows of a scan that measuring one row on the walk takes as long as. Default `WALK_FACTOR`, which is for our own graph. */
  stepCost?: number;
}

export type Plan = "scan" | "walk";

/** The cheaper way. A walk that could not even fill its beam is none. */
export function planSearch({ covered, matches, uncovered, beam, stepCost }: SearchShape): Plan {
  if (matches <= beam) return "scan";
  return walkCost(covered, matches, beam, stepCost) + uncovered < matches + uncovered ? "walk" : "scan";
}

/** Rows of a scan that take as long as a walk. */
export function walkCost(covered: number, matches: number, beam: number, stepCost = WALK_FACTOR): number {
  const distances = Math.min(covered, (DISTANCES_PER_BEAM * beam * covered) / matches);
  return WALK_ROWS_MIN + stepCost * distances;
}

/**
 * Most rows of a dimension that are searched without a graph. A walk is faster from a tenth of that on, but up to here a scan
 * takes no longer than the rest of a query (messages, re-ranking, reading the records), is exact and needs no building.
 */
export function flatRowsMax(dimension: number): number {
  return Math.floor(limits.flatBytesMax / (dimension + ROW_OVERHEAD_BYTES));
}
