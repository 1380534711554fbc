/** Bytes as text: what a byte order mark says is taken, else they are UTF-8. Bytes that are no text are told, never replaced. */
import { invalidArgument } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import { joinBytes } from "./byte-reader.js";

type Pieces = AsyncIterable<Uint8Array>;

/** The encoding that a byte order mark at the beginning tells. */
export function markedEncoding([a, b]: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  return a === 0xff && b === 0xfe ? "utf-16le" : a === 0xfe && b === 0xff ? "utf-16be" : "utf-8";
}

/** Text of any length, without its byte order mark. */
export async function* textOf(pieces: Pieces, encoding: string): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  let bytes = 0;
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
