/**
 * Everything in memory of one open collection: the current manifest, the memtable over it, the id table, the set of live
 * ordinals, the vector index, and what the log holds of it.
 *
 * Invariants: `apply` is deterministic and makes no I/O, so replaying the log after `manifest.offset` rebuilds the same
 * state; an ordinal belongs to one record for as long as the manifest's numbering lives; the memtable's entry for an
 * ordinal overrules the segments' row. `apply` and `install` run under the exclusive lock, every read under the shared one.
 */

import type { Bitmap } from "../base/bitmap.js";
import type { ByteCache } from "../base/byte-cache.js";
import { mergeMetadata } from "../base/merge-metadata.js";
import type { Tick } from "../base/turns.js";
import type { BlockStore } from "../blockstore/blockstore.js";
import { OrdinalBlockfile } from "../blockstore/ordinal-blockfile.js";
import type { Renumbering } from "../compactor/renumbering.js";
import { TidepoolError } from "../errors.js";
import type { CreateApproximate } from "../index/vector/approximate-index.js";
import type { GraphCopy } from "../index/vector/graph-snapshot.js";
import { type QuantizedRows, quantizeRows } from "../index/vector/quantize.js";
import { VectorIndex } from "../index/vector/vector-index.js";
import type { VectorKernel } from "../index/vector/vector-kernel.js";
import { limits } from "../limits.js";
import type { LogRecord } from "../log/log-record.js";
import { decodeLogRecord } from "../log/log-record.js";
import { Memtable, type MemtableEntry, patchEntry, type RecordFields } from "../log/memtable.js";
import { IndexPolicy } from "../schema.js";
import { loadGraph } from "../segment/graph.js";
import { idFormat, type Payload, patchedPayload, payloadFormat } from "../segment/record.js";
import { type VectorRow, VectorSegment, vectorFormat } from "../segment/vector.js";
import type { TidepoolWarning, WarningCode } from "../service.js";
import type { LogStore } from "../storage.js";
import type { Manifest } from "../sysdb/manifest.js";
import type { CollectionRow } from "../sysdb/sysdb.js";
import type { Metadata, RecordBatch, RecordColumns } from "../types.js";
import { IdTable } from "./id-table.js";
import { MetadataSegment } from "./metadata.js";
import { ReadWriteLock } from "./read-write-lock.js";
import { CollectionText, type TextSource } from "./text.js";
import { WriteLine } from "./write-line.js";

let nextCacheBase = 0;

/** Log records read at once while replaying. */
const LOG_READ_BYTES = 16 * 1024 * 1024;

/** What a collection needs of the engine around it. */
export interface CollectionParts {
  blocks: BlockStore;
  log: LogStore;
  kernel: VectorKernel;
  /** Makes approximate indexes of the collection's engine, where that is not our own. */
  createApproximate: CreateApproximate | undefined;
  vectorCache: ByteCache<number, Float32Array>;
  tick: Tick;
  flatRowsMax: number | undefined;
  /** Dead ordinals, for so many live ones, above which a collection is renumbered. */
  deadOrdinalsMax(live: number): number;
  /** Takes note of something that was mended and should be known. */
  warn(warning: TidepoolWarning): void;
  /** Asks for the graph to be built, when there is reason to besides opening and writing. */
  buildGraph(state: CollectionState): void;
}

/** Which columns a read wants beside the ids. */
export interface FieldSelection {
  document: boolean;
  uri: boolean;
  metadata: boolean;
  embedding: boolean;
}

/** A dimension's share of the state: made when the first record fixes the dimension. */
interface Vectors {
  dimension: number;
  index: VectorIndex;
  file: OrdinalBlockfile<VectorRow>;
  segment: VectorSegment;
}

/** What a finished compaction puts in place. */
export interface Installation {
  manifest: Manifest;
  directories: Awaited<ReturnType<VectorSegment["prepare"]>>;
  /** The memtable entries that the new segments contain. */
  compacted: [ordinal: number, entry: MemtableEntry][];
  compactedBytes: number;
  compactedRecords: number;
  compactedDeletions: number;
}

