/** Filters on documents: with their index and by a scan, in one run and in turns; and patterns that hold up an engine that backtracks. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { WhereDocument } from "tidepool-db";
import { formatTable, significant } from "../format-table.js";
import { Harness, type HarnessPage, root } from "../harness.js";
import type { TextFiltersPage } from "../pages/text-filters.js";
import { quantile } from "../statistics.js";
import { untilPublished } from "../until-published.js";
import type { Suite } from "./suite.js";

const data = resolve(root, "../shared/data");

const filters: Record<string, WhereDocument> = {
  "$contains, a rare word": { $contains: "Quokkabiscuit" },
  "$contains, its first 4 letters": { $contains: "Quok" },
  "$contains, nowhere": { $contains: "xylophonist" },
  "$contains, 2 letters, in most": { $contains: "a " },
  "$contains, 3 letters, in many": { $contains: "an " },
  "$not_contains, a rare word": { $not_contains: "Quokkabiscuit" },
  "$regex, a rare word in any case": { $regex: "(?i)QUOKKA\\w+" },
  "$regex, one of two rare words": { $regex: "(Quokka|xylophon)\\w+ \\d+" },
  "$regex, nothing required": { $regex: "\\d\\d\\d[a-z]" },
};
const patterns = ["(a+)+$", "(a|aa)+$", "(\\w+\\s?)+$", "a*a*a*a*a*a*b"];

interface FilterResult {
  filter: string;
  found: number;
  indexMs: number;
  scanMs: number;
}

async function measure(page: HarnessPage<TextFiltersPage>, times: number, log: (text: string) => void): Promise<FilterResult[]> {
  const results: FilterResult[] = [];
  for (const [filter, whereDocument] of Object.entries(filters)) {
    const { found, indexMs, scanMs } = await page.call("filter", whereDocument, times);
    results.push({ filter, found, indexMs: quantile(indexMs, 0.5), scanMs: quantile(scanMs, 0.5) });
    log(`${filter}: ${significant(results.at(-1)!.indexMs)} ms, by a scan ${significant(results.at(-1)!.scanMs)} ms`);
  }
  return results;
}

function describe(
  results: readonly FilterResult[],
  hostile: readonly { pattern: string; ms: number; waitMs: number; abortMs: number }[],
): string {
  const rows = results.map(({ filter, found, indexMs, scanMs }) => [
    filter,
    `${found}`,
    significant(indexMs),
    significant(scanMs),
    significant(scanMs / indexMs),
  ]);
  const others = hostile.map(({ pattern, ...times }) => [pattern, ...[times.ms, times.waitMs, times.abortMs].map(significant)]);
  return [
    formatTable([["filter", "found", "p50 ms", "by a scan ms", "times faster"], ...rows]),
    formatTable([["pattern, 4,000,000 characters", "ms", "longest wait of a count ms", "after an abort ms"], ...others]),
  ].join("\n\n");
}

export const textFilters: Suite = {
  async run({ quick, log }) {
    const records = quick ? 5000 : 50_000;
    const folders: Record<string, string> = existsSync(data) ? { data } : {};
    const harness = await Harness.open({ page: "text-filters", folders });
    try {
      const page = await harness.newPage<TextFiltersPage>();
      const { what, units, ms } = await page.call("ingest", records);
      log(`${records} ${what}, ${units} characters, in ${significant(ms)} ms`);
      await untilPublished(() => page.call("info"));
      const results = await measure(page, quick ? 3 : 30, log);
      const hostile = [];
      for (const pattern of patterns) hostile.push({ pattern, ...(await page.call("hostile", pattern)) });
      return { text: describe(results, hostile), data: { records, what, units, ingestMs: ms, results, hostile } };
    } finally {
      await harness.close();
    }
  },
};
