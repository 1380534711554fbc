/**
 * Reopening a database whose page was closed in its first minute: at once after the last acknowledgement, and once background work
 * had ended. Nothing is published by then, since no arena is old enough; what counts is what was staged.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { formatTable, significant } from "../format-table.js";
import { Harness, type HarnessPage } from "../harness.js";
import type { OverviewPage } from "../pages/overview.js";
import { type Spread, spreadOf } from "../statistics.js";
import type { Suite } from "./suite.js";

const moments = ["at once", "after background work"] as const;
const QUIET_POLLS = 20;
const QUIET_POLL_MS = 300;

interface MomentResult {
  closed: (typeof moments)[number];
  records: number;
  firstMs: Spread;
  openMs: Spread;
  logRecords: number[];
}

/** The text index is merged 2 s after the last write, so the wait is longer than that. */
async function untilQuiet(page: HarnessPage<OverviewPage>, path: string): Promise<void> {
  for (let quiet = 0; quiet < QUIET_POLLS; ) {
    await sleep(QUIET_POLL_MS);
    quiet = (await page.call("info", path)).compacting ? 0 : quiet + 1;
  }
}

async function measure(harness: Harness, records: number, closed: MomentResult["closed"], repetitions: number): Promise<MomentResult> {
  const runs: { firstMs: number; openMs: number; logRecords: number }[] = [];
  for (let i = 0; i < repetitions; i++) {
    const path = `young-${records}-${closed.replaceAll(" ", "-")}-${i}`;
    const writing = await harness.newPage<OverviewPage>();
    await writing.call("prepare", records, 1);
    await writing.call("create", path);
    await writing.call("ingest", path, "batches");
    if (closed === "after background work") await untilQuiet(writing, path);
    await writing.close();
    const reading = await harness.newPage<OverviewPage>();
    runs.push(await reading.call("reopen", "tidepool", path));
    await reading.close();
  }
  return {
    closed,
    records,
    firstMs: spreadOf(runs.map(({ firstMs }) => firstMs)),
    openMs: spreadOf(runs.map(({ openMs }) => openMs)),
    logRecords: runs.map(({ logRecords }) => logRecords),
  };
}

function describe(results: readonly MomentResult[]): string {
  const rows = results.map(({ closed, records, firstMs, openMs, logRecords }) => [
    closed,
    records.toLocaleString("en"),
    significant(firstMs.median),
    significant(openMs.median),
    logRecords.join(", "),
  ]);
  return formatTable([["closed", "records × 384", "first answer ms", "of that until open ms", "log records replayed"], ...rows]);
}

export const young: Suite = {
  async run({ quick, log }) {
    const harness = await Harness.open({ page: "overview" });
    try {
      const results: MomentResult[] = [];
      for (const closed of moments) {
        results.push(await measure(harness, quick ? 2000 : 100_000, closed, quick ? 1 : 3));
        log(`closed ${closed}: first answer after ${significant(results.at(-1)!.firstMs.median)} ms`);
      }
      return { text: describe(results), data: { results } };
    } finally {
      await harness.close();
    }
  },
};