export class CollectionState {
  readonly lock: ReadWriteLock;
  readonly writeLine = new WriteLine();
  readonly memtable = new Memtable();
  readonly idFile: OrdinalBlockfile<string>;
  readonly payloadFile: OrdinalBlockfile<Payload>;
  readonly metadataSegment: MetadataSegment;
  /** Which values are indexed: fixed when the collection was created. */
  readonly indexes: IndexPolicy;
  text: CollectionText;
  row: CollectionRow;
  manifest: Manifest;
  vectors: Vectors | null = null;
  appliedOffset: number;
  nextOrdinal: number;
  /** Ordinals below this are in the segments or in a compaction under way: deleting one leaves a tombstone. */
  sealedOrdinal: number;
  logBytes = 0;
  logRecords = 0;
  /** Deletes among the log records: they should reach the segments soon, even if they are few. */
  logDeletions = 0;
  /** Whether any record ever had a document: without one there is no text to index. */
  hasDocuments: boolean;
  dropped = false;
  /** Given up to save memory: another state may stand for the collection by now. */
  closed = false;
  #claim: { dimension: number; writers: number } | null = null;
  readonly #parts: CollectionParts;
  /** Distinguishes this state's vectors in the shared cache. */
  #isRetained: () => boolean = () => true;
  #cacheBase = 2 ** 32 * nextCacheBase++;
  /** Vectors set or deleted since the graph was written. */
  #vectorChanges = 0;
  #table = new IdTable();

