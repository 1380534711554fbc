/**
 * Terms within an edit distance of a word: those of a radix tree, as MiniSearch finds them, in steps, since a large distance leads
 * through most of it; or those of a list by code unit. One row of the Levenshtein matrix is filled for each character on the way down,
 * over what an earlier branch has left there, and once for neighbouring terms of a list that begin with the same.
 */
import { lowerBound } from "../../base/lower-bound.js";
import type { Steps } from "../../base/steps.js";
import type { Utf8Rows } from "../../base/utf8-rows.js";

/** Edges are strings; under the empty one stands the value of the term that ends there. */
export type TermTree<V> = Map<string, V | TermTree<V>>;

/** Characters looked at between two yields. */
const CHARACTERS_PER_STEP = 4096;

/** Tells `visit` of every term within `distanceMax` edits of the word, 1 or more. */
export function* nearTerms<V>(
  tree: TermTree<V>,
  word: string,
  distanceMax: number,
  visit: (term: string, value: V, distance: number) => void,
): Steps<void> {
  const rows = new Rows(word, distanceMax);
  const open: { node: TermTree<V>; prefix: string; known: number }[] = [{ node: tree, prefix: "", known: 0 }];
  let looked = 0;
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { node, prefix, known } = at;
    looked += prefix.length - known + 1;
    if (rows.fill(prefix, known)) {
      for (const [edge, below] of node) {
        if (edge !== "") open.push({ node: below as TermTree<V>, prefix: prefix + edge, known: prefix.length });
        else if (rows.distance(prefix.length) <= distanceMax && prefix !== word) visit(prefix, below as V, rows.distance(prefix.length));
      }
    }
    if (looked < CHARACTERS_PER_STEP) continue;
    looked = 0;
    yield;
  }
}

/** Looks through lists of terms in UTF-8, which ascend by code unit. */
export class NearWalk {
  readonly #max: number;
  readonly #rows: Rows;
  /** Code units that the rows are of, so many of them. */
  readonly #units: Uint16Array;
  #filled = 0;

  constructor(word: string, distanceMax: number) {
    this.#max = distanceMax;
    this.#rows = new Rows(word, distanceMax);
    this.#units = new Uint16Array(word.length + distanceMax);
  }

  /** Tells `visit` of every term within `distanceMax` edits of the word, 1 or more. Terms that begin with what is far are passed over. */
  eachNear(terms: Utf8Rows, visit: (row: number, distance: number) => void): void {
    this.#filled = 0;
    for (let row = 0; row < terms.rows; ) {
      const far = this.#farPrefix(terms.bytes, terms.start(row), terms.end(row));
      if (far > 0) row = firstWithout(terms, row, far);
      else {
        const distance = this.#rows.distance(this.#filled);
        if (distance > 0 && distance <= this.#max) visit(row, distance);
        row++;
      }
    }
  }

  /** Fills the rows of a term; of how many bytes no term is near that begins with them, 0 where it may be near itself. */
  #farPrefix(bytes: Uint8Array, start: number, end: number): number {
    const [units, rows, reader] = [this.#units, this.#rows, new UnitReader(bytes, start, end)];
    let known = this.#filled;
    let length = 0;
    for (; !reader.isAtEnd; length++) {
      const unit = reader.next();
      if (length === units.length) return reader.at - start;
      if (length < known && units[length] === unit) continue;
      known = 0;
      units[length] = unit;
      this.#filled = length + 1;
      if (rows.fillRow(length + 1, unit) > this.#max) return reader.at - start;
    }
    this.#filled = length;
    return 0;
  }
}

/** The first row behind this one that does not begin with the same so many bytes. */
function firstWithout(terms: Utf8Rows, row: number, length: number): number {
  const { bytes } = terms;
  const first = terms.start(row);
  const begins = (other: number): boolean => {
    const start = terms.start(other);
    if (terms.end(other) - start < length) return false;
    for (let i = length - 1; i >= 0; i--) if (bytes[start + i] !== bytes[first + i]) return false;
    return true;
  };
  let [last, step] = [row, 1];
  for (; last + step < terms.rows && begins(last + step); step *= 2) last += step;
  return lowerBound(last + 1, Math.min(terms.rows, last + step), begins);
}

/** Reads UTF-8 by UTF-16 code unit. */
class UnitReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  at: number;
  /** The second half of a pair whose first has been read; 0 for none. */
  #low = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#end = end;
    this.at = start;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#end && this.#low === 0;
  }

  next(): number {
    if (this.#low === 0) {
      const byte = this.#bytes[this.at++]!;
      return byte < 0x80 ? byte : this.#longer(byte);
    }
    const low = this.#low;
    this.#low = 0;
    return low;
  }

  #longer(first: number): number {
    if (first < 0xe0) return ((first & 0x1f) << 6) | this.#six();
    if (first < 0xf0) return ((first & 0x0f) << 12) | (this.#six() << 6) | this.#six();
    const beyond = (((first & 0x07) << 18) | (this.#six() << 12) | (this.#six() << 6) | this.#six()) - 0x10000;
    this.#low = 0xdc00 | (beyond & 0x3ff);
    return 0xd800 | (beyond >> 10);
  }

  #six(): number {
    return this.#bytes[this.at++]! & 0x3f;
  }
}

/** The matrix: a row for each character of a prefix, a column for each of the word. Only distances up to the largest are exact. */
class Rows {
  readonly #word: Uint16Array;
  readonly #max: number;
  readonly #width: number;
  readonly #cells: Uint8Array;

  constructor(word: string, max: number) {
    this.#word = Uint16Array.from({ length: word.length }, (_, i) => word.charCodeAt(i));
    this.#max = max;
    this.#width = word.length + 1;
    const height = this.#width + max;
    this.#cells = new Uint8Array(this.#width * height).fill(max + 1);
    for (let j = 0; j < this.#width; j++) this.#cells[j] = j;
    for (let i = 1; i < height; i++) this.#cells[i * this.#width] = i;
  }

  /** How far a term of so many characters is whose rows are filled. */
  distance(length: number): number {
    return this.#cells[(length + 1) * this.#width - 1]!;
  }

  /** Fills the rows of the prefix from character `known` on; `false` where no term that begins with it can be near. */
  fill(prefix: string, known: number): boolean {
    if (prefix.length > this.#word.length + this.#max) return false;
    for (let i = known; i < prefix.length; i++) if (this.fillRow(i + 1, prefix.charCodeAt(i)) > this.#max) return false;
    return true;
  }

  /** Returns the least distance in the row: it never falls further down. */
  fillRow(i: number, unit: number): number {
    const [cells, word] = [this.#cells, this.#word];
    const row = i * this.#width;
    const above = row - this.#width;
    let least = cells[row]!;
    const end = Math.min(this.#width - 1, i + this.#max);
    for (let j = Math.max(0, i - this.#max - 1); j < end; j++) {
      const replaced = cells[above + j]! + (unit === word[j] ? 0 : 1);
      const distance = Math.min(replaced, cells[above + j + 1]! + 1, cells[row + j]! + 1);
      cells[row + j + 1] = distance;
      if (distance < least) least = distance;
    }
    return least;
  }
}
