/** What the vector suite finds out, as it is written to `results/vector.json`. */
import type { BuiltWhileAsking } from "../pages/build-while-asking.js";
import type { Spread } from "../statistics.js";
import type { FilterName } from "./labels.js";

/** The quicker of two passes over the queries at one `ef`; `null` where there is none to set. */
export interface CurvePoint {
  ef: number | null;
  p50Ms: number;
  p95Ms: number;
  recall: number;
}

/** The cheapest setting that reaches a recall, measured in turns with the other engines. */
export interface Timed {
  ef: number | null;
  p50Ms: Spread;
  p95Ms: Spread;
  recall: number;
}

export interface EngineResult {
  engine: string;
  /** Seconds inside the engine, vectors per second; of the public call, until the last batch was acknowledged. */
  buildSeconds: number;
  buildRate: number;
  curve: CurvePoint[];
  /** `null` when no setting reaches it. */
  at95: Timed | null;
  at99: Timed | null;
  /** At the setting for .95; absent where the engine has no filters. */
  filters: Partial<Record<Exclude<FilterName, "none">, Timed>>;
  /** As `at95`, asked from the page by message. */
  fromPage: Timed | null;
  /** WebAssembly memory, and by how much the JavaScript heap of its worker grew. */
  wasmBytes: number | null;
  heapBytes: number | null;
  snapshotBytes: number | null;
  /** From a new worker to the first answer. */
  reopenMs: Spread | null;
  /** Distances per query at the setting for .95, counted on the saved graph. */
  distances: number | null;
}

/** The public call beyond what it shares with the engines. */
export interface DatabaseResult {
  /** From the last acknowledgement until segments and graph were complete. */
  backgroundSeconds: number;
  /** Where queries and writes went on meanwhile. */
  whileBuilding: BuiltWhileAsking | null;
  /** In a new page: until the collection was there, and until the first answer. */
  reopen: { openMs: Spread; firstMs: Spread; logRecords: number } | null;
  /**
   * After reopening and fifty queries, beyond an empty page: private memory of the processes of pages, and the JavaScript
   * heaps of page and worker, in which WebAssembly memory is missing.
   */
  memory: { heapBytes: number; processBytes: number | null } | null;
  blockBytesUsed: number;
}

export interface SetResult {
  set: string;
  records: number;
  dimension: number;
  space: string;
  queries: number;
  seconds: number;
  loadAverage: { before: number; after: number };
  /** Bytes per second of copying as much memory as the codes take: the machine's bound for a scan. */
  bandwidth: number;
  engines: EngineResult[];
  database: DatabaseResult | null;
  /** Engines that did not take part, and why. */
  absent: { engine: string; why: string }[];
}

export interface VectorResults {
  browser: string;
  parameters: object;
  sets: SetResult[];
}

export function engineOf(set: SetResult, name: string): EngineResult | undefined {
  return set.engines.find(({ engine }) => engine === name);
}
