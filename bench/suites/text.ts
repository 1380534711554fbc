/**
 * The text suite: full-text engines beside each other on the same documents, one set after the other. Engines take turns, batch by
 * batch when they index and kind by kind when they are asked; all are asked from the page, by message. Tidepool is the database
 * itself, through its client, and is asked by filters and sparse vectors besides.
 */
import { existsSync } from "node:fs";
import { loadavg } from "node:os";
import { join, resolve } from "node:path";
import { Harness, type HarnessPage, root } from "../harness.js";
import type { TextPage } from "../pages/text.js";
import { quantile } from "../statistics.js";
import { describeTexts } from "../text/describe.js";
import { SCAN, type TextEngineDefinition, TIDEPOOL, textEngines } from "../text/engines.js";
import { type Kind, kinds } from "../text/questions.js";
import type { AskedResult, Reopened, TextEngineResult, TextSetResult } from "../text/results.js";
import { untilPublished } from "../until-published.js";
import { untilQuiet } from "../until-quiet.js";
import type { Suite, SuiteOptions, SuiteResult } from "./suite.js";

const BATCH = 1000;
/** What block cache and vector cache have together where a client says nothing. */
const BUDGET_BYTES = 64 * 1024 * 1024;

const data = resolve(root, "../shared/data");

interface TextSet {
  name: string;
  /** Folder of a real set; `null` for made-up documents. */
  folder: string | null;
  documents: number;
  parameters: Parameters;
}

interface Parameters {
  questions: number;
  repetitions: number;
  reopenRepetitions: number;
}

const full: Parameters = { questions: 50, repetitions: 3, reopenRepetitions: 3 };
/** Of 200,000 documents a scan takes a second: asked as often as the others it alone would take ten minutes. */
const large: Parameters = { questions: 20, repetitions: 1, reopenRepetitions: 1 };
const quick: Parameters = { questions: 10, repetitions: 1, reopenRepetitions: 1 };

const fullSets: readonly TextSet[] = [
  { name: "miracl-yo", folder: "miracl-yo", documents: Infinity, parameters: full },
  { name: "generated-200k", folder: null, documents: 200_000, parameters: large },
];
const quickSets: readonly TextSet[] = [
  { name: "miracl-yo-3k", folder: "miracl-yo", documents: 3000, parameters: quick },
  { name: "generated-3k", folder: null, documents: 3000, parameters: quick },
];

type Log = SuiteOptions["log"];
type OpenPage = HarnessPage<TextPage>;
type Sizes = Omit<TextEngineResult, "engine" | "asked">;

interface PageMemory {
  heap: number;
  /** `null` where the system does not tell. */
  process: number | null;
}

const UNKNOWN: Sizes = { indexMs: null, backgroundMs: null, diskBytes: null, memoryBytes: null, openMs: null };

/** One set: it is indexed and asked in one page, and opened again in others. */
class SetRun {
  readonly #harness: Harness;
  readonly #set: TextSet;
  readonly #log: Log;
  readonly #absent: TextSetResult["absent"] = [];
  readonly #sizes = new Map<string, Sizes>([[TIDEPOOL, { ...UNKNOWN }]]);

  constructor(harness: Harness, set: TextSet, log: Log) {
    this.#harness = harness;
    this.#set = set;
    this.#log = log;
  }

