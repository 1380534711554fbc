/**
 * The vector kernel in WebAssembly SIMD: int8 rows, scanned for the r rows nearest to a query, and a graph over them
 * (`graph.ts`); lists of 1-bit codes (`rotation.ts`, `residual-code.ts`, `fast-scan.ts`); and CRC-32 (`checksum.ts`). Written in
 * AssemblyScript on raw memory, with no runtime, no objects and no allocation; `wasm-kernel.ts`, `wasm-graph.ts`,
 * `wasm-spann-coder.ts` and `wasm-checksum.ts` drive it and own its memory, which `layout.ts` describes. It is compiled twice, with
 * and without relaxed SIMD (`ASC_FEATURE_RELAXED_SIMD`); both builds give the same results.
 */

import { layCoarse, longestOf as longestOfRows, mayBeNearer, takeCoarse } from "./coarse";
import { askVector, distanceOf, distancesToFour, dot } from "./distance";
import { distanceIn, keyAt, keyOf, rise, sink, sortHeap, unpackKeys } from "./keys";
import { codeBytes, queryAt, rowAt, rowBytes, slotAt, windowAt } from "./layout";

export { checksum, checksumRows, layChecksumTables } from "./checksum";
export { encodeQuery } from "./encode-query";
export { exactDistances } from "./exact";
export { beginScan, prepareTables, scanList, scanPages } from "./fast-scan";
export { fingerprint } from "./fingerprint";
export { deskBytes, deskEnd, directoryAt, init, queryAt, slotsAt, windowAt, workAt } from "./layout";
export {
  adopt,
  allowedAt,
  clearGraph,
  entryOrdinal,
  hang,
  initGraph,
  insert,
  layScratch,
  noteStale,
  release,
  repair,
  restoreEntry,
  resultsAt,
  retire,
  search,
  staleNodes,
  tie,
} from "./graph";
export { quantizeRows } from "./quantize";
export { encodeRows } from "./residual-code";
export { rotateRows } from "./rotation";
export { addRows, squaredDistances } from "./row-sums";

/**
 * Rows up to this size are scanned four at once where all are allowed: a quarter faster while the codes flow from cache.
 * Longer rows, read side by side, are streams too far apart for the processor to fetch ahead; one by one is faster.
 */
const FOUR_AT_ONCE_BYTES_MAX: usize = 512;

/** Words of the window that one query after the other is scanned for: 512 rows, which the cache keeps meanwhile. */
const BLOCK_WORDS: u32 = 16;

/** Words of rows all of which are allowed from which on such are looked at before they are measured: less is not worth the preparation. */
const LOOK_WORDS_MIN: u32 = 8;

/** Not less than any row's |slope| × ‖codes‖, in the relaxed build. */
let longest: f64 = 0;
/** Whether the rows of this scan are looked at first. */
let looks: bool = false;
/** Where the heap of the nearest rows lies, how many keys it may hold and how many it holds. */
let heap: usize = 0;
let heapMax: u32 = 0;
let heapCount: u32 = 0;
/** Rows at this distance or beyond are of no use. NaN, which compares false, until there is such a limit. */
let limit: f32 = NaN;

/**
 * Scans the rows from `firstOrdinal`, a multiple of 32, of which the first 32 × `words` bits of the window tell the
 * allowed ones, for the queries of the first `queries` slots: for each the `r` nearest rows that are nearer than its limit
 * (NaN: none). A slot says how many were found; pairs of distance (f32) and position in the window (u32) lie at
 * `heapsAt`, ascending, `r` places for each query.
 */
export function scan(firstOrdinal: u32, words: u32, r: u32, queries: u32, heapsAt: usize): void {
  heapMax = r;
  if (ASC_FEATURE_RELAXED_SIMD) {
    looks = codeBytes <= FOUR_AT_ONCE_BYTES_MAX && hasFullWords(words);
    for (let slot: u32 = 0; looks && slot < queries; slot++) layCoarse(slot, load<f32>(slotAt(slot)), longest);
  }
  for (let from: u32 = 0; from < words; from += BLOCK_WORDS) {
    const to = min(words, from + BLOCK_WORDS);
    for (let slot: u32 = 0; slot < queries; slot++) scanBlock(slot, heapsAt, firstOrdinal, from, to);
  }
  for (let slot: u32 = 0; slot < queries; slot++) {
    take(slot, heapsAt);
    sortHeap(heap, heapCount);
    unpackKeys(heap, heapCount);
  }
}

