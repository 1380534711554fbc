import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Space } from "../../types.js";
import { distance, distanceFrom } from "./distance.js";

const component = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 });
const pairs = fc.integer({ min: 1, max: 40 }).chain((dimension) => {
  const vector = fc.array(component, { minLength: dimension, maxLength: dimension }).map((x) => Float32Array.from(x));
  return fc.tuple(vector, vector);
});

/** The definitions, term by term. */
function byDefinition(space: Space, a: Float32Array, b: Float32Array): number {
  const dot = a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  if (space === "ip") return 1 - dot;
  if (space === "l2") return a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0);
  const norms = Math.sqrt(a.reduce((sum, x) => sum + x * x, 0)) * Math.sqrt(b.reduce((sum, x) => sum + x * x, 0));
  return norms === 0 ? 1 : 1 - dot / norms;
}

describe("distance", () => {
  it.each<Space>(["l2", "cosine", "ip"])("is what %s is defined as", (space) => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        const expected = byDefinition(space, a, b);
        const magnitude = Math.hypot(...a) * Math.hypot(...b) + Math.hypot(...a) ** 2 + 1;
        expect(Math.abs(distance(space, a, b) - expected)).toBeLessThanOrEqual(1e-7 * (Math.abs(expected) + magnitude));
      }),
    );
  });

  it("reads rows in the middle of a matrix", () => {
    const rows = Float32Array.of(9, 9, 9, 1, 2, 5, 9, 9, 9);
    expect(distanceFrom("l2", Float32Array.of(1, 2, 3))(rows, 3)).toBe(4);
  });

  it("is a float32", () => {
    const result = distance("l2", Float32Array.of(0.1, 0.2, 0.3), Float32Array.of(0.7, 0.5, 0.1));
    expect(Math.fround(result)).toBe(result);
  });

  it("finds a vector at cosine distance exactly 0 from itself, never below", () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        if (a.some((x) => x !== 0)) expect(distance("cosine", a, a)).toBe(0);
        expect(distance("cosine", a, b)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it("puts the zero vector at cosine distance 1 from everything", () => {
    expect(distance("cosine", Float32Array.of(0, 0), Float32Array.of(3, 4))).toBe(1);
    expect(distance("cosine", Float32Array.of(3, 4), Float32Array.of(0, 0))).toBe(1);
    expect(distance("cosine", Float32Array.of(0, 0), Float32Array.of(0, 0))).toBe(1);
  });

  it("stays finite and exact in direction at the ends of float32", () => {
    const huge = Float32Array.of(3e38, -3e38);
    const tiny = Float32Array.of(1e-45, -1e-45);
    expect(distance("l2", huge, tiny)).toBe(Math.fround(3.4028234663852886e38));
    expect(distance("ip", huge, huge)).toBe(-Math.fround(3.4028234663852886e38));
    expect(distance("cosine", huge, tiny)).toBe(0);
  });
});
