/** An origin in which nothing fits any more: everything can be read, room can be made, and then writes go on. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Engine } from "../core/engine.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import { limits } from "../core/limits.js";
import type { OpenOptions } from "../core/service.js";
import { TestEnvironment } from "../testing/environment.js";
import { installFakeFileSystem } from "../testing/fake-file-system.js";
import { FullOrigin } from "../testing/full-origin.js";
import { destroyStorage, openStorage } from "./open-storage.js";

const scope = { tenant: "default_tenant", database: "default_database" };

let origin: FullOrigin;
let environment: TestEnvironment;

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  origin = new FullOrigin();
  installFakeFileSystem(origin.root);
  environment = new TestEnvironment();
});

afterEach(() => origin.end());

describe.each(["opfs", "indexeddb"] as const)("a full origin, %s", (kind) => {
  const options: OpenOptions = { path: "db", storage: kind, durability: "strict", allowReset: true };

  async function open(): Promise<Engine> {
    const storage = await openStorage(options, { now: () => environment.now() });
    const directory = origin.root.directories.get("tidepool")?.directories.get("db");
    if (directory !== undefined) origin.watch(directory);
    return Engine.open({ storage, kernel: referenceKernel, environment, options });
  }

  async function create(engine: Engine, name = "things"): Promise<string> {
    return (await engine.service.createCollection({ ...scope, name, metadata: null, configuration: {}, getOrCreate: true })).id;
  }

  async function write(engine: Engine, collectionId: string, id: string, length = 100_000): Promise<void> {
    const records = { ids: [id], embeddings: { dimension: 2, values: Float32Array.of(1, 2), present: null }, uris: null, metadatas: null };
    await engine.service.write({ collectionId, operation: "upsert", records: { ...records, documents: [id.padEnd(length, "x")] } });
  }

  /** A database with something in blocks and more in the log, whose origin takes nothing more. Answers the ids that it holds. */
  async function fill(engine: Engine, collectionId: string): Promise<string[]> {
    const ids: string[] = [];
    for (let i = 0; i < 10; i++) {
      await write(engine, collectionId, `block ${i}`);
      ids.push(`block ${i}`);
    }
    environment.advance(120_000);
    await engine.compact(collectionId);
    origin.quotaBytes = origin.usedBytes + 1_000_000;
    for (let i = 0; ; i++) {
      try {
        await write(engine, collectionId, `log ${i}`);
      } catch (error) {
        expect(error).toMatchObject({ code: "QUOTA_EXCEEDED" });
        break;
      }
      ids.push(`log ${i}`);
    }
    // Nothing that a delete would need either.
    origin.quotaBytes = origin.usedBytes;
    return ids;
  }

  const idsIn = async (engine: Engine, collectionId: string) =>
    (await engine.service.get({ collectionId, include: ["documents", "embeddings"] })).ids;

  test("refuses writes, reads everything, also after reopening", async () => {
    let engine = await open();
    const collectionId = await create(engine);
    const ids = await fill(engine, collectionId);
    await expect(write(engine, collectionId, "more")).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    expect(await idsIn(engine, collectionId)).toEqual(ids);
    await engine.close();
    engine = await open();
    expect(await idsIn(engine, collectionId)).toEqual(ids);
    await engine.close();
  });

  test("deletes records, compacts the deletions, and takes writes again", async () => {
    let engine = await open();
    const collectionId = await create(engine);
    const ids = await fill(engine, collectionId);
    const kept = ids.filter((_, i) => i % 5 === 0);
    const gone = ids.filter((_, i) => i % 5 !== 0);
    expect(await engine.service.delete({ collectionId, ids: gone })).toEqual({ deleted: gone.length });
    await engine.compact(collectionId);
    expect(await engine.service.info()).toMatchObject({ logRecords: 0, unpublished: 0, compactionError: null });
    expect(origin.usedBytes).toBeLessThan(origin.quotaBytes);
    expect(await idsIn(engine, collectionId)).toEqual(kept);
    await write(engine, collectionId, "new");
    await engine.close();
    engine = await open();
    expect(await idsIn(engine, collectionId)).toEqual([...kept, "new"]);
    await engine.close();
  });

  test("drops a collection, after which others take writes and the reserve is back", async () => {
    const engine = await open();
    const [full, other] = [await create(engine), await create(engine, "other")];
    await fill(engine, full);
    await engine.service.deleteCollection({ ...scope, name: "things" });
    // The reserve is put back between the two.
    for (const id of ["a", "a"]) await write(engine, other, id);
    origin.quotaBytes = origin.usedBytes;
    await expect(write(engine, other, "b")).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    expect(await engine.service.delete({ collectionId: other, ids: ["a"] })).toEqual({ deleted: 1 });
    await engine.close();
  });

  test("is reset, and used again", async () => {
    const engine = await open();
    await fill(engine, await create(engine));
    await engine.service.reset();
    const collectionId = await create(engine);
    await write(engine, collectionId, "new");
    expect(await idsIn(engine, collectionId)).toEqual(["new"]);
    await engine.close();
  });

  test.each([0, 5_000_000])("is destroyed, though %d bytes more are stored than may be", async (over) => {
    let engine = await open();
    await fill(engine, await create(engine));
    await engine.close();
    origin.quotaBytes -= over;
    await destroyStorage("db");
    expect(await indexedDB.databases()).toEqual([]);
    expect(origin.root.directories.get("tidepool")?.directories.size ?? 0).toBe(0);
    origin.quotaBytes = Infinity;
    engine = await open();
    expect(await engine.service.listCollections(scope)).toEqual([]);
    await engine.close();
  });

  test("keeps the reserve that the limit names", async () => {
    const engine = await open();
    const collectionId = await create(engine);
    for (const id of ["a", "b"]) await write(engine, collectionId, id, 10);
    const database = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open("tidepool:db");
      request.onsuccess = () => resolve(request.result);
    });
    const reserve = await new Promise<Uint8Array>((resolve) => {
      const request = database.transaction(["blobs"]).objectStore("blobs").get([-1, 0]);
      request.onsuccess = () => resolve(request.result as Uint8Array);
    });
    expect(reserve.byteLength).toBe(limits.reserveBytes);
    database.close();
    await engine.close();
  });
});
