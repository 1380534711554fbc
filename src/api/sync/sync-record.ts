/** One record as both sides of a sync see it: rows of columns, what tells them apart, and what changes one into another. */
import { sha256Hex } from "../../core/base/sha256.js";
import { inTurns } from "../../core/base/steps.js";
import { TidepoolError } from "../../core/errors.js";
import type { Metadata, MetadataPatch, RecordBatch, RecordColumns, Space } from "../../core/types.js";
import { plain } from "../copy/plain-metadata.js";
import { isSameVector } from "../copy/same-vector.js";
import { Slice } from "../slice.js";

/** A record of a collection. */
export interface SyncRecord {
  /** Its id, the same on both sides. */
  id: string;
  /** Its vector. */
  embedding: Float32Array;
  /** Its text; `null` where it has none. */
  document: string | null;
  /** What is known of it; `null` for nothing. */
  metadata: Metadata | null;
  /** Where it comes from; `null` where that is not known. */
  uri: string | null;
}

export type Records = Map<string, SyncRecord>;

/** Hexadecimal digits that tell two states of one record apart. */
const DIGITS = 24;
/** Steps in which numbers of vectors of length 1 are told apart where servers keep only their direction. */
const COSINE_STEPS = 1e4;

export function recordsOf({ ids, documents, metadatas, uris, embeddings }: RecordColumns): Records {
  const { dimension = 0, values = new Float32Array() } = embeddings ?? {};
  return new Map(
    ids.map((id, i) => {
      const embedding = values.slice(i * dimension, (i + 1) * dimension);
      const metadata = metadatas?.[i] ?? null;
      return [id, { id, embedding, document: documents?.[i] ?? null, metadata: emptyAsNull(metadata), uri: uris?.[i] ?? null }];
    }),
  );
}

function emptyAsNull(metadata: Metadata | null): Metadata | null {
  return metadata === null || Object.keys(metadata).length === 0 ? null : metadata;
}

/**
 * A batch that makes records, or changes those that are there into them: what these have more is taken away. Documents and URIs cannot
 * be: `mustReplace` says where.
 */
export function batchOf(records: readonly SyncRecord[], existing: ReadonlyMap<string, SyncRecord>): RecordBatch {
  const dimension = records[0]!.embedding.length;
  const values = new Float32Array(records.length * dimension);
  for (const [i, { id, embedding }] of records.entries()) {
    if (embedding.length !== dimension) throw otherDimension(id, dimension, embedding.length);
    values.set(embedding, i * dimension);
  }
  return {
    ids: records.map(({ id }) => id),
    documents: records.map(({ document }) => document),
    metadatas: records.map(({ id, metadata }) => patchOf(existing.get(id)?.metadata ?? null, metadata)),
    uris: records.map(({ uri }) => uri),
    embeddings: { dimension, values, present: null },
  };
}

function otherDimension(id: string, expected: number, actual: number): TidepoolError {
  const message = `The record ${JSON.stringify(id)} has a vector of ${actual} numbers where ${expected} are expected`;
  return new TidepoolError("DIMENSION_MISMATCH", message, { details: { expected, actual } });
}

function patchOf(from: Metadata | null, to: Metadata | null): MetadataPatch | null {
  const gone = Object.keys(from ?? {}).filter((key) => to === null || !Object.hasOwn(to, key));
  if (gone.length === 0) return to;
  return { ...to, ...Object.fromEntries(gone.map((key) => [key, null])) };
}

/** Whether no write can make one of the other, but only deleting it first. */
export function mustReplace(from: SyncRecord | undefined, to: SyncRecord): boolean {
  if (from === undefined) return false;
  return (from.document !== null && to.document === null) || (from.uri !== null && to.uri === null);
}

/** Which of the records has which digest. */
export async function digestsOf(records: Records, space: Space): Promise<Map<string, string>> {
  const slice = new Slice();
  const digests = new Map<string, string>();
  for (const [id, record] of records) digests.set(id, await digestOf(record, space, slice));
  return digests;
}

/** Equal for equal content, on either side. */
export async function digestOf(record: SyncRecord, space: Space, slice = new Slice()): Promise<string> {
  const text = new TextEncoder().encode(JSON.stringify([record.document, plain(record.metadata), record.uri]));
  const vector = vectorBytes(record.embedding, space);
  const bytes = new Uint8Array(vector.length + text.length);
  bytes.set(vector);
  bytes.set(text, vector.length);
  await slice.tick();
  return (await inTurns(sha256Hex(bytes), () => slice.tick())).slice(0, DIGITS);
}

/** Where only directions count servers may keep nothing else, so that lengths must not make a difference. */
function vectorBytes(embedding: Float32Array, space: Space): Uint8Array {
  // Minus zero is zero.
  const told =
    space === "cosine" ? Int16Array.from(unit(embedding), (value) => Math.round(value * COSINE_STEPS)) : embedding.map((v) => v + 0);
  return new Uint8Array(told.buffer, told.byteOffset, told.byteLength);
}

function unit(embedding: Float32Array): Float32Array {
  const length = Math.sqrt(embedding.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? embedding : embedding.map((value) => value / length);
}

/** Whether both are the same record, as far as a server that rounds vectors can tell. */
export function isSameRecord(one: SyncRecord | undefined, other: SyncRecord | undefined, space: Space): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (textOf(one) !== textOf(other)) return false;
  const told = ({ embedding }: SyncRecord): Float32Array => (space === "cosine" ? unit(embedding) : embedding);
  return isSameVector(told(one), told(other));
}

function textOf({ document, metadata, uri }: SyncRecord): string {
  return JSON.stringify([document, plain(metadata), uri]);
}

/** About how many bytes a record takes on its way. */
export function bytesOf({ id, embedding, document, metadata, uri }: SyncRecord): number {
  const texts = id.length + (document?.length ?? 0) + (uri?.length ?? 0) + (metadata === null ? 0 : JSON.stringify(metadata).length);
  return 6 * embedding.length + 3 * texts;
}
