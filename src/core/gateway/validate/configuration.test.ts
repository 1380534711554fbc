import { describe, expect, test } from "vitest";
import { failureOf } from "../../../testing/failure-of.js";
import { validateHnsw } from "./configuration.js";

describe("index parameters", () => {
  test.each<[unknown, RegExp]>([
    [{ space: "foo" }, /space must be one of l2, cosine, ip, got "foo"/],
    [{ ef_search: 0 }, /ef_search must be a whole number/],
    [{ max_neighbors: 1 }, /max_neighbors must be a whole number of at least 2, got 1/],
    [{ max_neighbors: 257 }, /max_neighbors may be at most 256, got 257/],
    [{ ef_construction: 1e9 }, /ef_construction may be at most 65536, got 1000000000/],
    [{ resize_factor: -1 }, /resize_factor/],
    [{ colour: 1 }, /"colour"; create takes/],
    [[], /to be an object/],
  ])("%j is refused", (hnsw, message) => {
    expect(failureOf(() => validateHnsw(hnsw, "create")).message).toMatch(message);
  });

  test("the least and the largest values are taken", () => {
    for (const hnsw of [
      { max_neighbors: 2, ef_construction: 1, ef_search: 1 },
      { max_neighbors: 256, ef_construction: 65_536, ef_search: 65_536 },
    ]) {
      expect(validateHnsw(hnsw, "create")).toEqual(hnsw);
    }
  });

  test("a space cannot be modified", () => {
    expect(failureOf(() => validateHnsw({ space: "ip" }, "modify")).message).toContain('"space"; modify takes');
  });

  test("parameters without a meaning here are taken and left out", () => {
    expect(validateHnsw({ space: "ip", ef_search: 20, num_threads: 2, batch_size: 50 }, "create")).toEqual({ space: "ip", ef_search: 20 });
  });
});
