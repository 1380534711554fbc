/** Rotated rows that a build keeps until lists are written, each once, by the number that it got. */

/** Rows that memory is taken for at once. */
const CHUNK_ROWS = 256;

export class HeldRows {
  readonly #width: number;
  readonly #chunks: Float32Array[] = [];
  #count = 0;

  constructor(width: number) {
    this.#width = width;
  }

  /** Keeps a copy; returns its number. */
  add(row: Float32Array): number {
    const number = this.#count++;
    if (number % CHUNK_ROWS === 0) this.#chunks.push(new Float32Array(CHUNK_ROWS * this.#width));
    this.at(number).set(row);
    return number;
  }

  at(number: number): Float32Array {
    const from = (number % CHUNK_ROWS) * this.#width;
    return this.#chunks[Math.floor(number / CHUNK_ROWS)]!.subarray(from, from + this.#width);
  }

  /** Writes rows to `into`, row-major, from row `first` on. */
  copy(numbers: Iterable<number>, into: Float32Array, first = 0): void {
    let at = first * this.#width;
    for (const number of numbers) {
      into.set(this.at(number), at);
      at += this.#width;
    }
  }
}
