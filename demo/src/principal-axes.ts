/**
 * Principal component analysis by power iteration, for the map: the two directions in which the vectors differ most,
 * and each vector's place along them. It runs in a worker of its own.
 */

/** `x, y` of each row follow each other. */
export type Points = Float32Array;

/** Vectors of one collection, row after row. */
export interface Rows {
  dimension: number;
  values: Float32Array;
}

/** The plane on which vectors are drawn: any vector of the same length has a place on it. */
export interface Plane {
  mean: Float64Array;
  axes: [Float64Array, Float64Array];
}

const iterations = 24;

/** The plane of the two principal axes. Deterministic: the same rows give the same map. */
export function findPlane(rows: Rows): Plane {
  const mean = meanOf(rows);
  const first = principalAxis(rows, mean, null);
  return { mean, axes: [first, principalAxis(rows, mean, first)] };
}

/** Where rows lie on the plane. */
export function placeOn({ mean, axes }: Plane, rows: Rows): Points {
  const points = new Float32Array((rows.values.length / rows.dimension) * 2);
  for (let at = 0; at < points.length; at++) points[at] = along(rows, at >> 1, mean, axes[at & 1]!);
  return points;
}

function meanOf({ dimension, values }: Rows): Float64Array {
  const mean = new Float64Array(dimension);
  const count = values.length / dimension;
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < dimension; column++) mean[column]! += values[row * dimension + column]! / count;
  }
  return mean;
}

/** The direction of greatest variance, at right angles to `other` when that is given. */
function principalAxis(rows: Rows, mean: Float64Array, other: Float64Array | null): Float64Array {
  const count = rows.values.length / rows.dimension;
  let axis = startingAxis(rows.dimension, other);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const next = new Float64Array(rows.dimension);
    for (let row = 0; row < count; row++) {
      accumulate(next, rows, row, mean, along(rows, row, mean, axis));
    }
    removeComponent(next, other);
    // All rows equal: there is no direction of variance, and any will do.
    if (!normalise(next)) break;
    axis = next;
  }
  return axis;
}

/** Any fixed direction that is unlikely to lie at right angles to the answer. */
function startingAxis(dimension: number, other: Float64Array | null): Float64Array {
  const axis = Float64Array.from({ length: dimension }, (_, column) => Math.sin(column * 12.9898 + (other ? 2 : 1)));
  removeComponent(axis, other);
  normalise(axis);
  return axis;
}

function along({ dimension, values }: Rows, row: number, mean: Float64Array, axis: Float64Array): number {
  let sum = 0;
  for (let column = 0; column < dimension; column++) sum += (values[row * dimension + column]! - mean[column]!) * axis[column]!;
  return sum;
}

function accumulate(target: Float64Array, { dimension, values }: Rows, row: number, mean: Float64Array, weight: number): void {
  for (let column = 0; column < dimension; column++) target[column]! += weight * (values[row * dimension + column]! - mean[column]!);
}

function removeComponent(vector: Float64Array, unit: Float64Array | null): void {
  if (!unit) return;
  const share = vector.reduce((sum, value, column) => sum + value * unit[column]!, 0);
  for (let column = 0; column < vector.length; column++) vector[column]! -= share * unit[column]!;
}

/** False, and unchanged, for a vector of no length. */
function normalise(vector: Float64Array): boolean {
  const length = Math.hypot(...vector);
  if (length < 1e-12) return false;
  for (let column = 0; column < vector.length; column++) vector[column]! /= length;
  return true;
}
