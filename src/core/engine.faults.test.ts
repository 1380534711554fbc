/** What the engine does when its parts fail at an awkward moment: nothing acknowledged is lost, and nothing waits for ever. */
import { expect, test } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { referenceKernel } from "./index/vector/reference-kernel.js";
import type { CodeTable, VectorKernel } from "./index/vector/vector-kernel.js";
import { limits } from "./limits.js";
import type { CreateCollectionRequest, TidepoolWarning } from "./service.js";
import type { RecordBatch } from "./types.js";

const scope = { tenant: "default_tenant", database: "default_database" };
function collection(name = "things"): CreateCollectionRequest {
  return { ...scope, name, metadata: null, configuration: {}, getOrCreate: true };
}

/** Records `from … to − 1`; the embedding of record n is [n, n]. */
function records(from: number, to: number, documentLength = 0): RecordBatch {
  const ids = Array.from({ length: to - from }, (_, i) => `r${from + i}`);
  const documents = documentLength === 0 ? null : ids.map((id) => id.padEnd(documentLength, "x"));
  const values = Float32Array.from({ length: 2 * ids.length }, (_, i) => from + (i >> 1));
  return { ids, embeddings: { dimension: 2, values, present: null }, documents, metadatas: null, uris: null };
}

/** The reference kernel with one method of its tables replaced. */
function kernelWith(change: (table: CodeTable) => void): VectorKernel {
  return {
    ...referenceKernel,
    createTable(dimension) {
      const table = referenceKernel.createTable(dimension);
      change(table);
      return table;
    },
  };
}

async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("a poisoned engine writes nothing more: what it applied by halves does not replace the log", async () => {
  const storage = new FaultInjectingStorage();
  const environment = new TestEnvironment();
  let sets = 0;
  const kernel = kernelWith((table) => {
    const set = table.set.bind(table);
    table.set = (...args) => {
      if (++sets === 2) throw new Error("out of memory");
      set(...args);
    };
  });
  const engine = await openedEngine(storage, { kernel, environment });
  const { id: collectionId } = await engine.service.createCollection(collection());
  await engine.service.write({ collectionId, operation: "add", records: records(0, 5) });
  await engine.service.delete({ collectionId, ids: ["r0"] });
  await expect(engine.service.write({ collectionId, operation: "add", records: records(5, 9) })).rejects.toMatchObject({
    code: "POISONED",
  });
  environment.advance(limits.compactionIdleMs);
  await turns();
  const reopened = await openedEngine(storage.reopen());
  const { embeddings } = await reopened.service.get({ collectionId, ids: ["r8"], include: ["embeddings"] });
  expect([...embeddings!.values]).toEqual([8, 8]);
  expect(
    await reopened.service.query({
      collectionId,
      queryEmbeddings: { dimension: 2, values: Float32Array.of(8, 8) },
      nResults: 1,
      include: [],
    }),
  ).toMatchObject({ ids: ["r8"] });
  expect(await reopened.service.info()).toMatchObject({ records: 8, logRecords: 3 });
});

test("a writer that waits for room in a collection that is then dropped is told so", async () => {
  const storage = new FaultInjectingStorage();
  let letWrite = (): void => {};
  const held = new Promise<void>((resolve) => (letWrite = resolve));
  const write = storage.blobs.write.bind(storage.blobs);
  storage.blobs.write = async (bytes) => held.then(() => write(bytes));
  const engine = await openedEngine(storage);
  const { id: collectionId } = await engine.service.createCollection(collection());
  const half = limits.batchBytesMax / 2;
  for (let i = 0; i * half < limits.memtableBytesMax; i++)
    await engine.service.write({ collectionId, operation: "add", records: records(i, i + 1, half) });
  const waiting = engine.service.write({ collectionId, operation: "add", records: records(100, 101) });
  const dropping = engine.service.deleteCollection({ ...scope, name: "things" });
  await turns(1);
  letWrite();
  await expect(waiting).rejects.toMatchObject({ code: "NOT_FOUND" });
  await dropping;
  expect(await engine.service.info()).toMatchObject({ collections: 0, blockBytesUsed: 0, compactionError: null });
});

test("everyone who closes waits until the storage is closed", async () => {
  const storage = new FaultInjectingStorage();
  const engine = await openedEngine(storage);
  const { id: collectionId } = await engine.service.createCollection(collection());
  const write = engine.service.write({ collectionId, operation: "add", records: records(0, 5) });
  await turns(1);
  void engine.close();
  await engine.close();
  expect(storage.ended).toBe(true);
  await write;
});

