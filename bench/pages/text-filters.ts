/** One collection of texts to be filtered, and one with a long document. */
import { type Collection, TidepoolClient, type WhereDocument } from "tidepool-db";
import { randomFrom } from "../../tools/random.js";
import { readJsonLines } from "../eval/data.js";
import { expose } from "../page.js";

const BATCH = 1000;
const RARE_EVERY = 5000;
const LONG_UNITS = 4_000_000;
/** Matches nothing but an empty text, and requires nothing: beside it every document is read. */
const UNKNOWN = { $regex: "$^" };

let client: TidepoolClient;
let collection: Collection;

/** Passages where there are some, else made-up words. Every `RARE_EVERY`th has a word that no other has. */
async function textsOf(count: number): Promise<{ what: string; texts: string[] }> {
  const passages = await readJsonLines<{ text: string }>("miracl-yo/corpus.jsonl").catch(() => []);
  const random = randomFrom(5);
  const word = (): string => Math.floor(random() ** 3 * 30_000).toString(26);
  const madeUp = (): string => Array.from({ length: 24 }, word).join(" ");
  const texts = Array.from({ length: count }, (_, i) => passages[i % Math.max(1, passages.length)]?.text ?? madeUp());
  return {
    what: passages.length > 0 ? "passages of MIRACL, Yoruba" : "made-up texts",
    texts: texts.map((text, i) => (i % RARE_EVERY === 42 ? `${text} Quokkabiscuit ${i}` : text)),
  };
}

async function ingest(count: number): Promise<{ what: string; units: number; ms: number }> {
  client = new TidepoolClient({ path: "text-filters" });
  collection = await client.createCollection({ name: "texts", embeddingFunction: null });
  const { what, texts } = await textsOf(count);
  const from = performance.now();
  for (let start = 0; start < count; start += BATCH) {
    const documents = texts.slice(start, start + BATCH);
    const ids = documents.map((_, i) => `${start + i}`);
    await collection.add({ ids, documents, embeddings: documents.map(() => [1, 0]) });
  }
  return { what, units: texts.reduce((sum, text) => sum + text.length, 0), ms: performance.now() - from };
}

/** Times with the index and, in turns, of a scan; and how many are found. */
async function filter(whereDocument: WhereDocument, times: number): Promise<{ found: number; indexMs: number[]; scanMs: number[] }> {
  const scan: WhereDocument = { $or: [whereDocument, UNKNOWN] };
  const result = { found: 0, indexMs: [] as number[], scanMs: [] as number[] };
  for (let i = 0; i <= times; i++) {
    const index = await timed(whereDocument);
    const whole = await timed(scan);
    if (index.found !== whole.found) throw new Error(`${index.found} are found, and ${whole.found} by a scan`);
    result.found = index.found;
    // The first is for whoever compiles the code.
    if (i > 0) result.indexMs.push(index.ms);
    if (i > 0) result.scanMs.push(whole.ms);
  }
  return result;
}

async function timed(whereDocument: WhereDocument): Promise<{ found: number; ms: number }> {
  const from = performance.now();
  const { ids } = await collection.get({ whereDocument, include: [] });
  return { found: ids.length, ms: performance.now() - from };
}

/** A pattern on one long document: how long it takes, how long other calls wait meanwhile, and how long one goes on that is aborted. */
async function hostile(pattern: string): Promise<{ ms: number; waitMs: number; abortMs: number }> {
  const other = await client.getOrCreateCollection({ name: "long", embeddingFunction: null });
  await other.upsert({ ids: ["long"], documents: [`${"a".repeat(LONG_UNITS)}!`], embeddings: [[1, 0]] });
  const from = performance.now();
  let isOver = false;
  const test = other.get({ whereDocument: { $regex: pattern }, include: [] }).finally(() => (isOver = true));
  let waitMs = 0;
  while (!isOver) waitMs = Math.max(waitMs, await waitOf(() => collection.count()));
  await test;
  const ms = performance.now() - from;
  const stop = new AbortController();
  const aborted = other.get({ whereDocument: { $regex: pattern }, include: [], signal: stop.signal }).catch(() => undefined);
  stop.abort();
  await aborted;
  return { ms, waitMs, abortMs: await waitOf(() => collection.count()) };
}

async function waitOf(call: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await call();
  return performance.now() - from;
}

async function info(): Promise<Awaited<ReturnType<TidepoolClient["info"]>>> {
  return client.info();
}

const exposed = { ingest, filter, hostile, info };
export type TextFiltersPage = typeof exposed;
expose(exposed);
