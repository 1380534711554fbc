/** What is held in memory, what bounds it, and whether it is told. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { turns } from "../testing/gate.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { limits } from "./limits.js";
import type { ConfigurationInput } from "./service.js";
import type { Storage } from "./storage.js";

import type { IncludeField, RecordBatch } from "./types.js";

const MiB = 1024 * 1024;
const DIMENSION = 256;
const RECORDS = 4000;
const BUDGET = 8 * MiB;
function openEngine(storage: Storage, memoryBudgetBytes?: number): Promise<Engine> {
  return openedEngine(storage, { options: { memoryBudgetBytes } });
}

/** Each with a vector of 1 KiB and a document of 2 KiB. */
function records(from: number, to: number): RecordBatch {
  const ids = Array.from({ length: to - from }, (_, i) => `r${from + i}`);
  const values = Float32Array.from({ length: ids.length * DIMENSION }, (_, i) => Math.sin(from * DIMENSION + i));
  const documents = ids.map((id) => `${id} ${"x".repeat(2048)}`);
  return { ids, embeddings: { dimension: DIMENSION, values, present: null }, documents, metadatas: null, uris: null };
}

/** A compacted collection of about 12 MiB. */
async function storageWithRecords(): Promise<{ storage: FaultInjectingStorage; collectionId: string }> {
  const storage = new FaultInjectingStorage();
  const engine = await openEngine(storage);
  const scope = { tenant: "default_tenant", database: "default_database" };
  const { id: collectionId } = await engine.service.createCollection({
    ...scope,
    name: "large",
    metadata: null,
    configuration: {},
    getOrCreate: false,
  });
  for (let from = 0; from < RECORDS; from += 1000)
    await engine.service.write({ collectionId, operation: "add", records: records(from, from + 1000) });
  await engine.compact(collectionId);
  await engine.close();
  return { storage, collectionId };
}

/** Reads every document and every vector, and tells after each page what memory is in use. */
async function* readAll(engine: Engine, collectionId: string): AsyncGenerator<number, void, undefined> {
  const include: IncludeField[] = ["documents", "embeddings"];
  for (let offset = 0; offset < RECORDS; offset += 250) {
    const page = await engine.service.get({ collectionId, offset, limit: 250, include });
    expect(page.ids).toHaveLength(250);
    await engine.service.query({
      collectionId,
      queryEmbeddings: { dimension: DIMENSION, values: page.embeddings!.values.slice(0, DIMENSION) },
      nResults: 20,
      include,
    });
    yield (await engine.service.info()).memoryBytes;
  }
}

async function largest(values: AsyncIterable<number>): Promise<number> {
  let max = 0;
  for await (const value of values) max = Math.max(max, value);
  return max;
}

test("everything together stays within the budget, and uses it, while a larger collection is read", async () => {
  const { storage, collectionId } = await storageWithRecords();
  const withBudget = await largest(readAll(await openEngine(storage.reopen(), BUDGET), collectionId));
  expect(withBudget).toBeLessThanOrEqual(BUDGET);
  expect(withBudget).toBeGreaterThan(0.75 * BUDGET);
  const byDefault = await largest(readAll(await openEngine(storage.reopen()), collectionId));
  expect(byDefault).toBeGreaterThan(1.5 * BUDGET);
});

async function newCollection(engine: Engine, name: string, configuration: ConfigurationInput = {}): Promise<string> {
  const scope = { tenant: "default_tenant", database: "default_database" };
  const { id } = await engine.service.createCollection({ ...scope, name, metadata: null, configuration, getOrCreate: false });
  return id;
}

test("writes wait for compactions, so that an import stays within the budget, also one into several collections", async () => {
  const engine = await openEngine(new FaultInjectingStorage(), BUDGET);
  const ids = [await newCollection(engine, "one"), await newCollection(engine, "two"), await newCollection(engine, "three")];
  let [most, memtables] = [0, 0];
  for (let from = 0; from < 1500; from += 100) {
    for (const collectionId of ids) await engine.service.write({ collectionId, operation: "add", records: records(from, from + 100) });
    const { memoryBytes, memory } = await engine.service.info();
    most = Math.max(most, memoryBytes);
    memtables = Math.max(memtables, memory.memtable);
  }
  expect(most).toBeLessThanOrEqual(BUDGET);
  // A batch may go beyond the bound that it met.
  expect(memtables).toBeLessThanOrEqual(BUDGET / 4 + 3 * 400 * 1024);
  for (const collectionId of ids) expect(await engine.service.count({ collectionId })).toBe(1500);
});

