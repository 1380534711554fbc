import { describe, expect, test } from "vitest";
import type { Extent, Storage } from "../core/storage.js";
import { slotBytes } from "../storage/extent-allocator.js";
import { FaultInjectingStorage } from "./fault-injecting-storage.js";
import type { ConformanceTarget } from "./storage-conformance.js";
import { conformanceCases, pattern, runConformanceCase } from "./storage-conformance.js";

const opened = new Map<string, FaultInjectingStorage>();
const target: ConformanceTarget = {
  open: async (name) => {
    const storage = opened.get(name)?.reopen() ?? new FaultInjectingStorage();
    opened.set(name, storage);
    return storage;
  },
  capabilities: { arenas: true },
};

describe("conformance", () => {
  for (const { name } of conformanceCases(target.capabilities)) test(name, () => runConformanceCase(name, target));
});

const row = (n: number) => new Map([["k", Uint8Array.of(n)]]);

/** Two syncs: an append, then a commit. */
async function twoSyncs({ log, catalog }: Storage): Promise<void> {
  await log.append([{ collectionId: "a", offset: 1, bytes: Uint8Array.of(1) }]);
  await catalog.commit({ put: row(2) });
}

async function found({ log, catalog }: Storage): Promise<[log: number, row: number | null]> {
  return [(await log.read("a", 0, Infinity)).length, (await catalog.get("k"))?.[0] ?? null];
}

test.each([
  [1, "before", [0, null]],
  [1, "after", [1, null]],
  [2, "before", [1, null]],
  [2, "after", [1, 2]],
] as const)("a crash at sync %i, %s, leaves exactly what is durable", async (at, variant, expected) => {
  const storage = new FaultInjectingStorage({ crash: { at, variant } });
  await expect(twoSyncs(storage)).rejects.toMatchObject({ code: "CLOSED", message: expect.stringContaining("crashed") });
  await expect(storage.catalog.get("k")).rejects.toMatchObject({ code: "CLOSED" });
  const after = storage.reopen();
  expect(await found(after)).toEqual(expected);
  await after.catalog.commit({ put: row(9) });
});

test("a torn commit is there or not, depending on the seed, never in part", async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const storage = new FaultInjectingStorage({ crash: { at: 1, variant: "torn" }, seed });
    await expect(storage.catalog.commit({ put: new Map([...row(1), ["l", Uint8Array.of(1)]]) })).rejects.toMatchObject({ code: "CLOSED" });
    outcomes.add((await storage.reopen().catalog.list("")).map(([key]) => key).join());
  }
  expect([...outcomes].sort()).toEqual(["", "k,l"]);
});

async function withBlob(options = {}): Promise<{ storage: FaultInjectingStorage; extent: Extent; bytes: Uint8Array }> {
  const storage = new FaultInjectingStorage(options);
  await storage.blobs.retain([]);
  const bytes = pattern(8 * slotBytes, 5);
  return { storage, extent: await storage.blobs.write(bytes), bytes };
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

async function read({ blobs }: Storage, extent: Extent): Promise<Uint8Array> {
  return (await blobs.read([{ extent, start: 0, length: extent.length }]))[0]!;
}

test("a blob is durable only after flush", async () => {
  const { storage, extent, bytes } = await withBlob();
  expect(same(await read(storage.reopen(), extent), new Uint8Array(bytes.length))).toBe(true);
  const again = await withBlob();
  await again.storage.blobs.flush();
  expect(same(await read(again.storage.reopen(), again.extent), bytes)).toBe(true);
});

test("a crash that tears leaves some sectors of an unflushed blob, the same ones for the same seed", async () => {
  const survivors = async (seed: number) => {
    const { storage, extent, bytes } = await withBlob({ crash: { at: 1, variant: "torn" }, seed });
    await expect(storage.catalog.commit({})).rejects.toMatchObject({ code: "CLOSED" });
    const after = await read(storage.reopen(), extent);
    return Array.from(
      { length: 8 },
      (_, i) => after[i * slotBytes + 1] === bytes[i * slotBytes + 1] && after[i * slotBytes + 9] === bytes[i * slotBytes + 9],
    );
  };
  const all = (await Promise.all([1, 2, 3, 4].map(survivors))).flat();
  expect(all).toContain(true);
  expect(all).toContain(false);
  expect(await survivors(3)).toEqual(await survivors(3));
});

test("bytes released too early are really overwritten", async () => {
  const { storage, extent, bytes } = await withBlob();
  await storage.blobs.flush();
  await storage.blobs.release([extent]);
  await storage.blobs.write(pattern(extent.length, 6));
  await storage.blobs.flush();
  expect(same(await read(storage.reopen(), extent), bytes)).toBe(false);
});

test("a young arena disappears with what was flushed to it, a settled one stays", async () => {
  let nowMs = 1000;
  const { storage, extent, bytes } = await withBlob({ now: () => nowMs, arenaSettleMs: 500 });
  await storage.blobs.flush();
  expect(storage.blobs.settledAt()).toBe(1500);
  nowMs = 1499;
  const young = storage.reopen();
  await expect(young.blobs.retain([extent])).rejects.toMatchObject({ code: "CORRUPTION" });
  const second = await withBlob({ now: () => nowMs, arenaSettleMs: 500 });
  await second.storage.blobs.flush();
  nowMs = second.storage.blobs.settledAt();
  const settled = second.storage.reopen();
  await settled.blobs.retain([second.extent]);
  expect(same(await read(settled, second.extent), bytes)).toBe(true);
});

test("the n-th change or read fails without effect, and the next one works", async () => {
  const storage = new FaultInjectingStorage({ fail: { at: 2, error: "quota" }, failRead: { at: 1 } });
  await expect(twoSyncs(storage)).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
  await expect(storage.catalog.get("k")).rejects.toMatchObject({ code: "INTERNAL" });
  expect(await found(storage)).toEqual([1, null]);
  await storage.catalog.commit({ put: row(3) });
  expect(await found(storage)).toEqual([1, 3]);
  expect([storage.syncs, storage.changes, storage.reads, storage.ended]).toEqual([2, 3, 5, false]);
});
