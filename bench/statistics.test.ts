import { describe, expect, test } from "vitest";
import { formatTable, significant } from "./format-table.js";
import { quantile, spreadOf } from "./statistics.js";

describe("statistics", () => {
  test("quantiles lie between the values around them, in any order", () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([10, 20], 0.95)).toBeCloseTo(19.5);
    expect(quantile([7], 0.25)).toBe(7);
    expect(() => quantile([], 0.5)).toThrow("no values");
  });
  test("one hiccup moves neither median nor quartiles far", () => expect(spreadOf([1, 1, 2, 2, 3, 3, 1000]).p75).toBe(3));
});

describe("tables", () => {
  test("put numbers to the right and words to the left", () => {
    expect(formatTable([["set", "ms"], ["a", "1.5"], ["longer", "12"]])).toBe("set      ms\n------  ---\na       1.5\nlonger   12");
  });
  test.each([[0.012345, "0.0123"], [1.005, "1.00"], [123.4, "123"], [98765, "98765"], [0, "0"]])("%d has three digits that count", (value, text) => {
    expect(significant(value)).toBe(text);
  });
});
