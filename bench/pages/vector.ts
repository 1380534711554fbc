/**
 * The page of the vector suite: one set at a time, engines in workers of their own, and a Tidepool database of the same
 * vectors. Node says what happens next; times are taken inside the workers, and here where a call begins here.
 */
import { type Collection, type EngineInfo, TidepoolClient } from "tidepool-db";
import type { EngineMethods } from "../engines/vector/engine-protocol.js";
import type { SharedSet } from "../engines/vector/vector-engine.js";
import { WorkerClient } from "../engines/worker-calls.js";
import { expose } from "../page.js";
import { steppedQuantile } from "../statistics.js";
import { allDistances, type Due, dueOf, exactDistance, type Rows, recallOf, rowOf } from "../vector/exact.js";
import { columns, type FilterName, farRegion, filterFor, filterNames, type LabelFilter, labelRows } from "../vector/labels.js";
import { setNamed } from "../vector/sets.js";
import { BuildWhileAsking, type BuiltWhileAsking } from "./build-while-asking.js";

const K = 10;
/** What the clock of an isolated page resolves. */
const CLOCK_MS = 0.005;
const WARM_UP = 20;
const BATCH = 1000;
const COLLECTION = "vectors";
const WRITE_RECORDS = 10;

/** One pass over the queries. */
export interface QueryRun {
  p50Ms: number;
  p95Ms: number;
  recall: number;
}

interface Loaded {
  set: SharedSet;
  /** Per query, the region farthest from it. */
  far: number[];
  due: Record<FilterName, Due[]>;
}

let loaded: Loaded | null = null;
const engines = new Map<string, WorkerClient<EngineMethods>>();
let database: { client: TidepoolClient; collection: Collection } | null = null;

function present(): Loaded {
  if (loaded === null) throw new Error("prepare comes first");
  return loaded;
}

function engineNamed(name: string): WorkerClient<EngineMethods> {
  const engine = engines.get(name);
  if (!engine) throw new Error(`${name} was not started`);
  return engine;
}

function opened(): { client: TidepoolClient; collection: Collection } {
  if (database === null) throw new Error("the database is not open");
  return database;
}

// ---- the set

/** Loads or makes a set and finds its exact neighbours. Every worker sees the same memory. */
async function prepare(name: string, queryCount: number): Promise<{ records: number; dimension: number; space: string; queries: number }> {
  const { base, queries } = await setNamed(name).load(queryCount);
  const shared: SharedSet = {
    name,
    base: share(base),
    queries: share(queries),
    labels: labelRows(base, (length) => new Uint8Array(new SharedArrayBuffer(length))),
  };
  const far = Array.from({ length: queries.count }, (_, q) => farRegion(base, shared.labels, rowOf(queries, q)));
  loaded = { set: shared, far, due: { none: [], "10 %": [], "1 %": [], far: [] } };
  for (let q = 0; q < queries.count; q++) {
    const distances = allDistances(base, rowOf(queries, q));
    for (const filter of filterNames) loaded.due[filter].push(dueOf(distances, K, keeps(filterOf(filter, q))));
  }
  return { records: base.count, dimension: base.dimension, space: base.space, queries: queries.count };
}

function share(rows: Rows): Rows {
  const values = new Float32Array(new SharedArrayBuffer(rows.values.byteLength));
  values.set(rows.values);
  return { ...rows, values };
}

function filterOf(name: FilterName, q: number): LabelFilter | null {
  return filterFor(name, present().far[q]!);
}

function keeps(filter: LabelFilter | null): (row: number) => boolean {
  if (filter === null) return () => true;
  const column = present().set.labels[filter.column];
  return (row) => column[row] === filter.value;
}

/** Share of the exact neighbours found, over all queries. */
function recallOfRun(rows: readonly (readonly number[])[], filter: FilterName): number {
  const { set, due } = present();
  const recalls = rows.map((hits, q) => {
    const query = rowOf(set.queries, q);
    return recallOf(hits, due[filter][q]!, (row) => exactDistance(set.base, row, query), keeps(filterOf(filter, q)));
  });
  return recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length;
}

