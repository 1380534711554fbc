/**
 * The random rotation of `core/index/vector/spann/rotation.ts`, with the roundings told there. Butterflies of several strides share a
 * pass over the row: their operations and operands stay those of one stride after the other.
 */

import { dotOfFloats } from "./exact";

const ROUNDS: u32 = 4;
const HALF_ROOT: f32 = 0.7071067811865476;

/**
 * Rotates `count` rows of `dimension` floats at `rows` into `count` of `padded` at `into`. `signs` are the rounds' masks, `span` is
 * the length of the transform; `normalise` says whether rows get length 1, else those longer than `longest` get that length.
 */
export function rotateRows(
  rows: usize,
  count: u32,
  dimension: u32,
  into: usize,
  padded: u32,
  signs: usize,
  span: u32,
  normalise: bool,
  longest: f64,
): void {
  for (let i: u32 = 0; i < count; i++, rows += <usize>dimension << 2, into += <usize>padded << 2) {
    scaleRow(rows, dimension, into, padded, factorOf(dotOfFloats(rows, rows, dimension), normalise, longest));
    rotate(into, <usize>padded << 2, signs, <usize>span << 2);
  }
}

function factorOf(squared: f64, normalise: bool, longest: f64): f64 {
  if (normalise) return squared == 0 ? 1 : 1 / Math.sqrt(squared);
  return squared > longest * longest ? longest / Math.sqrt(squared) : 1;
}

function scaleRow(row: usize, dimension: u32, into: usize, padded: u32, factor: f64): void {
  memory.fill(into + (<usize>dimension << 2), 0, <usize>(padded - dimension) << 2);
  const end = row + (<usize>dimension << 2);
  for (; row < end; row += 4, into += 4) store<f32>(into, <f32>(<f64>load<f32>(row) * factor));
}

function rotate(row: usize, bytes: usize, signs: usize, span: usize): void {
  for (let round: u32 = 0; round < ROUNDS; round++, signs += bytes) {
    for (let i: usize = 0; i < bytes; i += 16) v128.store(row + i, v128.xor(v128.load(row + i), v128.load(signs + i)));
    transform((round & 1) == 0 ? row : row + bytes - span, span);
    if (span < bytes) mixHalves(row, bytes >> 1);
  }
}

/** Walsh–Hadamard over `bytes` bytes, a power of two and at least 64, scaled to keep lengths. */
function transform(part: usize, bytes: usize): void {
  const end = part + bytes;
  for (let at = part; at < end; at += 64) sixteen(at);
  let stride: usize = 64;
  for (; stride << 1 < bytes; stride <<= 2) passFour(part, end, stride);
  if (stride < bytes) passTwo(part, end, stride);
  const factor = f32x4.splat(<f32>(1 / Math.sqrt(<f64>(bytes >> 2))));
  for (let at = part; at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), factor));
}

/** Strides 1, 2, 4 and 8. */
function sixteen(at: usize): void {
  const a = withinFour(v128.load(at));
  const b = withinFour(v128.load(at, 16));
  const c = withinFour(v128.load(at, 32));
  const d = withinFour(v128.load(at, 48));
  putFour(at, 16, a, b, c, d);
}

/** Strides 1 and 2: adding a negated number is subtracting it. */
// @ts-ignore: decorator
@inline
function withinFour(v: v128): v128 {
  const odd = v128.xor(i32x4.shuffle(v, v, 1, 1, 3, 3), i32x4(0, 0x80000000, 0, 0x80000000));
  // The difference of neighbours is the even one less the odd one, which stands in the odd lane.
  const pairs = f32x4.add(i32x4.shuffle(v, v, 0, 0, 2, 2), odd);
  const high = v128.xor(i32x4.shuffle(pairs, pairs, 2, 3, 2, 3), i32x4(0, 0, 0x80000000, 0x80000000));
  return f32x4.add(i32x4.shuffle(pairs, pairs, 0, 1, 0, 1), high);
}

/** Two strides at once. */
function passFour(part: usize, end: usize, stride: usize): void {
  for (let first = part; first < end; first += stride << 2) {
    for (let at = first; at < first + stride; at += 16) {
      putFour(at, stride, v128.load(at), v128.load(at + stride), v128.load(at + 2 * stride), v128.load(at + 3 * stride));
    }
  }
}

// @ts-ignore: decorator
@inline
function putFour(at: usize, stride: usize, a: v128, b: v128, c: v128, d: v128): void {
  const sumAB = f32x4.add(a, b);
  const lessAB = f32x4.sub(a, b);
  const sumCD = f32x4.add(c, d);
  const lessCD = f32x4.sub(c, d);
  v128.store(at, f32x4.add(sumAB, sumCD));
  v128.store(at + stride, f32x4.add(lessAB, lessCD));
  v128.store(at + 2 * stride, f32x4.sub(sumAB, sumCD));
  v128.store(at + 3 * stride, f32x4.sub(lessAB, lessCD));
}

function passTwo(part: usize, end: usize, stride: usize): void {
  for (let first = part; first < end; first += stride << 1) {
    for (let at = first; at < first + stride; at += 16) {
      const a = v128.load(at);
      const b = v128.load(at + stride);
      v128.store(at, f32x4.add(a, b));
      v128.store(at + stride, f32x4.sub(a, b));
    }
  }
}

function mixHalves(row: usize, half: usize): void {
  const factor = f32x4.splat(HALF_ROOT);
  for (let at = row; at < row + half; at += 16) {
    const a = v128.load(at);
    const b = v128.load(at + half);
    v128.store(at, f32x4.mul(f32x4.add(a, b), factor));
    v128.store(at + half, f32x4.mul(f32x4.sub(a, b), factor));
  }
}
