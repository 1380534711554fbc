/**
 * What may be asked instead of a query: its words corrected to words that documents have ("did you mean"), or its last word completed
 * to words that stand in documents together with the others (suggestions while somebody types).
 *
 * Either puts words into the query's text in place of others and leaves the rest of it as it is. Words are told as documents have
 * them, since terms of the index lack endings and diacritics. Work is bounded: so many words are corrected
 * (`limits.correctedWordsMax`), and so many documents are looked at for completions (`limits.suggestHitsMax`).
 */
import type { Bitmap } from "../base/bitmap.js";
import type { Tick } from "../base/turns.js";
import type { Analyzer, PlacedToken } from "../index/text/analyzer.js";
import { isSpaceless } from "../index/text/spaceless.js";
import type { KnownTerm, NearOptions, TextHits } from "../index/text/text-index.js";
import type { TextSearchOptions } from "../index/text/text-query.js";
import { limits } from "../limits.js";
import type { TextSuggestion } from "../types.js";

/** The index that is asked, at one moment. */
export interface AskedIndex {
  analyzer: Analyzer;
  near(term: string, options: NearOptions): Promise<KnownTerm[]>;
  search(query: string, options: TextSearchOptions): Promise<TextHits>;
  /** Those of the documents that have each of the words. */
  narrowed(words: readonly string[], within: Bitmap): Promise<Bitmap>;
  tick: Tick;
}

/** Terms near an unknown word that are tried in turn. */
const CORRECTIONS_TRIED = 3;
/** Edits of a long word, of a shorter one, and of the shortest that is corrected, with swaps of neighbours as one. */
const EDITS = { long: 2, short: 1 };
const LONG_WORD = 6;
const SHORTEST_WORD = 3;
/** Largest edit distance that the index looks for. */
const NEAR_MAX = 6;

type Replacement = Pick<PlacedToken, "start" | "end"> & { word: string };

/**
 * The query with each word that no document has as a word that some of the allowed have: the nearest, then the one that most documents
 * have. `null` where there is nothing to correct, or nothing near.
 */
export async function corrected(index: AskedIndex, query: string, allowed: Bitmap): Promise<string | null> {
  const replacements: Replacement[] = [];
  for (const token of wordsIn(index.analyzer, query).slice(0, limits.correctedWordsMax)) {
    const word = await correctionOf(index, token, allowed);
    if (word !== null) replacements.push({ ...token, word });
    await index.tick();
  }
  return replacements.length === 0 ? null : replaced(query, replacements);
}

async function correctionOf(index: AskedIndex, { term, form }: PlacedToken, allowed: Bitmap): Promise<string | null> {
  if (term.length < SHORTEST_WORD || isSpaceless(form)) return null;
  const edits = term.length < LONG_WORD ? EDITS.short : EDITS.long;
  // A swap of neighbours is two edits to the index.
  const near = await index.near(term, { prefix: false, editDistance: edits + 1 });
  if (near.some((known) => known.term === term)) return null;
  const candidates = near
    .map((known) => ({ ...known, distance: editsBetween(term, known.term) }))
    .filter(({ distance }) => distance <= edits)
    .sort((a, b) => a.distance - b.distance || b.documents - a.documents || (a.term < b.term ? -1 : 1));
  for (const candidate of candidates.slice(0, CORRECTIONS_TRIED)) {
    const word = await asWritten(index, candidate.term, allowed);
    if (word !== null) return word;
  }
  return null;
}

/** A term as the document has it that has it best. */
async function asWritten(index: AskedIndex, term: string, allowed: Bitmap): Promise<string | null> {
  const { terms } = await index.search(term, { nResults: 1, prefix: index.analyzer.stems, fuzzy: 0, allowed });
  return (terms[0] ?? []).find((form) => termOf(index.analyzer, form) === term) ?? null;
}

