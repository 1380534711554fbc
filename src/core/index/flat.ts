/**
 * The exact index: scan int8 codes for candidates, judge the candidates by their exact distance, and widen until no row
 * that was not judged can belong to the result. Adding a row costs its codes and no more; no result is approximate.
 *
 * Why it may stop: candidates come in order of approximate distance, so every row not judged yet is at least as far by
 * approximation as the first of them, and `error-bounds.ts` tells how much nearer than that it can truly be. Once that
 * is beyond the k-th exact distance, none of them can be among the k nearest.
 */

import { TidepoolError } from "../errors.js";
import type { Space } from "../types.js";
import type { Bitmap } from "./bitmap.js";
import type { DistanceFrom } from "./distance.js";
import { distanceFrom } from "./distance.js";
import type { Margin } from "./error-bounds.js";
import { ErrorBounds } from "./error-bounds.js";
import type { EncodedQuery, QuantizedRows } from "./quantize.js";
import { NORM_MAX, encodeQuery } from "./quantize.js";
import type { Candidates, CodeTable, VectorKernel } from "./vector-kernel.js";

/** Exact float32 vectors of the given ordinals: row-major, in the order given. */
export type VectorSource = (ordinals: Uint32Array) => Promise<Float32Array>;

/** Nearest rows, ascending by distance, equal distances by ordinal. */
export interface Nearest {
  ordinals: Uint32Array;
  distances: Float32Array;
}

/** Vectors asked of a source at once, so that a search that must judge every row does not hold them all. */
const FETCH_BYTES_MAX = 4 * 1024 * 1024;

export class FlatIndex {
  readonly #space: Space;
  readonly #table: CodeTable;
  readonly #bounds: ErrorBounds;

  constructor(kernel: VectorKernel, space: Space, dimension: number) {
    this.#space = space;
    this.#table = kernel.createTable(dimension);
    this.#bounds = new ErrorBounds(space, dimension);
  }

  /** Bytes of memory held. */
  get byteLength(): number {
    return this.#table.byteLength;
  }

  /** Sets the rows of ordinals `first … first + n − 1`. Throws `RESOURCE_EXHAUSTED` when memory ends. */
  set(first: number, rows: QuantizedRows): void {
    this.#table.set(first, rows.codes, rows.slopes, rows.intercepts);
    this.#bounds.include(rows);
  }

