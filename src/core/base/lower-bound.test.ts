import { expect, test } from "vitest";
import { lowerBound } from "./lower-bound.js";

test("finds the first position that is not below, within the bounds", () => {
  const values = [1, 3, 3, 3, 8];
  for (let wanted = 0; wanted <= 9; wanted++) {
    const found = values.findIndex((value) => value >= wanted);
    expect(lowerBound(0, values.length, (at) => values[at]! < wanted)).toBe(found < 0 ? values.length : found);
  }
  expect(lowerBound(2, 4, (at) => values[at]! < 1)).toBe(2);
  expect(lowerBound(2, 4, (at) => values[at]! < 9)).toBe(4);
  expect(lowerBound(3, 3, () => true)).toBe(3);
});
