/**
 * A random orthogonal map in O(D log D), drawn from a seed: it spreads every vector evenly over its components, so that
 * their signs tell about equally much.
 *
 * Four rounds. In each, signs flip by random bits; a Walsh–Hadamard transform mixes the first T components (in the
 * second and fourth round the last T), T being the greatest power of two in D; and where T is not D, halves (a, b) become
 * ((a + b)/√2, (a − b)/√2). All steps are rounded to float32, in the order of the WASM kernel.
 */

const ROUNDS = 4;
const GOLDEN = 0x9e3779b9;
const HALF_ROOT = Math.fround(Math.SQRT1_2);

/** Components of a rotated row. */
export function paddedDimensionOf(dimension: number): number {
  return Math.ceil(dimension / 16) * 16;
}

export class Rotation {
  /** Masks that flip a float32's sign or leave it, of all rounds one after the other. */
  readonly signs: Uint32Array;
  readonly dimension: number;
  /** Greatest power of two that is not beyond the dimension. */
  readonly span: number;

  constructor(dimension: number, seed: number) {
    this.dimension = dimension;
    this.span = 2 ** Math.floor(Math.log2(dimension));
    this.signs = Uint32Array.from({ length: ROUNDS * dimension }, (_, i) => mix(seed ^ Math.imul(i + 1, GOLDEN)) & 0x80000000);
  }

  /** Rotates one row in place. */
  apply(row: Float32Array): void {
    const bits = new Uint32Array(row.buffer, row.byteOffset, row.length);
    for (let round = 0; round < ROUNDS; round++) {
      const first = round * this.dimension;
      for (let i = 0; i < bits.length; i++) bits[i]! ^= this.signs[first + i]!;
      this.#transform(round % 2 === 0 ? row.subarray(0, this.span) : row.subarray(this.dimension - this.span));
      if (this.span < this.dimension) mixHalves(row);
    }
  }

  #transform(part: Float32Array): void {
    for (let stride = 1; stride < part.length; stride *= 2) {
      for (let first = 0; first < part.length; first += 2 * stride) butterflies(part, first, stride);
    }
    const factor = Math.fround(1 / Math.sqrt(part.length));
    for (let i = 0; i < part.length; i++) part[i]! *= factor;
  }
}

function butterflies(part: Float32Array, first: number, stride: number): void {
  for (let i = first; i < first + stride; i++) {
    const a = part[i]!;
    const b = part[i + stride]!;
    part[i] = a + b;
    part[i + stride] = a - b;
  }
}

function mixHalves(row: Float32Array): void {
  const half = row.length / 2;
  for (let i = 0; i < half; i++) {
    const a = row[i]!;
    const b = row[i + half]!;
    row[i] = Math.fround(a + b) * HALF_ROOT;
    row[i + half] = Math.fround(a - b) * HALF_ROOT;
  }
}

/** Spreads an integer's bits over 32 (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
