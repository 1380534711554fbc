/**
 * The kernel in threads that run at the same time, as in an isolated page: what they find is, to the bit, what one thread finds, and a
 * graph that they build has every link that it has if all of its items are done by one.
 */
import { afterEach, expect, test } from "vitest";
import { Bitmap } from "../core/base/bitmap.js";
import { atOnce } from "../core/base/steps.js";
import type { Candidates } from "../core/index/vector/candidates.js";
import { FlatIndex } from "../core/index/vector/flat.js";
import { graphOptions, levelOf } from "../core/index/vector/graph-kernel.js";
import { damageOf } from "../core/index/vector/graph-snapshot.js";
import { HnswIndex } from "../core/index/vector/hnsw.js";
import { encodeQuery, quantizeRows } from "../core/index/vector/quantize.js";
import { VectorIndex } from "../core/index/vector/vector-index.js";
import type { CommonSearch, VectorKernel } from "../core/index/vector/vector-kernel.js";
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
import { builds, wasmKernelForTests } from "../testing/kernel.js";
import { helpedKernel } from "../testing/manual-helpers.js";
import { type ThreadHelpers, threadedKernel } from "../testing/thread-helpers.js";

const DIMENSION = 24;
const ROWS = 3000;
const CORES = 3;
const M = 8;
const SEED = 1;
const rounds = Number(process.env["ALL"] ?? 0) > 0 ? 12 : 1;

let threads: ThreadHelpers | null = null;
afterEach(async () => {
  await threads?.end();
  threads = null;
});

async function threaded(build: (typeof builds)[number], seed: number): Promise<VectorKernel> {
  const { kernel, helpers } = await threadedKernel(build, CORES, seed);
  threads = helpers;
  return kernel;
}

/** The engine's thread does nothing now and then, so that the others get most of the items, or few. */
function pauses(seed: number): () => Promise<void> | undefined {
  const random = randomFrom(seed);
  return () => (random() < 0.03 || threads!.itemsDone === 0 ? threads!.others() : undefined);
}

function indexOf(kernel: VectorKernel, space: Space, values: Float32Array): HnswIndex {
  const flat = new FlatIndex(kernel, space, DIMENSION);
  const index = new HnswIndex(flat, { M, efConstruction: 60, seed: SEED });
  const rows = quantizeRows(space, DIMENSION, values);
  flat.set(0, rows);
  index.set(0, rows);
  return index;
}

/** As the builder of graphs does it: together where that is possible, else a few steps alone. */
async function build(index: HnswIndex, pause: () => Promise<void> | undefined): Promise<number> {
  let batches = 0;
  for (;;) {
    let steps = 0;
    if (await index.buildTogether(pause)) batches++;
    else if (index.build(() => ++steps > 20, true)) return batches;
  }
}

async function recall(index: HnswIndex, space: Space, values: Float32Array): Promise<number> {
  const random = randomFrom(77);
  let sum = 0;
  for (let q = 0; q < 100; q++) {
    const query = rowOf(values, DIMENSION, Math.floor(random() * ROWS)).map((value) => value + 0.2 * gaussian(random));
    const found = await index.search(query, 10, { ef: 30, allowed: null }, sourceOf(values, DIMENSION));
    sum += recallOf(found, bruteForce(space, values, query, 10, Array(ROWS).keys()));
  }
  return sum / 100;
}

const seeds = Array.from({ length: rounds }, (_, round) => round + 1);

test.each(seeds)(
  "round %i: a graph of several threads has the links of one thread, and finds what a graph without helpers does",
  async (seed) => {
    const space = (["l2", "cosine", "ip"] as const)[seed % 3]!;
    const values = clusteredRows(randomFrom(seed), ROWS, DIMENSION);
    const index = indexOf(await threaded(builds[seed % 2]!, seed), space, values);
    const batches = await build(index, pauses(seed));
    expect(batches).toBeGreaterThan(10);
    expect(threads!.pool.alone).toBeNull();
    expect(threads!.itemsDone).toBeGreaterThan(0);
    expect(index.statistics).toMatchObject({ covered: ROWS, ready: 0, waiting: 0, outcast: 0 });

    const snapshot = wholeOf(index.save());
    expect(atOnce(damageOf(snapshot, graphOptions(space, M, 60), SEED))).toBeNull();
    expectSound(snapshot);
    expect(reachableIn(snapshot).size).toBe(ROWS);

    const { kernel, helpers } = await helpedKernel(builds[seed % 2]!, CORES);
    helpers.helping = "never";
    const byOne = indexOf(kernel, space, values);
    expect(await build(byOne, () => undefined)).toBe(batches);
    expect(snapshot).toEqual(wholeOf(byOne.save()));

    const alone = indexOf(await wasmKernelForTests(), space, values);
    expect(await build(alone, () => undefined)).toBe(0);
    expect(await recall(index, space, values)).toBeGreaterThan((await recall(alone, space, values)) - 0.01);
  },
);

