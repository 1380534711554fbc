/** The client on the real engine with memory storage, through the worker's own host: what the layers promise each other. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { memoryHost, openTestClient } from "../testing/client.js";
import { TestEnvironment } from "../testing/environment.js";
import { TestWorker } from "../testing/worker.js";
import type { TidepoolClient } from "./client.js";

let workers: TestWorker[];
let client: TidepoolClient;

beforeEach(() => {
  workers = [];
  client = openTestClient({ worker: TestWorker.factory(memoryHost, workers) });
});
afterEach(() => client.close());

test("a collection is created, filled, searched, changed and emptied", async () => {
  const tides = await client.createCollection<{ year: number; tags?: string[] }>({ name: "tides" });
  await tides.add({
    ids: ["ebb", "spring", "moon"],
    documents: ["The ebb tide uncovers the pools.", "Spring tides follow the new moon.", "The moon pulls the sea."],
    metadatas: [{ year: 1 }, { year: 2, tags: ["x"] }, { year: 3 }],
    uris: ["u1", "u2", "u3"],
  });
  expect(await tides.count()).toBe(3);
  expect(tides.dimension).toBe(384);

  const hits = await tides.query({
    queryTexts: ["pools at ebb tide", "the new moon of spring"],
    nResults: 1,
    include: ["documents", "distances", "embeddings", "uris"],
  });
  expect(hits.ids).toEqual([["ebb"], ["spring"]]);
  expect(hits.uris).toEqual([["u1"], ["u2"]]);
  expect(hits.metadatas).toEqual([]);
  expect(hits.embeddings[0]![0]).toHaveLength(384);

  expect((await tides.query({ queryTexts: ["moon"], where: { year: { $gt: 2 } } })).ids).toEqual([["moon"]]);
  expect((await tides.get({ whereDocument: { $contains: "moon" }, include: [] })).ids).toEqual(["spring", "moon"]);
  expect((await tides.searchText({ query: "mo", prefix: true })).ids.sort()).toEqual(["moon", "spring"]);

  expect(await tides.facets({ keys: ["year", "tags"], where: { year: { $lt: 3 } }, limit: 1 })).toEqual({
    year: { values: [{ value: 1, count: 1 }], distinct: 2, missing: 0 },
    tags: { values: [{ value: "x", count: 1 }], distinct: 1, missing: 1 },
  });
  expect(await tides.distinct({ key: "year", offset: 1 })).toEqual([2, 3]);

  await tides.update({ ids: ["ebb", "absent"], metadatas: [{ year: 9 }, { year: 9 }] });
  await tides.upsert({ ids: ["spring"], documents: ["Neap tides are weak."], metadatas: [{ tags: null }] });
  expect((await tides.get({ ids: ["spring", "ebb"] })).rows()).toEqual([
    { id: "ebb", document: "The ebb tide uncovers the pools.", metadata: { year: 9 } },
    { id: "spring", document: "Neap tides are weak.", metadata: { year: 2 } },
  ]);
  expect(await tides.delete({ where: { year: 9 } })).toEqual({ deleted: 1 });
  expect((await client.info()).records).toBe(2);
});

test("errors of the engine arrive with their codes", async () => {
  await expect(client.getCollection({ name: "none" })).rejects.toMatchObject({ name: "TidepoolError", code: "NOT_FOUND" });
  const tides = await client.createCollection({ name: "tides", embeddingFunction: null });
  await expect(client.createCollection({ name: "tides" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  await tides.add({ ids: ["a"], embeddings: [[1, 2]] });
  const other = await client.getCollection({ name: "tides" });
  await expect(other.query({ queryEmbeddings: [[1, 2, 3]] })).rejects.toMatchObject({
    code: "DIMENSION_MISMATCH",
    message: expect.stringContaining("Collection expecting embedding with dimension of 2, got 3"),
  });
  await expect(tides.get({ where: { $foo: 1 } as never })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(client.reset()).rejects.toMatchObject({ code: "FORBIDDEN" });
});

test("many records are all there, in order, and searchable", async () => {
  const tides = await client.createCollection({ name: "many", embeddingFunction: null });
  const count = 3500;
  const flat = Float32Array.from({ length: count * 4 }, (_, i) => Math.sin(i));
  await tides.add({ ids: Array.from({ length: count }, (_, i) => `r${i}`), embeddings: flat });
  expect(await tides.count()).toBe(count);
  expect((await tides.get({ offset: 3498, include: ["embeddings"] })).embeddings).toEqual([
    Array.from(flat.subarray(3498 * 4, 3499 * 4)),
    Array.from(flat.subarray(3499 * 4)),
  ]);
  const hits = await tides.query({ queryEmbeddings: [flat.subarray(40, 44)], nResults: 1 });
  expect([hits.ids, hits.distances]).toEqual([[["r10"]], [[0]]]);
});

test("a fork goes its own way, and an earlier version can be read and not written", async () => {
  const tides = await client.createCollection({ name: "tides" });
  await tides.add({ ids: ["ebb", "flood"], documents: ["Falling water.", "Rising water."] });
  const fork = await tides.fork({ name: "draft" });
  await fork.delete({ ids: ["ebb"] });
  expect([await tides.count(), await fork.count(), await tides.forkCount()]).toEqual([2, 1, 1]);
  expect((await fork.query({ queryTexts: ["rising"] })).ids).toEqual([["flood"]]);

  const [first] = await tides.listVersions();
  expect(first).toEqual({ version: 0, count: 0, logOffset: 0 });
  const empty = tides.at({ version: 0 });
  expect([await empty.count(), (await empty.get()).ids]).toEqual([0, []]);
  await expect((empty as typeof tides).delete({ ids: ["ebb"] })).rejects.toThrow("an earlier version can only be read");
  await expect((empty as typeof tides).add({ ids: ["x"], documents: ["x"] })).rejects.toThrow("add is not possible at version 0");
  await expect(tides.at({ version: 7 }).count()).rejects.toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
  expect(() => tides.at({ version: -1 })).toThrow("version");
});

test("the heartbeat is in nanoseconds, as Chroma's is", async () => {
  const environment = new TestEnvironment();
  const clocked = openTestClient({}, environment);
  expect(await clocked.heartbeat()).toBe(environment.now() * 1e6);
  await clocked.close();
});
