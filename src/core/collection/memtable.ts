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

/** Lays a write over what the memtable has for a live record; `undefined`: the record is in the segments only. */
export function patchEntry(id: string, old: MemtableEntry | undefined, fields: RecordFields): RecordEntry | PatchEntry {
  if (old === undefined || old.kind === "tombstone") return { kind: "patch", id, ...fields };
  if (old.kind === "patch") {
    return {
      kind: "patch",
      id,
      vector: fields.vector ?? old.vector,
      document: fields.document ?? old.document,
      uri: fields.uri ?? old.uri,
      metadata: fields.metadata === undefined ? old.metadata : { ...old.metadata, ...fields.metadata },
    };
  }
  return overlay(old, { kind: "patch", id, ...fields });
}

/** The record that results from laying a patch over a full record. */
function overlay(base: RecordEntry, patch: PatchEntry): RecordEntry {
  return {
    kind: "record",
    id: base.id,
    vector: patch.vector ?? base.vector,
    document: patch.document ?? base.document,
    uri: patch.uri ?? base.uri,
    metadata: mergeMetadata(base.metadata, patch.metadata),
  };
}

function sizeOf(entry: MemtableEntry): number {
  const fixed = 120 + entry.id.length;
  if (entry.kind === "tombstone") return fixed;
  const text = (entry.document?.length ?? 0) + (entry.uri?.length ?? 0);
  return fixed + text + 1.25 * (entry.vector?.embedding.byteLength ?? 0) + metadataSize(entry.metadata);
}

/** Of metadata that was measured. */
const sizes = new WeakMap<MetadataPatch, number>();

/** Records that are measured between two turns. */
const RECORDS_PER_STEP = 16;

/** Measures the metadata of records that are about to be applied, which then takes no more than a look-up. */
export function* measureMetadata(metadatas: RecordBatch["metadatas"]): Steps<void> {
  for (let i = 0; metadatas !== null && i < metadatas.length; i++) {
    metadataSize(metadatas[i]);
    if (i % RECORDS_PER_STEP === 0) yield;
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
