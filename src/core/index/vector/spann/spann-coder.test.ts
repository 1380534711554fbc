import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Random, randomFrom, rowOf } from "../../../../testing/hnsw-vectors.js";
import { gaussians, type Kind, rotatedRowsOf, vectorsOf } from "../../../../testing/spann-vectors.js";
import { Bitmap } from "../../../base/bitmap.js";
import type { Space } from "../../../types.js";
import { distance } from "../distance.js";
import { referenceKernel } from "../reference-kernel.js";
import type { ListMatches, SpannCoder } from "./spann-kernel.js";

const everything = { threshold: Infinity, epsilon: 0 };
const spaces: Space[] = ["l2", "cosine", "ip"];
const realData = "../shared/data";

/** How estimates of distances stand to the distances, in standard units. */
interface Errors {
  bias: number;
  rms: number;
  /** Shares of the rows whose distance is not below the bound at 1.9 and at 3 standard units. */
  within19: number;
  within3: number;
}

function ordinalsTo(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i);
}

function rotated(coder: SpannCoder, row: Float32Array): Float32Array {
  const into = new Float32Array(coder.paddedDimension);
  coder.rotate(row, into);
  return into;
}

/** Rows of one list about their mean as a table holds it, scanned for a query. */
function scanOf(coder: SpannCoder, rows: Float32Array, query: Float32Array, options = everything): ListMatches {
  const { rows: own, mean } = rotatedRowsOf(coder, rows, query.length);
  const centroids = coder.createCentroids();
  centroids.set(0, mean);
  centroids.at(0, mean);
  const list = coder.encode(own, ordinalsTo(rows.length / query.length), mean);
  const prepared = coder.prepare(rotated(coder, query));
  return coder.scan(list, prepared, centroids.probe(prepared, 1)[0]!, options);
}

