/** The vector index over the SIMD kernel, where enough rows can be built to measure recall. */

import { describe, expect, it } from "vitest";
import { Bitmap } from "../core/index/bitmap.js";
import { bruteForce, clusteredRows, gaussian, randomFrom, recallOf, rowOf, sourceOf } from "../core/index/hnsw-fixture.js";
import { planSearch } from "../core/index/planner.js";
import { quantizeRows } from "../core/index/quantize.js";
import { VectorIndex } from "../core/index/vector-index.js";
import type { Space } from "../core/types.js";
import { wasmKernelForTests } from "./kernel-for-tests.js";

const kernel = await wasmKernelForTests();
const spaces: readonly Space[] = ["l2", "cosine", "ip"];
const never = (): boolean => false;

interface Options {
  efSearch?: number;
  flatRowsMax?: number;
  /** Whether to leave the choice of way to the planner; else every search walks. */
  isPlanned?: boolean;
}

class Collection {
  readonly index: VectorIndex;
  readonly values: Float32Array;
  readonly live = new Bitmap();
  readonly #space: Space;
  readonly #dimension: number;

  constructor(space: Space, dimension: number, capacity: number, { efSearch = 64, flatRowsMax = 0, isPlanned = false }: Options = {}) {
    this.#space = space;
    this.#dimension = dimension;
    const plan = isPlanned ? planSearch : () => "walk" as const;
    this.index = new VectorIndex(kernel, space, dimension, { M: 16, efConstruction: 100, efSearch, flatRowsMax, plan });
    this.values = new Float32Array(capacity * dimension);
  }

