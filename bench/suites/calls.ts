/**
 * Calls: what a single call takes from a page, beside two messages that carry as much; what each of many queries takes in one call;
 * and how many queries a second four tabs get out of one engine that they share, each asking one after the other or several at a time.
 */
import { formatTable, significant } from "../format-table.js";
import { Harness, type HarnessPage } from "../harness.js";
import type { CallName, CallsPage } from "../pages/calls.js";
import { quantile } from "../statistics.js";
import { untilQuiet } from "../until-quiet.js";
import type { Suite } from "./suite.js";

type Tab = HarnessPage<CallsPage>;

const names: CallName[] = ["heartbeat", "count", "get one id", "query", "query, distances only", "query, filter of 1 %", "query, 100 hits"];
const TOGETHER = [1, 4, 16, 64];
const TABS = [1, 2, 4];
const LANES = [1, 8];

interface CallResult {
  name: string;
  p50Ms: number;
  p95Ms: number;
}

interface TogetherResult {
  queries: number;
  /** Of one query, both messages shared by all. */
  msEach: number;
}

interface SustainedResult {
  tabs: number;
  /** Calls that each tab has under way at a time. */
  lanes: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

async function newTab(harness: Harness, seed: number): Promise<Tab> {
  const tab = await harness.newPage<CallsPage>();
  await tab.call("open", seed);
  return tab;
}

/** Passes take turns, so that whatever else the machine does hits all calls. */
async function singleCalls(tab: Tab, passes: number): Promise<CallResult[]> {
  const times = new Map<string, number[]>();
  for (let pass = 0; pass < passes; pass++) {
    for (const name of names) times.set(name, [...(times.get(name) ?? []), ...(await tab.call("measure", name))]);
    times.set("echo", [...(times.get("echo") ?? []), ...(await tab.call("measureEcho"))]);
  }
  return [...times].map(([name, all]) => ({ name, p50Ms: quantile(all, 0.5), p95Ms: quantile(all, 0.95) }));
}

async function sustained(tabs: readonly Tab[], lanes: number, ms: number): Promise<SustainedResult> {
  const times = (await Promise.all(tabs.map((tab) => tab.call("sustain", ms, lanes)))).flat();
  const perSecond = (1000 * times.length) / ms;
  return { tabs: tabs.length, lanes, perSecond, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
}

export const calls: Suite = {
  async run({ quick, log }) {
    const { records, passes, rounds, ms } = quick
      ? { records: 10_000, passes: 2, rounds: 10, ms: 1000 }
      : { records: 10_000, passes: 5, rounds: 50, ms: 10_000 };
    const harness = await Harness.open({ page: "calls" });
    try {
      const tabs = [await newTab(harness, 101)];
      await tabs[0]!.call("fill", records);
      await untilQuiet(() => tabs[0]!.call("info"));
      const single = await singleCalls(tabs[0]!, passes);
      log("single calls are done");
      const together: TogetherResult[] = [];
      for (const queries of TOGETHER) {
        together.push({ queries, msEach: quantile(await tabs[0]!.call("measureTogether", queries, rounds), 0.5) / queries });
      }
      const throughput: SustainedResult[] = [];
      for (const count of TABS) {
        while (tabs.length < count) tabs.push(await newTab(harness, 101 + tabs.length));
        for (const lanes of LANES) throughput.push(await sustained(tabs, lanes, ms));
        log(`${count} tabs are done`);
      }
      return { text: describe(single, together, throughput), data: { browser: harness.browser, records, single, together, throughput } };
    } finally {
      await harness.close();
    }
  },
};

function describe(single: readonly CallResult[], together: readonly TogetherResult[], throughput: readonly SustainedResult[]): string {
  return [
    formatTable([["call", "p50 ms", "p95 ms"], ...single.map(({ name, p50Ms, p95Ms }) => [name, significant(p50Ms), significant(p95Ms)])]),
    formatTable([["queries in a call", "ms each"], ...together.map(({ queries, msEach }) => [String(queries), significant(msEach)])]),
    formatTable([
      ["tabs", "calls at a time", "queries/s", "p50 ms", "p99 ms"],
      ...throughput.map(({ tabs, lanes, perSecond, p50Ms, p99Ms }) => [
        String(tabs),
        String(lanes),
        perSecond.toFixed(0),
        significant(p50Ms),
        significant(p99Ms),
      ]),
    ]),
  ].join("\n\n");
}
