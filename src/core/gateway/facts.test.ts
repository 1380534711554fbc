/** Lists and sums beside calls that make, fork and delete collections: they are of one moment, and fail for nobody. */
import { expect, test } from "vitest";
import { openMemoryStorage } from "../../storage/memory/memory-storage.js";
import { TestEnvironment } from "../../testing/environment.js";
import { gate } from "../../testing/gate.js";
import { Engine } from "../engine.js";
import { referenceKernel } from "../index/vector/reference-kernel.js";
import type { RecordBatch } from "../types.js";
import type { GatewayRules } from "./rules.js";

const SCOPE = { tenant: "default_tenant", database: "default_database" };
const AWAITS_MAX = 40;

async function open(path: string, gateway?: GatewayRules) {
  const storage = await openMemoryStorage(path);
  const options = { path, storage: "memory", durability: "strict", allowReset: false, gateway } as const;
  const engine = await Engine.open({ storage, kernel: referenceKernel, environment: new TestEnvironment(), options });
  return { storage, engine, service: engine.service };
}

function named(name: string) {
  return { ...SCOPE, name, metadata: null, configuration: {}, getOrCreate: false };
}

function records(...ids: string[]): RecordBatch {
  const embeddings = { dimension: 1, values: new Float32Array(ids.length), present: null };
  return { ids, embeddings, documents: null, metadatas: null, uris: null };
}

/** Stores a collection for each name, each with one record in the log, and opens the database anew. */
async function stored(path: string, names: string[], gateway?: GatewayRules) {
  const before = await open(path);
  for (const name of names) {
    const { id } = await before.service.createCollection(named(name));
    await before.service.write({ collectionId: id, operation: "add", records: records("r") });
  }
  await before.engine.close();
  return open(path, gateway);
}

async function awaits(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

test("a list beside a creation has the new collection or not, at whatever point it is asked for", async () => {
  for (let after = 0; after < AWAITS_MAX; after++) {
    const { engine, service } = await open(`list-create-${after}`);
    const { id } = await service.createCollection(named("old"));
    const made = [service.createCollection(named("new")), service.forkCollection({ collectionId: id, name: "fork" })];
    const got = service.createCollection({ ...named("got"), getOrCreate: true });
    await awaits(after);
    const [list, count, info] = await Promise.all([service.listCollections(SCOPE), service.countCollections(SCOPE), service.info()]);
    expect(list.map(({ name }) => name)).toEqual(["old", "new", "fork", "got"].slice(0, list.length));
    expect(count).toBe(list.length);
    expect(info.collections).toBeGreaterThanOrEqual(list.length);
    await Promise.all([...made, got]);
    await engine.close();
  }
});

test.each(["aaa", "bbb"])("info beside the deletion of %s counts what is there: all of a collection, or nothing", async (name) => {
  const { engine, service, storage } = await stored(`info-delete-${name}`, ["aaa", "bbb"]);
  const [first] = await service.listCollections(SCOPE);
  const { entered, release } = heldReads(storage, first!.id);
  const info = service.info();
  await entered;
  await service.deleteCollection({ ...SCOPE, name });
  release();
  expect(await info).toMatchObject({ collections: 1, records: 1 });
  await engine.close();
});

test("with a quota a write is let in beside the deletion of another collection", async () => {
  const { engine, service, storage } = await stored("quota-delete", ["aaa", "bbb", "ccc"], { quota: { records: 4 } });
  const [first, , last] = await service.listCollections(SCOPE);
  const { entered, release } = heldReads(storage, first!.id);
  const write = service.write({ collectionId: last!.id, operation: "add", records: records("s", "t") });
  await entered;
  await service.deleteCollection({ ...SCOPE, name: "bbb" });
  release();
  await write;
  expect(await service.count({ collectionId: last!.id })).toBe(3);
  await engine.close();
});

/** Holds reads of one collection's log until they are let go. */
function heldReads(storage: Awaited<ReturnType<typeof openMemoryStorage>>, collectionId: string) {
  const [entered, released] = [gate(), gate()];
  const read = storage.log.read.bind(storage.log);
  storage.log.read = async (...args) => {
    if (args[0] === collectionId) entered.open();
    if (args[0] === collectionId) await released.held;
    return read(...args);
  };
  return { entered: entered.held, release: () => released.open() };
}
