/**
 * The approximate index: a navigable graph over the codes of a flat index, built and repaired in slices while searches go
 * on. It answers for the rows it covers and says which those are; the rest is the scan's.
 *
 * A row that is set waits until `build` inserts it. A row that is deleted or set again leaves the covered ones at once;
 * its node turns stale and stays in the graph for walks to pass through. Once enough nodes are stale, a sweep takes them
 * out of every list, repairing the lists with the stale nodes' neighbours; only then may a replaced row come back. One
 * sweep costs a pass over all lists, so it is made for many stale nodes together. After larger changes a survey walks the
 * whole graph and mends what cannot be reached from the entry; a node for which there is no room is left to the scan.
 *
 * Invariants: every covered row has a live node, built from the row as it is, which the entry reaches (since the last
 * survey); no list names an absent node.
 */

import { Bitmap } from "../../base/bitmap.js";
import type { Steps } from "../../base/steps.js";
import type { Tick } from "../../base/turns.js";
import type { ApproximateIndex, ApproximateStatistics } from "./approximate-index.js";
import type { Candidates } from "./candidates.js";
import type { FlatIndex, Nearest, VectorSource } from "./flat.js";
import type { Graph, GraphOptions } from "./graph-kernel.js";
import { graphOptions, levelOf } from "./graph-kernel.js";
import type { GraphCopy, GraphSnapshot, SnapshotPiece } from "./graph-snapshot.js";
import { damageOf, PIECE_ORDINALS, SNAPSHOT_VERSION } from "./graph-snapshot.js";
import { Judge, judgeWhileNear } from "./judge.js";
import { WALK_FACTOR } from "./planner.js";
import type { EncodedQuery, QuantizedRows } from "./quantize.js";
import type { CommonSearch } from "./vector-kernel.js";

/** Nodes that one step of a sweep or survey looks at. */
const STEP_NODES = 64;
/** A sweep is due when at least this many nodes, and this share of the covered ones, are stale. */
const SWEEP_NODES_MIN = 32;
const SWEEP_SHARE = 1 / 128;
/** A survey is due after a sweep, and when this share of the covered nodes were inserted since the last. */
const SURVEY_SHARE = 1 / 16;
/** Beyond this share of the covered ones, stale nodes are kept out of beams, at the cost of a look at the bitmap. */
const STALE_SHARE_OF_BEAM = 1 / 64;

/**
 * Rows that several threads insert at once: at most, as a share of those in the graph, and at least; and how many must wait for each, so
 * that they come from all over.
 */
const TOGETHER_MAX = 256;
const TOGETHER_SHARE = 1 / 32;
const TOGETHER_MIN = 64;
const TOGETHER_DISTANCE = 8;

export interface HnswOptions {
  M: number;
  efConstruction: number;
  /** Of the nodes' levels. */
  seed: number;
}

/** Waiting rows are inserted after the next sweep. Outcast are live nodes that no walk reaches and no list has room for. */
export interface HnswStatistics extends ApproximateStatistics {
  /** Levels of the graph above level 0; −1 when it is empty. */
  topLevel: number;
}

export class HnswIndex implements ApproximateIndex {
  /** Ordinals of the rows that a search can return. Not to be changed from outside. */
  readonly covered = new Bitmap();
  /** The graph lies in the table's memory. */
  readonly byteLength = 0;
  readonly stepCost = WALK_FACTOR;
  readonly #flat: FlatIndex;
  readonly #options: GraphOptions;
  readonly #seed: number;
  /** Made when the first row is inserted. */
  #graph: Graph | null = null;
  /** Nodes that are not stale; all covered but for outcasts. */
  readonly #live = new Bitmap();
  readonly #stale = new Bitmap();
  /** Rows without a node, to be inserted; none is below `#readyFrom`. */
  readonly #ready = new Bitmap();
  #readyFrom = 0;
  /** Rows whose stale node must go first. */
  readonly #waiting = new Bitmap();
  #coveredCount = 0;
  #staleCount = 0;
  /** Nodes inserted since the last survey, and whether any were swept. */
  #insertions = 0;
  #hasSwept = false;
  /** Every ordinal ever set is below. */
  #end = 0;
  #work: Generator<void, void, undefined> | null = null;
  #isThorough = false;
  /** Searches of other threads that are under way. */
  #walks = 0;
  #isInserting = false;
  #isMending = false;

