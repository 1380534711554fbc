import { describe, expect, test } from "vitest";
import { Random, TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage, type FaultOptions } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { referenceKernel } from "./index/vector/reference-kernel.js";
import type { VectorKernel } from "./index/vector/vector-kernel.js";
import { limits } from "./limits.js";
import type { CreateCollectionRequest } from "./service.js";
import type { Storage } from "./storage.js";
import type { IncludeField, MetadataPatch, RecordBatch, Where } from "./types.js";

const scope = { tenant: "default_tenant", database: "default_database" };
function openEngine(storage: Storage, environment = new TestEnvironment(), allowReset = false): Promise<Engine> {
  return openedEngine(storage, { environment, options: { allowReset } });
}

function collection(name = "things"): CreateCollectionRequest {
  return { ...scope, name, metadata: null, configuration: {}, getOrCreate: true };
}

/** Records `from … to − 1`, two-dimensional, with documents. */
function records(from: number, to: number, dimension = 2): RecordBatch {
  const count = to - from;
  return {
    ids: Array.from({ length: count }, (_, i) => `r${from + i}`),
    embeddings: { dimension, values: Float32Array.from({ length: count * dimension }, (_, i) => from + i), present: null },
    documents: Array.from({ length: count }, (_, i) => `document ${from + i} ${"x".repeat(200)}`),
    metadatas: Array.from({ length: count }, (_, i) => ({ n: from + i })),
    uris: null,
  };
}

function storageOf(options: FaultOptions = {}): FaultInjectingStorage {
  return new FaultInjectingStorage(options);
}

describe("sparse vectors in metadata", () => {
  const lexical = { indices: [3, 70000], values: [0.5, -2] };
  const one = (metadata: MetadataPatch): RecordBatch => ({ ...records(0, 1), metadatas: [metadata] });

  test("read the same from memtable, blocks and log, in a fork and in an earlier version", async () => {
    const storage = storageOf();
    const engine = await openEngine(storage);
    const { id: collectionId } = await engine.service.createCollection(collection());
    const metadatas = async (id = collectionId, version?: number) =>
      (await engine.service.get({ collectionId: id, version, include: ["metadatas"] })).metadatas;
    await engine.service.write({ collectionId, operation: "add", records: one({ lexical, kind: "a" }) });
    expect(await metadatas()).toEqual([{ lexical, kind: "a" }]);
    await engine.compact(collectionId);
    expect(await metadatas()).toEqual([{ lexical, kind: "a" }]);
    const fork = await engine.service.forkCollection({ collectionId, name: "fork" });
    const [{ version } = { version: 0 }] = await engine.service.listVersions({ collectionId });
    await engine.service.write({
      collectionId,
      operation: "update",
      records: { ...one({ lexical: { indices: [1], values: [1] }, kind: null }), embeddings: null },
    });
    expect(await metadatas()).toEqual([{ lexical: { indices: [1], values: [1] } }]);
    expect(await metadatas(fork.id)).toEqual([{ lexical, kind: "a" }]);
    expect(await metadatas(collectionId, version)).toEqual([{ lexical, kind: "a" }]);
    const [found] = await engine.service.search({ collectionId: fork.id, searches: [{ select: { keys: ["lexical"] } }] });
    expect(found!.metadatas).toEqual([{ lexical }]);

    await engine.service.write({ collectionId, operation: "upsert", records: one({ lexical: null, kind: "b" }) });
    const reopened = await openEngine(storage.reopen());
    expect((await reopened.service.get({ collectionId, include: ["metadatas"] })).metadatas).toEqual([{ kind: "b" }]);
    expect((await reopened.service.get({ collectionId: fork.id, include: ["metadatas"] })).metadatas).toEqual([{ lexical, kind: "a" }]);
  });

  test("are float32 at once, not only after a compaction, and no part of the caller's object", async () => {
    const engine = await openEngine(storageOf());
    const { id: collectionId } = await engine.service.createCollection({
      ...collection(),
      metadata: { sv: { indices: [1], values: [0.1] } },
    });
    const given = { "#type": "sparse_vector", indices: [1], values: [0.1], tokens: ["ebb"] };
    await engine.service.write({ collectionId, operation: "add", records: one({ given }) });
    given.values[0] = 7;
    const stored = { indices: [1], values: [Math.fround(0.1)] };
    expect((await engine.service.get({ collectionId, include: ["metadatas"] })).metadatas).toEqual([{ given: stored }]);
    expect((await engine.service.getCollection({ ...scope, name: "things" })).metadata).toEqual({ sv: stored });
  });

  test("are values of another type to every filter, compacted or not", async () => {
    const engine = await openEngine(storageOf());
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: { ...records(0, 2), metadatas: [{ v: lexical }, { v: 3 }] } });
    const found = async (where: Where) => (await engine.service.get({ collectionId, where, include: [] })).ids;
    for (const compacted of [false, true]) {
      if (compacted) await engine.compact(collectionId);
      expect(await found({ v: 3 })).toEqual(["r1"]);
      expect(await found({ v: { $gte: -100 } })).toEqual(["r1"]);
      expect(await found({ v: { $contains: 3 } })).toEqual([]);
      expect(await found({ v: { $ne: 4 } })).toEqual(["r0", "r1"]);
      expect(await found({ v: { $nin: [3] } })).toEqual(["r0"]);
      expect(await found({ v: { $not_contains: 3 } })).toEqual(["r0", "r1"]);
    }
  });
});

