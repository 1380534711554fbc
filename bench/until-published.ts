/** Waits until a closed database could be opened without its log. */
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineInfo } from "tidepool-db";

const POLL_MS = 500;
const TIMEOUT_MS = 180_000;

/** Segments become the durable truth once the file that holds them has existed for a minute; until then the log is kept. */
export async function untilPublished(info: () => Promise<EngineInfo>): Promise<void> {
  const end = Date.now() + TIMEOUT_MS;
  for (let now = await info(); now.compacting || now.unpublished > 0; now = await info()) {
    if (now.compactionError !== null) throw new Error(`compaction failed: ${now.compactionError}`);
    if (Date.now() > end) throw new Error(`after ${TIMEOUT_MS / 1000} s ${now.unpublished} collections are not published`);
    await sleep(POLL_MS);
  }
}
