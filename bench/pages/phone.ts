/** One database on a slow device. What is stored is made or read before the device is slow, and tasks of the page are watched then. */
import { type Collection, TidepoolClient } from "tidepool-db";
import { clusteredDataset, clusteredVectors, type Dataset, DIMENSION, sliceDataset } from "../clustered.js";
import { readJsonLines } from "../eval/data.js";
import { expose } from "../page.js";

const PATH = "phone";
const BATCH = 1000;
/** The browser tells of no shorter tasks. */
const LONG_TASK_MS = 50;

interface Film {
  title: string;
  year: number;
  genres: string[];
  text: string;
}

/** Tasks of this page since they were asked for last. */
interface Tasks {
  longestMs: number | null;
  over50Ms: number;
  over100Ms: number;
  /** What ran longest in long frames, as the browser names it. */
  scripts: string[];
}

/** What the library of types does not know yet. */
interface LongFrame extends PerformanceEntry {
  scripts: { duration: number; invoker: string; sourceURL: string; sourceFunctionName: string }[];
}

let client: TidepoolClient;
let collection: Collection;
let dataset: Dataset;
let words: string[] = [];
const tasks: number[] = [];
const frames: LongFrame[] = [];
const observers = {
  longtask: new PerformanceObserver((list) => void tasks.push(...list.getEntries().map(({ duration }) => duration))),
  "long-animation-frame": new PerformanceObserver((list) => void frames.push(...(list.getEntries() as LongFrame[]))),
};

/** Clustered vectors with texts of films where there are some, else with made-up words. Returns what they are. */
async function prepare(records: number): Promise<string> {
  dataset = clusteredDataset(records, 7);
  const films = await readJsonLines<Film>("wiki-movies/docs.jsonl").catch(() => []);
  if (films.length > 0) {
    const filmOf = (i: number): Film => films[i % films.length]!;
    const documents = dataset.ids.map((id, i) => `${filmOf(i).title}. ${filmOf(i).text} ${id}`);
    const metadatas = dataset.ids.map((_, i) => ({ title: filmOf(i).title, year: filmOf(i).year, genres: filmOf(i).genres.join() }));
    dataset = { ...dataset, documents, metadatas: metadatas as unknown as Dataset["metadatas"] };
  }
  words = [...new Set(dataset.documents.slice(0, 500).flatMap((text) => text.toLowerCase().match(/[a-z]{4,}/g) ?? []))];
  return films.length > 0 ? "texts of films" : "made-up texts";
}

async function watch(): Promise<void> {
  await pause();
  for (const [type, observer] of Object.entries(observers)) {
    observer.disconnect();
    observer.observe({ type });
  }
  tasks.length = frames.length = 0;
}

async function watched(): Promise<Tasks> {
  await pause();
  const over = (ms: number): number => tasks.filter((task) => task > ms).length;
  const longest = tasks.length === 0 ? null : Math.max(...tasks);
  return { longestMs: longest, over50Ms: over(LONG_TASK_MS), over100Ms: over(100), scripts: scriptsOf(frames) };
}

function scriptsOf(frames: readonly LongFrame[]): string[] {
  const scripts = frames.flatMap((frame) => frame.scripts).sort((a, b) => b.duration - a.duration);
  return scripts.slice(0, 3).map(({ duration, invoker, sourceURL, sourceFunctionName }) => {
    return `${duration} ms ${invoker} ${sourceFunctionName} ${sourceURL.split("/").at(-1)}`;
  });
}

/** Long enough for the observer to hear of the tasks before. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 200));
}

async function timed(body: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await body();
  return performance.now() - from;
}

/** Times of the batches. */
async function ingest(): Promise<number[]> {
  client = new TidepoolClient({ path: PATH, cores: 1 });
  collection = await client.createCollection({ name: "films", embeddingFunction: null });
  const times: number[] = [];
  for (let start = 0; start < dataset.ids.length; start += BATCH) {
    const { ids, vectors, documents, metadatas } = sliceDataset(dataset, start, Math.min(start + BATCH, dataset.ids.length));
    times.push(await timed(() => collection.add({ ids, embeddings: vectors, documents, metadatas })));
  }
  return times;
}

/** Opens, and asks the first query. */
function reopen(): Promise<number> {
  const query = clusteredVectors(1, 99);
  return timed(async () => {
    client = new TidepoolClient({ path: PATH, cores: 1 });
    collection = await client.getCollection({ name: "films", embeddingFunction: null });
    await collection.query({ queryEmbeddings: [query], nResults: 10 });
  });
}

async function queries(count: number, seed: number): Promise<number[]> {
  const vectors = clusteredVectors(count, seed);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const query = vectors.slice(i * DIMENSION, (i + 1) * DIMENSION);
    times.push(await timed(() => collection.query({ queryEmbeddings: [query], nResults: 10 })));
  }
  return times;
}

async function textSearches(count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const query = [0, 1, 2].map((j) => words[(31 * i + 17 * j) % words.length]!).join(" ");
    times.push(await timed(() => collection.searchText({ query, nResults: 10 })));
  }
  return times;
}

/** Ten thousand, or all. */
function embeddings(): Promise<number> {
  return timed(() => collection.get({ limit: 10_000, include: ["embeddings"] }));
}

/** Everything of every record. */
function everything(): Promise<number> {
  return timed(() => collection.get({ include: ["embeddings", "documents", "metadatas"] }));
}

async function info(): Promise<Awaited<ReturnType<TidepoolClient["info"]>>> {
  return client.info();
}

async function close(): Promise<void> {
  await client.close();
}

const exposed = { prepare, watch, watched, ingest, reopen, queries, textSearches, embeddings, everything, info, close };
export type PhonePage = typeof exposed;
expose(exposed);
