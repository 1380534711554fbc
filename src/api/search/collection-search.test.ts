/** `collection.search` on the real engine, and what it refuses: one bad argument, one clear error, nothing half done. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestClient } from "../../testing/client.js";
import type { TidepoolClient } from "../client.js";
import type { Collection } from "../collection.js";
import type { EmbeddingFunction } from "../embedding-function.js";
import { Aggregate, GroupBy } from "./group-by.js";
import { K } from "./key.js";
import { Knn, Rrf, Text, Val } from "./rank.js";
import { ReadLevel, Search, type SearchLike } from "./search.js";

let client: TidepoolClient;
let books: Collection<{ year?: number; shelf?: string }>;
let embedded: string[][];

/** Embeds a text as its length. */
const lengths: EmbeddingFunction = {
  name: "lengths",
  generate: async (texts) => {
    embedded.push(texts);
    return texts.map((text) => [text.length, 0]);
  },
};

beforeEach(async () => {
  embedded = [];
  client = openTestClient();
  books = await client.createCollection({ name: "books", embeddingFunction: lengths });
  await books.add({
    ids: ["ebb", "spring", "crab"],
    documents: ["ebb", "a spring tide", "crabs"],
    metadatas: [{ year: 1, shelf: "x" }, { year: 2, shelf: "x" }, null],
  });
  embedded = [];
});
afterEach(() => client.close());

test("a search by text, with columns", async () => {
  const search = new Search()
    .rank(Knn({ query: "12345" }))
    .limit(2)
    .selectAll();
  const result = await books.search(search);
  expect({ ...result }).toEqual({
    ids: [["crab", "ebb"]],
    documents: [["crabs", "ebb"]],
    embeddings: [
      [
        [5, 0],
        [3, 0],
      ],
    ],
    metadatas: [[null, { year: 1, shelf: "x" }]],
    scores: [[0, 4]],
    select: [["#document", "#embedding", "#metadata", "#score"]],
  });
  expect(result.rows()[0]![0]).toEqual({ id: "crab", document: "crabs", embedding: [5, 0], score: 0 });
});

test("columns that are not selected are null", async () => {
  const result = await books.search([new Search(), { select: ["year"] }]);
  expect(result.ids).toEqual([
    ["ebb", "spring", "crab"],
    ["ebb", "spring", "crab"],
  ]);
  expect([result.documents, result.embeddings, result.scores]).toEqual([
    [null, null],
    [null, null],
    [null, null],
  ]);
  expect(result.metadatas).toEqual([null, [{ year: 1 }, { year: 2 }, null]]);
});

test("texts of all searches are embedded in one call, each once, and the searches stay as they were", async () => {
  const hybrid = new Search().rank(
    Rrf({ ranks: [Knn({ query: "123", returnRank: true }), Text({ query: "tide", returnRank: true, default: 9 })] }),
  );
  const before = JSON.stringify(hybrid.toPayload());
  const result = await books.search([
    hybrid.limit(1),
    { rank: Knn({ query: "123" }).add(Knn({ query: "12345" })) },
    { rank: { $knn: { query: "12345" } }, limit: 1 },
    {},
  ]);
  expect(embedded).toEqual([["123", "12345"]]);
  expect(result.ids).toEqual([["spring"], ["ebb", "crab", "spring"], ["crab"], ["ebb", "spring", "crab"]]);
  expect(JSON.stringify(hybrid.toPayload())).toBe(before);
});

test("nothing is embedded where nothing is asked by text", async () => {
  await books.search([new Search().rank(Knn({ query: [1, 0] })), new Search().rank(Text({ query: "tide" })), {}]);
  expect(embedded).toEqual([]);
});

test("filters, groups and a plain search", async () => {
  const where = K.ID.notIn(["nobody"]).and(K.DOCUMENT.contains("b").or(K("year").gt(1)));
  const grouped = new Search({
    where,
    rank: Knn({ query: [0, 0] }),
    groupBy: new GroupBy([K("shelf")], Aggregate.minK([K.SCORE], 1)),
    select: [K.SCORE],
  });
  expect((await books.search(grouped)).rows()).toEqual([
    [
      { id: "ebb", score: 9 },
      { id: "crab", score: 25 },
    ],
  ]);
  expect((await books.search({ where: { "#document": { $regex: "^[ac]" } }, limit: { offset: 1 } })).ids).toEqual([["crab"]]);
});

