import fc from "fast-check";
import { expect, test } from "vitest";
import { createAnalyzer, type Token } from "./analyzer.js";
import { KnownStretches, Stretches } from "./stretches.js";

/** Whatever joins, divides, composes, or is never seen, beside each other. */
const character = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(..."abzAZ09 \n.,;'-_<=>()") },
  { weight: 2, arbitrary: fc.constantFrom(..."éß’‐·״“—\u00ad\u200b\u200d\u0301\u0338\u030a\u3099ﬁ①ａ´\u00a0İς") },
  { weight: 2, arbitrary: fc.constantFrom(..."日本語カーが、。서울ｶﾞᄒ\u1161ไทยиي\u064eع") },
  { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
);
const text = fc.array(character, { maxLength: 60 }).map((characters) => characters.join(""));

function stretchesOf(whole: string): string[] {
  const found: string[] = [];
  for (const stretches = new Stretches(whole); stretches.next(); ) found.push(whole.slice(stretches.start, stretches.end));
  return found;
}

test("stretches end where nothing is read across, and have no joiners at their ends", () => {
  expect(stretchesOf("  'Tis well-known; (a_b.c...) 3.5%, caf\u00e9—bar x=\u0338y")).toEqual([
    "Tis",
    "well-known",
    "a_b.c",
    "3.5",
    "caf\u00e9—bar",
    "x",
    "\u0338y",
  ]);
  for (const nothing of ["", " ", "-.'_", "(-)"]) expect(stretchesOf(nothing)).toEqual([]);
});

test.each([
  ["as by default", createAnalyzer()],
  ["with stop words and diacritics", createAnalyzer({ keepDiacritics: true, stopWords: ["a", "z"] })],
  ["with stems", createAnalyzer({ stemming: "english" }, { stem: (form) => form.replace(/s$/, "") })],
  ["without a segmenter", createAnalyzer({}, { segmenter: null })],
])("the tokens of a text are those of its stretches, %s", (_, analyzer) => {
  fc.assert(
    fc.property(text, (whole) => {
      const tokens: Token[] = stretchesOf(whole).flatMap((stretch) => analyzer.analyze(stretch));
      expect(tokens).toEqual(analyzer.analyze(whole));
    }),
    { numRuns: 1000 },
  );
});

test("a stretch is found by its characters, with its own numbers, and after more than are kept", () => {
  const known = new KnownStretches();
  const numbersOf = (which: number): number[] => [...known.numbers.subarray(known.first(which), known.end(which))];
  const only = (stretch: string): [string, Stretches] => {
    const stretches = new Stretches(stretch);
    stretches.next();
    return [stretch, stretches];
  };
  const expected = (i: number): number[] => (i % 3 === 0 ? [] : [i, i + 1]);
  for (let i = 0; i < 70_000; i++) {
    const stretch = only(`w${i.toString(36)}`);
    if (known.find(...stretch) !== -1) throw new Error(`${stretch[0]} is known before it was there`);
    known.add(...stretch, expected(i));
    if (i % 97 > 0) continue;
    expect(numbersOf(known.find(...stretch))).toEqual(expected(i));
    const before = i - (i % 32_768 > 9 ? 9 : 0);
    expect(numbersOf(known.find(...only(`w${before.toString(36)}`)))).toEqual(expected(before));
  }
  expect(known.find(...only("w0"))).toBe(-1);
  expect(known.bytes).toBeLessThan(4_000_000);
  const long = only("x".repeat(25));
  known.add(...long, [1]);
  expect(known.find(...long)).toBe(-1);
});

test("stretches of one hash are told apart", () => {
  const known = new KnownStretches();
  const like = (stretch: string) => Object.assign(new Stretches(stretch), { start: 0, end: stretch.length, hash: 7 });
  const stretches = ["tide", "tida", "tid", "ebb", "é"];
  for (const [i, stretch] of stretches.entries()) known.add(stretch, like(stretch), [i]);
  for (const [i, stretch] of stretches.entries()) {
    const which = known.find(stretch, like(stretch));
    expect([...known.numbers.subarray(known.first(which), known.end(which))]).toEqual([i]);
  }
  expect(known.find("flow", like("flow"))).toBe(-1);
});
