/**
 * Sums over rotated rows, for splits, in float32 as `core/index/vector/spann/row-sums.ts` has them: of a distance eight sums, of components
 * 0 to 7 modulo 8, the second four of which are added to the first in the end. Rows are of a multiple of 16 components.
 */

/** Puts Σ (point − row)² at `out`, one f32 for each row, for one point after the other. Two points share a pass over a row. */
export function squaredDistances(points: usize, pointCount: u32, rows: usize, padded: u32, count: u32, out: usize): void {
  const bytes = <usize>padded << 2;
  const column = <usize>count << 2;
  for (let row: u32 = 0; row < count; row++, rows += bytes, out += 4) {
    let point = points;
    let at = out;
    let left = pointCount;
    for (; left > 1; left -= 2, point += 2 * bytes, at += 2 * column) putTwo(point, rows, bytes, at, column);
    if (left == 1) putOne(point, rows, bytes, at);
  }
}

function putTwo(point: usize, row: usize, bytes: usize, at: usize, column: usize): void {
  const end = row + bytes;
  let low = f32x4.splat(0);
  let high = low;
  let otherLow = low;
  let otherHigh = low;
  for (; row < end; row += 32, point += 32) {
    const first = v128.load(row);
    const second = v128.load(row, 16);
    const other = point + bytes;
    low = addSquare(low, first, v128.load(point));
    high = addSquare(high, second, v128.load(point, 16));
    otherLow = addSquare(otherLow, first, v128.load(other));
    otherHigh = addSquare(otherHigh, second, v128.load(other, 16));
  }
  store<f32>(at, sumOf(f32x4.add(low, high)));
  store<f32>(at + column, sumOf(f32x4.add(otherLow, otherHigh)));
}

function putOne(point: usize, row: usize, bytes: usize, at: usize): void {
  const end = row + bytes;
  let low = f32x4.splat(0);
  let high = low;
  for (; row < end; row += 32, point += 32) {
    low = addSquare(low, v128.load(row), v128.load(point));
    high = addSquare(high, v128.load(row, 16), v128.load(point, 16));
  }
  store<f32>(at, sumOf(f32x4.add(low, high)));
}

// @ts-ignore: decorator
@inline
function addSquare(sums: v128, row: v128, point: v128): v128 {
  const difference = f32x4.sub(row, point);
  return f32x4.add(sums, f32x4.mul(difference, difference));
}

// @ts-ignore: decorator
@inline
function sumOf(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** Adds the rows whose byte at `sides` is `side` to `sums`, one f32 per component; returns how many there are. */
export function addRows(rows: usize, padded: u32, count: u32, sides: usize, side: u32, sums: usize): u32 {
  const bytes = <usize>padded << 2;
  let added: u32 = 0;
  for (let row: u32 = 0; row < count; row++, rows += bytes) {
    if (load<u8>(sides + row) != side) continue;
    added++;
    for (let at: usize = 0; at < bytes; at += 32) {
      v128.store(sums + at, f32x4.add(v128.load(sums + at), v128.load(rows + at)));
      v128.store(sums + at, f32x4.add(v128.load(sums + at, 16), v128.load(rows + at, 16)), 16);
    }
  }
  return added;
}
