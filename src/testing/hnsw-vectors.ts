/** Seeded vectors, brute force and a look inside saved graphs, for the tests of the graph index. */

import { expect } from "vitest";
import { distance } from "../core/index/vector/distance.js";
import { levelOf } from "../core/index/vector/graph-kernel.js";
import type { GraphCopy, GraphSnapshot } from "../core/index/vector/graph-snapshot.js";
import type { Nearest, VectorSource } from "../core/index/vector/judge.js";
import type { Space } from "../core/types.js";

export type Random = () => number;

/** Uniform in [0, 1), from a fixed generator (Mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Normally distributed. */
export function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Rows around a few centres, as embeddings of texts lie. */
export function clusteredRows(random: Random, count: number, dimension: number): Float32Array {
  const clusters = Math.max(1, Math.floor(count / 40));
  const centres = Float32Array.from({ length: clusters * dimension }, () => gaussian(random));
  const values = new Float32Array(count * dimension);
  for (let row = 0; row < count; row++) {
    const centre = Math.floor(random() * clusters) * dimension;
    for (let i = 0; i < dimension; i++) values[row * dimension + i] = centres[centre + i]! + 0.7 * gaussian(random);
  }
  return values;
}

export function rowOf(values: Float32Array, dimension: number, row: number): Float32Array {
  return values.subarray(row * dimension, (row + 1) * dimension);
}

export function sourceOf(values: Float32Array, dimension: number): VectorSource {
  return async (ordinals) => {
    const rows = new Float32Array(ordinals.length * dimension);
    ordinals.forEach((ordinal, i) => rows.set(rowOf(values, dimension, ordinal), i * dimension));
    return rows;
  };
}

/** The `k` nearest of the ordinals, for certain. */
export function bruteForce(space: Space, values: Float32Array, query: Float32Array, k: number, ordinals: Iterable<number>): Nearest {
  const all = Array.from(ordinals, (ordinal) => ({ ordinal, distance: distance(space, query, rowOf(values, query.length, ordinal)) }));
  all.sort((a, b) => a.distance - b.distance || a.ordinal - b.ordinal);
  const nearest = all.slice(0, k);
  return { ordinals: Uint32Array.from(nearest, (x) => x.ordinal), distances: Float32Array.from(nearest, (x) => x.distance) };
}

/** Share of the true nearest distances that a result reaches: equally far rows are equally good. */
export function recallOf(found: Nearest, truth: Nearest): number {
  if (truth.distances.length === 0) return 1;
  const farthest = truth.distances.at(-1)!;
  return found.distances.filter((d) => d <= farthest).length / truth.distances.length;
}

/** A saved graph with all its pieces. */
export function wholeOf(copy: GraphCopy): GraphSnapshot {
  return { ...copy, pieces: [...copy.pieces] };
}

/** The lists of a saved graph by ordinal and level. */
export function listsOf(snapshot: GraphSnapshot): Map<number, number[][]> {
  const nodes = new Map<number, number[][]>();
  let first = 0;
  for (const { heights, degrees, links } of snapshot.pieces) {
    let list = 0;
    let link = 0;
    heights.forEach((height, i) => {
      if (height > 0)
        nodes.set(
          first + i,
          Array.from({ length: height }, () => [...links.subarray(link, (link += degrees[list++]!))]),
        );
    });
    first += heights.length;
  }
  return nodes;
}

/** Ordinals that level 0 leads to from the entry. */
export function reachableIn(snapshot: GraphSnapshot): Set<number> {
  const nodes = listsOf(snapshot);
  const reached = new Set<number>(snapshot.entry < 0 ? [] : [snapshot.entry]);
  for (const ordinal of reached) for (const neighbour of nodes.get(ordinal)![0]!) reached.add(neighbour);
  return reached;
}

/** Everything that a graph promises of its lists. */
export function expectSound(snapshot: GraphSnapshot): void {
  const nodes = listsOf(snapshot);
  const isKept = (list: readonly number[], ordinal: number, level: number): boolean =>
    list.length <= (level === 0 ? 2 * snapshot.M : snapshot.M) &&
    new Set(list).size === list.length &&
    list.every((neighbour) => neighbour !== ordinal && (nodes.get(neighbour)?.length ?? 0) > level);
  for (const [ordinal, lists] of nodes) {
    expect(lists.length).toBe(levelOf(ordinal, snapshot.M, snapshot.seed) + 1);
    expect(lists.filter((list, level) => !isKept(list, ordinal, level))).toEqual([]);
  }
}