describe("reading", () => {
  test("returns distances, and counts per query, for several queries at once", async () => {
    const engine = await openEngine(storageOf());
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: records(0, 3) });
    const queryEmbeddings = { dimension: 2, values: Float32Array.of(0, 1, 2, 3) };
    const found = await engine.service.query({ collectionId, queryEmbeddings, nResults: 2, include: ["distances"] });
    expect(found.counts).toEqual([2, 2]);
    expect(found.ids).toEqual(["r0", "r1", "r1", "r0"]);
    expect([...found.distances!]).toEqual([0, 8, 0, 8]);
  });

  test("an empty collection answers a query of any dimension with nothing", async () => {
    const engine = await openEngine(storageOf());
    const { id: collectionId } = await engine.service.createCollection(collection());
    const found = await engine.service.query({
      collectionId,
      queryEmbeddings: { dimension: 5, values: new Float32Array(5) },
      nResults: 2,
      include: ["distances"],
    });
    expect(found).toMatchObject({ ids: [], counts: [0] });
  });

  test("the first record fixes the dimension, for good", async () => {
    const storage = storageOf();
    const engine = await openEngine(storage);
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: records(0, 1) });
    await engine.service.delete({ collectionId, ids: ["r0"] });
    await expect(engine.service.write({ collectionId, operation: "add", records: records(1, 2, 3) })).rejects.toThrow(
      "Collection expecting embedding with dimension of 2, got 3",
    );
    const reopened = await openEngine(storage.reopen());
    await expect(reopened.service.write({ collectionId, operation: "add", records: records(1, 2, 3) })).rejects.toThrow(
      expect.objectContaining({ code: "DIMENSION_MISMATCH" }),
    );
  });

  test("two first writes of different dimensions at once: one is refused before it is logged", async () => {
    const engine = await openEngine(storageOf());
    const { id: collectionId } = await engine.service.createCollection(collection());
    const results = await Promise.allSettled([
      engine.service.write({ collectionId, operation: "add", records: records(0, 2, 2) }),
      engine.service.write({ collectionId, operation: "add", records: records(2, 4, 3) }),
    ]);
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected"]);
    expect(await engine.service.count({ collectionId })).toBe(2);
    expect((await engine.service.info()).logRecords).toBe(1);
  });
});

