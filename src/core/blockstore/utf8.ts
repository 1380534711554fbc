/**
 * Strings to UTF-8 and back, many short ones at a time. The platform's encoder and decoder cost about as much per call as
 * a few dozen characters take to copy, so short ASCII strings, which ids and keys mostly are, are copied here.
 */
import { corruption } from "./arrow-message.js";

// Core compiles without the DOM's library; these two exist in every environment that the package runs in.
declare const TextEncoder: new () => { encodeInto(source: string, target: Uint8Array): { read: number; written: number } };
declare const TextDecoder: new (label: string, options: { fatal: boolean; ignoreBOM: boolean }) => { decode(bytes: Uint8Array): string };

const SHORT = 24;
const encoder = new TextEncoder();
// A byte order mark is a character like any other here: a document that begins with one keeps it.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Appends strings to one growing buffer. */
export class Utf8Writer {
  length = 0;
  #buffer: Uint8Array;

  /** `lengthExpected` is the number of UTF-16 units to come: exact when all is ASCII. */
  constructor(lengthExpected: number) {
    this.#buffer = new Uint8Array(lengthExpected);
  }

  write(text: string): void {
    if (text.length <= SHORT && this.#writeAscii(text)) return;
    for (;;) {
      const { read, written } = encoder.encodeInto(text, this.#buffer.subarray(this.length));
      if (read === text.length) {
        this.length += written;
        return;
      }
      this.#grow(this.length + text.length * 3);
    }
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }

  /** False, with nothing written, when there is a character outside ASCII or too little room. */
  #writeAscii(text: string): boolean {
    const buffer = this.#buffer;
    const start = this.length;
    if (start + text.length > buffer.length) return false;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 127) return false;
      buffer[start + i] = unit;
    }
    this.length = start + text.length;
    return true;
  }

  #grow(lengthMin: number): void {
    const grown = new Uint8Array(Math.max(lengthMin, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.length));
    this.#buffer = grown;
  }
}

/** The string in a range of bytes; `CORRUPTION` when it is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT && isAscii(bytes, start, end)) return String.fromCharCode(...bytes.subarray(start, end));
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch (error) {
    throw corruption(`The block is damaged: bytes ${start} to ${end} of a string column are not UTF-8.`, error);
  }
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! > 127) return false;
  return true;
}
