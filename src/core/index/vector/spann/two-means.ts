/** Cuts rows into two groups that lie apart: what a list is split by. The same rows give the same groups. */

import type { RowSums } from "./spann-kernel.js";

const ROUNDS = 5;

/** Which group each row belongs to, and the mean of each group. */
export interface TwoGroups {
  sides: Uint8Array;
  means: readonly [Float32Array, Float32Array];
}

/**
 * Groups of `rows`, row-major, of at least two. A group of fewer than `leastRows`, half of all at most, is made as large as
 * the other.
 */
export function twoMeans(sums: RowSums, rows: Float32Array, dimension: number, leastRows: number): TwoGroups {
  const count = rows.length / dimension;
  const all = new Uint8Array(count);
  const first = farthestFrom(sums, rows, sums.mean(rows, all, 0));
  let means: [Float32Array, Float32Array] = [first, farthestFrom(sums, rows, first)];
  let sides = all;
  for (let round = 0; round < ROUNDS; round++) {
    const leanings = leaningsOf(sums, rows, means);
    const before = sides;
    sides = sidesOf(leanings, Math.min(leastRows, count >> 1));
    if (round > 0 && sides.every((side, row) => side === before[row])) break;
    means = [sums.mean(rows, sides, 0), sums.mean(rows, sides, 1)];
  }
  return { sides, means };
}

/** How much farther each row is from the first mean than from the second, by squared distance. */
function leaningsOf(sums: RowSums, rows: Float32Array, [a, b]: readonly [Float32Array, Float32Array]): Float32Array {
  const points = new Float32Array(2 * a.length);
  points.set(a);
  points.set(b, a.length);
  const distances = sums.squaredDistances(points, rows, a.length);
  const count = distances.length / 2;
  const leanings = new Float32Array(count);
  for (let row = 0; row < count; row++) leanings[row] = distances[row]! - distances[count + row]!;
  return leanings;
}

function sidesOf(leanings: Float32Array, leastRows: number): Uint8Array<ArrayBuffer> {
  const sides = new Uint8Array(leanings.length);
  let second = 0;
  for (let row = 0; row < sides.length; row++) second += sides[row] = leanings[row]! > 0 ? 1 : 0;
  if (Math.min(second, sides.length - second) >= leastRows) return sides;
  const order = Uint32Array.from(leanings, (_, row) => row).sort((a, b) => leanings[a]! - leanings[b]! || a - b);
  sides.fill(0);
  for (const row of order.subarray(order.length >> 1)) sides[row] = 1;
  return sides;
}

/** A copy of the row that is farthest from a point, the first of equals. */
function farthestFrom(sums: RowSums, rows: Float32Array, point: Float32Array): Float32Array {
  const distances = sums.squaredDistances(point, rows, point.length);
  const farthest = distances.reduce((best, squared, row) => (squared > distances[best]! ? row : best), 0);
  return rows.slice(farthest * point.length, (farthest + 1) * point.length);
}
