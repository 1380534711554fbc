/** Searches for several queries. */
import type { Candidates } from "./candidates.js";

/** A query as a scan takes it. */
export interface ScanQuery {
  codes: Int16Array;
  scale: number;
}

/** A search for many queries that several threads do at once. */
export interface CommonSearch {
  /** What one of the queries finds, to the bit as if it were searched for alone. */
  found(query: number): Promise<Candidates>;
  /** To be called once, whatever happened. Resolves when nobody reads the rows any more. */
  end(): Promise<void>;
}
