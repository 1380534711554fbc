/**
 * The vectors of a collection: their rows on disk, the index over their codes in memory, and the graph of that index, which is
 * saved beside the rows. Everything of it is made when the first record fixes the dimension.
 *
 * A saved graph may be older than the rows (`index/vector/graph-snapshot.ts`), so compactions carry it along unchanged. It
 * is derived from them: one that is damaged is built anew, with a warning.
 */
import { Bitmap } from "../base/bitmap.js";
import { crc32 } from "../base/checksum.js";
import type { Tick } from "../base/turns.js";
import type { Block } from "../blockstore/block.js";
import type { BlockRef, BlockWriter } from "../blockstore/blockstore.js";
import { OrdinalBlockfile, type OrdinalSection, ordinalRefs } from "../blockstore/ordinal-blockfile.js";
import { TidepoolError } from "../errors.js";
import type { Nearest } from "../index/vector/flat.js";
import { damageOf, PIECE_ORDINALS, type SnapshotPiece } from "../index/vector/graph-snapshot.js";
import { type QuantizedRows, quantizeRows } from "../index/vector/quantize.js";
import { fingerprintOf } from "../index/vector/reference-kernel.js";
import { VectorIndex } from "../index/vector/vector-index.js";
import { limits } from "../limits.js";
import { type GraphSection, loadGraph, saveGraph } from "../segment/graph.js";
import { quantizedRows, type VectorRow, vectorFormat } from "../segment/vector.js";
import type { WarningCode } from "../service.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { RecordBatch, Space } from "../types.js";
import type { Inspection, InspectionContext } from "./inspection.js";
import type { MemtableEntry } from "./memtable.js";
import type { AppliedRecords, CollectionPart, Entry, MemtableChanges, PartHome, PartJob, Prepared, Renumbering } from "./part.js";
import { StoredVectors } from "./stored-vectors.js";

export interface VectorsSection {
  /** Fixed by the first record that was compacted. */
  dimension: number | null;
  /** ordinal → codes, embedding. */
  rows: OrdinalSection;
  /** The index's graph, as of some earlier moment. */
  graph: GraphSection | null;
}

/** Share of the vectors that may change before the graph is written anew. */
const GRAPH_CHANGED_SHARE_MAX = 0.2;

let nextCacheBase = 0;

/** What exists once the dimension is fixed. */
interface Fixed {
  readonly dimension: number;
  readonly file: OrdinalBlockfile<VectorRow>;
  readonly stored: StoredVectors;
  index: VectorIndex;
}

export class CollectionVectors implements CollectionPart<VectorsSection> {
  readonly #home: PartHome;
  #section: VectorsSection = CollectionVectors.empty();
  #fixed: Fixed | null = null;
  /** The dimension that writes on their way to the log agree on, and how many they are. */
  #claim: { dimension: number; writers: number } | null = null;
  /** Tells this collection's vectors from others' in the shared cache. */
  #cacheBase = 2 ** 32 * nextCacheBase++;
  /** Vectors set or deleted since the graph that the section names was copied. */
  #changes = 0;
  /** Whether that graph is of no use, however little has changed. */
  #isGraphUseless = false;
  /** Whether nothing happened since building came to an end. */
  #isGraphBuilt = false;

  constructor(home: PartHome) {
    this.#home = home;
  }

  static empty(): VectorsSection {
    return { dimension: null, rows: [], graph: null };
  }

  static *refs({ rows, graph }: VectorsSection): Generator<BlockRef, void, undefined> {
    yield* ordinalRefs(rows);
    if (graph !== null) yield* graph.pieces;
  }

