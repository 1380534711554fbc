/** Rotated rows that a build keeps until lists are written, each once, by the number that it got. */

/** Rows that memory is taken for at once. */
const CHUNK_ROWS = 256;

export class HeldRows {
  readonly #width: number;
  /** For each `CHUNK_ROWS` numbers what begins with the first of them. */
  readonly #chunks: Float32Array[] = [];
  /** The chunk that takes copies, and how many it has. */
  #open = -1;
  #used = CHUNK_ROWS;

  constructor(width: number) {
    this.#width = width;
  }

  /** Keeps a copy; returns its number. */
  add(row: Float32Array): number {
    if (this.#used === CHUNK_ROWS) {
      this.#open = this.#chunks.push(new Float32Array(CHUNK_ROWS * this.#width)) - 1;
      this.#used = 0;
    }
    const number = this.#open * CHUNK_ROWS + this.#used++;
    this.at(number).set(row);
    return number;
  }

  /** Keeps rows, row-major, which nobody changes any more; returns the number of the first, which the others follow. */
  keep(rows: Float32Array): number {
    const first = this.#chunks.length * CHUNK_ROWS;
    const step = CHUNK_ROWS * this.#width;
    for (let at = 0; at < rows.length; at += step) this.#chunks.push(rows.subarray(at, at + step));
    return first;
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
