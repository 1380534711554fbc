/**
 * The page of the text suite: one set of documents at a time, engines in workers of their own, and two Tidepool collections of the
 * same documents, one searched as text, the other by sparse vectors. Node says what happens next; calls are timed here.
 */
import {
  Bm25EmbeddingFunction,
  type Collection,
  DOCUMENT_KEY,
  FtsIndexConfig,
  Knn,
  Schema,
  Search,
  SparseVectorIndexConfig,
  TidepoolClient,
  type WhereDocument,
} from "tidepool-db";
import type { TextEngineMethods } from "../engines/text/text-engine.js";
import { WorkerClient } from "../engines/worker-calls.js";
import { readJsonLines } from "../eval/data.js";
import { expose } from "../page.js";
import { SCAN, TIDEPOOL } from "../text/engines.js";
import { generatedTexts } from "../text/generated-texts.js";
import { type Kind, kinds, questionsFrom } from "../text/questions.js";

const LIMIT = 10;
const WARM_UP = 3;
const TEXTS = "texts";
const SPARSE = "sparse";
const SPARSE_KEY = "bm25";
/** Matches nothing but an empty text, and requires nothing: beside it every document is read. */
const UNKNOWN: WhereDocument = { $regex: "$^" };

let texts: string[] = [];
let questions: Record<Kind, string[]>;
let client: TidepoolClient;
let collection: Collection;
let sparse: Collection | null = null;
const engines = new Map<string, WorkerClient<TextEngineMethods>>();

/** Loads or makes the documents, and what is asked of them. */
async function prepare(
  folder: string | null,
  documents: number,
  questionCount: number,
): Promise<{ documents: number; characters: number }> {
  texts = folder === null ? generatedTexts(documents) : await passages(folder, documents);
  questions = questionsFrom(texts, questionCount);
  return { documents: texts.length, characters: texts.reduce((sum, text) => sum + text.length, 0) };
}

async function passages(folder: string, most: number): Promise<string[]> {
  return (await readJsonLines<{ text: string }>(`${folder}/corpus.jsonl`)).slice(0, most).map(({ text }) => text);
}

// ---- Tidepool

async function openDatabase(path: string): Promise<void> {
  client = new TidepoolClient({ path });
  collection = await client.getOrCreateCollection({ name: TEXTS, embeddingFunction: null });
}

/** Milliseconds until a batch was acknowledged. */
function ingest(from: number, to: number): Promise<number> {
  return timed(() => addTo(collection, from, to));
}

/** The documents once more, with sparse vectors made of them and no full text. */
async function ingestSparse(batch: number): Promise<number> {
  const config = new SparseVectorIndexConfig({ embeddingFunction: new Bm25EmbeddingFunction(), sourceKey: DOCUMENT_KEY, bm25: true });
  const schema = new Schema().deleteIndex(new FtsIndexConfig(), DOCUMENT_KEY).createIndex(config, SPARSE_KEY);
  const made = await client.createCollection({ name: SPARSE, embeddingFunction: null, schema });
  const ms = await timed(async () => {
    for (let from = 0; from < texts.length; from += batch) await addTo(made, from, Math.min(texts.length, from + batch));
  });
  sparse = made;
  return ms;
}

function addTo(target: Collection, from: number, to: number): Promise<void> {
  const documents = texts.slice(from, to);
  return target.add({ ids: documents.map((_, i) => `${from + i}`), documents, embeddings: documents.map(() => [1, 0]) });
}

/** A new page's first steps: until records can be counted, the first search, and the next one for the same. */
async function reopenDatabase(path: string): Promise<{ openMs: number; firstMs: number; againMs: number }> {
  const openMs = await timed(async () => {
    await openDatabase(path);
    await collection.count();
  });
  const search = () => askTidepool("two words", questions["two words"][0]!);
  return { openMs, firstMs: await timed(search), againMs: await timed(search) };
}

