/**
 * What a text is found by; documents and queries go through the same steps, so both sides agree.
 *
 * A **word** is a maximal run of letters, digits and the marks that follow them, in one normal form and one case. Its **term** is
 * what it is found by, without diacritics and vowel signs; its **form** is how it was written, so that who writes "café" is told of
 * a "café" before a "cafe". What counts to the length of a document are its words. Beside them, as terms that add to the rank:
 *
 * - **wholes**: what apostrophes, hyphens, dots and underscores join, without them: "co-operate" is found by "cooperate";
 * - **parts** of a word in camel case;
 * - **pairs** of neighbouring characters where words are not divided by spaces (`spaceless.ts`), and the **last** of them.
 *
 * A term never holds a lone surrogate or a NUL. Dictionaries of `Intl.Segmenter` change with the browser, so an index is only as
 * good as the analyzer that wrote it: signatures tell two apart.
 */
import { endOfCharacter, piecesOf } from "../../base/text-pieces.js";
import { show, TidepoolError } from "../../errors.js";
import { limits } from "../../limits.js";
import type { StemmingLanguage } from "../../types.js";
import { caseFolded, isAscii, normalized, originOf, unmarked } from "./folding.js";
import {
  isSpaceless,
  lastsOf,
  pairsOf,
  type SplitWords,
  type Stretch,
  splitCharacters,
  syllablePairsOf,
  wordSplitter,
} from "./spaceless.js";
import { UnitFolding } from "./unit-folding.js";