  static async verify({ dimension, rows, graph }: VectorsSection, inspection: Inspection): Promise<void> {
    const before = inspection.findingCount;
    const prints = dimension === null ? null : await verifyRows(rows, dimension, inspection, graph !== null);
    if (graph !== null) await verifyGraph(graph, inspection.findingCount === before ? prints : null, inspection);
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
  get index(): VectorIndex | null {
    return this.#fixed?.index ?? null;
  }

  get space(): Space {
    return this.#home.row.configuration.hnsw.space;
  }

  get bytes(): number {
    return this.#fixed?.index.byteLength ?? 0;
  }

  /** `ef_search` counts from the next search on. */
  configure(row: CollectionRow): void {
    if (this.#fixed !== null) this.#fixed.index.efSearch = row.configuration.hnsw.ef_search;
  }

  dispose(): void {
    this.#fixed?.index.dispose();
  }

  // ---- opening

  async open(section: VectorsSection): Promise<void> {
    this.#section = section;
    if (section.dimension === null) return;
    const fixed = this.#fix(section.dimension);
    fixed.stored.install(await this.#loadRows(fixed, fixed.index, section.rows));
    if (section.graph !== null) await this.#loadGraph(fixed.index, section.graph);
  }

  #loadRows({ dimension, stored }: Fixed, index: VectorIndex, rows: OrdinalSection): ReturnType<StoredVectors["open"]> {
    return stored.open(rows, (ordinals, codes) => setRuns(index, dimension, ordinals, codes), this.#home.context.tick);
  }

  async #loadGraph(index: VectorIndex, graph: GraphSection): Promise<void> {
    if (graph.M !== this.#home.row.configuration.hnsw.max_neighbors) {
      // Built before `max_neighbors` was changed: of no use, and no damage.
      this.#isGraphUseless = true;
      return;
    }
    const damage = await this.#damageOfLoading(index, graph);
    if (damage !== null) this.#warn("GRAPH_DAMAGED", `could not be used and is built anew: ${damage}`);
    this.#isGraphUseless = damage !== null;
    const { rows, covered, stale } = index.statistics;
    this.#changes = rows - covered + stale;
  }

  async #damageOfLoading(index: VectorIndex, graph: GraphSection): Promise<string | null> {
    const { blocks, tick } = this.#home.context;
    try {
      return index.load(await loadGraph(blocks, graph, this.#owner("graph"), tick));
    } catch (error) {
      if (!(error instanceof TidepoolError) || error.code !== "CORRUPTION") throw error;
      return error.message;
    }
  }

  #fix(dimension: number): Fixed {
    if (this.#fixed !== null) return this.#fixed;
    const { blocks } = this.#home.context;
    const owner = this.#owner("vectors");
    this.#fixed = {
      dimension,
      index: this.#newIndex(dimension),
      file: new OrdinalBlockfile(blocks, owner, vectorFormat(dimension), limits.vectorBlockBytes),
      stored: new StoredVectors(blocks, owner, dimension),
    };
    return this.#fixed;
  }

  #newIndex(dimension: number): VectorIndex {
    const { kernel, flatRowsMax, createApproximate } = this.#home.context;
    const { max_neighbors: M, ef_construction: efConstruction, ef_search: efSearch } = this.#home.row.configuration.hnsw;
    const onFailure = (why: string): void => this.#rebuildGraph(why);
    return new VectorIndex(kernel, this.space, dimension, { M, efConstruction, efSearch, flatRowsMax, createApproximate, onFailure });
  }

  #rebuildGraph(why: string): void {
    this.#warn("GRAPH_FAILED", `failed; the exact scan answers. ${why}`);
    this.#isGraphBuilt = false;
    this.#home.noteWork();
  }

