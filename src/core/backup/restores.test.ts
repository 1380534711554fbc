/** Restores die, or fail, at every point at which they touch the storage: what is found then is all of the backup or nothing. */
import { describe, expect, test } from "vitest";
import { Random, TestEnvironment } from "../../testing/environment.js";
import { type CrashVariant, FaultInjectingStorage, type FaultOptions } from "../../testing/fault-injecting-storage.js";
import { turns } from "../../testing/gate.js";
import { concat } from "../base/concat.js";
import { type Engine, Engine as EngineClass } from "../engine.js";
import { referenceKernel } from "../index/vector/reference-kernel.js";
import type { Storage } from "../storage.js";

const SETTLE_MS = 60_000;
const scope = { tenant: "default_tenant", database: "default_database" };

function open(storage: Storage, environment: TestEnvironment): Promise<Engine> {
  const options = { path: "restored", storage: "memory", durability: "strict", allowReset: false } as const;
  return EngineClass.open({ storage, kernel: referenceKernel, environment, options });
}

async function write(engine: Engine, collectionId: string, from: number, to: number): Promise<void> {
  const ids = Array.from({ length: to - from }, (_, i) => `r${from + i}`);
  const embeddings = { dimension: 8, values: new Random(from).vector(ids.length * 8), present: null };
  const documents = ids.map((id) => `${id} and the tide`.padEnd(300));
  await engine.service.write({ collectionId, operation: "upsert", records: { ids, embeddings, documents, metadatas: null, uris: null } });
}

/** What a database tells of its records. */
async function told(engine: Engine): Promise<unknown[]> {
  const collections = await engine.service.listCollections(scope);
  return Promise.all(
    collections.map(async ({ id, name }) => [name, await engine.service.get({ collectionId: id, include: ["documents", "embeddings"] })]),
  );
}

/** Two collections, one of them with a log beside its segments; their file, and what they tell. */
async function backup(): Promise<{ file: Uint8Array; content: unknown[] }> {
  const engine = await open(new FaultInjectingStorage(), new TestEnvironment());
  for (const name of ["one", "two"]) {
    const { id } = await engine.service.createCollection({ ...scope, name, metadata: null, configuration: {}, getOrCreate: false });
    await write(engine, id, 0, 120);
    await engine.compact(id);
    if (name === "two") continue;
    await engine.service.delete({ collectionId: id, ids: ["r3"] });
    await write(engine, id, 100, 160);
  }
  const { snapshot } = await engine.service.beginBackup({ versions: false });
  const pieces: Uint8Array[] = [];
  for (let at = 0; ; at++) {
    const { bytes } = await engine.service.readBackup({ snapshot, at });
    // An answer that was lost is asked for again.
    expect((await engine.service.readBackup({ snapshot, at })).bytes).toEqual(bytes);
    if (bytes === null) break;
    pieces.push(bytes);
  }
  const content = await told(engine);
  await engine.close();
  return { file: concat(Uint8Array, pieces), content };
}

/** The clock goes on as long as it takes. */
async function untilSettled<T>(environment: TestEnvironment, work: Promise<T>): Promise<T> {
  let isOver = false;
  const watched = work.finally(() => (isOver = true));
  watched.catch(() => undefined);
  while (!isOver) {
    environment.advance(1000);
    await turns();
  }
  return watched;
}

async function restore(engine: Engine, environment: TestEnvironment, file: Uint8Array): Promise<void> {
  const { restore } = await engine.service.beginRestore({ mode: "new" });
  for (let at = 0; at < file.length; at += 10_000) await engine.service.feedRestore({ restore, at, bytes: file.slice(at, at + 10_000) });
  await untilSettled(environment, engine.service.endRestore({ restore }));
}

function storageOf(environment: TestEnvironment, options: FaultOptions = {}): FaultInjectingStorage {
  return new FaultInjectingStorage({ now: () => environment.now(), arenaSettleMs: SETTLE_MS, arenaBytes: 64 * 1024, ...options });
}

