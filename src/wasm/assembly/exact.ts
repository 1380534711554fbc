/**
 * Exact distances: float64 sums over float32 components. Lane by lane the additions are those of
 * `core/index/vector/distance.ts`, in the same order, so the results have the same bits: four sums, of components 0, 1, 2, 3 modulo
 * 4; what is left over goes to the first.
 */

/** The spaces by their numbers; any other is cosine. */
const L2: u32 = 0;
const IP: u32 = 1;

const FLOAT32_MAX: f64 = 3.4028234663852886e38;

/** Puts the distances from the query to `count` rows at `out`, one f32 per row. */
export function exactDistances(space: u32, query: usize, rows: usize, dimension: u32, count: u32, out: usize): void {
  const bytes = <usize>dimension << 2;
  const squared = space == L2 || space == IP ? 0 : dotOfFloats(query, query, dimension);
  for (let i: u32 = 0; i < count; i++, rows += bytes, out += 4) {
    if (space == L2) put(out, squaredDistance(query, rows, dimension));
    else if (space == IP) put(out, 1 - dotOfFloats(query, rows, dimension));
    else put(out, cosine(query, squared, rows, dimension));
  }
}

/** What exceeds float32 becomes its largest value. */
// @ts-ignore: decorator
@inline
function put(out: usize, value: f64): void {
  store<f32>(out, <f32>min<f64>(FLOAT32_MAX, max<f64>(-FLOAT32_MAX, value)));
}

/** Both sums over the row in one pass over it. */
function cosine(query: usize, squared: f64, row: usize, dimension: u32): f64 {
  const end = row + (<usize>(dimension & ~3) << 2);
  const shift = query - row;
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let lowNorm = f64x2.splat(0);
  let highNorm = f64x2.splat(0);
  for (; row < end; row += 16) {
    const first = pairAt(row);
    const second = pairAt(row + 8);
    low = f64x2.add(low, f64x2.mul(pairAt(row + shift), first));
    high = f64x2.add(high, f64x2.mul(pairAt(row + shift + 8), second));
    lowNorm = f64x2.add(lowNorm, f64x2.mul(first, first));
    highNorm = f64x2.add(highNorm, f64x2.mul(second, second));
  }
  for (let left = dimension & 3; left > 0; left--, row += 4) {
    low = addToFirst(low, floatAt(row + shift) * floatAt(row));
    lowNorm = addToFirst(lowNorm, floatAt(row) * floatAt(row));
  }
  const squares = squared * total(lowNorm, highNorm);
  return squares == 0 ? 1 : max<f64>(0, 1 - total(low, high) / sqrt<f64>(squares));
}

export function dotOfFloats(a: usize, b: usize, dimension: u32): f64 {
  const end = a + (<usize>(dimension & ~3) << 2);
  const shift = b - a;
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (; a < end; a += 16) {
    low = f64x2.add(low, f64x2.mul(pairAt(a), pairAt(a + shift)));
    high = f64x2.add(high, f64x2.mul(pairAt(a + 8), pairAt(a + shift + 8)));
  }
  for (let left = dimension & 3; left > 0; left--, a += 4) low = addToFirst(low, floatAt(a) * floatAt(a + shift));
  return total(low, high);
}

function squaredDistance(a: usize, b: usize, dimension: u32): f64 {
  const end = a + (<usize>(dimension & ~3) << 2);
  const shift = b - a;
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (; a < end; a += 16) {
    const first = f64x2.sub(pairAt(a), pairAt(a + shift));
    const second = f64x2.sub(pairAt(a + 8), pairAt(a + shift + 8));
    low = f64x2.add(low, f64x2.mul(first, first));
    high = f64x2.add(high, f64x2.mul(second, second));
  }
  for (let left = dimension & 3; left > 0; left--, a += 4) {
    const difference = floatAt(a) - floatAt(a + shift);
    low = addToFirst(low, difference * difference);
  }
  return total(low, high);
}

/** Two neighbouring float32 as float64. */
// @ts-ignore: decorator
@inline
export function pairAt(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}

// @ts-ignore: decorator
@inline
export function floatAt(at: usize): f64 {
  return <f64>load<f32>(at);
}

// @ts-ignore: decorator
@inline
export function addToFirst(sums: v128, value: f64): v128 {
  return f64x2.replace_lane(sums, 0, f64x2.extract_lane(sums, 0) + value);
}

// @ts-ignore: decorator
@inline
export function total(low: v128, high: v128): f64 {
  return f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1) + (f64x2.extract_lane(high, 0) + f64x2.extract_lane(high, 1));
}
