import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asJavaScript } from "../../../testing/regex-as-javascript.js";
import { atOnce, type Steps } from "../../base/steps.js";
import type { TidepoolError } from "../../errors.js";
import { limits } from "../../limits.js";
import { PatternMemory } from "./automaton.js";
import { compileRegex } from "./compile.js";
import { parseRegex } from "./parse.js";

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
    for (const text of matching) expect(atOnce(regex.test(text)), `should match ${JSON.stringify(text)}`).toBe(true);
    for (const text of others) expect(atOnce(regex.test(text)), `should not match ${JSON.stringify(text)}`).toBe(false);
  });

  test("case may count in one part and not in another", () => {
    const regex = compileRegex("a(?i:b)[c-d](?i:[e-f])");
    expect(matches(regex, "aBcE", "abdf")).toEqual([true, true]);
    expect(matches(regex, "ABcE", "aBCE")).toEqual([false, false]);
  });

  test("folding case is Unicode's, and of \\w nothing is folded", () => {
    expect(matches(compileRegex("(?i)^ks$"), "KS", "\u212aſ", "ks")).toEqual([true, true, true]);
    expect(matches(compileRegex("(?i)^ΣTRASSE$"), "ςtrasse", "σTRASSE")).toEqual([true, true]);
    expect(matches(compileRegex("(?i-u)^\\w$"), "K", "ſ")).toEqual([true, false]);
  });

  test("a match does not begin inside a character", () => {
    expect(matches(compileRegex("(?:^|$)\\B"), "a💧b", "💧")).toEqual([false, true]);
  });
});

describe("agrees with the platform", () => {
  const atoms = ["a", "B", "k", "é", "Σ", "1", "_", " ", "\\n", "日", ".", "\\d", "\\w", "\\S", "\\W", "[ab]", "[^a]"];
  const sets = ["[A-Z&&[^K]]", "[\\w--a]", "[k-s~~a-m]", "\\pL", "\\P{Lu}", "\\p{Greek}", "[[:alpha:]]", "[é-ſ]"];
  const places = ["^", "$", "\\b", "\\B", "(?m:^)", "(?m:$)", "\\b{start}", "\\b{end}", "\\b{start-half}", "\\b{end-half}"];
  const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
    pattern: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom(...atoms, ...sets, ...places),
      fc.tuple(tie("pattern"), tie("pattern")).map(([a, b]) => a + b),
      fc.tuple(tie("pattern"), tie("pattern")).map(([a, b]) => `(${a}|${b})`),
      fc.tuple(tie("pattern"), fc.constantFrom("*", "+", "?", "{2}", "{1,3}", "{2,}")).map(([of, count]) => `(${of})${count}`),
    ),
  }));
  const text = fc.string({ unit: fc.constantFrom(..."aAbBkK\u212asſéÉΣςσ1_ \n日-x"), maxLength: 9 });

  test.each([
    ["case counts", false],
    ["case does not count", true],
  ])("where %s, also when it forgets what it knows all the time", (_, insensitive) => {
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 4, maxLength: 4 }), fc.boolean(), (pattern, texts, isShort) => {
        const flagged = (insensitive ? "(?i)" : "") + pattern;
        const memory = new PatternMemory();
        if (isShort) memory.bytes = Infinity;
        const regex = compileRegex(flagged, memory);
        const reference = asJavaScript(parseRegex(flagged), insensitive);
        expect(matches(regex, ...texts)).toEqual(texts.map((text) => reference.test(text)));
      }),
      { numRuns: 400 },
    );
  });
});

describe("takes time linear in the text's length", () => {
  const hostile = [
    "(a+)+$",
    "(a|a)*$",
    "(a|aa)+$",
    "(.*a){12}$",
    "(\\w+\\s?)+$",
    "a*a*a*a*a*a*b",
    "(a?){40}a{40}$",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
  ];

  test.each(hostile)("%s", (pattern) => {
    const work = (length: number): number => stepsOf(compileRegex(pattern).test(`${"a".repeat(length)}!`));
    expect(work(1 << 20)).toBeLessThanOrEqual(work(1 << 18) * 4 + 4);
    expect(work(1 << 20)).toBeLessThan(200);
  });

  test("with states without number, in bounded memory", () => {
    const memory = new PatternMemory();
    const regex = compileRegex("[ab]*a[ab]{12}c", memory);
    let bits = 1;
    const units = Array.from({ length: 100_000 }, () => ((bits = (bits * 48_271) % 2_147_483_647) & 4096 ? "a" : "b"));
    expect(stepsOf(regex.test(units.join("")))).toBeGreaterThan(2);
    expect(memory.bytes).toBeLessThan(limits.regexMemoryBytes + 65_536);
  });

  test("steps count over many short texts", () => {
    const regex = compileRegex("(a+)+$");
    let steps = 0;
    for (let i = 0; i < 1000; i++) steps += stepsOf(regex.test(`${"a".repeat(999)}!`));
    expect(steps).toBeGreaterThanOrEqual(30);
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
  expect(matches(compileRegex("(".repeat(limits.regexNestMax) + "a" + ")".repeat(limits.regexNestMax)), "a")).toEqual([true]);
  expect(matches(compileRegex("a".repeat(limits.regexSizeMax)), "a")).toEqual([false]);
  expect(matches(compileRegex("^\\w{5000}$"), "é".repeat(5000))).toEqual([true]);
  expect(matches(compileRegex(`^[a${"~~b".repeat(14)}]$`), "a")).toEqual([true]);
});

test("a class of very many sets is compiled, or refused", () => {
  expect(matches(compileRegex(`^[a-z${"&&[^x]--[y]".repeat(500)}]+$`), "az")).toEqual([true]);
  // How many the platform can do is its own business; nested, so many end the process.
  expect(outcomeOf(`[a${"&&a".repeat(50_000)}]`)).toMatch(/^(compiled|INVALID_ARGUMENT)$/);
});

test("testing leaves no state behind", () => {
  expect(matches(compileRegex("a"), "a", "b", "a")).toEqual([true, false, true]);
  expect(matches(compileRegex("^a+$"), "aa", "ab", "aa")).toEqual([true, false, true]);
});

function outcomeOf(pattern: string): string {
  try {
    compileRegex(pattern);
    return "compiled";
  } catch (error) {
    return (error as TidepoolError).code;
  }
}

function matches(regex: ReturnType<typeof compileRegex>, ...texts: string[]): boolean[] {
  return texts.map((text) => atOnce(regex.test(text)));
}

function stepsOf(steps: Steps<boolean>): number {
  let count = 0;
  while (steps.next().done !== true) count++;
  return count;
}
