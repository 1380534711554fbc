/**
 * Vectors that are hard to keep in lists: 64 latent dimensions of equal weight, clusters whose sizes follow Zipf's law, and noise in every
 * direction. 384 dimensions. Everything follows from the seed, row by row.
 */
import { randomFrom } from "../tools/random.js";
import { LOW_RANK_DIMENSION as DIMENSION } from "./low-rank.js";
import { fillGaussian, normalize } from "./random.js";

const LATENT = 64;
const CLUSTERS = 1000;
/** Length of a cluster's deviation and of the noise, beside centres of length about 1. */
const SPREAD = 0.9;
const NOISE = 0.25;

interface Mould {
  directions: Float32Array[];
  centres: Float32Array[];
  /** Share of the rows in the clusters up to each. */
  shares: Float64Array;
}

function mould(): Mould {
  const random = randomFrom(5);
  const some = (count: number, length: number, scale: number): Float32Array[] =>
    Array.from({ length: count }, () => {
      const values = new Float32Array(length);
      fillGaussian(values, random, scale);
      return values;
    });
  let sum = 0;
  const sums = Float64Array.from({ length: CLUSTERS }, (_, i) => (sum += 1 / (i + 1)));
  return {
    directions: some(LATENT, DIMENSION, 1 / Math.sqrt(DIMENSION)),
    centres: some(CLUSTERS, LATENT, 1 / Math.sqrt(LATENT)),
    shares: sums.map((share) => share / sum),
  };
}

/** `count` unit vectors. Different seeds give different points of the same distribution. */
export function hardVectors(count: number, seed: number): Float32Array {
  const { directions, centres, shares } = mould();
  const random = randomFrom(seed);
  const point = new Float32Array(LATENT);
  const vectors = new Float32Array(count * DIMENSION);
  for (let row = 0; row < count; row++) {
    const vector = vectors.subarray(row * DIMENSION, (row + 1) * DIMENSION);
    const draw = random();
    const centre = centres[shares.findIndex((share) => draw < share)] ?? centres[0]!;
    fillGaussian(point, random, SPREAD / Math.sqrt(LATENT));
    fillGaussian(vector, random, NOISE / Math.sqrt(DIMENSION));
    for (const [i, direction] of directions.entries()) {
      const weight = centre[i]! + point[i]!;
      for (let d = 0; d < DIMENSION; d++) vector[d] = vector[d]! + weight * direction[d]!;
    }
    normalize(vector);
  }
  return vectors;
}
