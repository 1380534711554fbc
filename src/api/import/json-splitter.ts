/**
 * Cuts JSON text that comes in parts into the elements of its lists, each as text with the way to its list, so that a file of any length
 * can be read with one element in memory. Records by their ids are such, too. Lists may be the whole, or stand in objects, which may stand
 * in objects. What an element is is for `JSON.parse` to say; what is between them is checked here.
 */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";

/** An element of a list. */
export interface JsonElement {
  /** The keys of the objects that lead to the list, joined by dots. */
  path: string;
  text: string;
}

type State = "start" | "key" | "elements" | "end";

/** Keys whose object has records under their ids, as Pinecone's answers have. */
const MAPS = ["vectors", "records"];
/** Objects within objects that are looked into. */
const DEPTH_MAX = 8;

export class JsonSplitter {
  #text = "";
  #at = 0;
  /** Characters that are gone from `#text`. */
  #gone = 0;
  #state: State = "start";
  readonly #path: string[] = [];
  /** Of the value that is being scanned: where the scan is, and how many brackets are open. */
  #scanned = 0;
  #depth = 0;

  /** The elements that this part completes. */
  *push(text: string): Generator<JsonElement, void, undefined> {
    this.#text = this.#text.slice(this.#at) + text;
    this.#gone += this.#at;
    this.#scanned -= this.#at;
    this.#at = 0;
    for (let step = this.#step(); step !== "more"; step = this.#step()) {
      if (step !== null) yield step;
    }
    if (this.#text.length - this.#at > limits.importRowBytesMax) {
      const allowed = limits.importRowBytesMax;
      const message = `A value of the JSON has more than the ${allowed} characters allowed (importRowBytesMax)`;
      throw new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit: "importRowBytesMax", allowed } });
    }
  }

  /** The keys that lead to what comes next, joined by dots. */
  get path(): string {
    return this.#path.join(".");
  }

  /** What the text ends in the midst of: a list, or anything else; `null` where it is whole. */
  get rest(): "list" | "other" | null {
    return this.#state === "end" ? null : this.#state === "elements" ? "list" : "other";
  }

  #step(): JsonElement | null | "more" {
    this.#skip();
    if (this.#at >= this.#text.length) return "more";
    if (this.#state === "elements") return this.#element();
    if (this.#state === "key") return this.#member();
    if (this.#state === "end") throw this.#unexpected("the end");
    return this.#open() ? null : this.#fail("a list or an object");
  }

  #skip(): void {
    const between = this.#state === "elements" || this.#state === "key" ? /[\s,]*/y : /\s*/y;
    between.lastIndex = this.#at;
    between.exec(this.#text);
    this.#at = between.lastIndex;
    this.#scanned = Math.max(this.#scanned, this.#at);
  }

  /** Goes into a list or an object. */
  #open(): boolean {
    const char = this.#text[this.#at];
    if (char !== "[" && char !== "{") return false;
    this.#state = char === "[" ? "elements" : "key";
    this.#at++;
    return true;
  }

  #close(): null {
    this.#at++;
    this.#state = this.#path.pop() === undefined ? "end" : "key";
    return null;
  }

  #element(): JsonElement | null | "more" {
    if (this.#text[this.#at] === "]") return this.#close();
    const text = this.#value();
    return text === null ? "more" : { path: this.path, text };
  }

  #member(): JsonElement | null | "more" {
    if (this.#text[this.#at] === "}") return this.#close();
    const key = /"((?:[^"\\]|\\.)*)"\s*:\s*(?=\S)/sy;
    key.lastIndex = this.#at;
    const found = key.exec(this.#text);
    if (found === null) return this.#text[this.#at] === '"' ? this.#awaitKey() : this.#fail("a key");
    const start = this.#at;
    this.#at = key.lastIndex;
    const isRecord = MAPS.includes(this.path) && this.#text[this.#at] === "{";
    if (!isRecord && this.#path.length < DEPTH_MAX && this.#open()) {
      this.#path.push(found[1]!);
      return null;
    }
    this.#scanned = Math.max(this.#scanned, this.#at);
    const text = this.#value();
    if (text !== null) return isRecord ? { path: this.path, text } : null;
    this.#at = start;
    return "more";
  }

  /** A key may be cut by the end of a part. */
  #awaitKey(): "more" {
    if (/^"(?:[^"\\]|\\.)*"\s*[^\s:]/s.test(this.#text.slice(this.#at))) this.#fail("a colon after the key");
    return "more";
  }

  /** The value that begins here, once it is whole. */
  #value(): string | null {
    const end = this.#endOfValue();
    if (end === null) return null;
    if (end === this.#at) this.#fail("a value");
    const text = this.#text.slice(this.#at, end);
    this.#at = this.#scanned = end;
    this.#depth = 0;
    return text;
  }

  #endOfValue(): number | null {
    const marks = /["{}[\],\s]/g;
    for (marks.lastIndex = this.#scanned; ; marks.lastIndex = this.#scanned) {
      if (this.#depth > 0) this.#skipPlain(marks);
      const mark = marks.exec(this.#text);
      if (mark === null) return null;
      const next = this.#pass(mark[0], mark.index);
      if (next === "cut") return null;
      if (next === "end") return mark.index;
      this.#scanned = next;
      if (this.#depth === 0 && (mark[0] === '"' || mark[0] === "}" || mark[0] === "]")) return next;
    }
  }

  /** Within brackets only brackets and strings matter. */
  #skipPlain(marks: RegExp): void {
    const inside = /["{}[\]]/g;
    inside.lastIndex = this.#scanned;
    marks.lastIndex = inside.exec(this.#text)?.index ?? this.#text.length;
  }

  /** Where the scan goes on after this mark. */
  #pass(mark: string, at: number): number | "cut" | "end" {
    if (mark === '"') return this.#endOfString(at) ?? "cut";
    if (mark === "{" || mark === "[") {
      this.#depth++;
      return at + 1;
    }
    if (this.#depth === 0) return "end";
    if (mark === "}" || mark === "]") this.#depth--;
    return at + 1;
  }

  #endOfString(at: number): number | null {
    for (let end = this.#text.indexOf('"', at + 1); end >= 0; end = this.#text.indexOf('"', end + 1)) {
      let before = end;
      while (this.#text[before - 1] === "\\") before--;
      if ((end - before) % 2 === 0) return end + 1;
    }
    return null;
  }

  #fail(expected: string): never {
    throw this.#unexpected(expected);
  }

  #unexpected(expected: string): TidepoolError {
    const found = show(this.#text.slice(this.#at, this.#at + 20));
    return invalidArgument(`The source is not JSON: ${expected} was expected at character ${this.#gone + this.#at + 1}, got ${found}`);
  }
}
