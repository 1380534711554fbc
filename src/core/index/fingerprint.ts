/** Tells rows apart: what a graph was built from, and what is there now. */

import type { QuantizedRows } from "./quantize.js";

const PRIME = 0x01000193;

/**
 * A hash of the codes, slope and intercept of every row. Not a checksum of stored bytes (`crc32` is), so it may be cheap: four
 * FNV-1a hashes side by side, which is as fast as the processor multiplies.
 */
export function fingerprintsOf({ codes, slopes, intercepts }: QuantizedRows): Uint32Array {
  const count = slopes.length;
  const dimension = codes.length / count;
  const slopeBits = new Uint32Array(slopes.slice().buffer);
  const interceptBits = new Uint32Array(intercepts.slice().buffer);
  const out = new Uint32Array(count);
  for (let row = 0; row < count; row++) {
    const factors = Math.imul(slopeBits[row]! ^ Math.imul(interceptBits[row]!, 0x9e3779b1), PRIME);
    out[row] = factors ^ hashOf(codes, row * dimension, (row + 1) * dimension);
  }
  return out;
}

function hashOf(codes: Int8Array, from: number, to: number): number {
  let a = 1;
  let b = 2;
  let c = 3;
  let d = 4;
  let i = from;
  for (; i + 3 < to; i += 4) {
    a = Math.imul(a ^ codes[i]!, PRIME);
    b = Math.imul(b ^ codes[i + 1]!, PRIME);
    c = Math.imul(c ^ codes[i + 2]!, PRIME);
    d = Math.imul(d ^ codes[i + 3]!, PRIME);
  }
  for (; i < to; i++) a = Math.imul(a ^ codes[i]!, PRIME);
  return Math.imul(Math.imul(Math.imul(a, PRIME) ^ b, PRIME) ^ c, PRIME) ^ d;
}
