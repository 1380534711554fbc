/**
 * The messages of an Arrow IPC stream, one after the other; a file is such a stream after its first eight bytes. Only apache-arrow's
 * generated accessors are used, and nothing that they tell is trusted: counts and ranges are checked against the bytes at hand.
 */
import { CompressionType } from "apache-arrow/fb/compression-type";
import { DictionaryBatch } from "apache-arrow/fb/dictionary-batch";
import { Endianness } from "apache-arrow/fb/endianness";
import { Message } from "apache-arrow/fb/message";
import { MessageHeader } from "apache-arrow/fb/message-header";
import { RecordBatch } from "apache-arrow/fb/record-batch";
import { Schema } from "apache-arrow/fb/schema";
import { ByteBuffer } from "flatbuffers";
import { limits } from "../../core/limits.js";
import { part } from "../part.js";
import type { ByteReader } from "./byte-reader.js";

const MAGIC = "ARROW1";

export interface ArrowSchema {
  kind: "schema";
  schema: Schema;
  /** Fields that it has. */
  length: number;
  metadata: ReadonlyMap<string, string>;
}

/** Values of columns: nodes and buffers in the order of the schema, with the columns that columns have. */
export interface ArrowBatch {
  kind: "batch";
  /** Of a dictionary, which one, and whether it goes on with what was there; `null` for rows. */
  dictionary: bigint | null;
  isDelta: boolean;
  rows: number;
  nodes: readonly { length: number; nulls: number }[];
  buffers: readonly Uint8Array<ArrayBuffer>[];
}

export async function* readMessages(reader: ByteReader): AsyncGenerator<ArrowSchema | ArrowBatch, void, undefined> {
  const bytes = new ExactReader(reader.pieces());
  let prefix = await bytes.take(8);
  if (String.fromCharCode(...prefix.subarray(0, 6)) === MAGIC) prefix = await bytes.take(8);
  for (; ; prefix = await bytes.take(8)) {
    const [mark, length] = new Int32Array(prefix.buffer) as unknown as [number, number];
    if (mark !== -1) throw new Error(`a message was expected before byte ${bytes.at}`);
    if (length === 0) return;
    const message = Message.getRootAsMessage(new ByteBuffer(await bytes.take(within(length, limits.importRowBytesMax, "message length"))));
    const body = await bytes.take(within(message.bodyLength(), limits.importColumnsLengthMax, "body length"));
    const read = await readMessage(message, length, body);
    if (read !== null) yield read;
  }
}

async function readMessage(message: Message, length: number, body: Uint8Array<ArrayBuffer>): Promise<ArrowSchema | ArrowBatch | null> {
  const type = message.headerType();
  if (type === MessageHeader.Schema) return readSchema(message.header(new Schema()) as Schema, length);
  if (type === MessageHeader.RecordBatch) return readBatch(message.header(new RecordBatch()) as RecordBatch, length, body);
  if (type !== MessageHeader.DictionaryBatch) return null;
  const dictionary = message.header(new DictionaryBatch()) as DictionaryBatch;
  const batch = await readBatch(dictionary.data()!, length, body);
  return { ...batch, dictionary: dictionary.id(), isDelta: dictionary.isDelta() };
}

function readSchema(schema: Schema, length: number): ArrowSchema {
  if (schema.endianness() !== Endianness.Little) throw new Error("its numbers are big-endian, which is not supported");
  const count = within(schema.customMetadataLength(), length, "number of keys");
  const pairs = Array.from({ length: count }, (_, i) => schema.customMetadata(i)!);
  const fields = within(schema.fieldsLength(), length, "number of columns");
  return { kind: "schema", schema, length: fields, metadata: new Map(pairs.map((pair) => [pair.key() ?? "", pair.value() ?? ""])) };
}

async function readBatch(batch: RecordBatch, length: number, body: Uint8Array<ArrayBuffer>): Promise<ArrowBatch> {
  const rows = within(batch.length(), limits.importColumnsLengthMax, "number of rows");
  const nodes = Array.from({ length: within(batch.nodesLength(), length, "number of columns") }, (_, i) => {
    const node = batch.nodes(i)!;
    return { length: within(node.length(), limits.importColumnsLengthMax, "column length"), nulls: Number(node.nullCount()) };
  });
  const codec = batch.compression()?.codec() ?? null;
  const buffers: Uint8Array<ArrayBuffer>[] = [];
  for (let i = 0; i < within(batch.buffersLength(), length, "number of buffers"); i++) {
    const range = batch.buffers(i)!;
    const start = within(range.offset(), body.length, "buffer offset");
    const bytes = body.subarray(start, start + within(range.length(), body.length - start, "buffer length"));
    buffers.push(codec === null ? bytes : await unpackBuffer(bytes, codec));
  }
  return { kind: "batch", dictionary: null, isDelta: false, rows, nodes, buffers };
}

/** A buffer that is packed begins with its length, or −1 where it is not packed after all. */
async function unpackBuffer(bytes: Uint8Array<ArrayBuffer>, codec: CompressionType): Promise<Uint8Array<ArrayBuffer>> {
  if (bytes.length === 0) return bytes;
  if (bytes.length < 8) throw new Error("a packed buffer has no length");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true);
  if (length === -1n) return bytes.slice(8);
  if (codec !== CompressionType.ZSTD)
    throw new Error("it is compressed by LZ4, which is not supported here: write it anew with zstd, or without");
  const { unpackZstd } = await part(import("./unpack-zstd.js"));
  const unpacked = unpackZstd(bytes.subarray(8), within(length, limits.importColumnsLengthMax, "unpacked length"));
  if (unpacked.length !== Number(length)) throw new Error(`a buffer has ${unpacked.length} bytes, unpacked, and ${length} were promised`);
  return unpacked as Uint8Array<ArrayBuffer>;
}

export function within(value: bigint | number, max: number, what: string): number {
  if (value >= 0 && value <= max && Number.isInteger(Number(value))) return Number(value);
  throw new Error(`its ${what} is ${value}, and at most ${max} is possible`);
}

/** Bytes in portions of the caller's choice. */
class ExactReader {
  readonly #pieces: AsyncGenerator<Uint8Array, void, undefined>;
  #rest: Uint8Array = new Uint8Array();
  /** Bytes that were taken. */
  at = 0;

  constructor(pieces: AsyncGenerator<Uint8Array, void, undefined>) {
    this.#pieces = pieces;
  }

  async take(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length; ) {
      if (this.#rest.length === 0) this.#rest = await this.#next();
      const part = this.#rest.subarray(0, length - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.at += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return bytes;
  }

  async #next(): Promise<Uint8Array> {
    const { value } = await this.#pieces.next();
    if (value !== undefined) return value;
    throw new Error(`it ends after ${this.at} bytes, before it is complete`);
  }
}
