/** One database of the comparison of browsers: filled once, then asked what nobody has asked before. */
import { type Collection, TidepoolClient } from "tidepool-db";
import { clusteredDataset, clusteredVectors, DIMENSION, sliceDataset } from "../clustered.js";
import { expose } from "../page.js";

const BATCH = 1000;

let client: TidepoolClient;
let collection: Collection;

async function open(path: string, storage: "opfs" | "indexeddb"): Promise<void> {
  client = new TidepoolClient({ path, storage, cores: 1 });
  collection = await client.getOrCreateCollection({ name: "bench", embeddingFunction: null });
}

/** Records a second. */
async function fill(records: number, perCall = BATCH): Promise<number> {
  const dataset = clusteredDataset(records, 11);
  const from = performance.now();
  for (let start = 0; start < records; start += perCall) {
    const { ids, vectors, documents, metadatas } = sliceDataset(dataset, start, Math.min(start + perCall, records));
    await collection.add({ ids, embeddings: vectors, documents, metadatas });
  }
  return (records * 1000) / (performance.now() - from);
}

async function info(): Promise<Awaited<ReturnType<TidepoolClient["info"]>>> {
  return client.info();
}

async function close(): Promise<void> {
  await client.close();
}

/** Milliseconds of each of so many queries; another seed gives others. */
async function ask(count: number, seed: number): Promise<number[]> {
  const queries = clusteredVectors(count, seed);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const query = queries.slice(i * DIMENSION, (i + 1) * DIMENSION);
    const from = performance.now();
    await collection.query({ queryEmbeddings: [query], nResults: 10, include: ["distances"] });
    times.push(performance.now() - from);
  }
  return times;
}

const exposed = { open, fill, info, close, ask };
export type BrowsersPage = typeof exposed;
expose(exposed);
