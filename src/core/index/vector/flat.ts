/**
 * The exact index: scan int8 codes for candidates, judge the candidates by their exact distance, and widen until no row
 * that was not judged can belong to the result. Adding a row costs its codes and no more; no result is approximate.
 *
 * Why it may stop: candidates come in order of approximate distance, so every row not judged yet is at least as far by
 * approximation as the first of them, and `error-bounds.ts` tells how much nearer than that it can truly be. Once that
 * is beyond the k-th exact distance, none of them can be among the k nearest.
 */

import type { Bitmap } from "../../base/bitmap.js";
import type { Space } from "../../types.js";
import type { Candidates } from "./candidates.js";
import { ErrorBounds } from "./error-bounds.js";
import { Judge, judgeWhileNear, type Nearest, type VectorSource } from "./judge.js";
import type { EncodedQuery, QuantizedRows } from "./quantize.js";
import { NORM_MAX } from "./quantize.js";
import { type CodeTable, type CommonSearch, QUERIES_PER_PASS, type VectorKernel } from "./vector-kernel.js";

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

  encode(query: Float32Array): EncodedQuery {
    return this.table.encodeQuery(this.space, query);
  }

  /** The `k` nearest allowed rows, all of them when there are fewer. `vectors` is asked for no row twice. */
  async search(query: Float32Array, k: number, allowed: Bitmap, vectors: VectorSource, encoded = this.encode(query)): Promise<Nearest> {
    return (await this.searchMany([query], k, allowed, vectors, [encoded]))[0]!;
  }

  /** What `search` finds, for many queries, which share passes over the rows. */
  async searchMany(
    queries: readonly Float32Array[],
    k: number,
    allowed: Bitmap,
    vectors: VectorSource,
    encoded = queries.map((query) => this.encode(query)),
  ): Promise<Nearest[]> {
    const count = allowed.count();
    const scanned = count <= firstScan(k) ? [] : encoded.filter((query) => isScannable(this.space, query));
    const scans = this.#scan(scanned, Math.min(firstScan(k), count), allowed);
    try {
      const found: Nearest[] = [];
      for (const [i, query] of queries.entries()) {
        const judge = new Judge(this.space, query, k, vectors, this.table);
        const scan = scanned.indexOf(encoded[i]!);
        if (encoded[i]!.norm === 0 && this.space !== "l2") found.push(atDistanceOne(allowed, k));
        else if (scan < 0) found.push(await judgeAll(judge, allowed));
        else found.push(await this.#widen(encoded[i]!, await scans.found(scan), k, count, allowed, judge));
      }
      return found;
    } finally {
      await scans.end();
    }
  }

  /** By several threads where that is worth it, else pass by pass, as it is asked for. */
  #scan(queries: readonly EncodedQuery[], r: number, allowed: Bitmap): CommonSearch | { found(query: number): Candidates; end(): void } {
    const together = queries.length > 1 ? this.table.scanTogether?.(queries, r, allowed.words) : null;
    if (together) return together;
    let first = 0;
    let pass: Candidates[] = [];
    const found = (query: number): Candidates => {
      if (pass[query - first] === undefined) {
        first = query;
        pass = this.table.scanMany(queries.slice(first, first + QUERIES_PER_PASS), r, allowed.words);
      }
      return pass[query - first]!;
    };
    return { found, end: () => undefined };
  }

  /**
   * Each scan begins with the candidates of the one before. Of the new ones only those are judged that the result of the
   * earlier ones does not exclude; `judged` counts from the front, so what was left out is considered again when an
   * observation has made the margin wider.
   */
  async #widen(query: EncodedQuery, first: Candidates, k: number, count: number, allowed: Bitmap, judge: Judge): Promise<Nearest> {
    const margin = this.bounds.marginFor(query);
    const offset = this.space === "l2" ? query.norm * query.norm : 0;
    let candidates = first;
    for (let judged = 0; ; candidates = this.table.scan(query.codes, query.scale, Math.min(2 * judged, count), allowed.words)) {
      judged = await judgeWhileNear(judge, k, candidates, offset, margin, judged);
      const last = candidates.distances[Math.min(judged, candidates.distances.length - 1)]!;
      if (judged === count || margin.excludes(last + offset, judge.farthest)) return judge.nearest;
    }
  }
}

/** Rows of the first scan: enough that the exact order rarely needs a second one. */
function firstScan(k: number): number {
  return Math.max(4 * k, k + 32);
}

/**
 * Whether approximate distances tell anything of a query. Not where its products with rows would overflow the scan's
 * float32, nor where every row is at the same distance.
 */
export function isScannable(space: Space, query: EncodedQuery): boolean {
  return space === "l2" ? query.norm <= NORM_MAX : query.norm > 0 && (space === "cosine" || query.norm <= NORM_MAX);
}

async function judgeAll(judge: Judge, allowed: Bitmap): Promise<Nearest> {
  await judge.judge(allowed.toArray());
  return judge.nearest;
}

/** To a zero query every row has cosine and inner-product distance 1, so the first rows are the nearest. */
function atDistanceOne(allowed: Bitmap, k: number): Nearest {
  const ordinals = allowed.toArray().slice(0, k);
  return { ordinals, distances: new Float32Array(ordinals.length).fill(1) };
}
