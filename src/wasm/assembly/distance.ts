/**
 * Distances from the current query to rows, and between two rows:
 *
 *     distance = intercept[row] + slope[row] × scale × Σ query[i] × code[row][i] + offset
 *
 * one float32 rounding per step, in this order; the dot product is exact in int32. The query is an encoded vector from
 * outside (offset 0, which turns −0 into 0) or a row itself: then `scale` is the space's constant times that row's slope
 * and `offset` another constant times its intercept.
 *
 * A query from outside has int16 codes, which both builds multiply alike: for the relaxed dot product it would have to be
 * coarser, and a search would have to judge more rows exactly. A row has int8 codes; the relaxed build takes that product.
 */

import { codeBytes, firstQueryAt, rowAt } from "./layout";
import { dotSixteenOfRow, layRow } from "./row-query";

/** Where the current query lies. */
let asked: usize = 0;
/** What turns a dot product with the current query into a distance. */
let scale: f32 = 0;
let offset: f32 = 0;
/** In the relaxed build: whether the current query is a row, and what a dot product with it lacks. */
let isRow: bool = false;
let lacking: i32 = 0;
/** What turns a row's slope and intercept into its scale and offset as a query. */
let slopeFactor: f32 = 0;
let interceptFactor: f32 = 0;

/** Fixes what rows are as queries. */
export function setRowQueries(ofSlope: f32, ofIntercept: f32): void {
  slopeFactor = ofSlope;
  interceptFactor = ofIntercept;
}

/** Makes the codes that were put at `at` the current query. */
export function askVector(at: usize, queryScale: f32): void {
  asked = at;
  scale = queryScale;
  offset = 0;
  if (ASC_FEATURE_RELAXED_SIMD) isRow = false;
}

/** Makes a row the current query. */
export function askRow(ordinal: u32): void {
  const row = rowAt(ordinal);
  asked = firstQueryAt();
  scale = scaleOf(row);
  offset = offsetOf(row);
  if (ASC_FEATURE_RELAXED_SIMD) {
    isRow = true;
    lacking = layRow(row);
  } else {
    for (let i: usize = 0; i < codeBytes; i += 8) v128.store(asked + 2 * i, v128.load8x8_s(row + i));
  }
}

// @ts-ignore: decorator
@inline
function scaleOf(row: usize): f32 {
  return slopeFactor * load<f32>(row + codeBytes);
}

// @ts-ignore: decorator
@inline
function offsetOf(row: usize): f32 {
  return interceptFactor * load<f32>(row + codeBytes, 4);
}

/** Distance from the query to the row, of which the dot product is known. */
// @ts-ignore: decorator
@inline
export function distanceOf(row: usize, dotProduct: i32): f32 {
  const end = row + codeBytes;
  return load<f32>(end, 4) + load<f32>(end) * scale * <f32>dotProduct + offset;
}

/** Distances from the query to four rows, one per lane. */
// @ts-ignore: decorator
@inline
export function distancesToFour(a: usize, b: usize, c: usize, d: usize): v128 {
  const dots = f32x4.convert_i32x4_s(dotFour(a, b, c, d));
  const ab = i32x4.shuffle(v128.load64_zero(a + codeBytes), v128.load64_zero(b + codeBytes), 0, 4, 1, 5);
  const cd = i32x4.shuffle(v128.load64_zero(c + codeBytes), v128.load64_zero(d + codeBytes), 0, 4, 1, 5);
  const slopes = i32x4.shuffle(ab, cd, 0, 1, 4, 5);
  const intercepts = i32x4.shuffle(ab, cd, 2, 3, 6, 7);
  const products = f32x4.mul(f32x4.mul(slopes, f32x4.splat(scale)), dots);
  return f32x4.add(f32x4.add(intercepts, products), f32x4.splat(offset));
}

/** Distance from row `a` to row `b`, as if `a` were the query. */
// @ts-ignore: decorator
@inline
export function distanceBetween(a: usize, b: usize): f32 {
  const end = b + codeBytes;
  return load<f32>(end, 4) + load<f32>(end) * scaleOf(a) * <f32>dotOfRows(a, b) + offsetOf(a);
}

