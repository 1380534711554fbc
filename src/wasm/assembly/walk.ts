/**
 * Walks through the graph towards the current query: greedily through the upper levels, with a beam on one level. Every
 * choice is by (distance, ordinal), so the way does not depend on how heaps arrange equal distances.
 */

import { distanceOf, distancesToFour, dot } from "./distance";
import { NO_KEY, distanceIn, keyAt, keyOf, ordinalIn, rise, sink } from "./keys";
import { rowAt } from "./layout";
import { countIn, listAt } from "./nodes";
import { allowed, batch, candidates, results, visited, visitedBytes } from "./scratch";

let resultCount: u32 = 0;
let resultMax: u32 = 0;
let candidateCount: u32 = 0;
/** Key of the farthest result once there are `resultMax`; keys beyond it are of no use. */
let farthest: u64 = NO_KEY;
/** Its distance. */
let limit: f32 = Infinity;
/** Whether only the nodes of the `allowed` bitmap are results; all are walked through. */
let isFiltered: bool = false;

/** The nearest node that greedy steps reach on the levels from `from` down to above `to`. */
export function descend(entry: u32, from: u32, to: u32): u64 {
  const row = rowAt(entry);
  let nearest = keyOf(distanceOf(row, dot(row)), entry);
  for (let level = from; level > to; level--) {
    for (let before = NO_KEY; nearest < before; ) {
      before = nearest;
      nearest = nearestIn(listAt(ordinalIn(nearest), level), nearest);
    }
  }
  return nearest;
}

/** The nearest of a list, or `nearest` if none is nearer. Four at a time; where fewer are left the first stands in for the others. */
function nearestIn(list: usize, nearest: u64): u64 {
  const end = list + 4 + (<usize>countIn(list) << 2);
  for (let at = list + 4; at < end; at += 16) {
    const a = load<u32>(at);
    const b = at + 4 < end ? load<u32>(at, 4) : a;
    const c = at + 8 < end ? load<u32>(at, 8) : a;
    const d = at + 12 < end ? load<u32>(at, 12) : a;
    const distances = distancesToFour(rowAt(a), rowAt(b), rowAt(c), rowAt(d));
    nearest = min(nearest, keyOf(f32x4.extract_lane(distances, 0), a));
    nearest = min(nearest, keyOf(f32x4.extract_lane(distances, 1), b));
    nearest = min(nearest, keyOf(f32x4.extract_lane(distances, 2), c));
    nearest = min(nearest, keyOf(f32x4.extract_lane(distances, 3), d));
  }
  return nearest;
}

/** Leaves the `beam` nearest nodes found from `start` on one level as a heap at `results`; returns their number. */
export function walk(start: u64, level: u32, beam: u32, filtered: bool): u32 {
  memory.fill(visited, 0, visitedBytes);
  resultMax = beam;
  resultCount = 0;
  candidateCount = 0;
  farthest = NO_KEY;
  limit = Infinity;
  isFiltered = filtered;
  markVisited(ordinalIn(start));
  consider(start);
  while (candidateCount != 0) {
    const key = takeCandidate();
    if (key > farthest) break;
    expand(listAt(ordinalIn(key), level));
  }
  return resultCount;
}

/** Considers the neighbours that were not visited yet, four at a time: what the memory has to bring is brought side by side. */
function expand(list: usize): void {
  const end = batch + (<usize>gather(list) << 2);
  let at = batch;
  for (; at + 16 <= end; at += 16) considerFour(at);
  for (; at < end; at += 4) {
    const ordinal = load<u32>(at);
    const row = rowAt(ordinal);
    consider(keyOf(distanceOf(row, dot(row)), ordinal));
  }
}

/** Copies what was not visited of a list to `batch`, marks it visited, returns its number. Without branches: none could be foretold. */
function gather(list: usize): u32 {
  const end = list + (<usize>countIn(list) << 2);
  let count: u32 = 0;
  while (list < end) {
    list += 4;
    const ordinal = load<u32>(list);
    store<u32>(batch + (<usize>count << 2), ordinal);
    count += 1 ^ markVisited(ordinal);
  }
  return count;
}

/** Returns 1 if it was marked before, else 0. */
// @ts-ignore: decorator
@inline
function markVisited(ordinal: u32): u32 {
  const at = visited + (<usize>(ordinal >> 5) << 2);
  const word = load<u32>(at);
  store<u32>(at, word | (1 << (ordinal & 31)));
  return (word >> (ordinal & 31)) & 1;
}

/** Considers the four ordinals at `at`. */
function considerFour(at: usize): void {
  const a = rowAt(load<u32>(at));
  const b = rowAt(load<u32>(at, 4));
  const c = rowAt(load<u32>(at, 8));
  const d = rowAt(load<u32>(at, 12));
  const distances = distancesToFour(a, b, c, d);
  if (i32x4.all_true(f32x4.gt(distances, f32x4.splat(limit)))) return;
  consider(keyOf(f32x4.extract_lane(distances, 0), load<u32>(at)));
  consider(keyOf(f32x4.extract_lane(distances, 1), load<u32>(at, 4)));
  consider(keyOf(f32x4.extract_lane(distances, 2), load<u32>(at, 8)));
  consider(keyOf(f32x4.extract_lane(distances, 3), load<u32>(at, 12)));
}

/** A node nearer than the farthest result is worth walking through and, if allowed, a result. */
// @ts-ignore: decorator
@inline
function consider(key: u64): void {
  if (key >= farthest) return;
  rise(candidates, candidateCount++, ~key);
  if (!isFiltered || isAllowed(ordinalIn(key))) collect(key);
}

// @ts-ignore: decorator
@inline
function isAllowed(ordinal: u32): bool {
  return ((load<u32>(allowed + (<usize>(ordinal >> 5) << 2)) >> (ordinal & 31)) & 1) != 0;
}

/** Adds a result, in the place of the farthest when there is no room. */
function collect(key: u64): void {
  if (resultCount < resultMax) rise(results, resultCount++, key);
  else sink(results, resultCount, key);
  if (resultCount < resultMax) return;
  farthest = keyAt(results, 0);
  limit = distanceIn(farthest);
}

/** Removes the nearest candidate. */
function takeCandidate(): u64 {
  const key = ~keyAt(candidates, 0);
  candidateCount--;
  sink(candidates, candidateCount, keyAt(candidates, candidateCount));
  return key;
}
