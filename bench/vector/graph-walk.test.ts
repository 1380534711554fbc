import { describe, expect, test } from "vitest";
import type { Rows } from "./exact.js";
import { countDistances, type SavedGraph } from "./graph-walk.js";

/** Six points on a line, each linked to its neighbours; node 0 and 5 also on level 1, linked to each other. */
const line: Rows = { space: "l2", dimension: 1, count: 6, values: Float32Array.of(0, 1, 2, 3, 4, 5) };
const graph: SavedGraph = {
  entry: 0,
  pieces: [
    { heights: Uint8Array.of(2, 1, 1), degrees: Uint16Array.of(1, 1, 2, 2), links: Uint32Array.of(1, 5, 0, 2, 1, 3) },
    { heights: Uint8Array.of(1, 1, 2), degrees: Uint16Array.of(2, 2, 1, 1), links: Uint32Array.of(2, 4, 3, 5, 4, 0) },
  ],
};
const at = (value: number): Rows => ({ ...line, count: 1, values: Float32Array.of(value) });

describe("counting distances", () => {
  test("a walk measures its entry, the way down, and each neighbour once", () => {
    // The entry, node 5 from level 1, node 0 again from there, then 4; its neighbour 3 is farther and ends the walk.
    expect(countDistances(graph, line, at(5), 1)).toBe(4);
    // With a beam of two the walk goes on to 3, behind 4.
    expect(countDistances(graph, line, at(5), 2)).toBe(5);
  });
  test("a wider beam measures more, up to every node", () => {
    // Two distances to come down (5 is farther), then all but the node it began with.
    expect(countDistances(graph, line, at(0), 6)).toBe(2 + 5);
  });
  test("queries are averaged", () => {
    expect(countDistances(graph, line, { ...line, count: 2, values: Float32Array.of(5, 0) }, 6)).toBe((3 + 5 + 2 + 5) / 2);
  });
});
