/**
 * Writes the tree of a regular expression as JavaScript, for a `RegExp` with the flag u. No part of the pattern is copied,
 * because the same characters mean different things in Rust and here: every character but letters and digits is escaped,
 * and what JavaScript lacks (Unicode's word boundaries, sets combined from others) is spelt out with look-around.
 */
import type { Assertion, CharacterItem, CharacterLeaf, CharacterSet, PerlName, RegexLeaf, RegexTree, SetStep, WordPlace } from "./tree.js";

/**
 * What the texts to be tested are made of. Unicode's word characters are hundreds of ranges and slow to look for; in an
 * ASCII text the few ASCII ones mean the same and are found up to forty times faster.
 */
export type Alphabet = "unicode" | "ascii";

const PERL_UNICODE: Readonly<Record<PerlName, string>> = {
  d: "\\p{Nd}",
  s: "\\p{White_Space}",
  w: "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}",
};
const PERL_ASCII: Readonly<Record<PerlName, string>> = { d: "0-9", s: "\\t-\\r ", w: "0-9A-Za-z_" };

/** Which rules for case a tree has, where case makes a difference: that it counts, and that it does not. */
export function caseRulesOf(tree: RegexTree): { hasSensitive: boolean; hasInsensitive: boolean } {
  const cased = [...leavesOf(tree)].filter(isCased);
  return { hasSensitive: cased.some((leaf) => !leaf.insensitive), hasInsensitive: cased.some((leaf) => leaf.insensitive) };
}

function* leavesOf(tree: RegexTree): Generator<RegexLeaf, void, undefined> {
  switch (tree.kind) {
    case "concatenation":
      for (const part of tree.parts) yield* leavesOf(part);
      return;
    case "alternation":
      for (const branch of tree.branches) yield* leavesOf(branch);
      return;
    case "repetition":
      return yield* leavesOf(tree.of);
    default:
      yield tree;
  }
}

function isCased(leaf: RegexLeaf): leaf is CharacterLeaf {
  if (leaf.kind === "literal") return hasCase(leaf.text);
  return leaf.kind === "class" && isCasedSet(leaf.set);
}

/** Whether the set may be another one when case is folded. */
function isCasedSet(set: CharacterSet): boolean {
  switch (set.kind) {
    case "range":
      return set.from === set.to ? hasCase(String.fromCodePoint(set.from)) : !isBesideLetters(set.from, set.to);
    case "perl":
      return false;
    case "property":
      return true;
    case "union":
      return set.sets.some(isCasedSet);
    case "complement":
      return isCasedSet(set.of);
    case "combination":
      return isCasedSet(set.first) || set.steps.some((step) => isCasedSet(step.set));
  }
}

function hasCase(text: string): boolean {
  return text.toLowerCase() !== text || text.toUpperCase() !== text;
}

/** Within ASCII, and none of its letters in between. */
function isBesideLetters(from: number, to: number): boolean {
  return to < 0x41 || (from > 0x5a && to < 0x61) || (from > 0x7a && to < 0x80);
}

/**
 * With `modifiers`, each part that ignores case says so itself: `(?i:…)`. Without, the flag i is to be set for the whole
 * where parts ignore case.
 */
export function sourceOf(tree: RegexTree, alphabet: Alphabet, modifiers: boolean): string {
  return new SourceWriter(alphabet, modifiers).write(tree);
}

class SourceWriter {
  readonly #alphabet: Alphabet;
  readonly #modifiers: boolean;

  constructor(alphabet: Alphabet, modifiers: boolean) {
    this.#alphabet = alphabet;
    this.#modifiers = modifiers;
  }

  write(tree: RegexTree): string {
    switch (tree.kind) {
      case "concatenation":
        return tree.parts.map((part) => this.write(part)).join("");
      case "alternation":
        return `(?:${tree.branches.map((branch) => this.write(branch)).join("|")})`;
      case "repetition":
        return `(?:${this.write(tree.of)}){${tree.min},${Number.isFinite(tree.max) ? tree.max : ""}}`;
      case "literal":
        return this.#folding(tree, Array.from(tree.text, (char) => escapeCode(char.codePointAt(0)!)).join(""));
      case "class":
        return this.#folding(tree, this.#set(tree.set));
      case "assertion":
        return this.#assertion(tree);
    }
  }

