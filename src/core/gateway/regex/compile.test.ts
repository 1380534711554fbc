import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TidepoolError } from "../../errors.js";
import { limits } from "../../limits.js";
import { compileRegex } from "./compile.js";

describe("compileRegex means what Rust's regex crate means", () => {
  test.each<[pattern: string, matching: string[], others: string[]]>([
    ["", ["", "x"], []],
    ["x*", ["", "abc"], []],
    ["^ab$", ["ab"], ["cab", "ab\n", "x\nab"]],
    ["a|b", ["za", "zb"], ["z"]],
    ["a|", ["z"], []],
    ["W.*d", ["World"], ["W\nd", "dW"]],
    // Only the line feed is excluded from the dot.
    ["a.b", ["a\rb", "a\u2028b", "a💧b"], ["a\nb"]],
    ["(?s)a.b", ["a\nb"], ["ab"]],
    ["(?m)^b$", ["b", "a\nb\nc"], ["a\rb", "bc"]],
    ["(?s-m:^b.$)", ["b\n"], ["a\nb\n"]],
    ["\\Aab\\z", ["ab"], ["ab\n"]],
    // A flag set inside a group ends with the group, not with the alternative.
    ["^((?s).).$", ["\nx"], ["x\n"]],
    ["^(?:(?s)x|.)$", ["\n"], ["\n\n"]],
    ["(?i)hello", ["HeLLo"], ["help"]],
    ["\\d+ (?i)kg", ["12 KG", "12 kg"], ["12 g"]],
    ["(?i:straße)|(?i:ÄRA)", ["STRAßE", "ära"], ["strase"]],
    ["(?i)[^x]", ["y"], ["x", "X"]],
    ["(?i)\\P{Lu}", ["1"], ["a", "A"]],
    ["(?i)[\\P{Lu}]", ["1"], ["a", "A"]],
    ["(?x) a b # comment\n c", ["abc"], ["a b c"]],
    ["(?x)[a b]\\ c", ["a c", "b c"], ["  c"]],
    ["(?U)^a+?$", ["aaa"], ["b"]],
    // Unicode classes and word boundaries.
    ["^\\d$", ["7", "٣"], ["x", "½"]],
    ["^\\w+$", ["naïve_1", "日本語"], ["a b", "a-b"]],
    ["^\\W$", ["-", " "], ["é", "_"]],
    ["^\\s$", [" ", "\u00a0", "\u2003"], ["\ufeff", "x"]],
    ["\\bfox\\b", ["the fox!", "fox"], ["foxes", "éfox"]],
    ["\\Bx", ["ax", "éx"], ["x", "-x"]],
    ["\\b{start}x", ["x", "-xa"], ["ax"]],
    ["x\\b{end}", ["ax"], ["xa"]],
    ["\\<x\\>", ["a x b"], ["ax"]],
    ["^(?-u:\\d)$", ["1"], ["٣"]],
    ["(?-u:\\b)fox", ["éfox"], ["afox"]],
    ["\\p{Greek}", ["λ"], ["l"]],
    ["\\p{greek}\\pL\\p{sc=Latin}\\p{Script_Extensions=Han}", ["λéa日"], ["λéλ日"]],
    ["^\\p{^Lu}\\p{gc!=Lu}\\p{uppercase letter}$", ["aaA"], ["AaA", "aaa"]],
    ["日本.", ["日本語"], ["日本"]],
    // Classes.
    ["^[]a]$", ["]", "a"], ["b"]],
    ["^[^]a]$", ["b"], ["]", "a"]],
    ["^[-a-c-]$", ["-", "b"], ["d"]],
    ["^[a-c&&[^b]]$", ["a", "c"], ["b", "d"]],
    ["^[\\w--\\d_]$", ["a"], ["1", "_"]],
    ["^[a-c~~b-d]$", ["a", "d"], ["b", "c", "e"]],
    ["^[a-f&&b-e--c~~d-g&&[^g]]$", ["b", "f"], ["a", "c", "d", "e", "g"]],
    ["^[^a[b-c]\\D]$", ["1"], ["a", "b", "x"]],
    ["^[[:alpha:][:^space:]_]$", ["a", "1", "_"], [" "]],
    ["^[\\]\\-^\\\\]+$", ["]-^\\"], ["a"]],
    ["^[a&&b]$", [], ["a", "b", "&"]],
    // Repetition, escapes, literals that JavaScript's u flag would refuse.
    ["^a{2}{2}$", ["aaaa"], ["aa"]],
    ["^a{,2}$", ["", "aa"], ["aaa"]],
    ["^a{1,}?b$", ["aab"], ["b"]],
    ["^a**b$", ["b", "aab"], ["c"]],
    ["^*$*x", ["ax"], ["a"]],
    ["^]}$", ["]}"], ["]"]],
    ["^\\x41\\u0042\\U00000043\\x{1F4A7}$", ["ABC💧"], ["ABC"]],
    ["^\\-\\/\\%\\ \\t\\a$", ["-/% \t\u0007"], ["-"]],
    ["(?P<year>\\d{4})-(?<month>\\d\\d)", ["2024-05"], ["24-05"]],
    ["💧{2}", ["💧💧"], ["💧"]],
  ])("%s", (pattern, matching, others) => {
    const regex = compileRegex(pattern);
    for (const text of matching) expect(regex.test(text), `should match ${JSON.stringify(text)}`).toBe(true);
    for (const text of others) expect(regex.test(text), `should not match ${JSON.stringify(text)}`).toBe(false);
  });

  test("the same in an ASCII text as in one with something else at its end", () => {
    const patterns = [
      "\\ba",
      "a\\b",
      "\\Ba",
      "a\\B",
      "\\wa",
      "a\\W+b",
      "(?i)\\bA\\d",
      "\\sa[^\\w]",
      "[\\D--_]a",
      "\\b{start}a",
      "a\\b{end}",
      "\\b_a",
    ];
    const text = fc.string({ unit: fc.constantFrom("a", "b", "A", "_", "1", " ", "\t", "-"), maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom(...patterns), text, (pattern, text) => {
        const regex = compileRegex(pattern);
        // A line feed and an umbrella: neither is a word character, and no pattern above ends in either.
        return regex.test(`${text}-`) === regex.test(`${text}-\n☂`);
      }),
      { numRuns: 1000 },
    );
  });

  test("mixes case rules where the platform has modifiers, and says so where it has not", () => {
    const mixed = () => compileRegex("a(?i:b)");
    if (hasModifiers()) {
      expect(mixed().test("aB")).toBe(true);
      expect(mixed().test("AB")).toBe(false);
    } else expect(mixed).toThrow(/mixes case-sensitive and case-insensitive/);
  });
});

