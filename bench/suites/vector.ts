/**
 * The vector suite: engines beside each other on the same vectors, one set after the other. Engines take turns, batch by
 * batch when they build and pass by pass when they are asked, so that whatever else the machine does hits all of them; the
 * ratios are what to read. Every engine is asked inside its worker, and once from the page by message.
 */
import { existsSync } from "node:fs";
import { loadavg } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Harness, type HarnessPage, root } from "../harness.js";
import type { QueryRun, VectorPage } from "../pages/vector.js";
import { spreadOf } from "../statistics.js";
import { untilPublished } from "../until-published.js";
import { describeVectorResults } from "../vector/describe.js";
import { type EngineDefinition, engineDefinitions, PUBLIC } from "../vector/engines.js";
import { type FilterName, filterNames } from "../vector/labels.js";
import type { CurvePoint, DatabaseResult, EngineResult, SetResult, Timed, VectorResults } from "../vector/results.js";
import { quickSets, type VectorSet, vectorSets } from "../vector/sets.js";
import type { Suite, SuiteOptions, SuiteResult } from "./suite.js";

const BATCH = 1000;
const EF = [10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512];
/** Beyond this a curve goes on for nobody. */
const RECALL_ENOUGH = 0.998;
/** A database of this many rows is built while it is asked and written to. */
const ASKED_WHILE_BUILT = 100_000;
const PROGRESS_MS = 20_000;
const QUIET_POLLS = 10;
const QUIET_POLL_MS = 300;
const USES = 50;

const TOO_SLOW = "takes minutes to build or milliseconds to answer, so it is measured on smaller sets only";

const data = resolve(root, "../shared/data");

interface Parameters {
  queries: number;
  repetitions: number;
  reopenRepetitions: number;
}

const full: Parameters = { queries: 100, repetitions: 5, reopenRepetitions: 3 };
const quick: Parameters = { queries: 30, repetitions: 2, reopenRepetitions: 1 };

type OpenPage = HarnessPage<VectorPage>;
type Log = (text: string) => void;

/** Whatever answers queries: an engine in its worker, or the database. */
interface Subject {
  name: string;
  hasFilters: boolean;
  /** Whether there is an `ef` to set. */
  setEf(ef: number): Promise<boolean>;
  measure(filter: FilterName): Promise<QueryRun>;
  /** `null` for what is asked from the page anyway. */
  measureFromPage: (() => Promise<QueryRun>) | null;
}

interface Tuned {
  curve: CurvePoint[];
  at95: CurvePoint | null;
  at99: CurvePoint | null;
}

class VectorBench {
  readonly #harness: Harness;
  readonly #parameters: Parameters;
  readonly #wanted: Wanted;
  readonly #log: Log;

  constructor(harness: Harness, parameters: Parameters, wanted: Wanted, log: Log) {
    this.#harness = harness;
    this.#parameters = parameters;
    this.#wanted = wanted;
    this.#log = log;
  }

