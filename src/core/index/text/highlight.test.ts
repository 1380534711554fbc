import fc from "fast-check";
import { expect, test } from "vitest";
import { atOnce } from "../../base/steps.js";
import { limits } from "../../limits.js";
import { createAnalyzer, defaultAnalyzer } from "./analyzer.js";
import { readOperators } from "./clauses.js";
import { type Highlighting, highlight, phrasesOf } from "./highlight.js";

const noPhrases = phrasesOf(defaultAnalyzer, { text: "", required: [] });
const how = { before: "[", after: "]", maxLength: Infinity };

const found = (document: string, terms: readonly string[], given: Partial<Highlighting> = {}, phrases = noPhrases) =>
  atOnce(highlight(defaultAnalyzer, document, terms, phrases, { ...how, ...given }));
const marked = (document: string, ...terms: string[]) => found(document, terms).snippet;

test.each([
  ["A Tide, a TIDE; tides", ["tide"], "A [Tide], a [TIDE]; tides"],
  ["Cafe\u0301 or CAFÉ or cafe", ["café"], "[Cafe\u0301] or [CAFÉ] or cafe"],
  ["co\u00adop\u00aderate now", ["cooperate"], "[co\u00adop\u00aderate] now"],
  ["a co-operate b", ["co-operate"], "a [co-operate] b"],
  ["camelCase", ["case"], "camel[Case]"],
  ["ﬁne ①②", ["fine", "12"], "[ﬁne] [①②]"],
  ["南京市长江大桥", ["南京", "京市"], "[南京市]长江大桥"],
  ["서울에서", ["서울"], "[서울]에서"],
  ["كِتاب جديد", ["كِتاب"], "[كِتاب] جديد"],
  ["🌊 tide 🌊", ["tide"], "🌊 [tide] 🌊"],
  ["nothing", ["tide"], "nothing"],
  ["", ["tide"], ""],
])("in %j the terms %j are marked", (document, terms, expected) => {
  expect(marked(document, ...terms)).toBe(expected);
});

test("ranges ascend, and those that touch are one", () => {
  const { ranges, start, end } = found("tide pool, 南京市 tide", ["tide", "南京", "京市"]);
  expect(ranges).toEqual([
    { start: 0, end: 4 },
    { start: 11, end: 14 },
    { start: 15, end: 19 },
  ]);
  expect([start, end]).toEqual([0, 19]);
});

test.each([
  ["江", ["江大"], "长[江]大桥"],
  ["江 桥", ["江大", "桥"], "长[江]大[桥]"],
  ["江 大桥", ["江大", "大桥"], "长[江大桥]"],
  ["江大", ["江大"], "长[江大]桥"],
  ["大 大桥", ["大桥"], "长江[大桥]"],
])("of what a single character of the query %j led to, that character is marked", (query, terms, expected) => {
  const phrases = phrasesOf(defaultAnalyzer, { text: query, required: [] });
  expect(found("长江大桥", terms, {}, phrases).snippet).toBe(expected);
  expect(found("长江大桥", terms, {}, phrasesOf(defaultAnalyzer, readOperators(query))).snippet).toBe(expected);
});

test("words that are in phrases only are marked where the phrase stands, and others everywhere", () => {
  const document = "spring tide and the tide of spring, the spring-tide; neap";
  const terms = ["spring", "tide", "neap"];
  const marks = (query: string) => found(document, terms, {}, phrasesOf(defaultAnalyzer, readOperators(query))).snippet;
  expect(marks('"spring tide" neap')).toBe("[spring tide] and the tide of spring, the [spring-tide]; [neap]");
  expect(marks('"spring tide" tide')).toBe("[spring tide] and the [tide] of spring, the [spring-tide]; [neap]");
  expect(marks('"" +neap')).toBe("[spring] [tide] and the [tide] of [spring], the [spring]-[tide]; [neap]");
});

