import { describe, expect, it } from "vitest";
import { crc32 } from "../base/checksum.js";
import { TidepoolError } from "../errors.js";
import type { BlobStore, ByteRange, Extent } from "../storage.js";
import { encodeBlock } from "./block.js";
import type { BlockPart, BlockRef } from "./blockstore.js";
import { BlockStore } from "./blockstore.js";

/** Blobs in one arena, never reusing space unless told to. */
class TestBlobs implements BlobStore {
  readonly arena = new Uint8Array(1 << 20);
  readonly released: Extent[] = [];
  readonly retained: Extent[] = [];
  reads = 0;
  flushes = 0;
  next = 0;
  /** Held back until resolved, to keep loads under way. */
  gate: Promise<void> = Promise.resolve();
  /** Holds back the answers to writes likewise. */
  writeGate: Promise<void> = Promise.resolve();

  async retain(extents: Iterable<Extent>): Promise<void> {
    this.retained.push(...extents);
  }
  async write(bytes: Uint8Array): Promise<Extent> {
    const extent = { arena: 1, offset: this.next, length: bytes.length };
    this.arena.set(bytes, extent.offset);
    this.next += bytes.length;
    await this.writeGate;
    return extent;
  }
  async flush(): Promise<void> {
    this.flushes++;
  }
  async read(ranges: readonly ByteRange[]): Promise<Uint8Array[]> {
    this.reads++;
    await this.gate;
    return ranges.map(({ extent, start, length }) => {
      const from = extent.offset + start;
      if (extent.arena !== 1 || from + length > this.next) throw new TidepoolError("CORRUPTION", "short arena");
      return this.arena.slice(from, from + length);
    });
  }
  async release(extents: Iterable<Extent>): Promise<void> {
    this.released.push(...extents);
  }
  holds(): boolean {
    return true;
  }

  async vacuum(): Promise<void> {}

  packing(): null {
    return null;
  }

  settledAt(): number {
    return 42;
  }
  usage(): { bytesReserved: number; bytesUsed: number } {
    return { bytesReserved: this.arena.length, bytesUsed: this.next };
  }
}

function ordinals(first: number): Uint8Array {
  return encodeBlock([{ type: "u32", name: "ordinal", values: Uint32Array.from({ length: 100 }, (_, i) => first + i) }], 100);
}

async function errorOf(promise: Promise<unknown>): Promise<TidepoolError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TidepoolError);
  return error as TidepoolError;
}

async function open(cacheBytesMax?: number): Promise<{ blobs: TestBlobs; store: BlockStore; refs: BlockRef[] }> {
  const blobs = new TestBlobs();
  const store = new BlockStore(blobs, cacheBytesMax);
  const blocks = store.begin();
  const refs: BlockRef[] = [];
  for (let i = 0; i < 4; i++) refs.push(await blocks.write(ordinals(i * 1000)));
  return { blobs, store, refs };
}

const size = ordinals(0).length;

