/**
 * Words of scripts that are written without spaces between them. A run of such text gives its words, as the segmenter of the
 * platform finds them, and all pairs of neighbouring characters: dictionaries cut 南京市长江大桥 in one way only, and differ from
 * browser to browser, while a pair is found wherever it stands. The last character of a run is given, too, which begins no pair: so
 * a single character is found by what begins with it. Hangul has spaces, and gives pairs for what is joined to a noun.
 */
import { isAscii } from "./folding.js";

const SCRIPTS = ["Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"].map((name) => `\\p{Script=${name}}`).join("");
const SPACELESS = new RegExp(`[${SCRIPTS}]`, "u");
const RUNS = new RegExp(`([${SCRIPTS}\\p{M}ー]+)|[\\s\\S]`, "gu");
const HANGUL = /\p{Script=Hangul}/u;
const SYLLABLES = /\p{Script=Hangul}{2,}/gu;
/** A character with the marks that belong to it. */
const CHARACTERS = /[\s\S]\p{M}*/gu;

/** Characters, and where in the text they begin. */
export interface Stretch {
  text: string;
  at: number;
}

export type SplitWords = (run: string) => string[];

export function isSpaceless(word: string): boolean {
  // To compile the expression takes longer than a search, and most have no use for it.
  return !isAscii(word) && SPACELESS.test(word);
}

/** The segmenter's words; without one the runs of other scripts only, since pairs are all that there is. */
export function wordSplitter(segmenter: Intl.Segmenter | null): SplitWords {
  return segmenter === null ? otherRuns : (run) => Array.from(segmenter.segment(run), ({ segment }) => segment);
}

/** "ab日本語" becomes "ab"; a character that stands alone is a word. */
function otherRuns(text: string): string[] {
  return dividedAt(text, (characters) => (characters.length === 1 ? characters : []));
}

/** "ab日本語" becomes "ab", "日", "本", "語". */
export function splitCharacters(text: string): string[] {
  return dividedAt(text, (characters) => characters);
}

/** What stands between runs of such scripts, and what is made of the characters of each. */
function dividedAt(text: string, wordsOfRun: (characters: string[]) => string[]): string[] {
  const words: string[] = [];
  let word = "";
  for (const [part, run] of text.matchAll(RUNS)) {
    if (run === undefined) word += part;
    else {
      words.push(word, ...wordsOfRun(charactersOf(run)));
      word = "";
    }
  }
  return [...words, word].filter((one) => one !== "");
}

/** Every two characters that stand beside each other in a run, from left to right. */
export function pairsOf(text: string): Stretch[] {
  return Array.from(text.matchAll(RUNS), ({ 1: run, index }) => (run === undefined ? [] : pairs(charactersOf(run), index))).flat();
}

/** The last character of every run. */
export function lastsOf(text: string): Stretch[] {
  return Array.from(text.matchAll(RUNS), ({ 1: run, index }) => {
    const last = charactersOf(run ?? "").at(-1);
    return last === undefined ? [] : { text: last, at: index + run!.length - last.length };
  }).flat();
}

/** Whether it is one character of such a script. */
export function isCharacter(word: string): boolean {
  return isSpaceless(word) && charactersOf(word).length === 1;
}

/** Whether it is more than two characters of such scripts, and nothing else: too much to be a pair. */
export function isLongRun(word: string): boolean {
  const [run, ...others] = word.matchAll(RUNS);
  return others.length === 0 && charactersOf(run?.[1] ?? "").length > 2;
}

export function syllablePairsOf(word: string): Stretch[] {
  if (!HANGUL.test(word)) return [];
  return Array.from(word.matchAll(SYLLABLES), ({ 0: run, index }) => pairs(charactersOf(run), index)).flat();
}

function charactersOf(run: string): string[] {
  return run.match(CHARACTERS) ?? [];
}

function pairs(characters: string[], start: number): Stretch[] {
  let next = start;
  return characters.slice(1).map((character, i) => {
    const [at, first] = [next, characters[i]!];
    next += first.length;
    return { text: first + character, at };
  });
}