  #folding({ insensitive }: CharacterLeaf, source: string): string {
    return this.#modifiers && insensitive ? `(?i:${source})` : source;
  }

  #assertion(assertion: Assertion): string {
    switch (assertion.at) {
      case "text-start":
        return "^";
      case "text-end":
        return "$";
      case "line-start":
        return "(?<![^\\n])";
      case "line-end":
        return "(?![^\\n])";
      default:
        return this.#wordPlace(assertion.at, assertion.unicode);
    }
  }

  #wordPlace(at: WordPlace, unicode: boolean): string {
    const word = `[${this.#perl("w", unicode)}]`;
    const [before, after, notBefore, notAfter] = [`(?<=${word})`, `(?=${word})`, `(?<!${word})`, `(?!${word})`];
    switch (at) {
      case "word-boundary":
        return this.#alphabet === "ascii" ? "\\b" : `(?:${notBefore}${after}|${before}${notAfter})`;
      case "no-word-boundary":
        return this.#alphabet === "ascii" ? "\\B" : `(?:${before}${after}|${notBefore}${notAfter})`;
      case "word-start":
        return notBefore + after;
      case "word-end":
        return before + notAfter;
      case "word-start-half":
        return notBefore;
      case "word-end-half":
        return notAfter;
    }
  }

  /** Matches exactly one code point. */
  #set(set: CharacterSet): string {
    switch (set.kind) {
      case "union":
        return this.#union(set.sets);
      case "complement":
        return this.#complement(set.of);
      case "combination":
        return this.#combination(set.first, set.steps);
      default:
        return `[${this.#item(set)}]`;
    }
  }

  #union(sets: readonly CharacterSet[]): string {
    const items = sets.filter(isItem);
    const bracket = `[${this.#items(items)}]`;
    const others = sets.filter((set) => !isItem(set)).map((set) => this.#set(set));
    if (others.length === 0) return bracket;
    return `(?:${(items.length === 0 ? others : [bracket, ...others]).join("|")})`;
  }

  #complement(of: CharacterSet): string {
    const sets = of.kind === "union" ? of.sets : [of];
    // [^\p{…}] and not \P{…}: only the former complements after folding case, as Rust does.
    return sets.every(isItem) ? `[^${this.#items(sets)}]` : `(?:(?!${this.#set(of)})[^])`;
  }

  /** What a character has to be besides stands in front of it, side by side: some thousand levels of nesting end the process. */
  #combination(first: CharacterSet, steps: readonly SetStep[]): string {
    let conditions = "";
    let source = this.#set(first);
    for (const { operator, set } of steps) {
      const right = this.#set(set);
      if (operator === "symmetric-difference") {
        const left = conditions + source;
        [conditions, source] = ["", `(?:(?!${right})${left}|(?!${left})${right})`];
      } else conditions += `(?${operator === "intersection" ? "=" : "!"}${right})`;
    }
    return `(?:${conditions}${source})`;
  }

  /** What stands in brackets. */
  #items(items: readonly CharacterItem[]): string {
    return items.map((item) => this.#item(item)).join("");
  }

  #item(item: CharacterItem): string {
    switch (item.kind) {
      case "range":
        return item.from === item.to ? escapeCode(item.from) : `${escapeCode(item.from)}-${escapeCode(item.to)}`;
      case "perl":
        return this.#perl(item.name, item.unicode);
      case "property":
        return `\\p{${item.name}}`;
    }
  }

  #perl(name: PerlName, unicode: boolean): string {
    return (unicode && this.#alphabet === "unicode" ? PERL_UNICODE : PERL_ASCII)[name];
  }
}

function isItem(set: CharacterSet): set is CharacterItem {
  return set.kind !== "union" && set.kind !== "complement" && set.kind !== "combination";
}

function escapeCode(code: number): string {
  return /[0-9A-Za-z]/.test(String.fromCodePoint(code)) ? String.fromCodePoint(code) : `\\u{${code.toString(16)}}`;
}
