/**
 * The graph of the vector index at rest: one block per piece, in which each array of the piece is one list. A snapshot may
 * be older than the rows around it (`index/vector/graph-snapshot.ts` tells a changed row by its fingerprint), so compactions carry
 * it along unchanged and it is written anew only after a share of the vectors changed.
 */
import type { Tick } from "../base/turns.js";
import { Block, encodeBlock } from "../blockstore/block.js";
import type { BlockRef, BlockStore, BlockWriter } from "../blockstore/blockstore.js";
import type { GraphCopy, GraphSnapshot, SnapshotPiece } from "../index/vector/graph-snapshot.js";

/** A stored graph. Plain JSON: manifests hold it, `null` when there is none. */
export interface GraphSection {
  version: number;
  M: number;
  seed: number;
  entry: number;
  /** One block per piece, in order. */
  pieces: BlockRef[];
  /** Nodes that may be of other vectors than the rows, at most; missing where nobody has counted. */
  changed?: number;
}

/** Writes a snapshot. */
export async function saveGraph(blocks: BlockWriter, snapshot: GraphCopy, tick: Tick): Promise<GraphSection> {
  const { version, M, seed, entry } = snapshot;
  const pieces: BlockRef[] = [];
  for (const piece of snapshot.pieces) {
    await tick();
    pieces.push(await blocks.write(encodePiece(piece)));
    await tick();
  }
  return { version, M, seed, entry, pieces };
}

/** Reads a snapshot; damage rejects with `CORRUPTION`. What it says is checked by the index that takes it. */
export async function loadGraph(
  store: Pick<BlockStore, "readBytes">,
  section: GraphSection,
  owner: string,
  tick: Tick,
): Promise<GraphSnapshot> {
  const { version, M, seed, entry } = section;
  const pieces: SnapshotPiece[] = [];
  for (const ref of section.pieces) {
    pieces.push(decodePiece(Block.decode(await store.readBytes(ref, owner))));
    await tick();
  }
  return { version, M, seed, entry, pieces };
}

function encodePiece({ heights, degrees, links, fingerprints }: SnapshotPiece): Uint8Array {
  const column = (name: string, values: ArrayLike<number>) => ({ type: "u32-list", name, values: [new Uint32Array(values)] }) as const;
  return encodeBlock(
    [column("heights", heights), column("degrees", degrees), column("links", links), column("fingerprints", fingerprints)],
    1,
  );
}

function decodePiece(block: Block): SnapshotPiece {
  const list = (name: string) => block.u32List(name)(0);
  return {
    heights: new Uint8Array(list("heights")),
    degrees: new Uint16Array(list("degrees")),
    links: list("links"),
    fingerprints: list("fingerprints"),
  };
}
