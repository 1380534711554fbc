/**
 * What a page of a Parquet file holds, out of its unpacked bytes: levels and values. Plain values, deltas and types are read by hyparquet.
 * What tells how many of something there are is read and checked here, since hyparquet believes it: a page of a few bytes could fill the
 * memory.
 */
import type { DecodedArray, Encoding, SchemaElement } from "hyparquet";
import { convert } from "hyparquet/src/convert.js";
import { deltaBinaryUnpack, deltaLengthByteArray } from "hyparquet/src/delta.js";
import { byteStreamSplit } from "hyparquet/src/encoding.js";
import { readPlain } from "hyparquet/src/plain.js";
import { limits } from "../../core/limits.js";
import { numberWherePossible, textOrBytes } from "./table-rows.js";

export type Values = ArrayLike<unknown>;

type ColumnDecoder = Parameters<typeof convert>[1];

/** What hyparquet has to know of a column. */
export type Decoder = Pick<ColumnDecoder, "element" | "schemaPath" | "parsers"> & { type: ColumnDecoder["type"] };

interface Reader {
  view: DataView;
  offset: number;
}

const WIDTHS: Partial<Record<string, number>> = { INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 };
/** Bits of an index or a level: more entries than these count cannot be in a page. */
const BITS_MAX = 25;
const MINIBLOCKS_MAX = 512;
/** Values of a page: so many numbers of four bytes fill the largest one. */
export const VALUES_MAX = limits.importRowBytesMax / 4;

/** Numbers as runs of one value and as packed bits, mixed. */
export function readHybrid(bytes: Uint8Array, width: number, count: number): Uint32Array {
  if (width > BITS_MAX) throw new Error(`numbers of ${width} bits are not possible here`);
  const numbers = new Uint32Array(count);
  const reader = readerOf(bytes);
  for (let seen = 0; seen < count; ) {
    const header = readCount(reader);
    const length = Math.min(header & 1 ? (header >>> 1) * 8 : header >>> 1, count - seen);
    if (header & 1) unpackBits(bytes.subarray(reader.offset), width, numbers.subarray(seen, seen + length));
    else numbers.fill(readNumber(reader, width), seen, seen + length);
    if (header & 1) reader.offset += (header >>> 1) * width;
    seen += length;
  }
  return numbers;
}

function unpackBits(bytes: Uint8Array, width: number, into: Uint32Array): void {
  if (into.length * width > bytes.length * 8) throw new Error("it ends in the midst of packed numbers");
  const mask = 2 ** width - 1;
  for (let i = 0; i < into.length; i++) {
    const at = (i * width) >>> 3;
    const four = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    into[i] = (four >>> ((i * width) & 7)) & mask;
  }
}

function readNumber(reader: Reader, width: number): number {
  let number = 0;
  for (let shift = 0; shift < width; shift += 8) number |= reader.view.getUint8(reader.offset++) << shift;
  return number;
}

/** A count in groups of seven bits. */
function readCount(reader: Reader): number {
  let count = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = reader.view.getUint8(reader.offset++);
    count |= (byte & 127) << shift;
    if (byte < 128) return count >>> 0;
  }
  throw new Error("a count has more than 32 bits");
}

export function readerOf(bytes: Uint8Array): Reader {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
}

/** The values of a dictionary, as they are told to the caller. */
export function readDictionary(bytes: Uint8Array, count: number, decoder: Decoder): Values {
  return told(plain(bytes, count, decoder), decoder);
}

/** The `count` values that are there; those that are missing have no bytes. */
export function readValues(bytes: Uint8Array, encoding: Encoding, count: number, decoder: Decoder, dictionary: Values | null): Values {
  if (count === 0) return [];
  if (encoding === "PLAIN_DICTIONARY" || encoding === "RLE_DICTIONARY") return lookUp(bytes, count, dictionary);
  if (encoding === "RLE") return Array.from(readHybrid(bytes.subarray(4), 1, count), (bit) => bit === 1);
  return told(readEncoded(bytes, encoding, count, decoder), decoder);
}

function lookUp(bytes: Uint8Array, count: number, dictionary: Values | null): Values {
  if (dictionary === null) throw new Error("a page refers to a dictionary, and there is none before it");
  const indices = readHybrid(bytes.subarray(1), bytes[0] ?? 0, count);
  const values = dictionary instanceof Float32Array ? new Float32Array(count) : new Array<unknown>(count);
  for (let i = 0; i < count; i++) {
    if (indices[i]! >= dictionary.length) throw new Error(`entry ${indices[i]} of a dictionary of ${dictionary.length} is missing`);
    values[i] = dictionary[indices[i]!];
  }
  return values;
}

