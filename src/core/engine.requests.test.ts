import { expect, test } from "vitest";
import { openMemoryStorage } from "../storage/memory/memory-storage.js";
import { TestEnvironment } from "../testing/environment.js";
import type { AppliedRequest } from "./collection/applied-requests.js";
import { Engine } from "./engine.js";
import type { Caller } from "./gateway/caller.js";
import { referenceKernel } from "./index/vector/reference-kernel.js";
import { decodeLogRecord } from "./log/log-record.js";
import type { Storage } from "./storage.js";
import type { Manifest } from "./sysdb/manifest.js";
import { decodeRow } from "./sysdb/row.js";
import type { RecordBatch } from "./types.js";

const SCOPE = { tenant: "default_tenant", database: "default_database" };
const options = { path: "test", storage: "memory", durability: "strict", allowReset: false } as const;

async function openDatabase(path: string): Promise<{ engine: Engine; storage: Storage }> {
  const storage = await openMemoryStorage(path);
  return { engine: await Engine.open({ storage, kernel: referenceKernel, environment: new TestEnvironment(), options }), storage };
}

async function createCollection(engine: Engine): Promise<string> {
  const request = { ...SCOPE, name: "things", metadata: null, configuration: {}, getOrCreate: false };
  return (await engine.service.createCollection(request)).id;
}

function caller(requestId: string): Caller {
  return { token: null, clientId: "client", requestId };
}

function record(id: string): RecordBatch {
  return {
    ids: [id],
    embeddings: { dimension: 1, values: Float32Array.of(1), present: null },
    documents: null,
    metadatas: null,
    uris: null,
  };
}

/** Requests that the log records after the published manifest name, and those that the manifest names. */
async function requestsOnDisk(storage: Storage, id: string): Promise<{ log: (string | undefined)[]; manifest: AppliedRequest[] }> {
  const { requests } = decodeRow<Manifest>(`manifest/${id}`, (await storage.catalog.get(`manifest/${id}`))!);
  const log = (await storage.log.read(id, 0, Infinity)).map(({ bytes }) => decodeLogRecord(bytes, "").requestId);
  return { log, manifest: requests };
}

test("the request of a write stands in the log, and in the manifest once publishing has truncated the log", async () => {
  let { engine, storage } = await openDatabase("truncated");
  const collectionId = await createCollection(engine);
  await engine.service.write({ collectionId, operation: "add", records: record("a") }, caller("first"));
  await engine.service.write({ collectionId, operation: "add", records: record("b") });
  await engine.service.delete({ collectionId, ids: ["a", "missing"] }, caller("second"));
  expect(await requestsOnDisk(storage, collectionId)).toEqual({ log: ["first", undefined, "second"], manifest: [] });
  await engine.compact(collectionId);
  const compacted = [
    { id: "first", deleted: 0 },
    { id: "second", deleted: 1 },
  ];
  expect(await requestsOnDisk(storage, collectionId)).toEqual({ log: [], manifest: compacted });
  await engine.close();
  ({ engine, storage } = await openDatabase("truncated"));
  await engine.service.write({ collectionId, operation: "upsert", records: record("b") }, caller("third"));
  await engine.compact(collectionId);
  expect((await requestsOnDisk(storage, collectionId)).manifest).toEqual([...compacted, { id: "third", deleted: 0 }]);
  await engine.close();
});

test("requests of log records that were only replayed reach the manifest too", async () => {
  const first = (await openDatabase("replayed")).engine;
  const collectionId = await createCollection(first);
  await first.service.write({ collectionId, operation: "add", records: record("a") }, caller("replayed"));
  await first.close();
  const { engine: second, storage } = await openDatabase("replayed");
  await second.compact(collectionId);
  expect((await requestsOnDisk(storage, collectionId)).manifest).toEqual([{ id: "replayed", deleted: 0 }]);
  await second.close();
});

test("a manifest names no request whose log record it does not contain", async () => {
  const { engine, storage } = await openDatabase("meanwhile");
  const collectionId = await createCollection(engine);
  await engine.service.write({ collectionId, operation: "add", records: record("a") }, caller("inside"));
  const compacting = engine.compact(collectionId);
  await engine.service.write({ collectionId, operation: "add", records: record("b") }, caller("meanwhile"));
  await compacting;
  const { log, manifest } = await requestsOnDisk(storage, collectionId);
  expect([...manifest.map(({ id }) => id), ...log]).toEqual(["inside", "meanwhile"]);
  await engine.close();
});

test("log records that somebody still needs outlive their compaction, and reopening does not apply them again", async () => {
  const { engine, storage } = await openDatabase("held");
  const collectionId = await createCollection(engine);
  await engine.service.write({ collectionId, operation: "add", records: record("a") }, caller("held"));
  const hold = engine.logRetention.hold(collectionId, 0);
  await engine.compact(collectionId);
  expect(await requestsOnDisk(storage, collectionId)).toEqual({ log: ["held"], manifest: [{ id: "held", deleted: 0 }] });
  expect(await engine.service.info()).toMatchObject({ records: 1, logRecords: 0 });
  hold.release();
  await engine.close();
  const { engine: reopened } = await openDatabase("held");
  expect((await reopened.service.get({ collectionId, include: [] })).ids).toEqual(["a"]);
  expect(await reopened.service.info()).toMatchObject({ records: 1, logRecords: 0 });
  await reopened.close();
});
