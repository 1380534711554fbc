/**
 * Strings to UTF-8 and back, many short ones at a time. The platform's encoder and decoder cost about as much per call as
 * a few dozen characters take to copy, so short ASCII strings, which ids and keys mostly are, are copied here.
 */
import { columnTooLarge, corruption, OFFSET_MAX } from "./arrow-message.js";

// Core compiles without the DOM's library; these two exist in every environment that the package runs in.
declare const TextEncoder: new () => { encodeInto(source: string, target: Uint8Array): { read: number; written: number } };
declare const TextDecoder: new (label: string, options: { fatal: boolean; ignoreBOM: boolean }) => { decode(bytes: Uint8Array): string };

/** Longest string that is copied character by character into bytes, and out of them. */
const ENCODE_SHORT_MAX = 24;
const DECODE_SHORT_MAX = 10;

const encoder = new TextEncoder();
// A byte order mark is a character like any other here: a document that begins with one keeps it.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Strings one after another; string i is `bytes` from `offsets[i]` to `offsets[i + 1]`. A null takes no bytes. */
export interface EncodedStrings {
  offsets: Int32Array;
  bytes: Uint8Array;
}

export function encodeStrings(values: ArrayLike<string | null>): EncodedStrings {
  const offsets = new Int32Array(values.length + 1);
  // Exact when all is ASCII; grows otherwise.
  let bytes = new Uint8Array(totalLength(values));
  let length = 0;
  for (let i = 0; i < values.length; i++) {
    const text = values[i] ?? "";
    if (bytes.length - length < text.length) bytes = grow(bytes, length, text.length);
    let written = text.length <= ENCODE_SHORT_MAX ? writeAscii(text, bytes, length) : -1;
    while (written < 0) {
      const result = encoder.encodeInto(text, bytes.subarray(length));
      if (result.read === text.length) written = result.written;
      else bytes = grow(bytes, length, text.length * 3);
    }
    length += written;
    if (length > OFFSET_MAX) throw columnTooLarge();
    offsets[i + 1] = length;
  }
  return { offsets, bytes: bytes.subarray(0, length) };
}

/** Number of bytes written, or -1 at the first character outside ASCII. */
function writeAscii(text: string, bytes: Uint8Array, start: number): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 127) return -1;
    bytes[start + i] = unit;
  }
  return text.length;
}

function grow(bytes: Uint8Array, used: number, needed: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(Math.max(used + needed, Math.ceil(bytes.length * 1.5)));
  grown.set(bytes.subarray(0, used));
  return grown;
}

function totalLength(values: ArrayLike<string | null>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]?.length ?? 0;
  return total;
}

/** The string in a range of bytes; `CORRUPTION` when it is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= DECODE_SHORT_MAX && isAscii(bytes, start, end)) return readAscii(bytes, start, end);
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch (error) {
    throw corruption(`The block is damaged: bytes ${start} to ${end} of a string column are not UTF-8.`, error);
  }
}

/** Whether the bytes in a range are those of a string. Nothing is made of them where both are ASCII. */
export function isUtf8Of(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  // No code unit takes less than a byte.
  if (text.length > end - start) return false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 127) return decodeUtf8(bytes, start, end) === text;
    if (bytes[start + i] !== unit) return false;
  }
  return text.length === end - start;
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! > 127) return false;
  return true;
}

function readAscii(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

/** Bytes that a well-formed string takes. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // A surrogate is one half of four bytes; everything else above 0x7FF takes three.
    if (unit > 0x7f) length += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return length;
}
