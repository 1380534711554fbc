/** Site data that is cleared while a database is open, and browsers that store nothing or answer nothing. */
import { forceCloseDatabase, IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { openDB } from "idb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { OpenOptions } from "../core/service.js";
import type { Storage } from "../core/storage.js";
import { FakeDirectory, installFakeFileSystem } from "../testing/fake-file-system.js";
import { gate, turns } from "../testing/gate.js";
import { pattern } from "../testing/storage-conformance.js";
import { bounded } from "./bounded.js";
import { destroyStorage, openStorage } from "./open-storage.js";

let root: FakeDirectory;
let now: number;
beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  installFakeFileSystem((root = new FakeDirectory()));
  now = 0;
});

afterEach(() => vi.restoreAllMocks());

const options = (storage: OpenOptions["storage"]): OpenOptions => ({ path: "db", storage, durability: "strict", allowReset: false });
const directory = (): FakeDirectory => root.directories.get("tidepool")!.directories.get("db")!;
const entry = (offset: number) => ({ collectionId: "a", offset, bytes: pattern(10) });

async function open(storage: OpenOptions["storage"] = "auto"): Promise<{ opened: Storage; losses: TidepoolError[] }> {
  const losses: TidepoolError[] = [];
  const tenure = { predecessors: async () => null, lost: (error: TidepoolError) => void losses.push(error) };
  const opened = await openStorage(options(storage), { now: () => now }, tenure);
  await opened.blobs.retain([]);
  return { opened, losses };
}

describe("files that are cleared", () => {
  const evicted = { code: "DATA_EVICTED", details: { path: "db", lost: "opfs" } };

  test("are noticed before anything relies on them, and told once; nothing is written after that", async () => {
    const { opened, losses } = await open();
    await opened.blobs.write(pattern(10));
    directory().files.clear();
    await expect(opened.blobs.flush()).rejects.toMatchObject(evicted);
    await expect(opened.log.append([entry(1)])).rejects.toMatchObject({ code: "DATA_EVICTED" });
    expect(losses).toHaveLength(1);
  });

  test("are noticed by who only writes to the log, soon", async () => {
    const { opened, losses } = await open();
    directory().files.clear();
    await opened.log.append([entry(1)]);
    expect(losses).toEqual([]);
    now += limits.filesCheckMs;
    await opened.log.append([entry(2)]).catch(() => undefined);
    await turns();
    expect(losses).toMatchObject([evicted]);
  });

  test("do not hold up closing: their handles are left alone", async () => {
    const { opened } = await open();
    const files = [...directory().files.values()].filter(({ openHandles }) => openHandles > 0);
    directory().files.clear();
    await opened.close();
    expect(files.map(({ openHandles }) => openHandles)).toEqual([1, 1]);
    const again = await open();
    await again.opened.close();
    expect(directory().openHandles).toBe(0);
  });
});

/** Closes connections as the browser does, which only tells them. */
async function closeConnections(work: () => Promise<{ opened: Storage; losses: TidepoolError[] }>) {
  const connections: IDBDatabase[] = [];
  const transaction = IDBDatabase.prototype.transaction;
  vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementation(function (this: IDBDatabase, ...args) {
    connections.push(this);
    return transaction.apply(this, args);
  });
  const made = await work();
  return { ...made, terminate: () => forceCloseDatabase(connections.at(-1)! as never) };
}

describe("a connection that the browser closes", () => {
  test("is lost, and can be opened again, when the data is there still", async () => {
    const { opened, losses, terminate } = await closeConnections(() => open("indexeddb"));
    terminate();
    await expect(opened.log.append([entry(1)])).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    await vi.waitFor(() => expect(losses).toMatchObject([{ code: "CONNECTION_LOST" }]));
    await (await open("indexeddb")).opened.log.append([entry(1)]);
  });

  test("is told as eviction when the data is gone", async () => {
    const { losses, terminate } = await closeConnections(() => open("indexeddb"));
    globalThis.indexedDB = new IDBFactory();
    terminate();
    await vi.waitFor(() => expect(losses).toMatchObject([{ code: "DATA_EVICTED", details: { lost: "indexeddb" } }]));
  });
});

test("who opens is told whether the database was created, once", async () => {
  let created = 0;
  const tenure = { predecessors: async () => null, lost: () => undefined, created: () => void created++ };
  for (let time = 0; time < 2; time++) await (await openStorage(options("auto"), { now: () => 0 }, tenure)).close();
  expect(created).toBe(1);
});

describe("a browser that does not answer", () => {
  test("is waited for as long as the limit says", async () => {
    const { held, open: answer } = gate();
    await expect(bounded(held, "open it", 1)).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      message: "Could not open it: the browser has not answered within 1 ms",
    });
    answer();
    expect(await bounded(Promise.resolve(1), "open it")).toBe(1);
  });
});

describe("a browser that stores nothing here", () => {
  const refusal = { code: "NOT_SUPPORTED", message: expect.stringMatching(/site data may be blocked.*memory/) };
  const names = ["SecurityError", "UnknownError", "InvalidStateError"];

  function refuseFiles(name: string): void {
    const storage = { getDirectory: () => Promise.reject(new DOMException("no", name)) };
    Object.defineProperty(globalThis, "navigator", { value: { storage }, configurable: true });
  }

  function refuseDatabases(name: string): void {
    Object.defineProperty(globalThis, "indexedDB", {
      configurable: true,
      get: () => {
        throw new DOMException("no", name);
      },
    });
  }

  afterEach(() => Object.defineProperty(globalThis, "indexedDB", { configurable: true, writable: true, value: new IDBFactory() }));

  test.each(names)("is NOT_SUPPORTED where the property itself throws %s, and memory works", async (name) => {
    refuseFiles(name);
    refuseDatabases(name);
    for (const storage of ["auto", "opfs", "indexeddb"] as const) {
      await expect(openStorage(options(storage), { now: () => 0 })).rejects.toMatchObject(refusal);
    }
    await expect(destroyStorage("db")).rejects.toMatchObject(refusal);
    expect((await openStorage(options("memory"), { now: () => 0 })).kind).toBe("memory");
  });

  test.each([null, undefined])("is NOT_SUPPORTED where indexedDB is %s", async (value) => {
    Object.defineProperty(globalThis, "indexedDB", { configurable: true, writable: true, value });
    await expect(openStorage(options("auto"), { now: () => 0 })).rejects.toMatchObject(refusal);
  });

  test.each(names)("is NOT_SUPPORTED where opening fails with %s", async (name) => {
    vi.spyOn(indexedDB, "open").mockImplementation(() => {
      throw new DOMException("no", name);
    });
    await expect(openStorage(options("auto"), { now: () => 0 })).rejects.toMatchObject(refusal);
  });

  test.each(names)("keeps blocks in IndexedDB where only files are refused with %s, as in a private session", async (name) => {
    refuseFiles(name);
    for (const storage of ["auto", "indexeddb"] as const) {
      const opened = await openStorage(options(storage), { now: () => 0 });
      expect(opened.kind).toBe("indexeddb");
      await opened.close();
    }
    await destroyStorage("db");
    await expect(openStorage({ ...options("opfs"), path: "other" }, { now: () => 0 })).rejects.toMatchObject(refusal);
  });

  test("says so of a database whose blocks lie in files", async () => {
    await (await open("opfs")).opened.close();
    refuseFiles("UnknownError");
    await expect(openStorage(options("auto"), { now: () => 0 })).rejects.toMatchObject(refusal);
    expect((await openDB("tidepool:db")).objectStoreNames).toContain("catalog");
  });
});
