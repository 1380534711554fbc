/** A large collection, filled with vectors that are fetched a part at a time, and asked. */
import { type Collection, type EngineInfo, TidepoolClient } from "tidepool-db";
import { expose } from "../page.js";
import type { Asking, FilterColumn } from "../scale/asking.js";
import type { ScaleIndex } from "../scale/indexes.js";
import { type OtherAnswers, OtherIndex } from "../scale/other-index.js";
import { PART_ROWS, partFile, QUERIES_FILE } from "../scale/part-files.js";

const COLLECTION = "scale";
const PAUSE_MS = 20;

let client: TidepoolClient | null = null;
let collection: Collection | null = null;
let queries: Float32Array[] = [];
let other: OtherIndex | null = null;
const truths = new Map<FilterColumn | null, string[][]>();

function opened(): { client: TidepoolClient; collection: Collection } {
  if (client === null || collection === null) throw new Error("create or reopen comes first");
  return { client, collection };
}

async function floatsOf(url: string): Promise<Float32Array> {
  const response = await fetch(url, { cache: "no-store" });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return new Float32Array(await response.arrayBuffer());
}

const whereOf = (filter: FilterColumn | null) => (filter === null ? {} : { where: { [filter]: 3 } });

async function addPart(from: number, count: number, embeddings: Float32Array): Promise<void> {
  const numbers = Array.from({ length: count }, (_, i) => from + i);
  const ids = numbers.map((number) => `r${number}`);
  const metadatas = numbers.map((number) => ({ tenth: number % 10, hundredth: number % 100 }));
  await opened().collection.add({ ids, embeddings, metadatas });
}

/** Milliseconds of each query, one after the other, with pauses as between people's, until `isOver`. */
async function askUntil(isOver: () => boolean): Promise<number[]> {
  const ms: number[] = [];
  while (!isOver()) {
    const start = performance.now();
    await opened().collection.query({ queryEmbeddings: [queries[ms.length % queries.length]!], nResults: 10, include: [] });
    ms.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return ms;
}

async function ingest(folder: string, from: number, to: number, dimension: number): Promise<number> {
  const start = performance.now();
  const next = (first: number): Promise<Float32Array> | null => (first < to ? floatsOf(`${folder}/${partFile(first)}`) : null);
  let coming = next(from);
  for (let first = from; first < to; first += PART_ROWS) {
    const values = (await coming)!;
    coming = next(first + PART_ROWS);
    const count = Math.min(PART_ROWS, to - first);
    await addPart(first, count, values.subarray(0, count * dimension));
  }
  return performance.now() - start;
}

/** Milliseconds until nothing works in the background any more. */
async function settle(): Promise<number> {
  const start = performance.now();
  for (;;) {
    const { compacting, compactionError } = await opened().client.info();
    if (compactionError !== null) throw new Error(`compaction failed: ${compactionError}`);
    if (!compacting) return performance.now() - start;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const functions = {
  async create(path: string, index: ScaleIndex): Promise<void> {
    client = new TidepoolClient({ path, cores: 1 });
    const configuration = index === "lists" ? { spann: { space: "l2" as const } } : { hnsw: { space: "l2" as const } };
    collection = await client.createCollection({ name: COLLECTION, configuration, embeddingFunction: null });
  },

  ingest,
  settle,

  info(): Promise<EngineInfo> {
    return opened().client.info();
  },

  async loadQueries(folder: string, dimension: number): Promise<void> {
    const values = await floatsOf(`${folder}/${QUERIES_FILE}`);
    queries = Array.from({ length: values.length / dimension }, (_, i) => values.slice(i * dimension, (i + 1) * dimension));
  },

  /** Milliseconds from a new client to its first answer. */
  async reopen(path: string, memoryBudgetBytes?: number): Promise<number> {
    await client?.close();
    const start = performance.now();
    client = new TidepoolClient({ path, cores: 1, ...(memoryBudgetBytes === undefined ? {} : { memoryBudgetBytes }) });
    collection = await client.getCollection({ name: COLLECTION });
    await collection.query({ queryEmbeddings: [queries[0]!], nResults: 10, include: [] });
    return performance.now() - start;
  },

  /** Ids of the ten nearest by the scan. */
  async truth(filter: FilterColumn | null, count: number): Promise<string[][]> {
    const asked = { queryEmbeddings: queries.slice(0, count), nResults: 10, include: [], exact: true, ...whereOf(filter) };
    const truth = truths.get(filter) ?? (await opened().collection.query(asked)).ids;
    truths.set(filter, truth);
    return truth;
  },

  /** Memory with a second collection of as many records open, both of which are asked. */
  async memoryOfTwo(count: number): Promise<number> {
    const second = await opened().collection.fork({ name: `${COLLECTION}-2` });
    for (const each of [opened().collection, second])
      for (const query of queries.slice(0, count)) await each.query({ queryEmbeddings: [query], nResults: 10, include: [] });
    const { memoryBytes } = await opened().client.info();
    await opened().client.deleteCollection({ name: second.name });
    return memoryBytes;
  },

  /** Queries `from … to − 1`, one after the other; where there are fewer, from the first on again. */
  async ask(filter: FilterColumn | null, from: number, to: number): Promise<Asking> {
    const asking: Asking = { ids: [], ms: [] };
    for (let q = from; q < to; q++) {
      const query = queries[q % queries.length]!;
      const start = performance.now();
      const found = await opened().collection.query({ queryEmbeddings: [query], nResults: 10, include: [], ...whereOf(filter) });
      asking.ms.push(performance.now() - start);
      asking.ids.push(found.ids[0]!);
    }
    return asking;
  },

  /** Writes the first rows once more, under other ids, and asks meanwhile. */
  async askWhileWriting(folder: string, rows: number, dimension: number, parts: number): Promise<{ ms: number[]; perSecond: number }> {
    let isOver = false;
    const write = async (): Promise<number> => {
      const start = performance.now();
      for (let part = 0; part < parts; part++) {
        const values = await floatsOf(`${folder}/${partFile(part * PART_ROWS)}`);
        await addPart(rows + part * PART_ROWS, PART_ROWS, values.subarray(0, PART_ROWS * dimension));
      }
      await settle();
      isOver = true;
      return (1000 * parts * PART_ROWS) / (performance.now() - start);
    };
    const [ms, perSecond] = await Promise.all([askUntil(() => isOver), write()]);
    return { ms, perSecond };
  },

  /** Takes all rows into an index of others; milliseconds inside it. */
  async buildOther(module: string, folder: string, count: number, dimension: number, queryCount: number): Promise<number> {
    const rows = new Float32Array(new SharedArrayBuffer(4 * count * dimension));
    for (let first = 0; first < count; first += PART_ROWS) rows.set(await floatsOf(`${folder}/${partFile(first)}`), first * dimension);
    const asked = await floatsOf(`${folder}/${QUERIES_FILE}`);
    const shape = { space: "l2" as const, dimension };
    const asks = { ...shape, count: Math.min(queryCount, asked.length / dimension), values: asked };
    other = new OtherIndex(module, folder, { ...shape, count, values: rows }, asks);
    return other.build();
  },

  tuneOther: (): Promise<void> => other!.tune(),
  askOther: (filter: FilterColumn | null): Promise<OtherAnswers> => other!.ask(filter),
  wasmBytesOfOther: (): Promise<number> => other!.wasmBytes(),

  async remove(): Promise<void> {
    await opened().client.deleteCollection({ name: COLLECTION });
    await opened().client.close();
    client = null;
    collection = null;
  },
};

export type ScalePage = typeof functions;

expose(functions);
