/** What one search reads of a view. What it answers is tried with the engine. */
import { expect, test } from "vitest";
import { Bitmap } from "../base/bitmap.js";
import type { RankPlan, RankSource, SingleSearchPlan, TextSource } from "../gateway/search-plan.js";
import { search } from "./search.js";
import type { View } from "./view.js";

const text: TextSource = { kind: "text", query: "tide", limit: 9, prefix: false, fuzzy: 0 };
const knn = (value: number, limit = 9): RankSource => ({ kind: "knn", queries: [Float32Array.of(value)], limit });
const leaf = (source: RankSource): RankPlan => ({ kind: "source", source, default: null, returnRank: false });

/** Every vector's nearest is record 0, at the distance that the vector says; the text finds it with a score of 1. */
async function run(...sources: RankSource[]) {
  const reads: RankSource[] = [];
  const read = async (source: RankSource): Promise<unknown> => {
    reads.push(source);
    const ordinals = Uint32Array.of(0);
    if (source.kind !== "knn") return { ordinals, scores: Float64Array.of(1), terms: [["tide"]] };
    return source.queries.map((query) => ({ ordinals, distances: Float32Array.from(query) }));
  };
  const fetch: View["fetch"] = async () => ({ ids: ["a"], documents: null, metadatas: null, uris: null, embeddings: null });
  const plan: SingleSearchPlan = {
    filter: null,
    rank: { kind: "operation", operator: "sum", operands: sources.map(leaf) },
    group: null,
    limit: 9,
    offset: 0,
    select: { keys: [], document: false, embedding: false, score: true, metadata: "none" },
  };
  const view = { select: async () => Bitmap.of([0]), read, fetch } as unknown as View;
  const { scores } = await search(view, plan, fetch, () => undefined);
  return { reads, score: scores![0] };
}

test("vectors that ask for as many neighbours share one read, and equal ones one query", async () => {
  const { reads, score } = await run(knn(2), knn(3), knn(2), knn(5, 4));
  expect(reads).toEqual([
    { kind: "knn", queries: [Float32Array.of(2), Float32Array.of(3)], limit: 9 },
    { kind: "knn", queries: [Float32Array.of(5)], limit: 4 },
  ]);
  expect(score).toBe(2 + 3 + 2 + 5);
});

test("equal texts are read once, others apart", async () => {
  const { reads, score } = await run(text, { ...text }, { ...text, prefix: true });
  expect(reads).toEqual([text, { ...text, prefix: true }]);
  expect(score).toBe(-3);
});
