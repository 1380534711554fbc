/**
 * Turns float32 vectors into the int8 codes that a scan reads and queries into the int16 codes that it multiplies with,
 * and says how far the approximation can be off.
 *
 * With u = 1/|x| (cosine), 1 (ip) or 2 (l2), a row x becomes codes c, |c| ≤ 127, and a slope −s such that s·c ≈ u·x:
 *
 *     cosine  1 − (s·c)·(q/|q|)        ip  1 − (s·c)·q        l2  |x|² − (s·c)·q   (the caller adds |q|²)
 *
 * The codes round x in steps of max|x| / 127, half to even. The slope is then the least-squares factor between codes and
 * row, not the step: it leaves an error orthogonal to the codes, so that rows with few distinct values, whose rounding
 * errors all point the same way, are not pushed away from or towards the queries they resemble.
 *
 * All arithmetic is float64, where squares of any float32 (1e38, 1e-45) neither overflow nor vanish. For l2 and ip a
 * vector longer than `NORM_MAX` would overflow the scan's float32; such a row gets slope 0 and intercept −∞, which makes
 * it a candidate of every search, judged by its exact distance alone.
 */

import { carved } from "../../base/slab.js";
import type { Space } from "../../types.js";
import { squaredNorm } from "./distance.js";
import type { EncodedQuery } from "./encoded-query.js";
import type { QuantizedRows } from "./quantized-rows.js";
import { queryMax, type ScanQuery } from "./vector-kernel.js";

export type { EncodedQuery } from "./encoded-query.js";
export type { QuantizedRows } from "./quantized-rows.js";

const CODE_MAX = 127;
const FLOAT32_NORMAL_MIN = 2 ** -126;

/** Longest l2 or ip vector that codes may stand for: products of two such lengths stay far inside float32. */
export const NORM_MAX = 2 ** 61;

/** Quantises the rows of `values`, row-major, n × dimension. */
export function quantizeRows(space: Space, dimension: number, values: Float32Array): QuantizedRows {
  const count = values.length / dimension;
  const rows: QuantizedRows = {
    codes: new Int8Array(values.length),
    slopes: new Float32Array(count),
    intercepts: new Float32Array(count).fill(1),
    errors: new Float32Array(count),
  };
  for (let row = 0; row < count; row++) quantizeRow(space, dimension, values, row, rows);
  return rows;
}

/** Encodes a query with the largest magnitude that keeps every dot product with a row inside int32. */
export function encodeQuery(space: Space, query: Float32Array): EncodedQuery {
  const dimension = query.length;
  const length = Math.sqrt(squaredNorm(query, 0, dimension));
  if (length === 0) return { vector: query, codes: new Int16Array(dimension), scale: 0, norm: 0, error: 0 };
  const unit = space === "cosine" ? 1 / length : 1;
  const { codes, scale, error } = codesOf(query, unit);
  return { vector: query, codes, scale, norm: length * unit, error };
}

/** Codes and scale alone, such that `scale × codes` ≈ `unit × query`, and by how much they differ. */
export function codesOf(query: Float32Array, unit = 1): ScanQuery & { error: number } {
  const codes = carved(Int16Array, query.length);
  const scale = Math.fround((maxAbs(query, 0, query.length) * unit) / queryMax(query.length));
  return { codes, scale, error: encodeInto(codes, query, unit, scale) };
}

function quantizeRow(space: Space, dimension: number, values: Float32Array, row: number, out: QuantizedRows): void {
  const offset = row * dimension;
  const squared = squaredNorm(values, offset, dimension);
  if (space !== "cosine" && squared > NORM_MAX * NORM_MAX) {
    out.intercepts[row] = -Infinity;
    return;
  }
  if (space === "l2") out.intercepts[row] = squared;
  if (squared === 0) return;
  const unit = space === "cosine" ? 1 / Math.sqrt(squared) : space === "l2" ? 2 : 1;
  const slope = Math.fround(unit * encodeRow(values, offset, dimension, out.codes));
  out.slopes[row] = -slope;
  out.errors[row] = roundUp(residual(values, offset, unit, out.codes, slope, dimension));
}

