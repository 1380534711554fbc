/** Graphs that several threads build are as sound as those of one, and find as much. */
import { expect, test } from "vitest";
import { FlatIndex } from "../core/index/vector/flat.js";
import { HnswIndex } from "../core/index/vector/hnsw.js";
import { quantizeRows } from "../core/index/vector/quantize.js";
import type { VectorKernel } from "../core/index/vector/vector-kernel.js";
import type { Space } from "../core/types.js";
import {
  bruteForce,
  clusteredRows,
  expectSound,
  gaussian,
  randomFrom,
  reachableIn,
  recallOf,
  rowOf,
  sourceOf,
  wholeOf,
} from "../testing/hnsw-vectors.js";
import { wasmKernelForTests } from "../testing/kernel.js";
import { type Helping, helpedKernel } from "../testing/manual-helpers.js";

const DIMENSION = 24;
const ROWS = 3000;
const QUERIES = 60;
const noPause = (): void => undefined;

/** Rows of one cluster after the other, as passages of documents come: neighbours are alike. */
function sortedClusters(seed: number): Float32Array {
  const random = randomFrom(seed);
  const centre = new Float32Array(DIMENSION);
  const values = new Float32Array(ROWS * DIMENSION);
  for (let row = 0; row < ROWS; row++) {
    if (row % 30 === 0) for (let i = 0; i < DIMENSION; i++) centre[i] = gaussian(random);
    for (let i = 0; i < DIMENSION; i++) values[row * DIMENSION + i] = centre[i]! + 0.3 * gaussian(random);
  }
  return values;
}

function indexOf(kernel: VectorKernel, space: Space, values: Float32Array): HnswIndex {
  const flat = new FlatIndex(kernel, space, DIMENSION);
  const index = new HnswIndex(flat, { M: 8, efConstruction: 60, seed: 1 });
  const rows = quantizeRows(space, DIMENSION, values);
  flat.set(0, rows);
  index.set(0, rows);
  return index;
}

/** As the builder of graphs does it: together where that is possible, else a few steps alone. */
async function build(index: HnswIndex): Promise<number> {
  let batches = 0;
  for (;;) {
    let steps = 0;
    if (await index.buildTogether(noPause)) batches++;
    else if (index.build(() => ++steps > 20)) return batches;
  }
}

async function recall(index: HnswIndex, space: Space, values: Float32Array): Promise<number> {
  const random = randomFrom(77);
  let sum = 0;
  for (let q = 0; q < QUERIES; q++) {
    const query = rowOf(values, DIMENSION, Math.floor(random() * ROWS)).map((value) => value + 0.2 * gaussian(random));
    const found = await index.search(query, 10, { ef: 30, allowed: null }, sourceOf(values, DIMENSION));
    sum += recallOf(found, bruteForce(space, values, query, 10, Array(ROWS).keys()));
  }
  return sum / QUERIES;
}

test.each([
  ["cosine", "sorted", "at once"],
  ["ip", "mixed", "fails"],
] as const)("%s, %s clusters, a helper helps %s: sound, whole, and of equal recall", async (space, order, helping: Helping) => {
  const values = order === "sorted" ? sortedClusters(3) : clusteredRows(randomFrom(4), ROWS, DIMENSION);
  const { kernel, helpers } = await helpedKernel("wasm-simd", 3);
  helpers.helping = helping;
  const together = indexOf(kernel, space, values);
  expect(await build(together)).toBeGreaterThan(helping === "fails" ? 0 : 10);
  expect(together.statistics).toMatchObject({ covered: ROWS, ready: 0, waiting: 0, outcast: 0 });
  const snapshot = wholeOf(together.save());
  expectSound(snapshot);
  expect(reachableIn(snapshot).size).toBe(ROWS);
  const alone = indexOf(await wasmKernelForTests(), space, values);
  expect(await build(alone)).toBe(0);
  const [found, expected] = [await recall(together, space, values), await recall(alone, space, values)];
  expect(found).toBeGreaterThan(expected - 0.005);
});

test("a helper that dies while it makes links costs the graph, which is built anew", async () => {
  const values = clusteredRows(randomFrom(4), ROWS, DIMENSION);
  const { kernel, helpers } = await helpedKernel("wasm-simd", 2);
  helpers.helping = ({ task }) => (task.kind === "tie" ? "dies" : "at once");
  const index = indexOf(kernel, "l2", values);
  expect(await build(index)).toBe(1);
  expect(helpers.pool.alone).toBe("a helper has ended: dies");
  expect(index.statistics).toMatchObject({ covered: ROWS, ready: 0, stale: 0, outcast: 0 });
  const snapshot = wholeOf(index.save());
  expectSound(snapshot);
  expect(reachableIn(snapshot).size).toBe(ROWS);
});