const values = clusteredRows(randomFrom(5), ROWS, DIMENSION);
const random = randomFrom(6);
const queries = Array.from({ length: 120 }, () =>
  rowOf(values, DIMENSION, Math.floor(random() * ROWS)).map((value) => value + 0.2 * gaussian(random)),
);

async function allOf(search: CommonSearch): Promise<Candidates[]> {
  const found: Candidates[] = [];
  for (let query = 0; query < queries.length; query++) found.push(await search.found(query));
  await search.end();
  return found;
}

test.each(builds)("%s: scans and walks of several threads find, to the bit, what one finds", async (name) => {
  const kernel = await threaded(name, 2);
  const table = kernel.createTable(DIMENSION);
  const rows = quantizeRows("l2", DIMENSION, values);
  // Many times the rows: so few bytes are not worth it.
  for (let copy = 0; copy < 16; copy++) table.set(copy * ROWS, rows.codes, rows.slopes, rows.intercepts);
  const graph = table.createGraph(graphOptions("l2", M, 40));
  for (let row = 0; row < ROWS; row++) graph.insert(row, levelOf(row, M, SEED));
  const encoded = queries.map((query) => encodeQuery("l2", query));
  const some = Bitmap.of(Array.from({ length: 16 * ROWS }, (_, row) => row).filter((row) => row % 3 !== 1));
  const scanned = table.scanMany(encoded, 20, some.words);
  const walked = encoded.map(({ codes, scale }) => graph.search(codes, scale, 30, some.words));
  for (let round = 0; round < 2 * rounds + 3; round++) {
    expect(await allOf(table.scanTogether!(encoded, 20, some.words)!)).toEqual(scanned);
    expect(await allOf(graph.searchTogether!(encoded, 30, some.words)!)).toEqual(walked);
  }
  expect(threads!.itemsDone).toBeGreaterThan(0);
});

test("reads of many queries go on while threads build, several at once, and so they do when a thread ends in the midst of it", async () => {
  for (let round = 0; round < rounds; round++) {
    const index = new VectorIndex(await threaded(builds[0]!, 40 + round), "l2", DIMENSION, {
      M,
      efConstruction: 40,
      efSearch: 60,
      flatRowsMax: 500,
    });
    const rows = quantizeRows("l2", DIMENSION, values);
    index.set(0, rows);
    const all = Bitmap.of(Array(ROWS).keys());
    const source = sourceOf(values, DIMENSION);
    const asked = queries.slice(0, 40);
    let isBuilt = false;
    const building = async (): Promise<void> => {
      for (let batch = 0; ; ) {
        let steps = 0;
        if (await index.buildTogether(pauses(round))) {
          if (++batch === 10 + round) await threads!.kill();
        } else if (index.build(() => ++steps > 20)) break;
        await new Promise((resolve) => setImmediate(resolve));
      }
      isBuilt = true;
    };
    const reading = async (k: number): Promise<number> => {
      const truth = asked.map((query) => bruteForce("l2", values, query, k, Array(ROWS).keys()));
      let reads = 0;
      for (; !isBuilt || reads < 2; reads++) {
        const found = await index.searchMany(asked, k, all, source);
        const recalls = found.map((hits, i) => recallOf(hits, truth[i]!));
        expect(recalls.reduce((sum, one) => sum + one, 0) / recalls.length).toBeGreaterThan(0.93);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return reads;
    };
    const [, ...reads] = await Promise.all([building(), reading(5), reading(10)]);
    expect(Math.min(...reads)).toBeGreaterThan(1);
    expect(index.statistics).toMatchObject({ covered: ROWS, stale: 0 });
    expect(reachableIn(wholeOf(index.save()!)).size).toBe(ROWS);
    await threads!.end();
  }
});