test("what is read into the text index ahead of searches stays within its share of the budget", async () => {
  const environment = new TestEnvironment();
  const engine = await openedEngine(new FaultInjectingStorage(), { environment, options: { memoryBudgetBytes: BUDGET } });
  const collectionId = await newCollection(engine, "texts");
  let most = 0;
  for (let from = 0; from < 6000; from += 250) {
    // Short texts whose words hardly come again: their index is many times as large as they are.
    const ids = Array.from({ length: 250 }, (_, i) => `r${from + i}`);
    const documents = ids.map((id) => Array.from({ length: 20 }, (_, i) => `${id}w${i}`).join(" "));
    const embeddings = { dimension: 1, values: new Float32Array(250), present: null };
    await engine.service.write({ collectionId, operation: "add", records: { ids, embeddings, documents, metadatas: null, uris: null } });
    environment.advance(limits.textReadingIdleMs);
    await turns();
    const { memoryBytes, memory } = await engine.service.info();
    expect(memoryBytes).toBeLessThanOrEqual(BUDGET);
    most = Math.max(most, memory.text);
  }
  expect(most).toBeGreaterThan(0);
  // What was read last goes beyond the bound that it met.
  expect(most).toBeLessThan(BUDGET / 8 + 256 * 1024);
});

test("collections that nobody uses are closed when others need their memory", async () => {
  const engine = await openEngine(new FaultInjectingStorage(), BUDGET);
  const ids: string[] = [];
  for (let i = 0; i < 8; i++) {
    const collectionId = await newCollection(engine, `collection-${i}`);
    ids.push(collectionId);
    await engine.service.write({ collectionId, operation: "add", records: wide(1000, 1024) });
    await engine.compact(collectionId);
  }
  // Their codes take 8 MiB.
  for (const collectionId of [...ids, ...ids]) {
    expect(await engine.service.count({ collectionId })).toBe(1000);
    expect((await engine.service.info()).memoryBytes).toBeLessThanOrEqual(BUDGET);
  }
});

/** Records without documents. */
function wide(count: number, dimension: number, from = 0): RecordBatch {
  const ids = Array.from({ length: count }, (_, i) => `r${from + i}`);
  const values = Float32Array.from({ length: count * dimension }, (_, i) => Math.sin(from + i));
  return { ids, embeddings: { dimension, values, present: null }, documents: null, metadatas: null, uris: null };
}

test("what does not fit is refused before anything is written; it can be deleted from, and opened with more", async () => {
  const storage = new FaultInjectingStorage();
  const refused = {
    code: "LIMIT_EXCEEDED",
    message: expect.stringContaining("memoryBudgetBytes"),
    details: { limit: "memoryBudgetBytes" },
  };
  let engine = await openEngine(storage, BUDGET);
  // Where nobody has asked for a graph lists would take its place.
  const collectionId = await newCollection(engine, "large", { hnsw: { max_neighbors: 8 } });
  let written = 0;
  const write = async (): Promise<void> => {
    for (; written < 8000; written += 500) {
      await engine.service.write({ collectionId, operation: "add", records: wide(500, 1024, written) });
    }
  };
  await expect(write()).rejects.toMatchObject(refused);
  expect(written).toBeGreaterThan(3000);
  expect(await engine.service.count({ collectionId })).toBe(written);
  await engine.service.delete({ collectionId, ids: ["r0"] });
  await engine.close();
  engine = await openEngine(storage.reopen(), 4 * BUDGET);
  await write();
  await engine.compact(collectionId);
  await engine.close();
  engine = await openEngine(storage.reopen(), BUDGET);
  await expect(engine.service.get({ collectionId, include: [] })).rejects.toMatchObject(refused);
  await engine.close();
  engine = await openEngine(storage.reopen());
  expect(await engine.service.count({ collectionId })).toBe(7999);
});

test("an import outgrows no budget where nobody has asked for a graph: lists take its place in time", async () => {
  const engine = await openEngine(new FaultInjectingStorage(), BUDGET);
  const collectionId = await newCollection(engine, "growing");
  for (let from = 0; from < 10_000; from += 500) {
    await engine.service.write({ collectionId, operation: "add", records: wide(500, 1024, from) });
  }
  await engine.compact(collectionId);
  expect(await engine.service.count({ collectionId })).toBe(10_000);
  expect((await engine.service.info()).memory.codes).toBeLessThan(BUDGET);
});