  async measureSet(set: VectorSet): Promise<SetResult> {
    const begin = Date.now();
    const before = loadavg()[0]!;
    const page = await this.#harness.newPage<VectorPage>();
    this.#log(`== ${set.name}: vectors and exact neighbours`);
    const shape = await page.call("prepare", set.name, this.#parameters.queries);
    const bandwidth = await page.call("bandwidth", shape.records * (shape.dimension + 8));
    const run = new SetRun(page, shape.records, this.#parameters, this.#log);
    const { engines, isPublicWanted, missing } = this.#wanted;
    const slow = set.slowEngines ? [] : engines.filter(({ isSlow }) => isSlow);
    const database = isPublicWanted ? await run.buildDatabase(`vector-${set.name}`) : null;
    const results = await run.measureEngines(
      engines.filter((engine) => !slow.includes(engine)),
      database !== null,
    );
    await page.close();
    const seconds = Math.round((Date.now() - begin) / 1000);
    return {
      set: set.name,
      ...shape,
      seconds,
      loadAverage: { before, after: loadavg()[0]! },
      bandwidth,
      engines: results,
      database,
      absent: [...missing, ...slow.map(({ name }) => ({ engine: name, why: TOO_SLOW })), ...run.failed],
    };
  }

  /** In pages of their own. */
  async reopenDatabases(results: readonly SetResult[]): Promise<void> {
    const built = results.filter(({ database }) => database !== null);
    if (built.length === 0) return;
    const empty = await this.#emptyPage();
    for (const { set, dimension, database } of built) {
      const times: { openMs: number; firstMs: number; logRecords: number }[] = [];
      for (let i = 0; i < this.#parameters.reopenRepetitions; i++) {
        const page = await this.#harness.newPage<VectorPage>();
        times.push(await page.call("reopenDatabase", `vector-${set}`, dimension));
        if (i === this.#parameters.reopenRepetitions - 1) {
          await page.call("useDatabase", dimension, USES);
          database!.memory = await this.#memoryBeyond(page, empty);
        }
        await page.call("closeDatabase");
        await page.close();
      }
      database!.reopen = {
        openMs: spreadOf(times.map(({ openMs }) => openMs)),
        firstMs: spreadOf(times.map(({ firstMs }) => firstMs)),
        logRecords: Math.max(...times.map(({ logRecords }) => logRecords)),
      };
      this.#log(`${set}: the database reopened in ${times.map(({ firstMs }) => firstMs.toFixed(0)).join(", ")} ms`);
    }
  }

  async #emptyPage(): Promise<{ heapBytes: number; processBytes: number | null }> {
    const page = await this.#harness.newPage<VectorPage>();
    const { pageBytes } = await page.memory();
    const processBytes = await this.#harness.processBytes();
    await page.close();
    return { heapBytes: pageBytes, processBytes };
  }

  async #memoryBeyond(page: OpenPage, empty: { heapBytes: number; processBytes: number | null }): Promise<DatabaseResult["memory"]> {
    const { pageBytes, workerBytes } = await page.memory();
    const processBytes = await this.#harness.processBytes();
    return {
      heapBytes: pageBytes + workerBytes - empty.heapBytes,
      processBytes: processBytes === null || empty.processBytes === null ? null : processBytes - empty.processBytes,
    };
  }
}

/** One set in one page. */
class SetRun {
  readonly failed: { engine: string; why: string }[] = [];
  readonly #page: OpenPage;
  readonly #records: number;
  readonly #parameters: Parameters;
  readonly #log: Log;
  #databaseBuildMs = 0;

  constructor(page: OpenPage, records: number, parameters: Parameters, log: Log) {
    this.#page = page;
    this.#records = records;
    this.#parameters = parameters;
    this.#log = log;
  }

  /** Before the engines, since its background work would disturb them. */
  async buildDatabase(path: string): Promise<DatabaseResult> {
    await this.#page.call("createDatabase", path);
    const whileBuilding = this.#records >= ASKED_WHILE_BUILT ? await this.#sayMeanwhile(this.#page.call("ingestWhileAsking")) : null;
    this.#databaseBuildMs = whileBuilding?.ingestMs ?? (await this.#page.call("ingest"));
    const begin = Date.now();
    const quietMs = await this.#untilQuiet();
    const backgroundSeconds = (whileBuilding?.backgroundMs ?? quietMs - begin) / 1000;
    const { blockBytesUsed } = await this.#page.call("info");
    this.#log(`database: ${this.#perSecond(this.#databaseBuildMs)} records/s, complete ${backgroundSeconds.toFixed(1)} s later`);
    return { backgroundSeconds, whileBuilding, reopen: null, memory: null, blockBytesUsed };
  }

