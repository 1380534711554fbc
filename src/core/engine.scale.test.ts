/**
 * Fifty thousand vectors in inverted lists, with the limits and the kernel that an app has: what is found beside the exact answers, through
 * filters, deletions and reopening. `npm run bench -- scale` does this at size.
 */
import { expect, test } from "vitest";
import { openMemoryStorage } from "../storage/memory/memory-storage.js";
import { randomFrom } from "../testing/hnsw-vectors.js";
import { wasmKernelForTests } from "../testing/kernel.js";
import { openedEngine } from "../testing/opened-engines.js";
import { vectorsOf } from "../testing/spann-vectors.js";
import type { Engine } from "./engine.js";
import type { Where } from "./types.js";

const DIMENSION = 64;
const ROWS = 50_000;
const PART = 5000;
const QUERIES = 40;
const SCOPE = { tenant: "default_tenant", database: "default_database" };

/** One set, the last of which are the queries. */
const all = vectorsOf("hard", randomFrom(1), ROWS + QUERIES, DIMENSION);
const rowsOf = (from: number, to: number): Float32Array => all.slice(from * DIMENSION, to * DIMENSION);

async function opened(): Promise<Engine> {
  return openedEngine(await openMemoryStorage("scale"), { kernel: await wasmKernelForTests() });
}

async function write(engine: Engine, collectionId: string, from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  const records = {
    ids: numbers.map((n) => `r${n}`),
    embeddings: { dimension: DIMENSION, values: rowsOf(from, to), present: null },
    documents: null,
    metadatas: numbers.map((n) => ({ hundredth: n % 100 })),
    uris: null,
  };
  await engine.service.write({ collectionId, operation: "add", records });
}

/** Share of the ten nearest that are found, of those that a filter leaves. */
async function recall(engine: Engine, collectionId: string, where?: Where): Promise<number> {
  const queryEmbeddings = { dimension: DIMENSION, values: rowsOf(ROWS, ROWS + QUERIES) };
  const asked = { collectionId, queryEmbeddings, nResults: 10, include: [], ...(where === undefined ? {} : { where }) };
  const truth = (await engine.service.query({ ...asked, exact: true })).ids;
  const { ids } = await engine.service.query(asked);
  expect(ids).toHaveLength(10 * QUERIES);
  const hits = ids.filter((id, i) => truth.slice(10 * Math.floor(i / 10), 10 * Math.floor(i / 10) + 10).includes(id));
  return hits.length / ids.length;
}

test("fifty thousand vectors are found as by the scan, with filters, after deletions and after opening again", async () => {
  const engine = await opened();
  const request = { ...SCOPE, name: "large", metadata: null, configuration: { spann: {} }, getOrCreate: false };
  const { id } = await engine.service.createCollection(request);
  for (let from = 0; from < ROWS; from += PART) {
    await write(engine, id, from, from + PART);
    if (from % (2 * PART) > 0) await engine.compact(id);
  }
  const report = await engine.service.checkRecall({ collectionId: id, sample: 20, k: 10 });
  expect(report.efSearch).toBe(0);
  expect(report.recall).toBeGreaterThanOrEqual(0.98);
  expect(await recall(engine, id)).toBeGreaterThanOrEqual(0.98);
  // Few enough to be judged, all of them; some in every list; and most.
  for (const where of [{ hundredth: 7 }, { hundredth: { $lt: 10 } }, { hundredth: { $ne: 3 } }]) {
    expect(await recall(engine, id, where)).toBeGreaterThanOrEqual(0.98);
  }
  await engine.service.delete({ collectionId: id, where: { hundredth: { $gte: 60 } } });
  expect(await recall(engine, id)).toBeGreaterThanOrEqual(0.98);
  await engine.compact(id);
  await engine.close();
  const again = await opened();
  expect(await again.service.count({ collectionId: id })).toBe(0.6 * ROWS);
  expect(await recall(again, id)).toBeGreaterThanOrEqual(0.98);
  const { findings } = await again.service.verifyCollection({ collectionId: id, deep: true });
  expect(findings).toEqual([]);
});
