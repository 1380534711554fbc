import { describe, expect, it } from "vitest";
import { TidepoolError } from "../errors.js";
import { type OrdinalListDelta, ordinalListFormat } from "../segment/ordinal-list.js";
import type { BlobStore, ByteRange, Extent } from "../storage.js";
import { encodeBlock } from "./block.js";
import type { BlockBatch, BlockRef } from "./blockstore.js";
import { BlockStore } from "./blockstore.js";
import type { PostingSection } from "./posting-blockfile.js";
import { PostingBlockfile, postingRefs } from "./posting-blockfile.js";

/** Every blob is an arena of its own. */
class TestBlobs implements BlobStore {
  readonly blobs = new Map<number, Uint8Array>();
  readsOf: number[] = [];
  writesLeft = Infinity;
  #next = 1;

  async retain(): Promise<void> {}
  async write(bytes: Uint8Array): Promise<Extent> {
    if (this.writesLeft-- <= 0) throw new TidepoolError("QUOTA_EXCEEDED", "full");
    this.blobs.set(this.#next, bytes.slice());
    return { arena: this.#next++, offset: 0, length: bytes.length };
  }
  async flush(): Promise<void> {}
  async read(ranges: readonly ByteRange[]): Promise<Uint8Array[]> {
    return ranges.map(({ extent, start, length }) => {
      this.readsOf.push(extent.arena);
      const blob = this.blobs.get(extent.arena);
      if (blob === undefined) throw new TidepoolError("CORRUPTION", "no such blob");
      return blob.slice(start, start + length);
    });
  }
  async release(extents: Iterable<Extent>): Promise<void> {
    for (const { arena } of extents) if (!this.blobs.delete(arena)) throw new Error(`blob ${arena} released twice`);
  }
  holds(): boolean {
    return true;
  }

  async vacuum(): Promise<void> {}

  packing(): null {
    return null;
  }

  settledAt(): number {
    return 0;
  }
  usage(): { bytesReserved: number; bytesUsed: number } {
    return { bytesReserved: 0, bytesUsed: 0 };
  }
}

const BLOCK_BYTES_MAX = 2048;
const EMPTY: PostingSection = { blocks: [] };

type OrdinalBlocks = PostingBlockfile<Uint32Array, OrdinalListDelta>;

/** Without a cache every read shows in `readsOf`. */
function open(cacheBytesMax = 0): { blobs: TestBlobs; store: BlockStore; file: OrdinalBlocks; blocks: BlockBatch } {
  const blobs = new TestBlobs();
  const store = new BlockStore(blobs, cacheBytesMax);
  const file = new PostingBlockfile(store, "segment metadata", ordinalListFormat, BLOCK_BYTES_MAX);
  return { blobs, store, file, blocks: store.begin() };
}

function added(entries: Iterable<[string, number[]]>): Map<string, OrdinalListDelta> {
  return new Map([...entries].map(([key, add]) => [key, { add, remove: [] }]));
}

function removed(entries: Iterable<[string, number[]]>): Map<string, OrdinalListDelta> {
  return new Map([...entries].map(([key, remove]) => [key, { add: [], remove }]));
}

/** Keys "00000" to count, one ordinal each. */
function numbered(count: number): Map<string, OrdinalListDelta> {
  return added(Array.from({ length: count }, (_, i) => [String(i).padStart(5, "0"), [i]]));
}

async function contents(file: OrdinalBlocks, section: PostingSection, from = "", to = "\uffff\uffff"): Promise<[string, number[]][]> {
  const found: [string, number[]][] = [];
  for await (const run of file.range(section, from, to)) {
    const rows = [...run].map(([key, ordinals]): [string, number[]] => [key, [...ordinals]]);
    expect([...run.values]).toEqual(rows.flatMap(([, ordinals]) => ordinals));
    found.push(...rows);
  }
  return found;
}

function released(before: PostingSection, after: PostingSection): BlockRef[] {
  const used = new Set(postingRefs(after).map((ref) => ref.arena));
  return postingRefs(before).filter((ref) => !used.has(ref.arena));
}

/** Small, fast and reproducible (Mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

async function errorOf(promise: Promise<unknown>): Promise<TidepoolError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TidepoolError);
  return error as TidepoolError;
}

describe("PostingBlockfile", () => {
  it("finds nothing in an empty section and stays empty when nothing is added", async () => {
    const { blobs, file, blocks } = open();
    expect(await file.lookup(EMPTY, "a")).toEqual(new Uint32Array(0));
    expect(await contents(file, EMPTY)).toEqual([]);
    expect(await file.apply(EMPTY, removed([["a", [1]]]), blocks)).toEqual(EMPTY);
    expect(await file.apply(EMPTY, added([["a", []]]), blocks)).toEqual(EMPTY);
    expect(blobs.blobs.size).toBe(0);
  });

  it("sorts ordinals, drops repeats, and takes adding a present or removing an absent one as done", async () => {
    const { file, blocks } = open();
    const first = await file.apply(
      EMPTY,
      added([
        ["b", [7, 3, 3, 0xffffffff]],
        ["a", [1]],
      ]),
      blocks,
    );
    expect(await contents(file, first)).toEqual([
      ["a", [1]],
      ["b", [3, 7, 0xffffffff]],
    ]);
    const again = await file.apply(
      first,
      new Map([
        ["b", { add: [7], remove: [8, 4] }],
        ["c", { add: [], remove: [1] }],
      ]),
      blocks,
    );
    expect(again).toEqual(first);
    const second = await file.apply(
      first,
      new Map([
        ["b", { add: [5, 4], remove: [7, 3, 7] }],
        ["a", { add: [], remove: [1] }],
      ]),
      blocks,
    );
    expect(await contents(file, second)).toEqual([["b", [4, 5, 0xffffffff]]]);
    expect(second.blocks.map((block) => block.firstKey)).toEqual(["b"]);
    const both = await file.apply(second, new Map([["b", { add: [4, 9], remove: [4, 9] }]]), blocks);
    expect(await file.lookup(both, "b")).toEqual(Uint32Array.of(4, 5, 9, 0xffffffff));
  });

  it("answers ranges without their end, from and to keys that need not exist", async () => {
    const { file, blocks } = open();
    const section = await file.apply(EMPTY, numbered(1000), blocks);
    expect(section.blocks.length).toBeGreaterThan(5);
    const keys = async (from: string, to: string): Promise<string[]> => (await contents(file, section, from, to)).map(([key]) => key);
    expect(await keys("00498", "00502")).toEqual(["00498", "00499", "00500", "00501"]);
    expect(await keys("00498x", "00499x")).toEqual(["00499"]);
    expect(await keys("0", "00002")).toEqual(["00000", "00001"]);
    expect(await keys("00998", "9")).toEqual(["00998", "00999"]);
    expect(await keys("00500", "00500")).toEqual([]);
    expect(await keys("00500", "00400")).toEqual([]);
    expect((await keys("", "~")).length).toBe(1000);
  });

  it("reads one block for a look-up and only the blocks concerned for a change, and keeps the references of the others", async () => {
    const { blobs, file, blocks } = open();
    const section = await file.apply(EMPTY, numbered(2000), blocks);
    const bytesBefore = new Map(blobs.blobs);
    blobs.readsOf = [];
    expect(await file.lookup(section, "01234")).toEqual(Uint32Array.of(1234));
    expect(await file.lookup(section, "01234x")).toEqual(new Uint32Array(0));
    expect(blobs.readsOf.length).toBe(2);
    blobs.readsOf = [];
    const next = await file.apply(
      section,
      added([
        ["00900", [5000]],
        ["01500", [5001]],
      ]),
      blocks,
    );
    expect(new Set(blobs.readsOf).size).toBe(2);
    expect(released(section, next).length).toBe(2);
    const kept = next.blocks.filter((block) => section.blocks.includes(block));
    expect(kept.length).toBe(section.blocks.length - 2);
    // The old section is a snapshot that still reads as before.
    expect(await file.lookup(section, "00900")).toEqual(Uint32Array.of(900));
    expect(await file.lookup(next, "00900")).toEqual(Uint32Array.of(900, 5000));
    for (const [arena, bytes] of bytesBefore) expect(blobs.blobs.get(arena)).toEqual(bytes);
  });

  it("writes nothing for a change that changes nothing", async () => {
    const { blobs, file, blocks } = open();
    const section = await file.apply(EMPTY, numbered(500), blocks);
    const count = blobs.blobs.size;
    expect(await file.apply(section, numbered(500), blocks)).toEqual(section);
    expect(blobs.blobs.size).toBe(count);
  });

  it("joins what is left after most keys went, and vanishes after the last", async () => {
    const { file, blocks } = open();
    const section = await file.apply(EMPTY, numbered(2000), blocks);
    const most = removed([...numbered(2000)].filter((_, i) => i % 100 !== 0).map(([key, { add }]) => [key, add]));
    const sparse = await file.apply(section, most, blocks);
    expect(sparse.blocks.length).toBe(1);
    expect((await contents(file, sparse)).length).toBe(20);
    const rest = removed(await contents(file, sparse));
    expect(await file.apply(sparse, rest, blocks)).toEqual(EMPTY);
  });

  it("takes small neighbours in, before and after, when a block between them shrinks", async () => {
    const { file, blocks } = open();
    const big = (prefix: string, count: number): [string, number[]][] =>
      Array.from({ length: count }, (_, i) => [`${prefix}${String(i).padStart(3, "0")}`, [i]]);
    let section = await file.apply(EMPTY, added([["m", Array.from({ length: 600 }, (_, i) => i)]]), blocks);
    section = await file.apply(section, added([...big("a", 3), ...big("z", 3)]), blocks);
    expect(section.blocks.map((block) => block.firstKey)).toEqual(["a000", "m", "z000"]);
    const joined = await file.apply(section, removed([["m", Array.from({ length: 599 }, (_, i) => i)]]), blocks);
    expect(joined.blocks.map((block) => block.firstKey)).toEqual(["a000"]);
    expect((await contents(file, joined)).map(([key]) => key)).toEqual(["a000", "a001", "a002", "m", "z000", "z001", "z002"]);
  });

  it("cuts an overflowing block in the middle", async () => {
    const { file, blocks } = open();
    let section = EMPTY;
    for (let i = 0; section.blocks.length < 2; i++) section = await file.apply(section, added([[String(i).padStart(5, "0"), [i]]]), blocks);
    const [first, second] = postingRefs(section);
    expect(Math.abs(first!.length - second!.length)).toBeLessThan(100);
  });

  it("gives a posting list longer than a block a block of its own", async () => {
    const { file, blocks } = open();
    const long = Array.from({ length: 5000 }, (_, i) => i * 3);
    const section = await file.apply(EMPTY, new Map([...numbered(50), ...added([["00020x", long]])]), blocks);
    expect(section.blocks.map((block) => block.firstKey)).toContain("00020x");
    for (const { firstKey, ref } of section.blocks) {
      if (firstKey === "00020x") expect(ref.length).toBeGreaterThan(20_000);
      else expect(ref.length).toBeLessThanOrEqual(BLOCK_BYTES_MAX);
    }
    const grown = await file.apply(section, added([["00020x", [1, 20_000]]]), blocks);
    expect([...(await file.lookup(grown, "00020x"))]).toEqual([0, 1, ...long.slice(1), 20_000]);
  });

  it("orders keys by code unit, and takes a lone surrogate for U+FFFD", async () => {
    const { file, blocks } = open();
    const keys = ["\u{1f419}", "\uffee", "z", "a\u0000b", "a", "", "\ud800x"];
    const section = await file.apply(EMPTY, added(keys.map((key, i) => [key, [i]])), blocks);
    expect((await contents(file, section)).map(([key]) => key)).toEqual(["", "a", "a\u0000b", "z", "\u{1f419}", "\uffee", "\ufffdx"]);
    expect(await file.lookup(section, "\udfffx")).toEqual(Uint32Array.of(6));
    const merged = await file.apply(
      section,
      added([
        ["\ud801x", [8]],
        ["\udc00x", [7]],
      ]),
      blocks,
    );
    expect(await file.lookup(merged, "\ufffdx")).toEqual(Uint32Array.of(6, 7, 8));
  });

  it("agrees with a Map of Sets over many rounds, and neither leaks nor frees a block in use", async () => {
    for (let seed = 1; seed <= 3; seed++) await runModel(seed);
  }, 60_000);

  it("awaits the tick between stretches of work", async () => {
    const { file, blocks } = open();
    let ticks = 0;
    const section = await file.apply(EMPTY, numbered(5000), blocks, () => void ticks++);
    expect(ticks).toBeGreaterThan(5000 / 300);
    ticks = 0;
    await file.apply(section, numbered(5000), blocks, async () => void ticks++);
    expect(ticks).toBeGreaterThan(5000 / 300);
  });

  it("writes to nothing but the batch when it fails, and leaves the old section whole", async () => {
    const { blobs, store, file, blocks } = open();
    const section = await file.apply(EMPTY, numbered(1000), blocks);
    const blobsBefore = [...blobs.blobs.keys()];
    blobs.writesLeft = 3;
    const failed = store.begin();
    const error = await errorOf(file.apply(section, added([...numbered(1000).keys()].map((key) => [key, [7777]])), failed));
    expect(error.code).toBe("QUOTA_EXCEEDED");
    expect(blobs.blobs.size).toBe(blobsBefore.length + 3);
    await failed.giveBack();
    expect([...blobs.blobs.keys()]).toEqual(blobsBefore);
    expect((await contents(file, section)).length).toBe(1000);
  });

  it("calls any flipped byte corruption and names the owner", async () => {
    const { blobs, file, blocks } = open();
    const section = await file.apply(EMPTY, numbered(20), blocks);
    const [bytes] = [...blobs.blobs.values()];
    for (let at = 0; at < bytes!.length; at += 5) {
      bytes![at]! ^= 0x10;
      const error = await errorOf(file.lookup(section, "00007"));
      expect(error.code).toBe("CORRUPTION");
      expect(error.message).toContain("segment metadata");
      bytes![at]! ^= 0x10;
    }
    expect((await errorOf(file.apply({ blocks: [{ firstKey: "a", ref: section.blocks[0]!.ref }] }, numbered(1), blocks))).code).toBe(
      "CORRUPTION",
    );
  });

  it("refuses to build on a block whose keys do not ascend or that holds something else", async () => {
    const { file, blocks } = open();
    const lists = [Uint32Array.of(1), Uint32Array.of(2)];
    const unordered = await blocks.write(
      encodeBlock(
        [
          { type: "utf8", name: "key", values: ["b", "a"] },
          { type: "u32-list", name: "ordinals", values: lists },
        ],
        2,
      ),
    );
    const foreign = await blocks.write(encodeBlock([{ type: "utf8", name: "id", values: ["b", "a"] }], 2));
    for (const ref of [unordered, foreign]) {
      expect((await errorOf(file.apply({ blocks: [{ firstKey: "b", ref }] }, added([["c", [1]]]), blocks))).code).toBe("CORRUPTION");
    }
    expect((await errorOf(file.lookup({ blocks: [{ firstKey: "b", ref: foreign }] }, "b"))).code).toBe("CORRUPTION");
  });
});

/** Seeded rounds of deltas against a model; every look-up, range, order, bound and reference is checked. */
async function runModel(seed: number): Promise<void> {
  const pick = random(seed);
  const { blobs, store, file, blocks } = open(16 * BLOCK_BYTES_MAX);
  const model = new Map<string, Set<number>>();
  let section = EMPTY;
  for (let round = 0; round < 30; round++) {
    const where = `seed ${seed}, round ${round}`;
    const deltas = randomDeltas(pick, round % 10 === 9);
    applyToModel(model, deltas);
    const next = await file.apply(section, deltas, blocks);
    await store.release(released(section, next));
    section = next;
    const expected = [...model].filter(([, set]) => set.size > 0).sort(([a], [b]) => (a < b ? -1 : 1));
    const plain = expected.map(([key, set]) => [key, [...set].sort((a, b) => a - b)]);
    expect(await contents(file, section), where).toEqual(plain);
    expect([...blobs.blobs.keys()].sort(), where).toEqual(
      postingRefs(section)
        .map((ref) => ref.arena)
        .sort(),
    );
    for (let i = 0; i < 5; i++) {
      const key = randomKey(pick);
      expect([...(await file.lookup(section, key))], where).toEqual([...(model.get(key) ?? [])].sort((a, b) => a - b));
      const [from, to] = [randomKey(pick), randomKey(pick)].sort() as [string, string];
      expect(await contents(file, section, from, to), where).toEqual(plain.filter(([key]) => key! >= from && key! < to));
    }
    for (const ref of postingRefs(section)) {
      const rows = (await store.read(ref, "test")).rows;
      if (rows > 1) expect(ref.length, where).toBeLessThanOrEqual(BLOCK_BYTES_MAX);
    }
  }
}

function randomKey(pick: (below: number) => number): string {
  return (
    ["a", "ł", "\u{1f419}", "key\u0000"][pick(4)]! +
    pick(60)
      .toString(36)
      .repeat(1 + pick(3))
  );
}

/** Mostly a few changes; now and then removals of nearly everything. */
function randomDeltas(pick: (below: number) => number, sweep: boolean): Map<string, OrdinalListDelta> {
  const deltas = new Map<string, OrdinalListDelta>();
  for (let n = sweep ? 500 : 1 + pick(40); n > 0; n--) {
    const ordinals = Array.from({ length: pick(12) }, () => pick(64));
    const everything = Array.from({ length: 600 }, (_, i) => i);
    const many = pick(60) === 0 ? everything.filter(() => pick(2) === 0) : [];
    deltas.set(
      randomKey(pick),
      sweep ? { add: [], remove: everything } : { add: [...ordinals, ...many], remove: Array.from({ length: pick(6) }, () => pick(64)) },
    );
  }
  return deltas;
}

function applyToModel(model: Map<string, Set<number>>, deltas: ReadonlyMap<string, OrdinalListDelta>): void {
  for (const [key, { add, remove }] of deltas) {
    const set = model.get(key) ?? new Set();
    for (const ordinal of remove) set.delete(ordinal);
    for (const ordinal of add) set.add(ordinal);
    model.set(key, set);
  }
}
