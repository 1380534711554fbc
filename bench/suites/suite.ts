/** One family of measurements: `npm run bench -- NAME` runs `bench/suites/NAME.ts`. */

export interface SuiteOptions {
  /** Fewer records and repetitions, to see whether the suite runs; its numbers mean little. */
  quick: boolean;
  /** Says what is going on. */
  log(text: string): void;
}

export interface SuiteResult {
  /** For people. */
  text: string;
  /** For programs; written to `bench/results/NAME.json`. */
  data: object;
}

export interface Suite {
  run(options: SuiteOptions): Promise<SuiteResult>;
}
