/**
 * Text as storage keeps it. Blocks hold UTF-8, which has no room for a surrogate that stands alone; such a code unit
 * becomes U+FFFD there. Whoever compares text with stored text brings both into this form first.
 */

/** Replaces every lone surrogate by U+FFFD; well-formed text, which is nearly all text, is returned as it is. */
export function wellFormed(text: string): string {
  return isWellFormed(text) ? text : text.replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** The platform's own test (ES2024) where there is one: it knows without looking that a Latin-1 string is fine. */
function isWellFormed(text: string): boolean {
  return (text as { isWellFormed?(): boolean }).isWellFormed?.() ?? !/\p{Surrogate}/u.test(text);
}