test("a graph that cannot be built is told in the warnings, once, and the scan answers", async () => {
  const environment = new TestEnvironment();
  const kernel = kernelWith((table) => {
    table.createGraph = () => {
      throw new Error("out of memory");
    };
  });
  const told: TidepoolWarning[] = [];
  const engine = await openedEngine(new FaultInjectingStorage(), {
    kernel,
    environment,
    flatRowsMax: 10,
    tell: (type, event) => type === "warning" && told.push(event as TidepoolWarning),
  });
  const { id: collectionId } = await engine.service.createCollection(collection());
  for (const from of [0, 20]) {
    await engine.service.write({ collectionId, operation: "add", records: records(from, from + 20) });
    environment.advance(limits.graphIdleMs);
    await turns();
  }
  const { compacting, warnings } = await engine.service.info();
  expect({ compacting, warnings }).toEqual({
    compacting: false,
    warnings: [expect.stringMatching(/graph of collection "things" could not be built.*out of memory/)],
  });
  expect(told).toEqual([{ code: "GRAPH_NOT_BUILT", message: warnings[0], collection: "things" }]);
  expect(
    await engine.service.query({
      collectionId,
      queryEmbeddings: { dimension: 2, values: Float32Array.of(7, 7) },
      nResults: 1,
      include: [],
    }),
  ).toMatchObject({ ids: ["r7"] });
});

test("writes take effect in the order of their calls, whatever reads come between them", async () => {
  const environment = new TestEnvironment();
  const engine = await openedEngine(new FaultInjectingStorage(), { environment });
  const { id: collectionId } = await engine.service.createCollection(collection());
  await engine.service.write({ collectionId, operation: "add", records: records(0, 1) });
  for (let value = 1; value < 10; value++) {
    environment.advance(limits.sliceMs);
    const update = (metadatas: RecordBatch["metadatas"]): Promise<void> =>
      engine.service.write({
        collectionId,
        operation: "update",
        records: { ids: ["r0"], embeddings: null, documents: null, metadatas, uris: null },
      });
    const first = update([{ value }]);
    for (let turn = 0; turn < value; turn++) await Promise.resolve();
    await Promise.all([first, engine.service.count({ collectionId }), update([{ value: -value }])]);
    const { metadatas } = await engine.service.get({ collectionId, include: ["metadatas"] });
    expect(metadatas).toEqual([{ value: -value }]);
  }
});

test("a graph that finds no room on disk is saved once there is some, and answers are right meanwhile", async () => {
  const fill = async (
    storage: FaultInjectingStorage,
  ): Promise<{ engine: Engine; environment: TestEnvironment; collectionId: string; before: number }> => {
    const environment = new TestEnvironment();
    const engine = await openedEngine(storage, { environment, flatRowsMax: 10 });
    const { id: collectionId } = await engine.service.createCollection(collection());
    await engine.service.write({ collectionId, operation: "add", records: records(0, 60) });
    await engine.compact(collectionId);
    const before = storage.changes;
    environment.advance(limits.graphIdleMs);
    while ((await engine.service.info()).compacting) await turns(1);
    return { engine, environment, collectionId, before };
  };
  const counting = new FaultInjectingStorage();
  const { before } = await fill(counting);
  // Blocks, a flush and a commit; a flush that fails poisons, which is told elsewhere.
  const steps = Array.from({ length: counting.changes - before }, (_, i) => before + 1 + i).filter((at) => at !== counting.changes - 1);
  expect(steps.length).toBeGreaterThan(1);
  for (const at of steps) {
    const storage = new FaultInjectingStorage({ fail: { at, error: "quota" } });
    const { engine, environment, collectionId } = await fill(storage);
    const nearest = async (from: Engine): Promise<string[]> =>
      (
        await from.service.query({
          collectionId,
          queryEmbeddings: { dimension: 2, values: Float32Array.of(40, 40) },
          nResults: 1,
          include: [],
        })
      ).ids;
    expect((await engine.service.info()).compactionError).toMatch(/more bytes/);
    expect(await nearest(engine)).toEqual(["r40"]);
    await engine.service.write({ collectionId, operation: "upsert", records: records(60, 61) });
    environment.advance(limits.graphIdleMs);
    while ((await engine.service.info()).compacting) await turns(1);
    await engine.compact(collectionId);
    expect(await engine.service.info()).toMatchObject({ compactionError: null, logRecords: 0, records: 61 });
    const reopened = await openedEngine(storage.reopen(), { flatRowsMax: 10 });
    expect(await nearest(reopened)).toEqual(["r40"]);
    expect(await reopened.service.info()).toMatchObject({ records: 61, warnings: [] });
  }
});