describe("writes that do not wait for each other", () => {
  /** Time passes whenever it is asked for, so that long work gives others a turn at unforeseen places. */
  class BusyEnvironment extends TestEnvironment {
    readonly #random: Random;

    constructor(seed: number) {
      super();
      this.#random = new Random(seed);
    }

    override now(): number {
      if (this.#random.chance(0.3)) this.advance(limits.sliceMs);
      return super.now();
    }
  }

  test.each([1, 2, 3, 4, 5])("take effect in the order of their calls (seed %i)", async (seed) => {
    const engine = await openEngine(storageOf(), new BusyEnvironment(seed));
    const { id: collectionId } = await engine.service.createCollection(collection());
    const upsert = (n: number) =>
      engine.service.write({ collectionId, operation: "upsert", records: { ...records(n, n + 1), ids: [`r${n % 7}`] } });
    const calls: Promise<unknown>[] = [];
    for (let n = 0; n < 40; n++) calls.push(n % 10 === 9 ? engine.service.delete({ collectionId, where: { n: { $lt: n } } }) : upsert(n));
    const results = await Promise.all(calls);
    expect([results[9], results[19]]).toEqual([{ deleted: 7 }, { deleted: 7 }]);
    expect(await engine.service.get({ collectionId, include: [] })).toMatchObject({ ids: [] });

    await Promise.all([5, 4, 3, 12, 10].map(upsert));
    const { ids, metadatas } = await engine.service.get({ collectionId, include: ["metadatas"] });
    expect(ids).toEqual(["r5", "r4", "r3"]);
    expect(metadatas).toEqual([{ n: 12 }, { n: 4 }, { n: 10 }]);
  });

  test("do not wait for one that is refused, and share a transaction", async () => {
    const storage = storageOf();
    const engine = await openEngine(storage);
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: records(0, 1) });
    const syncs = storage.syncs;
    const results = await Promise.allSettled([
      engine.service.write({ collectionId, operation: "add", records: records(1, 2) }),
      engine.service.write({ collectionId, operation: "add", records: records(2, 3, 5) }),
      engine.service.write({ collectionId, operation: "add", records: records(3, 4) }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((await engine.service.get({ collectionId, include: [] })).ids).toEqual(["r0", "r1", "r3"]);
    expect(storage.syncs - syncs).toBeLessThanOrEqual(2);
  });
});

describe("text that is not well-formed Unicode", () => {
  test("is refused in an id, and elsewhere reads the same before and after compaction", async () => {
    const engine = await openEngine(storageOf());
    const { id: collectionId } = await engine.service.createCollection(collection());
    const embeddings = { dimension: 2, values: Float32Array.of(1, 2), present: null };
    const batch = {
      ids: ["a"],
      embeddings,
      documents: ["half \ud800"],
      metadatas: [{ k: "v\ud800", l: ["\ud800"] }],
      uris: ["\ud83d"],
    };
    await expect(engine.service.write({ collectionId, operation: "add", records: { ...batch, ids: ["\ud800"] } })).rejects.toThrow(
      "ids[0]",
    );
    await engine.service.write({ collectionId, operation: "add", records: batch });
    const read = () => engine.service.get({ collectionId, where: { k: "v\ufffd" }, include: ["documents", "metadatas", "uris"] });
    const before = await read();
    expect(before).toMatchObject({ documents: ["half \ufffd"], metadatas: [{ k: "v\ufffd", l: ["\ufffd"] }], uris: ["\ufffd"] });
    await engine.compact(collectionId);
    expect(await read()).toEqual(before);
  });
});

describe("space", () => {
  test("deleting and compacting gives the space of blocks back", async () => {
    const engine = await openEngine(storageOf());
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: records(0, 500) });
    await engine.compact(collectionId);
    const full = (await engine.service.info()).blockBytesUsed;
    await engine.service.delete({ collectionId, where: { n: { $gte: 10 } } });
    await engine.compact(collectionId);
    const { blockBytesUsed, records: left, logRecords } = await engine.service.info();
    expect([left, logRecords]).toEqual([10, 0]);
    expect(blockBytesUsed).toBeLessThan(full / 4);
    await engine.service.deleteCollection({ ...scope, name: "things" });
    expect((await engine.service.info()).blockBytesUsed).toBe(0);
  });

  test("records that come and go do not let memory grow for ever", async () => {
    const storage = storageOf();
    const open = (from: Storage) => openedEngine(from, { deadOrdinalsMax: () => 100 });
    const engine = await open(storage);
    const { id: collectionId } = await engine.service.createCollection(collection());
    const memory: number[] = [];
    for (let round = 0; round < 12; round++) {
      await engine.service.write({ collectionId, operation: "add", records: records(0, 100) });
      await engine.service.delete({ collectionId, where: { n: { $gte: 3 } } });
      await engine.service.delete({ collectionId, ids: ["r0"] });
      await engine.service.write({ collectionId, operation: "add", records: records(500, 501) });
      await engine.compact(collectionId);
      memory.push((await engine.service.info()).memoryBytes);
    }
    expect(Math.max(...memory.slice(6))).toBeLessThanOrEqual(Math.max(...memory.slice(0, 6)));
    const all = { collectionId, include: ["documents", "embeddings"] as IncludeField[] };
    const before = await engine.service.get(all);
    expect(before.ids).toEqual(["r1", "r2", "r500"]);
    expect(await (await open(storage.reopen())).service.get(all)).toEqual(before);
  });

  test("updates do not let the blocks grow", async () => {
    const engine = await openEngine(storageOf());
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: records(0, 300) });
    await engine.compact(collectionId);
    const once = (await engine.service.info()).blockBytesUsed;
    for (let round = 0; round < 5; round++) {
      await engine.service.write({ collectionId, operation: "upsert", records: records(0, 300) });
      await engine.compact(collectionId);
    }
    expect((await engine.service.info()).blockBytesUsed).toBeLessThan(once * 1.1);
  });
});

