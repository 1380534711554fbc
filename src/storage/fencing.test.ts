/** Two engines over one database, as after the lease was taken from a frozen tab that thaws: the earlier one can do no harm. */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { beforeEach, describe, expect, test } from "vitest";
import type { TidepoolError } from "../core/errors.js";
import type { Extent, Storage } from "../core/storage.js";
import { Random } from "../testing/environment.js";
import { FakeDirectory, installFakeFileSystem } from "../testing/fake-file-system.js";
import { gate, turns } from "../testing/gate.js";
import { pattern } from "../testing/storage-conformance.js";
import { openIndexedDbStorage } from "./idb/indexeddb-storage.js";
import { openOpfsStorage } from "./opfs/opfs-storage.js";
import type { Predecessors, Tenure } from "./tenure.js";

const KiB = 1024;
const arenaLimits = { arenaBytesMin: 64 * KiB, arenaBytesMax: 256 * KiB, arenaReserveBytes: 0, arenaSettleMs: 0, arenaSpreadMax: 2 };

let root: FakeDirectory;
beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  installFakeFileSystem((root = Object.assign(new FakeDirectory(), { sharesHandles: true })));
});

interface Opened {
  storage: Storage;
  losses: TidepoolError[];
}

type Open = (predecessors?: Predecessors) => Promise<Opened>;

function opening(open: (tenure: Tenure) => Promise<Storage>): Open {
  return async (predecessors) => {
    const losses: TidepoolError[] = [];
    const storage = await open({ predecessors: async () => predecessors ?? null, lost: (error) => void losses.push(error) });
    return { storage, losses };
  };
}

const openOpfs = opening((tenure) => openOpfsStorage("db", "strict", () => 0, arenaLimits, tenure));
const openIdb = opening((tenure) => openIndexedDbStorage("db", "strict", tenure));
const never: Predecessors = { gone: new Promise(() => undefined) };

const entry = (offset: number) => ({ collectionId: "a", offset, bytes: pattern(10, offset) });
const bytesOf = async ({ blobs }: Storage, extent: Extent): Promise<Uint8Array> =>
  (await blobs.read([{ extent, start: 0, length: extent.length }]))[0]!;

describe.each([
  ["opfs", openOpfs],
  ["indexeddb", openIdb],
] as const)("%s", (_, open) => {
  test("nothing of an earlier generation reaches log or catalog any more, and its holder is told once", async () => {
    const old = await open();
    await old.storage.blobs.retain([]);
    await old.storage.log.append([entry(1)]);
    const next = await open(never);
    const lost = { code: "LEASE_LOST", message: expect.stringContaining("has had no effect") };
    const appends = [2, 3].map((offset) => old.storage.log.append([entry(offset)]));
    for (const append of appends) await expect(append).rejects.toMatchObject({ code: "LEASE_LOST" });
    await expect(old.storage.catalog.commit({ put: new Map([["key", pattern(3)]]) })).rejects.toMatchObject(lost);
    expect(old.losses).toHaveLength(1);
    expect(await next.storage.log.read("a", 0, Infinity)).toEqual([entry(1)]);
    expect(await next.storage.catalog.get("key")).toBeNull();
    await next.storage.log.append([entry(2)]);
    expect(next.losses).toEqual([]);
  });

  test("whoever asks whether it is still the latest learns that it is not", async () => {
    const old = await open();
    await old.storage.confirm!();
    const next = await open(never);
    await expect(old.storage.confirm!()).rejects.toMatchObject({ code: "LEASE_LOST" });
    await next.storage.confirm!();
  });

  test("a record of the same offset is the later generation's, whichever comes first", async () => {
    const old = await open();
    const next = await open(never);
    await next.storage.log.append([entry(1)]);
    await expect(old.storage.log.append([{ ...entry(1), bytes: pattern(5) }])).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(await next.storage.log.read("a", 0, Infinity)).toEqual([entry(1)]);
  });

  test("an unreadable generation is nobody's, and the next opening counts on", async () => {
    const old = await open();
    await old.storage.catalog.commit({ put: new Map([["generation", pattern(7)]]) });
    await expect(old.storage.log.append([entry(1)])).rejects.toMatchObject({ code: "LEASE_LOST" });
    const next = await open(never);
    await next.storage.blobs.retain([]);
    await next.storage.log.append([entry(1)]);
    await next.storage.blobs.write(pattern(10));
  });
});

test("blobs of an earlier generation are not written to IndexedDB any more", async () => {
  const old = await openIdb();
  await old.storage.blobs.retain([]);
  await openIdb(never);
  await expect(old.storage.blobs.write(pattern(10))).rejects.toMatchObject({ code: "LEASE_LOST" });
});

