import { describe, expect, test } from "vitest";
import { openMemoryStorage } from "../../storage/memory/memory-storage.js";
import { Random } from "../../testing/environment.js";
import { Bitmap } from "../base/bitmap.js";
import type { Steps } from "../base/steps.js";
import { idFormat } from "../segment/record.js";
import { encodeBlock } from "./block.js";
import { type BlockBatch, BlockStore } from "./blockstore.js";
import { findEntry, findRow, OrdinalBlockfile, type OrdinalSection, ordinalRefs } from "./ordinal-blockfile.js";

const BLOCK_BYTES_MAX = 4096;
const tick = async (): Promise<void> => undefined;

async function openFile(): Promise<{ file: OrdinalBlockfile<string>; blocks: BlockBatch }> {
  const { blobs } = await openMemoryStorage(`ordinal-${Math.random()}`);
  await blobs.retain([]);
  const store = new BlockStore(blobs);
  return { file: new OrdinalBlockfile(store, "test", idFormat, BLOCK_BYTES_MAX), blocks: store.begin() };
}

function rows(from: number, to: number): [number, string][] {
  return Array.from({ length: to - from }, (_, i) => [from + i, `row ${from + i}`]);
}

const nothing = new Bitmap();

describe("a blockfile by ordinal", () => {
  test.each([1, 2, 3, 4, 5, 6])("agrees with a Map after random changes (seed %i)", async (seed) => {
    const random = new Random(seed);
    const { file, blocks } = await openFile();
    const model = new Map<number, string>();
    let section: OrdinalSection = [];
    let nextOrdinal = 0;
    for (let round = 0; round < 30; round++) {
      const written = new Map<number, string>();
      for (const ordinal of model.keys()) if (random.chance(0.05)) written.set(ordinal, `changed ${round}`);
      const removed = Bitmap.of([...model.keys()].filter(() => random.chance(round % 7 === 6 ? 0.6 : 0.03)));
      for (const ordinal of removed.values()) written.delete(ordinal);
      for (let i = random.below(200); i > 0; i--) written.set(nextOrdinal++, "x".repeat(random.below(90)));
      section = await file.apply(section, { written: [...written].sort((a, b) => a[0] - b[0]), removed }, blocks, tick);
      for (const ordinal of removed.values()) model.delete(ordinal);
      for (const [ordinal, row] of written) model.set(ordinal, row);

      const all = Array.from({ length: nextOrdinal }, (_, ordinal) => ordinal);
      expect(await file.read(section, all)).toEqual(all.map((ordinal) => model.get(ordinal) ?? null));
      const some = all.filter(() => random.chance(0.2)).flatMap((ordinal) => [ordinal, ordinal]);
      expect(await file.read(section, some)).toEqual(some.map((ordinal) => model.get(ordinal) ?? null));
      const given = some.map((ordinal) => (random.chance(0.5) ? model.get(ordinal) : null) ?? `changed ${random.below(30)}`);
      const isSame = some.map((ordinal, i) => (model.has(ordinal) ? model.get(ordinal) === given[i] : null));
      expect(await file.compare(section, some, given)).toEqual(isSame);
      expect(section.reduce((sum, entry) => sum + entry.rows, 0)).toBe(model.size);
      for (let e = 1; e < section.length; e++) expect(section[e]!.first).toBeGreaterThan(section[e - 1]!.last);
    }
  });

  test("shares blocks in which nothing changed, and rewrites the one that lost a row", async () => {
    const { file, blocks } = await openFile();
    const before = await file.apply([], { written: rows(0, 2000), removed: nothing }, blocks, tick);
    expect(before.length).toBeGreaterThan(3);
    const victim = before[1]!.first + 1;
    const after = await file.apply(before, { written: [], removed: Bitmap.of([victim]) }, blocks, tick);
    expect(after.filter((entry) => before.includes(entry)).length).toBe(before.length - 1);
    expect(await file.read(after, [victim - 1, victim, victim + 1])).toEqual([`row ${victim - 1}`, null, `row ${victim + 1}`]);
  });

  test("does not fall apart into many small blocks when rows are deleted or come one at a time", async () => {
    const { file, blocks } = await openFile();
    let section = await file.apply([], { written: rows(0, 3000), removed: nothing }, blocks, tick);
    const full = section.length;
    section = await file.apply(
      section,
      {
        written: [],
        removed: Bitmap.of(
          rows(0, 3000)
            .map(([o]) => o)
            .filter((o) => o % 10 !== 0),
        ),
      },
      blocks,
      tick,
    );
    expect(section.length).toBeLessThan(full / 3);
    for (let o = 3000; o < 3060; o++) section = await file.apply(section, { written: rows(o, o + 1), removed: nothing }, blocks, tick);
    expect(section.length).toBeLessThan(full / 2);
    section = await file.apply(section, { written: [], removed: Bitmap.of(rows(0, 3060).map(([o]) => o)) }, blocks, tick);
    expect(section).toEqual([]);
  });
});

