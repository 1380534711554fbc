/**
 * JSON read piece by piece, so that others have their turns while a long text becomes a value. Pieces are runs of members, each of
 * which `JSON.parse` reads; what stands between them is checked here. The result is what `JSON.parse` gives for the whole, and so is
 * the error.
 */
import { TidepoolError } from "../errors.js";
import type { Steps } from "./steps.js";

/** Characters that are read in one step: a millisecond or two where objects have hundreds of keys. */
const PIECE_UNITS = 16_384;
/** A text of so many pieces is read whole, in a fifth of the time: a log record of a thousand short documents is one. */
const WHOLE_PIECES = 8;
/** A long text is read in parts of so many pieces: nothing is looked for in them but their end. */
const TEXT_PIECES = 16;
/** Levels that are read piece by piece: what lies deeper is read whole. */
const DEPTH_MAX = 6;

/** Throws a `SyntaxError` when the text is not JSON. */
export function* parseInSteps(text: string, pieceUnits = PIECE_UNITS): Steps<unknown> {
  if (text.length <= WHOLE_PIECES * pieceUnits) return JSON.parse(text);
  const value = yield* new PieceReader(text, pieceUnits).whole();
  if (value !== FAULT) return value;
  JSON.parse(text);
  throw new TidepoolError("INTERNAL", "JSON was refused that is well-formed");
}

/** Stands for a text that is not JSON: what is wrong with it is for `JSON.parse` to say. */
const FAULT = Symbol("not JSON");

class PieceReader {
  readonly #text: string;
  readonly #pieceUnits: number;
  #at = 0;

  constructor(text: string, pieceUnits: number) {
    this.#text = text;
    this.#pieceUnits = pieceUnits;
  }

  *whole(): Steps<unknown> {
    try {
      const value = yield* this.#value(0);
      this.#skipSpace();
      return this.#at === this.#text.length ? value : FAULT;
    } catch (error) {
      if (error instanceof SyntaxError) return FAULT;
      throw error;
    }
  }

  *#value(depth: number): Steps<unknown> {
    this.#skipSpace();
    const first = this.#text[this.#at];
    if (depth < DEPTH_MAX && first === "[") return yield* this.#list(depth);
    if (depth < DEPTH_MAX && first === "{") return yield* this.#object(depth);
    if (first === '"') return yield* this.#longText();
    const from = this.#at;
    this.#at = endOfValue(this.#text, from);
    return JSON.parse(this.#text.slice(from, this.#at));
  }

  *#longText(): Steps<string> {
    let value = "";
    for (let from = this.#at + 1; ; ) {
      const part = this.#text.slice(from, from + TEXT_PIECES * this.#pieceUnits);
      const quote = closingQuote(part);
      const end = quote ?? endOfWhole(part);
      value += JSON.parse(`"${part.slice(0, end)}"`);
      if (quote === null && from + part.length >= this.#text.length) throw new SyntaxError("a text does not end");
      from += end;
      yield;
      if (quote === null) continue;
      this.#at = from + 1;
      return value;
    }
  }

  *#list(depth: number): Steps<unknown[]> {
    const list: unknown[] = [];
    const append = (run: string): void => {
      for (const item of JSON.parse(`[${run}]`) as unknown[]) list.push(item);
    };
    const appendLong = function* (this: PieceReader): Steps<void> {
      list.push(yield* this.#value(depth + 1));
    };
    yield* this.#members("]", append, appendLong.bind(this));
    return list;
  }

  *#object(depth: number): Steps<object> {
    const object = {};
    const define = (key: string, value: unknown): void => {
      // A key may be `__proto__`.
      Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
    };
    const append = (run: string): void => {
      for (const [key, value] of Object.entries(JSON.parse(`{${run}}`) as object)) define(key, value);
    };
    const appendLong = function* (this: PieceReader): Steps<void> {
      define(this.#key(), yield* this.#value(depth + 1));
    };
    yield* this.#members("}", append, appendLong.bind(this));
    return object;
  }

  /** Reads the container that begins here: runs of short members, and each long one by itself. */
  *#members(close: string, append: (run: string) => void, appendLong: () => Steps<void>): Steps<void> {
    this.#at++;
    this.#skipSpace();
    if (this.#text[this.#at] === close) return void this.#at++;
    for (;;) {
      const from = this.#at;
      const end = this.#endOfRun();
      if (end === null) yield* appendLong();
      else {
        const members = this.#text.slice(from, end);
        if (members.trim() === "") throw new SyntaxError("a member is missing");
        append(members);
        this.#at = end;
      }
      yield;
      this.#skipSpace();
      const mark = this.#text[this.#at++];
      if (mark === close) return;
      if (mark !== ",") throw new SyntaxError("a comma is missing");
    }
  }

  /** Where as many members as a piece has room for end: at a comma, or at a bracket; `null` where not even one does. */
  #endOfRun(): number | null {
    const limit = this.#at + this.#pieceUnits;
    let cut: number | null = null;
    for (let at = this.#at; ; ) {
      at = endOfValue(this.#text, at, limit);
      if (at > limit) return cut;
      if (this.#text[at] !== ",") return at;
      cut = at++;
    }
  }

  #key(): string {
    this.#skipSpace();
    const from = this.#at;
    if (this.#text[from] !== '"') throw new SyntaxError("a key is missing");
    this.#at = endOfString(this.#text, from);
    const key = JSON.parse(this.#text.slice(from, this.#at)) as string;
    this.#skipSpace();
    if (this.#text[this.#at++] !== ":") throw new SyntaxError("a colon is missing");
    return key;
  }

  #skipSpace(): void {
    SPACE.lastIndex = this.#at;
    SPACE.exec(this.#text);
    this.#at = SPACE.lastIndex;
  }
}

const SPACE = /[ \t\n\r]*/y;
const [QUOTE, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = Array.from('",[]{}', (mark) => mark.charCodeAt(0));

/**
 * Where what begins here ends: at the comma or bracket behind it, which belongs to what is around it. Infinitely far away where it is not
 * over by `limit`. Unit by unit this takes a fourth of the time of a regular expression, and less than reading what it passes over.
 */
function endOfValue(text: string, from: number, limit = text.length): number {
  let depth = 0;
  for (let at = from; at <= limit; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(text, at) - 1;
    else if (unit === OPEN_LIST || unit === OPEN_OBJECT) depth++;
    else if (unit !== COMMA && unit !== CLOSE_LIST && unit !== CLOSE_OBJECT) continue;
    else if (depth === 0) return at;
    else if (unit !== COMMA) depth--;
  }
  return limit < text.length ? Number.POSITIVE_INFINITY : text.length;
}

/** Behind the closing quote. */
function endOfString(text: string, from: number): number {
  const quote = closingQuote(text, from + 1);
  if (quote === null) throw new SyntaxError("a text does not end");
  return quote + 1;
}

/** Where the quote stands that ends a text, which goes on at `from`. */
function closingQuote(text: string, from = 0): number | null {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) if (!isEscaped(text, at)) return at;
  return null;
}

function isEscaped(text: string, at: number): boolean {
  let before = at;
  while (text[before - 1] === "\\") before--;
  return (at - before) % 2 === 1;
}

/** Characters of the longest escape. */
const ESCAPE_UNITS = 6;

/** Where a part of a text can be cut off that goes on behind it: not within an escape. */
function endOfWhole(part: string): number {
  const last = part.lastIndexOf("\\");
  return last > part.length - ESCAPE_UNITS && last >= 0 && !isEscaped(part, last) ? last : part.length;
}
