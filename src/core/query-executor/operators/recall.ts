/**
 * How many of the exact answers the vector index finds as it answers now, measured on the collection's own vectors: some
 * of them, spread evenly over all, are used as queries, each left out of its own answers.
 *
 * The shared lock is taken for each query, so writes wait for one query at most. The sample is kept by id, since between
 * two queries records may be deleted and ordinals renumbered; what is gone by its turn is passed over.
 */
import type { Tick } from "../../base/turns.js";
import type { CollectionState } from "../../collection/collection-state.js";
import type { RecallPlan } from "../../gateway/plan.js";
import type { Nearest } from "../../index/vector/flat.js";
import type { SearchEffort } from "../../index/vector/spann/list-search.js";
import type { RecallReport } from "../../service.js";

/** Beams that are tried to see which one is enough. */
const LADDER = [16, 32, 64, 128, 256, 512, 1024];
/** Numbers of lists, likewise: as many as `search_nprobe` takes. */
const LISTS_LADDER = [4, 8, 16, 32, 64, 128];
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
  for (const id of ids) {
    await state.read(() => tryOne(state, id, k, tally, tick));
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
  const { hnsw, spann } = state.row.configuration;
  const effort = state.vectors.finder?.effort ?? hnsw.ef_search;
  const isExact = state.vectors.finder?.isExactFor(k + 1, state.records.live) ?? true;
  return {
    ids: await state.records.ids(spread(state.records.live.toArray(), sample)),
    effort,
    ladder: isExact ? (effort === "adaptive" ? [] : [effort]) : spann === undefined ? LADDER : LISTS_LADDER,
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
async function tryOne(state: CollectionState, id: string, k: number, tally: Tally, tick: Tick): Promise<void> {
  const ordinal = (await state.records.find([id])).ordinals.get(id);
  const { finder } = state.vectors;
  if (ordinal === undefined || finder === null) return;

  const query = await state.vectors.embeddings([ordinal]);
  const vectors = (ordinals: Uint32Array): Promise<Float32Array> => state.vectors.embeddings(ordinals);
  const [truth] = await finder.nearestExactly([query], k + 1, state.records.live, vectors);
  const exact = others(truth!, ordinal, k);
  if (exact.length === 0) return;
  tally.queries++;
  tally.expected += exact.length;
  for (const [effort, hits] of tally.hits) {
    await tick();
    const [nearest] = await finder.nearest([query], k + 1, state.records.live, vectors, effort);
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