/** Writes the codes of a non-zero row and returns the least-squares factor from codes to row. */
function encodeRow(values: Float32Array, offset: number, dimension: number, codes: Int8Array): number {
  const factor = CODE_MAX / maxAbs(values, offset, dimension);
  let product = 0;
  let squared = 0;
  for (let i = offset; i < offset + dimension; i++) {
    const value = values[i]!;
    const code = roundHalfEven(value * factor);
    codes[i] = code;
    product += value * code;
    squared += code * code;
  }
  return product / squared;
}

/**
 * Returns ‖unit × query − scale × codes‖. A scale that is subnormal in float32 is coarse, so codes may have to be held at the largest
 * one, and where it is 0 all codes are. Any other is so near to what it rounds that no code exceeds the largest. Four sums, since each
 * addition waits for the one before it.
 */
function encodeInto(codes: Int16Array, query: Float32Array, unit: number, scale: number): number {
  const factor = scale === 0 ? 0 : unit / scale;
  if (scale < FLOAT32_NORMAL_MIN) return encodeCoarsely(codes, query, unit, scale, factor);
  const { length } = codes;
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    const code0 = roundHalfEven(query[i]! * factor);
    const code1 = roundHalfEven(query[i + 1]! * factor);
    const code2 = roundHalfEven(query[i + 2]! * factor);
    const code3 = roundHalfEven(query[i + 3]! * factor);
    codes[i] = code0;
    codes[i + 1] = code1;
    codes[i + 2] = code2;
    codes[i + 3] = code3;
    const d0 = unit * query[i]! - scale * code0;
    const d1 = unit * query[i + 1]! - scale * code1;
    const d2 = unit * query[i + 2]! - scale * code2;
    const d3 = unit * query[i + 3]! - scale * code3;
    sum0 += d0 * d0;
    sum1 += d1 * d1;
    sum2 += d2 * d2;
    sum3 += d3 * d3;
  }
  for (; i < length; i++) {
    const code = roundHalfEven(query[i]! * factor);
    codes[i] = code;
    const difference = unit * query[i]! - scale * code;
    sum0 += difference * difference;
  }
  return Math.sqrt(sum0 + sum1 + (sum2 + sum3));
}

function encodeCoarsely(codes: Int16Array, query: Float32Array, unit: number, scale: number, factor: number): number {
  const codeMax = queryMax(codes.length);
  let sum = 0;
  for (let i = 0; i < codes.length; i++) {
    const value = query[i]!;
    const code = Math.min(codeMax, Math.max(-codeMax, roundHalfEven(value * factor)));
    codes[i] = code;
    const difference = unit * value - scale * code;
    sum += difference * difference;
  }
  return Math.sqrt(sum);
}

/** ‖unit × row − slope × codes‖ of the row at `offset`. */
function residual(values: Float32Array, offset: number, unit: number, codes: Int8Array, slope: number, dimension: number): number {
  let sum = 0;
  for (let i = offset; i < offset + dimension; i++) {
    const difference = unit * values[i]! - slope * codes[i]!;
    sum += difference * difference;
  }
  return Math.sqrt(sum);
}

function maxAbs(values: Float32Array, offset: number, dimension: number): number {
  let max = 0;
  for (let i = offset; i < offset + dimension; i++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude > max) max = magnitude;
  }
  return max;
}

/** Adding 1.5 × 2⁵² pushes the fraction out of a float64, which rounds half to even; exact for |value| < 2⁵¹. */
function roundHalfEven(value: number): number {
  return value + 6755399441055744 - 6755399441055744;
}

/** A float32 not below `value`. */
function roundUp(value: number): number {
  return value === 0 ? 0 : Math.fround(value * (1 + 2 ** -22) + 2 ** -149);
}
