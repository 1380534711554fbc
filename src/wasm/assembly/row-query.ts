/**
 * A row as the query, for the relaxed dot product, which wants one operand within seven bits. Per sixteen codes a of the
 * row there lie sixteen magnitudes |a| and sixteen masks, −1 where a < 0 and else 0:
 *
 *     b xor mask = b, or −b − 1 where a < 0        so    Σ |a| × (b xor mask) = Σ a × b − Σ of |a| where a < 0
 *
 * and what is lacking does not depend on b. Codes are never −128, so |a| ≤ 127, and two products |a| × (b xor mask) stay
 * within int16. So the result is exact, and the same everywhere.
 *
 * The pairs that the relaxed product leaves are summed by a product with ones. `i32x4.relaxed_dot_i8x16_i7x16_add_s` would do
 * both, but is no faster on x86 without VNNI, and the baseline compiler of V8 11.3 computes it wrongly.
 */

import { codeBytes, firstQueryAt } from "./layout";

/** Makes a row the first query and returns what every dot product with it lacks. */
export function layRow(row: usize): i32 {
  const query = firstQueryAt();
  let lacking = i32x4.splat(0);
  for (let i: usize = 0; i < codeBytes; i += 16) {
    const codes = v128.load(row + i);
    const magnitudes = i8x16.abs(codes);
    const masks = i8x16.lt_s(codes, i8x16.splat(0));
    v128.store(query + 2 * i, magnitudes);
    v128.store(query + 2 * i, masks, 16);
    lacking = i32x4.add(lacking, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(v128.and(magnitudes, masks))));
  }
  return i32x4.extract_lane(lacking, 0) + i32x4.extract_lane(lacking, 1) + i32x4.extract_lane(lacking, 2) + i32x4.extract_lane(lacking, 3);
}

/** Products of sixteen codes at `row` with as many of the query, summed into four lanes. */
// @ts-ignore: decorator
@inline
export function dotSixteenOfRow(row: usize, query: usize): v128 {
  const pairs = i16x8.relaxed_dot_i8x16_i7x16_s(v128.xor(v128.load(row), v128.load(query, 16)), v128.load(query));
  return i32x4.dot_i16x8_s(pairs, i16x8.splat(1));
}
