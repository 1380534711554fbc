/**
 * The one suite that a vector index runs with each kernel and each approximate index: what it finds, whatever was built
 * when. It runs where the SIMD kernel does, so that enough rows can be built to measure recall.
 */
import { expect, it } from "vitest";
import { Bitmap } from "../core/base/bitmap.js";
import type { CreateApproximate } from "../core/index/vector/approximate-index.js";
import { planSearch } from "../core/index/vector/planner.js";
import { quantizeRows } from "../core/index/vector/quantize.js";
import { VectorIndex } from "../core/index/vector/vector-index.js";
import type { VectorKernel } from "../core/index/vector/vector-kernel.js";
import type { Space } from "../core/types.js";
import { bruteForce, clusteredRows, gaussian, randomFrom, recallOf, rowOf, sourceOf } from "./hnsw-vectors.js";

/** What the suite is run with. */
export interface IndexParts {
  kernel: VectorKernel;
  /** Default: our own graph. */
  createApproximate?: CreateApproximate;
}

const spaces: readonly Space[] = ["l2", "cosine", "ip"];
const never = (): boolean => false;

interface Options {
  efSearch?: number;
  flatRowsMax?: number;
  /** Whether to leave the choice of way to the planner; else every search walks. */
  isPlanned?: boolean;
}

/** Rows in an index, and what a plain loop finds among them. */
export class Collection {
  readonly index: VectorIndex;
  readonly values: Float32Array;
  readonly live = new Bitmap();
  readonly failures: string[] = [];
  readonly #space: Space;
  readonly #dimension: number;

  constructor(
    parts: IndexParts,
    space: Space,
    dimension: number,
    capacity: number,
    { efSearch = 64, flatRowsMax = 0, isPlanned = false }: Options = {},
  ) {
    this.#space = space;
    this.#dimension = dimension;
    const plan = isPlanned ? planSearch : () => "walk" as const;
    this.index = new VectorIndex(parts.kernel, space, dimension, {
      ...{ M: 16, efConstruction: 100, efSearch, flatRowsMax, plan },
      createApproximate: parts.createApproximate,
      onFailure: (why) => this.failures.push(why),
    });
    this.values = new Float32Array(capacity * dimension);
  }

