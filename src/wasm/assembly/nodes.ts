/**
 * The nodes of the graph and their lists of neighbours, in memory.
 *
 *     node  = state: u8 · level: u8 · u16 of 0 · address of tower: u32 · list of up to 2M (level 0)
 *     tower = (list of up to M) × level, level 1 first
 *     list  = count: u32 · ordinal: u32 × (2M or M), of which `count` mean something
 *
 * A node is absent, live or stale. A stale node, of which the row was deleted or replaced, is still walked through but
 * never linked to anew, until repair has taken it out of every list and it is released. An absent node keeps its tower:
 * its level depends on its ordinal alone, so it will need it again.
 */

import { nodeAt } from "./layout";

const ABSENT: u8 = 0;
const LIVE: u8 = 1;
const STALE: u8 = 2;

/** Most neighbours of a node on level 0, and on each level above. */
let degreeMax0: u32 = 0;
let degreeMax: u32 = 0;
/** Where level 0's list begins in a node. */
const LIST_OFFSET: usize = 8;

/** Fixes the size of lists; returns the bytes of a node. */
export function setDegrees(m: u32): usize {
  degreeMax = m;
  degreeMax0 = 2 * m;
  return LIST_OFFSET + 4 + (<usize>degreeMax0 << 2);
}

/** Most neighbours on a level. */
// @ts-ignore: decorator
@inline
export function degreeLimit(level: u32): u32 {
  return level == 0 ? degreeMax0 : degreeMax;
}

/** Address of a node's list of one level. */
// @ts-ignore: decorator
@inline
export function listAt(ordinal: u32, level: u32): usize {
  const node = nodeAt(ordinal);
  if (level == 0) return node + LIST_OFFSET;
  return <usize>load<u32>(node, 4) + <usize>(level - 1) * (4 + (<usize>degreeMax << 2));
}

// @ts-ignore: decorator
@inline
export function countIn(list: usize): u32 {
  return load<u32>(list);
}

// @ts-ignore: decorator
@inline
export function setCount(list: usize, count: u32): void {
  store<u32>(list, count);
}

// @ts-ignore: decorator
@inline
export function neighbourIn(list: usize, i: u32): u32 {
  return load<u32>(list + (<usize>i << 2), 4);
}

// @ts-ignore: decorator
@inline
export function putNeighbour(list: usize, i: u32, ordinal: u32): void {
  store<u32>(list + (<usize>i << 2), ordinal, 4);
}

export function levelOf(ordinal: u32): u32 {
  return load<u8>(nodeAt(ordinal), 1);
}

export function isLive(ordinal: u32): bool {
  return load<u8>(nodeAt(ordinal)) == LIVE;
}

// @ts-ignore: decorator
@inline
export function isStale(ordinal: u32): bool {
  return load<u8>(nodeAt(ordinal)) == STALE;
}

export function isAbsent(ordinal: u32): bool {
  return load<u8>(nodeAt(ordinal)) == ABSENT;
}

/** An absent node becomes live, with empty lists. */
export function admit(ordinal: u32, level: u32): void {
  const node = nodeAt(ordinal);
  store<u8>(node, LIVE);
  store<u8>(node, <u8>level, 1);
  for (let l: u32 = 0; l <= level; l++) setCount(listAt(ordinal, l), 0);
}

/** A live node becomes stale. */
export function markStale(ordinal: u32): void {
  store<u8>(nodeAt(ordinal), STALE);
}

/** A stale node becomes absent. */
export function dismiss(ordinal: u32): void {
  for (let l: u32 = 0, level = levelOf(ordinal); l <= level; l++) setCount(listAt(ordinal, l), 0);
  store<u8>(nodeAt(ordinal), ABSENT);
}
