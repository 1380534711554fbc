import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bitmap } from "../core/base/bitmap.js";
import type { Graph } from "../core/index/vector/graph-kernel.js";
import { graphOptions, levelOf } from "../core/index/vector/graph-kernel.js";
import { encodeQuery, quantizeRows } from "../core/index/vector/quantize.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import type { CodeTable } from "../core/index/vector/vector-kernel.js";
import type { Space } from "../core/types.js";
import { builds, wasmKernelForTests } from "../testing/kernel.js";

const kernels = [...(await Promise.all(builds.map(wasmKernelForTests))), referenceKernel];

/** Uniform in [−1, 1), from a fixed linear congruence. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** Rows of few distinct values tie and repeat; some rows are zero. */
function randomValues(random: () => number, count: number, dimension: number, isCoarse: boolean): Float32Array {
  return Float32Array.from({ length: count * dimension }, () => (isCoarse ? Math.round(random()) : random()));
}

/** One table and its graph in every kernel; every step is done to all. */
class Siblings {
  readonly tables: CodeTable[];
  readonly graphs: Graph[];
  readonly #space: Space;
  readonly #M: number;

  constructor(space: Space, dimension: number, M: number, efConstruction: number) {
    this.#space = space;
    this.#M = M;
    this.tables = kernels.map((kernel) => kernel.createTable(dimension));
    this.graphs = this.tables.map((table) => table.createGraph(graphOptions(space, M, efConstruction)));
  }

