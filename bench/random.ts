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
  const length = Math.hypot(...vector);
  for (let i = 0; i < vector.length; i++) vector[i] = vector[i]! / length;
}
