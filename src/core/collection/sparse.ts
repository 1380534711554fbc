/**
 * The sparse vectors of a collection: for each metadata key whose schema has an index of them, which records have a dimension, and
 * with which weight. Nothing of it is in memory but decoded blocks, which the block cache accounts for.
 *
 * The section of a key covers the ordinals below `upTo`. It is kept by compactions; for a collection of a release that had no such
 * index, an idle job takes the records in, some at a time, and until then a search reads the vectors of the others. What the
 * memtable has is read from there, so that every acknowledged write is found.
 *
 * Invariant: the index has exactly what the records' section has under the key, in records below `upTo`. So a change needs the
 * metadata that was, not only the metadata that is.
 */
import { Bitmap } from "../base/bitmap.js";
import { vectorUnder } from "../base/sparse-vector.js";
import { inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import type { BlockRef, BlockWriter } from "../blockstore/blockstore.js";
import { PostingBlockfile, type PostingSection, postingRefs } from "../blockstore/posting-blockfile.js";
import { BestHits, type SparseHits } from "../index/sparse/best-hits.js";
import { type SparseTerm, searchSparse } from "../index/sparse/sparse-search.js";
import { TermLists } from "../index/sparse/term-lists.js";
import { limits } from "../limits.js";
import { SparseDeltas } from "../segment/sparse-deltas.js";
import { dimensionOf, listKey, listNumber, listOfKey, listsOfDimension } from "../segment/sparse-key.js";
import type { SparseIndex, SparseSection } from "../segment/sparse-section.js";
import { type WeightedList, type WeightedListDelta, weightedList, weightedListFormat } from "../segment/weighted-list.js";
import type { SparseVector } from "../types.js";
import type { Inspection } from "./inspection.js";
import type { MemtableEntry } from "./memtable.js";
import type { CollectionPart, MemtableChanges, PartHome, PartJob, PayloadChange, Prepared, Renumbering } from "./part.js";
import { verifySparse } from "./sparse-verifier.js";

/** What is looked for. */
export interface SparseQuery {
  key: string;
  vector: SparseVector;
  limit: number;
}

/** Records looked at between two looks at the clock. */
const RECORDS_PER_TICK = 256;

type Row = { key: string; value: WeightedList };

export class CollectionSparse implements CollectionPart<SparseSection> {
  readonly #home: PartHome;
  readonly #keys: readonly string[];
  #section: SparseSection = CollectionSparse.empty();

  constructor(home: PartHome) {
    this.#home = home;
    this.#keys = home.indexes.sparseKeys;
  }

  static empty(): SparseSection {
    return { indexes: [] };
  }

  static refs({ indexes }: SparseSection): BlockRef[] {
    return indexes.flatMap(({ postings }) => postingRefs(postings));
  }

  static verify({ indexes }: SparseSection, inspection: Inspection): Promise<void> {
    return verifySparse(indexes, inspection);
  }

  readonly memory = {};

  async open(section: SparseSection): Promise<void> {
    this.#section = section;
  }

  // ---- writing

  async compact({ payloads, nextOrdinal }: MemtableChanges, writer: BlockWriter, tick: Tick): Promise<Prepared<SparseSection>> {
    const indexes: SparseIndex[] = [];
    for (const key of this.#keys) {
      const index = this.#index(key);
      const upTo = this.#isWhole(index) ? nextOrdinal : index.upTo;
      const covered = payloads.filter(({ ordinal }) => ordinal < upTo);
      indexes.push(await this.#extended(index, upTo, covered, writer, tick));
    }
    return this.#prepared(indexes);
  }

  async #extended(
    { key, postings }: SparseIndex,
    upTo: number,
    changes: readonly Pick<PayloadChange, "ordinal" | "before" | "after">[],
    writer: BlockWriter,
    tick: Tick,
  ): Promise<SparseIndex> {
    const deltas = new SparseDeltas();
    for (const [i, { ordinal, before, after }] of changes.entries()) {
      deltas.change(ordinal, vectorUnder(key, before?.metadata), vectorUnder(key, after?.metadata));
      if (i % RECORDS_PER_TICK === RECORDS_PER_TICK - 1) await tick();
    }
    if (deltas.size === 0) return { key, upTo, postings };
    return { key, upTo, postings: await this.#file(key).apply(postings, await deltas.keyed(tick), writer, tick) };
  }

  /** An index that is not whole is given up, and built again. */
  async renumber(renumbering: Renumbering, writer: BlockWriter, tick: Tick): Promise<Prepared<SparseSection>> {
    const indexes: SparseIndex[] = [];
    for (const index of this.#keys.map((key) => this.#index(key))) {
      const { key, postings } = index;
      if (!this.#isWhole(index)) indexes.push(nothingOf(key));
      else {
        const rows = renumbered(this.#file(key), postings, renumbering.ordinalOf);
        indexes.push({ key, upTo: renumbering.nextOrdinal, postings: await this.#file(key).build(rows, writer, tick) });
      }
    }
    return this.#prepared(indexes);
  }

  static readonly idleJobs: readonly PartJob<SparseSection>[] = [
    {
      idleMs: limits.sparseBuildIdleMs,
      priority: 3,
      isAwaited: true,
      isDue: (sparse: CollectionSparse) => sparse.#unfinished !== undefined,
      run: (sparse: CollectionSparse, writer, tick) => sparse.#build(writer, tick),
    },
  ];

  get #unfinished(): SparseIndex | undefined {
    return this.#keys.map((key) => this.#index(key)).find((index) => !this.#isWhole(index));
  }

  /** Takes more records into the first index that is not whole. */
  async #build(writer: BlockWriter, tick: Tick): Promise<Prepared<SparseSection> | null> {
    const index = this.#unfinished;
    if (index === undefined) return null;
    const upTo = Math.min(index.upTo + limits.sparseBuildRecords, this.#home.records.compactedEnd);
    const changes: Pick<PayloadChange, "ordinal" | "before" | "after">[] = [];
    for (let start = index.upTo; start < upTo; start += RECORDS_PER_TICK) {
      const end = Math.min(start + RECORDS_PER_TICK, upTo);
      changes.push(...(await this.#home.read(() => this.#payloads(start, end))).map((row) => ({ ...row, before: null })));
      await tick();
    }
    const extended = await this.#extended(index, upTo, changes, writer, tick);
    return this.#prepared(
      this.#keys.map((key) => (key === index.key ? extended : this.#index(key))),
      () => this.#home.noteWork(),
    );
  }

  #prepared(indexes: SparseIndex[], effect?: () => void): Prepared<SparseSection> {
    const section = { indexes };
    const install = () => {
      this.#section = section;
      effect?.();
    };
    return { section, install };
  }

  #index(key: string): SparseIndex {
    return this.#section.indexes.find((index) => index.key === key) ?? nothingOf(key);
  }

  #isWhole({ upTo }: SparseIndex): boolean {
    return upTo === this.#home.records.compactedEnd;
  }

  #file(key: string): PostingBlockfile<WeightedList, WeightedListDelta> {
    const owner = `collection "${this.#home.row.name}" (sparse vectors of ${JSON.stringify(key)})`;
    return new PostingBlockfile(this.#home.context.blocks, owner, weightedListFormat);
  }

  // ---- reading (under the shared lock)

  /** The best among the allowed records, as every acknowledged write has left them. */
  async search(query: SparseQuery, allowed: Bitmap, tick: Tick): Promise<SparseHits> {
    const { indices } = query.vector;
    const { hidden, lists: fresh } = await this.#memtable(query.key, indices, tick);
    const stored = await this.#stored(query.key, indices, tick);
    const counts = indices.map((_, i) => countOutside(stored[i]!, hidden) + countOutside(fresh[i]!, null));
    const weights = this.#weights(query, counts, this.#home.records.live.count());
    const best = new BestHits(query.limit);
    await inTurns(searchSparse(termsOf(weights, stored), allowed.clone().subtract(hidden), best), tick);
    await inTurns(searchSparse(termsOf(weights, fresh), allowed, best), tick);
    return best.take();
  }

  /** The best among the allowed records, as the latest compaction saw them. */
  async searchStored(query: SparseQuery, allowed: Bitmap, records: number, tick: Tick): Promise<SparseHits> {
    const stored = await this.#stored(query.key, query.vector.indices, tick);
    const counts = stored.map((lists) => countOutside(lists, null));
    const best = new BestHits(query.limit);
    await inTurns(searchSparse(termsOf(this.#weights(query, counts, records), stored), allowed, best), tick);
    return best.take();
  }

  /** The query's weights, each with the rarity of its dimension where the index weighs that. */
  #weights({ key, vector }: SparseQuery, counts: readonly number[], records: number): number[] {
    if (!this.#home.indexes.weighsByRarity(key)) return [...vector.values];
    return vector.values.map((value, i) => Math.fround(value * rarity(Math.min(counts[i]!, records), records)));
  }

  /** The lists of each dimension, of what is in the sections. */
  async #stored(key: string, dimensions: readonly number[], tick: Tick): Promise<WeightedList[][]> {
    const index = this.#index(key);
    const file = this.#file(key);
    const lists: WeightedList[][] = [];
    for (const dimension of dimensions) {
      lists.push(await listsOf(file, index.postings, dimension));
      await tick();
    }
    if (this.#isWhole(index)) return lists;
    const others = new TermLists(dimensions);
    const end = this.#home.records.compactedEnd;
    for (let start = index.upTo; start < end; start += RECORDS_PER_TICK) {
      for (const { ordinal, after } of await this.#payloads(start, Math.min(start + RECORDS_PER_TICK, end))) {
        const vector = vectorUnder(key, after?.metadata);
        if (vector !== null) others.take(ordinal, vector);
      }
      await tick();
    }
    return others.lists().map((more, i) => [...lists[i]!, ...more]);
  }

  /** What the records' section has of these ordinals. */
  async #payloads(start: number, end: number): Promise<Pick<PayloadChange, "ordinal" | "after">[]> {
    const ordinals = Uint32Array.from({ length: end - start }, (_, i) => start + i);
    const payloads = await this.#home.records.storedPayloads(ordinals);
    return payloads.map((after, i) => ({ ordinal: start + i, after }));
  }

  /** The lists of each dimension of what the memtable has, and the records whose vector in the sections no longer holds. */
  async #memtable(key: string, dimensions: readonly number[], tick: Tick): Promise<{ hidden: Bitmap; lists: WeightedList[][] }> {
    const { records } = this.#home;
    const hidden = new Bitmap();
    const terms = new TermLists(dimensions);
    for (const [i, ordinal] of Uint32Array.from(records.uncompacted()).sort().entries()) {
      const entry = records.entry(ordinal)!;
      if (replacesVector(entry, key)) {
        hidden.add(ordinal);
        const vector = entry.kind === "tombstone" ? null : vectorUnder(key, entry.metadata);
        if (vector !== null) terms.take(ordinal, vector);
      }
      if (i % RECORDS_PER_TICK === RECORDS_PER_TICK - 1) await tick();
    }
    return { hidden, lists: terms.lists() };
  }
}

function nothingOf(key: string): SparseIndex {
  return { key, upTo: 0, postings: { blocks: [] } };
}

/** Whether the memtable's entry says what the record has under the key, whatever the sections say. */
function replacesVector(entry: MemtableEntry, key: string): boolean {
  return entry.kind !== "patch" || (entry.metadata !== undefined && Object.hasOwn(entry.metadata, key));
}

async function listsOf(
  file: PostingBlockfile<WeightedList, WeightedListDelta>,
  postings: PostingSection,
  dimension: number,
): Promise<WeightedList[]> {
  const { from, to } = listsOfDimension(dimension);
  const lists: WeightedList[] = [];
  for await (const run of file.range(postings, from, to)) for (const [, list] of run) lists.push(list);
  return lists;
}

/** The rows of an index with other ordinals in the same order, which fall into other lists. */
async function* renumbered(
  file: PostingBlockfile<WeightedList, WeightedListDelta>,
  postings: PostingSection,
  ordinalOf: (ordinal: number) => number,
): AsyncGenerator<Row[], void, undefined> {
  let lists: WeightedList[] = [];
  let dimension = -1;
  for await (const run of file.range(postings, "", "g")) {
    const done: Row[] = [];
    for (const [key, list] of run) {
      const next = dimensionOf(listOfKey(key));
      if (next !== dimension) {
        done.push(...rowsOf(dimension, lists));
        [dimension, lists] = [next, []];
      }
      lists.push(weightedListFormat.renumber(list, ordinalOf));
    }
    yield done;
  }
  yield rowsOf(dimension, lists);
}

/** Lists of one dimension cut anew. */
function rowsOf(dimension: number, lists: readonly WeightedList[]): Row[] {
  const rows = new Map<number, { ordinals: number[]; weights: number[] }>();
  for (const { ordinals, weights } of lists) {
    for (let i = 0; i < ordinals.length; i++) {
      const list = listNumber(dimension, ordinals[i]!);
      let row = rows.get(list);
      if (row === undefined) rows.set(list, (row = { ordinals: [], weights: [] }));
      row.ordinals.push(ordinals[i]!);
      row.weights.push(weights[i]!);
    }
  }
  return [...rows].map(([list, { ordinals, weights }]) => ({
    key: listKey(list),
    value: weightedList(Uint32Array.from(ordinals), Float32Array.from(weights)),
  }));
}

function termsOf(weights: readonly number[], lists: readonly WeightedList[][]): SparseTerm[] {
  return weights.map((weight, i) => ({ weight, lists: lists[i]! }));
}

/** Postings of records that are not among these. */
function countOutside(lists: readonly WeightedList[], hidden: Bitmap | null): number {
  let count = 0;
  for (const { ordinals } of lists) {
    count += ordinals.length;
    if (hidden !== null) for (const ordinal of ordinals) if (hidden.has(ordinal)) count--;
  }
  return count;
}

/** How much a dimension counts that so many of the records have: the inverse document frequency of BM25, as in Chroma. */
function rarity(count: number, records: number): number {
  return Math.log1p((records - count + 0.5) / (count + 0.5));
}
