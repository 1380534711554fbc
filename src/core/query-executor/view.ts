/**
 * What a read sees of a collection: every acknowledged write, or only what the latest compaction put into the segments.
 * A view holds under the collection's shared lock and no longer.
 *
 * The segments' view is the collection as it was when that compaction began: later records are not seen, later changes
 * and deletions neither. What a source cannot give back of it is said where the source is (`sources/`).
 */
import { Bitmap } from "../base/bitmap.js";
import type { Tick } from "../base/turns.js";
import type { CollectionState } from "../collection/collection-state.js";
import type { MemtableEntry, RecordFields } from "../collection/memtable.js";
import type { Parts } from "../collection/parts.js";
import type { DocumentCondition, RecordFilter } from "../gateway/filter.js";
import type { RankSource } from "../gateway/search-plan.js";
import { type GramProbe, probeOf } from "../segment/grams.js";
import type { Payload } from "../segment/record.js";
import type { Metadata, RecordColumns } from "../types.js";
import { type FilterSource, filterOrdinals } from "./operators/filter.js";
import type { FetchColumns, FieldSelection } from "./operators/select.js";
import type { Segments } from "./sources/source-kind.js";
import { type HitsOf, kindOf } from "./sources/sources.js";

export interface View {
  /** Ordinals of the records that match; all of the view for `null`. Not to be changed. */
  select(filter: RecordFilter | null): Promise<Bitmap>;
  /** As `select`, of these live records only: each is looked at by itself. */
  selectAmong(filter: RecordFilter, among: Bitmap): Promise<Bitmap>;
  /** What a source finds among the allowed records. */
  read<Source extends RankSource>(source: Source, allowed: Bitmap): Promise<HitsOf<Source>>;
  readonly fetch: FetchColumns;
}

/** Makes a view. */
export type OpenView = (state: CollectionState, tick: Tick) => View;

/** Every acknowledged write. */
export const liveView: OpenView = ({ parts }, tick) => new LiveView(parts, tick);

/** What the latest compaction saw. */
export const segmentsView: OpenView = ({ parts }, tick) => new SegmentsView(parts, tick);

class LiveView implements View {
  readonly #parts: Parts;
  readonly #tick: Tick;

  constructor(parts: Parts, tick: Tick) {
    this.#parts = parts;
    this.#tick = tick;
  }

  async select(filter: RecordFilter | null): Promise<Bitmap> {
    const { records } = this.#parts;
    if (filter === null) return records.live;
    return this.#filter(filter, records.live, Bitmap.of(records.uncompacted()));
  }

  selectAmong(filter: RecordFilter, among: Bitmap): Promise<Bitmap> {
    return this.#filter(filter, among, among);
  }

