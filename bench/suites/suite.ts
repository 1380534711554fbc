/** One family of measurements: `npm run bench -- NAME` runs `bench/suites/NAME.ts`. */

export interface SuiteOptions {
  /** Fewer records and repetitions, to see whether the suite runs; its numbers mean little. */
  quick: boolean;
  /** Only these, where the suite has several; empty for all. */
  sets: string[];
  engines: string[];
  /** Only these, of a suite whose sets come in several. */
  sizes: string[];
  /** How many times slower than a laptop of today a page shall be, for a suite that slows it; `undefined` for the suite's own. */
  slowdown: number | undefined;
  /** What the suite wrote last time, for one that can be run in parts; `null` at the first time. */
  previous: unknown;
  /** Keeps what there is so far, of a suite that takes long, as what it returns in the end will be kept. */
  save(result: SuiteResult): Promise<void>;
  /** Says what is going on. */
  log(text: string): void;
}

export interface SuiteResult {
  /** For people. */
  text: string;
  /** For programs; written to `bench/results/NAME.json`. */
  data: object;
  /** SVG files to be written beside it, by name without ending. */
  pictures?: Record<string, string>;
}

export interface Suite {
  /** Whether results are kept of a run of some engines: where they are not compared within one run. */
  keepsEngines?: true;
  run(options: SuiteOptions): Promise<SuiteResult>;
}
