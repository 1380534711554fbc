/** Seeded vectors of several kinds, and lists of them about few centroids, for the tests of inverted lists. */

import type { SpannCoder } from "../core/index/vector/spann/spann-kernel.js";
import { gaussian, type Random, rowOf } from "./hnsw-vectors.js";

export type Kind = "lowRank" | "hard" | "isotropic";

/** Rows with few degrees of freedom, with many in clusters of very different sizes beside noise, or with all there are. */
export function vectorsOf(kind: Kind, random: Random, count: number, dimension: number): Float32Array {
  if (kind === "isotropic") return gaussians(random, count * dimension);
  const rank = Math.min(dimension, kind === "lowRank" ? 24 : 64);
  const plane = gaussians(random, rank * dimension);
  const centres = gaussians(random, 40 * rank);
  const out = new Float32Array(count * dimension);
  for (let row = 0; row < count; row++) {
    const cluster = Math.floor(40 ** random()) - 1;
    const latent = gaussians(random, rank).map((x, i) => (kind === "hard" ? 0.6 * x + centres[cluster * rank + i]! : x));
    for (let d = 0; d < dimension; d++) {
      let sum = 0.2 * gaussian(random);
      for (let i = 0; i < rank; i++) sum += latent[i]! * plane[i * dimension + d]!;
      out[row * dimension + d] = sum;
    }
  }
  return out;
}

export function gaussians(random: Random, count: number): Float32Array {
  return Float32Array.from({ length: count }, () => gaussian(random));
}

/** Rows of a list with the centroid, rotated: the mean of the rows. */
export interface RotatedRows {
  rows: Float32Array;
  mean: Float32Array;
}

export function rotatedRowsOf(coder: SpannCoder, rows: Float32Array, dimension: number): RotatedRows {
  const count = rows.length / dimension;
  const rotated = new Float32Array(count * coder.paddedDimension);
  coder.rotate(rows, rotated);
  const mean = new Float32Array(coder.paddedDimension);
  for (let row = 0; row < count; row++) {
    const values = rowOf(rotated, coder.paddedDimension, row);
    for (let i = 0; i < mean.length; i++) mean[i]! += values[i]! / count;
  }
  return { rows: rotated, mean };
}
