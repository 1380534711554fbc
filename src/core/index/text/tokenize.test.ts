import { expect, test } from "vitest";
import { limits } from "../../limits.js";
import { createTokenizer, signatureOf, tokenize, tokenizerSignature } from "./tokenize.js";

const withoutSegmenter = createTokenizer(null);

test.each([
  ["The quick, brown FOX's 2nd den_3", ["the", "quick", "brown", "fox", "s", "2nd", "den", "3"]],
  ["Straße Größe naïve Ærø", ["straße", "größe", "naïve", "ærø"]],
  ["ﬁne ①② Ｆｕｌｌ", ["fine", "12", "full"]],
  // Yoruba: the tone mark on ẹ has no composed form and stays with its letter.
  ["Ọjọ́ ẹ̀kọ́ ni", ["ọjọ́", "ẹ̀kọ́", "ni"]],
  ["السلام عليكم، كِتاب", ["السلام", "عليكم", "كِتاب"]],
  ["Привет, мир!", ["привет", "мир"]],
  ["안녕하세요 세계", ["안녕하세요", "세계"]],
  ["🌊 tide🐚pool ❤️!", ["tide", "pool"]],
  ["a\ud800b \udc00", ["a", "b"]],
  ["  ", []],
  ["", []],
])("splits %j", (text, terms) => {
  expect(tokenize(text)).toEqual(terms.map((term) => term.normalize("NFKC")));
});

test("composed and decomposed spellings are the same terms", () => {
  expect(tokenize("Ọjọ́ café".normalize("NFD"))).toEqual(tokenize("Ọjọ́ café".normalize("NFC")));
});

test("text without spaces is split into words", () => {
  expect(tokenize("东京大学 iPhone手机")).toEqual(expect.arrayContaining(["iphone", "手机"]));
  expect(tokenize("ภาษาไทยง่ายนิดเดียว").length).toBeGreaterThan(1);
  expect(tokenize("ภาษาไทยง่ายนิดเดียว").join("")).toBe("ภาษาไทยง่ายนิดเดียว".normalize("NFKC"));
});

test("without a segmenter such text becomes pairs of characters, and other text stays whole", () => {
  expect(withoutSegmenter("日本語 カメラ x9語ok hello 字")).toEqual(["日本", "本語", "カメ", "メラ", "x9", "語", "ok", "hello", "字"]);
});

test("long words are cut, but never within a character", () => {
  expect(tokenize("a".repeat(500))).toEqual(["a".repeat(limits.termLengthMax)]);
  // 𐐨 takes two code units, and the letter before puts the limit in the middle of one.
  expect(tokenize(`a${"𐐨".repeat(100)}`)).toEqual([`a${"𐐨".repeat((limits.termLengthMax - 2) / 2)}`]);
});

test("tokenizers that split differently have different signatures", () => {
  expect(tokenizerSignature()).toBe(signatureOf(tokenize));
  expect(signatureOf(withoutSegmenter)).not.toBe(tokenizerSignature());
});
