/**
 * One compaction of one collection: the memtable's entries become rows of new blocks, and a manifest that names them.
 *
 * It works on a snapshot of the memtable (entries are immutable) and on immutable blocks, so reads and writes go on
 * meanwhile; nothing changes for them until the result is installed. Patches are idempotent, so an entry that is written
 * to while this runs simply stays in the memtable, over the result.
 */
import type { Tick } from "../base/turns.js";
import type { BlockWriter } from "../blockstore/blockstore.js";
import type { CollectionState, PreparedManifest } from "../collection/collection-state.js";

/** Writes the blocks; they are not flushed yet and nothing is installed. */
export async function compact(state: CollectionState, writer: BlockWriter, tick: Tick): Promise<PreparedManifest> {
  // Of one moment, in which no log record is applied in part.
  const { compacted, fields, changing } = await state.lock.shared(() => ({
    compacted: { ...state.log },
    fields: { ...state.applied, requests: state.requests.list(), count: state.count },
    changing: state.records.changes(tick),
  }));
  const changes = await changing;
  const prepared = await state.prepare({ ...fields, nextOrdinal: changes.nextOrdinal }, async (part) => {
    await tick();
    return part.compact(changes, writer, tick);
  });
  const install = () => {
    prepared.install();
    state.log.bytes -= compacted.bytes;
    state.log.records -= compacted.records;
    state.log.deletions -= compacted.deletions;
  };
  return { manifest: prepared.manifest, install };
}
