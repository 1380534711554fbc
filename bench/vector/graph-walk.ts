/**
 * Walks a saved graph as an engine does (Malkov & Yashunin, algorithms 2 and 5), with exact distances, only to count how many it
 * computes: what a query costs in bytes, whatever the machine. Written for this and slow.
 */
import { exactDistance, type Rows, rowOf } from "./exact.js";

/** Lists of nodes 0, 1, 2 …, in pieces: per node its height (levels, 0 if absent), per list its length, and the lists. */
export interface SavedGraph {
  entry: number;
  pieces: readonly { heights: Uint8Array; degrees: Uint16Array; links: Uint32Array }[];
}

type Lists = Uint32Array[];

/** Distances per query on average over the queries. */
export function countDistances(graph: SavedGraph, base: Rows, queries: Rows, ef: number): number {
  const lists = listsOf(graph);
  let count = 0;
  for (let q = 0; q < queries.count; q++) {
    const query = rowOf(queries, q);
    walk(lists, graph.entry, ef, (row) => {
      count++;
      return exactDistance(base, row, query);
    });
  }
  return count / queries.count;
}

/** Per node its lists, from level 0 up. */
function listsOf({ pieces }: SavedGraph): Lists[] {
  const nodes: Lists[] = [];
  for (const { heights, degrees, links } of pieces) {
    let list = 0;
    let at = 0;
    for (const height of heights) {
      const own: Lists = [];
      for (let level = 0; level < height; level++) {
        const degree = degrees[list++]!;
        own.push(links.subarray(at, at + degree));
        at += degree;
      }
      nodes.push(own);
    }
  }
  return nodes;
}

interface Near {
  row: number;
  distance: number;
}

/** About the `ef` nearest nodes, ascending. */
export function walk(lists: readonly Lists[], entry: number, ef: number, distanceOf: (row: number) => number): Near[] {
  let nearest: Near = { row: entry, distance: distanceOf(entry) };
  for (let level = lists[entry]!.length - 1; level > 0; level--) nearest = descend(lists, level, nearest, distanceOf);
  return spread(lists, ef, nearest, distanceOf);
}

/** To the nearest node that steps on one level lead to. */
function descend(lists: readonly Lists[], level: number, from: Near, distanceOf: (row: number) => number): Near {
  for (let best = from; ; ) {
    const before = best;
    for (const row of lists[before.row]![level]!) {
      const distance = distanceOf(row);
      if (distance < best.distance) best = { row, distance };
    }
    if (best === before) return best;
  }
}

function spread(lists: readonly Lists[], ef: number, from: Near, distanceOf: (row: number) => number): Near[] {
  const visited = new Set([from.row]);
  const open: Near[] = [from];
  const beam: Near[] = [from];
  while (open.length > 0) {
    const next = open.shift()!;
    if (beam.length === ef && next.distance > beam.at(-1)!.distance) break;
    for (const row of lists[next.row]![0]!) {
      if (visited.has(row)) continue;
      visited.add(row);
      const near = { row, distance: distanceOf(row) };
      if (beam.length === ef && near.distance >= beam.at(-1)!.distance) continue;
      insert(open, near);
      insert(beam, near);
      if (beam.length > ef) beam.pop();
    }
  }
  return beam;
}

function insert(sorted: Near[], near: Near): void {
  let place = sorted.length;
  while (place > 0 && sorted[place - 1]!.distance > near.distance) place--;
  sorted.splice(place, 0, near);
}
