/** Marks what matched: finds the stretches of a passage to mark and cuts long passages down to the part around them. */

import { wordPattern } from "./word-pattern.js";

/** A stretch of the text, by offsets in UTF-16 code units; `end` is exclusive. */
export interface Range {
  start: number;
  end: number;
}

const ascii = /^[0-9A-Za-z]+$/;

/** Words of a query, as they are compared: lower case, without accents. */
export function queryWords(query: string): string[] {
  return Array.from(query.matchAll(wordPattern), ([word]) => fold(word));
}

/** Where one of these terms stands as a word of its own. For the hits of a text search, whose matching terms are known. */
export function rangesOfTerms(text: string, terms: Iterable<string>): Range[] {
  const wanted = new Set(Array.from(terms, fold).filter((term) => !filler.has(term)));
  return rangesOfWords(text, (word) => wanted.has(word));
}

/** Where a word shares its beginning with a word of the query. For vector hits, which match as a whole: this only helps the eye. */
export function rangesOfQuery(text: string, query: string): Range[] {
  const wanted = queryWords(query).filter((word) => word.length > 2 && !filler.has(word));
  return rangesOfWords(text, (word) => wanted.some((other) => sharesBeginning(word, other)));
}

/** Where the literal text stands, character for character. */
export function rangesOfLiteral(text: string, literal: string): Range[] {
  const ranges: Range[] = [];
  if (literal === "") return ranges;
  for (let start = text.indexOf(literal); start >= 0; start = text.indexOf(literal, start + literal.length)) {
    ranges.push({ start, end: start + literal.length });
  }
  return ranges;
}

/** Ranges in order, those that touch joined. */
export function mergeRanges(ranges: readonly Range[]): Range[] {
  const merged: Range[] = [];
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else merged.push({ ...range });
  }
  return merged;
}

/** A window of about `length` characters around the first range; the whole text when it is not much longer. */
export function excerptWindow(text: string, ranges: readonly Range[], length: number): Range {
  if (text.length <= length * 1.25) return { start: 0, end: text.length };
  const first = ranges[0]?.start ?? 0;
  const start = first < length * 0.7 ? 0 : wordStart(text, first - Math.round(length * 0.3));
  return { start, end: wordEnd(text, start + length) };
}

function rangesOfWords(text: string, matches: (word: string) => boolean): Range[] {
  return Array.from(text.matchAll(wordPattern))
    .filter(([word]) => matches(fold(word)))
    .map(({ index, 0: word }) => ({ start: index, end: index + word.length }));
}

function sharesBeginning(word: string, other: string): boolean {
  if (word === other) return true;
  const shorter = Math.min(word.length, other.length);
  const needed = Math.max(4, Math.ceil(Math.max(word.length, other.length) * 0.6));
  return shorter >= needed && word.slice(0, needed) === other.slice(0, needed);
}

function fold(word: string): string {
  // Most words have no accent to lose, and lower case costs little.
  return ascii.test(word)
    ? word.toLowerCase()
    : word
        .normalize("NFKD")
        .replace(/[\u0300-\u036f]/g, "")
        .toLowerCase();
}

function wordStart(text: string, from: number): number {
  const space = text.indexOf(" ", from);
  return space < 0 ? from : space + 1;
}

function wordEnd(text: string, from: number): number {
  const space = text.indexOf(" ", from);
  return space < 0 ? text.length : space;
}

/** Words that say nothing of what a passage is about: they match everywhere and are marked nowhere. */
const filler = new Set(
  (
    "a about above after again all am an and any are as at be because been before being below between both but by can cannot " +
    "could did do does doing don down during each few for from further had has have having he her here hers him his how i if " +
    "in into is it its itself just me more most my no nor not now of off on once only or other our out over own same she " +
    "should so some such than that the their theirs them then there these they this those through to too under until up us " +
    "very was we were what when where which while who whom whose why will with would you your yours"
  ).split(" "),
);

export function isFiller(word: string): boolean {
  return filler.has(fold(word));
}
