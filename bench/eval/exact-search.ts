/**
 * The plainest possible search, written for this evaluation and sharing nothing with the engine: float64 loops over all
 * vectors. `scoreRecall` judges an answer by exact distances, so that among equally distant records any will do.
 */

export type EvalSpace = "cosine" | "l2";

/** Row-major vectors. */
export interface Vectors {
  dimension: number;
  values: Float32Array;
}

/** By how much a distance may miss the k-th exact one and still count as a tie: real sets hold duplicates. */
const TIE = 1e-6;
/** By how much a reported distance may differ from the exact one. */
const DISTANCE_TOLERANCE = 1e-5;

export function rowOf({ dimension, values }: Vectors, row: number): Float32Array {
  return values.subarray(row * dimension, (row + 1) * dimension);
}

export function exactDistance(space: EvalSpace, a: Float32Array, b: Float32Array): number {
  return space === "l2" ? squaredDistance(a, b) : cosineDistance(a, b);
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}

function cosineDistance(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return aa === 0 || bb === 0 ? 1 : 1 - dot / Math.sqrt(aa * bb);
}

/** Distance of the k-th nearest of the rows, or of the last when there are fewer. */
export function kthDistance(space: EvalSpace, base: Vectors, rows: readonly number[], query: Float32Array, k: number): number {
  const distances = Float64Array.from(rows, (row) => exactDistance(space, rowOf(base, row), query)).sort();
  return distances[Math.min(k, distances.length) - 1] ?? -Infinity;
}

/** What an answer has to be judged by. */
export interface Judge {
  space: EvalSpace;
  base: Vectors;
  query: Float32Array;
  /** Exact distance of the last hit that is due. */
  kth: number;
  /** Number of hits that are due. */
  expected: number;
  allowed(row: number): boolean;
}

/** Share of the hits due that are there, and what is wrong with the answer. */
export function judgeHits(hits: readonly { row: number; distance: number }[], judge: Judge): { recall: number; problems: string[] } {
  const { space, base, query, kth, expected } = judge;
  const problems: string[] = [];
  const scale = Math.max(1, Math.abs(kth));
  let found = 0;
  let previous = -Infinity;
  for (const { row, distance } of hits) {
    const exact = exactDistance(space, rowOf(base, row), query);
    if (exact <= kth + TIE * scale && judge.allowed(row)) found++;
    if (!judge.allowed(row)) problems.push(`row ${row} is in the answer although the filter excludes it`);
    if (Math.abs(distance - exact) > DISTANCE_TOLERANCE * Math.max(1, exact))
      problems.push(`row ${row} has distance ${distance}, exactly ${exact}`);
    if (distance < previous) problems.push(`row ${row} is nearer than the one before it`);
    previous = distance;
  }
  if (new Set(hits.map(({ row }) => row)).size !== hits.length) problems.push("a record is in the answer twice");
  if (hits.length !== expected) problems.push(`${hits.length} hits, not ${expected}`);
  return { recall: expected === 0 ? 1 : found / expected, problems };
}
