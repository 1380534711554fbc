/**
 * Random work from two tabs at once, ended at random moments in every way that a browser offers, and compared with what was
 * acknowledged: `npm run torture -- [--rounds N] [--browser chromium|firefox] [--seed S]`. Acknowledgements are kept here, outside
 * of the browser. Prints rounds, records acknowledged, lost and wrong, and how long another tab took to go on when the one that had
 * the engine was hit; adds these figures to `bench/results/torture.json` with `--record`. Fails when anything was lost or wrong.
 */
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import type { CDPSession, Page } from "playwright";
import type { TidepoolClientOptions } from "tidepool-db";
import { createProfile, removeProfile, type SpawnedBrowser, spawnBrowser } from "../tools/browser/browser.js";
import { processesNaming } from "../tools/browser/processes.js";
import type { StaticServer } from "../tools/browser/static-server.js";
import { can, target } from "../tools/browser/target.js";
import type { Operation, Reading } from "./pages/torture.js";
import { createSettled, openTab, serveApp } from "./support/app.js";
import { Lane } from "./support/lane.js";

type Torture = typeof import("./pages/torture.js");

/** What a round does to the browser, and how often in proportion. */
const kinds = {
  terminate: 4,
  reload: 4,
  "close client": 2,
  "close tab": 3,
  "crash page": can("crashPage") === true ? 4 : 0,
  "kill renderer": can("crashPage") === true ? 3 : 0,
  freeze: can("devtools") === true ? 1 : 0,
  "kill browser": 1,
};
type Kind = keyof typeof kinds;

const lanesPerTab = 2;
/** After this an operation counts as one that never settles. */
const settlesInMs = 40_000;
const resultsFile = new URL("../bench/results/torture.json", import.meta.url);

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { rounds: { type: "string" }, browser: { type: "string" }, seed: { type: "string" }, record: { type: "boolean" } },
});
const rounds = Number(values.rounds ?? 200);
const seed = Number(values.seed ?? Date.now() % 1_000_000);

