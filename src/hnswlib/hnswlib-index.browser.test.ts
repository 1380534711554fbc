/** The vector index with the real hnswlib-wasm, which runs in browsers only. */
import { describe, expect, inject, test } from "vitest";
import { clusteredRows, randomFrom } from "../testing/hnsw-vectors.js";
import { Collection, describeVectorIndex, type IndexParts } from "../testing/index-conformance.js";
import { loadKernel } from "../wasm/load.js";
import { loadHnswlib } from "./load-hnswlib.js";

const parts: IndexParts = {
  kernel: await loadKernel(fetch(new URL("../wasm/build/kernel.wasm", import.meta.url))),
  createApproximate: await loadHnswlib(),
};

describe("VectorIndex with hnswlib", () => {
  describeVectorIndex(parts, { everyCase: inject("everyCase") });

  test("grows past the room it was made with, and takes up what a table of codes does not show", async () => {
    const collection = new Collection(parts, "l2", 6, 5000);
    const random = randomFrom(38);
    collection.set(0, clusteredRows(random, 500, 6));
    await collection.build();
    const before = collection.index.memory.graphs;
    collection.set(500, clusteredRows(random, 4500, 6));
    await collection.build();
    expect(collection.index.memory.graphs).toBeGreaterThan(before);
    expect(collection.index.statistics).toMatchObject({ rows: 5000, covered: 5000, ready: 0, stale: 0 });
    expect(await collection.recall(random, 30)).toBeGreaterThanOrEqual(0.95);
    expect(collection.index.isSaved).toBe(false);
    expect(collection.failures).toEqual([]);
  });

  test("gives way to the scan when it is disposed of", async () => {
    const collection = new Collection(parts, "cosine", 6, 800);
    const random = randomFrom(39);
    collection.set(0, clusteredRows(random, 800, 6));
    await collection.build();
    collection.index.dispose();
    expect(collection.index.statistics).toMatchObject({ covered: 0, ready: 0 });
    expect(await collection.recall(random, 10)).toBe(1);
  });

  test.each([1, 100])("takes max_neighbors %i", async (M) => {
    const values = clusteredRows(randomFrom(40), 700, 4);
    const collection = new Collection(
      { ...parts, createApproximate: (options) => parts.createApproximate!({ ...options, M }) },
      "l2",
      4,
      700,
    );
    collection.set(0, values);
    await collection.build();
    expect((await collection.search(values.subarray(40, 44), 5)).ordinals[0]).toBe(10);
    expect(collection.failures).toEqual([]);
  });
});
