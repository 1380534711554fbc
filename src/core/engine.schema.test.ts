/** The engine honours a collection's schema: before and after compaction, after reopening, in forks and versions. */
import { describe, expect, test } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { limits } from "./limits.js";
import { decodeRow, encodeRow } from "./sysdb/row.js";
import { SealedCatalog } from "./sysdb/sealed-catalog.js";
import type { Where } from "./types.js";

const scope = { tenant: "default_tenant", database: "default_database" };
const on = { enabled: true, config: {} };
const off = { enabled: false, config: {} };
function openEngine(storage: FaultInjectingStorage): Promise<Engine> {
  return openedEngine(storage, { options: { retainVersions: 3 } });
}

const records = [
  { s: "x", i: 1, f: 1.5, b: true, n: 1, t: ["x"] },
  { s: "y", i: 2, f: 2.5, b: false, n: 2.5, t: ["y"] },
  { s: "x", i: 3, f: 3.5, b: true, n: 3, t: [1, 1.5] },
];

async function fill(engine: Engine, schema: object): Promise<string> {
  const { id } = await engine.service.createCollection({
    ...scope,
    name: "things",
    metadata: null,
    configuration: {},
    schema,
    getOrCreate: false,
  });
  const batch = {
    ids: records.map((_, i) => `r${i}`),
    embeddings: { dimension: 1, values: Float32Array.from(records, (_, i) => i), present: null },
    documents: records.map((_, i) => `ebb tide ${i}`),
    metadatas: records,
    uris: null,
  };
  await engine.service.write({ collectionId: id, operation: "add", records: batch });
  return id;
}

type Check = (engine: Engine, collectionId: string) => Promise<void>;

/** Checks must hold whether the records are in the memtable or in segments, and after each is read from disk again. */
async function everywhere(schema: object, check: Check): Promise<void> {
  const storage = new FaultInjectingStorage();
  const engine = await openEngine(storage);
  const id = await fill(engine, schema);
  await check(engine, id);
  const replayed = storage.reopen();
  await check(await openEngine(replayed), id);
  const compacted = await openEngine(replayed.reopen());
  await compacted.compact(id);
  await check(compacted, id);
}

async function ids(engine: Engine, collectionId: string, where: Where): Promise<string[]> {
  const selection = { collectionId, where };
  const got = (await engine.service.get({ ...selection, include: [] })).ids;
  const queryEmbeddings = { dimension: 1, values: Float32Array.of(0) };
  expect((await engine.service.query({ ...selection, queryEmbeddings, nResults: 9, include: [] })).ids).toEqual(got);
  const [searched] = await engine.service.search({ collectionId, searches: [{ filter: where }] });
  expect(searched!.ids).toEqual(got);
  return got;
}

async function refused(engine: Engine, collectionId: string, where: Where, type: string, key = Object.keys(where)[0]!): Promise<void> {
  const error = {
    code: "INVALID_ARGUMENT",
    message: `Cannot filter using metadata key '${key}' with type '${type}' because indexing is disabled`,
  };
  const selection = { collectionId, where };
  const queryEmbeddings = { dimension: 1, values: Float32Array.of(0) };
  await expect(engine.service.get({ ...selection, include: [] })).rejects.toMatchObject(error);
  await expect(engine.service.query({ ...selection, queryEmbeddings, nResults: 1, include: [] })).rejects.toMatchObject(error);
  await expect(engine.service.delete(selection)).rejects.toMatchObject(error);
  await expect(engine.service.search({ collectionId, searches: [{ filter: where }] })).rejects.toMatchObject(error);
  await expect(
    engine.service.searchText({ ...selection, query: "tide", nResults: 1, include: [], prefix: false, fuzzy: 0 }),
  ).rejects.toMatchObject(error);
}

