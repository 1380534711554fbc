/**
 * What is found when the browser drops IndexedDB or OPFS alone, and when creating or destroying a database is interrupted
 * at any step, with and without the loss of power that brings removed files back.
 */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { crc32 } from "../core/base/checksum.js";
import { Engine } from "../core/engine.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import type { OpenOptions } from "../core/service.js";
import { TestEnvironment } from "../testing/environment.js";
import { FakeDirectory, FakeFile, installFakeFileSystem } from "../testing/fake-file-system.js";
import { Database } from "./idb/database.js";
import { destroyStorage, openStorage } from "./open-storage.js";

const scope = { tenant: "default_tenant", database: "default_database" };
const options: OpenOptions = { path: "db", storage: "auto", durability: "strict", allowReset: false };
const create = { ...scope, name: "things", metadata: null, configuration: {}, getOrCreate: true };

let root: FakeDirectory;
let environment: TestEnvironment;

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  installFakeFileSystem((root = new FakeDirectory()));
  environment = new TestEnvironment();
});

afterEach(() => vi.restoreAllMocks());

async function open(storage: OpenOptions["storage"] = "auto"): Promise<Engine> {
  const opened = await openStorage({ ...options, storage }, { now: () => environment.now() });
  try {
    return await Engine.open({ storage: opened, kernel: referenceKernel, environment, options });
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function write(engine: Engine, id: string): Promise<void> {
  const { id: collectionId } = await engine.service.createCollection(create);
  const embeddings = { dimension: 2, values: Float32Array.of(1, 2), present: null };
  await engine.service.write({
    collectionId,
    operation: "upsert",
    records: { ids: [id], embeddings, documents: null, metadatas: null, uris: null },
  });
}

async function readIds(engine: Engine): Promise<string[]> {
  const { id: collectionId } = await engine.service.createCollection(create);
  return (await engine.service.get({ collectionId, include: ["embeddings"] })).ids;
}

/** A database with a published block and a log record after it, closed. */
async function createPublished(): Promise<void> {
  let engine = await open();
  await write(engine, "in-a-block");
  await engine.close();
  // By now the arenas are old enough to be relied upon.
  environment.advance(120_000);
  engine = await open();
  await engine.compact((await engine.service.createCollection(create)).id);
  expect((await engine.service.info()).logRecords).toBe(0);
  await write(engine, "in-the-log");
  await engine.close();
}

function files(): FakeFile[] {
  const directory = root.directories.get("tidepool")?.directories.get("db");
  return [...(directory?.files.values() ?? [])];
}

/** Lets the n-th durable step from now on, and all after it, fail, as they do when the process is gone. Counts the steps. */
function crashAt(step: number): { steps: number } {
  const counter = { steps: 0 };
  const survive = (): void => {
    if (++counter.steps >= step) throw new DOMException("crashed", "AbortError");
  };
  const { getFileHandle, removeEntry, getDirectoryHandle } = FakeDirectory.prototype;
  vi.spyOn(FakeDirectory.prototype, "removeEntry").mockImplementation(async function (this: FakeDirectory, name) {
    survive();
    return removeEntry.call(this, name);
  });
  vi.spyOn(FakeDirectory.prototype, "getFileHandle").mockImplementation(async function (this: FakeDirectory, name, given) {
    if (given?.create && !this.files.has(name)) survive();
    return getFileHandle.call(this, name, given);
  });
  vi.spyOn(FakeDirectory.prototype, "getDirectoryHandle").mockImplementation(async function (this: FakeDirectory, name, given) {
    if (given?.create && !this.directories.has(name)) survive();
    return getDirectoryHandle.call(this, name, given);
  });
  const { createSyncAccessHandle } = FakeFile.prototype;
  vi.spyOn(FakeFile.prototype, "createSyncAccessHandle").mockImplementation(async function (this: FakeFile) {
    const handle = await createSyncAccessHandle.call(this);
    const { truncate, write, flush } = handle;
    handle.truncate = (size) => {
      survive();
      return truncate.call(handle, size);
    };
    handle.write = (bytes, at) => {
      survive();
      return write.call(handle, bytes, at);
    };
    handle.flush = () => {
      survive();
      return flush.call(handle);
    };
    return handle;
  });
  const writeRows = Database.prototype.write;
  vi.spyOn(Database.prototype, "write").mockImplementation(async function (this: Database, ...args) {
    survive();
    return writeRows.apply(this, args);
  });
  const deleteDatabase = indexedDB.deleteDatabase.bind(indexedDB);
  vi.spyOn(indexedDB, "deleteDatabase").mockImplementation((name) => {
    survive();
    return deleteDatabase(name);
  });
  return counter;
}

/** The next process: nothing fails any more, and no handle is open. */
function restart(): void {
  vi.restoreAllMocks();
  for (const file of files()) file.openHandles = 0;
}

test("IndexedDB dropped while OPFS stays is told as eviction, in every storage asked for, and touches no arena", async () => {
  await createPublished();
  const before = files().map(({ bytes }) => crc32(bytes));
  expect(files().some(({ bytes }) => bytes.length > 0)).toBe(true);
  globalThis.indexedDB = new IDBFactory();
  for (const storage of ["auto", "opfs", "indexeddb", "auto"] as const) {
    await expect(open(storage)).rejects.toMatchObject({
      code: "DATA_EVICTED",
      details: { lost: "indexeddb", collections: null },
      message: expect.stringMatching(/"db" has lost its catalog .* destroyPath\(\{ path: "db" \}\)/),
    });
  }
  expect(files().map(({ bytes }) => crc32(bytes))).toEqual(before);
  await destroyStorage("db");
  const engine = await open();
  expect(await readIds(engine)).toEqual([]);
  await engine.close();
});

test("IndexedDB dropped while everything is still in the log is told as eviction too", async () => {
  const engine = await open();
  await write(engine, "a");
  await engine.close();
  expect(files().filter(({ bytes }) => bytes.length > 0)).toHaveLength(1);
  globalThis.indexedDB = new IDBFactory();
  for (const storage of ["auto", "opfs", "indexeddb", "auto"] as const) {
    await expect(open(storage)).rejects.toMatchObject({ code: "DATA_EVICTED", details: { lost: "indexeddb", bytes: 0 } });
  }
  await destroyStorage("db");
  const again = await open();
  expect(await readIds(again)).toEqual([]);
  await again.close();
});

test("a database that an earlier release created is marked when it is opened, if there is room", async () => {
  const engine = await open();
  await write(engine, "a");
  await engine.close();
  const directory = root.directories.get("tidepool")!.directories.get("db")!;
  directory.files.delete("database");
  directory.quotaBytes = 0;
  await (await open()).close();
  directory.quotaBytes = Infinity;
  await (await open()).close();
  globalThis.indexedDB = new IDBFactory();
  await expect(open()).rejects.toMatchObject({ code: "DATA_EVICTED" });
});

test("OPFS dropped while IndexedDB stays is told as eviction once a block lay there, and creates no arena in its place", async () => {
  await createPublished();
  installFakeFileSystem((root = new FakeDirectory()));
  for (let attempt = 0; attempt < 2; attempt++) {
    await expect(open()).rejects.toMatchObject({
      code: "DATA_EVICTED",
      details: { lost: "opfs", arenas: [1_000_001], collections: [{ ...scope, name: "things" }] },
      message: expect.stringMatching(/Arena 1000001 is missing .* destroyPath.*"things"/),
    });
  }
  expect(files().filter(({ bytes }) => bytes.length === 0)).toEqual([]);
  expect(files().length).toBeLessThan(2);
  await destroyStorage("db");
  const engine = await open();
  expect(await readIds(engine)).toEqual([]);
  await engine.close();
});

test("OPFS dropped while everything is still in the log loses nothing", async () => {
  let engine = await open();
  await write(engine, "a");
  await engine.close();
  installFakeFileSystem((root = new FakeDirectory()));
  engine = await open();
  expect(await readIds(engine)).toEqual(["a"]);
  await engine.close();
});

async function createAndWrite(acknowledged: string[]): Promise<void> {
  const engine = await open();
  await write(engine, "a");
  acknowledged.push("a");
  environment.advance(120_000);
  await engine.compact((await engine.service.createCollection(create)).id).catch(() => undefined);
  await write(engine, "b").then(
    () => acknowledged.push("b"),
    () => undefined,
  );
  await engine.close().catch(() => undefined);
}

test("a creation that is interrupted at any step is gone on with, and nothing acknowledged is lost", async () => {
  for (let step = 1; ; step++) {
    globalThis.indexedDB = new IDBFactory();
    installFakeFileSystem((root = new FakeDirectory()));
    const counter = crashAt(step);
    const acknowledged: string[] = [];
    await createAndWrite(acknowledged).catch(() => undefined);
    restart();
    const engine = await open();
    expect(await readIds(engine), `step ${step}`).toEqual(expect.arrayContaining(acknowledged));
    await engine.close();
    if (counter.steps < step) return expect(acknowledged).toEqual(["a", "b"]);
    expect(step).toBeLessThan(100);
  }
});

test.each(["process", "power"])("a destruction that is interrupted at any step leaves all or nothing (loss of %s)", async (loss) => {
  let wholes = 0;
  for (let step = 1; ; step++) {
    globalThis.indexedDB = new IDBFactory();
    installFakeFileSystem((root = new FakeDirectory()));
    await createPublished();
    const directory = root.directories.get("tidepool")!.directories.get("db")!;
    const counter = crashAt(step);
    const outcome = await destroyStorage("db").then(
      () => "done",
      () => "crashed",
    );
    restart();
    // No removal of a name needs to have reached the disk.
    if (loss === "power") root.directories.get("tidepool")!.directories.set("db", directory);
    for (const file of directory.files.values()) file.openHandles = 0;
    const engine = await open();
    const ids = await readIds(engine);
    if (ids.length > 0) wholes++;
    expect(ids, `step ${step}`).toEqual(ids.length === 0 ? [] : ["in-a-block", "in-the-log"]);
    await write(engine, "new");
    await engine.close();
    if (outcome === "done") expect(ids).toEqual([]);
    if (counter.steps < step) break;
    expect(step).toBeLessThan(50);
  }
  // Only before the marker.
  expect(wholes).toBe(1);
});

test("a destruction waits for nobody to have the files open before it begins", async () => {
  await createPublished();
  const engine = await open();
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const refused = expect(destroyStorage("db")).rejects.toMatchObject({ code: "LOCKED" });
  for (let i = 0; i < 40; i++) {
    await vi.advanceTimersByTimeAsync(500);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await refused;
  vi.useRealTimers();
  expect(await readIds(engine)).toEqual(["in-a-block", "in-the-log"]);
  await engine.close();
});
