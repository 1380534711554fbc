/**
 * The scan of lists of 1-bit codes, as `core/index/vector/spann/fast-scan.ts` tells it: for each four components one table of 16 sums
 * in a register, looked up for 32 rows by two swizzles.
 */

import { pairAt, total } from "./exact";
import { subBlockBytes } from "./residual-code";

/** Bytes of codes whose sums stay inside 16 bits: 512 tables of at most 127. */
const SPAN_BYTES: usize = 512 * 16;
const TABLE_MAX: f32 = 127;
const STEP_MIN: f32 = 7.888609052210118e-31;
const FAR_BELOW: f32 = -3.4028234663852886e38;
const NO_ORDINAL: u32 = 0xffffffff;

/** Puts a rotated query's tables at `tables`, and at `out` four f64: step, minimum, squared norm, table error. */
export function prepareTables(query: usize, padded: u32, tables: usize, out: usize): void {
  const end = query + (<usize>padded << 2);
  const step = putExtent(query, end, out);
  const inverse = f32x4.splat(step < STEP_MIN ? 0 : 1 / step);
  let off = f64x2.splat(0);
  let offHigh = off;
  for (let at = query; at < end; at += 16, tables += 16) {
    const q = v128.load(at);
    const parts = f32x4.mul(f32x4.mul(f32x4.splat(2), f32x4.abs(q)), inverse);
    const negative = f32x4.lt(q, f32x4.splat(0));
    const plus = v128.andnot(parts, negative);
    const minus = v128.and(parts, negative);
    const low = f32x4.add(i32x4.shuffle(minus, plus, 0, 4, 0, 4), i32x4.shuffle(minus, plus, 1, 1, 5, 5));
    for (let half: u32 = 0; half < 4; half++) {
      const c = (half & 1) == 0 ? f32x4.extract_lane(minus, 2) : f32x4.extract_lane(plus, 2);
      const d = (half & 2) == 0 ? f32x4.extract_lane(minus, 3) : f32x4.extract_lane(plus, 3);
      const values = f32x4.add(low, f32x4.splat(c + d));
      const rounded = f32x4.min(f32x4.nearest(values), f32x4.splat(TABLE_MAX));
      const difference = f32x4.sub(rounded, values);
      const first = f64x2.promote_low_f32x4(difference);
      const second = f64x2.promote_low_f32x4(i32x4.shuffle(difference, difference, 2, 3, 2, 3));
      off = f64x2.add(off, f64x2.mul(first, first));
      offHigh = f64x2.add(offHigh, f64x2.mul(second, second));
      const words = i32x4.trunc_sat_f32x4_u(rounded);
      const shorts = i16x8.narrow_i32x4_u(words, words);
      store<u32>(tables + (<usize>half << 2), i32x4.extract_lane(i8x16.narrow_i16x8_u(shorts, shorts), 0));
    }
  }
  store<f64>(out, <f64>step * Math.sqrt(total(off, offHigh) / 16), 24);
}

/** Puts step, minimum and squared norm, and returns the step. */
function putExtent(query: usize, end: usize, out: usize): f32 {
  let widest: f32 = 0;
  let sums = f64x2.splat(0);
  let sumsHigh = sums;
  let squares = sums;
  let squaresHigh = sums;
  for (; query < end; query += 16) {
    const magnitudes = f32x4.abs(v128.load(query));
    const pairs = f32x4.add(magnitudes, i32x4.shuffle(magnitudes, magnitudes, 1, 0, 3, 2));
    widest = max(widest, f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 2));
    const low = pairAt(query);
    const high = pairAt(query + 8);
    sums = f64x2.add(sums, f64x2.abs(low));
    sumsHigh = f64x2.add(sumsHigh, f64x2.abs(high));
    squares = f64x2.add(squares, f64x2.mul(low, low));
    squaresHigh = f64x2.add(squaresHigh, f64x2.mul(high, high));
  }
  const step: f32 = (2 * widest) / TABLE_MAX;
  store<f64>(out, <f64>step);
  store<f64>(out, <f64>(<f32>-total(sums, sumsHigh)), 8);
  store<f64>(out, total(squares, squaresHigh), 16);
  return step;
}

