/** The `k` nearest allowed records, ascending by distance, equal distances in insertion order. */

import type { Bitmap } from "../../base/bitmap.js";
import type { Tick } from "../../base/turns.js";
import type { CollectionState } from "../../collection/collection-state.js";
import type { Nearest } from "../../index/vector/flat.js";
import { QUERIES_PER_PASS } from "../../index/vector/vector-kernel.js";

export async function nearest(state: CollectionState, query: Float32Array, k: number, allowed: Bitmap): Promise<Nearest> {
  return (await nearestOfSome(state, [query], k, allowed))[0]!;
}

/** The same for each query, as many at once as share a pass over the rows. `tick` is awaited in between. */
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
    found.push(...(await nearestOfSome(state, queries.slice(from, from + QUERIES_PER_PASS), k, allowed)));
  }
  return found;
}

/** Queries of one call have one length. */
async function nearestOfSome(state: CollectionState, queries: readonly Float32Array[], k: number, allowed: Bitmap): Promise<Nearest[]> {
  // A query of another length was accepted while the collection was empty and had none.
  if (state.vectors?.dimension !== queries[0]!.length || k === 0)
    return queries.map(() => ({ ordinals: new Uint32Array(), distances: new Float32Array() }));
  return state.vectors.index.searchMany(queries, k, allowed, (ordinals) => state.embeddings(ordinals));
}
