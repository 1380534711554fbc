/**
 * One log record: one batch of records, one delete, or one transaction of such operations. Grammar, little-endian:
 *
 *     log record = crc32:u32 body link:u32              crc32 covers body; link: head of base/log-chain.ts
 *     body       = format:u8 kind:u8 (1 write, 2 delete, 3 transaction) 0:u16 header-length:u32 header:utf8 pad{0..3} numbers
 *     header     = JSON; write: {operation, ids, documents, metadatas, uris, dimension, absent, requestId}   delete: {ids, requestId}
 *                  transaction: {operations, requestId}, each operation the header of a write or a delete
 *     numbers    = of each write in order: embeddings sparse
 *     embeddings = rows × dimension float32, only of the records that carry one, in order
 *     sparse     = for each sparse vector of the metadatas, in order: entries × u32 indices, entries × float32 values
 *
 * `absent` lists the positions of records without an embedding; padding aligns the embeddings to four bytes from the
 * start of the log record. In the header a sparse vector stands as {"entries": number}, the only object among metadata
 * values: as JSON its numbers would take far more bytes. A record without any has format 3, others have format 4; records of
 * database format 1 have format 1 or 2, no link and no `requestId`, which names the request that the record came from.
 */
import { crc32InSteps } from "../base/checksum.js";
import { decodeUtf8InSteps, encodeUtf8 } from "../base/json-bytes.js";
import { jsonParts, Listed } from "../base/json-parts.js";
import { parseInSteps } from "../base/json-steps.js";
import { type LogOperation, type LogRecord, type Operation, operationsOf } from "../base/operations.js";
import { isSparseVector } from "../base/sparse-vector.js";
import { atOnce, type Steps } from "../base/steps.js";
import { TidepoolError } from "../errors.js";
import type { EmbeddingRows, MetadataPatch, RecordBatch, SparseVector } from "../types.js";

const FORMAT = 3;
const FORMAT_SPARSE = 4;
const FORMAT_UNLINKED = 1;
const FORMAT_UNLINKED_SPARSE = 2;
const LINK_BYTES = 4;
const KIND_WRITE = 1;
const KIND_DELETE = 2;
const KIND_TRANSACTION = 3;
const HEADER_AT = 12;
/** Of a record, for its bytes to be kept with its numbers. */
const HEADER_SHARE_MAX = 0.25;
/** Records whose metadata is looked through between two turns. */
const RECORDS_PER_STEP = 16;
/** Ids, documents or uris of a header that are looked at between two turns. */
const TEXTS_PER_STEP = 8192;
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
}

interface DeleteHeader {
  ids: string[];
}

/** The link is left open: only when a record is about to be written it is known which one is before it. */
export function* encodeLogRecord(record: LogRecord): Steps<Uint8Array> {
  const numbers: Numbers = { parts: [], hasSparse: false };
  const headers: object[] = [];
  for (const operation of operationsOf(record)) headers.push(yield* headerOf(operation, numbers));
  const header = record.kind === "transaction" ? { operations: Listed.of(headers) } : headers[0];
  const json = yield* encodeHeader({ ...header, requestId: record.requestId });
  return yield* frame(numbers.hasSparse ? FORMAT_SPARSE : FORMAT, KINDS[record.kind], json, numbers.parts);
}

const KINDS = { write: KIND_WRITE, delete: KIND_DELETE, transaction: KIND_TRANSACTION };

/** What stands after the header. */
interface Numbers {
  parts: (Uint32Array | Float32Array)[];
  hasSparse: boolean;
}

