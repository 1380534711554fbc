/**
 * The bytes of a stored text index: pieces of at most 1 MiB, written and read one after the other, so that neither side
 * ever holds the whole. Integers are little-endian base 128; documents are numbered by their position in the snapshot,
 * which makes the deltas of a posting list small.
 *
 *     snapshot  := header documents* terms*           each a piece of its own
 *     header    := 0x01 layout:varint signature:string count:varint
 *     documents := 0x02 { ordinal:varint length:varint }*          ordinal: the difference to the document before
 *     terms     := 0x03 { term:string n:varint { position:varint frequency:varint }^n }*
 *                                                     position: the difference to the one before, the first as it is
 *     string    := n:varint { code unit:varint }^n    UTF-16: most terms take one byte a letter
 *
 * A long posting list is several entries of one term. Whoever changes the grammar raises `LAYOUT` in `text-index.ts`.
 */
import { TidepoolError } from "../../errors.js";

export const HEADER = 1;
export const DOCUMENTS = 2;
export const TERMS = 3;

export const pieceBytesMax = 1 << 20;
/** Most postings of one entry: it takes at most ten bytes a posting, and must fit what is left of a piece. */
export const entryPostingsMax = 4096;
const ENTRY_BYTES_MAX = 64 * 1024;

/** Fills pieces. The caller asks `isFull` before each entry and takes the piece when it is. */
export class PieceWriter {
  readonly #bytes = new Uint8Array(pieceBytesMax);
  #length = 0;

  get isFull(): boolean {
    return this.#length > pieceBytesMax - ENTRY_BYTES_MAX;
  }

  /** Whether the piece holds more than its kind. */
  get isEmpty(): boolean {
    return this.#length <= 1;
  }

  begin(kind: number): void {
    this.#bytes[0] = kind;
    this.#length = 1;
  }

  varint(value: number): void {
    while (value >= 0x80) {
      this.#bytes[this.#length++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.#bytes[this.#length++] = value;
  }

  string(text: string): void {
    this.varint(text.length);
    for (let i = 0; i < text.length; i++) this.varint(text.charCodeAt(i));
  }

  /** The finished piece, as a copy; the next one begins with the same kind. */
  take(): Uint8Array {
    const piece = this.#bytes.slice(0, this.#length);
    this.#length = 1;
    return piece;
  }
}

export class PieceReader {
  readonly kind: number;
  readonly #bytes: Uint8Array;
  #at = 1;

  constructor(piece: Uint8Array) {
    if (piece.length === 0) throw damagedPiece("is empty");
    this.kind = piece[0]!;
    this.#bytes = piece;
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw damagedPiece("ends within a number");
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw damagedPiece("holds a number that does not end");
  }

  string(): string {
    const length = this.varint();
    if (length > this.#bytes.length - this.#at) throw damagedPiece("ends within a string");
    let text = "";
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.varint());
    return text;
  }
}

export function damagedPiece(what: string): TidepoolError {
  return new TidepoolError("CORRUPTION", `A piece of the text index ${what}`);
}
