/** Bytes of the text index: integers in little-endian base 128, and strings by code unit, since most terms take one byte a letter. */
import { TidepoolError } from "../errors.js";

const INTEGER_BYTES_MAX = 5;

/** Room that grows with what is written. */
export class ByteWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Makes room for so many integers. */
  reserve(integers: number): void {
    const needed = this.#length + integers * INTEGER_BYTES_MAX;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  /** Below 2^32; there must be room. */
  varint(value: number): void {
    while (value >= 0x80) {
      this.#bytes[this.#length++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.#bytes[this.#length++] = value;
  }

  string(text: string): void {
    this.reserve(text.length + 1);
    this.varint(text.length);
    for (let i = 0; i < text.length; i++) this.varint(text.charCodeAt(i));
  }

  bytes(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** What is written, as a view that holds until more is; the next begins at its start. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw damagedText("end within a number");
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw damagedText("hold a number that does not end");
  }

  string(): string {
    const length = this.varint();
    if (length > this.#bytes.length - this.at) throw damagedText("end within a string");
    let text = "";
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.varint());
    return text;
  }
}

export function damagedText(what: string): TidepoolError {
  return new TidepoolError("CORRUPTION", `The bytes of a text index ${what}`);
}
