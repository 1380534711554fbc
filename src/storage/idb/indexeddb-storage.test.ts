import "fake-indexeddb/auto";
import { deleteDB, openDB } from "idb";
import { afterEach, describe, expect, test, vi } from "vitest";
import { limits } from "../../core/limits.js";
import type { Durability } from "../../core/storage.js";
import type { ConformanceTarget } from "../../testing/storage-conformance.js";
import { conformanceCases, pattern, runConformanceCase } from "../../testing/storage-conformance.js";
import { databaseName } from "./database.js";
import { openIndexedDbStorage } from "./indexeddb-storage.js";

const target: ConformanceTarget = { open: (name) => openIndexedDbStorage(name, "strict"), capabilities: { arenas: false } };

describe("conformance", () => {
  for (const { name } of conformanceCases(target.capabilities)) test(name, () => runConformanceCase(name, target));
});

afterEach(() => vi.restoreAllMocks());

const entry = (offset: number) => ({ collectionId: "a", offset, bytes: pattern(10) });

test("reading a log of large entries page by page reads none of them twice, and looking whether there are any reads one", async () => {
  const storage = await openIndexedDbStorage("large entries", "strict");
  await storage.log.append(Array.from({ length: 20 }, (_, i) => ({ ...entry(i + 1), bytes: pattern(20_000) })));
  let rows = 0;
  const getAll = IDBObjectStore.prototype.getAll;
  vi.spyOn(IDBObjectStore.prototype, "getAll").mockImplementation(function (this: IDBObjectStore, range, count) {
    const request = getAll.call(this, range, count);
    request.addEventListener("success", () => {
      rows += request.result.length;
    });
    return request;
  });
  await storage.log.read("a", 0, 1);
  expect(rows).toBe(1);
  for (let last = 0, page = []; (page = await storage.log.read("a", last, 90_000)).length > 0; last = page.at(-1)!.offset);
  expect(rows).toBe(21);
});

test("a newer schema is refused and stays as it is", async () => {
  const newer = await openDB(databaseName("newer"), 2, { upgrade: (database) => void database.createObjectStore("future") });
  newer.close();
  await expect(openIndexedDbStorage("newer", "strict")).rejects.toMatchObject({ code: "FORMAT_TOO_NEW" });
  const still = await openDB(databaseName("newer"));
  expect([still.version, [...still.objectStoreNames]]).toEqual([2, ["future"]]);
});

test("an upgrade elsewhere closes the connection, and later calls say so", async () => {
  const storage = await openIndexedDbStorage("upgraded", "strict");
  (await openDB(databaseName("upgraded"), 2)).close();
  await expect(storage.log.append([entry(1)])).rejects.toMatchObject({ code: "CLOSED", message: expect.stringContaining("another tab") });
});

test("destroying a database that another connection will not let go of is LOCKED", async () => {
  const storage = await openIndexedDbStorage("stuck", "strict");
  const stubborn = await openDB(databaseName("stuck"), undefined, { blocking: () => {} });
  await expect(storage.destroy()).rejects.toMatchObject({ code: "LOCKED" });
  stubborn.close();
});

test("opening while an older schema stays open elsewhere is LOCKED", async () => {
  // A browser gives version 1 to the first schema, so an older one is made by pretending that ours is newer.
  const stubborn = await openDB(databaseName("old"), 1);
  const open = indexedDB.open.bind(indexedDB);
  vi.spyOn(indexedDB, "open").mockImplementation((name) => open(name, 2));
  await expect(openIndexedDbStorage("old", "strict")).rejects.toMatchObject({ code: "LOCKED" });
  stubborn.close();
  // The refused request succeeds now; a connection that it left open would block the deletion.
  const blocked = vi.fn();
  await deleteDB(databaseName("old"), { blocked });
  expect(blocked).not.toHaveBeenCalled();
});

test.each(["strict", "relaxed"] as const)(
  "%s durability reaches the log's transactions; commits are always strict",
  async (durability: Durability) => {
    const storage = await openIndexedDbStorage(`durability ${durability}`, durability);
    const transaction = vi.spyOn(IDBDatabase.prototype, "transaction");
    await storage.log.append([entry(1)]);
    expect(transaction).toHaveBeenCalledWith(["log", "catalog"], "readwrite", { durability });
    await storage.catalog.commit({});
    expect(transaction).toHaveBeenCalledWith(["catalog", "log"], "readwrite", { durability: "strict" });
  },
);

/** A commit that fails for lack of space: every request succeeds, then only `abort` fires. */
function failNextCommit(error: DOMException): void {
  const original = IDBDatabase.prototype.transaction;
  vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementationOnce(function (this: IDBDatabase, ...args) {
    const transaction = original.apply(this, args) as IDBTransaction;
    let requests = 0;
    const add = IDBObjectStore.prototype.add;
    vi.spyOn(IDBObjectStore.prototype, "add").mockImplementation(function (this: IDBObjectStore, ...values) {
      const request = add.apply(this, values);
      if (requests++ === 0) {
        request.addEventListener("success", () => {
          Object.defineProperty(transaction, "error", { get: () => error });
          transaction.abort();
        });
      }
      return request;
    });
    return transaction;
  });
}

