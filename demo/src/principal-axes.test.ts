import { expect, test } from "vitest";
import { findPlane, type Points, placeOn, type Rows } from "./principal-axes.js";

const project = (given: Rows): Points => placeOn(findPlane(given), given);

function rows(vectors: number[][]): Rows {
  return { dimension: vectors[0]!.length, values: Float32Array.from(vectors.flat()) };
}

function variance(points: Float32Array, axis: 0 | 1): number {
  const values = [...points].filter((_, index) => index % 2 === axis);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
}

test("the two directions of greatest variance are found, in order", () => {
  const vectors = Array.from({ length: 60 }, (_, i) => [Math.sin(i * 7) * 0.1, Math.sin(i * 3) * 10, 5, Math.cos(i * 5) * 4]);
  const points = project(rows(vectors));
  expect(variance(points, 0)).toBeCloseTo(variance(Float32Array.from(vectors.flatMap((v) => [v[1]!, 0])), 0), 0);
  expect(variance(points, 1)).toBeCloseTo(variance(Float32Array.from(vectors.flatMap((v) => [v[3]!, 0])), 0), 0);
});

test("groups that lie apart stay apart", () => {
  const vectors = Array.from({ length: 30 }, (_, i) => (i < 15 ? [1, 0, (i % 3) * 0.01] : [0, 1, (i % 3) * 0.01]));
  const points = project(rows(vectors));
  const first = vectors.map((_, row) => points[row * 2]!);
  expect(
    Math.max(...first.slice(0, 15)) < Math.min(...first.slice(15)) || Math.min(...first.slice(0, 15)) > Math.max(...first.slice(15)),
  ).toBe(true);
});

test("the same rows give the same map", () => {
  const same = rows([
    [1, 2, 3],
    [3, 1, 2],
    [2, 2, 9],
  ]);
  expect(project(same)).toEqual(project(same));
});

test.each([
  ["no rows", { dimension: 3, values: new Float32Array() }],
  ["one row", rows([[1, 2, 3]])],
  [
    "equal rows",
    rows([
      [1, 2],
      [1, 2],
      [1, 2],
    ]),
  ],
  ["one number per row", rows([[1], [2], [4]])],
])("%s: every place is a number", (_, given) => {
  const points = project(given);
  expect(points).toHaveLength((given.values.length / given.dimension) * 2);
  expect([...points].every(Number.isFinite)).toBe(true);
});