describe("metadata", () => {
  test("filtering on a key of a type that is not indexed is refused, other keys and types answer", async () => {
    const schema = { keys: { s: { string: { string_inverted_index: off } }, b: { bool: { bool_inverted_index: off } } } };
    await everywhere(schema, async (engine, id) => {
      await refused(engine, id, { s: "x" }, "Str");
      await refused(engine, id, { s: { $ne: "x" } }, "Str");
      await refused(engine, id, { s: { $nin: ["x"] } }, "Str");
      await refused(engine, id, { s: { $contains: "x" } }, "Str");
      await refused(engine, id, { $or: [{ i: 1 }, { $and: [{ b: true }] }] }, "Bool", "b");
      expect(await ids(engine, id, { i: { $gt: 1 } })).toEqual(["r1", "r2"]);
      expect(await ids(engine, id, { t: { $contains: "x" } })).toEqual(["r0"]);
      expect(await ids(engine, id, { s: 1 })).toEqual([]);
    });
  });

  test("for every key, with exceptions", async () => {
    const schema = { defaults: { int: { int_inverted_index: off } }, keys: { i: { int: { int_inverted_index: on } } } };
    await everywhere(schema, async (engine, id) => {
      await refused(engine, id, { n: 1 }, "Int");
      await refused(engine, id, { absent: { $in: [1, 2] } }, "Int");
      expect(await ids(engine, id, { i: { $in: [1, 3] } })).toEqual(["r0", "r2"]);
      expect(await ids(engine, id, { n: 2.5 })).toEqual(["r1"]);
    });
  });

  test("a range finds whole and fractional numbers, though one of the two has no index", async () => {
    await everywhere({ defaults: { int: { int_inverted_index: off } } }, async (engine, id) => {
      expect(await ids(engine, id, { n: { $gt: 1.5 } })).toEqual(["r1", "r2"]);
      expect(await ids(engine, id, { $or: [{ n: { $lt: 1.5 } }, { s: "y" }] })).toEqual(["r0", "r1"]);
      await refused(engine, id, { n: { $gt: 1 } }, "Int");
      await refused(engine, id, { n: { $in: [2.5, 1] } }, "Int");
    });
  });

  test("no posting is written for what is not indexed", async () => {
    const storage = new FaultInjectingStorage();
    const engine = await openEngine(storage);
    const nothing = {
      string: { string_inverted_index: off },
      int: { int_inverted_index: off },
      float: { float_inverted_index: off },
      bool: { bool_inverted_index: off },
    };
    const id = await fill(engine, { defaults: nothing });
    await engine.compact(id);
    const manifest = decodeRow<{ sections: { metadata: object } }>(`manifest/${id}`, (await storage.catalog.get(`manifest/${id}`))!);
    expect(manifest.sections.metadata).toEqual({ postings: { blocks: [] } });
    expect((await engine.service.get({ collectionId: id, include: ["metadatas"] })).metadatas).toEqual(records);
  });
});

describe("full text", () => {
  const schema = { keys: { "#document": { string: { fts_index: off } } } };

  test("without its index, conditions and ranks on documents are refused; documents are returned", async () => {
    await everywhere(schema, async (engine, collectionId) => {
      const filtered = { code: "INVALID_ARGUMENT", message: "Cannot filter using full-text search because FTS indexing is disabled" };
      for (const whereDocument of [{ $contains: "ebb" }, { $not_contains: "ebb" }, { $regex: "e" }, { $and: [{ $contains: "ebb" }] }]) {
        await expect(engine.service.get({ collectionId, whereDocument, include: [] })).rejects.toMatchObject(filtered);
      }
      await expect(
        engine.service.search({ collectionId, searches: [{ filter: { "#document": { $contains: "ebb" } } }] }),
      ).rejects.toMatchObject(filtered);
      const text = engine.service.searchText({ collectionId, query: "ebb", nResults: 1, include: [], prefix: false, fuzzy: 0 });
      await expect(text).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: "Cannot use searchText because FTS indexing is disabled",
      });
      const ranked = engine.service.search({ collectionId, searches: [{ rank: { $sum: [{ $val: 1 }, { $text: { query: "ebb" } }] } }] });
      await expect(ranked).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: "Cannot rank by text because FTS indexing is disabled",
      });
      expect((await engine.service.get({ collectionId, where: { s: "y" }, include: ["documents"] })).documents).toEqual(["ebb tide 1"]);
    });
  });

  test.each([
    [schema, false],
    [{}, true],
  ])("its index is built only where it is wanted: %j", async (given, built) => {
    const storage = new FaultInjectingStorage();
    const environment = new TestEnvironment();
    const engine = await openedEngine(storage, { environment });
    const id = await fill(engine, given);
    await engine.compact(id);
    environment.advance(limits.textIdleMs);
    while ((await engine.service.info()).compacting) await environment.yieldToEventLoop();
    const { sections } = decodeRow<{ sections: { text: { segments: object[] } } }>(
      `manifest/${id}`,
      (await storage.catalog.get(`manifest/${id}`))!,
    );
    expect(sections.text.segments.length > 0).toBe(built);
  });
});