function errorsOf(space: Space, rows: Float32Array, queries: Float32Array, dimension: number, seed: number): Errors {
  const coder = referenceKernel.createCoder({ dimension, space, seed });
  const errors: number[] = [];
  for (let i = 0; i < queries.length / dimension; i++) {
    const query = rowOf(queries, dimension, i);
    const { ordinals, estimates, sigmas } = scanOf(coder, rows, query);
    ordinals.forEach((ordinal, j) => errors.push((estimates[j]! - distance(space, query, rowOf(rows, dimension, ordinal))) / sigmas[j]!));
  }
  const mean = (values: number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
  return {
    bias: mean(errors),
    rms: Math.sqrt(mean(errors.map((x) => x * x))),
    within19: mean(errors.map((x) => (x <= 1.9 ? 1 : 0))),
    within3: mean(errors.map((x) => (x <= 3 ? 1 : 0))),
  };
}

function expectGood(errors: Errors): void {
  expect(Math.abs(errors.bias), "bias").toBeLessThan(0.1);
  expect(errors.rms, "rms").toBeGreaterThan(0.9);
  expect(errors.rms, "rms").toBeLessThan(1.1);
  expect(errors.within19, "within 1.9 standard units").toBeGreaterThan(0.955);
  expect(errors.within3, "within 3 standard units").toBeGreaterThan(0.995);
}

describe("rotation", () => {
  it.each([1, 3, 16, 17, 48, 100, 384, 768, 1000, 1536, 4096])("keeps lengths and products, dimension %i", (dimension) => {
    const random = randomFrom(dimension);
    const rows = gaussians(random, 2 * dimension);
    const coder = referenceKernel.createCoder({ dimension, space: "l2", seed: 7 });
    const into = new Float32Array(2 * coder.paddedDimension);
    coder.rotate(rows, into);
    const product = (values: Float32Array, width: number, a: number, b: number): number =>
      rowOf(values, width, a).reduce((sum, x, i) => sum + x * rowOf(values, width, b)[i]!, 0);
    for (const [a, b] of [
      [0, 0],
      [0, 1],
      [1, 1],
    ] as const) {
      expect(product(into, coder.paddedDimension, a, b)).toBeCloseTo(product(rows, dimension, a, b), 2);
    }
  });

  it("spreads a row of one component over all, differently by seed", () => {
    const of = (seed: number): Float32Array =>
      rotated(
        referenceKernel.createCoder({ dimension: 384, space: "l2", seed }),
        Float32Array.from({ length: 384 }, (_, i) => (i === 5 ? 1 : 0)),
      );
    expect(Math.max(...of(1).map(Math.abs))).toBeLessThan(5 / Math.sqrt(384));
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  it("normalises for cosine, but for zero", () => {
    const coder = referenceKernel.createCoder({ dimension: 20, space: "cosine", seed: 1 });
    const length = (row: Float32Array): number => Math.hypot(...rotated(coder, row));
    expect(length(gaussians(randomFrom(1), 20).map((x) => x * 1e-30))).toBeCloseTo(1, 5);
    expect(length(new Float32Array(20))).toBe(0);
  });
});

describe("estimates", () => {
  const kinds: Kind[] = ["lowRank", "hard", "isotropic"];
  it.each(kinds.flatMap((kind) => spaces.map((space) => [kind, space] as const)))("have the error they say, %s, %s", (kind, space) => {
    for (const dimension of space === "l2" ? [96, 384] : [96]) {
      const random = randomFrom(11);
      const all = vectorsOf(kind, random, 220, dimension);
      expectGood(errorsOf(space, all.subarray(0, 200 * dimension), all.subarray(200 * dimension), dimension, 3));
    }
  });

  it.each([1, 2, 5, 16, 33, 1536, 4096])("have it in dimension %i", (dimension) => {
    const random = randomFrom(dimension);
    for (const space of spaces) {
      const errors = (dimension > 100 ? [1, 2] : [1, 2, 3, 4, 5, 6, 7, 8]).map((seed) =>
        errorsOf(space, gaussians(random, 40 * dimension), gaussians(random, 2 * dimension), dimension, seed),
      );
      const rms = Math.sqrt(errors.reduce((sum, { rms }) => sum + rms * rms, 0) / errors.length);
      expect(rms).toBeLessThan(1.3);
      if (dimension > 1) expect(rms).toBeGreaterThan(0.7);
    }
  });

  const sets = ["simplewiki-minilm", "openai-ada2", "sift5k"] as const;
  it.skipIf(!existsSync(realData)).each(sets)(`have it on real vectors, if ${realData} is there: %s`, (name) => {
    const { dim, metric } = JSON.parse(readFileSync(`${realData}/${name}/meta.json`, "utf8")) as { dim: number; metric: string };
    const read = (file: string, rows: number): Float32Array => {
      const bytes = readFileSync(`${realData}/${name}/${file}`);
      return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + rows * dim * 4));
    };
    expectGood(errorsOf(metric === "l2" ? "l2" : "cosine", read("base.f32", 256), read("queries.f32", 24), dim, 5));
  });

  it("stay right about the same where all rows lie far from the origin", () => {
    const random = randomFrom(4);
    const all = gaussians(random, 220 * 64).map((x) => x + 30);
    const { bias, rms } = errorsOf("l2", all.subarray(0, 200 * 64), all.subarray(200 * 64), 64, 3);
    expect(Math.abs(bias)).toBeLessThan(0.5);
    expect(rms).toBeLessThan(1.3);
  });

  it("of inner products do not depend on the length of the query", () => {
    const random = randomFrom(5);
    const rows = gaussians(random, 200 * 64);
    for (const factor of [1e-6, 1, 1e9]) {
      const queries = gaussians(randomFrom(6), 20 * 64).map((x) => x * factor);
      expect(errorsOf("ip", rows, queries, 64, 3).rms).toBeCloseTo(1, 0);
    }
  });
});

describe("scan", () => {
  it("returns the rows whose lower bound does not exceed the threshold, in the list's order", () => {
    const shape = fc.record({
      dimension: fc.integer({ min: 1, max: 80 }),
      count: fc.integer({ min: 1, max: 100 }),
      space: fc.constantFrom(...spaces),
      epsilon: fc.constantFrom(0, 1, 2.5),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(shape, ({ dimension, count, space, epsilon, share, seed }) => {
        const random = randomFrom(seed);
        const coder = referenceKernel.createCoder({ dimension, space, seed });
        const rows = gaussians(random, count * dimension);
        const query = gaussians(random, dimension);
        const all = scanOf(coder, rows, query);
        expect(all.ordinals).toEqual(ordinalsTo(count));
        const lower = all.estimates.map((estimate, i) => estimate - epsilon * all.sigmas[i]!);
        const threshold = [...lower].sort((a, b) => a - b)[Math.floor(share * (count - 1))]!;
        const found = scanOf(coder, rows, query, { threshold, epsilon });
        const expected = [...all.ordinals].filter((ordinal) => lower[ordinal]! <= threshold);
        const slack = [...all.ordinals].filter((ordinal) => lower[ordinal]! <= threshold + 1e-3);
        expect(slack).toEqual(expect.arrayContaining([...found.ordinals]));
        expect([...found.ordinals]).toEqual(expect.arrayContaining(expected));
        expect(found.estimates).toEqual(Float32Array.from(found.ordinals, (ordinal) => all.estimates[ordinal]!));
        expect(found.sigmas).toEqual(Float32Array.from(found.ordinals, (ordinal) => all.sigmas[ordinal]!));
      }),
      { numRuns: 60 },
    );
  });

  it("returns nothing of an empty list, and lists have whole sub-blocks", () => {
    const coder = referenceKernel.createCoder({ dimension: 384, space: "l2", seed: 1 });
    expect([0, 1, 32, 33, 256].map((rows) => coder.listBytes(rows))).toEqual([0, 1920, 1920, 3840, 15360]);
    expect(coder.encode(new Float32Array(0), new Uint32Array(0), new Float32Array(384)).length).toBe(0);
    expect(coder.ordinals(new Uint8Array(0))).toEqual(new Uint32Array(0));
  });

  /** Zero, equal, tiny, ordinary and huge, mixed. */
  function oddRows(random: Random, count: number, dimension: number): Float32Array {
    const rows = gaussians(random, count * dimension);
    const factors = [0, 1e-44, 1e-25, 1, 1e15, 1e19, 1e37];
    for (let row = 0; row < count; row++) {
      const factor = factors[Math.floor(random() * factors.length)]!;
      for (let i = 0; i < dimension; i++) rows[row * dimension + i] = factor === 1 ? i : Math.fround(rows[row * dimension + i]! * factor);
    }
    return rows;
  }

  it("lets neither NaN nor Infinity out, and does not exclude what it cannot estimate", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 70 }), fc.constantFrom(...spaces), (seed, dimension, space) => {
        const random = randomFrom(seed);
        const coder = referenceKernel.createCoder({ dimension, space, seed });
        const rows = oddRows(random, 40, dimension);
        const queries = oddRows(random, 8, dimension);
        for (let i = 0; i < 8; i++) {
          const query = rowOf(queries, dimension, i);
          const { ordinals, estimates, sigmas } = scanOf(coder, rows, query);
          expect(ordinals.length).toBe(40);
          expect([...estimates, ...sigmas].every(Number.isFinite)).toBe(true);
          const exact = Array.from(ordinals, (ordinal) => distance(space, query, rowOf(rows, dimension, ordinal)));
          const nearest = Math.min(...exact);
          const kept = scanOf(coder, rows, query, { threshold: nearest, epsilon: 8 }).ordinals;
          expect([...kept].some((ordinal) => exact[ordinal] === nearest)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("lets rows match by their bound, or by an estimate that is below another", () => {
    const random = randomFrom(8);
    const coder = referenceKernel.createCoder({ dimension: 32, space: "l2", seed: 2 });
    const rows = gaussians(random, 40 * 32);
    const query = gaussians(random, 32);
    const { estimates, sigmas } = scanOf(coder, rows, query);
    const [threshold, below] = [[...estimates].sort((a, b) => a - b)[8]!, [...estimates].sort((a, b) => a - b)[20]!];
    const byBound = [...estimates.keys()].filter((row) => estimates[row]! - sigmas[row]! <= threshold);
    const byEstimate = [...estimates.keys()].filter((row) => estimates[row]! < below);
    const matches = (options: object): number[] => [...scanOf(coder, rows, query, { ...everything, epsilon: 1, ...options }).ordinals];
    expect(matches({ threshold })).toEqual(byBound);
    expect(matches({ threshold: -1e9, below })).toEqual(byEstimate);
    expect(matches({ threshold, below })).toEqual([...estimates.keys()].filter((row) => byBound.includes(row) || byEstimate.includes(row)));
  });

  it("takes zero vectors to be at cosine distance 1", () => {
    const random = randomFrom(9);
    const coder = referenceKernel.createCoder({ dimension: 32, space: "cosine", seed: 2 });
    const rows = gaussians(random, 20 * 32);
    rows.fill(0, 32, 64);
    const one = scanOf(coder, rows, gaussians(random, 32));
    expect(Math.abs(one.estimates[1]! - 1)).toBeLessThan(4 * one.sigmas[1]!);
    const zero = scanOf(coder, rows, new Float32Array(32));
    zero.estimates.forEach((estimate, i) => expect(Math.abs(estimate - 1)).toBeLessThan(4 * zero.sigmas[i]! + 1e-3));
  });
});

describe("centroids", () => {
  it("are found nearest first, of those that are there and asked for", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 60 }), fc.constantFrom(...spaces), (seed, dimension, space) => {
        const random = randomFrom(seed);
        const coder = referenceKernel.createCoder({ dimension, space, seed });
        const { rows } = rotatedRowsOf(coder, gaussians(random, 50 * dimension), dimension);
        const table = coder.createCentroids();
        for (let slot = 0; slot < 50; slot++) table.set(slot, rowOf(rows, coder.paddedDimension, slot));
        for (let slot = 0; slot < 50; slot += 3) table.delete(slot);
        expect(table.count).toBe(33);
        const only = Bitmap.of([0, 1, 2, 3, 4, 5, 20, 49]);
        const row = rotated(coder, gaussians(random, dimension));
        const held = (slot: number): Float32Array => {
          const into = new Float32Array(coder.paddedDimension);
          table.at(slot, into);
          return into;
        };
        const near = table.nearest(row, 4, only.words);
        const expected = [1, 2, 4, 5, 20, 49].map((slot) => distance("l2", row, held(slot))).sort((a, b) => a - b);
        near.distances.forEach((found, i) => expect(found).toBeCloseTo(expected[i]!, 2));
        const prepared = coder.prepare(row);
        const probes = table.probe(prepared, 100);
        expect(probes.map(({ slot }) => slot).sort((a, b) => a - b)).toEqual([...Array(50).keys()].filter((slot) => slot % 3 !== 0));
        probes.forEach(({ slot, distance: found }, i) => {
          const l2 = distance("l2", row, held(slot));
          const exact = space === "ip" ? distance("ip", row, held(slot)) : space === "cosine" ? l2 / 2 : l2;
          expect(Math.abs(found - exact)).toBeLessThan(1e-3 * (1 + Math.abs(exact)));
          if (i > 0) expect(found).toBeGreaterThanOrEqual(probes[i - 1]!.distance - 1e-4);
        });
      }),
      { numRuns: 40 },
    );
  });

  it("are the same set one by one and loaded all at once, and those that are not present are not there", () => {
    const random = randomFrom(5);
    const coder = referenceKernel.createCoder({ dimension: 20, space: "ip", seed: 1 });
    const width = coder.paddedDimension;
    const { rows } = rotatedRowsOf(coder, gaussians(random, 90 * 20), 20);
    const [single, whole] = [coder.createCentroids(), coder.createCentroids()];
    const present = Bitmap.of([...Array(90).keys()].filter((slot) => slot % 7 !== 2));
    for (const slot of present.values()) single.set(slot, rowOf(rows, width, slot));
    whole.load(0, rows.subarray(0, 40 * width), present);
    whole.load(40, rows.subarray(40 * width), present);
    const outcomeOf = (table: typeof whole): unknown => {
      const held = new Float32Array(90 * width);
      for (const slot of present.values()) table.at(slot, held.subarray(slot * width, (slot + 1) * width));
      return [table.count, held, table.nearest(rowOf(rows, width, 3), 90), table.probe(coder.prepare(rowOf(rows, width, 4)), 90)];
    };
    expect(outcomeOf(whole)).toEqual(outcomeOf(single));
    expect(whole.count).toBe(77);
  });

  it("are grouped in steps, once there are many and again when there are twice as many", () => {
    const random = randomFrom(3);
    const coder = referenceKernel.createCoder({ dimension: 32, space: "l2", seed: 1 });
    const { rows } = rotatedRowsOf(coder, vectorsOf("lowRank", random, 1200, 32), 32);
    const [table, other] = [coder.createCentroids(), coder.createCentroids()];
    const stepsAt = (count: number): number => {
      for (const one of [table, other]) for (let slot = one.count; slot < count; slot++) one.set(slot, rowOf(rows, 32, slot));
      return [...table.group()].length;
    };
    expect([300, 600, 1000, 1200].map((count) => stepsAt(count) > 15)).toEqual([false, true, false, true]);
    expect([...table.group()]).toEqual([]);
    expect(table.assign(rows)).toEqual(other.assign(rows));
  });

  it("send a row to the nearest of many, or to one hardly farther, whatever comes and goes", () => {
    const random = randomFrom(3);
    const coder = referenceKernel.createCoder({ dimension: 32, space: "l2", seed: 1 });
    const { rows } = rotatedRowsOf(coder, vectorsOf("lowRank", random, 1500, 32), 32);
    const table = coder.createCentroids();
    const excess: number[] = [];
    const check = (only: Uint32Array | null): void => {
      for (let i = 0; i < 40; i++) {
        const row = rowOf(rows, 32, 1400 + i);
        const both = table.assign(Float32Array.of(...rowOf(rows, 32, i), ...row), only);
        const slot = both[1]!;
        expect(both[0]).toBe(table.assign(rowOf(rows, 32, i), only)[0]);
        expect(only === null || ((only[slot >>> 5]! >>> (slot & 31)) & 1) === 1).toBe(true);
        const best = table.nearest(row, 1, only).distances[0]!;
        excess.push(table.nearest(row, 1, Bitmap.of([slot]).words).distances[0]! / best);
      }
    };
    for (let slot = 0; slot < 700; slot++) table.set(slot, rowOf(rows, 32, slot));
    check(null);
    for (let slot = 0; slot < 700; slot += 2) table.delete(slot);
    for (let slot = 700; slot < 1400; slot++) table.set(slot, rowOf(rows, 32, slot));
    check(null);
    check(Bitmap.of([1, 3, 1399]).words);
    expect(excess.filter((factor) => factor === 1).length / excess.length).toBeGreaterThan(0.8);
    expect(excess.reduce((sum, factor) => sum + factor, 0) / excess.length).toBeLessThan(1.03);
  });
});