  set(first: number, values: Float32Array): void {
    this.values.set(values, first * this.#dimension);
    const rows = quantizeRows(this.#space, this.#dimension, values);
    this.index.set(first, rows);
    for (let i = 0; i < rows.slopes.length; i++) this.live.add(first + i);
  }

  delete(ordinals: readonly number[]): void {
    this.index.delete(ordinals);
    for (const ordinal of ordinals) this.live.delete(ordinal);
  }

  search(query: Float32Array, k: number, allowed = this.live) {
    return this.index.search(query, k, allowed, sourceOf(this.values, this.#dimension));
  }

  truth(query: Float32Array, k: number, allowed = this.live) {
    return bruteForce(this.#space, this.values, query, k, allowed.values());
  }

  /** Mean recall@10 over queries near the data. */
  async recall(random: () => number, queries: number, allowed = this.live): Promise<number> {
    let sum = 0;
    const rows = this.live.toArray();
    for (let q = 0; q < queries; q++) {
      const near = rowOf(this.values, this.#dimension, rows[Math.floor(random() * rows.length)]!);
      const query = near.map((x) => x + 0.3 * gaussian(random));
      sum += recallOf(await this.search(query, 10, allowed), this.truth(query, 10, allowed));
    }
    return sum / queries;
  }
}

/** Rows that a graph is built for, small enough for a test. */
const sizes: readonly [dimension: number, count: number][] = [
  [1, 2000],
  [3, 2000],
  [25, 2500],
  [384, 1500],
  [768, 1000],
  [1536, 900],
  [3072, 600],
  [4096, 600],
];
const cases = sizes.flatMap(([dimension, count]) => spaces.map((space) => ({ space, dimension, count })));

describe("VectorIndex", () => {
  it.each(cases)("finds 95 of 100 nearest through the graph: $space, dimension $dimension", async ({ space, dimension, count }) => {
    const random = randomFrom(dimension);
    const collection = new Collection(space, dimension, count);
    collection.set(0, clusteredRows(random, count, dimension));
    expect(collection.index.build(never)).toBe(true);
    expect(collection.index.statistics).toMatchObject({ rows: count, ready: 0, outcast: 0 });
    expect(await collection.recall(random, 20)).toBeGreaterThanOrEqual(0.95);
  });

  it.each(spaces)("finds as many after every vector was replaced three times, a few hundred at a time: %s", async (space) => {
    const [dimension, count] = [48, 2000];
    const random = randomFrom(31);
    const collection = new Collection(space, dimension, count);
    collection.set(0, clusteredRows(random, count, dimension));
    collection.index.build(never);
    for (let round = 0; round < 3; round++) {
      const values = clusteredRows(random, count, dimension);
      for (let first = 0; first < count; first += 250) {
        collection.set(first, values.subarray(first * dimension, (first + 250) * dimension));
        collection.index.build(never);
      }
    }
    expect(collection.index.statistics).toMatchObject({ rows: count, waiting: 0, stale: 0 });
    expect(await collection.recall(random, 40)).toBeGreaterThanOrEqual(0.95);
  });

  it("finds as many after half of the rows were deleted and their ordinals used again", async () => {
    const [dimension, count] = [32, 2000];
    const random = randomFrom(32);
    const collection = new Collection("cosine", dimension, count);
    collection.set(0, clusteredRows(random, count, dimension));
    collection.index.build(never);
    for (let part = 0; part < 4; part++) {
      collection.delete([...Array(250).keys()].map((i) => i * 8 + part));
      collection.index.build(never);
      expect(await collection.recall(random, 15)).toBeGreaterThanOrEqual(0.95);
    }
    collection.set(0, clusteredRows(random, 400, dimension));
    collection.index.build(never);
    expect(await collection.recall(random, 30)).toBeGreaterThanOrEqual(0.95);
  });

  it("finds rows from the moment they are set, wherever building is", async () => {
    const [dimension, count] = [16, 1200];
    const random = randomFrom(33);
    const collection = new Collection("l2", dimension, count);
    for (let first = 0; first < count; first += 200) {
      collection.set(first, clusteredRows(random, 200, dimension));
      let steps = 100;
      collection.index.build(() => steps-- <= 0);
      collection.set(first + 3, clusteredRows(random, 5, dimension));
      collection.delete([first + 10, first + 20]);
      for (const ordinal of [first + 4, first + 150, 0]) {
        const query = rowOf(collection.values, dimension, ordinal);
        expect((await collection.search(query, 1)).ordinals[0]).toBe(ordinal);
      }
      expect(await collection.recall(random, 5)).toBeGreaterThanOrEqual(0.9);
    }
  });

  it.each([true, false])("returns k when k are allowed: few, far from the query, or all; planned: %s", async (isPlanned) => {
    const [dimension, count] = [24, 3000];
    const random = randomFrom(34);
    const collection = new Collection("cosine", dimension, count, { efSearch: 10, isPlanned });
    collection.set(0, clusteredRows(random, count, dimension));
    collection.index.build(never);
    const query = rowOf(collection.values, dimension, 5);
    const farthest = collection.truth(query, count).ordinals.slice(-1500);
    for (const allowed of [Bitmap.of([7, 1000, 2999]), Bitmap.of(farthest), collection.live]) {
      for (const k of [1, 10, 700, 5000]) {
        const found = await collection.search(query, k, allowed);
        expect(found.ordinals).toHaveLength(Math.min(k, allowed.count()));
        expect([...found.ordinals].every((ordinal) => allowed.has(ordinal))).toBe(true);
        expect(recallOf(found, collection.truth(query, k, allowed))).toBeGreaterThanOrEqual(0.6);
      }
    }
    for (const share of [2, 10, 100]) {
      const allowed = Bitmap.of([...Array(count).keys()].filter((ordinal) => ordinal % share === 0));
      collection.index.efSearch = 64;
      expect(await collection.recall(random, 15, allowed)).toBeGreaterThanOrEqual(0.95);
    }
  });

  it("is exact below the rows that a graph is worth, and answers k for data that no graph suits", async () => {
    const flat = new Collection("l2", 8, 300, { flatRowsMax: 300 });
    flat.set(0, clusteredRows(randomFrom(35), 300, 8));
    expect(flat.index.build(never)).toBe(true);
    expect(flat.index.statistics).toMatchObject({ covered: 0, ready: 300 });
    expect(flat.index.save()).toBeNull();
    const query = rowOf(flat.values, 8, 1);
    expect(await flat.search(query, 10)).toEqual(flat.truth(query, 10));

    const equal = new Collection("cosine", 8, 3000);
    equal.set(0, new Float32Array(8 * 3000).fill(1));
    equal.index.build(never);
    const found = await equal.search(rowOf(equal.values, 8, 0), 2500);
    expect(new Set(found.ordinals).size).toBe(2500);
    expect([...new Set(found.distances)]).toEqual([0]);
    const zero = await equal.search(new Float32Array(8), 3);
    expect([...zero.ordinals]).toEqual([0, 1, 2]);
  });

  it("searches a loaded snapshot as it searched the graph that was saved", async () => {
    const values = clusteredRows(randomFrom(36), 1500, 20);
    const [saved, loaded] = [new Collection("cosine", 20, 1500), new Collection("cosine", 20, 1500)];
    for (const collection of [saved, loaded]) collection.set(0, values);
    saved.index.build(never, true);
    expect(loaded.index.load(saved.index.save()!)).toBeNull();
    expect(loaded.index.build(never)).toBe(true);
    expect(loaded.index.statistics).toEqual(saved.index.statistics);
    for (let q = 0; q < 20; q++) {
      const query = rowOf(values, 20, q * 70);
      expect(await loaded.search(query, 10)).toEqual(await saved.search(query, 10));
    }
  });
});
