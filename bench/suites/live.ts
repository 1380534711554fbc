/**
 * Live queries while much is written: what a hundred subscriptions cost those who read beside them, how soon a listener hears of a write,
 * and how many reads are run again of those that could have been. With subscriptions and without take turns within one run.
 */
import { formatTable, significant } from "../format-table.js";
import { Harness } from "../harness.js";
import type { LivePage, Phase } from "../pages/live.js";
import { quantile, type Spread, spreadOf } from "../statistics.js";
import type { Suite } from "./suite.js";

interface Side extends Spread {
  p95: number;
  calls: number;
}

/** Latencies of one method, without subscriptions and with them. */
interface Compared {
  method: string;
  without: Side;
  with: Side;
  /** Of the medians. */
  ratio: number;
}

interface ToListener {
  method: string;
  writes: number;
  p50Ms: number;
  p95Ms: number;
}

function compare(method: string, without: readonly Phase[], withThem: readonly Phase[]): Compared {
  const timesOf = ({ latencies, writeMs }: Phase): number[] => (method === "update" ? writeMs : (latencies[method] ?? []));
  const sideOf = (phases: readonly Phase[]): Side => {
    const times = phases.flatMap(timesOf);
    return { ...spreadOf(times), p95: quantile(times, 0.95), calls: times.length };
  };
  const [plain, live] = [sideOf(without), sideOf(withThem)];
  return { method, without: plain, with: live, ratio: live.median / plain.median };
}

function toListener(phases: readonly Phase[]): ToListener[] {
  const methods = [...new Set(phases.flatMap((phase) => Object.keys(phase.toListener)))];
  return methods.map((method) => {
    const times = phases.flatMap((phase) => phase.toListener[method] ?? []);
    return { method, writes: times.length, p50Ms: quantile(times, 0.5), p95Ms: quantile(times, 0.95) };
  });
}

/** What was run again, beside what would have been if each write had each subscription ask. */
function reruns(phases: readonly Phase[]) {
  const sum = (of: (phase: Phase) => number): number => phases.reduce((total, phase) => total + of(phase), 0);
  const told: Record<string, number> = {};
  for (const phase of phases) for (const [name, count] of Object.entries(phase.told)) told[name] = (told[name] ?? 0) + count;
  const run = sum(({ refreshes }) => refreshes);
  const possible = sum(({ subscriptions, writes }) => subscriptions * writes);
  return { run, avoided: possible - run, perSecond: run / sum(({ seconds }) => seconds), told };
}

export const live: Suite = {
  async run({ quick, log }) {
    const [records, rounds, seconds, writesPerSecond] = quick ? [2_000, 1, 2, 1_000] : [10_000, 5, 5, 1_000];
    const harness = await Harness.open({ page: "live" });
    try {
      const page = await harness.newPage<LivePage>();
      await page.call("begin", records);
      await page.call("phase", false, writesPerSecond, 1);
      const phases = { idle: [] as Phase[], without: [] as Phase[], with: [] as Phase[] };
      for (let round = 0; round < rounds; round++) {
        phases.idle.push(await page.call("phase", false, 0, seconds / 2));
        for (const side of round % 2 === 0 ? (["without", "with"] as const) : (["with", "without"] as const)) {
          const phase = await page.call("phase", side === "with", writesPerSecond, seconds);
          phases[side].push(phase);
          const { writes, seconds: took, refreshes, latencies } = phase;
          const query = significant(quantile(latencies["query"]!, 0.5));
          log(`${side}: ${Math.round(writes / took)} writes/s, ${refreshes} reads run again, query ${query} ms`);
        }
      }
      const methods = ["get", "query", "searchText", "update"];
      const compared = methods.map((method) => compare(method, phases.without, phases.with));
      const idle = methods
        .slice(0, 3)
        .map((method) => ({ method, ...spreadOf(phases.idle.flatMap(({ latencies }) => latencies[method]!)) }));
      const rate = (of: readonly Phase[]): Spread => spreadOf(of.map(({ writes, seconds: took }) => writes / took));
      const data = {
        records,
        rounds,
        seconds,
        writesPerSecond: { asked: writesPerSecond, without: rate(phases.without), with: rate(phases.with) },
        subscriptions: phases.with[0]!.subscriptions,
        idle,
        compared,
        toListener: toListener(phases.with),
        reruns: reruns(phases.with),
        longestPageStepMs: spreadOf(phases.with.map(({ pageMs }) => pageMs)),
      };
      return { text: describe(data), data };
    } finally {
      await harness.close();
    }
  },
};

interface Described {
  idle: (Spread & { method: string })[];
  compared: Compared[];
  toListener: ToListener[];
  reruns: ReturnType<typeof reruns>;
  writesPerSecond: { without: Spread; with: Spread };
}

function describe({ idle, compared, toListener: heard, reruns: { run, avoided, perSecond, told }, writesPerSecond }: Described): string {
  const spread = ({ median, p25, p75 }: Spread): string => `${significant(median)} (${significant(p25)}–${significant(p75)})`;
  const rows = compared.map(({ method, without, with: beside, ratio }) => [
    method,
    idle.find((one) => one.method === method) ? spread(idle.find((one) => one.method === method)!) : "",
    spread(without),
    significant(without.p95),
    spread(beside),
    significant(beside.p95),
    significant(ratio),
  ]);
  const head = ["call", "no writes ms", "writes ms", "p95", "and subscriptions ms", "p95", "ratio"];
  const heardRows = heard.map(({ method, writes, p50Ms, p95Ms }) => [method, String(writes), significant(p50Ms), significant(p95Ms)]);
  return [
    formatTable([head, ...rows]),
    formatTable([["write to listener", "writes", "p50 ms", "p95 ms"], ...heardRows]),
    `writes/s: ${spread(writesPerSecond.without)}, with subscriptions ${spread(writesPerSecond.with)}`,
    `reads run again: ${run}, ${significant(perSecond)} a second; not run: ${avoided}`,
    `listeners called: ${Object.entries(told)
      .map(([name, count]) => `${name} ${count}`)
      .join(" · ")}`,
  ].join("\n\n");
}
