import { expect, test } from "vitest";
import type { SparseVector } from "../types.js";
import { compareSparseVectors, isSparseVector, storedSparseVector } from "./sparse-vector.js";

test("a sparse vector is told from every other value", () => {
  expect(isSparseVector({ indices: [], values: [] })).toBe(true);
  for (const other of ["x", 1, true, ["x"], [1], [], null, undefined]) expect(isSparseVector(other)).toBe(false);
});

test("what is stored has float32 values and nothing else, and is a copy", () => {
  const given = { "#type": "sparse_vector", indices: [1, 5], values: [0.1, -0], tokens: ["a", "b"] };
  const stored = storedSparseVector(given);
  expect(stored).toEqual({ indices: [1, 5], values: [Math.fround(0.1), 0] });
  given.indices[0] = 9;
  expect(stored.indices[0]).toBe(1);
});

test("the order is by indices, then by values, the shorter first", () => {
  const ordered: SparseVector[] = [
    { indices: [], values: [] },
    { indices: [1], values: [-1] },
    { indices: [1], values: [2] },
    { indices: [1, 2], values: [-9, -9] },
    { indices: [3], values: [-5] },
  ];
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries()) expect(Math.sign(compareSparseVectors(a, b))).toBe(Math.sign(i - j));
  }
});
