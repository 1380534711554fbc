/**
 * Exact distances: float64 accumulation over float32 components, rounded once to float32. Every distance that a caller
 * sees comes from here; the codes only propose candidates.
 *
 * Distances are always finite: what exceeds float32 saturates at its largest value, so results stay comparable and
 * survive JSON. The components themselves are assumed finite.
 */

import type { Space } from "../../types.js";

const FLOAT32_MAX = 3.4028234663852886e38;

/** Distance from one fixed vector to the row that starts at `offset` of `rows`. */
export type DistanceFrom = (rows: Float32Array, offset: number) => number;

/** Measures many rows at once; implementations agree to the last bit. */
export interface ExactDistances {
  /** Distances from the query to each of `rows`, row-major. What it returns is good until the next call. */
  exactDistances(space: Space, query: Float32Array, rows: Float32Array): Float32Array;
}

/** Squared Euclidean, 1 − cosine (1 when either vector is zero) or 1 − dot product, as float32. */
export function distance(space: Space, a: Float32Array, b: Float32Array): number {
  return distanceFrom(space, a)(b, 0);
}

/** The distance function of one query: what depends on the query alone is computed once. */
export function distanceFrom(space: Space, query: Float32Array): DistanceFrom {
  const dimension = query.length;
  switch (space) {
    case "l2":
      return (rows, offset) => saturate(squaredEuclidean(query, rows, offset));
    case "ip":
      return (rows, offset) => saturate(1 - dot(query, 0, rows, offset, dimension));
    case "cosine": {
      const squared = squaredNorm(query, 0, dimension);
      return (rows, offset) => saturate(cosine(dot(query, 0, rows, offset, dimension), squared * squaredNorm(rows, offset, dimension)));
    }
  }
}

/** In plain TypeScript. */
export const plainDistances: ExactDistances = {
  exactDistances(space, query, rows) {
    const distanceTo = distanceFrom(space, query);
    const out = new Float32Array(rows.length / query.length);
    for (let i = 0; i < out.length; i++) out[i] = distanceTo(rows, i * query.length);
    return out;
  },
};

/** Σ x² of the `dimension` components from `offset` on. */
export function squaredNorm(values: Float32Array, offset: number, dimension: number): number {
  return dot(values, offset, values, offset, dimension);
}

/** Four independent sums let the processor overlap the additions; the order is fixed, so results repeat exactly. */
function dot(a: Float32Array, aOffset: number, b: Float32Array, bOffset: number, dimension: number): number {
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  let i = 0;
  for (; i + 3 < dimension; i += 4) {
    sum0 += a[aOffset + i]! * b[bOffset + i]!;
    sum1 += a[aOffset + i + 1]! * b[bOffset + i + 1]!;
    sum2 += a[aOffset + i + 2]! * b[bOffset + i + 2]!;
    sum3 += a[aOffset + i + 3]! * b[bOffset + i + 3]!;
  }
  for (; i < dimension; i++) sum0 += a[aOffset + i]! * b[bOffset + i]!;
  return sum0 + sum1 + (sum2 + sum3);
}

function squaredEuclidean(a: Float32Array, b: Float32Array, bOffset: number): number {
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  let i = 0;
  for (; i + 3 < a.length; i += 4) {
    const d0 = a[i]! - b[bOffset + i]!;
    const d1 = a[i + 1]! - b[bOffset + i + 1]!;
    const d2 = a[i + 2]! - b[bOffset + i + 2]!;
    const d3 = a[i + 3]! - b[bOffset + i + 3]!;
    sum0 += d0 * d0;
    sum1 += d1 * d1;
    sum2 += d2 * d2;
    sum3 += d3 * d3;
  }
  for (; i < a.length; i++) {
    const d = a[i]! - b[bOffset + i]!;
    sum0 += d * d;
  }
  return sum0 + sum1 + (sum2 + sum3);
}

/** One root over both squared norms makes the distance of a vector to itself exactly 0; rounding below 0 is cut off. */
function cosine(dotProduct: number, squaredNorms: number): number {
  return squaredNorms === 0 ? 1 : Math.max(0, 1 - dotProduct / Math.sqrt(squaredNorms));
}

function saturate(value: number): number {
  return Math.fround(Math.min(FLOAT32_MAX, Math.max(-FLOAT32_MAX, value)));
}