  async measureEngines(definitions: readonly EngineDefinition[], hasDatabase: boolean): Promise<EngineResult[]> {
    const started = await this.#start(definitions);
    const emptyBytes = await this.#heapBytes();
    const buildMs = await this.#build(started);
    const ready = started.filter(({ name }) => buildMs.has(name));
    const subjects = [...ready.map((definition) => this.#subject(definition)), ...(hasDatabase ? [this.#database()] : [])];
    const tuned = await this.#sweep(subjects);
    const timed = await this.#timeInTurns(subjects, tuned);
    const fullBytes = await this.#heapBytes();
    if (hasDatabase) await this.#closeDatabase();
    const results: EngineResult[] = [];
    for (const { name } of subjects) {
      const definition = ready.find((definition) => definition.name === name);
      const ms = buildMs.get(name) ?? this.#databaseBuildMs;
      const kept = definition ? await this.#keep(definition, tuned.get(name)!) : nothingKept;
      const heapBytes = definition ? fullBytes.get(workerOf(definition))! - emptyBytes.get(workerOf(definition))! : null;
      results.push({
        engine: name,
        buildSeconds: ms / 1000,
        buildRate: this.#perSecond(ms),
        curve: tuned.get(name)!.curve,
        ...timed.get(name)!,
        heapBytes,
        ...kept,
      });
    }
    return results;
  }

  /** What is not published when a database is closed is compacted once more when it is opened again. */
  async #closeDatabase(): Promise<void> {
    await untilPublished(() => this.#page.call("info"));
    await this.#page.call("closeDatabase");
  }

  async #start(definitions: readonly EngineDefinition[]): Promise<EngineDefinition[]> {
    const started: EngineDefinition[] = [];
    for (const definition of definitions) {
      if (await this.#attempt(definition.name, () => this.#page.call("start", definition.name, definition.module, definition.variant)))
        started.push(definition);
    }
    return started;
  }

  /** Milliseconds by engine; of one that failed on the way, nothing. */
  async #build(definitions: readonly EngineDefinition[]): Promise<Map<string, number>> {
    const buildMs = new Map<string, number>();
    for (const { name } of definitions) if (await this.#attempt(name, () => this.#page.call("prepareEngine", name))) buildMs.set(name, 0);
    for (let from = 0; from < this.#records; from += BATCH) {
      for (const { name } of definitions) {
        if (!buildMs.has(name)) continue;
        const isDone = await this.#attempt(
          name,
          async () =>
            void buildMs.set(name, buildMs.get(name)! + (await this.#page.call("add", name, from, Math.min(this.#records, from + BATCH)))),
        );
        if (!isDone) buildMs.delete(name);
      }
      if ((from / BATCH) % 20 === 19) this.#log(`built ${from + BATCH} of ${this.#records}`);
    }
    for (const [name, ms] of buildMs) this.#log(`${name}: ${this.#perSecond(ms)} vectors/s`);
    return buildMs;
  }

  /** Every engine at every `ef` until recall is enough; engines in turn. */
  async #sweep(subjects: readonly Subject[]): Promise<Map<string, Tuned>> {
    const curves = new Map<string, CurvePoint[]>(subjects.map(({ name }) => [name, []]));
    const open = new Set(subjects);
    for (const ef of EF) {
      for (const subject of open) {
        const hasEf = await subject.setEf(ef);
        const run = await bestOfTwo(() => subject.measure("none"));
        curves.get(subject.name)!.push({ ef: hasEf ? ef : null, ...run });
        if (!hasEf || run.recall >= RECALL_ENOUGH) open.delete(subject);
      }
    }
    const tuned = new Map([...curves].map(([name, curve]) => [name, { curve, at95: cheapest(curve, 0.95), at99: cheapest(curve, 0.99) }]));
    for (const [name, { at95, at99 }] of tuned) this.#log(`${name}: ef ${at95?.ef ?? "–"} for .95, ${at99?.ef ?? "–"} for .99`);
    return tuned;
  }

  async #timeInTurns(
    subjects: readonly Subject[],
    tuned: Map<string, Tuned>,
  ): Promise<Map<string, Pick<EngineResult, "at95" | "at99" | "filters" | "fromPage">>> {
    const runs = new Map(subjects.map(({ name }) => [name, new Runs()]));
    for (let repetition = 0; repetition < this.#parameters.repetitions; repetition++) {
      // Another order each time, so that nobody always follows the same neighbour.
      for (let i = 0; i < subjects.length; i++) {
        const subject = subjects[(i + repetition) % subjects.length]!;
        await timeOnce(subject, tuned.get(subject.name)!, runs.get(subject.name)!);
      }
    }
    this.#log("queries are timed");
    return new Map([...runs].map(([name, own]) => [name, own.summary(tuned.get(name)!)]));
  }

  /** What an engine keeps in storage, and how soon it is back; the last thing done with it. */
  async #keep({ name, module, variant }: EngineDefinition, { at95 }: Tuned): Promise<Kept> {
    const kept: Kept = { ...nothingKept, wasmBytes: await this.#page.call("wasmBytes", name) };
    if (at95) kept.distances = await this.#page.call("distancesPerQuery", name, at95.ef ?? 0);
    await this.#attempt(`${name}, saving`, async () => {
      kept.snapshotBytes = await this.#page.call("save", name);
      if (kept.snapshotBytes === null) return;
      const times: number[] = [];
      for (let i = 0; i < this.#parameters.reopenRepetitions; i++) times.push(await this.#page.call("reopen", name, module, variant));
      kept.reopenMs = spreadOf(times);
    });
    await this.#page.call("stop", name);
    return kept;
  }

