/** The `k` nearest allowed records, ascending by distance, equal distances in insertion order. */
import type { CollectionState } from "../../collection-state.js";
import type { Bitmap } from "../../index/bitmap.js";
import type { Nearest } from "../../index/flat.js";

export async function nearest(state: CollectionState, query: Float32Array, k: number, allowed: Bitmap): Promise<Nearest> {
  // A query of another length was accepted while the collection was empty and had none.
  if (state.vectors?.dimension !== query.length || k === 0) return { ordinals: new Uint32Array(), distances: new Float32Array() };
  return state.vectors.index.search(query, k, allowed, (ordinals) => state.embeddings(ordinals));
}
