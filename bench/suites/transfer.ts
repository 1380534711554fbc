/**
 * Exports in each format, a backup to a file and its restore: how long each takes, how large it is, and how much more memory the
 * processes of page and worker have meanwhile than before, looked at every 50 ms.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { formatTable, significant } from "../format-table.js";
import { Harness } from "../harness.js";
import type { TransferPage } from "../pages/transfer.js";
import type { Suite } from "./suite.js";

const MB = 1e6;

interface Measured {
  what: string;
  ms: number;
  bytes: number;
  /** `null` where the system does not say. */
  extraBytes: number | null;
}

/** The work's answer, and by how much memory has risen at most while it was done. */
async function watched<T>(harness: Harness, work: Promise<T>): Promise<{ answer: T; extraBytes: number | null }> {
  const before = await harness.processBytes();
  let peak = before;
  let isOver = false;
  const answered = work.finally(() => (isOver = true));
  answered.catch(() => undefined);
  while (!isOver && peak !== null) {
    await sleep(50);
    peak = Math.max(peak, (await harness.processBytes()) ?? 0);
  }
  return { answer: await answered, extraBytes: before === null || peak === null ? null : peak - before };
}

export const transfer: Suite = {
  async run({ quick, log }) {
    const records = quick ? 5000 : 100_000;
    const harness = await Harness.open({ page: "transfer" });
    try {
      const page = await harness.newPage<TransferPage>();
      await page.call("fill", records);
      if (!quick) while (!(await page.call("isPublished"))) await sleep(1000);
      const results: Measured[] = [];
      const measure = async (what: string, work: Promise<{ ms: number; bytes: number }>): Promise<void> => {
        const { answer, extraBytes } = await watched(harness, work);
        results.push({ what, ms: answer.ms, bytes: answer.bytes, extraBytes });
        log(`${what}: ${significant(answer.ms / 1000)} s`);
      };
      for (const format of ["jsonl", "arrow", "parquet"] as const) await measure(`export, ${format}`, page.call("exportAs", format));
      await measure("backup", page.call("backup"));
      const restoring = page.call("restore");
      await measure("restore", restoring);
      const restored = await restoring;
      if (restored.records !== records) throw new Error(`${restored.records} of ${records} records were restored`);
      return {
        text: asText(records, results, restored.settledMs),
        data: { records, dimension: 384, results, settledMs: restored.settledMs },
      };
    } finally {
      await harness.close();
    }
  },
};

function asText(records: number, results: readonly Measured[], settledMs: number): string {
  const rows = results.map(({ what, ms, bytes, extraBytes }) => [
    what,
    `${significant(ms / 1000)} s`,
    `${significant(bytes / MB)} MB`,
    extraBytes === null ? "–" : `${significant(extraBytes / MB)} MB`,
  ]);
  const title = `${records.toLocaleString("en")} records × 384`;
  const table = formatTable([[title, "time", "size", "more memory, at most"], ...rows]);
  return `${table}\n\nAfter the restore's time it waited ${significant(settledMs / 1000)} s for its files to be a minute old.`;
}
