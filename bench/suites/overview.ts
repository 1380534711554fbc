/**
 * The overview: what a page gets, at 10,000 and 50,000 records of 384 dimensions with a document and metadata. Durable
 * ingest, queries with and without filters, reopening, disk and memory; beside hnswlib-wasm and a plain loop over the
 * same records, each engine in a worker of its own in the same page, each queried by message. Engines take turns within
 * a repetition, so that whatever else the machine does hits all of them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { BaselineName } from "../engines/baseline.js";
import { baselineNames } from "../engines/baseline.js";
import { type FilterName, filterNames } from "../filters.js";
import { formatTable, significant } from "../format-table.js";
import { Harness, type HarnessPage } from "../harness.js";
import type { EngineName, OverviewPage, QueryRun } from "../pages/overview.js";
import { quantile, type Spread, spreadOf } from "../statistics.js";
import { untilPublished } from "../until-published.js";
import type { Suite, SuiteOptions, SuiteResult } from "./suite.js";

const RECALL_MIN = 0.95;
/** Background work begins a moment after the last write. */
const QUIET_POLLS = 10;
const QUIET_POLL_MS = 300;
const ways = ["batches", "one call"] as const;
const engines: readonly EngineName[] = ["tidepool", ...baselineNames];

interface Parameters {
  sizes: number[];
  queries: number;
  ingestRepetitions: number;
  queryRepetitions: number;
  reopenRepetitions: number;
}

const full: Parameters = { sizes: [10_000, 50_000], queries: 100, ingestRepetitions: 3, queryRepetitions: 5, reopenRepetitions: 5 };
const quick: Parameters = { sizes: [2000], queries: 30, ingestRepetitions: 1, queryRepetitions: 2, reopenRepetitions: 2 };

interface QueryResult {
  engine: EngineName;
  filter: FilterName;
  p50Ms: Spread;
  p95Ms: Spread;
  insideP50Ms: Spread | null;
  recall: number;
}

interface BaselineFill {
  addMs: number;
  persistMs: number;
  ef: number | null;
}

interface SizeResult {
  records: number;
  /** Records per second until the last acknowledgement; everything acknowledged is durable. */
  ingest: Record<(typeof ways)[number], Spread>;
  compactedAfterMs: number;
  /** Queries one after the other during another ingest, in one call, and the compaction that follows. */
  whileIngesting: { queries: number; p50Ms: number; p95Ms: number; p99Ms: number; maxMs: number };
  baselines: Record<BaselineName, BaselineFill>;
  roundTripMs: number;
  queries: QueryResult[];
  reopenMs: Record<EngineName, { first: Spread; open: Spread }>;
  /** JavaScript heaps of page and worker, and all private memory of the page's process beyond an empty page's, WebAssembly included. */
  memory: Record<EngineName, { pageBytes: number; workerBytes: number; processBytes: number | null }>;
  /** As `info()` tells. */
  memoryBytes: number;
  blockBytesUsed: number;
  blockBytesReserved: number;
  /** By how much the browser's count for the origin grew with this database. */
  originBytes: Record<string, number>;
}

type OpenPage = HarnessPage<OverviewPage>;

class Overview {
  readonly #harness: Harness;
  readonly #parameters: Parameters;
  readonly #log: (text: string) => void;

  constructor(harness: Harness, parameters: Parameters, log: (text: string) => void) {
    this.#harness = harness;
    this.#parameters = parameters;
    this.#log = log;
  }

