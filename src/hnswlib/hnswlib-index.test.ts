/** How the adapter keeps the library's faults away, with a library that has them at will and checks how it is used. */
import { describe, expect, test } from "vitest";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import { clusteredRows, randomFrom, rowOf } from "../testing/hnsw-vectors.js";
import { Collection } from "../testing/index-conformance.js";
import { type Hnswlib, type HnswlibGraph, hnswlibIndexes } from "./hnswlib-index.js";

const DIMENSION = 6;
const ROWS = 300;

/** Looks at every point, and refuses to be used in the ways that the real one does not survive. */
class FakeGraph implements HnswlibGraph {
  static readonly made: FakeGraph[] = [];
  /** What the next calls do instead of their work. */
  static readonly faults = new Map<"initIndex" | "addPoint" | "searchKnn", () => never | { distances: number[]; neighbors: number[] }>();
  readonly points = new Map<number, Float32Array>();
  readonly filtered: boolean[] = [];
  room = 0;
  isFreed = false;

  constructor() {
    FakeGraph.made.push(this);
  }

  initIndex(maxElements: number, M: number): void {
    FakeGraph.faults.get("initIndex")?.();
    expect(M).toBeGreaterThan(1);
    this.room = maxElements;
  }

  addPoint(point: Float32Array, label: number): void {
    FakeGraph.faults.get("addPoint")?.();
    expect(this.isFreed).toBe(false);
    expect(point.every(Number.isFinite) && point.length === DIMENSION).toBe(true);
    expect(label).toBe(this.points.size);
    expect(label).toBeLessThan(this.room);
    this.points.set(label, point.slice());
  }

  setEfSearch(ef: number): void {
    expect(ef).toBeGreaterThan(0);
  }

  searchKnn(
    query: Float32Array,
    k: number,
    filter: ((label: number) => boolean) | undefined,
  ): { distances: number[]; neighbors: number[] } {
    const fault = FakeGraph.faults.get("searchKnn");
    if (fault !== undefined) return fault();
    expect(this.isFreed).toBe(false);
    expect(k).toBeLessThanOrEqual(this.room);
    this.filtered.push(filter !== undefined);
    const near = [...this.points].filter(([label]) => filter?.(label) ?? true);
    const found = near.map(([label, point]) => ({ label, distance: point.reduce((sum, x, i) => sum + (x - query[i]!) ** 2, 0) }));
    found.sort((a, b) => a.distance - b.distance).splice(k);
    return { distances: found.map(({ distance }) => distance), neighbors: found.map(({ label }) => label) };
  }

  delete(): void {
    this.isFreed = true;
  }
}

function create(dimension = DIMENSION, M = 16): Collection {
  FakeGraph.made.length = 0;
  FakeGraph.faults.clear();
  const createIndex = hnswlibIndexes({ HierarchicalNSW: FakeGraph as Hnswlib["HierarchicalNSW"] });
  return new Collection({ kernel: referenceKernel, createApproximate: (options) => createIndex({ ...options, M }) }, "l2", dimension, 2000);
}

async function filled(): Promise<Collection> {
  const collection = create();
  collection.set(0, clusteredRows(randomFrom(1), ROWS, DIMENSION));
  await collection.build();
  return collection;
}

async function expectRight(collection: Collection, failures = collection.failures.length): Promise<void> {
  for (const row of collection.live.toArray().filter((_, i) => i % 50 === 0)) {
    const query = rowOf(collection.values, DIMENSION, row);
    expect(await collection.search(query, 10)).toEqual(collection.truth(query, 10));
  }
  expect(collection.failures.length).toBe(failures);
}

const last = (): FakeGraph => FakeGraph.made.at(-1)!;

/** As a C++ exception comes: no `Error`. */
const cppException = (): never => {
  // biome-ignore lint/style/useThrowOnlyError: glue code throws whatever it likes
  throw { toString: () => "an exception" };
};