describe("background compaction", () => {
  test("begins when the database has been idle, and publishes only what old arenas hold", async () => {
    const environment = new TestEnvironment();
    const storage = storageOf({ now: () => environment.now(), arenaSettleMs: 60_000 });
    const engine = await openEngine(storage, environment);
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: records(0, 900) });
    await engine.service.write({ collectionId, operation: "add", records: records(900, 1800) });
    expect((await engine.service.info()).logRecords).toBe(2);
    environment.advance(limits.compactionIdleMs);
    await engine.compact(collectionId);
    // Compacted in memory; the log stays until the arena's name can be relied upon.
    expect(await engine.service.info()).toMatchObject({ logRecords: 0, unpublished: 1 });
    expect(await storage.log.read(collectionId, 0, 1)).toHaveLength(1);
    environment.advance(60_000);
    await until(async () => (await engine.service.info()).unpublished === 0);
    expect(await storage.log.read(collectionId, 0, 1)).toEqual([]);
    const reopened = await openEngine(storage.reopen(), environment);
    expect(await reopened.service.count({ collectionId })).toBe(1800);
  });

  test("loss of power while the arena is young loses nothing", async () => {
    const environment = new TestEnvironment();
    const storage = storageOf({ now: () => environment.now(), arenaSettleMs: 60_000 });
    const engine = await openEngine(storage, environment);
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: records(0, 500) });
    await engine.compact(collectionId);
    const reopened = await openEngine(storage.reopen(), environment);
    expect(await reopened.service.count({ collectionId })).toBe(500);
  });

  test("a failed flush poisons the engine; reopening finds every acknowledged write", async () => {
    const counting = storageOf();
    const rehearsal = await openEngine(counting);
    const prepare = async (engine: Engine) => {
      const { id: collectionId } = await engine.service.createCollection(collection());
      await engine.service.write({ collectionId, operation: "add", records: records(0, 50) });
      return collectionId;
    };
    const rehearsalId = await prepare(rehearsal);
    const before = counting.changes;
    await rehearsal.compact(rehearsalId);
    const flushAt = counting.changes - 1;
    expect(flushAt).toBeGreaterThan(before);

    const storage = storageOf({ fail: { at: flushAt, error: "io" } });
    const engine = await openEngine(storage);
    const collectionId = await prepare(engine);
    await expect(engine.compact(collectionId)).rejects.toThrow(expect.objectContaining({ code: "POISONED" }));
    await expect(engine.service.count({ collectionId })).rejects.toThrow(expect.objectContaining({ code: "POISONED" }));
    await expect(engine.service.write({ collectionId, operation: "add", records: records(50, 51) })).rejects.toThrow("reopen the database");
    const reopened = await openEngine(storage.reopen());
    expect(await reopened.service.count({ collectionId })).toBe(50);
  });

  test("a compaction that fails for want of space gives back what it wrote, and a later one succeeds", async () => {
    const counting = storageOf();
    const rehearsal = await openEngine(counting);
    const { id: rehearsalId } = await rehearsal.service.createCollection(collection());
    await rehearsal.service.write({ collectionId: rehearsalId, operation: "add", records: records(0, 50) });
    const before = counting.changes;
    await rehearsal.compact(rehearsalId);
    // The last two changes of a compaction are its flush and its commit; the others are blocks.
    for (let at = before + 1; at <= counting.changes - 2; at++) {
      const storage = storageOf({ fail: { at, error: "quota" } });
      const engine = await openEngine(storage);
      const { id: collectionId } = await engine.service.createCollection(collection());
      await engine.service.write({ collectionId, operation: "add", records: records(0, 50) });
      const failed = await engine.service.info();
      // It writes no more than its log and the blocks that it replaces, which are none yet.
      const refusal = { code: "QUOTA_EXCEEDED", details: expect.objectContaining({ headroomBytes: failed.logBytes }) };
      await expect(engine.compact(collectionId)).rejects.toMatchObject(refusal);
      expect(await engine.service.info()).toMatchObject({ blockBytesUsed: 0, records: 50, logRecords: 1 });
      expect((await engine.service.info()).compactionError).toContain(`needs at most ${failed.logBytes} bytes of free space`);
      await engine.compact(collectionId);
      expect(await engine.service.info()).toMatchObject({ records: 50, logRecords: 0, compactionError: null });
    }
  });

  test("a full disk refuses the write, keeps the rest, and goes on when there is room again", async () => {
    const counting = storageOf();
    const rehearsal = await openEngine(counting);
    const { id: rehearsalId } = await rehearsal.service.createCollection(collection());
    await rehearsal.service.write({ collectionId: rehearsalId, operation: "add", records: records(0, 5) });
    const storage = storageOf({ fail: { at: counting.changes + 1, error: "quota" } });
    const engine = await openEngine(storage);
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: records(0, 5) });
    await expect(engine.service.write({ collectionId, operation: "add", records: records(5, 9) })).rejects.toThrow(
      expect.objectContaining({ code: "QUOTA_EXCEEDED" }),
    );
    expect(await engine.service.count({ collectionId })).toBe(5);
    await engine.service.write({ collectionId, operation: "add", records: records(5, 9) });
    expect(await engine.service.count({ collectionId })).toBe(9);
  });
});

