import { describe, expect, test } from "vitest";
import { parseRegex } from "./parse.js";
import type { CharacterSet, RegexTree } from "./tree.js";

const exact = (text: string): RegexTree => ({ kind: "literal", text, insensitive: false });
const anyCase = (text: string): RegexTree => ({ kind: "literal", text, insensitive: true });
const sequence = (...parts: RegexTree[]): RegexTree => ({ kind: "concatenation", parts });
const either = (...branches: RegexTree[]): RegexTree => ({ kind: "alternation", branches });
const times = (of: RegexTree, min: number, max: number): RegexTree => ({ kind: "repetition", of, min, max });
const at = (place: "text-start" | "text-end" | "line-start" | "line-end"): RegexTree => ({ kind: "assertion", at: place });
const oneOf = (set: CharacterSet, insensitive = false): RegexTree => ({ kind: "class", set, insensitive });

const range = (from: string, to: string = from): CharacterSet => ({ kind: "range", from: from.codePointAt(0)!, to: to.codePointAt(0)! });
const union = (...sets: CharacterSet[]): CharacterSet => ({ kind: "union", sets });
const not = (of: CharacterSet): CharacterSet => ({ kind: "complement", of });
const perl = (name: "d" | "s" | "w", unicode = true): CharacterSet => ({ kind: "perl", name, unicode });

describe("the tree of", () => {
  test.each<[pattern: string, tree: RegexTree]>([
    ["", sequence()],
    ["tide", exact("tide")],
    ["a|bc|", either(exact("a"), exact("bc"), sequence())],
    ["💧\\x41\\.", exact("💧A.")],
    // Runs of characters grow together across groups, and a repetition takes only the last of them.
    ["(ti(?:de))(?P<n>s)", exact("tides")],
    ["low(er)*tide", sequence(exact("low"), times(exact("er"), 0, Infinity), exact("tide"))],
    ["ebb?", sequence(exact("eb"), times(exact("b"), 0, 1))],
    ["((a|b))c", sequence(either(exact("a"), exact("b")), exact("c"))],
    ["a(b|c)|d", either(sequence(exact("a"), either(exact("b"), exact("c"))), exact("d"))],
    // The rule for case is that of the place, whether set by a directive or by a group.
    ["a(?i)b(?-i:c)(?:d)", sequence(exact("a"), anyCase("b"), exact("c"), anyCase("d"))],
    ["(?i)a1[b-d]", sequence(anyCase("a1"), oneOf(range("b", "d"), true))],
    ["(?x) a b # sea\n c", exact("abc")],
    // Repetitions, the numbers of times.
    ["a{2}b{3,}c{,4}?", sequence(times(exact("a"), 2, 2), times(exact("b"), 3, Infinity), times(exact("c"), 0, 4))],
    ["a**", times(exact("a"), 0, Infinity)],
    ["(a{2}){3}", times(exact("a"), 6, 6)],
    ["a{0}*", times(exact("a"), 0, 0)],
    ["a+{0}", times(exact("a"), 0, 0)],
    ["(a{2,3}){1,2}", times(exact("a"), 2, 6)],
    ["(a{2})+", times(times(exact("a"), 2, 2), 1, Infinity)],
    ["(a{3})?", times(times(exact("a"), 3, 3), 0, 1)],
    // Assertions.
    ["^a$", sequence(at("text-start"), exact("a"), at("text-end"))],
    ["(?m)^\\Aa\\z$", sequence(at("line-start"), at("text-start"), exact("a"), at("text-end"), at("line-end"))],
    ["\\b", { kind: "assertion", at: "word-boundary", unicode: true }],
    ["(?-u)\\b{end-half}", { kind: "assertion", at: "word-end-half", unicode: false }],
    // Classes.
    [".", oneOf(not(range("\n")))],
    ["(?s).", oneOf(not(union()))],
    ["\\D", oneOf(not(perl("d")))],
    ["(?-u)\\w", oneOf(perl("w", false))],
    ["\\p{^greek}", oneOf(not({ kind: "property", name: "Script=Greek" }))],
    ["[a]", oneOf(range("a"))],
    ["[^a-c_\\s]", oneOf(not(union(range("a", "c"), range("_"), perl("s"))))],
    ["[[:alpha:]x[yz]]", oneOf(union(range("A", "Z"), range("a", "z"), range("x"), range("y"), range("z")))],
    ["[x[^y][:^digit:]]", oneOf(union(range("x"), not(range("y")), not(range("0", "9"))))],
    [
      "[a-z&&b-y--k]",
      oneOf({
        kind: "combination",
        first: range("a", "z"),
        steps: [
          { operator: "intersection", set: range("b", "y") },
          { operator: "difference", set: range("k") },
        ],
      }),
    ],
  ])("%s", (pattern, tree) => {
    expect(parseRegex(pattern)).toEqual(tree);
  });
});

test("a tree stays flat however often a term is repeated", () => {
  expect(depthOf(parseRegex(`a${"*{0,1}{1}??".repeat(10_000)}`))).toBe(1);
});

function depthOf(tree: RegexTree): number {
  let depth = 0;
  for (let inner = tree; inner.kind === "repetition"; inner = inner.of) depth++;
  return depth;
}
