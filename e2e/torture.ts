/**
 * Random work from two tabs at once on several databases, ended at random moments in every way that a browser offers, and compared
 * with what was acknowledged: `npm run torture -- [--rounds N] [--browser chromium|firefox] [--seed S] [--databases D] [--faults A,B]`.
 * Acknowledgements are kept here, outside of the browser. A round is a fault that one database meets: a fault of a tab or the browser
 * is one for each of the databases that are open there. Prints rounds, records acknowledged, lost and wrong, and how long another
 * tab took to go on when the one that had the engine was hit; adds these figures to `bench/results/torture.json` with `--record`.
 * Fails when anything was lost or wrong.
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import type { TidepoolClientOptions } from "tidepool-db";
import { createProfile, removeProfile, spawnBrowser } from "../tools/browser/browser.js";
import { can, target } from "../tools/browser/target.js";
import { randomFrom } from "../tools/random.js";
import { createSettled, openTab, serveApp } from "./support/app.js";
import { addRuns, percentile, type TortureRun } from "./support/torture-figures.js";
import { Tab, type TabFault, type World } from "./support/torture-tab.js";
import { Tortured, within } from "./support/tortured.js";

/** What is done, and how often in proportion. */
const kinds: Record<TabFault | "kill processes" | "kill browser", number> = {
  terminate: 4,
  reload: 4,
  "close client": 2,
  "close tab": 3,
  "crash page": can("devtools") ? 3 : 0,
  "kill process": 3,
  "kill processes": 1,
  freeze: can("devtools") ? 1 : 0,
  "stop process": 1,
  "kill browser": 1,
};
type Kind = keyof typeof kinds;

/** How the databases are opened, in turn. */
const openings: TidepoolClientOptions[] = [
  { storage: "opfs" },
  { storage: "indexeddb" },
  { storage: "opfs", durability: "relaxed" },
  { storage: "indexeddb", durability: "relaxed" },
];

const resultsFile = new URL("../bench/results/torture.json", import.meta.url);
const tabsInAll = 2;
/** After this an operation counts as one that never settles: longer than a transaction may take. */
const settlesInMs = 90_000;
/** After this a process that was stopped goes on. Nobody can take over whose transaction in IndexedDB was under way. */
const stoppedMsMax = 10_000;

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    rounds: { type: "string" },
    browser: { type: "string" },
    seed: { type: "string" },
    databases: { type: "string" },
    faults: { type: "string" },
    record: { type: "boolean" },
  },
});
const rounds = Number(values.rounds ?? 200);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const databasesInAll = Number(values.databases ?? 2);

const random = randomFrom(seed);
const below = (limit: number): number => Math.floor(random() * limit);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class Totals {
  readonly faults: Record<string, number> = {};
  readonly takeoversMs: number[] = [];
  /** From holders whose process was stopped, so that they were silent. */
  readonly stoppedMs: number[] = [];
  readonly refused: Record<string, number> = {};
  readonly lost: string[] = [];
  readonly wrong: string[] = [];

  note(refused: string): void {
    this.refused[refused] = (this.refused[refused] ?? 0) + 1;
  }

  get isSound(): boolean {
    return this.lost.length + this.wrong.length === 0;
  }
}

class Session {
  readonly totals = new Totals();
  readonly #world: World;
  readonly #databases: readonly Tortured[];
  #tabs: Tab[] = [];

