/**
 * The exact index: scan int8 codes for candidates, judge the candidates by their exact distance, and widen until no row
 * that was not judged can belong to the result. Adding a row costs its codes and no more; no result is approximate.
 *
 * Why it may stop: candidates come in order of approximate distance, so every row not judged yet is at least as far by
 * approximation as the first of them, and `error-bounds.ts` tells how much nearer than that it can truly be. Once that
 * is beyond the k-th exact distance, none of them can be among the k nearest.
 */

import type { Space } from "../types.js";
import type { Bitmap } from "./bitmap.js";
import { ErrorBounds } from "./error-bounds.js";
import { Judge, type Nearest, type VectorSource, observe } from "./judge.js";
import type { EncodedQuery, QuantizedRows } from "./quantize.js";
import { NORM_MAX, encodeQuery } from "./quantize.js";
import type { CodeTable, VectorKernel } from "./vector-kernel.js";

export type { Nearest, VectorSource } from "./judge.js";

export class FlatIndex {
  /** The codes, and what any approximate distance to them can be off. */
  readonly table: CodeTable;
  readonly bounds: ErrorBounds;
  readonly space: Space;

  constructor(kernel: VectorKernel, space: Space, dimension: number) {
    this.space = space;
    this.table = kernel.createTable(dimension);
    this.bounds = new ErrorBounds(space, dimension);
  }

  /** Bytes of memory held. */
  get byteLength(): number {
    return this.table.byteLength;
  }

  /** Sets the rows of ordinals `first … first + n − 1`. Throws `RESOURCE_EXHAUSTED` when memory ends. */
  set(first: number, rows: QuantizedRows): void {
    this.table.set(first, rows.codes, rows.slopes, rows.intercepts);
    this.bounds.include(rows);
  }

  /** The `k` nearest allowed rows, all of them when there are fewer. `vectors` is asked for no row twice. */
  async search(query: Float32Array, k: number, allowed: Bitmap, vectors: VectorSource): Promise<Nearest> {
    const encoded = encodeQuery(this.space, query);
    if (encoded.norm === 0 && this.space !== "l2") return atDistanceOne(allowed, k);
    const judge = new Judge(this.space, query, k, vectors, this.table);
    const count = allowed.count();
    if (count <= firstScan(k) || isBeyondCodes(this.space, encoded)) await judge.judge(allowed.toArray());
    else await this.#widen(encoded, k, count, allowed, judge);
    return judge.nearest;
  }

  /**
   * Each scan begins with the candidates of the one before. Of the new ones only those are judged that the result of the
   * earlier ones does not exclude; `judged` counts from the front, so what was left out is considered again when an
   * observation has made the margin wider.
   */
  async #widen(query: EncodedQuery, k: number, count: number, allowed: Bitmap, judge: Judge): Promise<void> {
    const margin = this.bounds.marginFor(query);
    const offset = this.space === "l2" ? query.norm * query.norm : 0;
    let judged = 0;
    for (let r = firstScan(k); ; r = Math.min(2 * r, count)) {
      const candidates = this.table.scan(query.codes, query.scale, r, allowed.words);
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

/** Rows of the first scan: enough that the exact order rarely needs a second one. */
function firstScan(k: number): number {
  return Math.max(4 * k, k + 32);
}

/** A query so long that its products with rows would overflow the scan's float32: every row is judged instead. */
export function isBeyondCodes(space: Space, query: EncodedQuery): boolean {
  return space !== "cosine" && query.norm > NORM_MAX;
}

/** To a zero query every row has cosine and inner-product distance 1, so the first rows are the nearest. */
function atDistanceOne(allowed: Bitmap, k: number): Nearest {
  const ordinals = allowed.toArray().slice(0, k);
  return { ordinals, distances: new Float32Array(ordinals.length).fill(1) };
}
