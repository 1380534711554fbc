/** What the page asks of the worker of one engine. */
import type { LabelFilter } from "../../vector/labels.js";
import type { SharedSet } from "./vector-engine.js";

export interface EngineMethods {
  prepare(set: SharedSet): Promise<void>;
  /** Milliseconds inside the engine. */
  add(from: number, to: number): Promise<number>;
  setEf(ef: number): Promise<boolean>;
  /** Asks the queries of the set one after the other, query q with `filters[q]`. */
  measure(k: number, filters: (LabelFilter | null)[], warmUp: number): Promise<Measured>;
  /** One query of the page's own. */
  search(query: Float32Array, k: number, filter: LabelFilter | null): Promise<readonly number[]>;
  /** `null` where the engine keeps nothing. */
  save(): Promise<number | null>;
  open(set: SharedSet): Promise<void>;
  wasmBytes(): Promise<number>;
  distancesPerQuery(ef: number): Promise<number | null>;
}

export interface Measured {
  timesMs: number[];
  /** Rows found, per query. */
  rows: number[][];
}
