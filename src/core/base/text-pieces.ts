/** Long texts in pieces that can be worked on one after the other, with turns between. */

/** Size of a piece, in UTF-16 code units, from which on the next good place ends it. */
const PIECE = 32_768;
/** Size at which it ends in any case, between characters: of some four million letters regular expressions run out of memory. */
const PIECE_MAX = 2 ** 20;

/**
 * Pieces of a text, which make it up together. They end at white space or at the punctuation of scripts that have none, so that no
 * word is divided that has less than a million characters.
 */
export function* piecesOf(text: string): Generator<string, void, undefined> {
  let start = 0;
  while (text.length - start > PIECE) {
    let end = start + PIECE;
    const most = Math.min(text.length, start + PIECE_MAX);
    while (end < most && !isBreak(text.charCodeAt(end - 1))) end++;
    if (end < text.length && isFirstHalf(text.charCodeAt(end - 1))) end--;
    yield text.slice(start, end);
    start = end;
  }
  if (start < text.length || start === 0) yield text.slice(start);
}

/** Blanks and line breaks, and the comma and full stop of Chinese and Japanese. */
function isBreak(unit: number): boolean {
  return unit <= 0x20 || (unit >= 0x3000 && unit <= 0x3002) || unit === 0xff0c;
}

/** Of a character that takes two code units. */
function isFirstHalf(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
