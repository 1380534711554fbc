/**
 * The products of the sentence encoder: rows of int16 codes times a matrix of int8 codes, and what attention multiplies. A module of
 * its own, `matrix.wasm`, since no engine needs it. It equals `sentence-encoder/reference-kernel.ts` to the bit: the dot products of
 * codes are exact in int32, and every other step is one float32 rounding, in the same order.
 */

/**
 * Rows of codes times a matrix, as float32:
 *
 *     out[row][i] = dot × (scale of the row × scale[i]) + bias[i]
 *
 * `inputs` is a multiple of 8 and `outputs` of 4. Rows are taken by twos: of an odd number, what lies behind the last one is read,
 * and written, as if it were a row.
 */
export function multiply(
  codes: usize,
  codeScales: usize,
  weights: usize,
  scales: usize,
  bias: usize,
  inputs: usize,
  outputs: usize,
  rows: usize,
  out: usize,
): void {
  for (let column: usize = 0; column < outputs; column += 4) {
    const matrix = weights + column * inputs;
    const columnScales = v128.load(scales + (column << 2));
    const columnBias = v128.load(bias + (column << 2));
    for (let row: usize = 0; row < rows; row += 2) {
      const x = codes + ((row * inputs) << 1);
      const at = out + ((row * outputs + column) << 2);
      const scale = codeScales + (row << 2);
      let a0 = i32x4.splat(0);
      let a1 = i32x4.splat(0);
      let a2 = i32x4.splat(0);
      let a3 = i32x4.splat(0);
      let b0 = i32x4.splat(0);
      let b1 = i32x4.splat(0);
      let b2 = i32x4.splat(0);
      let b3 = i32x4.splat(0);
      for (let i: usize = 0; i < inputs; i += 8) {
        const a = v128.load(x + (i << 1));
        const b = v128.load(x + ((i + inputs) << 1));
        const w = matrix + i;
        const w0 = v128.load8x8_s(w);
        const w1 = v128.load8x8_s(w + inputs);
        const w2 = v128.load8x8_s(w + 2 * inputs);
        const w3 = v128.load8x8_s(w + 3 * inputs);
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(a, w0));
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(a, w1));
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(a, w2));
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(a, w3));
        b0 = i32x4.add(b0, i32x4.dot_i16x8_s(b, w0));
        b1 = i32x4.add(b1, i32x4.dot_i16x8_s(b, w1));
        b2 = i32x4.add(b2, i32x4.dot_i16x8_s(b, w2));
        b3 = i32x4.add(b3, i32x4.dot_i16x8_s(b, w3));
      }
      v128.store(at, finished(totals(a0, a1, a2, a3), load<f32>(scale), columnScales, columnBias));
      v128.store(at + (outputs << 2), finished(totals(b0, b1, b2, b3), load<f32>(scale, 4), columnScales, columnBias));
    }
  }
}

/** The sums of four vectors, one per lane. */
// @ts-ignore: decorator
@inline
function totals(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 2, 6), v128.shuffle<i32>(a, b, 1, 5, 3, 7));
  const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 2, 6), v128.shuffle<i32>(c, d, 1, 5, 3, 7));
  return i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

// @ts-ignore: decorator
@inline
function finished(dots: v128, scale: f32, columnScales: v128, columnBias: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(dots), f32x4.mul(f32x4.splat(scale), columnScales)), columnBias);
}

/**
 * How well a query fits each of `rows` keys, which lie `stride` bytes apart: the dot products of `size` numbers, a multiple of 4. Four
 * sums, of every fourth number, are added by twos.
 */
export function fit(query: usize, keys: usize, stride: usize, size: usize, rows: usize, out: usize): void {
  for (let row: usize = 0; row < rows; row++) {
    let sums = f32x4.splat(0);
    for (let at: usize = 0; at < size << 2; at += 16) {
      sums = f32x4.add(sums, f32x4.mul(v128.load(query + at), v128.load(keys + at)));
    }
    const low = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1);
    const high = f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3);
    store<f32>(out + (row << 2), low + high);
    keys += stride;
  }
}

/** The sum of `rows` values, each times its share; they lie `stride` bytes apart and have `size` numbers, a multiple of 4. */
export function mix(shares: usize, values: usize, stride: usize, size: usize, rows: usize, out: usize): void {
  for (let at: usize = 0; at < size << 2; at += 16) {
    let sums = f32x4.splat(0);
    let value = values + at;
    for (let row: usize = 0; row < rows; row++) {
      sums = f32x4.add(sums, f32x4.mul(v128.load32_splat(shares + (row << 2)), v128.load(value)));
      value += stride;
    }
    v128.store(out + at, sums);
  }
}
