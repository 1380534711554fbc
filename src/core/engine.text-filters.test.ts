/** Filters on documents, where there is an index and where there is none: what is left to be read, and what becomes of it. */
import { describe, expect, test } from "vitest";
import { openMemoryStorage } from "../storage/memory/memory-storage.js";
import { countBytesRead } from "../testing/bytes-read.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import type { Extent } from "./storage.js";
import type { RecordBatch, WhereDocument } from "./types.js";

const scope = { tenant: "default_tenant", database: "default_database" };
/** About 4,096 units each: a group of their own, and some 60 in a block. */
const FILLER = "lorem ipsum dolor sit amet ".repeat(150);
const textOf = (n: number): string => `${FILLER}number${n} ${n === 77 ? "Needle im Heuhaufen, 南京 " : ""}end`;

function records(from: number, to: number): RecordBatch {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  return {
    ids: numbers.map((n) => `r${n}`),
    embeddings: { dimension: 2, values: Float32Array.from(numbers.flatMap((n) => [n, n + 1])), present: null },
    documents: numbers.map(textOf),
    metadatas: null,
    uris: null,
  };
}

async function fill(engine: Engine): Promise<string> {
  const request = { ...scope, name: "texts", metadata: null, configuration: {}, getOrCreate: true };
  const { id: collectionId } = await engine.service.createCollection(request);
  for (let from = 0; from < 400; from += 100) {
    await engine.service.write({ collectionId, operation: "add", records: records(from, from + 100) });
  }
  await engine.compact(collectionId);
  return collectionId;
}

async function idsOf(engine: Engine, collectionId: string, whereDocument: WhereDocument): Promise<string[]> {
  return (await engine.service.get({ collectionId, whereDocument, include: [] })).ids;
}

/** What a filter finds in a database that was opened for it, with nothing in the cache, and how many bytes are read for that. */
async function findAnew(path: string, collectionId: string, filter: WhereDocument): Promise<{ ids: string[]; bytes: number }> {
  const storage = await openMemoryStorage(path);
  const engine = await openedEngine(storage);
  await engine.service.count({ collectionId });
  const bytesRead = countBytesRead(storage);
  const ids = await idsOf(engine, collectionId, filter);
  await engine.close();
  return { ids, bytes: bytesRead() };
}

const selective: [WhereDocument, string[]][] = [
  [{ $contains: "Needle" }, ["r77"]],
  [{ $contains: "Heuhaufen, 南京" }, ["r77"]],
  [{ $regex: "(?i)NEEDLE.*heu" }, ["r77"]],
  [{ $regex: "(Needle|xylophone) (im|am)" }, ["r77"]],
  [{ $contains: "xylophone" }, []],
];

describe("filters on documents", () => {
  test.each(selective)("%j reads a part of the documents", async (filter, expected) => {
    const path = `filters-${JSON.stringify(filter)}`;
    const engine = await openedEngine(await openMemoryStorage(path));
    const collectionId = await fill(engine);
    await engine.close();
    const scan = await findAnew(path, collectionId, { $regex: "z|$" });
    const found = await findAnew(path, collectionId, filter);
    expect([found.ids, scan.ids.length]).toEqual([expected, 400]);
    expect(found.bytes).toBeLessThan(scan.bytes / 3);
  });

  test("find what was deleted, changed and renumbered as it is, in forks and at versions as it was", async () => {
    const storage = await openMemoryStorage("filters-changes");
    const engine = await openedEngine(storage);
    const collectionId = await fill(engine);
    const fork = await engine.service.forkCollection({ collectionId, name: "fork" });
    const ids = ["r77"];
    await engine.service.delete({ collectionId, ids });
    const changed = { ...records(5, 6), documents: ["a Needle"], embeddings: null };
    await engine.service.write({ collectionId, operation: "update", records: changed as RecordBatch });
    for (let round = 0; round < 2; round++) {
      expect(await idsOf(engine, collectionId, { $contains: "Needle" })).toEqual(["r5"]);
      expect(await idsOf(engine, collectionId, { $contains: "number5 " })).toEqual([]);
      expect(await idsOf(engine, collectionId, { $not_contains: "end" })).toEqual(["r5"]);
      expect(await idsOf(engine, fork.id, { $contains: "Needle" })).toEqual(["r77"]);
      await engine.compact(collectionId);
    }
    for (let after: number | null = 0; after !== null; ) ({ after } = await engine.service.vacuum({ erase: true, after }));
    expect(await idsOf(engine, collectionId, { $regex: "^a Needle$" })).toEqual(["r5"]);
    for (const id of [collectionId, fork.id]) {
      expect(await engine.service.verifyCollection({ collectionId: id, deep: true })).toMatchObject({ isSound: true });
    }
  });

  test("are CORRUPTION where the index is damaged, which verification finds and repair mends", async () => {
    const storage = await openMemoryStorage("filters-damage");
    const engine = await openedEngine(storage);
    const extents: [Extent, Uint8Array][] = [];
    const write = storage.blobs.write.bind(storage.blobs);
    storage.blobs.write = async (bytes, makesRoom) => {
      const extent = await write(bytes, makesRoom);
      extents.push([extent, bytes]);
      return extent;
    };
    const collectionId = await fill(engine);
    const filters = extents.filter(([, bytes]) => new TextDecoder().decode(bytes).includes("words"));
    expect(filters.length).toBeGreaterThan(2);
    const read = storage.blobs.read.bind(storage.blobs);
    storage.blobs.read = async (requests) => {
      const found = await read(requests);
      return found.map((bytes, i) => (isSame(requests[i]!.extent, filters[0]![0]) ? bytes.map((byte) => byte ^ 1) : bytes));
    };
    await expect(idsOf(engine, collectionId, { $contains: "Needle" })).rejects.toMatchObject({ code: "CORRUPTION" });
    const report = await engine.service.verifyCollection({ collectionId, deep: false });
    expect(report).toMatchObject({ isSound: false, findings: [{ kind: "records" }] });
    expect(await engine.service.repairCollection({ collectionId })).toMatchObject({ kept: 400 });
    storage.blobs.read = read;
    expect(await idsOf(engine, collectionId, { $contains: "Needle" })).toEqual(["r77"]);
  });
});

function isSame(a: Extent, b: Extent): boolean {
  return a.arena === b.arena && a.offset === b.offset;
}
