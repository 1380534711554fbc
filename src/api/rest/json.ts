/**
 * Request bodies as JSON. `JSON.parse` reads them, piece by piece; only when something is wrong with a body is its text walked once more,
 * to say where, counted as Chroma's server counts: the column of the last character that was read.
 */
import { parseInSteps } from "../../core/base/json-steps.js";
import type { Steps } from "../../core/base/steps.js";
import { limits } from "../../core/limits.js";
import { badRequest } from "./rest-error.js";

export type Path = readonly (string | number)[];

/** Where a value lies in a text: the end of its key (for members of objects) and its own end, exclusive. */
interface Place {
  keyEnd: number;
  end: number;
}

/** Reads a body. A key that stands twice in an object counts with its last value. */
export function* parseJson(bytes: Uint8Array): Steps<{ text: string; value: unknown }> {
  const text = decode(bytes);
  let value: unknown;
  try {
    value = yield* parseInSteps(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw syntaxError(text);
  }
  if (yield* nestsDeeper(value, limits.bodyDepthMax)) throw syntaxError(text);
  return { text, value };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw badRequest("Failed to parse the request body as JSON: invalid unicode code point");
  }
}

/** A step for each list and object; of those with numbers and texts only, a look at each. */
function* nestsDeeper(value: unknown, depth: number): Steps<boolean> {
  if (!isContainer(value)) return false;
  if (depth === 0) return true;
  for (const member of Object.values(value)) if (isContainer(member) && (yield* nestsDeeper(member, depth - 1))) return true;
  yield;
  return false;
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function syntaxError(text: string): Error {
  const walk = new Walk(text, null);
  const fault = walk.run() ?? { message: "invalid JSON", at: text.length };
  return badRequest(`Failed to parse the request body as JSON: ${fault.message}${position(text, fault.at)}`);
}

/** Where the value at `path` lies in a well-formed text. */
export function locate(text: string, path: Path): Place {
  const walk = new Walk(text, path);
  walk.run();
  return walk.found ?? { keyEnd: text.length, end: text.length };
}

/** ` at line 1 column 7` for seven characters read. */
export function position(text: string, read: number): string {
  const before = text.slice(0, read);
  const lineStart = before.lastIndexOf("\n") + 1;
  return ` at line ${before.split("\n").length} column ${read - lineStart}`;
}

interface Fault {
  message: string;
  at: number;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;

/** One walk over a text, to its first fault or its end, noting where a wanted value lies. Never deeper than the limit. */
class Walk {
  readonly #text: string;
  readonly #wanted: Path | null;
  #at = 0;
  found: Place | null = null;

  constructor(text: string, wanted: Path | null) {
    this.#text = text;
    this.#wanted = wanted;
  }

  run(): Fault | null {
    try {
      this.#value(limits.bodyDepthMax, this.#wanted, 0);
      this.#skip(SPACE);
      if (this.#at < this.#text.length) throw this.#unexpected("trailing characters");
      return null;
    } catch (thrown) {
      if (thrown instanceof Error) throw thrown;
      return thrown as Fault;
    }
  }

  /** `wanted` is the rest of the path from here; `null` off the path. */
  #value(depth: number, wanted: Path | null, keyEnd: number): void {
    this.#skip(SPACE);
    const start = this.#text[this.#at];
    if ((start === "{" || start === "[") && depth === 0) throw this.#unexpected("recursion limit exceeded");
    if (start === "{") this.#object(depth - 1, wanted);
    else if (start === "[") this.#array(depth - 1, wanted);
    else this.#scalar(start);
    if (wanted?.length === 0) this.found = { keyEnd, end: this.#at };
  }

  #scalar(start: string | undefined): void {
    if (start === undefined) throw this.#end("a value");
    if (start === '"') return this.#string();
    if (this.#skip(NUMBER)) return;
    const word = ["true", "false", "null"].find((word) => this.#text.startsWith(word, this.#at));
    if (word === undefined) throw this.#unexpected("expected value");
    this.#at += word.length;
  }

  /** Character by character: a pattern would need memory for each of them, and a document may have millions. */
  #string(): void {
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) return void this.#at++;
      if (code === 0x5c) this.#escape();
      else if (code < 0x20) throw this.#unexpected("control character (\\u0000-\\u001F) found while parsing a string");
    }
    throw this.#end("a string");
  }

  /** Leaves the position on the escape's last character. */
  #escape(): void {
    const found = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(this.#text.slice(this.#at, this.#at + 6));
    if (found === null)
      throw /^\\(u[0-9a-fA-F]{0,3})?$/.test(this.#text.slice(this.#at, this.#at + 7))
        ? this.#end("a string")
        : this.#unexpected("invalid escape", 2);
    this.#at += found[0].length - 1;
  }

  #object(depth: number, wanted: Path | null): void {
    this.#members("}", "an object", () => {
      if (this.#text[this.#at] !== '"') throw this.#unexpected("key must be a string");
      const start = this.#at;
      this.#string();
      const keyEnd = this.#at;
      const key = JSON.parse(this.#text.slice(start, keyEnd)) as string;
      this.#skip(SPACE);
      if (this.#text[this.#at] !== ":") throw this.#at >= this.#text.length ? this.#end("an object") : this.#unexpected("expected `:`");
      this.#at++;
      this.#value(depth, wanted !== null && wanted[0] === key ? wanted.slice(1) : null, keyEnd);
    });
  }

  #array(depth: number, wanted: Path | null): void {
    let index = 0;
    this.#members("]", "a list", () => this.#value(depth, wanted !== null && wanted[0] === index++ ? wanted.slice(1) : null, this.#at));
  }

  #members(close: string, what: string, member: () => void): void {
    this.#at++;
    for (let first = true; ; first = false) {
      this.#skip(SPACE);
      if (this.#at >= this.#text.length) throw this.#end(what);
      if (this.#text[this.#at] === close && first) break;
      if (!first) {
        if (this.#text[this.#at] === close) break;
        if (this.#text[this.#at] !== ",") throw this.#unexpected(`expected \`,\` or \`${close}\``);
        this.#at++;
        this.#skip(SPACE);
        if (this.#text[this.#at] === close) throw this.#unexpected("trailing comma");
      }
      member();
    }
    this.#at++;
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #end(what: string): Fault {
    return { message: `EOF while parsing ${what}`, at: this.#text.length };
  }

  #unexpected(message: string, read = 1): Fault {
    return { message, at: this.#at + read };
  }
}
