/**
 * One log record: one batch of records, or one delete. Grammar, little-endian:
 *
 *     log record = crc32:u32 body link:u32              crc32 covers body; link: head of base/log-chain.ts
 *     body       = format:u8 kind:u8 (1 write, 2 delete) 0:u16 header-length:u32 header:utf8 pad{0..3} embeddings sparse
 *     header     = JSON; write: {operation, ids, documents, metadatas, uris, dimension, absent, requestId}   delete: {ids, requestId}
 *     embeddings = rows × dimension float32, only of the records that carry one, in order
 *     sparse     = for each sparse vector of the metadatas, in order: entries × u32 indices, entries × float32 values
 *
 * `absent` lists the positions of records without an embedding; padding aligns the embeddings to four bytes from the
 * start of the log record. In the header a sparse vector stands as {"entries": number}, the only object among metadata
 * values: as JSON its numbers would take far more bytes. A record without any has format 3, others have format 4; records of
 * database format 1 have format 1 or 2, no link and no `requestId`, which names the request that the record came from.
 */
import { crc32 } from "../base/checksum.js";
import { decodeJson, encodeJson } from "../base/json-bytes.js";
import { isSparseVector } from "../base/sparse-vector.js";
import { TidepoolError } from "../errors.js";
import type { EmbeddingRows, MetadataPatch, RecordBatch, SparseVector } from "../types.js";

export type Operation = "add" | "update" | "upsert";

/** `requestId` names the request that it came from, if that had a name. */
export type LogRecord = ({ kind: "write"; operation: Operation; records: RecordBatch } | { kind: "delete"; ids: string[] }) & {
  requestId?: string;
};

const FORMAT = 3;
const FORMAT_SPARSE = 4;
const FORMAT_UNLINKED = 1;
const FORMAT_UNLINKED_SPARSE = 2;
const LINK_BYTES = 4;
const KIND_WRITE = 1;
const KIND_DELETE = 2;
const HEADER_AT = 12;
const OPERATIONS: readonly Operation[] = ["add", "update", "upsert"];

/** What stands in the header where a metadata value is a sparse vector. */
interface Placeholder {
  entries: number;
}

type HeaderValue = Exclude<MetadataPatch[string], SparseVector> | Placeholder;

interface WriteHeader {
  operation: Operation;
  ids: string[];
  documents: (string | null)[] | null;
  metadatas: (Record<string, HeaderValue> | null)[] | null;
  uris: (string | null)[] | null;
  dimension: number | null;
  absent: number[];
  requestId?: string;
}

/** The link is left open: only when a record is about to be written it is known which one is before it. */
export function encodeLogRecord(record: LogRecord): Uint8Array {
  if (record.kind === "delete") return frame(FORMAT, KIND_DELETE, { ids: record.ids, requestId: record.requestId }, []);
  const vectors: SparseVector[] = [];
  const { ids, documents, metadatas, uris, embeddings } = record.records;
  const header: WriteHeader = {
    operation: record.operation,
    ids,
    documents,
    metadatas: metadatas?.map((metadata) => metadata && takeOut(metadata, vectors)) ?? null,
    uris,
    dimension: embeddings?.dimension ?? null,
    absent: absentPositions(embeddings?.present ?? null),
    requestId: record.requestId,
  };
  const numbers = [...(embeddings === null ? [] : [embeddings.values]), ...vectors.flatMap(numbersOf)];
  return frame(vectors.length === 0 ? FORMAT : FORMAT_SPARSE, KIND_WRITE, header, numbers);
}

/** The metadata with its sparse vectors replaced; these are appended to `vectors`. */
function takeOut(metadata: MetadataPatch, vectors: SparseVector[]): Record<string, HeaderValue> {
  if (!Object.values(metadata).some(isSparseVector)) return metadata as Record<string, HeaderValue>;
  return mapValues(metadata, (value): HeaderValue => {
    if (!isSparseVector(value)) return value;
    vectors.push(value);
    return { entries: value.indices.length };
  });
}

function numbersOf({ indices, values }: SparseVector): [Uint32Array, Float32Array] {
  return [Uint32Array.from(indices), Float32Array.from(values)];
}

/** Its inverse: every sparse vector takes its numbers from `buffer`, the first ones at `at`. */
function putBack(metadatas: WriteHeader["metadatas"], buffer: ArrayBuffer, at: number): RecordBatch["metadatas"] {
  const take = ({ entries }: Placeholder): SparseVector => {
    const indices = Array.from(new Uint32Array(buffer, at, entries));
    const values = Array.from(new Float32Array(buffer, at + entries * 4, entries));
    at += entries * 8;
    return { indices, values };
  };
  const restore = (value: HeaderValue): MetadataPatch[string] => (isPlaceholder(value) ? take(value) : value);
  return metadatas?.map((metadata) => metadata && mapValues(metadata, restore)) ?? null;
}

function isPlaceholder(value: HeaderValue): value is Placeholder {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Defines the keys of the result as its own, `__proto__` too. */
function mapValues<V, W>(object: Record<string, V>, map: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));
}

/** Binds an encoded record to its place. */
export function setLink(bytes: Uint8Array, link: number): void {
  viewOf(bytes).setUint32(bytes.length - LINK_BYTES, link, true);
}

