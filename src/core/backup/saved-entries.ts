/**
 * What a collection's memtable holds as log records, which make the same of the segments when they are applied to them: deletions and
 * changes of records in the segments first, then new records, in the order of their ordinals.
 */
import type { LogRecord, Operation } from "../base/operations.js";
import { recordTextBytes } from "../base/record-bytes.js";
import type { MemtableEntry, PatchEntry, RecordEntry } from "../collection/memtable.js";
import { limits } from "../limits.js";
import type { RecordBatch } from "../types.js";

type Written = RecordEntry | PatchEntry;

export function* recordsOf(entries: ReadonlyMap<number, MemtableEntry>): Generator<LogRecord, void, undefined> {
  const all = [...entries.values()];
  const deleted = all.flatMap(({ kind, id }) => (kind === "tombstone" ? [id] : []));
  for (let from = 0; from < deleted.length; from += limits.batchRecordsMax) {
    yield { kind: "delete", ids: deleted.slice(from, from + limits.batchRecordsMax) };
  }
  yield* writesOf(
    "update",
    all.filter((entry): entry is PatchEntry => entry.kind === "patch"),
  );
  yield* writesOf(
    "add",
    all.filter((entry): entry is RecordEntry => entry.kind === "record"),
  );
}

/** Batches of about `exportPageBytes`. */
function* writesOf(operation: Operation, entries: readonly Written[]): Generator<LogRecord, void, undefined> {
  let batch: Written[] = [];
  let bytes = 0;
  for (const entry of entries) {
    batch.push(entry);
    bytes += bytesOf(entry);
    if (bytes < limits.exportPageBytes && batch.length < limits.batchRecordsMax) continue;
    yield { kind: "write", operation, records: batchOf(batch) };
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield { kind: "write", operation, records: batchOf(batch) };
}

function bytesOf({ id, document, uri, metadata, vector }: Written): number {
  return recordTextBytes(id, document, uri, metadata) + (vector?.embedding.byteLength ?? 0);
}

function batchOf(entries: readonly Written[]): RecordBatch {
  return {
    ids: entries.map(({ id }) => id),
    documents: entries.map(({ document }) => document ?? null),
    uris: entries.map(({ uri }) => uri ?? null),
    metadatas: entries.map(({ metadata }) => metadata ?? null),
    embeddings: embeddingsOf(entries),
  };
}

function embeddingsOf(entries: readonly Written[]): RecordBatch["embeddings"] {
  const rows = entries.flatMap(({ vector }) => (vector === undefined ? [] : [vector.embedding]));
  if (rows.length === 0) return null;
  const dimension = rows[0]!.length;
  const values = new Float32Array(rows.length * dimension);
  rows.forEach((row, i) => void values.set(row, i * dimension));
  const present = rows.length === entries.length ? null : Uint8Array.from(entries, ({ vector }) => (vector === undefined ? 0 : 1));
  return { dimension, values, present };
}