describe("BlockStore", () => {
  it("reads what was written, once from disk", async () => {
    const { blobs, store, refs } = await open();
    const block = await store.read(refs[1]!, "test");
    expect(block.u32("ordinal")[0]).toBe(1000);
    expect(await store.read({ ...refs[1]! }, "test")).toBe(block);
    expect(blobs.reads).toBe(1);
    expect(await store.readBytes(refs[2]!, "test")).toEqual(ordinals(2000));
    expect(store.cacheBytes).toBe(size);
  });

  it("drops the block read longest ago when the cache is full, without harm to its holders", async () => {
    const { blobs, store, refs } = await open(size * 2);
    const first = await store.read(refs[0]!, "test");
    await store.read(refs[1]!, "test");
    await store.read(refs[0]!, "test");
    await store.read(refs[2]!, "test");
    expect(store.cacheBytes).toBe(size * 2);
    expect(blobs.reads).toBe(3);
    await store.read(refs[0]!, "test");
    expect(blobs.reads).toBe(3);
    const second = await store.read(refs[1]!, "test");
    expect(blobs.reads).toBe(4);
    await store.read(refs[3]!, "test");
    expect(first.u32("ordinal")[99]).toBe(99);
    expect(second.u32("ordinal")[99]).toBe(1099);
  });

  it("answers a block larger than the cache without keeping it", async () => {
    const { blobs, store, refs } = await open(size - 1);
    for (let i = 0; i < 2; i++) expect((await store.read(refs[0]!, "test")).rows).toBe(100);
    expect(blobs.reads).toBe(2);
    expect(store.cacheBytes).toBe(0);
  });

  it("shares a load under way", async () => {
    const { blobs, store, refs } = await open();
    const [a, b] = await Promise.all([store.read(refs[0]!, "test"), store.read(refs[0]!, "test")]);
    expect(a).toBe(b);
    expect(blobs.reads).toBe(1);
    expect(store.cacheBytes).toBe(size);
  });

  it("forgets a released block, even one whose load is under way", async () => {
    const { blobs, store, refs } = await open();
    await store.read(refs[0]!, "test");
    let openGate = (): void => {};
    blobs.gate = new Promise((resolve) => (openGate = resolve));
    const load = store.read(refs[1]!, "test");
    await store.release([refs[0]!, refs[1]!]);
    openGate();
    expect((await load).rows).toBe(100);
    expect(store.cacheBytes).toBe(0);
    expect(blobs.released).toEqual([refs[0], refs[1]]);
  });

  it("does not take a later block in the same space for the earlier one", async () => {
    const { blobs, store, refs } = await open();
    await store.read(refs[0]!, "test");
    blobs.next = 0;
    const replaced = await store.begin().write(ordinals(7000));
    expect((await store.read(replaced, "test")).u32("ordinal")[0]).toBe(7000);
  });

  it("names block, owner and both checksums when a byte is flipped, and recovers when the bytes do", async () => {
    const { blobs, store, refs } = await open();
    const { offset, length, crc32 } = refs[1]!;
    blobs.arena[offset + length - 20]! ^= 4;
    const error = await errorOf(store.read(refs[1]!, 'collection "notes", segment record'));
    expect(error.code).toBe("CORRUPTION");
    expect(error.message).toMatch(
      new RegExp(
        `^Block 1:${offset}\\+${length} of collection "notes", segment record fails its checksum \\(expected ${crc32}, found \\d+\\)`,
      ),
    );
    expect((await errorOf(store.readBytes(refs[1]!, "x"))).code).toBe("CORRUPTION");
    expect(store.cacheBytes).toBe(0);
    blobs.arena[offset + length - 20]! ^= 4;
    expect((await store.read(refs[1]!, "test")).rows).toBe(100);
  });

  it("names the owner of a block that is not there or is no Arrow stream", async () => {
    const { store } = await open();
    const missing = await errorOf(store.read({ arena: 3, offset: 0, length: 8, crc32: 0 }, "segment text"));
    expect(missing).toMatchObject({ code: "CORRUPTION", message: "Block 3:0+8 of segment text is not there: short arena" });
    const foreign = await errorOf(store.read(await store.begin().write(new Uint8Array(64)), "segment text"));
    expect(foreign.code).toBe("CORRUPTION");
    expect(foreign.message).toContain("of segment text matches its checksum but is not a block");
  });

  it("passes other failures of the storage through as they are", async () => {
    const { blobs, store, refs } = await open();
    blobs.gate = Promise.reject(new TidepoolError("CLOSED", "closed"));
    expect((await errorOf(store.read(refs[0]!, "test"))).code).toBe("CLOSED");
    blobs.gate = Promise.resolve();
    expect((await store.read(refs[0]!, "test")).rows).toBe(100);
  });

  it("reads single rows at the offset that the block names", async () => {
    const { store } = await open();
    const ref = await store
      .begin()
      .write(encodeBlock([{ type: "fixed-f32", name: "e", width: 2, values: Float32Array.of(1, 2, 3, 4) }], 2));
    const offset = (await store.read(ref, "test")).fixedF32Offset("e");
    const row = new Uint8Array(8);
    await store.readRows([{ extent: ref, start: offset + 8, length: 8 }], row, "pages");
    expect(new Float32Array(row.buffer)).toEqual(Float32Array.of(3, 4));
  });

  it("hands retained extents, settling time and usage through", async () => {
    const { blobs, store, refs } = await open();
    await store.retain(refs);
    expect(blobs.retained).toEqual(refs);
    expect(store.settledAt()).toBe(42);
    expect(store.usage().bytesUsed).toBe(size * 4);
  });
});