test("two indexes of a million records with inverted lists fit into 256 MB, by what each record takes", async () => {
  const engine = await openedEngine(new FaultInjectingStorage(), { lists: { tailRows: 200, splitRows: 64 } });
  const collectionId = await newCollection(engine, "lists", { spann: {} });
  const count = 12_000;
  for (let from = 0; from < count; from += 1000) {
    await engine.service.write({ collectionId, operation: "add", records: wide(1000, 16, from) });
  }
  await engine.compact(collectionId);
  const { memory } = await engine.service.info();
  const perRecord = (memory.ids + memory.rows + memory.lists + memory.codes + memory.graphs) / count;
  // Beside them an eighth is left for caches, and a quarter for what is being written.
  expect(2 * 1_000_000 * perRecord).toBeLessThan((256e6 * 5) / 8);
});

test("inverted lists find the same under a budget as without, and all that is held adds up and stays within", async () => {
  const storage = new FaultInjectingStorage();
  const lists = { tailRows: 500, splitRows: 64, judgedRowsMax: 20 };
  let engine = await openedEngine(storage, { lists });
  const collectionId = await newCollection(engine, "lists", { spann: {} });
  const count = 8000;
  for (let from = 0; from < count; from += 1000)
    await engine.service.write({ collectionId, operation: "add", records: wide(1000, 192, from) });
  await engine.compact(collectionId);
  await engine.close();
  const ask = async (memoryBudgetBytes?: number): Promise<string[]> => {
    engine = await openedEngine(storage.reopen(), { lists, options: { memoryBudgetBytes } });
    const found: string[] = [];
    let held = 0;
    for (let n = 0; n < count; n += 200) {
      const queryEmbeddings = { dimension: 192, values: wide(1, 192, n).embeddings!.values };
      found.push(...(await engine.service.query({ collectionId, queryEmbeddings, nResults: 10, include: ["embeddings"] })).ids);
      const { memory, memoryBytes } = await engine.service.info();
      expect(Object.values(memory).reduce((sum, bytes) => sum + bytes, 0)).toBe(memoryBytes);
      expect(memoryBytes).toBeLessThanOrEqual(memoryBudgetBytes ?? Infinity);
      held = Math.max(held, memory.listCache);
    }
    expect(held).toBeGreaterThan(0);
    await engine.close();
    return found;
  };
  expect(await ask(BUDGET)).toEqual(await ask());
});

test("what info tells of memory adds up to what the heap shows", async () => {
  const { storage, collectionId } = await storageWithRecords();
  const again = storage.reopen();
  const before = await heapBytes();
  const engine = await openEngine(again);
  for await (const _ of readAll(engine, collectionId));
  const logged = (await engine.service.info()).logBytes;
  await engine.service.write({ collectionId, operation: "add", records: records(RECORDS, RECORDS + 1000) });
  await engine.service.searchText({ collectionId, query: "r7", nResults: 1, include: [], prefix: false, fuzzy: 0 });
  const { memoryBytes, memory, logBytes } = await engine.service.info();
  // The log is on a disk that is memory here.
  const grown = (await heapBytes()) - before - (logBytes - logged);
  expect(Object.values(memory).reduce((sum, bytes) => sum + bytes, 0)).toBe(memoryBytes);
  expect(grown / memoryBytes, JSON.stringify(memory)).toBeGreaterThan(0.8);
  expect(grown / memoryBytes, JSON.stringify(memory)).toBeLessThan(1.2);
});

/** Bytes of objects, and of buffers, that are in use. */
async function heapBytes(): Promise<number> {
  setFlagsFromString("--expose_gc");
  const collect = runInNewContext("gc") as () => void;
  // Buffers are given back after the collection that finds them unused.
  for (let i = 0; i < 5; i++) {
    collect();
    await new Promise(setImmediate);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test("the text index of what is compacted is in blocks; that of newer documents counts as memory once it is searched", async () => {
  const { storage, collectionId } = await storageWithRecords();
  const engine = await openEngine(storage.reopen());
  await engine.service.count({ collectionId });
  const grown = async (): Promise<number> => {
    const before = (await engine.service.info()).memory.text;
    await engine.service.searchText({ collectionId, query: "r7", nResults: 1, include: [], prefix: false, fuzzy: 0 });
    return (await engine.service.info()).memory.text - before;
  };
  expect((await grown()) / RECORDS).toBeLessThan(1);
  await engine.service.write({ collectionId, operation: "add", records: records(RECORDS, RECORDS + 100) });
  const perDocument = (await grown()) / 100;
  expect(perDocument).toBeGreaterThan(100);
  expect(perDocument).toBeLessThan(1000);
});
