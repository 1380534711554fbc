/** What Tidepool is measured beside: engines without storage of their own worth the name, given the simplest one there is. */
import type { Dataset } from "../clustered.js";
import type { FilterName } from "../filters.js";

export interface Hit {
  id: string;
  distance: number;
  document: string;
  metadata: unknown;
}

export interface Baseline {
  /** Called once before the first record. */
  prepare(capacity: number): Promise<void>;
  /** Takes the records into memory. */
  add(records: Dataset): void;
  query(embedding: Float32Array, k: number, filter: FilterName): Hit[];
  /** Sets what trades speed for recall, where there is such a thing. */
  setEfSearch(ef: number): void;
  /** Makes everything durable under a name, in one go: that is all these engines can do. */
  persist(name: string): Promise<void>;
  /** Reads back what was persisted. */
  open(name: string): Promise<void>;
}

export const baselineNames = ["hnswlib-wasm", "plain loop"] as const;
export type BaselineName = (typeof baselineNames)[number];