/** Completions of the last word, best first. */
export async function completed(
  index: AskedIndex,
  query: string,
  { nResults, fuzzy, allowed }: Pick<TextSearchOptions, "nResults" | "fuzzy" | "allowed">,
): Promise<TextSuggestion[]> {
  const words = wordsIn(index.analyzer, query);
  if (words.length === 0 || nResults === 0) return [];
  const within = await index.narrowed(await certain(index, query, words.slice(0, -1), fuzzy), allowed);
  const hits = await index.search(query, { nResults: limits.suggestHitsMax, prefix: true, fuzzy, allowed: within });
  const found = new Map<string, TextSuggestion>();
  for (const [i, terms] of hits.terms.entries()) {
    for (const { suggestion, terms: used } of completionsIn(index.analyzer, query, words, terms, fuzzy)) {
      const known = found.get(suggestion) ?? { suggestion, terms: used, score: 0 };
      found.set(suggestion, { ...known, score: known.score + hits.scores[i]! });
    }
    await index.tick();
  }
  return [...found.values()].sort((a, b) => b.score - a.score || (a.suggestion < b.suggestion ? -1 : 1)).slice(0, nResults);
}

/** The words that documents must have: all, or all that some document has where others may be misspelt. */
async function certain(index: AskedIndex, query: string, words: readonly PlacedToken[], fuzzy: number): Promise<string[]> {
  const kept: string[] = [];
  for (const { term, start, end } of words) {
    const isKnown = fuzzy === 0 || (await index.near(term, { prefix: false, editDistance: 0 })).length > 0;
    if (isKnown) kept.push(query.slice(start, end));
  }
  return kept;
}

/** What the query may become by a document with these terms; nothing where one of its words is not among them. */
function completionsIn(
  analyzer: Analyzer,
  query: string,
  words: readonly PlacedToken[],
  terms: readonly string[],
  fuzzy: number,
): Omit<TextSuggestion, "score">[] {
  const choices = words.map((word, i) => {
    const isLast = i === words.length - 1;
    const fitting = terms
      .map((form) => ({ ...word, word: form, distance: distanceTo(analyzer, word, form, isLast, fuzzy) }))
      .filter(({ distance }) => distance < Infinity)
      .sort((a, b) => a.distance - b.distance);
    return isLast ? fitting : fitting.slice(0, 1);
  });
  if (choices.some((fitting) => fitting.length === 0)) return [];
  const others = choices.slice(0, -1).flat();
  return choices.at(-1)!.map((last) => {
    const all = [...others, last];
    // What fits as it was typed stays so.
    const changed = all.filter(({ distance }) => distance > 0);
    return { suggestion: replaced(query, changed), terms: all.map(({ word }) => word) };
  });
}

/** 0 for the word itself, in whatever form; below 1 for a longer one that begins so; else edits. */
function distanceTo(analyzer: Analyzer, { term, form }: PlacedToken, other: string, isLast: boolean, fuzzy: number): number {
  const typed = analyzer.bare(form);
  const bare = analyzer.bare(other);
  if (bare === typed) return 0;
  if (isLast && bare.startsWith(typed)) return 0.5;
  if (termOf(analyzer, other) === term) return 0;
  const editsMax = Math.min(NEAR_MAX, Math.round(term.length * fuzzy));
  const edits = editsMax === 0 || isSpaceless(other) ? Infinity : editsBetween(typed, bare);
  return edits <= editsMax ? edits : Infinity;
}

function wordsIn(analyzer: Analyzer, text: string): PlacedToken[] {
  return analyzer.locate(text).filter(({ kind }) => kind === "word");
}

function termOf(analyzer: Analyzer, form: string): string | undefined {
  return analyzer.analyze(form)[0]?.term;
}

/** `replacements` ascend. */
function replaced(text: string, replacements: readonly Replacement[]): string {
  let result = "";
  let at = 0;
  for (const { start, end, word } of replacements) {
    result += text.slice(at, start) + word;
    at = end;
  }
  return result + text.slice(at);
}

/** Characters put in, left out, replaced, or swapped with their neighbour, each at most once. */
export function editsBetween(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const replacing = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replacing, last[j]! + 1, row[j - 1]! + 1, isSwap ? before[j - 2]! + 1 : Infinity));
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
