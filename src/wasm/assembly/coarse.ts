/**
 * A look at rows that costs half of their distances, in the relaxed build. The query's int16 codes c are rounded to multiples of a
 * step, a of them, |a| ≤ 63, which the relaxed product takes in one go (`row-query.ts` says how). With r = c − step × a
 *
 *     Σ c × b ≥ step × Σ a × b − ‖r‖ × ‖b‖     (Cauchy–Schwarz)
 *
 * so a row's distance is at least what a tells of it, less a slack: that of the longest row, ‖r‖ × scale × max |slope| × ‖b‖, and
 * what float32 may round. Where this bound is no nearer than the limit of a scan the row is passed over; all others are
 * measured in full. So a scan finds what it would find without, bit for bit.
 */

import { sumsOfLanes } from "./distance";
import { codeBytes, coarseAt, queryAt, rowAt } from "./layout";

/** Two products of a pair, |a| × 128 each, and another pair's, fit into an int16. */
const COARSE_MAX: f32 = 63;
/** What float32 rounds is below this share of the largest product, and of an intercept: several roundings of 2⁻²⁴. */
const PRODUCT_ROUNDING: f64 = 1.0 / 1048576.0;
const INTERCEPT_ROUNDING: f32 = 1.0 / 2097152.0;
/** More than sums of float32 squares, and the slack itself, may be rounded. */
const SLACK_ROUNDING: f64 = 1.001;
/** What products lose that become subnormal. */
const UNDERFLOW: f64 = 6.018531076210112e-36;

/** Where the current query's magnitudes and masks lie, and what a sum of products with them lacks. */
let coarse: usize = 0;
let lacking: i32 = 0;
/** What turns a sum into a distance's part, and what it may be too far. */
let factor: f32 = 0;
let slack: f32 = 0;

/** Lays out what rows are looked at with for the query of a slot. `longest` is not less than any row's |slope| × ‖codes‖. */
export function layCoarse(slot: u32, scale: f32, longest: f64): void {
  const query = queryAt(slot);
  const at = coarseAt(slot);
  const step = largest(query) / COARSE_MAX;
  const inverse = step == 0 ? <f32>0 : <f32>1 / step;
  let squares: f64 = 0;
  let left: f64 = 0;
  let negative: i32 = 0;
  for (let i: usize = 0; i < codeBytes; i++) {
    const code = <f32>load<i16>(query + 2 * i);
    const a = min<f32>(COARSE_MAX, max<f32>(-COARSE_MAX, nearest<f32>(code * inverse)));
    const rest = <f64>code - <f64>step * <f64>a;
    squares += <f64>code * <f64>code;
    left += rest * rest;
    if (a < 0) negative -= <i32>a;
    const place = at + 2 * (i & ~15) + (i & 15);
    store<u8>(place, <u8>abs<f32>(a));
    store<u8>(place, a < 0 ? 255 : 0, 16);
  }
  const end = at + 2 * codeBytes;
  store<i32>(end, negative);
  store<f32>(end, scale * step, 4);
  store<f32>(
    end,
    <f32>(SLACK_ROUNDING * (<f64>abs<f32>(scale) * longest * (sqrt<f64>(left) + PRODUCT_ROUNDING * sqrt<f64>(squares)) + UNDERFLOW)),
    8,
  );
}

/** The largest magnitude of the codes. */
function largest(query: usize): f32 {
  let most = i16x8.splat(0);
  for (let i: usize = 0; i < codeBytes; i += 8) most = i16x8.max_s(most, i16x8.abs(v128.load(query + 2 * i)));
  let found: i32 = 0;
  for (let half = 0; half < 2; half++) {
    const four = half == 0 ? i32x4.extend_low_i16x8_s(most) : i32x4.extend_high_i16x8_s(most);
    found = max(found, max(i32x4.extract_lane(four, 0), i32x4.extract_lane(four, 1)));
    found = max(found, max(i32x4.extract_lane(four, 2), i32x4.extract_lane(four, 3)));
  }
  return <f32>found;
}

/** Goes on with the query of a slot. */
export function takeCoarse(slot: u32): void {
  coarse = coarseAt(slot);
  const end = coarse + 2 * codeBytes;
  lacking = load<i32>(end);
  factor = load<f32>(end, 4);
  slack = load<f32>(end, 8);
}

