import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Extent } from "../../core/storage.js";
import { FakeDirectory, FakeFile } from "../../testing/fake-file-system.js";
import { pattern } from "../../testing/storage-conformance.js";
import { OpfsBlobStore } from "./opfs-blob-store.js";

const KiB = 1024;
const limits = { arenaBytesMin: 64 * KiB, arenaBytesMax: 256 * KiB, arenaReserveBytes: 0, arenaSettleMs: 1000, arenaSpreadMax: 2 };

let directory: FakeDirectory;
let nowMs: number;
beforeEach(() => {
  directory = new FakeDirectory();
  nowMs = 5000;
});

async function openWith(...extents: Extent[]): Promise<OpfsBlobStore> {
  const store = await OpfsBlobStore.open(directory, () => nowMs, limits);
  await store.retain(extents);
  return store;
}

const sizes = () => [...directory.files.values()].map((file) => file.bytes.length / KiB);
const read = async (store: OpfsBlobStore, extent: Extent) => (await store.read([{ extent, start: 0, length: extent.length }]))[0]!;

async function expectBytes(store: OpfsBlobStore, extent: Extent, bytes: Uint8Array): Promise<void> {
  expect(Buffer.compare(await read(store, extent), bytes)).toBe(0);
}

test("two arenas, both empty, are created with the database and none before the extents are known", async () => {
  const store = await OpfsBlobStore.open(directory, () => nowMs, limits);
  expect([...directory.files.keys()]).toEqual([]);
  await store.retain([]);
  expect([...directory.files.keys()]).toEqual(["arena-1-5000", "arena-2-5000"]);
  expect(store.usage()).toEqual({ bytesReserved: 0, bytesUsed: 0 });
});

test("an arena grows in place by half of what is used up to its limit, then the next one is used and one more created ahead", async () => {
  const store = await openWith();
  const seen: number[][] = [];
  for (let i = 0; i < 10; i++) {
    nowMs += 10;
    await store.write(pattern(40 * KiB, i));
    seen.push(sizes());
  }
  expect(seen).toEqual([
    [64, 0],
    [128, 0],
    [128, 0],
    [192, 0],
    [256, 0],
    [256, 0],
    [256, 128, 0],
    [256, 128, 0],
    [256, 128, 0],
    [256, 256, 0],
  ]);
  expect([...directory.files.keys()]).toEqual(["arena-1-5000", "arena-2-5000", "arena-3-5070"]);
});

test("what lies in an old arena is settled, what lies in a young one only after a while", async () => {
  const store = await openWith();
  expect(store.settledAt()).toBe(0);
  nowMs = 9000;
  const fill = async (n: number) => {
    const extents = [];
    for (let i = 0; i < n; i++) extents.push(await store.write(pattern(128 * KiB)));
    return extents;
  };
  await fill(4);
  expect(store.settledAt()).toBe(6000);
  const [young] = await fill(1);
  expect(young!.arena).toBe(3);
  expect(store.settledAt()).toBe(10_000);
  await store.release([young!]);
  expect(store.settledAt()).toBe(6000);
});

test("an extent is not held when its arena is gone or too short", async () => {
  const store = await openWith();
  const extent = await store.write(pattern(KiB));
  const { bytesReserved } = store.usage();
  expect(store.holds([extent])).toBe(true);
  expect(store.holds([extent, { ...extent, arena: 9 }])).toBe(false);
  expect(store.holds([{ ...extent, offset: bytesReserved - 4 * KiB }])).toBe(true);
  expect(store.holds([{ ...extent, offset: bytesReserved }])).toBe(false);
});

test("an arena from the future counts as created on opening", async () => {
  nowMs = 1_000_000;
  await (await openWith()).close();
  nowMs = 2000;
  const store = await openWith();
  await store.write(pattern(10));
  expect(store.settledAt()).toBe(3000);
});

test("old arenas are preferred, and an arena in which nothing is left gives its space back but keeps its name", async () => {
  const store = await openWith();
  const extents: Extent[] = [];
  for (let i = 0; i < 6; i++) extents.push(await store.write(pattern(120 * KiB, i)));
  expect(sizes()).toEqual([256, 256, 256, 0]);
  const names = [...directory.files.keys()];
  await store.release(extents.slice(1));
  expect(sizes()).toEqual([128, 0, 0, 0]);
  expect([...directory.files.keys()]).toEqual(names);
  await expectBytes(store, extents[0]!, pattern(120 * KiB, 0));
  expect((await store.write(pattern(120 * KiB))).arena).toBe(1);
});

test("one blob may exceed the largest arena", async () => {
  const store = await openWith();
  const extent = await store.write(pattern(300 * KiB));
  await expectBytes(store, extent, pattern(300 * KiB));
  expect((await store.write(pattern(10))).arena).toBe(2);
});

