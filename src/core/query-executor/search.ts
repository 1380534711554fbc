/** One search by rank expression: what the filter leaves of a view is ranked, grouped, cut to a page, and put into columns. */
import type { Bitmap } from "../base/bitmap.js";
import type { Tick } from "../base/turns.js";
import type { KnnSource, RankSource, SingleSearchPlan } from "../gateway/search-plan.js";
import type { SearchColumns } from "../service.js";
import { group } from "./operators/group.js";
import { limitRanked } from "./operators/limit.js";
import { inOrder, type Ranked, rank, sourcesOf } from "./operators/rank.js";
import { type FetchColumns, select } from "./operators/select.js";
import { kindOf } from "./sources/sources.js";
import type { View } from "./view.js";

/** The sources that a search reads. */
export function sourcesOfSearch(plan: SingleSearchPlan): RankSource[] {
  return plan.rank === null ? [] : sourcesOf(plan.rank).map((part) => part.source);
}

export async function search(view: View, plan: SingleSearchPlan, fetch: FetchColumns, tick: Tick): Promise<SearchColumns> {
  const allowed = await view.select(plan.filter);
  const found = await readSources(view, sourcesOfSearch(plan), allowed, tick);
  const ranked = plan.rank === null ? inOrder(allowed) : await rank(plan.rank, async (source) => found.get(source)!, tick);
  const grouped = plan.group === null ? ranked : await group(ranked, plan.group, metadataOf(view), tick);
  return select(limitRanked(grouped, plan.offset, plan.limit), plan.select, fetch);
}

/** What each source finds: equal ones are read once, and vectors that ask for as many neighbours share passes over the index. */
async function readSources(view: View, sources: RankSource[], allowed: Bitmap, tick: Tick): Promise<Map<RankSource, Ranked>> {
  const groups = new Map<string, [RankSource, ...RankSource[]]>();
  for (const source of sources) {
    const group = groups.get(passOf(source));
    if (group === undefined) groups.set(passOf(source), [source]);
    else group.push(source);
  }
  const found = new Map<RankSource, Ranked>();
  for (const group of groups.values()) {
    await tick();
    for (const [source, ranked] of await readGroup(view, group, allowed)) found.set(source, ranked);
  }
  return found;
}

/** Sources of which this is alike are read together. */
function passOf(source: RankSource): string {
  return source.kind === "knn" ? `knn ${source.limit} ${source.exact ?? false}` : JSON.stringify(source);
}

async function readGroup(view: View, group: [RankSource, ...RankSource[]], allowed: Bitmap): Promise<[RankSource, Ranked][]> {
  const [first] = group;
  if (first.kind !== "knn") {
    const ranked = kindOf(first).toRanked(await view.read(first, allowed));
    return group.map((source) => [source, ranked]);
  }
  const queries: Float32Array[] = [];
  const places = (group as KnnSource[]).map((source) => placeOf(source.queries[0]!, queries));
  const hits = await view.read({ ...first, queries }, allowed);
  return group.map((source, i) => [source, kindOf(first).toRanked([hits[places[i]!]!])]);
}

/** Where a vector stands among others, which it joins. */
function placeOf(query: Float32Array, queries: Float32Array[]): number {
  const place = queries.findIndex((other) => other.length === query.length && other.every((value, i) => value === query[i]));
  return place === -1 ? queries.push(query) - 1 : place;
}

function metadataOf(view: View) {
  return async (ordinals: Uint32Array) =>
    (await view.fetch(ordinals, { metadata: true, document: false, uri: false, embedding: false })).metadatas ?? [];
}