  private constructor(row: CollectionRow, manifest: Manifest, parts: CollectionParts, lock = new ReadWriteLock()) {
    this.lock = lock;
    this.row = row;
    this.manifest = manifest;
    this.#parts = parts;
    this.appliedOffset = manifest.offset;
    this.nextOrdinal = manifest.nextOrdinal;
    this.sealedOrdinal = manifest.nextOrdinal;
    this.hasDocuments = manifest.hasDocuments;
    this.idFile = new OrdinalBlockfile(parts.blocks, this.#owner("ids"), idFormat, limits.recordBlockBytes);
    this.payloadFile = new OrdinalBlockfile(parts.blocks, this.#owner("records"), payloadFormat, limits.recordBlockBytes);
    this.indexes = new IndexPolicy(row.schema);
    this.metadataSegment = new MetadataSegment(parts.blocks, this.#owner("metadata"), this.indexes);
    this.text = new CollectionText(parts.blocks, this.#owner("text"));
  }

  /** Reads ids and codes of the manifest, then replays the log after it. */
  static async open(row: CollectionRow, manifest: Manifest, parts: CollectionParts): Promise<CollectionState> {
    const state = new CollectionState(row, manifest, parts);
    await state.#loadSegments();
    await state.#replay();
    return state;
  }

  /** An earlier version of an open collection, to read from. It shares the lock, under which blocks are released. */
  static async openVersion(live: CollectionState, manifest: Manifest, isRetained: () => boolean): Promise<CollectionState> {
    const state = new CollectionState(live.row, manifest, live.#parts, live.lock);
    state.#isRetained = isRetained;
    await state.read(() => state.#loadSegments());
    return state;
  }

  /** Runs a read under the shared lock, in which nothing moves; refused when the blocks may be gone by then. */
  read<T>(body: () => Promise<T> | T): Promise<T> {
    return this.lock.shared(() => {
      if (this.dropped || !this.#isRetained()) {
        throw new TidepoolError(
          "NOT_FOUND",
          `Collection [${this.row.name}]${this.dropped ? "" : ` at version ${this.manifest.version}`} does not exist any more`,
        );
      }
      return body();
    });
  }

  get count(): number {
    return this.#table.count;
  }

  /** Ordinals of live records. */
  get live(): Bitmap {
    return this.#table.live;
  }

  /** Fixed by the first record, or claimed by writes that are on their way to the log. */
  get dimension(): number | null {
    return this.vectors?.dimension ?? this.#claim?.dimension ?? null;
  }

  /** While a first write is on its way, others of another dimension are refused. */
  claimDimension(dimension: number | null): void {
    if (this.vectors !== null || dimension === null) return;
    this.#claim ??= { dimension, writers: 0 };
    this.#claim.writers++;
  }

  unclaimDimension(dimension: number | null): void {
    if (this.#claim === null || dimension === null) return;
    if (--this.#claim.writers === 0) this.#claim = null;
  }

  /** Bytes of memory that codes, memtable and id table hold (the latter estimated). */
  get memoryBytes(): number {
    return this.memtable.bytes + (this.vectors?.index.byteLength ?? 0) + this.count * 100;
  }

  ordinalOf(id: string): number | undefined {
    return this.#table.ordinalOf(id);
  }

  idOf(ordinal: number): string {
    return this.#table.idOf(ordinal);
  }

  /** Makes ready what the first write will need, and no query. */
  prepareWrites(): Promise<void> {
    return this.#table.prepare(this.#parts.tick);
  }

  // ---- opening

  async #loadSegments(): Promise<void> {
    for await (const { parts, ordinals } of this.idFile.scan(this.manifest.ids)) {
      const ids = parts[0]!.utf8Column("id");
      for (let row = 0; row < ordinals.length; row++) this.#table.load(ids[row]!, ordinals[row]!);
      await this.#parts.tick();
    }
    if (this.manifest.dimension === null) return;
    const { index, segment } = this.#vectorsOf(this.manifest.dimension);
    segment.install(
      await segment.open(
        this.manifest.vectors,
        (ordinals, rows) => setRuns(index, this.manifest.dimension!, ordinals, rows),
        this.#parts.tick,
      ),
    );
    await this.#loadGraph(index);
  }

  /** A graph is derived from the vectors: one that is damaged is built anew, with a warning. */
  async #loadGraph(index: VectorIndex): Promise<void> {
    const { graph } = this.manifest;
    if (graph === null) return;
    if (graph.M !== this.row.configuration.hnsw.max_neighbors) {
      // Built before `max_neighbors` was changed: of no use, and no damage.
      this.#vectorChanges = Infinity;
      return;
    }
    const owner = this.#owner("graph");
    let damage: string | null;
    try {
      damage = index.load(await loadGraph(this.#parts.blocks, graph, owner, this.#parts.tick));
    } catch (error) {
      if (!(error instanceof TidepoolError) || error.code !== "CORRUPTION") throw error;
      damage = error.message;
    }
    if (damage !== null) this.#warn("GRAPH_DAMAGED", `could not be used and is built anew: ${damage}`);
    const { rows, covered, stale } = index.statistics;
    this.#vectorChanges = damage === null ? rows - covered + stale : Infinity;
  }

  async #replay(): Promise<void> {
    for (;;) {
      const entries = await this.#parts.log.read(this.row.id, this.appliedOffset, LOG_READ_BYTES);
      if (entries.length === 0) return;
      for (const { offset, bytes } of entries) {
        if (offset !== this.appliedOffset + 1) {
          throw new TidepoolError(
            "CORRUPTION",
            `Log record ${this.appliedOffset + 1} of collection "${this.row.name}" is missing. Nothing was changed.`,
          );
        }
        this.apply(offset, decodeLogRecord(bytes, `${offset} of collection "${this.row.name}"`), bytes.length);
        await this.#parts.tick();
      }
    }
  }

  // ---- applying the log

  /** Codes of a batch's embeddings. `apply` makes them itself, but while it does, all others wait. */
  quantize({ embeddings }: RecordBatch): QuantizedRows | null {
    return embeddings === null ? null : quantizeRows(this.space, embeddings.dimension, embeddings.values);
  }

  /** Makes one durable log record visible. Returns how many records a delete removed. */
  apply(offset: number, record: LogRecord, byteLength: number, codes: QuantizedRows | null = null): { deleted: number } {
    if (this.closed) throw new TidepoolError("INTERNAL", `Collection "${this.row.name}" was closed while it was written to`);
    this.appliedOffset = offset;
    this.logBytes += byteLength;
    this.logRecords++;
    if (record.kind === "delete") {
      this.logDeletions++;
      return { deleted: this.#applyDelete(record.ids) };
    }
    this.#applyWrite(record.operation, record.records, codes ?? this.quantize(record.records));
    return { deleted: 0 };
  }

  #applyDelete(ids: readonly string[]): number {
    let deleted = 0;
    const touched: number[] = [];
    for (const id of ids) {
      const ordinal = this.#table.ordinalOf(id);
      if (ordinal === undefined) continue;
      this.#table.delete(id, ordinal);
      if (ordinal < this.sealedOrdinal) this.memtable.set(ordinal, { kind: "tombstone", id });
      else this.memtable.delete(ordinal);
      this.#forgetVector(ordinal);
      touched.push(ordinal);
      deleted++;
    }
    this.vectors?.index.delete(touched);
    this.#vectorChanges += deleted;
    this.text.touch(touched);
    return deleted;
  }

  #applyWrite(operation: "add" | "update" | "upsert", batch: RecordBatch, codes: QuantizedRows | null): void {
    const vectorOf = vectorRows(batch, codes);
    const vectors: [ordinal: number, vector: VectorRow][] = [];
    const touched: number[] = [];
    batch.ids.forEach((id, i) => {
      const fields: RecordFields = {
        vector: vectorOf(i),
        document: batch.documents?.[i] ?? undefined,
        uri: batch.uris?.[i] ?? undefined,
        metadata: batch.metadatas?.[i] ?? undefined,
      };
      const existing = this.#table.ordinalOf(id);
      if (existing === undefined ? operation === "update" : operation === "add") return;
      const ordinal = existing ?? this.nextOrdinal++;
      if (existing === undefined) this.#insert(id, ordinal, fields);
      else this.#patch(id, ordinal, fields);
      if (fields.vector !== undefined) vectors.push([ordinal, fields.vector]);
      if (fields.document === undefined) return;
      this.hasDocuments = true;
      touched.push(ordinal);
    });
    if (vectors.length > 0) this.#indexVectors(batch.embeddings!.dimension, vectors);
    this.text.touch(touched);
  }

  #insert(id: string, ordinal: number, fields: RecordFields): void {
    this.#table.add(id, ordinal);
    this.memtable.set(ordinal, {
      kind: "record",
      id,
      vector: fields.vector!,
      document: fields.document ?? null,
      uri: fields.uri ?? null,
      metadata: fields.metadata === undefined ? null : mergeMetadata(null, fields.metadata),
    });
  }

  #patch(id: string, ordinal: number, fields: RecordFields): void {
    this.memtable.set(ordinal, patchEntry(id, this.memtable.get(ordinal), fields));
  }

  /** Hands vectors of one batch to the index, runs of consecutive ordinals and rows as one. */
  #indexVectors(dimension: number, vectors: readonly (readonly [ordinal: number, vector: VectorRow])[]): void {
    const { index } = this.#vectorsOf(dimension);
    for (let from = 0, to; from < vectors.length; from = to) {
      const [ordinal, { quantized, at }] = vectors[from]!;
      to = from + 1;
      while (vectors[to]?.[0] === ordinal + to - from && vectors[to]![1].at === at + to - from) to++;
      index.set(ordinal, rowRange(quantized, dimension, at, at + to - from));
    }
    for (const [ordinal] of vectors) this.#forgetVector(ordinal);
    this.#vectorChanges += vectors.length;
  }

  get space(): CollectionRow["configuration"]["hnsw"]["space"] {
    return this.row.configuration.hnsw.space;
  }

  #vectorsOf(dimension: number): Vectors {
    if (this.vectors !== null) return this.vectors;
    const owner = this.#owner("vectors");
    this.vectors = {
      dimension,
      index: this.#newIndex(dimension),
      file: new OrdinalBlockfile(this.#parts.blocks, owner, vectorFormat(dimension), limits.vectorBlockBytes),
      segment: new VectorSegment(this.#parts.blocks, owner, dimension),
    };
    return this.vectors;
  }

  #newIndex(dimension: number): VectorIndex {
    const { kernel, flatRowsMax, createApproximate } = this.#parts;
    const onFailure = (why: string): void => this.#rebuildGraph(why);
    return new VectorIndex(kernel, this.space, dimension, { ...indexOptions(this.row), flatRowsMax, createApproximate, onFailure });
  }

  #rebuildGraph(why: string): void {
    this.#warn("GRAPH_FAILED", `failed; the exact scan answers. ${why}`);
    this.#parts.buildGraph(this);
  }

  #warn(code: WarningCode, what: string): void {
    const collection = this.row.name;
    this.#parts.warn({ code, message: `The graph of collection "${collection}" ${what}`, collection });
  }

  /** Names collection and segment in errors. */
  #owner(segment: string): string {
    return `collection "${this.row.name}" (${segment})`;
  }

