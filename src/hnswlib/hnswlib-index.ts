/**
 * Hnswlib as the approximate index of a collection, wrapped so that none of hnswlib-wasm's faults (0.8.2) reaches it:
 *
 * - An index that is full throws even where it only replaces: one is made with room to spare, and when it is full a larger
 *   one is built from the vectors.
 * - Replacing and deleting cost time in the number of labels: neither is done. Each inserted row gets the next label; a
 *   label whose row is gone counts for nothing, and with more of these than others the index is built anew.
 * - It takes NaN, numbers that overflow, and sizes that wrap around: rows come from the engine, which lets none of the first
 *   in; rows too long for float32 are left to the scan; and what an index will take in memory is worked out beforehand.
 * - A filter that throws leaks: the one passed in cannot let anything through.
 * - It throws `WebAssembly.Exception`s, after which its state is anyone's guess: it is discarded after any failure and
 *   built again, twice at most.
 * - Reading its own files can read past the end of memory: they are not used. Opened again, a collection builds it again.
 *
 * Everything here is synchronous but the fetching of vectors, so nothing happens to it at the same time.
 */

import { Bitmap } from "../core/base/bitmap.js";
import type {
  ApproximateIndex,
  ApproximateOptions,
  ApproximateStatistics,
  CreateApproximate,
} from "../core/index/vector/approximate-index.js";
import type { Candidates } from "../core/index/vector/candidates.js";
import { squaredNorm } from "../core/index/vector/distance.js";
import type { VectorSource } from "../core/index/vector/judge.js";
import type { EncodedQuery, QuantizedRows } from "../core/index/vector/quantize.js";

/** What is used of the library's index. */
export interface HnswlibGraph {
  initIndex(maxElements: number, M: number, efConstruction: number, seed: number): void;
  addPoint(point: Float32Array, label: number, replaceDeleted: boolean): void;
  setEfSearch(ef: number): void;
  searchKnn(query: Float32Array, k: number, filter: ((label: number) => boolean) | undefined): { distances: number[]; neighbors: number[] };
  /** Frees its memory. */
  delete(): void;
}

/** What is used of the library. */
export interface Hnswlib {
  HierarchicalNSW: new (space: "l2" | "ip", dimension: number, autoSaveFilename: string) => HnswlibGraph;
}

/** Rows of vectors fetched at once. */
const FETCH_BYTES = 256 * 1024;
/** Room of a new index for each row there is. */
const ROOM_FACTOR = 2;
/** Of the 2 GiB that the library's memory can have. */
const MEMORY_BYTES_MAX = 1.9e9;
/** Failures after which it is not built again. */
const FAILURES_MAX = 3;
/** Beyond this share of the rows, dead labels are kept out of beams, at the cost of a call for each node visited. */
const STALE_SHARE_OF_BEAM = 1 / 64;
/**
 * Rows of a scan by our kernel that the library takes to measure one: its distances have no SIMD, its filters are calls.
 * Between 22 and 42 in Chromium, at 8,000 vectors of dimension 384 and beams from 100 down to 16, all rows allowed.
 */
const STEP_COST = 30;
/** The library divides by the logarithm of M. */
const M_MIN = 2;

export class HnswlibIndex implements ApproximateIndex {
  readonly covered = new Bitmap();
  readonly stepCost = STEP_COST;
  readonly #library: Hnswlib;
  readonly #options: ApproximateOptions;
  #graph: HnswlibGraph | null = null;
  /** Of each label given out its row's ordinal, −1 when the row is gone; as long as the index has room. */
  #ordinals = new Int32Array(0);
  #labelsUsed = 0;
  /** Ordinal → label of the covered rows. */
  readonly #labels = new Map<number, number>();
  /** Rows to be inserted. */
  readonly #ready = new Bitmap();
  #readyCount = 0;
  /** The vectors of some of them. */
  readonly #fetched = new Map<number, Float32Array>();
  #failures = 0;
  #isClosed = false;

