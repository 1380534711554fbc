/**
 * One search after the other over one view: filter, then rank inside what it leaves, then group, page and columns. The
 * caller holds the collection's shared lock.
 */

import type { Bitmap } from "../base/bitmap.js";
import type { Tick } from "../base/turns.js";
import type { CollectionState } from "../collection/collection-state.js";
import type { RankPlan, RankSource, SearchPlan, SingleSearchPlan } from "../gateway/search-plan.js";
import type { SearchColumns } from "../service.js";
import { filterOrdinals } from "./operators/filter.js";
import { group } from "./operators/group.js";
import { limitRanked } from "./operators/limit.js";
import { inOrder, type Ranked, rank } from "./operators/rank.js";
import { select } from "./operators/select.js";
import { searchText } from "./operators/text.js";
import { liveView, type SearchView, segmentsView } from "./view.js";

/** Whether any of the searches needs the text index. */
export function needsText({ searches }: SearchPlan): boolean {
  return searches.some((search) => search.rank !== null && asksText(search.rank));
}

function asksText(rank: RankPlan): boolean {
  if (rank.kind === "operation") return rank.operands.some(asksText);
  return rank.kind === "source" && rank.source.kind === "text";
}

export async function searchAll(state: CollectionState, plan: SearchPlan, tick: Tick): Promise<SearchColumns[]> {
  const view = plan.indexOnly ? segmentsView(state) : liveView(state);
  const results: SearchColumns[] = [];
  for (const [i, search] of plan.searches.entries()) {
    if (i > 0) await tick();
    results.push(await searchOne(state, view, search, tick));
  }
  return results;
}

async function searchOne(state: CollectionState, view: SearchView, plan: SingleSearchPlan, tick: Tick): Promise<SearchColumns> {
  const allowed = await filterOrdinals(view.filterSource(tick), plan.filter, null);
  const read = (source: RankSource) => readSource(state, view, source, allowed, tick);
  const ranked = plan.rank === null ? inOrder(allowed) : await rank(plan.rank, read, tick);
  const grouped = plan.group === null ? ranked : await group(ranked, plan.group, metadataOf(view), tick);
  return select(limitRanked(grouped, plan.offset, plan.limit), plan.select, view.fetch);
}

async function readSource(state: CollectionState, view: SearchView, source: RankSource, allowed: Bitmap, tick: Tick): Promise<Ranked> {
  await tick();
  if (source.kind === "knn") {
    const { ordinals, distances } = await view.nearest(source.query, source.limit, allowed);
    return { ordinals, scores: Float64Array.from(distances) };
  }
  const query = { ...source, nResults: source.limit };
  const { ordinals, scores } = await searchText(state.text, query, view.withIndexedText(allowed), tick);
  // BM25 scores grow with relevance; turned round, they go with distances.
  return { ordinals, scores: scores.map((score) => -score) };
}

function metadataOf(view: SearchView) {
  return async (ordinals: Uint32Array) =>
    (await view.fetch(ordinals, { metadata: true, document: false, uri: false, embedding: false })).metadatas ?? [];
}
