/**
 * How many of the exact answers the vector index finds as it answers now, measured on the collection's own vectors: some
 * of them, spread evenly over all, are used as queries, each left out of its own answers.
 *
 * The shared lock is taken for as many of them as are answered exactly at once: for each alone where vectors are in memory, for many where
 * all rows have to be read. So writes wait for one exact answer at most. The sample is kept by id, since in between records may be
 * deleted and ordinals renumbered; what is gone by its turn is passed over.
 */
import type { Tick } from "../../base/turns.js";
import type { CollectionState } from "../../collection/collection-state.js";
import type { RecallPlan } from "../../gateway/plan.js";
import type { Nearest } from "../../index/vector/flat.js";
import type { SearchEffort } from "../../index/vector/spann/list-search.js";
import type { RecallReport } from "../../service.js";

/** Takes turns through the strata of the sample in steps that meet no pattern of the data. */
const GOLDEN_SHARE = 0.6180339887498949;

/** What is counted over all queries. */
interface Tally {
  queries: number;
  /** Neighbours that the exact answers have. */
  expected: number;
  /** How many of them were found, by `ef_search` or the number of lists. */
  hits: Map<SearchEffort, number>;
}

export async function checkRecall(state: CollectionState, { sample, k }: RecallPlan, tick: Tick): Promise<RecallReport> {
  const { ids, effort, ladder } = await state.read(() => begin(state, sample, k));
  const tally: Tally = { queries: 0, expected: 0, hits: new Map([effort, ...ladder].map((one) => [one, 0])) };
  const atOnce = state.vectors.finder?.exactQueriesMax ?? 1;
  for (let from = 0; from < ids.length; from += atOnce) {
    await state.read(() => trySome(state, ids.slice(from, from + atOnce), k, tally, tick));
    await tick();
  }
  const recallOf = (one: SearchEffort): number => tally.hits.get(one)! / tally.expected;
  const smallestFor = (target: number): number | null => ladder.find((ef) => recallOf(ef) >= target) ?? null;
  return {
    recall: tally.expected === 0 ? null : recallOf(effort),
    sample: tally.queries,
    k,
    efSearch: effort === "adaptive" ? 0 : effort,
    efSearchFor: { "0.95": smallestFor(0.95), "0.99": smallestFor(0.99) },
  };
}

/** Where the exact scan answers, `ef_search` makes no difference, and the present one is as good as any. */
async function begin(
  state: CollectionState,
  sample: number,
  k: number,
): Promise<{ ids: string[]; effort: SearchEffort; ladder: number[] }> {
  const { finder } = state.vectors;
  const effort = finder?.effort ?? state.row.configuration.hnsw.ef_search;
  const isExact = finder?.isExactFor(k + 1, state.records.live) ?? true;
  return {
    ids: await state.records.ids(spread(state.records.live.toArray(), sample)),
    effort,
    ladder: isExact ? (effort === "adaptive" ? [] : [effort]) : [...finder!.efforts],
  };
}

/** One of each of `count` equal stretches, the same at every call. */
function spread(ordinals: Uint32Array, count: number): number[] {
  const stretches = Math.min(count, ordinals.length);
  return Array.from({ length: stretches }, (_, i) => {
    const from = Math.floor((i * ordinals.length) / stretches);
    const to = Math.floor(((i + 1) * ordinals.length) / stretches);
    return ordinals[from + Math.floor(((i * GOLDEN_SHARE) % 1) * (to - from))]!;
  });
}

/**
 * Asks for one more than `k` and takes the queried record out of the answer, instead of not allowing it: a filter would
 * send the search another way than a query goes.
 */
async function trySome(state: CollectionState, ids: readonly string[], k: number, tally: Tally, tick: Tick): Promise<void> {
  const { finder } = state.vectors;
  const ordinals = [...(await state.records.find(ids)).ordinals.values()];
  if (ordinals.length === 0 || finder === null) return;
  const values = await state.vectors.embeddings(ordinals);
  const dimension = values.length / ordinals.length;
  const queries = ordinals.map((_, i) => values.slice(i * dimension, (i + 1) * dimension));
  const all = async (some: Uint32Array): Promise<Float32Array> => {
    await tick();
    return state.vectors.embeddings(some, finder.exactQueriesMax === 1);
  };
  const truths = await finder.nearestExactly(queries, k + 1, state.records.live, all);
  for (const [i, query] of queries.entries()) {
    const exact = others(truths[i]!, ordinals[i]!, k);
    if (exact.length > 0) await tryOne(state, ordinals[i]!, query, exact, k, tally, tick);
  }
}

/** `exact`: distances of the nearest. */
async function tryOne(
  state: CollectionState,
  ordinal: number,
  query: Float32Array,
  exact: readonly number[],
  k: number,
  tally: Tally,
  tick: Tick,
): Promise<void> {
  tally.queries++;
  tally.expected += exact.length;
  for (const [effort, hits] of tally.hits) {
    await tick();
    const vectors = (ordinals: Uint32Array): Promise<Float32Array> => state.vectors.embeddings(ordinals);
    const [nearest] = await state.vectors.finder!.nearest([query], k + 1, state.records.live, vectors, effort);
    const found = others(nearest!, ordinal, k);
    // Records as far as the last of the exact ones are as good as it.
    tally.hits.set(effort, hits + found.filter((distance) => distance <= exact.at(-1)!).length);
  }
}

/** Distances of the `k` nearest records but one. */
function others({ ordinals, distances }: Nearest, ordinal: number, k: number): number[] {
  return Array.from(distances)
    .filter((_, i) => ordinals[i] !== ordinal)
    .slice(0, k);
}