function readEncoded(bytes: Uint8Array, encoding: Encoding, count: number, decoder: Decoder): DecodedArray {
  const { type } = decoder;
  if (encoding === "PLAIN") return plain(bytes, count, decoder);
  if (encoding === "BYTE_STREAM_SPLIT") {
    expectBytes(bytes, count, decoder);
    return byteStreamSplit(readerOf(bytes), count, type, decoder.element.type_length);
  }
  if (encoding === "DELTA_BINARY_PACKED") {
    return readDeltas(readerOf(bytes), type === "INT32" ? new Int32Array(count) : new BigInt64Array(count));
  }
  if (encoding === "DELTA_LENGTH_BYTE_ARRAY") {
    checkDeltas(bytes);
    const values = new Array<Uint8Array>(count);
    deltaLengthByteArray(within(readerOf(bytes)), count, values);
    return values;
  }
  if (encoding === "DELTA_BYTE_ARRAY") return readShared(bytes, count);
  throw new Error(`the encoding ${encoding} is not supported`);
}

function plain(bytes: Uint8Array, count: number, decoder: Decoder): DecodedArray {
  expectBytes(bytes, count, decoder);
  const reader = readerOf(bytes);
  const values = readPlain(reader, decoder.type, count, decoder.element.type_length);
  if (reader.offset > bytes.length) throw new Error("its values go on behind its end");
  return values;
}

/** Values lie in a buffer that is longer than the page. */
function expectBytes(bytes: Uint8Array, count: number, { type, element }: Decoder): void {
  const width = WIDTHS[type] ?? (type === "FIXED_LEN_BYTE_ARRAY" ? element.type_length! : type === "BYTE_ARRAY" ? 4 : 1 / 8);
  if (count * width > bytes.length) throw new Error(`${count} values cannot be in ${bytes.length} bytes`);
}

function readDeltas<T extends Int32Array | BigInt64Array>(reader: Reader, numbers: T): T {
  checkDeltas(new Uint8Array(reader.view.buffer, reader.view.byteOffset + reader.offset, reader.view.byteLength - reader.offset));
  deltaBinaryUnpack(reader, numbers.length, numbers);
  return numbers;
}

function checkDeltas(bytes: Uint8Array): void {
  const reader = readerOf(bytes);
  const [block, miniblocks] = [readCount(reader), readCount(reader)];
  if (block > 0 && block <= VALUES_MAX && miniblocks > 0 && miniblocks <= MINIBLOCKS_MAX) return;
  throw new Error(`blocks of ${block} deltas in ${miniblocks} parts are not possible`);
}

/** A copy with nothing behind it, since hyparquet looks at the buffer. */
function within({ view }: Reader): Reader {
  return readerOf(new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice());
}

/** Texts that begin as the one before, for so many bytes. */
function readShared(bytes: Uint8Array, count: number): Uint8Array[] {
  const reader = within(readerOf(bytes));
  const prefixes = readDeltas(reader, new Int32Array(count));
  const suffixes = readDeltas(reader, new Int32Array(count));
  const values: Uint8Array[] = [];
  let [last, total] = [new Uint8Array(), 0];
  for (let i = 0; i < count; i++) {
    const [prefix, suffix] = [prefixes[i]!, suffixes[i]!];
    total += prefix + suffix;
    if (prefix < 0 || prefix > last.length || suffix < 0 || total > limits.importRowBytesMax)
      throw new Error(`value ${i} has no such length`);
    const value = new Uint8Array(prefix + suffix);
    value.set(last.subarray(0, prefix));
    value.set(new Uint8Array(reader.view.buffer, reader.offset, suffix), prefix);
    reader.offset += suffix;
    values.push((last = value));
  }
  return values;
}

/** As values of JavaScript: whole numbers as numbers where these can hold them. */
function told(values: DecodedArray, decoder: Decoder): Values {
  const converted = convert(values, { ...decoder, utf8: true } as ColumnDecoder) as Values;
  const isLarge = converted instanceof BigInt64Array || converted instanceof BigUint64Array || typeof converted[0] === "bigint";
  return isLarge ? Array.from(converted as ArrayLike<bigint>, numberWherePossible) : converted;
}

/** Points in time are milliseconds since 1970, fractions of them down to a microsecond. */
export const PARSERS = {
  timestampFromMilliseconds: Number,
  timestampFromMicroseconds: (time: bigint) => Number(time) / 1000,
  timestampFromNanoseconds: (time: bigint) => Number(time / 1000n) / 1000,
  dateFromDays: (days: number) => days * 86_400_000,
  stringFromBytes: textOrBytes,
  jsonFromBytes: (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes)),
};

/** Whether values of the element are points in time. */
export function isTime({ type, converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  if (type === "INT96" || logical?.type === "TIMESTAMP" || logical?.type === "DATE") return true;
  return converted === "DATE" || converted === "TIMESTAMP_MILLIS" || converted === "TIMESTAMP_MICROS";
}
