/**
 * The alphabet of one pattern: code points that no part of the pattern tells apart are one letter, so an automaton needs a
 * transition for each letter, not for each of a million code points.
 *
 * Which sets of the pattern hold a code point is asked of the platform's `RegExp`, one code point at a time and when it first occurs
 * in a text, so Unicode's properties and its rules for case are the platform's, and its backtracking has nothing to backtrack in.
 *
 * Sets are numbered as they are added. All are added before the first code point is looked at.
 */
import { hasCase } from "../../base/has-case.js";
import { invalidArgument } from "../../errors.js";
import { codeSource, isCasedSet, setSource } from "./source.js";
import type { CharacterLeaf, CharacterSet } from "./tree.js";

/** A class of code points. */
export interface Letter {
  /** Its number among the letters, from 1: what tables hold for an unknown code point is 0. */
  id: number;
  /** A bit for each set, whether it holds the code points. */
  sets: Uint32Array;
}

const PAGE_BITS = 8;
const PAGE = 1 << PAGE_BITS;
const EMPTY_PAGE = new Uint16Array(PAGE);
const PAGES = 0x10000 >>> PAGE_BITS;
/** More than the objects around a letter's bits take. */
const LETTER_BYTES = 128;
const ASTRAL_BYTES = 64;

export class Alphabet {
  /** Of each UTF-16 unit its letter's id, in pages of 256. 0: not looked at yet, or half a code point. */
  readonly pages: Uint16Array[] = new Array<Uint16Array>(PAGES).fill(EMPTY_PAGE);
  /** By id. */
  readonly letters: (Letter | undefined)[] = [];
  /** Bytes that the letters known so far take, about. */
  bytes = 0;
  readonly #astral = new Map<number, Letter>();
  readonly #byBits = new Map<string, Letter>();
  readonly #single = new Map<number, number>();
  /** One of each set of characters that differ in case, and at its place in the text the number of the set. */
  #folded = "";
  readonly #foldedSets = new Map<number, number>();
  readonly #classes: { set: number; regex: RegExp }[] = [];
  readonly #classSets = new Map<string, number>();
  #count = 0;

  constructor() {
    this.forget();
  }

  /** Forgets all letters; ids are given anew. */
  forget(): void {
    this.pages.fill(EMPTY_PAGE);
    this.letters.splice(0, Infinity, undefined);
    this.#astral.clear();
    this.#byBits.clear();
    this.bytes = 0;
  }

  /** The sets of a leaf's characters, one after the other. */
  setsOf(leaf: CharacterLeaf): number[] {
    if (leaf.kind === "class") return [this.setOf(leaf.set, leaf.insensitive)];
    return Array.from(leaf.text, (char) => this.#characterSet(char, leaf.insensitive));
  }

  /** The number of a set. */
  setOf(set: CharacterSet, insensitive = false): number {
    if (set.kind === "range" && set.from === set.to) return this.#characterSet(String.fromCodePoint(set.from), insensitive);
    const source = setSource(set);
    const flags = insensitive && isCasedSet(set) ? "iu" : "u";
    const key = flags + source;
    const known = this.#classSets.get(key);
    if (known !== undefined) return known;
    this.#classes.push({ set: this.#count, regex: compiled(`^${source}$`, flags) });
    this.#classSets.set(key, this.#count);
    return this.#count++;
  }

  #characterSet(char: string, insensitive: boolean): number {
    if (insensitive && hasCase(char)) return this.#foldedSet(char);
    const code = char.codePointAt(0)!;
    const set = this.#single.get(code) ?? this.#count++;
    this.#single.set(code, set);
    return set;
  }

  #foldedSet(char: string): number {
    const known = this.#findFolded(char);
    if (known !== undefined) return known;
    this.#foldedSets.set(this.#folded.length, this.#count);
    this.#folded += char;
    return this.#count++;
  }

  #findFolded(char: string): number | undefined {
    return this.#foldedSets.get(this.#folded.search(new RegExp(codeSource(char.codePointAt(0)!), "iu")));
  }

  /** The letter of a code point that was looked at before. */
  find(code: number): Letter | undefined {
    if (code > 0xffff) return this.#astral.get(code);
    return this.letters[this.pages[code >>> PAGE_BITS]![code & (PAGE - 1)]!];
  }

  /** Looks at a code point: the letter that it belongs to. */
  classify(code: number): Letter {
    const sets = this.#bitsOf(code);
    const key = sets.join();
    let letter = this.#byBits.get(key);
    if (letter === undefined) {
      letter = { id: this.letters.length, sets };
      this.letters.push(letter);
      this.#byBits.set(key, letter);
      this.bytes += LETTER_BYTES + sets.byteLength + key.length;
    }
    this.#note(code, letter);
    return letter;
  }

  #bitsOf(code: number): Uint32Array {
    const char = String.fromCodePoint(code);
    const sets = new Uint32Array((this.#count + 31) >>> 5);
    const add = (set: number | undefined): void => {
      if (set !== undefined) sets[set >>> 5]! |= 1 << (set & 31);
    };
    add(this.#single.get(code));
    if (this.#folded !== "") add(this.#findFolded(char));
    for (const { set, regex } of this.#classes) if (regex.test(char)) add(set);
    return sets;
  }

  #note(code: number, letter: Letter): void {
    if (code > 0xffff) {
      this.#astral.set(code, letter);
      this.bytes += ASTRAL_BYTES;
      return;
    }
    const at = code >>> PAGE_BITS;
    if (this.pages[at] === EMPTY_PAGE) {
      this.pages[at] = new Uint16Array(PAGE);
      this.bytes += PAGE * 2;
    }
    const isSurrogate = code >= 0xd800 && code <= 0xdfff;
    if (!isSurrogate) this.pages[at]![code & (PAGE - 1)] = letter.id;
  }
}

export function isIn(letter: Letter, set: number): boolean {
  return ((letter.sets[set >>> 5]! >>> (set & 31)) & 1) === 1;
}

function compiled(source: string, flags: string): RegExp {
  try {
    const regex = new RegExp(source, flags);
    // Engines compile on first use, once for each width of text; what is too large for them shows here, not in a scan.
    regex.test("");
    regex.test("\u0100");
    return regex;
  } catch (cause) {
    throw invalidArgument((cause as Error).message);
  }
}
