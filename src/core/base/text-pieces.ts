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
    const most = endOfCharacter(text, start + PIECE_MAX);
    while (end < most && !isBreak(text.charCodeAt(end - 1))) end++;
    yield text.slice(start, end);
    start = end;
  }
  if (start < text.length || start === 0) yield text.slice(start);
}

/** Blanks and line breaks, and the comma and full stop of Chinese and Japanese. */
function isBreak(unit: number): boolean {
  return unit <= 0x20 || (unit >= 0x3000 && unit <= 0x3002) || unit === 0xff0c;
}

/** How much of a text is no longer than `most` code units, of which a character may take two. */
export function endOfCharacter(text: string, most: number): number {
  if (most >= text.length) return text.length;
  return (text.charCodeAt(most - 1) & 0xfc00) === 0xd800 ? most - 1 : most;
}
