/**
 * Vectors as an encoder of few degrees of freedom makes them: 384 dimensions, of which most of the variance lies in a
 * plane of 32, with a little noise everywhere. No clusters, and a scale of nearness without gaps: the opposite of
 * `clustered.ts`. Everything follows from the seed, row by row.
 */
import { randomFrom } from "../tools/random.js";
import { addScaled, fillGaussian, normalize } from "./random.js";

export const LOW_RANK_DIMENSION = 384;
const RANK = 32;
/** Variance of direction i is 1 / (1 + i / DECAY), as spectra of embeddings fall. */
const DECAY = 8;
/** Length of the noise beside a sample of length about 4. */
const NOISE = 0.4;

/** The plane's directions, each already as long as its deviation. */
function directions(): Float32Array[] {
  const random = randomFrom(3);
  return Array.from({ length: RANK }, (_, i) => {
    const direction = new Float32Array(LOW_RANK_DIMENSION);
    fillGaussian(direction, random, 1);
    normalize(direction);
    const deviation = Math.sqrt(1 / (1 + i / DECAY));
    return direction.map((value) => value * deviation);
  });
}

/** `count` unit vectors. Different seeds give different points of the same distribution. */
export function lowRankVectors(count: number, seed: number): Float32Array {
  const plane = directions();
  const random = randomFrom(seed);
  const weights = new Float32Array(RANK);
  const vectors = new Float32Array(count * LOW_RANK_DIMENSION);
  for (let row = 0; row < count; row++) {
    const vector = vectors.subarray(row * LOW_RANK_DIMENSION, (row + 1) * LOW_RANK_DIMENSION);
    fillGaussian(weights, random, 1);
    fillGaussian(vector, random, NOISE / Math.sqrt(LOW_RANK_DIMENSION));
    for (let i = 0; i < RANK; i++) addScaled(vector, plane[i]!, weights[i]!);
    normalize(vector);
  }
  return vectors;
}
