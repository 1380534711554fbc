/** Bytes as text: what a byte order mark says is taken, else they are UTF-8. Bytes that are no text are told, never replaced. */
import { invalidArgument } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import { type ByteReader, joinBytes } from "./byte-reader.js";
import type { Warn } from "./source-row.js";

type Pieces = AsyncIterable<Uint8Array>;

/** The encoding that a byte order mark at the beginning tells. */
export function markedEncoding([a, b]: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  return a === 0xff && b === 0xfe ? "utf-16le" : a === 0xfe && b === 0xff ? "utf-16be" : "utf-8";
}

/** UTF-16, as a byte order mark tells, or zeros in every other byte, as Latin letters have them; `null` where it is something else. */
export function wideEncoding(head: Uint8Array): "utf-16le" | "utf-16be" | null {
  const marked = markedEncoding(head);
  if (marked !== "utf-8") return marked;
  const zeros = [0, 0];
  head.forEach((byte, i) => void (byte === 0 && zeros[i % 2]!++));
  const [even, odd] = zeros as [number, number];
  return Math.max(even, odd) <= head.length / 4 ? null : even > odd ? "utf-16be" : "utf-16le";
}

/** Text that may be UTF-16 or Latin-1, which the first bytes tell that are not ASCII; it is UTF-8 where it can be. */
export async function* guessedTextOf(reader: ByteReader, warn: Warn): AsyncGenerator<string, void, undefined> {
  const wide = wideEncoding(await reader.head());
  const pieces = reader.pieces();
  if (wide !== null) return yield* textOf(pieces, wide);
  const ascii = new TextDecoder("utf-8");
  let bytes = 0;
  for await (const piece of pieces) {
    if (!isAscii(piece)) return yield* textOf(startingWith(piece, pieces), isUtf8(piece) ? "utf-8" : latin(bytes, warn), bytes);
    yield ascii.decode(piece);
    bytes += piece.length;
  }
}

function isAscii(bytes: Uint8Array): boolean {
  return !bytes.some((byte) => byte > 127);
}

/** A character may be cut at the end. */
function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Encodings of one byte a character, which browsers take for one: the one that is Latin-1 with more characters. */
function latin(bytes: number, warn: Warn): string {
  warn(`The source is not UTF-8, as bytes after the first ${bytes} tell: it was read as Latin-1 (windows-1252).`);
  return "windows-1252";
}

async function* startingWith(first: Uint8Array, rest: Pieces): AsyncGenerator<Uint8Array, void, undefined> {
  yield first;
  yield* rest;
}

/** Text of any length, without its byte order mark. `bytes` are those of the source before it. */
export async function* textOf(pieces: Pieces, encoding: string, bytes = 0): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    for await (const piece of pieces) {
      yield decoder.decode(piece, { stream: true });
      bytes += piece.length;
    }
    yield decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw invalidArgument(`The source is not text in ${encoding}: bytes after the first ${bytes} cannot be read as such`);
  }
}

/** A line, counted from 1; its text is `null` where it is not UTF-8, and "" beyond `limits.importRowBytesMax`, which `isLong` tells. */
export interface Line {
  line: number;
  text: string | null;
  isLong: boolean;
}

/** The lines of UTF-8 text: one that is broken leaves the others as they are. */
export async function* linesOf(pieces: Pieces): AsyncGenerator<Line, void, undefined> {
  const lines = new Lines();
  for await (const piece of pieces) {
    let start = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, start)) {
      lines.take(piece.subarray(start, end));
      yield lines.end();
      start = end + 1;
    }
    lines.take(piece.subarray(start));
  }
  if (!lines.isEmpty) yield lines.end();
}

class Lines {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #parts: Uint8Array[] = [];
  #length = 0;
  #line = 0;

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  take(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length <= limits.importRowBytesMax) this.#parts.push(part);
    else this.#parts = [];
  }

  end(): Line {
    const isLong = this.#length > limits.importRowBytesMax;
    const text = isLong ? "" : this.#decode(joinBytes(this.#parts));
    this.#parts = [];
    this.#length = 0;
    return { line: ++this.#line, text, isLong };
  }

  #decode(bytes: Uint8Array): string | null {
    try {
      return this.#decoder.decode(bytes);
    } catch {
      return null;
    }
  }
}

/** Bytes of text that may be UTF-16, as UTF-8. */
export async function* utf8Of(pieces: Pieces, encoding: string): AsyncGenerator<Uint8Array, void, undefined> {
  if (encoding === "utf-8") return yield* pieces;
  const encoder = new TextEncoder();
  for await (const text of textOf(pieces, encoding)) yield encoder.encode(text);
}
