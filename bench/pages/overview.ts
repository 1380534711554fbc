/** The page of the overview: the same records in Tidepool and in the baselines, each engine in a worker of its own. */
import { type Collection, type EngineInfo, TidepoolClient } from "tidepool-db";
import { clusteredDataset, clusteredVectors, type Dataset, DIMENSION, sliceDataset } from "../clustered.js";
import type { BaselineName } from "../engines/baseline.js";
import { BaselineClient } from "../engines/baseline-client.js";
import { type FilterName, filterNamed, filterNames } from "../filters.js";
import { expose } from "../page.js";
import { quantile } from "../statistics.js";

const RECORDS_SEED = 11;
const QUERIES_SEED = 12;
const COLLECTION = "bench";
const BATCH = 1000;
const K = 10;
const TIE = 1e-6;
const WARM_UP = 10;
/** Tried in turn until recall is reached. */
const EF_SEARCH = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];

export type EngineName = "tidepool" | BaselineName;

/** One repetition of a set of queries. */
export interface QueryRun {
  p50Ms: number;
  p95Ms: number;
  /** Without messages; `null` where the engine cannot be asked for it. */
  insideP50Ms: number | null;
  recall: number;
}

interface Answer {
  hits: { id: string; distance: number }[];
  insideMs: number | null;
}

interface Opened {
  client: TidepoolClient;
  collection: Collection;
}

let dataset: Dataset | null = null;
let queries: Float32Array[] = [];
/** Exact distance of the k-th neighbour, per filter and query. */
const thresholds = new Map<FilterName, number[]>();
const databases = new Map<string, Opened>();
const baselines = new Map<BaselineName, BaselineClient>();

function loaded(): Dataset {
  if (dataset === null) throw new Error("prepare comes first");
  return dataset;
}

function makeQueries(count: number): Float32Array[] {
  const values = clusteredVectors(count, QUERIES_SEED);
  // Copies, because a message that holds a view carries the whole buffer behind it.
  return Array.from({ length: count }, (_, q) => values.slice(q * DIMENSION, (q + 1) * DIMENSION));
}

/** Makes records and queries, and finds the exact neighbours. */
function prepare(records: number, queryCount: number): void {
  dataset = clusteredDataset(records, RECORDS_SEED);
  queries = makeQueries(queryCount);
  for (const name of filterNames)
    thresholds.set(
      name,
      queries.map((query) => kthDistance(query, name)),
    );
}

function kthDistance(query: Float32Array, filter: FilterName): number {
  const { vectors, metadatas } = loaded();
  const { keep } = filterNamed(filter);
  const distances: number[] = [];
  for (const [row, metadata] of metadatas.entries()) {
    if (keep(metadata)) distances.push(exactDistance(query, vectors, row * DIMENSION));
  }
  distances.sort((a, b) => a - b);
  return distances[Math.min(K, distances.length) - 1]!;
}

function exactDistance(query: Float32Array, vectors: Float32Array, offset: number): number {
  let dot = 0;
  for (let i = 0; i < DIMENSION; i++) dot += query[i]! * vectors[offset + i]!;
  return 1 - dot;
}

/** Share of the hits whose exact distance reaches that of the k-th neighbour. */
function recallOf(answers: readonly Answer[], filter: FilterName): number {
  const { vectors } = loaded();
  let found = 0;
  for (const [q, { hits }] of answers.entries()) {
    const threshold = thresholds.get(filter)![q]! + TIE;
    found += hits.filter(
      ({ id }) => exactDistance(queries[q]!, vectors, Number(id.slice("record-".length)) * DIMENSION) <= threshold,
    ).length;
  }
  return found / (answers.length * K);
}

// ---- Tidepool

function opened(path: string): Opened {
  const database = databases.get(path);
  if (!database) throw new Error(`${path} is not open`);
  return database;
}

/** Opens a new database; what follows is measured with the worker already running, as a page would find it. */
async function create(path: string): Promise<void> {
  const client = new TidepoolClient({ path, storage: "opfs", allowReset: true, cores: 1 });
  const collection = await client.createCollection({
    name: COLLECTION,
    embeddingFunction: null,
    configuration: { hnsw: { space: "cosine" } },
  });
  databases.set(path, { client, collection });
}

function batches(): Dataset[] {
  const { ids } = loaded();
  return Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, i) => sliceDataset(loaded(), i * BATCH, (i + 1) * BATCH));
}

/** Adds all records, durably, and returns how long that took. */
async function ingest(path: string, way: "batches" | "one call"): Promise<number> {
  const { collection } = opened(path);
  const parts = way === "one call" ? [loaded()] : batches();
  const start = performance.now();
  for (const { ids, vectors, documents, metadatas } of parts) await collection.add({ ids, embeddings: vectors, documents, metadatas });
  return performance.now() - start;
}