async function info(): Promise<Awaited<ReturnType<TidepoolClient["info"]>>> {
  return client.info();
}

async function closeDatabase(): Promise<void> {
  await client.close();
}

async function askTidepool(kind: Kind, question: string): Promise<number> {
  if (kind === "sparse") return (await sparse!.search(sparseSearch(question))).ids[0]!.length;
  if (kind.startsWith("$")) return (await collection.get({ whereDocument: filterOf(kind, question), include: [] })).ids.length;
  const found = await collection.searchText({
    query: kind === "phrase" ? `"${question}"` : question,
    operators: kind === "phrase",
    prefix: kind === "prefix",
    fuzzy: kind === "fuzzy",
    nResults: LIMIT,
    include: [],
  });
  return found.ids.length;
}

function sparseSearch(query: string): Search {
  return new Search().rank(Knn({ query, key: SPARSE_KEY, limit: LIMIT })).limit(LIMIT);
}

async function askByScan(kind: Kind, question: string): Promise<number> {
  const whereDocument = { $or: [filterOf(kind, question), UNKNOWN] };
  return (await collection.get({ whereDocument, include: [] })).ids.length;
}

function filterOf(kind: Kind, question: string): WhereDocument {
  return kind === "$regex" ? { $regex: question } : { $contains: question };
}

// ---- engines in workers

function engineNamed(name: string): WorkerClient<TextEngineMethods> {
  const engine = engines.get(name);
  if (!engine) throw new Error(`${name} was not started`);
  return engine;
}

/** A worker that has done nothing yet. */
async function start(name: string, module: string): Promise<void> {
  const engine = new WorkerClient<TextEngineMethods>(module);
  engines.set(name, engine);
  await engine.call("wasmBytes");
}

function prepareEngine(name: string): Promise<void> {
  return engineNamed(name).call("prepare");
}

/** Milliseconds inside the engine. */
function addToEngine(name: string, from: number, to: number): Promise<number> {
  return engineNamed(name).call("add", from, texts.slice(from, to));
}

function wasmBytes(name: string): Promise<number> {
  return engineNamed(name).call("wasmBytes");
}

function save(name: string, key: string): Promise<number> {
  return engineNamed(name).call("save", key);
}

/** In a worker of its own. Milliseconds inside the engine. */
async function openSaved(name: string, module: string, key: string): Promise<number> {
  stop(name);
  await start(name, module);
  return engineNamed(name).call("open", key);
}

function stop(name: string): void {
  engineNamed(name).close();
  engines.delete(name);
}

// ---- questions

async function kindsOf(name: string): Promise<readonly Kind[]> {
  if (name === TIDEPOOL) return kinds.filter((kind) => kind !== "sparse" || sparse !== null);
  return name === SCAN ? kinds.filter((kind) => kind.startsWith("$")) : engineNamed(name).call("kinds");
}

async function ask(name: string, kind: Kind, question: string): Promise<number> {
  if (name === TIDEPOOL) return askTidepool(kind, question);
  if (name === SCAN) return askByScan(kind, question);
  return (await engineNamed(name).call("search", kind, question, LIMIT)).length;
}

/** One pass over the questions of a kind: milliseconds, and how many documents were found on average. */
async function measure(name: string, kind: Kind): Promise<{ timesMs: number[]; found: number }> {
  const asked = questions[kind];
  for (const question of asked.slice(0, WARM_UP)) await ask(name, kind, question);
  const timesMs: number[] = [];
  let found = 0;
  for (const question of asked) timesMs.push(await timed(async () => void (found += await ask(name, kind, question))));
  return { timesMs, found: found / asked.length };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

const exposed = {
  prepare,
  openDatabase,
  ingest,
  ingestSparse,
  reopenDatabase,
  info,
  closeDatabase,
  start,
  prepareEngine,
  addToEngine,
  wasmBytes,
  save,
  openSaved,
  stop,
  kindsOf,
  measure,
};
export type TextPage = typeof exposed;
expose(exposed);
