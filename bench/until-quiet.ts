/** Waits until nothing works in the background any more, and nothing is about to begin. */
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineInfo } from "tidepool-db";

/** Longer than the database waits for silence before it compacts a log, merges segments and brings its text index up to date. */
const QUIET_POLLS = 24;
const POLL_MS = 300;

/** Since when it is so. */
export async function untilQuiet(info: () => Promise<EngineInfo>): Promise<number> {
  let since = Date.now();
  for (let still = 0; still < QUIET_POLLS; still++) {
    await sleep(POLL_MS);
    const { compacting, compactionError } = await info();
    if (compactionError !== null) throw new Error(`compaction failed: ${compactionError}`);
    if (!compacting) continue;
    still = -1;
    since = Date.now();
  }
  return since;
}
