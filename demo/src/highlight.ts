/** Marks what matched: finds the stretches of a passage to mark and cuts long passages down to the part around them. */

/** A stretch of the text, by offsets in UTF-16 code units; `end` is exclusive. */
export interface Range {
  start: number;
  end: number;
}

const tokens = /[\p{L}\p{N}]+/gu;

/** Words of a query, as they are compared: lower case, without accents. */
export function queryWords(query: string): string[] {
  return Array.from(query.matchAll(tokens), ([word]) => fold(word));
}

/** Where one of these terms stands as a word of its own. For the hits of a text search, whose matching terms are known. */
export function rangesOfTerms(text: string, terms: Iterable<string>): Range[] {
  const wanted = new Set(Array.from(terms, fold));
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
  return Array.from(text.matchAll(tokens))
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
  return word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function wordStart(text: string, from: number): number {
  const space = text.indexOf(" ", from);
  return space < 0 ? from : space + 1;
}

function wordEnd(text: string, from: number): number {
  const space = text.indexOf(" ", from);
  return space < 0 ? text.length : space;
}

const filler = new Set(
  (
    "and are but can does for from has have how into its not that the their then there they " +
    "this was what when where which who why will with you your"
  ).split(" "),
);
