import fc from "fast-check";
import { expect, test } from "vitest";
import { limits } from "../../limits.js";
import { createAnalyzer, defaultAnalyzer, type TokenKind } from "./analyzer.js";

const withoutSegmenter = createAnalyzer({}, { segmenter: null });

const analyze = (text: string, analyzer = defaultAnalyzer) => analyzer.analyze(text);
const terms = (text: string, kind: TokenKind = "word", analyzer = defaultAnalyzer) =>
  analyze(text, analyzer).flatMap((token) => (token.kind === kind ? token.term : []));
const forms = (text: string) => analyze(text).flatMap(({ form, kind }) => (kind === "word" ? form : []));

/** Whether who looks for the query is led to the document by at least one term. */
const finds = (query: string, document: string) => {
  const known = new Set(analyze(document).map(({ term }) => term));
  return analyze(query).some(({ term }) => known.has(term));
};

test.each([
  ["The quick, brown FOX's 2nd den_3", ["the", "quick", "brown", "fox", "s", "2nd", "den", "3"]],
  ["Straße Größe naïve Ærø Łódź", ["strasse", "grosse", "naive", "aero", "lodz"]],
  ["ﬁne ①② Ｆｕｌｌ", ["fine", "12", "full"]],
  ["Ọjọ́ ẹ̀kọ́ ni", ["ojo", "eko", "ni"]],
  ["السلام عليكم، كِتاب أحمد مكتبة", ["السلام", "عليكم", "كتاب", "احمد", "مكتبه"]],
  ["שָׁלוֹם עולם", ["שלום", "עולם"]],
  ["Привет, мир! Ещё мой", ["привет", "мир", "еще", "мой"]],
  ["ΟΔΟΣ οδός", ["οδοσ", "οδοσ"]],
  ["İstanbul ISPARTA ılık", ["istanbul", "isparta", "ilik"]],
  ["हिन्दी की भाषा", ["हिन्दी", "की", "भाषा"]],
  ["안녕하세요 세계", ["안녕하세요", "세계"]],
  ["🌊 tide🐚pool ❤️!", ["tide", "pool"]],
  ["a\ud800b \udc00", ["a", "b"]],
  ["  ", []],
  ["", []],
])("the words of %j", (text, expected) => {
  expect(terms(text)).toEqual(expected.map((term) => term.normalize("NFKC")));
});

test("a form keeps the marks and loses the case", () => {
  expect(forms("CAFÉ Café cafe Straße כָּל")).toEqual(["café", "café", "cafe", "straße", "כָּל".normalize("NFKC")]);
  expect(forms("İstanbul")).toEqual(["istanbul"]);
});

test("composed and decomposed spellings are the same tokens", () => {
  for (const text of ["Ọjọ́ café й ё", "데이터", "データ", "بِسْمِ", "שָׁלוֹם"])
    expect(analyze(text.normalize("NFD"))).toEqual(analyze(text.normalize("NFC")));
});

test("what is never seen is not there", () => {
  for (const text of ["co\u00adop\u00aderate", "co\u200bope\u2060rate", "\ufeffcooperate\u200e"])
    expect(analyze(text)).toEqual(analyze("cooperate"));
  // The joiner between a Persian verb and its prefix.
  expect(terms("می\u200cخواهم")).toEqual(terms("میخواهم"));
});

test.each([
  ["cooperate", "co-operate"],
  ["cooperate", "co·op·erate"],
  ["dont", "don’t"],
  ["don't", "DON’T"],
  ["amour", "l'amour"],
  ["camel", "camelCase"],
  ["camelCase", "CAMELCASE"],
  ["camelcase", "camelCase"],
  ["parser", "HTMLParser"],
  ["snake", "snake_case"],
  ["snakecase", "snake_case"],
  ["b", "a.b.c"],
  ["getUserName", "get_user_name"],
  ["nodejs", "node.js"],
  ["صهل", "صه״ل"],
  ["南京", "南京市长江大桥"],
  ["长江", "南京市长江大桥"],
  ["データ", "データベース"],
  ["서울", "서울에서"],
  ["手机", "iPhone手机"],
  ["iphone", "iPhone手机"],
])("%j is found in %j", (query, document) => {
  expect(finds(query, document)).toBe(true);
});

test.each([
  ["テ", "デ"],
  ["cat", "concatenate"],
  ["case", "snake_cases"],
  ["कि", "का"],
])("%j is not found in %j", (query, document) => {
  expect(finds(query, document)).toBe(false);
});

test("what is joined is a whole in the form in which it is written", () => {
  expect(analyze("x.Co-op‑Era").at(-1)).toEqual({ term: "xcoopera", form: "x.co-op-era", kind: "whole" });
  expect(terms("getHTTPUrl", "part")).toEqual(["get", "http", "url"]);
  expect(terms("plain words. Next one - and", "whole")).toEqual([]);
  expect(terms("McDonald ÉlanVital", "part")).toEqual(["mc", "donald", "elan", "vital"]);
});

test("text without spaces gives its words, and pairs that are no words", () => {
  expect(terms("东京大学 iPhone手机")).toEqual(expect.arrayContaining(["iphone", "手机"]));
  expect(terms("ภาษาไทยง่ายนิดเดียว").join("")).toBe("ภาษาไทยง่ายนิดเดียว".normalize("NFKC"));
  expect(terms("長江大橋", "pair")).toContain("江大");
  expect(terms("서울에서", "pair")).toEqual(["서울", "울에", "에서"]);
  const all = analyze("南京市长江大桥").map(({ term }) => term);
  expect(all).toEqual([...new Set(all)]);
});

test("the last character of a run is a term of its own, for those who look for it alone", () => {
  expect(terms("長江大橋", "last")).toEqual(["橋"]);
  expect(terms("江", "last")).toEqual([]);
  expect(terms("大橋 ab 南京", "last")).toEqual(["橋", "京"]);
  expect(terms("cafe 서울", "last")).toEqual([]);
});

test("without a segmenter the pairs are the words, and other text stays whole", () => {
  const words = ["x9", "ok", "hello", "字", "日本", "本語", "カメ", "メラ"].sort();
  expect(terms("日本語 カメラ x9語ok hello 字", "word", withoutSegmenter).sort()).toEqual([...words, "語"].sort());
});

test("long words are cut, but never within a character", () => {
  expect(terms("a".repeat(500))).toEqual(["a".repeat(limits.termLengthMax)]);
  // 𐐨 takes two code units, and the letter before puts the limit in the middle of one.
  expect(terms(`a${"𐐨".repeat(100)}`)).toEqual([`a${"𐐨".repeat((limits.termLengthMax - 2) / 2)}`]);
  for (const { term, form } of analyze(`${"각".repeat(500)}-${"é".repeat(500)}`)) {
    expect(term.length).toBeLessThanOrEqual(limits.termLengthMax);
    expect(form.length).toBeLessThanOrEqual(limits.termLengthMax);
  }
});

test("no term is empty, holds a NUL or a lone surrogate; a form is analyzed to its term", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      for (const { term, form, kind } of analyze(text)) {
        expect(term).not.toBe("");
        expect(`${term}${form}`).not.toMatch(/\0|\p{Cs}/u);
        if (kind === "word" && form.length < limits.termLengthMax / 2) expect(finds(form, text)).toBe(true);
      }
    }),
  );
});

test("analyzers that split differently have different signatures", () => {
  expect(createAnalyzer().signature).toBe(defaultAnalyzer.signature);
  expect(withoutSegmenter.signature).not.toBe(defaultAnalyzer.signature);
});
