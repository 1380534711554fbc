/**
 * Where in a document the words stand by which it was found, and the part of it in which there are most of them.
 *
 * What was found is told by the terms of a hit, which are forms as the document has them: whatever led to them, a prefix, an edit, a
 * synonym or a pair of characters, is marked. Words that a query has in phrases only are marked where the phrase stands, and of what a
 * single character of a script without spaces led to, that character.
 *
 * A document is looked through for `limits.highlightLengthMax` code units and up to `limits.highlightMatchesMax` matches.
 */
import type { Steps } from "../../base/steps.js";
import { piecesOf } from "../../base/text-pieces.js";
import { limits } from "../../limits.js";
import type { Highlight, HighlightOptions, TextRange } from "../../types.js";
import type { Analyzer, PlacedToken } from "./analyzer.js";
import { type Operators, wordsOf } from "./clauses.js";
import { isSpaceless } from "./spaceless.js";
import { loneCharacters } from "./text-query.js";

/** How what matched is shown, with defaults filled in. */
export type Highlighting = Required<HighlightOptions>;

/** What is looked for by character: the phrases of a query, and characters of scripts without spaces that stand in it by themselves. */
export interface QueryPhrases {
  phrases: readonly (readonly string[])[];
  /** What a query has in phrases only. */
  words: ReadonlySet<string>;
  characters: readonly string[];
  /** Its other terms. */
  asked: ReadonlySet<string>;
}

/** `what` tells one word or phrase from another. */
interface Match extends TextRange {
  what: string;
}

/** Up to so many code units a word is looked for at which a snippet may begin or end. */
const WORD_LENGTH_MAX = 64;
const WORD = /[\p{L}\p{N}\p{M}]/u;
/** What belongs to the character before it. */
const TRAILING = /[\p{M}\p{Default_Ignorable_Code_Point}]/u;

/** With `operators`, or of a query as it is. */
export function phrasesOf(analyzer: Analyzer, { text, required }: Pick<Operators, "text" | "required">): QueryPhrases {
  const texts = required.filter(({ isPhrase }) => isPhrase).map((clause) => clause.text);
  const loose = wordsOf(analyzer, text);
  const words = texts.flatMap((phrase) => wordsOf(analyzer, phrase));
  for (const word of words) if (loose.includes(word)) loose.splice(loose.indexOf(word), 1);
  const phrases = texts.map((phrase) => wordsOf(analyzer.byCharacter, phrase)).filter((sequence) => sequence.length > 0);
  const tokens = analyzer.analyze(text);
  const characters = loneCharacters(tokens);
  const asked = new Set(tokens.map(({ term }) => term).filter((term) => !characters.includes(term)));
  return { phrases, words: new Set(words.filter((word) => !loose.includes(word))), characters, asked };
}

/** `terms` are those of the hit. */
export function* highlight(
  analyzer: Analyzer,
  document: string,
  terms: readonly string[],
  phrases: QueryPhrases,
  how: Highlighting,
): Steps<Highlight> {
  const matches = yield* matchesIn(analyzer, document, new Set(terms), phrases);
  const ranges = merged(matches);
  return { ranges, ...snippetOf(document, matches, ranges, how) };
}

function* matchesIn(analyzer: Analyzer, document: string, forms: ReadonlySet<string>, sought: QueryPhrases): Steps<Match[]> {
  const matches: Match[] = [];
  const standing = [...sought.phrases, ...sought.characters.map((one) => [one])].map((phrase) => new Standing(phrase));
  let at = 0;
  for (const piece of piecesOf(document.slice(0, limits.highlightLengthMax))) {
    if (at > 0) yield;
    for (const token of analyzer.locate(piece)) {
      const [start, end] = [at + token.start, at + token.end];
      if (forms.has(token.form) && !isOfOther(token.term, sought)) matches.push({ start, end, what: token.term });
    }
    for (const token of standing.length > 0 ? analyzer.byCharacter.locate(piece) : []) {
      for (const phrase of standing) phrase.read({ ...token, start: at + token.start, end: at + token.end }, matches);
    }
    if (matches.length >= limits.highlightMatchesMax) break;
    at += piece.length;
  }
  return matches.sort((a, b) => a.start - b.start || a.end - b.end).slice(0, limits.highlightMatchesMax);
}

/** Whether a term led to the hit for the sake of a phrase, or of a character that it begins with. */
function isOfOther(term: string, { words, characters, asked }: QueryPhrases): boolean {
  return words.has(term) || (!asked.has(term) && characters.some((one) => term.startsWith(one)));
}