test("a reopened store finds free space between what is retained", async () => {
  let store = await openWith();
  const extents: Extent[] = [];
  for (let i = 0; i < 5; i++) extents.push(await store.write(pattern(10 * KiB, i)));
  await store.flush();
  await store.close();
  expect(directory.openHandles).toBe(0);
  store = await openWith(extents[0]!, extents[4]!);
  const extent = await store.write(pattern(30 * KiB, 9));
  expect([extent.arena, extent.offset]).toEqual([1, extents[1]!.offset]);
  await expectBytes(store, extents[4]!, pattern(10 * KiB, 4));
});

test("a missing or cut-off arena that is in use is corruption, named, and nothing is created in its place", async () => {
  let store = await openWith();
  const extent = await store.write(pattern(50 * KiB));
  await store.close();
  const file = directory.files.get("arena-1-5000")!;
  file.bytes = file.bytes.slice(0, 40 * KiB);
  store = await OpfsBlobStore.open(directory, () => nowMs, limits);
  await expect(store.retain([extent])).rejects.toMatchObject({ code: "CORRUPTION", message: expect.stringContaining("1:0+51200") });
  await store.close();
  directory.files.clear();
  store = await OpfsBlobStore.open(directory, () => nowMs, limits);
  await expect(store.retain([extent])).rejects.toMatchObject({
    code: "DATA_EVICTED",
    message: expect.stringContaining("Arena 1 is missing"),
  });
  expect(directory.files.size).toBe(0);
});

test("two files for one arena are corruption, unless one is empty, as a removal that did not reach the disk brings it back", async () => {
  for (const name of ["arena-1-1", "arena-1-2"]) await directory.getFileHandle(name, { create: true });
  directory.files.get("arena-1-1")!.bytes = new Uint8Array(64 * KiB);
  const store = await openWith({ arena: 1, offset: 4096, length: 1 });
  await store.close();
  directory.files.get("arena-1-2")!.bytes = new Uint8Array(64 * KiB);
  await expect(openWith()).rejects.toMatchObject({ code: "CORRUPTION", message: "Arena 1 exists twice" });
  expect(directory.openHandles).toBe(0);
});

test("other files in the directory are left alone", async () => {
  await directory.getFileHandle("arena-x-1", { create: true });
  await openWith();
  expect(directory.openHandles).toBe(2);
});

test("when one arena cannot be opened, no handle stays open", async () => {
  await (await openWith()).close();
  directory.files.get("arena-2-5000")!.openError = new DOMException("broken", "UnknownError");
  await expect(openWith()).rejects.toMatchObject({ code: "INTERNAL", message: expect.stringContaining("arena-2-5000") });
  expect(directory.openHandles).toBe(0);
});

test("handles of a tab that is going are waited for, but not for ever", async () => {
  vi.useFakeTimers();
  try {
    const first = await openWith();
    const second = openWith();
    await vi.advanceTimersByTimeAsync(100);
    await first.close();
    await vi.advanceTimersByTimeAsync(5000);
    const store = await second;
    const third = expect(openWith()).rejects.toMatchObject({ code: "LOCKED" });
    await vi.advanceTimersByTimeAsync(10_000);
    await third;
    await store.close();
  } finally {
    vi.useRealTimers();
  }
});

test.each(["throw", "zero"] as const)(
  "over quota (%s) a write is refused, its space stays free, and what fits still fits",
  async (style) => {
    directory.quotaBytes = 100 * KiB;
    directory.quotaStyle = style;
    const store = await openWith();
    const first = await store.write(pattern(60 * KiB, 1));
    const used = store.usage().bytesUsed;
    await expect(store.write(pattern(60 * KiB, 2))).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    expect(store.usage().bytesUsed).toBe(used);
    const second = await store.write(pattern(30 * KiB, 3));
    await expectBytes(store, first, pattern(60 * KiB, 1));
    await expectBytes(store, second, pattern(30 * KiB, 3));
  },
);

test("a write that the browser takes only in part is QUOTA_EXCEEDED", async () => {
  const store = await openWith();
  await store.write(pattern(10));
  // The file shrank behind our back, so that writing would have to grow it; Firefox then answers 0.
  directory.files.get("arena-1-5000")!.bytes = new Uint8Array(0);
  directory.quotaBytes = 0;
  directory.quotaStyle = "zero";
  const before = store.usage();
  await expect(store.write(pattern(10))).rejects.toMatchObject({ code: "QUOTA_EXCEEDED", message: expect.stringContaining("only 0") });
  expect(store.usage()).toEqual(before);
});

test("a short read is corruption that names arena and offset", async () => {
  const store = await openWith();
  await store.write(pattern(10));
  const extent = await store.write(pattern(100));
  directory.files.get("arena-1-5000")!.bytes = new Uint8Array(4100);
  await expect(read(store, extent)).rejects.toMatchObject({
    code: "CORRUPTION",
    message: expect.stringMatching(/Arena 1 .*4096.*4 of 100/),
  });
});

