/** Searches by sparse vectors: over the memtable and segments, through compaction, renumbering, reopening, forks and versions. */
import { describe, expect, test } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { limits } from "./limits.js";
import { decodeRow, encodeRow } from "./sysdb/row.js";
import { SealedCatalog } from "./sysdb/sealed-catalog.js";
import type { MetadataPatch, SparseVector } from "./types.js";

const scope = { tenant: "default_tenant", database: "default_database" };
const index = (config: object = {}) => ({ sparse_vector: { sparse_vector_index: { enabled: true, config } } });
const SCHEMA = { keys: { words: index(), rare: index({ bm25: true }) } };

function openEngine(storage = new FaultInjectingStorage()): Promise<Engine> {
  return openedEngine(storage, { options: { retainVersions: 3 } });
}

async function create(engine: Engine, schema: object = SCHEMA): Promise<string> {
  const request = { ...scope, name: "things", metadata: null, configuration: {}, schema, getOrCreate: false };
  return (await engine.service.createCollection(request)).id;
}

async function write(
  engine: Engine,
  collectionId: string,
  metadatas: Record<string, MetadataPatch>,
  operation: "add" | "update" = "add",
): Promise<void> {
  const ids = Object.keys(metadatas);
  const embeddings = operation === "update" ? null : { dimension: 1, values: new Float32Array(ids.length), present: null };
  const records = { ids, embeddings, documents: null, metadatas: Object.values(metadatas), uris: null };
  await engine.service.write({ collectionId, operation, records });
}

const vector = (weights: Record<number, number>): SparseVector => ({
  indices: Object.keys(weights).map(Number),
  values: Object.values(weights),
});

interface Asked {
  key?: string;
  limit?: number;
  filter?: object;
  readLevel?: "index_only";
  version?: number;
}

/** Ids and scores of what a sparse query finds. */
async function ask(engine: Engine, collectionId: string, query: SparseVector, asked: Asked = {}): Promise<[string, number][]> {
  const { key = "words", limit, filter, ...rest } = asked;
  const rank = { $knn: { query, key, ...(limit === undefined ? {} : { limit }) } };
  const [found] = await engine.service.search({ collectionId, searches: [{ rank, filter, select: { keys: ["#score"] } }], ...rest });
  return found!.ids.map((id, i) => [id, found!.scores![i]!]);
}

/** What is asked must be answered alike before and after compaction, and when the database was opened again. */
async function everywhere(metadatas: Record<string, MetadataPatch>, check: (engine: Engine, id: string) => Promise<void>): Promise<void> {
  const storage = new FaultInjectingStorage();
  const engine = await openEngine(storage);
  const id = await create(engine);
  await write(engine, id, metadatas);
  await check(engine, id);
  await engine.compact(id);
  await check(engine, id);
  await check(await openEngine(storage.reopen()), id);
}