function summarize(timesMs: number[], rows: readonly (readonly number[])[], filter: FilterName): QueryRun {
  return {
    p50Ms: steppedQuantile(timesMs, 0.5, CLOCK_MS),
    p95Ms: steppedQuantile(timesMs, 0.95, CLOCK_MS),
    recall: recallOfRun(rows, filter),
  };
}

function filtersOf(filter: FilterName): (LabelFilter | null)[] {
  return Array.from({ length: present().set.queries.count }, (_, q) => filterOf(filter, q));
}

/** Bytes per second of reading and writing an array of this size over and over: best of many, since it is to be a bound. */
function bandwidth(bytes: number): number {
  const [from, to] = [new Uint8Array(bytes).fill(1), new Uint8Array(bytes)];
  const copies = Math.max(1, Math.ceil(2e7 / bytes));
  let best = 0;
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    for (let copy = 0; copy < copies; copy++) to.set(from);
    best = Math.max(best, (2 * bytes * copies) / ((performance.now() - start) / 1000));
  }
  return best;
}

// ---- engines in workers

/** A worker that has done nothing yet. */
async function start(name: string, module: string, variant: string): Promise<void> {
  const engine = new WorkerClient<EngineMethods>(module, variant);
  engines.set(name, engine);
  await engine.call("wasmBytes");
}

function prepareEngine(name: string): Promise<void> {
  return engineNamed(name).call("prepare", present().set);
}

/** Milliseconds inside the engine. */
function add(name: string, from: number, to: number): Promise<number> {
  return engineNamed(name).call("add", from, to);
}

function setEf(name: string, ef: number): Promise<boolean> {
  return engineNamed(name).call("setEf", ef);
}

async function measure(name: string, filter: FilterName): Promise<QueryRun> {
  const { timesMs, rows } = await engineNamed(name).call("measure", K, filtersOf(filter), WARM_UP);
  return summarize(timesMs, rows, filter);
}

/** Both messages included. */
function measureFromPage(name: string, filter: FilterName): Promise<QueryRun> {
  const engine = engineNamed(name);
  return askAll(filter, (query, wanted) => engine.call("search", query, K, wanted));
}

async function askAll(
  filter: FilterName,
  ask: (query: Float32Array, filter: LabelFilter | null) => Promise<readonly number[]>,
): Promise<QueryRun> {
  const filters = filtersOf(filter);
  const queries = filters.map((_, q) => rowOf(present().set.queries, q).slice());
  for (let q = 0; q < WARM_UP; q++) await ask(queries[q % queries.length]!, filters[q % filters.length]!);
  const timesMs: number[] = [];
  const rows: (readonly number[])[] = [];
  for (const [q, query] of queries.entries()) {
    const from = performance.now();
    rows.push(await ask(query, filters[q]!));
    timesMs.push(performance.now() - from);
  }
  return summarize(timesMs, rows, filter);
}

function wasmBytes(name: string): Promise<number> {
  return engineNamed(name).call("wasmBytes");
}

function distancesPerQuery(name: string, ef: number): Promise<number | null> {
  return engineNamed(name).call("distancesPerQuery", ef);
}

function save(name: string): Promise<number | null> {
  return engineNamed(name).call("save");
}

/** From a new worker to the first answer of what was saved. */
async function reopen(name: string, module: string, variant: string): Promise<number> {
  stop(name);
  const begin = performance.now();
  const engine = new WorkerClient<EngineMethods>(module, variant);
  engines.set(name, engine);
  await engine.call("open", present().set);
  await engine.call("search", rowOf(present().set.queries, 0).slice(), K, null);
  return performance.now() - begin;
}

function stop(name: string): void {
  engines.get(name)?.close();
  engines.delete(name);
}

// ---- the public call

async function createDatabase(path: string): Promise<void> {
  const { space } = present().set.base;
  const client = new TidepoolClient({ path, storage: "opfs", cores: 1 });
  const hnsw = { space, max_neighbors: 16, ef_construction: 200 };
  const collection = await client.createCollection({ name: COLLECTION, embeddingFunction: null, configuration: { hnsw } });
  database = { client, collection };
}

interface Part {
  ids: string[];
  embeddings: Float32Array;
  metadatas: Record<string, number>[];
}

