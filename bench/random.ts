/** Seeded randomness for generated data. */

/** Mulberry32: 32 bits of state, good enough to make test data. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

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
