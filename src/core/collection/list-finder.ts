/**
 * Finds vectors through inverted lists of 1-bit codes (`index/vector/spann`), which lie in blocks: in memory are centroids, the list of
 * each row, and codes of rows that are in no list yet, the tail.
 *
 * Compactions take rows into lists once enough wait (`limits.listTailRows` and `listTailShare`); what they do not get to, such as after
 * lists were put aside because they are damaged, an idle job does, a part at a time. Rows in neither are strays: they are read and
 * measured.
 */
import { Bitmap } from "../base/bitmap.js";
import type { MemoryUse } from "../base/memory-use.js";
import type { Tick } from "../base/turns.js";
import type { BlockWriter } from "../blockstore/blockstore.js";
import { TidepoolError } from "../errors.js";
import { Judge, type Nearest, nearestOf, type VectorSource } from "../index/vector/judge.js";
import { InvertedLists, NO_LIST } from "../index/vector/spann/inverted-lists.js";
import { joinLists } from "../index/vector/spann/join-lists.js";
import { ListBuilder, type ListBuilderOptions } from "../index/vector/spann/list-builder.js";
import type { SearchEffort } from "../index/vector/spann/list-search.js";
import type { ListSource } from "../index/vector/spann/list-source.js";
import { TailRows } from "../index/vector/spann/tail-rows.js";
import { QUERIES_PER_PASS } from "../index/vector/vector-kernel.js";
import { limits } from "../limits.js";
import { ListBlocks, type ListsSection, type WrittenLists } from "../segment/list-blocks.js";
import type { VectorRow } from "../segment/vector.js";
import type { SpannParameters } from "../types.js";
import { entriesByOrdinal } from "./entries-by-ordinal.js";
import type { MemtableEntry } from "./memtable.js";
import type { MemtableChanges, PartHome, Prepared, Renumbering } from "./part.js";
import type { BlockOrdinals } from "./stored-vectors.js";
import type { FinderSection, VectorFinder } from "./vector-finder.js";

/** Of every rotation: what is stored names it. */
const SEED = 1;

/** Numbers of lists that are tried to see which one is enough: as many as `search_nprobe` takes. */
const PROBES = [4, 8, 16, 32, 64, 128];

/** Says that lists cannot be read, and not what was asked for with them. */
class ListsDamaged extends Error {}

/** Compacted rows that are in no list. */
interface Waiting {
  readonly count: number;
  ordinals(): Iterable<number>;
}

/** Lists with where they lie. Both are put aside together. */
interface Held {
  readonly lists: InvertedLists;
  readonly blocks: ListBlocks;
  readonly source: ListSource;
  section: ListsSection | null;
}

export class ListFinder implements VectorFinder {
  readonly efforts = PROBES;
  readonly exactQueriesMax = 32;
  readonly queriesAtOnce = QUERIES_PER_PASS;
  readonly #home: PartHome;
  readonly #dimension: number;
  readonly #tail: TailRows;
  /** Rows that are in no list and whose codes are not in the tail. */
  readonly #strays = new Bitmap();
  #held: Held;
  /** What has written blocks and is not installed. */
  #building: ListBuilder | null = null;
  /** Compacted rows that the latest build left outside. */
  #backlog = 0;
  /** How many rows have left lists, and how many had when the installed section was begun. */
  #left = 0;
  #leftBefore = 0;

  constructor(home: PartHome, dimension: number) {
    this.#home = home;
    this.#dimension = dimension;
    this.#tail = new TailRows(home.context.kernel, home.row.configuration.hnsw.space, dimension);
    this.#held = this.#newHeld();
  }

  #newHeld(): Held {
    const { kernel, blocks: store, listBytesMax: heldBytesMax, lists: { judgedRowsMax } = {} } = this.#home.context;
    const { space } = this.#home.row.configuration.hnsw;
    const blocks = new ListBlocks(store, `collection "${this.#home.row.name}" (lists)`);
    const lists = new InvertedLists(kernel, space, this.#dimension, { seed: SEED, judgedRowsMax, heldBytesMax });
    return { lists, blocks, source: { read: (slots, keeps) => readLists(blocks, slots, keeps) }, section: null };
  }

  get memory(): Partial<MemoryUse> {
    const { lists, blocks } = this.#held;
    const own = lists.byteLength + blocks.byteLength + this.#strays.words.byteLength;
    return { lists: own, listCache: lists.held.byteLength, tail: this.#tail.byteLength };
  }

  get isApproximate(): boolean {
    return this.#held.lists.coveredCount > 0;
  }

  get effort(): SearchEffort {
    return this.#parameters.search_nprobe || "adaptive";
  }

  get #parameters(): SpannParameters {
    return this.#home.row.configuration.spann ?? {};
  }