describe("the schema", () => {
  const schema = { keys: { s: { string: { string_inverted_index: off } } } };

  test("is told, kept through reopening and changes, and handed on to forks and versions", async () => {
    const storage = new FaultInjectingStorage();
    const engine = await openEngine(storage);
    const id = await fill(engine, schema);
    const { schema: told } = await engine.service.getCollection({ ...scope, name: "things" });
    expect(told.keys).toMatchObject(schema.keys);
    const fork = await engine.service.forkCollection({ collectionId: id, name: "fork" });
    expect(fork.schema).toEqual(told);
    await refused(engine, fork.id, { s: "x" }, "Str");
    await engine.compact(id);
    const [{ version } = { version: 0 }] = (await engine.service.listVersions({ collectionId: id })).slice(-1);
    await expect(engine.service.get({ collectionId: id, version, where: { s: "x" }, include: [] })).rejects.toThrow("indexing is disabled");
    await engine.service.modifyCollection({ collectionId: id, name: "renamed", configuration: { hnsw: { ef_search: 33 } } });
    const reopened = await openEngine(storage.reopen());
    const info = await reopened.service.getCollection({ ...scope, name: "renamed" });
    expect(info.schema.keys["s"]).toEqual(told.keys["s"]);
    expect(info.schema.keys["#embedding"]!.float_list!.vector_index!.config.hnsw).toMatchObject({ ef_search: 33 });
    await refused(reopened, id, { s: "x" }, "Str");
  });

  test("of an existing collection stays what it was", async () => {
    const engine = await openEngine(new FaultInjectingStorage());
    const id = await fill(engine, {});
    await engine.service.createCollection({ ...scope, name: "things", metadata: null, configuration: {}, schema, getOrCreate: true });
    expect(await ids(engine, id, { s: "y" })).toEqual(["r1"]);
  });

  test("of a collection that was stored without one is what holds anyway", async () => {
    const storage = new FaultInjectingStorage();
    const engine = await openEngine(storage);
    const id = await fill(engine, {});
    const row = decodeRow<object>(`collection/${id}`, (await storage.catalog.get(`collection/${id}`))!);
    expect(row).not.toHaveProperty("schema");
    const sealed = await SealedCatalog.read(storage.catalog);
    await sealed.commit({ put: new Map([[`collection/${id}`, encodeRow(`collection/${id}`, row)]]) });
    const reopened = await openEngine(storage.reopen());
    const { schema: told } = await reopened.service.getCollection({ ...scope, name: "things" });
    expect(told.defaults).toMatchObject({ string: { string_inverted_index: on, fts_index: off }, int: { int_inverted_index: on } });
    expect(await ids(reopened, id, { s: "y" })).toEqual(["r1"]);
  });

  test("a rank by a sparse vector is refused where the key has no index of them", async () => {
    const engine = await openEngine(new FaultInjectingStorage());
    const collectionId = await fill(engine, { keys: { sv: { sparse_vector: { sparse_vector_index: on } } } });
    const rank = { $knn: { query: { "#type": "sparse_vector", indices: [1], values: [1] }, key: "s" } };
    await expect(engine.service.search({ collectionId, searches: [{ rank }] })).rejects.toThrow(
      "Cannot filter using metadata key 's' with type 'SparseVector' because indexing is disabled; those with such an index are \"sv\"",
    );
  });
});