test("findRow finds every ordinal of a block with holes, and nothing else", () => {
  const ordinals = Uint32Array.of(3, 4, 7, 8, 20, 21, 22, 40);
  for (let ordinal = 0; ordinal < 50; ordinal++) expect(findRow(ordinals, ordinal)).toBe(ordinals.indexOf(ordinal));
});

test("findEntry finds the one whose range holds an ordinal, and nothing between ranges", () => {
  const items = [
    { name: "a", range: { first: 3, last: 5 } },
    { name: "b", range: { first: 6, last: 6 } },
    { name: "c", range: { first: 10, last: 20 } },
  ];
  const name = (ordinal: number) => findEntry(items, ordinal, ({ range }) => range)?.name ?? null;
  expect([2, 3, 5, 6, 7, 9, 10, 20, 21].map(name)).toEqual([null, "a", "a", "b", null, null, "c", "c", null]);
  expect(findEntry([], 0, () => ({ first: 0, last: 0 }))).toBeNull();
});

test("ordinalRefs names every block of every entry", () => {
  const [a, b, c] = [1, 2, 3].map((arena) => ({ arena, offset: 0, length: 8, crc32: 0 }));
  expect(
    ordinalRefs([
      { first: 0, last: 0, rows: 1, refs: [a!, b!] },
      { first: 1, last: 1, rows: 1, refs: [c!] },
    ]),
  ).toEqual([a, b, c]);
});

describe("a block beside the rows", () => {
  const beside = (_: Uint32Array, rows: readonly string[]): Steps<Uint8Array | null> => besideOf(rows);
  function* besideOf(rows: readonly string[]): Steps<Uint8Array | null> {
    yield;
    return rows.every((row) => row === "") ? null : encodeBlock([{ type: "u32", name: "rows", values: Uint32Array.of(rows.length) }], 1);
  }

  async function openBoth(): Promise<{ plain: OrdinalBlockfile<string>; file: OrdinalBlockfile<string>; blocks: BlockBatch }> {
    const { blobs } = await openMemoryStorage(`beside-${Math.random()}`);
    await blobs.retain([]);
    const store = new BlockStore(blobs);
    const { beside: _, ...plainFormat } = idFormat;
    const plain = new OrdinalBlockfile(store, "test", plainFormat, BLOCK_BYTES_MAX);
    return { plain, file: new OrdinalBlockfile(store, "test", { ...idFormat, beside }, BLOCK_BYTES_MAX), blocks: store.begin() };
  }

  const besideOfAll = (file: OrdinalBlockfile<string>, section: OrdinalSection) =>
    Promise.all(section.map(async (entry) => (await file.besideOf(entry))?.u32("rows")[0]));

  test("is written with them, and named among the section's blocks", async () => {
    const { file, blocks } = await openBoth();
    const section = await file.apply([], { written: rows(0, 2000), removed: nothing }, blocks, tick);
    expect(await besideOfAll(file, section)).toEqual(section.map((entry) => entry.rows));
    expect(ordinalRefs(section)).toHaveLength(section.length * 2);
    const renumbered = await file.renumber(section, (ordinal) => ordinal, blocks, tick);
    expect(await besideOfAll(file, renumbered)).toEqual(renumbered.map((entry) => entry.rows));
  });

  test("comes to blocks that were written without, which stay as they are", async () => {
    const { plain, file, blocks } = await openBoth();
    const before = await plain.apply([], { written: rows(0, 2000), removed: nothing }, blocks, tick);
    expect(await besideOfAll(file, before)).toEqual(before.map(() => undefined));
    const after = await file.apply(before, { written: [], removed: nothing }, blocks, tick);
    expect(after.map(({ refs }) => refs)).toEqual(before.map(({ refs }) => refs));
    expect(await besideOfAll(file, after)).toEqual(before.map((entry) => entry.rows));
    const again = await file.apply(after, { written: [], removed: nothing }, blocks, tick);
    expect(again).toEqual(after);
  });

  test("is left out where there is nothing to say", async () => {
    const { file, blocks } = await openBoth();
    const section = await file.apply([], { written: [[0, ""]], removed: nothing }, blocks, tick);
    expect([section[0]!.beside, await file.besideOf(section[0]!)]).toEqual([null, null]);
    expect(ordinalRefs(section)).toEqual(section[0]!.refs);
  });
});