  /** Takes over a changed row: another name, metadata, or `ef_search`, which counts from the next search on. */
  configure(row: CollectionRow): void {
    this.row = row;
    if (this.vectors !== null) this.vectors.index.efSearch = row.configuration.hnsw.ef_search;
  }

  // ---- the graph of the vector index

  /** Vectors that the scan still answers for. */
  get graphBacklog(): number {
    const statistics = this.vectors?.index.statistics;
    return statistics === undefined ? 0 : statistics.ready + statistics.waiting;
  }

  /** Whether there is nothing to build and nothing to save. */
  get isGraphDone(): boolean {
    return this.vectors === null || (this.vectors.index.build(() => true) && this.graphChangedShare === 0);
  }

  /** Share of the vectors that changed since the graph was written; 0 while there is no graph to write. */
  get graphChangedShare(): number {
    if (this.vectors === null || !this.vectors.index.isSaved) return 0;
    const { covered, rows } = this.vectors.index.statistics;
    if (covered === 0) return 0;
    return this.manifest.graph === null ? 1 : this.#vectorChanges / Math.max(1, rows);
  }

  /** Fetches vectors that building needs next. */
  prepareGraph(): Promise<void> {
    return this.lock.shared(async () => {
      if (!this.dropped) await this.vectors?.index.prepare((ordinals) => this.embeddings(ordinals));
    });
  }

