/**
 * A phone, emulated: a third of a core for page and worker together, a heap of 256 MB each, a profile on disk. What each step of an
 * app takes there, and the longest task of the page meanwhile.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { CpuLimit, type CpuLimitKind } from "../cpu-limit.js";
import { formatTable, significant } from "../format-table.js";
import { Harness, type HarnessPage, root } from "../harness.js";
import type { PhonePage } from "../pages/phone.js";
import { quantile } from "../statistics.js";
import { untilPublished } from "../until-published.js";
import type { Suite } from "./suite.js";

const SHARE = 1 / 3;
const HEAP_MB = 256;
const AIMS = { pageTaskMs: 100, firstTextSearchMs: 1000 };
const data = resolve(root, "../shared/data");

interface Step {
  step: string;
  /** How often it was done, and how long one took. */
  times: number;
  p50Ms: number;
  p95Ms: number;
  maxMs: number;
  /** The page's longest task; `null` where none took 50 ms, below which the browser tells of none. */
  longestTaskMs: number | null;
  tasksOver50Ms: number;
  tasksOver100Ms: number;
  /** What ran longest in long frames, as the browser names it. */
  scripts: string[];
}

type Tab = HarnessPage<PhonePage>;

class Phone {
  readonly #harness: Harness;
  readonly #limit: CpuLimit | null;
  readonly #records: number;
  readonly #log: (text: string) => void;
  readonly steps: Step[] = [];
  texts = "";

  constructor(harness: Harness, limit: CpuLimit | null, records: number, log: (text: string) => void) {
    this.#harness = harness;
    this.#limit = limit;
    this.#records = records;
    this.#log = log;
  }

  get limitKind(): CpuLimitKind {
    return this.#limit === null ? "the browser's throttling of pages, workers not held back" : "control group of pages and workers";
  }

  /** What the page needs is ready before it is slowed down. */
  async newTab(): Promise<Tab> {
    const tab = await this.#harness.newPage<PhonePage>();
    this.texts = await tab.call("prepare", this.#records);
    if (this.#limit === null) await tab.throttle(1 / SHARE);
    else await this.#limit.hold(await this.#harness.pageProcesses());
    return tab;
  }

  async step(name: string, tab: Tab, body: () => Promise<number | number[]>): Promise<void> {
    await tab.call("watch");
    const times = [await body()].flat();
    const { longestMs, over50Ms, over100Ms, scripts } = await tab.call("watched");
    const [p50Ms, p95Ms, maxMs] = [0.5, 0.95, 1].map((q) => quantile(times, q)) as [number, number, number];
    const step = { step: name, times: times.length, p50Ms, p95Ms, maxMs };
    this.steps.push({ ...step, longestTaskMs: longestMs, tasksOver50Ms: over50Ms, tasksOver100Ms: over100Ms, scripts });
    this.#log(`${name}: p50 ${significant(p50Ms)} ms, longest task of the page ${longestMs === null ? "< 50" : significant(longestMs)} ms`);
    for (const script of longestMs === null ? [] : scripts) this.#log(`  ${script}`);
  }
}

async function measure(phone: Phone, asked: number): Promise<void> {
  const writing = await phone.newTab();
  await phone.step("add 1,000 records", writing, () => writing.call("ingest"));
  await phone.step("first text search after ingest", writing, () => writing.call("textSearches", 1));
  await asks(phone, writing, asked, "after ingest");
  await untilPublished(() => writing.call("info"));
  await writing.call("close");
  await writing.close();
  const reading = await phone.newTab();
  await phone.step("reopen, first query", reading, () => reading.call("reopen"));
  await phone.step("first text search after reopening", reading, () => reading.call("textSearches", 1));
  await asks(phone, reading, asked, "after reopening");
  await reading.close();
}

async function asks(phone: Phone, tab: Tab, asked: number, when: string): Promise<void> {
  await phone.step(`unseen query ${when}`, tab, () => tab.call("queries", asked, when.length));
  await phone.step(`text search ${when}`, tab, () => tab.call("textSearches", asked));
  await phone.step(`get of 10,000 embeddings ${when}`, tab, () => tab.call("embeddings"));
  await phone.step(`get of everything ${when}`, tab, () => tab.call("everything"));
}

function describe({ steps, limitKind, texts }: Phone, records: number): string {
  const rows = steps.map(({ step, times, p50Ms, p95Ms, longestTaskMs, tasksOver50Ms, tasksOver100Ms }) => [
    step,
    `${times}`,
    significant(p50Ms),
    significant(p95Ms),
    longestTaskMs === null ? "–" : significant(longestTaskMs),
    `${tasksOver50Ms}`,
    `${tasksOver100Ms}`,
  ]);
  const head = ["step", "times", "p50 ms", "p95 ms", "longest task ms", "over 50", "over 100"];
  const aims = aimsOf(steps).map(({ aim, measuredMs, met }) => `${met ? "met   " : "missed"}  ${aim}: ${significant(measuredMs)} ms`);
  const title = `${records.toLocaleString("en")} records × 384, ${texts}; a third of a core by ${limitKind}; heap ${HEAP_MB} MB`;
  return [title, formatTable([head, ...rows]), ...aims].join("\n");
}

function aimsOf(steps: readonly Step[]): { aim: string; measuredMs: number; met: boolean }[] {
  const longest = Math.max(...steps.map(({ longestTaskMs }) => longestTaskMs ?? 0));
  const firsts = steps.filter(({ step }) => step.startsWith("first text search"));
  return [
    { aim: `no task of the page over ${AIMS.pageTaskMs} ms`, measuredMs: longest, met: longest <= AIMS.pageTaskMs },
    ...firsts.map(({ step, maxMs }) => ({
      aim: `${step} within ${AIMS.firstTextSearchMs} ms`,
      measuredMs: maxMs,
      met: maxMs <= AIMS.firstTextSearchMs,
    })),
  ];
}

export const phoneSuite: Suite = {
  async run({ quick, log }) {
    const records = quick ? 2000 : 10_000;
    const folders: Record<string, string> = existsSync(data) ? { data } : {};
    const args = [`--js-flags=--max-old-space-size=${HEAP_MB}`];
    const harness = await Harness.open({ page: "phone", browser: "chromium", folders, args });
    const limit = await CpuLimit.make(SHARE);
    const phone = new Phone(harness, limit, records, log);
    if (limit === null) log(`no control group can be made here: ${phone.limitKind}, so figures are better than on a phone`);
    try {
      await measure(phone, quick ? 10 : 100);
    } finally {
      await harness.close();
      await limit?.remove();
    }
    const { steps, limitKind, texts } = phone;
    const setting = { browser: "Chromium", records, dimension: 384, texts, share: SHARE, limitKind, heapMegabytes: HEAP_MB };
    return { text: describe(phone, records), data: { ...setting, aims: aimsOf(steps), steps } };
  },
};
