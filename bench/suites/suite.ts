/** One family of measurements: `npm run bench -- NAME` runs `bench/suites/NAME.ts`. */

export interface SuiteOptions {
  /** Fewer records and repetitions, to see whether the suite runs; its numbers mean little. */
  quick: boolean;
  /** Only these, where the suite has several; empty for all. */
  sets: string[];
  engines: string[];
  /** What the suite wrote last time, for one that can be run in parts; `null` at the first time. */
  previous: unknown;
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
  run(options: SuiteOptions): Promise<SuiteResult>;
}
