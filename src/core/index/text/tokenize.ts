/**
 * Splits text into the terms of the text index; documents and queries go through the same steps, so both sides agree.
 *
 * The text is brought to NFKC and lower case, and each maximal run of letters, digits and the marks that follow them is a
 * word. Scripts written without spaces are split further, by `Intl.Segmenter` where there is one and into pairs of
 * characters where there is none. No stemming, no stop words, accents are kept. A term never holds a lone surrogate.
 *
 * Dictionaries of `Intl.Segmenter` change with the browser, so an index is only as good as the tokenizer that wrote it:
 * `tokenizerSignature` tells two apart.
 */
import { limits } from "../../limits.js";

const WORD = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu;
const NO_SPACES = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const NO_SPACES_RUN =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{M}ー]+|[\s\S]/gu;
/** One sentence of each such script; how they are split stands for the dictionaries in use. */
const PROBE = "今天天气很好我们去公园吧 東京都に住んでいます カタカナ テスト ภาษาไทยง่ายนิดเดียว ພາສາລາວ ភាសាខ្មែរ မြန်မာဘာသာ";

type SplitRun = (run: string) => string[];

/** Makes a tokenizer; without a segmenter it falls back to pairs of characters for scripts without spaces. */
export function createTokenizer(segmenter: Intl.Segmenter | null): (text: string) => string[] {
  const splitRun = segmenter === null ? bigrams : segments(segmenter);
  return (text) => {
    const folded = text.normalize("NFKC").toLowerCase();
    const words = folded.match(WORD) ?? [];
    const terms = NO_SPACES.test(folded) ? words.flatMap((word) => (NO_SPACES.test(word) ? splitRun(word) : word)) : words;
    return terms.map(cut);
  };
}

/** The tokenizer of this platform. The locale is fixed: terms must not depend on the user's language settings. */
export const tokenize = createTokenizer(typeof Intl.Segmenter === "function" ? new Intl.Segmenter("en", { granularity: "word" }) : null);

/** Equal signatures split text alike, as far as a probe of every script can tell. */
export function signatureOf(split: (text: string) => string[]): string {
  return `1 ${split(PROBE).join(" ")}`;
}

let signature: string | undefined;

/** The signature of `tokenize`; dictionaries are loaded to find it, so it is found once. */
export function tokenizerSignature(): string {
  return (signature ??= signatureOf(tokenize));
}

function segments(segmenter: Intl.Segmenter): SplitRun {
  return (run) => Array.from(segmenter.segment(run), ({ segment }) => segment);
}

/** "ab日本語" becomes "ab", "日本", "本語"; a character that stands alone is a term. */
function bigrams(run: string): string[] {
  const terms: string[] = [];
  let word = "";
  for (const [part] of run.matchAll(NO_SPACES_RUN)) {
    if (!NO_SPACES.test(part)) {
      word += part;
      continue;
    }
    if (word !== "") terms.push(word);
    word = "";
    terms.push(...pairs([...part]));
  }
  return word === "" ? terms : [...terms, word];
}

function pairs(characters: string[]): string[] {
  return characters.length < 2 ? characters : characters.slice(1).map((character, i) => characters[i]! + character);
}

/** Cuts a long word, between characters. */
function cut(word: string): string {
  if (word.length <= limits.termLengthMax) return word;
  const unit = word.charCodeAt(limits.termLengthMax - 1);
  const splitsPair = unit >= 0xd800 && unit < 0xdc00;
  return word.slice(0, limits.termLengthMax - (splitsPair ? 1 : 0));
}