  constructor(flat: FlatIndex, { M, efConstruction, seed }: HnswOptions) {
    this.#flat = flat;
    this.#options = graphOptions(flat.space, M, efConstruction);
    this.#seed = seed;
  }

  get coveredCount(): number {
    return this.#coveredCount;
  }

  get statistics(): HnswStatistics {
    const entry = this.#graph?.entry ?? -1;
    return {
      covered: this.#coveredCount,
      ready: this.#ready.count(),
      waiting: this.#waiting.count(),
      stale: this.#staleCount,
      outcast: this.#live.count() - this.#coveredCount,
      topLevel: entry < 0 ? -1 : this.#levelOf(entry),
    };
  }

  covers(ordinal: number): boolean {
    return this.covered.has(ordinal);
  }

  /** The neighbours of a row's node on a level, nearest first or in the order they came; none if it has no node. */
  neighbours(ordinal: number, level: number): Uint32Array {
    const hasNode = this.#live.has(ordinal) || this.#stale.has(ordinal);
    return hasNode && level <= this.#levelOf(ordinal) ? this.#graph!.neighbours(ordinal, level) : new Uint32Array(0);
  }

  /** Tells of rows `first …` that were set in the flat index, new ones or others than before. */
  set(first: number, rows: QuantizedRows): void {
    for (let i = 0; i < rows.slopes.length; i++) {
      this.delete(first + i);
      if (rows.intercepts[i] !== -Infinity) this.#enqueue(first + i);
    }
  }

