import { expect, test } from "vitest";
import { placeLabels } from "./map-labels.js";

const width = 400;
const widthOf = (text: string): number => text.length * 7;

function cluster(group: string, x: number, y: number, count = 5): { group: string; x: number; y: number }[] {
  return Array.from({ length: count }, (_, index) => ({ group, x: x + index - count / 2, y: y + index - count / 2 }));
}

test("a cluster is named where it is densest, and small ones are not", () => {
  const dots = [...cluster("Tides", 200, 100, 9), ...cluster("Few", 300, 50, 3)];
  expect(placeLabels(dots, width, widthOf, [])).toEqual([{ text: "Tides", x: expect.closeTo(200, -1), y: expect.closeTo(100, -1) }]);
});

test("no name stands on another, on a hit, or beyond the edge", () => {
  const dots = [...cluster("Marine life", 398, 100, 20), ...cluster("Tide pools", 390, 102, 10)];
  const hits = [{ x: 380, y: 100 }];
  const labels = placeLabels(dots, width, widthOf, hits);
  expect(labels).toHaveLength(2);
  for (const { text, x, y } of labels) {
    expect(x + widthOf(text) / 2).toBeLessThanOrEqual(width);
    expect(Math.abs(y - hits[0]!.y)).toBeGreaterThanOrEqual(16);
  }
  expect(Math.abs(labels[0]!.y - labels[1]!.y)).toBeGreaterThanOrEqual(16);
});

test("a name without any room is left out", () => {
  const hits = Array.from({ length: 20 }, (_, index) => ({ x: 200, y: index * 12 }));
  expect(placeLabels(cluster("Tides", 200, 100), width, widthOf, hits)).toEqual([]);
});
