/**
 * Text as storage keeps it. Blocks hold UTF-8, which has no room for a surrogate that stands alone; such a code unit
 * becomes U+FFFD there. Whoever compares text with stored text brings both into this form first.
 */

const SURROGATE = /[\uD800-\uDFFF]/;

/** Replaces every lone surrogate by U+FFFD; well-formed text, which is nearly all text, is returned as it is. */
export function wellFormed(text: string): string {
  // Most text has no surrogate at all, which a search for one finds out without looking at Latin-1 strings.
  return SURROGATE.test(text) ? text.replace(/\p{Surrogate}/gu, "\uFFFD") : text;
}
