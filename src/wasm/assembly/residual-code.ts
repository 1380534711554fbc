/**
 * 1-bit codes of residuals, as `core/index/vector/spann/residual-code.ts` tells them; sums are float64 in four lanes, added in the order
 * of `exact.ts`. And how a list lies (`list-layout.ts` there), which the scan needs too.
 */

import { pairAt, total } from "./exact";

/** What the space makes of a row's sums. */
const L2: u32 = 0;
const COSINE: u32 = 1;

const FACTOR_BYTES: usize = 384;

/** Bytes of a sub-block, of which the codes are 4 × padded. */
// @ts-ignore: decorator
@inline
export function subBlockBytes(padded: u32): usize {
  return (<usize>padded << 2) + FACTOR_BYTES;
}

/**
 * Puts codes and factors of `count` rows about a centroid into the list at `list`, all 0 before. Rows at least as long as the root of
 * `shortened` get no estimate.
 */
export function encodeRows(rows: usize, count: u32, padded: u32, centroid: usize, list: usize, space: u32, shortened: f64): void {
  for (let i: u32 = 0; i < count; i++, rows += <usize>padded << 2) {
    const subBlock = list + <usize>(i >> 5) * subBlockBytes(padded);
    encodeRow(rows, padded, centroid, subBlock, i & 31, space, shortened);
  }
}

function encodeRow(row: usize, padded: u32, centroid: usize, subBlock: usize, place: u32, space: u32, shortened: f64): void {
  const within = place & 15;
  let codes = subBlock + (within < 8 ? 2 * within : 2 * (within - 8) + 1);
  const shift = (place >> 4) << 2;
  const factors = subBlock + (<usize>padded << 2) + (<usize>place << 2);
  const zero = f32x4.splat(0);
  let absolute = f64x2.splat(0);
  let absoluteHigh = absolute;
  let squared = absolute;
  let squaredHigh = absolute;
  let signed = absolute;
  let signedHigh = absolute;
  let product = absolute;
  let productHigh = absolute;
  let norm = absolute;
  let normHigh = absolute;
  for (const end = row + (<usize>padded << 2); row < end; row += 16, centroid += 16, codes += 16) {
    const c = v128.load(centroid);
    const d = f32x4.sub(v128.load(row), c);
    const positive = f32x4.ge(d, zero);
    store<u8>(codes, load<u8>(codes) | (i32x4.bitmask(positive) << shift));
    const low = f64x2.promote_low_f32x4(d);
    const high = highPair(d);
    absolute = f64x2.add(absolute, f64x2.abs(low));
    absoluteHigh = f64x2.add(absoluteHigh, f64x2.abs(high));
    squared = f64x2.add(squared, f64x2.mul(low, low));
    squaredHigh = f64x2.add(squaredHigh, f64x2.mul(high, high));
    const toward = v128.bitselect(c, f32x4.neg(c), positive);
    signed = f64x2.add(signed, f64x2.promote_low_f32x4(toward));
    signedHigh = f64x2.add(signedHigh, highPair(toward));
    product = f64x2.add(product, f64x2.mul(low, pairAt(centroid)));
    productHigh = f64x2.add(productHigh, f64x2.mul(high, pairAt(centroid + 8)));
    norm = f64x2.add(norm, f64x2.mul(pairAt(row), pairAt(row)));
    normHigh = f64x2.add(normHigh, f64x2.mul(pairAt(row + 8), pairAt(row + 8)));
  }
  const length = total(norm, normHigh);
  if (length >= shortened) {
    store<f32>(factors, -1);
    return;
  }
  const distance = total(squared, squaredHigh);
  const sum = total(absolute, absoluteHigh);
  const factor: f64 = sum == 0 ? 0 : distance / sum;
  putFactors(factors, space, factor, distance, total(signed, signedHigh), total(product, productHigh), length == 0);
}

function putFactors(at: usize, space: u32, factor: f64, squared: f64, signed: f64, product: f64, isZero: bool): void {
  store<f32>(at, <f32>(space == L2 ? 2 * factor : factor));
  let add: f64;
  if (space == L2) add = squared + 2 * factor * signed;
  else if (space == COSINE) add = squared / 2 + factor * signed + (isZero ? 0.5 : 0);
  else add = factor * signed - product;
  store<f32>(at, <f32>add, 128);
}

// @ts-ignore: decorator
@inline
function highPair(v: v128): v128 {
  return f64x2.promote_low_f32x4(i32x4.shuffle(v, v, 2, 3, 2, 3));
}
