/**
 * Collections from 100,000 to a million vectors, in inverted lists and with the graph, beside indexes of others where these can hold
 * them: what they take to fill, open and ask, in time, memory and disk. Each set and size is kept as soon as it is measured.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserName, target } from "../../tools/browser/target.js";
import { CpuLimit } from "../cpu-limit.js";
import { Harness, type HarnessPage, root } from "../harness.js";
import type { ScalePage } from "../pages/scale.js";
import { askedOf, type FilterColumn, latencyOf } from "../scale/asking.js";
import { describe } from "../scale/describe.js";
import { drawGrowth } from "../scale/growth-chart.js";
import { type IndexDefinition, indexDefinitions, whyNot } from "../scale/indexes.js";
import { PART_ROWS } from "../scale/part-files.js";
import { type Asked, type Budgeted, type Growth, nameOf, type ScaleResult, type ScaleRun, withResult } from "../scale/results.js";
import { type ScaleSet, scaleSets, whyAbsent, writeSet } from "../scale/sets.js";
import { untilPublished } from "../until-published.js";
import type { Suite, SuiteOptions, SuiteResult } from "./suite.js";

/** Parts of a set between which it is measured how much there is, of whole files. */
const PARTS = 10;
/** As many as the exact answers take hardly longer for than for one, and those beside that are only timed. */
const QUERIES = 32;
const WARM_QUERIES = 320;
/** That lists are asked under, too. */
const BUDGET_BYTES = 48e6;
/** Heap of a phone's page, beside the share of a core that `--slowdown` leaves. */
const PHONE_HEAP_MB = 256;
/** Files of rows that are written while queries are asked. */
const WRITTEN_MEANWHILE = 4;

type Log = (line: string) => void;
type Measured = Omit<ScaleResult, keyof ScaleRun | "measured">;

// ---- what is to be measured

interface Wanted {
  sets: readonly ScaleSet[];
  sizes: readonly number[];
  indexes: readonly IndexDefinition[];
  browser: BrowserName;
  slowdown: number | null;
}

function wantedOf({ quick, sets, sizes, engines, slowdown }: SuiteOptions): Wanted {
  return {
    sets: chosen("set", scaleSets, ({ name }) => name, sets),
    sizes: sizes.length > 0 ? sizes.map(sizeOf) : quick ? [20_000] : [100_000, 300_000, 1_000_000],
    indexes: chosen("engine", indexDefinitions, ({ index }) => index, engines.length > 0 || !quick ? engines : ["lists", "graph"]),
    browser: target,
    slowdown: slowdown ?? null,
  };
}

/** All where none is named. */
function chosen<T>(what: string, all: readonly T[], name: (one: T) => string, wanted: readonly string[]): readonly T[] {
  const unknown = wanted.find((other) => !all.some((one) => name(one) === other));
  if (unknown !== undefined) throw new Error(`scale has no ${what} "${unknown}"; it has ${all.map(name).join(", ")}`);
  return wanted.length === 0 ? all : all.filter((one) => wanted.includes(name(one)));
}

/** `100000`, `100k` or `1m`. */
function sizeOf(text: string): number {
  const [, digits, unit = ""] = /^(\d+)([km]?)$/i.exec(text) ?? [];
  if (digits === undefined) throw new Error(`"${text}" is no size: such as 100k, 300k or 1m`);
  return Number(digits) * { "": 1, k: 1000, m: 1_000_000 }[unit.toLowerCase() as "" | "k" | "m"];
}

// ---- one set of one size

class ScaleBench {
  readonly #harness: Harness;
  readonly #folder: string;
  readonly #limit: CpuLimit | null;
  readonly #log: Log;

  constructor(harness: Harness, folder: string, limit: CpuLimit | null, log: Log) {
    this.#harness = harness;
    this.#limit = limit;
    this.#folder = folder;
    this.#log = log;
  }

