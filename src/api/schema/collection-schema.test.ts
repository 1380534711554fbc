/** Collections that are made with a schema, through the client and the real engine. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CreateCollectionRequest, WriteRequest } from "../../core/service.js";
import type { SparseVector } from "../../core/types.js";
import { openTestClient } from "../../testing/client.js";
import { TestEngine } from "../../testing/engine.js";
import { TestWorker } from "../../testing/worker.js";
import { TidepoolClient } from "../client.js";
import type { Vector } from "../embedding-function.js";
import { registerEmbeddingFunction } from "../embedding-registry.js";
import { Knn } from "../search/rank.js";
import { Cmek } from "./cmek.js";
import {
  FtsIndexConfig,
  IntInvertedIndexConfig,
  SparseVectorIndexConfig,
  StringInvertedIndexConfig,
  VectorIndexConfig,
} from "./index-config.js";
import { DOCUMENT_KEY, Schema } from "./schema.js";
import { registerSparseEmbeddingFunction } from "./sparse-embedding-function.js";

class Counting {
  readonly name: string = "counting";
  static buildFromConfig(): Counting {
    return new Counting();
  }
  async generate(texts: string[]): Promise<Vector[]> {
    return texts.map((text) => [text.length, 1]);
  }
  defaultSpace(): "cosine" {
    return "cosine";
  }
  supportedSpaces(): ("cosine" | "l2")[] {
    return ["cosine", "l2"];
  }
  getConfig(): object {
    return {};
  }
}
class Other extends Counting {
  override readonly name = "other";
  static override buildFromConfig(): Other {
    return new Other();
  }
}
registerEmbeddingFunction("counting", Counting);

class Letters {
  readonly name: string = "letters";
  static buildFromConfig(): Letters {
    return new Letters();
  }
  async generate(texts: string[]): Promise<SparseVector[]> {
    return texts.map((text) => ({ indices: [text.length], values: [1] }));
  }
  async generateForQueries(texts: string[]): Promise<SparseVector[]> {
    return texts.map((text) => ({ indices: [text.length], values: [2] }));
  }
  getConfig(): object {
    return {};
  }
}
registerSparseEmbeddingFunction("letters", Letters);

let client: TidepoolClient;
beforeEach(() => (client = openTestClient()));
afterEach(() => client.close());

describe("a collection", () => {
  test("is made with a schema, tells it, honours it and hands it on", async () => {
    const schema = new Schema().deleteIndex(new StringInvertedIndexConfig(), "k").deleteIndex(new FtsIndexConfig(), DOCUMENT_KEY);
    const tides = await client.createCollection({ name: "tides", schema });
    await tides.add({ ids: ["a"], documents: ["ebb"], metadatas: [{ k: "x", j: "y" }] });
    expect(tides.schema.keys["k"]).toEqual({ string: { string_inverted_index: { enabled: false, config: {} } } });
    expect(tides.schema.serializeToJSON().keys["#document"]!.string!.fts_index!.enabled).toBe(false);
    expect((await tides.get({ where: { j: "y" } })).ids).toEqual(["a"]);
    await expect(tides.get({ where: { k: "x" } })).rejects.toThrow(
      "Cannot filter using metadata key 'k' with type 'Str' because indexing is disabled",
    );
    await expect(tides.searchText({ query: "ebb" })).rejects.toThrow("FTS indexing is disabled");
    const copy = await client.createCollection({ name: "copy", schema: tides.schema });
    expect(copy.schema.serializeToJSON()).toEqual(tides.schema.serializeToJSON());
    expect((await tides.fork({ name: "fork" })).schema.keys).toEqual(tides.schema.keys);
    expect((await client.getCollection({ name: "tides" })).schema.keys).toEqual(tides.schema.keys);
    expect(
      (await Schema.deserializeFromJSON(tides.schema.serializeToJSON(), client))!.keys["k"]!.string!.stringInvertedIndex!.enabled,
    ).toBe(false);
  });

  test("without a schema tells that everything is indexed", async () => {
    const { schema } = await client.createCollection({ name: "tides", configuration: { hnsw: { space: "cosine" } } });
    expect(schema.defaults.string).toEqual({
      fts_index: { enabled: false, config: {} },
      string_inverted_index: { enabled: true, config: {} },
    });
    expect(schema.keys["#embedding"]!.float_list!.vector_index).toMatchObject({
      enabled: true,
      config: { space: "cosine", source_key: "#document" },
    });
  });

  test("what it tells cannot be changed through it", async () => {
    const tides = await client.createCollection({ name: "tides", schema: new Schema().deleteIndex(new IntInvertedIndexConfig()) });
    tides.schema.serializeToJSON().defaults.int!.int_inverted_index!.enabled = true;
    tides.schema.defaults.int!.int_inverted_index!.enabled = true;
    expect(tides.schema.defaults.int!.int_inverted_index!.enabled).toBe(false);
  });

  test("has the vector index of its schema, which modify changes", async () => {
    const schema = new Schema().createIndex(new VectorIndexConfig({ space: "ip", hnsw: { ef_construction: 33 } }));
    const tides = await client.createCollection({ name: "tides", schema });
    expect(tides.configuration.hnsw).toMatchObject({ space: "ip", ef_construction: 33, ef_search: 100 });
    await tides.modify({ configuration: { hnsw: { ef_search: 7 } } });
    expect(tides.schema.keys["#embedding"]!.float_list!.vector_index!.config.hnsw).toMatchObject({ ef_construction: 33, ef_search: 7 });
  });

  test.each<[name: string, args: object, message: string, code?: string]>([
    [
      "a schema and a configuration",
      { schema: new Schema().deleteIndex(new IntInvertedIndexConfig()), configuration: { hnsw: { space: "cosine" } } },
      "Cannot set both collection config and schema simultaneously",
    ],
    ["what is no schema", { schema: {} }, "schema must be a Schema, got {}"],
    ["the JSON of one", { schema: { defaults: {}, keys: {} } }, "schema must be a Schema"],
    [
      "a source of embeddings that is no document",
      { schema: new Schema().createIndex(new VectorIndexConfig({ sourceKey: "title" })) },
      'source_key must be "#document"',
    ],
    [
      "a space that the function cannot do",
      { schema: new Schema().createIndex(new VectorIndexConfig({ space: "ip", embeddingFunction: new Counting() })) },
      "ip",
    ],
    ["a customer-managed key", { schema: new Schema().setCmek(Cmek.gcp("projects/p")) }, "schema.cmek", "NOT_SUPPORTED"],
  ])("is not made with %s", async (_, args, message, code = "INVALID_ARGUMENT") => {
    await expect(client.createCollection({ name: "tides", ...args })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
    expect(await client.countCollections()).toBe(0);
  });
});

describe("the embedding function", () => {
  const withFunction = () => new Schema().createIndex(new VectorIndexConfig({ embeddingFunction: new Counting() }));

  test("of a schema embeds, chooses the space, is stored and comes back by name", async () => {
    const tides = await client.createCollection({ name: "tides", schema: withFunction() });
    expect(tides.configuration).toMatchObject({ hnsw: { space: "cosine" }, embedding_function: { type: "known", name: "counting" } });
    await tides.add({ ids: ["a"], documents: ["abc"] });
    const again = await client.getCollection({ name: "tides" });
    expect(again.embeddingFunction).toBeInstanceOf(Counting);
    expect((await again.get({ include: ["embeddings"] })).embeddings).toEqual([[3, 1]]);
    expect((await client.createCollection({ name: "copy", schema: again.schema })).embeddingFunction).toBeInstanceOf(Counting);
  });

  test("may stand beside a schema that names none; without either the default steps in, and null is none", async () => {
    const schema = new Schema().deleteIndex(new IntInvertedIndexConfig());
    const beside = await client.createCollection({ name: "beside", schema, embeddingFunction: new Counting() });
    expect(beside.configuration).toMatchObject({ hnsw: { space: "cosine" }, embedding_function: { name: "counting" } });
    expect((await client.createCollection({ name: "default", schema })).embeddingFunction!.name).toBe("tidepool-hashing");
    expect((await client.createCollection({ name: "none", schema, embeddingFunction: null })).embeddingFunction).toBeUndefined();
    const none = new Schema().createIndex(new VectorIndexConfig({ embeddingFunction: null }));
    expect((await client.createCollection({ name: "said", schema: none })).embeddingFunction).toBeUndefined();
    expect(schema.serializeToJSON()).toEqual(new Schema().deleteIndex(new IntInvertedIndexConfig()).serializeToJSON());
  });

  test("is named once, and must be the persisted one", async () => {
    await expect(client.createCollection({ name: "tides", schema: withFunction(), embeddingFunction: new Other() })).rejects.toThrow(
      "already defined in the schema",
    );
    const configuration = { embeddingFunction: new Other() };
    await expect(client.createCollection({ name: "tides", schema: withFunction(), configuration })).rejects.toThrow(
      "already defined in the schema",
    );
    await client.createCollection({ name: "tides", schema: withFunction() });
    const other = new Schema().createIndex(new VectorIndexConfig({ embeddingFunction: new Other() }));
    await expect(client.getOrCreateCollection({ name: "tides", schema: other })).rejects.toMatchObject({ code: "EMBEDDING_FUNCTION" });
    expect((await client.getOrCreateCollection({ name: "tides", schema: withFunction() })).embeddingFunction).toBeInstanceOf(Counting);
  });

  test("of a stored schema that is not registered is not lost silently", async () => {
    const unregistered = new Schema().createIndex(new VectorIndexConfig({ embeddingFunction: new Other() }));
    const tides = await client.createCollection({ name: "tides", schema: unregistered });
    await expect(client.createCollection({ name: "copy", schema: tides.schema })).rejects.toMatchObject({ code: "EMBEDDING_FUNCTION" });
  });
});

describe("sparse vectors", () => {
  let engine: TestEngine;
  let page: TidepoolClient;
  beforeEach(() => {
    engine = new TestEngine();
    page = new TidepoolClient({ path: "sparse", storage: "memory", worker: TestWorker.factory(() => engine.host()) });
  });
  afterEach(() => page.close());

  const schemaOf = (sourceKey: string, embeddingFunction = new Letters()) =>
    new Schema().createIndex(new SparseVectorIndexConfig({ sourceKey, embeddingFunction }), "sv");
  const written = (): unknown => (engine.writes.at(-1) as WriteRequest).records.metadatas;

  test("are made of documents, where a record brings none", async () => {
    const tides = await page.createCollection({ name: "tides", schema: schemaOf(DOCUMENT_KEY) });
    await tides.add({ ids: ["a", "b"], documents: ["abc", "abcd"], metadatas: [{ n: 1 }, null] });
    expect(written()).toEqual([{ n: 1, sv: { indices: [3], values: [1] } }, { sv: { indices: [4], values: [1] } }]);
    await tides.add({ ids: ["c"], documents: ["abc"] });
    expect(written()).toEqual([{ sv: { indices: [3], values: [1] } }]);
    await tides.update({ ids: ["a", "b", "c"], documents: ["ab", null, "x"], metadatas: [{ sv: null }, { m: 2 }, null] as never });
    expect(written()).toEqual([{ sv: null }, { m: 2 }, { sv: { indices: [1], values: [1] } }]);
    await tides.update({ ids: ["a"], metadatas: [{ m: 1 }] });
    expect(written()).toEqual([{ m: 1 }]);
  });

  test("are made of another key's text", async () => {
    const tides = await page.createCollection({ name: "tides", schema: schemaOf("title") });
    await tides.upsert({ ids: ["a", "b", "c"], documents: ["x", "y", "z"], metadatas: [{ title: "abcd" }, { title: 3 }, { other: "x" }] });
    expect(written()).toEqual([{ title: "abcd", sv: { indices: [4], values: [1] } }, { title: 3 }, { other: "x" }]);
  });

  test("are made by a function built again from its name, or the call says why not", async () => {
    await page.createCollection({ name: "tides", schema: schemaOf(DOCUMENT_KEY) });
    const again = await page.getCollection({ name: "tides" });
    await again.add({ ids: ["a"], documents: ["abc"] });
    expect(written()).toEqual([{ sv: { indices: [3], values: [1] } }]);
    class Unknown extends Letters {
      override readonly name = "unknown-letters";
    }
    const lost = await page.createCollection({ name: "lost", schema: schemaOf(DOCUMENT_KEY, new Unknown()) });
    await lost.add({ ids: ["a"], documents: ["abc"] });
    const reopened = await page.getCollection({ name: "lost" });
    const add = reopened.add({ ids: ["b"], documents: ["abc"] });
    await expect(add).rejects.toMatchObject({
      code: "EMBEDDING_FUNCTION",
      message: expect.stringContaining('call registerSparseEmbeddingFunction("unknown-letters", …)') as string,
    });
  });

  test.each<[answer: unknown, message: string]>([
    [[], "answered 0 for 1 texts"],
    ["x", 'answered "x" for 1 texts'],
    [[{ indices: [1] }], "a sparse vector has indices"],
    [[{ indices: [2, 1], values: [1, 1] }], "that ascend"],
    [[null], "answered null for texts[0], not a sparse vector"],
  ])("an answer like %j is the function's error", async (answer, message) => {
    const fn = Object.assign(new Letters(), { generate: async () => answer as SparseVector[] });
    const tides = await page.createCollection({ name: "tides", schema: schemaOf(DOCUMENT_KEY, fn) });
    await expect(tides.add({ ids: ["a"], documents: ["abc"] })).rejects.toMatchObject({
      code: "EMBEDDING_FUNCTION",
      message: expect.stringContaining(message) as string,
    });
  });

  test("of a text that is searched for are made by the key's function", async () => {
    engine.overrides.set("search", () => []);
    const tides = await page.createCollection({ name: "tides", schema: schemaOf(DOCUMENT_KEY) });
    await tides.search({ rank: Knn({ query: "abcde", key: "sv" }).add(Knn({ query: "abc" })) });
    const [, request] = engine.requests.findLast(([method]) => method === "search")!;
    const [sparse, dense] = (request as { searches: { rank: { $sum: { $knn: { query: unknown } }[] } }[] }).searches[0]!.rank.$sum;
    expect(sparse!.$knn.query).toEqual({ indices: [5], values: [2] });
    expect(dense!.$knn.query).toBeInstanceOf(Float32Array);
    await expect(tides.search({ rank: Knn({ query: "abc", key: "title" }) })).rejects.toThrow(
      "Cannot embed string query for key 'title': key not found in schema",
    );
  });

  test("of one key come from one function", async () => {
    class Others extends Letters {
      override readonly name = "other-letters";
    }
    await client.createCollection({ name: "tides", schema: schemaOf(DOCUMENT_KEY) });
    const other = client.getOrCreateCollection({ name: "tides", schema: schemaOf(DOCUMENT_KEY, new Others()) });
    await expect(other).rejects.toMatchObject({
      code: "EMBEDDING_FUNCTION",
      message: expect.stringContaining('new: "other-letters" vs persisted: "letters"') as string,
    });
    const same = await client.getOrCreateCollection({ name: "tides", schema: schemaOf(DOCUMENT_KEY) });
    await same.add({ ids: ["a"], documents: ["abc"] });
    expect((await same.get()).metadatas).toEqual([{ sv: { indices: [3], values: [1] } }]);
  });

  test("are stored with their records", async () => {
    const tides = await client.createCollection({ name: "tides", schema: schemaOf(DOCUMENT_KEY) });
    await tides.add({ ids: ["a", "b"], documents: ["abc", "ab"], metadatas: [{ n: 1 }, { sv: { indices: [7], values: [0.5] } }] });
    const metadatas = [{ n: 1, sv: { indices: [3], values: [1] } }, { sv: { indices: [7], values: [0.5] } }];
    expect((await tides.get()).metadatas).toEqual(metadatas);
    const found = await tides.search({ rank: Knn({ query: "abc", key: "sv" }), select: { keys: ["#score"] } });
    expect(found).toMatchObject({ ids: [["a"]], scores: [[-1]] });
  });

  test("what is sent of the functions is their names", async () => {
    await page.createCollection({ name: "tides", schema: schemaOf("title") });
    const [, request] = engine.requests.find(([method]) => method === "createCollection")!;
    const { keys } = (request as CreateCollectionRequest & { schema: { keys: Record<string, unknown> } }).schema;
    expect(keys["sv"]).toEqual({
      sparse_vector: {
        sparse_vector_index: {
          enabled: true,
          config: { embedding_function: { type: "known", name: "letters", config: {} }, source_key: "title" },
        },
      },
    });
  });
});
