/**
 * CRC-32 as `core/base/checksum.ts` tells it, sixteen streams at once: a block is cut into 16 stretches, whose registers lie side by
 * side as four vectors, one for each byte of a register. A step takes a byte of every stretch and looks its two halves up by
 * swizzles; the sixteen registers are then joined in order, each moved past the stretch that follows by one look-up per byte.
 *
 * Sixteen rows of one length are sixteen stretches, too, whose registers are not joined.
 *
 *     tables = 8 × 16 bytes: byte j of what a low half contributes, and a high half · registers: 16 × u32 · moves: 4 × 256 × u32
 */

import { lookUp } from "./fast-scan";

const STRETCH: usize = 256;
const BLOCK: usize = 16 * STRETCH;
const POLYNOMIAL: u32 = 0xedb88320;
const REGISTERS: usize = 128;
const MOVES: usize = REGISTERS + 64;

/** Register `c` after `bits` bits of 0. */
function moved(c: u32, bits: u32): u32 {
  for (; bits > 0; bits--) c = (c >>> 1) ^ (POLYNOMIAL & -(c & 1));
  return c;
}

/** Fills the tables. */
export function layChecksumTables(tables: usize): void {
  for (let n: u32 = 0; n < 16; n++) {
    const low = moved(n, 8);
    const high = moved(n << 4, 8);
    for (let j: u32 = 0; j < 4; j++) {
      store<u8>(tables + (<usize>j << 5) + n, low >>> (j << 3));
      store<u8>(tables + (<usize>j << 5) + n, high >>> (j << 3), 16);
    }
  }
  for (let j: u32 = 0; j < 4; j++) {
    const moves = tables + MOVES + (<usize>j << 10);
    store<u32>(moves, 0);
    for (let bit: u32 = 0; bit < 8; bit++) {
      const one = moved(1 << ((j << 3) + bit), <u32>STRETCH << 3);
      for (let n: u32 = 0; n < <u32>1 << bit; n++) {
        store<u32>(moves + (<usize>(n + (1 << bit)) << 2), one ^ load<u32>(moves + (<usize>n << 2)));
      }
    }
  }
}

/** The register after `blocks` blocks at `at`, of which it changes the first four bytes. */
export function checksum(at: usize, blocks: u32, tables: usize, register: u32): u32 {
  for (; blocks > 0; blocks--, at += BLOCK) {
    store<u32>(at, load<u32>(at) ^ register);
    sumStretches(at, STRETCH, tables);
    register = 0;
    for (let i: usize = 0; i < 64; i += 4) register = pastStretch(register, tables + MOVES) ^ load<u32>(tables + i, REGISTERS);
  }
  return register;
}

/** Goes on with the registers of 16 rows of `width` bytes, a multiple of four, at `at`. It changes the first four bytes of each. */
export function checksumRows(at: usize, width: usize, tables: usize): void {
  for (let row: usize = 0; row < 16; row++) {
    const first = at + row * width;
    store<u32>(first, load<u32>(first) ^ load<u32>(tables + (row << 2), REGISTERS));
  }
  sumStretches(at, width, tables);
}

// @ts-ignore: decorator
@inline
function pastStretch(c: u32, moves: usize): u32 {
  return (
    load<u32>(moves + (<usize>(c & 255) << 2)) ^
    load<u32>(moves + (<usize>((c >>> 8) & 255) << 2), 1024) ^
    load<u32>(moves + (<usize>((c >>> 16) & 255) << 2), 2048) ^
    load<u32>(moves + (<usize>(c >>> 24) << 2), 3072)
  );
}

/** Puts the registers of 16 stretches, one behind the other. Four vectors hold byte 0 to 3 of each register. */
function sumStretches(at: usize, stretch: usize, tables: usize): void {
  let p0 = i32x4.splat(0);
  let p1 = p0;
  let p2 = p0;
  let p3 = p0;
  for (const end = at + stretch; at < end; at += 4) {
    const a = bytesOf(at, stretch);
    const b = bytesOf(at + 4 * stretch, stretch);
    const c = bytesOf(at + 8 * stretch, stretch);
    const d = bytesOf(at + 12 * stretch, stretch);
    const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
    const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
    // The register's first byte is used up by each step, so what is the second before it is the first after it.
    const i0 = v128.xor(p0, i64x2.shuffle(ab, cd, 0, 2));
    const i1 = v128.xor(v128.xor(p1, contribution(tables, 0, i0)), i64x2.shuffle(ab, cd, 1, 3));
    const abHigh = i32x4.shuffle(a, b, 2, 6, 3, 7);
    const cdHigh = i32x4.shuffle(c, d, 2, 6, 3, 7);
    const i2 = v128.xor(three(p2, contribution(tables, 1, i0), contribution(tables, 0, i1)), i64x2.shuffle(abHigh, cdHigh, 0, 2));
    const s3 = v128.xor(three(p3, contribution(tables, 2, i0), contribution(tables, 1, i1)), contribution(tables, 0, i2));
    const i3 = v128.xor(s3, i64x2.shuffle(abHigh, cdHigh, 1, 3));
    p0 = three(contribution(tables, 3, i0), contribution(tables, 2, i1), contribution(tables, 1, i2));
    p0 = v128.xor(p0, contribution(tables, 0, i3));
    p1 = three(contribution(tables, 3, i1), contribution(tables, 2, i2), contribution(tables, 1, i3));
    p2 = v128.xor(contribution(tables, 3, i2), contribution(tables, 2, i3));
    p3 = contribution(tables, 3, i3);
  }
  putRegisters(tables + REGISTERS, p0, p1, p2, p3);
}

/** The next four bytes of four stretches: the first of each, then the second of each, and so on. */
// @ts-ignore: decorator
@inline
function bytesOf(at: usize, stretch: usize): v128 {
  let words = v128.load32_zero(at);
  words = v128.load32_lane(at + stretch, words, 1);
  words = v128.load32_lane(at + 2 * stretch, words, 2);
  words = v128.load32_lane(at + 3 * stretch, words, 3);
  return i8x16.shuffle(words, words, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
}

/** Byte `j` of what the bytes contribute. */
// @ts-ignore: decorator
@inline
function contribution(tables: usize, j: usize, bytes: v128): v128 {
  const low = lookUp(v128.load(tables + (j << 5)), v128.and(bytes, i8x16.splat(15)));
  return v128.xor(low, lookUp(v128.load(tables + (j << 5), 16), i8x16.shr_u(bytes, 4)));
}

// @ts-ignore: decorator
@inline
function three(a: v128, b: v128, c: v128): v128 {
  return v128.xor(v128.xor(a, b), c);
}

/** Byte by byte, as little-endian words. */
function putRegisters(at: usize, p0: v128, p1: v128, p2: v128, p3: v128): void {
  const low = i8x16.shuffle(p0, p1, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const lowHigh = i8x16.shuffle(p0, p1, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  const high = i8x16.shuffle(p2, p3, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const highHigh = i8x16.shuffle(p2, p3, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  v128.store(at, i16x8.shuffle(low, high, 0, 8, 1, 9, 2, 10, 3, 11));
  v128.store(at, i16x8.shuffle(low, high, 4, 12, 5, 13, 6, 14, 7, 15), 16);
  v128.store(at, i16x8.shuffle(lowHigh, highHigh, 0, 8, 1, 9, 2, 10, 3, 11), 32);
  v128.store(at, i16x8.shuffle(lowHigh, highHigh, 4, 12, 5, 13, 6, 14, 7, 15), 48);
}