/** Raised whenever the same text gives other tokens. */
const VERSION = 4;
const UNIT = "[\\p{L}\\p{N}][\\p{L}\\p{N}\\p{M}]*";
const JOINERS = "_.'’\\-‐‑·‧׳״";
const JOINED = new RegExp(`${UNIT}(?:[${JOINERS}]${UNIT})*`, "gu");
/** Of text that is ASCII, as most is, this finds the same at a fraction of the time. */
const JOINED_ASCII = /[A-Za-z0-9]+(?:[_.'-][A-Za-z0-9]+)*/g;
const JOINER = new RegExp(`[${JOINERS}]`, "u");
const CAMEL = /\p{Ll}\p{Lu}|\p{Lu}\p{Lu}\p{Ll}/u;
const CAMEL_BREAK = /(?<=\p{Ll}\p{M}*)(?=\p{Lu})|(?<=\p{Lu}\p{M}*)(?=\p{Lu}\p{M}*\p{Ll})/u;
/** One sentence of each script without spaces; how they are split stands for the dictionaries in use. */
const PROBE = "今天天气很好我们去公园吧 東京都に住んでいます カタカナ テスト ภาษาไทยง่ายนิดเดียว ພາສາລາວ ភាសាខ្មែរ မြန်မာဘာသာ";

/** Words whose token is remembered: the common ones come again in every document, and to fold one costs more than to find all the rest. */
const KNOWN_WORDS_MAX = 8192;
/** Longer ones are not: an engine may keep the text in memory that such a piece was cut from. */
const KNOWN_LENGTH_MAX = 12;

/** The locale is fixed: terms must not depend on the user's language settings. */
const platformSegmenter = typeof Intl.Segmenter === "function" ? new Intl.Segmenter("en", { granularity: "word" }) : null;

export type TokenKind = "word" | "whole" | "part" | "pair" | "last";

export interface Token {
  term: string;
  /** The term itself where nothing was dropped to make it. */
  form: string;
  kind: TokenKind;
}

/** A token and where it stands in the text, in UTF-16 code units; `end` is exclusive. */
export interface PlacedToken extends Token {
  start: number;
  end: number;
}

/** What an index depends on, of what a collection's configuration says. Plain JSON: it is stored with each index. */
export interface Analysis {
  keepDiacritics?: true;
  stemming?: StemmingLanguage;
  /** As terms, ascending. */
  stopWords?: string[];
}

export interface Tokenizer {
  /** In the order of the text; what is joined comes after the words in it. Stop words are left out. */
  analyze(text: string): Token[];
  /** The tokens of `analyze`, each with its place. */
  locate(text: string): PlacedToken[];
}

export interface Analyzer extends Tokenizer {
  /** Has each character of scripts without spaces for a word: what follows each other does so here, however a dictionary cuts it. */
  readonly byCharacter: Tokenizer;
  /** A form without what its diacritics say, but with its endings. */
  bare(form: string): string;
  /** Bare forms by code units. */
  readonly folding: UnitFolding;
  /** Whether words are reduced to their stems. */
  readonly stems: boolean;
  /** Whether the term of every word is its bare form, and none is left out. */
  readonly isPlain: boolean;
  /** Equal signatures analyze alike, as far as a probe of every script can tell. */
  readonly signature: string;
}

/** The terms of the words among some tokens, in their order. */
export function wordsAmong(tokens: readonly Token[]): string[] {
  return tokens.flatMap(({ term, kind }) => (kind === "word" ? term : []));
}

/** What is left of a case-folded word without its endings. */
export type Stem = (form: string) => string;
/** Rejects with `NOT_SUPPORTED` where there are no stemmers. */
export type LoadStem = (language: StemmingLanguage) => Promise<Stem>;

/** Where nobody brings any. */
export const noStemmers: LoadStem = async (language) => {
  throw new TidepoolError("NOT_SUPPORTED", `configuration.text.stemming is ${show(language)}, and this engine has no stemmers`);
};

export interface AnalyzerParts {
  /** Without one pairs of characters are the words of scripts without spaces. */
  segmenter?: Intl.Segmenter | null;
  /** For an analysis that asks for it. */
  stem?: Stem | undefined;
}

export function createAnalyzer(analysis: Analysis = {}, { segmenter = platformSegmenter, stem }: AnalyzerParts = {}): Analyzer {
  const bare = analysis.keepDiacritics ? (form: string) => form : unmarked;
  const rules: Rules = {
    splitWords: wordSplitter(segmenter),
    pairKind: segmenter === null ? "word" : "pair",
    bare,
    stem: stem ?? ((form) => form),
    stopWords: new Set(analysis.stopWords),
    known: new Map(),
  };
  let signature: string | undefined;
  let folding: UnitFolding | undefined;
  return {
    bare,
    get folding() {
      return (folding ??= new UnitFolding(bare));
    },
    stems: stem !== undefined,
    isPlain: stem === undefined && rules.stopWords.size === 0,
    ...tokenizer(rules),
    byCharacter: tokenizer({ ...rules, splitWords: splitCharacters, pairKind: "pair", known: new Map() }),
    get signature() {
      // Dictionaries are loaded to find it, so it is found once.
      return (signature ??= `${VERSION} ${JSON.stringify(analysis)} ${rules.splitWords(PROBE).join(" ")}`);
    },
  };
}

function tokenizer(rules: Rules): Tokenizer {
  return {
    analyze: (text) => new Tokens(rules).of(text),
    locate: (text) => {
      const tokens = new Tokens(rules);
      const origin = originOf(text);
      return tokens.of(text).map((token, i) => {
        const [start, end] = [tokens.places[2 * i]!, tokens.places[2 * i + 1]!];
        return { ...token, start: origin.start(start), end: origin.end(end - 1) };
      });
    },
  };
}

/** Loads first what the analysis needs. */
export async function prepareAnalyzer(analysis: Analysis | undefined, loadStem: LoadStem): Promise<Analyzer> {
  if (analysis === undefined) return defaultAnalyzer;
  return createAnalyzer(analysis, { stem: analysis.stemming === undefined ? undefined : await loadStem(analysis.stemming) });
}

/** Words as the stop words of an analysis: each as the terms that it is found by, before they are reduced to stems. */
export function stopWordsOf(words: readonly string[], { keepDiacritics }: Analysis): string[] {
  const { analyze } = createAnalyzer(keepDiacritics ? { keepDiacritics } : {});
  return [...new Set(wordsAmong(words.flatMap((word) => analyze(word))))].sort();
}

/** The analyzer of a collection that says nothing else. */
export const defaultAnalyzer = createAnalyzer();

interface Rules {
  splitWords: SplitWords;
  /** What pairs are where there are no words beside them. */
  pairKind: TokenKind;
  /** What is left of a form in its term. */
  bare(form: string): string;
  stem: Stem;
  stopWords: ReadonlySet<string>;
  /** Short words that are one token, or none. */
  known: Map<string, Token | null>;
}

class Tokens {
  readonly #rules: Rules;
  readonly #tokens: Token[] = [];
  /** Where in the normalized text each token begins and ends, in turn. */
  readonly places: number[] = [];

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  of(text: string): Token[] {
    let at = 0;
    for (const piece of piecesOf(normalized(text))) {
      this.#piece(piece, at);
      at += piece.length;
    }
    return this.#tokens;
  }

  #piece(piece: string, start: number): void {
    for (const { 0: joined, index } of piece.matchAll(isAscii(piece) ? JOINED_ASCII : JOINED)) {
      const words = JOINER.test(joined) ? joined.split(JOINER) : [joined];
      let at = start + index;
      for (const word of words) {
        this.#known(word, at);
        at += word.length + 1;
      }
      if (words.length > 1 && !isSpaceless(joined)) this.#whole(words, joined, start + index);
    }
  }

  #known(word: string, at: number): void {
    const token = this.#rules.known.get(word);
    if (token) this.#push(token, at, at + word.length);
    else if (token === undefined) {
      const before = this.#tokens.length;
      this.#word(word, at);
      if (word.length <= KNOWN_LENGTH_MAX) this.#remember(word, this.#tokens.slice(before));
    }
  }

  #remember(word: string, tokens: readonly Token[]): void {
    const { known } = this.#rules;
    if (tokens.length > 1) return;
    if (known.size === KNOWN_WORDS_MAX) known.clear();
    known.set(word, tokens[0] ?? null);
  }

  #word(word: string, at: number): void {
    if (isAscii(word)) this.#ascii(word, at);
    else if (isSpaceless(word)) this.#run(word, at);
    else {
      const form = caseFolded(word);
      this.#add(form, "word", at, at + word.length);
      for (const pair of syllablePairsOf(form)) if (pair.text !== form) this.#addWithin(word, form, pair, "pair", at);
      if (CAMEL.test(word)) this.#parts(word, at);
    }
  }

  #ascii(word: string, at: number): void {
    const form = word.toLowerCase();
    this.#add(form, "word", at, at + word.length);
    if (form !== word && CAMEL.test(word)) this.#parts(word, at);
  }

  #parts(word: string, start: number): void {
    let at = start;
    for (const part of word.split(CAMEL_BREAK)) this.#add(caseFolded(part), "part", at, (at += part.length));
  }

  /** A pair that is a word already is not said twice. */
  #run(word: string, at: number): void {
    const run = caseFolded(word);
    const said = new Set<string>();
    let next = 0;
    for (const text of this.#rules.splitWords(run)) {
      if (text === "") continue;
      const found = run.indexOf(text, next);
      next = found + text.length;
      said.add(text);
      this.#addWithin(word, run, { text, at: found }, "word", at);
    }
    for (const pair of pairsOf(run)) if (!said.has(pair.text)) this.#addWithin(word, run, pair, this.#rules.pairKind, at);
    for (const last of lastsOf(run)) if (!said.has(last.text)) this.#addWithin(word, run, last, "last", at);
  }

  #whole(words: readonly string[], joined: string, at: number): void {
    const form = cut(caseFolded(joined).replaceAll(/[’׳]/g, "'").replaceAll("‐", "-"));
    this.#push({ term: cut(this.#rules.bare(caseFolded(words.join("")))), form, kind: "whole" }, at, at + joined.length);
  }

  /** A stretch of a word. Where its case changes its length, the word stands for all of its stretches. */
  #addWithin(word: string, folded: string, { text, at }: Stretch, kind: TokenKind, start: number): void {
    if (folded.length === word.length) this.#add(text, kind, start + at, start + at + text.length);
    else this.#add(text, kind, start, start + word.length);
  }

  #add(word: string, kind: TokenKind, start: number, end: number): void {
    const form = cut(word);
    const { bare, stem, stopWords } = this.#rules;
    const plain = cut(bare(form));
    if (stopWords.has(plain)) return;
    const stemmed = kind === "pair" || kind === "last" ? form : stem(form);
    // What an ending was all of stays as it is.
    const term = stemmed === form ? plain : cut(bare(stemmed)) || plain;
    this.#push({ term, form, kind }, start, end);
  }

  #push(token: Token, start: number, end: number): void {
    this.#tokens.push(token);
    this.places.push(start, end);
  }
}

/** Cuts a long word, between characters. */
function cut(word: string): string {
  return word.slice(0, endOfCharacter(word, limits.termLengthMax));
}
