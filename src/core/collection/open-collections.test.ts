import { describe, expect, test } from "vitest";
import { Random, TestEnvironment } from "../../testing/environment.js";
import { FaultInjectingStorage, type FaultOptions } from "../../testing/fault-injecting-storage.js";
import { openedEngine } from "../../testing/opened-engines.js";
import type { Engine } from "../engine.js";
import { limits } from "../limits.js";
import type { CreateCollectionRequest } from "../service.js";
import type { Storage } from "../storage.js";
import type { RecordBatch } from "../types.js";

const scope = { tenant: "default_tenant", database: "default_database" };
function openEngine(storage: Storage, openCollectionsMax: number, environment = new TestEnvironment()): Promise<Engine> {
  return openedEngine(storage, { environment, openCollectionsMax, options: { retainVersions: 2 } });
}

function collection(name: string): CreateCollectionRequest {
  return { ...scope, name, metadata: null, configuration: {}, getOrCreate: true };
}

/** Records of these numbers; the embedding of record n is [n, value]. */
function records(numbers: readonly number[], value = 0, documentLength = 10): RecordBatch {
  const ids = numbers.map((n) => `r${n}`);
  const values = Float32Array.from(numbers.flatMap((n) => [n, value]));
  return {
    ids,
    embeddings: { dimension: 2, values, present: null },
    documents: ids.map((id) => id.padEnd(documentLength, "x")),
    metadatas: null,
    uris: null,
  };
}

function storageOf(options: FaultOptions = {}): FaultInjectingStorage {
  return new FaultInjectingStorage(options);
}

async function turns(count = 30): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function createMany(engine: Engine, count: number, documentLength = 10): Promise<string[]> {
  const ids: string[] = [];
  for (let c = 0; c < count; c++) {
    const { id } = await engine.service.createCollection(collection(`collection-${c}`));
    await engine.service.write({ collectionId: id, operation: "add", records: records([c, 100 + c], c, documentLength) });
    ids.push(id);
  }
  return ids;
}