test("a phrase is marked over the border of two pieces of a long text", () => {
  for (let words = 0; words < 4; words++) {
    const before = "tide ".repeat(6551 + words);
    const document = `${before}ebb and flow ${"tide ".repeat(9000)}`;
    const { ranges } = found(document, ["ebb"], {}, phrasesOf(defaultAnalyzer, readOperators('"ebb and flow"')));
    expect(ranges).toEqual([{ start: before.length, end: before.length + 12 }]);
  }
});

test("a snippet has the most different words, then the most, and ends where words end", () => {
  const document = `tide tide tide ${"x ".repeat(100)}the tide fills a pool by the shore ${"y ".repeat(100)}`;
  const { snippet, start, end } = found(document, ["tide", "pool"], { maxLength: 40 });
  expect(snippet).toBe("…x the [tide] fills a [pool] by the shore y…");
  expect(document.slice(start, end)).toBe("x the tide fills a pool by the shore y");
  expect(found(document, ["tide"], { maxLength: 30 }).snippet).toMatch(/^\[tide\] \[tide\] \[tide\] x x/);
  expect(found(document, ["y"], { maxLength: 9 }).snippet).toBe("…[y] [y] [y] [y] [y]…");
  expect(found(document, [], { maxLength: 12 }).snippet).toBe("tide tide…");
  expect(found("averyveryverylongword", ["averyveryverylongword"], { maxLength: 5 }).snippet).toBe("[avery]…");
  expect(found("今天天气很好我们去公园吧", ["公园"], { maxLength: 6 }).snippet).toBe("…我们去[公园]吧");
});

test("a long document is looked through so far, with turns on the way", () => {
  const document = "tide ".repeat(limits.highlightLengthMax / 5);
  const steps = highlight(defaultAnalyzer, `${"x ".repeat(400_000)}tide ${document}tide`, ["tide"], noPhrases, { ...how, maxLength: 9 });
  let turns = 0;
  let step = steps.next();
  for (; !step.done; step = steps.next()) turns++;
  expect(turns).toBeGreaterThan(10);
  expect(step.value!.ranges).toHaveLength(limits.highlightMatchesMax);
  expect(found(`${"x ".repeat(limits.highlightLengthMax / 2)}tide`, ["tide"], { maxLength: 9 })).toMatchObject({ ranges: [], start: 0 });
});

const letters = [
  "tide",
  "Café",
  "cafe\u0301",
  "co\u00adop",
  "كِتاب",
  "서울에서",
  "南京市长江",
  "😀",
  "\ud800",
  "हिन्दी",
  " ",
  " ",
  "-",
  "，",
];

test("what is marked is what was found, and the rest of a snippet is the document", () => {
  const analyzers = [defaultAnalyzer, createAnalyzer({}, { segmenter: null })];
  fc.assert(
    fc.property(
      fc.constantFrom(...analyzers),
      fc.array(fc.constantFrom(...letters), { maxLength: 30 }),
      fc.array(fc.nat(60), { maxLength: 4 }),
      fc.integer({ min: 1, max: 60 }),
      (analyzer, parts, picks, maxLength) => {
        const document = parts.join(" ");
        const all = analyzer.analyze(document);
        const forms = picks.flatMap((pick) => all[pick]?.form ?? []);
        const given = { before: "<", after: ">", maxLength };
        const { ranges, snippet, start, end } = atOnce(highlight(analyzer, document, forms, noPhrases, given));
        for (const range of ranges) {
          const said = analyzer.analyze(document.slice(range.start, range.end)).map(({ form }) => form);
          expect(forms.some((form) => said.includes(form))).toBe(true);
        }
        for (const [i, range] of ranges.slice(1).entries()) expect(range.start).toBeGreaterThan(ranges[i]!.end);
        expect(ranges.length > 0).toBe(forms.length > 0);
        if (ranges.length > 0) expect(snippet).toContain("<");
        const shown = (start > 0 ? "…" : "") + document.slice(start, end) + (end < document.length ? "…" : "");
        expect(snippet.replaceAll(/[<>]/g, "")).toBe(shown);
        // A character with its marks may go beyond.
        expect(end - start).toBeLessThanOrEqual(maxLength + 4);
      },
    ),
    { numRuns: 1000 },
  );
});