  // ---- opening

  load({ first, last, ordinals }: BlockOrdinals): void {
    if (ordinals === null) this.#strays.addRange(first, last + 1);
    else this.#strays.addAll(ordinals);
  }

  async open({ lists: section }: FinderSection, stored: VectorSource): Promise<void> {
    if (section !== undefined) await this.#openLists(section);
    const strays = this.#strays.toArray();
    this.#backlog = strays.length;
    const tail = strays.subarray(0, limits.listTailLoadedRows);
    for (let from = 0; from < tail.length; from += limits.listRowsAtOnce) {
      const ordinals = tail.slice(from, from + limits.listRowsAtOnce);
      this.#toTail(ordinals, await stored(ordinals));
      await this.#home.context.tick();
    }
  }

  /** Opens lists that are being made beside another index, which searches until they are whole: no codes are made of rows in none. */
  async resume(section: ListsSection): Promise<void> {
    await this.#openLists(section);
    this.#backlog = this.#strays.count();
  }

  async #openLists(section: ListsSection): Promise<void> {
    const held = this.#held;
    try {
      await held.blocks.open(section, held.lists, this.#strays, this.#home.context.tick);
      held.section = section;
      this.#strays.subtract(held.lists.covered).trim();
    } catch (error) {
      if (!(error instanceof TidepoolError) || error.code !== "CORRUPTION") throw error;
      this.#putAside(held, error.message);
    }
  }

