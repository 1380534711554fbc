/** The engine "hnswlib" in its real worker, with enough data for a graph. */
import { afterEach, expect, test, vi } from "vitest";
import { TidepoolClient } from "./client.js";
import { createHnswlibWorker } from "./create-hnswlib-worker.js";

const clients: TidepoolClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

function open(path: string, worker?: () => Worker): TidepoolClient {
  clients.push(new TidepoolClient({ path, worker, allowReset: true }));
  return clients.at(-1)!;
}

const DIMENSION = 4096;
const ROWS = 4200;

/** Each row points where no other does. */
function vectors(): Float32Array {
  const values = new Float32Array(ROWS * DIMENSION);
  for (let i = 0; i < values.length; i++) values[i] = Math.sin(i * (1 + (i % 7)));
  return values;
}

async function untilBuilt(client: TidepoolClient): Promise<void> {
  await vi.waitUntil(async () => !(await client.info()).compacting, { timeout: 120_000, interval: 100 });
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
  await waves.add({
    ids: Array.from({ length: ROWS }, (_, i) => `w${i}`),
    embeddings,
    metadatas: Array.from({ length: ROWS }, (_, i) => ({ third: i % 3 })),
  });
  const before = (await client.info()).memoryBytes;
  await untilBuilt(client);
  expect((await client.info()).memoryBytes).toBeGreaterThan(before + ROWS * DIMENSION * 4);
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
  await untilBuilt(again);
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