  #filter(filter: RecordFilter, universe: Bitmap, tested: Bitmap): Promise<Bitmap> {
    const source = {
      ...indexed(this.#parts, this.fetch, this.#tick),
      universe,
      memtableOrdinals: tested,
      find: async (ids: ReadonlySet<string>) => (await this.#parts.records.find(ids)).ordinals.values(),
      tick: this.#tick,
    };
    return filterOrdinals(source, filter);
  }

  read<Source extends RankSource>(source: Source, allowed: Bitmap): Promise<HitsOf<Source>> {
    return kindOf(source).readLive(this.#parts, source, allowed, this.#tick);
  }

  readonly fetch: FetchColumns = async (ordinals, fields) => {
    const { records, vectors } = this.#parts;
    const wanted = Array.from(ordinals);
    const payloads = needsPayload(fields) ? await records.payloads(wanted) : [];
    return {
      ids: await records.ids(wanted),
      ...payloadColumns(payloads, fields),
      embeddings: fields.embedding ? { dimension: vectors.dimension ?? 0, values: await vectors.embeddings(wanted) } : null,
    };
  };
}

class SegmentsView implements View, Segments {
  readonly parts: Parts;
  readonly #tick: Tick;
  /** What the memtable has of records in the segments. */
  readonly #entries: [ordinal: number, entry: MemtableEntry][] = [];
  /** Ids of those that were deleted since. */
  readonly #deleted = new Map<number, string>();
  /** Ordinals of the records in the segments. */
  readonly #universe: Bitmap;
  readonly #changed = new Map<keyof RecordFields, Bitmap>();

  constructor(parts: Parts, tick: Tick) {
    const { records } = parts;
    this.parts = parts;
    this.#tick = tick;
    for (const ordinal of records.uncompacted()) {
      if (ordinal < records.compactedEnd) this.#entries.push([ordinal, records.entry(ordinal)!]);
    }
    for (const [ordinal, entry] of this.#entries) if (entry.kind === "tombstone") this.#deleted.set(ordinal, entry.id);
    this.#universe = Bitmap.of(this.#deleted.keys());
    for (const ordinal of records.live.values()) if (ordinal < records.compactedEnd) this.#universe.add(ordinal);
  }

  get size(): number {
    return this.#universe.count();
  }

  changedIn(field: keyof RecordFields): Bitmap {
    const known = this.#changed.get(field);
    if (known !== undefined) return known;
    const entries = this.#entries.filter(([, entry]) => entry.kind === "tombstone" || entry[field] !== undefined);
    const changed = Bitmap.of(entries.map(([ordinal]) => ordinal));
    this.#changed.set(field, changed);
    return changed;
  }

  async select(filter: RecordFilter | null): Promise<Bitmap> {
    if (filter === null) return this.#universe;
    const source = {
      ...indexed(this.parts, this.fetch, this.#tick),
      universe: this.#universe,
      memtableOrdinals: new Bitmap(),
      find: (ids: ReadonlySet<string>) => this.#find(ids),
      tick: this.#tick,
    };
    return filterOrdinals(source, filter);
  }

  async selectAmong(filter: RecordFilter, among: Bitmap): Promise<Bitmap> {
    return (await this.select(filter)).clone().intersect(among);
  }

  /** A deleted record's id may name a new one, which is not in the segments. */
  async #find(ids: ReadonlySet<string>): Promise<number[]> {
    const { ordinals } = await this.parts.records.find(ids);
    const found = [...ordinals.values()].filter((ordinal) => this.#universe.has(ordinal));
    for (const [ordinal, id] of this.#deleted) if (ids.has(id)) found.push(ordinal);
    return found;
  }

  read<Source extends RankSource>(source: Source, allowed: Bitmap): Promise<HitsOf<Source>> {
    return kindOf(source).readSegments(this, source, allowed, this.#tick);
  }

  readonly fetch: FetchColumns = async (ordinals, fields) => {
    const payloads = needsPayload(fields) ? await this.#payloads(ordinals) : [];
    return {
      ids: await this.parts.records.ids(ordinals),
      ...payloadColumns(payloads, fields),
      embeddings: fields.embedding ? await this.#embeddings(ordinals) : null,
    };
  };

  async #payloads(ordinals: Uint32Array): Promise<(Payload | null)[]> {
    const ascending = ordinals.slice().sort();
    const rows = await this.parts.records.storedPayloads(ascending);
    const payloads = new Map(rows.map((row, i) => [ascending[i]!, row]));
    return Array.from(ordinals, (ordinal) => payloads.get(ordinal) ?? null);
  }

  async #embeddings(ordinals: Uint32Array): Promise<RecordColumns["embeddings"]> {
    const { vectors } = this.parts;
    return { dimension: vectors.dimension ?? 0, values: await vectors.storedEmbeddings(ordinals) };
  }
}

/**
 * Reads columns of records as they are now, for as long as their blocks are kept (`BlockStore.hold`) and whatever becomes of the
 * collection. Ordinals ascend.
 */
export function frozenFetch({ records, vectors }: Parts): FetchColumns {
  const frozen = records.frozen();
  const embeddingsOf = vectors.frozen((ordinal) => frozen.entries.get(ordinal));
  const dimension = vectors.dimension ?? 0;
  return async (ordinals, fields) => ({
    ids: await frozen.ids(ordinals),
    ...payloadColumns(needsPayload(fields) ? await frozen.payloads(ordinals) : [], fields),
    embeddings: fields.embedding ? { dimension, values: await embeddingsOf(ordinals) } : null,
  });
}

/** What filters ask of either view: the indexes, which know compacted records only, and the records themselves. */
function indexed({ records, metadata }: Parts, fetch: FetchColumns, tick: Tick): Pick<FilterSource, "metadata" | "documents" | "fetch"> {
  return {
    metadata: (condition) => (metadata.answers(condition) ? metadata.evaluate(condition, tick) : null),
    documents: (condition, within) => {
      const probe = probeOfCondition(condition);
      return probe === null ? null : records.candidates(probe, within, tick).then((possible) => ({ sure: new Bitmap(), possible }));
    },
    fetch: (ordinals, fields) => fetch(ordinals, { ...fields, uri: false, embedding: false }),
  };
}

function probeOfCondition(condition: DocumentCondition): GramProbe | null {
  if (condition.operator === "contains") return probeOf({ kind: "text", text: condition.text, insensitive: false });
  return condition.pattern.required === null ? null : probeOf(condition.pattern.required);
}

function needsPayload({ document, uri, metadata }: FieldSelection): boolean {
  return document || uri || metadata;
}

function payloadColumns(
  payloads: readonly (Payload | null)[],
  fields: FieldSelection,
): Pick<RecordColumns, "documents" | "uris" | "metadatas"> {
  return {
    documents: fields.document ? payloads.map((row) => row?.document ?? null) : null,
    uris: fields.uri ? payloads.map((row) => row?.uri ?? null) : null,
    metadatas: fields.metadata ? payloads.map(shownMetadata) : null,
  };
}

/** Chroma keeps a uri among the metadata, so a record with a uri and no metadata shows empty metadata, not `null`. */
function shownMetadata(row: Payload | null): Metadata | null {
  return row?.metadata ?? (row?.uri == null ? null : {});
}
