/** How much of the rows of vectors queries read. No clock is asked: what is counted are reads of the storage. */
import { expect, test } from "vitest";
import { countReads } from "../testing/bytes-read.js";
import { Random, TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { limits } from "./limits.js";
import type { RecordBatch } from "./types.js";

const DIMENSION = 256;
const RECORDS = 4000;
const ROW_BYTES = DIMENSION * 4;
const K = 10;

function records(from: number, to: number): RecordBatch {
  const random = new Random(from + 1);
  const ids = Array.from({ length: to - from }, (_, i) => `r${from + i}`);
  const values = Float32Array.from({ length: ids.length * DIMENSION }, () => random.next() - 0.5);
  return { ids, embeddings: { dimension: DIMENSION, values, present: null }, documents: null, metadatas: null, uris: null };
}

/** A compacted collection whose rows take 4 MB in several blocks, just opened, and what queries read of them. */
class Reopened {
  readonly environment = new TestEnvironment();
  engine!: Engine;
  #collectionId!: string;
  #reads!: () => { count: number; bytes: number };
  #seed = 0;

  static async open(memoryBudgetBytes?: number): Promise<Reopened> {
    const reopened = new Reopened();
    const storage = new FaultInjectingStorage();
    await reopened.#fill(await openedEngine(storage));
    const again = storage.reopen();
    reopened.engine = await openedEngine(again, { environment: reopened.environment, options: { memoryBudgetBytes } });
    await reopened.engine.service.count({ collectionId: reopened.#collectionId });
    reopened.#reads = countReads(again);
    return reopened;
  }

  async #fill(engine: Engine): Promise<void> {
    const scope = { tenant: "default_tenant", database: "default_database", name: "things", metadata: null };
    const { id } = await engine.service.createCollection({ ...scope, configuration: {}, getOrCreate: false });
    this.#collectionId = id;
    for (let from = 0; from < RECORDS; from += 1000) {
      await engine.service.write({ collectionId: id, operation: "add", records: records(from, from + 1000) });
    }
    await engine.compact(id);
  }

  /** What a query reads that nobody has asked before. */
  async ask(): Promise<{ count: number; bytes: number }> {
    const before = this.#reads();
    const random = new Random(++this.#seed * 1_000_003);
    const values = Float32Array.from({ length: DIMENSION }, () => random.next() - 0.5);
    const collectionId = this.#collectionId;
    const { ids } = await this.engine.service.query({
      collectionId,
      queryEmbeddings: { dimension: DIMENSION, values },
      nResults: K,
      include: [],
    });
    expect(ids).toHaveLength(K);
    return since(before, this.#reads());
  }

  async askAfter(ms: number): Promise<{ count: number; bytes: number }> {
    await this.pause(ms);
    return this.ask();
  }

  /** What is read when nobody asks, or for a shorter time. */
  async pause(ms = limits.rowReadingIdleMs): Promise<{ count: number; bytes: number }> {
    const before = this.#reads();
    this.environment.advance(ms);
    do for (let turn = 0; turn < 5; turn++) await this.environment.yieldToEventLoop();
    while ((await this.engine.service.info()).compacting);
    return since(before, this.#reads());
  }
}

function since(before: { count: number; bytes: number }, after: { count: number; bytes: number }): { count: number; bytes: number } {
  return { count: after.count - before.count, bytes: after.bytes - before.bytes };
}

test("a query reads few rows; once none reads any more, the rest is read ahead, and others read nothing", async () => {
  const reopened = await Reopened.open();
  expect((await reopened.pause()).count).toBe(0);
  const first = await reopened.ask();
  expect(first.count).toBeGreaterThan(0);
  expect(first.count).toBeLessThan(4 * K);
  expect(first.bytes).toBeLessThanOrEqual(first.count * 2 * limits.rowAheadBytes);
  const second = await reopened.askAfter(limits.rowReadingIdleMs - 1);
  expect((await reopened.pause(1)).count).toBe(0);
  const ahead = await reopened.pause();
  expect(ahead.bytes + second.bytes + first.bytes).toBeGreaterThan(RECORDS * ROW_BYTES);
  // Many pages at once, but around those that were there.
  expect(ahead.count).toBeLessThanOrEqual(2 * Math.ceil((RECORDS * ROW_BYTES) / limits.rowReadingBytes) + first.count + second.count);
  for (let query = 0; query < 20; query++) expect((await reopened.ask()).count).toBe(0);
});

test("what is read ahead leaves room for what is asked for", async () => {
  const blockCacheBytes = 2 * 1024 * 1024;
  const reopened = await Reopened.open(2 * blockCacheBytes);
  await reopened.ask();
  const ahead = await reopened.pause();
  expect(ahead.bytes).toBeGreaterThan(0);
  expect(ahead.bytes).toBeLessThan(0.75 * blockCacheBytes);
  await reopened.ask();
  expect((await reopened.pause()).count).toBe(0);
});

test("fingerprints of ids are read when one is first asked for, once, also of blocks that have gaps", async () => {
  const storage = new FaultInjectingStorage();
  const scope = { tenant: "default_tenant", database: "default_database", name: "things", metadata: null };
  const filled = await openedEngine(storage);
  const { id: collectionId } = await filled.service.createCollection({ ...scope, configuration: {}, getOrCreate: false });
  for (let from = 0; from < RECORDS; from += 1000) {
    await filled.service.write({ collectionId, operation: "add", records: records(from, from + 1000) });
  }
  await filled.service.delete({ collectionId, ids: ["r1", "r2500"] });
  await filled.compact(collectionId);

  const { service } = await openedEngine(storage.reopen());
  expect(await service.count({ collectionId })).toBe(RECORDS - 2);
  const idBytes = async (): Promise<number> => (await service.info()).memory.ids;
  expect(await idBytes()).toBeLessThan(RECORDS);
  const get = (...ids: string[]) => service.get({ collectionId, ids, include: [] });
  const add = service.write({ collectionId, operation: "add", records: records(RECORDS - 1, RECORDS + 2) });
  const [some, gone] = await Promise.all([get("r0", "r2499", "r3999"), get("r1", "r2500"), add]);
  expect([some.ids, gone.ids]).toEqual([["r0", "r2499", "r3999"], []]);
  const indexed = await idBytes();
  expect(indexed).toBeGreaterThan(8 * RECORDS);
  await service.delete({ collectionId, ids: ["r0", "r4000"] });
  expect((await get("r0", "r3999", "r4000", "r4001")).ids).toEqual(["r3999", "r4001"]);
  expect([await service.count({ collectionId }), await idBytes()]).toEqual([RECORDS - 2, indexed]);
});