  /** The `k` nearest allowed rows, all of them when there are fewer. `vectors` is asked for no row twice. */
  async search(query: Float32Array, k: number, allowed: Bitmap, vectors: VectorSource): Promise<Nearest> {
    const encoded = encodeQuery(this.#space, query);
    if (encoded.norm === 0 && this.#space !== "l2") return atDistanceOne(allowed, k);
    const judge = new Judge(this.#space, query, k, vectors);
    const count = allowed.count();
    if (count <= firstScan(k) || isBeyondCodes(this.#space, encoded)) await judge.judge(allowed.toArray());
    else await this.#widen(encoded, k, count, allowed, judge);
    return judge.nearest;
  }

  /**
   * Each scan begins with the candidates of the one before. Of the new ones only those are judged that the result of the
   * earlier ones does not exclude; `judged` counts from the front, so what was left out is considered again when an
   * observation has made the margin wider.
   */
  async #widen(query: EncodedQuery, k: number, count: number, allowed: Bitmap, judge: Judge): Promise<void> {
    const margin = this.#bounds.marginFor(query);
    const offset = this.#space === "l2" ? query.norm * query.norm : 0;
    let judged = 0;
    for (let r = firstScan(k); ; r = Math.min(2 * r, count)) {
      const candidates = this.#table.scan(query.codes, query.scale, r, allowed.words);
      const excluded = (i: number): boolean => margin.excludes(candidates.distances[i]! + offset, judge.farthest);
      let end = judged;
      while (end < r && !excluded(end)) end++;
      const exact = await judge.judge(candidates.ordinals.slice(judged, end));
      observe(margin, candidates, offset, judged, exact);
      judged = end;
      if (judged === count || excluded(Math.min(judged, r - 1))) return;
    }
  }
}

/** Judges rows by their exact distance and keeps the k nearest. */
class Judge {
  readonly #distance: DistanceFrom;
  readonly #dimension: number;
  readonly #k: number;
  readonly #vectors: VectorSource;
  #nearest: Nearest = { ordinals: new Uint32Array(0), distances: new Float32Array(0) };

  constructor(space: Space, query: Float32Array, k: number, vectors: VectorSource) {
    this.#distance = distanceFrom(space, query);
    this.#dimension = query.length;
    this.#k = k;
    this.#vectors = vectors;
  }

  get nearest(): Nearest {
    return this.#nearest;
  }

  /** Distance of the k-th nearest so far; infinite while there are fewer. */
  get farthest(): number {
    return this.#nearest.distances[this.#k - 1] ?? Infinity;
  }

  /** Exact distances, in the order of `ordinals`. */
  async judge(ordinals: Uint32Array): Promise<Float32Array> {
    const distances = new Float32Array(ordinals.length);
    const step = Math.max(1, Math.floor(FETCH_BYTES_MAX / (4 * this.#dimension)));
    for (let from = 0; from < ordinals.length; from += step) {
      const part = ordinals.subarray(from, from + step);
      distances.set(await this.#measure(part), from);
      this.#nearest = merge(this.#nearest, sorted(part, distances.subarray(from, from + step)), this.#k);
    }
    return distances;
  }

  async #measure(ordinals: Uint32Array): Promise<Float32Array> {
    const rows = await this.#vectors(ordinals);
    if (rows.length !== ordinals.length * this.#dimension) {
      throw new TidepoolError(
        "INTERNAL",
        `${ordinals.length} vectors of dimension ${this.#dimension} were asked for, but ${rows.length} numbers came.`,
      );
    }
    const distances = new Float32Array(ordinals.length);
    for (let i = 0; i < distances.length; i++) distances[i] = this.#distance(rows, i * this.#dimension);
    return distances;
  }
}

/** Rows of the first scan: enough that the exact order rarely needs a second one. */
function firstScan(k: number): number {
  return Math.max(4 * k, k + 32);
}

/** A query so long that its products with rows would overflow the scan's float32: every row is judged instead. */
function isBeyondCodes(space: Space, query: EncodedQuery): boolean {
  return space !== "cosine" && query.norm > NORM_MAX;
}

/** To a zero query every row has cosine and inner-product distance 1, so the first rows are the nearest. */
function atDistanceOne(allowed: Bitmap, k: number): Nearest {
  const ordinals = allowed.toArray().slice(0, k);
  return { ordinals, distances: new Float32Array(ordinals.length).fill(1) };
}

function observe(margin: Margin, candidates: Candidates, offset: number, from: number, exact: Float32Array): void {
  for (let i = 0; i < exact.length; i++) margin.observe(candidates.distances[from + i]! + offset, exact[i]!);
}

/** By distance, then ordinal. */
function sorted(ordinals: Uint32Array, distances: Float32Array): Nearest {
  const order = Uint32Array.from(ordinals.keys());
  order.sort((a, b) => distances[a]! - distances[b]! || ordinals[a]! - ordinals[b]!);
  return {
    ordinals: Uint32Array.from(order, (i) => ordinals[i]!),
    distances: Float32Array.from(order, (i) => distances[i]!),
  };
}

/** The `k` nearest of two ascending lists. */
function merge(a: Nearest, b: Nearest, k: number): Nearest {
  const count = Math.min(k, a.ordinals.length + b.ordinals.length);
  const out: Nearest = { ordinals: new Uint32Array(count), distances: new Float32Array(count) };
  let i = 0;
  let j = 0;
  for (let n = 0; n < count; n++) {
    const from = isNearer(a, i, b, j) ? a : b;
    const index = from === a ? i++ : j++;
    out.ordinals[n] = from.ordinals[index]!;
    out.distances[n] = from.distances[index]!;
  }
  return out;
}

/** Whether entry i of `a` comes before entry j of `b`; a list that has ended comes last. */
function isNearer(a: Nearest, i: number, b: Nearest, j: number): boolean {
  if (i === a.ordinals.length || j === b.ordinals.length) return j === b.ordinals.length;
  const difference = a.distances[i]! - b.distances[j]!;
  return difference < 0 || (difference === 0 && a.ordinals[i]! < b.ordinals[j]!);
}
