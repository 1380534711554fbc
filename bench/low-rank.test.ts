import { describe, expect, test } from "vitest";
import { LOW_RANK_DIMENSION, lowRankVectors } from "./low-rank.js";

const row = (vectors: Float32Array, i: number): Float32Array => vectors.subarray(i * LOW_RANK_DIMENSION, (i + 1) * LOW_RANK_DIMENSION);
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** Share of the vectors' squared length that lies outside the span of the first `rank` of them (Gram and Schmidt). */
function shareOutside(vectors: Float32Array, rank: number, count: number): number {
  const basis: Float32Array[] = [];
  const residue = (vector: Float32Array): Float32Array => {
    const rest = vector.slice();
    for (const axis of basis) {
      const along = dot(rest, axis);
      for (let d = 0; d < rest.length; d++) rest[d] = rest[d]! - along * axis[d]!;
    }
    return rest;
  };
  for (let i = 0; i < rank; i++) {
    const rest = residue(row(vectors, i));
    const length = Math.sqrt(dot(rest, rest));
    basis.push(rest.map((value) => value / length));
  }
  let outside = 0;
  for (let i = rank; i < rank + count; i++) outside += dot(residue(row(vectors, i)), residue(row(vectors, i)));
  return outside / count;
}

describe("low-rank vectors", () => {
  test("follow from the seed, and a longer set begins with the shorter one", () => {
    expect(lowRankVectors(30, 7).slice(0, 20 * LOW_RANK_DIMENSION)).toEqual(lowRankVectors(20, 7));
    expect(lowRankVectors(5, 8)).not.toEqual(lowRankVectors(5, 7));
  });

  test("have length 1 and lie almost in a plane of 32 dimensions", () => {
    const vectors = lowRankVectors(100, 7);
    expect(dot(row(vectors, 3), row(vectors, 3))).toBeCloseTo(1, 5);
    expect(shareOutside(vectors, 40, 40)).toBeLessThan(0.1);
    expect(shareOutside(vectors, 10, 40)).toBeGreaterThan(0.3);
  });
});
