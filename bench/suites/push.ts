/** What pushing to a server costs it, counted, and what ten thousand tabs do to one that was down for a while, simulated. */
import { formatTable, significant } from "../format-table.js";
import { type Outcome, ours, type Setting, simulate, type Waits } from "../push/many-tabs.js";
import { pushCosts, type RoundCost } from "../push/push-cost.js";
import type { Suite } from "./suite.js";

const everySecond = { firstMs: 1000, mostMs: 1000 };
const waits: Record<string, Waits> = {
  "as sync waits": ours,
  "without chance": { ...ours, byChance: false },
  "every second": { request: everySecond, round: everySecond, byChance: false },
};

export const push: Suite = {
  async run({ quick, log }) {
    const records = quick ? 300 : 1000;
    log(`pushing ${records} records`);
    const costs = await pushCosts(records, undefined);
    const revisedCosts = await pushCosts(records, "revision");
    const requestsPerRound = costs.find(({ round }) => round === "one record changed here")!.requests;
    const setting: Omit<Setting, "waits"> = {
      tabs: quick ? 1000 : 10_000,
      changeEveryMs: 60_000,
      requestsPerRound,
      workers: quick ? 1 : 10,
      serviceMs: 5,
      queueMax: quick ? 100 : 1000,
      down: [120_000, 420_000],
      untilMs: 1_200_000,
    };
    const outcomes = Object.entries(waits).map(([name, each]) => {
      log(`${setting.tabs} tabs, ${name}`);
      return { waits: name, ...simulate({ ...setting, waits: each }) };
    });
    return {
      text: `${describeCosts(costs)}\n\nwith revisionKey\n${describeCosts(revisedCosts)}\n\n${describeOutcomes(outcomes)}`,
      data: { records, dimension: 384, costs, revisedCosts, setting, outcomes },
    };
  },
};

function describeCosts(costs: readonly RoundCost[]): string {
  const rows = costs.map(({ round, requests, sentBytes, readBytes }) => [
    round,
    String(requests),
    significant(sentBytes / 1000),
    significant(readBytes / 1000),
  ]);
  return formatTable([["round", "requests", "sent kB", "read kB"], ...rows]);
}

function describeOutcomes(outcomes: readonly ({ waits: string } & Outcome)[]): string {
  const rows = outcomes.map(({ waits, peak, refusedShare, drainedAfterMs, waitMs }) => [
    waits,
    significant(peak),
    significant(100 * refusedShare),
    drainedAfterMs === null ? "-" : significant(drainedAfterMs / 1000),
    significant(waitMs.p50),
    significant(waitMs.p99),
  ]);
  return formatTable([["tabs wait", "peak", "refused %", "all pushed after s", "a change waits p50 ms", "p99 ms"], ...rows]);
}
