/** The vector index with the SIMD kernel and our own graph. */

import { describe, expect, it, vi } from "vitest";
import { atOnce } from "../core/base/steps.js";
import { clusteredRows, randomFrom, rowOf, wholeOf } from "../testing/hnsw-vectors.js";
import { Collection, describeVectorIndex } from "../testing/index-conformance.js";
import { wasmKernelForTests } from "../testing/kernel.js";

const kernel = await wasmKernelForTests();
const never = (): boolean => false;

describe("VectorIndex", () => {
  describeVectorIndex({ kernel });

  it("says so when memory ends while the graph is built, answers all the same, and builds on when there is memory again", async () => {
    const [dimension, count] = [16, 3000];
    const collection = new Collection({ kernel }, "cosine", dimension, count);
    collection.set(0, clusteredRows(randomFrom(38), count, dimension));
    const grow = vi.spyOn(WebAssembly.Memory.prototype, "grow").mockImplementation(() => {
      throw new RangeError("no memory");
    });
    try {
      expect(() => collection.index.build(never)).toThrow(expect.objectContaining({ code: "RESOURCE_EXHAUSTED" }));
      expect(collection.index.statistics.covered).toBeLessThan(count);
    } finally {
      grow.mockRestore();
    }
    const query = rowOf(collection.values, dimension, 2999);
    expect(await collection.search(query, 10)).toEqual(collection.truth(query, 10));
    await collection.build();
    expect(collection.index.statistics).toMatchObject({ covered: count, ready: 0, outcast: 0 });
    expect(await collection.recall(randomFrom(39), 20)).toBeGreaterThanOrEqual(0.95);
  });

  it("searches a loaded snapshot as it searched the graph that was saved", async () => {
    const values = clusteredRows(randomFrom(36), 1500, 20);
    const [saved, loaded] = [new Collection({ kernel }, "cosine", 20, 1500), new Collection({ kernel }, "cosine", 20, 1500)];
    for (const collection of [saved, loaded]) collection.set(0, values);
    saved.index.build(never, true);
    expect(atOnce(loaded.index.load(wholeOf(saved.index.save()!)))).toBeNull();
    expect(loaded.index.build(never)).toBe(true);
    expect(loaded.index.statistics).toEqual(saved.index.statistics);
    for (let q = 0; q < 20; q++) {
      const query = rowOf(values, 20, q * 70);
      expect(await loaded.search(query, 10)).toEqual(await saved.search(query, 10));
    }
  });
});
