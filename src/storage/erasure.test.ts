/**
 * What was deleted, replaced or dropped is found in no byte of the arenas after an erasure, and what was not is still read. What
 * the log and the catalog leave behind in files of the browser is looked at in `e2e/erasure.e2e.ts`.
 */
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { beforeEach, expect, test } from "vitest";
import { Engine } from "../core/engine.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import { limits } from "../core/limits.js";
import type { OpenOptions } from "../core/service.js";
import { TestEnvironment } from "../testing/environment.js";
import { FakeDirectory, installFakeFileSystem } from "../testing/fake-file-system.js";
import { turns } from "../testing/gate.js";
import { openDirectoryStorage } from "./directory/directory-storage.js";
import { openStorage } from "./open-storage.js";

const scope = { tenant: "default_tenant", database: "default_database" };
const RECORDS = 400;

let root: FakeDirectory;
let environment: TestEnvironment;

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  installFakeFileSystem((root = new FakeDirectory()));
  environment = new TestEnvironment();
});

function openOptions(retainVersions = 1): OpenOptions {
  return { path: "db", storage: "opfs", durability: "strict", allowReset: false, retainVersions };
}

async function openEngine(retainVersions = 1): Promise<Engine> {
  const options = openOptions(retainVersions);
  const storage = await openStorage(options, { now: () => environment.now() });
  return Engine.open({ storage, kernel: referenceKernel, environment, options });
}

async function create(engine: Engine, name: string): Promise<string> {
  return (await engine.service.createCollection({ ...scope, name, metadata: null, configuration: {}, getOrCreate: true })).id;
}

/** Every record says its mark in its id, document, uri and metadata, and has a vector of its own. */
async function write(engine: Engine, collectionId: string, mark: string, vector: number, count = RECORDS): Promise<void> {
  const numbers = Array.from({ length: count }, (_, i) => i);
  const records = {
    ids: numbers.map((i) => `${mark}id${i}`),
    documents: numbers.map((i) => `${mark}document ${mark}word${i % 7}`),
    uris: numbers.map((i) => `${mark}uri${i}`),
    metadatas: numbers.map((i) => ({ [`${mark}key`]: `${mark}value${i}`, n: i })),
    embeddings: { dimension: 2, values: Float32Array.from({ length: count * 2 }, () => vector), present: null },
  };
  await engine.service.write({ collectionId, operation: "upsert", records });
}

async function settle(engine: Engine): Promise<void> {
  environment.advance(limits.textIdleMs);
  do await turns();
  while ((await engine.service.info()).compacting);
  environment.advance(limits.arenaSettleMs);
  do await turns();
  while ((await engine.service.info()).unpublished > 0);
}

/** A whole vacuum; returns how many versions it left. */
async function vacuum(engine: Engine, erase: boolean): Promise<number> {
  for (let after = 0; ; ) {
    let isDone = false;
    const asked = engine.service.vacuum({ erase, after }).finally(() => (isDone = true));
    // New arenas of this vacuum come of age.
    while (!isDone) {
      environment.advance(1000);
      await turns();
    }
    const step = await asked;
    if (step.after === null) return step.versionsKept;
    after = step.after;
  }
}

function found(needle: string | Uint8Array): number {
  const files = [...root.directories.get("tidepool")!.directories.get("db")!.files.values()];
  return files.filter(({ bytes }) => Buffer.from(bytes).includes(Buffer.from(needle as string))).length;
}

function vectorBytes(vector: number): Uint8Array {
  return new Uint8Array(Float32Array.of(vector, vector).buffer);
}

