/**
 * Float64 sums over float32 components, for exact distances. Lane by lane the additions are those of
 * `core/index/vector/distance.ts`, in the same order, so the results have the same bits: four sums, of components 0, 1, 2, 3 modulo
 * 4; what is left over goes to the first. Sums of rows, component by component, are of an even number of components.
 */

/** Puts Σ query × row and Σ row² of `count` rows at `out`, two f64 per row. */
export function dotsAndNorms(query: usize, rows: usize, dimension: u32, count: u32, out: usize): void {
  const bytes = <usize>dimension << 2;
  for (let i: u32 = 0; i < count; i++, rows += bytes, out += 16) {
    store<f64>(out, dotOfFloats(query, rows, dimension));
    store<f64>(out, dotOfFloats(rows, rows, dimension), 8);
  }
}

/** Puts Σ (query − row)² of `count` rows at `out`, one f64 per row. */
export function squaredDistances(query: usize, rows: usize, dimension: u32, count: u32, out: usize): void {
  const bytes = <usize>dimension << 2;
  for (let i: u32 = 0; i < count; i++, rows += bytes, out += 8) store<f64>(out, squaredDistance(query, rows, dimension));
}

/** Adds the rows whose byte at `sides` is `side` to `sums`, one f64 per component; returns how many there are. */
export function addRows(rows: usize, dimension: u32, count: u32, sides: usize, side: u32, sums: usize): u32 {
  let added: u32 = 0;
  for (let i: u32 = 0; i < count; i++, rows += <usize>dimension << 2) {
    if (load<u8>(sides + i) != side) continue;
    added++;
    for (let at: usize = 0; at < <usize>dimension << 2; at += 8) {
      v128.store(sums + 2 * at, f64x2.add(v128.load(sums + 2 * at), pairAt(rows + at)));
    }
  }
  return added;
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
function floatAt(at: usize): f64 {
  return <f64>load<f32>(at);
}

// @ts-ignore: decorator
@inline
function addToFirst(sums: v128, value: f64): v128 {
  return f64x2.replace_lane(sums, 0, f64x2.extract_lane(sums, 0) + value);
}

// @ts-ignore: decorator
@inline
export function total(low: v128, high: v128): f64 {
  return f64x2.extract_lane(low, 0) + f64x2.extract_lane(low, 1) + (f64x2.extract_lane(high, 0) + f64x2.extract_lane(high, 1));
}
