import { describe, expect, test } from "vitest";
import { formatTable, significant } from "./format-table.js";
import { mean, quantile, spreadOf, standardError, steppedQuantile } from "./statistics.js";

describe("statistics", () => {
  test("quantiles lie between the values around them, in any order", () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([10, 20], 0.95)).toBeCloseTo(19.5);
    expect(quantile([7], 0.25)).toBe(7);
    expect(() => quantile([], 0.5)).toThrow("no values");
  });
  test("a mean is the farther off by chance, the more values differ and the fewer they are", () => {
    expect(mean([1, 2, 6])).toBe(3);
    expect(standardError([1, 3])).toBe(1);
    expect(standardError([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(0.756, 3);
    expect(standardError([5, 5, 5])).toBe(0);
  });

  test("of a coarse clock, a quantile lies inside its step by how many values do", () => {
    const exact = Array.from({ length: 1000 }, (_, i) => 22 + i / 100);
    const cut = exact.map((value) => Math.round(value / 5) * 5);
    expect(quantile(cut, 0.5)).toBe(25);
    expect(steppedQuantile(cut, 0.5, 5)).toBeCloseTo(27, 1);
    expect(steppedQuantile(cut, 0.95, 5)).toBeCloseTo(31.5, 0);
    expect(steppedQuantile([10, 10], 0.5, 5)).toBe(10);
  });
  test("one hiccup moves neither median nor quartiles far", () => expect(spreadOf([1, 1, 2, 2, 3, 3, 1000]).p75).toBe(3));
});

describe("tables", () => {
  test("put numbers to the right and words to the left", () => {
    expect(
      formatTable([
        ["set", "ms"],
        ["a", "1.5"],
        ["longer", "12"],
      ]),
    ).toBe("set      ms\n------  ---\na       1.5\nlonger   12");
  });
  test.each([
    [0.012345, "0.0123"],
    [1.005, "1.00"],
    [123.4, "123"],
    [98765, "98765"],
    [0, "0"],
  ])("%d has three digits that count", (value, text) => {
    expect(significant(value)).toBe(text);
  });
});