  #subject({ name, hasFilters = true }: EngineDefinition): Subject {
    return {
      name,
      hasFilters,
      setEf: (ef) => this.#page.call("setEf", name, ef),
      measure: (filter) => this.#page.call("measure", name, filter),
      measureFromPage: () => this.#page.call("measureFromPage", name, "none"),
    };
  }

  #database(): Subject {
    return {
      name: PUBLIC,
      hasFilters: true,
      setEf: async (ef) => {
        await this.#page.call("setEfOfDatabase", ef);
        return true;
      },
      measure: (filter) => this.#page.call("measureDatabase", filter),
      measureFromPage: null,
    };
  }

  /** Tells from time to time how far the database is. */
  async #sayMeanwhile<T>(building: Promise<T>): Promise<T> {
    let isOver = false;
    const done = building.finally(() => (isOver = true));
    done.catch(() => {}); // The caller sees it.
    while (!isOver) {
      await Promise.race([sleep(PROGRESS_MS), done]);
      const { records, logRecords, compacting } = await this.#page.call("info");
      if (!isOver) this.#log(`database: ${records} records, ${logRecords} log records to compact, ${compacting ? "busy" : "idle"}`);
    }
    return done;
  }

  /** Nothing runs in the background, and nothing is about to begin; returns since when. */
  async #untilQuiet(): Promise<number> {
    let since = Date.now();
    for (let quiet = 0; quiet < QUIET_POLLS; quiet++) {
      await sleep(QUIET_POLL_MS);
      const { compacting, compactionError } = await this.#page.call("info");
      if (compactionError !== null) throw new Error(`compaction failed: ${compactionError}`);
      if (!compacting) continue;
      quiet = -1;
      since = Date.now();
    }
    return since;
  }

  /** By script and query string. */
  async #heapBytes(): Promise<Map<string, number>> {
    const { workers } = await this.#page.memory();
    return new Map(workers.map(({ url, bytes }) => [url.slice(url.lastIndexOf("/") + 1), bytes]));
  }

  #perSecond(ms: number): number {
    return Math.round(this.#records / (ms / 1000));
  }

  /** An engine that fails is left out and said so; the others go on. */
  async #attempt(name: string, action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const why = String(cause instanceof Error ? cause.message : cause)
        .replace(/^page\.evaluate: (?:Error: )?/, "")
        .split("\n")[0]!;
      this.#log(`${name} FAILED: ${String(cause)}`);
      this.failed.push({ engine: name, why });
      return false;
    }
  }
}

type Kept = Pick<EngineResult, "wasmBytes" | "snapshotBytes" | "reopenMs" | "distances">;
const nothingKept: Kept = { wasmBytes: null, snapshotBytes: null, reopenMs: null, distances: null };

function workerOf({ module, variant }: EngineDefinition): string {
  return `${module}.js?${variant}`;
}

/** Passes over the queries, by what was asked. */
class Runs {
  readonly #runs = new Map<string, QueryRun[]>();

  add(key: string, run: QueryRun): void {
    this.#runs.set(key, [...(this.#runs.get(key) ?? []), run]);
  }

