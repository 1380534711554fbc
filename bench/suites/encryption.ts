/** What encryption costs: the same records in a database that is encrypted and in one that is not, in turns, in one run. */
import { setTimeout as sleep } from "node:timers/promises";
import { formatTable, significant } from "../format-table.js";
import { Harness } from "../harness.js";
import type { EncryptionPage } from "../pages/encryption.js";
import { quantile } from "../statistics.js";
import type { Suite } from "./suite.js";

const kinds = ["plain", "encrypted"] as const;
type Kind = (typeof kinds)[number];
const measures = ["ingest ms", "opening ms", "query ms, first time", "query ms, again"] as const;
type Measure = (typeof measures)[number];
type Times = Record<Kind, Record<Measure, number[]>>;

interface Row {
  measure: Measure;
  plain: number;
  encrypted: number;
  /** Least and most of the ratios of one round. */
  ratio: number;
  ratios: [least: number, most: number];
}

function none(): Record<Measure, number[]> {
  return Object.fromEntries(measures.map((measure) => [measure, []])) as unknown as Record<Measure, number[]>;
}

/** One round fills a database of each kind, and opens both several times. */
async function measureRound(harness: Harness, times: Times, round: number, records: number, openings: number): Promise<void> {
  const order = round % 2 === 0 ? kinds : kinds.toReversed();
  const page = await harness.newPage<EncryptionPage>();
  for (const kind of order) {
    const path = `${kind}-${round}`;
    times[kind]["ingest ms"].push(await page.call("fill", path, kind === "encrypted", records));
    while (!(await page.call("settled", path))) await sleep(500);
    await page.call("close", path);
  }
  await page.close();
  for (let i = 0; i < openings; i++) {
    for (const kind of i % 2 === 0 ? order : order.toReversed()) {
      const fresh = await harness.newPage<EncryptionPage>();
      const { openMs, coldMs, warmMs } = await fresh.call("open", `${kind}-${round}`, kind === "encrypted", 200);
      times[kind]["opening ms"].push(openMs);
      times[kind]["query ms, first time"].push(coldMs);
      times[kind]["query ms, again"].push(warmMs);
      await fresh.close();
    }
  }
}

export const encryption: Suite = {
  async run({ quick, log }) {
    const [records, rounds, openings] = quick ? [5000, 1, 2] : [50_000, 3, 4];
    const harness = await Harness.open({ page: "encryption" });
    const times: Times = { plain: none(), encrypted: none() };
    try {
      for (let round = 0; round < rounds; round++) {
        await measureRound(harness, times, round, records, openings);
        log(`round ${round + 1} of ${rounds}`);
      }
    } finally {
      await harness.close();
    }
    const rows = measures.map((measure) => rowOf(times, measure));
    return { text: describe(rows), data: { records, rounds, openings, rows } };
  },
};

function rowOf(times: Times, measure: Measure): Row {
  const [plain, encrypted] = [times.plain[measure], times.encrypted[measure]];
  const ratios = encrypted.map((ms, i) => ms / plain[i]!);
  const [before, after] = [quantile(plain, 0.5), quantile(encrypted, 0.5)];
  return { measure, plain: before, encrypted: after, ratio: after / before, ratios: [Math.min(...ratios), Math.max(...ratios)] };
}

function describe(rows: readonly Row[]): string {
  const lines = rows.map(({ measure, plain, encrypted, ratio, ratios }) => [
    measure,
    ...[plain, encrypted, ratio].map(significant),
    ratios.map(significant).join("–"),
  ]);
  return formatTable([["median", "plain", "encrypted", "ratio", "ratios of pairs"], ...lines]);
}