  constructor(library: Hnswlib, options: ApproximateOptions) {
    this.#library = library;
    this.#options = options;
  }

  get coveredCount(): number {
    return this.#labels.size;
  }

  get #staleCount(): number {
    return this.#labelsUsed - this.#labels.size;
  }

  get statistics(): ApproximateStatistics {
    return { covered: this.coveredCount, ready: this.#readyCount, waiting: 0, stale: this.#staleCount, outcast: 0 };
  }

  get byteLength(): number {
    return this.#bytesOf(this.#ordinals.length);
  }

  set(first: number, rows: QuantizedRows): void {
    for (let i = 0; i < rows.slopes.length; i++) {
      this.delete(first + i);
      if (rows.intercepts[i] !== -Infinity) this.#enqueue(first + i);
    }
  }

  delete(ordinal: number): void {
    this.#dequeue(ordinal);
    const label = this.#labels.get(ordinal);
    if (label === undefined) return;
    this.#labels.delete(ordinal);
    this.covered.delete(ordinal);
    this.#ordinals[label] = -1;
  }

  async prepare(vectors: VectorSource): Promise<void> {
    if (this.#readyCount === 0 || this.#fetched.size > 0) return;
    const { dimension } = this.#options;
    const ordinals = this.#firstReady(Math.ceil(FETCH_BYTES / (4 * dimension)));
    try {
      const rows = await vectors(ordinals);
      ordinals.forEach((ordinal, i) => this.#fetched.set(ordinal, rows.subarray(i * dimension, (i + 1) * dimension)));
    } catch (error) {
      this.#fail(error);
    }
  }

  build(isOver: () => boolean): boolean {
    if (this.#staleCount > this.coveredCount) this.#discard();
    for (const [ordinal, vector] of this.#fetched) {
      if (isOver()) break;
      if (this.#labelsUsed === this.#ordinals.length) this.#startAnew();
      if (this.#graph !== null) this.#insert(this.#graph, ordinal, vector);
    }
    return this.#readyCount === 0;
  }

  candidates({ vector, norm }: EncodedQuery, beam: number, allowed: Bitmap | null): Candidates | null {
    if (this.#graph === null) return null;
    const { space } = this.#options;
    const ordinalIfWanted = (label: number): number => {
      const ordinal = this.#ordinals[label] ?? -1;
      return ordinal >= 0 && (allowed === null || allowed.has(ordinal)) ? ordinal : -1;
    };
    const isFiltered = allowed !== null || this.#staleCount > this.coveredCount * STALE_SHARE_OF_BEAM;
    try {
      const k = Math.min(beam, this.#labelsUsed);
      this.#graph.setEfSearch(k);
      const found = this.#graph.searchKnn(this.#asIndexed(vector), k, isFiltered ? (label) => ordinalIfWanted(label) >= 0 : undefined);
      return candidatesOf(found, ordinalIfWanted, space === "l2" ? norm * norm : 0);
    } catch (error) {
      this.#fail(error);
      return null;
    }
  }

  dispose(): void {
    this.#isClosed = true;
    this.#discard();
    for (const ordinal of this.#ready.toArray()) this.#dequeue(ordinal);
  }

  // ---- building

  #insert(graph: HnswlibGraph, ordinal: number, vector: Float32Array): void {
    const label = this.#labelsUsed;
    try {
      graph.addPoint(this.#asIndexed(vector), label, false);
    } catch (error) {
      return this.#fail(error);
    }
    this.#dequeue(ordinal);
    this.#ordinals[label] = ordinal;
    this.#labels.set(ordinal, label);
    this.#labelsUsed++;
    this.covered.add(ordinal);
  }

  /** An empty index with room for all rows and more, where memory has it. */
  #startAnew(): void {
    this.#discard();
    const { space, dimension, M, efConstruction, seed } = this.#options;
    const spacious = this.#readyCount * ROOM_FACTOR;
    const room = this.#bytesOf(spacious) <= MEMORY_BYTES_MAX ? spacious : this.#readyCount;
    if (this.#bytesOf(room) > MEMORY_BYTES_MAX) {
      this.#failures = FAILURES_MAX;
      return this.#fail(
        new RangeError(`${room} vectors would take about ${this.#bytesOf(room)} bytes, and hnswlib-wasm has ${MEMORY_BYTES_MAX}.`),
      );
    }
    try {
      this.#graph = new this.#library.HierarchicalNSW(space === "l2" ? "l2" : "ip", dimension, "");
      // A beam wider than there are rows finds no more than all of them.
      this.#graph.initIndex(room, Math.max(M, M_MIN), Math.min(efConstruction, room), seed);
      this.#ordinals = new Int32Array(room);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(cause: unknown): void {
    if (this.#isClosed) return;
    this.#failures++;
    const isLast = this.#failures >= FAILURES_MAX;
    if (isLast) this.dispose();
    else this.#discard();
    const outlook = isLast ? "It is not built again before the database is reopened." : "It is built again.";
    this.#options.onFailure(`hnswlib-wasm: ${textOf(cause)} ${outlook}`);
  }

  /** Gives the index up; its rows are to be inserted again. */
  #discard(): void {
    try {
      this.#graph?.delete();
    } catch {
      // It failed before, or failed now: either way there is no more that can be done with it.
    }
    this.#graph = null;
    this.#ordinals = new Int32Array(0);
    this.#labelsUsed = 0;
    const ordinals = [...this.#labels.keys()];
    this.#labels.clear();
    for (const ordinal of ordinals) {
      this.covered.delete(ordinal);
      this.#enqueue(ordinal);
    }
  }

  // ---- rows

  #enqueue(ordinal: number): void {
    if (this.#isClosed) return;
    this.#ready.add(ordinal);
    this.#readyCount++;
  }

  #dequeue(ordinal: number): void {
    if (!this.#ready.has(ordinal)) return;
    this.#ready.delete(ordinal);
    this.#readyCount--;
    this.#fetched.delete(ordinal);
  }

  #firstReady(count: number): Uint32Array {
    const first: number[] = [];
    for (const ordinal of this.#ready.values()) {
      first.push(ordinal);
      if (first.length === count) break;
    }
    return Uint32Array.from(first);
  }

  /** Cosine is the inner product of vectors of length 1. Float64 holds the squares of any float32. */
  #asIndexed(vector: Float32Array): Float32Array {
    if (this.#options.space !== "cosine") return vector;
    const length = Math.sqrt(squaredNorm(vector, 0, vector.length));
    return length === 0 ? vector : vector.map((x) => x / length);
  }

  /** About what the library takes for so many rows: vector, lists of neighbours, and what keeps track of a label. */
  #bytesOf(rows: number): number {
    return rows * (4 * this.#options.dimension + 12 * this.#options.M + 100);
  }
}

/** Makes indexes with a library that has been loaded. */
export function hnswlibIndexes(library: Hnswlib): CreateApproximate {
  return (options) => new HnswlibIndex(library, options);
}

/** What the library found, ascending. Labels of no wanted row are passed over; anything that is no answer throws. */
function candidatesOf(
  found: { neighbors: number[]; distances: number[] },
  ordinalIfWanted: (label: number) => number,
  offset: number,
): Candidates {
  const rows: { ordinal: number; distance: number }[] = [];
  for (const [i, label] of found.neighbors.entries()) {
    const distance = found.distances[i]!;
    if (!Number.isFinite(distance)) throw new RangeError(`It measured a distance of ${distance}.`);
    const ordinal = ordinalIfWanted(label);
    if (ordinal >= 0) rows.push({ ordinal, distance: distance - offset });
  }
  rows.sort((a, b) => a.distance - b.distance || a.ordinal - b.ordinal);
  return { ordinals: Uint32Array.from(rows, (row) => row.ordinal), distances: Float32Array.from(rows, (row) => row.distance) };
}

/** The library throws errors, exceptions of WebAssembly, which say nothing, and numbers. */
function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : `It threw ${Object.prototype.toString.call(thrown)}.`;
}
