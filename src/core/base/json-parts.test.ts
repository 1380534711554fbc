import { expect, test } from "vitest";
import { jsonParts, Listed } from "./json-parts.js";

const long = `${"tide 🌊\n\ud800".repeat(40_000)}"`;

test.each<[string, unknown]>([
  ["null", null],
  ["a number", 7],
  ["an empty object", {}],
  ["what is undefined", { a: undefined, b: [undefined, 1], c: { d: undefined } }],
  ["a long text", long],
  ["long texts deep inside", { a: [{ long, b: 1 }, null], c: long, __proto__: 3 }],
  ["a long list", { list: Array.from({ length: 10_000 }, (_, i) => (i % 7 === 0 ? undefined : { i })) }],
  ["a list of lists", Array.from({ length: 3 }, () => Array.from({ length: 5000 }, (_, i) => i / 3))],
])("%s is written as JSON.stringify writes it", (_, value) => {
  expect([...jsonParts(value)].join("")).toBe(JSON.stringify(value));
});

test("lists of which each item is made when it is written", () => {
  const squares = new Listed(5, (i) => i * i);
  const value = { squares, nested: squares.nested([2, 0, 3]), none: Listed.of([]), shown: Listed.of([1, 2], (n) => `${n}`), null: null };
  expect(JSON.parse([...jsonParts(value)].join(""))).toEqual({
    squares: [0, 1, 4, 9, 16],
    nested: [[0, 1], [], [4, 9, 16]],
    none: [],
    shown: ["1", "2"],
    null: null,
  });
});

test("no part is much larger than another, whatever makes the answer large", () => {
  const value = { texts: Listed.of([long, "x".repeat(100_000)]), rows: new Listed(20_000, (i) => [i, i / 3, i / 7]), metadata: { long } };
  const sizes = [...jsonParts(value)].map(({ length }) => length);
  expect(sizes.length).toBeGreaterThan(10);
  // A text is cut before its line ends and halves of pairs are escaped.
  expect(Math.max(...sizes)).toBeLessThan(4 * 65_536);
});