test("a record that is logged but cannot be applied poisons the engine; reopening applies it", async () => {
  const storage = storageOf();
  let broken = false;
  const kernel: VectorKernel = {
    ...referenceKernel,
    createTable(dimension) {
      const table = referenceKernel.createTable(dimension);
      const set = table.set.bind(table);
      table.set = (...args) => {
        if (broken) throw new Error("out of memory");
        set(...args);
      };
      return table;
    },
  };
  const engine = await openedEngine(storage, { kernel });
  const { id: collectionId } = await engine.service.createCollection(collection());
  broken = true;
  await expect(engine.service.write({ collectionId, operation: "add", records: records(0, 5) })).rejects.toThrow(
    expect.objectContaining({ code: "POISONED" }),
  );
  await expect(engine.service.count({ collectionId })).rejects.toThrow("reopen the database");
  const reopened = await openEngine(storage.reopen());
  expect(await reopened.service.count({ collectionId })).toBe(5);
});

describe("damage", () => {
  test("a changed byte in a block is CORRUPTION naming the collection, and deletes nothing", async () => {
    const storage = storageOf();
    const engine = await openEngine(storage);
    const { id: collectionId } = await engine.service.createCollection(collection("precious"));
    await engine.service.write({ collectionId, operation: "add", records: records(0, 50) });
    await engine.compact(collectionId);
    await engine.close();
    const damaged = storage.reopen();
    const read = damaged.blobs.read.bind(damaged.blobs);
    damaged.blobs.read = async (ranges) =>
      (await read(ranges)).map((bytes) => bytes.with(bytes.length - 20, bytes[bytes.length - 20]! ^ 1));
    const reopened = await openEngine(damaged);
    await expect(reopened.service.count({ collectionId })).rejects.toThrow(
      expect.objectContaining({ code: "CORRUPTION", message: expect.stringMatching(/Block .* of collection "precious"/) as string }),
    );
    expect((await reopened.service.listCollections(scope)).map(({ name }) => name)).toEqual(["precious"]);
  });

  test("a missing log record is CORRUPTION", async () => {
    const storage = storageOf();
    const engine = await openEngine(storage);
    const { id: collectionId } = await engine.service.createCollection(collection("precious"));
    for (let i = 0; i < 3; i++) await engine.service.write({ collectionId, operation: "add", records: records(i, i + 1) });
    const next = storage.reopen();
    await next.catalog.commit({ truncateLog: [{ collectionId, upTo: 1 }] });
    const reopened = await openEngine(next);
    await expect(reopened.service.count({ collectionId })).rejects.toThrow('Log record 1 of collection "precious" is missing');
  });
});

