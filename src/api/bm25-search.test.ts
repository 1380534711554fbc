/** Searches by the words of texts, from the text to the score, through the client and the real engine. Scores are worked out here. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestClient } from "../testing/client.js";
import { Bm25EmbeddingFunction } from "./bm25-embedding-function.js";
import type { TidepoolClient } from "./client.js";
import { FtsIndexConfig, SparseVectorIndexConfig } from "./schema/index-config.js";
import { DOCUMENT_KEY, Schema } from "./schema/schema.js";
import { K } from "./search/key.js";
import { Knn, Rrf } from "./search/rank.js";
import { Search } from "./search/search.js";

let client: TidepoolClient;
beforeEach(() => {
  client = openTestClient();
});
afterEach(() => client.close());

const documents = ["Low tide uncovers the pools.", "Tide, tide, tides!", "Crabs hide under weed."];
/** Words that are left of each. */
const lengths = [4, 3, 3];
/** Weight of a word that comes `frequency` times among `length` words. */
const weight = (frequency: number, length: number) => (frequency * 2.2) / (frequency + 1.2 * (0.25 + (0.75 * length) / 256));
const idf = (records: number, holding: number) => Math.log(1 + (records - holding + 0.5) / (holding + 0.5));

const words = (bm25?: boolean) =>
  new SparseVectorIndexConfig({ embeddingFunction: new Bm25EmbeddingFunction(), sourceKey: K.DOCUMENT, bm25 });

test("texts find records by their words, weighed by how rare they are where the index says so", async () => {
  const schema = new Schema().createIndex(words(), "plain").createIndex(words(true), "rare");
  const shore = await client.createCollection({ name: "shore", schema });
  await shore.add({ ids: ["a", "b", "c"], documents });
  const search = async (key: string, query: string) => {
    const { ids, scores } = await shore.search(new Search().rank(Knn({ query, key })).select(K.SCORE));
    return ids[0]!.map((id, i) => [id, scores[0]![i]]);
  };
  const near = (value: number) => expect.closeTo(value, 5) as number;
  const inA = weight(1, 1) * weight(1, lengths[0]!);
  const inB = weight(1, 1) * weight(3, lengths[1]!);
  expect(await search("plain", "TIDE")).toEqual([
    ["b", near(1 - inB)],
    ["a", near(1 - inA)],
  ]);
  expect(await search("rare", "tides")).toEqual([
    ["b", near(1 - inB * idf(3, 2))],
    ["a", near(1 - inA * idf(3, 2))],
  ]);
  // Of two words the rare one decides, where the index weighs them.
  const [tide, pool] = [idf(3, 2), idf(3, 1)];
  const half = weight(1, 2);
  expect(await search("rare", "pool tide")).toEqual([
    ["a", near(1 - half * weight(1, 4) * (tide + pool))],
    ["b", near(1 - half * weight(3, 3) * tide)],
  ]);
  expect(await search("plain", "the of")).toEqual([]);
  expect(await search("rare", "starfish")).toEqual([]);
});

test("words and vectors are fused, and a vector of the caller's own is searched for as it is", async () => {
  const shore = await client.createCollection({ name: "shore", schema: new Schema().createIndex(words(true), "words") });
  await shore.add({ ids: ["a", "b", "c"], documents });
  const [query] = await new Bm25EmbeddingFunction().generateForQueries(["crabs"]);
  const found = await shore.search(new Search().rank(Knn({ query: query!, key: "words" })).select(K.SCORE));
  expect(found.ids).toEqual([["c"]]);
  expect(found.scores[0]![0]).toBeCloseTo(1 - weight(1, 1) * weight(1, lengths[2]!) * idf(3, 1), 5);
  const ranks = [
    Knn({ query: "crabs", key: "words", returnRank: true, default: 100 }),
    Knn({ query: "crabs", returnRank: true, default: 100 }),
  ];
  expect((await shore.search(new Search().rank(Rrf({ ranks })).limit(1))).ids).toEqual([["c"]]);
});

test("how Chroma builds an index is told again, where it is not as by default", async () => {
  const schema = new Schema()
    .createIndex(new FtsIndexConfig({ algorithm: "token_bitmap" }), DOCUMENT_KEY)
    .createIndex(new SparseVectorIndexConfig({ algorithm: "max_score" }), "a")
    .createIndex(new SparseVectorIndexConfig({ algorithm: "wand" }), "b");
  await client.createCollection({ name: "shore", schema });
  const { keys } = (await client.getCollection({ name: "shore" })).schema;
  expect(keys[DOCUMENT_KEY]!.string!.fts_index).toEqual({ enabled: true, config: { algorithm: "token_bitmap" } });
  expect(keys["a"]!.sparse_vector!.sparse_vector_index!.config).toMatchObject({ algorithm: "max_score" });
  expect(keys["b"]!.sparse_vector!.sparse_vector_index!.config).not.toHaveProperty("algorithm");
  const told = await Schema.deserializeFromJSON((await client.getCollection({ name: "shore" })).schema);
  expect(told!.keys[DOCUMENT_KEY]!.string!.ftsIndex!.config.algorithm).toBe("token_bitmap");
  expect(told!.keys["a"]!.sparseVector!.sparseVectorIndex!.config.algorithm).toBe("max_score");
  const odd = new Schema().createIndex(new FtsIndexConfig({ algorithm: "bloom" as never }), DOCUMENT_KEY);
  await expect(client.createCollection({ name: "odd", schema: odd })).rejects.toThrow(
    'algorithm must be trigram or token_bitmap, got "bloom"',
  );
});
