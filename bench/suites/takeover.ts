/**
 * Takeovers: how long a tab waits for the answer to a query when the tab that runs the engine ends meanwhile, in each way in which
 * it can, with another tab standing by; and how much longer a round trip is from a tab that does not run the engine.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { formatTable, significant } from "../format-table.js";
import { Harness, type HarnessPage } from "../harness.js";
import type { TakeoverPage } from "../pages/takeover.js";
import { quantile } from "../statistics.js";
import type { Suite } from "./suite.js";

/** For the tab that stands by to make ready; how long one waits that has had no time for it is measured beside the others. */
const readyMs = 2000;

const kinds = ["standby just begun", "tab closed", "page crashed", "worker terminated", "reload", "client closed"] as const;
type Kind = (typeof kinds)[number];
type Tab = HarnessPage<TakeoverPage>;

interface KindResult {
  kind: Kind;
  takeovers: number;
  p50Ms: number;
  p95Ms: number;
  maxMs: number;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

async function newTab(harness: Harness, role: string): Promise<Tab> {
  const tab = await harness.newPage<TakeoverPage>();
  const got = await tab.call("open");
  if (got !== role) throw new Error(`the tab is ${got}, not ${role}`);
  return tab;
}

async function end(tab: Tab, kind: Kind): Promise<void> {
  if (kind === "tab closed" || kind === "standby just begun") await tab.close();
  else if (kind === "page crashed") await tab.crash();
  else if (kind === "worker terminated") await tab.call("terminate");
  else if (kind === "reload") await tab.reload();
  else await tab.call("close");
}

/** Ends the holder; the tab that stood by is the next one. */
async function takeOver(harness: Harness, holder: Tab, kind: Kind): Promise<{ next: Tab; waitedMs: number }> {
  const next = await newTab(harness, "follower");
  await until(() => next.call("hasStandby"));
  if (kind !== "standby just begun") await sleep(readyMs);
  await next.call("watch");
  await sleep(50);
  await end(holder, kind);
  const waitedMs = await next.call("watched");
  if (!["tab closed", "standby just begun"].includes(kind)) await holder.close();
  return { next, waitedMs };
}

export const takeover: Suite = {
  async run({ quick, log }) {
    const [records, takeovers] = quick ? [2000, 3] : [50_000, 100];
    const harness = await Harness.open({ page: "takeover" });
    try {
      let holder = await newTab(harness, "holder");
      await holder.call("fill", records);
      if (!quick) await until(() => holder.call("isPublished"));
      const other = await newTab(harness, "follower");
      const roundTrips = { holder: await holder.call("roundTripMs"), follower: await other.call("roundTripMs") };
      await other.close();
      log(`round trip p50: holder ${significant(roundTrips.holder.p50Ms)} ms, follower ${significant(roundTrips.follower.p50Ms)} ms`);
      const results: KindResult[] = [];
      for (const kind of kinds) {
        const times: number[] = [];
        for (let i = 0; i < takeovers; i++) {
          const { next, waitedMs } = await takeOver(harness, holder, kind);
          holder = next;
          times.push(waitedMs);
        }
        results.push({ kind, takeovers, p50Ms: quantile(times, 0.5), p95Ms: quantile(times, 0.95), maxMs: Math.max(...times) });
        log(`${kind}: p95 ${significant(results.at(-1)!.p95Ms)} ms`);
      }
      return { text: describe(results), data: { records, roundTrips, results } };
    } finally {
      await harness.close();
    }
  },
};

function describe(results: readonly KindResult[]): string {
  const rows = results.map(({ kind, takeovers, p50Ms, p95Ms, maxMs }) => [
    kind,
    String(takeovers),
    ...[p50Ms, p95Ms, maxMs].map(significant),
  ]);
  return formatTable([["how the holder ended", "takeovers", "p50 ms", "p95 ms", "max ms"], ...rows]);
}