  /** Tells of a row that is not to be found any more. Its ordinal may be set again at any time. */
  delete(ordinal: number): void {
    this.#ready.delete(ordinal);
    this.#waiting.delete(ordinal);
    if (!this.#live.has(ordinal)) return;
    this.#graph!.retire(ordinal);
    this.#live.delete(ordinal);
    this.#uncover(ordinal);
    this.#stale.add(ordinal);
    this.#staleCount++;
  }

  /**
   * Does what is due, one node at a time, until `isOver` says so: inserts, sweeps, surveys. Returns whether nothing is
   * left. `isThorough` makes a sweep and a survey due whatever little has changed. While other threads walk through the graph, or
   * insert, nothing is done.
   */
  build(isOver: () => boolean, isThorough = false): boolean {
    if (this.#walks > 0 || this.#isInserting) return false;
    this.#isThorough = isThorough;
    const work = (this.#work ??= this.#steps());
    let isDone = false;
    try {
      while (!isOver()) {
        if (work.next().done !== true) continue;
        isDone = true;
        break;
      }
      return isDone;
    } catch (cause) {
      isDone = true;
      throw cause;
    } finally {
      if (isDone) this.#work = null;
    }
  }

  /**
   * Inserts some of many rows that wait, by several threads; resolves to whether it did, and should be asked again. They are far from each
   * other in the order of rows, since those that are inserted together do not find each other, and neighbours are often alike. No row is
   * set or deleted meanwhile.
   */
  async buildTogether(pause: Tick): Promise<boolean> {
    if (this.#walks > 0 || this.#isInserting || this.#isMending) return false;
    const nodes = this.#nodesTogether();
    if (nodes === null) return false;
    const levels = Uint8Array.from(nodes, (ordinal) => this.#levelOf(ordinal));
    const insertion = this.#graph!.insertTogether?.(nodes, levels) ?? null;
    if (insertion === null) return false;
    let isTied = false;
    this.#isInserting = true;
    try {
      await insertion.hang(pause);
      isTied = await insertion.tie(pause);
      return true;
    } finally {
      this.#isInserting = false;
      if (isTied) for (const ordinal of nodes) this.#noteInserted(ordinal);
      else this.#startAnew();
    }
  }

  /** Some of the rows that wait, in even distances; `null` where they, or those in the graph, are too few. Higher ones go in now. */
  #nodesTogether(): Uint32Array | null {
    const count = Math.min(TOGETHER_MAX, Math.floor(this.#coveredCount * TOGETHER_SHARE));
    if (this.#graph?.insertTogether === undefined || count < TOGETHER_MIN || this.#ready.count() < count * TOGETHER_DISTANCE) return null;
    const top = this.#levelOf(this.#graph.entry);
    const nodes: number[] = [];
    const end = this.#ready.words.length * 32;
    for (let i = 0, from = this.#readyFrom; i < count; i++) {
      const next = this.#ready.values(Math.max(from, this.#readyFrom + Math.floor((i * (end - this.#readyFrom)) / count))).next();
      if (next.done === true) break;
      from = next.value + 1;
      if (this.#levelOf(next.value) > top) this.#insert(next.value);
      else nodes.push(next.value);
    }
    return nodes.length === 0 ? null : Uint32Array.from(nodes);
  }

  /** While links are made by several threads: resolves when searches may go on. */
  get changing(): Promise<void> | null {
    return this.#graph?.changing ?? null;
  }

  /** About the `k` nearest covered rows, of the allowed ones; the wider the beam `ef`, the more of them. */
  async search(
    query: Float32Array,
    k: number,
    { ef, allowed }: { ef: number; allowed: Bitmap | null },
    vectors: VectorSource,
  ): Promise<Nearest> {
    const { space, bounds, table } = this.#flat;
    const encoded = table.encodeQuery(space, query);
    const judge = new Judge(space, query, k, vectors, table);
    const offset = space === "l2" ? encoded.norm * encoded.norm : 0;
    await judgeWhileNear(judge, k, this.candidates(encoded, Math.max(ef, k), allowed), offset, bounds.marginFor(encoded));
    return judge.nearest;
  }

  /** Covered and allowed rows near the query by approximate distance, ascending, at most `beam`. */
  candidates(query: EncodedQuery, beam: number, allowed: Bitmap | null): Candidates {
    if (this.#graph === null || beam === 0) return { ordinals: new Uint32Array(0), distances: new Float32Array(0) };
    const found = this.#graph.search(query.codes, query.scale, beam, this.#beamFilter(allowed)?.words ?? null);
    return this.#wanted(found, allowed);
  }

  /** As `candidates` for each query, by several threads; `null` where that is not worth it. Nothing is built before it is ended. */
  candidatesTogether(queries: readonly EncodedQuery[], beam: number, allowed: Bitmap | null): CommonSearch | null {
    const walks = this.#graph?.searchTogether?.(queries, beam, this.#beamFilter(allowed)?.words ?? null) ?? null;
    if (walks === null) return null;
    this.#walks++;
    return {
      found: async (query) => this.#wanted(await walks.found(query), allowed),
      end: async () => {
        await walks.end();
        this.#walks--;
      },
    };
  }

  #wanted(found: Candidates, allowed: Bitmap | null): Candidates {
    return pick(found, (ordinal) => this.covered.has(ordinal) && (allowed === null || allowed.has(ordinal)));
  }

  /**
   * The graph as it is. Until its last piece is copied nothing may be built; rows may be set and deleted, as their nodes
   * show by fingerprints that they are of earlier ones.
   */
  save(): GraphCopy {
    return { version: SNAPSHOT_VERSION, M: this.#options.M, seed: this.#seed, entry: this.#graph?.entry ?? -1, pieces: this.#pieces() };
  }

  *#pieces(): Generator<SnapshotPiece, void, undefined> {
    const end = this.#graph === null ? 0 : this.#end;
    for (let from = 0; from < end; from += PIECE_ORDINALS) yield this.#savePiece(from, Math.min(end, from + PIECE_ORDINALS));
  }

  /**
   * Takes a saved graph, once all rows are set and before anything is built. Nodes of rows that have changed since are
   * stale. Returns why a snapshot is of no use, having changed nothing, or `null`.
   */
  *load(snapshot: GraphSnapshot): Steps<string | null> {
    const damage = yield* damageOf(snapshot, this.#options, this.#seed);
    if (damage !== null || snapshot.entry < 0) return damage;
    const graph = this.#ensureGraph();
    for (const [i, piece] of snapshot.pieces.entries()) {
      graph.write(i * PIECE_ORDINALS, piece);
      yield;
    }
    graph.setEntry(snapshot.entry);
    for (const [i, piece] of snapshot.pieces.entries()) {
      this.#adoptPiece(i * PIECE_ORDINALS, piece);
      yield;
    }
    return null;
  }

  // ---- work

  /** Everything that is due, in small steps. */
  *#steps(): Generator<void, void, undefined> {
    for (;;) {
      if (this.#staleCount > this.#coveredCount) this.#startAnew();
      const next = this.#nextReady();
      if (next >= 0) this.#insert(next);
      else if (this.#isSweepDue()) yield* this.#mend(this.#sweep());
      else if (this.#isSurveyDue()) yield* this.#mend(this.#survey());
      else return;
      yield;
    }
  }

  *#mend(steps: Generator<void, void, undefined>): Generator<void, void, undefined> {
    this.#isMending = true;
    try {
      yield* steps;
    } finally {
      this.#isMending = false;
    }
  }

  #insert(ordinal: number): void {
    this.#ensureGraph().insert(ordinal, this.#levelOf(ordinal));
    this.#noteInserted(ordinal);
  }

  #noteInserted(ordinal: number): void {
    this.#end = Math.max(this.#end, ordinal + 1);
    this.#ready.delete(ordinal);
    this.#live.add(ordinal);
    this.#cover(ordinal);
    this.#insertions++;
  }

  #isSweepDue(): boolean {
    const least = this.#isThorough ? 1 : Math.max(SWEEP_NODES_MIN, this.#coveredCount * SWEEP_SHARE);
    return this.#staleCount >= least;
  }

  /** Only nodes that were stale before the first step are in no list after the last. */
  *#sweep(): Generator<void, void, undefined> {
    const leaving = this.#stale.toArray();
    for (let from = 0; from < this.#end; from += STEP_NODES) {
      this.#graph!.repair(from, from + STEP_NODES);
      yield;
    }
    for (const ordinal of leaving) this.#release(ordinal);
    this.#hasSwept = true;
  }

  #release(ordinal: number): void {
    this.#graph!.release(ordinal);
    this.#stale.delete(ordinal);
    this.#staleCount--;
    if (!this.#waiting.has(ordinal)) return;
    this.#waiting.delete(ordinal);
    this.#enqueue(ordinal);
  }

  #isSurveyDue(): boolean {
    return this.#hasSwept || this.#insertions > (this.#isThorough ? 0 : this.#coveredCount * SURVEY_SHARE);
  }

  /** Spreads from the entry over level 0, then from every node that was not reached, once a reached one has linked to it. */
  *#survey(): Generator<void, void, undefined> {
    this.#insertions = 0;
    this.#hasSwept = false;
    const reached = new Bitmap(this.#end);
    if (this.#graph!.entry >= 0) yield* this.#spread(this.#graph!.entry, reached);
    for (const ordinal of this.#live.values()) {
      if (!reached.has(ordinal) && this.#graph!.adopt(ordinal, reached.words)) yield* this.#spread(ordinal, reached);
      if (reached.has(ordinal)) this.#cover(ordinal);
      else this.#uncover(ordinal);
      if (ordinal % STEP_NODES === 0) yield;
    }
  }

  *#spread(from: number, reached: Bitmap): Generator<void, void, undefined> {
    const frontier = [from];
    reached.add(from);
    for (let steps = 1; frontier.length > 0; steps++) {
      for (const neighbour of this.#graph!.neighbours(frontier.pop()!, 0)) {
        if (reached.has(neighbour)) continue;
        reached.add(neighbour);
        frontier.push(neighbour);
      }
      if (steps % STEP_NODES === 0) yield;
    }
  }

  /** With most nodes stale, building is less work than repairing, and the result better. */
  #startAnew(): void {
    this.#graph!.clear();
    for (const nodes of [this.covered, this.#stale]) nodes.words.fill(0);
    this.#coveredCount = 0;
    this.#staleCount = 0;
    for (const rows of [this.#live, this.#waiting]) {
      for (const ordinal of rows.toArray()) {
        rows.delete(ordinal);
        this.#enqueue(ordinal);
      }
    }
  }

  // ---- membership

  #enqueue(ordinal: number): void {
    if (this.#stale.has(ordinal)) {
      this.#waiting.add(ordinal);
      return;
    }
    this.#ready.add(ordinal);
    this.#readyFrom = Math.min(this.#readyFrom, ordinal);
  }

  /** The first row to be inserted, −1 if there is none. */
  #nextReady(): number {
    const next = this.#ready.values(this.#readyFrom).next();
    this.#readyFrom = next.done === true ? this.#ready.words.length * 32 : next.value;
    return next.done === true ? -1 : next.value;
  }

  #cover(ordinal: number): void {
    if (this.covered.has(ordinal) || !this.#live.has(ordinal)) return;
    this.covered.add(ordinal);
    this.#coveredCount++;
  }

  #uncover(ordinal: number): void {
    if (!this.covered.has(ordinal)) return;
    this.covered.delete(ordinal);
    this.#coveredCount--;
  }

  #beamFilter(allowed: Bitmap | null): Bitmap | null {
    if (allowed !== null) return allowed;
    return this.#staleCount > this.#coveredCount * STALE_SHARE_OF_BEAM ? this.covered : null;
  }

  #levelOf(ordinal: number): number {
    return levelOf(ordinal, this.#options.M, this.#seed);
  }

  #ensureGraph(): Graph {
    return (this.#graph ??= this.#flat.table.createGraph(this.#options));
  }

  // ---- snapshots

  #savePiece(from: number, to: number): SnapshotPiece {
    const fingerprints = new Uint32Array(to - from);
    for (let ordinal = from; ordinal < to; ordinal++) {
      if (this.#live.has(ordinal)) fingerprints[ordinal - from] = this.#flat.table.fingerprint(ordinal);
      else if (this.#waiting.has(ordinal)) fingerprints[ordinal - from] = ~this.#flat.table.fingerprint(ordinal);
    }
    return { ...this.#graph!.read(from, to), fingerprints };
  }

  #adoptPiece(from: number, { heights, fingerprints }: SnapshotPiece): void {
    this.#end = Math.max(this.#end, from + heights.length);
    for (let i = 0; i < heights.length; i++) {
      if (heights[i] === 0) continue;
      const ordinal = from + i;
      this.#live.add(ordinal);
      this.#cover(ordinal);
      if (this.#ready.has(ordinal) && this.#flat.table.fingerprint(ordinal) === fingerprints[i]) this.#ready.delete(ordinal);
      else this.#replaceLoaded(ordinal);
    }
  }

  /** The row is gone, or another than the node was built from. */
  #replaceLoaded(ordinal: number): void {
    const isSet = this.#ready.has(ordinal);
    this.delete(ordinal);
    if (isSet) this.#enqueue(ordinal);
  }
}

function pick(candidates: Candidates, isWanted: (ordinal: number) => boolean): Candidates {
  const { ordinals, distances } = candidates;
  let count = 0;
  for (let i = 0; i < ordinals.length; i++) {
    if (!isWanted(ordinals[i]!)) continue;
    ordinals[count] = ordinals[i]!;
    distances[count++] = distances[i]!;
  }
  return { ordinals: ordinals.subarray(0, count), distances: distances.subarray(0, count) };
}
