import { expect, test } from "vitest";
import { piecesOf } from "./text-pieces.js";

test("pieces make up the text, and divide no word", () => {
  const text = "a word and another, ".repeat(20_000);
  const pieces = [...piecesOf(text)];
  expect(pieces.join("")).toBe(text);
  expect(pieces.length).toBeGreaterThan(5);
  for (const piece of pieces) expect(piece.endsWith(" ")).toBe(true);
});

test("Chinese is divided at its punctuation", () => {
  const pieces = [...piecesOf("今天天气很好，我们去公园吧。".repeat(10_000))];
  expect(pieces.length).toBeGreaterThan(3);
  for (const piece of pieces) expect(piece).toMatch(/[，。]$/);
});

test.each(["", "short", "x".repeat(100_000)])("%#: one piece", (text) => {
  expect([...piecesOf(text)]).toEqual([text]);
});

test("what no break divides is divided after a million characters, and between two of them", () => {
  const text = `a${"𐌰".repeat(2 ** 19)}b`;
  expect([...piecesOf(text)].map((piece) => piece.length)).toEqual([2 ** 20 - 1, 3]);
  expect([...piecesOf(text)].join("")).toBe(text);
});
