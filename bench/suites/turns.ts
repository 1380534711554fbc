/**
 * How long one step of heavy work holds the engine's worker, and the page: the longest time that a message, which the worker sends to
 * itself, is under way while the call is made. So long any other call waits.
 */
import { formatTable, significant } from "../format-table.js";
import { Harness } from "../harness.js";
import type { TurnsPage } from "../pages/turns.js";
import type { Suite } from "./suite.js";

interface CallResult {
  call: string;
  ms: number;
  workerMs: number;
  pageMs: number;
  failure: string | null;
}

function describe(results: readonly CallResult[]): string {
  const rows = results.map(({ call, ms, workerMs, pageMs, failure }) => [
    call,
    significant(ms),
    significant(workerMs),
    significant(pageMs),
    failure ?? "",
  ]);
  return formatTable([["call", "ms", "longest step of the worker ms", "of the page ms", ""], ...rows]);
}

export const turnsSuite: Suite = {
  async run({ quick, log }) {
    const scale = quick ? 0.05 : 1;
    const harness = await Harness.open({ page: "turns", workers: ["turns/turn-watch.ts"] });
    try {
      const page = await harness.newPage<TurnsPage>();
      await page.call("begin", scale);
      const results: CallResult[] = [];
      for (const call of await page.call("names")) {
        await page.call("prepare", call);
        results.push({ call, ...(await page.call("make", call)) });
        const { ms, workerMs, pageMs, failure } = results.at(-1)!;
        log(`${call}: ${significant(ms)} ms, worker ${significant(workerMs)}, page ${significant(pageMs)} ${failure ?? ""}`);
      }
      return { text: describe(results), data: { scale, results } };
    } finally {
      await harness.close();
    }
  },
};
