/** Queries of the suite `scale`, and what comes of them. */
import { quantile } from "../statistics.js";
import type { Asked, Latency } from "./results.js";

/** Columns to filter by: a record in ten, or in a hundred, has 3 there. */
export type FilterColumn = "tenth" | "hundredth";

/** Ids found by each query, and its milliseconds. */
export interface Asking {
  ids: string[][];
  ms: number[];
}

export function latencyOf(ms: readonly number[]): Latency {
  return { p50: quantile(ms, 0.5), p95: quantile(ms, 0.95), p99: quantile(ms, 0.99) };
}

/** `truth`: the ids that each query should find. */
export function askedOf(first: Asking, warm: readonly number[], truth: readonly string[][], isCold: boolean): Asked {
  return { recall: recallOf(first.ids, truth), cold: isCold ? latencyOf(first.ms) : null, warm: latencyOf(warm) };
}

function recallOf(found: readonly string[][], truth: readonly string[][]): number {
  const hits = found.map((ids, i) => ids.filter((id) => truth[i]!.includes(id)).length / Math.max(1, truth[i]!.length));
  return hits.reduce((sum, hit) => sum + hit, 0) / hits.length;
}
