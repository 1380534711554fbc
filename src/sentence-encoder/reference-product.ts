/** The product of the sentence encoder, plainly: what `wasm/assembly/matrix.ts` does, to the bit. Tests hold the two together. */

/** Where all that a product needs lies in one memory, in bytes from its start; the order is that of the kernel's arguments. */
export type ProductArguments = [
  codes: number,
  codeScales: number,
  weights: number,
  scales: number,
  bias: number,
  inputs: number,
  outputs: number,
  rows: number,
  out: number,
];

/** Rows of int16 codes times a matrix of int8 codes that has a row per output: `dot × (scale of the row × scale) + bias`. */
export function multiplyReference(
  memory: ArrayBuffer,
  ...[codes, codeScales, weights, scales, bias, inputs, outputs, rows, out]: ProductArguments
): void {
  const x = new Int16Array(memory, codes);
  const w = new Int8Array(memory, weights);
  const floats = new Float32Array(memory);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < outputs; i++) {
      let dot = 0;
      for (let j = 0; j < inputs; j++) dot += x[row * inputs + j]! * w[i * inputs + j]!;
      const scale = Math.fround(floats[codeScales / 4 + row]! * floats[scales / 4 + i]!);
      floats[out / 4 + row * outputs + i] = Math.fround(Math.fround(dot) * scale) + floats[bias / 4 + i]!;
    }
  }
}