  /** Builds until `isOver` says so; returns whether nothing is left to build. */
  buildGraph(isOver: () => boolean): boolean {
    return this.vectors === null || this.vectors.index.build(isOver);
  }

  /** The finished graph, to be saved before more is built; `null` when there is none. */
  async finishGraph(tick: Tick): Promise<GraphCopy | null> {
    if (this.vectors === null) return null;
    const { index } = this.vectors;
    while (!index.build(stepLimit(), true)) await tick();
    this.#vectorChanges = 0;
    return index.save();
  }

  /** Gives back memory that is not given back by itself; nothing is built after that. */
  dispose(): void {
    this.vectors?.index.dispose();
  }

  // ---- compaction

  /** Puts a finished compaction in place. Entries that changed since it began stay in the memtable, over the new segments. */
  install(installation: Installation): void {
    this.manifest = installation.manifest;
    this.vectors?.segment.install(installation.directories);
    for (const [ordinal, entry] of installation.compacted) {
      if (this.memtable.get(ordinal) === entry) this.memtable.delete(ordinal);
    }
    this.logBytes -= installation.compactedBytes;
    this.logRecords -= installation.compactedRecords;
    this.logDeletions -= installation.compactedDeletions;
  }

  /** Dead ordinals above which the collection is renumbered. */
  get deadOrdinalsMax(): number {
    return this.#parts.deadOrdinalsMax(this.count);
  }

