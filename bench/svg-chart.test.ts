import { describe, expect, test } from "vitest";
import { barPanel, chartSheet, LogScale, linePanel, shortNumber } from "./svg-chart.js";

const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;
const legend = [
  { name: "one & only", style: 0 },
  { name: "two", style: 1 },
];

describe("a logarithmic scale", () => {
  test("covers its values by whole powers of ten", () => {
    const scale = new LogScale([0.03, 2]);
    expect(scale.ticks).toEqual([0.01, 0.1, 1, 10]);
    expect(scale.at(0.01)).toBe(0);
    expect(scale.at(10)).toBe(1);
    expect(scale.at(0.1)).toBeCloseTo(1 / 3);
  });
  test("is there for one value, for none, and for zero", () => {
    expect(new LogScale([10]).ticks).toEqual([10, 100]);
    expect(new LogScale([]).ticks).toEqual([1, 10]);
    expect(new LogScale([0, 5]).at(0)).toBe(0);
  });
});

test.each([
  [0.0123456, "0.0123"],
  [7, "7"],
  [1234, "1.23k"],
  [2_500_000, "2.5M"],
])("%d is written %s", (value, written) => {
  expect(shortNumber(value)).toBe(written);
});

describe("panels", () => {
  test("of lines join each series and mark its points, but for those out of range", () => {
    const series = [
      {
        name: "one",
        style: 0,
        points: [
          { x: 0.5, y: 1 },
          { x: 0.9, y: 1 },
          { x: 1, y: 10 },
        ],
      },
      { name: "two", style: 1, points: [{ x: 1, y: 3 }] },
    ];
    const { body } = linePanel({ title: "t", xLabel: "x", yLabel: "y", xRange: [0.8, 1], series });
    expect(count(body, /<circle/g)).toBe(2);
    expect(count(body, /<rect/g)).toBe(1);
    expect(body).toMatch(/<path d="M198 214L348 28" class="s0"/);
  });

  test("of bars are longer for more, and say their values", () => {
    const bars = [10, 1000].map((value, style) => ({ name: String(value), style, value }));
    const { body, height } = barPanel({ title: "t", unit: "u", groups: [{ name: "", bars }] });
    const widths = [...body.matchAll(/<rect x="152" y="[\d.]+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(widths[0]).toBeLessThan(widths[1]!);
    expect(body).toContain(">1k</text>");
    expect(
      barPanel({
        title: "t",
        unit: "u",
        groups: [
          { name: "a", bars },
          { name: "b", bars },
        ],
      }).height,
    ).toBeGreaterThan(height);
  });
});

describe("a sheet", () => {
  const panel = { width: 360, height: 100, body: "" };

  test("sets panels in rows and grows with them", () => {
    const heightOf = (panels: number): number =>
      Number(/ height="(\d+)"/.exec(chartSheet({ title: "t", panels: Array(panels).fill(panel), columns: 3, styles: [0, 1], legend }))![1]);
    expect(heightOf(3)).toBe(heightOf(2));
    expect(heightOf(4)).toBe(heightOf(3) + 112);
  });

  test("is well-formed whatever names there are, and has colours for light and dark", () => {
    const sheet = chartSheet({ title: 'a < b "c"', panels: [panel], columns: 3, styles: [0, 1], legend });
    expect(sheet).toContain("one &amp; only");
    expect(sheet).toContain('aria-label="a &lt; b &quot;c&quot;"');
    expect(sheet).toContain("prefers-color-scheme:dark");
    expect(count(sheet, /<g /g)).toBe(count(sheet, /<\/g>/g));
  });
});
