import fc from "fast-check";
import { expect, it } from "vitest";
import { encodeQuery, type QuantizedRows, quantizeRows } from "../core/index/vector/quantize.js";
import type { Space } from "../core/types.js";
import { type Random, randomFrom } from "../testing/hnsw-vectors.js";
import { builds, wasmKernelForTests } from "../testing/kernel.js";
import { gaussians } from "../testing/spann-vectors.js";

const kernels = await Promise.all(builds.map(wasmKernelForTests));
const spaces: readonly Space[] = ["l2", "cosine", "ip"];

/** Rows of all sizes: zeros, subnormal ones, those too long for codes, and such as lie half-way between two codes. */
function rowsOf(random: Random, dimension: number, count: number): Float32Array {
  const rows = gaussians(random, count * dimension);
  for (let row = 0; row < count; row++) {
    const size = [1, 1, 0, -1, 1e-44, 3e37, 2 ** 60, 2 ** -100][Math.floor(random() * 8)]!;
    for (let i = row * dimension; i < (row + 1) * dimension; i++) rows[i] = random() < 0.05 ? 0 : rows[i]! * size;
    if (random() < 0.2) for (let i = 0; i < dimension; i++) rows[row * dimension + i] = i === 0 ? 127 : Math.floor(random() * 255) / 2 - 63;
  }
  return rows;
}

function bytesOf({ codes, slopes, intercepts, errors }: QuantizedRows): Buffer {
  return Buffer.concat([codes, slopes, intercepts, errors].map((column) => Buffer.from(column.buffer)));
}

it("makes the codes of the reference, to the last bit", () => {
  const shapes = fc.record({
    dimension: fc.integer({ min: 1, max: 400 }),
    count: fc.nat(300),
    seed: fc.nat(),
    space: fc.constantFrom(...spaces),
  });
  fc.assert(
    fc.property(shapes, ({ dimension, count, seed, space }) => {
      const rows = rowsOf(randomFrom(seed), dimension, count);
      const expected = bytesOf(quantizeRows(space, dimension, rows));
      for (const kernel of kernels) expect(bytesOf(kernel.quantize(space, dimension, rows)).equals(expected)).toBe(true);
    }),
    { numRuns: 80 },
  );
});

it("takes rows of the longest dimension", () => {
  const rows = rowsOf(randomFrom(9), 4096, 33);
  for (const kernel of kernels)
    expect(bytesOf(kernel.quantize("l2", 4096, rows)).equals(bytesOf(quantizeRows("l2", 4096, rows)))).toBe(true);
});

it.each([1, 2, 3, 4, 5, 7, 16, 33, 384, 4096])("encodes queries of dimension %i as the reference does, to the last bit", (dimension) => {
  const tables = kernels.map((kernel) => kernel.createTable(dimension));
  const rows = rowsOf(randomFrom(dimension), dimension, 60);
  for (let row = 0; row < 60; row++) {
    const query = rows.slice(row * dimension, (row + 1) * dimension);
    for (const space of spaces) for (const table of tables) expect(table.encodeQuery(space, query)).toEqual(encodeQuery(space, query));
  }
});