describe("a bound on open collections", () => {
  test("keeps memory from growing with their number, and every answer as it was", async () => {
    const storage = storageOf();
    const engine = await openEngine(storage, 2);
    await createMany(engine, 2, 10_000);
    const { memoryBytes } = await engine.service.info();
    const ids = await createMany(engine, 12, 10_000);
    const info = await engine.service.info();
    expect(info.memoryBytes).toBeLessThan(memoryBytes * 1.5);
    expect(info).toMatchObject({ collections: 12, records: 24, logRecords: 14 });
    for (const [c, collectionId] of ids.entries()) {
      expect((await engine.service.getCollection({ ...scope, name: `collection-${c}` })).dimension).toBe(2);
      expect((await engine.service.get({ collectionId, include: ["documents"] })).ids).toEqual([`r${c}`, `r${100 + c}`]);
    }
    expect(await engine.service.info()).toEqual({ ...info, memoryBytes: expect.any(Number) });
  });

  test("lets more be open for as long as they are in use", async () => {
    const storage = storageOf();
    const engine = await openEngine(storage, 1);
    const ids = await createMany(engine, 4);
    for (const id of ids) await engine.compact(id);
    let letRead = (): void => {};
    const held = new Promise<void>((resolve) => (letRead = resolve));
    const read = storage.blobs.read.bind(storage.blobs);
    storage.blobs.read = async (ranges) => held.then(() => read(ranges));
    const reads = ids.map((collectionId) => engine.service.get({ collectionId, include: ["documents", "embeddings"] }));
    await turns();
    letRead();
    const found = await Promise.all(reads);
    expect(found.map((one) => one.ids[0])).toEqual(["r0", "r1", "r2", "r3"]);
    expect(found.map((one) => one.embeddings!.values[1])).toEqual([0, 1, 2, 3]);
  });

  test("has a long log compacted before its collection is closed", async () => {
    const environment = new TestEnvironment();
    const storage = storageOf({ now: () => environment.now() });
    const engine = await openEngine(storage, 1, environment);
    await createMany(engine, 3, limits.compactionIdleLogBytes);
    await turns();
    expect((await engine.service.info()).logRecords).toBe(1);
    const reopened = await openEngine(storage.reopen(), 1, environment);
    expect(await reopened.service.info()).toMatchObject({ records: 6, logRecords: 1 });
  });

  test.each([1, 2, 3])("random work on many collections, reopened and crashed, equals plain maps (seed %i)", async (seed) => {
    const random = new Random(seed);
    const environment = new TestEnvironment();
    let storage = storageOf({ now: () => environment.now(), arenaSettleMs: 60_000, arenaBytes: 64 * 1024 });
    let engine = await openEngine(storage, 2, environment);
    const ids: string[] = [];
    for (let c = 0; c < 6; c++) ids.push((await engine.service.createCollection(collection(`collection-${c}`))).id);
    const models = ids.map(() => new Map<string, number>());
    const step = async (value: number): Promise<void> => {
      const c = random.below(ids.length);
      const [collectionId, model] = [ids[c]!, models[c]!];
      const numbers = [...new Set(Array.from({ length: 1 + random.below(5) }, () => random.below(20)))];
      const choice = random.below(10);
      if (choice < 5) {
        await engine.service.write({ collectionId, operation: "upsert", records: records(numbers, value, 2000) });
        for (const n of numbers) model.set(`r${n}`, value);
      } else if (choice < 7) {
        await engine.service.delete({ collectionId, ids: numbers.map((n) => `r${n}`) });
        for (const n of numbers) model.delete(`r${n}`);
      } else if (choice < 8) await engine.compact(collectionId);
      else if (choice < 9) environment.advance(random.below(90_000));
      else {
        const { ids: found, embeddings } = await engine.service.get({ collectionId, include: ["embeddings"] });
        expect(new Map(found.map((id, i) => [id, embeddings!.values[2 * i + 1]]))).toEqual(model);
      }
    };
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 40; i++) await Promise.all([step(100 * round + i), turns(random.below(3))]);
      for (const [c, collectionId] of ids.entries()) {
        const { ids: found, embeddings } = await engine.service.get({ collectionId, include: ["embeddings"] });
        expect(new Map(found.map((id, i) => [id, embeddings!.values[2 * i + 1]])), `seed ${seed}, round ${round}`).toEqual(models[c]);
      }
      expect((await engine.service.info()).compactionError).toBeNull();
      storage = storage.reopen();
      engine = await openEngine(storage, 2, environment);
    }
  });
});

describe("dropping a collection", () => {
  test("that fails leaves it usable, and the next attempt succeeds", async () => {
    const rehearsal = storageOf();
    await createMany(await openEngine(rehearsal, 9), 1);
    const storage = storageOf({ fail: { at: rehearsal.changes + 1, error: "quota" } });
    const engine = await openEngine(storage, 9);
    const [collectionId] = await createMany(engine, 1);
    const drop = (): Promise<void> => engine.service.deleteCollection({ ...scope, name: "collection-0" });
    await expect(drop()).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    expect(await engine.service.count({ collectionId: collectionId! })).toBe(2);
    await engine.service.write({ collectionId: collectionId!, operation: "add", records: records([7]) });
    expect(await engine.service.count({ collectionId: collectionId! })).toBe(3);
    await drop();
    expect(await engine.service.info()).toMatchObject({ collections: 0, logRecords: 0, blockBytesUsed: 0 });
  });

  test("that nobody has opened refuses whoever opens it meanwhile, and leaves nothing of it", async () => {
    const storage = storageOf();
    const [collectionId] = await createMany(await openEngine(storage, 9), 1);
    const again = storage.reopen();
    const engine = await openEngine(again, 9);
    const dropping = engine.service.deleteCollection({ ...scope, name: "collection-0" });
    const late: Promise<unknown>[] = [];
    for (let turn = 0; turn < 8; turn++) {
      late.push(
        engine.service
          .write({ collectionId: collectionId!, operation: "add", records: records([50 + turn]) })
          .catch((error: unknown) => error),
      );
      await Promise.resolve();
    }
    await dropping;
    // Those that came before the drop began may have been stored, and went with the rest.
    expect((await Promise.all(late)).at(-1)).toMatchObject({ code: "NOT_FOUND" });
    expect(await again.log.read(collectionId!, 0, Infinity)).toEqual([]);
    expect(await engine.service.info()).toMatchObject({ collections: 0, logRecords: 0 });
  });
});
