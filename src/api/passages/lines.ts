/**
 * The lines of a text that hold something, one after the other. Lines end at LF, CR LF, CR, and the separators of Unicode. Blank
 * lines are passed over in one step, however many there are.
 */

import { withWhite } from "./graphemes.js";

/** A line, by offsets into the text. */
export interface Line {
  /** Where it begins, its indentation included. */
  start: number;
  /** Its first character that is not white space. */
  first: number;
  /** After its last character that is not white space. */
  end: number;
  /** Whether blank lines stand before it. */
  afterBlank: boolean;
  /** Columns before `first`, a tab going to the next multiple of four. */
  indent: number;
}

const VISIBLE = /\S/g;
const LINE_END = /\r\n?|[\n\u2028\u2029]/g;

export function* linesOf(text: string): Generator<Line, void, undefined> {
  let at = 0;
  for (;;) {
    const found = searchFrom(VISIBLE, text, at);
    if (found < 0) return;
    const start = lastLineStart(text, at, found);
    const first = withWhite(text, start, found);
    LINE_END.lastIndex = first;
    const ending = LINE_END.exec(text);
    const end = trimmedEnd(text, first, ending?.index ?? text.length);
    yield { start, first, end, afterBlank: start > at, indent: indentOf(text, start, first) };
    if (ending === null) return;
    at = ending.index + ending[0].length;
  }
}

function searchFrom(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.exec(text)?.index ?? -1;
}

/** Start of the line that holds `first`, where only white space lies from `at` to there. */
function lastLineStart(text: string, at: number, first: number): number {
  for (let i = first; i > at; i--) {
    if (isLineEnd(text.charCodeAt(i - 1))) return i;
  }
  return at;
}

export function isLineEnd(unit: number): boolean {
  return unit === 0x0a || unit === 0x0d || unit === 0x2028 || unit === 0x2029;
}

/** Where the text before `end` ends, if white space at its end is left out; not before `start`. */
export function trimmedEnd(text: string, start: number, end: number): number {
  let at = end;
  while (at > start && isWhite(text.charCodeAt(at - 1))) at--;
  return at;
}

/** Where the text from `start` begins, if white space at its beginning is left out; not after `end`. */
export function trimmedStart(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && isWhite(text.charCodeAt(at))) at++;
  return at === end ? end : withWhite(text, start, at);
}

/** What `\s` stands for. */
function isWhite(unit: number): boolean {
  if (unit <= 0x20) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
  if (unit < 0x1680) return unit === 0xa0;
  if (unit >= 0x2000 && unit <= 0x200a) return true;
  return [0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff].includes(unit);
}

function indentOf(text: string, start: number, first: number): number {
  let columns = 0;
  for (let i = start; i < first; i++) columns += text.charCodeAt(i) === 0x09 ? 4 - (columns % 4) : 1;
  return columns;
}