/** What estimates of one scan are made with, and where what it finds goes. */
let step: f32 = 0;
let minimum: f32 = 0;
let epsilon: f32 = 0;
let below: f32 = 0;
let ordinals: usize = 0;
let estimates: usize = 0;
let sigmas: usize = 0;
let found: usize = 0;

/**
 * To be told before a scan. Matches go to three arrays, `ordinals` (u32), `estimates` and `sigmas` (f32), with room for 32 per sub-block.
 */
export function beginScan(
  stepSize: f32,
  least: f32,
  bound: f32,
  best: f32,
  ordinalsAt: usize,
  estimatesAt: usize,
  sigmasAt: usize,
): void {
  step = stepSize;
  minimum = least;
  epsilon = bound;
  below = best;
  ordinals = ordinalsAt;
  estimates = estimatesAt;
  sigmas = sigmasAt;
  found = 0;
}

/** Scans `subBlocks` sub-blocks at `list`; returns how many matches there are. `sums` are 128 bytes of scratch. */
export function scanList(
  list: usize,
  subBlocks: u32,
  padded: u32,
  tables: usize,
  sums: usize,
  base: f32,
  weight: f32,
  spread: f32,
  limit: f32,
): u32 {
  for (; subBlocks > 0; subBlocks--, list += subBlockBytes(padded)) {
    scanSubBlock(list, <usize>padded << 2, tables, sums, base, weight, spread, limit);
  }
  return <u32>(found >> 2);
}

/**
 * Scans `count` lists, the sub-blocks of which lie at the addresses at `pages`, one list's after the other's. Each list has six words at
 * `probes`: base, weight, spread, limit, how many sub-blocks it has; and last how many matches there are up to its end, which is put there.
 */
export function scanPages(probes: usize, count: u32, pages: usize, padded: u32, tables: usize, sums: usize): void {
  for (; count > 0; count--, probes += 24) {
    const base = load<f32>(probes);
    const weight = load<f32>(probes, 4);
    const spread = load<f32>(probes, 8);
    const limit = load<f32>(probes, 12);
    for (let left = load<u32>(probes, 16); left > 0; left--, pages += 4) {
      scanSubBlock(load<u32>(pages), <usize>padded << 2, tables, sums, base, weight, spread, limit);
    }
    store<u32>(probes, <u32>(found >> 2), 20);
  }
}

function scanSubBlock(
  list: usize,
  codeBytes: usize,
  tables: usize,
  sums: usize,
  base: f32,
  weight: f32,
  spread: f32,
  limit: f32,
): void {
  sumCodes(list, codeBytes, tables, sums);
  const factors = list + codeBytes;
  for (let i: usize = 0; i < 128; i += 16) {
    const scales = v128.load(factors + i);
    const none = f32x4.lt(scales, f32x4.splat(0));
    const sum = f32x4.convert_i32x4_s(v128.load(sums + i));
    const signed = f32x4.add(f32x4.mul(f32x4.splat(step), sum), f32x4.splat(minimum));
    const known = f32x4.add(f32x4.splat(base), f32x4.mul(f32x4.splat(weight), v128.load(factors + i, 128)));
    const all = v128.bitselect(f32x4.splat(FAR_BELOW), f32x4.sub(known, f32x4.mul(scales, signed)), none);
    const errors = v128.andnot(f32x4.mul(scales, f32x4.splat(spread)), none);
    const lower = f32x4.sub(all, f32x4.mul(f32x4.splat(epsilon), errors));
    const near = v128.or(f32x4.le(lower, f32x4.splat(limit)), f32x4.lt(all, f32x4.splat(below)));
    const matches = i32x4.bitmask(near);
    if (matches != 0) compress(matches, factors + i + 256, all, errors);
  }
}

