/**
 * Words: runs of what is neither a space nor a mark. The browser's own tables of letters (`\p{L}`) would know more of them, and take a slow
 * machine a tenth of a second when they are first asked.
 */
export const wordPattern = /[^\s!-/:-@[-`{-\u00bf\u2000-\u206f\u2e00-\u2e7f\u3000-\u303f]+/g;
