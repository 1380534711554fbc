/**
 * The bytes of a journal, in which the log and the catalog of a directory are kept. All numbers are little-endian.
 *
 *     journal = "tidepool" version:u32 salt:u32 checksum:u32 frame*                   of all before it
 *     frame   = mark:u32 checksum:u32 length:u32 number:f64 synced:f64 change*        `length` bytes of changes
 *     change  = 1 collection:text offset:f64 bytes                                    a log record
 *             | 2 collection:text bytes                                               the tail of a collection's log
 *             | 3 key:text bytes                                                      a row of the catalog
 *             | 4 key:text                                                            the row is gone
 *             | 5 collection:text upTo:f64                                            its log is gone up to there, with Infinity all of it
 *             | 6 from:text to:text after:f64                                         a copy of a log
 *             | 7                                                                     the journal was closed
 *     bytes   = length:u32 byte*
 *     text    = length:u32 UTF-16 code units
 *
 * A frame is one transaction: all of it or none. Frames are numbered from 1 without gaps. The checksum (CRC-32) covers the salt and all
 * that follows the checksum in the frame. `synced` is the number of a frame that was durable when this one was written.
 *
 * A frame that fails its checksum is the end of the journal if it may be what a crash has left of a write that was never acknowledged.
 * It cannot be that where a whole frame after it says that it was synced: then it is damage. The salt, which is drawn for each journal,
 * keeps bytes that somebody stores from passing for such a frame.
 */
import { crc32 } from "../../core/base/checksum.js";
import { TidepoolError } from "../../core/errors.js";

const MAGIC = "tidepool";
export const JOURNAL_VERSION = 1;
export const HEADER_BYTES = 20;
export const FRAME_HEADER_BYTES = 28;
const MARK = 0x64696c54;
const CHECKED_FROM = 8;

export type Change =
  | { kind: 1; key: string; offset: number; bytes: Uint8Array }
  | { kind: 2; key: string; bytes: Uint8Array }
  | { kind: 3; key: string; bytes: Uint8Array }
  | { kind: 4; key: string }
  | { kind: 5; key: string; offset: number }
  | { kind: 6; key: string; to: string; offset: number }
  | { kind: 7 };

/** A change as it was read: `at` is where its bytes begin in the frame's payload. */
export type ReadChange = Change & { at: number };

export interface FrameHeader {
  checksum: number;
  /** Of the payload. */
  length: number;
  number: number;
  synced: number;
}

export function encodeJournalHeader(salt: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, "latin1");
  header.writeUInt32LE(JOURNAL_VERSION, 8);
  header.writeUInt32LE(salt, 12);
  header.writeUInt32LE(crc32(header.subarray(0, 16)), 16);
  return header;
}

/** The salt. */
export function readJournalHeader(header: Uint8Array, path: string): number {
  const bytes = Buffer.from(header.buffer, header.byteOffset, header.length);
  if (bytes.length < HEADER_BYTES || bytes.toString("latin1", 0, 8) !== MAGIC) {
    throw new TidepoolError("CORRUPTION", `The file ${path} is no journal of a database`);
  }
  const version = bytes.readUInt32LE(8);
  if (crc32(bytes.subarray(0, 16)) !== bytes.readUInt32LE(16)) throw new TidepoolError("CORRUPTION", `The head of ${path} is damaged`);
  if (version <= JOURNAL_VERSION) return bytes.readUInt32LE(12);
  throw new TidepoolError(
    "FORMAT_TOO_NEW",
    `The file ${path} is a journal of version ${version}, written by a newer release; this one reads ${JOURNAL_VERSION}`,
  );
}

export function encodeFrame(changes: readonly Change[], number: number, synced: number, salt: number): Buffer {
  const length = changes.reduce((sum, change) => sum + encodedBytes(change), 0);
  const writer = new Writer(Buffer.alloc(FRAME_HEADER_BYTES + length));
  writer.u32(MARK);
  writer.u32(0);
  writer.u32(length);
  writer.f64(number);
  writer.f64(synced);
  for (const change of changes) writeChange(writer, change);
  writer.buffer.writeUInt32LE(checksumOf(writer.buffer.subarray(CHECKED_FROM), salt), 4);
  return writer.buffer;
}

