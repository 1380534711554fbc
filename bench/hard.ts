/**
 * Vectors that are hard to keep in lists: 64 latent dimensions of equal weight, clusters whose sizes follow Zipf's law, and noise in every
 * direction. 384 dimensions. Everything follows from the seed, row by row.
 */
import { randomFrom } from "../tools/random.js";
import { LOW_RANK_DIMENSION as DIMENSION } from "./low-rank.js";
import { fillGaussian, normalize } from "./random.js";

const LATENT = 64;
const CLUSTERS = 1000;
/** Lengths, beside centres of length about 1. */
interface Scatter {
  /** Of a cluster's deviation. */
  spread: number;
  noise: number;
}

const HARD: Scatter = { spread: 0.9, noise: 0.25 };
/** Clusters that lie apart, so that lists of very different density come of them. */
const APART: Scatter = { spread: 0.3, noise: 0.1 };

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
  return scattered(count, seed, HARD);
}

/** `count` unit vectors in clusters of such sizes that lie apart. */
export function zipfVectors(count: number, seed: number): Float32Array {
  return scattered(count, seed, APART);
}

/** Unit vectors in every direction, of which none is near another: what an index can find least in. */
export function noiseVectors(count: number, seed: number): Float32Array {
  const random = randomFrom(seed);
  const vectors = new Float32Array(count * DIMENSION);
  for (let row = 0; row < count; row++) {
    const vector = vectors.subarray(row * DIMENSION, (row + 1) * DIMENSION);
    fillGaussian(vector, random, 1);
    normalize(vector);
  }
  return vectors;
}

function scattered(count: number, seed: number, { spread, noise }: Scatter): Float32Array {
  const { directions, centres, shares } = mould();
  const random = randomFrom(seed);
  const point = new Float32Array(LATENT);
  const vectors = new Float32Array(count * DIMENSION);
  for (let row = 0; row < count; row++) {
    const vector = vectors.subarray(row * DIMENSION, (row + 1) * DIMENSION);
    const draw = random();
    const centre = centres[shares.findIndex((share) => draw < share)] ?? centres[0]!;
    fillGaussian(point, random, spread / Math.sqrt(LATENT));
    fillGaussian(vector, random, noise / Math.sqrt(DIMENSION));
    for (const [i, direction] of directions.entries()) {
      const weight = centre[i]! + point[i]!;
      for (let d = 0; d < DIMENSION; d++) vector[d] = vector[d]! + weight * direction[d]!;
    }
    normalize(vector);
  }
  return vectors;
}
