/**
 * Passages from blocks. Each section under a heading becomes units, which are never divided again: sentences, items, rows and lines
 * that fit into a passage, and words of those that do not. Units are then joined, as many as fit, and the cut is made at the best
 * place within reach.
 *
 * Invariants: units hold all that is not white space, in order; a passage begins and ends with a unit; it fits, or is one unit.
 */
import { type Block, CUTS, type Cut } from "./blocks.js";
import { type Line, trimmedEnd, trimmedStart } from "./lines.js";
import type { Steps } from "./steps.js";
import { lineEnds, type Places, partEnds, sentenceEnds, wordEnds } from "./words.js";

/** What passages must hold to. */
export interface Packing {
  maxTokens: number;
  overlap: number;
  /** Tokens of a text. */
  count: (text: string) => number;
}

/** A passage by its offsets, with the headings above it, outermost first. */
export interface Packed {
  start: number;
  end: number;
  headings: string[];
}

interface Unit {
  start: number;
  end: number;
  /** The place before it. */
  cut: Cut;
}

/** More code units than these for every token do not fit, and are not counted. */
const UNITS_PER_TOKEN_MAX = 64;
/** From the best place for a cut to the next best. */
const FINER = { [CUTS.sentence]: lineEnds, [CUTS.line]: wordEnds, [CUTS.word]: partEnds } as const;
const KEPT_WHOLE: readonly Block["kind"][] = ["heading", "lines"];
const CLOSING = /^(?:[)\]}]|end\b|else\b|elif\b|except\b|finally\b|catch\b)/;

export function* packBlocks(text: string, blocks: readonly Block[], packing: Packing): Steps<Packed[]> {
  const passages: Packed[] = [];
  const path: string[] = [];
  for (let at = 0; at < blocks.length; ) {
    const end = sectionEnd(blocks, at);
    for (const { depth, title } of blocks.slice(at, end))
      if (depth > 0) path.splice(depth - 1, path.length, ...paddedTo(depth - path.length, title));
    const section = new Section(text, packing);
    yield* section.read(blocks.slice(at, end));
    const headings = path.filter((heading) => heading !== "");
    for (const { start, end: last } of yield* section.pack()) passages.push({ start, end: last, headings });
    at = end;
  }
  return passages;
}

/** A heading goes with what follows it; so do headings with nothing but deeper ones below them. */
function sectionEnd(blocks: readonly Block[], start: number): number {
  let at = start + 1;
  while (at < blocks.length && blocks[at]!.depth > blocks[at - 1]!.depth && blocks[at - 1]!.depth > 0) at++;
  while (at < blocks.length && blocks[at]!.depth === 0) at++;
  return at;
}

/** A heading below levels that were left out. */
function paddedTo(length: number, title: string): string[] {
  return [...Array.from({ length: Math.max(0, length - 1) }, () => ""), title];
}

class Section {
  readonly #text: string;
  readonly #packing: Packing;
  readonly #units: Unit[] = [];
  /** Code units for each token, as it was of late. */
  #rate = 4;

  constructor(text: string, packing: Packing) {
    this.#text = text;
    this.#packing = packing;
  }

  *read(blocks: readonly Block[]): Steps<void> {
    for (const block of blocks) {
      if (KEPT_WHOLE.includes(block.kind) && this.#fits(block.start, block.end))
        this.#units.push({ start: block.start, end: block.end, cut: block.cut });
      else if (block.kind === "lines" || block.kind === "code") yield* this.#addLines(block);
      else yield* this.#addSentences(block.start, block.end, block.cut);
      yield;
    }
  }

  *#addLines({ lines, cut }: Block): Steps<void> {
    const base = lines[0]!.indent;
    for (const [i, line] of lines.entries()) {
      const place = i === 0 ? cut : this.#cutBeforeLine(line, base);
      if (this.#fits(line.start, line.end)) this.#units.push({ start: line.start, end: line.end, cut: place });
      else yield* this.#addParts(line.start, line.end, place, CUTS.line);
      yield;
    }
  }

  /** Functions and blocks are told by blank lines and by indentation, in any language. */
  #cutBeforeLine({ first, end, indent, afterBlank }: Line, base: number): Cut {
    const isOuter = indent <= base && !CLOSING.test(this.#text.slice(first, Math.min(end, first + 8)));
    if (afterBlank) return isOuter ? CUTS.item : CUTS.subitem;
    return isOuter ? CUTS.sentence : CUTS.line;
  }

  *#addSentences(start: number, end: number, cut: Cut): Steps<void> {
    yield* this.#addBetween(sentenceEnds(this.#text, start, end), start, end, cut, CUTS.sentence);
  }

