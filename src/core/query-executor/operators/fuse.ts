/**
 * Fuses what several branches found into one order, by the ranks that each gave a record (reciprocal rank fusion): scores of
 * different kinds need not be compared. A score is 1 for what all branches have first, and near 0 for what one has far down.
 */

/** What one branch found, best first. */
export interface FusedBranch {
  ordinals: Uint32Array;
  /** How much it counts beside the others; above 0. */
  weight: number;
}

/** Records, best first; equal scores in insertion order. */
export interface Fused {
  ordinals: Uint32Array;
  /** 0–1, larger is better. */
  scores: Float64Array;
  /** For each branch, where it has each record, counted from 1; 0 where it did not find it. */
  ranks: Uint32Array[];
}

/** How slowly what a rank counts falls: by half at this one. */
const RANK_SCALE = 60;

export function fuse(branches: readonly FusedBranch[]): Fused {
  const ranksOf = branches.map(({ ordinals }) => new Map(Array.from(ordinals, (ordinal, i) => [ordinal, i + 1])));
  const whole = branches.reduce((sum, { weight }) => sum + weight, 0);
  const scoreOf = (ordinal: number): number =>
    branches.reduce((sum, { weight }, b) => sum + (weight / whole) * share(ranksOf[b]!.get(ordinal)), 0);
  const found = [...new Set(ranksOf.flatMap((ranks) => [...ranks.keys()]))].map((ordinal) => ({ ordinal, score: scoreOf(ordinal) }));
  found.sort((a, b) => b.score - a.score || a.ordinal - b.ordinal);
  return {
    ordinals: Uint32Array.from(found, ({ ordinal }) => ordinal),
    scores: Float64Array.from(found, ({ score }) => score),
    ranks: ranksOf.map((ranks) => Uint32Array.from(found, ({ ordinal }) => ranks.get(ordinal) ?? 0)),
  };
}

/** 1 at the first rank. */
function share(rank: number | undefined): number {
  return rank === undefined ? 0 : (RANK_SCALE + 1) / (RANK_SCALE + rank);
}
