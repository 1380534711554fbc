/** The vector index with the SIMD kernel and our own graph. */

import { describe, expect, it } from "vitest";
import { Collection, describeVectorIndex } from "../core/index/conformance.js";
import { clusteredRows, randomFrom, rowOf, wholeOf } from "../core/index/hnsw-fixture.js";
import { wasmKernelForTests } from "./kernel-for-tests.js";

const kernel = await wasmKernelForTests();
const never = (): boolean => false;

describe("VectorIndex", () => {
  describeVectorIndex({ kernel });

  it("searches a loaded snapshot as it searched the graph that was saved", async () => {
    const values = clusteredRows(randomFrom(36), 1500, 20);
    const [saved, loaded] = [new Collection({ kernel }, "cosine", 20, 1500), new Collection({ kernel }, "cosine", 20, 1500)];
    for (const collection of [saved, loaded]) collection.set(0, values);
    saved.index.build(never, true);
    expect(loaded.index.load(wholeOf(saved.index.save()!))).toBeNull();
    expect(loaded.index.build(never)).toBe(true);
    expect(loaded.index.statistics).toEqual(saved.index.statistics);
    for (let q = 0; q < 20; q++) {
      const query = rowOf(values, 20, q * 70);
      expect(await loaded.search(query, 10)).toEqual(await saved.search(query, 10));
    }
  });
});
