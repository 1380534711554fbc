/**
 * Finds vectors by codes of all of them, which are in memory, and by a graph over these once there are enough
 * (`index/vector/vector-index.ts`). The graph is saved beside the rows.
 *
 * A saved graph may be older than the rows (`index/vector/graph-snapshot.ts`), so compactions carry it along unchanged. One that is
 * damaged is built anew, with a warning.
 */

import type { Bitmap } from "../base/bitmap.js";
import type { MemoryUse } from "../base/memory-use.js";
import { inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import type { Block } from "../blockstore/block.js";
import type { BlockWriter } from "../blockstore/blockstore.js";
import { TidepoolError } from "../errors.js";
import type { Nearest, VectorSource } from "../index/vector/flat.js";
import type { QuantizedRows } from "../index/vector/quantize.js";
import type { SearchEffort } from "../index/vector/spann/list-search.js";
import { VectorIndex } from "../index/vector/vector-index.js";
import { QUERIES_PER_PASS } from "../index/vector/vector-kernel.js";
import { limits } from "../limits.js";
import { type GraphSection, loadGraph, saveGraph } from "../segment/graph.js";
import { quantizedRows, type VectorRow } from "../segment/vector.js";
import type { WarningCode } from "../service.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { Entry, MemtableChanges, PartHome, Prepared } from "./part.js";
import type { BlockOrdinals } from "./stored-vectors.js";
import type { FinderSection, VectorFinder } from "./vector-finder.js";

/** Share of the vectors that may change before the graph is written anew. */
const GRAPH_CHANGED_SHARE_MAX = 0.2;
/** Beams that are tried to see which one is enough. */
const BEAMS = [16, 32, 64, 128, 256, 512, 1024];

export class GraphFinder implements VectorFinder {
  readonly efforts = BEAMS;
  readonly exactQueriesMax = 1;
  readonly #home: PartHome;
  readonly #dimension: number;
  readonly #index: VectorIndex;
  /** As the manifest has it. */
  #graph: GraphSection | null = null;
  /** Vectors set or deleted since the graph that the section names was copied. */
  #changes = 0;
  /** Whether that graph is of no use, however little has changed. */
  #isUseless = false;
  /** Whether nothing happened since building came to an end. */
  #isBuilt = false;

  constructor(home: PartHome, dimension: number) {
    this.#home = home;
    this.#dimension = dimension;
    const { kernel, flatRowsMax, createApproximate } = home.context;
    const { space, max_neighbors: M, ef_construction: efConstruction, ef_search: efSearch } = home.row.configuration.hnsw;
    const onFailure = (why: string): void => this.#rebuild(why);
    this.#index = new VectorIndex(kernel, space, dimension, { M, efConstruction, efSearch, flatRowsMax, createApproximate, onFailure });
  }

  get queriesAtOnce(): number {
    const { helpers } = this.#home.context.kernel;
    return helpers !== undefined && helpers.cores > 1 && helpers.alone === null ? limits.helpersQueriesMax : QUERIES_PER_PASS;
  }

  get memory(): Partial<MemoryUse> {
    return this.#index.memory;
  }

  get isApproximate(): boolean {
    return this.#index.coveredCount > 0;
  }

  get effort(): number {
    return this.#index.efSearch;
  }

  /** `ef_search` counts from the next search on. */
  configure(row: CollectionRow): void {
    this.#index.efSearch = row.configuration.hnsw.ef_search;
  }

  dispose(): void {
    this.#index.dispose();
  }

  // ---- opening

  /** Hands rows of a block to the index in runs of consecutive ordinals. */
  load({ first, ordinals }: BlockOrdinals, codes: Block | null): void {
    const rows = quantizedRows(codes!);
    if (ordinals === null) return this.#index.set(first, rows);
    for (let from = 0, to: number; from < ordinals.length; from = to) {
      to = from + 1;
      while (to < ordinals.length && ordinals[to] === ordinals[to - 1]! + 1) to++;
      this.#index.set(ordinals[from]!, rowRange(rows, this.#dimension, from, to));
    }
  }

  async open({ graph }: FinderSection): Promise<void> {
    this.#graph = graph;
    if (graph === null) return;
    if (graph.M !== this.#home.row.configuration.hnsw.max_neighbors) {
      // Built before `max_neighbors` was changed: of no use, and no damage.
      this.#isUseless = true;
      return;
    }
    const damage = await this.#damageOfLoading(graph);
    if (damage !== null) this.#warn("GRAPH_DAMAGED", `could not be used and is built anew: ${damage}`);
    this.#isUseless = damage !== null;
    const { rows, covered, stale } = this.#index.statistics;
    this.#changes = rows - covered + stale;
  }

  async #damageOfLoading(graph: GraphSection): Promise<string | null> {
    const { blocks, tick } = this.#home.context;
    try {
      const snapshot = await loadGraph(blocks, graph, `collection "${this.#home.row.name}" (graph)`, tick);
      return await inTurns(this.#index.load(snapshot), tick);
    } catch (error) {
      if (!(error instanceof TidepoolError) || error.code !== "CORRUPTION") throw error;
      return error.message;
    }
  }

  #rebuild(why: string): void {
    this.#warn("GRAPH_FAILED", `failed; the exact scan answers. ${why}`);
    this.#isBuilt = false;
    this.#home.noteWork();
  }

  #warn(code: WarningCode, what: string): void {
    const collection = this.#home.row.name;
    this.#home.context.warn({ code, message: `The graph of collection "${collection}" ${what}`, collection });
  }

  // ---- writes

  /** Hands vectors to the index, runs of consecutive ordinals and rows as one. */
  set(vectors: readonly (readonly [ordinal: number, vector: VectorRow])[]): void {
    for (let from = 0, to: number; from < vectors.length; from = to) {
      const [ordinal, { quantized, at }] = vectors[from]!;
      to = from + 1;
      while (vectors[to]?.[0] === ordinal + to - from && vectors[to]![1].at === at + to - from) to++;
      this.#index.set(ordinal, rowRange(quantized, this.#dimension, at, at + to - from));
    }
    this.#changes += vectors.length;
    this.#isBuilt = false;
  }

  delete(ordinals: readonly number[]): void {
    this.#index.delete(ordinals);
    this.#changes += ordinals.length;
    this.#isBuilt = false;
  }

  // ---- searches

  nearest(
    queries: readonly Float32Array[],
    k: number,
    allowed: Bitmap,
    vectors: VectorSource,
    effort: SearchEffort = this.#index.efSearch,
  ): Promise<Nearest[]> {
    return this.#index.searchMany(queries, k, allowed, vectors, effort === "adaptive" ? this.#index.efSearch : effort);
  }

  nearestExactly(queries: readonly Float32Array[], k: number, allowed: Bitmap, vectors: VectorSource): Promise<Nearest[]> {
    return this.#index.searchExactly(queries, k, allowed, vectors);
  }

  isExactFor(k: number, allowed: Bitmap): boolean {
    return this.#index.scansAll(k, allowed);
  }

  // ---- the graph

  /** Vectors that the scan still answers for. */
  get backlog(): number {
    const { ready, waiting } = this.#index.statistics;
    return ready + waiting;
  }

  /** Whether there is nothing to build. */
  get isBuilt(): boolean {
    return this.#isBuilt || !this.#index.isGraphWanted;
  }

  /** Whether it is to be written anew: building has come to an end, and enough has changed. */
  get isSaveDue(): boolean {
    return this.isBuilt && this.#changedShare > GRAPH_CHANGED_SHARE_MAX;
  }

  /** Share of the vectors that changed since the graph was written; 0 while there is no graph to write. */
  get #changedShare(): number {
    if (!this.#index.isSaved) return 0;
    const { coveredCount, rowCount } = this.#index;
    if (coveredCount === 0) return 0;
    return this.#graph === null || this.#isUseless ? 1 : this.#changes / Math.max(1, rowCount);
  }

  /** Fetches vectors that building needs next. Under the shared lock. */
  prepare(vectors: VectorSource): Promise<void> {
    return this.#index.prepare(vectors);
  }

  /** Builds some of much that is to be built, by several threads; whether it did. Under the shared lock. */
  buildTogether(pause: Tick): Promise<boolean> {
    return this.#index.buildTogether(pause);
  }

  /** Builds until `isOver` says so; returns whether nothing is left to build. */
  build(isOver: () => boolean): boolean {
    this.#isBuilt = this.#index.build(isOver);
    return this.#isBuilt;
  }

  /** Writes the graph, tidied up. */
  async save(writer: BlockWriter, tick: Tick): Promise<Prepared<FinderSection> | null> {
    while (!this.#index.build(stepLimit(), true)) await tick();
    const copied = this.#changes;
    const copy = this.#index.save();
    if (copy === null) return null;
    const graph = { ...(await saveGraph(writer, copy, tick)), changed: this.#unlikeRows() };
    const install = () => {
      this.#graph = graph;
      this.#changes -= copied;
      this.#isUseless = false;
    };
    return { section: { graph }, install };
  }

  /** Nodes that may be of other vectors than the section's rows: of newer ones, and of those that the graph has not taken up. */
  #unlikeRows(): number {
    const { stale, waiting, ready } = this.#index.statistics;
    return stale + waiting + ready + this.#home.records.entries().length;
  }

  // ---- compaction

  async compact({ entries }: MemtableChanges): Promise<Prepared<FinderSection>> {
    const graph = withChanges(this.#graph, entries);
    const install = () => {
      this.#graph = graph;
    };
    return { section: { graph }, install };
  }

  /** The graph is not translated but built again. */
  async renumber(): Promise<FinderSection> {
    return { graph: null };
  }
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

function rowRange(rows: QuantizedRows, dimension: number, from: number, to: number): QuantizedRows {
  return {
    codes: rows.codes.subarray(from * dimension, to * dimension),
    slopes: rows.slopes.subarray(from, to),
    intercepts: rows.intercepts.subarray(from, to),
    errors: rows.errors.subarray(from, to),
  };
}
