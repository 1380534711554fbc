/**
 * The vector kernel in WebAssembly SIMD: int8 rows, scanned for the r rows nearest to a query. Written in AssemblyScript
 * on raw memory, with no runtime, no objects and no allocation; `wasm-kernel.ts` drives it and owns its memory.
 *
 *     memory   = reserved window query row* heap
 *     window   = 65,536 bits: which rows of the current chunk are allowed, lowest bit first
 *     query    = int16 codes, padded with 0 to a multiple of 16
 *     row      = int8 codes, padded to a multiple of 16 with anything (the query is 0 there) · slope: f32 · intercept: f32
 *     heap     = u64 keys; scratch behind the last row, meaningless between two scans
 *
 * Nothing ever moves: memory grows at its end. A key holds the distance, as an integer of the same order, in its upper
 * half and the row's position in the chunk in its lower half, so one unsigned comparison orders by (distance, ordinal).
 */

const WINDOW: usize = 1024;
const WINDOW_BYTES: usize = 8192;
const QUERY: usize = WINDOW + WINDOW_BYTES;

/**
 * Rows up to this size are scanned four at once where all are allowed: a quarter faster while the codes flow from cache.
 * Longer rows, read side by side, are streams too far apart for the processor to fetch ahead; one by one is faster.
 */
const FOUR_AT_ONCE_BYTES_MAX: usize = 512;

/** Bytes of a row's padded codes. */
let codeBytes: usize = 0;
/** Where row 0 lies. */
let rows: usize = 0;
/** Where the heap lies, how many keys it may hold and how many it holds. */
let heap: usize = 0;
let heapMax: u32 = 0;
let heapCount: u32 = 0;
/** Rows at this distance or beyond are of no use. NaN, which compares false, until there is such a limit. */
let limit: f32 = NaN;
/** What turns the integer dot product into the distance, but for the row's slope. */
let scale: f32 = 0;

/** Lays memory out for rows of this dimension. Called once, before anything else. */
export function init(dimension: u32): void {
  codeBytes = (<usize>dimension + 15) & ~15;
  rows = QUERY + 2 * codeBytes;
}

/** Where the caller puts the allowed rows of a chunk. */
export function windowAt(): usize {
  return WINDOW;
}

/** Where the caller puts the query. */
export function queryAt(): usize {
  return QUERY;
}

/** Where row 0 lies; row n follows n × `rowBytes` later. */
export function rowsAt(): usize {
  return rows;
}

export function rowBytes(): usize {
  return codeBytes + 8;
}

/**
 * Scans the chunk of rows that starts at address `chunk`, of which the first 32 × `words` bits of the window tell the
 * allowed ones, for the `r` nearest that are nearer than `nearerThan` (NaN: no such limit). Leaves pairs of distance
 * (f32) and position in the chunk (u32) at `heapAt`, ascending, and returns their number.
 */
export function scan(chunk: usize, words: u32, r: u32, queryScale: f32, nearerThan: f32, heapAt: usize): u32 {
  heap = heapAt;
  heapMax = r;
  heapCount = 0;
  limit = nearerThan;
  scale = queryScale;
  for (let i: u32 = 0; i < words; i++) {
    const word = load<u32>(WINDOW + (<usize>i << 2));
    if (word == 0) continue;
    const first = chunk + <usize>(i << 5) * rowBytes();
    if (word == 0xffffffff && codeBytes <= FOUR_AT_ONCE_BYTES_MAX) scanAll(first, i << 5);
    else scanSome(first, i << 5, word);
  }
  sortHeap();
  unpackKeys();
  return heapCount;
}

/** 32 neighbouring rows, all allowed, four at a time: they share the loads of the query and the sum across lanes. */
function scanAll(row: usize, position: u32): void {
  const end = position + 32;
  const bytes = rowBytes();
  for (; position < end; position += 4, row += 4 * bytes) {
    const dots = dotFour(row, bytes);
    offer(distanceOf(row, i32x4.extract_lane(dots, 0)), position);
    offer(distanceOf(row + bytes, i32x4.extract_lane(dots, 1)), position + 1);
    offer(distanceOf(row + 2 * bytes, i32x4.extract_lane(dots, 2)), position + 2);
    offer(distanceOf(row + 3 * bytes, i32x4.extract_lane(dots, 3)), position + 3);
  }
}

/** The rows whose bits are set in `word`. */
function scanSome(first: usize, position: u32, word: u32): void {
  for (; word != 0; word &= word - 1) {
    const bit = ctz<u32>(word);
    const row = first + <usize>bit * rowBytes();
    offer(distanceOf(row, dot(row)), position + bit);
  }
}

/** intercept + slope × queryScale × dot, one float32 rounding per step, in this order. Adding 0 turns −0 into 0. */
// @ts-ignore: decorator
@inline
function distanceOf(row: usize, dotProduct: i32): f32 {
  const end = row + codeBytes;
  return load<f32>(end, 4) + load<f32>(end) * scale * <f32>dotProduct + <f32>0;
}