describe("forks", () => {
  test("hold what the source holds, log and blocks, and go their own ways from there", async () => {
    const storage = storageOf();
    const engine = await openEngine(storage);
    const { id: source } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId: source, operation: "add", records: records(0, 20) });
    await engine.compact(source);
    await engine.service.write({ collectionId: source, operation: "add", records: records(20, 25) });
    const { id: fork } = await engine.service.forkCollection({ collectionId: source, name: "forked" });
    const all = { limit: 100, include: ["documents", "embeddings", "metadatas"] as IncludeField[] };
    expect(await engine.service.get({ collectionId: fork, ...all })).toEqual(await engine.service.get({ collectionId: source, ...all }));
    await engine.service.delete({ collectionId: fork, where: { n: { $lt: 15 } } });
    await engine.service.write({ collectionId: source, operation: "add", records: records(25, 30) });
    for (const id of [source, fork]) await engine.compact(id);
    expect([await engine.service.count({ collectionId: source }), await engine.service.count({ collectionId: fork })]).toEqual([30, 10]);
    await engine.service.deleteCollection({ ...scope, name: "things" });
    expect((await engine.service.get({ collectionId: fork, ...all })).ids).toEqual(records(15, 25).ids);
    const reopened = await openEngine(storage.reopen());
    expect((await reopened.service.get({ collectionId: fork, ...all })).documents).toEqual(records(15, 25).documents);
    await reopened.service.deleteCollection({ ...scope, name: "forked" });
    expect((await reopened.service.info()).blockBytesUsed).toBe(0);
  });

  test("cost no block, and refuse a name that is taken", async () => {
    const engine = await openEngine(storageOf());
    const { id: source } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId: source, operation: "add", records: records(0, 500) });
    await engine.compact(source);
    const before = (await engine.service.info()).blockBytesUsed;
    await engine.service.forkCollection({ collectionId: source, name: "forked" });
    await expect(engine.service.forkCollection({ collectionId: source, name: "forked" })).rejects.toThrow(
      expect.objectContaining({ code: "ALREADY_EXISTS" }),
    );
    expect((await engine.service.info()).blockBytesUsed).toBe(before);
    expect(await engine.service.forkCount({ collectionId: source })).toBe(1);
  });
});

describe("versions", () => {
  test("stay readable as long as they are retained, and are refused by name after that", async () => {
    const storage = storageOf();
    const engine = await openedEngine(storage, { options: { retainVersions: 2 } });
    const { id: collectionId } = await engine.service.createCollection(collection());
    for (const [from, to] of [
      [0, 10],
      [10, 30],
    ] as const) {
      await engine.service.write({ collectionId, operation: "add", records: records(from, to) });
      await engine.compact(collectionId);
    }
    await engine.service.delete({ collectionId, ids: ["r0"] });
    expect((await engine.service.listVersions({ collectionId })).map(({ version, count }) => [version, count])).toEqual([
      [1, 10],
      [2, 30],
    ]);
    const query = {
      collectionId,
      queryEmbeddings: { dimension: 2, values: Float32Array.of(0, 1) },
      nResults: 1,
      include: [] as IncludeField[],
    };
    expect((await engine.service.query({ ...query, version: 1 })).ids).toEqual(["r0"]);
    expect((await engine.service.query(query)).ids).toEqual(["r1"]);
    expect(await Promise.all([1, 2, undefined].map((version) => engine.service.count({ collectionId, version })))).toEqual([10, 30, 29]);
    await engine.compact(collectionId);
    await expect(engine.service.count({ collectionId, version: 1 })).rejects.toThrow("Version 1 of collection [things] is not retained");
    expect((await engine.service.get({ collectionId, version: 2, ids: ["r0"], include: ["documents"] })).documents).toEqual(
      records(0, 1).documents,
    );
  });
});