function partOf(rows: readonly number[]): Part {
  const { base, labels } = present().set;
  const embeddings = new Float32Array(rows.length * base.dimension);
  for (const [i, row] of rows.entries()) embeddings.set(rowOf(base, row), i * base.dimension);
  return {
    ids: rows.map(String),
    embeddings,
    metadatas: rows.map((row) => Object.fromEntries(columns.map((column) => [column, labels[column][row]!]))),
  };
}

const rowsBetween = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** Adds all rows in awaited batches; milliseconds until the last is acknowledged. */
async function ingest(): Promise<number> {
  const { collection } = opened();
  const { count } = present().set.base;
  const begin = performance.now();
  for (let from = 0; from < count; from += BATCH) await collection.add(partOf(rowsBetween(from, Math.min(count, from + BATCH))));
  return performance.now() - begin;
}

/** Adds all rows while one query after the other is asked and small writes go on, until segments and graph are complete. */
async function ingestWhileAsking(): Promise<BuiltWhileAsking> {
  const { client, collection } = opened();
  const { base, queries } = present().set;
  let ingestMs: number | null = null;
  const done = ingest().then((ms) => (ingestMs = ms));
  const building = new BuildWhileAsking({
    ask: async (q) =>
      void (await collection.query({ queryEmbeddings: rowOf(queries, q % queries.count).slice(), nResults: K, include: ["distances"] })),
    // Writes vectors that are there already, so that the exact neighbours stay what they are.
    write: async (n) => {
      const count = Math.min(base.count, await collection.count());
      await collection.upsert(partOf(rowsBetween(0, WRITE_RECORDS).map((i) => (n * 7919 + i * 104_729) % count)));
    },
    info: () => client.info(),
    isIngesting: () => ingestMs === null,
  });
  const [built] = await Promise.all([building.run(), done]);
  return { ingestMs: ingestMs!, ...built };
}

async function info(): Promise<EngineInfo> {
  return opened().client.info();
}

async function setEfOfDatabase(ef: number): Promise<void> {
  await opened().collection.modify({ configuration: { hnsw: { ef_search: ef } } });
}

function measureDatabase(filter: FilterName): Promise<QueryRun> {
  const { collection } = opened();
  return askAll(filter, async (query, wanted) => {
    const where = wanted === null ? undefined : { [wanted.column]: wanted.value };
    const { ids } = await collection.query({ queryEmbeddings: query, nResults: K, where, include: ["distances"] });
    return ids[0]!.map(Number);
  });
}

/** A query made of nothing, so that no set need be in memory. */
function anyQuery(dimension: number, q: number): Float32Array {
  return Float32Array.from({ length: dimension }, (_, i) => Math.sin(q * 31 + i * (q + 1)));
}

/** In a page that has done nothing else: from nothing to the first answer. */
async function reopenDatabase(path: string, dimension: number): Promise<{ openMs: number; firstMs: number; logRecords: number }> {
  const begin = performance.now();
  const client = new TidepoolClient({ path, storage: "opfs", cores: 1 });
  const collection = await client.getCollection({ name: COLLECTION });
  const openMs = performance.now() - begin;
  await collection.query({ queryEmbeddings: anyQuery(dimension, 0), nResults: K, include: ["distances"] });
  const firstMs = performance.now() - begin;
  database = { client, collection };
  return { openMs, firstMs, logRecords: (await client.info()).logRecords };
}

/** Some use after reopening, before memory is looked at. */
async function useDatabase(dimension: number, count: number): Promise<void> {
  for (let q = 1; q <= count; q++)
    await opened().collection.query({ queryEmbeddings: anyQuery(dimension, q), nResults: K, include: ["distances"] });
}

async function closeDatabase(): Promise<void> {
  await opened().client.close();
  database = null;
}

const functions = {
  prepare,
  bandwidth,
  start,
  prepareEngine,
  add,
  setEf,
  measure,
  measureFromPage,
  wasmBytes,
  distancesPerQuery,
  save,
  reopen,
  stop,
  createDatabase,
  ingest,
  ingestWhileAsking,
  info,
  setEfOfDatabase,
  measureDatabase,
  reopenDatabase,
  useDatabase,
  closeDatabase,
};

export type VectorPage = typeof functions;

expose(functions);
