import fc from "fast-check";
import { expect, test } from "vitest";
import { limits } from "../../limits.js";
import { createAnalyzer, defaultAnalyzer, type TokenKind } from "./analyzer.js";
import { JOINING } from "./folding.js";

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

/** What stands where the tokens of a text are said to be. */
const placed = (text: string) => defaultAnalyzer.locate(text).map(({ kind, start, end }) => [kind, text.slice(start, end)]);

test.each([
  [
    "The FOX, a-b.",
    [
      ["word", "The"],
      ["word", "FOX"],
      ["word", "a"],
      ["word", "b"],
      ["whole", "a-b"],
    ],
  ],
  [
    "camelCase",
    [
      ["word", "camelCase"],
      ["part", "camel"],
      ["part", "Case"],
    ],
  ],
  [
    "cafe\u0301 ﬁne ①",
    [
      ["word", "cafe\u0301"],
      ["word", "ﬁne"],
      ["word", "①"],
    ],
  ],
  [
    "co\u00adop\u00ad \u200fשלום\u200f x",
    [
      ["word", "co\u00adop"],
      ["word", "שלום"],
      ["word", "x"],
    ],
  ],
  ["كِتابٌ", [["word", "كِتابٌ"]]],
  [
    "İstanbul 😀 Ǆ",
    [
      ["word", "İstanbul"],
      ["word", "Ǆ"],
    ],
  ],
  [
    "서울에서",
    [
      ["word", "서울에서"],
      ["pair", "서울"],
      ["pair", "울에"],
      ["pair", "에서"],
    ],
  ],
  ["서울".normalize("NFD"), [["word", "서울".normalize("NFD")]]],
  [
    "ﾃﾞｰﾀ",
    [
      ["word", "ﾃﾞｰﾀ"],
      ["pair", "ﾃﾞｰ"],
      ["pair", "ｰﾀ"],
    ],
  ],
  [
    "ab漢字😀",
    [
      ["word", "ab"],
      ["word", "漢字"],
    ],
  ],
  [
    "㍿",
    [
      ["word", "㍿"],
      ["pair", "㍿"],
    ],
  ],
])("the places of what is in %j", (text, expected) => {
  expect(placed(text).slice(0, expected.length)).toEqual(expected);
  expect(defaultAnalyzer.locate(text).map(({ start: _, end: __, ...token }) => token)).toEqual(analyze(text));
});

test("nothing becomes one with what stands before it that is not known to", () => {
  const joins = new RegExp(`^[${JOINING}]$`, "u");
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code === 0xd800) code = 0xe000;
    const character = String.fromCodePoint(code);
    const parts = [...character.normalize("NFKD")];
    for (const part of [...character.normalize("NFD")].slice(1)) expect(joins.test(part), `${code.toString(16)} ${part}`).toBe(true);
    // The Thai and Lao am begin with a mark that keeps its place.
    if (joins.test(parts[0]!) && !"ำຳ".includes(character)) expect(joins.test(character), code.toString(16)).toBe(true);
  }
});

test("a token stands where the text says it, in every script", () => {
  const alphabets = [
    ["a", "b", "X", "É", "é", "e\u0301", "ﬁ", "İ", "ß", "ı", "Ǆ", "①", "\u0301", "\u00ad", "'", "_", "."],
    ["كِ", "ت", "ا", "\u0651", "\u200f", "שָׁ", "ם"],
    ["서", "울", "한".normalize("NFD"), "ㅎ", "ㅏ", "ﾡ", "ￂ"],
    ["南", "京", "㍿", "デ", "ー", "ﾃ", "ﾞ", "\u3099", "ไ", "ท", "น้ำ", "\u200b"],
    ["हि", "न्", "दी"],
  ].map((alphabet) => fc.array(fc.constantFrom(...alphabet), { maxLength: 6 }).map((letters) => letters.join("")));
  const separator = fc.constantFrom("-", " ", "，", "😀", "\ud800", "·");
  fc.assert(
    fc.property(fc.array(fc.oneof(...alphabets, separator), { maxLength: 8 }), (parts) => {
      const text = parts.join(" ").replaceAll(/ ([-·]) /g, "$1");
      const tokens = defaultAnalyzer.locate(text);
      expect(tokens.map(({ start: _, end: __, ...token }) => token)).toEqual(analyze(text));
      for (const { term, start, end } of tokens) {
        expect(start).toBeLessThan(end);
        // A stretch that begins or ends within what is normalized as one is said to be all of that.
        expect(terms(text.slice(start, end)).join("").normalize("NFKC")).toContain(term.normalize("NFKC"));
      }
    }),
    { numRuns: 700 },
  );
});

test("a word is analyzed alike each time, and after more words than are remembered", () => {
  const analyzer = createAnalyzer({ stopWords: ["the"] });
  const text = "The Café's camelCase ÉTÉ 서울에서 日本語 naïve";
  const first = analyzer.locate(text);
  expect(analyzer.locate(text)).toEqual(first);
  for (let i = 0; i < 20_000; i++) analyzer.analyze(`word${i}`);
  expect(analyzer.locate(text)).toEqual(first);
  expect(analyzer.byCharacter.locate(text)).not.toEqual(first);
});

test("words of millions of letters are cut, and only these", () => {
  const { analyze, locate } = createAnalyzer();
  const piece = 2 ** 20;
  expect(analyze("ж".repeat(5 * piece + 1)).map(({ term }) => [...new Set(term)].join())).toEqual(Array(6).fill("ж"));
  const ebbs = locate(`x${" ebb-tide".repeat(piece / 8)}`);
  expect(new Set(ebbs.map(({ term }) => term))).toEqual(new Set(["x", "ebb", "tide", "ebbtide"]));
  expect(ebbs).toHaveLength(1 + 3 * (piece / 8));
  expect(ebbs.slice(-3).map(({ start, end }) => [start, end])).toEqual([
    [1 + (9 * piece) / 8 - 8, 1 + (9 * piece) / 8 - 5],
    [1 + (9 * piece) / 8 - 4, 1 + (9 * piece) / 8],
    [1 + (9 * piece) / 8 - 8, 1 + (9 * piece) / 8],
  ]);
});