describe("a restore", () => {
  test.each(["before", "after", "torn"] as CrashVariant[])("that dies %s any durability point leaves all or nothing", async (variant) => {
    const { file, content } = await backup();
    const rehearsal = new TestEnvironment();
    const rehearsed = storageOf(rehearsal);
    const engine = await open(rehearsed, rehearsal);
    const opening = rehearsed.syncs;
    await restore(engine, rehearsal, file);
    const { syncs } = rehearsed;
    await engine.close();
    expect(syncs).toBeGreaterThan(opening);
    for (let at = opening + 1; at <= syncs; at++) {
      const environment = new TestEnvironment();
      const storage = storageOf(environment, { crash: { at, variant }, seed: at });
      const dying = await open(storage, environment);
      let isDone = false;
      await restore(dying, environment, file).then(
        () => (isDone = true),
        () => expect(storage.ended).toBe(true),
      );
      const again = await open(storage.reopen({ arenaBytes: 64 * 1024 }), environment);
      const found = await told(again);
      expect([[], content]).toContainEqual(found);
      if (isDone) expect(found).toEqual(content);
      if (found.length === 0) {
        expect((await again.service.info()).blockBytesUsed).toBe(0);
        await restore(again, environment, file);
        expect(await told(again)).toEqual(content);
      }
      expect((await again.service.verifyCatalog()).isSound).toBe(true);
      await again.close();
    }
  });

  test("that a storage fails anywhere changes nothing, and can be begun again", async () => {
    const { file, content } = await backup();
    const rehearsal = new TestEnvironment();
    const rehearsed = storageOf(rehearsal);
    const engine = await open(rehearsed, rehearsal);
    const opening = rehearsed.changes;
    await restore(engine, rehearsal, file);
    const { changes } = rehearsed;
    await engine.close();
    for (let at = opening + 1; at <= changes; at++) {
      const environment = new TestEnvironment();
      const failing = await open(storageOf(environment, { fail: { at, error: "quota" } }), environment);
      const { restore: name } = await failing.service.beginRestore({ mode: "new" });
      const feed = async (): Promise<void> => {
        await failing.service.feedRestore({ restore: name, at: 0, bytes: file });
        await untilSettled(environment, failing.service.endRestore({ restore: name }));
      };
      await expect(feed(), `change ${at}`).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
      await failing.service.abortRestore({ restore: name });
      expect(await told(failing)).toEqual([]);
      expect((await failing.service.info()).blockBytesUsed).toBe(0);
      await restore(failing, environment, file);
      expect(await told(failing)).toEqual(content);
      await failing.close();
    }
  });

  test("that nobody goes on with gives back what it has written", async () => {
    const { file } = await backup();
    const environment = new TestEnvironment();
    const engine = await open(storageOf(environment), environment);
    const { restore: name } = await engine.service.beginRestore({ mode: "new" });
    await engine.service.feedRestore({ restore: name, at: 0, bytes: file.slice(0, file.length - 10) });
    expect((await engine.service.info()).blockBytesUsed).toBeGreaterThan(0);
    environment.advance(600_000);
    await turns();
    expect((await engine.service.info()).blockBytesUsed).toBe(0);
    const late = engine.service.feedRestore({ restore: name, at: file.length - 10, bytes: file.slice(-10) });
    await expect(late).rejects.toMatchObject({ code: "STALE_READ" });
    await engine.close();
  });

  test("happens once, also when its last call is asked again", async () => {
    const { file, content } = await backup();
    const environment = new TestEnvironment();
    const engine = await open(storageOf(environment), environment);
    const { restore: name } = await engine.service.beginRestore({ mode: "new" });
    await engine.service.feedRestore({ restore: name, at: 0, bytes: file.slice(0, 5000) });
    await engine.service.feedRestore({ restore: name, at: 0, bytes: file });
    await engine.service.feedRestore({ restore: name, at: 0, bytes: file });
    const caller = { token: null, clientId: "c", requestId: "c-1" };
    await untilSettled(environment, engine.service.endRestore({ restore: name }, caller));
    await engine.service.endRestore({ restore: name }, caller);
    expect(await told(engine)).toEqual(content);
    await engine.close();
  });
});
