/** One search by rank expression: what the filter leaves of a view is ranked, grouped, cut to a page, and put into columns. */
import type { Tick } from "../base/turns.js";
import type { RankSource, SingleSearchPlan } from "../gateway/search-plan.js";
import type { SearchColumns } from "../service.js";
import { group } from "./operators/group.js";
import { limitRanked } from "./operators/limit.js";
import { inOrder, rank, sourcesOf } from "./operators/rank.js";
import { type FetchColumns, select } from "./operators/select.js";
import { kindOf } from "./sources/sources.js";
import type { View } from "./view.js";

/** The sources that a search reads. */
export function sourcesOfSearch(plan: SingleSearchPlan): RankSource[] {
  return plan.rank === null ? [] : sourcesOf(plan.rank).map((part) => part.source);
}

export async function search(view: View, plan: SingleSearchPlan, fetch: FetchColumns, tick: Tick): Promise<SearchColumns> {
  const allowed = await view.select(plan.filter);
  const read = async (source: RankSource) => {
    await tick();
    return kindOf(source).toRanked(await view.read(source, allowed));
  };
  const ranked = plan.rank === null ? inOrder(allowed) : await rank(plan.rank, read, tick);
  const grouped = plan.group === null ? ranked : await group(ranked, plan.group, metadataOf(view), tick);
  return select(limitRanked(grouped, plan.offset, plan.limit), plan.select, fetch);
}

function metadataOf(view: View) {
  return async (ordinals: Uint32Array) =>
    (await view.fetch(ordinals, { metadata: true, document: false, uri: false, embedding: false })).metadatas ?? [];
}
