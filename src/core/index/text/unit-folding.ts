/**
 * A text's letters and digits as analysis compares them, one code unit after the other by a table, with one blank for whatever stands
 * between words: a tenth of the time that folding a whole text takes, which normalizes it four times over.
 *
 * What may join what stands before it, or is a half of a character, has no place in a table; a text with such is not folded here.
 * Dropped marks have: letter and mark become the letter, whichever way they are written.
 */
import { caseFolded, JOINING, normalized } from "./folding.js";

const BLANK = 0x20;
/** Entries that are no units to write; what folds to one of these is no letter, so no unit is one. 0 is not looked up yet. */
const SEVERAL = 0xfffd;
const DROPPED = 0xfffe;
const NOT_ALONE = 0xffff;

const JOINS = new RegExp(`[${JOINING}]`, "u");
const WORDS_ONLY = /^[\p{L}\p{N}]+$/u;
const BETWEEN = /[^\p{L}\p{N}]+/gu;
const HALF = /\p{Surrogate}/u;
/** Of all letters this one keeps a mark that others lose, unless others stand between them. */
const KEEPING = "и";
const KEPT = 0x439;

export class UnitFolding {
  readonly #bare: (form: string) => string;
  readonly #table = new Uint16Array(0x10000);
  readonly #several = new Map<number, string>();
  #units = new Uint16Array(1024);

  /** `bare` is the analyzer's. */
  constructor(bare: (form: string) => string) {
    this.#bare = bare;
  }

  /** Holds until the next text; `null` where the text is not for a table. */
  units(text: string): Uint16Array | null {
    this.#reserve(text.length);
    const table = this.#table;
    let units = this.#units;
    let [length, last] = [0, 0];
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      const folded = table[unit]! || this.#look(unit);
      if (folded < SEVERAL) {
        if (folded !== BLANK || last !== BLANK) units[length++] = last = folded;
      } else if (folded === SEVERAL) {
        length = this.#write(this.#several.get(unit)!, length, text.length - i);
        units = this.#units;
        last = units[length - 1]!;
      } else if (folded === NOT_ALONE || last === KEPT) return null;
    }
    return units.subarray(0, length);
  }

  /** Of words that follow each other; `null` where one is not what a text of it alone folds to. */
  pattern(words: readonly string[]): Uint16Array | null {
    const text = words.join(" ");
    const units = words.every((word) => WORDS_ONLY.test(word)) ? this.units(text) : null;
    return units !== null && String.fromCharCode(...units) === text ? units.slice() : null;
  }

  /** With room for as many units more as the text may take. */
  #write(text: string, length: number, more: number): number {
    this.#reserve(length + text.length + more);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit !== BLANK || this.#units[length - 1] !== BLANK) this.#units[length++] = unit;
    }
    return length;
  }

  #reserve(length: number): void {
    if (length <= this.#units.length) return;
    const grown = new Uint16Array(Math.max(length, this.#units.length * 2));
    grown.set(this.#units);
    this.#units = grown;
  }

  #look(unit: number): number {
    return (this.#table[unit] = this.#entry(unit));
  }

  #entry(unit: number): number {
    const character = String.fromCharCode(unit);
    const folded = this.#folded(character);
    if (folded === "") return this.#folded(KEEPING + character) === KEEPING ? DROPPED : NOT_ALONE;
    if (HALF.test(character) || JOINS.test(character) || JOINS.test(folded) || HALF.test(folded)) return NOT_ALONE;
    const written = folded.replace(BETWEEN, " ");
    if (written.length === 1) return written.charCodeAt(0);
    this.#several.set(unit, written);
    return SEVERAL;
  }

  #folded(text: string): string {
    return this.#bare(caseFolded(normalized(text)));
  }
}

/** Whether some units stand among others. */
export function includesUnits(all: Uint16Array, some: Uint16Array): boolean {
  const [first, second] = some;
  const end = all.length - some.length;
  for (let at = 0; at <= end; at++) {
    if (all[at] !== first || (some.length > 1 && all[at + 1] !== second)) continue;
    let same = 2;
    while (same < some.length && all[at + same] === some[same]) same++;
    if (same >= some.length) return true;
  }
  return false;
}
