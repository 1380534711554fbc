/** Sums over rows in plain TypeScript, for splits; the kernel has them with additions in this order. */

import { squaredDistances } from "../distance.js";
import type { RowSums } from "./spann-kernel.js";

export const plainRowSums: RowSums = {
  squaredDistances,
  mean(rows, sides, side) {
    const dimension = rows.length / sides.length;
    const sums = new Float64Array(dimension);
    let count = 0;
    for (let row = 0; row < sides.length; row++) {
      if (sides[row] !== side) continue;
      count++;
      for (let i = 0; i < dimension; i++) sums[i]! += rows[row * dimension + i]!;
    }
    return Float32Array.from(sums, (sum) => sum / count);
  },
};
