import { expect, test } from "vitest";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import type { Storage } from "./storage.js";
import type { IncludeField, RecordBatch } from "./types.js";

const MiB = 1024 * 1024;
const DIMENSION = 256;
const RECORDS = 4000;
const BUDGET = 4 * MiB;
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

test("caches use their budget and never exceed it while a larger collection is read", async () => {
  const { storage, collectionId } = await storageWithRecords();
  const bare = await largest(readAll(await openEngine(storage.reopen(), 0), collectionId));
  const withBudget = await largest(readAll(await openEngine(storage.reopen(), BUDGET), collectionId));
  expect(withBudget - bare).toBeLessThanOrEqual(BUDGET);
  // More than either cache may hold alone.
  expect(withBudget - bare).toBeGreaterThan(BUDGET / 2);
  const byDefault = await largest(readAll(await openEngine(storage.reopen()), collectionId));
  expect(byDefault - bare).toBeGreaterThan(2 * BUDGET);
});

test("the text index of what is compacted is in blocks; that of newer documents counts as memory once it is searched", async () => {
  const { storage, collectionId } = await storageWithRecords();
  const engine = await openEngine(storage.reopen(), 0);
  await engine.service.count({ collectionId });
  const grown = async (): Promise<number> => {
    const before = (await engine.service.info()).memoryBytes;
    await engine.service.searchText({ collectionId, query: "r7", nResults: 1, include: [], prefix: false, fuzzy: 0 });
    return (await engine.service.info()).memoryBytes - before;
  };
  expect((await grown()) / RECORDS).toBeLessThan(1);
  await engine.service.write({ collectionId, operation: "add", records: records(RECORDS, RECORDS + 100) });
  const perDocument = (await grown()) / 100;
  expect(perDocument).toBeGreaterThan(100);
  expect(perDocument).toBeLessThan(1000);
});
