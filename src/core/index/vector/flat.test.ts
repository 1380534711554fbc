import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bitmap } from "../../base/bitmap.js";
import type { Space } from "../../types.js";
import { distance } from "./distance.js";
import { FlatIndex } from "./flat.js";
import { quantizeRows } from "./quantize.js";
import { referenceKernel } from "./reference-kernel.js";

const spaces: readonly Space[] = ["l2", "cosine", "ip"];

/** Rows with the traits that break approximate searches. */
const shapes: Readonly<Record<string, (random: () => number, i: number) => number>> = {
  scattered: (random) => random(),
  "all equal": () => 0.3,
  "one distinct value per row": (_, i) => (i % 7) / 7,
  "two values": (random) => (random() > 0 ? 1 : 0.5),
  "small counts": (random) => Math.floor(Math.max(0, random() * 4)),
  "near duplicates": (random, i) => 0.7 + (i % 3) + 1e-6 * random(),
  "far from the origin": (random) => 1000 + random(),
  sparse: (random) => (random() > 0.9 ? random() : 0),
  "mostly zero rows": (random, i) => (i % 4 === 0 ? random() : 0),
  huge: (random) => 3e38 * random(),
  "a few huge rows": (random, i) => (i % 50 === 0 ? 2e38 : 1) * random(),
  subnormal: (random) => 1e-43 * random(),
  "of every magnitude": (random) => random() * 10 ** (30 * random()),
};

interface Dataset {
  space: Space;
  dimension: number;
  count: number;
  values: Float32Array;
  query: Float32Array;
}

function generate(space: Space, shape: string, dimension: number, count: number, seed: number): Dataset {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const value = shapes[shape]!;
  const values = Float32Array.from({ length: count * dimension }, (_, i) => value(random, Math.floor(i / dimension)));
  const near = (state >>> 8) % count;
  const query = values.slice(near * dimension, (near + 1) * dimension).map((x) => (seed % 2 === 0 ? x : x * (1 + 0.1 * random())));
  return { space, dimension, count, values, query };
}

function indexOf(data: Dataset): FlatIndex {
  const index = new FlatIndex(referenceKernel, data.space, data.dimension);
  const half = Math.floor(data.count / 2) * data.dimension;
  index.set(0, quantizeRows(data.space, data.dimension, data.values.subarray(0, half)));
  index.set(half / data.dimension, quantizeRows(data.space, data.dimension, data.values.subarray(half)));
  return index;
}

function rowOf(data: Dataset, ordinal: number): Float32Array {
  return data.values.subarray(ordinal * data.dimension, (ordinal + 1) * data.dimension);
}

/** A vector source that notes what it was asked for. */
function recordingSource(data: Dataset) {
  const asked: number[] = [];
  const source = async (ordinals: Uint32Array): Promise<Float32Array> => {
    asked.push(...ordinals);
    const rows = new Float32Array(ordinals.length * data.dimension);
    ordinals.forEach((ordinal, i) => rows.set(rowOf(data, ordinal), i * data.dimension));
    return rows;
  };
  return { asked, source };
}

function bruteForce(data: Dataset, k: number, allowed: Bitmap): { ordinals: number[]; distances: number[] } {
  const all = [...allowed.values()].map((ordinal) => ({ ordinal, distance: distance(data.space, data.query, rowOf(data, ordinal)) }));
  all.sort((a, b) => a.distance - b.distance || a.ordinal - b.ordinal);
  const nearest = all.slice(0, k);
  return { ordinals: nearest.map((x) => x.ordinal), distances: nearest.map((x) => x.distance) };
}

async function expectExact(data: Dataset, k: number, allowed: Bitmap): Promise<number> {
  const { asked, source } = recordingSource(data);
  const found = await indexOf(data).search(data.query, k, allowed, source);
  expect({ ordinals: [...found.ordinals], distances: [...found.distances] }).toEqual(bruteForce(data, k, allowed));
  expect(new Set(asked).size).toBe(asked.length);
  return asked.length;
}

function everyOrdinal(count: number): Bitmap {
  return Bitmap.of(Array(count).keys());
}