/** Whether enough of the window's first words are of rows that are all allowed. */
function hasFullWords(words: u32): bool {
  let full: u32 = 0;
  for (let i: u32 = 0; i < words && full < LOOK_WORDS_MIN; i++) full += u32(load<u32>(windowAt() + (<usize>i << 2)) == 0xffffffff);
  return full == LOOK_WORDS_MIN;
}

/** Scans the words `from … to − 1` for one query. */
function scanBlock(slot: u32, heapsAt: usize, firstOrdinal: u32, from: u32, to: u32): void {
  take(slot, heapsAt);
  for (let i = from; i < to; i++) {
    const word = load<u32>(windowAt() + (<usize>i << 2));
    if (word == 0) continue;
    const first = rowAt(firstOrdinal + (i << 5));
    if (word == 0xffffffff && codeBytes <= FOUR_AT_ONCE_BYTES_MAX) scanAll(first, i << 5);
    else scanSome(first, i << 5, word);
  }
  store<f32>(slotAt(slot), limit, 4);
  store<u32>(slotAt(slot), heapCount, 8);
}

/** Goes on with the query of a slot where it was left. */
function take(slot: u32, heapsAt: usize): void {
  const at = slotAt(slot);
  askVector(queryAt(slot), load<f32>(at));
  limit = load<f32>(at, 4);
  heapCount = load<u32>(at, 8);
  heap = heapsAt + ((<usize>slot * heapMax) << 3);
  if (ASC_FEATURE_RELAXED_SIMD) if (looks) takeCoarse(slot);
}

/** To be told of the rows `from … to − 1` when they are set. */
export function noteRows(from: u32, to: u32): void {
  if (ASC_FEATURE_RELAXED_SIMD) longest = max<f64>(longest, longestOfRows(from, to));
}

export function longestRow(): f64 {
  return longest;
}

/** Tells an instance that was told of no rows. */
export function noteLongest(value: f64): void {
  longest = value;
}

/** 32 neighbouring rows, all allowed, four at a time. */
function scanAll(row: usize, position: u32): void {
  const end = position + 32;
  for (; position < end; position += 4, row += 4 * rowBytes) {
    const b = row + rowBytes;
    const c = b + rowBytes;
    const d = c + rowBytes;
    if (ASC_FEATURE_RELAXED_SIMD) {
      if (looks) {
        for (let near = mayBeNearer(row, b, c, d, limit); near != 0; near &= near - 1) {
          const place = ctz<i32>(near);
          const at = row + <usize>place * rowBytes;
          offer(distanceOf(at, dot(at)), position + place);
        }
        continue;
      }
    }
    const distances = distancesToFour(row, b, c, d);
    if (i32x4.all_true(f32x4.ge(distances, f32x4.splat(limit)))) continue;
    offer(f32x4.extract_lane(distances, 0), position);
    offer(f32x4.extract_lane(distances, 1), position + 1);
    offer(f32x4.extract_lane(distances, 2), position + 2);
    offer(f32x4.extract_lane(distances, 3), position + 3);
  }
}

/** The rows whose bits are set in `word`. */
function scanSome(first: usize, position: u32, word: u32): void {
  for (; word != 0; word &= word - 1) {
    const bit = ctz<u32>(word);
    const row = first + <usize>bit * rowBytes;
    offer(distanceOf(row, dot(row)), position + bit);
  }
}

/** Positions come in ascending order, so a row as far as the limit is no improvement: it loses the tie. */
// @ts-ignore: decorator
@inline
function offer(distance: f32, position: u32): void {
  if (!(distance >= limit)) add(keyOf(distance, position));
}

/** Adds a key while there is room, then replaces the farthest, which also becomes the limit. */
function add(key: u64): void {
  if (heapCount < heapMax) rise(heap, heapCount++, key);
  else sink(heap, heapCount, key);
  if (heapCount == heapMax) limit = distanceIn(keyAt(heap, 0));
}
