/**
 * The memtable: what the log holds and the segments do not yet, by ordinal.
 *
 * An entry is immutable; a later write replaces it. A *patch* entry comes from an update of a compacted record: fields
 * that are `undefined` are read from the segments and its metadata is merged into theirs. Patches only set and delete, so
 * applying one twice is the same as once. That makes replay idempotent, and lets a compaction that wrote entry A be
 * followed by a reader that lays A's successor over the result.
 */
import { mergeMetadata } from "../base/merge-metadata.js";
import { isSparseVector } from "../base/sparse-vector.js";
import type { Steps } from "../base/steps.js";
import type { VectorRow } from "../segment/vector.js";
import type { Metadata, MetadataPatch, RecordBatch } from "../types.js";

/** A record that the memtable knows in full. */
export interface RecordEntry {
  kind: "record";
  id: string;
  vector: VectorRow;
  document: string | null;
  uri: string | null;
  metadata: Metadata | null;
}

/** A change to a record of the segments. */
export interface PatchEntry {
  kind: "patch";
  id: string;
  vector: VectorRow | undefined;
  document: string | undefined;
  uri: string | undefined;
  metadata: MetadataPatch | undefined;
}

/** A record of the segments that is deleted. */
export interface TombstoneEntry {
  kind: "tombstone";
  id: string;
}

export type MemtableEntry = RecordEntry | PatchEntry | TombstoneEntry;

/** The fields of one written record, `undefined` where the write does not give one. */
export interface RecordFields {
  vector: VectorRow | undefined;
  document: string | undefined;
  uri: string | undefined;
  metadata: MetadataPatch | undefined;
}

export class Memtable {
  readonly #entries = new Map<number, MemtableEntry>();
  #bytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** About how many bytes of memory the entries hold. */
  get bytes(): number {
    return this.#bytes;
  }

  get(ordinal: number): MemtableEntry | undefined {
    return this.#entries.get(ordinal);
  }

  set(ordinal: number, entry: MemtableEntry): void {
    this.delete(ordinal);
    this.#entries.set(ordinal, entry);
    this.#bytes += sizeOf(entry);
  }

  delete(ordinal: number): void {
    const old = this.#entries.get(ordinal);
    if (old === undefined) return;
    this.#entries.delete(ordinal);
    this.#bytes -= sizeOf(old);
  }

  /** Moves every entry to another ordinal. */
  renumber(ordinalOf: (ordinal: number) => number): void {
    const entries = this.snapshot();
    this.#entries.clear();
    for (const [ordinal, entry] of entries) this.#entries.set(ordinalOf(ordinal), entry);
  }

  ordinals(): IterableIterator<number> {
    return this.#entries.keys();
  }

  /** Entries ascending by ordinal, as they are now. */
  snapshot(): [ordinal: number, entry: MemtableEntry][] {
    return [...this.#entries].sort((a, b) => a[0] - b[0]);
  }
}

/** What a write is laid over: the memtable's entry, `undefined` where a live record is in the segments only, `null` for no record. */
type Below = MemtableEntry | null | undefined;

/** The record that a write makes where there is none. */
export function newEntry(id: string, { vector, document, uri, metadata }: RecordFields): RecordEntry {
  const given = { document: document ?? null, uri: uri ?? null };
  return { kind: "record", id, vector: vector!, ...given, metadata: metadataOver(null, metadata) as Metadata | null };
}

/** Lays a write over what the memtable has for a live record. */
export function patchEntry(id: string, old: MemtableEntry | undefined, fields: RecordFields): RecordEntry | PatchEntry {
  if (old === undefined || old.kind === "tombstone") return { kind: "patch", id, ...fields };
  const vector = fields.vector ?? old.vector;
  const metadata = metadataOver(old, fields.metadata);
  if (old.kind === "patch") {
    const { document = old.document, uri = old.uri } = fields;
    return { kind: "patch", id, vector, document, uri, metadata: metadata as MetadataPatch | undefined };
  }
  const { document = old.document, uri = old.uri } = fields;
  return { kind: "record", id: old.id, vector: vector!, document, uri, metadata: metadata as Metadata | null };
}

/** What was laid over each other ahead, by the patch. */
const laidAhead = new WeakMap<MetadataPatch, { below: Below; metadata: ReturnType<typeof laid> }>();

/** Of a full record where one is below, or none; of a patch where that is. */
function metadataOver(below: Below, patch: MetadataPatch | undefined): ReturnType<typeof laid> {
  const ahead = patch && laidAhead.get(patch);
  return ahead !== undefined && ahead.below === below ? ahead.metadata : laid(below, patch);
}

function laid(below: Below, patch: MetadataPatch | undefined): Metadata | MetadataPatch | null | undefined {
  if (below === undefined || below?.kind === "tombstone") return patch;
  if (below?.kind !== "patch") return mergeMetadata(below?.metadata ?? null, patch);
  return patch === undefined || below.metadata === undefined ? (patch ?? below.metadata) : { ...below.metadata, ...patch };
}

function sizeOf(entry: MemtableEntry): number {
  const fixed = 120 + entry.id.length;
  if (entry.kind === "tombstone") return fixed;
  const text = (entry.document?.length ?? 0) + (entry.uri?.length ?? 0);
  return fixed + text + 1.25 * (entry.vector?.embedding.byteLength ?? 0) + metadataSize(entry.metadata);
}

/** Of metadata that was measured. */
const sizes = new WeakMap<MetadataPatch, number>();

/** Metadata that is laid over other between two turns: that of 1,024 keys takes a millisecond. What a record takes beside it. */
const BYTES_PER_STEP = 32 * 1024;
const BYTES_PER_RECORD = 1024;

/**
 * Lays metadata that is about to be applied over what is `below` each record, and measures what results. Applying it then takes no more
 * than a look-up, unless something else has come below meanwhile.
 */
export function* prepareMetadata({ ids, metadatas }: RecordBatch, belowOf: (id: string) => Below): Steps<void> {
  for (let i = 0, bytes = 0; metadatas !== null && i < ids.length; i++) {
    const patch = metadatas[i];
    if (patch == null) continue;
    const below = belowOf(ids[i]!);
    const metadata = laid(below, patch);
    bytes += BYTES_PER_RECORD + metadataSize(metadata);
    laidAhead.set(patch, { below, metadata });
    if (bytes < BYTES_PER_STEP) continue;
    bytes = 0;
    yield;
  }
}

function metadataSize(metadata: MetadataPatch | null | undefined): number {
  if (metadata === null || metadata === undefined) return 0;
  const known = sizes.get(metadata);
  if (known !== undefined) return known;
  const size = measured(metadata);
  sizes.set(metadata, size);
  return size;
}

function measured(metadata: MetadataPatch): number {
  let size = 0;
  for (const key in metadata) {
    const value = metadata[key];
    size +=
      24 +
      key.length +
      (isSparseVector(value) ? 64 + value.indices.length * 16 : typeof value === "string" || Array.isArray(value) ? value.length * 8 : 8);
  }
  return size;
}
