/**
 * The page of the bench of live queries: writes at a rate, asks one read after the other meanwhile, and has a hundred subscriptions or
 * none. What the worker is asked on behalf of subscriptions is counted as it goes there.
 */
import { type Collection, K, Knn, type LiveRead, type LiveReads, Search, TidepoolClient } from "tidepool-db";
import { clusteredVectors, DIMENSION } from "../clustered.js";
import { expose } from "../page.js";

/** Each record is in one; the last is that of records which nobody writes. */
const GROUPS = 50;
const STILL = GROUPS;
/** How often writes are sent, and how many may be without an answer. */
const BEAT_MS = 10;
const UNDER_WAY_MAX = 2_000;
/** Between two changes of the records that subscriptions of their own look at. */
const PROBE_MS = 50;
const WORDS = [
  "tide",
  "moon",
  "ebb",
  "spring",
  "neap",
  "pool",
  "crab",
  "reef",
  "kelp",
  "sand",
  "gull",
  "bay",
  "cape",
  "dune",
  "foam",
  "wave",
];

let client: TidepoolClient;
let collection: Collection;
let vectors: Float32Array[];
/** How often records were written, so that each write says something new. */
let written = 0;
/** Reads that were run for subscriptions since the last phase began. */
let refreshes = 0;

/** Counts what is asked of it for subscriptions, as Comlink's message says. */
function startWorker(): Worker {
  const worker = new Worker(new URL("./tidepool/worker.js", location.href), { type: "module" });
  const post = worker.postMessage.bind(worker);
  worker.postMessage = (message: { argumentList?: { value: unknown }[] }, ...rest: unknown[]) => {
    if (message.argumentList?.[0]?.value === "watch") refreshes++;
    (post as (...args: unknown[]) => void)(message, ...rest);
  };
  return worker;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function documentOf(number: number): string {
  return Array.from({ length: 12 }, (_, i) => WORDS[(number * (2 * i + 1) + i * i) % WORDS.length]).join(" ");
}

function recordOf(ordinal: number, turn: number) {
  return { id: `r${ordinal}`, embedding: vectors[(ordinal + turn) % vectors.length]!, document: documentOf(ordinal + turn) };
}

async function begin(records: number): Promise<void> {
  client = new TidepoolClient({ path: "live", worker: startWorker });
  collection = await client.createCollection({ name: "bench", embeddingFunction: null });
  const flat = clusteredVectors(records, 21);
  vectors = Array.from({ length: records }, (_, i) => flat.subarray(i * DIMENSION, (i + 1) * DIMENSION));
  for (let at = 0; at < records; at += 1000) {
    const rows = Array.from({ length: Math.min(1000, records - at) }, (_, i) => recordOf(at + i, 0));
    await collection.add({
      ids: rows.map(({ id }) => id),
      embeddings: rows.map(({ embedding }) => embedding),
      documents: rows.map(({ document }) => document),
      metadatas: rows.map((_, i) => ({ group: (at + i) % (GROUPS + 1), turn: 0 })),
    });
  }
  await collection.searchText({ query: "tide", nResults: 1 });
}

/** The hundred, by name. The first ones cannot be touched by any write. */
function reads(): { name: string; read: LiveRead<keyof LiveReads> }[] {
  const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
  const still = { group: STILL };
  const search = (i: number) =>
    new Search()
      .where(K("group").eq(i))
      .rank(Knn({ query: Array.from(vectors[i * 3]!) }))
      .limit(10)
      .select(K.ID, K.SCORE);
  const of = (name: string, read: object) => ({ name, read: read as LiveRead<keyof LiveReads> });
  return [
    ...times(10, (i) => of("get, untouched", { get: { where: still, limit: 10 + i } })),
    ...times(10, () => of("count, untouched", { count: { where: still } })),
    ...times(20, (i) => of("get", { get: { where: { group: i }, limit: 20 } })),
    ...times(10, (i) => of("count", { count: { where: { turn: { $gt: written + 100 * i } } } })),
    ...times(20, (i) => of("query", { query: { queryEmbeddings: [vectors[i * 7]!], where: { group: i }, nResults: 10 } })),
    ...times(10, (i) => of("search", { search: search(i) })),
    ...times(10, (i) => of("searchText", { searchText: { query: `${WORDS[i]} ${WORDS[i + 3]}`, nResults: 10 } })),
    ...times(10, (i) => of("hybrid", { hybrid: { queryText: WORDS[i]!, queryEmbedding: vectors[i]!, nResults: 10 } })),
  ];
}

/** What one phase measured. All times are milliseconds. */
export interface Phase {
  subscriptions: number;
  /** Acknowledged. */
  writes: number;
  seconds: number;
  /** Latencies of reads that were asked one after the other, by method. */
  latencies: Record<string, number[]>;
  /** How long writes took until they were acknowledged. */
  writeMs: number[];
  /** From the acknowledgement of a write to the listener that was called with it, or with a later one, by method. */
  toListener: Record<string, number[]>;
  /** Reads that were run again for subscriptions, and calls of listeners, by what was subscribed to. */
  refreshes: number;
  told: Record<string, number>;
  /** The longest time in which the page did nothing else. */
  pageMs: number;
}

interface Stop {
  now: boolean;
}

async function phase(withSubscriptions: boolean, writesPerSecond: number, seconds: number): Promise<Phase> {
  const told: Record<string, number> = {};
  const toListener: Record<string, number[]> = {};
  const ends: (() => void)[] = [];
  const stop: Stop = { now: false };
  const probes = withSubscriptions ? await subscribe(told, toListener, ends) : [];
  refreshes = 0;
  const from = performance.now();
  const [latencies, written, pageMs] = await Promise.all([
    ask(stop),
    write(stop, writesPerSecond),
    longestTask(stop),
    probe(stop, probes),
    pause(seconds * 1000).then(() => (stop.now = true)),
  ]);
  const took = (performance.now() - from) / 1000;
  const subscriptions = ends.length;
  for (const end of ends) end();
  const { length: writes } = written;
  return { subscriptions, writes, seconds: took, latencies, writeMs: written, toListener, refreshes, told, pageMs };
}

/** A subscription whose results say which of the probe's changes they know. */
interface Probe {
  name: string;
  id: string;
  embedding: Float32Array;
  document: string;
  /** When each change was acknowledged, of those that no listener has heard of. */
  acknowledged: Map<number, number>;
}

async function subscribe(told: Record<string, number>, toListener: Record<string, number[]>, ends: (() => void)[]): Promise<Probe[]> {
  const open = async (name: string, read: LiveRead<keyof LiveReads>, listener: (results: unknown) => void = () => undefined) => {
    told[name] = 0;
    const live = await collection.subscribe(read, ({ results }) => {
      told[name]!++;
      listener(results);
    });
    ends.push(() => live.unsubscribe());
  };
  const probes = ["get", "query", "searchText"].map((name, i): Probe => {
    const embedding = new Float32Array(DIMENSION).fill(0);
    embedding[i] = 1;
    return { name, id: `probe-${name}`, embedding, document: `beacon${name.toLowerCase()}`, acknowledged: new Map() };
  });
  for (const one of probes) await change(one, 0);
  const readOf = ({ name, id, embedding, document }: Probe): object =>
    name === "get"
      ? { get: { ids: [id] } }
      : name === "query"
        ? { query: { queryEmbeddings: [embedding], nResults: 1 } }
        : { searchText: { query: document } };
  for (const one of probes) {
    const times: number[] = (toListener[one.name] = []);
    await open(`${one.name}, probe`, readOf(one) as LiveRead<keyof LiveReads>, (results) => hear(one, results, times));
  }
  const all = reads();
  for (const { name, read } of all.slice(0, 100 - probes.length)) await open(name, read);
  return probes;
}

function hear({ acknowledged }: Probe, results: unknown, times: number[]): void {
  const now = performance.now();
  const { metadatas } = results as { metadatas: ({ turn: number } | null)[] | ({ turn: number } | null)[][] };
  const known = metadatas.flat()[0]?.turn ?? -1;
  for (const [turn, at] of acknowledged) {
    if (turn > known) continue;
    times.push(Math.max(0, now - at));
    acknowledged.delete(turn);
  }
}

async function change({ id, embedding, document }: Probe, turn: number): Promise<void> {
  await collection.upsert({ ids: [id], embeddings: [embedding], documents: [document], metadatas: [{ group: -1, turn }] });
}

async function probe(stop: Stop, probes: readonly Probe[]): Promise<void> {
  for (let turn = 1; !stop.now; turn++) {
    for (const one of probes) {
      // A listener may be called before the page hears of the acknowledgement: that is no time at all.
      one.acknowledged.set(turn, Infinity);
      await change(one, turn);
      if (one.acknowledged.has(turn)) one.acknowledged.set(turn, performance.now());
    }
    await pause(PROBE_MS);
  }
}

/** One record a write, of those that may be written, each in turn. */
async function write(stop: Stop, perSecond: number): Promise<number[]> {
  const writeMs: number[] = [];
  let [sent, underWay] = [0, 0];
  const one = async (): Promise<void> => {
    const ordinal = (sent * 7919) % vectors.length;
    const turn = ++written;
    const { id, embedding, document } = recordOf(ordinal, turn);
    const from = performance.now();
    underWay++;
    await collection.update({ ids: [id], embeddings: [embedding], documents: [document], metadatas: [{ turn }] });
    underWay--;
    writeMs.push(performance.now() - from);
  };
  const begun = performance.now();
  const all: Promise<void>[] = [];
  while (!stop.now && perSecond > 0) {
    const due = ((performance.now() - begun) / 1000) * perSecond;
    for (; sent < due && underWay < UNDER_WAY_MAX; sent++) if (((sent * 7919) % vectors.length) % (GROUPS + 1) !== STILL) all.push(one());
    await pause(BEAT_MS);
  }
  await Promise.all(all);
  return writeMs;
}

/** One read after the other, as somebody does who uses the page. */
async function ask(stop: Stop): Promise<Record<string, number[]>> {
  const calls: Record<string, (i: number) => Promise<unknown>> = {
    get: (i) => collection.get({ ids: [`r${i % vectors.length}`] }),
    query: (i) => collection.query({ queryEmbeddings: [vectors[i % vectors.length]!], nResults: 10 }),
    searchText: (i) => collection.searchText({ query: documentOf(i).split(" ").slice(0, 2).join(" "), nResults: 10 }),
  };
  const latencies: Record<string, number[]> = {};
  for (let i = 1; !stop.now; i++) {
    for (const [name, call] of Object.entries(calls)) {
      const from = performance.now();
      await call(i * 31);
      (latencies[name] ??= []).push(performance.now() - from);
    }
    await pause(5);
  }
  return latencies;
}

async function longestTask(stop: Stop): Promise<number> {
  let longest = 0;
  const { port1, port2 } = new MessageChannel();
  for (let last = performance.now(); !stop.now; ) {
    await new Promise<void>((resolve) => {
      port1.onmessage = () => resolve();
      port2.postMessage(null);
    });
    const now = performance.now();
    longest = Math.max(longest, now - last);
    await pause(1);
    last = performance.now();
  }
  port1.close();
  return longest;
}

const exposed = { begin, phase };
export type LivePage = typeof exposed;
expose(exposed);
