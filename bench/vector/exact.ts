/** Exact neighbours by the plainest loop there is, and the share of them that an answer holds. */

export type SetSpace = "cosine" | "l2";

/** Row-major vectors. Those of a cosine set have length 1, which makes every space the same order. */
export interface Rows {
  space: SetSpace;
  dimension: number;
  count: number;
  values: Float32Array;
}

/** By how much a distance may miss the k-th exact one and still count as a tie: real sets hold duplicates. */
const TIE = 1e-6;

export function rowOf({ dimension, values }: Rows, row: number): Float32Array {
  return values.subarray(row * dimension, (row + 1) * dimension);
}

/** 1 − dot product, or the squared distance. */
export function exactDistance({ space, dimension, values }: Rows, row: number, query: Float32Array): number {
  const at = row * dimension;
  return space === "l2" ? squaredDistance(values, at, query) : 1 - dotProduct(values, at, query);
}

/** Of the row that begins at `at`; in four sums, so that an addition need not wait for the one before it. */
export function dotProduct(values: Float32Array, at: number, query: Float32Array): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < query.length; i += 4) {
    s0 += values[at + i]! * query[i]!;
    s1 += values[at + i + 1]! * query[i + 1]!;
    s2 += values[at + i + 2]! * query[i + 2]!;
    s3 += values[at + i + 3]! * query[i + 3]!;
  }
  for (; i < query.length; i++) s0 += values[at + i]! * query[i]!;
  return s0 + s1 + s2 + s3;
}

function squaredDistance(values: Float32Array, at: number, query: Float32Array): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < query.length; i += 4) {
    s0 += (values[at + i]! - query[i]!) ** 2;
    s1 += (values[at + i + 1]! - query[i + 1]!) ** 2;
    s2 += (values[at + i + 2]! - query[i + 2]!) ** 2;
    s3 += (values[at + i + 3]! - query[i + 3]!) ** 2;
  }
  for (; i < query.length; i++) s0 += (values[at + i]! - query[i]!) ** 2;
  return s0 + s1 + s2 + s3;
}

/** Distances of a query to all rows, from which the k-th of any filter follows. */
export function allDistances(base: Rows, query: Float32Array): Float64Array {
  return Float64Array.from({ length: base.count }, (_, row) => exactDistance(base, row, query));
}

/** What an answer is judged by: the exact distance of the last hit due, and how many are due. */
export interface Due {
  kth: number;
  count: number;
}

/** The k nearest of the rows that are kept, or all of them when there are fewer. */
export function dueOf(distances: Float64Array, k: number, keep: (row: number) => boolean): Due {
  const nearest: number[] = [];
  for (let row = 0; row < distances.length; row++) {
    const distance = distances[row]!;
    if ((nearest.length === k && distance >= nearest[k - 1]!) || !keep(row)) continue;
    let place = nearest.length;
    while (place > 0 && nearest[place - 1]! > distance) place--;
    nearest.splice(place, 0, distance);
    if (nearest.length > k) nearest.pop();
  }
  return { kth: nearest.at(-1) ?? -Infinity, count: nearest.length };
}

/** Share of the hits due that are in an answer; a row counts once, and only if the filter keeps it. */
export function recallOf(hits: readonly number[], due: Due, distanceOf: (row: number) => number, keep: (row: number) => boolean): number {
  if (due.count === 0) return 1;
  const limit = due.kth + TIE * Math.max(1, Math.abs(due.kth));
  const found = new Set(hits.filter((row) => keep(row) && distanceOf(row) <= limit));
  return Math.min(1, found.size / due.count);
}
