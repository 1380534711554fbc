/** What becomes of a database of which a part is damaged: that part is told, and all else works. */
import { afterEach, describe, expect, test } from "vitest";
import { openMemoryStorage } from "../storage/memory/memory-storage.js";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { Engine } from "./engine.js";
import { referenceKernel } from "./index/vector/reference-kernel.js";
import type { CreateCollectionRequest } from "./service.js";
import type { Extent, Storage } from "./storage.js";
import type { RecordBatch } from "./types.js";

const scope = { tenant: "default_tenant", database: "default_database" };
const opened: Engine[] = [];

afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close();
});

async function openEngine(storage: Storage): Promise<Engine> {
  const options = { path: "test", storage: "memory", durability: "strict", allowReset: false } as const;
  const engine = await Engine.open({ storage, kernel: referenceKernel, environment: new TestEnvironment(), options });
  opened.push(engine);
  return engine;
}

function collection(name: string): CreateCollectionRequest {
  return { ...scope, name, metadata: null, configuration: {}, getOrCreate: true };
}

/** Records `from … to − 1`, two-dimensional, with documents. */
function records(from: number, to: number): RecordBatch {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  return {
    ids: numbers.map((n) => `r${n}`),
    embeddings: { dimension: 2, values: Float32Array.from(numbers.flatMap((n) => [n, n + 1])), present: null },
    documents: numbers.map((n) => `document ${n}`),
    metadatas: numbers.map((n) => ({ n })),
    uris: null,
  };
}

describe("one damaged collection", () => {
  test("whose block is missing, answers CORRUPTION; others work, it can be deleted, and nothing is deleted before", async () => {
    const storage = await openMemoryStorage("one-missing-block");
    let engine = await openEngine(storage);
    const ids: string[] = [];
    const extents: Extent[][] = [];
    const write = storage.blobs.write.bind(storage.blobs);
    storage.blobs.write = async (bytes) => {
      const extent = await write(bytes);
      extents.at(-1)!.push(extent);
      return extent;
    };
    for (const name of ["damaged", "sound"]) {
      extents.push([]);
      const { id: collectionId } = await engine.service.createCollection(collection(name));
      await engine.service.write({ collectionId, operation: "add", records: records(0, 10) });
      await engine.compact(collectionId);
      ids.push(collectionId);
    }
    await engine.close();
    const damaged = await openMemoryStorage("one-missing-block");
    await damaged.blobs.retain(extents.flat().filter((extent) => extent !== extents[0]![0]));
    await damaged.close();

    engine = await openEngine(await openMemoryStorage("one-missing-block"));
    const [lost, sound] = ids as [string, string];
    await expect(engine.service.count({ collectionId: lost })).rejects.toThrow(
      expect.objectContaining({ code: "CORRUPTION", message: expect.stringContaining('collection "damaged"') }),
    );
    expect(await engine.service.count({ collectionId: sound })).toBe(10);
    await engine.service.write({ collectionId: sound, operation: "add", records: records(10, 20) });
    await engine.compact(sound);
    expect((await engine.service.listCollections(scope)).map(({ name }) => name)).toEqual(["damaged", "sound"]);
    expect((await engine.service.info()).collections).toBe(2);
    await engine.service.deleteCollection({ ...scope, name: "damaged" });
    await engine.close();
    engine = await openEngine(await openMemoryStorage("one-missing-block"));
    expect(await engine.service.count({ collectionId: sound })).toBe(20);
    await engine.close();
  });

  test("whose manifest is lost with its spare, keeps all from writing blocks until it is deleted; writes go to the log", async () => {
    const storage = new FaultInjectingStorage();
    let engine = await openEngine(storage);
    const ids: string[] = [];
    for (const name of ["damaged", "sound"]) {
      const { id: collectionId } = await engine.service.createCollection(collection(name));
      await engine.service.write({ collectionId, operation: "add", records: records(0, 10) });
      await engine.compact(collectionId);
      ids.push(collectionId);
    }
    const [lost, sound] = ids as [string, string];
    const next = storage.reopen();
    await next.catalog.commit({ delete: [`manifest/${lost}`, `spare/manifest/${lost}`, `staged/${lost}`] });
    engine = await openEngine(next);
    await expect(engine.service.count({ collectionId: lost })).rejects.toThrow(
      expect.objectContaining({ code: "CORRUPTION", message: expect.stringContaining('collection "damaged"') }),
    );
    await engine.service.write({ collectionId: sound, operation: "add", records: records(10, 20) });
    expect(await engine.service.count({ collectionId: sound })).toBe(20);
    await expect(engine.compact(sound)).rejects.toThrow("Nothing can be compacted while it is not known which blocks are in use");
    await engine.service.deleteCollection({ ...scope, name: "damaged" });
    await engine.compact(sound);
    expect(await engine.service.count({ collectionId: sound })).toBe(20);
  });
});