describe("the graph of a large collection", () => {
  function openWithGraph(storage: FaultInjectingStorage, environment: TestEnvironment): Promise<Engine> {
    return openedEngine(storage, { environment, flatRowsMax: 50 });
  }

  async function built(engine: Engine, environment: TestEnvironment): Promise<void> {
    do {
      environment.advance(limits.graphIdleMs);
      await environment.yieldToEventLoop();
    } while ((await engine.service.info()).compacting);
  }

  const query = {
    queryEmbeddings: { dimension: 2, values: Float32Array.of(40, 41) },
    nResults: 3,
    include: ["distances"] as IncludeField[],
  };

  test("is built in the background, saved, loaded on opening, and follows writes and deletes", async () => {
    const environment = new TestEnvironment();
    const storage = storageOf({ now: () => environment.now() });
    const engine = await openWithGraph(storage, environment);
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: records(0, 300) });
    const exact = await engine.service.query({ collectionId, ...query });
    await engine.compact(collectionId);
    await built(engine, environment);
    expect(await engine.service.query({ collectionId, ...query })).toEqual(exact);
    const blocks = (await engine.service.info()).blockBytesUsed;
    const reopened = await openWithGraph(storage.reopen(), environment);
    expect(await reopened.service.query({ collectionId, ...query })).toEqual(exact);
    await reopened.service.delete({ collectionId, ids: exact.ids.slice(0, 1) });
    await reopened.service.write({ collectionId, operation: "upsert", records: records(39, 40) });
    await built(reopened, environment);
    const after = await reopened.service.query({ collectionId, ...query });
    expect(after.ids).toEqual(["r39", exact.ids[1], exact.ids[2]]);
    expect((await reopened.service.info()).warnings).toEqual([]);
    expect((await reopened.service.info()).blockBytesUsed).toBe(blocks);
  });

  test("is saved, too, when the collection is being compacted at the moment it is finished", async () => {
    const environment = new TestEnvironment();
    const storage = storageOf({ now: () => environment.now() });
    const engine = await openWithGraph(storage, environment);
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: records(0, 300) });
    const flush = storage.blobs.flush.bind(storage.blobs);
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    storage.blobs.flush = () => gate.then(flush);
    const compaction = engine.compact(collectionId);
    for (let turn = 0; turn < 20; turn++) {
      environment.advance(limits.graphIdleMs);
      await environment.yieldToEventLoop();
    }
    storage.blobs.flush = flush;
    open();
    await compaction;
    environment.advance(limits.arenaSettleMs);
    await built(engine, environment);
    const [manifest] = await storage.catalog.list("manifest/");
    expect(new TextDecoder().decode(manifest![1])).toContain('"graph":{');
  });

  test("that is damaged is built anew with a warning, and answers are right meanwhile", async () => {
    const environment = new TestEnvironment();
    const storage = storageOf({ now: () => environment.now() });
    const engine = await openWithGraph(storage, environment);
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: records(0, 300) });
    const exact = await engine.service.query({ collectionId, ...query });
    await engine.compact(collectionId);
    const sizes = new Set<number>();
    const write = storage.blobs.write.bind(storage.blobs);
    storage.blobs.write = async (bytes) => {
      sizes.add(bytes.length);
      return write(bytes);
    };
    await built(engine, environment);
    expect(sizes.size).toBe(1);
    const damaged = storage.reopen();
    const read = damaged.blobs.read.bind(damaged.blobs);
    damaged.blobs.read = async (ranges) =>
      (await read(ranges)).map((bytes) => (sizes.has(bytes.length) ? bytes.with(bytes.length >> 1, bytes[bytes.length >> 1]! ^ 1) : bytes));
    const reopened = await openWithGraph(damaged, environment);
    expect(await reopened.service.query({ collectionId, ...query })).toEqual(exact);
    expect((await reopened.service.info()).warnings).toEqual([
      expect.stringMatching(/graph of collection "things" .* built anew: Block .* fails its checksum/),
    ]);
    damaged.blobs.read = read;
    await built(reopened, environment);
    expect(await reopened.service.query({ collectionId, ...query })).toEqual(exact);
  });
});

