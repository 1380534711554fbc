/**
 * What the graph index asks of the machine underneath: a hierarchical navigable small world graph (Malkov & Yashunin)
 * over the rows of a code table. `src/wasm` implements it with SIMD, `reference-graph.ts` in plain TypeScript; after the
 * same calls both hold the same graph, list for list.
 *
 * A node is absent, live or stale. `retire` makes a live node stale at once: it is still walked through, but never linked
 * to again. `repair` over all ordinals takes the stale nodes out of every list, then `release` forgets them. In between
 * other calls may come; only a node that was stale when the repair began may be released at its end. The row of a stale
 * node may be replaced at any time, that of a live one never.
 */

import type { Tick } from "../../base/turns.js";
import type { Space } from "../../types.js";
import type { Candidates } from "./candidates.js";
import type { CommonSearch, ScanQuery } from "./common-search.js";

/** Fixed for the life of a graph. */
export interface GraphOptions {
  /** Neighbours of a new node, and most on an upper level; level 0 takes twice as many. */
  M: number;
  /** Beam of the walks that find a new node's neighbours. */
  efConstruction: number;
  /**
   * What makes a row a query: its scale is `slopeFactor × slope`, and `interceptFactor × intercept` is added to the
   * distances, so that distances between different pairs of rows compare.
   */
  slopeFactor: number;
  interceptFactor: number;
}

/** Lists of the nodes of consecutive ordinals. */
export interface GraphPiece {
  /** Per ordinal: 0 when absent, else 1 + its level. */
  heights: Uint8Array;
  /** Length of each list: the nodes in order, the levels of each from 0 up. */
  degrees: Uint16Array;
  /** The lists, one after the other. */
  links: Uint32Array;
}

/** An insertion that several threads make, in two steps. */
export interface CommonInsertion {
  /** Chooses neighbours for each of the nodes, to which nothing leads yet: searches may go on. */
  hang(pause: Tick): Promise<void>;
  /** Links to them. False where a thread was lost in the midst of it: the graph is of no use, and is to be cleared. */
  tie(pause: Tick): Promise<boolean>;
}

export interface Graph {
  readonly options: GraphOptions;
  /** The node where walks begin, −1 in an empty graph. */
  readonly entry: number;
  /** Links an absent node; its level must be the same each time. Its row has been set. */
  insert(ordinal: number, level: number): void;
  /**
   * Insertion of absent nodes by several threads, none of which finds another of them: levels are not above that of the entry. `null` where
   * there is one thread. Nothing else of the graph is changed until it is over, and no row is set. Missing where there is never more than
   * one thread.
   */
  insertTogether?(nodes: Uint32Array, levels: Uint8Array): CommonInsertion | null;
  /** While links are made by several threads: resolves when searches may go on. */
  readonly changing?: Promise<void> | null;
  retire(ordinal: number): void;
  /** Takes stale neighbours out of the lists of ordinals `from … to − 1`. */
  repair(from: number, to: number): void;
  release(ordinal: number): void;
  /** Links to a node outside of `reached`, all that level 0 leads to from the entry, from a member; false when no list near it has room. */
  adopt(ordinal: number, reached: Uint32Array): boolean;
  clear(): void;
  /** A node's neighbours on a level it has. */
  neighbours(ordinal: number, level: number): Uint32Array;
  /** The nodes of ordinals `from … to − 1`. */
  read(from: number, to: number): GraphPiece;
  /** Puts nodes that were read back, live, at absent ordinals from `from` on. Everything must be within bounds. */
  write(from: number, piece: GraphPiece): void;
  /** Makes an existing node of the highest level the entry. */
  setEntry(ordinal: number): void;
  /**
   * About the `beam` nodes nearest to the query, which is as in `CodeTable.scan`; with `allowed`, of those alone, though
   * the walk goes through all.
   */
  search(query: Int16Array, queryScale: number, beam: number, allowed: Uint32Array | null): Candidates;
  /**
   * As `search` for each query, by several threads; `null` where there is one, or where it is not worth it. Nothing of the graph is
   * changed before it is ended. Missing where there is never more than one thread.
   */
  searchTogether?(queries: readonly ScanQuery[], beam: number, allowed: Uint32Array | null): CommonSearch | null;
}

/** The factors of a space (see `quantize.ts` for what slope and intercept are in each). */
export function graphOptions(space: Space, M: number, efConstruction: number): GraphOptions {
  const isEuclidean = space === "l2";
  return { M, efConstruction, slopeFactor: isEuclidean ? -0.5 : -1, interceptFactor: isEuclidean ? 1 : 0 };
}

/** Most levels above level 0; beyond, there is nothing to gain for any number of rows that memory can hold. */
export const LEVEL_MAX = 15;

/**
 * The level of an ordinal: each further one has a chance of 1/M, as the paper's distribution has, drawn by hashing. An ordinal that is
 * inserted again has the same level again, so its place in memory is reused and no generator's state needs storing.
 */
export function levelOf(ordinal: number, M: number, seed: number): number {
  let level = 0;
  let hash = mix(ordinal ^ mix(seed));
  while (level < LEVEL_MAX && hash < 2 ** 32 / M) {
    level++;
    hash = mix(hash + 0x9e3779b9);
  }
  return level;
}

/** A bijection of 32-bit integers whose results look random (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let hash = value >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
