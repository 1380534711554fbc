/** Background work that is asked for at an awkward moment, or fails: it is done all the same, without another write or opening. */
import { expect, test } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { gate, turns } from "../testing/gate.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { TidepoolError } from "./errors.js";
import { limits } from "./limits.js";
import type { RecordBatch } from "./types.js";

/** Records `from … to − 1` with documents; the embedding of record n is [n, n]. */
function records(from: number, to: number, document = "spring tide"): RecordBatch {
  const ids = Array.from({ length: to - from }, (_, i) => `r${from + i}`);
  const values = Float32Array.from({ length: 2 * ids.length }, (_, i) => from + (i >> 1));
  const documents = ids.map((id) => `${id} ${document}`);
  return { ids, embeddings: { dimension: 2, values, present: null }, documents, metadatas: null, uris: null };
}

/** An engine with one collection, whose blocks a test may hold back or refuse. */
class Setting {
  readonly environment = new TestEnvironment();
  readonly storage = new FaultInjectingStorage();
  engine!: Engine;
  collectionId!: string;
  /** Blocks written. */
  blocks = 0;
  beforeBlock: () => Promise<void> = async () => undefined;

  static async open(): Promise<Setting> {
    const setting = new Setting();
    const { storage, environment } = setting;
    const write = storage.blobs.write.bind(storage.blobs);
    storage.blobs.write = async (bytes) => {
      await setting.beforeBlock();
      setting.blocks++;
      return write(bytes);
    };
    setting.engine = await openedEngine(storage, { environment, flatRowsMax: 10 });
    const create = { tenant: "default_tenant", database: "default_database", name: "things", metadata: null, configuration: {} };
    setting.collectionId = (await setting.engine.service.createCollection({ ...create, getOrCreate: true })).id;
    return setting;
  }

  async write(batch: RecordBatch): Promise<void> {
    await this.engine.service.write({ collectionId: this.collectionId, operation: "upsert", records: batch });
  }

  /** Lets background work begin whose time has come, and waits for it. */
  async pause(ms: number): Promise<void> {
    this.environment.advance(ms);
    await turns();
    while ((await this.engine.service.info()).compacting) await turns();
  }

  /** As many segments of text as are merged once nobody writes. */
  async compactOften(): Promise<void> {
    for (let i = 0; i < 4; i++) {
      await this.write(records(i, i + 1));
      await this.engine.compact(this.collectionId);
    }
  }

  logRecords = async (): Promise<number> => (await this.engine.service.info()).logRecords;
}

test("a compaction that is asked for while text of its collection is merged is done after it", async () => {
  const setting = await Setting.open();
  await setting.compactOften();
  const { held, open } = gate();
  setting.beforeBlock = () => held;
  setting.environment.advance(limits.textIdleMs);
  await turns();
  await setting.write(records(5, 6));
  const compacted = setting.engine.compact(setting.collectionId);
  await turns();
  expect(await setting.logRecords()).toBe(1);
  open();
  await compacted;
  expect(await setting.logRecords()).toBe(0);
});

test("what is written while a compaction runs is compacted in the next moment of idleness, if not asked for", async () => {
  const setting = await Setting.open();
  const { held, open } = gate();
  setting.beforeBlock = () => held;
  const long = "x".repeat(1024 * 1024);
  await setting.write(records(0, 26, long));
  await setting.write(records(26, 40, long));
  await turns();
  setting.environment.advance(limits.compactionIdleMs);
  await turns();
  expect(await setting.logRecords()).toBe(2);
  open();
  await setting.pause(0);
  expect(await setting.logRecords()).toBe(0);
});

test("a log that grows by writing the same records again is compacted at once, however little memory they take", async () => {
  const setting = await Setting.open();
  const long = "x".repeat(1024 * 1024);
  const rounds = Math.ceil(limits.compactionLogBytesMax / (4 * long.length));
  for (let i = 0; i < rounds - 1; i++) await setting.write(records(0, 4, long));
  expect(await setting.logRecords()).toBe(rounds - 1);
  await setting.write(records(0, 4, long));
  await setting.pause(0);
  expect(await setting.logRecords()).toBe(0);
});

test("a compaction that was asked for has segments of text merged, though nobody writes after it", async () => {
  const setting = await Setting.open();
  await setting.pause(limits.textIdleMs);
  await setting.compactOften();
  const before = setting.blocks;
  await setting.pause(limits.textIdleMs);
  expect(setting.blocks).toBeGreaterThan(before);
});

test("a graph whose snapshot failed is due again after the next write, however small", async () => {
  const setting = await Setting.open();
  await setting.write(records(0, 60));
  await setting.engine.compact(setting.collectionId);
  await setting.pause(limits.graphIdleMs);
  await setting.write(records(60, 100));
  setting.beforeBlock = () => Promise.reject(new TidepoolError("QUOTA_EXCEEDED", "full"));
  await setting.pause(limits.graphIdleMs);
  expect((await setting.engine.service.info()).compactionError).toMatch(
    /^full\. Compacting collection "things" .* needs at most [1-9]\d+ bytes of free space/,
  );
  setting.beforeBlock = async () => undefined;
  await setting.write(records(100, 101));
  const before = setting.blocks;
  await setting.pause(limits.graphIdleMs);
  expect(setting.blocks).toBeGreaterThan(before);
  // What was saved is not saved again for the next small change.
  await setting.write(records(101, 102));
  const after = setting.blocks;
  await setting.pause(limits.graphIdleMs);
  expect(setting.blocks).toBe(after);
});
