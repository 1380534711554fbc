/** Random vectors for generated data. */

/** Fills with normally distributed numbers, two at a time (Box and Muller). */
export function fillGaussian(target: Float32Array, random: () => number, scale: number): void {
  for (let i = 0; i < target.length; i += 2) {
    const radius = scale * Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    target[i] = radius * Math.cos(angle);
    if (i + 1 < target.length) target[i + 1] = radius * Math.sin(angle);
  }
}

/** Makes the length 1. */
export function normalize(vector: Float32Array): void {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i]! * vector[i]!;
  const factor = 1 / Math.sqrt(squares);
  for (let i = 0; i < vector.length; i++) vector[i] = vector[i]! * factor;
}

/** Adds `weight` times a vector of the same length. */
export function addScaled(target: Float32Array, vector: Float32Array, weight: number): void {
  for (let i = 0; i < target.length; i++) target[i] = target[i]! + weight * vector[i]!;
}