  #toTail(ordinals: Uint32Array, rows: Float32Array): void {
    const codes = this.#home.context.kernel.quantize(this.#held.lists.space, this.#dimension, rows);
    this.#tail.set(Array.from(ordinals, (ordinal, at) => [ordinal, { quantized: codes, at }]));
    for (const ordinal of ordinals) this.#strays.delete(ordinal);
  }

  /** Lists that cannot be used are made again from the rows, which are all strays until then. */
  #putAside(held: Held, why: string): void {
    if (held !== this.#held) return;
    this.#strays.union(held.lists.covered);
    this.#backlog = this.#strays.count();
    this.#held = this.#newHeld();
    const { name: collection } = this.#home.row;
    const message = `The inverted lists of collection "${collection}" could not be used and are made anew: ${why}`;
    this.#home.context.warn({ code: "LISTS_DAMAGED", message, collection });
    this.#home.noteWork();
  }

  // ---- writes

  set(vectors: readonly (readonly [ordinal: number, vector: VectorRow])[]): void {
    for (const [ordinal] of vectors) {
      this.#forget(ordinal);
      this.#strays.delete(ordinal);
    }
    this.#tail.set(vectors);
  }

  delete(ordinals: readonly number[]): void {
    for (const ordinal of ordinals) {
      this.#forget(ordinal);
      this.#strays.delete(ordinal);
      this.#tail.delete(ordinal);
    }
  }

  #forget(ordinal: number): void {
    const { lists } = this.#held;
    // What is being built may have written that the row is in a list.
    if (lists.covered.has(ordinal) || this.#building !== null) this.#left++;
    lists.forget(ordinal);
  }

  // ---- searches

  async nearest(
    queries: readonly Float32Array[],
    k: number,
    allowed: Bitmap,
    vectors: VectorSource,
    effort = this.effort,
  ): Promise<Nearest[]> {
    // Another search may put the lists aside meanwhile.
    const held = this.#held;
    const strays = this.#strays.clone().intersect(allowed);
    const tail = await this.#tail.search(queries, k, allowed, vectors);
    const others = await this.nearestExactly(queries, k, strays, vectors);
    const found: Nearest[] = [];
    for (const [i, query] of queries.entries()) {
      const listed = await this.#nearestListed(held, query, k, allowed, vectors, effort);
      found.push(nearestOf([tail[i]!, listed, others[i]!], k));
    }
    return found;
  }

  async #nearestListed(
    held: Held,
    query: Float32Array,
    k: number,
    allowed: Bitmap,
    vectors: VectorSource,
    effort: SearchEffort,
  ): Promise<Nearest> {
    try {
      return await held.lists.search(query, k, allowed, vectors, held.source, effort);
    } catch (error) {
      if (!(error instanceof ListsDamaged)) throw error;
      this.#putAside(held, error.message);
      return (await this.nearestExactly([query], k, allowed.clone().intersect(held.lists.covered), vectors))[0]!;
    }
  }

  /** Rows are read once for all queries, and not kept. */
  async nearestExactly(queries: readonly Float32Array[], k: number, allowed: Bitmap, vectors: VectorSource): Promise<Nearest[]> {
    const { space, coder } = this.#held.lists;
    let rows: Float32Array = new Float32Array(0);
    const judges = queries.map((query) => new Judge(space, query, k, async () => rows, coder));
    const ordinals = allowed.toArray();
    const atOnce = Math.max(1, Math.floor(limits.vectorBlockBytes / (4 * this.#dimension)));
    for (let from = 0; from < ordinals.length; from += atOnce) {
      const part = ordinals.subarray(from, from + atOnce);
      rows = await vectors(part);
      for (const judge of judges) await judge.judge(part);
    }
    return judges.map((judge) => judge.nearest);
  }

  isExactFor(k: number, allowed: Bitmap): boolean {
    return this.#held.lists.judgesAll(k, allowed);
  }

  // ---- taking rows into lists

  /** Whether so many compacted rows are in no list that it is time to take them in. */
  get isBuildDue(): boolean {
    return this.#backlog >= this.#tailRowsMax;
  }

  get #tailRowsMax(): number {
    const { lists, buildBytesMax } = this.#home.context;
    return lists?.tailRows ?? Math.min(limits.listTailRows, Math.max(1, Math.floor(buildBytesMax / this.#dimension)));
  }

  get #tailRowsWhileWriting(): number {
    const most = Math.min(limits.listTailRowsMax, this.#home.context.buildBytesMax / this.#dimension);
    return Math.max(this.#tailRowsMax, Math.min(most, limits.listTailShare * this.#held.lists.coveredCount));
  }

  /** Whether rows are in no list whose codes are not in memory, either, so that each search reads them. */
  get hasStrays(): boolean {
    return this.#strays.values().next().done !== true;
  }

  /** Takes a part of the compacted rows that are in no list into lists. */
  build(vectors: VectorSource, writer: BlockWriter, tick: Tick): Promise<Prepared<FinderSection>> {
    const { records } = this.#home;
    const waiting = this.#waiting((ordinal) => ordinal < records.compactedEnd && vectorOf(records.entry(ordinal)) === undefined);
    return this.#takeIn(waiting, waiting.count, records.compactedEnd, vectors, writer, tick);
  }

  compact(
    { entries, nextOrdinal }: MemtableChanges,
    vectors: VectorSource,
    writer: BlockWriter,
    tick: Tick,
  ): Promise<Prepared<FinderSection>> {
    const { records } = this.#home;
    const compacted = entriesByOrdinal(entries);
    const ordinalEnd = Math.max(nextOrdinal, (entries.at(-1)?.[0] ?? -1) + 1);
    const waiting = this.#waiting((ordinal) => {
      const [present, entry] = [vectorOf(records.entry(ordinal)), vectorOf(compacted(ordinal))];
      return present === undefined ? entry !== undefined || ordinal < records.compactedEnd : present === entry;
    });
    const isDue = waiting.count >= this.#tailRowsWhileWriting;
    if (!isDue && (this.#held.section === null || this.#left === this.#leftBefore)) return Promise.resolve(this.#asItIs(waiting.count));
    return this.#takeIn(waiting, isDue ? waiting.count : 0, ordinalEnd, vectors, writer, tick);
  }

  #asItIs(backlog: number): Prepared<FinderSection> {
    const { section } = this.#held;
    const install = () => {
      this.#backlog = backlog;
    };
    return { section: section === null ? { graph: null } : { graph: null, lists: section }, install };
  }

  /** Rows that are in no list and may be taken into one. Strays are compacted, all of them. */
  #waiting(isCompacted: (ordinal: number) => boolean): Waiting {
    const tail = [...this.#tail.ordinals()].filter(isCompacted);
    const ordinals = this.#strays.values();
    return {
      count: this.#strays.count() + tail.length,
      *ordinals() {
        yield* ordinals;
        yield* tail;
      },
    };
  }

  async #takeIn(
    waiting: Waiting,
    wanted: number,
    ordinalEnd: number,
    vectors: VectorSource,
    writer: BlockWriter,
    tick: Tick,
  ): Promise<Prepared<FinderSection>> {
    const held = this.#held;
    const taken = firstOf(waiting, Math.min(wanted, this.#buildRows));
    this.#building?.abandon();
    this.#building = new ListBuilder(held.lists, held.source, vectors, this.#builderOptions(), tick);
    this.#tail.seal();
    const left = this.#left;
    try {
      const written = await this.#write(held, this.#building, taken, ordinalEnd, writer, tick);
      const install = () => {
        this.#install(held, written, taken, waiting.count);
        this.#leftBefore = left;
      };
      return { section: { graph: null, lists: written.section }, install };
    } catch (error) {
      this.#building?.abandon();
      this.#building = null;
      if (!(error instanceof ListsDamaged)) throw error;
      this.#putAside(held, error.message);
      return this.#asItIs(this.#backlog);
    }
  }

  get #buildRows(): number {
    const { lists, buildBytesMax } = this.#home.context;
    return lists?.buildRows ?? Math.max(1, Math.floor(Math.min(limits.listBuildBytes, buildBytesMax) / (4 * this.#dimension)));
  }

  /** A list is dissolved no sooner than a split makes one. */
  #builderOptions(): ListBuilderOptions {
    const { split_threshold, merge_threshold, reassign_neighbor_count } = this.#parameters;
    const splitThreshold = this.#home.context.lists?.splitRows ?? split_threshold ?? limits.listSplitRows;
    return {
      splitThreshold,
      mergeThreshold: Math.min(merge_threshold ?? limits.listMergeRows, Math.floor(splitThreshold / 3)),
      reassignNeighbours: reassign_neighbor_count ?? limits.listReassignNeighbours,
    };
  }

  async #write(
    { lists, blocks, source }: Held,
    builder: ListBuilder,
    taken: Uint32Array,
    ordinalEnd: number,
    writer: BlockWriter,
    tick: Tick,
  ): Promise<Prepared<ListsSection>> {
    await builder.add(taken);
    await builder.dissolve();
    const written: WrittenLists = {
      changed: builder.changed(),
      retired: () => builder.retired,
      map: (first, end) => builder.mapOf(first, end),
      ordinalEnd,
      seed: SEED,
    };
    return blocks.write(written, lists, source, writer, tick);
  }

  #install(held: Held, written: Prepared<ListsSection>, taken: Uint32Array, waiting: number): void {
    const builder = this.#building;
    this.#building = null;
    // Lists that were found to be damaged meanwhile are not to be had again.
    if (held !== this.#held || builder === null) return;
    held.lists.install(builder.changes);
    written.install();
    held.section = written.section;
    this.#backlog = waiting - taken.length;
    for (const ordinal of taken) {
      if (!held.lists.covered.has(ordinal)) continue;
      this.#tail.delete(ordinal);
      this.#strays.delete(ordinal);
    }
    this.#strays.trim();
  }

  // ---- renumbering

  /** Lists keep their codes, under other ordinals. */
  async renumber({ nextOrdinal, ordinalOf }: Renumbering, writer: BlockWriter, tick: Tick): Promise<FinderSection> {
    const held = this.#held;
    if (held.section === null) return { graph: null };
    const { lists } = held;
    const map = new Uint32Array(nextOrdinal).fill(NO_LIST);
    for (const ordinal of lists.covered.values()) map[ordinalOf(ordinal)] = lists.listOf(ordinal);
    const width = lists.coder.paddedDimension;
    const changed = async function* (): AsyncGenerator<[number, Uint8Array], void, undefined> {
      for (const slot of [...lists.inUse.values()]) {
        const [list] = await held.source.read([slot], false);
        const renumbered = (ordinal: number): number => (lists.listOf(ordinal) === slot ? ordinalOf(ordinal) : -1);
        yield [slot, joinLists(width, [{ list: list!, ordinalOf: renumbered }])];
        await tick();
      }
    };
    const written: WrittenLists = {
      changed: changed(),
      retired: () => [],
      map: (first, end) => map.subarray(first, end),
      ordinalEnd: nextOrdinal,
      seed: SEED,
    };
    const fresh = new ListBlocks(this.#home.context.blocks, `collection "${this.#home.row.name}" (lists)`);
    try {
      return { graph: null, lists: (await fresh.write(written, lists, held.source, writer, tick)).section };
    } catch (error) {
      if (!(error instanceof ListsDamaged)) throw error;
      this.#putAside(held, error.message);
      return { graph: null };
    }
  }
}

/** Some of the rows, ascending. */
function firstOf(waiting: Waiting, count: number): Uint32Array {
  const first: number[] = [];
  for (const ordinal of waiting.ordinals()) {
    if (first.length === count) break;
    first.push(ordinal);
  }
  return Uint32Array.from(first).sort();
}

async function readLists(blocks: ListBlocks, slots: readonly number[], keeps: boolean): Promise<Uint8Array[]> {
  try {
    return await blocks.read(slots, keeps);
  } catch (error) {
    if (!(error instanceof TidepoolError) || error.code !== "CORRUPTION") throw error;
    throw new ListsDamaged(error.message, { cause: error });
  }
}

function vectorOf(entry: MemtableEntry | undefined): VectorRow | undefined {
  return entry === undefined || entry.kind === "tombstone" ? undefined : entry.vector;
}