describe("FlatIndex", () => {
  for (const space of spaces) {
    it.each(Object.keys(shapes))(`equals brute force for ${space}, %s rows`, async (shape) => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 70 }),
          fc.integer({ min: 1, max: 400 }),
          fc.integer({ min: 1, max: 60 }),
          fc.nat(),
          fc.boolean(),
          async (dimension, count, k, seed, filtered) => {
            const data = generate(space, shape, dimension, count, seed);
            const allowed = everyOrdinal(count);
            if (filtered) for (let ordinal = seed % 3; ordinal < count; ordinal += 3) allowed.delete(ordinal);
            await expectExact(data, k, allowed);
          },
        ),
        { numRuns: 15 },
      );
    });
  }

  it.each(spaces)("judges few rows of scattered data for %s", async (space) => {
    const judged = await expectExact(generate(space, "scattered", 384, 2000, 6), 10, everyOrdinal(2000));
    expect(judged).toBeLessThan(200);
  });

  it("comes back to candidates that it had excluded before it found a suspicious error", async () => {
    // Codes are 0, so approximate distances are the intercepts; slopes and errors make margins of 0.017 and 0.09.
    const dimension = 1200;
    const approximate = (i: number): number => (i < 33 ? 1 : i === 33 ? 1.01 : i < 66 ? 1.05 : 2);
    const exact = (i: number): number => (i === 33 ? 1.08 : i === 40 ? 0.97 : approximate(i));
    const index = new FlatIndex(referenceKernel, "ip", dimension);
    index.set(0, {
      codes: new Int8Array(100 * dimension),
      slopes: new Float32Array(100).fill(-0.01),
      intercepts: Float32Array.from({ length: 100 }, (_, i) => approximate(i)),
      errors: new Float32Array(100).fill(0.09),
    });
    const source = async (ordinals: Uint32Array): Promise<Float32Array> => {
      const rows = new Float32Array(ordinals.length * dimension);
      ordinals.forEach((ordinal, i) => (rows[i * dimension] = 1 - exact(ordinal)));
      return rows;
    };
    const query = new Float32Array(dimension);
    query[0] = 1;
    expect([...(await index.search(query, 1, everyOrdinal(100), source)).ordinals]).toEqual([40]);
  });

  it("returns every allowed row when k is larger, and all of a whole collection", async () => {
    const data = generate("l2", "scattered", 8, 300, 1);
    await expectExact(data, 1000, everyOrdinal(300));
    await expectExact(data, 300, everyOrdinal(300));
    await expectExact(data, 10, Bitmap.of([5, 299]));
  });

  it("finds nothing where nothing is allowed", async () => {
    const data = generate("l2", "scattered", 8, 30, 1);
    const { ordinals, distances } = await indexOf(data).search(data.query, 5, new Bitmap(), recordingSource(data).source);
    expect([ordinals.length, distances.length]).toEqual([0, 0]);
  });

  it.each(spaces)("answers many queries as it answers each: %s", async (space) => {
    const data = generate(space, "near duplicates", 24, 500, 12);
    const index = indexOf(data);
    const queries = Array.from({ length: 11 }, (_, i) => Float32Array.from(rowOf(data, i * 40), (x) => x * (1 + i / 7)));
    queries.splice(3, 0, new Float32Array(24), new Float32Array(24).fill(1e38));
    for (const allowed of [everyOrdinal(500), Bitmap.of([3, 77, 401]), new Bitmap()]) {
      const { source } = recordingSource(data);
      const expected = [];
      for (const query of queries) expected.push(await index.search(query, 5, allowed, source));
      expect(await index.searchMany(queries, 5, allowed, source)).toEqual(expected);
    }
    expect(await index.searchMany([], 5, everyOrdinal(500), recordingSource(data).source)).toEqual([]);
  });

  it.each(spaces)("answers a zero query for %s", async (space) => {
    const data = generate(space, "scattered", 16, 300, 9);
    data.query.fill(0);
    const judged = await expectExact(data, 20, everyOrdinal(300));
    if (space !== "l2") expect(judged).toBe(0);
  });

  it("answers an overlong query, for which codes say nothing", async () => {
    const data = generate("l2", "scattered", 16, 300, 9);
    data.query.fill(1e38);
    await expectExact(data, 20, everyOrdinal(300));
  });

  it("sees rows that were replaced", async () => {
    const data = generate("l2", "scattered", 16, 300, 9);
    const index = indexOf(data);
    data.values.set(data.query, 7 * 16);
    index.set(7, quantizeRows("l2", 16, data.query));
    const found = await index.search(data.query, 1, everyOrdinal(300), recordingSource(data).source);
    expect([found.ordinals[0], found.distances[0]]).toEqual([7, 0]);
  });

  it("asks for bounded numbers of vectors at a time", async () => {
    const data = generate("l2", "all equal", 4096, 600, 9);
    let largest = 0;
    const { source } = recordingSource(data);
    await indexOf(data).search(data.query, 3, everyOrdinal(600), (ordinals) => {
      largest = Math.max(largest, ordinals.length);
      return source(ordinals);
    });
    expect(largest).toBe(256);
  });

  it("says so when a source answers with too little", async () => {
    const data = generate("l2", "scattered", 8, 30, 1);
    const search = indexOf(data).search(data.query, 5, everyOrdinal(30), async () => new Float32Array(3));
    await expect(search).rejects.toThrow("30 vectors of dimension 8 were asked for, but 3 numbers came.");
  });
});
