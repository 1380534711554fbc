/** Programs that wrap what they have in proxies, as Vue's `reactive` and MobX do: data are what they show, classes go on working. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Where } from "../core/types.js";
import { Aggregate, GroupBy, K, Knn, Rrf, Schema, Search, Select, Text } from "../index.js";
import { openTestClient } from "../testing/client.js";
import { AdminClient } from "./admin-client.js";
import type { TidepoolClient } from "./client.js";
import type { Collection } from "./collection.js";

let client: TidepoolClient;
let collection: Collection;

beforeEach(async () => {
  client = openTestClient();
  collection = await client.createCollection({ name: "abc" });
  await collection.add({ ids: ["a", "b"], documents: ["ebb", "flood"], metadatas: [{ year: 1 }, { year: 2 }] });
});
afterEach(() => client.close());

/** As Vue's: whatever is reached through it is wrapped as well, but for functions, and `this` is the proxy. */
function reactive<T extends object>(target: T): T {
  return new Proxy(target, {
    get(object, key, receiver) {
      const value: unknown = Reflect.get(object, key, receiver);
      return typeof value === "object" && value !== null && !ArrayBuffer.isView(value) ? reactive(value) : value;
    },
  });
}

test("arguments that are proxies are what they show", async () => {
  await collection.upsert(
    reactive({
      ids: ["b", "c"],
      documents: ["flood", "neap"],
      metadatas: [{ tags: ["x"] }, { year: 3, sv: { indices: [1], values: [1] } }],
    }),
  );
  await collection.add(reactive({ ids: ["d"], embeddings: [Array.from({ length: 384 }, () => 1)] }));
  const where: Where = { $or: [{ year: { $in: [1, 3] } }, { tags: { $contains: "x" } }] };
  expect((await collection.get(reactive({ where, include: ["metadatas" as const] }))).ids).toEqual(["a", "b", "c"]);
  expect((await collection.get(reactive({ ids: ["c"] }))).metadatas).toEqual([{ year: 3, sv: { indices: [1], values: [1] } }]);
  expect((await collection.query(reactive({ queryTexts: ["neap"], where: { year: 3 } }))).ids).toEqual([["c"]]);
  expect((await collection.searchText(reactive({ query: "neap", whereDocument: { $contains: "n" } }))).ids).toEqual(["c"]);
  expect((await collection.search(reactive({ where: { year: { $in: [3] } }, limit: 1, rank: { $knn: { query: "neap" } } }))).ids).toEqual([
    ["c"],
  ]);
  expect(await collection.delete(reactive({ ids: ["d"] }))).toEqual({ deleted: 1 });
  await collection.modify(reactive({ metadata: { a: ["b"] } }));
  expect(collection.metadata).toEqual({ a: ["b"] });
  await client.createCollection(reactive({ name: "def", metadata: { list: [1] }, configuration: { hnsw: { space: "cosine" as const } } }));
});

test("client, collection and builders work through a proxy", async () => {
  const shown = reactive(client);
  expect(shown.tenant).toBe("default_tenant");
  expect((await shown.listCollections()).map(({ name }) => name)).toEqual(["abc"]);
  expect(await reactive(new AdminClient({ client: shown })).listDatabases({ tenant: "default_tenant" })).toHaveLength(1);
  const wrapped = reactive(collection);
  expect([wrapped.id, wrapped.name, wrapped.dimension]).toEqual([collection.id, "abc", 384]);
  await wrapped.upsert({ ids: ["a"], documents: ["ebb tide"] });
  expect(await wrapped.count()).toBe(2);
  const rank = reactive(
    Rrf({ ranks: [reactive(Knn({ query: "ebb", returnRank: true, default: 9 })), Text({ query: "ebb", default: 9 })] }),
  );
  const search = reactive(new Search())
    .where(reactive(K("year").lt(2)).and(reactive(K("year").gt(0))))
    .rank(reactive(rank).multiply(2))
    .groupBy(reactive(new GroupBy(["year"], reactive(Aggregate.minK([K.SCORE], 1)))))
    .select(reactive(new Select([K.DOCUMENT])));
  expect((await wrapped.search(reactive(search))).documents).toEqual([["ebb tide"]]);
  const schema = reactive(reactive(new Schema()).createIndex(reactive(new (await import("../index.js")).IntInvertedIndexConfig()), "year"));
  expect((await client.createCollection({ name: "def", schema })).name).toBe("def");
});

test("private members of what is no proxy stay its own", () => {
  const other = Object.create(Object.getPrototypeOf(collection) as object) as Collection;
  expect(() => other.name).toThrow(TypeError);
  expect(Object.keys(collection)).toEqual([]);
});

test("what a caller does to its arrays and objects after the call changes nothing", async () => {
  const points = await client.createCollection({ name: "points", embeddingFunction: null });
  const flat = new Float32Array([1, 1]);
  const row = [2, 2];
  const metadata = { year: 1, tags: ["x"] };
  const [ids, where] = [["p"], { year: { $in: [1] } }];
  const calls = [
    points.add({ ids, embeddings: flat, metadatas: [metadata] }),
    points.add({ ids: ["q"], embeddings: [row], documents: ["q"], metadatas: [metadata] }),
  ];
  flat.fill(9);
  row.fill(9);
  ids[0] = "z";
  metadata.tags[0] = "y";
  metadata.year = 2;
  calls.push(points.add({ ids: ["r"], embeddings: flat }));
  await Promise.all(calls);
  const read = points.get({ where, include: ["embeddings", "metadatas"] });
  where.year.$in[0] = 2;
  expect(await read).toMatchObject({
    ids: ["p", "q"],
    embeddings: [
      [1, 1],
      [2, 2],
    ],
    metadatas: [
      { year: 1, tags: ["x"] },
      { year: 1, tags: ["x"] },
    ],
  });
  expect((await points.get({ ids: ["r"], include: ["embeddings"] })).embeddings).toEqual([[9, 9]]);
  const query = [Float32Array.of(1, 1)];
  const [hits, found] = [
    points.query({ queryEmbeddings: query, nResults: 1 }),
    points.search({ rank: { $knn: { query: query[0], limit: 1 } }, limit: 1 }),
  ];
  query[0]!.fill(9);
  expect((await hits).ids).toEqual([["p"]]);
  expect((await found).ids).toEqual([["p"]]);
});
