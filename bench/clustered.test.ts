import { describe, expect, test } from "vitest";
import { clusteredDataset, clusteredVectors, DIMENSION, sliceDataset } from "./clustered.js";

const row = (vectors: Float32Array, i: number): Float32Array => vectors.subarray(i * DIMENSION, (i + 1) * DIMENSION);
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

describe("clustered records", () => {
  test("follow from the seed, and a longer set begins with the shorter one", () => {
    expect(sliceDataset(clusteredDataset(30, 7), 0, 20)).toEqual(clusteredDataset(20, 7));
    expect(clusteredVectors(5, 8)).not.toEqual(clusteredVectors(5, 7));
  });

  test("are unit vectors with near and far neighbours", () => {
    const vectors = clusteredVectors(1000, 7);
    const similarities = Array.from({ length: 999 }, (_, i) => dot(row(vectors, 0), row(vectors, i + 1))).sort((a, b) => b - a);
    expect(dot(row(vectors, 3), row(vectors, 3))).toBeCloseTo(1, 5);
    expect(similarities[0]).toBeGreaterThan(0.5);
    expect(Math.abs(similarities[500]!)).toBeLessThan(0.3);
  });

  test("carry documents of 200 characters and metadata for filters of one and ten percent", () => {
    const { documents, metadatas } = clusteredDataset(5000, 7);
    expect(new Set(documents.map(({ length }) => length))).toEqual(new Set([200]));
    expect(new Set(metadatas.map(({ category }) => category)).size).toBe(20);
    expect(metadatas.filter(({ number }) => number < 10).length / 5000).toBeCloseTo(0.1, 1);
    expect(metadatas.filter(({ number }) => number === 42).length / 5000).toBeCloseTo(0.01, 2);
  });
});
