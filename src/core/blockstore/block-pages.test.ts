import { expect, test } from "vitest";
import { ByteCache } from "../base/byte-cache.js";
import { limits } from "../limits.js";
import type { ByteRange } from "../storage.js";
import { BlockPages, type BlockRows, type RowReading } from "./block-pages.js";
import type { BlockRef } from "./blockstore.js";

const PAGE = limits.rowPageBytes;

/** Blocks whose bytes tell where they stand, and the ranges that were read of them. */
function open(
  cacheBytesMax = 100 * PAGE,
  hasRoomAhead: (bytes: number) => boolean = () => false,
): {
  pages: BlockPages<BlockRef>;
  cache: ByteCache<string, Uint8Array>;
  reads: [start: number, length: number][];
} {
  const reads: [start: number, length: number][] = [];
  const read = async (ranges: readonly ByteRange[]): Promise<Uint8Array[]> =>
    ranges.map(({ extent, start, length }) => {
      reads.push([start, length]);
      return bytesAt(extent as BlockRef, start, length);
    });
  const cache = new ByteCache<string, Uint8Array>(cacheBytesMax);
  return { pages: new BlockPages({ read }, cache, ({ offset }) => `${offset}`, hasRoomAhead), cache, reads };
}

/** Each row by itself. */
async function readAll(pages: BlockPages<BlockRef>, rows: readonly BlockRows<BlockRef>[], reading?: RowReading): Promise<Uint8Array[]> {
  const into = new Uint8Array(rows.reduce((sum, { length }) => sum + length, 0));
  await pages.read(rows, into, reading);
  let at = 0;
  return rows.map(({ length }) => into.slice(at, (at += length)));
}

function bytesAt({ offset }: BlockRef, start: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (offset + (start + i) * 31) % 251);
}

const block = (offset: number, pages: number): BlockRef => ({ arena: 1, offset, length: pages * PAGE - 100, crc32: 0 });

test("rows come back in the order asked for, also across a page's end and at the block's", async () => {
  const { pages } = open();
  const [one, other] = [block(0, 3), block(5, 2)];
  const rows = [
    { extent: one, start: PAGE - 10, length: 20 },
    { extent: other, start: 7, length: 3 },
    { extent: one, start: one.length - 4, length: 4 },
    { extent: one, start: 0, length: 2 * PAGE + 5 },
  ];
  for (const _ of ["read", "cached"]) {
    expect(await readAll(pages, rows)).toEqual(rows.map(({ extent, start, length }) => bytesAt(extent, start, length)));
  }
});

test("a row is a copy, which its owner may change", async () => {
  const { pages } = open();
  const row = { extent: block(0, 1), start: 3, length: 5 };
  const into = new Uint8Array(5);
  await pages.read([row], into);
  into.fill(0);
  expect(await readAll(pages, [row])).toEqual([bytesAt(row.extent, 3, 5)]);
});

test("neighbours of a row that was read cost no read, and pages that follow each other cost one", async () => {
  const { pages, reads } = open();
  const extent = block(0, 8);
  await readAll(pages, [{ extent, start: 2 * PAGE + 50, length: 10 }]);
  await readAll(pages, [{ extent, start: 2 * PAGE, length: PAGE }]);
  expect(reads.splice(0)).toEqual([[2 * PAGE, PAGE]]);
  await readAll(
    pages,
    [6, 1, 5, 4, 2].map((page) => ({ extent, start: page * PAGE + 9, length: 1 })),
  );
  expect(reads).toEqual([
    [PAGE, PAGE],
    [4 * PAGE, 3 * PAGE],
  ]);
});

test("while there is room, pages around one come with it in one read, but none that are there, and none beyond the block", async () => {
  const asked: number[] = [];
  let hasRoom = true;
  const { pages, reads } = open(100 * PAGE, (bytes) => asked.push(bytes) > 0 && hasRoom);
  const extent = block(0, 10);
  const read = (...of: number[]): Promise<unknown> =>
    readAll(
      pages,
      of.map((page) => ({ extent, start: page * PAGE + 9, length: 1 })),
    );
  await read(6);
  await read(4, 5, 6, 7);
  expect(reads.splice(0)).toEqual([[4 * PAGE, 4 * PAGE]]);
  hasRoom = false;
  await read(2);
  hasRoom = true;
  await read(0, 9);
  await read(3);
  expect(reads).toEqual([
    [2 * PAGE, PAGE],
    [0, 2 * PAGE],
    [8 * PAGE, 2 * PAGE - 100],
    [3 * PAGE, PAGE],
  ]);
  expect(asked).toEqual([1, 1, 2, 1].map((count) => count * limits.rowAheadBytes));
});

test("a part of a block that is read ahead is read at once, but for what is there", async () => {
  const { pages, reads } = open();
  const extent = block(0, 8);
  await readAll(pages, [{ extent, start: 2 * PAGE, length: 1 }]);
  await pages.fill({ extent, start: 0, length: 6 * PAGE });
  expect(reads).toEqual([
    [2 * PAGE, PAGE],
    [0, 2 * PAGE],
    [3 * PAGE, 3 * PAGE],
  ]);
});

test("rows are read by themselves, at once where they follow each other, and nothing is kept", async () => {
  const { pages, cache, reads } = open();
  const extent = block(0, 8);
  await readAll(pages, [{ extent, start: 2 * PAGE, length: 1 }]);
  const rows = [5 * PAGE + 10, 5 * PAGE + 20, 2 * PAGE + 3, 5 * PAGE + 30, PAGE - 5, 3 * PAGE - 5].map((start) => ({
    extent,
    start,
    length: 10,
  }));
  reads.splice(0);
  expect(await readAll(pages, rows, "rows")).toEqual(rows.map(({ start, length }) => bytesAt(extent, start, length)));
  expect(reads).toEqual([
    [5 * PAGE + 10, 20],
    [2 * PAGE + 3, 10],
    [5 * PAGE + 30, 10],
    [PAGE - 5, 10],
    [3 * PAGE - 5, 10],
  ]);
  expect(cache.bytes).toBe(PAGE);
});

test("what is kept takes no more than its own bytes, and a released block leaves nothing", async () => {
  const { pages, cache } = open();
  const extent = block(0, 4);
  await readAll(pages, [{ extent, start: 0, length: extent.length }]);
  expect(cache.bytes).toBe(extent.length);
  expect(cache.get("0@1")!.buffer.byteLength).toBe(PAGE);
  pages.drop(extent);
  expect(cache.bytes).toBe(0);
});

test("a read of very much leaves the cache as it was", async () => {
  const { pages, cache } = open(2000 * PAGE);
  const extent = block(0, limits.rowPagesKeptMax + 1);
  await readAll(pages, [{ extent, start: 0, length: extent.length }]);
  expect(cache.bytes).toBe(0);
});

test.each([
  [-1, 4],
  [2 * PAGE - 102, 4],
  [5 * PAGE, 4],
])("a row that leaves its block, at %i, is corruption, and nothing is read", async (start, length) => {
  const { pages, reads } = open();
  await expect(readAll(pages, [{ extent: block(0, 2), start, length }])).rejects.toMatchObject({ code: "CORRUPTION" });
  expect(reads).toEqual([]);
});