/** Σ query × code of one row. */
// @ts-ignore: decorator
@inline
export function dot(row: usize): i32 {
  if (ASC_FEATURE_RELAXED_SIMD) if (isRow) return dotOfRow(row);
  let sum = i32x4.splat(0);
  let query = asked;
  for (let end = row + codeBytes; row < end; row += 16, query += 32) {
    sum = i32x4.add(sum, dotSixteen(row, v128.load(query), v128.load(query, 16)));
  }
  return sumOfLanes(sum);
}

/** Σ query × code of four rows, one per lane: they share the loads of the query and the sum across lanes. */
// @ts-ignore: decorator
@inline
function dotFour(a: usize, b: usize, c: usize, d: usize): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) if (isRow) return dotFourOfRow(a, b, c, d);
  let sumA = i32x4.splat(0);
  let sumB = i32x4.splat(0);
  let sumC = i32x4.splat(0);
  let sumD = i32x4.splat(0);
  let query = asked;
  for (let end = a + codeBytes; a < end; a += 16, b += 16, c += 16, d += 16, query += 32) {
    const first = v128.load(query);
    const second = v128.load(query, 16);
    sumA = i32x4.add(sumA, dotSixteen(a, first, second));
    sumB = i32x4.add(sumB, dotSixteen(b, first, second));
    sumC = i32x4.add(sumC, dotSixteen(c, first, second));
    sumD = i32x4.add(sumD, dotSixteen(d, first, second));
  }
  return sumsOfLanes(sumA, sumB, sumC, sumD);
}

/** Σ query × code with a row as the query, in the relaxed build. */
function dotOfRow(row: usize): i32 {
  let sum = i32x4.splat(0);
  let query = asked;
  for (let end = row + codeBytes; row < end; row += 16, query += 32) sum = i32x4.add(sum, dotSixteenOfRow(row, query));
  return sumOfLanes(sum) + lacking;
}

function dotFourOfRow(a: usize, b: usize, c: usize, d: usize): v128 {
  let sumA = i32x4.splat(0);
  let sumB = i32x4.splat(0);
  let sumC = i32x4.splat(0);
  let sumD = i32x4.splat(0);
  let query = asked;
  for (let end = a + codeBytes; a < end; a += 16, b += 16, c += 16, d += 16, query += 32) {
    sumA = i32x4.add(sumA, dotSixteenOfRow(a, query));
    sumB = i32x4.add(sumB, dotSixteenOfRow(b, query));
    sumC = i32x4.add(sumC, dotSixteenOfRow(c, query));
    sumD = i32x4.add(sumD, dotSixteenOfRow(d, query));
  }
  return i32x4.add(sumsOfLanes(sumA, sumB, sumC, sumD), i32x4.splat(lacking));
}

/** Products of sixteen codes at `row` with eight and eight of the query, summed into four lanes. */
// @ts-ignore: decorator
@inline
function dotSixteen(row: usize, first: v128, second: v128): v128 {
  return i32x4.add(i32x4.dot_i16x8_s(v128.load8x8_s(row), first), i32x4.dot_i16x8_s(v128.load8x8_s(row, 8), second));
}

/** Σ code × code of two rows. */
// @ts-ignore: decorator
@inline
function dotOfRows(a: usize, b: usize): i32 {
  let sum = i32x4.splat(0);
  for (let end = a + codeBytes; a < end; a += 16, b += 16) {
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load8x8_s(a), v128.load8x8_s(b)));
    sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load8x8_s(a, 8), v128.load8x8_s(b, 8)));
  }
  return sumOfLanes(sum);
}

/** The sums of the lanes of four vectors, one per lane. */
// @ts-ignore: decorator
@inline
export function sumsOfLanes(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return i32x4.add(i32x4.shuffle(ab, cd, 0, 1, 4, 5), i32x4.shuffle(ab, cd, 2, 3, 6, 7));
}

// @ts-ignore: decorator
@inline
function sumOfLanes(sum: v128): i32 {
  const half = i32x4.add(sum, i32x4.shuffle(sum, sum, 2, 3, 0, 1));
  return i32x4.extract_lane(half, 0) + i32x4.extract_lane(half, 1);
}
