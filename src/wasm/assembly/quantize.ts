/**
 * Codes of float32 rows, as `core/index/vector/quantize.ts` makes them, to the last bit. Sums that it takes component after component
 * are taken so here, too, for two rows side by side: each addition waits for the one before it, and two rows wait together.
 */

import { dotOfFloats } from "./exact";

const CODE_MAX: f64 = 127;
/** As `residual-code.ts` numbers the spaces. */
const L2: u32 = 0;
const COSINE: u32 = 1;
/** Bytes of a row's slope, intercept and error. */
const NUMBERS_BYTES: usize = 12;

/** What two rows are, and what is made of them; lanes are rows. */
let norms: v128 = i64x2(0, 0);
let factors: v128 = i64x2(0, 0);

/**
 * Puts the codes of `count` rows at `codes`, and of each row slope, intercept and error, three f32, at `numbers`. l2 and ip rows of a
 * squared length above `normMax` get no codes.
 */
export function quantizeRows(rows: usize, count: u32, dimension: u32, space: u32, normMax: f64, codes: usize, numbers: usize): void {
  const bytes = <usize>dimension << 2;
  for (let row: u32 = 0; row < count; row += 2, rows += 2 * bytes, codes += 2 * dimension, numbers += 2 * NUMBERS_BYTES) {
    // What has no other is beside itself.
    const other = row + 1 < count;
    const b = other ? rows + bytes : rows;
    const codesB = other ? codes + dimension : codes;
    norms = pairOfNumbers(dotOfFloats(rows, rows, dimension), dotOfFloats(b, b, dimension));
    encodePair(rows, b, dimension, codes, codesB);
    const unit = unitsOf(space);
    const slopes = f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(f64x2.mul(unit, factors)));
    const errors = f64x2.sqrt(residuals(rows, b, dimension, unit, slopes, codes, codesB));
    put(dimension, space, normMax, codes, numbers, first(norms), first(slopes), first(errors));
    if (!other) continue;
    put(dimension, space, normMax, codesB, numbers + NUMBERS_BYTES, second(norms), second(slopes), second(errors));
  }
}

function unitsOf(space: u32): v128 {
  if (space == COSINE) return f64x2.div(f64x2.splat(1), f64x2.sqrt(norms));
  return f64x2.splat(space == L2 ? 2 : 1);
}

function put(dimension: u32, space: u32, normMax: f64, codes: usize, numbers: usize, norm: f64, slope: f64, error: f64): void {
  const isTooLong = space != COSINE && norm > normMax;
  const isPlain = !isTooLong && norm != 0;
  if (isTooLong) memory.fill(codes, 0, dimension);
  store<f32>(numbers, isPlain ? <f32>-slope : 0);
  store<f32>(numbers, isTooLong ? -Infinity : space == L2 ? <f32>norm : 1, 4);
  store<f32>(numbers, isPlain ? roundUp(error) : 0, 8);
}

/** A float32 not below `value`. */
function roundUp(value: f64): f32 {
  return value == 0 ? 0 : <f32>(value * 1.0000002384185791015625 + 1.401298464324817e-45);
}

export function maxAbs(row: usize, dimension: u32): f64 {
  let most = f32x4.splat(0);
  const end = row + (<usize>(dimension & ~3) << 2);
  for (; row < end; row += 16) most = f32x4.pmax(most, f32x4.abs(v128.load(row)));
  most = f32x4.pmax(most, i32x4.shuffle(most, most, 2, 3, 0, 1));
  let single = max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1));
  for (let left = dimension & 3; left > 0; left--, row += 4) single = max(single, abs(load<f32>(row)));
  return <f64>single;
}

/** Puts the codes of two rows, and sets `factors`, from the codes to the rows. Of a row of zeros the codes are 0. */
function encodePair(a: usize, b: usize, dimension: u32, codesA: usize, codesB: usize): void {
  const steps = f64x2.div(f64x2.splat(CODE_MAX), pairOfNumbers(maxAbs(a, dimension), maxAbs(b, dimension)));
  let products = f64x2.splat(0);
  let squares = products;
  const end = a + (<usize>dimension << 2);
  const shift = b - a;
  for (; a < end; a += 4, codesA++, codesB++) {
    const values = pairOf(a, a + shift);
    const codes = f64x2.nearest(f64x2.mul(values, steps));
    products = f64x2.add(products, f64x2.mul(values, codes));
    squares = f64x2.add(squares, f64x2.mul(codes, codes));
    const whole = i32x4.trunc_sat_f64x2_s_zero(codes);
    store<u8>(codesA, i32x4.extract_lane(whole, 0));
    store<u8>(codesB, i32x4.extract_lane(whole, 1));
  }
  factors = f64x2.div(products, squares);
}

/** Σ (unit × x − slope × code)² of two rows. */
function residuals(a: usize, b: usize, dimension: u32, units: v128, slopes: v128, codesA: usize, codesB: usize): v128 {
  let sums = f64x2.splat(0);
  const end = a + (<usize>dimension << 2);
  const shift = b - a;
  for (; a < end; a += 4, codesA++, codesB++) {
    const codes = pairOfNumbers(<f64>load<i8>(codesA), <f64>load<i8>(codesB));
    const difference = f64x2.sub(f64x2.mul(units, pairOf(a, a + shift)), f64x2.mul(slopes, codes));
    sums = f64x2.add(sums, f64x2.mul(difference, difference));
  }
  return sums;
}

// @ts-ignore: decorator
@inline
function pairOfNumbers(a: f64, b: f64): v128 {
  return f64x2.replace_lane(f64x2.splat(a), 1, b);
}

// @ts-ignore: decorator
@inline
function first(pair: v128): f64 {
  return f64x2.extract_lane(pair, 0);
}

// @ts-ignore: decorator
@inline
function second(pair: v128): f64 {
  return f64x2.extract_lane(pair, 1);
}

/** A component of either row. */
// @ts-ignore: decorator
@inline
function pairOf(a: usize, b: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load32_lane(b, v128.load32_zero(a), 1));
}
