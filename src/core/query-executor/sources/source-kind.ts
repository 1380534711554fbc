/**
 * The contract of a source kind: what finds records by itself, best first, for queries, text searches and rank expressions. A
 * new kind is a file in this folder and a line in `sources.ts`. It says how to read such a source from either view of a
 * collection (`view.ts`), under the shared lock.
 */
import type { Bitmap } from "../../base/bitmap.js";
import type { Tick } from "../../base/turns.js";
import type { RecordFields } from "../../collection/memtable.js";
import type { Parts } from "../../collection/parts.js";
import type { RankSource } from "../../gateway/search-plan.js";
import type { Ranked } from "../operators/rank.js";

/** What the segments hold, beside parts whose indexes follow every write. */
export interface Segments {
  readonly parts: Parts;
  /** How many records they hold. */
  readonly size: number;
  /** Records of the segments for which an index over a field tells of something newer. Not to be changed. */
  changedIn(field: keyof RecordFields): Bitmap;
}

export interface SourceKind<Source extends RankSource, Hits> {
  /** Work that is done before the lock is taken, so that writes are not kept waiting for it. */
  ready?(parts: Parts, tick: Tick): Promise<void>;
  /** Hits among the allowed records, as every acknowledged write has left them. */
  readLive(parts: Parts, source: Source, allowed: Bitmap, tick: Tick): Promise<Hits>;
  /** Hits among the allowed records, as the latest compaction saw them. */
  readSegments(segments: Segments, source: Source, allowed: Bitmap, tick: Tick): Promise<Hits>;
  /** Hits as a rank expression takes them. */
  toRanked(hits: Hits): Ranked;
}