/** A phrase that is looked for among words as they come. */
class Standing {
  readonly #words: readonly string[];
  /** The latest words, no more than the phrase has. */
  #latest: PlacedToken[] = [];

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  read(token: PlacedToken, matches: Match[]): void {
    if (token.kind !== "word") return;
    const words = this.#words;
    this.#latest.push(token);
    if (this.#latest.length > words.length) this.#latest.shift();
    if (this.#latest.length < words.length || !words.every((word, i) => this.#latest[i]!.term === word)) return;
    matches.push({ start: this.#latest[0]!.start, end: token.end, what: words.join(" ") });
  }
}

/** Ascending, those that touch or overlap joined. */
function merged(matches: readonly Match[]): TextRange[] {
  const ranges: TextRange[] = [];
  for (const { start, end } of matches) {
    const last = ranges.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else ranges.push({ start, end });
  }
  return ranges;
}

type Snippet = Omit<Highlight, "ranges">;

function snippetOf(document: string, matches: readonly Match[], ranges: readonly TextRange[], how: Highlighting): Snippet {
  const { start, end } = windowOf(document, matches, how.maxLength);
  let snippet = start > 0 ? "…" : "";
  let at = start;
  for (const range of ranges) {
    const [from, to] = [Math.max(range.start, at), Math.min(range.end, end)];
    if (from >= to) continue;
    snippet += document.slice(at, from) + how.before + document.slice(from, to) + how.after;
    at = to;
  }
  return { snippet: snippet + document.slice(at, end) + (end < document.length ? "…" : ""), start, end };
}

/** So much of the document that has the most of what matched, with something before and after it, from a word to a word. */
function windowOf(document: string, matches: readonly Match[], length: number): TextRange {
  if (document.length <= length) return { start: 0, end: document.length };
  const { start: from, end } = densest(matches, length);
  const to = Math.min(end, from + length);
  const lead = Math.floor((length - (to - from)) / 3);
  const start = Math.max(0, Math.min(from - lead, document.length - length));
  return trimmed(document, { start: wordStart(document, start, from), end: wordEnd(document, start + length, to) });
}

/** The first stretch of this length, or a match that is longer, that has the most different words, then the most. */
function densest(matches: readonly Match[], length: number): TextRange {
  const counts = new Map<string, number>();
  let best = { start: 0, end: 0, kinds: 0, count: 0 };
  let next = 0;
  for (const [i, { start, what }] of matches.entries()) {
    for (; next <= i || (next < matches.length && matches[next]!.end - start <= length); next++) {
      counts.set(matches[next]!.what, (counts.get(matches[next]!.what) ?? 0) + 1);
    }
    const [kinds, count] = [counts.size, next - i];
    if (kinds > best.kinds || (kinds === best.kinds && count > best.count)) best = { start, end: matches[next - 1]!.end, kinds, count };
    const left = counts.get(what)! - 1;
    if (left > 0) counts.set(what, left);
    else counts.delete(what);
  }
  return best;
}

function wordStart(text: string, from: number, max: number): number {
  for (let at = from; at <= Math.min(max, from + WORD_LENGTH_MAX); at++) if (dividesWords(text, at)) return at;
  return characterFrom(text, from);
}

function wordEnd(text: string, from: number, min: number): number {
  for (let at = from; at >= Math.max(min, from - WORD_LENGTH_MAX); at--) if (dividesWords(text, at)) return at;
  return characterFrom(text, from);
}

/** The first place from here at which no character is divided. */
function characterFrom(text: string, from: number): number {
  let at = from;
  while (!dividesCharacters(text, at)) at++;
  return at;
}

function dividesCharacters(text: string, at: number): boolean {
  if (at <= 0 || at >= text.length) return true;
  const splitsPair = /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(at - 1, at + 1));
  return !splitsPair && !TRAILING.test(characterAt(text, at));
}

function dividesWords(text: string, at: number): boolean {
  if (!dividesCharacters(text, at)) return false;
  if (at <= 0 || at >= text.length) return true;
  const next = characterAt(text, at);
  return (
    isSpaceless(next) ||
    !WORD.test(next) ||
    !WORD.test(
      text
        .slice(Math.max(0, at - 2), at)
        .replace(/^[\udc00-\udfff]/, "")
        .at(-1)!,
    )
  );
}

function characterAt(text: string, at: number): string {
  return String.fromCodePoint(text.codePointAt(at)!);
}

/** Without white space at either end. */
function trimmed(text: string, { start, end }: TextRange): TextRange {
  const part = text.slice(start, end);
  return { start: start + part.length - part.trimStart().length, end: end - part.length + part.trimEnd().length };
}
