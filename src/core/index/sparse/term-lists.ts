/** Lists of the dimensions of a query, made of vectors that no index has. */
import { type WeightedList, weightedList } from "../../segment/weighted-list.js";
import type { SparseVector } from "../../types.js";

export class TermLists {
  readonly #dimensions: readonly number[];
  readonly #ordinals: number[][];
  readonly #weights: number[][];

  /** Dimensions ascend. */
  constructor(dimensions: readonly number[]) {
    this.#dimensions = dimensions;
    this.#ordinals = dimensions.map(() => []);
    this.#weights = dimensions.map(() => []);
  }

  /** Takes in a record's vector; ordinals ascend. */
  take(ordinal: number, { indices, values }: SparseVector): void {
    for (let term = 0, i = 0; term < this.#dimensions.length && i < indices.length; ) {
      const order = this.#dimensions[term]! - indices[i]!;
      if (order === 0) {
        this.#ordinals[term]!.push(ordinal);
        this.#weights[term]!.push(values[i]!);
      }
      if (order <= 0) term++;
      if (order >= 0) i++;
    }
  }

  /** One list for each dimension. */
  lists(): WeightedList[][] {
    return this.#ordinals.map((ordinals, i) => [weightedList(Uint32Array.from(ordinals), Float32Array.from(this.#weights[i]!))]);
  }
}
