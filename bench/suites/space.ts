/**
 * How much disk a profile takes after many writes of one record each, whose small log rows LevelDB keeps for a while after they are
 * deleted: once they are acknowledged, compacted and published, and opened again.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { formatTable } from "../format-table.js";
import { Harness } from "../harness.js";
import type { BrowsersPage } from "../pages/browsers.js";
import { untilPublished } from "../until-published.js";
import type { Suite } from "./suite.js";

/** After which a compaction has begun. */
const IDLE_MS = 2000;

interface Moment {
  moment: string;
  indexedDbBytes: number;
  fileSystemBytes: number;
  /** Of blocks that are in use. */
  blockBytes: number;
}

async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const sizes = entries.map(async (entry): Promise<number> => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return bytesIn(path);
    return stat(path).then(
      ({ size }) => size,
      // LevelDB removes files at any time.
      () => 0,
    );
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

export const space: Suite = {
  async run({ quick, log }) {
    const writes = quick ? 500 : 20_000;
    const harness = await Harness.open({ page: "browsers" });
    const moments: Moment[] = [];
    try {
      const folder = join(harness.profile, "Default");
      let page = await harness.newPage<BrowsersPage>();
      const look = async (moment: string): Promise<void> => {
        const { blockBytesUsed } = await page.call("info");
        const [indexedDbBytes, fileSystemBytes] = await Promise.all(
          ["IndexedDB", "File System"].map((name) => bytesIn(join(folder, name))),
        );
        moments.push({ moment, indexedDbBytes: indexedDbBytes!, fileSystemBytes: fileSystemBytes!, blockBytes: blockBytesUsed });
        log(`${moment}: ${megabytes(indexedDbBytes!)} MB in IndexedDB, ${megabytes(fileSystemBytes!)} MB in files`);
      };
      await page.call("open", "space", "opfs");
      await page.call("fill", writes, 1);
      await look("acknowledged");
      await sleep(IDLE_MS);
      await untilPublished(() => page.call("info"));
      await look("published");
      await page.call("close");
      await page.close();
      await harness.relaunch();
      page = await harness.newPage<BrowsersPage>();
      await page.call("open", "space", "opfs");
      await look("opened again");
      await page.call("close");
    } finally {
      await harness.close();
    }
    return { text: describe(writes, moments), data: { browser: "Chromium", writes, dimension: 384, moments } };
  },
};

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function describe(writes: number, moments: readonly Moment[]): string {
  const rows = moments.map(({ moment, indexedDbBytes, fileSystemBytes, blockBytes }) => {
    const times = blockBytes === 0 ? "–" : ((indexedDbBytes + fileSystemBytes) / blockBytes).toFixed(1);
    return [moment, megabytes(indexedDbBytes), megabytes(fileSystemBytes), megabytes(blockBytes), times];
  });
  const head = ["moment", "IndexedDB MB", "files MB", "blocks MB", "× blocks"];
  return `${writes.toLocaleString("en")} writes of one record × 384\n${formatTable([head, ...rows])}`;
}
