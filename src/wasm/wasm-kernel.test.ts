import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Bitmap } from "../core/base/bitmap.js";
import { TidepoolError } from "../core/errors.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import type { CodeTable } from "../core/index/vector/vector-kernel.js";
import { queryMax } from "../core/index/vector/vector-kernel.js";
import { builds, wasmKernelForTests } from "../testing/kernel.js";

const kernels = await Promise.all(builds.map(wasmKernelForTests));
const wasm = kernels[0]!;

type Random = () => number;

/** Uniform in [0, 1), from a fixed linear congruence. */
function randomFrom(seed: number): Random {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Codes of the extremes too, and few distinct factors, so that distances tie. */
function randomRows(random: Random, dimension: number, count: number, distinct: number) {
  const whole = (limit: number): number => Math.floor(random() * limit);
  return {
    codes: Int8Array.from({ length: count * dimension }, () => (distinct < 3 ? whole(distinct) : whole(255) - 127)),
    slopes: Float32Array.from({ length: count }, () => (whole(distinct) - distinct / 2) / 64),
    intercepts: Float32Array.from({ length: count }, () => whole(distinct) - 1),
  };
}

function randomQuery(random: Random, dimension: number): Int16Array {
  const max = queryMax(dimension);
  return Int16Array.from({ length: dimension }, () => Math.round((2 * random() - 1) * max));
}

/** Empty, sparse, dense and full words in one bitmap. */
function randomBitmap(random: Random, rows: number): Bitmap {
  const allowed = new Bitmap(rows);
  for (let first = 0; first < rows; first += 32) {
    const share = [0, 0.1, 0.7, 1][Math.floor(random() * 4)]!;
    for (let ordinal = first; ordinal < Math.min(rows, first + 32); ordinal++) if (random() < share) allowed.add(ordinal);
  }
  return allowed;
}

/** Of both builds, and the reference last. */
function allTables(dimension: number): CodeTable[] {
  return [...kernels, referenceKernel].map((kernel) => kernel.createTable(dimension));
}

/** Much faster than `toEqual` on long arrays, and tells −0 from 0. */
function sameBytes(a: Float32Array | Uint32Array, b: Float32Array | Uint32Array): boolean {
  const [bytesA, bytesB] = [a, b].map((view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength));
  return bytesA!.equals(bytesB!);
}

function expectSameScan(tables: readonly CodeTable[], query: Int16Array, scale: number, r: number, allowed: Bitmap): void {
  const all = tables.map((table) => table.scan(query, scale, r, allowed.words));
  const expected = all.pop()!;
  for (const actual of all) {
    expect(sameBytes(actual.ordinals, expected.ordinals)).toBe(true);
    expect(sameBytes(actual.distances, expected.distances)).toBe(true);
  }
}

describe("WasmKernel", () => {
  it("returns the candidates of the reference kernel, bit for bit", () => {
    const dimension = fc.oneof(fc.constantFrom(1, 3, 15, 16, 17, 25, 32, 33, 384), fc.integer({ min: 1, max: 300 }));
    const shape = fc.record({
      dimension,
      count: fc.integer({ min: 0, max: 400 }),
      r: fc.integer({ min: 0, max: 450 }),
      distinct: fc.constantFrom(1, 2, 3, 1000),
      scale: fc.constantFrom(0, 1, 1e-3, 1e-40, 0.1),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(shape, ({ dimension, count, r, distinct, scale, seed }) => {
        const random = randomFrom(seed);
        const tables = allTables(dimension);
        const { codes, slopes, intercepts } = randomRows(random, dimension, count, distinct);
        for (const table of tables) table.set(0, codes, slopes, intercepts);
        expectSameScan(tables, randomQuery(random, dimension), scale, r, randomBitmap(random, count));
      }),
      { numRuns: 150 },
    );
  });

  it("passes over no row that is nearer by less than a look at it tells", () => {
    const shape = fc.record({
      dimension: fc.oneof(fc.constantFrom(1, 16, 32, 48, 384, 512), fc.integer({ min: 1, max: 540 })),
      count: fc.integer({ min: 256, max: 1200 }),
      r: fc.integer({ min: 1, max: 60 }),
      scale: fc.constantFrom(1, 1e-3, 1e-40, 1e25),
      intercept: fc.constantFrom(0, 1, -1e4, 1e7),
      changed: fc.constantFrom(1, 4, 400),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(shape, ({ dimension, count, r, scale, intercept, changed, seed }) => {
        const random = randomFrom(seed);
        const tables = allTables(dimension);
        const [pattern] = [randomRows(random, dimension, 1, 1000).codes];
        const codes = Int8Array.from({ length: count * dimension }, (_, i) => pattern[i % dimension]!);
        for (let row = 0; row < count; row++) {
          for (let i = 0; i < changed; i++) codes[row * dimension + Math.floor(random() * dimension)] = Math.floor(random() * 255) - 127;
        }
        const slopes = new Float32Array(count).fill(-0.01);
        const intercepts = Float32Array.from({ length: count }, (_, row) => intercept * (1 + (row % 3) * 2 ** -20));
        for (const table of tables) table.set(0, codes, slopes, intercepts);
        expectSameScan(tables, randomQuery(random, dimension), scale, r, Bitmap.of(Array(count).keys()));
      }),
      { numRuns: 50 },
    );
  });

  it("keeps its rows while it grows, is overwritten and is scanned in between", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 700 }), fc.nat(), (dimension, seed) => {
        const random = randomFrom(seed);
        const tables = allTables(dimension);
        let rows = 0;
        for (let step = 0; step < 6; step++) {
          const first = Math.floor(random() * (rows + 40));
          const { codes, slopes, intercepts } = randomRows(random, dimension, Math.floor(random() * 120), 1000);
          for (const table of tables) table.set(first, codes, slopes, intercepts);
          if (slopes.length > 0) rows = Math.max(rows, first + slopes.length);
          const r = Math.floor(random() * 300);
          expectSameScan(tables, randomQuery(random, dimension), 1e-4, r, randomBitmap(random, rows));
        }
      }),
      { numRuns: 30 },
    );
  });

  it.each([1, 50, 70_000, 200_000])("merges chunks of the window's size, r = %i", (r) => {
    const random = randomFrom(r);
    const rows = 2 * 65_536 + 1000;
    const tables = allTables(2);
    const { codes, slopes, intercepts } = randomRows(random, 2, rows, 20);
    for (const table of tables) table.set(0, codes, slopes, intercepts);
    const everything = Bitmap.of(Array(rows).keys());
    const query = randomQuery(random, 2);
    expectSameScan(tables, query, 1e-3, r, everything);
    expectSameScan(tables, query, 1e-3, r, randomBitmap(random, rows));
    expectSameScan(tables, query, 1e-3, r, Bitmap.of([65_535, 65_536, rows - 1]));
  });

  it("scans for many queries as for one after the other", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 16, 40, 600),
        fc.integer({ min: 0, max: 700 }),
        fc.nat(9),
        fc.nat(100),
        fc.nat(),
        (dimension, count, queries, r, seed) => {
          const random = randomFrom(seed);
          const tables = allTables(dimension);
          const { codes, slopes, intercepts } = randomRows(random, dimension, count, 1000);
          for (const table of tables) table.set(0, codes, slopes, intercepts);
          const allowed = randomBitmap(random, count);
          const many = Array.from({ length: queries }, () => ({ codes: randomQuery(random, dimension), scale: 1e-3 * random() }));
          const expected = many.map(({ codes, scale }) => tables.at(-1)!.scan(codes, scale, r, allowed.words));
          for (const table of tables) expect(table.scanMany(many, r, allowed.words)).toEqual(expected);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("keeps the results of many queries apart from window to window", () => {
    const random = randomFrom(4);
    const tables = allTables(2);
    const rows = 2 * 65_536 + 1000;
    const { codes, slopes, intercepts } = randomRows(random, 2, rows, 20);
    for (const table of tables) table.set(0, codes, slopes, intercepts);
    const allowed = Bitmap.of(Array(rows).keys());
    const many = Array.from({ length: 6 }, () => ({ codes: randomQuery(random, 2), scale: 1e-3 }));
    const [actual, ...others] = tables.map((table) => table.scanMany(many, 50, allowed.words));
    for (const other of others) expect(other).toEqual(actual);
  });

  it("puts rows of infinite nearness first", () => {
    const tables = allTables(1);
    const intercepts = Float32Array.of(1, -Infinity, -5, -Infinity);
    for (const table of tables) table.set(0, Int8Array.of(1, 0, 1, 0), Float32Array.of(1, 0, 1, 0), intercepts);
    const { ordinals } = tables[0]!.scan(Int16Array.of(1), 1, 3, Bitmap.of([0, 1, 2, 3]).words);
    expect([...ordinals]).toEqual([1, 3, 2]);
    expectSameScan(tables, Int16Array.of(1), 1, 3, Bitmap.of([0, 1, 2, 3]));
  });

  it("measures exact distances as the reference does, bit for bit", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 70 }),
        fc.nat(20),
        fc.nat(),
        fc.constantFrom(1, 1e30, 1e-40, 0),
        (dimension, count, seed, magnitude) => {
          const random = randomFrom(seed);
          const values = (n: number) => Float32Array.from({ length: n * dimension }, () => magnitude * (2 * random() - 1));
          const [query, rows] = [values(1), values(count)];
          const actual = wasm.createTable(dimension);
          const expected = referenceKernel.createTable(dimension);
          for (const space of ["l2", "ip", "cosine"] as const) {
            expect(actual.exactDistances(space, query, rows)).toEqual(expected.exactDistances(space, query, rows));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("fingerprints rows as the reference does, and tells them apart by any code, slope or intercept", () => {
    for (const dimension of [1, 5, 16, 33]) {
      const tables = allTables(dimension);
      const set = (change: (codes: Int8Array, factors: Float32Array) => void): number[] => {
        const codes = new Int8Array(dimension).fill(-7);
        const factors = Float32Array.of(0.5, 2);
        change(codes, factors);
        for (const table of tables) table.set(1, codes, factors.subarray(0, 1), factors.subarray(1));
        return tables.map((table) => table.fingerprint(1));
      };
      const changes = Array.from({ length: dimension }, (_, i) => (codes: Int8Array) => void (codes[i] = 100));
      const all = [set(() => {}), set((_, factors) => (factors[0] = -0.5)), set((_, factors) => (factors[1] = 3)), ...changes.map(set)];
      for (const [actual, ...others] of all) for (const other of others) expect(other).toBe(actual);
      expect(new Set(all.map(([actual]) => actual)).size).toBe(dimension + 3);
    }
  });

  it("refuses a bitmap that reaches beyond its rows", () => {
    const table = wasm.createTable(4);
    expect(() => table.scan(new Int16Array(4), 1, 1, Bitmap.of([0]).words)).toThrow(/holds 0 rows/);
  });

  it("tells the memory it holds, which grows with its rows", () => {
    const table = wasm.createTable(384);
    expect(table.byteLength).toBe(65_536);
    table.set(0, new Int8Array(384 * 1000), new Float32Array(1000), new Float32Array(1000));
    expect(table.byteLength).toBeGreaterThanOrEqual(392 * 1000);
    expect(table.byteLength).toBeLessThan(1.2 * 392 * 1000 + 65_536);
  });

  it("names the bytes that memory could not grow to, and stays usable", () => {
    const table = wasm.createTable(1);
    table.set(0, Int8Array.of(3), Float32Array.of(1), Float32Array.of(0));
    const grow = vi.spyOn(WebAssembly.Memory.prototype, "grow").mockImplementation(() => {
      throw new RangeError("no memory");
    });
    const set = (): void => table.set(1_000_000, Int8Array.of(1), Float32Array.of(1), Float32Array.of(1));
    try {
      expect(set).toThrow(TidepoolError);
      expect(set).toThrow(/needs 24\d{6} bytes of WebAssembly memory/);
      expect(set).toThrow(expect.objectContaining({ code: "RESOURCE_EXHAUSTED" }));
    } finally {
      grow.mockRestore();
    }
    expect(table.scan(Int16Array.of(2), 1, 5, Bitmap.of([0]).words)).toEqual({
      ordinals: Uint32Array.of(0),
      distances: Float32Array.of(6),
    });
  });

  it("refuses more than the 4 GiB that 32-bit addresses reach", () => {
    const table = wasm.createTable(4096);
    const set = (): void => table.set(2 ** 21, new Int8Array(4096), new Float32Array(1), new Float32Array(1));
    expect(set).toThrow(expect.objectContaining({ code: "RESOURCE_EXHAUSTED" }));
  });
});