/** The header of an operation, its columns to be written item by item; its numbers are appended. */
function* headerOf(
  operation: LogOperation,
  numbers: Numbers,
): Steps<Record<keyof WriteHeader, unknown> | Record<keyof DeleteHeader, unknown>> {
  if (operation.kind === "delete") return { ids: Listed.of(operation.ids) };
  const vectors: SparseVector[] = [];
  const { ids, documents, metadatas, uris, embeddings } = operation.records;
  const taken: (Record<string, HeaderValue> | null)[] = [];
  for (const metadata of metadatas ?? []) {
    taken.push(metadata && takeOut(metadata, vectors));
    if (taken.length % RECORDS_PER_STEP === 0) yield;
  }
  const header: Record<keyof WriteHeader, unknown> = {
    operation: operation.operation,
    ids: Listed.of(ids),
    documents: documents && Listed.of(documents),
    metadatas: metadatas && Listed.of(taken),
    uris: uris && Listed.of(uris),
    dimension: embeddings?.dimension ?? null,
    absent: absentPositions(embeddings?.present ?? null),
  };
  if (embeddings !== null) numbers.parts.push(embeddings.values);
  numbers.parts.push(...vectors.flatMap(numbersOf));
  numbers.hasSparse ||= vectors.length > 0;
  return header;
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

/** Its inverse: every sparse vector takes its numbers from the reader. */
function* putBack(metadatas: NonNullable<WriteHeader["metadatas"]>, numbers: NumberReader): Steps<RecordBatch["metadatas"]> {
  const take = ({ entries }: Placeholder): SparseVector => {
    const indices = Array.from(numbers.take(Uint32Array, entries));
    return { indices, values: Array.from(numbers.take(Float32Array, entries)) };
  };
  const restore = (value: HeaderValue): MetadataPatch[string] => (isPlaceholder(value) ? take(value) : value);
  const restored: (MetadataPatch | null)[] = [];
  for (const metadata of metadatas) {
    restored.push(metadata && mapValues(metadata, restore));
    if (restored.length % RECORDS_PER_STEP === 0) yield;
  }
  return restored;
}

/** Takes one array after the other from what stands after the header, over its buffer. Throws where that ends before. */
class NumberReader {
  readonly #buffer: ArrayBuffer;
  #at: number;

  /** What stands at `from` of a record. Arrays keep the record's bytes where these are hardly more than they themselves. */
  constructor(bytes: Uint8Array, from: number) {
    const isApart = bytes.length < bytes.buffer.byteLength || from > HEADER_SHARE_MAX * bytes.length;
    this.#buffer = (isApart ? bytes.slice(from) : bytes).buffer as ArrayBuffer;
    this.#at = isApart ? 0 : from;
  }

  take<A extends Uint32Array | Float32Array>(type: new (buffer: ArrayBuffer, at: number, length: number) => A, length: number): A {
    const taken = new type(this.#buffer, this.#at, length);
    this.#at += taken.byteLength;
    return taken;
  }
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
  return atOnce(decodeInSteps(bytes, where));
}

export function* decodeInSteps(bytes: Uint8Array, where: string): Steps<LogRecord> {
  const body = bytes.subarray(4, bytes.length - (isLinked(bytes) ? LINK_BYTES : 0));
  const view = viewOf(bytes);
  if (bytes.length < HEADER_AT || view.getUint32(0, true) !== (yield* crc32InSteps(body))) throw damaged(where, "fails its checksum");
  const format = bytes[4]!;
  const hasSparse = format === FORMAT_SPARSE || format === FORMAT_UNLINKED_SPARSE;
  if (!hasSparse && format !== FORMAT && format !== FORMAT_UNLINKED) throw damaged(where, `has unknown format ${format}`);
  try {
    return yield* decodeBody(bytes, HEADER_AT + view.getUint32(8, true), hasSparse);
  } catch (cause) {
    throw new TidepoolError("CORRUPTION", `Log record ${where} is not one. Nothing was changed.`, { cause });
  }
}

function* decodeBody(bytes: Uint8Array, headerEnd: number, hasSparse: boolean): Steps<LogRecord> {
  const header = yield* parseInSteps(yield* decodeUtf8InSteps(bytes.subarray(HEADER_AT, headerEnd)));
  const { requestId, operations } = header as { requestId?: string; operations?: unknown };
  const named = requestId === undefined ? {} : { requestId };
  if (requestId !== undefined && typeof requestId !== "string") throw new TypeError("the id of its request is no text");
  const kind = bytes[5]!;
  const numbers = new NumberReader(bytes, align4(headerEnd));
  if (kind !== KIND_TRANSACTION) return { ...(yield* decodeOperation(kind, header, numbers, hasSparse)), ...named };
  if (!Array.isArray(operations)) throw new TypeError("its operations are no list");
  const decoded: LogOperation[] = [];
  for (const one of operations as object[]) {
    decoded.push(yield* decodeOperation("operation" in one ? KIND_WRITE : KIND_DELETE, one, numbers, hasSparse));
  }
  return { kind: "transaction", operations: decoded, ...named };
}

function* decodeOperation(kind: number, header: unknown, numbers: NumberReader, hasSparse: boolean): Steps<LogOperation> {
  if (kind === KIND_DELETE && (yield* isDelete(header))) return { kind: "delete", ids: (header as DeleteHeader).ids };
  if (kind !== KIND_WRITE || !(yield* isWrite(header))) throw new TypeError(`its header does not fit its kind ${kind}`);
  return yield* decodeWrite(header as WriteHeader, numbers, hasSparse);
}

function isDelete(header: unknown): Steps<boolean> {
  return isListOf((header as { ids?: unknown }).ids, isText, TEXTS_PER_STEP);
}

/** Whether the columns are what they should be, each as long as the ids. The numbers after the header are as many as it says. */
function* isWrite(header: unknown): Steps<boolean> {
  const { operation, ids, documents, metadatas, uris, dimension, absent } = header as Partial<WriteHeader>;
  if (!OPERATIONS.includes(operation!) || !(yield* isListOf(ids, isText, TEXTS_PER_STEP))) return false;
  const count = (ids as unknown[]).length;
  for (const texts of [documents, uris]) if (!(yield* isColumn(texts, count, isText, TEXTS_PER_STEP))) return false;
  if (!(yield* isColumn(metadatas, count, isMetadata, RECORDS_PER_STEP))) return false;
  const isPosition = (at: unknown, i: number) => Number.isInteger(at) && (at as number) > (absent![i - 1] ?? -1) && (at as number) < count;
  return (
    (dimension === null || (Number.isSafeInteger(dimension) && dimension! > 0)) && (yield* isListOf(absent, isPosition, TEXTS_PER_STEP))
  );
}

function* isColumn(column: unknown, count: number, fits: (value: unknown) => boolean, perStep: number): Steps<boolean> {
  if (column === null) return true;
  return (yield* isListOf(column, (value) => value === null || fits(value), perStep)) && (column as unknown[]).length === count;
}

function* isListOf(values: unknown, fits: (value: unknown, i: number) => boolean, perStep: number): Steps<boolean> {
  if (!Array.isArray(values)) return false;
  for (const [i, value] of values.entries()) {
    if (!fits(value, i)) return false;
    if (i % perStep === perStep - 1) yield;
  }
  return true;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
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

function* decodeWrite(header: WriteHeader, numbers: NumberReader, hasSparse: boolean): Steps<LogOperation> {
  const { operation, ids, documents, uris, dimension, absent } = header;
  let embeddings: EmbeddingRows | null = null;
  if (dimension !== null) {
    const values = numbers.take(Float32Array, (ids.length - absent.length) * dimension);
    embeddings = { dimension, values, present: presentMask(ids.length, absent) };
  }
  const taken = header.metadatas;
  const metadatas = hasSparse && taken !== null ? yield* putBack(taken, numbers) : (taken as RecordBatch["metadatas"]);
  return { kind: "write", operation, records: { ids, documents, metadatas, uris, embeddings } };
}

function* encodeHeader(header: object): Steps<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for (const part of jsonParts(header)) {
    parts.push(encodeUtf8(part));
    yield;
  }
  return parts;
}

function* frame(format: number, kind: number, json: readonly Uint8Array[], numbers: (Uint32Array | Float32Array)[]): Steps<Uint8Array> {
  const headerBytes = json.reduce((length, part) => length + part.length, 0);
  const numbersAt = align4(HEADER_AT + headerBytes);
  const bytes = new Uint8Array(numbers.reduce((length, part) => length + part.byteLength, numbersAt) + LINK_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[4] = format;
  bytes[5] = kind;
  view.setUint32(8, headerBytes, true);
  yield* place(bytes, json, HEADER_AT);
  yield* place(bytes, numbers, numbersAt);
  view.setUint32(0, yield* crc32InSteps(bytes.subarray(4, bytes.length - LINK_BYTES)), true);
  return bytes;
}

function* place(bytes: Uint8Array, parts: readonly (Uint8Array | Uint32Array | Float32Array)[], from: number): Steps<void> {
  let at = from;
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
    yield;
  }
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
