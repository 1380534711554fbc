/** Cuts rows into two groups that lie apart: what a list is split by. The same rows give the same groups. */

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
export function twoMeans(rows: Float32Array, dimension: number, leastRows: number): TwoGroups {
  const count = rows.length / dimension;
  const all = new Uint8Array(count);
  const first = farthestFrom(rows, dimension, meanOf(rows, dimension, all, 0));
  let means: [Float32Array, Float32Array] = [first, farthestFrom(rows, dimension, first)];
  let sides = all;
  for (let round = 0; round < ROUNDS; round++) {
    const leanings = leaningsOf(rows, dimension, means);
    sides = sidesOf(leanings, Math.min(leastRows, count >> 1));
    means = [meanOf(rows, dimension, sides, 0), meanOf(rows, dimension, sides, 1)];
  }
  return { sides, means };
}

/** How much farther each row is from the first mean than from the second, by squared distance. */
function leaningsOf(rows: Float32Array, dimension: number, [a, b]: readonly [Float32Array, Float32Array]): Float64Array {
  const leanings = new Float64Array(rows.length / dimension);
  for (let row = 0; row < leanings.length; row++) {
    leanings[row] = squaredDistance(rows, row * dimension, a) - squaredDistance(rows, row * dimension, b);
  }
  return leanings;
}

function sidesOf(leanings: Float64Array, leastRows: number): Uint8Array<ArrayBuffer> {
  const sides = Uint8Array.from(leanings, (leaning) => (leaning > 0 ? 1 : 0));
  const second = sides.reduce((sum, side) => sum + side, 0);
  if (Math.min(second, sides.length - second) >= leastRows) return sides;
  const order = Uint32Array.from(leanings, (_, row) => row).sort((a, b) => leanings[a]! - leanings[b]! || a - b);
  sides.fill(0);
  for (const row of order.subarray(order.length >> 1)) sides[row] = 1;
  return sides;
}

/** Sums are float64. */
export function meanOf(rows: Float32Array, dimension: number, sides: Uint8Array, side: number): Float32Array {
  const sums = new Float64Array(dimension);
  let count = 0;
  for (let row = 0; row < sides.length; row++) {
    if (sides[row] !== side) continue;
    count++;
    for (let i = 0; i < dimension; i++) sums[i]! += rows[row * dimension + i]!;
  }
  return Float32Array.from(sums, (sum) => sum / count);
}

/** A copy of the row that is farthest from a point, the first of equals. */
function farthestFrom(rows: Float32Array, dimension: number, point: Float32Array): Float32Array {
  let farthest = 0;
  let distance = -1;
  for (let row = 0; row * dimension < rows.length; row++) {
    const squared = squaredDistance(rows, row * dimension, point);
    if (squared > distance) [farthest, distance] = [row, squared];
  }
  return rows.slice(farthest * dimension, (farthest + 1) * dimension);
}

/** Of the row that begins there to a point. */
export function squaredDistance(rows: Float32Array, offset: number, point: Float32Array): number {
  let sum0 = 0;
  let sum1 = 0;
  for (let i = 0; i < point.length; i += 2) {
    const a = rows[offset + i]! - point[i]!;
    const b = rows[offset + i + 1]! - point[i + 1]!;
    sum0 += a * a;
    sum1 += b * b;
  }
  return sum0 + sum1;
}
