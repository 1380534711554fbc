/** The sentence encoder's kernel, plainly: what `wasm/assembly/matrix.ts` does, to the bit. Tests hold the two together. */
import type { EncoderKernel } from "./encoder-memory.js";

/** A kernel over this memory. */
export function referenceKernel(memory: ArrayBuffer): EncoderKernel {
  const floats = new Float32Array(memory);
  return {
    multiply(codes, codeScales, weights, scales, bias, inputs, outputs, rows, out) {
      const x = new Int16Array(memory, codes);
      const w = new Int8Array(memory, weights);
      for (let row = 0; row < rows; row++) {
        for (let i = 0; i < outputs; i++) {
          let dot = 0;
          for (let j = 0; j < inputs; j++) dot += x[row * inputs + j]! * w[i * inputs + j]!;
          const scale = Math.fround(floats[codeScales / 4 + row]! * floats[scales / 4 + i]!);
          floats[out / 4 + row * outputs + i] = Math.fround(Math.fround(dot) * scale) + floats[bias / 4 + i]!;
        }
      }
    },

    fit(query, keys, stride, size, rows, out) {
      for (let row = 0; row < rows; row++) {
        const sums = new Float32Array(4);
        for (let i = 0; i < size; i++) {
          sums[i % 4]! += Math.fround(floats[query / 4 + i]! * floats[(keys + row * stride) / 4 + i]!);
        }
        floats[out / 4 + row] = Math.fround(sums[0]! + sums[1]!) + Math.fround(sums[2]! + sums[3]!);
      }
    },

    mix(shares, values, stride, size, rows, out) {
      for (let i = 0; i < size; i++) {
        let sum = 0;
        for (let row = 0; row < rows; row++) {
          sum = Math.fround(sum + Math.fround(floats[shares / 4 + row]! * floats[(values + row * stride) / 4 + i]!));
        }
        floats[out / 4 + i] = sum;
      }
    },
  };
}
