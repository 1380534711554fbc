/**
 * Words and phrases that stand for one another in queries. A phrase is found in a query by its words in their order; what is looked
 * for instead is each word of the others. Documents know nothing of them, so they can be changed at any time.
 */
import { type Analyzer, type Token, wordsAmong } from "./analyzer.js";

interface Phrase {
  words: readonly string[];
  tokens: readonly Token[];
}

export class Synonyms {
  /** Phrases by their first word, each with the group that it belongs to. */
  readonly #byFirst = new Map<string, { phrase: Phrase; group: readonly Phrase[] }[]>();

  constructor(analyzer: Analyzer, groups: readonly (readonly string[])[]) {
    for (const words of groups) {
      const group = words.map((text) => phraseOf(analyzer.analyze(text)));
      for (const phrase of group) {
        const [first] = phrase.words;
        if (first !== undefined) this.#byFirst.set(first, [...(this.#byFirst.get(first) ?? []), { phrase, group }]);
      }
    }
  }

  /** What else may be looked for; each once for every place where it stands for something. */
  of(tokens: readonly Token[]): Token[] {
    const { words } = phraseOf(tokens);
    const found = new Set<Phrase>();
    for (const [at, word] of words.entries()) {
      for (const { phrase, group } of this.#byFirst.get(word) ?? []) {
        if (!phrase.words.every((other, i) => words[at + i] === other)) continue;
        for (const other of group) if (other !== phrase) found.add(other);
      }
    }
    return [...found].flatMap((phrase) => phrase.tokens);
  }
}

function phraseOf(tokens: readonly Token[]): Phrase {
  return { tokens, words: wordsAmong(tokens) };
}
