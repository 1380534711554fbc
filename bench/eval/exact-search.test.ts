import { describe, expect, test } from "vitest";
import { exactDistance, type Judge, judgeHits, kthDistance, type Vectors } from "./exact-search.js";

const base: Vectors = { dimension: 2, values: new Float32Array([1, 0, 0, 1, -1, 0, 1, 0, 3, 4]) };
const query = new Float32Array([2, 0]);

function judge(space: Judge["space"], k: number, allowed: (row: number) => boolean = () => true): Judge {
  const rows = [0, 1, 2, 3, 4].filter(allowed);
  return { space, base, query, kth: kthDistance(space, base, rows, query, k), expected: Math.min(k, rows.length), allowed };
}

describe("exact distances", () => {
  test("are 1 minus the cosine, whatever the lengths", () => {
    expect(exactDistance("cosine", new Float32Array([3, 4]), query)).toBeCloseTo(0.4, 12);
    expect(exactDistance("cosine", new Float32Array([0, 0]), query)).toBe(1);
  });
  test("are squared for l2", () => expect(exactDistance("l2", new Float32Array([3, 4]), query)).toBe(17));
});

describe("judging an answer", () => {
  test("accepts the nearest in either order of a tie", () => {
    for (const rows of [
      [0, 3],
      [3, 0],
    ]) {
      expect(
        judgeHits(
          rows.map((row) => ({ row, distance: 1 })),
          judge("l2", 2),
        ),
      ).toEqual({ recall: 1, problems: [] });
    }
  });
  test("counts a hit that is not among the nearest as missing", () => {
    const { recall } = judgeHits(
      [
        { row: 0, distance: 1 },
        { row: 1, distance: 5 },
      ],
      judge("l2", 2),
    );
    expect(recall).toBe(0.5);
  });
  test("asks for as many hits as the filter leaves", () => {
    const { recall, problems } = judgeHits(
      [{ row: 4, distance: 17 }],
      judge("l2", 10, (row) => row === 4),
    );
    expect({ recall, problems }).toEqual({ recall: 1, problems: [] });
  });
  test.each([
    [
      "a hit that the filter excludes",
      [
        { row: 0, distance: 1 },
        { row: 3, distance: 1 },
      ],
      judge("l2", 2, (row) => row !== 3),
    ],
    [
      "a wrong distance",
      [
        { row: 0, distance: 1.01 },
        { row: 3, distance: 1.01 },
      ],
      judge("l2", 2),
    ],
    [
      "a wrong order",
      [
        { row: 1, distance: 5 },
        { row: 0, distance: 1 },
      ],
      judge("l2", 2),
    ],
    [
      "a repeated record",
      [
        { row: 0, distance: 1 },
        { row: 0, distance: 1 },
      ],
      judge("l2", 2),
    ],
    ["a hit too few", [{ row: 0, distance: 1 }], judge("l2", 2)],
  ])("names %s", (_, hits, against) => expect(judgeHits(hits, against).problems).not.toEqual([]));
});
