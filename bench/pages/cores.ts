/** The page of the bench of cores: fills a collection, waits until its graph is built, and asks many queries in one call. */
import { type Collection, TidepoolClient } from "tidepool-db";
import { LOW_RANK_DIMENSION, lowRankVectors } from "../low-rank.js";
import { expose } from "../page.js";

const BATCH = 1000;
const K = 10;
const POLL_MS = 25;

export interface Filled {
  addMs: number;
  /** From the last acknowledgement until nothing is left to build. */
  buildMs: number;
}

let client: TidepoolClient;
let collection: Collection;
let vectors: Float32Array;
let asked: Float32Array;
/** Of the latest call. */
let found: string[][];

const rowOf = (values: Float32Array, row: number): Float32Array =>
  values.subarray(row * LOW_RANK_DIMENSION, (row + 1) * LOW_RANK_DIMENSION);

function make(records: number, queries: number): void {
  vectors = lowRankVectors(records, 11);
  asked = lowRankVectors(queries, 12);
}

/** `cores` 0: as many as a client uses by itself. */
async function fill(path: string, cores: number, records: number): Promise<Filled> {
  client = new TidepoolClient({ path, ...(cores > 0 && { cores }) });
  const configuration = { hnsw: { space: "cosine" as const } };
  collection = await client.createCollection({ name: "bench", embeddingFunction: null, configuration });
  const begun = performance.now();
  for (let from = 0; from < records; from += BATCH) {
    const count = Math.min(BATCH, records - from);
    const embeddings = Array.from({ length: count }, (_, i) => rowOf(vectors, from + i));
    await collection.add({ ids: embeddings.map((_, i) => `r${from + i}`), embeddings });
  }
  const added = performance.now();
  while ((await client.info()).compacting) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  return { addMs: added - begun, buildMs: performance.now() - added };
}

const queryRows = (queries: number): Float32Array[] => Array.from({ length: queries }, (_, i) => rowOf(asked, i));

/** How long one call with so many queries takes. */
async function ask(queries: number): Promise<number> {
  const begun = performance.now();
  ({ ids: found } = await collection.query({ queryEmbeddings: queryRows(queries), nResults: K, include: [] }));
  return performance.now() - begun;
}

/** The share of the ten nearest that the latest call has found, of so many of its queries. */
async function recall(queries: number): Promise<number> {
  const exact = await collection.query({ queryEmbeddings: queryRows(queries), nResults: K, include: [], exact: true });
  return exact.ids.flatMap((ids, i) => ids.filter((id) => found[i]!.includes(id))).length / (queries * K);
}

async function info(): ReturnType<TidepoolClient["info"]> {
  return client.info();
}

async function close(): Promise<void> {
  await client.deleteCollection({ name: "bench" });
  await client.close();
}

const page = { make, fill, ask, recall, info, close };
export type CoresPage = typeof page;

expose(page);