  /** The vector index of a renumbered manifest, before it is installed. */
  async prepareRenumbered(manifest: Manifest): Promise<{ index: VectorIndex; directories: Installation["directories"] } | null> {
    if (this.vectors === null) return null;
    const { dimension, segment } = this.vectors;
    const index = this.#newIndex(dimension);
    const directories = await segment.open(
      manifest.vectors,
      (ordinals, rows) => setRuns(index, dimension, ordinals, rows),
      this.#parts.tick,
    );
    return { index, directories };
  }

  /** Puts a renumbered manifest in place; everything in memory that goes by ordinals is translated or begins anew. */
  installRenumbered(renumbering: Renumbering, prepared: Awaited<ReturnType<CollectionState["prepareRenumbered"]>>): void {
    const { manifest, ordinalOf } = renumbering;
    this.manifest = manifest;
    this.memtable.renumber(ordinalOf);
    this.nextOrdinal = ordinalOf(this.nextOrdinal);
    this.sealedOrdinal = manifest.nextOrdinal;
    this.#table = this.#table.renumbered(ordinalOf);
    void this.prepareWrites();
    this.text = new CollectionText(this.#parts.blocks, this.#owner("text"));
    this.#cacheBase = 2 ** 32 * nextCacheBase++;
    if (this.vectors !== null && prepared !== null) this.#installIndex(this.vectors, prepared);
  }

  /** What the memtable knows better than the segments is set over them. */
  #installIndex(vectors: Vectors, { index, directories }: { index: VectorIndex; directories: Installation["directories"] }): void {
    vectors.index.dispose();
    vectors.index = index;
    vectors.segment.install(directories);
    for (const [ordinal, entry] of this.memtable.snapshot()) {
      if (entry.kind === "tombstone") index.delete([ordinal]);
      else if (entry.vector !== undefined) this.#indexVectors(vectors.dimension, [[ordinal, entry.vector]]);
    }
    this.#vectorChanges = Infinity;
  }

  // ---- reading (under the shared lock)

  /** Columns of live records, in the order given. */
  async fetch(ordinals: ArrayLike<number>, fields: FieldSelection): Promise<RecordColumns> {
    const wanted = Array.from(ordinals);
    const payload = fields.document || fields.uri || fields.metadata ? await this.#payloads(wanted) : null;
    return {
      ids: wanted.map((ordinal) => this.idOf(ordinal)),
      documents: fields.document ? payload!.map((row) => row.document) : null,
      uris: fields.uri ? payload!.map((row) => row.uri) : null,
      metadatas: fields.metadata ? payload!.map(shownMetadata) : null,
      embeddings: fields.embedding ? { dimension: this.dimension ?? 0, values: await this.embeddings(wanted) } : null,
    };
  }

  /** Documents for the text index; takes the shared lock for each chunk. Ordinals may be dead by now: `null`. */
  textSource(): TextSource {
    return { ...this.lockedTextSource(), documents: (ordinals) => this.read(() => this.#documents(ordinals)) };
  }

  /** The same for callers that hold the shared lock already. */
  lockedTextSource(): TextSource {
    return {
      documents: (ordinals) => this.#documents(ordinals),
      section: () => this.manifest.text,
      nextOrdinal: () => this.nextOrdinal,
      uncompacted: () => this.memtable.ordinals(),
    };
  }

  async #documents(ordinals: Uint32Array): Promise<(string | null)[]> {
    const live = [...ordinals].filter((ordinal) => this.live.has(ordinal));
    const payloads = await this.#payloads(live);
    const documents = new Map(live.map((ordinal, i) => [ordinal, payloads[i]!.document]));
    return Array.from(ordinals, (ordinal) => documents.get(ordinal) ?? null);
  }

  async #payloads(ordinals: readonly number[]): Promise<Payload[]> {
    const entries = ordinals.map((ordinal) => this.memtable.get(ordinal));
    const below = ordinals.filter((_, i) => entries[i]?.kind !== "record").sort((a, b) => a - b);
    const rows = await this.payloadFile.read(this.manifest.payload, below);
    const byOrdinal = new Map(below.map((ordinal, i) => [ordinal, rows[i]!]));
    return ordinals.map((ordinal, i) => {
      const entry = entries[i];
      if (entry?.kind === "record") return entry;
      const base = byOrdinal.get(ordinal);
      if (base === undefined || base === null) throw this.#missing(ordinal);
      return entry?.kind === "patch" ? patchedPayload(base, entry) : base;
    });
  }

