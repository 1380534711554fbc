/** Tells rows apart, so that a graph that was stored can be compared with the rows that are there now. */

import { codeBytes, rowAt } from "./layout";

const PRIME: u32 = 0x01000193;

/** A hash of a row's codes, slope and intercept: four FNV-1a hashes of 32-bit words side by side, then one over them. */
export function fingerprint(ordinal: u32): u32 {
  const row = rowAt(ordinal);
  const end = row + codeBytes;
  let lanes = i32x4(1, 2, 3, 4);
  for (let at = row; at < end; at += 16) lanes = i32x4.mul(v128.xor(lanes, v128.load(at)), i32x4.splat(PRIME));
  let hash = load<u32>(end);
  hash = (hash * PRIME) ^ load<u32>(end, 4);
  hash = (hash * PRIME) ^ i32x4.extract_lane(lanes, 0);
  hash = (hash * PRIME) ^ i32x4.extract_lane(lanes, 1);
  hash = (hash * PRIME) ^ i32x4.extract_lane(lanes, 2);
  return (hash * PRIME) ^ i32x4.extract_lane(lanes, 3);
}
