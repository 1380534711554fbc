/**
 * The codes of a query, as `core/index/vector/quantize.ts` makes them, to the last bit: four components side by side, whose sums are those
 * of components 0, 1, 2, 3 modulo 4; what is left over goes to the first.
 */

import { addToFirst, dotOfFloats, floatAt, pairAt, total } from "./exact";
import { maxAbs } from "./quantize";

/** A smaller scale is so coarse in float32 that codes may exceed the largest one. */
const FLOAT32_NORMAL_MIN: f32 = 1.1754943508222875e-38;

/**
 * Puts the codes, int16, at `codes`, and at `numbers` scale, norm and error, three f64. Returns whether it has: queries of length 0, and
 * such as are too short for a scale, are left to the caller.
 */
export function encodeQuery(query: usize, dimension: u32, isCosine: bool, codeMax: f64, codes: usize, numbers: usize): bool {
  const length = sqrt<f64>(dotOfFloats(query, query, dimension));
  const unit: f64 = isCosine ? 1 / length : 1;
  const scale = <f32>((maxAbs(query, dimension) * unit) / codeMax);
  if (length == 0 || scale < FLOAT32_NORMAL_MIN) return false;
  store<f64>(numbers, <f64>scale);
  store<f64>(numbers, length * unit, 8);
  store<f64>(numbers, sqrt<f64>(putCodes(query, dimension, unit, <f64>scale, codes)), 16);
  return true;
}

/** Returns the square of what the codes lack. */
function putCodes(query: usize, dimension: u32, unit: f64, scale: f64, codes: usize): f64 {
  const factor = unit / scale;
  const end = query + (<usize>(dimension & ~3) << 2);
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (; query < end; query += 16, codes += 8) {
    const first = pairAt(query);
    const second = pairAt(query + 8);
    const firstCodes = f64x2.nearest(f64x2.mul(first, f64x2.splat(factor)));
    const secondCodes = f64x2.nearest(f64x2.mul(second, f64x2.splat(factor)));
    const whole = i32x4.shuffle(
      i32x4.trunc_sat_f64x2_s_zero(firstCodes),
      i32x4.trunc_sat_f64x2_s_zero(secondCodes),
      0,
      1,
      4,
      5,
    );
    v128.store64_lane(codes, i16x8.narrow_i32x4_s(whole, whole), 0);
    low = withSquare(low, first, firstCodes, unit, scale);
    high = withSquare(high, second, secondCodes, unit, scale);
  }
  for (let left = dimension & 3; left > 0; left--, query += 4, codes += 2) {
    const code = nearest<f64>(floatAt(query) * factor);
    store<i16>(codes, <i16>code);
    const difference = unit * floatAt(query) - scale * code;
    low = addToFirst(low, difference * difference);
  }
  return total(low, high);
}

/** Adds (unit × value − scale × code)², lane by lane. */
// @ts-ignore: decorator
@inline
function withSquare(sums: v128, values: v128, codes: v128, unit: f64, scale: f64): v128 {
  const difference = f64x2.sub(f64x2.mul(f64x2.splat(unit), values), f64x2.mul(f64x2.splat(scale), codes));
  return f64x2.add(sums, f64x2.mul(difference, difference));
}