describe("arenas", () => {
  const numbers = (extents: readonly Extent[]): number[] => [...new Set(extents.map(({ arena }) => arena))];

  test("of an earlier generation are only read until nobody else has them open, and ordinary again after that", async () => {
    const old = await openOpfs();
    await old.storage.blobs.retain([]);
    const kept = await old.storage.blobs.write(pattern(9 * KiB, 1));
    const freed = await old.storage.blobs.write(pattern(9 * KiB, 2));
    const { held, open: leave } = gate();
    const { storage: next } = await openOpfs({ gone: held });
    await next.blobs.retain([kept, freed]);
    await next.blobs.release([freed]);
    const written = await next.blobs.write(pattern(9 * KiB, 3));
    expect(numbers([kept, freed])).toEqual([1_000_001]);
    expect(written.arena).toBe(2_000_001);
    // It goes on for a while, as it does not know better.
    await old.storage.blobs.release([freed]);
    await old.storage.blobs.write(pattern(60 * KiB, 4));
    await old.storage.close();
    leave();
    await turns();
    const again = await next.blobs.write(pattern(9 * KiB, 5));
    expect(again).toMatchObject({ arena: freed.arena, offset: freed.offset });
    for (const [extent, seed] of [
      [kept, 1],
      [written, 3],
      [again, 5],
    ] as const) {
      expect(await bytesOf(next, extent)).toEqual(pattern(9 * KiB, seed));
    }
  });

  test("who has lost the lease before it knew what is in use never gets an idea of free space", async () => {
    const old = await openOpfs();
    await openOpfs(never);
    await expect(old.storage.blobs.retain([])).rejects.toMatchObject({ code: "LEASE_LOST" });
    await expect(old.storage.blobs.write(pattern(10))).rejects.toThrow();
  });

  test("of a later generation are passed over by whoever opens late", async () => {
    const { storage: next } = await openOpfs();
    await next.blobs.retain([]);
    await next.blobs.write(pattern(10));
    const directory = root.directories.get("tidepool")!.directories.get("db")!;
    await directory.getFileHandle("arena-9000001-0", { create: true });
    const { storage: later } = await openOpfs(never);
    await later.blobs.retain([]);
    expect(directory.files.get("arena-9000001-0")!.openHandles).toBe(0);
  });

  test("that a frozen holder has for itself are LOCKED, and it is said why", async () => {
    root.sharesHandles = false;
    const old = await openOpfs();
    await old.storage.blobs.retain([]);
    root.directories.get("tidepool")!.directories.get("db")!.sharesHandles = false;
    const message = expect.stringMatching(/does not answer any more has the files .* open/);
    await expect(openOpfs(never)).rejects.toMatchObject({ code: "LOCKED", message });
  }, 20_000);

  test.each([1, 2, 3, 4])("keep what the later engine relies upon, whatever the earlier one does (seed %i)", async (seed) => {
    const random = new Random(seed);
    const old = (await openOpfs()).storage;
    await old.blobs.retain([]);
    const ofOld = await fill(old, random, 20);
    const { held, open: leave } = gate();
    const next = (await openOpfs({ gone: held })).storage;
    // What is committed stays used in the books of the earlier engine; the rest it may free.
    const committed = ofOld.slice(0, 10);
    await next.blobs.retain(committed.map(({ extent }) => extent));
    let live = [...committed];
    let others = ofOld.slice(10);
    for (let step = 0; step < 150; step++) {
      if (step === 100) {
        await old.close();
        leave();
        await turns();
      }
      if (step < 100) others = await churn(old, random, others);
      live = await churn(next, random, live);
      for (const { extent, bytes } of live) expect(Buffer.compare(await bytesOf(next, extent), bytes)).toBe(0);
    }
  });

  interface Kept {
    extent: Extent;
    bytes: Uint8Array;
  }

  async function fill(storage: Storage, random: Random, count: number): Promise<Kept[]> {
    const kept: Kept[] = [];
    for (let i = 0; i < count; i++) kept.push(await write(storage, random));
    return kept;
  }

  async function write({ blobs }: Storage, random: Random): Promise<Kept> {
    const bytes = pattern(1 + random.below(40 * KiB), random.below(1000));
    return { extent: await blobs.write(bytes), bytes };
  }

  /** Writes one, or gives some back, which may cut arenas. */
  async function churn(storage: Storage, random: Random, kept: Kept[]): Promise<Kept[]> {
    if (random.chance(0.55)) return [...kept, await write(storage, random)];
    const gone = kept.filter(() => random.chance(0.3));
    await storage.blobs.release(gone.map(({ extent }) => extent));
    return kept.filter((one) => !gone.includes(one));
  }
});
