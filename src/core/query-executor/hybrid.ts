/**
 * One hybrid search: the branches are read of one view, cut off, fused, and told beside each hit, so that it can be seen why
 * it was found.
 */
import type { HybridPlan } from "../gateway/plan-hybrid.js";
import type { RankSource } from "../gateway/search-plan.js";
import type { SparseHits } from "../index/sparse/best-hits.js";
import type { TextHits } from "../index/text/text-index.js";
import type { Nearest } from "../index/vector/flat.js";
import { limits } from "../limits.js";
import type { HybridResponse } from "../service.js";
import type { RecordColumns } from "../types.js";
import { chance, denseShare, type Fused, type FusedBranch, fuse } from "./operators/fuse.js";
import type { View } from "./view.js";

/** The sources that a hybrid search reads. */
export function sourcesOfHybrid({ text, dense, sparse }: HybridPlan): RankSource[] {
  return [text, dense, sparse].flatMap((branch) => branch?.source ?? []);
}

/** What a hybrid search has found, without the records' columns. */
export type HybridHits = { ordinals: Uint32Array } & Omit<HybridResponse, keyof RecordColumns>;

/** What the branches found; `null` for one that is not there. */
interface Branches {
  text: (FusedBranch & TextHits) | null;
  dense: (FusedBranch & Nearest) | null;
  sparse: (FusedBranch & SparseHits) | null;
}

export async function hybrid(view: View, plan: HybridPlan): Promise<HybridHits> {
  const { text, dense, sparse } = await read(view, plan);
  if (plan.isWeighed) weigh({ text, dense, sparse });
  const branches = [text, dense, sparse].filter((branch) => branch !== null);
  const fused = cut(fuse(branches), plan);
  const ranksOf = (branch: FusedBranch) => fused.ranks[(branches as FusedBranch[]).indexOf(branch)]!;
  return {
    ordinals: fused.ordinals,
    scores: fused.scores,
    text: text && textColumns(text, ranksOf(text)),
    dense: dense && { ranks: ranksOf(dense), distances: valuesAt(dense.distances, ranksOf(dense)) },
    sparse: sparse && { ranks: ranksOf(sparse), scores: valuesAt(sparse.values, ranksOf(sparse)) },
  };
}

async function read(view: View, { filter, text, dense, sparse, maxDistance, minSparseScore }: HybridPlan): Promise<Branches> {
  const allowed = await view.select(filter);
  const words = text && (await view.read(text.source, allowed));
  const near = dense && within((await view.read(dense.source, allowed))[0]!, maxDistance);
  const alike = sparse && alikeEnough(await view.read(sparse.source, allowed), minSparseScore);
  return {
    text: words && { ...words, values: words.scores, weight: text!.weight },
    dense: near && { ...near, values: near.distances.map((distance) => -distance), weight: dense!.weight },
    // Scores of sparse vectors are 1 − the dot product.
    sparse: alike && { ...alike, values: alike.scores.map((score) => 1 - score), weight: sparse!.weight },
  };
}

/**
 * Sets the weights for this query. Sparse vectors count as much as words do; and where they found something, their first stands for
 * what words have first, since it is they that know rare words and stems. Branches that found nothing count nothing.
 */
function weigh({ text, dense, sparse }: Branches): void {
  for (const branch of [text, dense, sparse]) if (branch?.ordinals.length === 0) branch.weight = 0;
  if (!text?.weight || !dense?.weight) return;
  const [first] = sparse?.weight ? sparse.ordinals : text.ordinals;
  const at = dense.ordinals.indexOf(first!);
  text.weight = (1 - denseShare(text.found, at === -1 ? limits.hybridCandidates + 1 : at + 1)) * (1 - chance(text));
  dense.weight = 1 - text.weight;
  if (sparse?.weight) sparse.weight = text.weight;
}

/** What is not farther away. */
function within({ ordinals, distances }: Nearest, maxDistance: number): Nearest {
  const farther = distances.findIndex((distance) => distance > maxDistance);
  const end = farther === -1 ? distances.length : farther;
  return { ordinals: ordinals.subarray(0, end), distances: distances.subarray(0, end) };
}

/** What has this dot product or a larger one. */
function alikeEnough({ ordinals, scores }: SparseHits, minSparseScore: number): SparseHits {
  const less = scores.findIndex((score) => 1 - score < minSparseScore);
  const end = less === -1 ? scores.length : less;
  return { ordinals: ordinals.subarray(0, end), scores: scores.subarray(0, end) };
}

/** As many as were asked for, and none with a smaller score. */
function cut({ ordinals, scores, ranks }: Fused, { limit, minScore }: HybridPlan): Fused {
  const worse = scores.findIndex((score) => score < minScore);
  const end = worse === -1 ? limit : Math.min(limit, worse);
  return { ordinals: ordinals.slice(0, end), scores: scores.slice(0, end), ranks: ranks.map((column) => column.slice(0, end)) };
}

/** What the text branch says of each hit; where it has no rank, nothing. */
function textColumns({ scores, terms }: TextHits, ranks: Uint32Array): HybridResponse["text"] {
  return { ranks, scores: valuesAt(scores, ranks), terms: Array.from(ranks, (rank) => (rank === 0 ? [] : terms[rank - 1]!)) };
}

/** A branch's values by its ranks; 0 where there is no rank. */
function valuesAt(values: ArrayLike<number>, ranks: Uint32Array): Float64Array {
  return Float64Array.from(ranks, (rank) => (rank === 0 ? 0 : values[rank - 1]!));
}
