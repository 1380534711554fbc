import { expect, test } from "vitest";
import { carved } from "./slab.js";

test("arrays that are carved hold zeros, and share no byte, in whatever order and of whatever length", () => {
  const lengths = Array.from({ length: 3000 }, (_, i) => (i * 37) % 500);
  const arrays = lengths.map((length, i) => {
    const array = i % 3 === 0 ? carved(Int16Array, length) : carved(Float32Array, length);
    expect(array).toHaveLength(length);
    expect(array.every((value) => value === 0)).toBe(true);
    return array.fill(i + 1);
  });
  for (const [i, array] of arrays.entries()) expect(array.every((value) => value === i + 1)).toBe(true);
  expect(carved(Float64Array, 100_000)).toHaveLength(100_000);
});
