/** What the suite `scale` finds out. Each result stands by itself: runs of one set and size are kept beside those of others. */
import type { MemoryUse } from "tidepool-db";
import type { ScaleIndex } from "./indexes.js";

export interface ScaleRun {
  index: ScaleIndex;
  set: string;
  rows: number;
  dimension: number;
}

/** Milliseconds. */
export interface Latency {
  p50: number;
  p95: number;
  p99: number;
}

export interface Asked {
  recall: number;
  /** Of files that nobody has read since the browser started. */
  cold: Latency | null;
  warm: Latency;
}

/** What there is after so many rows, and how fast the last of them were taken. */
export interface Growth {
  rows: number;
  perSecond: number;
  memory: MemoryUse;
  memoryBytes: number;
  diskBytes: number;
}

/** What only a database has, and an index by itself has not. */
export interface DatabaseFigures {
  growth: Growth[];
  memory: MemoryUse;
  reopenMs: number;
  /** Queries while more rows are written, until these are in the index. */
  whileWriting: Latency;
  /** How fast they were written meanwhile. */
  whileWritingPerSecond: number;
}

export interface ScaleResult extends ScaleRun {
  measured: { seconds: number; loadAverage: { before: number; after: number } };
  /** Rows a second until all are acknowledged, and until nothing is left to build. */
  ingestPerSecond: number;
  indexedPerSecond: number;
  memoryBytes: number;
  /** Of the page and its workers, as the system counts it. */
  processBytes: number | null;
  diskBytes: number;
  all: Asked;
  /** Of filters that a tenth and a hundredth of the records match; `null` where the index takes none. */
  tenth: Asked | null;
  hundredth: Asked | null;
  database: DatabaseFigures | null;
}

export const nameOf = ({ index, set, rows }: Pick<ScaleRun, "index" | "set" | "rows">): string => `${index}-${set}-${rows}`;

/** Those measured before, with one that is new or in the place of its like. */
export function withResult(results: readonly ScaleResult[], result: ScaleResult): ScaleResult[] {
  const others = results.filter((other) => nameOf(other) !== nameOf(result));
  return [...others, result].sort((a, b) => a.rows - b.rows || a.set.localeCompare(b.set) || a.index.localeCompare(b.index));
}
