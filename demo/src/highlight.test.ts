import { expect, test } from "vitest";
import { excerptWindow, mergeRanges, type Range, rangesOfLiteral, rangesOfQuery, rangesOfTerms } from "./highlight.js";

const cut = (text: string, ranges: Range[]): string[] => ranges.map(({ start, end }) => text.slice(start, end));

test("terms are marked as whole words, whatever their case and accents", () => {
  const text = "Crabe, crabes; CRABE: crâbe";
  expect(cut(text, rangesOfTerms(text, ["crabe"]))).toEqual(["Crabe", "CRABE", "crâbe"]);
});

test("a query marks words with the same beginning, and no filler", () => {
  const text = "Barnacles and the barn: swimming, swims, what";
  expect(cut(text, rangesOfQuery(text, "what do barnacle and swimmer do"))).toEqual(["Barnacles", "swimming"]);
});

test("words that match everywhere are marked nowhere", () => {
  const text = "The glue of the barnacle";
  expect(cut(text, rangesOfTerms(text, ["the", "of", "glue"]))).toEqual(["glue"]);
});

test("a literal is marked letter by letter", () => {
  expect(cut("aXa axa", rangesOfLiteral("aXa axa", "Xa"))).toEqual(["Xa"]);
  expect(rangesOfLiteral("abc", "")).toEqual([]);
});

test("ranges that touch become one", () => {
  expect(
    mergeRanges([
      { start: 5, end: 8 },
      { start: 0, end: 3 },
      { start: 2, end: 5 },
      { start: 9, end: 10 },
    ]),
  ).toEqual([
    { start: 0, end: 8 },
    { start: 9, end: 10 },
  ]);
});

test("an excerpt holds the first match and begins and ends between words", () => {
  const text = `${"water ".repeat(200)}crab ${"stone ".repeat(200)}`;
  const { start, end } = excerptWindow(text, rangesOfTerms(text, ["crab"]), 100);
  const excerpt = text.slice(start, end);
  expect(excerpt).toContain("crab");
  expect(excerpt).toMatch(/^water .* stone$/);
  expect(excerptWindow("short", [], 100)).toEqual({ start: 0, end: 5 });
});
