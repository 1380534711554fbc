/**
 * The one memory in which the model's file lies as it is, and behind it what a product reads and writes: the rows' codes, their
 * scales, and the rows that come out. It never grows, so that views of it stay good.
 */
import type { ProductArguments } from "./reference-product.js";
import { PIECES_MAX } from "./transformer.js";

/** Multiplies rows in the memory that it was made for. */
export type Product = (...args: ProductArguments) => void;

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
  readonly #product: Product;

  /** `product` works on `buffer`, which has the bytes of `layoutFor(fileBytes)`. */
  constructor(buffer: ArrayBuffer, fileBytes: number, product: Product) {
    this.buffer = buffer;
    this.#layout = layoutFor(fileBytes);
    this.#product = product;
  }

  /** The rows of `x` times the matrix. */
  multiply(x: Float32Array, rows: number, { codes, scales, bias, inputs, outputs }: Matrix): Float32Array {
    this.#encode(x, rows, inputs);
    const { out } = this.#layout;
    this.#product(this.#layout.codes, this.#layout.scales, codes, scales, bias, inputs, outputs, rows, out);
    return new Float32Array(this.buffer, out, rows * outputs).slice();
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