  #warn(code: WarningCode, what: string): void {
    const collection = this.#home.row.name;
    this.#home.context.warn({ code, message: `The graph of collection "${collection}" ${what}`, collection });
  }

  /** Names collection and segment in errors. */
  #owner(segment: string): string {
    return `collection "${this.#home.row.name}" (${segment})`;
  }

  // ---- applying the log

  /** Codes of a batch's embeddings, to be made before the log record is applied: while that is done, all others wait. */
  quantize({ embeddings }: RecordBatch): QuantizedRows | null {
    return embeddings === null ? null : quantizeRows(this.space, embeddings.dimension, embeddings.values);
  }

  apply({ written, deleted }: AppliedRecords): void {
    const vectors: [ordinal: number, vector: VectorRow][] = [];
    for (const [ordinal, { vector }] of written) if (vector !== undefined) vectors.push([ordinal, vector]);
    this.#set(vectors);
    if (deleted.length === 0) return;
    for (const ordinal of deleted) this.#forget(ordinal);
    this.#fixed?.index.delete(deleted);
    this.#changes += deleted.length;
    this.#isGraphBuilt = false;
  }

  /** Hands vectors to the index, runs of consecutive ordinals and rows as one. */
  #set(vectors: readonly (readonly [ordinal: number, vector: VectorRow])[]): void {
    if (vectors.length === 0) return;
    const { index, dimension } = this.#fix(vectors[0]![1].embedding.length);
    for (let from = 0, to: number; from < vectors.length; from = to) {
      const [ordinal, { quantized, at }] = vectors[from]!;
      to = from + 1;
      while (vectors[to]?.[0] === ordinal + to - from && vectors[to]![1].at === at + to - from) to++;
      index.set(ordinal, rowRange(quantized, dimension, at, at + to - from));
    }
    for (const [ordinal] of vectors) this.#forget(ordinal);
    this.#changes += vectors.length;
    this.#isGraphBuilt = false;
  }

  // ---- the graph

  /** Vectors that the scan still answers for. */
  get graphBacklog(): number {
    const statistics = this.#fixed?.index.statistics;
    return statistics === undefined ? 0 : statistics.ready + statistics.waiting;
  }

  /** Whether there is nothing to build. */
  get isGraphBuilt(): boolean {
    return this.#isGraphBuilt || !this.#fixed?.index.isGraphWanted;
  }

  /** Share of the vectors that changed since the graph was written; 0 while there is no graph to write. */
  get #graphChangedShare(): number {
    if (this.#fixed === null || !this.#fixed.index.isSaved) return 0;
    const { coveredCount, rowCount } = this.#fixed.index;
    if (coveredCount === 0) return 0;
    return this.#section.graph === null || this.#isGraphUseless ? 1 : this.#changes / Math.max(1, rowCount);
  }

  /** Fetches vectors that building needs next. Under the shared lock. */
  async prepareGraph(): Promise<void> {
    await this.#fixed?.index.prepare((ordinals) => this.embeddings(ordinals));
  }

  /** Builds until `isOver` says so; returns whether nothing is left to build. */
  buildGraph(isOver: () => boolean): boolean {
    this.#isGraphBuilt = this.#fixed === null || this.#fixed.index.build(isOver);
    return this.#isGraphBuilt;
  }

  /** Writes the graph, tidied up, once building has come to an end and enough has changed. */
  static readonly idleJobs: readonly PartJob<VectorsSection>[] = [
    {
      idleMs: limits.graphIdleMs,
      priority: 1,
      isAwaited: true,
      isDue: (vectors: CollectionVectors) => vectors.isGraphBuilt && vectors.#graphChangedShare > GRAPH_CHANGED_SHARE_MAX,
      run: (vectors: CollectionVectors, writer, tick) => vectors.#saveGraph(writer, tick),
    },
  ];

  async #saveGraph(writer: BlockWriter, tick: Tick): Promise<Prepared<VectorsSection> | null> {
    if (this.#fixed === null) return null;
    const { index } = this.#fixed;
    while (!index.build(stepLimit(), true)) await tick();
    const copied = this.#changes;
    const copy = index.save();
    if (copy === null) return null;
    const graph = { ...(await saveGraph(writer, copy, tick)), changed: this.#unlikeRows(index) };
    return this.#prepared({ ...this.#section, graph }, () => {
      this.#changes -= copied;
      this.#isGraphUseless = false;
    });
  }

  /** Nodes that may be of other vectors than the section's rows: of newer ones, and of those that the graph has not taken up. */
  #unlikeRows({ statistics: { stale, waiting, ready } }: VectorIndex): number {
    return stale + waiting + ready + this.#home.records.entries().length;
  }

  // ---- compaction

  async compact({ entries, removed }: MemtableChanges, writer: BlockWriter, tick: Tick): Promise<Prepared<VectorsSection>> {
    if (this.#fixed === null) return this.#prepared(this.#section);
    const { dimension, file, stored } = this.#fixed;
    const rows = await file.apply(this.#section.rows, { written: vectorRows(entries), removed }, writer, tick);
    const directories = await stored.prepare(rows, tick);
    const graph = withChanges(this.#section.graph, entries);
    return this.#prepared({ dimension, rows, graph }, () => stored.install(directories));
  }

  /** The index is filled anew beside the old one, and the graph is not translated but built again. */
  async renumber({ ordinalOf }: Renumbering, writer: BlockWriter, tick: Tick): Promise<Prepared<VectorsSection>> {
    const fixed = this.#fixed;
    if (fixed === null) return this.#prepared(this.#section);
    const rows = await fixed.file.renumber(this.#section.rows, ordinalOf, writer, tick);
    const index = this.#newIndex(fixed.dimension);
    const directories = await this.#loadRows(fixed, index, rows);
    return this.#prepared({ ...this.#section, rows, graph: null }, () => {
      this.#cacheBase = 2 ** 32 * nextCacheBase++;
      fixed.index.dispose();
      fixed.index = index;
      fixed.stored.install(directories);
      this.#replayMemtable(index);
    });
  }

  #prepared(section: VectorsSection, effect?: () => void): Prepared<VectorsSection> {
    const install = () => {
      this.#section = section;
      effect?.();
    };
    return { section, install };
  }

  /** What the memtable knows better than the rows is set over them. */
  #replayMemtable(index: VectorIndex): void {
    for (const [ordinal, entry] of this.#home.records.entries()) {
      if (entry.kind === "tombstone") index.delete([ordinal]);
      else if (entry.vector !== undefined) this.#set([[ordinal, entry.vector]]);
    }
    this.#isGraphBuilt = false;
  }

  // ---- reading (under the shared lock)

  /**
   * The `k` nearest allowed records of each query; queries of a length that no record has find nothing. There is a tick before any
   * rows are judged: of many they are judged in parts.
   */
  nearest(queries: readonly Float32Array[], k: number, allowed: Bitmap, tick: Tick): Promise<Nearest[]> | Nearest[] {
    const none = () => ({ ordinals: new Uint32Array(), distances: new Float32Array() });
    // A query of another length was accepted while the collection was empty and had none.
    if (this.#fixed?.dimension !== queries[0]!.length || k === 0) return queries.map(none);
    return this.#fixed.index.searchMany(queries, k, allowed, async (ordinals) => {
      await tick();
      return this.embeddings(ordinals);
    });
  }

  /** Embeddings of live records, row-major, in the order given: from the memtable, the cache, or their rows on disk. */
  async embeddings(ordinals: ArrayLike<number>): Promise<Float32Array> {
    const dimension = this.dimension ?? 0;
    const out = new Float32Array(ordinals.length * dimension);
    const missing: number[] = [];
    for (let i = 0; i < ordinals.length; i++) {
      const row = this.#resident(ordinals[i]!);
      if (row === undefined) missing.push(i);
      else out.set(row, i * dimension);
    }
    if (missing.length === 0) return out;
    const rows = await this.#fixed!.stored.read(missing.map((i) => ordinals[i]!));
    missing.forEach((i, m) => {
      out.set(rows[m]!, i * dimension);
      this.#home.context.vectorCache.set(this.#cacheBase + ordinals[i]!, rows[m]!, dimension * 4);
    });
    return out;
  }

  /** Reads embeddings as they are now, of records of this moment; later writes and compactions change nothing of it. */
  frozen(entries: ReadonlyMap<number, MemtableEntry>): (ordinals: Uint32Array) => Promise<Float32Array> {
    const { dimension = 0, stored } = this.#fixed ?? {};
    const rowsOf = stored?.frozen();
    return async (ordinals) => {
      const out = new Float32Array(ordinals.length * dimension);
      const missing: number[] = [];
      for (let i = 0; i < ordinals.length; i++) {
        const entry = entries.get(ordinals[i]!);
        const fresh = entry === undefined || entry.kind === "tombstone" ? undefined : entry.vector?.embedding;
        if (fresh === undefined) missing.push(i);
        else out.set(fresh, i * dimension);
      }
      const rows = missing.length === 0 ? [] : await rowsOf!.read(missing.map((i) => ordinals[i]!));
      missing.forEach((i, m) => void out.set(rows[m]!, i * dimension));
      return out;
    };
  }

  /** Embeddings as the section has them, in the order given. */
  async storedEmbeddings(ordinals: ArrayLike<number>): Promise<Float32Array[]> {
    return ordinals.length === 0 ? [] : this.#fixed!.stored.read(Array.from(ordinals));
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

function vectorRows(entries: readonly Entry[]): [number, VectorRow][] {
  const rows: [number, VectorRow][] = [];
  for (const [ordinal, entry] of entries) {
    if (entry.kind !== "tombstone" && entry.vector !== undefined) rows.push([ordinal, entry.vector]);
  }
  return rows;
}

/** The graph beside rows in which these entries have taken the place of what it was made of. */
function withChanges(graph: GraphSection | null, entries: readonly Entry[]): GraphSection | null {
  if (graph?.changed === undefined) return graph;
  const changes = entries.filter(([, entry]) => entry.kind === "tombstone" || entry.vector !== undefined).length;
  return { ...graph, changed: graph.changed + changes };
}

/** Ends a stretch of building after a few steps, each of which inserts a vector or looks at some nodes. */
function stepLimit(): () => boolean {
  let steps = 0;
  return () => ++steps > 16;
}

/** Hands rows of a block to the index in runs of consecutive ordinals. */
function setRuns(index: VectorIndex, dimension: number, ordinals: Uint32Array, rows: QuantizedRows): void {
  for (let from = 0, to: number; from < ordinals.length; from = to) {
    to = from + 1;
    while (to < ordinals.length && ordinals[to] === ordinals[to - 1]! + 1) to++;
    index.set(ordinals[from]!, rowRange(rows, dimension, from, to));
  }
}

function rowRange(rows: QuantizedRows, dimension: number, from: number, to: number): QuantizedRows {
  return {
    codes: rows.codes.subarray(from * dimension, to * dimension),
    slopes: rows.slopes.subarray(from, to),
    intercepts: rows.intercepts.subarray(from, to),
    errors: rows.errors.subarray(from, to),
  };
}

/** By ordinal, the fingerprint of a row; only of those that are `found`. */
interface Prints {
  readonly found: Bitmap;
  readonly of: Uint32Array;
}

/** Each record has a vector; its codes are those of its embedding, and the checksum beside them, too. */
async function verifyRows(rows: OrdinalSection, dimension: number, inspection: Inspection, wantsPrints: boolean): Promise<Prints | null> {
  const owner = inspection.owner("vectors");
  const { deep, nextOrdinal } = inspection.context;
  const found = new Bitmap();
  const prints = wantsPrints && deep ? { found, of: new Uint32Array(nextOrdinal) } : null;
  const before = inspection.findingCount;
  for await (const { ordinals, parts } of inspection.rows("vectors", rows, owner)) {
    found.addAll(ordinals);
    if (prints !== null) takePrints(prints.of, ordinals, quantizedRows(parts[0]!), dimension);
    inspection.counts.vectors += ordinals.length;
    const wrong = damageOfVectors(parts, dimension, inspection.context);
    if (wrong !== null)
      inspection.find("vectors", owner, `The vector of ordinal ${ordinals[wrong]} of ${owner} is not what its codes or checksum tell`);
  }
  if (!inspection.isWhole || inspection.findingCount > before) return null;
  const { inside, outside } = found.countAgainst(inspection.live);
  if (outside === 0 && inside === inspection.counts.records) return prints;
  const message = `${inside} of ${inspection.counts.records} records have a vector in ${owner}, and ${outside} vectors have no record`;
  inspection.find("vectors", owner, message);
  return null;
}

function takePrints(prints: Uint32Array, ordinals: Uint32Array, { codes, slopes, intercepts }: QuantizedRows, dimension: number): void {
  for (let row = 0; row < ordinals.length; row++) {
    prints[ordinals[row]!] = fingerprintOf(codes.subarray(row * dimension, (row + 1) * dimension), slopes[row]!, intercepts[row]!);
  }
}

/** The first row that is not as it should be. */
function damageOfVectors([codeBlock, embeddingBlock]: readonly Block[], dimension: number, context: InspectionContext): number | null {
  const embeddings = embeddingBlock!.fixedF32("embedding");
  const checksums = codeBlock!.u32("crc");
  const bytes = new Uint8Array(embeddings.buffer, embeddings.byteOffset, embeddings.byteLength);
  const width = dimension * 4;
  const wrong = checksums.findIndex((checksum, row) => crc32(bytes.subarray(row * width, (row + 1) * width)) !== checksum);
  if (wrong >= 0 || !context.deep) return wrong < 0 ? null : wrong;
  const stored = quantizedRows(codeBlock!);
  const made = quantizeRows(context.row.configuration.hnsw.space, dimension, embeddings);
  const code = stored.codes.findIndex((value, at) => value !== made.codes[at]);
  if (code >= 0) return Math.floor(code / dimension);
  const number = (["slopes", "intercepts", "errors"] as const).map((of) =>
    stored[of].findIndex((value, row) => !Object.is(value, made[of][row])),
  );
  return number.find((row) => row >= 0) ?? null;
}

/** The graph can be walked, and its nodes are of the rows, but for as many as have changed since it was saved. */
async function verifyGraph(graph: GraphSection, prints: Prints | null, inspection: Inspection): Promise<void> {
  const { blocks, tick } = inspection.context;
  const owner = inspection.owner("graph");
  const snapshot = await inspection.attempt("graph", owner, () => loadGraph(blocks, graph, owner, tick));
  if (snapshot === null) return;
  inspection.counts.blocks += graph.pieces.length;
  const damage = damageOf(snapshot, graph, graph.seed);
  if (damage !== null) return inspection.find("graph", owner, `The graph of ${owner} cannot be walked: ${damage}`);
  if (prints === null || graph.changed === undefined) return;
  let others = 0;
  for (const [i, piece] of snapshot.pieces.entries()) {
    await tick();
    others += countOthers(piece, i * PIECE_ORDINALS, prints);
  }
  if (others <= graph.changed) return;
  inspection.find("graph", owner, `${others} nodes of ${owner} are of no vector there is, and ${graph.changed} vectors changed since`);
}

/** Nodes of a piece that are not of the row that has their ordinal. */
function countOthers({ heights, fingerprints }: SnapshotPiece, first: number, { found, of }: Prints): number {
  let others = 0;
  for (let i = 0; i < heights.length; i++) {
    if (heights[i]! > 0 && !(found.has(first + i) && of[first + i] === fingerprints[i])) others++;
  }
  return others;
}
