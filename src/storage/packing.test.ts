/** Space that is reserved and not used is given back by moving blocks, and nothing is lost or changed by that. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Engine } from "../core/engine.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import { limits } from "../core/limits.js";
import type { EngineInfo, OpenOptions } from "../core/service.js";
import { TestEnvironment } from "../testing/environment.js";
import { FakeDirectory, installFakeFileSystem } from "../testing/fake-file-system.js";
import { openStorage } from "./open-storage.js";

const scope = { tenant: "default_tenant", database: "default_database" };
const KiB = 1024;
const arenaLimits = { arenaBytesMin: 16 * KiB, arenaBytesMax: 1024 * KiB, arenaReserveBytes: 0, arenaSettleMs: 60_000, arenaSpreadMax: 2 };

let environment: TestEnvironment;
let engine: Engine;

beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  installFakeFileSystem(new FakeDirectory());
  environment = new TestEnvironment();
});

afterEach(() => engine.close());

async function open(retainVersions = 1): Promise<void> {
  const options: OpenOptions = { path: "db", storage: "opfs", durability: "strict", allowReset: false, retainVersions };
  const storage = await openStorage(options, { now: () => environment.now() }, undefined, arenaLimits);
  engine = await Engine.open({ storage, kernel: referenceKernel, environment, options });
}

async function create(name: string): Promise<string> {
  return (await engine.service.createCollection({ ...scope, name, metadata: null, configuration: {}, getOrCreate: true })).id;
}

/** Records whose documents hardly fit a block, so that a collection has about as many blocks. */
async function write(collectionId: string, from: number, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, i) => `r${from + i}`);
  const embeddings = { dimension: 2, values: Float32Array.from({ length: 2 * count }, (_, i) => from + (i >> 1)), present: null };
  const documents = ids.map((id) => id.padEnd(20 * KiB, `${id} `));
  await engine.service.write({ collectionId, operation: "upsert", records: { ids, embeddings, documents, uris: null, metadatas: null } });
  await engine.compact(collectionId);
}

/** Lets background work begin whose time has come, and waits for it. */
async function pause(ms: number): Promise<EngineInfo> {
  environment.advance(ms);
  for (;;) {
    await environment.yieldToEventLoop();
    const info = await engine.service.info();
    if (!info.compacting) return info;
    environment.advance(limits.compactionIdleMs);
  }
}

/** A large collection below a small one; the large one is gone. */
async function spread(): Promise<{ kept: string; before: EngineInfo }> {
  const [large, kept] = [await create("large"), await create("small")];
  await write(large, 0, 40);
  await write(kept, 0, 4);
  await pause(limits.arenaSettleMs);
  await engine.service.deleteCollection({ ...scope, name: "large" });
  return { kept, before: await engine.service.info() };
}

const contentOf = async (collectionId: string, version?: number) =>
  engine.service.get({ collectionId, include: ["documents", "embeddings"], ...(version !== undefined && { version }) });

test("a small collection behind a large one that is gone is moved, stays the same version, and is found after reopening", async () => {
  await open();
  const { kept, before } = await spread();
  const content = await contentOf(kept);
  expect(before.blockBytesReserved).toBeGreaterThan(3 * before.blockBytesUsed);
  const versions = await engine.service.listVersions({ collectionId: kept });
  const after = await pause(limits.compactionIdleMs);
  expect(after.compactionError).toBeNull();
  expect(after.blockBytesReserved).toBeLessThan(2 * after.blockBytesUsed);
  expect(after.blockBytesUsed).toBe(before.blockBytesUsed);
  expect(await contentOf(kept)).toEqual(content);
  expect(await engine.service.listVersions({ collectionId: kept })).toEqual(versions);
  await engine.close();
  await open();
  expect(await contentOf(kept)).toEqual(content);
  expect((await engine.service.verifyCatalog()).findings).toEqual([]);
  expect((await engine.service.verifyCollection({ collectionId: kept, deep: true })).findings).toEqual([]);
});

test("blocks that a fork shares stay where both find them", async () => {
  await open();
  const { kept } = await spread();
  const fork = (await engine.service.forkCollection({ collectionId: kept, name: "fork" })).id;
  const before = await engine.service.info();
  const after = await pause(limits.compactionIdleMs);
  expect(after.blockBytesReserved).toBe(before.blockBytesReserved);
  expect(await contentOf(fork)).toEqual(await contentOf(kept));
  await engine.service.deleteCollection({ ...scope, name: "small" });
  await write(fork, 100, 1);
  const packed = await pause(limits.compactionIdleMs);
  expect(packed.blockBytesReserved).toBeLessThan(3 * packed.blockBytesUsed);
  await engine.close();
  await open();
  expect((await contentOf(fork)).ids).toEqual(["r0", "r1", "r2", "r3", "r100"]);
});