  /** What is too long to be a unit, divided at the next finer places; a word that has none stays whole. */
  *#addParts(start: number, end: number, cut: Cut, divided: keyof typeof FINER): Steps<void> {
    yield* this.#addBetween(FINER[divided](this.#text, start, end), start, end, cut, (divided - 1) as Cut);
  }

  *#addBetween(places: Places, start: number, end: number, cut: Cut, level: Cut): Steps<void> {
    let from = start;
    let before = cut;
    for (const place of places) {
      if (place === null) yield;
      else {
        yield* this.#addUnit(from, place, before, level);
        from = place;
        before = level;
      }
    }
    yield* this.#addUnit(from, end, before, level);
  }

  *#addUnit(from: number, until: number, cut: Cut, level: Cut): Steps<void> {
    const start = trimmedStart(this.#text, from, until);
    const end = trimmedEnd(this.#text, start, until);
    if (start === end) return;
    if (level === CUTS.inside || this.#fits(start, end)) this.#units.push({ start, end, cut });
    else yield* this.#addParts(start, end, cut, level as keyof typeof FINER);
  }

  /** Joins units: each passage reaches as far as it can, and is cut at the best place there. */
  *pack(): Steps<{ start: number; end: number }[]> {
    const units = this.#units;
    const passages: { start: number; end: number }[] = [];
    for (let from = 0, cut = 0; cut < units.length; ) {
      from = this.#overlapStart(from, cut);
      let reach = this.#reach(from);
      while (reach <= cut) reach = this.#reach(++from);
      cut = this.#bestCut(from, cut, reach);
      passages.push({ start: units[from]!.start, end: units[cut - 1]!.end });
      yield;
    }
    return passages;
  }

  /** The first unit at the beginning of a sentence from which on all before `cut` is no more than the overlap. */
  #overlapStart(from: number, cut: number): number {
    const { overlap } = this.#packing;
    let first = cut;
    for (let i = cut - 1; overlap > 0 && i > from; i--) {
      if (this.#tokens(i, cut) > overlap) break;
      if (this.#units[i]!.cut >= CUTS.line) first = i;
    }
    return first;
  }

  /** The unit up to which a passage fits that begins with this one, at least the next: guessed by the length, then narrowed down. */
  #reach(from: number): number {
    const { maxTokens } = this.#packing;
    const begin = this.#units[from]!.start;
    let [low, high] = [from + 1, this.#units.length + 1];
    for (let tries = 0; high - low > 1; tries++) {
      const guess = tries > 3 ? (low + high) >> 1 : this.#unitAt(begin + maxTokens * this.#rate, low, high);
      const tried = Math.min(Math.max(guess, low + 1), high - 1);
      const tokens = this.#tokens(from, tried);
      if (tokens <= maxTokens) low = tried;
      else high = tried;
      if (tokens > 0 && tokens < Infinity) this.#rate = (this.#units[tried - 1]!.end - begin) / tokens;
    }
    return low;
  }

  /** The number of units that end by this place, between two bounds. */
  #unitAt(place: number, from: number, until: number): number {
    let [low, high] = [from, until];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#units[middle - 1]!.end <= place) low = middle;
      else high = middle;
    }
    return low;
  }

  /**
   * The last of the best places. Where that is early, and what follows it must be cut in any case, as much of that is taken in as
   * fits.
   */
  #bestCut(from: number, after: number, reach: number): number {
    const units = this.#units;
    if (reach === units.length) return reach;
    let best = this.#lastBest(after + 1, reach);
    while (best < reach && this.#isEarly(from, best, reach) && !this.#unitFits(best)) best = this.#lastBest(best + 1, reach);
    return best;
  }

  #isEarly(from: number, cut: number, reach: number): boolean {
    const begin = this.#units[from]!.start;
    return (this.#units[cut]!.start - begin) * 2 < this.#units[reach]!.start - begin;
  }

  #lastBest(first: number, last: number): number {
    let best = last;
    for (let i = last - 1; i >= first; i--) if (this.#units[i]!.cut > this.#units[best]!.cut) best = i;
    return best;
  }

  /** Whether what reaches from here to the next place as good as this fits into a passage. */
  #unitFits(at: number): boolean {
    const { start, cut } = this.#units[at]!;
    let next = at + 1;
    while (next < this.#units.length && this.#units[next]!.cut < cut && this.#units[next]!.end - start <= this.#longest) next++;
    return this.#fits(start, this.#units[next - 1]!.end);
  }

  get #longest(): number {
    return this.#packing.maxTokens * UNITS_PER_TOKEN_MAX;
  }

  #tokens(from: number, until: number): number {
    return this.#count(this.#units[from]!.start, this.#units[until - 1]!.end);
  }

  #fits(start: number, end: number): boolean {
    return this.#count(start, end) <= this.#packing.maxTokens;
  }

  #count(start: number, end: number): number {
    return end - start > this.#longest ? Infinity : this.#packing.count(this.#text.slice(start, end));
  }
}
