/**
 * The vectors of a collection: their rows on disk, and over them what finds the nearest (`vector-finder.ts`). Everything of it is made
 * when the first record fixes the dimension.
 */
import type { Bitmap } from "../base/bitmap.js";
import { type MemoryUse, memorySum, totalBytes } from "../base/memory-use.js";
import type { Tick } from "../base/turns.js";
import type { Block } from "../blockstore/block.js";
import type { BlockRef, BlockWriter } from "../blockstore/blockstore.js";
import { OrdinalBlockfile, type OrdinalSection, ordinalRefs } from "../blockstore/ordinal-blockfile.js";
import type { Nearest, VectorSource } from "../index/vector/flat.js";
import type { QuantizedRows } from "../index/vector/quantize.js";
import { limits } from "../limits.js";
import { hasDefaultGraph } from "../schema.js";
import { type ListsSection, listRefs } from "../segment/list-blocks.js";
import { type VectorRow, vectorFormat } from "../segment/vector.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { RecordBatch, Space } from "../types.js";
import { entriesByOrdinal } from "./entries-by-ordinal.js";
import { GraphFinder } from "./graph-finder.js";
import type { Inspection } from "./inspection.js";
import { ListFinder } from "./list-finder.js";
import type { MemtableEntry } from "./memtable.js";
import type { AppliedRecords, CollectionPart, Entry, MemtableChanges, PartHome, PartJob, Prepared, Renumbering } from "./part.js";
import { type BlockOrdinals, StoredVectors } from "./stored-vectors.js";
import type { FinderSection, VectorFinder, VectorsSection } from "./vector-finder.js";
import { verifyGraph, verifyLists, verifyRows } from "./verify-vectors.js";

let nextCacheBase = 0;

/** What exists once the dimension is fixed. */
interface Fixed {
  readonly dimension: number;
  readonly stored: StoredVectors;
  file: OrdinalBlockfile<VectorRow>;
  finder: VectorFinder;
  /** Lists that are being made to take the graph's place, which searches until then. */
  next: ListFinder | null;
}

/** Of a build that follows no compaction: all of its rows are in blocks. */
const noEntry = (): undefined => undefined;

export class CollectionVectors implements CollectionPart<VectorsSection> {
  readonly #home: PartHome;
  #section: VectorsSection = CollectionVectors.empty();
  #fixed: Fixed | null = null;
  /** The dimension that writes on their way to the log agree on, and how many they are. */
  #claim: { dimension: number; writers: number } | null = null;
  /** Tells this collection's vectors from others' in the shared cache. */
  #cacheBase = 2 ** 32 * nextCacheBase++;
  /** Whether rows had to be read from disk since a section was installed. */
  #isMissed = false;

  constructor(home: PartHome) {
    this.#home = home;
  }

  static empty(): VectorsSection {
    return { dimension: null, rows: [], graph: null };
  }

  static *refs({ rows, graph, lists }: VectorsSection): Generator<BlockRef, void, undefined> {
    yield* ordinalRefs(rows);
    if (graph !== null) yield* graph.pieces;
    if (lists !== undefined) yield* listRefs(lists);
  }

  static async verify({ dimension, rows, graph, lists, isListed }: VectorsSection, inspection: Inspection): Promise<void> {
    const before = inspection.findingCount;
    const hasCodes = inspection.context.row.configuration.spann === undefined && isListed === undefined;
    const prints = dimension === null ? null : await verifyRows(rows, dimension, inspection, graph !== null, hasCodes);
    if (graph !== null) await verifyGraph(graph, inspection.findingCount === before ? prints : null, inspection);
    if (lists !== undefined && dimension !== null) await verifyLists(lists, dimension, inspection);
  }

  /** Fixed by the first record, or claimed by writes that are on their way to the log. */
  get dimension(): number | null {
    return this.#fixed?.dimension ?? this.#claim?.dimension ?? null;
  }

