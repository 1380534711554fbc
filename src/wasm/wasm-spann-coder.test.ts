import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bitmap } from "../core/base/bitmap.js";
import { referenceKernel } from "../core/index/vector/reference-kernel.js";
import type { ListMatches, SpannCoder } from "../core/index/vector/spann/spann-kernel.js";
import type { Space } from "../core/types.js";
import { type Random, randomFrom } from "../testing/hnsw-vectors.js";
import { builds, wasmKernelForTests } from "../testing/kernel.js";
import { gaussians, rotatedRowsOf } from "../testing/spann-vectors.js";

const kernels = await Promise.all(builds.map(wasmKernelForTests));

interface Shape {
  dimension: number;
  count: number;
  space: Space;
  factor: number;
  seed: number;
}

/** Every second run has ordinary rows; the others repeat some, and have zeros and rows of all sizes. */
function rowsOf(random: Random, { dimension, count, factor }: Shape): Float32Array {
  const rows = gaussians(random, count * dimension);
  for (let row = 0; row < count; row++) {
    const own = factor === 1 || random() < 0.5 ? 1 : [0, factor, 1e19][Math.floor(random() * 3)]!;
    for (let i = 0; i < dimension; i++) rows[row * dimension + i]! *= own;
    if (factor !== 1 && random() < 0.2) rows.copyWithin(row * dimension, 0, dimension);
  }
  return rows;
}

/** All that a coder gives for a list and a query. */
function outcomeOf(coder: SpannCoder, shape: Shape): unknown[] {
  const random = randomFrom(shape.seed);
  const { rows, mean } = rotatedRowsOf(coder, rowsOf(random, shape), shape.dimension);
  const centroids = coder.createCentroids();
  centroids.set(0, mean);
  centroids.load(1, rows.slice(0, mean.length), Bitmap.of([1]));
  centroids.at(0, mean);
  const ordinals = Uint32Array.from({ length: shape.count }, (_, i) => 3 * i);
  const list = coder.encode(rows, ordinals, mean);
  const queryRow = rowsOf(random, { ...shape, count: 1 });
  const query = new Float32Array(coder.paddedDimension);
  coder.rotate(queryRow, query);
  const prepared = coder.prepare(query);
  const probes = centroids.probe(prepared, 2);
  const probe = probes.find(({ slot }) => slot === 0)!;
  const all = copyOf(coder.scan(list, prepared, probe, { threshold: Infinity, epsilon: 1.9 }));
  const threshold = all.estimates[Math.floor(random() * all.estimates.length)]!;
  const some = copyOf(coder.scan(list, prepared, probe, { threshold, epsilon: 1.9 }));
  const below = all.estimates[Math.floor(random() * all.estimates.length)]!;
  const better = copyOf(coder.scan(list, prepared, probe, { threshold: threshold / 2, below, epsilon: 1.9 }));
  const nearest = centroids.nearest(query, 2);
  const sides = Uint8Array.from(ordinals, (_, i) => (i === 0 || random() < 0.5 ? 1 : 0));
  const distances = (["l2", "cosine", "ip"] as const).map((each) => coder.exactDistances(each, query, rows).slice());
  const points = rows.subarray(0, 3 * query.length);
  const apart = Array.from({ length: shape.count }, (_, row) => rows.subarray(row * query.length, (row + 1) * query.length));
  const squared = [rows, apart].flatMap((some) => [query, points].map((from) => coder.squaredDistances(from, some, query.length)));
  expect(squared.slice(2)).toEqual(squared.slice(0, 2));
  expect(coder.encode(apart, ordinals, mean)).toEqual(list);
  const sums = [...squared, coder.mean(rows, sides, 1), ...distances];
  const views = [prepared, coder.prepare(rows.slice(0, query.length))].map((from) => ({
    query: from,
    probe: centroids.probe(from, 2).find(({ slot }) => slot === 0)!,
  }));
  const nearer = [coder.nearer(list, views[0]!, [views[1]!]), coder.nearer(list, views[1]!, [views[0]!, views[0]!])];
  const pages = coder.createPages(2 ** 20);
  const pageBytes = coder.listBytes(1);
  const count = list.length / pageBytes;
  for (let page = 0; page < count; page++) pages.put(page + 1, list.subarray(page * pageBytes, (page + 1) * pageBytes));
  // The list twice, then none of it.
  const numbers = Uint32Array.from({ length: 2 * count }, (_, i) => 1 + (i % count));
  const scanned = [Infinity, threshold].map((limit) => {
    const options = { threshold: limit, below, epsilon: 1.9 };
    const found = pages.scan(prepared, [probes[0]!, probes[1]!, probe], numbers, Uint32Array.of(count, count, 0), options);
    return { ...copyOf(found), ends: found.ends };
  });
  const copied = new Uint8Array(pageBytes);
  pages.copy(1, copied);
  return [scanned, copied, sums, nearer, rows, list, coder.ordinals(list), prepared, probes, nearest, all, some, better];
}