describe("a search by a sparse vector", () => {
  const records = {
    a: { words: vector({ 1: 0.5, 7: 2 }), n: 1 },
    b: { words: vector({ 1: 1 }), n: 2 },
    c: { words: vector({ 9: 3 }), n: 1 },
    d: { words: "no vector" },
    e: { words: vector({ 1: 1 }) },
    f: { words: vector({ 1: -4 }), n: 1 },
  };

  test("scores 1 less the dot product, the smallest first and equal ones in insertion order, among those that share a dimension", () =>
    everywhere(records, async (engine, id) => {
      const found = await ask(engine, id, vector({ 1: 2, 7: 0.25, 4294967295: 1 }));
      expect(found).toEqual([
        ["b", -1],
        ["e", -1],
        ["a", -0.5],
        ["f", 9],
      ]);
    }));

  test("takes a limit, a filter, a query of either sign or none, with Chroma's mark and tokens", () =>
    everywhere(records, async (engine, id) => {
      const marked = { "#type": "sparse_vector", ...vector({ 1: -1 }), tokens: ["ebb"] };
      expect(await ask(engine, id, marked, { limit: 2 })).toEqual([
        ["f", -3],
        ["a", 1.5],
      ]);
      expect(await ask(engine, id, vector({ 1: 1 }), { filter: { n: 1 } })).toEqual([
        ["a", 0.5],
        ["f", 5],
      ]);
      expect(await ask(engine, id, vector({}))).toEqual([]);
    }));

  test("finds 16 where the search does not say how many", async () => {
    const engine = await openEngine();
    const id = await create(engine);
    await write(engine, id, Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`r${i}`, { words: vector({ 1: i + 1 }) }])));
    const found = await ask(engine, id, vector({ 1: 1 }));
    expect(found.map(([name]) => name)).toEqual(Array.from({ length: 16 }, (_, i) => `r${19 - i}`));
  });

  test("goes by position and by default as other sources do", async () => {
    const engine = await openEngine();
    const id = await create(engine);
    await write(engine, id, records);
    const source = (query: SparseVector, more: object) => ({ $knn: { query, key: "words", ...more } });
    const rank = {
      $sum: [source(vector({ 1: 1 }), { return_rank: true, default: 100 }), source(vector({ 9: 1 }), { return_rank: true, default: 7 })],
    };
    const [found] = await engine.service.search({ collectionId: id, searches: [{ rank, select: { keys: ["#score"] } }] });
    expect(found!.ids).toEqual(["b", "e", "a", "f", "c"]);
    expect([...found!.scores!]).toEqual([7, 8, 9, 10, 100]);
  });

  test("weighs by rarity where the index is one of BM25, over all records and as they are now", async () => {
    const engine = await openEngine();
    const id = await create(engine);
    const idf = (n: number, df: number) => Math.fround(Math.log(1 + (n - df + 0.5) / (df + 0.5)));
    const scores = (...dots: number[]) => dots.map((dot) => expect.closeTo(1 - dot, 5));
    const rare = (weights: Record<number, number>) => ({ rare: vector(weights) });
    await write(engine, id, { a: rare({ 1: 1, 2: 1 }), b: rare({ 1: 2 }), c: rare({ 1: 3 }), d: { n: 1 } });
    const check = async (n: number, [one, two]: [number, number], ids: string[], more: Asked = {}) => {
      const found = await ask(engine, id, vector({ 1: 1, 2: 1 }), { key: "rare", ...more });
      const weights: Record<string, [number, number]> = { a: [1, 1], b: [2, 0], c: [3, 0], e: [0, 1] };
      expect(found.map(([name]) => name)).toEqual(ids);
      expect(found.map(([, score]) => score)).toEqual(
        scores(...ids.map((name) => weights[name]![0] * idf(n, one) + weights[name]![1] * idf(n, two))),
      );
    };
    await check(4, [3, 1], ["a", "c", "b"]);
    await engine.compact(id);
    await check(4, [3, 1], ["a", "c", "b"]);
    await check(4, [3, 1], ["a"], { filter: { "#id": { $in: ["a"] } } });
    await write(engine, id, { e: rare({ 2: 1 }) });
    await check(5, [3, 2], ["c", "a", "b", "e"]);
    await write(engine, id, { b: { rare: null } }, "update");
    await engine.service.delete({ collectionId: id, ids: ["c"] });
    await check(4, [1, 2], ["a", "e"]);
    await check(4, [3, 1], ["a", "c", "b"], { readLevel: "index_only" });
  });

  test.each([
    ["a dense query", { query: [1], key: "words" }, 'expected a sparse vector, for that is what "words" has an index of'],
    ["a text", { query: "ebb", key: "words" }, "texts are embedded before they reach the engine"],
    [
      "a sparse query of the embeddings",
      { query: vector({ 1: 1 }) },
      'a sparse vector needs a key with an index of them ("words", "rare")',
    ],
    [
      "a key without an index",
      { query: vector({ 1: 1 }), key: "n" },
      "metadata key 'n' with type 'SparseVector' because indexing is disabled",
    ],
    ["a key that is none", { query: vector({ 1: 1 }), key: 7 }, 'expected "#embedding" or a metadata key'],
    ["indices out of order", { query: { indices: [2, 1], values: [1, 1] }, key: "words" }, ".query.indices[1] is 1 after 2"],
    ["more values than indices", { query: { indices: [2], values: [1, 1] }, key: "words" }, "has 1 indices and 2 values"],
    ["a value beyond float32", { query: { indices: [2], values: [1e39] }, key: "words" }, ".query.values[0] is 1e+39"],
  ])("refuses %s", async (_, knn, message) => {
    const engine = await openEngine();
    const id = await create(engine);
    const search = engine.service.search({ collectionId: id, searches: [{ rank: { $knn: knn } }] });
    await expect(search).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
  });
});