  /** While a first write is on its way, others of another dimension are refused. */
  claimDimension(dimension: number | null): void {
    if (this.#fixed !== null || dimension === null) return;
    this.#claim ??= { dimension, writers: 0 };
    this.#claim.writers++;
  }

  unclaimDimension(dimension: number | null): void {
    if (this.#claim === null || dimension === null) return;
    if (--this.#claim.writers === 0) this.#claim = null;
  }

  /** `null` while no record has fixed the dimension. */
  get finder(): VectorFinder | null {
    return this.#fixed?.finder ?? null;
  }

  get space(): Space {
    return this.#home.row.configuration.hnsw.space;
  }

  get memory(): Partial<MemoryUse> {
    if (this.#fixed === null) return {};
    const { finder, next, stored } = this.#fixed;
    return memorySum([finder.memory, next?.memory ?? {}, { rows: stored.bytes }]);
  }

  configure(row: CollectionRow): void {
    this.#fixed?.finder.configure?.(row);
  }

  dispose(): void {
    this.#fixed?.finder.dispose?.();
  }

  // ---- opening

  async open(section: VectorsSection): Promise<void> {
    this.#section = section;
    if (section.dimension === null) return;
    const fixed = this.#fix(section.dimension);
    const unfinished = this.#hasLists ? undefined : section.lists;
    const next = unfinished === undefined ? null : new ListFinder(this.#home, section.dimension);
    const finders = next === null ? [fixed.finder] : [fixed.finder, next];
    fixed.stored.install(await this.#loadRows(fixed, finders, section.rows));
    await fixed.finder.open(section, (ordinals) => fixed.stored.read(ordinals));
    if (unfinished !== undefined) await next!.resume(unfinished);
    fixed.next = next;
  }

  #loadRows({ stored }: Fixed, finders: readonly VectorFinder[], rows: OrdinalSection): ReturnType<StoredVectors["open"]> {
    const load = (rows: BlockOrdinals, codes: Block | null): void => {
      for (const finder of finders) finder.load(rows, codes);
    };
    return stored.open(rows, load, this.#home.context.tick);
  }

  #fix(dimension: number): Fixed {
    if (this.#fixed !== null) return this.#fixed;
    const { blocks } = this.#home.context;
    this.#fixed = {
      dimension,
      finder: this.#newFinder(dimension),
      file: this.#newFile(dimension),
      stored: new StoredVectors(blocks, this.#owner("vectors"), dimension, () => !this.#hasLists),
      next: null,
    };
    return this.#fixed;
  }

  #newFile(dimension: number): OrdinalBlockfile<VectorRow> {
    const format = vectorFormat(dimension, !this.#hasLists);
    return new OrdinalBlockfile(this.#home.context.blocks, this.#owner("vectors"), format, limits.vectorBlockBytes);
  }

  /** Asked for when the collection was created, or come to by growing; for good. */
  get #hasLists(): boolean {
    return this.#home.row.configuration.spann !== undefined || this.#section.isListed === true;
  }

  #newFinder(dimension: number): VectorFinder {
    return this.#hasLists ? new ListFinder(this.#home, dimension) : new GraphFinder(this.#home, dimension);
  }

  /** Names collection and segment in errors. */
  #owner(segment: string): string {
    return `collection "${this.#home.row.name}" (${segment})`;
  }

  // ---- applying the log

  /** Codes of a batch's embeddings, to be made before the log record is applied: while that is done, all others wait. */
  quantize({ embeddings }: RecordBatch): QuantizedRows | null {
    if (embeddings === null) return null;
    return this.#home.context.kernel.quantize(this.space, embeddings.dimension, embeddings.values);
  }

  apply({ written, deleted }: AppliedRecords): void {
    const vectors: [ordinal: number, vector: VectorRow][] = [];
    for (const [ordinal, { vector }] of written) if (vector !== undefined) vectors.push([ordinal, vector]);
    this.#set(vectors);
    if (deleted.length === 0) return;
    for (const ordinal of deleted) this.#forget(ordinal);
    this.#fixed?.finder.delete(deleted);
    this.#fixed?.next?.delete(deleted);
  }

  #set(vectors: readonly (readonly [ordinal: number, vector: VectorRow])[]): void {
    if (vectors.length === 0) return;
    const { finder, next } = this.#fix(vectors[0]![1].embedding.length);
    finder.set(vectors);
    next?.set(vectors);
    for (const [ordinal] of vectors) this.#forget(ordinal);
  }

  // ---- the graph

  get #graph(): GraphFinder | null {
    return this.#fixed?.finder instanceof GraphFinder ? this.#fixed.finder : null;
  }

  /** The graph, unless lists are being made in its place. */
  get #growing(): GraphFinder | null {
    return this.#fixed?.next === null ? this.#graph : null;
  }

  /** Vectors that the scan still answers for. */
  get graphBacklog(): number {
    return this.#growing?.backlog ?? 0;
  }

  /** Whether there is nothing to build. */
  get isGraphBuilt(): boolean {
    return this.#growing?.isBuilt ?? true;
  }

  /** Fetches vectors that building needs next. Under the shared lock. */
  async prepareGraph(): Promise<void> {
    await this.#growing?.prepare((ordinals) => this.embeddings(ordinals));
  }

  /** Builds some of a graph of which much is to be built, by several threads; whether it did. Under the shared lock. */
  async buildGraphTogether(pause: Tick): Promise<boolean> {
    return (await this.#growing?.buildTogether(pause)) ?? false;
  }

  /** Builds until `isOver` says so; returns whether nothing is left to build. */
  buildGraph(isOver: () => boolean): boolean {
    return this.#growing?.build(isOver) ?? true;
  }

  get #listed(): ListFinder | null {
    return this.#fixed?.finder instanceof ListFinder ? this.#fixed.finder : null;
  }

  /** Writes the graph once building has come to an end and enough has changed; takes rows into lists that compactions have left out. */
  static readonly idleJobs: readonly PartJob<VectorsSection>[] = [
    {
      idleMs: limits.graphIdleMs,
      priority: 1,
      isAwaited: true,
      isDue: (vectors: CollectionVectors) => vectors.#growing?.isSaveDue ?? false,
      run: (vectors: CollectionVectors, writer, tick) => vectors.#saveGraph(writer, tick),
    },
    {
      idleMs: limits.graphIdleMs,
      priority: 1,
      isAwaited: true,
      isRepeated: true,
      isDue: (vectors: CollectionVectors) => vectors.#listed?.isBuildDue ?? false,
      run: (vectors: CollectionVectors, writer, tick) => vectors.#buildLists(writer, tick),
    },
    {
      idleMs: limits.graphIdleMs,
      priority: 1,
      isAwaited: true,
      isRepeated: true,
      isDue: (vectors: CollectionVectors) => vectors.#isOutgrown,
      isUrgent: (vectors: CollectionVectors) => vectors.#isOutgrown && vectors.#home.context.buildBytesMax < Infinity,
      run: (vectors: CollectionVectors, writer, tick) => vectors.#goOverToLists(writer, tick),
    },
  ];

  async #saveGraph(writer: BlockWriter, tick: Tick): Promise<Prepared<VectorsSection> | null> {
    const saved = (await this.#graph?.save(writer, tick)) ?? null;
    return saved === null ? null : this.#prepared({ ...this.#section, ...saved.section }, () => saved.install());
  }

  async #buildLists(writer: BlockWriter, tick: Tick): Promise<Prepared<VectorsSection> | null> {
    const built = (await this.#listed?.build(this.frozen(noEntry), writer, tick)) ?? null;
    return built === null ? null : this.#prepared({ ...this.#section, ...built.section }, () => built.install());
  }

  // ---- from the graph to lists

  /** Whether the graph takes more memory than it may where nobody has asked for one: such as have not, all have the same parameters. */
  get #isOutgrown(): boolean {
    const { context, row } = this.#home;
    return (
      this.#graph !== null &&
      (this.#fixed!.next !== null || (hasDefaultGraph(row.configuration) && totalBytes(this.#graph.memory) > context.graphBytesMax))
    );
  }

  /** Takes a part of the rows into lists. Once all are in some, or have codes in memory, these are what searches. */
  async #goOverToLists(writer: BlockWriter, tick: Tick): Promise<Prepared<VectorsSection> | null> {
    const fixed = this.#fixed;
    if (fixed === null || this.#graph === null) return null;
    fixed.next ??= this.#listsOf(fixed);
    const { next } = fixed;
    if (!next.hasStrays) return this.#takeOver(fixed, next);
    const built = await next.build(this.frozen(noEntry), writer, tick);
    return this.#prepared({ ...this.#section, lists: built.section.lists }, () => built.install());
  }

  /** Without any rows in lists yet. */
  #listsOf({ stored, dimension }: Fixed): ListFinder {
    const lists = new ListFinder(this.#home, dimension);
    for (const rows of stored.ordinals()) lists.load(rows);
    this.#replayMemtable(lists);
    return lists;
  }

  #takeOver(fixed: Fixed, next: ListFinder): Prepared<VectorsSection> {
    return this.#prepared({ ...this.#section, graph: null, isListed: true }, () => {
      fixed.finder.dispose?.();
      fixed.finder = next;
      fixed.next = null;
      fixed.file = this.#newFile(fixed.dimension);
    });
  }

  // ---- compaction

  async compact(changes: MemtableChanges, writer: BlockWriter, tick: Tick): Promise<Prepared<VectorsSection>> {
    if (this.#fixed === null) return this.#prepared(this.#section);
    const { dimension, file, stored, finder, next } = this.#fixed;
    const written = vectorRows(changes.entries);
    const rows = await file.apply(this.#section.rows, { written, removed: changes.removed }, writer, tick);
    const directories = await stored.prepare(rows, tick);
    const vectors = this.frozen(entriesByOrdinal(changes.entries));
    const found = await finder.compact(changes, vectors, writer, tick);
    const listed = await next?.compact(changes, vectors, writer, tick);
    const section = { ...found.section, ...listsIn(listed?.section), ...this.#kind, dimension, rows };
    return this.#prepared(section, () => {
      stored.install(directories);
      found.install();
      listed?.install();
    });
  }

  get #kind(): Pick<VectorsSection, "isListed"> {
    return this.#section.isListed === undefined ? {} : { isListed: true };
  }

  /** A new finder is filled beside the old one. Lists that were not whole are begun anew. */
  async renumber(renumbering: Renumbering, writer: BlockWriter, tick: Tick): Promise<Prepared<VectorsSection>> {
    const fixed = this.#fixed;
    if (fixed === null) return this.#prepared(this.#section);
    const rows = await fixed.file.renumber(this.#section.rows, renumbering.ordinalOf, writer, tick);
    const section = await fixed.finder.renumber(renumbering, writer, tick);
    const finder = this.#newFinder(fixed.dimension);
    const directories = await this.#loadRows(fixed, [finder], rows);
    const stored = fixed.stored.over(directories);
    await finder.open(section, (ordinals) => stored.read(ordinals));
    return this.#prepared({ ...section, ...this.#kind, dimension: fixed.dimension, rows }, () => {
      this.#cacheBase = 2 ** 32 * nextCacheBase++;
      fixed.finder.dispose?.();
      fixed.finder = finder;
      fixed.next = null;
      fixed.stored.install(directories);
      this.#replayMemtable(finder);
    });
  }

  #prepared(section: VectorsSection, effect?: () => void): Prepared<VectorsSection> {
    const install = () => {
      this.#section = section;
      this.#isMissed = false;
      effect?.();
    };
    return { section, install };
  }

  /** What the memtable knows better than the rows is set over them. */
  #replayMemtable(finder: VectorFinder): void {
    for (const [ordinal, entry] of this.#home.records.entries()) {
      if (entry.kind === "tombstone") finder.delete([ordinal]);
      else if (entry.vector !== undefined) finder.set([[ordinal, entry.vector]]);
    }
  }

  // ---- reading (under the shared lock)

  /**
   * The `k` nearest allowed records of each query; queries of a length that no record has find nothing. There is a tick before any
   * rows are judged: of many they are judged in parts. `isExact`: none is missed, whatever index there is.
   */
  nearest(queries: readonly Float32Array[], k: number, allowed: Bitmap, tick: Tick, isExact = false): Promise<Nearest[]> | Nearest[] {
    const none = () => ({ ordinals: new Uint32Array(), distances: new Float32Array() });
    // A query of another length was accepted while the collection was empty and had none.
    if (this.#fixed?.dimension !== queries[0]!.length || k === 0) return queries.map(none);
    const { finder, stored } = this.#fixed;
    const source: VectorSource = async (ordinals, room) => {
      await tick();
      return this.embeddings(ordinals, !isExact && stored.isAskedAgain, room);
    };
    return isExact ? finder.nearestExactly(queries, k, allowed, source) : finder.nearest(queries, k, allowed, source);
  }

  /** Queries that are best searched for together. */
  queriesAtOnce(isExact: boolean): number {
    const { queriesAtOnce = 1, exactQueriesMax = 1 } = this.#fixed?.finder ?? {};
    return isExact ? Math.max(queriesAtOnce, exactQueriesMax) : queriesAtOnce;
  }

  /** Whether rows had to be read from disk, and there are more for which there is room in memory. Lists need that room themselves. */
  get isReadBehind(): boolean {
    return !this.#hasLists && this.#isMissed && this.#fixed?.stored.isBehind === true;
  }

  /** Reads some more rows into the block cache. */
  async readAhead(): Promise<void> {
    await this.#home.read(async () => this.#fixed?.stored.readAhead());
  }

  /**
   * Embeddings of live records, row-major, in the order given: from the memtable, the cache, or their rows on disk. What reads all of them
   * leaves the cache to others. They are put into `room`, where there is one.
   */
  async embeddings(ordinals: ArrayLike<number>, isKept = true, room?: Float32Array): Promise<Float32Array> {
    const dimension = this.dimension ?? 0;
    const out = room ?? new Float32Array(ordinals.length * dimension);
    const missing: number[] = [];
    for (let i = 0; i < ordinals.length; i++) {
      const row = this.#resident(ordinals[i]!);
      if (row === undefined) missing.push(i);
      else out.set(row, i * dimension);
    }
    if (missing.length === 0) return out;
    this.#noteMiss();
    await readMissing(this.#fixed!.stored, ordinals, missing, out, dimension);
    for (const i of isKept ? missing : []) {
      const row = out.slice(i * dimension, (i + 1) * dimension);
      this.#home.context.vectorCache.set(this.#cacheBase + ordinals[i]!, row, row.byteLength);
    }
    return out;
  }

  /** Reads embeddings as they are now, of records of this moment; later writes and compactions change nothing of it. */
  frozen(entryOf: (ordinal: number) => MemtableEntry | undefined): (ordinals: Uint32Array) => Promise<Float32Array> {
    const { dimension = 0, stored } = this.#fixed ?? {};
    const rowsOf = stored?.frozen();
    return async (ordinals) => {
      const out = new Float32Array(ordinals.length * dimension);
      const missing: number[] = [];
      for (let i = 0; i < ordinals.length; i++) {
        const entry = entryOf(ordinals[i]!);
        const fresh = entry === undefined || entry.kind === "tombstone" ? undefined : entry.vector?.embedding;
        if (fresh === undefined) missing.push(i);
        else out.set(fresh, i * dimension);
      }
      if (missing.length > 0) await readMissing(rowsOf!, ordinals, missing, out, dimension);
      return out;
    };
  }

  /** Embeddings as the section has them, row-major, in the order given. */
  async storedEmbeddings(ordinals: ArrayLike<number>): Promise<Float32Array> {
    return ordinals.length === 0 ? new Float32Array(0) : this.#fixed!.stored.read(ordinals);
  }

  /** One query that reads is followed by others, which read elsewhere. */
  #noteMiss(): void {
    this.#isMissed = true;
    this.#home.noteReading();
  }

  #resident(ordinal: number): Float32Array | undefined {
    const entry = this.#home.records.entry(ordinal);
    const fresh = entry === undefined || entry.kind === "tombstone" ? undefined : entry.vector?.embedding;
    return fresh ?? this.#home.context.vectorCache.get(this.#cacheBase + ordinal);
  }

  #forget(ordinal: number): void {
    this.#home.context.vectorCache.delete(this.#cacheBase + ordinal);
  }
}

function listsIn(section: FinderSection | undefined): { lists?: ListsSection } {
  return section?.lists === undefined ? {} : { lists: section.lists };
}

function vectorRows(entries: readonly Entry[]): [number, VectorRow][] {
  const rows: [number, VectorRow][] = [];
  for (const [ordinal, entry] of entries) {
    if (entry.kind !== "tombstone" && entry.vector !== undefined) rows.push([ordinal, entry.vector]);
  }
  return rows;
}

/** Reads the rows of the ordinals at some places of a list into their places. */
async function readMissing(
  stored: Pick<StoredVectors, "read">,
  ordinals: ArrayLike<number>,
  places: readonly number[],
  into: Float32Array,
  dimension: number,
): Promise<void> {
  if (places.length === ordinals.length) {
    await stored.read(ordinals, into);
    return;
  }
  const rows = await stored.read(places.map((i) => ordinals[i]!));
  places.forEach((i, row) => void into.set(rows.subarray(row * dimension, (row + 1) * dimension), i * dimension));
}