  async measure(records: number): Promise<SizeResult> {
    const path = `bench-${records}`;
    const page = await this.#harness.newPage<OverviewPage>();
    this.#log(`${records} records: generating`);
    await page.call("prepare", records, this.#parameters.queries);
    const ingest = { batches: await this.#ingest(page, records, "batches"), "one call": await this.#ingest(page, records, "one call") };
    const bytesBefore = await page.call("originBytes");
    await page.call("create", path);
    const { compactedAfterMs, timesMs } = await page.call("ingestWhileAsking", path);
    const whileIngesting = {
      queries: timesMs.length,
      p50Ms: quantile(timesMs, 0.5),
      p95Ms: quantile(timesMs, 0.95),
      p99Ms: quantile(timesMs, 0.99),
      maxMs: Math.max(...timesMs),
    };
    const { blockBytesUsed, blockBytesReserved, memoryBytes } = await page.call("info", path);
    const baselines = await this.#fillBaselines(page, path);
    await untilQuiet(page, path);
    const queries = await this.#queries(page, path);
    const roundTripMs = await page.call("roundTripMs", path);
    await untilPublished(() => page.call("info", path));
    const originBytes = difference(await page.call("originBytes"), bytesBefore);
    await page.close();
    const reopened = await this.#reopenAll(path);
    return {
      records,
      ingest,
      compactedAfterMs,
      whileIngesting,
      baselines,
      roundTripMs,
      queries,
      ...reopened,
      memoryBytes,
      blockBytesUsed,
      blockBytesReserved,
      originBytes,
    };
  }

  async #ingest(page: OpenPage, records: number, way: (typeof ways)[number]): Promise<Spread> {
    const rates: number[] = [];
    for (let i = 0; i < this.#parameters.ingestRepetitions; i++) {
      const path = `ingest-${records}-${way.replace(" ", "-")}-${i}`;
      await page.call("create", path);
      rates.push(records / ((await page.call("ingest", path, way)) / 1000));
      await page.call("destroy", path);
    }
    this.#log(`${records} records: ingest in ${way}: ${rates.map(Math.round).join(", ")} records/s`);
    return spreadOf(rates);
  }

  async #fillBaselines(page: OpenPage, path: string): Promise<Record<BaselineName, BaselineFill>> {
    const fills = {} as Record<BaselineName, BaselineFill>;
    for (const name of baselineNames) {
      const addMs = await page.call("fillBaseline", name);
      this.#log(`${name}: filled in ${(addMs / 1000).toFixed(1)} s`);
      const persistMs = await page.call("persistBaseline", name, path);
      const tuned = name === "hnswlib-wasm" ? await page.call("tune", name, RECALL_MIN) : null;
      if (tuned) this.#log(`${name}: ef ${tuned.ef} for recall ${tuned.recall.toFixed(3)}`);
      fills[name] = { addMs, persistMs, ef: tuned?.ef ?? null };
    }
    return fills;
  }

  async #queries(page: OpenPage, path: string): Promise<QueryResult[]> {
    const runs = new Map<string, QueryRun[]>();
    for (let i = 0; i < this.#parameters.queryRepetitions; i++) {
      for (const filter of filterNames) {
        for (const engine of engines) {
          const key = `${engine}\n${filter}`;
          const run = await page.call("measure", engine, filter, path);
          runs.set(key, [...(runs.get(key) ?? []), run]);
        }
      }
    }
    this.#log("queries are done");
    return filterNames.flatMap((filter) => engines.map((engine) => summarize(engine, filter, runs.get(`${engine}\n${filter}`)!)));
  }

  /** Each in a page of its own, as after a reload; the last of each also tells its memory. */
  async #reopenAll(path: string): Promise<Pick<SizeResult, "reopenMs" | "memory">> {
    const reopenMs = {} as SizeResult["reopenMs"];
    const memory = {} as SizeResult["memory"];
    const emptyBytes = await this.#emptyPageBytes();
    for (const engine of engines) {
      const times: { firstMs: number; openMs: number }[] = [];
      for (let i = 0; i < this.#parameters.reopenRepetitions; i++) {
        const page = await this.#harness.newPage<OverviewPage>();
        const { logRecords, ...time } = await page.call("reopen", engine, path);
        if (logRecords > 0) throw new Error(`${logRecords} log records had to be replayed: compaction was not published`);
        times.push(time);
        if (i === this.#parameters.reopenRepetitions - 1) {
          await page.call("use", engine, path, 50);
          memory[engine] = await this.#memoryOf(page, emptyBytes);
        }
        await page.close();
      }
      reopenMs[engine] = { first: spreadOf(times.map(({ firstMs }) => firstMs)), open: spreadOf(times.map(({ openMs }) => openMs)) };
      this.#log(`${engine}: reopened in ${times.map(({ firstMs }) => firstMs.toFixed(0)).join(", ")} ms`);
    }
    return { reopenMs, memory };
  }

  async #emptyPageBytes(): Promise<number | null> {
    const page = await this.#harness.newPage<OverviewPage>();
    const bytes = await this.#harness.processBytes();
    await page.close();
    return bytes;
  }

  async #memoryOf(page: OpenPage, emptyBytes: number | null): Promise<SizeResult["memory"][EngineName]> {
    const { pageBytes, workerBytes } = await page.memory();
    const processBytes = await this.#harness.processBytes();
    return { pageBytes, workerBytes, processBytes: processBytes === null || emptyBytes === null ? null : processBytes - emptyBytes };
  }
}

