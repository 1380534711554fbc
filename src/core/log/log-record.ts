/**
 * One log record: one batch of records, or one delete. Grammar, little-endian:
 *
 *     log record = crc32:u32 body                       crc32 covers body
 *     body       = format:u8 (1) kind:u8 (1 write, 2 delete) 0:u16 header-length:u32 header:utf8 pad{0..3} embeddings
 *     header     = JSON; write: {operation, ids, documents, metadatas, uris, dimension, absent}   delete: {ids}
 *     embeddings = rows × dimension float32, only of the records that carry one, in order
 *
 * `absent` lists the positions of records without an embedding; padding aligns the embeddings to four bytes from the
 * start of the log record.
 */
import { crc32 } from "../checksum.js";
import { TidepoolError } from "../errors.js";
import { decodeJson, encodeJson } from "../json-bytes.js";
import type { EmbeddingRows, RecordBatch } from "../types.js";

export type Operation = "add" | "update" | "upsert";

export type LogRecord =
  | { kind: "write"; operation: Operation; records: RecordBatch }
  | { kind: "delete"; ids: string[] };

const FORMAT = 1;
const KIND_WRITE = 1;
const KIND_DELETE = 2;
const HEADER_AT = 12;

interface WriteHeader {
  operation: Operation;
  ids: string[];
  documents: (string | null)[] | null;
  metadatas: RecordBatch["metadatas"];
  uris: (string | null)[] | null;
  dimension: number | null;
  absent: number[];
}

export function encodeLogRecord(record: LogRecord): Uint8Array {
  if (record.kind === "delete") return frame(KIND_DELETE, { ids: record.ids }, null);
  const { ids, documents, metadatas, uris, embeddings } = record.records;
  const header: WriteHeader = {
    operation: record.operation,
    ids,
    documents,
    metadatas,
    uris,
    dimension: embeddings?.dimension ?? null,
    absent: absentPositions(embeddings?.present ?? null),
  };
  return frame(KIND_WRITE, header, embeddings?.values ?? null);
}

export function decodeLogRecord(bytes: Uint8Array, where: string): LogRecord {
  const body = bytes.subarray(4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_AT || view.getUint32(0, true) !== crc32(body)) throw damaged(where, "fails its checksum");
  if (bytes[4] !== FORMAT) throw damaged(where, `has unknown format ${bytes[4]}`);
  const headerEnd = HEADER_AT + view.getUint32(8, true);
  const header: unknown = decodeJson(bytes.subarray(HEADER_AT, headerEnd));
  if (bytes[5] === KIND_DELETE) return { kind: "delete", ids: (header as { ids: string[] }).ids };
  return decodeWrite(header as WriteHeader, bytes.slice(align4(headerEnd)));
}

function decodeWrite(header: WriteHeader, payload: Uint8Array): LogRecord {
  const { operation, ids, documents, metadatas, uris, dimension, absent } = header;
  let embeddings: EmbeddingRows | null = null;
  if (dimension !== null) {
    embeddings = { dimension, values: new Float32Array(payload.buffer), present: presentMask(ids.length, absent) };
  }
  return { kind: "write", operation, records: { ids, documents, metadatas, uris, embeddings } };
}

function frame(kind: number, header: object, embeddings: Float32Array | null): Uint8Array {
  const json = encodeJson(header);
  const embeddingsAt = align4(HEADER_AT + json.length);
  const bytes = new Uint8Array(embeddingsAt + (embeddings?.byteLength ?? 0));
  const view = new DataView(bytes.buffer);
  bytes[4] = FORMAT;
  bytes[5] = kind;
  view.setUint32(8, json.length, true);
  bytes.set(json, HEADER_AT);
  if (embeddings !== null) new Float32Array(bytes.buffer, embeddingsAt).set(embeddings);
  view.setUint32(0, crc32(bytes.subarray(4)), true);
  return bytes;
}

function absentPositions(present: Uint8Array | null): number[] {
  const absent: number[] = [];
  present?.forEach((flag, position) => {
    if (flag === 0) absent.push(position);
  });
  return absent;
}

function presentMask(count: number, absent: number[]): Uint8Array | null {
  if (absent.length === 0) return null;
  const mask = new Uint8Array(count).fill(1);
  for (const position of absent) mask[position] = 0;
  return mask;
}

function align4(n: number): number {
  return (n + 3) & ~3;
}

function damaged(where: string, why: string): TidepoolError {
  return new TidepoolError("CORRUPTION", `Log record ${where} ${why}. Nothing was changed.`);
}
