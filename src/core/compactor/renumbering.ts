/**
 * Ordinals are never used twice, so a collection whose records come and go would need ever more of them, and with them
 * ever more room for codes and sets. Once most ordinals are dead, the segments are written anew with ordinals that follow
 * each other. Their order, which is the order of insertion, stays.
 *
 * This works on the immutable blocks of one manifest while reads and writes go on. Records that are newer than it follow
 * on behind, which is also how replaying the log after that manifest numbers them. What is derived, text index and graph,
 * is not translated but built again.
 */
import type { Tick } from "../base/turns.js";
import type { BlockWriter } from "../blockstore/blockstore.js";
import type { CollectionState, PreparedManifest } from "../collection/collection-state.js";

/** Whether enough ordinals are dead to be worth it. */
export function needsRenumbering(state: CollectionState): boolean {
  return state.records.nextOrdinal - state.count > state.deadOrdinalsMax;
}

/** Writes the blocks; they are not flushed yet and nothing is installed. */
export async function renumber(state: CollectionState, writer: BlockWriter, tick: Tick): Promise<PreparedManifest> {
  const renumbering = await state.records.renumbering();
  return state.prepare({ nextOrdinal: renumbering.nextOrdinal }, (part) => part.renumber(renumbering, writer, tick));
}
