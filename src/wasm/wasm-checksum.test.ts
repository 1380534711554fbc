import fc from "fast-check";
import { expect, it } from "vitest";
import { crc32, crc32OfRows, PLAIN_SUMS, plainCrc32, sumBy } from "../core/base/checksum.js";
import { randomFrom } from "../testing/hnsw-vectors.js";
import { builds, kernelBytes } from "../testing/kernel.js";
import { wasmChecksum } from "./wasm-checksum.js";

const kernels = await Promise.all(
  builds.map(async (build) => wasmChecksum(await WebAssembly.compile(await kernelBytes(build)), plainCrc32)),
);
const sums = kernels.map(({ long }) => long);

function bytesFrom(seed: number, length: number): Uint8Array {
  const random = randomFrom(seed);
  return Uint8Array.from({ length }, () => random() * 256);
}

it("equals the plain sum for bytes of any length, from anywhere and after any other sum", () => {
  const blocks = fc.integer({ min: 0, max: 40 });
  const around = fc.integer({ min: -2, max: 2 });
  const noise = bytesFrom(1, 200_010);
  const copy = noise.slice();
  const lengths = fc.oneof(
    fc.nat(200_000),
    fc.tuple(blocks, around).map(([n, more]) => Math.max(0, 4096 * n + more)),
  );
  fc.assert(
    fc.property(lengths, fc.nat(7), fc.nat(0xffffffff), (length, from, before) => {
      const bytes = noise.subarray(from, from + length);
      for (const sum of sums) {
        expect(sum(bytes, before)).toBe(plainCrc32(bytes, before));
        expect(sum(bytes)).toBe(plainCrc32(bytes));
      }
    }),
    { numRuns: 60 },
  );
  expect(Buffer.compare(noise, copy)).toBe(0);
});

it("changes with every bit of a block", () => {
  const bytes = bytesFrom(5, 4096);
  for (const sum of sums) {
    const seen = new Set([sum(bytes)]);
    for (let bit = 0; bit < 8 * bytes.length; bit += 7) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      seen.add(sum(bytes));
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
    expect(seen.size).toBe(1 + Math.ceil((8 * 4096) / 7));
  }
});

it("is what long bytes are summed by, once it is brought, and short ones are not", () => {
  const lengths: number[] = [];
  const long: typeof plainCrc32 = (bytes, seed) => {
    lengths.push(bytes.length);
    return sums[0]!(bytes, seed);
  };
  sumBy({ ...PLAIN_SUMS, long });
  try {
    for (const length of [100, 8191, 8192, 100_000]) {
      const bytes = bytesFrom(length, length);
      expect(crc32(bytes, 7)).toBe(plainCrc32(bytes, 7));
    }
    expect(lengths).toEqual([8192, 100_000]);
  } finally {
    sumBy(PLAIN_SUMS);
  }
});

it("equals the plain sum of each row, however many there are and however long", () => {
  const noise = bytesFrom(9, 200_000);
  const copy = noise.slice();
  for (const width of [4, 8, 60, 1532, 1536, 1540, 4096, 6144, 16_384]) {
    for (const count of [0, 1, 3, 4, 15, 16, 17, 35]) {
      const bytes = noise.subarray(4, 4 + Math.min(count, Math.floor(199_000 / width)) * width);
      for (const { rows } of kernels) expect(rows(bytes, width)).toEqual(PLAIN_SUMS.rows(bytes, width));
    }
  }
  expect(Buffer.compare(noise, copy)).toBe(0);
});

it("sums rows by what is brought", () => {
  const values = new Float32Array(bytesFrom(3, 4 * 7 * 20).buffer).subarray(7);
  const plain = crc32OfRows(values, 7);
  expect([...plain]).toEqual(Array.from({ length: 19 }, (_, row) => crc32(new Uint8Array(values.slice(7 * row, 7 * row + 7).buffer))));
  sumBy(kernels[0]!);
  try {
    expect(crc32OfRows(values, 7)).toEqual(plain);
  } finally {
    sumBy(PLAIN_SUMS);
  }
});
