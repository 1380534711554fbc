/** What the suite `scale` finds out. Each result stands by itself: runs of one set and size are kept beside those of others. */
import type { MemoryUse } from "tidepool-db";
import type { BrowserName } from "../../tools/browser/target.js";
import type { ScaleIndex } from "./indexes.js";

export interface ScaleRun {
  index: ScaleIndex;
  set: string;
  rows: number;
  dimension: number;
  browser: BrowserName;
  /** The page and its workers together have this part of a core, and a heap as of a phone; `null` where nothing holds them back. */
  slowdown: number | null;
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
  /** Of lists; `null` for a graph, which has to be in memory. */
  budgeted: Budgeted | null;
  /** Of lists: the collection and a fork of it, both open and asked. */
  twoOpen: { memoryBytes: number; processBytes: number | null } | null;
}

/** What a collection does under a `memoryBudgetBytes`. */
export interface Budgeted {
  budgetBytes: number;
  /** The most that the engine told, between queries. */
  memoryBytes: number;
  asked: Asked;
}

export interface ScaleResult extends ScaleRun {
  measured: { seconds: number; loadAverage: { before: number; after: number } };
  /** Rows a second until all are acknowledged, and until nothing is left to build. */
  ingestPerSecond: number;
  indexedPerSecond: number;
  memoryBytes: number;
  /** Of the page and its workers, as the system counts it. */
  processBytes: number | null;
  /** What the page took before it opened anything, as the system counts it. */
  emptyProcessBytes: number | null;
  diskBytes: number;
  all: Asked;
  /** Of filters that a tenth and a hundredth of the records match; `null` where the index takes none. */
  tenth: Asked | null;
  hundredth: Asked | null;
  database: DatabaseFigures | null;
}

export function nameOf({ index, set, rows, browser, slowdown }: ScaleRun): string {
  return [index, set, rows, ...(browser === "chromium" ? [] : [browser]), ...(slowdown === null ? [] : ["phone"])].join("-");
}

/** Those measured before, with one that is new or in the place of its like. */
export function withResult(results: readonly ScaleResult[], result: ScaleResult): ScaleResult[] {
  const others = results.filter((other) => nameOf(other) !== nameOf(result));
  return [...others, result].sort((a, b) => a.rows - b.rows || a.set.localeCompare(b.set) || a.index.localeCompare(b.index));
}
