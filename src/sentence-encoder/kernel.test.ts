/** The kernel against the plain one: the same bits, whatever the numbers. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { matrixKernel } from "../testing/sentence-encoder.js";
import { type EncoderKernel, EncoderMemory, layoutFor } from "./encoder-memory.js";
import { referenceKernel } from "./reference-kernel.js";

let instance: EncoderKernel & { memory: WebAssembly.Memory };
beforeAll(async () => {
  const { exports } = await WebAssembly.instantiate(await matrixKernel());
  instance = exports as unknown as typeof instance;
  instance.memory.grow(16);
});

const shapes = fc.record({
  rows: fc.integer({ min: 1, max: 7 }),
  inputs: fc.integer({ min: 1, max: 8 }).map((n) => 8 * n),
  outputs: fc.integer({ min: 1, max: 6 }).map((n) => 4 * n),
  seed: fc.integer(),
});

/** Numbers that differ, the largest and the least codes among them. */
function fill(memory: ArrayBuffer, seed: number): void {
  const bytes = new Uint8Array(memory);
  let state = seed | 1;
  for (let i = 0; i < 40_000; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + i;
    bytes[i] = state >>> 24;
  }
}

test("the kernel multiplies as the reference does", () => {
  fc.assert(
    fc.property(shapes, ({ rows, inputs, outputs, seed }) => {
      const { buffer } = instance.memory;
      fill(buffer as ArrayBuffer, seed);
      const floats = new Float32Array(buffer);
      for (let i = 0; i < 128; i++) floats[i] = Math.fround(Math.sin(seed + i) * 1e-3);
      // Codes of at most 14 bits, as rows are encoded with.
      const codes = new Int16Array(buffer, 1024, 8 * inputs);
      for (let i = 0; i < codes.length; i++) codes[i] = codes[i]! >> 2;
      const args: Parameters<EncoderKernel["multiply"]> = [1024, 0, 4096, 128, 256, inputs, outputs, rows, 65_536];
      const copy = buffer.slice(0) as ArrayBuffer;
      instance.multiply(...args);
      referenceKernel(copy).multiply(...args);
      const bits = (memory: ArrayBuffer | SharedArrayBuffer) => Array.from(new Uint32Array(memory, 65_536, rows * outputs));
      expect(bits(buffer)).toEqual(bits(copy));
    }),
    { numRuns: 200 },
  );
});

test("the largest codes do not overflow", () => {
  const [inputs, outputs] = [1536, 4];
  const { buffer } = instance.memory;
  new Int16Array(buffer, 1024, 2 * inputs).fill(-8191);
  new Int8Array(buffer, 8192, inputs * outputs).fill(127);
  new Float32Array(buffer, 0, 2).fill(1);
  new Float32Array(buffer, 128, 4).fill(1);
  new Float32Array(buffer, 256, 4).fill(0);
  instance.multiply(1024, 0, 8192, 128, 256, inputs, outputs, 1, 65_536);
  expect(new Float32Array(buffer, 65_536, 4)).toEqual(new Float32Array(4).fill(-8191 * 127 * 1536));
});

test("rows are encoded so that a product is near the exact one", () => {
  const layout = layoutFor(1024);
  const buffer = new ArrayBuffer(layout.bytes);
  new Int8Array(buffer, 0, 32).set(Array.from({ length: 32 }, (_, i) => i - 16));
  new Float32Array(buffer, 64, 4).fill(0.5);
  new Float32Array(buffer, 128, 4).set([1, 2, 3, 4]);
  const memory = new EncoderMemory(buffer, 1024, referenceKernel(buffer));
  const x = Float32Array.from({ length: 16 }, (_, i) => (i < 8 ? Math.cos(i) : 0));
  const y = memory.multiply(x, 2, { codes: 0, scales: 64, bias: 128, inputs: 8, outputs: 4 });
  for (let i = 0; i < 4; i++) {
    const exact = x.slice(0, 8).reduce((sum, value, j) => sum + value * 0.5 * (8 * i + j - 16), 1 + i);
    expect(y[i]).toBeCloseTo(exact, 2);
  }
  expect(y.slice(4)).toEqual(new Float32Array([1, 2, 3, 4]));
});

describe("attention", () => {
  const numbers = fc.record({
    rows: fc.integer({ min: 1, max: 9 }),
    size: fc.integer({ min: 1, max: 8 }).map((n) => 4 * n),
    seed: fc.integer(),
  });
  /** Two memories alike, for the kernel and for the reference. */
  const memories = (seed: number): [ArrayBuffer, ArrayBuffer] => {
    const floats = new Float32Array(instance.memory.buffer, 0, 4096);
    for (let i = 0; i < floats.length; i++) floats[i] = Math.sin(seed + i * 1.7) * 3;
    return [instance.memory.buffer as ArrayBuffer, instance.memory.buffer.slice(0) as ArrayBuffer];
  };

  test("the kernel fits and mixes as the reference does", () => {
    fc.assert(
      fc.property(numbers, ({ rows, size, seed }) => {
        const [memory, copy] = memories(seed);
        for (const kernel of [instance, referenceKernel(copy)]) {
          kernel.fit(0, 256, 4 * size + 16, size, rows, 8192);
          kernel.mix(8192, 512, 4 * size + 32, size, rows, 12_288);
        }
        for (const [at, count] of [
          [8192, rows],
          [12_288, size],
        ] as const) {
          expect(Array.from(new Uint32Array(memory, at, count))).toEqual(Array.from(new Uint32Array(copy, at, count)));
        }
      }),
      { numRuns: 200 },
    );
  });

  test("is the softmax of the fits, over the values, head by head", () => {
    const [rows, width] = [3, 16];
    const buffer = new ArrayBuffer(layoutFor(0).bytes);
    const qkv = Float32Array.from({ length: rows * 3 * width }, (_, i) => Math.sin(i * 1.3));
    const mixed = new EncoderMemory(buffer, 0, referenceKernel(buffer)).attend(qkv, rows);
    const part = (row: number, kind: number, head: number) =>
      qkv.slice((3 * row + kind) * width + 4 * head, (3 * row + kind) * width + 4 * head + 4);
    for (let row = 0; row < rows; row++) {
      for (let head = 0; head < 4; head++) {
        const weights = [0, 1, 2].map((other) =>
          Math.exp(part(row, 0, head).reduce((sum, x, i) => sum + x * part(other, 1, head)[i]!, 0) / 2),
        );
        const sum = weights.reduce((a, b) => a + b);
        for (let i = 0; i < 4; i++) {
          const expected = weights.reduce((total, weight, other) => total + (weight / sum) * part(other, 2, head)[i]!, 0);
          expect(mixed[row * width + 4 * head + i]).toBeCloseTo(expected, 5);
        }
      }
    }
  });
});