test("flush syncs the arenas written to, once, and again after it failed", async () => {
  const store = await openWith();
  const [one, two] = [...directory.files.values()] as [FakeFile, FakeFile];
  await store.write(pattern(10));
  one.flushError = new DOMException("disk", "UnknownError");
  await expect(store.flush()).rejects.toMatchObject({ code: "INTERNAL" });
  one.flushError = null;
  await store.flush();
  await store.flush();
  expect([one.flushes, two.flushes]).toEqual([1, 0]);
});

test("writes that wait for the same new arena share it", async () => {
  const store = await openWith();
  const extents = await Promise.all(Array.from({ length: 12 }, (_, i) => store.write(pattern(128 * KiB, i))));
  expect(new Set(extents.map(({ arena, offset }) => `${arena}:${offset}`)).size).toBe(12);
  for (const [i, extent] of extents.entries()) await expectBytes(store, extent, pattern(128 * KiB, i));
  expect(sizes()).toEqual([256, 256, 256, 256, 256, 256, 0]);
});

test("closing while an arena is being created leaves no handle open", async () => {
  const store = await openWith();
  const writes = Array.from({ length: 5 }, () => store.write(pattern(256 * KiB)).catch((error: { code: string }) => error.code));
  await store.close();
  expect(await Promise.all(writes)).toContain("CLOSED");
  expect(directory.openHandles).toBe(0);
});

test("space stays below three times of what is used and a unit while everything is rewritten over and over", async () => {
  const store = await openWith();
  let live: Extent[] = [];
  for (let round = 0; round < 20; round++) {
    const next: Extent[] = [];
    for (let i = 0; i < 12; i++) next.push(await store.write(pattern((20 + ((i + round) % 5) * 7) * KiB, i)));
    await store.release(live);
    live = next;
    const { bytesReserved, bytesUsed } = store.usage();
    expect(bytesReserved).toBeLessThanOrEqual(3 * bytesUsed + 64 * KiB);
    expect(directory.bytes).toBe(bytesReserved);
  }
});

test("an arena that was cut is opened anew, so that the browser counts what is gone, and everybody waits for it", async () => {
  const store = await openWith();
  const extents: Extent[] = [];
  for (let i = 0; i < 6; i++) extents.push(await store.write(pattern(120 * KiB, i)));
  const open = FakeFile.prototype.createSyncAccessHandle;
  const reopened: FakeFile[] = [];
  FakeFile.prototype.createSyncAccessHandle = async function (this: FakeFile) {
    await new Promise((resolve) => setTimeout(resolve));
    reopened.push(this);
    return open.call(this);
  };
  try {
    const released = store.release(extents.slice(1));
    const other = store.read([{ extent: extents[0]!, start: 0, length: 10 }]);
    expect((await other)[0]).toEqual(pattern(120 * KiB, 0).slice(0, 10));
    await released;
  } finally {
    FakeFile.prototype.createSyncAccessHandle = open;
  }
  expect(reopened.length).toBe(3);
  expect(directory.openHandles).toBe(directory.files.size);
  await expectBytes(store, extents[0]!, pattern(120 * KiB, 0));
  await store.close();
  expect(directory.openHandles).toBe(0);
});

describe("packing", () => {
  /** Blocks of 16 KiB in three arenas, of which the last one of each stays. */
  async function spread(): Promise<{ store: OpfsBlobStore; first: Extent; kept: [Extent, Uint8Array][] }> {
    const store = await openWith();
    const blocks: [Extent, Uint8Array][] = [];
    for (let i = 0; i < 33; i++) {
      const bytes = pattern(16 * KiB, i);
      blocks.push([await store.write(bytes), bytes]);
    }
    nowMs += 2000;
    const isKept = (i: number) => [15, 31, 32].includes(i);
    await store.release(blocks.filter((_, i) => !isKept(i)).map(([extent]) => extent));
    return { store, first: blocks[0]![0], kept: blocks.filter((_, i) => isKept(i)).reverse() };
  }

  test("copies what lies far behind into free space before it, and then gives back what is behind", async () => {
    const { store, first, kept } = await spread();
    const packing = store.packing()!;
    expect(packing.isOutside(first)).toBe(false);
    for (const [extent, bytes] of kept) {
      expect(packing.isOutside(extent)).toBe(true);
      const copy = (await packing.write(bytes, extent))!;
      expect(copy.arena).toBe(1);
      await store.release([extent]);
      await expectBytes(store, copy, bytes);
    }
    expect(store.usage()).toEqual({ bytesReserved: 64 * KiB, bytesUsed: 48 * KiB });
    expect(store.packing()).toBeNull();
  });

  test("never copies behind the block itself, and is left while an arena in use is young", async () => {
    const { store, first, kept } = await spread();
    expect(await store.packing()!.write(pattern(16 * KiB), first)).toBeNull();
    nowMs = 5500;
    expect(store.packing()).toBeNull();
    nowMs = 8000;
    expect(store.packing()!.isOutside(kept[0]![0])).toBe(true);
  });
});