/** `null` where no frame begins. */
export function readFrameHeader(bytes: Buffer): FrameHeader | null {
  if (bytes.length < FRAME_HEADER_BYTES || bytes.readUInt32LE(0) !== MARK) return null;
  return {
    checksum: bytes.readUInt32LE(4),
    length: bytes.readUInt32LE(8),
    number: bytes.readDoubleLE(12),
    synced: bytes.readDoubleLE(20),
  };
}

/** Whether these bytes, a frame with its header, are what was written. */
export function isWhole(frame: Buffer, { checksum }: FrameHeader, salt: number): boolean {
  return checksumOf(frame.subarray(CHECKED_FROM), salt) === checksum;
}

/** Where the next mark of a frame stands from `from` on, -1 when there is none. */
export function nextMark(bytes: Buffer, from: number): number {
  const mark = Buffer.alloc(4);
  mark.writeUInt32LE(MARK);
  return bytes.indexOf(mark, from);
}

function checksumOf(bytes: Uint8Array, salt: number): number {
  return crc32(bytes, salt);
}

/** The changes of a whole frame's payload. */
export function* decodeChanges(payload: Buffer): Iterable<ReadChange> {
  const reader = new Reader(payload);
  while (reader.at < payload.length) {
    const kind = reader.u8();
    if (kind === 7) yield { kind, at: reader.at };
    else yield readKeyed(reader, kind);
  }
}

function readKeyed(reader: Reader, kind: number): ReadChange {
  const key = reader.text();
  if (kind === 1) return { kind, key, offset: reader.f64(), ...reader.bytes() };
  if (kind === 2 || kind === 3) return { kind, key, ...reader.bytes() };
  if (kind === 4) return { kind, key, at: reader.at };
  if (kind === 5) return { kind, key, offset: reader.f64(), at: reader.at };
  if (kind === 6) return { kind, key, to: reader.text(), offset: reader.f64(), at: reader.at };
  throw new TidepoolError("CORRUPTION", `A journal has a change of the unknown kind ${kind}`);
}

function writeChange(writer: Writer, change: Change): void {
  writer.u8(change.kind);
  if (change.kind === 7) return;
  writer.text(change.key);
  if (change.kind === 6) writer.text(change.to);
  if ("offset" in change) writer.f64(change.offset);
  if ("bytes" in change) writer.bytes(change.bytes);
}

function encodedBytes(change: Change): number {
  if (change.kind === 7) return 1;
  const to = change.kind === 6 ? 4 + 2 * change.to.length : 0;
  const offset = "offset" in change ? 8 : 0;
  return 1 + 4 + 2 * change.key.length + to + offset + ("bytes" in change ? 4 + change.bytes.length : 0);
}

class Writer {
  at = 0;

  constructor(readonly buffer: Buffer) {}

  u8(value: number): void {
    this.at = this.buffer.writeUInt8(value, this.at);
  }

  u32(value: number): void {
    this.at = this.buffer.writeUInt32LE(value, this.at);
  }

  f64(value: number): void {
    this.at = this.buffer.writeDoubleLE(value, this.at);
  }

  text(text: string): void {
    this.u32(text.length);
    this.at += this.buffer.write(text, this.at, "utf16le");
  }

  bytes(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }
}

class Reader {
  at = 0;
  readonly #buffer: Buffer;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  u8(): number {
    return this.#buffer.readUInt8(this.#skip(1));
  }

  f64(): number {
    return this.#buffer.readDoubleLE(this.#skip(8));
  }

  text(): string {
    const bytes = 2 * this.#u32();
    const from = this.#skip(bytes);
    return this.#buffer.toString("utf16le", from, from + bytes);
  }

  bytes(): { bytes: Uint8Array; at: number } {
    const length = this.#u32();
    const at = this.#skip(length);
    return { bytes: this.#buffer.subarray(at, at + length), at };
  }

  #u32(): number {
    return this.#buffer.readUInt32LE(this.#skip(4));
  }

  #skip(bytes: number): number {
    const from = this.at;
    this.at += bytes;
    if (this.at > this.#buffer.length) throw new TidepoolError("CORRUPTION", "A frame of a journal ends in the middle of a change");
    return from;
  }
}
