/**
 * Writes a set of characters as JavaScript, for a `RegExp` with the flag u that matches exactly one code point. No part of the
 * pattern is copied, because the same characters mean different things in Rust and here: every character but letters and digits
 * is escaped, and what JavaScript lacks (sets combined from others) is spelt out with look-ahead.
 */
import { hasCase } from "../../base/has-case.js";
import type { CharacterItem, CharacterSet, PerlName, SetStep } from "./tree.js";

const PERL_UNICODE: Readonly<Record<PerlName, string>> = {
  d: "\\p{Nd}",
  s: "\\p{White_Space}",
  w: "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}",
};
const PERL_ASCII: Readonly<Record<PerlName, string>> = { d: "0-9", s: "\\t-\\r ", w: "0-9A-Za-z_" };

/** Matches exactly one code point. */
export function setSource(set: CharacterSet): string {
  switch (set.kind) {
    case "union":
      return unionSource(set.sets);
    case "complement":
      return complementSource(set.of);
    case "combination":
      return combinationSource(set.first, set.steps);
    default:
      return `[${itemSource(set)}]`;
  }
}

function unionSource(sets: readonly CharacterSet[]): string {
  const items = sets.filter(isItem);
  const bracket = `[${itemsSource(items)}]`;
  const others = sets.filter((set) => !isItem(set)).map(setSource);
  if (others.length === 0) return bracket;
  return `(?:${(items.length === 0 ? others : [bracket, ...others]).join("|")})`;
}

function complementSource(of: CharacterSet): string {
  const sets = of.kind === "union" ? of.sets : [of];
  // [^\p{…}] and not \P{…}: only the former complements after folding case, as Rust does.
  return sets.every(isItem) ? `[^${itemsSource(sets)}]` : `(?:(?!${setSource(of)})[^])`;
}

/** What a character has to be besides stands in front of it, side by side: some thousand levels of nesting end the process. */
function combinationSource(first: CharacterSet, steps: readonly SetStep[]): string {
  let conditions = "";
  let source = setSource(first);
  for (const { operator, set } of steps) {
    const right = setSource(set);
    if (operator === "symmetric-difference") {
      const left = conditions + source;
      [conditions, source] = ["", `(?:(?!${right})${left}|(?!${left})${right})`];
    } else conditions += `(?${operator === "intersection" ? "=" : "!"}${right})`;
  }
  return `(?:${conditions}${source})`;
}

/** What stands in brackets. */
function itemsSource(items: readonly CharacterItem[]): string {
  return items.map(itemSource).join("");
}

function itemSource(item: CharacterItem): string {
  switch (item.kind) {
    case "range":
      return item.from === item.to ? codeSource(item.from) : `${codeSource(item.from)}-${codeSource(item.to)}`;
    case "perl":
      return (item.unicode ? PERL_UNICODE : PERL_ASCII)[item.name];
    case "property":
      return `\\p{${item.name}}`;
  }
}

function isItem(set: CharacterSet): set is CharacterItem {
  return set.kind !== "union" && set.kind !== "complement" && set.kind !== "combination";
}

/** One code point, in brackets or out of them. */
export function codeSource(code: number): string {
  return /[0-9A-Za-z]/.test(String.fromCodePoint(code)) ? String.fromCodePoint(code) : `\\u{${code.toString(16)}}`;
}

/** Whether the set may be another one when case is folded. Of `\w` and its like Rust folds nothing. */
export function isCasedSet(set: CharacterSet): boolean {
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

/** Within ASCII, and none of its letters in between. */
function isBesideLetters(from: number, to: number): boolean {
  return to < 0x41 || (from > 0x5a && to < 0x61) || (from > 0x7a && to < 0x80);
}
