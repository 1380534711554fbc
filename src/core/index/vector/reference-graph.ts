/**
 * The graph in plain TypeScript: what runs where WebAssembly SIMD does not, and the oracle that the WASM graph is tested
 * against. Simple rather than fast: queues are sorted arrays. Each float32 step is rounded in the order of the
 * WASM kernel and every choice is by (distance, ordinal), so both build the same graph.
 */

import type { Candidates } from "./candidates.js";
import type { Graph, GraphOptions, GraphPiece } from "./graph-kernel.js";

/** The rows underneath. */
export interface RowReader {
  /** Distance from a query to a row, without what a row as a query adds. */
  distance(query: Int16Array | Int8Array, scale: number, ordinal: number): number;
  codes(ordinal: number): Int8Array;
  slope(ordinal: number): number;
  intercept(ordinal: number): number;
}

interface Node {
  isStale: boolean;
  /** Neighbours by level. */
  lists: number[][];
}

interface Candidate {
  ordinal: number;
  distance: number;
}

/** A query: a vector from outside, or a row. */
type DistanceTo = (ordinal: number) => Candidate;

export class ReferenceGraph implements Graph {
  readonly options: GraphOptions;
  readonly #rows: RowReader;
  readonly #nodes = new Map<number, Node>();
  #entry = -1;

  constructor(rows: RowReader, options: GraphOptions) {
    this.#rows = rows;
    this.options = options;
  }

  get entry(): number {
    return this.#entry;
  }

