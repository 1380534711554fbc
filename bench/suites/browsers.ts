/**
 * Chromium beside Firefox, and storage "opfs" beside "indexeddb": queries that nobody has asked before, just after the browser was
 * started and once many others were asked. The browsers take turns within one run.
 */
import type { BrowserName } from "../../tools/browser/target.js";
import { formatTable, significant } from "../format-table.js";
import { Harness, type HarnessPage } from "../harness.js";
import type { BrowsersPage } from "../pages/browsers.js";
import { type Spread, spreadOf } from "../statistics.js";
import { untilPublished } from "../until-published.js";
import type { Suite, SuiteOptions } from "./suite.js";

const browsers = ["chromium", "firefox"] as const satisfies readonly BrowserName[];
const storages = ["opfs", "indexeddb"] as const;
type Storage = (typeof storages)[number];

interface Row {
  browser: (typeof browsers)[number];
  storage: Storage;
  records: number;
  ingestPerSecond: number;
  reopenedMs: Spread;
  warmMs: Spread;
}

/** Times of the queries of all rounds, by what was asked when. */
interface Times {
  reopened: number[];
  warm: number[];
}

const COLD = 30;
const WARMING = 1000;
const WARM = 200;

class Database {
  readonly #harness: Harness;
  readonly #storage: Storage;
  readonly #path: string;
  readonly times: Times = { reopened: [], warm: [] };

  constructor(harness: Harness, storage: Storage, path: string) {
    this.#harness = harness;
    this.#storage = storage;
    this.#path = path;
  }

  async fill(records: number): Promise<number> {
    const page = await this.#open();
    const perSecond = await page.call("fill", records);
    await untilPublished(() => page.call("info"));
    await page.call("close");
    await page.close();
    return perSecond;
  }

  async round(number: number, quick: boolean): Promise<void> {
    await this.#harness.relaunch();
    const page = await this.#open();
    const seed = 100 * (number + 1);
    this.times.reopened.push(...(await page.call("ask", COLD, seed + 1)));
    await page.call("ask", quick ? 50 : WARMING, seed + 2);
    this.times.warm.push(...(await page.call("ask", WARM, seed + 3)));
    await page.call("close");
    await page.close();
  }

  async #open(): Promise<HarnessPage<BrowsersPage>> {
    const page = await this.#harness.newPage<BrowsersPage>();
    await page.call("open", this.#path, this.#storage);
    return page;
  }
}

async function measure(storage: Storage, records: number, { quick, log }: SuiteOptions): Promise<{ rows: Row[]; versions: string[] }> {
  const harnesses = await Promise.all(browsers.map((browser) => Harness.open({ page: "browsers", browser })));
  try {
    const databases = harnesses.map((harness) => new Database(harness, storage, `${storage}-${records}`));
    const ingest: number[] = [];
    for (const database of databases) ingest.push(await database.fill(records));
    for (let round = 0; round < (quick ? 1 : 4); round++) for (const database of databases) await database.round(round, quick);
    const rows = browsers.map((browser, i) => ({
      browser,
      storage,
      records,
      ingestPerSecond: ingest[i]!,
      reopenedMs: spreadOf(databases[i]!.times.reopened),
      warmMs: spreadOf(databases[i]!.times.warm),
    }));
    for (const row of rows) log(`${row.browser}, ${storage}, ${records}: reopened ${significant(row.reopenedMs.median)} ms`);
    return { rows, versions: harnesses.map(({ browser }) => browser) };
  } finally {
    for (const harness of harnesses) await harness.close();
  }
}

export const browsersSuite: Suite = {
  async run(options) {
    const sizes = options.quick ? [2000] : [10_000, 50_000];
    const rows: Row[] = [];
    let versions: string[] = [];
    for (const records of sizes) {
      for (const storage of storages) {
        const measured = await measure(storage, records, options);
        rows.push(...measured.rows);
        versions = measured.versions;
      }
    }
    return { text: describe(rows, versions), data: { browsers: versions, dimension: 384, rows } };
  },
};

function describe(rows: readonly Row[], versions: readonly string[]): string {
  const of = ({ records, storage }: Row, browser: Row["browser"]): Row =>
    rows.find((row) => row.browser === browser && row.records === records && row.storage === storage)!;
  const ratio = (row: Row, key: "reopenedMs" | "warmMs"): string => significant(row[key].median / of(row, "chromium")[key].median);
  const spread = ({ median, p25, p75 }: Spread): string => `${significant(median)} (${significant(p25)}–${significant(p75)})`;
  const lines = rows.map((row) => [
    row.browser,
    row.storage,
    row.records.toLocaleString("en"),
    Math.round(row.ingestPerSecond).toLocaleString("en"),
    spread(row.reopenedMs),
    ratio(row, "reopenedMs"),
    spread(row.warmMs),
    ratio(row, "warmMs"),
  ]);
  const head = ["browser", "storage", "records", "ingest/s", "unseen, reopened ms", "× Chromium", "unseen, warm ms", "× Chromium"];
  return `${versions.join(", ")}; 384 dimensions, k = 10; median (p25–p75) of unseen queries\n${formatTable([head, ...lines])}`;
}
