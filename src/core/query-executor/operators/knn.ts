/** The `k` nearest allowed records, ascending by distance, equal distances in insertion order. */

import type { Bitmap } from "../../base/bitmap.js";
import type { Tick } from "../../base/turns.js";
import type { CollectionState } from "../../collection/collection-state.js";
import type { Nearest } from "../../index/vector/flat.js";
import { QUERIES_PER_PASS } from "../../index/vector/vector-kernel.js";

export async function nearest(state: CollectionState, query: Float32Array, k: number, allowed: Bitmap): Promise<Nearest> {
  return (await state.vectors.nearest([query], k, allowed))[0]!;
}

/** Those nearest to each query, for as many queries at once as share a pass over the rows. `tick` is awaited in between. */
export async function nearestOfEach(
  state: CollectionState,
  queries: readonly Float32Array[],
  k: number,
  allowed: Bitmap,
  tick: Tick,
): Promise<Nearest[]> {
  const found: Nearest[] = [];
  for (let from = 0; from < queries.length; from += QUERIES_PER_PASS) {
    if (from > 0) await tick();
    found.push(...(await state.vectors.nearest(queries.slice(from, from + QUERIES_PER_PASS), k, allowed)));
  }
  return found;
}
