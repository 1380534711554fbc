import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { beforeEach, expect, test, vi } from "vitest";
import type { OpenOptions } from "../core/service.js";
import type { Storage } from "../core/storage.js";
import { FakeDirectory, FakeFile, installFakeFileSystem } from "../testing/fake-file-system.js";
import { openStorage } from "./open-storage.js";
import { storageKey } from "./storage-kind.js";

let root: FakeDirectory;
beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  installFakeFileSystem((root = new FakeDirectory()));
});

const open = (storage: string, path = "db"): Promise<Storage> =>
  openStorage({ path, storage: storage as OpenOptions["storage"], durability: "strict", allowReset: false }, { now: () => 0 });

/** Opens, uses and closes; answers what was in use. */
async function kindOf(storage: string): Promise<string> {
  const opened = await open(storage);
  await opened.blobs.retain([]);
  await opened.close();
  return opened.kind;
}

test("auto is OPFS where its handles work, and IndexedDB where they do not", async () => {
  expect(await kindOf("auto")).toBe("opfs");
  installFakeFileSystem(null);
  const other = await open("auto", "other");
  expect(other.kind).toBe("indexeddb");
});

test("auto tries a handle instead of trusting that the method exists", async () => {
  const create = FakeFile.prototype.createSyncAccessHandle;
  FakeFile.prototype.createSyncAccessHandle = () => Promise.reject(new DOMException("no", "NotSupportedError"));
  try {
    expect(await kindOf("auto")).toBe("indexeddb");
  } finally {
    FakeFile.prototype.createSyncAccessHandle = create;
  }
  expect(await kindOf("auto")).toBe("indexeddb");
});

test("auto does not flee to IndexedDB from a file system that works but fails", async () => {
  const create = FakeFile.prototype.createSyncAccessHandle;
  FakeFile.prototype.createSyncAccessHandle = () => Promise.reject(new DOMException("full", "QuotaExceededError"));
  try {
    await expect(open("auto")).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
  } finally {
    FakeFile.prototype.createSyncAccessHandle = create;
  }
  expect(await kindOf("auto")).toBe("opfs");
});

test("the probe leaves no file behind", async () => {
  await kindOf("auto");
  const directory = root.directories.get("tidepool")!.directories.get("db")!;
  expect([...directory.files.keys()].filter((name) => !name.startsWith("arena-"))).toEqual(["database"]);
});

test("a database stays where it was created, and asking for another place says which", async () => {
  expect(await kindOf("indexeddb")).toBe("indexeddb");
  expect(await kindOf("auto")).toBe("indexeddb");
  await expect(open("opfs")).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(/"indexeddb" or "auto".*"db".*got "opfs"/),
  });
  const other = await open("opfs", "other");
  await other.close();
  await expect(open("indexeddb", "other")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("a database in OPFS is refused where there is no OPFS, never opened empty", async () => {
  expect(await kindOf("opfs")).toBe("opfs");
  installFakeFileSystem(null);
  for (const storage of ["auto", "opfs"]) {
    await expect(open(storage)).rejects.toMatchObject({ code: "NOT_SUPPORTED", message: expect.stringContaining('"db"') });
  }
  await expect(open("opfs", "new")).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
});

test("without IndexedDB nothing persistent opens, and memory only by name", async () => {
  Reflect.deleteProperty(globalThis, "indexedDB");
  await expect(open("auto")).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  expect((await open("memory")).kind).toBe("memory");
});

test("an unreadable or unknown record of the place is corruption, not a first run", async () => {
  const storage = await open("indexeddb");
  await storage.catalog.commit({ put: new Map([[storageKey, Uint8Array.of(123)]]) });
  await storage.close();
  await expect(open("auto")).rejects.toMatchObject({ code: "CORRUPTION" });
});

test("an unknown storage is refused", async () => {
  await expect(open("localstorage")).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining('"localstorage"'),
  });
});

test("a refused opening leaves no connection open", async () => {
  await kindOf("indexeddb");
  const close = vi.spyOn(IDBDatabase.prototype, "close");
  await expect(open("opfs")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(close).toHaveBeenCalledOnce();
  await (await open("auto")).destroy();
  expect(await indexedDB.databases()).toEqual([]);
});
