import fc from "fast-check";
import { expect, test } from "vitest";
import { atOnce } from "../../base/steps.js";
import { type Analyzer, createAnalyzer, defaultAnalyzer } from "./analyzer.js";
import { phraseTest, readOperators, wordsOf } from "./clauses.js";

const word = (text: string) => ({ text, isPhrase: false });
const phrase = (text: string) => ({ text, isPhrase: true });

test.each([
  ["spring tides", "spring tides", [], []],
  ["+spring tides", "spring tides", [word("spring")], []],
  ["spring -tides", "spring ", [], [word("tides")]],
  ['"spring tide" moon', "spring tide moon", [phrase("spring tide")], []],
  ['+"spring tide" -"new moon"', "spring tide ", [phrase("spring tide")], [phrase("new moon")]],
  ['-5 well-known a - b c++ 5" x 6" "open', '-5 well-known a - b c++ 5" x 6" "open', [], []],
  ["-ñandú +Ключ", " Ключ", [word("Ключ")], [word("ñandú")]],
])("reads %j", (query, text, required, excluded) => {
  expect(readOperators(query)).toEqual({ text, required, excluded, boosts: [] });
});

test.each([
  ["spring^2 tide", "spring tide", [], [["spring", 2]]],
  [
    '+neap^.5 "spring tide"^3.25 -moon^4',
    "neap spring tide ",
    ["neap", "spring tide"],
    [
      ["neap", 0.5],
      ["spring tide", 3.25],
    ],
  ],
  [
    "well-known^10 data^999.999999999",
    "well-known data",
    [],
    [
      ["well-known", 10],
      ["data", 999.999999999],
    ],
  ],
  ["x^2^3", "x^2", [], [["x^2", 3]]],
  ["a^0 b^0.0 c^1000 d^-1 e^1e9 f^ ^2 2^3 g^2x h^∞", "a^0 b^0.0 c^1000 d^-1 e^1e9 f^ ^2 2^3 g^2x h^∞", [], []],
])("reads the boosts of %j", (query, text, required, boosts) => {
  const operators = readOperators(query);
  expect(operators.text).toBe(text);
  expect(operators.required.map((clause) => clause.text)).toEqual(required);
  expect(operators.boosts.map((boost) => [boost.text, boost.factor])).toEqual(boosts);
});

test("a long query is read in linear time", () => {
  for (const text of [`${"a^1".repeat(100_000)}x`, `a^${"1".repeat(300_000)}`, "^1 ".repeat(100_000)])
    expect(readOperators(text).text).toBe(text);
});

test.each([
  ["spring tide", "The SPRING-Tide comes", true],
  ["spring tide", "tide of spring", false],
  ["tide tide pool", "tide tide tide pool", true],
  ["café noir", "le cafe noir", true],
  ["长江大桥", "南京市长江大桥", true],
  ["pools", "pool", false],
  ["江", "南京市长江大桥", true],
  ["市长江", "南京市长江大桥", true],
  ["京都", "東京都に住む", true],
  ["江大 桥", "南京市长江大桥", true],
  ["长大", "南京市长江大桥", false],
  ["河", "南京市长江大桥", false],
  ["ab日", "ab 日本", true],
])("whether %j stands in %j", (text, document, holds) => {
  for (const analyzer of [defaultAnalyzer, createAnalyzer({}, { segmenter: null })]) {
    expect(atOnce(phraseTest(analyzer, text)(document))).toBe(holds);
  }
});

test("a phrase stands in a text where its words follow each other in the text's, whatever the writing", () => {
  const bit = fc.constantFrom(
    "spring",
    "Tide",
    "tıde",
    "İ",
    "café",
    "cafe\u0301",
    "é",
    "\u0301",
    "s\u00adpring",
    "ﬁn",
    "fin",
    "ὀδός",
    "й",
    "и\u0306",
  );
  const joint = fc.constantFrom(" ", "-", "'", "", ". ", "_", "\u200d", " 5", "日本", "서울", "ـ", " \u0301");
  const text = fc.array(fc.tuple(bit, joint), { minLength: 1, maxLength: 6 }).map((parts) => parts.flat().join(""));
  const plainly = (analyzer: Analyzer, document: string, sought: string): boolean => {
    const [all, words] = [wordsOf(analyzer.byCharacter, document), wordsOf(analyzer.byCharacter, sought)];
    return all.some((_, at) => words.length > 0 && words.every((one, i) => all[at + i] === one));
  };
  const analyzers = [defaultAnalyzer, createAnalyzer({ keepDiacritics: true }), createAnalyzer({ stopWords: ["fin", "й"] })];
  fc.assert(
    fc.property(fc.constantFrom(...analyzers), text, text, text, (analyzer, before, sought, after) => {
      fc.pre(wordsOf(analyzer.byCharacter, sought).length > 0);
      for (const document of [before + sought + after, `${before} ${sought} ${after}`, before + after])
        expect(atOnce(phraseTest(analyzer, sought)(document))).toBe(plainly(analyzer, document, sought));
    }),
    { numRuns: 1000 },
  );
});

test("a phrase is found in a long text wherever it is, a piece at a time", () => {
  const long = "the spring tide ".repeat(10_000);
  const steps = phraseTest(defaultAnalyzer, "neap tide")(`${long}${"x ".repeat(20_000)}neap tide`);
  let count = 0;
  while (!steps.next().done) count++;
  expect(count).toBeGreaterThan(4);
  for (let words = 0; words < 5; words++) {
    const text = `${"tide ".repeat(6551 + words)}ebb and flow again ${"tide ".repeat(9000)}`;
    expect(atOnce(phraseTest(defaultAnalyzer, "ebb and flow again")(text))).toBe(true);
  }
});