/** The checksum that the record says it has. */
export function checksumIn(bytes: Uint8Array): number {
  return bytes.length < HEADER_AT ? 0 : viewOf(bytes).getUint32(0, true);
}

/** `null` in a record of database format 1. */
export function linkIn(bytes: Uint8Array): number | null {
  return isLinked(bytes) ? viewOf(bytes).getUint32(bytes.length - LINK_BYTES, true) : null;
}

function isLinked(bytes: Uint8Array): boolean {
  return bytes[4] !== FORMAT_UNLINKED && bytes[4] !== FORMAT_UNLINKED_SPARSE && bytes.length >= HEADER_AT + LINK_BYTES;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function decodeLogRecord(bytes: Uint8Array, where: string): LogRecord {
  const body = bytes.subarray(4, bytes.length - (isLinked(bytes) ? LINK_BYTES : 0));
  const view = viewOf(bytes);
  if (bytes.length < HEADER_AT || view.getUint32(0, true) !== crc32(body)) throw damaged(where, "fails its checksum");
  const format = bytes[4]!;
  const hasSparse = format === FORMAT_SPARSE || format === FORMAT_UNLINKED_SPARSE;
  if (!hasSparse && format !== FORMAT && format !== FORMAT_UNLINKED) throw damaged(where, `has unknown format ${format}`);
  try {
    return decodeBody(bytes, HEADER_AT + view.getUint32(8, true), hasSparse);
  } catch (cause) {
    throw new TidepoolError("CORRUPTION", `Log record ${where} is not one. Nothing was changed.`, { cause });
  }
}

function decodeBody(bytes: Uint8Array, headerEnd: number, hasSparse: boolean): LogRecord {
  const header: unknown = decodeJson(bytes.subarray(HEADER_AT, headerEnd));
  const { requestId } = header as { requestId?: string };
  const named = requestId === undefined ? {} : { requestId };
  if (requestId !== undefined && typeof requestId !== "string") throw new TypeError("the id of its request is no text");
  if (bytes[5] === KIND_DELETE && isDelete(header)) return { kind: "delete", ids: header.ids, ...named };
  if (bytes[5] !== KIND_WRITE || !isWrite(header)) throw new TypeError(`its header does not fit its kind ${bytes[5]}`);
  return { ...decodeWrite(header, bytes.slice(align4(headerEnd)).buffer, hasSparse), ...named };
}

function isDelete(header: unknown): header is { ids: string[] } {
  return isTexts((header as { ids?: unknown }).ids);
}

/** Whether the columns are what they should be, each as long as the ids. The numbers after the header are as many as it says. */
function isWrite(header: unknown): header is WriteHeader {
  const { operation, ids, documents, metadatas, uris, dimension, absent } = header as Partial<WriteHeader>;
  if (!isTexts(ids) || !OPERATIONS.includes(operation!)) return false;
  const isColumn = (column: unknown, fits: (value: unknown) => boolean) =>
    column === null || (Array.isArray(column) && column.length === ids.length && column.every((value) => value === null || fits(value)));
  const isPosition = (at: unknown, i: number) =>
    Number.isInteger(at) && (at as number) > (absent![i - 1] ?? -1) && (at as number) < ids.length;
  const isText = (value: unknown) => typeof value === "string";
  return (
    [documents, uris].every((column) => isColumn(column, isText)) &&
    isColumn(metadatas, isMetadata) &&
    (dimension === null || (Number.isSafeInteger(dimension) && dimension! > 0)) &&
    Array.isArray(absent) &&
    absent.every(isPosition)
  );
}

function isTexts(values: unknown): values is string[] {
  return Array.isArray(values) && values.every((value) => typeof value === "string");
}

function isMetadata(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((one: HeaderValue) => {
    if (isPlaceholder(one)) return Number.isSafeInteger(one.entries) && one.entries >= 0;
    return Array.isArray(one) ? one.every(isScalar) : one === null || isScalar(one);
  });
}

function isScalar(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function decodeWrite(header: WriteHeader, numbers: ArrayBuffer, hasSparse: boolean): LogRecord {
  const { operation, ids, documents, uris, dimension, absent } = header;
  const length = (ids.length - absent.length) * (dimension ?? 0);
  let embeddings: EmbeddingRows | null = null;
  if (dimension !== null) {
    embeddings = { dimension, values: new Float32Array(numbers, 0, length), present: presentMask(ids.length, absent) };
  }
  const metadatas = hasSparse ? putBack(header.metadatas, numbers, length * 4) : (header.metadatas as RecordBatch["metadatas"]);
  return { kind: "write", operation, records: { ids, documents, metadatas, uris, embeddings } };
}

function frame(format: number, kind: number, header: object, numbers: (Uint32Array | Float32Array)[]): Uint8Array {
  const json = encodeJson(header);
  let at = align4(HEADER_AT + json.length);
  const bytes = new Uint8Array(numbers.reduce((length, part) => length + part.byteLength, at) + LINK_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[4] = format;
  bytes[5] = kind;
  view.setUint32(8, json.length, true);
  bytes.set(json, HEADER_AT);
  for (const part of numbers) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  view.setUint32(0, crc32(bytes.subarray(4, bytes.length - LINK_BYTES)), true);
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
