import { expect, test } from "vitest";
import { casesOf } from "./cases.js";
import { hasCase } from "./has-case.js";

test.each([
  ["s", "Ssſ"],
  ["é", "Éé"],
  ["ς", "Σςσ"],
  ["ß", "ßẞ"],
  ["\u212b", "Åå\u212b"],
  ["Ꙋ", "ᲈꙊꙋ"],
  ["İ", "İ"],
  ["1", "1"],
  ["南", "南"],
])("%s is one with %s", (char, cases) => {
  expect([...casesOf(char)!].sort().join("")).toBe([...cases].sort().join(""));
});

test("of a character of two units nothing is known", () => {
  expect(casesOf("𐐀")).toBeNull();
});

test("no character of the basic plane is one with another that is not told", () => {
  const all = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).filter((char) => !/[\ud800-\udfff]/.test(char));
  const cased = all.filter(hasCase);
  const told = new Set(cased.flatMap((char) => casesOf(char)!));
  const others = all.filter((char) => !told.has(char)).join("");
  expect(others.match(new RegExp(`[${cased.join("")}]`, "giu"))).toBeNull();
  const joined = cased.join("");
  for (const char of cased) expect([...casesOf(char)!].sort()).toEqual([...joined.match(new RegExp(char, "giu"))!].sort());
  expect(cased.length).toBeGreaterThan(2000);
});
