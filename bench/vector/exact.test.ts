import { describe, expect, test } from "vitest";
import { clusteredVectors } from "../clustered.js";
import { allDistances, dueOf, exactDistance, type Rows, recallOf } from "./exact.js";
import { farRegion, filterFor, labelRows } from "./labels.js";

const everything = (_row: number): boolean => true;
/** Points on a line, 1-d. */
const line: Rows = { space: "l2", dimension: 1, count: 6, values: Float32Array.of(0, 1, 2, 2, 3, 10) };

describe("exact neighbours", () => {
  test("distances are 1 − dot and squared distance, in any dimension", () => {
    const rows: Rows = { space: "cosine", dimension: 5, count: 1, values: Float32Array.of(1, 2, 3, 4, 5) };
    const query = Float32Array.of(1, 1, 1, 1, 2);
    expect(exactDistance(rows, 0, query)).toBe(1 - 20);
    expect(exactDistance({ ...rows, space: "l2" }, 0, query)).toBe(0 + 1 + 4 + 9 + 9);
  });

  test("the k-th distance is that of the rows kept, and fewer are due where fewer are kept", () => {
    const distances = allDistances(line, Float32Array.of(0));
    expect(dueOf(distances, 3, everything)).toEqual({ kth: 4, count: 3 });
    expect(dueOf(distances, 3, (row) => row >= 4)).toEqual({ kth: 100, count: 2 });
    expect(dueOf(distances, 3, () => false).count).toBe(0);
  });

  test("recall counts ties, but no row twice, none that is farther and none that the filter excludes", () => {
    const query = Float32Array.of(0);
    const due = dueOf(allDistances(line, query), 3, everything);
    const recall = (hits: number[], keep = everything): number => recallOf(hits, due, (row) => exactDistance(line, row, query), keep);
    expect(recall([0, 1, 2])).toBe(1);
    expect(recall([0, 1, 3])).toBe(1);
    expect(recall([0, 1, 2, 3])).toBe(1);
    expect(recall([0, 0, 0])).toBeCloseTo(1 / 3);
    expect(recall([0, 1, 4])).toBeCloseTo(2 / 3);
    expect(recall([0, 1, 2], (row: number) => row !== 1)).toBeCloseTo(2 / 3);
  });
});

describe("labels", () => {
  const base: Rows = { space: "cosine", dimension: 384, count: 3000, values: clusteredVectors(3000, 5) };
  const labels = labelRows(base, (length) => new Uint8Array(length));
  const query = clusteredVectors(1, 6);
  const share = (name: "10 %" | "1 %" | "far"): number => {
    const { column, value } = filterFor(name, farRegion(base, labels, query))!;
    return labels[column].filter((label) => label === value).length / base.count;
  };

  test("leave a tenth, a hundredth, and some", () => {
    expect(share("10 %")).toBeCloseTo(0.1, 1);
    expect(share("1 %")).toBeCloseTo(0.01, 2);
    expect(share("far")).toBeGreaterThanOrEqual(20 / 3000);
    expect(filterFor("none", 0)).toBeNull();
  });

  test("far records are none of the near ones, and farther than the others on average", () => {
    const distances = allDistances(base, query);
    const region = farRegion(base, labels, query);
    const far = [...distances].filter((_, row) => labels.region[row] === region);
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.min(...far)).toBeGreaterThan(distances.slice().sort()[10]!);
    expect(mean(far)).toBeGreaterThan(mean([...distances]) + 0.03);
  });
});
