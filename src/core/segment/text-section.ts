/**
 * The text index at rest: a snapshot, pieces of the index in blocks, with a list of what has changed since. Writing it anew on
 * every compaction would cost as much as the whole collection, so a compaction only adds to that list (`advance`), and the
 * snapshot is replaced when the list has grown (`staleShare`).
 */
import { Bitmap } from "../base/bitmap.js";
import type { Tick } from "../base/turns.js";
import { Block, encodeBlock } from "../blockstore/block.js";
import type { BlockRef, BlockStore, BlockWriter } from "../blockstore/blockstore.js";
import { type Analysis, type Analyzer, defaultAnalyzer } from "../index/text/analyzer.js";
import { TextIndex } from "../index/text/text-index.js";

/** A stored text index. Plain JSON: manifests hold it. */
export interface TextSnapshot {
  blocks: BlockRef[];
  /** Ordinals below this are covered. */
  nextOrdinal: number;
  /** Covered ordinals changed or deleted since, ascending. */
  stale: number[];
  /** How documents were read; missing where it was as by default. */
  analysis?: Analysis;
}

const COLUMN = "piece";

/** Writes a snapshot; durable after the store's next flush. */
export async function saveTextIndex(writer: BlockWriter, index: TextIndex, nextOrdinal: number, tick: Tick): Promise<TextSnapshot> {
  const blocks: BlockRef[] = [];
  for await (const piece of index.serialize(tick)) {
    const values = new Int8Array(piece.buffer, piece.byteOffset, piece.length);
    blocks.push(await writer.write(encodeBlock([{ type: "fixed-i8", name: COLUMN, width: piece.length, values }], 1)));
    await tick();
  }
  return { blocks, nextOrdinal, stale: [] };
}

/** `null` when the snapshot was written by another layout or analyzer and is to be rebuilt. Damage rejects with `CORRUPTION`. */
export function loadTextIndex(
  store: Pick<BlockStore, "readBytes">,
  snapshot: TextSnapshot,
  owner: string,
  tick: Tick,
  analyzer: Analyzer = defaultAnalyzer,
): Promise<TextIndex | null> {
  return TextIndex.load(readPieces(store, snapshot, owner), tick, analyzer);
}

/** Past the block cache: pieces are read once and would push out blocks that are read often. */
async function* readPieces(
  store: Pick<BlockStore, "readBytes">,
  snapshot: TextSnapshot,
  owner: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const ref of snapshot.blocks) {
    const values = Block.decode(await store.readBytes(ref, owner)).fixedI8(COLUMN);
    yield new Uint8Array(values.buffer, values.byteOffset, values.length);
  }
}

/** The snapshot after a compaction that changed (or deleted) the documents of these ordinals. */
export function advance(snapshot: TextSnapshot | null, changed: Iterable<number>): TextSnapshot | null {
  if (snapshot === null) return null;
  const stale = Bitmap.of(snapshot.stale);
  for (const ordinal of changed) if (ordinal < snapshot.nextOrdinal) stale.add(ordinal);
  return { ...snapshot, stale: [...stale.values()] };
}

/** Share of a collection's ordinals that a load of the snapshot has to read again, 0–1. */
export function staleShare(snapshot: TextSnapshot, nextOrdinal: number): number {
  const uncovered = Math.max(0, nextOrdinal - snapshot.nextOrdinal);
  return (snapshot.stale.length + uncovered) / Math.max(1, nextOrdinal);
}
