/**
 * One compaction of one collection: the memtable's entries become rows of new blocks, and a manifest that names them.
 *
 * It works on a snapshot of the memtable (entries are immutable) and on immutable blocks, so reads and writes go on
 * meanwhile; nothing changes for them until the result is installed. Patches are idempotent, so an entry that is written
 * to while this runs simply stays in the memtable, over the result.
 */

import { Bitmap } from "../base/bitmap.js";
import type { Tick } from "../base/turns.js";
import type { BlockWriter } from "../blockstore/blockstore.js";
import type { OrdinalChanges } from "../blockstore/ordinal-blockfile.js";
import type { CollectionState, Installation } from "../collection/collection-state.js";
import type { MetadataChange } from "../collection/metadata.js";
import { advance } from "../collection/text.js";
import type { MemtableEntry, PatchEntry } from "../log/memtable.js";
import { type Payload, patchedPayload } from "../segment/record.js";
import type { VectorRow } from "../segment/vector.js";
import type { Manifest } from "../sysdb/manifest.js";

type Entries = readonly (readonly [ordinal: number, entry: MemtableEntry])[];

/** Writes the blocks; they are not flushed yet and nothing is installed. */
export async function compact(state: CollectionState, blocks: BlockWriter, tick: Tick): Promise<Installation> {
  const compacted = state.memtable.snapshot();
  const { appliedOffset, nextOrdinal, logBytes, logRecords, logDeletions, hasDocuments } = state;
  state.sealedOrdinal = nextOrdinal;

  const base = state.manifest;
  const payloads = await resolvePayloads(state, compacted, tick);
  const removed = Bitmap.of(compacted.filter(([, entry]) => entry.kind === "tombstone").map(([ordinal]) => ordinal));
  const ids = await state.idFile.apply(base.ids, { written: idRows(compacted), removed }, blocks, tick);
  const payload = await state.payloadFile.apply(base.payload, { written: payloadRows(payloads), removed }, blocks, tick);
  const vectors = await applyVectors(state, { written: vectorRows(compacted), removed }, blocks, tick);
  const metadata = await state.metadataSegment.apply(base.metadata, metadataChanges(payloads), blocks, tick);
  const manifest: Manifest = {
    version: base.version + 1,
    offset: appliedOffset,
    dimension: state.vectors?.dimension ?? null,
    nextOrdinal,
    count: ids.reduce((sum, entry) => sum + entry.rows, 0),
    hasDocuments,
    ids,
    payload,
    vectors,
    metadata,
    text: advance(base.text, textChanges(compacted)),
    graph: base.graph,
  };
  const directories = (await state.vectors?.segment.prepare(vectors, tick)) ?? [];
  return { manifest, directories, compacted, compactedBytes: logBytes, compactedRecords: logRecords, compactedDeletions: logDeletions };
}

async function applyVectors(
  state: CollectionState,
  changes: OrdinalChanges<VectorRow>,
  blocks: BlockWriter,
  tick: Tick,
): Promise<Manifest["vectors"]> {
  return (await state.vectors?.file.apply(state.manifest.vectors, changes, blocks, tick)) ?? [];
}

/** An entry's payload before (in the segments) and after (with the entry laid over it); `null`: no such record. */
interface ResolvedPayload {
  ordinal: number;
  entry: MemtableEntry;
  before: Payload | null;
  after: Payload | null;
}

async function resolvePayloads(state: CollectionState, entries: Entries, tick: Tick): Promise<ResolvedPayload[]> {
  const old = entries.filter(([ordinal]) => ordinal < state.manifest.nextOrdinal).map(([ordinal]) => ordinal);
  const before = new Map<number, Payload | null>();
  for (let from = 0; from < old.length; from += 256) {
    const chunk = old.slice(from, from + 256);
    const rows = await state.payloadFile.read(state.manifest.payload, chunk);
    chunk.forEach((ordinal, i) => before.set(ordinal, rows[i]!));
    await tick();
  }
  return entries.map(([ordinal, entry]) => {
    const row = before.get(ordinal) ?? null;
    return { ordinal, entry, before: row, after: payloadAfter(row, entry) };
  });
}

const NO_PAYLOAD: Payload = { document: null, uri: null, metadata: null };

function payloadAfter(before: Payload | null, entry: MemtableEntry): Payload | null {
  if (entry.kind === "tombstone") return null;
  if (entry.kind === "record") return entry;
  return patchedPayload(before ?? NO_PAYLOAD, entry);
}

function idRows(entries: Entries): [number, string][] {
  return entries.filter(([, entry]) => entry.kind === "record").map(([ordinal, entry]) => [ordinal, entry.id]);
}

function payloadRows(payloads: readonly ResolvedPayload[]): [number, Payload][] {
  return payloads
    .filter(({ entry }) => entry.kind === "record" || (entry.kind === "patch" && changesPayload(entry)))
    .map(({ ordinal, after }) => [ordinal, after!]);
}

function changesPayload(entry: PatchEntry): boolean {
  return entry.document !== undefined || entry.uri !== undefined || entry.metadata !== undefined;
}

function vectorRows(entries: Entries): [number, VectorRow][] {
  const rows: [number, VectorRow][] = [];
  for (const [ordinal, entry] of entries) {
    if (entry.kind !== "tombstone" && entry.vector !== undefined) rows.push([ordinal, entry.vector]);
  }
  return rows;
}

function* metadataChanges(payloads: readonly ResolvedPayload[]): Generator<MetadataChange, void, undefined> {
  for (const { ordinal, before, after } of payloads) {
    yield { ordinal, before: before?.metadata ?? null, after: after?.metadata ?? null };
  }
}

function* textChanges(entries: Entries): Generator<number, void, undefined> {
  for (const [ordinal, entry] of entries) {
    if (entry.kind !== "patch" || entry.document !== undefined) yield ordinal;
  }
}
