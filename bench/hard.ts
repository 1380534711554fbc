/**
 * Vectors that are hard to keep in lists: 64 latent dimensions of equal weight, clusters whose sizes follow Zipf's law, and noise in every
 * direction. Everything follows from the seed, row by row.
 */
import { randomFrom } from "../tools/random.js";
import { addScaled, fillGaussian, normalize } from "./random.js";

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

function mould(dimension: number): Mould {
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
    directions: some(LATENT, dimension, 1 / Math.sqrt(dimension)),
    centres: some(CLUSTERS, LATENT, 1 / Math.sqrt(LATENT)),
    shares: sums.map((share) => share / sum),
  };
}

/** `count` unit vectors. Different seeds give different points of the same distribution. */
export function hardVectors(count: number, seed: number, dimension = 384): Float32Array {
  return scattered(count, seed, dimension, HARD);
}

/** `count` unit vectors in clusters of such sizes that lie apart. */
export function zipfVectors(count: number, seed: number, dimension = 384): Float32Array {
  return scattered(count, seed, dimension, APART);
}

/** Unit vectors in every direction, of which none is near another: what an index can find least in. */
export function noiseVectors(count: number, seed: number, dimension = 384): Float32Array {
  const random = randomFrom(seed);
  const vectors = new Float32Array(count * dimension);
  for (let row = 0; row < count; row++) {
    const vector = vectors.subarray(row * dimension, (row + 1) * dimension);
    fillGaussian(vector, random, 1);
    normalize(vector);
  }
  return vectors;
}

function scattered(count: number, seed: number, dimension: number, { spread, noise }: Scatter): Float32Array {
  const { directions, centres, shares } = mould(dimension);
  const random = randomFrom(seed);
  const point = new Float32Array(LATENT);
  const vectors = new Float32Array(count * dimension);
  for (let row = 0; row < count; row++) {
    const vector = vectors.subarray(row * dimension, (row + 1) * dimension);
    const draw = random();
    const centre = centres[shares.findIndex((share) => draw < share)] ?? centres[0]!;
    fillGaussian(point, random, spread / Math.sqrt(LATENT));
    fillGaussian(vector, random, noise / Math.sqrt(dimension));
    for (let i = 0; i < LATENT; i++) addScaled(vector, directions[i]!, centre[i]! + point[i]!);
    normalize(vector);
  }
  return vectors;
}