  set(first: number, values: Float32Array): void {
    this.values.set(values, first * this.#dimension);
    const rows = quantizeRows(this.#space, this.#dimension, values);
    this.index.set(first, rows);
    for (let i = 0; i < rows.slopes.length; i++) this.live.add(first + i);
  }

  /** Builds until nothing is left. */
  async build(): Promise<void> {
    while (!(await this.buildSome(never)));
  }

  async buildSome(isOver: () => boolean): Promise<boolean> {
    await this.index.prepare(sourceOf(this.values, this.#dimension));
    return this.index.build(isOver);
  }

  delete(ordinals: readonly number[]): void {
    this.index.delete(ordinals);
    for (const ordinal of ordinals) this.live.delete(ordinal);
  }

  search(query: Float32Array, k: number, allowed = this.live) {
    return this.index.search(query, k, allowed, sourceOf(this.values, this.#dimension));
  }

  searchMany(queries: readonly Float32Array[], k: number) {
    return this.index.searchMany(queries, k, this.live, sourceOf(this.values, this.#dimension));
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

/** Declares the suite. Unless every case is wanted, each size is tried with one space, by turns. */
export function describeVectorIndex(parts: IndexParts, { everyCase = true } = {}): void {
  const cases = sizes.flatMap(([dimension, count], i) =>
    spaces.filter((_, s) => everyCase || s === i % spaces.length).map((space) => ({ space, dimension, count })),
  );
  const create = (space: Space, dimension: number, capacity: number, options?: Options): Collection =>
    new Collection(parts, space, dimension, capacity, options);

  it.each(cases)("finds 95 of 100 nearest through the graph: $space, dimension $dimension", async ({ space, dimension, count }) => {
    const random = randomFrom(dimension);
    const collection = create(space, dimension, count);
    collection.set(0, clusteredRows(random, count, dimension));
    await collection.build();
    expect(collection.index.statistics).toMatchObject({ rows: count, covered: count, ready: 0, outcast: 0 });
    expect(await collection.recall(random, 20)).toBeGreaterThanOrEqual(0.95);
  });

  it.each(spaces)("finds as many after every vector was replaced three times, a few hundred at a time: %s", async (space) => {
    const [dimension, count] = [48, 2000];
    const random = randomFrom(31);
    const collection = create(space, dimension, count);
    collection.set(0, clusteredRows(random, count, dimension));
    await collection.build();
    for (let round = 0; round < 3; round++) {
      const values = clusteredRows(random, count, dimension);
      for (let first = 0; first < count; first += 250) {
        collection.set(first, values.subarray(first * dimension, (first + 250) * dimension));
        await collection.build();
      }
    }
    expect(collection.index.statistics).toMatchObject({ rows: count, covered: count, ready: 0, waiting: 0 });
    expect(await collection.recall(random, 40)).toBeGreaterThanOrEqual(0.95);
  });

  it("finds as many after half of the rows were deleted and their ordinals used again", async () => {
    const [dimension, count] = [32, 2000];
    const random = randomFrom(32);
    const collection = create("cosine", dimension, count);
    collection.set(0, clusteredRows(random, count, dimension));
    await collection.build();
    for (let part = 0; part < 4; part++) {
      collection.delete([...Array(250).keys()].map((i) => i * 8 + part));
      await collection.build();
      expect(await collection.recall(random, 15)).toBeGreaterThanOrEqual(0.95);
    }
    collection.set(0, clusteredRows(random, 400, dimension));
    await collection.build();
    expect(await collection.recall(random, 30)).toBeGreaterThanOrEqual(0.95);
  });

  it("finds rows from the moment they are set, wherever building is", async () => {
    const [dimension, count] = [16, 1200];
    const random = randomFrom(33);
    const collection = create("l2", dimension, count);
    for (let first = 0; first < count; first += 200) {
      collection.set(first, clusteredRows(random, 200, dimension));
      let steps = 100;
      await collection.buildSome(() => steps-- <= 0);
      collection.set(first + 3, clusteredRows(random, 5, dimension));
      collection.delete([first + 10, first + 20]);
      for (const ordinal of [first + 4, first + 150, 0]) {
        const query = rowOf(collection.values, dimension, ordinal);
        expect((await collection.search(query, 1)).ordinals[0]).toBe(ordinal);
      }
      expect(await collection.recall(random, 5)).toBeGreaterThanOrEqual(0.9);
    }
  });

  it("answers each query of a call from the rows as they are covered by then, while building goes on between them", async () => {
    const [dimension, count] = [16, 1200];
    const collection = create("l2", dimension, count);
    collection.set(0, clusteredRows(randomFrom(41), count, dimension));
    let steps = 200;
    await collection.buildSome(() => steps-- <= 0);
    const queries = Array.from({ length: 30 }, (_, q) => rowOf(collection.values, dimension, 1199 - 20 * q));
    const found = await collection.index.searchMany(queries, 10, collection.live, async (ordinals) => {
      steps = 40;
      await collection.buildSome(() => steps-- <= 0);
      return sourceOf(collection.values, dimension)(ordinals);
    });
    expect(collection.index.statistics.covered).toBeGreaterThan(1000);
    for (const [q, nearest] of found.entries()) {
      expect(new Set(nearest.ordinals).size).toBe(10);
      expect(recallOf(nearest, collection.truth(queries[q]!, 10))).toBeGreaterThanOrEqual(0.9);
    }
  });

  it.each([true, false])("returns k when k are allowed: few, far from the query, or all; planned: %s", async (isPlanned) => {
    const [dimension, count] = [24, 3000];
    const random = randomFrom(34);
    const collection = create("cosine", dimension, count, { efSearch: 10, isPlanned });
    collection.set(0, clusteredRows(random, count, dimension));
    await collection.build();
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

  it("answers many queries at once as it answers each", async () => {
    const [dimension, count] = [12, 1500];
    const collection = create("l2", dimension, count);
    collection.set(0, clusteredRows(randomFrom(37), count, dimension));
    await collection.build();
    const queries = Array.from({ length: 9 }, (_, q) => rowOf(collection.values, dimension, q * 160));
    queries.push(new Float32Array(dimension), new Float32Array(dimension).fill(1e38));
    const expected = [];
    for (const query of queries) expected.push(await collection.search(query, 10));
    expect(await collection.searchMany(queries, 10)).toEqual(expected);
  });

  it("is exact below the rows that a graph is worth, and answers k for data that no graph suits", async () => {
    const flat = create("l2", 8, 300, { flatRowsMax: 300 });
    flat.set(0, clusteredRows(randomFrom(35), 300, 8));
    expect(flat.index.build(never)).toBe(true);
    expect(flat.index.statistics).toMatchObject({ covered: 0, ready: 300 });
    expect(flat.index.save()).toBeNull();
    const query = rowOf(flat.values, 8, 1);
    expect(await flat.search(query, 10)).toEqual(flat.truth(query, 10));

    const equal = create("cosine", 8, 3000);
    equal.set(0, new Float32Array(8 * 3000).fill(1));
    await equal.build();
    const found = await equal.search(rowOf(equal.values, 8, 0), 2500);
    expect(new Set(found.ordinals).size).toBe(2500);
    expect([...new Set(found.distances)]).toEqual([0]);
    const zero = await equal.search(new Float32Array(8), 3);
    expect([...zero.ordinals]).toEqual([0, 1, 2]);
  });

  it.each(spaces)("finds zero rows, copies, and rows and queries too long or too short for float32's squares: %s", async (space) => {
    const [dimension, count] = [12, 1200];
    const collection = create(space, dimension, count);
    const values = clusteredRows(randomFrom(37), count, dimension);
    for (let row = 0; row < 60; row++) values.copyWithin(row * dimension, 60 * dimension, 61 * dimension);
    for (let row = 100; row < 110; row++) values.fill(0, row * dimension, (row + 1) * dimension);
    for (let row = 200; row < 220; row++)
      for (let i = row * dimension; i < (row + 1) * dimension; i++) values[i]! *= row % 2 === 0 ? 1e37 : 1e-40;
    collection.set(0, values);
    await collection.build();
    for (const row of [3, 105, 200, 201, 700]) {
      const query = rowOf(values, dimension, row);
      const found = await collection.search(query, 20);
      expect(new Set(found.ordinals).size).toBe(20);
      expect(found.distances[0]).toBe(collection.truth(query, 1).distances[0]);
    }
    expect(collection.failures).toEqual([]);
  });

  it("holds a single row, none, and a new one after all were deleted", async () => {
    const collection = create("cosine", 5, 10);
    const query = Float32Array.of(1, 2, 3, 4, 5);
    expect((await collection.search(query, 3)).ordinals).toHaveLength(0);
    for (const ordinal of [0, 1]) {
      collection.set(ordinal, query);
      await collection.build();
      expect([...(await collection.search(query, 3)).ordinals]).toEqual([ordinal]);
      collection.delete([ordinal]);
      await collection.build();
      expect((await collection.search(query, 3)).ordinals).toHaveLength(0);
    }
  });
}
