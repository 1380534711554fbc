/** Where a text may be cut without taking a character apart that is made of several, as a letter with its marks is. */

/** Characters that continue a grapheme. */
const EXTENDS = /^[\p{M}\p{Grapheme_Extend}\p{Emoji_Modifier}\u200d]/u;

/** Whether a grapheme ends before this place. */
export function isBorder(text: string, at: number): boolean {
  const [before, after] = [text.charCodeAt(at - 1), text.charCodeAt(at)];
  // The quick way for what most texts are made of.
  if (after < 0x300 || (after >= 0x3400 && after < 0xa000)) return !(before === 0x0d && after === 0x0a);
  if (before === 0x0a || before === 0x0d) return true;
  if (before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff) return false;
  return before !== 0x200d && !EXTENDS.test(String.fromCodePoint(text.codePointAt(at)!));
}

/** What is not white space begins at `at`, or one earlier where white space bears its mark; not before `start`. */
export function withWhite(text: string, start: number, at: number): number {
  return at > start && !isBorder(text, at) ? at - 1 : at;
}