  private constructor(world: World) {
    this.#world = world;
    this.#databases = Array.from({ length: databasesInAll }, (_, i) => {
      const options = { path: `torture${i}`, ...openings[i % openings.length] };
      return new Tortured(options, this.totals, settlesInMs, tabsInAll, random);
    });
  }

  static async start(): Promise<Session> {
    const [app, profile] = [await serveApp(), await createProfile()];
    const session = new Session({ app, profile, browser: await spawnBrowser(profile) });
    const page = await openTab(session.#world.browser.context, app);
    for (const { options } of session.#databases) await createSettled(page, options);
    await page.close();
    await session.#openTabs();
    return session;
  }

  get acknowledged(): number {
    return this.#databases.reduce((sum, each) => sum + each.acknowledged, 0);
  }

  /** One fault, and everything about it. */
  async fault(kind: Kind): Promise<void> {
    try {
      await this.#fault(kind);
    } catch (error) {
      this.totals.wrong.push(`${kind}: ${(error as Error).stack ?? String(error)}`);
    }
  }

  /** What the tabs say of themselves, where something hangs. */
  async diagnose(): Promise<string[]> {
    const paths = this.#databases.map(({ options }) => options.path);
    const asked = this.#tabs.map((tab) => within(10_000, "diagnosing", tab.call("diagnose", paths)).catch(String));
    return (await Promise.all(asked)).map((found, i) => `tab ${i}: ${JSON.stringify(found)}`);
  }

  async #fault(kind: Kind): Promise<void> {
    this.totals.faults[kind] = (this.totals.faults[kind] ?? 0) + 1;
    // Now and then there is time for a compaction, and the end comes in the middle of one.
    if (random() < 0.06) await pause(1_500 + below(150));
    for (const database of this.#databases) database.work(this.#tabs);
    await this.#databases[below(databasesInAll)]!.untilAcknowledged(below(40));
    await pause(below(15));
    await this.#strike(kind);
    await this.#databases[below(databasesInAll)]!.untilAcknowledged(below(10));
    await Promise.all(this.#databases.map((database) => database.rest()));
    await this.#restore(kind);
    await Promise.all(this.#databases.map((database) => database.compare(this.#tabs[below(tabsInAll)]!, kind)));
  }

  async end(): Promise<void> {
    await this.#world.browser.close();
    await this.#world.app.close();
    await removeProfile(this.#world.profile);
  }

  async #strike(kind: Kind): Promise<void> {
    if (kind === "kill browser") {
      for (const tab of this.#tabs) tab.end();
      return this.#world.browser.kill();
    }
    const at = below(tabsInAll);
    const victim = this.#tabs[at]!;
    if (kind === "kill processes") {
      await Promise.all(this.#tabs.map((tab) => tab.killProcess()));
      return;
    }
    const paths = this.#databases.map(({ options }) => options.path);
    const held = await within(settlesInMs, "who holds", victim.call("holderOf", paths)).catch(() => [] as string[]);
    const other = this.#tabs[(at + 1) % tabsInAll]!;
    await victim.strike(kind);
    await Promise.all(this.#databases.map((each) => held.includes(each.options.path) && this.#awaitTakeover(each, other, kind)));
    await victim.letGo(kind);
  }

  /** From the end of the fault on. A frozen holder may go on serving. */
  async #awaitTakeover(database: Tortured, other: Tab, kind: TabFault): Promise<void> {
    if (kind === "freeze") return;
    const isStopped = kind === "stop process";
    const ms = await within(isStopped ? stoppedMsMax : settlesInMs, "a takeover", database.untilServed(other)).catch(() => null);
    if (ms !== null) (isStopped ? this.totals.stoppedMs : this.totals.takeoversMs).push(ms);
    else if (isStopped) this.totals.note(`no takeover from a stopped process (${database.options.storage})`);
  }

  /** Two tabs that answer. */
  async #restore(kind: Kind): Promise<void> {
    if (kind === "kill browser") {
      this.#world.browser = await spawnBrowser(this.#world.profile);
      return this.#openTabs();
    }
    for (const [i, tab] of this.#tabs.entries()) {
      if (tab.alive) continue;
      this.#tabs[i] = await tab.restore(kind, this.#world);
      await this.#open(this.#tabs[i]);
    }
  }

  async #openTabs(): Promise<void> {
    this.#tabs = [];
    for (let i = 0; i < tabsInAll; i++) {
      const tab = await Tab.open(this.#world);
      await this.#open(tab);
      this.#tabs.push(tab);
    }
  }

  async #open(tab: Tab): Promise<void> {
    const all = this.#databases.map(({ options }) => tab.call("open", options));
    await within(settlesInMs, "opening", Promise.all(all));
  }
}

function pick(): Kind {
  const wanted = values.faults?.split(",");
  const all = Object.entries(kinds).flatMap(([kind, weight]) => Array<Kind>(weight).fill(kind as Kind));
  const some = all.filter((kind) => wanted?.includes(kind) ?? true);
  if (some.length === 0) throw new Error(`--faults must name some of ${Object.keys(kinds).join(", ")}, with commas between them`);
  return some[below(some.length)]!;
}

function spread(ms: readonly number[]): TortureRun["takeoverMs"] {
  return { p50: percentile(ms, 0.5), p95: percentile(ms, 0.95), max: percentile(ms, 1) };
}

function figuresOf({ totals, acknowledged }: Session, faults: number, seconds: number): TortureRun {
  return {
    browser: target,
    seed,
    databases: databasesInAll,
    rounds: faults * databasesInAll,
    acknowledged,
    lost: totals.lost.length,
    wrong: totals.wrong.length,
    found: [...totals.lost, ...totals.wrong].slice(0, 5).map((what) => what.split("\n")[0]!),
    takeovers: totals.takeoversMs.length,
    takeoverMs: spread(totals.takeoversMs),
    stopped: totals.stoppedMs.length,
    stoppedMs: spread(totals.stoppedMs),
    seconds: Math.round(seconds),
    loadAverage: Math.round(loadavg()[1]! * 10) / 10,
    faults: totals.faults,
  };
}

function tell(run: TortureRun, totals: Totals): void {
  const say = ({ p50, p95, max }: TortureRun["takeoverMs"]): string => `p50 ${p50}, p95 ${p95}, max ${max}`;
  process.stdout.write(
    `torture: ${run.rounds} rounds in ${target} (seed ${seed}), ${run.acknowledged} records acknowledged, ` +
      `${run.lost} lost, ${run.wrong} wrong; ${run.takeovers} takeovers, ms: ${say(run.takeoverMs)}; ` +
      `${run.stopped} from a stopped process, ms: ${say(run.stoppedMs)}; ${run.seconds} s\n` +
      `faults: ${JSON.stringify(run.faults)}, refused: ${JSON.stringify(totals.refused)}\n`,
  );
  for (const what of [...totals.lost, ...totals.wrong].slice(0, 20)) process.stdout.write(`  ${what}\n`);
}

async function main(): Promise<boolean> {
  const session = await Session.start();
  const { totals } = session;
  const begun = performance.now();
  let done = 0;
  const figures = (): TortureRun => figuresOf(session, done, (performance.now() - begun) / 1000);
  while (done * databasesInAll < rounds && totals.isSound) {
    const kind = pick();
    await session.fault(kind);
    if (++done % 50 === 0) tell(figures(), totals);
  }
  tell(figures(), totals);
  if (!totals.isSound) process.stdout.write(`${(await session.diagnose()).join("\n")}\n`);
  if (values.record) await addRuns(resultsFile, [figures()]);
  await session.end();
  return totals.isSound;
}

process.exit((await main()) ? 0 : 1);
