/**
 * Hierarchical navigable small world graph (Malkov & Yashunin) over the rows: what the driver calls. Before any of
 * `insert`, `repair`, `adopt` and `search` it calls `layScratch`, having placed a node for every ordinal involved.
 */

import { askRow, askVector, setRowQueries } from "./distance";
import { keyAt, ordinalIn, putKey, sortHeap, unpackKeys } from "./keys";
import { firstQueryAt, setNodeBytes } from "./layout";
import { connect, repairNode, select, writeList } from "./links";
import {
  admit,
  countIn,
  degreeLimit,
  dismiss,
  isAbsent,
  isLive,
  isStale,
  levelOf,
  listAt,
  markStale,
  neighbourIn,
  setDegrees,
} from "./nodes";
import { allowed, layScratchFor, linked, results } from "./scratch";
import { descend, walk } from "./walk";

const NO_ENTRY: u32 = 0xffffffff;

let m: u32 = 0;
let beamOfInsert: u32 = 0;
/** Where walks begin: a node of the highest level. */
let entry: u32 = NO_ENTRY;
let topLevel: u32 = 0;
/** Number of stale nodes. */
let staleCount: u32 = 0;

/** Fixes the parameters; returns the bytes of a node. The factors make rows queries (`distance.ts`). */
export function initGraph(maxNeighbours: u32, efConstruction: u32, ofSlope: f32, ofIntercept: f32): usize {
  m = maxNeighbours;
  beamOfInsert = efConstruction;
  setRowQueries(ofSlope, ofIntercept);
  const bytes = setDegrees(maxNeighbours);
  setNodeBytes(bytes);
  return bytes;
}

/** Lays out scratch memory from `at` on and returns its end. `ordinals` bounds the ordinals, `beam` the results of a search. */
export function layScratch(at: usize, ordinals: u32, beam: u32): usize {
  return layScratchFor(at, ordinals, max(beam, beamOfInsert), degreeLimit(0));
}

/** The ordinal where walks begin, or −1. */
export function entryOrdinal(): i32 {
  return <i32>entry;
}

/** Sets the entry of a graph whose nodes were written from outside. */
export function restoreEntry(ordinal: u32): void {
  entry = ordinal;
  topLevel = ordinal == NO_ENTRY ? 0 : levelOf(ordinal);
}

/** Number of stale nodes. */
export function staleNodes(): u32 {
  return staleCount;
}

/** Tells an instance that has not made them stale. */
export function noteStale(count: u32): void {
  staleCount = count;
}

/** Forgets every node; the driver clears their memory. */
export function clearGraph(): void {
  entry = NO_ENTRY;
  topLevel = 0;
  staleCount = 0;
}

/** Links an absent node, which has a tower if `level` is not 0, into the graph. */
export function insert(ordinal: u32, level: u32): void {
  admit(ordinal, level);
  if (entry == NO_ENTRY) return restoreEntry(ordinal);
  askRow(ordinal);
  let nearest = descend(entry, topLevel, level);
  for (let l = <i32>min(level, topLevel); l >= 0; l--) {
    const count = walk(nearest, l, beamOfInsert, false);
    sortHeap(results, count);
    nearest = keyAt(results, 0);
    link(ordinal, l, count);
    if (l > 0) askRow(ordinal);
  }
  if (level > topLevel) restoreEntry(ordinal);
}

/** Links a node with the best of the `count` ascending results, both ways. */
function link(ordinal: u32, level: u32, count: u32): void {
  const chosen = lead(ordinal, level, count);
  for (let i: u32 = 0; i < chosen; i++) connect(ordinalIn(keyAt(linked, i)), ordinal, level);
}

/** Makes the best of the `count` ascending results a node's list; returns how many they are. */
function lead(ordinal: u32, level: u32, count: u32): u32 {
  if (staleCount > 0) count = withoutStale(count);
  const chosen = select(results, count, m, linked);
  writeList(listAt(ordinal, level), linked, chosen);
  return chosen;
}