  get #path(): string {
    return `text-${this.#set.name}`;
  }

  async measure(wanted: readonly TextEngineDefinition[], missing: TextSetResult["absent"]): Promise<TextSetResult> {
    const [begin, loadAverage] = [Date.now(), loadavg()[0]!];
    const page = await this.#harness.newPage<TextPage>();
    const shape = await this.#prepare(page);
    this.#log(`== ${this.#set.name}: ${shape.documents} documents`);
    this.#absent.push(...missing);
    await this.#buildDatabase(page, shape.documents);
    const sparseIndexMs = await this.#buildSparse(page);
    const engines = await this.#start(page, wanted, shape.documents);
    const empty = await this.#heaps(page, engines);
    const built = await this.#build(page, engines, shape.documents);
    const asked = await this.#askInTurns(page, [TIDEPOOL, SCAN, ...built.map(({ name }) => name)]);
    await this.#weigh(page, built, empty);
    for (const engine of built) await this.#keep(page, engine);
    await untilPublished(() => page.call("info"));
    await page.call("closeDatabase");
    await page.close();
    const { reopened, tidepoolMemory } = await this.#reopen();
    const results = [...asked].map(([engine, answers]) => ({ engine, ...(this.#sizes.get(engine) ?? UNKNOWN), asked: answers }));
    const seconds = Math.round((Date.now() - begin) / 1000);
    const measured = { engines: results, reopened, tidepoolMemory, sparseIndexMs, absent: this.#absent };
    return { set: this.#set.name, ...shape, ...this.#set.parameters, seconds, loadAverage, ...measured };
  }

  #prepare(page: OpenPage): Promise<{ documents: number; characters: number }> {
    const { folder, documents } = this.#set;
    return page.call("prepare", folder, Math.min(documents, 1e9), this.#set.parameters.questions);
  }

  async #buildDatabase(page: OpenPage, documents: number): Promise<void> {
    await page.call("openDatabase", this.#path);
    const sizes = this.#sizes.get(TIDEPOOL)!;
    sizes.indexMs = 0;
    for (let from = 0; from < documents; from += BATCH) sizes.indexMs += await page.call("ingest", from, Math.min(documents, from + BATCH));
    const end = Date.now();
    sizes.backgroundMs = (await untilQuiet(() => page.call("info"))) - end;
    sizes.diskBytes = (await page.call("info")).blockBytesUsed;
    this.#log(
      `tidepool: acknowledged in ${(sizes.indexMs / 1000).toFixed(1)} s, complete ${(sizes.backgroundMs / 1000).toFixed(1)} s later`,
    );
  }

  async #buildSparse(page: OpenPage): Promise<number | null> {
    let ms: number | null = null;
    await this.#attempt("tidepool, sparse vectors", async () => void (ms = await page.call("ingestSparse", BATCH)));
    await untilQuiet(() => page.call("info"));
    return ms;
  }

  async #start(page: OpenPage, wanted: readonly TextEngineDefinition[], documents: number): Promise<TextEngineDefinition[]> {
    const started: TextEngineDefinition[] = [];
    for (const engine of wanted) {
      const { name, module, documentsMax } = engine;
      if (documents > documentsMax) this.#leaveOut(name, `its heap would be too large for more than ${documentsMax} documents`);
      else if (await this.#attempt(name, () => page.call("start", name, module))) started.push(engine);
    }
    return started;
  }

  /** Those that took in all documents. */
  async #build(page: OpenPage, engines: readonly TextEngineDefinition[], documents: number): Promise<TextEngineDefinition[]> {
    const open = new Set<TextEngineDefinition>();
    const sizesOf = (name: string): Sizes => this.#sizes.get(name)!;
    for (const engine of engines) {
      this.#sizes.set(engine.name, { ...UNKNOWN, indexMs: 0 });
      if (await this.#attempt(engine.name, () => page.call("prepareEngine", engine.name))) open.add(engine);
    }
    for (let from = 0; from < documents; from += BATCH) {
      for (const engine of open) {
        const add = async (): Promise<void> => {
          sizesOf(engine.name).indexMs! += await page.call("addToEngine", engine.name, from, Math.min(documents, from + BATCH));
        };
        if (!(await this.#attempt(engine.name, add))) open.delete(engine);
      }
    }
    for (const { name } of open) this.#log(`${name}: indexed in ${(sizesOf(name).indexMs! / 1000).toFixed(1)} s`);
    return [...open];
  }

  /** In another order each time, so that nobody always follows the same neighbour. */
  async #askInTurns(page: OpenPage, names: readonly string[]): Promise<Map<string, TextEngineResult["asked"]>> {
    const answers = new Map<string, Map<Kind, { timesMs: number[]; found: number }>>(names.map((name) => [name, new Map()]));
    const kindsBy = new Map<string, readonly Kind[]>();
    for (const name of names) kindsBy.set(name, await page.call("kindsOf", name));
    for (let repetition = 0; repetition < this.#set.parameters.repetitions; repetition++) {
      for (const kind of kinds) {
        for (let i = 0; i < names.length; i++) {
          const name = names[(i + repetition) % names.length]!;
          if (!kindsBy.get(name)!.includes(kind)) continue;
          const own = answers.get(name)!;
          const add = async (): Promise<void> => {
            const { timesMs, found } = await page.call("measure", name, kind);
            own.set(kind, { timesMs: [...(own.get(kind)?.timesMs ?? []), ...timesMs], found });
          };
          await this.#attempt(`${name}, ${kind}`, add);
        }
      }
    }
    this.#log("questions are timed");
    return new Map([...answers].map(([name, own]) => [name, Object.fromEntries([...own].map(([kind, run]) => [kind, summary(run)]))]));
  }

  /** Heap and WebAssembly memory of each engine's worker. */
  async #heaps(page: OpenPage, engines: readonly TextEngineDefinition[]): Promise<Map<string, number>> {
    const { workers } = await page.memory();
    const heaps = new Map<string, number>();
    for (const { name, module } of engines) {
      const own = workers.find(({ url }) => url.includes(`/engines/${module}.js`));
      if (own !== undefined) heaps.set(name, own.bytes + (await page.call("wasmBytes", name)));
    }
    return heaps;
  }

  async #weigh(page: OpenPage, engines: readonly TextEngineDefinition[], empty: Map<string, number>): Promise<void> {
    const heaps = await this.#heaps(page, engines);
    for (const [name, bytes] of heaps) this.#sizes.get(name)!.memoryBytes = bytes - (empty.get(name) ?? 0);
  }

  /** What an engine keeps in storage, and how soon it is back; the last thing done with it. */
  async #keep(page: OpenPage, { name, module }: TextEngineDefinition): Promise<void> {
    const sizes = this.#sizes.get(name)!;
    const key = `${module}-${this.#set.name}`;
    await this.#attempt(`${name}, saving`, async () => {
      sizes.diskBytes = await page.call("save", name, key);
      sizes.openMs = await page.call("openSaved", name, module, key);
    });
    await page.call("stop", name);
  }

  /** In pages of their own, whose memory is that of the database after questions of every kind. */
  async #reopen(): Promise<{ reopened: Reopened; tidepoolMemory: TextSetResult["tidepoolMemory"] }> {
    const runs: Reopened[] = [];
    for (let i = 1; i < this.#set.parameters.reopenRepetitions; i++) runs.push(await this.#reopenOnce());
    let tidepoolMemory: TextSetResult["tidepoolMemory"] = null;
    const last = await this.#reopenOnce(async (page, before) => {
      for (const kind of kinds) if (kind !== "sparse") await page.call("measure", TIDEPOOL, kind);
      const { heap, process } = await this.#memoryOf(page);
      this.#sizes.get(TIDEPOOL)!.memoryBytes = heap - before.heap;
      const beyond = process === null || before.process === null ? null : process - before.process;
      tidepoolMemory = { told: (await page.call("info")).memoryBytes, process: beyond, budget: BUDGET_BYTES };
    });
    const middle = (value: (run: Reopened) => number): number => quantile([...runs, last].map(value), 0.5);
    const reopened = { openMs: middle((run) => run.openMs), firstMs: middle((run) => run.firstMs), againMs: middle((run) => run.againMs) };
    this.#sizes.get(TIDEPOOL)!.openMs = reopened.openMs + reopened.firstMs;
    return { reopened, tidepoolMemory };
  }

  /** `before`: what the page has in memory that has the documents and no database. */
  async #reopenOnce(then?: (page: OpenPage, before: PageMemory) => Promise<void>): Promise<Reopened> {
    const page = await this.#harness.newPage<TextPage>();
    await this.#prepare(page);
    const before = await this.#memoryOf(page);
    const times = await page.call("reopenDatabase", this.#path);
    await then?.(page, before);
    await page.call("closeDatabase");
    await page.close();
    return times;
  }

  /** Heaps of page and workers, and what the processes of pages have to themselves. */
  async #memoryOf(page: OpenPage): Promise<PageMemory> {
    const { pageBytes, workerBytes } = await page.memory();
    return { heap: pageBytes + workerBytes, process: await this.#harness.processBytes() };
  }

  /** What fails is left out and said so; the others go on. */
  async #attempt(name: string, action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const [why = ""] = (cause instanceof Error ? cause.message : String(cause)).replace(/^page\.evaluate: (?:Error: )?/, "").split("\n");
      this.#leaveOut(name, why);
      return false;
    }
  }

  #leaveOut(engine: string, why: string): void {
    this.#log(`WITHOUT ${engine}: ${why}`);
    if (!this.#absent.some((one) => one.engine === engine)) this.#absent.push({ engine, why });
  }
}

