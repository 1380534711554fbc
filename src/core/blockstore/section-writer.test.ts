import { describe, expect, test } from "vitest";
import type { BlockWriter } from "./blockstore.js";
import { type SectionSizes, SectionWriter } from "./section-writer.js";

/** Rows are their own sizes, and an entry is its rows. */
type Entry = readonly number[];

const BLOCK_BYTES_MAX = 100;

/** The entries of these tests have no blocks. */
const noBlocks: BlockWriter = {
  write: () => {
    throw new Error("not used");
  },
};

function sum(rows: readonly number[]): number {
  return rows.reduce((total, row) => total + row, 0);
}

/** `steps` notes what the writer reads and writes, and its ticks. */
function open(sizes: Partial<SectionSizes> = {}): { writer: SectionWriter<number, Entry>; steps: string[] } {
  const steps: string[] = [];
  const blocks = {
    sizeOf: (row: number) => row,
    byteLength: sum,
    read: async (entry: Entry) => {
      steps.push(`read ${entry.join()}`);
      return entry;
    },
    write: async (rows: readonly number[]) => {
      steps.push(`write ${rows.join()}`);
      return rows;
    },
  };
  const all = { blockBytesMax: BLOCK_BYTES_MAX, rowBytesMax: BLOCK_BYTES_MAX, blocksWaiting: 1 as const, ...sizes };
  return { writer: new SectionWriter<number, Entry>(blocks, all, noBlocks, () => void steps.push("tick")), steps };
}

function tens(count: number): number[] {
  return new Array<number>(count).fill(10);
}

describe("SectionWriter", () => {
  test("writes nothing for nothing", async () => {
    const { writer, steps } = open();
    await writer.append([]);
    expect(await writer.finish()).toEqual([]);
    expect(steps).toEqual([]);
  });

  test("fills blocks and leaves a rest where one waits", async () => {
    const { writer } = open();
    for (const count of [1, 7, 17]) await writer.append(tens(count));
    expect((await writer.finish()).map(sum)).toEqual([100, 100, 50]);
  });

  test("cuts the last blocks in the middle where two wait", async () => {
    const { writer } = open({ blocksWaiting: 2 });
    await writer.append(tens(11));
    expect((await writer.finish()).map(sum)).toEqual([60, 50]);
  });

  test("writes as soon as so many blocks are full, and ticks after each", async () => {
    const { writer, steps } = open({ blocksWaiting: 2 });
    await writer.append(tens(19));
    expect(steps).toEqual([]);
    await writer.append(tens(2));
    expect(steps).toEqual([`write ${tens(10).join()}`, "tick"]);
  });

  test.each([1, 2] as const)("gives a row larger than a block one to itself, and fills no block beyond its rows' bound (%i)", async (n) => {
    const { writer } = open({ blocksWaiting: n, rowBytesMax: 80 });
    await writer.append([30, 500, 30, 30, 90, 30, 40, 30]);
    const entries = await writer.finish();
    expect(entries.flat()).toEqual([30, 500, 30, 30, 90, 30, 40, 30]);
    expect(entries).toContainEqual([500]);
    expect(entries).toContainEqual([90]);
    for (const entry of entries) if (entry.length > 1) expect(sum(entry)).toBeLessThanOrEqual(80);
  });

  test("keeps the very entry, in its place between rows", async () => {
    const { writer, steps } = open();
    const entry = [60, 30];
    await writer.append([10]);
    await writer.keep(entry);
    await writer.append([20]);
    const entries = await writer.finish();
    expect(entries).toEqual([[10], [60, 30], [20]]);
    expect(entries[1]).toBe(entry);
    expect(steps.some((step) => step.startsWith("read"))).toBe(false);
  });

  test("joins rows with the entries before and behind them while they fill at most half a block", async () => {
    const { writer, steps } = open();
    for (const entry of [[40], [10], [10]]) await writer.keep(entry);
    await writer.append([5]);
    await writer.keep([20]);
    await writer.keep([30]);
    expect(await writer.finish()).toEqual([[40], [10, 10, 5, 20], [30]]);
    expect(steps.filter((step) => step.startsWith("read"))).toEqual(["read 20", "read 10", "read 10"]);
  });

  test("does not read again what it has just written", async () => {
    const { writer, steps } = open();
    await writer.append([5]);
    await writer.keep([90]);
    await writer.append([5]);
    await writer.keep([90]);
    await writer.append([5]);
    expect(await writer.finish()).toEqual([[5], [90], [5], [90], [5]]);
    expect(steps.filter((step) => step.startsWith("read"))).toEqual([]);
  });

  test("leaves small entries alone where no row comes", async () => {
    const { writer, steps } = open();
    for (const entry of [[5], [5], [5]]) await writer.keep(entry);
    expect(await writer.finish()).toEqual([[5], [5], [5]]);
    expect(steps).toEqual([]);
  });
});
