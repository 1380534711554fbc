/**
 * Fuses what several branches found into one order. What a record has of a branch is partly by its rank there and partly by its value
 * between the branch's last and first, since ranks alone forget by how much the first are better, and values alone follow outliers
 * (`docs/internals/hybrid.md`). A score is 1 for what all branches have first.
 */

/** What one branch found, best first. */
export interface FusedBranch {
  ordinals: Uint32Array;
  /** How good each is: descending. */
  values: ArrayLike<number>;
  /** How much it counts beside the others, at least 0; one of them counts something. */
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

/** How slowly what a rank counts falls: by half at this one and one more. */
const RANK_SCALE = 20;
/** How much of a share is by rank. */
const BY_RANK = 0.2;

export function fuse(branches: readonly FusedBranch[]): Fused {
  const ranksOf = branches.map(({ ordinals }) => new Map(Array.from(ordinals, (ordinal, i) => [ordinal, i + 1])));
  const whole = branches.reduce((sum, { weight }) => sum + weight, 0);
  const scoreOf = (ordinal: number): number =>
    branches.reduce((sum, branch, b) => sum + (branch.weight / whole) * share(branch.values, ranksOf[b]!.get(ordinal)), 0);
  const found = [...new Set(ranksOf.flatMap((ranks) => [...ranks.keys()]))].map((ordinal) => ({ ordinal, score: scoreOf(ordinal) }));
  found.sort((a, b) => b.score - a.score || a.ordinal - b.ordinal);
  return {
    ordinals: Uint32Array.from(found, ({ ordinal }) => ordinal),
    scores: Float64Array.from(found, ({ score }) => score),
    ranks: ranksOf.map((ranks) => Uint32Array.from(found, ({ ordinal }) => ranks.get(ordinal) ?? 0)),
  };
}

/** 1 at the first rank. */
function share(values: ArrayLike<number>, rank: number | undefined): number {
  if (rank === undefined) return 0;
  const last = values[values.length - 1]!;
  const range = values[0]! - last;
  const byValue = range > 0 ? (values[rank - 1]! - last) / range : 1;
  return (BY_RANK * (RANK_SCALE + 1)) / (RANK_SCALE + rank) + (1 - BY_RANK) * byValue;
}

/**
 * What vectors count beside words, of 1, where nobody says: more, the more words of the query were found, since a long question is not
 * known by its words; and less, the farther down the vectors have what the words have first.
 */
export function denseShare(words: number, rankOfFirst: number): number {
  const share = -0.93 + 0.61 * Math.log(words) - 0.065 * Math.log2(rankOfFirst);
  return Math.min(0.74, Math.max(0.12, share));
}

/** What words found, as far as it tells whether that is what was looked for. */
export interface WordHits {
  /** Descending, and at least one. */
  values: ArrayLike<number>;
  ceiling: number;
  unknown: number;
  documents: number;
}

/**
 * How much of what words found passes for chance, 0–1, so that vectors are to be followed instead: more, the more of the query's words
 * no document has, the less the best document has of what it could have of them, and the more it stands alone, by one rare word. Less,
 * the more its score is beside the rarity of a word of no document: by accident hardly any among many has several rare words.
 */
export function chance({ values, ceiling, unknown, documents }: WordHits): number {
  const first = values[0]!;
  const lead = 1 - values[Math.min(9, values.length - 1)]! / first;
  return Math.min(1, Math.max(0, 2 + unknown + 0.8 * lead - 8 * (first / ceiling) - first / Math.log(2 * documents + 2)));
}
