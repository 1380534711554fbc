/** The engine "hnswlib" in its real worker, with enough data for a graph. */
import { afterEach, expect, test } from "vitest";
import { flatRowsMax } from "../core/index/vector/planner.js";
import { TidepoolClient } from "./client.js";
import { createHnswlibWorker } from "./create-hnswlib-worker.js";

const clients: TidepoolClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

/** With the smallest caches, so that the memory told of is that of codes and graph, whatever has been read. */
function open(path: string, worker?: () => Worker): TidepoolClient {
  clients.push(new TidepoolClient({ path, worker, allowReset: true }));
  return clients.at(-1)!;
}

const DIMENSION = 4096;
const ROWS = 4200;
/** So many, and not one more, are searched without a graph. */
const FLAT = flatRowsMax(DIMENSION);

/** Each row points where no other does. */
function vectors(): Float32Array {
  const values = new Float32Array(ROWS * DIMENSION);
  for (let i = 0; i < values.length; i++) values[i] = Math.sin(i * (1 + (i % 7)));
  return values;
}

/** Until there is nothing left to build and nothing left to compact: only then do two figures of memory compare. */
async function untilIdle(client: TidepoolClient): Promise<void> {
  const idle = { compacting: false, logRecords: 0, compactionError: null };
  await expect.poll(() => client.info(), { timeout: 120_000, interval: 100 }).toMatchObject(idle);
}

test("a graph of hnswlib answers, is built again when the database is reopened, and its absence is told", {
  timeout: 240_000,
}, async () => {
  const path = `hnswlib-${crypto.randomUUID()}`;
  const embeddings = vectors();
  const row = (i: number): Float32Array => embeddings.subarray(i * DIMENSION, (i + 1) * DIMENSION);
  const client = open(path, createHnswlibWorker);
  // So poor a graph that what it misses shows that it was asked, and so narrow a beam that asking it is worth while.
  const configuration = { hnsw: { engine: "hnswlib", max_neighbors: 4, ef_construction: 8, ef_search: 5 } } as const;
  const waves = await client.createCollection({ name: "waves", embeddingFunction: null, configuration });
  const add = async (from: number, to: number): Promise<void> => {
    const numbers = Array.from({ length: to - from }, (_, i) => from + i);
    await waves.add({
      ids: numbers.map((i) => `w${i}`),
      embeddings: embeddings.subarray(from * DIMENSION, to * DIMENSION),
      metadatas: numbers.map((i) => ({ third: i % 3 })),
    });
    await untilIdle(client);
  };
  await add(0, FLAT);
  const before = (await client.info()).memory.graphs;
  await add(FLAT, ROWS);
  expect((await client.info()).memory.graphs).toBeGreaterThan(before + ROWS * DIMENSION * 4);
  expect((await waves.checkRecall({ sample: 20, k: 1 })).recall).toBeLessThan(1);
  const found = await waves.query({ queryEmbeddings: [row(17), row(4000)], nResults: 7, where: { third: 2 } });
  expect(found.ids.map((ids) => ids.length)).toEqual([7, 7]);
  expect(found.ids[0]![0]).toBe("w17");
  expect((await client.info()).warnings).toEqual([]);
  await client.close();

  const again = open(path, createHnswlibWorker);
  const reopened = await again.getCollection({ name: "waves", embeddingFunction: null });
  expect(reopened.configuration.hnsw.engine).toBe("hnswlib");
  expect((await reopened.query({ queryEmbeddings: [row(4001)], nResults: 1 })).ids).toEqual([["w4001"]]);
  await untilIdle(again);
  expect((await reopened.checkRecall({ sample: 20, k: 1 })).recall).toBeLessThan(1);
  await again.close();

  const without = open(path);
  expect(await without.countCollections()).toBe(1);
  const lost = await without.getCollection({ name: "waves", embeddingFunction: null });
  const reading = lost.get({ limit: 1 });
  await expect(reading).rejects.toMatchObject({ code: "NOT_SUPPORTED", message: expect.stringContaining("tidepool-db/hnswlib") as string });
  const creating = without.createCollection({ name: "more", configuration: { hnsw: { engine: "hnswlib" } } });
  await expect(creating).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  expect(await without.countCollections()).toBe(1);
  await without.reset();
});
