import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Space } from "../../types.js";
import { distance } from "./distance.js";
import { encodeQuery, quantizeRows } from "./quantize.js";
import { queryMax } from "./vector-kernel.js";

const spaces: readonly Space[] = ["l2", "cosine", "ip"];

/** Components of every size that float32 has, short of where l2 distances leave it. */
const component = fc.oneof(
  fc.constant(0),
  fc.float({ noNaN: true, min: -1, max: 1 }),
  fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e17), max: Math.fround(1e17) }),
  fc.constantFrom(1e-45, -1e-45, 1e-39, 1.5, 0.5),
);
const cases = fc.integer({ min: 1, max: 48 }).chain((dimension) => {
  const vector = fc.array(component, { minLength: dimension, maxLength: dimension }).map((x) => Float32Array.from(x));
  return fc.record({ space: fc.constantFrom(...spaces), row: vector, query: vector });
});

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);
}

describe("quantizeRows", () => {
  it("approximates within errors × |q| plus the rounding of the query", () => {
    fc.assert(
      fc.property(cases, ({ space, row, query }) => {
        const rows = quantizeRows(space, row.length, row);
        const encoded = encodeQuery(space, query);
        const product = rows.slopes[0]! * encoded.scale * dot(encoded.codes, rows.codes);
        const approximate = rows.intercepts[0]! + product + (space === "l2" ? dot(query, query) : 0);
        const unit = { cosine: 1, ip: Math.hypot(...row), l2: 2 * Math.hypot(...row) }[space];
        const bound = rows.errors[0]! * encoded.norm + encoded.error * unit;
        const rounding = 1e-6 * (1 + dot(row, row) + dot(query, query));
        expect(Math.abs(approximate - distance(space, query, row))).toBeLessThanOrEqual(bound + rounding);
      }),
      { numRuns: 500 },
    );
  });

  it("uses the whole range of codes, rounding halves to even", () => {
    const { codes, slopes, intercepts } = quantizeRows("ip", 4, Float32Array.of(254, 1, 3, -254));
    expect([...codes]).toEqual([127, 0, 2, -127]);
    expect(intercepts[0]).toBe(1);
    expect(slopes[0]!).toBeCloseTo(-2, 2);
  });

  it("knows when codes are exact", () => {
    const { codes, slopes, intercepts, errors } = quantizeRows("l2", 2, Float32Array.of(127, -3, 0, 0));
    expect([...codes]).toEqual([127, -3, 0, 0]);
    expect([...slopes]).toEqual([-2, 0]);
    expect([...intercepts]).toEqual([127 * 127 + 9, 0]);
    expect([...errors]).toEqual([0, 0]);
  });

  it("keeps rows apart from each other", () => {
    const values = Float32Array.of(1, 2, 300, 400, -5, 6);
    const together = quantizeRows("l2", 2, values);
    for (let row = 0; row < 3; row++) {
      const alone = quantizeRows("l2", 2, values.slice(row * 2, row * 2 + 2));
      expect(together.codes.slice(row * 2, row * 2 + 2)).toEqual(alone.codes);
      expect(together.slopes[row]).toBe(alone.slopes[0]);
      expect(together.intercepts[row]).toBe(alone.intercepts[0]);
      expect(together.errors[row]).toBe(alone.errors[0]);
    }
  });

  it("leaves no error along rows of two values, whose rounding errors all point the same way", () => {
    const row = Float32Array.from({ length: 300 }, (_, i) => (i < 10 ? 1 : 0.5));
    const { codes, slopes } = quantizeRows("ip", 300, row);
    expect(Math.abs(dot(row, row) + slopes[0]! * dot(codes, row)) / dot(row, row)).toBeLessThan(1e-4);
  });

  it("makes a row too long for float32 a candidate of every search", () => {
    for (const space of ["l2", "ip"] as const) {
      const { codes, slopes, intercepts, errors } = quantizeRows(space, 2, Float32Array.of(3e38, 1));
      expect([...codes, slopes[0], intercepts[0], errors[0]]).toEqual([0, 0, 0, -Infinity, 0]);
    }
  });

  it("needs no such rule for cosine, whatever the length", () => {
    for (const size of [3e38, 1, 1e-44]) {
      const { codes, slopes } = quantizeRows("cosine", 3, Float32Array.of(size, 0, -size));
      expect([...codes]).toEqual([127, 0, -127]);
      expect(slopes[0]).toBe(-Math.fround(Math.SQRT1_2 / 127));
    }
  });
});

describe("encodeQuery", () => {
  it.each([1, 128, 384, 1536, 4096])("keeps dot products of dimension %i inside int32", (dimension) => {
    const { codes } = encodeQuery("ip", new Float32Array(dimension).fill(-0.3));
    expect(codes.every((code) => code === -queryMax(dimension))).toBe(true);
    expect(Math.abs(dot(codes, new Int8Array(dimension).fill(127)))).toBeLessThan(2 ** 31);
  });

  it("tells length and error of what the codes stand for", () => {
    fc.assert(
      fc.property(cases, ({ space, query }) => {
        const { codes, scale, norm, error } = encodeQuery(space, query);
        const length = Math.hypot(...query);
        const target = [...query].map((x) => (space === "cosine" && length > 0 ? x / length : x));
        expect(Math.abs(norm - Math.hypot(...target))).toBeLessThanOrEqual(1e-9 * norm);
        const measured = Math.hypot(...target.map((x, i) => x - scale * codes[i]!));
        expect(Math.abs(error - measured)).toBeLessThanOrEqual(1e-9 * norm);
        expect(Math.fround(scale)).toBe(scale);
      }),
    );
  });

  it("gives up on a query too small for a float32 scale and says so", () => {
    const query = Float32Array.of(1e-45, 0);
    expect(encodeQuery("ip", query)).toMatchObject({ scale: 0, error: query[0], norm: query[0] });
  });

  it("encodes the zero query as zero", () => {
    expect(encodeQuery("cosine", new Float32Array(3))).toMatchObject({ codes: new Int16Array(3), scale: 0, norm: 0, error: 0 });
  });
});
