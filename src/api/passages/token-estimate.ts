/**
 * How many tokens a text has, about, for models whose tokenizer is not at hand. It counts rather too many than too few, so that
 * passages are not cut off by the model: a word of Latin letters or digits counts one for every six characters begun, one of another
 * alphabet one for every three, and each other character that is not white space one, as Chinese characters and punctuation do. Marks
 * on letters count nothing.
 */

/** Code units by what they count: nothing and an end of a word, nothing at all, or one for so many in a row. */
const BLANK = 0;
const MARK = -1;
const LATIN = 6;
const ALPHABET = 3;
const SINGLE = 1;

/** The estimate: whole, 0 for a text without any character that shows. Adding up words gives that of the text. */
export function estimateTokens(text: string): number {
  let tokens = 0;
  let kind = BLANK;
  let left = 0;
  for (let i = 0; i < text.length; i++) {
    const next = kindOf(text.charCodeAt(i));
    if (next === MARK) continue;
    if (next !== kind) left = 0;
    kind = next;
    if (kind === BLANK || --left >= 0) continue;
    tokens++;
    left = kind - 1;
  }
  return tokens;
}

function kindOf(unit: number): number {
  if (unit < 0x80) return kindOfAscii(unit);
  if (unit < 0xc0) return unit === 0x85 || unit === 0xa0 ? BLANK : SINGLE;
  if (unit < 0x250) return LATIN;
  if (unit >= 0x300 && unit < 0x370) return MARK;
  if (unit < 0x2000) return unit === 0x1680 ? BLANK : ALPHABET;
  return isWideBlank(unit) ? BLANK : SINGLE;
}

function kindOfAscii(unit: number): number {
  if (unit <= 0x20) return BLANK;
  const letter = unit | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (unit >= 0x30 && unit <= 0x39) ? LATIN : SINGLE;
}

function isWideBlank(unit: number): boolean {
  return unit <= 0x200a || unit === 0x2028 || unit === 0x2029 || unit === 0x202f || unit === 0x205f || unit === 0x3000 || unit === 0xfeff;
}
