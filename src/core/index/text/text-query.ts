/** A query's text as terms with weights: what a search looks for, before it knows what the index has of it. */
import type { Bitmap } from "../../base/bitmap.js";
import { TidepoolError } from "../../errors.js";
import { limits } from "../../limits.js";
import { type Analyzer, type Token, type TokenKind, wordsAmong } from "./analyzer.js";
import type { Boost } from "./clauses.js";
import { isCharacter } from "./spaceless.js";
import type { Synonyms } from "./synonyms.js";

/** What a token of a query counts beside its words; measured on public sets. */
const KIND_WEIGHTS: Readonly<Record<Exclude<TokenKind, "last">, number>> = { word: 1, whole: 0.25, part: 0.5, pair: 0.5 };
/** What a term counts that is looked for in place of another. */
const SYNONYM_WEIGHT = 0.75;
/** Largest edit distance, as in MiniSearch. */
const EDIT_DISTANCE_MAX = 6;

export interface TextSearchOptions {
  nResults: number;
  /** Match terms that begin with the query's last term, too. */
  prefix: boolean;
  /** Largest edit distance as a share of the term's length, 0–1; 0 is exact. */
  fuzzy: number;
  /** Whether signs and quotation marks in the query are operators (`clauses.ts`). */
  operators?: boolean | undefined;
  /** Words of the query that count more or less than others. */
  boosts?: readonly Boost[] | undefined;
  /** Groups of words that stand for one another; what stands for a word of the query counts a little less. */
  synonyms?: readonly (readonly string[])[] | undefined;
  /**
   * Which of some documents, by ascending ordinal, are hits, where that takes more than the index: it is asked of the best ones, and of
   * others until there are enough.
   */
  accept?: ((ordinals: Uint32Array) => Promise<Bitmap>) | undefined;
  /** Only these documents are ranked. Scores stay those of the whole collection. */
  allowed: Bitmap;
}

/** A term of a query in one form. `weight` grows with its occurrences. */
export interface QueryTerm {
  term: string;
  form: string;
  weight: number;
  /** What longer words begin with that it stands for, too; `null`: none. */
  prefix: string | null;
  /** Edit distance allowed to it; 0 is exact. */
  editDistance: number;
  /** Whether it is looked for in place of what the query says. */
  isSynonym: boolean;
}

export function parseQuery(
  analyzer: Analyzer,
  text: string,
  { prefix, fuzzy, boosts = [] }: Pick<TextSearchOptions, "prefix" | "fuzzy" | "boosts">,
  synonyms: Synonyms | null = null,
): QueryTerm[] {
  const tokens = analyzer.analyze(text);
  const others = synonyms?.of(tokens) ?? [];
  checkWords([...tokens, ...others]);
  const unfinished = new Map((prefix ? lastTokens(tokens) : []).map((token) => [token.term, prefixOf(token, analyzer)]));
  for (const character of loneCharacters(tokens)) unfinished.set(character, character);
  const factors = new Map(boosts.flatMap(({ text: boosted, factor }) => analyzer.analyze(boosted).map(({ term }) => [term, factor])));
  const terms = new Map<string, QueryTerm>();
  const add = ({ term, form, kind }: Token, isSynonym: boolean): void => {
    if (kind === "last") return;
    const editDistance = kind === "pair" ? 0 : Math.min(EDIT_DISTANCE_MAX, Math.round(term.length * fuzzy));
    const known = terms.get(form) ?? { term, form, weight: 0, prefix: unfinished.get(term) ?? null, editDistance, isSynonym };
    known.weight += (isSynonym ? SYNONYM_WEIGHT : 1) * KIND_WEIGHTS[kind] * (factors.get(term) ?? 1);
    terms.set(form, known);
  };
  for (const token of tokens) add(token, false);
  for (const token of others) if (!terms.has(token.form)) add(token, true);
  return [...terms.values()];
}

/**
 * Characters of scripts without spaces that stand in the query by themselves: documents have the pairs that begin with them. One that
 * others stand beside is found by its pairs.
 */
export function loneCharacters(tokens: readonly Token[]): string[] {
  const terms = tokens.flatMap(({ term, kind }) => (kind === "last" ? [] : term));
  const joined = new Set(terms.filter((term) => !isCharacter(term)).flatMap((term) => [...term]));
  return terms.filter((term) => isCharacter(term) && !joined.has([...term][0]!));
}

/** An unfinished word has no ending that could be taken from it. */
function prefixOf({ term, form, kind }: Token, analyzer: Analyzer): string {
  return analyzer.stems && kind !== "whole" ? analyzer.bare(form) : term;
}

function checkWords(tokens: readonly Token[]): void {
  const words = new Set(wordsAmong(tokens));
  if (words.size <= limits.queryTermsMax) return;
  throw new TidepoolError(
    "LIMIT_EXCEEDED",
    `query has ${words.size} distinct terms; at most ${limits.queryTermsMax} are allowed (queryTermsMax)`,
  );
}

/** What the last letters of a text belong to: its last word, the last part of that, and the whole that it ends. */
function lastTokens(tokens: readonly Token[]): Token[] {
  const last = tokens.slice(tokens.findLastIndex(({ kind }) => kind === "word")).filter(({ kind }) => kind !== "pair" && kind !== "last");
  const kinds = new Map(last.map((token) => [token.kind, token]));
  return [...kinds.values()];
}
