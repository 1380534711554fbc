/**
 * A graph at rest: what the block store keeps so that opening a collection does not build its graph again.
 *
 * Beside the lists it has a fingerprint of every row that a node was built from. A snapshot may therefore be older than
 * the rows: a node whose row has changed or gone since shows by its fingerprint, and a row it does not know is inserted as
 * any new one. Checksums are the block store's business; `damageOf` makes sure that whatever passes them is a graph that
 * can be walked without leaving its bounds.
 */

import { concat } from "../../base/concat.js";
import type { Steps } from "../../base/steps.js";
import type { GraphOptions, GraphPiece } from "./graph-kernel.js";
import { LEVEL_MAX, levelOf } from "./graph-kernel.js";

export const SNAPSHOT_VERSION = 1;

/** Ordinals in one piece: at most some 2 MB with M = 16. */
export const PIECE_ORDINALS = 16_384;

export interface SnapshotPiece extends GraphPiece {
  /** Per ordinal: fingerprint of the row that the node was built from; absent and stale nodes have one that no row has any more. */
  fingerprints: Uint32Array;
}

export interface GraphSnapshot<Pieces extends Iterable<SnapshotPiece> = SnapshotPiece[]> {
  version: number;
  M: number;
  /** Of the levels. */
  seed: number;
  /** The node where walks begin, −1 in an empty graph. */
  entry: number;
  /** Of ordinals 0 … 16383, 16384 … and so on; the last may be shorter. */
  pieces: Pieces;
}

/** A graph that is being saved: pieces are copied when they are asked for. */
export type GraphCopy = GraphSnapshot<Iterable<SnapshotPiece>>;

/** Says what makes a snapshot useless for these options, or `null` if it can be loaded. */
export function* damageOf(snapshot: GraphSnapshot, options: Pick<GraphOptions, "M">, seed: number): Steps<string | null> {
  if (snapshot.version !== SNAPSHOT_VERSION) return `version ${snapshot.version} instead of ${SNAPSHOT_VERSION}`;
  if (snapshot.M !== options.M) return `M is ${snapshot.M} instead of ${options.M}`;
  if (snapshot.seed !== seed) return `seed is ${snapshot.seed} instead of ${seed}`;
  const heights = concat(
    Uint8Array,
    snapshot.pieces.map((piece) => piece.heights),
  );
  return (yield* damageOfHeights(heights, snapshot)) ?? damageOfEntry(heights, snapshot.entry) ?? (yield* damageOfLists(heights, snapshot));
}

/** Every node must have the level that its ordinal has, or inserting it again would find no room. */
function* damageOfHeights(heights: Uint8Array, { pieces, M, seed }: GraphSnapshot): Steps<string | null> {
  for (const [i, { heights: own, fingerprints }] of pieces.entries()) {
    const isWhole = i === pieces.length - 1 ? own.length <= PIECE_ORDINALS : own.length === PIECE_ORDINALS;
    if (!isWhole || fingerprints.length !== own.length) return `piece ${i} has ${own.length} nodes and ${fingerprints.length} fingerprints`;
  }
  for (let ordinal = 0; ordinal < heights.length; ordinal++) {
    if (ordinal % PIECE_ORDINALS === PIECE_ORDINALS - 1) yield;
    const height = heights[ordinal]!;
    if (height > LEVEL_MAX + 1 || (height !== 0 && height !== levelOf(ordinal, M, seed) + 1)) return `node ${ordinal} has ${height} levels`;
  }
  return null;
}

function damageOfEntry(heights: Uint8Array, entry: number): string | null {
  let highest = 0;
  for (const height of heights) if (height > highest) highest = height;
  if (highest === 0) return entry === -1 ? null : `entry ${entry} of an empty graph`;
  return heights[entry] === highest ? null : `entry ${entry} is not of the highest level`;
}

function* damageOfLists(heights: Uint8Array, { pieces, M }: GraphSnapshot): Steps<string | null> {
  for (const [i, piece] of pieces.entries()) {
    const damage = damageOfPiece(heights, piece, i * PIECE_ORDINALS, M);
    if (damage !== null) return damage;
    yield;
  }
  return null;
}

function damageOfPiece(heights: Uint8Array, piece: SnapshotPiece, first: number, M: number): string | null {
  let list = 0;
  let link = 0;
  for (let i = 0; i < piece.heights.length; i++) {
    for (let level = 0; level < piece.heights[i]!; level++) {
      const degree = piece.degrees[list++];
      if (degree === undefined || degree > (level === 0 ? 2 * M : M)) return `node ${first + i} has ${degree} neighbours on level ${level}`;
      for (const end = link + degree; link < end; link++) {
        const neighbour = piece.links[link]!;
        if (!((heights[neighbour] ?? 0) > level) || neighbour === first + i) {
          return `node ${first + i} links to ${neighbour} on level ${level}`;
        }
      }
    }
  }
  if (list !== piece.degrees.length || link !== piece.links.length)
    return `the piece of node ${first} has more lists or links than its nodes`;
  return null;
}
