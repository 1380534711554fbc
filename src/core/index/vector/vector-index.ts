/**
 * The vector index of one collection: an exact scan over the codes of all rows, and beside it, once there are enough rows
 * to be worth it, a graph that is built in the background. A search takes whichever way is cheaper (`planner.ts`); what
 * the graph does not cover yet is scanned along with it, so a row is found from the moment it is set.
 *
 * If k rows are allowed, k are returned: a walk that comes back with fewer is followed by the scan. Distances are exact.
 * Searches are synchronous up to their first request for vectors, so they may go on between the slices of `build`.
 */

import { Bitmap } from "../../base/bitmap.js";
import type { Steps } from "../../base/steps.js";
import type { Tick } from "../../base/turns.js";
import type { Space } from "../../types.js";
import type { ApproximateIndex, ApproximateStatistics, CreateApproximate } from "./approximate-index.js";
import type { Candidates } from "./candidates.js";
import type { Nearest, VectorSource } from "./flat.js";
import { FlatIndex, isScannable } from "./flat.js";
import type { GraphCopy, GraphSnapshot } from "./graph-snapshot.js";
import { HnswIndex } from "./hnsw.js";
import { Judge, judgeWhileNear } from "./judge.js";
import { flatRowsMax, type Plan, planSearch, type SearchShape } from "./planner.js";
import type { EncodedQuery, QuantizedRows } from "./quantize.js";
import type { CommonSearch, VectorKernel } from "./vector-kernel.js";

export interface VectorIndexOptions {
  M: number;
  efConstruction: number;
  /** Beam of a search; at least k is used. May be changed at any time through `efSearch`. */
  efSearch: number;
  /** Of the graph's levels. Default 1. */
  seed?: number;
  /** Rows up to which no graph is built. Default by dimension, from `planner.ts`. */
  flatRowsMax?: number;
  /** Chooses the way of a search. Default `planSearch`. */
  plan?: (shape: SearchShape) => Plan;
  /** Makes the approximate index. Default: an `HnswIndex`, which is what "graph" means below. */
  createApproximate?: CreateApproximate | undefined;
  /** Told why an approximate index gave up what it covered; `build` is then to be called. */
  onFailure?(why: string): void;
}

export interface VectorIndexStatistics extends ApproximateStatistics {
  rows: number;
  /** Rows up to which no graph is built. */
  flatRowsMax: number;
}

/** How the allowed rows lie to those that the graph covers. */
interface Split {
  matches: number;
  /** Allowed, but not covered. */
  restCount: number;
  /** Whether every covered row is allowed. */
  isUnfiltered: boolean;
}

/** A query that goes through the graph. */
interface Walk {
  query: Float32Array;
  encoded: EncodedQuery;
  k: number;
  beam: number;
  allowed: Bitmap;
  vectors: VectorSource;
}

export class VectorIndex {
  efSearch: number;
  readonly #flat: FlatIndex;
  readonly #graph: ApproximateIndex;
  readonly #flatRowsMax: number;
  readonly #planOf: (shape: SearchShape) => Plan;
  /** Of the graph, for each vector: estimated. */
  readonly #nodeBytes: number;
  #rows = new Bitmap();
  #rowCount = 0;