test.each<[pattern: string, reason: RegExp]>([
  ["[", /unclosed character class/],
  ["[a", /unclosed character class/],
  ["[a-", /unclosed character class/],
  ["(a", /unclosed group/],
  ["a)", /unopened group/],
  ["*a", /missing expression \(at position 0\)/],
  ["a|*", /missing expression \(at position 2\)/],
  ["(?i)*", /missing expression/],
  ["(?)", /missing expression/],
  ["{2}", /missing expression/],
  ["a{2", /repetition count/],
  ["a{,}", /repetition count/],
  ["a{3,2}", /start is greater/],
  ["[z-a]", /start is greater/],
  ["[a-\\d]", /range boundary/],
  ["[\\b]", /in character class/],
  ["[[:nope:]]", /POSIX/],
  ["(a)\\1", /backreferences are not supported/],
  ["(?=a)", /look-around is not supported/],
  ["(?!a)", /look-around is not supported/],
  ["(?<=a)b", /look-around is not supported/],
  ["(?<!a)b", /look-around is not supported/],
  ["(?R)a", /flag R is not supported/],
  ["(?ii)a", /duplicate flag/],
  ["(?i-)a", /unrecognized flag/],
  ["(?P<1>a)", /capture group name/],
  ["(?<n>a)(?<n>b)", /duplicate capture group name n/],
  ["\\y", /unrecognized escape/],
  ["\\é", /unrecognized escape/],
  ["a\\", /incomplete escape/],
  ["\\x{110000}", /scalar value/],
  ["\\uD800", /scalar value/],
  ["\\xG", /hexadecimal/],
  ["\\p{Nonsense}", /property not found/],
  ["\\p{L}|\\p{}.*(", /property not found/],
  ["(?-u).", /invalid UTF-8/],
  ["(?-u)[^a]", /invalid UTF-8/],
  ["(?-u)\\W", /invalid UTF-8/],
  ["(?-u)\\pL", /without the u flag/],
])("%s is refused", (pattern, reason) => {
  expect(() => compileRegex(pattern)).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(reason) as string }),
  );
});

test.each([
  ["nesting of groups", "(".repeat(limits.regexNestMax + 1) + ")".repeat(limits.regexNestMax + 1)],
  ["unclosed groups without end", "(".repeat(100_000)],
  ["nesting of classes", "[".repeat(limits.regexNestMax + 1)],
  ["length", "a".repeat(limits.regexSizeMax + 1)],
  ["a repetition count", "a{99999999999999999999}"],
  ["repetitions of repetitions", "((a{200}){200}){200}"],
  ["symmetric differences", `[a${"~~b".repeat(15)}]`],
  ["symmetric differences of such", `[a${"~~[b~~c]".repeat(30)}]`],
])("%s beyond the limit is refused", (_, pattern) => {
  expect(() => compileRegex(pattern)).toThrow(expect.objectContaining({ code: "LIMIT_EXCEEDED" }));
});

test("patterns at the limits compile", () => {
  expect(compileRegex("(".repeat(limits.regexNestMax) + "a" + ")".repeat(limits.regexNestMax)).test("a")).toBe(true);
  expect(compileRegex("a".repeat(limits.regexSizeMax)).test("a")).toBe(false);
  expect(compileRegex("^\\w{5000}$").test("é".repeat(5000))).toBe(true);
  expect(compileRegex(`^[a${"~~b".repeat(14)}]$`).test("a")).toBe(true);
});

test("a class of very many sets is compiled, or refused", () => {
  expect(compileRegex(`^[a-z${"&&[^x]--[y]".repeat(500)}]+$`).test("az")).toBe(true);
  // How many the platform can do is its own business; nested, so many end the process.
  expect(outcomeOf(`[a${"&&a".repeat(50_000)}]`)).toMatch(/^(compiled|INVALID_ARGUMENT)$/);
});

test("testing leaves no state behind", () => {
  const regex = compileRegex("a");
  expect([regex.test("a"), regex.test("a"), regex.test("a")]).toEqual([true, true, true]);
});

function outcomeOf(pattern: string): string {
  try {
    compileRegex(pattern);
    return "compiled";
  } catch (error) {
    return (error as TidepoolError).code;
  }
}

function hasModifiers(): boolean {
  try {
    // biome-ignore lint/complexity/useRegexLiterals: a literal would not even parse where there are none
    new RegExp("(?i:a)", "u");
    return true;
  } catch {
    return false;
  }
}