describe("HnswlibIndex", () => {
  test("makes a new one with room when the old is full, and frees that", async () => {
    const collection = await filled();
    expect(last().room).toBeGreaterThan(ROWS);
    collection.set(ROWS, clusteredRows(randomFrom(2), 3 * ROWS, DIMENSION));
    await collection.build();
    expect(FakeGraph.made.map(({ isFreed }) => isFreed)).toEqual([true, false]);
    expect(collection.failures).toEqual([]);
    expect(last().points.size).toBe(4 * ROWS);
    await expectRight(collection);
  });

  test("never replaces or deletes a point: what has changed is passed over, and a new one is made once most are", async () => {
    const collection = await filled();
    await expectRight(collection);
    expect(last().filtered).not.toContain(true);
    collection.set(0, clusteredRows(randomFrom(3), 100, DIMENSION));
    collection.delete([150, 151]);
    await collection.build();
    expect(last().points.size).toBe(ROWS + 100);
    expect(collection.failures).toEqual([]);
    await expectRight(collection);
    expect(last().filtered).toContain(true);
    expect(collection.index.statistics).toMatchObject({ covered: ROWS - 2, stale: 102 });
    collection.delete(Array.from({ length: 150 }, (_, i) => i));
    await collection.build();
    expect(collection.index.statistics).toMatchObject({ covered: ROWS - 152, stale: 0 });
    expect(FakeGraph.made.length).toBe(2);
    await expectRight(collection);
  });

  test("takes no vector of a row that was set again since", async () => {
    const collection = create();
    collection.set(0, clusteredRows(randomFrom(4), 20, DIMENSION));
    await collection.index.prepare(async () => collection.values.slice(0, 20 * DIMENSION));
    collection.set(5, clusteredRows(randomFrom(5), 1, DIMENSION));
    collection.delete([6]);
    await collection.build();
    expect(last().points.size).toBe(19);
    expect([...last().points.values()].some((point) => point.every((x, i) => x === collection.values[5 * DIMENSION + i]))).toBe(true);
    await expectRight(collection);
  });

  test.each(["initIndex", "addPoint"] as const)("is built again after %s failed, twice, and then no more", async (method) => {
    const collection = create();
    for (const failures of [1, 2, 3]) {
      collection.set(0, clusteredRows(randomFrom(6), ROWS, DIMENSION));
      FakeGraph.faults.set(method, cppException);
      await collection.buildSome(() => collection.failures.length === failures);
      FakeGraph.faults.clear();
      await collection.build();
      expect(collection.failures.length).toBe(failures);
      expect(FakeGraph.made.filter(({ isFreed }) => !isFreed).length).toBe(failures === 3 ? 0 : 1);
      expect(collection.index.statistics).toMatchObject({ covered: failures === 3 ? 0 : ROWS, ready: 0 });
      await expectRight(collection);
    }
    expect(collection.failures[0]).toMatch(/It is built again/);
    expect(collection.failures[2]).toMatch(/not built again/);
    expect(collection.index.isSaved).toBe(false);
  });

  test.each<[string, () => never | { distances: number[]; neighbors: number[] }]>([
    ["throws an exception", cppException],
    [
      "throws an error",
      () => {
        throw new Error("memory access out of bounds");
      },
    ],
    ["measures NaN", () => ({ distances: [NaN], neighbors: [1] })],
    ["leaves distances out", () => ({ distances: [], neighbors: [1] })],
  ])("a search that %s is answered by the scan, and the index discarded", async (_, fault) => {
    const collection = await filled();
    const [graph] = FakeGraph.made as [FakeGraph];
    FakeGraph.faults.set("searchKnn", fault);
    await expectRight(collection, 1);
    expect(graph.isFreed).toBe(true);
    FakeGraph.faults.clear();
    await collection.build();
    expect(collection.index.statistics).toMatchObject({ covered: ROWS });
    await expectRight(collection);
  });

  test("labels that it never gave out are passed over", async () => {
    const collection = await filled();
    FakeGraph.faults.set("searchKnn", () => ({ distances: [0, 0, 0], neighbors: [-1, 1e9, 0.5] }));
    await expectRight(collection);
  });

  test("vectors that cannot be read count as a failure", async () => {
    const collection = create();
    collection.set(0, clusteredRows(randomFrom(7), ROWS, DIMENSION));
    await collection.index.prepare(() => Promise.reject(new Error("unreadable")));
    expect(collection.failures).toEqual([expect.stringContaining("unreadable")]);
    await collection.build();
    await expectRight(collection);
  });

  test("asks for two neighbours at least: of one the library makes a division by zero", async () => {
    const collection = create(DIMENSION, 1);
    collection.set(0, clusteredRows(randomFrom(9), ROWS, DIMENSION));
    await collection.build();
    expect(collection.failures).toEqual([]);
    await expectRight(collection);
  });

  test("makes none that would take more memory than there is", async () => {
    const collection = create(DIMENSION, 2 ** 29);
    collection.set(0, clusteredRows(randomFrom(8), ROWS, DIMENSION));
    await collection.build();
    expect(FakeGraph.made).toEqual([]);
    expect(collection.failures).toEqual([expect.stringMatching(/300 vectors would take about \d+ bytes/)]);
    await expectRight(collection);
  });
});
