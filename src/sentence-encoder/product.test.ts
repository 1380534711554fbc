/** The kernel's product against the plain one: the same bits, whatever the numbers. */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { matrixKernel } from "../testing/sentence-encoder.js";
import { EncoderMemory, layoutFor, type Product } from "./encoder-memory.js";
import { multiplyReference, type ProductArguments } from "./reference-product.js";

let instance: { memory: WebAssembly.Memory; multiply: Product };
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
      const args: ProductArguments = [1024, 0, 4096, 128, 256, inputs, outputs, rows, 65_536];
      const copy = buffer.slice(0) as ArrayBuffer;
      instance.multiply(...args);
      multiplyReference(copy, ...args);
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
  const memory = new EncoderMemory(buffer, 1024, (...args) => multiplyReference(buffer, ...args));
  const x = Float32Array.from({ length: 16 }, (_, i) => (i < 8 ? Math.cos(i) : 0));
  const y = memory.multiply(x, 2, { codes: 0, scales: 64, bias: 128, inputs: 8, outputs: 4 });
  for (let i = 0; i < 4; i++) {
    const exact = x.slice(0, 8).reduce((sum, value, j) => sum + value * 0.5 * (8 * i + j - 16), 1 + i);
    expect(y[i]).toBeCloseTo(exact, 2);
  }
  expect(y.slice(4)).toEqual(new Float32Array([1, 2, 3, 4]));
});