describe("the database as a whole", () => {
  test("reset is refused unless allowed, and then leaves a usable, empty database", async () => {
    const storage = storageOf();
    const engine = await openEngine(storage);
    await engine.service.createCollection(collection());
    await expect(engine.service.reset()).rejects.toThrow(expect.objectContaining({ code: "FORBIDDEN" }));
    await engine.close();
    const again = await openEngine(storage.reopen(), new TestEnvironment(), true);
    await again.service.createTenant({ name: "t" });
    await again.service.reset();
    expect(await again.service.countCollections(scope)).toBe(0);
    await expect(again.service.getTenant({ name: "t" })).rejects.toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
    await again.service.createCollection(collection());
  });

  test("reset brings the first database back as it was at the beginning", async () => {
    const engine = await openEngine(storageOf(), new TestEnvironment(), true);
    await engine.service.updateTenant({ name: scope.tenant, resourceName: "r" });
    await engine.service.deleteDatabase({ tenant: scope.tenant, name: scope.database });
    await engine.service.reset();
    expect(await engine.service.getTenant({ name: scope.tenant })).toMatchObject({ resourceName: null });
    expect((await engine.service.listDatabases({ tenant: scope.tenant })).map(({ name }) => name)).toEqual([scope.database]);
  });

  test("the dimension is known before a collection is opened: of forks, and after reopening", async () => {
    const storage = storageOf();
    const engine = await openEngine(storage);
    const { id: collectionId } = await engine.service.createCollection(collection());
    const [dimension, other] = [2, 3].map((dimension) => ({ dimension, values: new Float32Array(dimension), present: null }));
    const batch = { ids: ["a"], documents: null, metadatas: null, uris: null };
    await engine.service.write({ collectionId, operation: "update", records: { ...batch, embeddings: other! } });
    expect((await engine.service.getCollection({ ...scope, name: "things" })).dimension).toBeNull();
    await engine.service.write({ collectionId, operation: "add", records: { ...batch, embeddings: dimension! } });
    expect((await engine.service.forkCollection({ collectionId, name: "fork" })).dimension).toBe(2);
    await engine.close();
    const again = await openEngine(storage.reopen());
    expect((await again.service.listCollections(scope)).map((one) => one.dimension)).toEqual([2, 2]);
  });

  test("after close every call says so", async () => {
    const engine = await openEngine(storageOf());
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.close();
    await expect(engine.service.count({ collectionId })).rejects.toThrow(expect.objectContaining({ code: "CLOSED" }));
    await expect(engine.service.createCollection(collection())).rejects.toThrow(expect.objectContaining({ code: "CLOSED" }));
    await engine.close();
  });

  test("a dropped collection is gone for calls under way, and its name is free", async () => {
    const engine = await openEngine(storageOf());
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: records(0, 5) });
    const [dropped, write] = await Promise.allSettled([
      engine.service.deleteCollection({ ...scope, name: "things" }),
      engine.service.write({ collectionId, operation: "add", records: records(5, 9) }),
    ]);
    expect(dropped.status).toBe("fulfilled");
    expect(["fulfilled", "rejected"]).toContain(write.status);
    const { id } = await engine.service.createCollection(collection());
    expect(id).not.toBe(collectionId);
    expect(await engine.service.count({ collectionId: id })).toBe(0);
    await expect(engine.service.count({ collectionId })).rejects.toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
  });

  test("creating one collection twice at once makes one", async () => {
    const engine = await openEngine(storageOf());
    const [a, b] = await Promise.all([engine.service.createCollection(collection()), engine.service.createCollection(collection())]);
    expect(a.id).toBe(b.id);
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}
