/** `collection.hybrid` on the real engine with memory storage. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memoryHost, openTestClient } from "../testing/client.js";
import { TestWorker } from "../testing/worker.js";
import type { TidepoolClient } from "./client.js";
import type { Collection } from "./collection.js";
import type { HybridArguments } from "./hybrid.js";

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

describe("refuses", () => {
  test.each<[string, HybridArguments, RegExp]>([
    ["neither text nor vector", {}, /hybrid needs a queryText or a queryEmbedding/],
    ["no branch that counts", { queryText: "a", weights: { text: 0, dense: 0 } }, /weight above 0/],
    ["a text that is none", { queryText: 7 as never }, /queryText must be a string, got 7/],
    ["a vector that is none", { queryEmbedding: "a" as never }, /queryEmbedding must be/],
    ["a vector of vectors", { queryEmbedding: [[1]] as never }, /queryEmbedding/],
    ["unknown arguments", { queryText: "a", rerank: true } as never, /hybrid has no argument "rerank"/],
    ["unknown branches", { queryText: "a", weights: { vector: 1 } as never }, /"vector".*text, dense/],
    ["negative weights", { queryText: "a", weights: { dense: -1 } }, /weights\.dense/],
    ["weights that are not finite", { queryText: "a", weights: { text: Number.NaN } }, /weights\.text/],
    ["operators that are no flag", { queryText: "a", operators: "yes" as never }, /operators must be true or false/],
    ["a score above 1", { queryText: "a", minScore: 2 }, /minScore/],
    ["distances among the columns", { queryText: "a", include: ["distances"] }, /distances/],
  ])("%s", async (_, args, message) => {
    await expect(tides.hybrid(args)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
  });
});
