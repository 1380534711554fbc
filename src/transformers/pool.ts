/** One vector of the vectors of a text's tokens. */
import type { Pooling } from "./known-models.js";

/** Vectors of tokens, `count` texts of `length` tokens each, of which `lengths` are the text's; the rest fills up at the end. */
export interface TokenVectors {
  data: ArrayLike<number>;
  length: number;
  dimension: number;
  lengths: readonly number[];
}

/** The vectors of the texts, in order. A text without tokens has zeros. */
export function pool({ data, length, dimension, lengths }: TokenVectors, pooling: Exclude<Pooling, "model">): Float32Array[] {
  return lengths.map((tokens, text) => {
    const at = text * length * dimension;
    if (pooling === "mean") return mean(data, at, tokens, dimension);
    return copied(data, at + (pooling === "cls" ? 0 : tokens - 1) * dimension, dimension);
  });
}

function mean(data: ArrayLike<number>, at: number, tokens: number, dimension: number): Float32Array {
  const sum = new Float64Array(dimension);
  for (let i = 0; i < tokens * dimension; i++) sum[i % dimension]! += data[at + i]!;
  return Float32Array.from(sum, (value) => value / tokens);
}

/** Numbers of a list, as a vector. */
export function copied(data: ArrayLike<number>, at: number, dimension: number): Float32Array {
  return Float32Array.from({ length: dimension }, (_, i) => data[at + i]!);
}

/** Brings it to unit length, in place; zeros stay zeros. */
export function toUnitLength(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? vector : vector.map((value) => value / length);
}