test("nothing of what was deleted, replaced or dropped stands in any arena, and the rest is as it was", async () => {
  const engine = await openEngine();
  const [kept, dropped] = [await create(engine, "kept"), await create(engine, "dropped")];
  await write(engine, dropped, "dropped", 0.654321, RECORDS * 8);
  // So few that no index is written anew because of them.
  await write(engine, kept, "deleted", 0.123456, RECORDS / 10);
  await write(engine, kept, "stays", 0.25);
  for (const id of [dropped, kept]) await engine.compact(id);
  await settle(engine);
  const needles = ["deleted", "dropped", vectorBytes(0.123456), vectorBytes(0.654321)];
  expect(needles.map(found).every((files) => files > 0)).toBe(true);
  const ids = Array.from({ length: RECORDS / 10 }, (_, i) => `deletedid${i}`);
  await engine.service.delete({ collectionId: kept, ids });
  await engine.service.deleteCollection({ ...scope, name: "dropped" });
  await settle(engine);
  expect(needles.map(found).some((files) => files > 0)).toBe(true);
  expect(await vacuum(engine, true)).toBe(0);
  expect(needles.map(found)).toEqual(needles.map(() => 0));
  const all = await engine.service.get({ collectionId: kept, include: ["documents", "metadatas", "embeddings"] });
  expect([all.ids.length, all.documents![3], all.embeddings!.values[3]]).toEqual([RECORDS, "staysdocument staysword3", 0.25]);
  await engine.close();
  const again = await openEngine();
  expect(await again.service.count({ collectionId: kept })).toBe(RECORDS);
  const { ids: hits } = await again.service.searchText({
    collectionId: kept,
    query: "staysword3",
    nResults: 1,
    prefix: false,
    fuzzy: 0,
    include: [],
  });
  expect(hits).toHaveLength(1);
  await again.close();
});

test("a vacuum without erasing compacts, and gives back what nobody needs", async () => {
  const engine = await openEngine();
  const id = await create(engine, "things");
  await write(engine, id, "a", 1);
  await engine.compact(id);
  await settle(engine);
  await engine.service.delete({ collectionId: id, where: { n: { $gte: 10 } } });
  const { blockBytesReserved } = await engine.service.info();
  await vacuum(engine, false);
  const after = await engine.service.info();
  expect(after).toMatchObject({ logRecords: 0, records: 10 });
  expect(after.blockBytesReserved).toBeLessThan(blockBytesReserved / 4);
  expect(root.bytes + root.directories.get("tidepool")!.directories.get("db")!.bytes).toBeLessThan(blockBytesReserved / 4);
  await engine.close();
});

test("what retained versions hold is kept, and said", async () => {
  const engine = await openEngine(2);
  const id = await create(engine, "things");
  await write(engine, id, "older", 1);
  await engine.compact(id);
  await settle(engine);
  await engine.service.delete({ collectionId: id, where: { n: { $gte: 0 } } });
  expect(await vacuum(engine, true)).toBe(1);
  await engine.close();
});

test("of a directory the journal is written anew as well", async () => {
  const directory = fs.mkdtempSync(join(tmpdir(), "tidepool-erasure-"));
  try {
    const storage = await openDirectoryStorage(directory, { durability: "strict", now: () => environment.now(), lost: () => undefined });
    const engine = await Engine.open({ storage, kernel: referenceKernel, environment, options: openOptions() });
    const [kept, dropped] = [await create(engine, "kept"), await create(engine, "dropped")];
    await write(engine, kept, "deleted", 0.123456, 10);
    await write(engine, kept, "stays", 0.25, 10);
    await write(engine, dropped, "dropped", 0.654321, 10);
    await engine.service.delete({ collectionId: kept, ids: Array.from({ length: 10 }, (_, i) => `deletedid${i}`) });
    await engine.service.deleteCollection({ ...scope, name: "dropped" });
    const foundHere = (needle: string): boolean =>
      fs.readdirSync(directory).some((name) => fs.readFileSync(join(directory, name)).includes(needle));
    expect(["deleted", "dropped", "stays"].map(foundHere)).toEqual([true, true, true]);
    await vacuum(engine, true);
    expect(["deleted", "dropped", "stays"].map(foundHere)).toEqual([false, false, true]);
    expect(await engine.service.count({ collectionId: kept })).toBe(10);
    await engine.close();
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
});