function summary({ timesMs, found }: { timesMs: number[]; found: number }): AskedResult {
  return { p50Ms: quantile(timesMs, 0.5), p95Ms: quantile(timesMs, 0.95), found };
}

async function run({ quick: hurried, sets: wantedSets, engines: wantedEngines, previous, log }: SuiteOptions): Promise<SuiteResult> {
  const asked = textEngines.filter(({ module }) => wantedEngines.length === 0 || wantedEngines.includes(module));
  const missing = asked.filter(({ needs }) => !existsSync(join(root, "bench/node_modules", needs)));
  const engines = asked.filter((engine) => !missing.includes(engine));
  const absent = missing.map(({ name, needs }) => ({ engine: name, why: `${needs} is not installed (npm ci --prefix bench)` }));
  for (const { engine, why } of absent) log(`WITHOUT ${engine}: ${why}`);
  const workers = engines.map(({ module }) => `engines/text/${module}.ts`);
  const harness = await Harness.open({ page: "text", folders: existsSync(data) ? { data } : {}, workers });
  try {
    const measured: TextSetResult[] = [];
    for (const set of setsOf(wantedSets, hurried, log)) {
      // One set less is better than no results at all.
      await new SetRun(harness, set, log).measure(engines, absent).then(
        (result) => measured.push(result),
        (error: unknown) => sayFailed(log, set.name, error),
      );
    }
    const sets = hurried ? measured : merged(previous, measured);
    return { text: describeTexts(measured), data: { browser: harness.browser, sets } };
  } finally {
    await harness.close();
  }
}

function setsOf(wanted: readonly string[], hurried: boolean, log: Log): TextSet[] {
  const all = hurried ? quickSets : fullSets;
  const unknown = wanted.find((name) => !all.some((set) => set.name === name));
  if (unknown !== undefined) throw new Error(`there is no set ${unknown}; there are ${all.map(({ name }) => name).join(", ")}`);
  return all.filter(({ name, folder }) => {
    if (wanted.length > 0 && !wanted.includes(name)) return false;
    if (folder === null || existsSync(join(data, folder))) return true;
    log(`WITHOUT ${name}: ../shared/data does not have it; it is not part of this repository`);
    return false;
  });
}

/** Sets of this run take the place of those measured before. */
function merged(previous: unknown, sets: readonly TextSetResult[]): TextSetResult[] {
  const before = (previous as { sets?: TextSetResult[] } | null)?.sets ?? [];
  return [...before.filter(({ set }) => !sets.some((own) => own.set === set)), ...sets];
}

function sayFailed(log: Log, set: string, error: unknown): void {
  log(`${set} FAILED and is left out: ${error instanceof Error ? `${error.message}\n${String(error.cause ?? "")}` : String(error)}`);
  process.exitCode = 1;
}

export const text: Suite = { run };