test("readLevel", async () => {
  expect((await books.search({}, { readLevel: ReadLevel.INDEX_ONLY })).ids).toEqual([[]]);
  expect((await books.search({}, { readLevel: ReadLevel.INDEX_AND_BOUNDED_WAL })).ids[0]).toHaveLength(3);
});

test("a score that is no number is null", async () => {
  const result = await books.search(
    new Search()
      .rank(
        Val(-1)
          .max(-1)
          .subtract(Knn({ query: [0, 0] }))
          .log(),
      )
      .select(K.SCORE),
  );
  expect(result.scores).toEqual([[null, null, null]]);
});

test.each<[string, SearchLike | SearchLike[], RegExp, string?]>([
  ["no searches", [], /searches is \[\]; expected a non-empty list/],
  ["a constant that is no number", { rank: { $val: "1" } }, /searches\[0\]\.rank/],
  ["an infinite constant", { rank: Val(Infinity).add(1) }, /searches\[0\]\.rank\.\$sum\[0\]\.\$val is Infinity/],
  ["a Knn limit of 0", { rank: Knn({ query: [1, 2], limit: 0 }) }, /\$knn\.limit is 0/],
  ["a default that is no number", { rank: Knn({ query: [1, 2], default: NaN }) }, /\$knn\.default is NaN/],
  ["a limit of 0", new Search().limit(0), /searches\[0\]\.limit\.limit is 0/],
  ["a negative offset", [{}, new Search().limit(1, -1)], /searches\[1\]\.limit\.offset/],
  ["a key of no string", { select: [1 as never] }, /key of a selection must be a non-empty string, got 1/],
  ["groups without keys", { groupBy: new GroupBy([], Aggregate.minK(["a"], 1)) }, /group_by\.keys is \[\]/],
  ["no aggregate", { groupBy: { keys: ["a"] } as never }, /aggregate' to be an object, but got undefined/],
  ["an aggregate of 0", { groupBy: new GroupBy(["a"], Aggregate.maxK(["a"], 0)) }, /\$max_k\.k is 0/],
  ["a pattern on metadata", { where: K("a").regex("x") }, /filter\.a\.\$regex is not an operator on metadata/],
  ["an empty list", { where: K("a").isIn([]) }, /filter\.a\.\$in is \[\]/],
  ["another dimension", { rank: Knn({ query: [1] }) }, /dimension of 2, got 1/, "DIMENSION_MISMATCH"],
  ["a sparse vector", { rank: Knn({ query: { indices: [1], values: [1] } }) }, /a sparse vector needs a key with an index/],
  ["a text for another key", { rank: Knn({ query: "x", key: K("sparse") }) }, /Cannot embed string query for key 'sparse'/],
  ["a value that cannot be sent", { where: K("a").eq(() => 1) }, /searches\[0\]\.filter\.a\.\$eq is a function, which cannot be sent/],
])("refuses %s", async (_, searches, message, code = "INVALID_ARGUMENT") => {
  await expect(books.search(searches)).rejects.toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
  );
  expect(embedded).toEqual([]);
});

test("refuses a rank nested without end", async () => {
  let rank: Record<string, unknown> = { $knn: { query: "x" } };
  for (let i = 0; i < 1000; i++) rank = { $abs: rank };
  await expect(books.search({ rank })).rejects.toThrow(expect.objectContaining({ code: "LIMIT_EXCEEDED" }));
});

test("a collection without an embedding function says so when a text is to be embedded", async () => {
  const bare = await client.createCollection({ name: "bare", embeddingFunction: null });
  await expect(bare.search({ rank: Knn({ query: "x" }) })).rejects.toThrow(expect.objectContaining({ code: "EMBEDDING_FUNCTION" }));
});

/** Checked by the compiler alone. */
export async function types(): Promise<void> {
  const result = await books.search(new Search());
  const years: (number | undefined)[] = (result.metadatas[0] ?? []).map((metadata) => metadata?.year);
  const shelf: string | undefined = result.rows()[0]?.[0]?.metadata?.shelf;
  await books.search([{ rank: 1 }], { readLevel: "index_only" });
  // @ts-expect-error: no such read level
  await books.search({}, { readLevel: "wal" });
  void [years, shelf];
}
