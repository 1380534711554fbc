/** Sums over rows in plain TypeScript, for splits, in float32; the kernel has them with additions in this order. */

import type { RowSums } from "./spann-kernel.js";

/** A row's components go to as many sums, in turn. */
const LANES = 8;

export const plainRowSums: RowSums = {
  squaredDistances(points, rows, dimension) {
    const isApart = Array.isArray(rows);
    const count = isApart ? rows.length : rows.length / dimension;
    const out = new Float32Array((points.length / dimension) * count);
    for (let i = 0; i < out.length; i++) {
      const row = i % count;
      const [values, at] = isApart ? [rows[row]!, 0] : [rows as Float32Array, row * dimension];
      out[i] = squaredDistance(points, Math.floor(i / count) * dimension, values, at, dimension);
    }
    return out;
  },

  mean(rows, sides, side) {
    const dimension = rows.length / sides.length;
    const sums = new Float32Array(dimension);
    let count = 0;
    for (let row = 0; row < sides.length; row++) {
      if (sides[row] !== side) continue;
      count++;
      for (let i = 0; i < dimension; i++) sums[i]! += rows[row * dimension + i]!;
    }
    return sums.map((sum) => sum / count);
  },
};

function squaredDistance(points: Float32Array, pointAt: number, rows: Float32Array, rowAt: number, dimension: number): number {
  const sums = new Float32Array(LANES);
  for (let i = 0; i < dimension; i++) {
    const difference = Math.fround(rows[rowAt + i]! - points[pointAt + i]!);
    sums[i % LANES]! += Math.fround(difference * difference);
  }
  const [a, b, c, d] = [0, 1, 2, 3].map((lane) => Math.fround(sums[lane]! + sums[lane + 4]!)) as [number, number, number, number];
  return Math.fround(a + b) + Math.fround(c + d);
}