test("index_only sees what the latest compaction saw, whatever became of it", async () => {
  const engine = await openEngine();
  const id = await create(engine);
  await write(engine, id, { a: { words: vector({ 1: 1 }) }, b: { words: vector({ 1: 2 }) }, c: { words: vector({ 1: 3 }) } });
  await engine.compact(id);
  await write(engine, id, { b: { words: vector({ 1: 9 }) }, a: { words: vector({ 2: 1 }) } }, "update");
  await write(engine, id, { d: { words: vector({ 1: 5 }) } });
  await engine.service.delete({ collectionId: id, ids: ["c"] });
  expect((await ask(engine, id, vector({ 1: 1 }))).map(([name]) => name)).toEqual(["b", "d"]);
  const before = await ask(engine, id, vector({ 1: 1 }), { readLevel: "index_only" });
  expect(before.map(([name]) => name)).toEqual(["c", "b", "a"]);
});

test("forks and earlier versions find what they have", async () => {
  const storage = new FaultInjectingStorage();
  const engine = await openEngine(storage);
  const id = await create(engine);
  await write(engine, id, { a: { words: vector({ 1: 1 }) } });
  await engine.compact(id);
  const { version } = (await engine.service.listVersions({ collectionId: id })).at(-1)!;
  await write(engine, id, { b: { words: vector({ 1: 2 }) } });
  const fork = await engine.service.forkCollection({ collectionId: id, name: "fork" });
  await write(engine, id, { a: { words: vector({ 1: 5 }) } }, "update");
  await engine.compact(id);
  const names = async (of: string, more: Asked = {}) => (await ask(engine, of, vector({ 1: 1 }), more)).map(([name]) => name);
  expect(await names(id)).toEqual(["a", "b"]);
  expect(await names(fork.id)).toEqual(["b", "a"]);
  expect(await names(id, { version })).toEqual(["a"]);
});

describe("a collection of a release without such an index", () => {
  const count = limits.sparseBuildRecords + 20;
  const many = (from: number, to: number) =>
    Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`r${from + i}`, { words: vector({ 1: from + i + 1, 2: 1 }) }]));

  /** With records in segments that no index has. */
  async function older(): Promise<{ storage: FaultInjectingStorage; id: string }> {
    const storage = new FaultInjectingStorage();
    const engine = await openEngine(storage);
    const id = await create(engine);
    for (let from = 0; from < count; from += 5000) await write(engine, id, many(from, Math.min(from + 5000, count)));
    await engine.compact(id);
    const reopened = storage.reopen();
    const sealed = await SealedCatalog.read(reopened.catalog);
    const key = `manifest/${id}`;
    const { sections, ...row } = decodeRow<{ sections: Record<string, unknown> }>(key, (await reopened.catalog.get(key))!);
    const { sparse: _, ...others } = sections;
    await sealed.commit({ put: new Map([[key, encodeRow(key, { ...row, sections: others })]]) });
    return { storage: reopened, id };
  }

  test("finds all at once, and has it built in the background, in pieces, while it is written to", async () => {
    const { storage, id } = await older();
    const environment = new TestEnvironment();
    const engine = await openedEngine(storage, { environment });
    const best = async () => (await ask(engine, id, vector({ 1: 1 }), { limit: 3 })).map(([name]) => name);
    const last = [`r${count - 1}`, `r${count - 2}`, `r${count - 3}`];
    expect(await best()).toEqual(last);
    const report = (deep: boolean) => engine.service.verifyCollection({ collectionId: id, deep });
    expect(await report(true)).toMatchObject({ findings: [], counts: { postings: 0 } });
    expect((await engine.service.info()).compacting).toBe(true);
    environment.advance(limits.sparseBuildIdleMs);
    while ((await report(false)).counts.postings === 0) await environment.yieldToEventLoop();
    expect(await report(true)).toMatchObject({ findings: [], counts: { postings: limits.sparseBuildRecords * 2 } });
    expect(await best()).toEqual(last);
    await write(engine, id, { new: { words: vector({ 1: 1e6 }) } });
    await write(engine, id, { r3: { words: vector({ 1: 2e6 }) }, [last[0]!]: { words: vector({ 2: 1 }) } }, "update");
    await engine.service.delete({ collectionId: id, ids: [last[1]!] });
    await engine.compact(id);
    const now = ["r3", "new", last[2]];
    expect(await best()).toEqual(now);
    do {
      environment.advance(limits.sparseBuildIdleMs);
      await environment.yieldToEventLoop();
    } while ((await engine.service.info()).compacting);
    expect(await report(true)).toMatchObject({ findings: [], counts: { postings: count * 2 - 3 } });
    expect(await best()).toEqual(now);
  });
});
