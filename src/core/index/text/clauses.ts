/**
 * The operators in a query: `+word` must be in a document and `-word` must not, `"some words"` must stand in it in this order, and
 * `-"some words"` must not. A sign counts where it begins a word that begins with a letter, so "-5", "well-known" and "a - b" are
 * what they were; so does a quotation mark that has a partner.
 *
 * In scripts without spaces a word, of one character or more, is in a document where its characters follow each other.
 *
 * A boost, `word^2` or `"some words"^0.5`, is what such a word or phrase counts beside the others: a decimal number above 0 and below
 * 1000. What has none of these forms is text: a query is what people type.
 */
import type { Steps } from "../../base/steps.js";
import { piecesOf } from "../../base/text-pieces.js";
import { type Analyzer, type Tokenizer, wordsAmong } from "./analyzer.js";

export interface Clause {
  /** As it is written in the query. */
  text: string;
  /** Whether its words must follow each other. */
  isPhrase: boolean;
}

export interface Operators {
  /** What documents are ranked by: the query without what is excluded, and without signs. */
  text: string;
  required: Clause[];
  excluded: Clause[];
  boosts: Boost[];
}

/** What each word of a text counts, in whatever form, beside 1. */
export interface Boost {
  text: string;
  factor: number;
}

/** A number above 0 and below 1000. */
const BOOST = "\\^(?=[\\d.]*[1-9])(\\d{1,3}(?:\\.\\d{1,9})?|\\.\\d{1,9})(?!\\S)";
const CLAUSE = new RegExp(`(?<!\\S)(?:([+-]?)"([^"]*)"(?:${BOOST})?|([+-]?)(?=\\p{L})(?:(\\S+?)${BOOST}|(\\S+)))`, "gu");

export function readOperators(query: string): Operators {
  const operators: Operators = { text: "", required: [], excluded: [], boosts: [] };
  operators.text = query.replace(CLAUSE, (_, ...parts: (string | undefined)[]) => {
    const [signOfPhrase, phrase, boostOfPhrase, signOfWord, boosted, boostOfWord, plain] = parts;
    const [sign, boost] = [signOfPhrase ?? signOfWord, boostOfPhrase ?? boostOfWord];
    const text = phrase ?? boosted ?? plain!;
    const isPhrase = phrase !== undefined;
    if (isPhrase || sign) operators[sign === "-" ? "excluded" : "required"].push({ text, isPhrase });
    if (sign === "-") return "";
    if (boost !== undefined) operators.boosts.push({ text, factor: Number(boost) });
    return text;
  });
  return operators;
}

/** Whether the words of the phrase follow each other in the document, in whatever form. */
export function* holdsPhrase(analyzer: Analyzer, document: string, phrase: string): Steps<boolean> {
  const words = wordsOf(analyzer.byCharacter, phrase);
  let before: string[] = [];
  for (const piece of piecesOf(document)) {
    const all = [...before, ...wordsOf(analyzer.byCharacter, piece)];
    if (follows(all, words)) return true;
    before = words.length > 1 ? all.slice(1 - words.length) : [];
    yield;
  }
  return false;
}

function follows(all: readonly string[], words: readonly string[]): boolean {
  for (let at = all.indexOf(words[0]!); at >= 0; at = all.indexOf(words[0]!, at + 1)) {
    if (words.every((word, i) => all[at + i] === word)) return true;
  }
  return false;
}

export function wordsOf(tokenizer: Tokenizer, text: string): string[] {
  return wordsAmong(tokenizer.analyze(text));
}
