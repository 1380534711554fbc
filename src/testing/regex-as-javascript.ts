/**
 * A pattern's tree as a `RegExp` of the platform, which backtracks: what the automaton's answers are compared with. Case counts
 * everywhere or nowhere. Unicode's word boundaries are spelt out.
 */
import { codeSource, setSource } from "../core/gateway/regex/source.js";
import type { Assertion, RegexTree, WordPlace } from "../core/gateway/regex/tree.js";

export function asJavaScript(tree: RegexTree, insensitive: boolean): RegExp {
  return new RegExp(write(tree), insensitive ? "iu" : "u");
}

function write(tree: RegexTree): string {
  switch (tree.kind) {
    case "concatenation":
      return tree.parts.map(write).join("");
    case "alternation":
      return `(?:${tree.branches.map(write).join("|")})`;
    case "repetition":
      return `(?:${write(tree.of)}){${tree.min},${Number.isFinite(tree.max) ? tree.max : ""}}`;
    case "literal":
      return Array.from(tree.text, (char) => codeSource(char.codePointAt(0)!)).join("");
    case "class":
      return setSource(tree.set);
    case "assertion":
      return place(tree);
  }
}

function place(assertion: Assertion): string {
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
      return wordPlace(assertion.at, setSource({ kind: "perl", name: "w", unicode: assertion.unicode }));
  }
}

function wordPlace(at: WordPlace, word: string): string {
  const [before, after, notBefore, notAfter] = [`(?<=${word})`, `(?=${word})`, `(?<!${word})`, `(?!${word})`];
  switch (at) {
    case "word-boundary":
      return `(?:${notBefore}${after}|${before}${notAfter})`;
    case "no-word-boundary":
      return `(?:${before}${after}|${notBefore}${notAfter})`;
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