/** Which of four rows may be nearer than the limit, a bit each. */
// @ts-ignore: decorator
@inline
export function mayBeNearer(a: usize, b: usize, c: usize, d: usize, limit: f32): i32 {
  const dots = f32x4.convert_i32x4_s(coarseDots(a, b, c, d));
  const ab = i32x4.shuffle(v128.load64_zero(a + codeBytes), v128.load64_zero(b + codeBytes), 0, 4, 1, 5);
  const cd = i32x4.shuffle(v128.load64_zero(c + codeBytes), v128.load64_zero(d + codeBytes), 0, 4, 1, 5);
  const slopes = i32x4.shuffle(ab, cd, 0, 1, 4, 5);
  const intercepts = i32x4.shuffle(ab, cd, 2, 3, 6, 7);
  const least = f32x4.sub(intercepts, f32x4.mul(f32x4.abs(intercepts), f32x4.splat(INTERCEPT_ROUNDING)));
  const bounds = f32x4.sub(f32x4.add(least, f32x4.mul(f32x4.mul(slopes, f32x4.splat(factor)), dots)), f32x4.splat(slack));
  return 15 ^ i32x4.bitmask(f32x4.ge(bounds, f32x4.splat(limit)));
}

/** Σ a × code of four rows, one per lane. Sixteen codes left over at the end have products with 0 beside them. */
// @ts-ignore: decorator
@inline
function coarseDots(a: usize, b: usize, c: usize, d: usize): v128 {
  const ones = i16x8.splat(1);
  let sumA = i32x4.splat(0);
  let sumB = i32x4.splat(0);
  let sumC = i32x4.splat(0);
  let sumD = i32x4.splat(0);
  let query = coarse;
  let end = a + (codeBytes & ~31);
  for (; a < end; a += 32, b += 32, c += 32, d += 32, query += 64) {
    const first = v128.load(query);
    const firstMask = v128.load(query, 16);
    const second = v128.load(query, 32);
    const secondMask = v128.load(query, 48);
    sumA = i32x4.add(sumA, i32x4.dot_i16x8_s(i16x8.add(pairs(a, first, firstMask), pairs(a + 16, second, secondMask)), ones));
    sumB = i32x4.add(sumB, i32x4.dot_i16x8_s(i16x8.add(pairs(b, first, firstMask), pairs(b + 16, second, secondMask)), ones));
    sumC = i32x4.add(sumC, i32x4.dot_i16x8_s(i16x8.add(pairs(c, first, firstMask), pairs(c + 16, second, secondMask)), ones));
    sumD = i32x4.add(sumD, i32x4.dot_i16x8_s(i16x8.add(pairs(d, first, firstMask), pairs(d + 16, second, secondMask)), ones));
  }
  if ((codeBytes & 16) != 0) {
    const last = v128.load(query);
    const lastMask = v128.load(query, 16);
    sumA = i32x4.add(sumA, i32x4.dot_i16x8_s(pairs(a, last, lastMask), ones));
    sumB = i32x4.add(sumB, i32x4.dot_i16x8_s(pairs(b, last, lastMask), ones));
    sumC = i32x4.add(sumC, i32x4.dot_i16x8_s(pairs(c, last, lastMask), ones));
    sumD = i32x4.add(sumD, i32x4.dot_i16x8_s(pairs(d, last, lastMask), ones));
  }
  return i32x4.add(sumsOfLanes(sumA, sumB, sumC, sumD), i32x4.splat(lacking));
}

/** Products of sixteen codes at `row` with as many of the query, summed in pairs. */
// @ts-ignore: decorator
@inline
function pairs(row: usize, magnitudes: v128, masks: v128): v128 {
  return i16x8.relaxed_dot_i8x16_i7x16_s(v128.xor(v128.load(row), masks), magnitudes);
}

/** The largest |slope| × ‖codes‖ of the rows `from … to − 1`. */
export function longestOf(from: u32, to: u32): f64 {
  let longest: f64 = 0;
  for (let ordinal = from; ordinal < to; ordinal++) {
    const row = rowAt(ordinal);
    let sum = i32x4.splat(0);
    for (let i: usize = 0; i < codeBytes; i += 8) {
      const codes = v128.load8x8_s(row + i);
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(codes, codes));
    }
    const squares = i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3);
    longest = max<f64>(longest, <f64>abs<f32>(load<f32>(row + codeBytes)) * sqrt<f64>(<f64>squares));
  }
  return longest;
}
