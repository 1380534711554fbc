/**
 * Where prose may be cut: between sentences, between words, and within words at worst. Every place is the border of a grapheme, and
 * white space belongs to what stands before it. Long texts are looked at through windows, so that no step takes long.
 */
import { isBorder } from "./graphemes.js";
import { isLineEnd } from "./lines.js";

/** Code units that a segmenter is given at once. */
const WINDOW = 4096;
/** Code units after which the end of a grapheme is not looked for any more, where a window ends. */
const GRAPHEME = 64;
/** Scripts that are written without spaces between words, by code units: Thai, Lao, Myanmar, Khmer, kana and Han. */
const SPACELESS =
  "\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u2e80-\\u2fff\\u3001-\\u312f\\u3190-\\ua4cf" +
  "\\uf900-\\ufaff\\uff61-\\uff9f\\u{20000}-\\u{2ffff}";
/** A run of these, with the marks that belong to it. */
const SPACELESS_RUN = new RegExp(`[${SPACELESS}]+`, "gu");
const WHITE_RUN = /\s+/g;
const LINES = /(?:\r\n?|[\n\u2028\u2029])/g;
/** What a word that is too long is cut after. */
const PUNCTUATION_RUN = /[\p{P}\p{Sc}\p{Sm}\p{Sk}]+/gu;
/** What stays with the word before it, and with the word after it. */
const CLOSES = /^[\p{Pe}\p{Pf}\p{Po}\u30fc]/u;
const OPENS = /[\p{Ps}\p{Pi}]$/u;
/** What every text has that is more than one sentence. */
const ENDS_WITHIN = /\p{Sentence_Terminal}[\s\S]*\S/u;
/** Ends of sentences, for browsers without a segmenter. */
const SENTENCE_END = /[.!?…؟।][\p{Pe}\p{Pf}"']*\s+|[。！？｡][\p{Pe}\p{Pf}]*\s*/gu;

type Granularity = "sentence" | "word";

const segmenters = new Map<Granularity, Intl.Segmenter>();

/** English rules, so that a text is cut alike wherever it is; `null` in browsers without a segmenter. */
function segmenterOf(granularity: Granularity): Intl.Segmenter | null {
  if (typeof Intl.Segmenter !== "function") return null;
  const known = segmenters.get(granularity) ?? new Intl.Segmenter("en", { granularity });
  segmenters.set(granularity, known);
  return known;
}

/** Ends of the sentences between `start` and `end`, without `end` itself. A line end within is no end. */
export function sentenceEnds(text: string, start: number, end: number): Places {
  return places(text, start, end, (window) => sentencesIn(window.replace(/[\r\n\u0085\u2028\u2029]/g, " ")));
}

function sentencesIn(window: string): number[] {
  if (!ENDS_WITHIN.test(window)) return [];
  const segmenter = segmenterOf("sentence");
  if (segmenter) return Array.from(segmenter.segment(window), ({ index }) => index).slice(1);
  return endsOf(SENTENCE_END, window).filter((place) => place < window.length);
}

/** Ends of lines, for prose whose sentences are too long. */
export function lineEnds(text: string, start: number, end: number): Places {
  return places(text, start, end, (window) => endsOf(LINES, window));
}

/** Places between words: after white space, and where a dictionary divides scripts that have none. */
export function wordEnds(text: string, start: number, end: number): Places {
  return places(text, start, end, (window) => {
    const ends = endsOf(WHITE_RUN, window);
    const runs = Array.from(window.matchAll(SPACELESS_RUN)).flatMap(({ 0: run, index }) => dividedRun(window, run, index));
    return runs.length === 0 ? ends : [...new Set([...ends, ...runs])].sort((a, b) => a - b);
  });
}

/** Places within a word that is too long: after its punctuation. Letters and digits stay together. */
export function partEnds(text: string, start: number, end: number): Places {
  return places(text, start, end, (window) => endsOf(PUNCTUATION_RUN, window));
}

/** Places around and within a run of a script without spaces. What closes stays with the word before it, what opens with the next. */
function dividedRun(window: string, run: string, start: number): number[] {
  const segmenter = segmenterOf("word");
  const inner = segmenter ? Array.from(segmenter.segment(run), ({ index }) => index) : Array.from(run, (_, i) => i);
  const all = [...inner, run.length].map((place) => start + place).filter((place) => place > 0 && place < window.length);
  return all.filter((place) => !CLOSES.test(window.slice(place, place + 2)) && !OPENS.test(window.slice(place - 1, place)));
}

function endsOf(pattern: RegExp, window: string): number[] {
  return Array.from(window.matchAll(pattern), ({ index, 0: match }) => index + match.length);
}

/** What is found in one window after the other, as offsets into the text, in order. A window without any gives `null`: work was done. */
export type Places = Generator<number | null, void, undefined>;

function* places(text: string, start: number, end: number, find: (window: string) => number[]): Places {
  let at = start;
  while (at < end) {
    const until = windowEnd(text, at, end);
    const found = find(text.slice(at, until)).filter((place) => at + place < end && isBorder(text, at + place));
    for (const place of found) yield at + place;
    yield null;
    // What the window has cut off is looked at once more.
    at = until === end || found.length === 0 ? until : at + found.at(-1)!;
  }
}

/** Where a window from `at` ends: after white space where there is some in its second half. */
function windowEnd(text: string, at: number, end: number): number {
  const furthest = at + WINDOW;
  if (furthest >= end) return end;
  for (let i = furthest; i > at + WINDOW / 2; i--) {
    if (text.charCodeAt(i - 1) === 0x20 || isLineEnd(text.charCodeAt(i - 1))) return i;
  }
  let border = furthest;
  while (border > furthest - GRAPHEME && !isBorder(text, border)) border--;
  return border;
}
