import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bitmap } from "../../base/bitmap.js";
import type { Space } from "../../types.js";
import { distance } from "./distance.js";
import { ErrorBounds, Margin } from "./error-bounds.js";
import { encodeQuery, quantizeRows } from "./quantize.js";
import { referenceKernel } from "./reference-kernel.js";

/** Components without structure, from a fixed linear congruence. */
function scattered(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Smallest approximate distance that the margin excludes for a k-th distance of 0. */
function width(margin: Margin): number {
  let low = 0;
  let high = 1e6;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (margin.excludes(middle, 0)) high = middle;
    else low = middle;
  }
  return high;
}

/** Whole multiples of `unit`, one of them 127: codes without any error, which leaves the rounding of arithmetic. */
function exactlyEncoded(dimension: number, unit: number, seed: number): Float32Array {
  return scattered(dimension, seed).map((x, i) => unit * (i === 0 ? 127 : Math.round(127 * x)));
}

function approximateDistance(space: Space, row: Float32Array, query: Float32Array): number {
  const table = referenceKernel.createTable(row.length);
  const { codes, slopes, intercepts } = quantizeRows(space, row.length, row);
  table.set(0, codes, slopes, intercepts);
  const encoded = encodeQuery(space, query);
  const offset = space === "l2" ? encoded.norm * encoded.norm : 0;
  return table.scan(encoded.codes, encoded.scale, 1, Bitmap.of([0]).words).distances[0]! + offset;
}

function strictMargin(space: Space, row: Float32Array, query: Float32Array): Margin {
  const bounds = new ErrorBounds(space, row.length);
  bounds.include(quantizeRows(space, row.length, row));
  const margin = bounds.marginFor(encodeQuery(space, query));
  margin.observe(0, Infinity);
  return margin;
}

describe("ErrorBounds", () => {
  it("covers quantisation and arithmetic of every size when strict", () => {
    const shape = fc.record({
      space: fc.constantFrom<Space>("l2", "cosine", "ip"),
      dimension: fc.integer({ min: 1, max: 60 }),
      unit: fc.constantFrom(1, 0.3, 1e-18, 1e-22, 1e-44, 1e10),
      make: fc.constantFrom(exactlyEncoded, (dimension: number, unit: number, seed: number) =>
        scattered(dimension, seed).map((x) => x * unit),
      ),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(shape, ({ space, dimension, unit, make, seed }) => {
        const row = make(dimension, unit, seed);
        const query = make(dimension, unit, seed % 3 === 0 ? seed : seed + 1);
        const approximate = approximateDistance(space, row, query);
        const exact = distance(space, query, row);
        const [near, far] = approximate < exact ? [approximate, exact] : [exact, approximate];
        expect(strictMargin(space, row, query).excludes(far, near)).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it("is strict for few components and tighter for many", () => {
    for (const dimension of [8, 1200]) {
      const rows = quantizeRows("l2", dimension, scattered(20 * dimension, 1));
      const bounds = new ErrorBounds("l2", dimension);
      bounds.include(rows);
      const query = encodeQuery("l2", scattered(dimension, 2));
      const strict = query.norm * Math.max(...rows.errors);
      if (dimension === 8) expect(width(bounds.marginFor(query))).toBeGreaterThan(strict);
      else expect(width(bounds.marginFor(query))).toBeLessThan(0.3 * strict);
    }
  });

  it("never shrinks when better rows follow", () => {
    const bounds = new ErrorBounds("ip", 64);
    const query = encodeQuery("ip", scattered(64, 3));
    bounds.include(
      quantizeRows(
        "ip",
        64,
        scattered(64, 4).map((x) => x * 100),
      ),
    );
    const before = width(bounds.marginFor(query));
    bounds.include(quantizeRows("ip", 64, scattered(64, 5)));
    expect(width(bounds.marginFor(query))).toBe(before);
  });

  it("does not let a row beyond float32 widen every search", () => {
    const bounds = new ErrorBounds("l2", 2);
    bounds.include(quantizeRows("l2", 2, Float32Array.of(3e38, 0, 1, 1)));
    expect(width(bounds.marginFor(encodeQuery("l2", Float32Array.of(1, 0))))).toBeLessThan(0.1);
  });

  it("takes rows whose error is no noise at their strict margin", () => {
    const dimension = 900;
    const structured = Float32Array.from({ length: dimension }, (_, i) => (i === 0 ? 127 : 0.5));
    const rows = quantizeRows("ip", dimension, structured);
    const bounds = new ErrorBounds("ip", dimension);
    bounds.include(rows);
    const query = encodeQuery("ip", new Float32Array(dimension).fill(1));
    expect(width(bounds.marginFor(query))).toBeGreaterThan(query.norm * rows.errors[0]!);
  });
});

describe("Margin", () => {
  it("excludes what is farther by more than the margin", () => {
    const margin = new Margin(1, 10);
    expect(margin.excludes(5.9, 5)).toBe(false);
    expect(margin.excludes(6, 5)).toBe(false);
    expect(margin.excludes(6.1, 5)).toBe(true);
  });

  it("excludes nothing while fewer than k rows are judged", () => {
    expect(new Margin(1, 10).excludes(1e30, Infinity)).toBe(false);
  });

  it("becomes strict once a row is off by most of the likely margin", () => {
    const margin = new Margin(1, 10);
    margin.observe(3, 3.7);
    expect(margin.excludes(7, 5)).toBe(true);
    margin.observe(3, 3.8);
    expect(margin.excludes(7, 5)).toBe(false);
    expect(margin.excludes(15.1, 5)).toBe(true);
  });

  it("learns nothing from rows that have no approximation", () => {
    const margin = new Margin(1, 10);
    margin.observe(-Infinity, 5);
    expect(margin.excludes(7, 5)).toBe(true);
  });
});
