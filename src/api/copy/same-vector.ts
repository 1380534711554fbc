/** How far two numbers of a vector may lie apart, for its length: some roundings of float32. */
const TOLERANCE = 1e-5;

/** Whether both are one vector, as far as a server that keeps vectors normalized can tell. */
export function isSameVector(one: Float32Array, other: Float32Array): boolean {
  if (one.length !== other.length) return false;
  const length = Math.sqrt(one.reduce((sum, value) => sum + value * value, 0));
  return one.every((value, at) => Math.abs(value - other[at]!) <= TOLERANCE * length);
}