describe("BlockBatch", () => {
  it("gives back exactly its own blocks, also while another batch is written", async () => {
    const { blobs, store } = await open();
    const [failed, other] = [store.begin(), store.begin()];
    const own = [await failed.write(ordinals(1))];
    const others = [await other.write(ordinals(2))];
    own.push(await failed.write(ordinals(3)));
    await failed.giveBack();
    expect(blobs.released).toEqual(own);
    others.push(await other.write(ordinals(4)));
    await other.giveBack();
    expect(blobs.released).toEqual([...own, ...others]);
  });

  it("leaves another batch's blocks to that batch when it is published", async () => {
    const { blobs, store } = await open();
    const [one, other] = [store.begin(), store.begin()];
    await one.write(ordinals(1));
    const ref = await other.write(ordinals(2));
    one.publish();
    await one.giveBack();
    expect(blobs.released).toEqual([]);
    await other.giveBack();
    expect(blobs.released).toEqual([ref]);
  });

  it("releases once what is given back twice, even at the same time", async () => {
    const { blobs, store } = await open();
    const blocks = store.begin();
    const ref = await blocks.write(ordinals(1));
    await Promise.all([blocks.giveBack(), blocks.giveBack()]);
    await blocks.giveBack();
    expect(blobs.released).toEqual([ref]);
  });

  it("gives nothing back once it is published", async () => {
    const { blobs, store } = await open();
    const blocks = store.begin();
    const ref = await blocks.write(ordinals(1));
    blocks.publish();
    await blocks.giveBack();
    expect(blobs.released).toEqual([]);
    expect((await store.read(ref, "test")).u32("ordinal")[0]).toBe(1);
  });

  it("takes a block that it gives back out of the cache", async () => {
    const { store } = await open();
    const blocks = store.begin();
    await store.read(await blocks.write(ordinals(1)), "test");
    expect(store.cacheBytes).toBe(size);
    await blocks.giveBack();
    expect(store.cacheBytes).toBe(0);
  });

  it("takes no block any more once it is over, and lets none go astray that was under way", async () => {
    const { blobs, store } = await open();
    const blocks = store.begin();
    let openGate = (): void => {};
    blobs.writeGate = new Promise((resolve) => (openGate = resolve));
    const late = errorOf(blocks.write(ordinals(1)));
    await blocks.giveBack();
    openGate();
    expect((await late).code).toBe("INTERNAL");
    expect(blobs.released).toEqual([{ arena: 1, offset: size * 4, length: size, crc32: expect.any(Number) }]);
    expect((await errorOf(blocks.write(ordinals(2)))).code).toBe("INTERNAL");
    expect(blobs.next).toBe(size * 5);
  });

  it("hands a flush through", async () => {
    const { blobs, store } = await open();
    await store.begin().flush();
    expect(blobs.flushes).toBe(1);
  });
});

describe("parts with checksums of their own", () => {
  const bytes = Uint8Array.from({ length: 400 }, (_, i) => i);

  async function written(): Promise<{ store: BlockStore; blobs: TestBlobs; parts: BlockPart[] }> {
    const blobs = new TestBlobs();
    const store = new BlockStore(blobs);
    const batch = store.begin();
    const ref = await batch.write(bytes);
    batch.publish();
    const parts = [0, 64, 200].map((start) => ({ ref, start, length: 50, crc32: crc32(bytes.subarray(start, start + 50)) }));
    return { store, blobs, parts };
  }

  it("are read in one go, in the order given, and stay in memory, where they are to, until their block is released", async () => {
    const { store, blobs, parts } = await written();
    const [first, second, third] = parts as [BlockPart, BlockPart, BlockPart];
    await store.readParts(parts, "lists", false);
    expect([blobs.reads, store.cacheBytes]).toEqual([1, 0]);
    expect(await store.readParts([third, first], "lists", true)).toEqual([bytes.slice(200, 250), bytes.slice(0, 50)]);
    expect(blobs.reads).toBe(2);
    expect(await store.readParts([first, second, third], "lists", true)).toEqual([
      bytes.slice(0, 50),
      bytes.slice(64, 114),
      bytes.slice(200, 250),
    ]);
    expect([blobs.reads, store.cacheBytes]).toEqual([3, 150]);
    await store.release([first.ref]);
    expect(store.cacheBytes).toBe(0);
  });

  it("that are damaged are CORRUPTION with block and place, and others of the block are not", async () => {
    const { store, blobs, parts } = await written();
    blobs.arena[parts[1]!.ref.offset + 70]! ^= 1;
    await expect(store.readParts(parts, 'collection "things"', true)).rejects.toThrow(
      /of collection "things" fails the checksum of its bytes 64\+50/,
    );
    expect(await store.readParts([parts[0]!], "lists", false)).toEqual([bytes.slice(0, 50)]);
  });
});
