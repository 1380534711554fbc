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
import type { CollectionState } from "../collection/collection-state.js";
import type { Manifest } from "../sysdb/manifest.js";

/** A manifest under new ordinals, and how to find them. */
export interface Renumbering {
  /** What was translated. */
  base: Manifest;
  manifest: Manifest;
  /** The new ordinal of a live record, old or newer than the base. */
  ordinalOf(ordinal: number): number;
}

/** Whether enough ordinals are dead to be worth it. */
export function needsRenumbering(state: CollectionState): boolean {
  return state.nextOrdinal - state.count > state.deadOrdinalsMax;
}

/** Writes the blocks; they are not flushed yet and nothing is installed. */
export async function renumber(state: CollectionState, blocks: BlockWriter, tick: Tick): Promise<Renumbering> {
  const base = state.manifest;
  const ordinalOf = await newOrdinals(state, base);
  const ids = await state.idFile.renumber(base.ids, ordinalOf, blocks, tick);
  const payload = await state.payloadFile.renumber(base.payload, ordinalOf, blocks, tick);
  const vectors = (await state.vectors?.file.renumber(base.vectors, ordinalOf, blocks, tick)) ?? [];
  const metadata = await state.metadataSegment.renumber(base.metadata, ordinalOf, blocks, tick);
  const manifest: Manifest = {
    ...base,
    version: base.version + 1,
    nextOrdinal: base.count,
    ids,
    payload,
    vectors,
    metadata,
    text: null,
    graph: null,
  };
  return { base, manifest, ordinalOf };
}

async function newOrdinals(state: CollectionState, base: Manifest): Promise<(ordinal: number) => number> {
  const translation = new Uint32Array(base.nextOrdinal);
  let next = 0;
  for await (const { ordinals } of state.idFile.scan(base.ids)) for (const ordinal of ordinals) translation[ordinal] = next++;
  return (ordinal) => (ordinal < base.nextOrdinal ? translation[ordinal]! : ordinal - base.nextOrdinal + base.count);
}
