/**
 * Writing brought together: what of a text is never seen, what of a word is a matter of case, and what is left of it without
 * diacritics and vowel signs. Nothing here depends on a locale.
 *
 * Marks are dropped where they are added to a letter that stands without them, too: in Latin, Greek, Cyrillic, Hebrew, Arabic and
 * Syriac. Elsewhere (kana, Devanagari, Thai) a mark makes another letter and stays, as it does in й.
 */

/** Soft hyphens, joiners, marks of direction, selectors of variants. */
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;
/**
 * What may become one character with what stands before it: marks, the vowels and finals of Hangul in all their widths, two vowels of
 * Kirat Rai, and the sound marks of narrow kana.
 */
export const JOINING =
  "\\p{M}\\u1160-\\u11ff\\ud7b0-\\ud7fb\\u3133\\u3135\\u3136\\u313a-\\u313f\\u314f-\\u318e" +
  "\\uff9e-\\uffa0\\uffa3\\uffa5\\uffa6\\uffaa-\\uffaf\\uffc2-\\uffdc\\u{16d67}\\u{16d68}";
/** What is normalized for itself, without the invisible that surrounds it. */
const CLUSTER = new RegExp(
  `\\p{Default_Ignorable_Code_Point}*(\\P{Default_Ignorable_Code_Point}(?:\\p{Default_Ignorable_Code_Point}*[${JOINING}])*)`,
  "gu",
);
const ASCII = /^[\0-\x7f]*$/;
const MARK_RANGES = [
  ["\\u0300-\\u0305", "\\u0307-\\u036f", "\\u1ab0-\\u1aff", "\\u1dc0-\\u1dff", "\\ufe20-\\ufe2f"],
  ["\\u0483-\\u0487"],
  ["\\u0591-\\u05bd", "\\u05bf", "\\u05c1\\u05c2", "\\u05c4\\u05c5", "\\u05c7"],
  ["\\u0610-\\u061a", "\\u064b-\\u065f", "\\u0670", "\\u06d6-\\u06dc", "\\u06df-\\u06e4", "\\u06e7\\u06e8", "\\u06ea-\\u06ed"],
  ["\\u0898-\\u089f", "\\u08ca-\\u08e1", "\\u08e3-\\u08ff"],
  ["\\u0711", "\\u0730-\\u074a"],
];
/** The breve alone is part of a letter where it stands on и. */
const MARKS = new RegExp(`(?<!и)\\u0306|[${MARK_RANGES.flat().join("")}]`, "gu");
/** Letters that no decomposition takes apart, and forms of an Arabic letter that are written for one another. */
const ALIKE = new Map(
  Object.entries({
    ß: "ss",
    æ: "ae",
    œ: "oe",
    ø: "o",
    đ: "d",
    ð: "d",
    þ: "th",
    ł: "l",
    ħ: "h",
    ŧ: "t",
    ı: "i",
    ى: "ي",
    ی: "ي",
    ک: "ك",
    ة: "ه",
    ـ: "",
  }),
);
const ALIKE_LETTERS = new RegExp(`[${[...ALIKE.keys()].join("")}]`, "gu");

export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/** Compatibility forms and what is never seen are gone; letters keep their case. */
export function normalized(text: string): string {
  return isAscii(text) ? text : text.replace(IGNORABLE, "").normalize("NFKC");
}

/** Where each code unit of a text in its normal form comes from: the first that made it, and the one behind the last. */
export interface Origin {
  start(unit: number): number;
  end(unit: number): number;
}

export function originOf(text: string): Origin {
  if (normalized(text) === text) return { start: (unit) => unit, end: (unit) => unit + 1 };
  const starts: number[] = [];
  const ends: number[] = [];
  for (const { 0: whole, 1: cluster, index } of text.matchAll(CLUSTER)) {
    const end = index + whole.length;
    for (let rest = normalized(cluster!).length; rest > 0; rest--) {
      starts.push(end - cluster!.length);
      ends.push(end);
    }
  }
  return { start: (unit) => starts[unit]!, end: (unit) => ends[unit]! };
}

/** One case for all, as in Unicode's folding: İ is an i, and both small sigmas are one. */
export function caseFolded(word: string): string {
  if (isAscii(word)) return word.toLowerCase();
  return word.replaceAll("İ", "i").toLowerCase().replaceAll("ς", "σ").normalize("NFKC");
}

/** A case-folded word without its diacritics and vowel signs. */
export function unmarked(word: string): string {
  if (isAscii(word)) return word;
  const bare = word.normalize("NFD").replace(MARKS, "").normalize("NFC");
  return bare.replace(ALIKE_LETTERS, (letter) => ALIKE.get(letter)!);
}