  async writeSet(set: ScaleSet, rows: number): Promise<void> {
    const queries = await writeSet(set, rows, QUERIES + WARM_QUERIES, join(this.#folder, set.name));
    this.#log(`${set.name}: ${rows.toLocaleString("en")} rows and ${queries} queries are made`);
  }

  removeSet(set: ScaleSet): Promise<void> {
    return rm(join(this.#folder, set.name), { recursive: true, force: true });
  }

  async measure({ module }: IndexDefinition, run: ScaleRun): Promise<ScaleResult> {
    const begin = Date.now();
    const before = loadavg()[0]!;
    const figures = module === undefined ? await this.#measureCollection(run) : await this.#measureOther(module, run);
    const measured = { seconds: Math.round((Date.now() - begin) / 1000), loadAverage: { before, after: loadavg()[0]! } };
    this.#log(`${nameOf(run)}: measured in ${measured.seconds} s`);
    return { ...run, measured, ...figures };
  }

  async #measureCollection(run: ScaleRun): Promise<Measured> {
    const written = await this.#write(run);
    await this.#harness.relaunch();
    const page = await this.#newPage(run);
    const emptyProcessBytes = await this.#harness.processBytes();
    const reopenMs = await page.call("reopen", nameOf(run));
    this.#log(`${nameOf(run)}: answers ${Math.round(reopenMs)} ms after it was opened`);
    const all = await ask(page, null);
    const tenth = await ask(page, "tenth");
    const hundredth = await ask(page, "hundredth");
    const { memory, memoryBytes, blockBytesUsed } = await page.call("info");
    const processBytes = await this.#harness.processBytes();
    const isBounded = run.index === "lists";
    const twoOpen = isBounded ? await this.#memoryOfTwo(page) : null;
    const budgeted = isBounded ? await askWithin(page, nameOf(run)) : null;
    if (isBounded) await page.call("reopen", nameOf(run));
    this.#log(`${nameOf(run)}: recall ${all.recall.toFixed(3)}, p50 ${all.warm.p50.toFixed(2)} ms`);
    const { ms, perSecond } = await page.call(
      "askWhileWriting",
      run.set,
      run.rows,
      run.dimension,
      Math.min(WRITTEN_MEANWHILE, Math.floor(run.rows / PART_ROWS)),
    );
    await page.call("remove");
    await page.close();
    const { growth, ...rates } = written;
    const database = { growth, memory, reopenMs, whileWriting: latencyOf(ms), whileWritingPerSecond: perSecond, budgeted, twoOpen };
    return { ...rates, memoryBytes, processBytes, emptyProcessBytes, diskBytes: blockBytesUsed, all, tenth, hundredth, database };
  }

  async #memoryOfTwo(page: HarnessPage<ScalePage>): Promise<{ memoryBytes: number; processBytes: number | null }> {
    return { memoryBytes: await page.call("memoryOfTwo", QUERIES), processBytes: await this.#harness.processBytes() };
  }

  async #newPage({ set, dimension }: ScaleRun): Promise<HarnessPage<ScalePage>> {
    const page = await this.#harness.newPage<ScalePage>();
    await this.#limit?.hold(await this.#harness.pageProcesses());
    await page.call("loadQueries", set, dimension);
    return page;
  }

  /** Writes all rows, a part after the other, and waits until they could be read without the log. */
  async #write(run: ScaleRun): Promise<Pick<Measured, "ingestPerSecond" | "indexedPerSecond"> & { growth: Growth[] }> {
    const { index, set, rows, dimension } = run;
    const page = await this.#newPage(run);
    await page.call("create", nameOf(run), index);
    const growth: Growth[] = [];
    let ingestMs = 0;
    const step = PART_ROWS * Math.max(1, Math.round(rows / PARTS / PART_ROWS));
    for (let from = 0; from < rows; from += step) {
      const to = Math.min(rows, from + step);
      const ms = await page.call("ingest", set, from, to, dimension);
      ingestMs += ms;
      const { memory, memoryBytes, blockBytesReserved } = await page.call("info");
      growth.push({ rows: to, perSecond: (1000 * (to - from)) / ms, memory, memoryBytes, diskBytes: blockBytesReserved });
      this.#log(`${nameOf(run)}: ${to.toLocaleString("en")} rows are written, ${Math.round(growth.at(-1)!.perSecond)} a second`);
    }
    const indexedMs = ingestMs + (await page.call("settle"));
    this.#log(`${nameOf(run)}: indexed after ${Math.round(indexedMs / 1000)} s`);
    await untilPublished(() => page.call("info"));
    await page.close();
    return { growth, ingestPerSecond: (1000 * rows) / ingestMs, indexedPerSecond: (1000 * rows) / indexedMs };
  }

  async #measureOther(module: string, { set, rows, dimension }: ScaleRun): Promise<Measured> {
    const page = await this.#harness.newPage<ScalePage>();
    const emptyProcessBytes = await this.#harness.processBytes();
    const ms = await page.call("buildOther", module, set, rows, dimension, QUERIES);
    this.#log(`${module}-${set}-${rows}: built in ${Math.round(ms / 1000)} s`);
    await page.call("tuneOther");
    const asked = async (filter: FilterColumn | null): Promise<Asked> => {
      const { recall, ms } = await page.call("askOther", filter);
      return { recall, cold: null, warm: latencyOf(ms) };
    };
    const [all, tenth, hundredth] = [await asked(null), await asked("tenth"), await asked("hundredth")];
    const memoryBytes = await page.call("wasmBytesOfOther");
    const processBytes = await this.#harness.processBytes();
    await page.close();
    const perSecond = (1000 * rows) / ms;
    const rates = { ingestPerSecond: perSecond, indexedPerSecond: perSecond };
    return { ...rates, memoryBytes, processBytes, emptyProcessBytes, diskBytes: 0, all, tenth, hundredth, database: null };
  }
}

