/**
 * Principal component analysis by power iteration, for the map: the two directions in which the vectors differ most,
 * and each vector's place along them. Works in short slices, giving way to the page between them.
 */
import { breather } from "./pause.js";

/** `x, y` of each row follow each other. */
export type Points = Float32Array;

/** Vectors of one collection, row after row. */
export interface Rows {
  dimension: number;
  values: Float32Array;
}

const iterations = 24;

/** Places rows on their two principal axes. Deterministic: the same rows give the same map. Stops with `signal.reason` when aborted. */
export async function projectToPlane(rows: Rows, signal: AbortSignal): Promise<Points> {
  const pause = breather(signal);
  const count = rows.values.length / rows.dimension;
  const points = new Float32Array(count * 2);
  const mean = await meanOf(rows, pause);
  const first = await principalAxis(rows, mean, null, pause);
  const second = await principalAxis(rows, mean, first, pause);
  for (let row = 0; row < count; row++) {
    points[row * 2] = along(rows, row, mean, first);
    points[row * 2 + 1] = along(rows, row, mean, second);
    await pause();
  }
  return points;
}

async function meanOf({ dimension, values }: Rows, pause: () => Promise<void> | void): Promise<Float64Array> {
  const mean = new Float64Array(dimension);
  const count = values.length / dimension;
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < dimension; column++) mean[column]! += values[row * dimension + column]! / count;
    await pause();
  }
  return mean;
}

/** The direction of greatest variance, at right angles to `other` when that is given. */
async function principalAxis(
  rows: Rows,
  mean: Float64Array,
  other: Float64Array | null,
  pause: () => Promise<void> | void,
): Promise<Float64Array> {
  const count = rows.values.length / rows.dimension;
  let axis = startingAxis(rows.dimension, other);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const next = new Float64Array(rows.dimension);
    for (let row = 0; row < count; row++) {
      accumulate(next, rows, row, mean, along(rows, row, mean, axis));
      await pause();
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
