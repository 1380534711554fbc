/**
 * What a search sees of a collection: every acknowledged write, or only what the latest compaction put into the segments.
 * A view holds under the collection's shared lock and no longer.
 *
 * The segments' view is the collection as it was when that compaction began: later records are not seen, later changes
 * and deletions neither. Vectors that the index has replaced since are read from the segments and measured one by one.
 * One thing it cannot give back: the text index follows the documents, so a text source does not find a record whose
 * document was changed or deleted since.
 */

import { Bitmap } from "../base/bitmap.js";
import type { Tick } from "../base/turns.js";
import type { CollectionState } from "../collection/collection-state.js";
import type { MemtableEntry } from "../collection/memtable.js";
import { distanceFrom } from "../index/vector/distance.js";
import type { Nearest } from "../index/vector/flat.js";
import type { Condition } from "../segment/condition.js";
import type { FilterSource } from "./operators/filter.js";
import { nearest } from "./operators/knn.js";
import type { FetchColumns } from "./operators/select.js";

export interface SearchView {
  /** What filters need of the view. */
  filterSource(tick: Tick): FilterSource;
  nearest(query: Float32Array, k: number, allowed: Bitmap): Promise<Nearest>;
  /** Those of the allowed records whose document, as the view sees it, is in the text index. */
  withIndexedText(allowed: Bitmap): Bitmap;
  readonly fetch: FetchColumns;
}

/** Every acknowledged write. */
export function liveView(state: CollectionState): SearchView {
  const fetch: FetchColumns = (ordinals, fields) => state.fetch(ordinals, fields);
  return {
    filterSource: (tick) => ({
      universe: state.records.live,
      memtableOrdinals: Bitmap.of(state.records.uncompacted()),
      ordinalOf: (id) => state.records.ordinalOf(id),
      metadata: (condition) => byPostings(state, condition),
      documents: () => null,
      fetch: (ordinals, { metadata, document }) => fetch(ordinals, { metadata, document, uri: false, embedding: false }),
      tick,
    }),
    nearest: (query, k, allowed) => nearest(state, query, k, allowed),
    withIndexedText: (allowed) => allowed,
    fetch,
  };
}

function byPostings({ parts: { metadata } }: CollectionState, condition: Condition): Promise<Bitmap> | null {
  return metadata.answers(condition) ? metadata.evaluate(condition) : null;
}

/** What the latest compaction saw. */
export function segmentsView(state: CollectionState): SearchView {
  return new SegmentsView(state);
}

class SegmentsView implements SearchView {
  readonly #state: CollectionState;
  /** Ordinals of the records in the segments. */
  readonly #universe: Bitmap;
  /** Those of them that were deleted since. */
  readonly #deleted = new Map<number, string>();
  /** Those whose embedding, or document, is another one now. */
  readonly #movedOn = new Bitmap();
  readonly #rewritten = new Bitmap();

  constructor(state: CollectionState) {
    this.#state = state;
    for (const ordinal of state.records.uncompacted()) {
      if (ordinal < state.records.compactedEnd) this.#note(ordinal, state.records.entry(ordinal)!);
    }
    this.#universe = Bitmap.of(this.#deleted.keys());
    for (const ordinal of state.records.live.values()) if (ordinal < state.records.compactedEnd) this.#universe.add(ordinal);
  }

  #note(ordinal: number, entry: MemtableEntry): void {
    if (entry.kind === "tombstone") this.#deleted.set(ordinal, entry.id);
    if (entry.kind === "tombstone" || entry.vector !== undefined) this.#movedOn.add(ordinal);
    if (entry.kind === "tombstone" || entry.document !== undefined) this.#rewritten.add(ordinal);
  }

  filterSource(tick: Tick): FilterSource {
    return {
      universe: this.#universe,
      memtableOrdinals: new Bitmap(),
      ordinalOf: (id) => this.#ordinalOf(id),
      metadata: (condition) => byPostings(this.#state, condition),
      documents: () => null,
      fetch: (ordinals, { metadata, document }) => this.fetch(ordinals, { metadata, document, uri: false, embedding: false }),
      tick,
    };
  }

  /** A deleted record's id may name a new one, which is not in the segments. */
  #ordinalOf(id: string): number | undefined {
    const ordinal = this.#state.records.ordinalOf(id);
    if (ordinal !== undefined && this.#universe.has(ordinal)) return ordinal;
    return [...this.#deleted].find(([, deleted]) => deleted === id)?.[0];
  }

  async nearest(query: Float32Array, k: number, allowed: Bitmap): Promise<Nearest> {
    const indexed = await nearest(this.#state, query, k, allowed.clone().subtract(this.#movedOn));
    const others = allowed.clone().intersect(this.#movedOn).toArray();
    const distance = distanceFrom(this.#state.vectors.space, query);
    const hits = Array.from(indexed.ordinals, (ordinal, i) => ({ ordinal, distance: indexed.distances[i]! }));
    const embeddings = await this.#embeddings(others);
    others.forEach((ordinal, i) => hits.push({ ordinal, distance: Math.fround(distance(embeddings[i]!, 0)) }));
    hits.sort((a, b) => a.distance - b.distance || a.ordinal - b.ordinal).splice(k);
    return {
      ordinals: Uint32Array.from(hits, (hit) => hit.ordinal),
      distances: Float32Array.from(hits, (hit) => hit.distance),
    };
  }

  withIndexedText(allowed: Bitmap): Bitmap {
    return allowed.clone().subtract(this.#rewritten);
  }

  readonly fetch: FetchColumns = async (ordinals, fields) => {
    const ascending = ordinals.slice().sort();
    const rows = await this.#state.records.storedPayloads(fields.document || fields.metadata ? ascending : []);
    const payloads = new Map(rows.map((row, i) => [ascending[i]!, row]));
    const embeddings = fields.embedding ? await this.#embeddings(ordinals) : null;
    const all = Array.from(ordinals);
    return {
      ids: all.map((ordinal) => this.#deleted.get(ordinal) ?? this.#state.records.idOf(ordinal)),
      documents: fields.document ? all.map((ordinal) => payloads.get(ordinal)?.document ?? null) : null,
      metadatas: fields.metadata ? all.map((ordinal) => payloads.get(ordinal)?.metadata ?? null) : null,
      uris: null,
      embeddings: embeddings === null ? null : joined(this.#state.dimension ?? 0, embeddings),
    };
  };

  async #embeddings(ordinals: Uint32Array): Promise<Float32Array[]> {
    return this.#state.vectors.storedEmbeddings(ordinals);
  }
}

function joined(dimension: number, rows: readonly Float32Array[]): { dimension: number; values: Float32Array } {
  const values = new Float32Array(rows.length * dimension);
  rows.forEach((row, i) => values.set(row, i * dimension));
  return { dimension, values };
}