  set(first: number, values: Float32Array): void {
    for (const table of this.tables) {
      const rows = quantizeRows(this.#space, table.dimension, values);
      table.set(first, rows.codes, rows.slopes, rows.intercepts);
    }
  }

  insert(ordinal: number): void {
    for (const graph of this.graphs) graph.insert(ordinal, levelOf(ordinal, this.#M, 7));
  }

  all<T>(step: (graph: Graph) => T): T {
    const results = this.graphs.map(step);
    const expected = results.at(-1)!;
    for (const actual of results) expect(actual).toEqual(expected);
    return expected;
  }

  expectSame(end: number): void {
    expect(this.all((graph) => graph.entry)).toBeLessThan(end);
    this.all((graph) => graph.read(0, end));
  }

  expectSameSearch(query: Float32Array, beam: number, allowed: Bitmap | null): void {
    const { codes, scale } = encodeQuery(this.#space, query);
    this.all((graph) => graph.search(codes, scale, beam, allowed?.words ?? null));
  }
}

const shape = fc.record({
  space: fc.constantFrom<Space>("l2", "cosine", "ip"),
  dimension: fc.oneof(fc.constantFrom(1, 2, 3, 15, 16, 17, 384), fc.integer({ min: 1, max: 70 })),
  M: fc.constantFrom(2, 3, 8, 16),
  efConstruction: fc.constantFrom(1, 10, 60),
  count: fc.integer({ min: 0, max: 150 }),
  isCoarse: fc.boolean(),
  seed: fc.nat(),
});

describe("WasmGraph", () => {
  it("builds, repairs and searches the graph of the reference, link for link", () => {
    fc.assert(
      fc.property(shape, ({ space, dimension, M, efConstruction, count, isCoarse, seed }) => {
        const random = randomFrom(seed);
        const siblings = new Siblings(space, dimension, M, efConstruction);
        siblings.set(0, randomValues(random, count, dimension, isCoarse));
        for (let ordinal = 0; ordinal < count; ordinal++) siblings.insert(ordinal);
        siblings.expectSame(count + 1);

        const stale = Array.from({ length: count }, (_, i) => i).filter(() => random() > 0.4);
        for (const ordinal of stale) siblings.all((graph) => graph.retire(ordinal));
        siblings.set(count, randomValues(random, 20, dimension, isCoarse));
        for (const ordinal of stale) siblings.set(ordinal, randomValues(random, 1, dimension, isCoarse));
        for (let i = 0; i < 10; i++) siblings.insert(count + i);
        siblings.all((graph) => graph.repair(0, count + 10));
        for (let i = 10; i < 20; i++) siblings.insert(count + i);
        siblings.expectSame(count + 20);
        for (const ordinal of stale) siblings.all((graph) => graph.release(ordinal));
        for (const ordinal of stale) siblings.insert(ordinal);
        for (let ordinal = 0; ordinal < count; ordinal += 9) {
          const others = [...Array(count + 20).keys()].filter(
            (other) => other !== ordinal && !siblings.graphs[0]!.neighbours(other, 0).includes(ordinal),
          );
          siblings.all((graph) => graph.adopt(ordinal, Bitmap.of(others).words));
        }
        siblings.expectSame(count + 20);

        for (const beam of [1, 7, 300]) {
          const query = randomValues(random, 1, dimension, isCoarse);
          siblings.expectSameSearch(query, beam, null);
          siblings.expectSameSearch(query, beam, Bitmap.of([...Array(count + 20).keys()].filter(() => random() > 0.3)));
        }
      }),
      { numRuns: 40 },
    );
  });

  it("reads and writes back what it holds", () => {
    const random = randomFrom(3);
    const siblings = new Siblings("cosine", 24, 6, 40);
    const values = randomValues(random, 300, 24, false);
    siblings.set(0, values);
    for (let ordinal = 0; ordinal < 300; ordinal += 2) siblings.insert(ordinal);
    const copies = new Siblings("cosine", 24, 6, 40);
    copies.set(0, values);
    for (const [from, to] of [
      [0, 100],
      [100, 300],
    ] as const)
      copies.all((graph) => graph.write(from, siblings.graphs[0]!.read(from, to)));
    copies.all((graph) => graph.setEntry(siblings.graphs[0]!.entry));
    expect(copies.graphs[0]!.read(0, 300)).toEqual(siblings.graphs[1]!.read(0, 300));
    for (let ordinal = 1; ordinal < 300; ordinal += 2) {
      siblings.insert(ordinal);
      copies.insert(ordinal);
    }
    copies.expectSame(300);
    expect(copies.graphs[0]!.read(0, 300)).toEqual(siblings.graphs[0]!.read(0, 300));
  });

  it("starts anew after clear, with the same result", () => {
    const siblings = new Siblings("l2", 8, 4, 30);
    siblings.set(0, randomValues(randomFrom(5), 200, 8, false));
    for (let ordinal = 0; ordinal < 200; ordinal++) siblings.insert(ordinal);
    const before = siblings.graphs[0]!.read(0, 200);
    siblings.all((graph) => graph.clear());
    expect(siblings.all((graph) => graph.read(0, 200).links)).toHaveLength(0);
    siblings.expectSameSearch(new Float32Array(8), 5, null);
    for (let ordinal = 0; ordinal < 200; ordinal++) siblings.insert(ordinal);
    siblings.expectSame(200);
    expect(siblings.graphs[0]!.read(0, 200)).toEqual(before);
  });

  it("grows over several chunks of rows and nodes, between which scans see every row", () => {
    const dimension = 4096;
    const table = kernels[0]!.createTable(dimension);
    const graph = table.createGraph(graphOptions("cosine", 4, 10));
    for (let ordinal = 0; ordinal < 1100; ordinal++) {
      const rows = quantizeRows("cosine", dimension, pointOnCircle(ordinal / 1100, dimension));
      table.set(ordinal, rows.codes, rows.slopes, rows.intercepts);
      graph.insert(ordinal, levelOf(ordinal, 4, 1));
    }
    const { codes, scale } = encodeQuery("cosine", pointOnCircle(1023.2 / 1100, dimension));
    const nearest = table.scan(codes, scale, 20, Bitmap.of(Array(1100).keys()).words);
    expect(nearest.ordinals[0]).toBe(1023);
    expect(graph.search(codes, scale, 20, null)).toEqual(nearest);
  });
});

/** A circle through space: its points have their neighbours on either side. */
function pointOnCircle(turns: number, dimension: number): Float32Array {
  const [x, y] = [Math.cos(2 * Math.PI * turns), Math.sin(2 * Math.PI * turns)];
  return Float32Array.from({ length: dimension }, (_, i) => (i % 2 === 0 ? x : y));
}
