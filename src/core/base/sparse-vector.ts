/**
 * Sparse vectors among metadata values: how they are told from the others, how they are kept, and their order. Vectors are
 * assumed valid (the gateway saw them): as many values as indices, and indices that ascend.
 */
import type { Metadata, MetadataPatch, MetadataValue, SparseVector } from "../types.js";

export function isSparseVector(value: MetadataValue | null | undefined): value is SparseVector {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The vector that metadata has under a key; `null` for none and for any other value. */
export function vectorUnder(key: string, metadata: Metadata | MetadataPatch | null | undefined): SparseVector | null {
  const value = metadata != null && Object.hasOwn(metadata, key) ? metadata[key] : null;
  return isSparseVector(value) ? value : null;
}

/** The vector as it is stored: indices and values and nothing else, the values as float32, without negative zeros. */
export function storedSparseVector({ indices, values }: SparseVector): SparseVector {
  return { indices: indices.map((index) => index + 0), values: values.map((value) => Math.fround(value) + 0) };
}

/** Orders by indices, then by values: negative, zero or positive. */
export function compareSparseVectors(a: SparseVector, b: SparseVector): number {
  return compareNumbers(a.indices, b.indices) || compareNumbers(a.values, b.values);
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
