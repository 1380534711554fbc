/**
 * Cores: what helpers save while a graph is built and while many queries are answered in one call, beside the engine's thread alone, in
 * turns within one run. The page is cross-origin isolated. Beside what a person waits stands what the busiest thread has computed, of which
 * other work on the machine takes nothing.
 */
import { formatTable, significant } from "../format-table.js";
import { Harness } from "../harness.js";
import type { CoresPage } from "../pages/cores.js";
import { type Spread, spreadOf } from "../statistics.js";
import { busiestMs, workerCpu } from "../worker-cpu.js";
import type { Suite } from "./suite.js";

/** What is filled, and how often it is asked. */
interface Task {
  name: string;
  records: number;
}

/** Milliseconds, and of those of the busiest thread's processor. */
interface Times {
  fillMs: number[];
  fillCpuMs: number[];
  askMs: number[];
  askCpuMs: number[];
  recall: number[];
}

type Side = { [T in keyof Times]: Spread };

interface Compared {
  name: string;
  records: number;
  queries: number;
  alone: Side;
  helped: Side;
}

const RECALLED = 100;
const newTimes = (): Times => ({ fillMs: [], fillCpuMs: [], askMs: [], askCpuMs: [], recall: [] });

function sideOf({ fillMs, fillCpuMs, askMs, askCpuMs, recall }: Times): Side {
  return {
    fillMs: spreadOf(fillMs),
    fillCpuMs: spreadOf(fillCpuMs),
    askMs: spreadOf(askMs),
    askCpuMs: spreadOf(askCpuMs),
    recall: spreadOf(recall),
  };
}

export const cores: Suite = {
  async run({ quick, log }) {
    const { rounds, asks, queries } = quick ? { rounds: 1, asks: 9, queries: 500 } : { rounds: 3, asks: 15, queries: 500 };
    const tasks: Task[] = [
      { name: "scan", records: 30_000 },
      { name: "graph", records: 50_000 },
    ];
    const harness = await Harness.open({ page: "cores" });
    try {
      const compared: Compared[] = [];
      let used = "";
      for (const { name, records } of tasks) {
        const times = { alone: newTimes(), helped: newTimes() };
        for (let round = 0; round < rounds; round++) {
          for (const side of round % 2 === 0 ? (["alone", "helped"] as const) : (["helped", "alone"] as const)) {
            const { fillMs, fillCpuMs, askMs, askCpuMs, recall } = times[side];
            const page = await harness.newPage<CoresPage>();
            await page.call("make", records, queries);
            const before = await workerCpu(harness.profile);
            const { addMs, buildMs } = await page.call("fill", `${name}-${round}-${side}`, side === "alone" ? 1 : 0, records);
            fillCpuMs.push(busiestMs(before, await workerCpu(harness.profile)));
            fillMs.push(addMs + buildMs);
            // The first reads rows that the others find in memory, and starts helpers.
            await page.call("ask", queries);
            const begun = await workerCpu(harness.profile);
            for (let i = 0; i < asks; i++) askMs.push(await page.call("ask", queries));
            askCpuMs.push(busiestMs(begun, await workerCpu(harness.profile)) / asks);
            const { cores: of } = await page.call("info");
            if (side === "helped") used = `${of.allowed} cores, ${of.helpers} helpers`;
            recall.push(await page.call("recall", RECALLED));
            const [filled, asked] = [significant(fillMs.at(-1)!), significant(askMs.at(-1)!)];
            log(`${name}, ${side} (${of.helpers} helpers): filled in ${filled} ms, ${queries} queries in ${asked} ms`);
            await page.call("close");
            await page.close();
          }
        }
        compared.push({ name, records, queries, alone: sideOf(times.alone), helped: sideOf(times.helped) });
      }
      return { text: `${used}\n\n${describe(compared)}`, data: { browser: harness.browser, used, rounds, compared } };
    } finally {
      await harness.close();
    }
  },
};

function describe(compared: readonly Compared[]): string {
  const spread = ({ median, p25, p75 }: Spread): string => `${significant(median)} (${significant(p25)}–${significant(p75)})`;
  const rows = compared.flatMap(({ name, records, queries, alone, helped }) => {
    const row = (what: string, of: Exclude<keyof Times, "recall">, last = ""): string[] => {
      const [one, all] = [alone[of], helped[of]];
      return [`${name}: ${what}`, spread(one), spread(all), all.median > 0 ? significant(one.median / all.median) : "", last];
    };
    return [
      row(`${records} added and built`, "fillMs"),
      row("the busiest thread's processor", "fillCpuMs"),
      row(`${queries} queries`, "askMs", `${significant(alone.recall.median)}, ${significant(helped.recall.median)}`),
      row("the busiest thread's processor", "askCpuMs"),
    ];
  });
  return formatTable([["ms, median (quartiles)", "alone", "with helpers", "ratio", "recall@10, both"], ...rows]);
}
