/**
 * Which neighbours a node keeps: algorithm 4 of Malkov & Yashunin. Of candidates by ascending distance one is dropped if
 * some neighbour kept before is nearer to it than the node itself is: the way to it leads through that neighbour. Among
 * candidates equally far from the node a tie drops too; so of many equal vectors a list holds one, and has room for links
 * that lead out of the heap of duplicates.
 */

import { askRow, distanceBetween, distanceOf, dot } from "./distance";
import { distanceIn, keyAt, keyOf, ordinalIn, putKey, rise, sortHeap } from "./keys";
import { rowAt } from "./layout";
import { countIn, degreeLimit, isLive, isStale, levelOf, listAt, neighbourIn, putNeighbour, setCount } from "./nodes";
import { kept, pool, visited, visitedBytes } from "./scratch";

/** Copies at most `max` of the `count` ascending keys at `from` to `to`, leaving out what others make superfluous. */
export function select(from: usize, count: u32, max: u32, to: usize): u32 {
  let chosen: u32 = 0;
  for (let i: u32 = 0; i < count && chosen < max; i++) {
    const key = keyAt(from, i);
    if (!isCovered(key, to, chosen)) putKey(to, chosen++, key);
  }
  return chosen;
}

/** Whether one of the keys chosen before leads to this one. */
function isCovered(key: u64, keys: usize, count: u32): bool {
  const row = rowAt(ordinalIn(key));
  const distance = distanceIn(key);
  for (let i: u32 = 0; i < count; i++) {
    const other = keyAt(keys, i);
    const between = distanceBetween(row, rowAt(ordinalIn(other)));
    if (between < distance || (between == distance && distanceIn(other) == distance)) return true;
  }
  return false;
}

/** Makes the ordinals of `count` keys a node's list. */
export function writeList(list: usize, keys: usize, count: u32): void {
  setCount(list, count);
  for (let i: u32 = 0; i < count; i++) putNeighbour(list, i, ordinalIn(keyAt(keys, i)));
}

/** Adds a link from `from` to `to`; a full list is chosen anew among its members and `to`. Makes `from` the query if so. */
export function connect(from: u32, to: u32, level: u32): void {
  const list = listAt(from, level);
  const count = countIn(list);
  const max = degreeLimit(level);
  if (count < max) {
    putNeighbour(list, count, to);
    setCount(list, count + 1);
    return;
  }
  askRow(from);
  for (let i: u32 = 0; i < count; i++) rise(pool, i, keyTo(neighbourIn(list, i)));
  rise(pool, count, keyTo(to));
  choose(list, count + 1, max);
}

/** Of the heap of `count` keys at `pool`, the best become the list. */
function choose(list: usize, count: u32, max: u32): void {
  sortHeap(pool, count);
  writeList(list, kept, select(pool, count, max, kept));
}

/** Key of a row as seen from the current query. */
function keyTo(ordinal: u32): u64 {
  const row = rowAt(ordinal);
  return keyOf(distanceOf(row, dot(row)), ordinal);
}

/** Replaces stale neighbours on every level: the list is chosen anew among the live ones and the live neighbours of the stale. */
export function repairNode(ordinal: u32): void {
  for (let level: u32 = 0, top = levelOf(ordinal); level <= top; level++) {
    const list = listAt(ordinal, level);
    if (namesStale(list)) repairList(ordinal, list, level);
  }
}

function namesStale(list: usize): bool {
  for (let i: u32 = 0, count = countIn(list); i < count; i++) if (isStale(neighbourIn(list, i))) return true;
  return false;
}

function repairList(ordinal: u32, list: usize, level: u32): void {
  memory.fill(visited, 0, visitedBytes);
  isNew(ordinal);
  askRow(ordinal);
  let count = pour(list, 0);
  for (let i: u32 = 0, n = countIn(list); i < n; i++) {
    const neighbour = neighbourIn(list, i);
    if (isStale(neighbour)) count = pour(listAt(neighbour, level), count);
  }
  choose(list, count, degreeLimit(level));
}

/** Adds the live members of a list that were not met yet to the heap at `pool`; returns its new size. */
function pour(list: usize, count: u32): u32 {
  for (let i: u32 = 0, n = countIn(list); i < n; i++) {
    const neighbour = neighbourIn(list, i);
    if (isLive(neighbour) && isNew(neighbour)) rise(pool, count++, keyTo(neighbour));
  }
  return count;
}

/** Whether this is the first call with this ordinal since `visited` was cleared. */
function isNew(ordinal: u32): bool {
  const at = visited + (<usize>(ordinal >> 3));
  const bit = <u8>1 << <u8>(ordinal & 7);
  const byte = load<u8>(at);
  store<u8>(at, byte | bit);
  return (byte & bit) == 0;
}
