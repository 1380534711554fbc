/**
 * Terms within an edit distance of a word: those of a radix tree, as MiniSearch finds them, in steps, since a large distance leads
 * through most of it; or those of a list by code unit. One row of the Levenshtein matrix is filled for each character on the way down,
 * over what an earlier branch has left there, and once for all terms of a list that begin with the same.
 */
import type { Steps } from "../../base/steps.js";

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
        else if (rows.distance(prefix) <= distanceMax && prefix !== word) visit(prefix, below as V, rows.distance(prefix));
      }
    }
    if (looked < CHARACTERS_PER_STEP) continue;
    looked = 0;
    yield;
  }
}

/** Looks at terms one after the other, which ascend by code unit. */
export class NearWalk {
  readonly #word: string;
  readonly #max: number;
  readonly #rows: Rows;
  /** The term whose characters the rows are of, so many of them. */
  #term = "";
  #filled = 0;
  /** Whether no term is near that begins with all of these. */
  #isFar = false;

  constructor(word: string, distanceMax: number) {
    this.#word = word;
    this.#max = distanceMax;
    this.#rows = new Rows(word, distanceMax);
  }

  /** How many edits away the next term is; `null` where that is too many, or it is the word itself. */
  distance(term: string): number | null {
    const shared = sharedLength(this.#term, term, this.#filled);
    if (this.#isFar && shared === this.#filled) return null;
    const end = Math.min(term.length, this.#word.length + this.#max);
    const far = this.#rows.firstFar(term, shared, end);
    this.#term = term;
    this.#filled = far ?? end;
    this.#isFar = far !== null;
    if (this.#isFar || end < term.length || term === this.#word) return null;
    const distance = this.#rows.distance(term);
    return distance <= this.#max ? distance : null;
  }
}

/** How many characters both begin with, at most so many. */
function sharedLength(a: string, b: string, max: number): number {
  let shared = 0;
  while (shared < max && shared < b.length && a.charCodeAt(shared) === b.charCodeAt(shared)) shared++;
  return shared;
}

/** The matrix: a row for each character of a prefix, a column for each of the word. Only distances up to the largest are exact. */
class Rows {
  readonly #word: string;
  readonly #max: number;
  readonly #width: number;
  readonly #cells: Uint8Array;

  constructor(word: string, max: number) {
    this.#word = word;
    this.#max = max;
    this.#width = word.length + 1;
    const height = this.#width + max;
    this.#cells = new Uint8Array(this.#width * height).fill(max + 1);
    for (let j = 0; j < this.#width; j++) this.#cells[j] = j;
    for (let i = 1; i < height; i++) this.#cells[i * this.#width] = i;
  }

  distance(prefix: string): number {
    return this.#cells[(prefix.length + 1) * this.#width - 1]!;
  }

  /** Fills the rows of the prefix from character `known` on; `false` where no term that begins with it can be near. */
  fill(prefix: string, known: number): boolean {
    return prefix.length <= this.#word.length + this.#max && this.firstFar(prefix, known, prefix.length) === null;
  }

  /** Fills the rows of a term from character `known` on, up to `end`; the first after which nothing can be near, if any. */
  firstFar(term: string, known: number, end: number): number | null {
    for (let i = known + 1; i <= end; i++) if (this.#fillRow(i, term[i - 1]!) > this.#max) return i;
    return null;
  }

  /** Returns the least distance in the row: it never falls further down. */
  #fillRow(i: number, character: string): number {
    const cells = this.#cells;
    const row = i * this.#width;
    const above = row - this.#width;
    let least = cells[row]!;
    const end = Math.min(this.#width - 1, i + this.#max);
    for (let j = Math.max(0, i - this.#max - 1); j < end; j++) {
      const replaced = cells[above + j]! + (character === this.#word[j] ? 0 : 1);
      const distance = Math.min(replaced, cells[above + j + 1]! + 1, cells[row + j]! + 1);
      cells[row + j + 1] = distance;
      if (distance < least) least = distance;
    }
    return least;
  }
}