/**
 * The first half of an insertion, of which many may be made at once by as many instances: the lists of an absent node, whose level is
 * not above all others. Nothing leads to the node before `tie`. May be repeated.
 */
export function hang(ordinal: u32, level: u32): void {
  admit(ordinal, level);
  askRow(ordinal);
  let nearest = descend(entry, topLevel, level);
  for (let l = <i32>level; l >= 0; l--) {
    const count = walk(nearest, l, beamOfInsert, false);
    sortHeap(results, count);
    nearest = keyAt(results, 0);
    lead(ordinal, l, count);
  }
}

/**
 * The second half: links to the `count` nodes whose ordinals lie at `ordinals`, from those of their neighbours that are `part` modulo
 * `parts`. Each part changes lists of its own, so several instances may do one each; nobody walks meanwhile.
 */
export function tie(ordinals: usize, count: u32, part: u32, parts: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const ordinal = load<u32>(ordinals + (<usize>i << 2));
    for (let l: u32 = 0, level = levelOf(ordinal); l <= level; l++) {
      const list = listAt(ordinal, l);
      for (let j: u32 = 0, degree = countIn(list); j < degree; j++) {
        const neighbour = neighbourIn(list, j);
        if (neighbour % parts == part) connect(neighbour, ordinal, l);
      }
    }
  }
}

/** Removes stale nodes from the results; returns how many are left. */
function withoutStale(count: u32): u32 {
  let left: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const key = keyAt(results, i);
    if (!isStale(ordinalIn(key))) putKey(results, left++, key);
  }
  return left;
}

/** A live node becomes stale. */
export function retire(ordinal: u32): void {
  if (!isLive(ordinal)) return;
  markStale(ordinal);
  staleCount++;
}

/** Takes stale neighbours out of the lists of the nodes `from … to − 1`. */
export function repair(from: u32, to: u32): void {
  for (let ordinal = from; ordinal < to; ordinal++) if (!isAbsent(ordinal)) repairNode(ordinal);
}

/** A stale node that no list names any more becomes absent. If it was the entry, another of the nodes below `end` is chosen. */
export function release(ordinal: u32, end: u32): void {
  dismiss(ordinal);
  staleCount--;
  if (ordinal == entry) restoreEntry(highest(end));
}

/** The first of the nodes of the highest level, live ones if there are any. */
function highest(end: u32): u32 {
  let best = NO_ENTRY;
  let bestRank: u32 = 0;
  for (let ordinal: u32 = 0; ordinal < end; ordinal++) {
    if (isAbsent(ordinal)) continue;
    const rank = levelOf(ordinal) + (isLive(ordinal) ? 256 : 1);
    if (rank > bestRank) {
      best = ordinal;
      bestRank = rank;
    }
  }
  return best;
}

/**
 * Links to a node from the nearest live one of the bitmap at `allowedAt` that has room in its list; returns whether there is
 * one near. The bitmap holds what level 0 leads to from the entry, so none of it links to the node already.
 */
export function adopt(ordinal: u32): bool {
  askRow(ordinal);
  const count = walk(descend(entry, topLevel, 0), 0, beamOfInsert, true);
  sortHeap(results, count);
  for (let i: u32 = 0; i < count; i++) {
    const parent = ordinalIn(keyAt(results, i));
    if (countIn(listAt(parent, 0)) == degreeLimit(0) || !isLive(parent)) continue;
    connect(parent, ordinal, 0);
    return true;
  }
  return false;
}

/**
 * Finds about the `beam` nodes nearest to the vector at the query's place; with `filtered` only those of the bitmap that was put
 * at `allowedAt`. Leaves pairs of distance and ordinal at `resultsAt`, ascending, and returns their number.
 */
export function search(queryScale: f32, beam: u32, filtered: bool): u32 {
  if (entry == NO_ENTRY) return 0;
  askVector(firstQueryAt(), queryScale);
  const count = walk(descend(entry, topLevel, 0), 0, beam, filtered);
  sortHeap(results, count);
  unpackKeys(results, count);
  return count;
}

export function allowedAt(): usize {
  return allowed;
}

export function resultsAt(): usize {
  return results;
}