/** Nothing runs in the background, and nothing is about to begin. */
async function untilQuiet(page: OpenPage, path: string): Promise<void> {
  for (let quiet = 0; quiet < QUIET_POLLS; ) {
    await sleep(QUIET_POLL_MS);
    quiet = (await page.call("info", path)).compacting ? 0 : quiet + 1;
  }
}

function difference(after: Record<string, number>, before: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([name, bytes]) => [name, bytes - (before[name] ?? 0)]));
}

function summarize(engine: EngineName, filter: FilterName, runs: readonly QueryRun[]): QueryResult {
  const inside = runs.flatMap(({ insideP50Ms }) => (insideP50Ms === null ? [] : [insideP50Ms]));
  return {
    engine,
    filter,
    p50Ms: spreadOf(runs.map(({ p50Ms }) => p50Ms)),
    p95Ms: spreadOf(runs.map(({ p95Ms }) => p95Ms)),
    insideP50Ms: inside.length === 0 ? null : spreadOf(inside),
    recall: spreadOf(runs.map(({ recall }) => recall)).median,
  };
}

// ---- text

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
const spread = ({ median, p25, p75 }: Spread): string => `${significant(median)} (${significant(p25)}–${significant(p75)})`;
const rounded = ({ median, p25, p75 }: Spread): string => `${Math.round(median)} (${Math.round(p25)}–${Math.round(p75)})`;

function describe(result: SizeResult): string {
  return [
    `== ${result.records.toLocaleString("en")} records`,
    describeIngest(result),
    describeQueries(result),
    describeReopen(result),
    describeDisk(result),
  ].join("\n\n");
}

function describeIngest({ records, ingest, baselines, compactedAfterMs, whileIngesting }: SizeResult): string {
  const perSecond = (ms: number): string => String(Math.round(records / (ms / 1000)));
  const rows = [
    ["tidepool, batches of 1,000 awaited", rounded(ingest.batches), "every batch"],
    ["tidepool, one call", rounded(ingest["one call"]), "every batch"],
    ...baselineNames.flatMap((name) => {
      const { addMs, persistMs } = baselines[name];
      return [
        [`${name}, in memory`, perSecond(addMs), "nothing"],
        [`${name}, then saved`, perSecond(addMs + persistMs), "everything at the end"],
      ];
    }),
  ];
  const { queries, p50Ms, p95Ms, p99Ms, maxMs } = whileIngesting;
  return [
    formatTable([["ingest", "records/s", "durable"], ...rows]),
    `background compaction ended ${(compactedAfterMs / 1000).toFixed(1)} s after the last acknowledgement`,
    `${queries} queries during an ingest and its compaction: ` +
      `p50 ${significant(p50Ms)}, p95 ${significant(p95Ms)}, p99 ${significant(p99Ms)}, max ${significant(maxMs)} ms`,
  ].join("\n");
}