  insert(ordinal: number, level: number): void {
    this.#nodes.set(ordinal, { isStale: false, lists: Array.from({ length: level + 1 }, () => []) });
    if (this.#entry < 0) return this.setEntry(ordinal);
    const query = this.#rowQuery(ordinal);
    const top = this.#levelOf(this.#entry);
    let nearest = this.#descend(query, level);
    for (let l = Math.min(level, top); l >= 0; l--) {
      const found = this.#walk(query, nearest, l, this.options.efConstruction, null);
      nearest = found[0]!;
      this.#link(ordinal, l, found);
    }
    if (level > top) this.setEntry(ordinal);
  }

  retire(ordinal: number): void {
    const node = this.#nodes.get(ordinal);
    if (node !== undefined) node.isStale = true;
  }

  repair(from: number, to: number): void {
    for (let ordinal = from; ordinal < to; ordinal++) {
      const lists = this.#nodes.get(ordinal)?.lists ?? [];
      for (let level = 0; level < lists.length; level++) {
        if (lists[level]!.some((neighbour) => this.#isStale(neighbour))) this.#repairList(ordinal, level);
      }
    }
  }

  release(ordinal: number): void {
    this.#nodes.delete(ordinal);
    if (ordinal === this.#entry) this.#entry = this.#highest();
  }

  adopt(ordinal: number, reached: Uint32Array): boolean {
    const query = this.#rowQuery(ordinal);
    const found = this.#walk(query, this.#descend(query, 0), 0, this.options.efConstruction, reached);
    for (const { ordinal: parent } of found) {
      if (this.neighbours(parent, 0).length === this.#degreeMax(0) || this.#isStale(parent)) continue;
      this.#connect(parent, ordinal, 0);
      return true;
    }
    return false;
  }

  clear(): void {
    this.#nodes.clear();
    this.#entry = -1;
  }

  neighbours(ordinal: number, level: number): Uint32Array {
    return Uint32Array.from(this.#list(ordinal, level));
  }

  read(from: number, to: number): GraphPiece {
    const nodes = Array.from({ length: to - from }, (_, i) => this.#nodes.get(from + i));
    const lists = nodes.flatMap((node) => node?.lists ?? []);
    return {
      heights: Uint8Array.from(nodes, (node) => node?.lists.length ?? 0),
      degrees: Uint16Array.from(lists, (list) => list.length),
      links: Uint32Array.from(lists.flat()),
    };
  }

  write(from: number, piece: GraphPiece): void {
    let list = 0;
    let link = 0;
    piece.heights.forEach((height, i) => {
      if (height === 0) return;
      const lists = Array.from({ length: height }, () => [...piece.links.subarray(link, (link += piece.degrees[list++]!))]);
      this.#nodes.set(from + i, { isStale: false, lists });
    });
  }

  setEntry(ordinal: number): void {
    this.#entry = ordinal;
  }

  search(query: Int16Array, queryScale: number, beam: number, allowed: Uint32Array | null): Candidates {
    if (this.#entry < 0) return { ordinals: new Uint32Array(0), distances: new Float32Array(0) };
    const scale = Math.fround(queryScale);
    const ask: DistanceTo = (ordinal) => ({ ordinal, distance: this.#rows.distance(query, scale, ordinal) });
    const found = this.#walk(ask, this.#descend(ask, 0), 0, beam, allowed);
    return {
      ordinals: Uint32Array.from(found, ({ ordinal }) => ordinal),
      distances: Float32Array.from(found, ({ distance }) => distance),
    };
  }

  // ---- walking

  /** The nearest node that greedy steps reach above level `to`. */
  #descend(query: DistanceTo, to: number): Candidate {
    let nearest = query(this.#entry);
    for (let level = this.#levelOf(this.#entry); level > to; level--) {
      for (let before: Candidate | null = null; nearest !== before; ) {
        before = nearest;
        for (const ordinal of this.#list(nearest.ordinal, level)) {
          const candidate = query(ordinal);
          if (compare(candidate, nearest) < 0) nearest = candidate;
        }
      }
    }
    return nearest;
  }

  /** The `beam` nearest allowed nodes found from `start` on one level, ascending. */
  #walk(query: DistanceTo, start: Candidate, level: number, beam: number, allowed: Uint32Array | null): Candidate[] {
    const results: Candidate[] = [];
    const candidates: Candidate[] = [];
    const visited = new Set<number>();
    const consider = (candidate: Candidate): void => {
      visited.add(candidate.ordinal);
      if (results.length === beam && compare(candidate, results[beam - 1]!) > 0) return;
      insertSorted(candidates, candidate);
      if (allowed !== null && !hasBit(allowed, candidate.ordinal)) return;
      insertSorted(results, candidate);
      if (results.length > beam) results.pop();
    };
    consider(start);
    for (let next = candidates.shift(); next !== undefined; next = candidates.shift()) {
      if (results.length === beam && compare(next, results[beam - 1]!) > 0) break;
      for (const ordinal of this.#list(next.ordinal, level)) if (!visited.has(ordinal)) consider(query(ordinal));
    }
    return results;
  }

  // ---- linking

  /** Links a node with the best of ascending candidates, both ways. */
  #link(ordinal: number, level: number, found: readonly Candidate[]): void {
    const fresh = found.filter((candidate) => !this.#isStale(candidate.ordinal));
    const chosen = this.#select(fresh, this.options.M);
    this.#nodes.get(ordinal)!.lists[level] = chosen;
    for (const neighbour of chosen) this.#connect(neighbour, ordinal, level);
  }

  /** Adds a link; a full list is chosen anew among its members and the new one. */
  #connect(from: number, to: number, level: number): void {
    const list = this.#list(from, level);
    if (list.length < this.#degreeMax(level)) list.push(to);
    else this.#choose(from, level, [...list, to]);
  }

  /** The list is chosen anew among its live members and the live neighbours of the stale ones. */
  #repairList(ordinal: number, level: number): void {
    const list = this.#list(ordinal, level);
    const stale = list.filter((neighbour) => this.#isStale(neighbour));
    const near = new Set([...list, ...stale.flatMap((neighbour) => this.#list(neighbour, level))]);
    near.delete(ordinal);
    this.#choose(
      ordinal,
      level,
      [...near].filter((neighbour) => this.#nodes.get(neighbour)?.isStale === false),
    );
  }

  #choose(ordinal: number, level: number, among: readonly number[]): void {
    const candidates = among.map(this.#rowQuery(ordinal)).sort(compare);
    this.#nodes.get(ordinal)!.lists[level] = this.#select(candidates, this.#degreeMax(level));
  }

  /** Algorithm 4 of the paper: drops what is nearer to a kept neighbour, or as near where candidates are equally far. */
  #select(ascending: readonly Candidate[], max: number): number[] {
    const kept: Candidate[] = [];
    for (const candidate of ascending) {
      if (kept.length === max) break;
      const query = this.#rowQuery(candidate.ordinal);
      const isCovered = kept.some((other) => {
        const between = query(other.ordinal).distance;
        return between < candidate.distance || (between === candidate.distance && other.distance === candidate.distance);
      });
      if (!isCovered) kept.push(candidate);
    }
    return kept.map(({ ordinal }) => ordinal);
  }

  /** Distances as seen from a row. */
  #rowQuery(row: number): DistanceTo {
    const { slopeFactor, interceptFactor } = this.options;
    const codes = this.#rows.codes(row);
    const scale = Math.fround(slopeFactor * this.#rows.slope(row));
    const offset = Math.fround(interceptFactor * this.#rows.intercept(row));
    return (ordinal) => ({ ordinal, distance: Math.fround(this.#rows.distance(codes, scale, ordinal) + offset) });
  }

  // ---- nodes

  /** The first of the nodes of the highest level, live ones if there are any. */
  #highest(): number {
    let best = -1;
    let bestRank = 0;
    for (const [ordinal, { lists, isStale }] of this.#nodes) {
      const rank = lists.length + (isStale ? 0 : 256);
      if (rank < bestRank || (rank === bestRank && ordinal > best)) continue;
      best = ordinal;
      bestRank = rank;
    }
    return best;
  }

  #list(ordinal: number, level: number): number[] {
    return this.#nodes.get(ordinal)?.lists[level] ?? [];
  }

  #levelOf(ordinal: number): number {
    return this.#nodes.get(ordinal)!.lists.length - 1;
  }

  #isStale(ordinal: number): boolean {
    return this.#nodes.get(ordinal)?.isStale === true;
  }

  #degreeMax(level: number): number {
    return level === 0 ? 2 * this.options.M : this.options.M;
  }
}

function compare(a: Candidate, b: Candidate): number {
  return a.distance - b.distance || a.ordinal - b.ordinal;
}

/** Inserts into an ascending array. */
function insertSorted(array: Candidate[], candidate: Candidate): void {
  let low = 0;
  for (let high = array.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if (compare(array[middle]!, candidate) < 0) low = middle + 1;
    else high = middle;
  }
  array.splice(low, 0, candidate);
}

function hasBit(words: Uint32Array, ordinal: number): boolean {
  return ((words[ordinal >>> 5] ?? 0) >>> (ordinal & 31)) % 2 === 1;
}
