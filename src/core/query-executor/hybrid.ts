/**
 * One hybrid search: the branches are read of one view, cut off, fused, and told beside each hit, so that it can be seen why
 * it was found.
 */
import type { HybridPlan } from "../gateway/plan-hybrid.js";
import type { RankSource } from "../gateway/search-plan.js";
import type { TextHits } from "../index/text/text-index.js";
import type { Nearest } from "../index/vector/flat.js";
import { limits } from "../limits.js";
import type { HybridResponse } from "../service.js";
import type { RecordColumns } from "../types.js";
import { denseShare, type Fused, fuse } from "./operators/fuse.js";
import type { View } from "./view.js";

/** The sources that a hybrid search reads. */
export function sourcesOfHybrid({ text, dense }: HybridPlan): RankSource[] {
  return [text, dense].flatMap((branch) => branch?.source ?? []);
}

/** What a hybrid search has found, without the records' columns. */
export type HybridHits = { ordinals: Uint32Array } & Omit<HybridResponse, keyof RecordColumns>;

export async function hybrid(view: View, plan: HybridPlan): Promise<HybridHits> {
  const allowed = await view.select(plan.filter);
  const text = plan.text && { ...(await view.read(plan.text.source, allowed)), weight: plan.text.weight };
  const dense = plan.dense && { ...within((await view.read(plan.dense.source, allowed))[0]!, plan.maxDistance), weight: plan.dense.weight };
  const branches = [text, dense].filter((branch) => branch !== null);
  if (plan.isWeighed && text !== null && dense !== null) weigh(text, dense);
  const values = (branch: (typeof branches)[number]) =>
    "scores" in branch ? branch.scores : branch.distances.map((distance) => -distance);
  const fused = cut(fuse(branches.map((branch) => ({ ...branch, values: values(branch) }))), plan);
  const ranksOf = (branch: (typeof branches)[number]) => fused.ranks[branches.indexOf(branch)]!;
  return {
    ordinals: fused.ordinals,
    scores: fused.scores,
    text: text && textColumns(text, ranksOf(text)),
    dense: dense && denseColumns(dense, ranksOf(dense)),
  };
}

/** Sets the weights for this query; where no word is found, the vectors alone count. */
function weigh(text: TextHits & { weight: number }, dense: Nearest & { weight: number }): void {
  const [first] = text.ordinals;
  const at = first === undefined ? -1 : dense.ordinals.indexOf(first);
  const words = new Set(text.terms.flat()).size;
  dense.weight = first === undefined ? 1 : denseShare(words, at === -1 ? limits.hybridCandidates + 1 : at + 1);
  text.weight = 1 - dense.weight;
}

/** What is not farther away. */
function within({ ordinals, distances }: Nearest, maxDistance: number): Nearest {
  const farther = distances.findIndex((distance) => distance > maxDistance);
  const end = farther === -1 ? distances.length : farther;
  return { ordinals: ordinals.subarray(0, end), distances: distances.subarray(0, end) };
}

/** As many as were asked for, and none with a smaller score. */
function cut({ ordinals, scores, ranks }: Fused, { limit, minScore }: HybridPlan): Fused {
  const worse = scores.findIndex((score) => score < minScore);
  const end = worse === -1 ? limit : Math.min(limit, worse);
  return { ordinals: ordinals.slice(0, end), scores: scores.slice(0, end), ranks: ranks.map((column) => column.slice(0, end)) };
}

/** What the text branch says of each hit; where it has no rank, nothing. */
function textColumns({ scores, terms }: TextHits, ranks: Uint32Array): HybridResponse["text"] {
  return {
    ranks,
    scores: Float64Array.from(ranks, (rank) => (rank === 0 ? 0 : scores[rank - 1]!)),
    terms: Array.from(ranks, (rank) => (rank === 0 ? [] : terms[rank - 1]!)),
  };
}

function denseColumns({ distances }: Nearest, ranks: Uint32Array): HybridResponse["dense"] {
  return { ranks, distances: Float64Array.from(ranks, (rank) => (rank === 0 ? 0 : distances[rank - 1]!)) };
}
