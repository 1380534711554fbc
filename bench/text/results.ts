/** What the text suite writes to `bench/results/text.json`. */
import type { Kind } from "./questions.js";

export interface AskedResult {
  p50Ms: number;
  p95Ms: number;
  /** Documents found, on average. */
  found: number;
}

export interface TextEngineResult {
  engine: string;
  /** Until all documents were taken in: time inside the engine, and for Tidepool until the last acknowledgement. */
  indexMs: number | null;
  /** Tidepool alone: from then on until nothing works in the background any more, which begins after seconds without a write. */
  backgroundMs: number | null;
  diskBytes: number | null;
  /** JavaScript heap and WebAssembly memory beyond an empty page's, or an empty worker's. */
  memoryBytes: number | null;
  openMs: number | null;
  /** By what was asked, in the page, message and all; what an engine cannot be asked is not there. */
  asked: Partial<Record<Kind, AskedResult>>;
}

export interface Reopened {
  /** Until records could be counted. */
  openMs: number;
  /** The first search, and the next one for the same. */
  firstMs: number;
  againMs: number;
}

export interface TextSetResult {
  set: string;
  documents: number;
  characters: number;
  /** Of each kind; asked so many times over, and how often the database is opened again. */
  questions: number;
  repetitions: number;
  reopenRepetitions: number;
  seconds: number;
  loadAverage: number;
  engines: TextEngineResult[];
  reopened: Reopened | null;
  /** What the engine says that it holds, and the page's processes beyond an empty page's. */
  tidepoolMemory: { told: number; process: number | null; budget: number } | null;
  /** Making sparse vectors of the documents and storing them. */
  sparseIndexMs: number | null;
  absent: { engine: string; why: string }[];
}