test.each([
  ["QuotaExceededError", "QUOTA_EXCEEDED"],
  ["UnknownError", "INTERNAL"],
])("a commit that fails with only an abort event, %s, rejects with %s and its cause", async (name, code) => {
  const storage = await openIndexedDbStorage(`abort ${name}`, "strict");
  const cause = new DOMException("no", name);
  failNextCommit(cause);
  await expect(storage.log.append([entry(1), entry(2)])).rejects.toMatchObject({ code, cause });
  vi.restoreAllMocks();
  expect(await storage.log.read("a", 0, Infinity)).toEqual([]);
});

test.each([
  { usage: 90, code: "QUOTA_EXCEEDED" },
  { usage: 10, code: "INTERNAL" },
])("a write that fails for a reason unknown is out of room where little is left, as in Firefox: $usage %", async ({ usage, code }) => {
  const storage = await openIndexedDbStorage(`unknown ${usage}`, "strict");
  const percent = limits.fullOriginBytes / 20;
  vi.stubGlobal("navigator", { storage: { estimate: async () => ({ usage: usage * percent, quota: 100 * percent }) } });
  failNextCommit(new DOMException("no", "UnknownError"));
  await expect(storage.log.append([entry(1)])).rejects.toMatchObject({ code });
  vi.unstubAllGlobals();
});

test("a transaction that the browser gave up, since its worker did not run, runs once more", async () => {
  const storage = await openIndexedDbStorage("given up", "strict");
  failNextCommit(new DOMException("no", "TimeoutError"));
  await storage.log.append([entry(1), entry(2)]);
  expect(await storage.log.read("a", 0, Infinity)).toMatchObject([{ offset: 1 }, { offset: 2 }]);
});

test("a transaction that was given up has lost the lease where somebody took over meanwhile", async () => {
  const storage = await openIndexedDbStorage("given up, and robbed", "strict");
  const successor = await openIndexedDbStorage("given up, and robbed", "strict");
  failNextCommit(new DOMException("no", "TimeoutError"));
  await expect(storage.log.append([entry(1)])).rejects.toMatchObject({ code: "LEASE_LOST" });
  expect(await successor.log.read("a", 0, Infinity)).toEqual([]);
});

test("an invalid key in mid-batch leaves nothing behind", async () => {
  const storage = await openIndexedDbStorage("invalid key", "strict");
  await expect(storage.log.append([entry(1), entry(Number.NaN), entry(3)])).rejects.toMatchObject({ code: "INTERNAL" });
  expect(await storage.log.read("a", 0, Infinity)).toEqual([]);
});

test("blobs that nobody retains are deleted on opening, and a blob with a piece missing is corruption", async () => {
  let storage = await openIndexedDbStorage("orphans", "strict");
  await storage.blobs.retain([]);
  const [kept, orphan] = [await storage.blobs.write(pattern(200_000)), await storage.blobs.write(pattern(10))];
  await storage.close();
  storage = await openIndexedDbStorage("orphans", "strict");
  await storage.blobs.retain([kept]);
  await expect(storage.blobs.read([{ extent: orphan, start: 0, length: 1 }])).rejects.toMatchObject({ code: "CORRUPTION" });
  const raw = await openDB(databaseName("orphans"));
  await raw.delete("blobs", [kept.arena, 1]);
  raw.close();
  await expect(storage.blobs.read([{ extent: kept, start: 0, length: 200_000 }])).rejects.toMatchObject({ code: "CORRUPTION" });
  await storage.close();
  storage = await openIndexedDbStorage("orphans", "strict");
  await expect(storage.blobs.retain([kept])).rejects.toMatchObject({ code: "CORRUPTION" });
});

test("many rows of one blob are read out of its pieces, each read once", async () => {
  const { blobs } = await openIndexedDbStorage("rows", "strict");
  await blobs.retain([]);
  const bytes = pattern(300_000);
  const extent = await blobs.write(bytes);
  const getAll = vi.spyOn(IDBObjectStore.prototype, "getAll");
  const starts = Array.from({ length: 500 }, (_, i) => (i * 7919) % 290_000);
  const rows = await blobs.read([...starts, 299_900].map((start) => ({ extent, start, length: 100 })));
  expect(rows).toEqual([...starts, 299_900].map((start) => bytes.slice(start, start + 100)));
  // The rows touch every piece of the blob, so one request fetches them all.
  expect(getAll).toHaveBeenCalledTimes(1);
});

