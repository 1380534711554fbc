/** `collection.hybrid` on the real engine with memory storage. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memoryHost, openTestClient } from "../testing/client.js";
import { TestWorker } from "../testing/worker.js";
import { Bm25EmbeddingFunction } from "./bm25-embedding-function.js";
import type { TidepoolClient } from "./client.js";
import type { Collection } from "./collection.js";
import type { HybridArguments } from "./hybrid.js";
import { SparseVectorIndexConfig } from "./schema/index-config.js";
import { Schema } from "./schema/schema.js";
import { K } from "./search/key.js";
import { Knn } from "./search/rank.js";
import { Search } from "./search/search.js";

let client: TidepoolClient;
let tides: Collection;

beforeEach(async () => {
  client = openTestClient({ worker: TestWorker.factory(memoryHost, []) });
  tides = await client.createCollection({ name: "tides" });
  await tides.add({
    ids: ["ebb", "spring", "moon"],
    documents: ["The ebb tide uncovers the pools.", "Spring tides follow the new moon.", "The moon pulls the sea."],
    metadatas: [{ year: 1 }, { year: 2 }, { year: 3 }],
  });
});
afterEach(() => client.close());

test("a text is looked for by its words and by its embedding", async () => {
  const result = await tides.hybrid({ queryText: "the new moon of spring", nResults: 2 });
  expect(result.include).toEqual(["metadatas", "documents"]);
  const [best] = result.rows();
  expect(best).toEqual({
    id: "spring",
    score: expect.any(Number),
    text: { rank: 1, score: expect.any(Number), terms: ["moon", "new", "spring", "the"] },
    dense: { rank: 1, distance: expect.any(Number) },
    sparse: null,
    document: "Spring tides follow the new moon.",
    metadata: { year: 2 },
  });
  expect(result.scores).toHaveLength(2);
});

test("a vector stands in place of the embedded text, and needs none", async () => {
  const { embeddings } = await tides.get({ ids: ["ebb"], include: ["embeddings"] });
  const both = await tides.hybrid({ queryText: "moon", queryEmbedding: embeddings[0]!, where: { year: { $ne: 2 } }, include: [] });
  expect(both.rows().map(({ id, text, dense }) => [id, text?.rank, dense?.rank])).toEqual([
    ["moon", 1, 2],
    ["ebb", undefined, 1],
  ]);
  expect(both.documents).toEqual([]);
  const alone = await tides.hybrid({ queryEmbedding: Float32Array.from(embeddings[0]!), nResults: 1 });
  expect([alone.ids, alone.text, alone.dense[0]?.rank]).toEqual([["ebb"], [null], 1]);
});

test("without an embedding function the text branch has to be asked for alone", async () => {
  const plain = await client.createCollection({ name: "plain", embeddingFunction: null });
  await plain.add({ ids: ["a"], documents: ["neap tide"], embeddings: [[1, 2]] });
  await expect(plain.hybrid({ queryText: "tide" })).rejects.toMatchObject({ code: "EMBEDDING_FUNCTION" });
  expect((await plain.hybrid({ queryText: "tide", weights: { dense: 0 } })).ids).toEqual(["a"]);
});

describe("a sparse index", () => {
  const words = () => new SparseVectorIndexConfig({ embeddingFunction: new Bm25EmbeddingFunction(), sourceKey: K.DOCUMENT, bm25: true });
  const make = async (schema: Schema) => {
    const shore = await client.createCollection({ name: "shore", schema, embeddingFunction: null });
    const embeddings = [[0], [1], [5]];
    await shore.add({ ids: ["ebb", "spring", "moon"], documents: ["Ebb tide.", "Spring tides.", "The moon pulls."], embeddings });
    return shore;
  };

  test("that embeds texts is asked too, says why, and is left out by its weight", async () => {
    const shore = await make(new Schema().createIndex(words(), "words"));
    const { ids, sparse, text, dense } = await shore.hybrid({ queryText: "tide", queryEmbedding: [5] });
    // Stems find what words do not.
    const reasons = ids.map((id, i) => [id, text[i]?.rank, dense[i]?.rank, sparse[i]?.rank]);
    expect(reasons.sort()).toEqual([
      ["ebb", 1, 3, 1],
      ["moon", undefined, 1, undefined],
      ["spring", undefined, 2, 2],
    ]);
    const { ids: found, scores } = await shore.search(new Search().rank(Knn({ query: "tide", key: "words" })).select(K.SCORE));
    const asKnn = found[0]!.map((id, i) => [id, expect.closeTo(1 - scores[0]![i]!, 6)]);
    expect(ids.flatMap((id, i) => (sparse[i] ? [[id, sparse[i].score]] : [])).sort()).toEqual(asKnn);
    const only = await shore.hybrid({ queryText: "tide", weights: { text: 0, dense: 0 } });
    expect([only.ids, only.text]).toEqual([
      ["ebb", "spring"],
      [null, null],
    ]);
    const without = await shore.hybrid({ queryText: "tide", queryEmbedding: [5], weights: { sparse: 0 } });
    expect(without.sparse).toEqual([null, null, null]);
    // By a vector alone there is nothing to embed.
    expect((await shore.hybrid({ queryEmbedding: [5], weights: { sparse: 1 } })).sparse).toEqual([null, null, null]);
  });

  test("of several is named", async () => {
    const shore = await make(new Schema().createIndex(words(), "words").createIndex(words(), "others"));
    const asked = { queryText: "tide", queryEmbedding: [5] };
    await expect(shore.hybrid(asked)).rejects.toThrow(/sparseKey, one of "words", "others", or weights\.sparse 0/);
    await expect(shore.hybrid({ ...asked, sparseKey: "year" })).rejects.toThrow(/"year"; it may be "words", "others"/);
    expect((await shore.hybrid({ ...asked, sparseKey: "words" })).sparse).toContainEqual({ rank: 2, score: expect.any(Number) });
    expect((await shore.hybrid({ ...asked, weights: { sparse: 0 } })).ids).toHaveLength(3);
  });

  test("without an embedding function is not asked", async () => {
    const shore = await make(new Schema().createIndex(new SparseVectorIndexConfig({}), "own"));
    expect((await shore.hybrid({ queryText: "tide", queryEmbedding: [5] })).sparse).toEqual([null, null, null]);
  });
});

describe("refuses", () => {
  test.each<[string, HybridArguments, RegExp]>([
    ["neither text nor vector", {}, /hybrid needs a queryText or a queryEmbedding/],
    ["no branch that counts", { queryText: "a", weights: { text: 0, dense: 0 } }, /weight above 0/],
    ["a text that is none", { queryText: 7 as never }, /queryText must be a string, got 7/],
    ["a vector that is none", { queryEmbedding: "a" as never }, /queryEmbedding must be/],
    ["a vector of vectors", { queryEmbedding: [[1]] as never }, /queryEmbedding/],
    ["unknown arguments", { queryText: "a", rerank: true } as never, /hybrid has no argument "rerank"/],
    ["unknown branches", { queryText: "a", weights: { vector: 1 } as never }, /"vector".*text, dense, sparse/],
    [
      "a weight for a sparse branch that there cannot be",
      { queryText: "a", weights: { sparse: 2 } },
      /weights\.sparse is 2.*no sparse index/,
    ],
    ["a sparse key without an index", { queryText: "a", sparseKey: "year" }, /sparseKey.*"year"; no key has one/],
    ["negative weights", { queryText: "a", weights: { dense: -1 } }, /weights\.dense/],
    ["weights that are not finite", { queryText: "a", weights: { text: Number.NaN } }, /weights\.text/],
    ["operators that are no flag", { queryText: "a", operators: "yes" as never }, /operators must be true or false/],
    ["a score above 1", { queryText: "a", minScore: 2 }, /minScore/],
    ["distances among the columns", { queryText: "a", include: ["distances"] }, /distances/],
  ])("%s", async (_, args, message) => {
    await expect(tides.hybrid(args)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
  });
});
