/** A large collection, filled with made-up vectors a part at a time, and asked. */
import { type EngineInfo, TidepoolClient } from "tidepool-db";
import { hardVectors, noiseVectors, zipfVectors } from "../hard.js";
import { LOW_RANK_DIMENSION, lowRankVectors } from "../low-rank.js";
import { expose } from "../page.js";

export type ScaleSet = "low-rank" | "hard" | "zipf" | "noise";
export type ScaleIndex = "lists" | "graph";

const vectorsOf = { "low-rank": lowRankVectors, hard: hardVectors, zipf: zipfVectors, noise: noiseVectors };
/** Rows that are made at once; each part, of some thousands, has a seed of its own. */
const PART = 5000;
const QUERY_SEED = 7;

const clients = new Map<string, TidepoolClient>();

function clientOf(path: string): TidepoolClient {
  const client = clients.get(path) ?? new TidepoolClient({ path });
  clients.set(path, client);
  return client;
}

/** Ids of results are those of a plain list. */
function queriesOf(set: ScaleSet, count: number): Float32Array[] {
  const values = vectorsOf[set](count, QUERY_SEED);
  return Array.from({ length: count }, (_, i) => values.slice(i * LOW_RANK_DIMENSION, (i + 1) * LOW_RANK_DIMENSION));
}

const functions = {
  async create(path: string, index: ScaleIndex): Promise<void> {
    const configuration = index === "lists" ? { spann: { space: "l2" as const } } : { hnsw: { space: "l2" as const } };
    await clientOf(path).createCollection({ name: "scale", configuration, embeddingFunction: null });
  },

  /** Adds rows `from … to − 1`; milliseconds of the calls alone. */
  async ingest(path: string, set: ScaleSet, from: number, to: number): Promise<number> {
    const collection = await clientOf(path).getCollection({ name: "scale" });
    let ms = 0;
    for (let first = from; first < to; first += PART) {
      const count = Math.min(PART, to - first);
      const embeddings = vectorsOf[set](count, 1000 + Math.floor(first / 1000));
      const ids = Array.from({ length: count }, (_, i) => `r${first + i}`);
      const metadatas = ids.map((_, i) => ({ hundredth: (first + i) % 100 }));
      const start = performance.now();
      await collection.add({ ids, embeddings, metadatas });
      ms += performance.now() - start;
    }
    return ms;
  },

  /** Milliseconds until nothing works in the background any more. */
  async settle(path: string): Promise<number> {
    const start = performance.now();
    while ((await clientOf(path).info()).compacting) await new Promise((resolve) => setTimeout(resolve, 50));
    return performance.now() - start;
  },

  info(path: string): Promise<EngineInfo> {
    return clientOf(path).info();
  },

  /** Ids of the ten nearest by the scan. */
  async truth(path: string, set: ScaleSet, count: number, hundredth: number | null): Promise<string[][]> {
    const collection = await clientOf(path).getCollection({ name: "scale" });
    const where = hundredth === null ? {} : { where: { hundredth } };
    return (await collection.query({ queryEmbeddings: queriesOf(set, count), nResults: 10, include: [], exact: true, ...where })).ids;
  },

  /** One query after the other: ids and milliseconds of each. */
  async ask(path: string, set: ScaleSet, count: number, hundredth: number | null): Promise<{ ids: string[][]; ms: number[] }> {
    const collection = await clientOf(path).getCollection({ name: "scale" });
    const where = hundredth === null ? {} : { where: { hundredth } };
    const ids: string[][] = [];
    const ms: number[] = [];
    for (const query of queriesOf(set, count)) {
      const start = performance.now();
      const found = await collection.query({ queryEmbeddings: [query], nResults: 10, include: [], ...where });
      ms.push(performance.now() - start);
      ids.push(found.ids[0]!);
    }
    return { ids, ms };
  },

  /** Milliseconds from a new client to its first answer. */
  async reopen(path: string, set: ScaleSet): Promise<number> {
    const start = performance.now();
    const collection = await clientOf(path).getCollection({ name: "scale" });
    await collection.query({ queryEmbeddings: queriesOf(set, 1), nResults: 10, include: [] });
    return performance.now() - start;
  },

  async remove(path: string): Promise<void> {
    await clientOf(path).deleteCollection({ name: "scale" });
    await clientOf(path).close();
    clients.delete(path);
  },
};

export type ScalePage = typeof functions;

expose(functions);