test("one write transaction is under way at a time, whatever its stores, and a failed one holds up nobody", async () => {
  const storage = await openIndexedDbStorage("one at a time", "strict");
  await storage.blobs.retain([]);
  const begin = IDBDatabase.prototype.transaction;
  let underWay = 0;
  const seen: number[] = [];
  vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementation(function (this: IDBDatabase, ...args) {
    const transaction = begin.apply(this, args) as IDBTransaction;
    if (args[1] !== "readwrite") return transaction;
    seen.push(++underWay);
    for (const end of ["complete", "abort"]) transaction.addEventListener(end, () => underWay--);
    return transaction;
  });
  const outcomes = await Promise.allSettled([
    storage.blobs.write(pattern(100_000)),
    storage.log.append([entry(1)]),
    storage.log.append([entry(1)]),
    storage.catalog.commit({ put: new Map([["row", pattern(3)]]) }),
    storage.blobs.write(pattern(10)),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled"]);
  await storage.catalog.commit({});
  // Two more: the reserve is put in its place, beside what was asked for.
  expect(seen).toEqual([1, 1, 1, 1, 1, 1, 1]);
});

test("blobs that an earlier release cut into larger pieces are read as well", async () => {
  let storage = await openIndexedDbStorage("old pieces", "strict");
  await storage.blobs.retain([]);
  const young = await storage.blobs.write(pattern(100_000));
  await storage.close();
  const bytes = pattern(150_000);
  const raw = await openDB(databaseName("old pieces"));
  for (let piece = 0; piece < 3; piece++)
    await raw.add("blobs", bytes.slice(piece * 65_536, (piece + 1) * 65_536), [young.arena + 1, piece]);
  raw.close();
  storage = await openIndexedDbStorage("old pieces", "strict");
  const old = { arena: young.arena + 1, offset: 0, length: bytes.length };
  await storage.blobs.retain([young, old]);
  const [across, end, other] = await storage.blobs.read([
    { extent: old, start: 65_000, length: 70_000 },
    { extent: old, start: 149_990, length: 10 },
    { extent: young, start: 16_380, length: 50_000 },
  ]);
  expect([across, end, other]).toEqual([bytes.slice(65_000, 135_000), bytes.slice(149_990), pattern(100_000).slice(16_380, 66_380)]);
  await storage.blobs.release([old]);
  expect(storage.blobs.usage().bytesUsed).toBe(100_000);
});

test("a write after one that found no room is tried once more where nothing may be added in it, as in Firefox", async () => {
  const storage = await openIndexedDbStorage("after a full disk", "strict");
  const refuseOnce = () =>
    vi.spyOn(IDBObjectStore.prototype, "add").mockImplementationOnce(() => {
      throw new DOMException("no", "InvalidStateError");
    });
  refuseOnce();
  await expect(storage.log.append([entry(1)])).rejects.toMatchObject({ code: "INTERNAL" });
  vi.restoreAllMocks();
  failNextCommit(new DOMException("no", "QuotaExceededError"));
  await expect(storage.log.append([entry(1)])).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
  vi.restoreAllMocks();
  refuseOnce();
  await storage.log.append([entry(1)]);
  expect(await storage.log.read("a", 0, Infinity)).toEqual([entry(1)]);
});

describe("a full disk", () => {
  const full = () => new DOMException("no", "QuotaExceededError");

  /** The commit of the generation fails for lack of space. */
  function failNextGeneration(): void {
    vi.spyOn(IDBObjectStore.prototype, "put").mockImplementationOnce(() => {
      throw full();
    });
  }

  test("is no hindrance to opening, reading and making room where nobody else can write", async () => {
    let storage = await openIndexedDbStorage("full", "strict");
    await storage.log.append([entry(1), entry(2)]);
    await storage.close();
    failNextGeneration();
    storage = await openIndexedDbStorage("full", "strict");
    expect(await storage.log.read("a", 0, Infinity)).toEqual([entry(1), entry(2)]);
    await storage.catalog.commit({ truncateLog: [{ collectionId: "a", upTo: 1 }] });
    expect(await storage.log.read("a", 0, Infinity)).toEqual([entry(2)]);
    await storage.close();
  });

  test("keeps the database from whoever has taken it from an engine that may still write", async () => {
    const frozen = await openIndexedDbStorage("full and frozen", "strict");
    failNextGeneration();
    const taken = openIndexedDbStorage("full and frozen", "strict", {
      predecessors: async () => ({ gone: new Promise(() => undefined) }),
      lost: () => undefined,
    });
    await expect(taken).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    await frozen.log.append([entry(1)]);
  });
});

test("destroying waits for the transaction by which the reserve is put back, and is no failure because of it", async () => {
  const storage = await openIndexedDbStorage("destroyed at work", "strict");
  await storage.log.append([entry(1)]);
  await storage.destroy();
  const again = await openIndexedDbStorage("destroyed at work", "strict");
  expect(await again.log.read("a", 0, Infinity)).toEqual([]);
});
