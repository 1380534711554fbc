/**
 * A regular expression as a tree. All that its flags change is resolved: a literal knows whether case counts, `^` whether
 * it means the start of the text or of a line. Groups leave nothing but the shape, and a directive such as `(?i)` nothing
 * at all, since only whether a text matches is asked.
 *
 * Invariants: no part of a concatenation is a concatenation, nor a member of a union a union; neighbouring literals with
 * the same rule for case are one. So a run of characters is one literal, however many groups it is spread over. A tree is
 * little deeper than its pattern nests (`limits.regexNestMax`), so it can be walked by recursion.
 */

export type RegexTree =
  /** Of no parts: the empty text. */
  | { kind: "concatenation"; parts: readonly RegexTree[] }
  | { kind: "alternation"; branches: readonly RegexTree[] }
  /** `max` may be `Infinity`. */
  | { kind: "repetition"; of: RegexTree; min: number; max: number }
  | RegexLeaf;

export type RegexLeaf = CharacterLeaf | Assertion;

/** What matches characters. `insensitive`: in any case, too. */
export type CharacterLeaf =
  /** At least one character. */
  | { kind: "literal"; text: string; insensitive: boolean }
  /** One character of a set. */
  | { kind: "class"; set: CharacterSet; insensitive: boolean };

/** What holds at a place in the text. */
export type Assertion =
  | { kind: "assertion"; at: "text-start" | "text-end" | "line-start" | "line-end" }
  | { kind: "assertion"; at: WordPlace; unicode: boolean };

/** Halves look to one side only: no word character before a start, none after an end. */
export type WordPlace = "word-boundary" | "no-word-boundary" | "word-start" | "word-end" | "word-start-half" | "word-end-half";

/** A set of code points. */
export type CharacterSet =
  | CharacterItem
  | { kind: "union"; sets: readonly CharacterSet[] }
  | { kind: "complement"; of: CharacterSet }
  /** The steps are taken from left to right, each with what the ones before have left. */
  | { kind: "combination"; first: CharacterSet; steps: readonly SetStep[] };

/** A set that is not made of others. */
export type CharacterItem =
  /** Both bounds are in it. */
  | { kind: "range"; from: number; to: number }
  /** `\d`, `\s` or `\w`, in Unicode's meaning or ASCII's. */
  | { kind: "perl"; name: PerlName; unicode: boolean }
  /** What `\p{…}` holds in JavaScript. */
  | { kind: "property"; name: string };

export type PerlName = "d" | "s" | "w";

export interface SetStep {
  operator: "intersection" | "difference" | "symmetric-difference";
  set: CharacterSet;
}