/** Σ query × code of one row, exact in int32. */
// @ts-ignore: decorator
@inline
function dot(row: usize): i32 {
  let sum = i32x4.splat(0);
  let query = QUERY;
  for (let end = row + codeBytes; row < end; row += 16, query += 32) sum = i32x4.add(sum, dotSixteen(row, query));
  const half = i32x4.add(sum, i32x4.shuffle(sum, sum, 2, 3, 0, 1));
  return i32x4.extract_lane(half, 0) + i32x4.extract_lane(half, 1);
}

/** Σ query × code of four neighbouring rows, one per lane. */
// @ts-ignore: decorator
@inline
function dotFour(a: usize, bytes: usize): v128 {
  let b = a + bytes;
  let c = b + bytes;
  let d = c + bytes;
  let sumA = i32x4.splat(0);
  let sumB = i32x4.splat(0);
  let sumC = i32x4.splat(0);
  let sumD = i32x4.splat(0);
  let query = QUERY;
  for (let end = a + codeBytes; a < end; a += 16, b += 16, c += 16, d += 16, query += 32) {
    sumA = i32x4.add(sumA, dotSixteen(a, query));
    sumB = i32x4.add(sumB, dotSixteen(b, query));
    sumC = i32x4.add(sumC, dotSixteen(c, query));
    sumD = i32x4.add(sumD, dotSixteen(d, query));
  }
  const ab = i32x4.add(i32x4.shuffle(sumA, sumB, 0, 4, 1, 5), i32x4.shuffle(sumA, sumB, 2, 6, 3, 7));
  const cd = i32x4.add(i32x4.shuffle(sumC, sumD, 0, 4, 1, 5), i32x4.shuffle(sumC, sumD, 2, 6, 3, 7));
  return i32x4.add(i32x4.shuffle(ab, cd, 0, 1, 4, 5), i32x4.shuffle(ab, cd, 2, 3, 6, 7));
}

/** Products of sixteen codes at `row` with as many of the query, summed into four lanes. */
// @ts-ignore: decorator
@inline
function dotSixteen(row: usize, query: usize): v128 {
  const low = i32x4.dot_i16x8_s(v128.load8x8_s(row), v128.load(query));
  return i32x4.add(low, i32x4.dot_i16x8_s(v128.load8x8_s(row, 8), v128.load(query, 16)));
}

/** Positions come in ascending order, so a row as far as the limit is no improvement: it loses the tie. */
// @ts-ignore: decorator
@inline
function offer(distance: f32, position: u32): void {
  if (!(distance >= limit)) insert(keyOf(distance, position));
}

/** Adds a key while there is room, then replaces the farthest, which also becomes the limit. */
function insert(key: u64): void {
  if (heapCount < heapMax) rise(key);
  else sink(key, heapCount);
  if (heapCount == heapMax) limit = distanceIn(load<u64>(heap));
}

/** Appends a key to the max-heap. */
function rise(key: u64): void {
  let slot = heapCount++;
  while (slot > 0) {
    const parent = (slot - 1) >> 1;
    const other = keyAt(parent);
    if (other >= key) break;
    putKey(slot, other);
    slot = parent;
  }
  putKey(slot, key);
}

/** Replaces the top of the max-heap that the first `count` keys form. */
function sink(key: u64, count: u32): void {
  let slot: u32 = 0;
  for (let child: u32 = 1; child < count; child = 2 * slot + 1) {
    if (child + 1 < count && keyAt(child + 1) > keyAt(child)) child++;
    const other = keyAt(child);
    if (key >= other) break;
    putKey(slot, other);
    slot = child;
  }
  putKey(slot, key);
}

/** Heap to ascending order, in place. */
function sortHeap(): void {
  for (let last = heapCount; last > 1; ) {
    last--;
    const key = keyAt(last);
    putKey(last, keyAt(0));
    sink(key, last);
  }
}

/** Keys to pairs of distance and position, in place. */
function unpackKeys(): void {
  for (let slot: u32 = 0; slot < heapCount; slot++) {
    const key = keyAt(slot);
    const at = heap + (<usize>slot << 3);
    store<f32>(at, distanceIn(key));
    store<u32>(at, <u32>key, 4);
  }
}

// @ts-ignore: decorator
@inline
function keyAt(slot: u32): u64 {
  return load<u64>(heap + (<usize>slot << 3));
}

// @ts-ignore: decorator
@inline
function putKey(slot: u32, key: u64): void {
  store<u64>(heap + (<usize>slot << 3), key);
}

/** Flipping the sign bit of positive and all bits of negative floats makes their bits ascend as unsigned integers. */
// @ts-ignore: decorator
@inline
function keyOf(distance: f32, position: u32): u64 {
  const bits = reinterpret<u32>(distance);
  const ascending = bits ^ (<u32>(<i32>bits >> 31) | 0x80000000);
  return (<u64>ascending << 32) | <u64>position;
}

// @ts-ignore: decorator
@inline
function distanceIn(key: u64): f32 {
  const ascending = <u32>(key >> 32);
  const mask = <u32>(~(<i32>ascending >> 31)) | 0x80000000;
  return reinterpret<f32>(ascending ^ mask);
}