/** Adds all records in one call and keeps asking meanwhile, until they are compacted: what a person sees who searches during an import. */
async function ingestWhileAsking(path: string): Promise<{ compactedAfterMs: number; timesMs: number[] }> {
  const { client, collection } = opened(path);
  let ingesting = true;
  const done = ingest(path, "one call").finally(() => (ingesting = false));
  done.catch(() => {}); // Looked at below.
  while (ingesting && (await collection.count()) === 0) await pause(1);
  const timesMs: number[] = [];
  let acknowledgedAt: number | null = null;
  for (let q = 0; ; q++) {
    const start = performance.now();
    await askTidepool(collection, queries[q % queries.length]!, "all");
    timesMs.push(performance.now() - start);
    if (!ingesting) {
      acknowledgedAt ??= performance.now();
      const { logRecords, compactionError } = await client.info();
      if (compactionError !== null) throw new Error(`compaction failed: ${compactionError}`);
      if (logRecords === 0) break;
    }
    await pause(5);
  }
  await done;
  return { compactedAfterMs: performance.now() - acknowledgedAt, timesMs };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function destroy(path: string): Promise<void> {
  const { client } = opened(path);
  await client.reset();
  await client.close();
  databases.delete(path);
}

async function info(path: string): Promise<EngineInfo> {
  return opened(path).client.info();
}

async function originBytes(): Promise<Record<string, number>> {
  const { usageDetails = {} } = (await navigator.storage.estimate()) as StorageEstimate & { usageDetails?: Record<string, number> };
  return usageDetails;
}

/** Median time of the smallest call there is: two messages and nothing else. */
async function roundTripMs(path: string): Promise<number> {
  const { client } = opened(path);
  const times: number[] = [];
  for (let i = 0; i < 200; i++) {
    const start = performance.now();
    await client.heartbeat();
    times.push(performance.now() - start);
  }
  return quantile(times, 0.5);
}

async function askTidepool(collection: Collection, query: Float32Array, filter: FilterName): Promise<Answer> {
  const { where } = filterNamed(filter);
  const { ids, distances } = await collection.query({ queryEmbeddings: query, nResults: K, where });
  return { hits: ids[0]!.map((id, i) => ({ id, distance: distances[0]![i]! })), insideMs: null };
}

// ---- baselines

function baselineNamed(name: BaselineName): BaselineClient {
  const baseline = baselines.get(name) ?? new BaselineClient(name);
  baselines.set(name, baseline);
  return baseline;
}

/** Adds all records in batches; in memory only. */
async function fillBaseline(name: BaselineName): Promise<number> {
  const baseline = baselineNamed(name);
  await baseline.call("prepare", loaded().ids.length);
  const parts = batches();
  const start = performance.now();
  for (const part of parts) await baseline.call("add", part);
  return performance.now() - start;
}

async function persistBaseline(name: BaselineName, file: string): Promise<number> {
  const start = performance.now();
  await baselineNamed(name).call("persist", file);
  return performance.now() - start;
}

/** The smallest ef that reaches the recall, and the recall it reaches. */
async function tune(name: BaselineName, recall: number): Promise<{ ef: number; recall: number }> {
  const last = EF_SEARCH.at(-1)!;
  for (const ef of EF_SEARCH) {
    await baselineNamed(name).call("setEfSearch", ef);
    const run = await measure(name, "all");
    if (run.recall >= recall || ef === last) return { ef, recall: run.recall };
  }
  throw new Error("there is no ef to try");
}

function closeBaseline(name: BaselineName): void {
  baselineNamed(name).close();
  baselines.delete(name);
}

// ---- queries

function asker(engine: EngineName, path: string): (query: Float32Array, filter: FilterName) => Promise<Answer> {
  if (engine === "tidepool") {
    const { collection } = opened(path);
    return (query, filter) => askTidepool(collection, query, filter);
  }
  const baseline = baselineNamed(engine);
  return (query, filter) => baseline.query(query, K, filter);
}

/** Asks every query, one after the other, and times each from the call to its result. */
async function measure(engine: EngineName, filter: FilterName, path = ""): Promise<QueryRun> {
  const ask = asker(engine, path);
  for (const query of queries.slice(0, WARM_UP)) await ask(query, filter);
  const answers: Answer[] = [];
  const timesMs: number[] = [];
  for (const query of queries) {
    const start = performance.now();
    answers.push(await ask(query, filter));
    timesMs.push(performance.now() - start);
  }
  const inside = answers.flatMap(({ insideMs }) => (insideMs === null ? [] : [insideMs]));
  return {
    p50Ms: quantile(timesMs, 0.5),
    p95Ms: quantile(timesMs, 0.95),
    insideP50Ms: inside.length === 0 ? null : quantile(inside, 0.5),
    recall: recallOf(answers, filter),
  };
}

// ---- reopening, in a page that has done nothing else

/** From nothing to the first answer; the steps say where the time goes. */
async function reopen(engine: EngineName, name: string): Promise<{ firstMs: number; openMs: number; logRecords: number }> {
  queries = makeQueries(1);
  const [query] = queries as [Float32Array];
  const start = performance.now();
  if (engine === "tidepool") {
    const client = new TidepoolClient({ path: name, storage: "opfs", cores: 1 });
    const collection = await client.getCollection({ name: COLLECTION });
    const openMs = performance.now() - start;
    await askTidepool(collection, query, "all");
    const firstMs = performance.now() - start;
    databases.set(name, { client, collection });
    return { firstMs, openMs, logRecords: (await client.info()).logRecords };
  }
  const baseline = baselineNamed(engine);
  await baseline.call("open", name);
  const openMs = performance.now() - start;
  await baseline.query(query, K, "all");
  return { firstMs: performance.now() - start, openMs, logRecords: 0 };
}

/** Some use after reopening, before memory is looked at. */
async function use(engine: EngineName, name: string, count: number): Promise<void> {
  const ask = asker(engine, name);
  for (const query of makeQueries(count)) await ask(query, "all");
}

const functions = {
  prepare,
  create,
  ingest,
  ingestWhileAsking,
  destroy,
  info,
  originBytes,
  roundTripMs,
  fillBaseline,
  persistBaseline,
  tune,
  closeBaseline,
  measure,
  reopen,
  use,
};

export type OverviewPage = typeof functions;

expose(functions);