/** Adds what is in the lanes of `matches`, in their order. */
function compress(matches: i32, rows: usize, all: v128, errors: v128): void {
  for (let lane: u32 = 0; lane < 4; lane++) {
    const ordinal = load<u32>(rows + (<usize>lane << 2));
    if ((matches & (1 << lane)) == 0 || ordinal == NO_ORDINAL) continue;
    store<u32>(ordinals + found, ordinal);
    store<f32>(estimates + found, laneOf(all, lane));
    store<f32>(sigmas + found, laneOf(errors, lane));
    found += 4;
  }
}

// @ts-ignore: decorator
@inline
function laneOf(v: v128, lane: u32): f32 {
  if (lane == 0) return f32x4.extract_lane(v, 0);
  if (lane == 1) return f32x4.extract_lane(v, 1);
  return lane == 2 ? f32x4.extract_lane(v, 2) : f32x4.extract_lane(v, 3);
}

/** Puts the sums of a sub-block's 32 rows, i32, in the list's order. */
function sumCodes(codes: usize, bytes: usize, tables: usize, sums: usize): void {
  sumSpan(codes, min(bytes, SPAN_BYTES), tables, sums, false);
  for (let from = SPAN_BYTES; from < bytes; from += SPAN_BYTES) {
    sumSpan(codes + from, min(bytes - from, SPAN_BYTES), tables + from, sums, true);
  }
}

/**
 * Two tables' values are added as bytes, then as 16-bit lanes: of those that sum whole pairs of bytes, the odd bytes' sums are taken away
 * at the end.
 */
function sumSpan(codes: usize, bytes: usize, tables: usize, sums: usize, more: bool): void {
  const half = i8x16.splat(15);
  let low = i16x8.splat(0);
  let lowOdd = low;
  let high = low;
  let highOdd = low;
  for (let i: usize = 0; i < bytes; i += 32) {
    const a = v128.load(codes + i);
    const b = v128.load(codes + i, 16);
    const tableA = v128.load(tables + i);
    const tableB = v128.load(tables + i, 16);
    const lows = i8x16.add(lookUp(tableA, v128.and(a, half)), lookUp(tableB, v128.and(b, half)));
    const highs = i8x16.add(lookUp(tableA, highHalf(a, half)), lookUp(tableB, highHalf(b, half)));
    low = i16x8.add(low, lows);
    lowOdd = i16x8.add(lowOdd, i16x8.shr_u(lows, 8));
    high = i16x8.add(high, highs);
    highOdd = i16x8.add(highOdd, i16x8.shr_u(highs, 8));
  }
  putSums(sums, i16x8.sub(low, i16x8.shl(lowOdd, 8)), more);
  putSums(sums + 32, lowOdd, more);
  putSums(sums + 64, i16x8.sub(high, i16x8.shl(highOdd, 8)), more);
  putSums(sums + 96, highOdd, more);
}

// @ts-ignore: decorator
@inline
function highHalf(codes: v128, half: v128): v128 {
  return v128.and(i16x8.shr_u(codes, 4), half);
}

/** Indices are below 16, for which the relaxed swizzle is the plain one, without its check. */
// @ts-ignore: decorator
@inline
export function lookUp(table: v128, indices: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, indices);
  return i8x16.swizzle(table, indices);
}

// @ts-ignore: decorator
@inline
function putSums(at: usize, shorts: v128, more: bool): void {
  let low = i32x4.extend_low_i16x8_u(shorts);
  let high = i32x4.extend_high_i16x8_u(shorts);
  if (more) {
    low = i32x4.add(low, v128.load(at));
    high = i32x4.add(high, v128.load(at, 16));
  }
  v128.store(at, low);
  v128.store(at, high, 16);
}