  constructor(kernel: VectorKernel, space: Space, dimension: number, options: VectorIndexOptions) {
    this.efSearch = options.efSearch;
    this.#nodeBytes = 8 * options.M + 20;
    this.#flat = new FlatIndex(kernel, space, dimension);
    const { M, efConstruction, seed = 1, createApproximate, onFailure = () => undefined } = options;
    this.#graph =
      createApproximate?.({ space, dimension, M, efConstruction, seed, onFailure }) ??
      new HnswIndex(this.#flat, { M, efConstruction, seed });
    this.#flatRowsMax = options.flatRowsMax ?? flatRowsMax(dimension);
    this.#planOf = options.plan ?? planSearch;
  }

  /** Bytes of WebAssembly memory held, or of arrays. Our own graph lies in the memory of the codes. */
  get memory(): { codes: number; graphs: number } {
    const { byteLength } = this.#flat;
    const within = this.#graph.byteLength > 0 ? 0 : Math.min(byteLength, this.#graph.coveredCount * this.#nodeBytes);
    return { codes: byteLength - within, graphs: within + this.#graph.byteLength };
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Rows that are in the graph. */
  get coveredCount(): number {
    return this.#graph.coveredCount;
  }

  get statistics(): VectorIndexStatistics {
    return { ...this.#graph.statistics, rows: this.#rowCount, flatRowsMax: this.#flatRowsMax };
  }

  /** Sets the rows of ordinals `first … first + n − 1`, new or replaced. Throws `RESOURCE_EXHAUSTED` when memory ends. */
  set(first: number, rows: QuantizedRows): void {
    this.#flat.set(first, rows);
    this.#graph.set(first, rows);
    for (let ordinal = first; ordinal < first + rows.slopes.length; ordinal++) {
      if (!this.#rows.has(ordinal)) this.#rowCount++;
      this.#rows.add(ordinal);
    }
  }

  /** Takes rows out. A search must not allow them until they are set again. */
  delete(ordinals: Iterable<number>): void {
    for (const ordinal of ordinals) {
      if (!this.#rows.has(ordinal)) continue;
      this.#rows.delete(ordinal);
      this.#rowCount--;
      this.#graph.delete(ordinal);
    }
  }

  /** The `k` nearest allowed rows, all of them when there are fewer; through the graph, about the nearest. */
  async search(query: Float32Array, k: number, allowed: Bitmap, vectors: VectorSource, efSearch = this.efSearch): Promise<Nearest> {
    return (await this.searchMany([query], k, allowed, vectors, efSearch))[0]!;
  }

  /** What `search` finds, for many queries; those that scan share passes over the rows. */
  async searchMany(
    queries: readonly Float32Array[],
    k: number,
    allowed: Bitmap,
    vectors: VectorSource,
    efSearch = this.efSearch,
  ): Promise<Nearest[]> {
    const beam = Math.max(efSearch, k);
    while (this.#isChanging) await this.#graph.changing;
    if (this.#graph.coveredCount === 0) return this.#flat.searchMany(queries, k, allowed, vectors);
    let split = this.#split(allowed);
    if (this.#plan(split, beam) === "scan") return this.#flat.searchMany(queries, k, allowed, vectors);
    const encoded = queries.map((query) => this.#flat.encode(query));
    const together = this.#walkTogether(encoded, beam, allowed, split);
    try {
      const found: Nearest[] = [];
      for (const [i, query] of queries.entries()) {
        const walked = together === null ? null : await together.found(i);
        // While the vectors of the query before were fetched the graph may have been built further.
        while (walked === null && this.#isChanging) await this.#graph.changing;
        if (found.length > 0) split = this.#split(allowed);
        found.push(await this.#walk({ query, encoded: encoded[i]!, k, beam, allowed, vectors }, split, walked));
      }
      return found;
    } finally {
      await together?.end();
    }
  }

  /** Walks of all queries by several threads; `null` where that is not worth it, or where a query says nothing to a walk. */
  #walkTogether(encoded: readonly EncodedQuery[], beam: number, allowed: Bitmap, { isUnfiltered }: Split): CommonSearch | null {
    if (encoded.length === 1 || this.#graph.candidatesTogether === undefined) return null;
    if (!encoded.every((query) => isScannable(this.#flat.space, query))) return null;
    return this.#graph.candidatesTogether(encoded, beam, isUnfiltered ? null : allowed);
  }

  /** `walked`: what a walk has found, where it was made already. */
  async #walk({ query, encoded, k, beam, allowed, vectors }: Walk, split: Split, walked: Candidates | null): Promise<Nearest> {
    const { space, table, bounds } = this.#flat;
    const candidates = isScannable(space, encoded) ? this.#candidates(encoded, beam, allowed, split, walked) : null;
    if (candidates === null) return this.#flat.search(query, k, allowed, vectors, encoded);
    const judge = new Judge(space, query, k, vectors, table);
    const offset = space === "l2" ? encoded.norm * encoded.norm : 0;
    await judgeWhileNear(judge, k, candidates, offset, bounds.marginFor(encoded));
    const isShort = judge.nearest.ordinals.length < Math.min(k, split.matches + split.restCount);
    return isShort ? this.#flat.search(query, k, allowed, vectors, encoded) : judge.nearest;
  }

  /** Whether a search for `k` of the allowed rows takes the exact scan, whatever the query. */
  scansAll(k: number, allowed: Bitmap): boolean {
    return this.#graph.coveredCount === 0 || this.#plan(this.#split(allowed), Math.max(this.efSearch, k)) === "scan";
  }

  /** The `k` nearest allowed rows of each query, for certain. */
  searchExactly(queries: readonly Float32Array[], k: number, allowed: Bitmap, vectors: VectorSource): Promise<Nearest[]> {
    return this.#flat.searchMany(queries, k, allowed, vectors);
  }

  /**
   * Builds and mends the graph, one node at a time, until `isOver` says so; call it in slices of a few milliseconds. Returns
   * whether nothing is left to do. `isThorough` has it tidy up however little has changed, as before a snapshot.
   */
  build(isOver: () => boolean, isThorough = false): boolean {
    if (!this.isGraphWanted) return true;
    return this.#graph.build(isOver, isThorough);
  }

  /** Builds some of much that is to be built, by several threads; whether it did. No row is set or deleted until it resolves. */
  async buildTogether(pause: Tick): Promise<boolean> {
    return this.isGraphWanted && ((await this.#graph.buildTogether?.(pause)) ?? false);
  }

  /** Fetches vectors that building needs next. No row is set or deleted until it resolves. */
  async prepare(vectors: VectorSource): Promise<void> {
    if (this.isGraphWanted) await this.#graph.prepare?.(vectors);
  }

  /** Whether there is a graph, or rows enough for one. */
  get isGraphWanted(): boolean {
    return this.#rowCount > this.#flatRowsMax || this.#graph.coveredCount > 0;
  }

  /** Whether graphs of this kind are saved, or built anew each time. */
  get isSaved(): boolean {
    return this.#graph.save !== undefined;
  }

  /** The graph at rest, see `HnswIndex.save`; `null` while there is none. */
  save(): GraphCopy | null {
    return this.#graph.coveredCount === 0 ? null : (this.#graph.save?.() ?? null);
  }

  /** Takes a saved graph, once every row is set; see `HnswIndex.load`. */
  *load(snapshot: GraphSnapshot): Steps<string | null> {
    return this.#graph.load === undefined ? null : yield* this.#graph.load(snapshot);
  }

  /** Gives back memory that is not given back by itself. The index must not be built after that. */
  dispose(): void {
    this.#graph.dispose?.();
  }

  get #isChanging(): boolean {
    return (this.#graph.changing ?? null) !== null;
  }

  #plan({ matches, restCount }: Split, beam: number): Plan {
    return this.#planOf({ covered: this.#graph.coveredCount, matches, uncovered: restCount, beam, stepCost: this.#graph.stepCost });
  }

  #split(allowed: Bitmap): Split {
    // Mostly nothing is filtered, and the graph covers all.
    if (allowed.equals(this.#graph.covered)) return { matches: this.#graph.coveredCount, restCount: 0, isUnfiltered: true };
    const { inside: matches, outside: restCount } = allowed.countAgainst(this.#graph.covered);
    return { matches, restCount, isUnfiltered: matches === this.#graph.coveredCount };
  }

  /** Of the graph and of the rows it does not cover, in one order: their approximate distances mean the same. */
  #candidates(
    query: EncodedQuery,
    beam: number,
    allowed: Bitmap,
    { restCount, isUnfiltered }: Split,
    found: Candidates | null,
  ): Candidates | null {
    const walked = found ?? this.#graph.candidates(query, beam, isUnfiltered ? null : allowed);
    if (walked === null || restCount === 0) return walked;
    const rest = allowed.clone().subtract(this.#graph.covered);
    return mergeCandidates(walked, this.#flat.table.scan(query.codes, query.scale, beam, rest.words));
  }
}

/** Two ascending lists in one. */
function mergeCandidates(a: Candidates, b: Candidates): Candidates {
  const count = a.ordinals.length + b.ordinals.length;
  const merged: Candidates = { ordinals: new Uint32Array(count), distances: new Float32Array(count) };
  for (let i = 0, j = 0; i + j < count; ) {
    const takeA = j === b.ordinals.length || (i < a.ordinals.length && a.distances[i]! <= b.distances[j]!);
    const at = i + j;
    const [from, index] = takeA ? [a, i++] : [b, j++];
    merged.ordinals[at] = from.ordinals[index]!;
    merged.distances[at] = from.distances[index]!;
  }
  return merged;
}
