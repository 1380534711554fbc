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
import { limits } from "../../limits.js";
import { type Analyzer, type Tokenizer, wordsAmong } from "./analyzer.js";
import { caseFolded, isAscii, normalized } from "./folding.js";
import { isSpaceless } from "./spaceless.js";
import { includesUnits } from "./unit-folding.js";

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

/** Tells of a document whether the words of the phrase follow each other in it, in whatever form. */
export function phraseTest(analyzer: Analyzer, phrase: string): (document: string) => Steps<boolean> {
  const words = wordsOf(analyzer.byCharacter, phrase);
  const near = nearTest(analyzer, words);
  return function* (document) {
    let before: string[] = [];
    for (const piece of piecesOf(document)) {
      // Of one piece only: a phrase may go over the border of two.
      if (near !== null && piece.length === document.length && !near(piece)) return false;
      const all = [...before, ...wordsOf(analyzer.byCharacter, piece)];
      if (follows(all, words)) return true;
      before = words.length > 1 ? all.slice(1 - words.length) : [];
      yield;
    }
    return false;
  };
}

/**
 * What holds of each text that has the phrase, and of a few others: to look for it takes a small part of the time that all of a text's
 * words do. `null` where the words of a text are not simply what is between signs and blanks.
 */
function nearTest({ isPlain, bare, folding }: Analyzer, words: readonly string[]): ((text: string) => boolean) | null {
  const isSimple = isPlain && words.every((word) => word !== "" && word.length < limits.termLengthMax && !isSpaceless(word));
  if (!isSimple) return null;
  const folded = new RegExp(words.join("[^\\p{L}\\p{N}]+"), "u");
  const pattern = folding.pattern(words);
  return (text) => {
    if (isAscii(text)) return folded.test(text.toLowerCase());
    const units = pattern === null ? null : folding.units(text);
    return units === null ? folded.test(bare(caseFolded(normalized(text)))) : includesUnits(units, pattern!);
  };
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
