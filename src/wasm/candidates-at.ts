/** Reads the candidates that a call into the kernel has left in memory. */

import { carved } from "../core/base/slab.js";
import type { Candidates } from "../core/index/vector/candidates.js";

/** Bytes of a candidate, and of a key while the kernel sorts them. */
export const CANDIDATE_BYTES = 8;

/** `count` pairs of distance and ordinal, counted from `firstOrdinal`, in views of memory: `at` counts numbers. */
export function candidatesIn(floats: Float32Array, integers: Uint32Array, at: number, count: number, firstOrdinal: number): Candidates {
  const ordinals = carved(Uint32Array, count);
  const distances = carved(Float32Array, count);
  for (let i = 0; i < count; i++) {
    distances[i] = floats[at + 2 * i]!;
    ordinals[i] = firstOrdinal + integers[at + 2 * i + 1]!;
  }
  return { ordinals, distances };
}
