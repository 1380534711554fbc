/**
 * Cores: what helpers save while a graph is built and while many queries are answered in one call, beside the engine's thread alone, in
 * turns within one run. The page is cross-origin isolated.
 */
import { formatTable, significant } from "../format-table.js";
import { Harness } from "../harness.js";
import type { CoresPage } from "../pages/cores.js";
import { type Spread, spreadOf } from "../statistics.js";
import type { Suite } from "./suite.js";

/** What is filled, and how often it is asked. */
interface Task {
  name: string;
  records: number;
  lists: boolean;
}

interface Side {
  addMs: Spread;
  buildMs: Spread;
  askMs: Spread;
  recall: number;
}

interface Compared {
  name: string;
  records: number;
  queries: number;
  alone: Side;
  helped: Side;
  /** Of the medians. */
  buildRatio: number;
  askRatio: number;
}

interface Times {
  addMs: number[];
  buildMs: number[];
  askMs: number[];
  recall: number[];
}

const newTimes = (): Times => ({ addMs: [], buildMs: [], askMs: [], recall: [] });

function sideOf({ addMs, buildMs, askMs, recall }: Times): Side {
  return { addMs: spreadOf(addMs), buildMs: spreadOf(buildMs), askMs: spreadOf(askMs), recall: spreadOf(recall).median };
}

export const cores: Suite = {
  async run({ quick, log }) {
    const { rounds, asks, queries } = quick ? { rounds: 1, asks: 3, queries: 500 } : { rounds: 3, asks: 9, queries: 500 };
    const tasks: Task[] = [
      { name: "scan", records: 30_000, lists: false },
      { name: "graph", records: 50_000, lists: false },
      { name: "lists", records: 50_000, lists: true },
    ];
    const harness = await Harness.open({ page: "cores" });
    try {
      const compared: Compared[] = [];
      let used = "";
      for (const { name, records, lists } of tasks) {
        const times = { alone: newTimes(), helped: newTimes() };
        for (let round = 0; round < rounds; round++) {
          for (const side of round % 2 === 0 ? (["alone", "helped"] as const) : (["helped", "alone"] as const)) {
            const page = await harness.newPage<CoresPage>();
            await page.call("make", records, queries);
            const { addMs, buildMs } = await page.call("fill", `${name}-${round}-${side}`, side === "alone" ? 1 : 0, records, lists);
            times[side].addMs.push(addMs);
            times[side].buildMs.push(buildMs);
            for (let i = 0; i <= asks; i++) {
              const { ms, recall } = await page.call("ask", queries);
              // The first reads rows that the others find in memory.
              if (i > 0) times[side].askMs.push(ms);
              times[side].recall.push(recall);
            }
            const { cores: of } = await page.call("info");
            if (side === "helped") used = `${of.allowed} cores, ${of.helpers} helpers`;
            const lastMs = significant(times[side].askMs.at(-1)!);
            log(`${name}, ${side} (${of.helpers} helpers): built in ${significant(buildMs)} ms, ${queries} queries in ${lastMs} ms`);
            await page.call("close");
            await page.close();
          }
        }
        const [alone, helped] = [sideOf(times.alone), sideOf(times.helped)];
        const buildRatio = alone.buildMs.median / helped.buildMs.median;
        compared.push({ name, records, queries, alone, helped, buildRatio, askRatio: alone.askMs.median / helped.askMs.median });
      }
      return { text: `${used}\n\n${describe(compared)}`, data: { browser: harness.browser, used, rounds, compared } };
    } finally {
      await harness.close();
    }
  },
};

function describe(compared: readonly Compared[]): string {
  const spread = ({ median, p25, p75 }: Spread): string => `${significant(median)} (${significant(p25)}–${significant(p75)})`;
  const rows = compared.flatMap(({ name, records, queries, alone, helped, buildRatio, askRatio }) => [
    [`${name}: ${records} built`, spread(alone.buildMs), spread(helped.buildMs), significant(buildRatio), ""],
    [
      `${name}: ${queries} queries`,
      spread(alone.askMs),
      spread(helped.askMs),
      significant(askRatio),
      `${significant(alone.recall)}, ${significant(helped.recall)}`,
    ],
  ]);
  return formatTable([["ms", "alone", "with helpers", "ratio", "recall@10, both"], ...rows]);
}
