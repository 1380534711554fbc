/** A worker on standby opens collections ahead while another engine writes, and goes on from there only with what is still so. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { beforeEach, describe, expect, test } from "vitest";
import { Engine } from "../core/engine.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import { limits } from "../core/limits.js";
import type { OpenOptions } from "../core/service.js";
import { type ReadableStorage, Standby } from "../core/standby.js";
import type { Storage } from "../core/storage.js";
import { TestEnvironment } from "../testing/environment.js";
import { FakeDirectory, installFakeFileSystem } from "../testing/fake-file-system.js";
import { destroyStorage, openStorage } from "./open-storage.js";
import { openReadableStorage } from "./readable-storage.js";

const scope = { tenant: "default_tenant", database: "default_database" };
const settleMs = limits.arenaSettleMs + 1;

let environment: TestEnvironment;
let root: FakeDirectory;
beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  installFakeFileSystem((root = new FakeDirectory()));
  environment = new TestEnvironment();
});

describe.each(["opfs", "indexeddb"] as const)("over %s", (kind) => {
  const options: OpenOptions = { path: "db", storage: kind, durability: "strict", allowReset: false };

  interface Opened {
    engine: Engine;
    /** Bytes that were read of blocks. */
    read(): number;
  }

  async function open(standby?: Standby): Promise<Opened> {
    const storage = await openStorage(options, { now: () => environment.now() });
    let read = 0;
    const blobs = new Proxy(storage.blobs, {
      get: (target, name: keyof Storage["blobs"]) => {
        const method = (target[name] as (...args: unknown[]) => unknown).bind(target);
        if (name !== "read") return method;
        return async (ranges: Parameters<Storage["blobs"]["read"]>[0]) => {
          read += ranges.reduce((sum, { length }) => sum + length, 0);
          return method(ranges);
        };
      },
    });
    const { log, catalog } = storage;
    const whole: Storage = { kind, log, catalog, blobs, close: () => storage.close(), destroy: () => storage.destroy() };
    const ahead = standby?.ahead;
    return { engine: await Engine.open({ storage: whole, kernel: referenceKernel, environment, options, ahead }), read: () => read };
  }

  async function write({ engine }: Opened, from: number, to: number): Promise<string> {
    const { id } = await engine.service.createCollection({ ...scope, name: "notes", metadata: null, configuration: {}, getOrCreate: true });
    const ids = Array.from({ length: to - from }, (_, i) => `r${from + i}`);
    const values = Float32Array.from({ length: 2 * ids.length }, (_, i) => from + (i >> 1));
    const embeddings = { dimension: 2, values, present: null };
    const records = { ids, embeddings, documents: ids, metadatas: null, uris: null };
    await engine.service.write({ collectionId: id, operation: "upsert", records });
    return id;
  }

  async function publish({ engine }: Opened, id: string): Promise<void> {
    environment.advance(settleMs);
    await engine.compact(id);
  }

  let done = (): void => undefined;

  async function standBy(): Promise<Standby> {
    const standby = new Standby({ open: look, kernel: Promise.resolve(referenceKernel), environment, options });
    await refresh(standby);
    return standby;
  }

  async function look(): Promise<ReadableStorage | null> {
    const storage = await openReadableStorage({ path: "db" });
    const close = (): void => {
      storage?.close();
      done();
    };
    if (storage === null) close();
    return storage && { ...storage, close };
  }

  async function refresh(standby: Standby): Promise<void> {
    const over = new Promise<void>((resolve) => (done = resolve));
    standby.refresh();
    environment.advance(limits.aheadDelayMs);
    await over;
  }

  async function nearest({ engine }: Opened, collectionId: string, n: number): Promise<string[]> {
    const queryEmbeddings = { dimension: 2, values: Float32Array.of(n, n) };
    return (await engine.service.query({ collectionId, queryEmbeddings, nResults: 3, include: [] })).ids.toSorted();
  }

  test("it reads no codes again, and finds what was written since to the log", async () => {
    const first = await open();
    const id = await write(first, 0, 600);
    await publish(first, id);
    const standby = await standBy();
    await write(first, 600, 603);
    await first.engine.service.delete({ collectionId: id, ids: ["r300"] });
    standby.stop();
    await first.engine.close();
    const next = await open(standby);
    expect(await next.engine.service.count({ collectionId: id })).toBe(602);
    // The delete has to make sure of an id, which stands in the one block of ids.
    expect(next.read()).toBeLessThan(600 * 16);
    expect(await nearest(next, id, 602)).toEqual(["r600", "r601", "r602"]);
    expect(await nearest(next, id, 300)).not.toContain("r300");
    await write(next, 603, 700);
    await publish(next, id);
    await next.engine.close();
    const last = await open();
    expect(await last.engine.service.count({ collectionId: id })).toBe(699);
    await last.engine.close();
  });

  test("what was published since is opened anew, unless it has heard of it", async () => {
    const first = await open();
    const id = await write(first, 0, 300);
    await publish(first, id);
    const [stale, told] = [await standBy(), await standBy()];
    await write(first, 300, 600);
    await publish(first, id);
    await refresh(told);
    await first.engine.close();
    for (const [standby, reads] of [
      [stale, true],
      [told, false],
    ] as const) {
      standby.stop();
      const next = await open(standby);
      expect(await next.engine.service.count({ collectionId: id })).toBe(600);
      expect(next.read() > 0).toBe(reads);
      expect(await nearest(next, id, 599)).toContain("r599");
      await next.engine.close();
    }
  });

  test.each([false, true])("what is being opened when the lease comes is opened on, unless it has changed: %s", async (hasChanged) => {
    const first = await open();
    const id = await write(first, 0, 600);
    await publish(first, id);
    const { standby, answer } = await standByHalfway();
    if (hasChanged) {
      await write(first, 600, 700);
      await publish(first, id);
    }
    await first.engine.close();
    standby.stop();
    const next = await open(standby);
    const count = next.engine.service.count({ collectionId: id });
    // What stands where a block was is no affair of whoever reads where blocks lie now.
    answer();
    expect(await count).toBe(hasChanged ? 700 : 600);
    expect(await nearest(next, id, 599)).toContain("r599");
    await next.engine.close();
    const fresh = await open();
    expect(await fresh.engine.service.count({ collectionId: id })).toBe(hasChanged ? 700 : 600);
    expect(await nearest(fresh, id, 599)).toContain("r599");
    if (hasChanged) expect(next.read()).toBeGreaterThanOrEqual(fresh.read());
    else expect(next.read()).toBeLessThan(fresh.read());
    await fresh.engine.close();
  });

  /** It has read ids, and waits for an answer to the next read, which will be of other bytes. */
  async function standByHalfway(): Promise<{ standby: Standby; answer(): void }> {
    let answer = (): void => undefined;
    let reads = 0;
    let hang = (): void => undefined;
    const hangs = new Promise<void>((resolve) => (hang = resolve));
    const lookOnce = async (): Promise<ReadableStorage | null> => {
      const storage = (await openReadableStorage({ path: "db" }))!;
      const read: ReadableStorage["blobs"]["read"] = async (ranges) => {
        if (++reads === 1) return storage.blobs.read(ranges);
        hang();
        await new Promise<void>((resolve) => (answer = resolve));
        return ranges.map(({ length }) => new Uint8Array(length));
      };
      return { ...storage, blobs: { read }, close: () => storage.close() };
    };
    const standby = new Standby({ open: lookOnce, kernel: Promise.resolve(referenceKernel), environment, options });
    standby.refresh();
    environment.advance(0);
    await hangs;
    return { standby, answer: () => answer() };
  }

  test("it decides transactions that began at the one before it by what was written since, there and here", async () => {
    const commit = ({ engine }: Opened, collectionId: string, readToken: number, id: string) => {
      const operations = [{ operation: "delete" as const, ids: [id] }];
      return engine.service.conditionalCommit({ collectionId, readToken, readIds: [id], operations });
    };
    const first = await open();
    const id = await write(first, 0, 300);
    await publish(first, id);
    const standby = await standBy();
    const { readToken } = await first.engine.service.conditionalGet({ collectionId: id, limit: 9, include: [] });
    await write(first, 0, 2);
    standby.stop();
    await first.engine.close();
    const next = await open(standby);
    await expect(commit(next, id, readToken, "r1")).rejects.toMatchObject({ code: "CONFLICT" });
    await write(next, 2, 3);
    await expect(commit(next, id, readToken, "r2")).rejects.toMatchObject({ code: "CONFLICT" });
    await commit(next, id, readToken, "r3");
    expect(await next.engine.service.count({ collectionId: id })).toBe(299);
    await expect(commit(next, id, readToken - 1, "r4")).rejects.toMatchObject({ code: "STALE_READ" });
    await next.engine.close();
  });

  test("damage is found by whoever opens", async () => {
    const first = await open();
    const id = await write(first, 0, 300);
    await publish(first, id);
    if (kind === "opfs") {
      for (const file of root.directories.get("tidepool")!.directories.get("db")!.files.values()) file.bytes.fill(7);
    } else await emptyBlobs();
    const standby = await standBy();
    await first.engine.close();
    standby.stop();
    const next = await open(standby);
    await expect(next.engine.service.count({ collectionId: id })).rejects.toMatchObject({ code: "CORRUPTION" });
    await next.engine.close();
  });

  test("a database that does not exist is not created by looking, and one that is deleted meanwhile is let go of", async () => {
    await standBy();
    expect(await indexedDB.databases()).toEqual([]);
    expect(root.directories.size).toBe(0);
    await (await open()).engine.close();
    const storage = (await openReadableStorage({ path: "db" }))!;
    await destroyStorage("db");
    await expect(storage.catalog.get("format")).rejects.toMatchObject({ code: "CLOSED" });
  });
});

function emptyBlobs(): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("tidepool:db");
    opening.onsuccess = () => {
      const transaction = opening.result.transaction("blobs", "readwrite");
      const blobs = transaction.objectStore("blobs");
      blobs.openCursor().onsuccess = ({ target }) => {
        const cursor = (target as IDBRequest<IDBCursorWithValue | null>).result;
        if (cursor === null) return;
        cursor.update(new Uint8Array((cursor.value as Uint8Array).length));
        cursor.continue();
      };
      transaction.oncomplete = () => resolve(opening.result.close());
      transaction.onerror = () => reject(transaction.error);
    };
  });
}