  /** Embeddings of live records, row-major, in the order given: from the memtable, the cache, or their rows on disk. */
  async embeddings(ordinals: ArrayLike<number>): Promise<Float32Array> {
    const dimension = this.dimension ?? 0;
    const out = new Float32Array(ordinals.length * dimension);
    const missing: number[] = [];
    for (let i = 0; i < ordinals.length; i++) {
      const row = this.#residentEmbedding(ordinals[i]!);
      if (row === undefined) missing.push(i);
      else out.set(row, i * dimension);
    }
    if (missing.length === 0) return out;
    const rows = await this.vectors!.segment.read(missing.map((i) => ordinals[i]!));
    missing.forEach((i, m) => {
      out.set(rows[m]!, i * dimension);
      this.#parts.vectorCache.set(this.#cacheKey(ordinals[i]!), rows[m]!, dimension * 4);
    });
    return out;
  }

  #residentEmbedding(ordinal: number): Float32Array | undefined {
    const entry = this.memtable.get(ordinal);
    const fresh = entry === undefined || entry.kind === "tombstone" ? undefined : entry.vector?.embedding;
    return fresh ?? this.#parts.vectorCache.get(this.#cacheKey(ordinal));
  }

  #forgetVector(ordinal: number): void {
    this.#parts.vectorCache.delete(this.#cacheKey(ordinal));
  }

  #cacheKey(ordinal: number): number {
    return this.#cacheBase + ordinal;
  }

  #missing(ordinal: number): TidepoolError {
    return new TidepoolError(
      "CORRUPTION",
      `The record of ordinal ${ordinal} is missing from collection "${this.row.name}". Nothing was changed.`,
    );
  }
}

/** The vector of the i-th record of a batch, if it carries one; to be asked in order. */
function vectorRows({ embeddings }: RecordBatch, codes: QuantizedRows | null): (i: number) => VectorRow | undefined {
  if (embeddings === null || codes === null) return () => undefined;
  const { dimension, values, present } = embeddings;
  let next = 0;
  return (i) => {
    if (present !== null && present[i] === 0) return undefined;
    const at = next++;
    return { embedding: values.subarray(at * dimension, next * dimension), quantized: codes, at };
  };
}

/** Ends a stretch of building after a few steps, each of which inserts a vector or looks at some nodes. */
function stepLimit(): () => boolean {
  let steps = 0;
  return () => ++steps > 16;
}

function indexOptions({ configuration: { hnsw } }: CollectionRow): { M: number; efConstruction: number; efSearch: number } {
  return { M: hnsw.max_neighbors, efConstruction: hnsw.ef_construction, efSearch: hnsw.ef_search };
}

/** Hands rows of a block to the index in runs of consecutive ordinals. */
function setRuns(index: VectorIndex, dimension: number, ordinals: Uint32Array, rows: QuantizedRows): void {
  for (let from = 0, to; from < ordinals.length; from = to) {
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

/** Chroma keeps a uri among the metadata, so a record with a uri and no metadata shows empty metadata, not `null`. */
function shownMetadata(row: Payload): Metadata | null {
  return row.metadata ?? (row.uri !== null ? {} : null);
}