/** A small seeded generator (mulberry32, public domain). */
function generator(state: number): () => number {
  let at = state >>> 0;
  return () => {
    at = (at + 0x6d2b79f5) >>> 0;
    let t = Math.imul(at ^ (at >>> 15), at | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const random = generator(seed);
const below = (limit: number): number => Math.floor(random() * limit);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Tab {
  page: Page;
  lanes: Lane[];
  /** Whether work may go on in it. */
  alive: boolean;
}

class Totals {
  readonly rounds: Record<string, number> = {};
  readonly takeoversMs: number[] = [];
  readonly refused: Record<string, number> = {};
  readonly lost: string[] = [];
  readonly wrong: string[] = [];

  note(table: Record<string, number>, key: string): void {
    table[key] = (table[key] ?? 0) + 1;
  }
}

class Session {
  readonly totals = new Totals();
  readonly #app: StaticServer;
  readonly #profile: string;
  readonly #options: TidepoolClientOptions = { path: "torture" };
  readonly #lanes = Array.from({ length: 2 * lanesPerTab }, (_, number) => new Lane(number, random));
  #browser!: SpawnedBrowser;
  #tabs: Tab[] = [];
  /** Set while operations are wanted. */
  #working = false;
  #acknowledgedAt = new Map<Tab, number>();

  private constructor(app: StaticServer, profile: string) {
    this.#app = app;
    this.#profile = profile;
  }

  static async start(app: StaticServer, profile: string): Promise<Session> {
    const session = new Session(app, profile);
    session.#browser = await spawnBrowser(profile);
    const page = await openTab(session.#browser.context, app);
    await createSettled(page, session.#options);
    await page.close();
    await session.#openTabs();
    return session;
  }

  get acknowledged(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.acknowledged, 0);
  }

  async round(kind: Kind): Promise<void> {
    this.totals.note(this.totals.rounds, kind);
    this.#working = true;
    const work = Promise.all(this.#tabs.flatMap((tab) => tab.lanes.map((lane) => this.#work(tab, lane))));
    // Now and then there is time for a compaction, and the end comes in the middle of one.
    if (random() < 0.08) await this.#letCompact();
    else await pause(20 + below(200));
    const victim = this.#tabs[below(2)]!;
    const wasHolder = await within(2_000, call(victim.page, "isHolder")).catch(() => false);
    await this.#strike(kind, victim);
    if (wasHolder === true && kind !== "kill browser") await this.#awaitTakeover(this.#tabs.find((tab) => tab !== victim)!);
    await pause(below(100));
    this.#working = false;
    await work;
    await this.#restore(kind, victim);
    await this.#compare(kind);
  }

  async end(): Promise<void> {
    await this.#browser.close();
  }

  /** Carries out operations of a lane until the round is over or one of them fails. */
  async #work(tab: Tab, lane: Lane): Promise<void> {
    while (this.#working && tab.alive) {
      const operation = lane.next();
      lane.begin(operation);
      try {
        await within(settlesInMs, call(tab.page, "perform", operation));
      } catch (error) {
        this.#noteRefusal(tab, error);
        return;
      }
      lane.acknowledge(operation);
      this.#acknowledgedAt.set(tab, performance.now());
    }
  }

  #noteRefusal(tab: Tab, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (message.startsWith("Nothing came")) this.totals.wrong.push(`an operation did not settle within ${settlesInMs} ms`);
    const code = /\[?\b([A-Z]+_[A-Z_]+|CLOSED|LOCKED|POISONED|INTERNAL|CORRUPTION)\b/.exec(message)?.[1] ?? "the page went away";
    this.totals.note(this.totals.refused, tab.alive ? `${code} in a tab that stays` : code);
  }

  async #letCompact(): Promise<void> {
    this.#working = false;
    await pause(1_500 + below(150));
    this.#working = true;
  }

  /** How long the other tab takes until an operation that it began later is acknowledged. */
  async #awaitTakeover(other: Tab): Promise<void> {
    const struck = performance.now();
    for (let last = this.#acknowledgedAt.get(other) ?? 0; other.alive && performance.now() < struck + settlesInMs; await pause(2)) {
      const at = this.#acknowledgedAt.get(other) ?? 0;
      if (at <= Math.max(last, struck)) continue;
      this.totals.takeoversMs.push(at - struck);
      return;
    }
  }

  async #strike(kind: Kind, victim: Tab): Promise<void> {
    const { page } = victim;
    if (kind === "kill browser") for (const tab of this.#tabs) tab.alive = false;
    else victim.alive = false;
    if (kind === "terminate") await call(page, "terminate");
    else if (kind === "reload") await page.reload();
    else if (kind === "close client") await call(page, "close");
    else if (kind === "close tab") await page.close();
    else if (kind === "crash page") await crash(page);
    else if (kind === "kill renderer") await this.#killRenderers();
    else if (kind === "freeze") await lifecycle(page, "frozen");
    else await this.#browser.kill();
  }

  /** Which page lies in which process nobody tells, so those of both tabs may go. */
  async #killRenderers(): Promise<void> {
    for (const tab of this.#tabs) tab.alive = false;
    const renderers = (await processesNaming(this.#profile)).filter(({ commandLine }) => commandLine.includes("--type=renderer"));
    for (const { pid } of renderers) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It had gone by itself.
      }
    }
  }

  /** Two tabs that answer. */
  async #restore(kind: Kind, victim: Tab): Promise<void> {
    if (kind === "kill browser") {
      this.#browser = await spawnBrowser(this.#profile);
      return this.#openTabs();
    }
    if (kind === "freeze") await lifecycle(victim.page, "active");
    const renewed = kind === "kill renderer" ? this.#tabs : [victim];
    for (const tab of renewed) {
      const isUsable = kind === "terminate" || kind === "close client" || kind === "freeze" || kind === "reload";
      if (!isUsable) {
        await tab.page.close().catch(() => undefined);
        tab.page = kind === "kill renderer" ? await this.#openInLiveProcess() : await openTab(this.#browser.context, this.#app);
      } else if (kind === "reload") await tab.page.waitForFunction(() => document.title === "ready");
      await call(tab.page, "open", this.#options);
      tab.alive = true;
    }
  }

  /** Among the processes that were killed may be one that Chromium kept ready for the next page, which it notices only then. */
  async #openInLiveProcess(): Promise<Page> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await openTab(this.#browser.context, this.#app);
      } catch (error) {
        if (attempt === 3 || !/crashed/i.test(String(error))) throw error;
      }
    }
  }

  async #openTabs(): Promise<void> {
    this.#tabs = [];
    for (let i = 0; i < 2; i++) {
      const page = await openTab(this.#browser.context, this.#app);
      await call(page, "open", this.#options);
      this.#tabs.push({ page, alive: true, lanes: this.#lanes.slice(i * lanesPerTab, (i + 1) * lanesPerTab) });
    }
  }

  async #compare(kind: Kind): Promise<void> {
    const reading = (await within(settlesInMs, call(this.#tabs[below(2)]!.page, "read", this.#lanes.length))) as Reading;
    this.totals.wrong.push(...reading.problems.map((problem) => `${kind}: ${problem}`));
    for (const lane of this.#lanes) {
      const { lost, wrong } = lane.compare(reading.found);
      this.totals.lost.push(...lost.map((what) => `${kind}: ${what}`));
      this.totals.wrong.push(...wrong.map((what) => `${kind}: ${what}`));
    }
  }
}

/** Calls a function of `pages/torture.ts` in the page. */
function call<Name extends keyof Torture>(page: Page, name: Name, ...args: Parameters<Torture[Name]>): Promise<unknown> {
  return page.evaluate(
    async ({ name, args }) => {
      const module = await load<Record<string, (...args: unknown[]) => unknown>>("torture");
      try {
        return await module[name]!(...args);
      } catch (error) {
        // The driver carries messages over, and no codes.
        const { code, message } = error as { code?: string; message?: string };
        throw new Error(`${code ?? "no code"}: ${message ?? String(error)}`);
      }
    },
    { name: name as string, args: args as unknown[] as Operation[] },
  );
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Nothing came within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function devtools(page: Page, work: (session: CDPSession) => Promise<unknown>): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await work(session);
}

async function crash(page: Page): Promise<void> {
  const crashed = new Promise<void>((resolve) => page.once("crash", () => resolve()));
  // The command is answered by nobody: whoever would is gone.
  void devtools(page, (session) => session.send("Page.crash")).catch(() => undefined);
  await within(10_000, crashed);
}

function lifecycle(page: Page, state: "frozen" | "active"): Promise<void> {
  return devtools(page, (session) => session.send("Page.setWebLifecycleState", { state }));
}

function pick(): Kind {
  const all = Object.entries(kinds).flatMap(([kind, weight]) => Array<Kind>(weight).fill(kind as Kind));
  return all[below(all.length)]!;
}

/** Of numbers; `null` where there are none. */
function percentile(numbers: readonly number[], share: number): number | null {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length === 0 ? null : Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!);
}

/** What several runs add up to. */
interface Figures {
  rounds: Record<string, number>;
  acknowledgedRecords: number;
  lost: number;
  wrong: number;
  /** In milliseconds, all in one line. */
  takeovers: string;
}

/** Adds a run to those before it, by browser. */
async function record({ totals, acknowledged }: Session): Promise<void> {
  const text = await readFile(resultsFile, "utf8").catch(() => "{}");
  const all = JSON.parse(text) as Record<string, Figures & Record<string, unknown>>;
  const old = all[target] ?? { rounds: {}, acknowledgedRecords: 0, lost: 0, wrong: 0, takeovers: "" };
  const sum = { ...old.rounds };
  for (const [kind, count] of Object.entries(totals.rounds)) sum[kind] = (sum[kind] ?? 0) + count;
  const ms = [...old.takeovers.split(" ").filter(Boolean).map(Number), ...totals.takeoversMs.map(Math.round)];
  all[target] = {
    rounds: sum,
    roundsInAll: Object.values(sum).reduce((a, b) => a + b, 0),
    acknowledgedRecords: old.acknowledgedRecords + acknowledged,
    lost: old.lost + totals.lost.length,
    wrong: old.wrong + totals.wrong.length,
    takeoverMs: { p50: percentile(ms, 0.5), p95: percentile(ms, 0.95), max: percentile(ms, 1) },
    takeovers: ms.join(" "),
  };
  await writeFile(resultsFile, `${JSON.stringify(all, null, 2)}\n`);
}

function tell(session: Session, done: number): void {
  const { totals, acknowledged } = session;
  const { takeoversMs, lost, wrong } = totals;
  process.stdout.write(
    `torture: ${done} rounds in ${target} (seed ${seed}), ${acknowledged} records acknowledged, ` +
      `${lost.length} lost, ${wrong.length} wrong; ` +
      `${takeoversMs.length} takeovers, ms: p50 ${percentile(takeoversMs, 0.5)}, p95 ${percentile(takeoversMs, 0.95)}, ` +
      `max ${percentile(takeoversMs, 1)}\nby kind: ${JSON.stringify(totals.rounds)}, refused: ${JSON.stringify(totals.refused)}\n`,
  );
  for (const what of [...lost, ...wrong].slice(0, 20)) process.stdout.write(`  ${what}\n`);
}

async function main(): Promise<boolean> {
  const app = await serveApp();
  const profile = await createProfile();
  const session = await Session.start(app, profile);
  const { totals } = session;
  let done = 0;
  for (; done < rounds && totals.lost.length + totals.wrong.length === 0; done++) {
    const kind = pick();
    await session.round(kind).catch((error: unknown) => totals.wrong.push(`${kind}: ${String(error)}`));
    if (done % 50 === 49) tell(session, done + 1);
  }
  tell(session, done);
  if (values.record) await record(session);
  await session.end();
  await app.close();
  await removeProfile(profile);
  return totals.lost.length + totals.wrong.length === 0;
}

process.exit((await main()) ? 0 : 1);
