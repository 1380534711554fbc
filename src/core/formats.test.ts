/**
 * A database as it was written before there were sparse vectors, in `src/testing/fixtures/`: what was compacted and what was only in the
 * log must read as it did then, and go on taking writes. The file holds catalog rows, log entries and arenas, and what was
 * found in the database when it was written. What the present format looks like is kept in `storage/format-fixture.test.ts`.
 */
import { readFile } from "node:fs/promises";
import { inflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { MemoryRows } from "../storage/memory/memory-rows.js";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { Engine } from "./engine.js";
import { referenceKernel } from "./index/vector/reference-kernel.js";
import type { IncludeField } from "./types.js";

interface Contents {
  collections: object[];
  records: unknown[];
}

interface Fixture {
  found: Contents;
  catalog: [key: string, value: string][];
  log: [collectionId: string, offset: number, value: string][];
  arenas: [number: number, value: string][];
}

type Disk = NonNullable<ConstructorParameters<typeof FaultInjectingStorage>[1]>;

const FILE = new URL("../testing/fixtures/0.1-before-sparse-vectors.json", import.meta.url);
const ALL: IncludeField[] = ["documents", "embeddings", "metadatas", "uris"];
const SCOPE = { tenant: "default_tenant", database: "default_database" };
const DIMENSION = 4;
const ARENA_BYTES = 64 * 1024;

const unpack = (text: string): Uint8Array => Uint8Array.from(inflateRawSync(Buffer.from(text, "base64")));

function openEngine(disk: Disk): Promise<Engine> {
  const storage = new FaultInjectingStorage({ arenaBytes: ARENA_BYTES }, disk);
  const options = { path: "formats", storage: "memory", durability: "strict", allowReset: false } as const;
  return Engine.open({ storage, kernel: referenceKernel, environment: new TestEnvironment(), options });
}

function diskOf(fixture: Fixture): Disk {
  const rows = new MemoryRows();
  rows.commit({ put: new Map(fixture.catalog.map(([key, value]) => [key, unpack(value)])) });
  rows.append(fixture.log.map(([collectionId, offset, value]) => ({ collectionId, offset, bytes: unpack(value) })));
  return { rows, arenas: new Map(fixture.arenas.map(([number, value]) => [number, { createdAtMs: 0, bytes: unpack(value) }])) };
}

/** Everything in the database, as JSON holds it. */
async function contents(engine: Engine): Promise<Contents> {
  const collections = await engine.service.listCollections(SCOPE);
  const records = await Promise.all(collections.map(({ id }) => engine.service.get({ collectionId: id, include: ALL })));
  const plain = records.map((columns) => ({ ...columns, embeddings: Array.from(columns.embeddings?.values ?? []) }));
  return JSON.parse(JSON.stringify({ collections, records: plain })) as Contents;
}

/** Records are as they were; a later release may tell more of a collection. */
async function expectContents(engine: Engine, found: Contents): Promise<void> {
  const { collections, records } = await contents(engine);
  expect(records).toEqual(found.records);
  expect(collections).toMatchObject(found.collections);
}

test("a database without sparse vectors opens, reads as it did, and takes them", async () => {
  const fixture = JSON.parse(await readFile(FILE, "utf8")) as Fixture;
  const disk = diskOf(fixture);
  const engine = await openEngine(disk);
  await expectContents(engine, fixture.found);

  const [{ id: collectionId } = { id: "" }] = await engine.service.listCollections(SCOPE);
  await engine.compact(collectionId);
  await expectContents(engine, fixture.found);
  const before = await engine.service.count({ collectionId });
  const metadatas = [{ year: 2030, lexical: { indices: [1, 7], values: [0.5, -2] } }];
  const embeddings = { dimension: DIMENSION, values: Float32Array.of(1, 2, 3, 4), present: null };
  await engine.service.write({
    collectionId,
    operation: "add",
    records: { ids: ["new"], embeddings, documents: null, metadatas, uris: null },
  });
  await engine.compact(collectionId);
  await engine.close();

  const reopened = await openEngine(disk);
  expect(await reopened.service.count({ collectionId })).toBe(before + 1);
  expect(await reopened.service.get({ collectionId, where: { year: 2030 }, include: ["metadatas"] })).toMatchObject({
    ids: ["new"],
    metadatas,
  });
  await reopened.close();
});