function describeQueries({ queries, baselines, roundTripMs }: SizeResult): string {
  const ours = (filter: FilterName): number =>
    queries.find((result) => result.engine === "tidepool" && result.filter === filter)!.p50Ms.median;
  const rows = queries.map(({ engine, filter, p50Ms, p95Ms, insideP50Ms, recall }) => [
    filter,
    engine,
    spread(p50Ms),
    spread(p95Ms),
    insideP50Ms === null ? "–" : significant(insideP50Ms.median),
    recall.toFixed(3),
    significant(p50Ms.median / ours(filter)),
  ]);
  const heading = ["records searched", "engine", "p50 ms", "p95 ms", "p50 without messages", "recall@10", "× tidepool"];
  const notes = `hnswlib-wasm: ef ${baselines["hnswlib-wasm"].ef}; two messages alone (heartbeat): p50 ${significant(roundTripMs)} ms`;
  return `${formatTable([heading, ...rows])}\n${notes}`;
}

function processMegabytes({ processBytes }: { processBytes: number | null }): string {
  return processBytes === null ? "–" : megabytes(processBytes);
}

function describeReopen({ reopenMs, memory }: SizeResult): string {
  const rows = engines.map((engine) => [
    engine,
    spread(reopenMs[engine].first),
    spread(reopenMs[engine].open),
    processMegabytes(memory[engine]),
    megabytes(memory[engine].workerBytes),
    megabytes(memory[engine].pageBytes),
  ]);
  return formatTable([
    ["reopen, new page", "first answer ms", "of that until open ms", "process memory MB", "worker heap MB", "page heap MB"],
    ...rows,
  ]);
}

function describeDisk({ blockBytesUsed, blockBytesReserved, memoryBytes, originBytes }: SizeResult): string {
  const origin = Object.entries(originBytes)
    .map(([name, bytes]) => `${name} ${megabytes(bytes)}`)
    .join(", ");
  return [
    `disk: blocks ${megabytes(blockBytesUsed)} MB in ${megabytes(blockBytesReserved)} MB of arenas; the origin grew by ${origin} MB`,
    `memory as info() tells: ${megabytes(memoryBytes)} MB`,
  ].join("\n");
}

/** What was aimed at, and what was measured. */
function aimsOf(results: readonly SizeResult[]): { aim: string; measured: string }[] {
  const of = (result: SizeResult, engine: EngineName, filter: FilterName): number =>
    result.queries.find((query) => query.engine === engine && query.filter === filter)!.p50Ms.median;
  return results.flatMap((result) => {
    const at = `at ${result.records / 1000}k`;
    const loop = filterNames.map(
      (filter) => `${filter} ${significant(of(result, "plain loop", filter) / of(result, "tidepool", filter))}×`,
    );
    return [
      {
        aim: `ingest ${at} ≥ 20,000 records/s`,
        measured: `${Math.round(result.ingest.batches.median)} in batches, ${Math.round(result.ingest["one call"].median)} in one call`,
      },
      ...(result.records === 10_000
        ? [{ aim: `query ${at} ≤ 1 ms p50, both messages included`, measured: `${significant(of(result, "tidepool", "all"))} ms` }]
        : []),
      ...(result.records === 50_000
        ? [{ aim: `reopen to first answer ${at} ≤ 300 ms`, measured: `${significant(result.reopenMs.tidepool.first.median)} ms` }]
        : []),
      { aim: `faster than the plain loop ${at}`, measured: loop.join(", ") },
    ];
  });
}

async function run({ quick: hurried, log }: SuiteOptions): Promise<SuiteResult> {
  const parameters = hurried ? quick : full;
  const harness = await Harness.open({ page: "overview" });
  try {
    const overview = new Overview(harness, parameters, log);
    const sizes: SizeResult[] = [];
    for (const records of parameters.sizes) sizes.push(await overview.measure(records));
    const aims = aimsOf(sizes);
    const setting =
      `${harness.browser}, persistent profile, OPFS; 384 dimensions, ` +
      "k = 10 with distances, documents and metadata; median (p25–p75) of repetitions; each engine in a worker of its own";
    const text = [
      setting,
      ...sizes.map(describe),
      formatTable([["aim", "measured"], ...aims.map(({ aim, measured }) => [aim, measured])]),
    ].join("\n\n");
    return { text, data: { browser: harness.browser, parameters, aims, sizes } };
  } finally {
    await harness.close();
  }
}

export const overview: Suite = { run };