function copyOf({ ordinals, estimates, sigmas }: ListMatches): ListMatches {
  return { ordinals: ordinals.slice(), estimates: estimates.slice(), sigmas: sigmas.slice() };
}

/** Bytes of all arrays, which tell −0 from 0, and the bits of all numbers. */
function bitsOf(value: unknown): string {
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  if (Array.isArray(value)) return `[${value.map(bitsOf).join()}]`;
  if (typeof value === "number") return bitsOf(Float64Array.of(value));
  if (typeof value === "object" && value !== null)
    return `{${Object.entries(value)
      .map(([name, part]) => name + bitsOf(part))
      .join()}}`;
  return String(value);
}

describe("WasmSpannCoder", () => {
  it("gives what the reference coder gives, bit for bit", () => {
    const shape = fc.record({
      dimension: fc.oneof(fc.constantFrom(1, 2, 15, 16, 17, 48, 128, 384, 2064, 2080, 4096), fc.integer({ min: 1, max: 300 })),
      count: fc.integer({ min: 1, max: 80 }),
      space: fc.constantFrom<Space>("l2", "cosine", "ip"),
      factor: fc.constantFrom(1, 1e-44, 1e-25, 1e15, 1e37),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(shape, (given) => {
        const count = given.dimension > 1000 ? Math.min(given.count, 34) : given.count;
        const options = { dimension: given.dimension, space: given.space, seed: given.seed };
        const expected = outcomeOf(referenceKernel.createCoder(options), { ...given, count }).map(bitsOf);
        for (const kernel of kernels) {
          outcomeOf(kernel.createCoder(options), { ...given, count }).forEach((part, i) => expect(bitsOf(part)).toBe(expected[i]));
        }
      }),
      { numRuns: 60 },
    );
  });

  it("sums the largest tables there can be", () => {
    const options = { dimension: 4096, space: "l2" as const, seed: 1 };
    const [expected, ...found] = [referenceKernel, ...kernels].map((kernel) => {
      const coder = kernel.createCoder(options);
      const query = new Float32Array(4096).fill(1);
      const list = coder.encode(new Float32Array(4096).fill(1), Uint32Array.of(5), new Float32Array(4096));
      const probe = { slot: 0, distance: 1, base: 1, weight: 1, spread: 1, slack: 0 };
      return bitsOf(coder.scan(list, coder.prepare(query), probe, { threshold: Infinity, epsilon: 1 }));
    });
    for (const bits of found) expect(bits).toBe(expected);
  });

  it("takes no more memory ahead of need for pages than it may", () => {
    const bytesMax = 120 * 65_536;
    const coder = kernels[0]!.createCoder({ dimension: 384, space: "l2", seed: 1 });
    const pages = coder.createPages(bytesMax);
    const empty = pages.byteLength;
    const page = new Uint8Array(coder.listBytes(1));
    for (let at = 0; at < bytesMax / page.length; at++) pages.put(at, page);
    expect(pages.byteLength).toBeGreaterThan(bytesMax);
    // Pages come in chunks of 32, and memory in such of 64 KiB.
    expect(pages.byteLength).toBeLessThanOrEqual(empty + bytesMax + 2 * 65_536);
  });

  it("shares its memory among coders whose calls take turns", () => {
    const shapes = [3, 100, 4096].map((dimension): Shape => ({ dimension, count: 33, space: "l2", factor: 1, seed: dimension }));
    const coders = shapes.map(({ dimension }) => kernels[0]!.createCoder({ dimension, space: "l2", seed: dimension }));
    const alone = shapes.map((shape, i) => bitsOf(outcomeOf(coders[i]!, shape)));
    const turns = [2, 0, 1, 0, 2].map((i) => [i, bitsOf(outcomeOf(coders[i]!, shapes[i]!))] as const);
    for (const [i, bits] of turns) expect(bits).toBe(alone[i]);
  });
});