  summary({ at95, at99 }: Tuned): Pick<EngineResult, "at95" | "at99" | "filters" | "fromPage"> {
    const ef = at95?.ef ?? null;
    const filters: EngineResult["filters"] = {};
    for (const name of filterNames) if (name !== "none" && this.#runs.has(name)) filters[name] = this.#timed(name, ef)!;
    return { at95: this.#timed("at95", ef), at99: this.#timed("at99", at99?.ef ?? null), filters, fromPage: this.#timed("page", ef) };
  }

  #timed(key: string, ef: number | null): Timed | null {
    const runs = this.#runs.get(key);
    if (runs === undefined) return null;
    const spread = (value: (run: QueryRun) => number) => spreadOf(runs.map(value));
    return { ef, p50Ms: spread(({ p50Ms }) => p50Ms), p95Ms: spread(({ p95Ms }) => p95Ms), recall: spread(({ recall }) => recall).median };
  }
}

/** An exact engine has one setting, and so has one whose first reaches both recalls: it is asked once for both. */
async function timeOnce(subject: Subject, { curve, at95, at99 }: Tuned, runs: Runs): Promise<void> {
  const set = async ({ ef }: CurvePoint): Promise<void> => void (ef !== null && (await subject.setEf(ef)));
  if (at99 && at99 !== at95) {
    await set(at99);
    runs.add("at99", await subject.measure("none"));
  }
  await set(at95 ?? curve.at(-1)!);
  if (at95) {
    const run = await subject.measure("none");
    runs.add("at95", run);
    if (at99 === at95) runs.add("at99", run);
    if (subject.measureFromPage) runs.add("page", await subject.measureFromPage());
  }
  if (!subject.hasFilters) return;
  for (const filter of filterNames) if (filter !== "none") runs.add(filter, await subject.measure(filter));
}

/** The quicker pass: a curve is to show the engine, not what else the machine did. */
async function bestOfTwo(measure: () => Promise<QueryRun>): Promise<QueryRun> {
  const [first, second] = [await measure(), await measure()];
  return first.p50Ms <= second.p50Ms ? first : second;
}

/** Curves are measured by rising ef, so the first is the cheapest. */
function cheapest(curve: readonly CurvePoint[], recall: number): CurvePoint | null {
  return curve.find((point) => point.recall >= recall) ?? null;
}

// ---- what there is to measure

function isInstalled(name: string): boolean {
  return existsSync(join(root, "bench/node_modules", name, "package.json"));
}

interface Wanted {
  engines: EngineDefinition[];
  isPublicWanted: boolean;
  /** Not installed. */
  missing: SetResult["absent"];
}

function chooseEngines(wanted: readonly string[], log: Log): Wanted {
  const modules = new Set(engineDefinitions.map(({ module }) => module));
  for (const name of wanted)
    if (name !== "public" && !modules.has(name))
      throw new Error(`there is no engine ${name}; there are ${[...modules].join(", ")}, public`);
  const asked = engineDefinitions.filter(({ module }) => wanted.length === 0 || wanted.includes(module));
  const missing = asked.flatMap(({ name, needs }) =>
    needs === undefined || isInstalled(needs) ? [] : [{ engine: name, why: `${needs} is not installed (npm ci --prefix bench)` }],
  );
  for (const { engine, why } of missing) log(`WITHOUT ${engine}: ${why}`);
  const engines = asked.filter(({ name }) => !missing.some(({ engine }) => engine === name));
  return { engines, isPublicWanted: wanted.length === 0 || wanted.includes("public"), missing };
}

function chooseSets(wanted: readonly string[], isQuick: boolean, log: Log): VectorSet[] {
  const all = [...vectorSets, ...quickSets];
  for (const name of wanted)
    if (!all.some((set) => set.name === name))
      throw new Error(`there is no set ${name}; there are ${all.map(({ name }) => name).join(", ")}`);
  const sets = wanted.length > 0 ? all.filter(({ name }) => wanted.includes(name)) : isQuick ? quickSets : vectorSets;
  return sets.filter(
    ({ name, data: folder }) =>
      folder === undefined ||
      existsSync(join(data, folder)) ||
      sayAbsent(log, name, "../shared/data does not have it; it is not part of this repository"),
  );
}

/** One set less is better than no results at all. */
function sayFailed(log: Log, set: string, error: unknown): void {
  log(`${set} FAILED and is left out: ${error instanceof Error ? `${error.message}\n${String(error.cause ?? "")}` : String(error)}`);
  process.exitCode = 1;
}

function sayAbsent(log: Log, what: string, why: string): false {
  log(`WITHOUT ${what}: ${why}`);
  return false;
}

/** Sets of this run take the place of those measured before. */
function mergeSets(previous: unknown, sets: readonly SetResult[]): SetResult[] {
  const before = (previous as Partial<VectorResults> | null)?.sets ?? [];
  const order = vectorSets.map(({ name }) => name);
  const kept = before.filter(({ set }) => order.includes(set) && !sets.some((own) => own.set === set));
  return [...kept, ...sets].sort((a, b) => order.indexOf(a.set) - order.indexOf(b.set));
}

async function run({ quick: hurried, sets: wantedSets, engines: wantedEngines, previous, log }: SuiteOptions): Promise<SuiteResult> {
  const parameters = hurried ? quick : full;
  const wanted = chooseEngines(wantedEngines, log);
  const sets = chooseSets(wantedSets, hurried, log);
  const workers = [...new Set(wanted.engines.map(({ module }) => `engines/vector/${module}.ts`))];
  const harness = await Harness.open({ page: "vector", folders: existsSync(data) ? { data } : {}, workers });
  try {
    const bench = new VectorBench(harness, parameters, wanted, log);
    const measured: SetResult[] = [];
    for (const set of sets)
      await bench.measureSet(set).then(
        (result) => measured.push(result),
        (error) => sayFailed(log, set.name, error),
      );
    if (measured.length === 0) throw new Error("no set was measured");
    await bench.reopenDatabases(measured);
    const isWhole = wantedSets.length === 0;
    const results: VectorResults = {
      browser: harness.browser,
      parameters,
      sets: isWhole || hurried ? measured : mergeSets(previous, measured),
    };
    return describeVectorResults(results, measured);
  } finally {
    await harness.close();
  }
}

export const vector: Suite = { run };
