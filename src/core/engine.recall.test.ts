import { describe, expect, test } from "vitest";
import { Random, TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { distance } from "./index/vector/distance.js";
import { limits } from "./limits.js";
import type { ConfigurationInput, RecallReport } from "./service.js";
import type { RecordBatch, Space } from "./types.js";

const DIMENSION = 16;
const ROWS = 900;
/** So few links and so small a beam that the graph misses a good part. */
const POOR = { max_neighbors: 3, ef_construction: 4, ef_search: 4 };
function records(vectors: readonly Float32Array[]): RecordBatch {
  const values = Float32Array.from(vectors.flatMap((vector) => [...vector]));
  return {
    ids: vectors.map((_, i) => `r${i}`),
    embeddings: { dimension: DIMENSION, values, present: null },
    documents: null,
    metadatas: null,
    uris: null,
  };
}

function randomVectors(count = ROWS): Float32Array[] {
  const random = new Random(7);
  return Array.from({ length: count }, () => random.vector(DIMENSION));
}

interface Opened {
  engine: Engine;
  collectionId: string;
}

/** A collection with these vectors, and with its graph built where it has more than `flatRowsMax`. */
async function openWith(vectors: readonly Float32Array[], hnsw: ConfigurationInput["hnsw"] = POOR, flatRowsMax = 50): Promise<Opened> {
  const environment = new TestEnvironment();
  const storage = new FaultInjectingStorage({ now: () => environment.now() });
  const engine = await openedEngine(storage, { environment, flatRowsMax });
  const scope = { tenant: "default_tenant", database: "default_database" };
  const { id: collectionId } = await engine.service.createCollection({
    ...scope,
    name: "things",
    metadata: null,
    configuration: { hnsw },
    getOrCreate: false,
  });
  if (vectors.length > 0) await engine.service.write({ collectionId, operation: "add", records: records(vectors) });
  do {
    environment.advance(limits.graphIdleMs);
    await environment.yieldToEventLoop();
  } while ((await engine.service.info()).compacting);
  return { engine, collectionId };
}

async function recallAt(opened: Opened, efSearch: number): Promise<number> {
  const { engine, collectionId } = opened;
  await engine.service.modifyCollection({ collectionId, configuration: { hnsw: { ef_search: efSearch } } });
  return (await engine.service.checkRecall({ collectionId, sample: 200, k: 5 })).recall!;
}

/** Share of what `query` finds that is among the `k` nearest, by a plain loop over all others, every vector asked once. */
async function recallOfQueries(
  { engine, collectionId }: Opened,
  space: Space,
  vectors: readonly Float32Array[],
  k: number,
): Promise<number> {
  let hits = 0;
  for (const [i, query] of vectors.entries()) {
    const found = await engine.service.query({
      collectionId,
      queryEmbeddings: { dimension: DIMENSION, values: query },
      nResults: k + 1,
      include: [],
    });
    const distances = vectors.map((vector) => distance(space, query, vector));
    const others = found.ids.filter((id) => id !== `r${i}`).slice(0, k);
    hits += others.filter((id) => {
      const limit = distances[Number(id.slice(1))]!;
      return distances.filter((d, row) => row !== i && d < limit).length < k;
    }).length;
  }
  return hits / (vectors.length * k);
}

describe("checkRecall", () => {
  // To an inner product no vector need be its own nearest.
  test.each<Space>(["l2", "ip"])("measures what queries find (%s)", async (space) => {
    const vectors = randomVectors();
    const opened = await openWith(vectors, { ...POOR, space });
    const report = await opened.engine.service.checkRecall({ collectionId: opened.collectionId, sample: ROWS, k: 10 });
    expect(report).toMatchObject({ sample: ROWS, k: 10, efSearch: 4 });
    expect(report.recall).toBeCloseTo(await recallOfQueries(opened, space, vectors, 10), 10);
    expect(report.recall).toBeLessThan(0.9);
  });

  test("says from which ef_search on a recall is reached", async () => {
    const opened = await openWith(randomVectors());
    const { efSearchFor } = await opened.engine.service.checkRecall({ collectionId: opened.collectionId, sample: 200, k: 5 });
    for (const target of ["0.95", "0.99"] as const) {
      expect(efSearchFor[target]).toBeGreaterThan(16);
      expect(await recallAt(opened, efSearchFor[target]!)).toBeGreaterThanOrEqual(Number(target));
      expect(await recallAt(opened, efSearchFor[target]! / 2)).toBeLessThan(Number(target));
    }
  });

  test("gives the same answer to the same data", async () => {
    const { engine, collectionId } = await openWith(randomVectors());
    const request = { collectionId, sample: 37, k: 10 };
    const report = await engine.service.checkRecall(request);
    expect(report.sample).toBe(37);
    expect(await engine.service.checkRecall(request)).toEqual(report);
  });

  test("counts records that are equally far as equally good", async () => {
    const distinct = randomVectors(30);
    const vectors = Array.from({ length: ROWS }, (_, i) => distinct[i % 30]!);
    const { engine, collectionId } = await openWith(vectors, { ef_search: 16 });
    const { recall, efSearchFor } = await engine.service.checkRecall({ collectionId, sample: 60, k: 10 });
    // Any 10 of the 29 copies will do, of which the beam holds 16.
    expect(recall).toBeGreaterThan(0.95);
    expect(efSearchFor["0.95"]).toBe(16);
  });

  test("the exact scan finds everything, whatever ef_search is", async () => {
    const { engine, collectionId } = await openWith(randomVectors(100), { ef_search: 23 }, 100);
    const expected: RecallReport = { recall: 1, sample: 100, k: 10, efSearch: 23, efSearchFor: { "0.95": 23, "0.99": 23 } };
    expect(await engine.service.checkRecall({ collectionId, sample: 1000, k: 10 })).toEqual(expected);
  });

  test("fewer records than k", async () => {
    const { engine, collectionId } = await openWith(randomVectors(3));
    expect(await engine.service.checkRecall({ collectionId, sample: 10, k: 100 })).toMatchObject({ recall: 1, sample: 3, k: 100 });
  });

  test.each([0, 1])("%i records have no neighbours to compare", async (count) => {
    const { engine, collectionId } = await openWith(randomVectors(count));
    expect(await engine.service.checkRecall({ collectionId, sample: 10, k: 10 })).toMatchObject({
      recall: null,
      sample: 0,
      efSearchFor: { "0.95": null, "0.99": null },
    });
  });

  test("lets writes pass between its queries, and passes over what they delete", async () => {
    const { engine, collectionId } = await openWith(randomVectors());
    const order: string[] = [];
    const ids = Array.from({ length: ROWS - 1 }, (_, i) => `r${i + 1}`);
    const checked = engine.service.checkRecall({ collectionId, sample: ROWS, k: 10 }).then((report) => {
      order.push("checked");
      return report;
    });
    await engine.service.delete({ collectionId, ids });
    order.push("deleted");
    expect((await checked).sample).toBeLessThan(ROWS / 2);
    expect(order).toEqual(["deleted", "checked"]);
  });

  test.each([
    ["sample", 0],
    ["sample", 1001],
    ["sample", 2.5],
    ["sample", "10"],
    ["k", 0],
    ["k", 101],
    ["k", NaN],
    ["k", null],
  ])("%s %j is refused", async (name, value) => {
    const { engine, collectionId } = await openWith([]);
    const refused = engine.service.checkRecall({ collectionId, sample: 10, k: 10, [name]: value });
    await expect(refused).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(new RegExp(`^${name} must be a whole number from 1 to 10+, got`)) as string,
    });
  });

  test("an unknown collection is not found", async () => {
    const { engine } = await openWith([]);
    await expect(engine.service.checkRecall({ collectionId: "none", sample: 1, k: 1 })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