/** The first queries read files that nobody has read since the browser started; other ones come after them, and count as warm. */
async function ask(page: HarnessPage<ScalePage>, filter: FilterColumn | null): Promise<Asked> {
  const first = await page.call("ask", filter, 0, QUERIES);
  const { ms } = await page.call("ask", filter, QUERIES, QUERIES + WARM_QUERIES);
  return askedOf(first, ms, await page.call("truth", filter, QUERIES), filter === null);
}

async function askWithin(page: HarnessPage<ScalePage>, name: string): Promise<Budgeted> {
  await page.call("reopen", name, BUDGET_BYTES);
  const told = async (): Promise<number> => (await page.call("info")).memoryBytes;
  const { ids, ms: cold } = await page.call("ask", null, 0, QUERIES);
  const after = [await told()];
  const { ms } = await page.call("ask", null, QUERIES, QUERIES + WARM_QUERIES);
  after.push(await told());
  const asked = askedOf({ ids, ms: cold }, ms, await page.call("truth", null, QUERIES), true);
  return { budgetBytes: BUDGET_BYTES, memoryBytes: Math.max(...after), asked };
}

// ---- all of them

async function runAll(bench: ScaleBench, wanted: Wanted, log: Log, keep: (result: ScaleResult) => Promise<void>): Promise<void> {
  for (const rows of wanted.sizes) {
    for (const set of wanted.sets) {
      const { name, dimension, rowsMax } = set;
      const why = rows > rowsMax ? `it is measured with ${rowsMax.toLocaleString("en")} rows at most` : whyAbsent(set);
      const runs = wanted.indexes.map((definition) => ({ definition, why: why ?? whyNot(definition, rows, dimension) }));
      for (const { definition, why } of runs) if (why !== null) log(`WITHOUT ${definition.index}-${name}-${rows}: ${why}`);
      if (runs.every(({ why }) => why !== null)) continue;
      await bench.writeSet(set, rows);
      for (const { definition } of runs.filter(({ why }) => why === null)) {
        const { browser, slowdown } = wanted;
        await measureOne(bench, definition, { index: definition.index, set: name, rows, dimension, browser, slowdown }, log, keep);
      }
      await bench.removeSet(set);
    }
  }
}

/** One that fails is said aloud and left out; what ran before is kept. */
async function measureOne(
  bench: ScaleBench,
  definition: IndexDefinition,
  run: ScaleRun,
  log: Log,
  keep: (result: ScaleResult) => Promise<void>,
): Promise<void> {
  try {
    await keep(await bench.measure(definition, run));
  } catch (error) {
    process.exitCode = 1;
    log(
      `${nameOf(run)} FAILED and is left out: ${error instanceof Error ? `${error.message}\n${String(error.cause ?? "")}` : String(error)}`,
    );
  }
}

/** Whoever asks for a slow machine gets one, or hears that there is none. */
async function limitOf(slowdown: number): Promise<CpuLimit> {
  const limit = await CpuLimit.make(1 / slowdown);
  if (limit === null) throw new Error("--slowdown needs control groups, which cannot be made here: Linux, cgroup v1 and root");
  return limit;
}

async function run(options: SuiteOptions): Promise<SuiteResult> {
  const { previous, log, save } = options;
  const asked = wantedOf(options);
  const missing = asked.indexes.filter(({ needs }) => needs !== undefined && !existsSync(join(root, "bench/node_modules", needs)));
  const wanted = { ...asked, indexes: asked.indexes.filter((definition) => !missing.includes(definition)) };
  let results = (previous as { results?: ScaleResult[] } | null)?.results ?? [];
  const measured: ScaleResult[] = [];
  const resultOf = (): SuiteResult => ({
    text: describe(measured),
    data: { results },
    pictures: { "scale-growth": drawGrowth(results) },
  });
  const keep = async (result: ScaleResult): Promise<void> => {
    measured.push(result);
    results = withResult(results, result);
    await save(resultOf());
  };
  const folder = await mkdtemp(join(tmpdir(), "tidepool-scale-"));
  const workers = wanted.indexes.flatMap(({ module }) => (module === undefined ? [] : [`engines/vector/${module}.ts`]));
  for (const { index } of missing) log(`WITHOUT ${index}: it is not installed (npm ci --prefix bench)`);
  const folders = Object.fromEntries(wanted.sets.map(({ name }) => [name, join(folder, name)]));
  const args = wanted.slowdown === null ? [] : [`--js-flags=--max-old-space-size=${PHONE_HEAP_MB}`];
  const harness = await Harness.open({ page: "scale", folders, workers, args });
  const limit = wanted.slowdown === null ? null : await limitOf(wanted.slowdown);
  try {
    await runAll(new ScaleBench(harness, folder, limit, log), wanted, log, keep);
    return resultOf();
  } finally {
    await harness.close();
    await limit?.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

export const scale: Suite = { keepsEngines: true, run };
