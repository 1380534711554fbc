/**
 * CRC-32 (IEEE 802.3, reflected, polynomial 0xEDB88320), as in zip and gzip. Every byte that the engine stores is covered
 * by one. Eight table look-ups consume eight bytes at a time ("slicing by 8", Kounavis and Berry 2005), read as two words.
 *
 * A worker may bring faster sums for long bytes and for many rows (`sumBy`), once, at its start. They give the same numbers, so nobody
 * can tell which of the two has summed.
 */
import type { Steps } from "./steps.js";

const TABLE_SIZE = 256;
const tables = makeTables();

/** Eight tables one after another; table t holds what a byte contributes from t bytes further back. */
function makeTables(): Int32Array {
  const all = new Int32Array(8 * TABLE_SIZE);
  for (let n = 0; n < TABLE_SIZE; n++) {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    all[n] = c;
  }
  for (let n = TABLE_SIZE; n < all.length; n++) {
    const previous = all[n - TABLE_SIZE]!;
    all[n] = all[previous & 255]! ^ (previous >>> 8);
  }
  return all;
}

/** Checksum of the bytes, as an unsigned 32-bit number. `seed` is the checksum of what came before, to checksum in parts. */
export type Checksum = (bytes: Uint8Array, seed?: number) => number;

/** Checksums of rows of `width` bytes, a multiple of four, one behind the other. */
export type RowChecksums = (bytes: Uint8Array, width: number) => Uint32Array;

export interface FastSums {
  /** Of bytes that are so many that copying them elsewhere is worth it. */
  long: Checksum;
  rows: RowChecksums;
  /** What they take of memory. */
  memoryBytes: number;
}

/** Bytes from which on copying them elsewhere is worth it. */
const LONG_BYTES = 8 * 1024;
export const PLAIN_SUMS: FastSums = { long: plainCrc32, rows: plainRows, memoryBytes: 0 };
let sums = PLAIN_SUMS;

export function sumBy(fast: FastSums): void {
  sums = fast;
}

/** Bytes of memory that fast sums take. */
export function checksumBytes(): number {
  return sums.memoryBytes;
}

export function crc32(bytes: Uint8Array, seed = 0): number {
  return bytes.length < LONG_BYTES ? plainCrc32(bytes, seed) : sums.long(bytes, seed);
}

/** The checksum of each row of `width` numbers. */
export function crc32OfRows({ buffer, byteOffset, byteLength, BYTES_PER_ELEMENT }: Float32Array, width: number): Uint32Array {
  return sums.rows(new Uint8Array(buffer, byteOffset, byteLength), width * BYTES_PER_ELEMENT);
}

function plainRows(bytes: Uint8Array, width: number): Uint32Array {
  return Uint32Array.from({ length: bytes.length / width }, (_, row) => plainCrc32(bytes.subarray(row * width, (row + 1) * width)));
}

/** As `crc32`, by tables alone. */
export function plainCrc32(bytes: Uint8Array, seed = 0): number {
  const head = Math.min(bytes.length, -bytes.byteOffset & 3);
  const words = (bytes.length - head) >>> 3;
  let c = stepBytes(bytes, 0, head, ~seed);
  // Bytes may end before a word begins.
  if (words > 0) c = stepWords(new Int32Array(bytes.buffer, bytes.byteOffset + head, 2 * words), c);
  return ~stepBytes(bytes, head + 8 * words, bytes.length, c) >>> 0;
}

/** Bytes between two turns. */
const STEP_BYTES = 1024 * 1024;

export function* crc32InSteps(bytes: Uint8Array): Steps<number> {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += STEP_BYTES) {
    if (at > 0) yield;
    sum = crc32(bytes.subarray(at, at + STEP_BYTES), sum);
  }
  return sum;
}

function stepBytes(bytes: Uint8Array, from: number, to: number, c: number): number {
  for (let i = from; i < to; i++) c = tables[(c ^ bytes[i]!) & 255]! ^ (c >>> 8);
  return c;
}

/** Words are little-endian, as on every platform with a JavaScript engine. */
function stepWords(words: Int32Array, c: number): number {
  for (let i = 0; i < words.length; i += 2) {
    const low = c ^ words[i]!;
    const high = words[i + 1]!;
    c =
      tables[1792 + (low & 255)]! ^
      tables[1536 + ((low >>> 8) & 255)]! ^
      tables[1280 + ((low >>> 16) & 255)]! ^
      tables[1024 + (low >>> 24)]! ^
      tables[768 + (high & 255)]! ^
      tables[512 + ((high >>> 8) & 255)]! ^
      tables[256 + ((high >>> 16) & 255)]! ^
      tables[high >>> 24]!;
  }
  return c;
}
