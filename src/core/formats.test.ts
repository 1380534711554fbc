/**
 * Databases as earlier releases left them on disk, in `fixtures/`: what was compacted and what was only in the log must
 * read as it did then, and go on taking writes. A file holds catalog rows, log entries and arenas, and what was found in
 * the database when it was written. `FIXTURE=name npx vitest run --project unit src/core/formats.test.ts` writes one of the present format.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { FaultInjectingStorage } from "../storage/memory/fault-injecting-storage.js";
import { MemoryRows } from "../storage/memory/memory-rows.js";
import { Engine } from "./engine.js";
import { referenceKernel } from "./index/reference-kernel.js";
import { Random, TestEnvironment } from "./test-environment.js";
import type { IncludeField, MetadataPatch } from "./types.js";

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

const FOLDER = fileURLToPath(new URL("fixtures/", import.meta.url));
const ALL: IncludeField[] = ["documents", "embeddings", "metadatas", "uris"];
const SCOPE = { tenant: "default_tenant", database: "default_database" };
const DIMENSION = 4;
const ARENA_BYTES = 64 * 1024;

const pack = (bytes: Uint8Array): string => deflateRawSync(bytes).toString("base64");
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
  const collections = await engine.listCollections(SCOPE);
  const records = await Promise.all(collections.map(({ id }) => engine.get({ collectionId: id, include: ALL })));
  const plain = records.map((columns) => ({ ...columns, embeddings: Array.from(columns.embeddings?.values ?? []) }));
  return JSON.parse(JSON.stringify({ collections, records: plain })) as Contents;
}

/** Records are as they were; a later release may tell more of a collection. */
async function expectContents(engine: Engine, found: Contents): Promise<void> {
  const { collections, records } = await contents(engine);
  expect(records).toEqual(found.records);
  expect(collections).toMatchObject(found.collections);
}

const fixtures = (await readdir(FOLDER)).filter((name) => name.endsWith(".json"));

test.each(fixtures)("%s opens, reads as it did, and goes on", async (name) => {
  const fixture = JSON.parse(await readFile(join(FOLDER, name), "utf8")) as Fixture;
  const disk = diskOf(fixture);
  const engine = await openEngine(disk);
  await expectContents(engine, fixture.found);

  const [{ id: collectionId } = { id: "" }] = await engine.listCollections(SCOPE);
  await engine.compact(collectionId);
  await expectContents(engine, fixture.found);
  const before = await engine.count({ collectionId });
  await write(engine, collectionId, "add", ["new"], [{ year: 2030 }]);
  await engine.compact(collectionId);
  await engine.close();

  const reopened = await openEngine(disk);
  expect(await reopened.count({ collectionId })).toBe(before + 1);
  expect((await reopened.get({ collectionId, where: { year: 2030 }, include: ["metadatas"] })).ids).toEqual(["new"]);
  await reopened.close();
});

async function write(engine: Engine, collectionId: string, operation: "add" | "update" | "upsert", ids: string[], metadatas: (MetadataPatch | null)[]): Promise<void> {
  const random = new Random(ids.length);
  const values = Float32Array.from(ids.flatMap(() => [...random.vector(DIMENSION)]));
  const records = {
    ids,
    embeddings: operation === "update" ? null : { dimension: DIMENSION, values, present: null },
    documents: ids.map((id, i) => (i % 5 === 4 ? null : `${id} ébbs and flows`)),
    metadatas,
    uris: ids.map((id, i) => (i % 3 === 0 ? `urn:${id}` : null)),
  };
  await engine.write({ collectionId, operation, records });
}

/** One of each kind of value, more keys than there are columns in a block, and some without anything. */
function metadataOf(i: number): MetadataPatch | null {
  if (i % 7 === 6) return null;
  const rare = i === 3 ? Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`rare${n}`, n % 2 === 0 ? n / 3 : [`value ${n}`]])) : {};
  const lexical = { indices: [i, 1000, 4294967295], values: [0.1, -i, 1e-3] };
  return { ...rare, year: 2000 + i, lexical, kind: ["a", "b", "ç"][i % 3]!, open: i % 2 === 0, tags: ["x", `tag ${i}`], sizes: [i, 0.5], flags: [true, i % 2 === 0] };
}

const name = process.env["FIXTURE"];
test.runIf(name !== undefined)("writes a fixture", async () => {
  const disk: Disk = { rows: new MemoryRows(), arenas: new Map() };
  const engine = await openEngine(disk);
  const { id } = await engine.createCollection({ ...SCOPE, name: "notes", metadata: { kept: true }, configuration: { hnsw: { space: "cosine" } }, getOrCreate: false });
  const ids = Array.from({ length: 20 }, (_, i) => `note-${i}`);
  await write(engine, id, "add", ids, ids.map((_, i) => metadataOf(i)));
  await engine.compact(id);
  await write(engine, id, "upsert", ["note-2", "later"], [{ kind: 7, tags: null, lexical: { indices: [], values: [] } }, metadataOf(1)]);
  await write(engine, id, "update", ["note-4", "note-6"], [{ open: null, sizes: [9], lexical: { indices: [5], values: [2.5] } }, { year: 1 }]);
  await engine.delete({ collectionId: id, ids: ["note-0", "note-9"] });
  const { log, catalog } = new FaultInjectingStorage({}, disk);
  const fixture: Fixture = {
    found: await contents(engine),
    catalog: (await catalog.list("")).map(([key, value]) => [key, pack(value)]),
    log: (await log.read(id, 0, Infinity)).map(({ collectionId, offset, bytes }) => [collectionId, offset, pack(bytes)]),
    arenas: [...disk.arenas].map(([number, { bytes }]) => [number, pack(bytes)]),
  };
  await engine.close();
  await writeFile(join(FOLDER, `${name}.json`), `${JSON.stringify(fixture, null, 1)}\n`);
});
