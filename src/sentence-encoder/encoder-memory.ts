/**
 * The one memory in which the model's file lies as it is, and behind it what the kernel reads and writes: the rows' codes, their
 * scales, and rows of float32. It never grows, so that views of it stay good.
 */
import { PIECES_MAX } from "./transformer.js";

/** What multiplies in a memory. All places are bytes from its start. */
export interface EncoderKernel {
  /** Rows of int16 codes times a matrix of int8 codes that has a row per output: `dot × (scale of the row × scale) + bias`. */
  multiply(
    codes: number,
    codeScales: number,
    weights: number,
    scales: number,
    bias: number,
    inputs: number,
    outputs: number,
    rows: number,
    out: number,
  ): void;
  /** The dot products of a query with each key. */
  fit(query: number, keys: number, stride: number, size: number, rows: number, out: number): void;
  /** The sum of the values, each times its share. */
  mix(shares: number, values: number, stride: number, size: number, rows: number, out: number): void;
}

/** Parts of a row that attend by themselves. */
const HEADS = 4;

/** The longest row of the model. */
const ROW_MAX = 1536;
/** The kernel takes rows by twos. */
const ROWS_MAX = PIECES_MAX + 1;
/**
 * The largest code of a row. Codes of 14 bits lose nothing that is seen in an embedding, and 1,536 products with weights of up to 127
 * stay within int32.
 */
const CODE_MAX = 8191;

/** Where everything lies for a file of so many bytes. */
export function layoutFor(fileBytes: number): { codes: number; scales: number; out: number; bytes: number } {
  const codes = Math.ceil(fileBytes / 16) * 16;
  const scales = codes + ROWS_MAX * ROW_MAX * 2;
  const out = Math.ceil((scales + ROWS_MAX * 4) / 16) * 16;
  return { codes, scales, out, bytes: out + ROWS_MAX * ROW_MAX * 4 };
}

/** A matrix in the file: where its codes, their scales and its bias lie. */
export interface Matrix {
  codes: number;
  scales: number;
  bias: number;
  inputs: number;
  outputs: number;
}

/** The memory, with the file in it. */
export class EncoderMemory {
  readonly buffer: ArrayBuffer;
  readonly #layout: ReturnType<typeof layoutFor>;
  readonly #kernel: EncoderKernel;

  /** `kernel` works on `buffer`, which has the bytes of `layoutFor(fileBytes)`. */
  constructor(buffer: ArrayBuffer, fileBytes: number, kernel: EncoderKernel) {
    this.buffer = buffer;
    this.#layout = layoutFor(fileBytes);
    this.#kernel = kernel;
  }

  /** The rows of `x` times the matrix. */
  multiply(x: Float32Array, rows: number, { codes, scales, bias, inputs, outputs }: Matrix): Float32Array {
    this.#encode(x, rows, inputs);
    const { out } = this.#layout;
    this.#kernel.multiply(this.#layout.codes, this.#layout.scales, codes, scales, bias, inputs, outputs, rows, out);
    return new Float32Array(this.buffer, out, rows * outputs).slice();
  }

  /**
   * What each row takes from the values of all, by how well its query fits their keys, head by head. The rows have queries, keys and
   * values side by side; what is mixed lies where the codes of rows are at other times, and the shares where their scales are.
   */
  attend(qkv: Float32Array, rows: number): Float32Array {
    const { codes: mixed, scales: shares, out: read } = this.#layout;
    new Float32Array(this.buffer, read, qkv.length).set(qkv);
    const width = qkv.length / rows / 3;
    const size = width / HEADS;
    const stride = 12 * width;
    for (let head = 0; head < HEADS; head++) {
      const queries = read + 4 * head * size;
      for (let row = 0; row < rows; row++) {
        this.#kernel.fit(queries + row * stride, queries + 4 * width, stride, size, rows, shares);
        toShares(new Float32Array(this.buffer, shares, rows), 1 / Math.sqrt(size));
        this.#kernel.mix(shares, queries + 8 * width, stride, size, rows, mixed + 4 * (row * width + head * size));
      }
    }
    return new Float32Array(this.buffer, mixed, rows * width).slice();
  }

  /** Each row as whole numbers, and what they are to be multiplied with. */
  #encode(x: Float32Array, rows: number, length: number): void {
    const codes = new Int16Array(this.buffer, this.#layout.codes, rows * length);
    const scales = new Float32Array(this.buffer, this.#layout.scales, rows);
    for (let row = 0; row < rows; row++) {
      const [start, end] = [row * length, (row + 1) * length];
      let most = 0;
      for (let i = start; i < end; i++) most = Math.max(most, Math.abs(x[i]!));
      scales[row] = most / CODE_MAX;
      const factor = most === 0 ? 0 : CODE_MAX / most;
      for (let i = start; i < end; i++) codes[i] = Math.round(x[i]! * factor);
    }
  }
}

/** The softmax, in place. */
function toShares(fits: Float32Array, scale: number): void {
  let [most, sum] = [-Infinity, 0];
  for (let i = 0; i < fits.length; i++) most = Math.max(most, fits[i]!);
  for (let i = 0; i < fits.length; i++) {
    fits[i] = Math.exp((fits[i]! - most) * scale);
    sum += fits[i]!;
  }
  for (let i = 0; i < fits.length; i++) fits[i]! /= sum;
}
