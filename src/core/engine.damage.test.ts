/** What becomes of a database of which a part is damaged: that part is told, and all else works. */
import { describe, expect, test } from "vitest";
import { openMemoryStorage } from "../storage/memory/memory-storage.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { TidepoolError } from "./errors.js";
import type { CreateCollectionRequest } from "./service.js";
import type { Extent, Storage } from "./storage.js";
import { SealedCatalog } from "./sysdb/sealed-catalog.js";
import type { RecordBatch } from "./types.js";

/** Behind it are the three of a segment of text. */
const METADATA_BLOCK = -4;
/** Before it are those of ids, of their fingerprints, and of records with what lies beside them. */
const CODES_BLOCK = 4;

const scope = { tenant: "default_tenant", database: "default_database" };
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
  /** Two collections of ten records, without the block of the first that was written as the `lost`-th. */
  async function withoutBlock(path: string, lost: number): Promise<{ engine: Engine; ids: [string, string] }> {
    const storage = await openMemoryStorage(path);
    let engine = await openedEngine(storage);
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
    const damaged = await openMemoryStorage(path);
    await damaged.blobs.retain(extents.flat().filter((extent) => extent !== extents[0]![lost]));
    await damaged.close();

    engine = await openedEngine(await openMemoryStorage(path));
    return { engine, ids: ids as [string, string] };
  }

  test("whose ids cannot be read, refuses to write where it would have to know them, before anything is logged", async () => {
    const { engine, ids } = await withoutBlock("lost-ids", 0);
    const collectionId = ids[0];
    const missing = expect.objectContaining({ code: "CORRUPTION", message: expect.stringContaining('collection "damaged" (ids)') });
    const before = (await engine.service.info()).logRecords;
    for (const operation of ["add", "update", "upsert"] as const) {
      await expect(engine.service.write({ collectionId, operation, records: records(9, 11) })).rejects.toThrow(missing);
    }
    await expect(engine.service.delete({ collectionId, ids: ["r3"] })).rejects.toThrow(missing);
    await expect(engine.service.get({ collectionId, ids: ["r3"], include: [] })).rejects.toThrow(missing);
    expect((await engine.service.info()).logRecords).toBe(before);
    // Nothing of what is stored has to be known of these.
    await engine.service.write({ collectionId, operation: "add", records: records(10, 20) });
    expect((await engine.service.get({ collectionId, ids: ["r12"], include: [] })).ids).toEqual(["r12"]);
    expect(await engine.service.count({ collectionId })).toBe(20);
  });

  test("whose fingerprints of ids cannot be read, searches, and refuses whatever needs an id, before anything is logged", async () => {
    const { engine, ids } = await withoutBlock("lost-fingerprints", 1);
    const collectionId = ids[0];
    const missing = expect.objectContaining({ code: "CORRUPTION", message: expect.stringContaining('collection "damaged" (ids)') });
    const queryEmbeddings = { dimension: 2, values: Float32Array.of(3, 4) };
    expect((await engine.service.query({ collectionId, queryEmbeddings, nResults: 2, include: [] })).ids).toEqual(["r3", "r2"]);
    expect(await engine.service.count({ collectionId })).toBe(10);
    const before = (await engine.service.info()).logRecords;
    // Asked again it reads again.
    for (const from of [9, 10]) {
      await expect(engine.service.write({ collectionId, operation: "upsert", records: records(from, 12) })).rejects.toThrow(missing);
    }
    await expect(engine.service.delete({ collectionId, ids: ["r3"] })).rejects.toThrow(missing);
    await expect(engine.service.get({ collectionId, ids: ["r3"], include: [] })).rejects.toThrow(missing);
    expect((await engine.service.info()).logRecords).toBe(before);
    expect(await engine.service.verifyCollection({ collectionId, deep: true })).toMatchObject({ isSound: false });
  });

  test("whose block is missing, answers CORRUPTION; others work, it can be deleted, and nothing is deleted before", async () => {
    const path = "one-missing-block";
    const opened = await withoutBlock(path, CODES_BLOCK);
    const [lost, sound] = opened.ids;
    let { engine } = opened;
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
    engine = await openedEngine(await openMemoryStorage(path));
    expect(await engine.service.count({ collectionId: sound })).toBe(20);
    await engine.close();
  });

  test("whose manifest is lost with its spare, keeps all from writing blocks until it is deleted; writes go to the log", async () => {
    const storage = new FaultInjectingStorage();
    let engine = await openedEngine(storage);
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
    engine = await openedEngine(next);
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

test("a verification that nobody waits for any more ends within the collection, and holds no space back", async () => {
  const storage = await openMemoryStorage("verify-aborted");
  const engine = await openedEngine(storage);
  const { id: collectionId } = await engine.service.createCollection(collection("things"));
  await engine.service.write({ collectionId, operation: "add", records: records(0, 10) });
  await engine.compact(collectionId);
  const read = storage.blobs.read.bind(storage.blobs);
  let reads = 0;
  storage.blobs.read = async (ranges) => {
    reads++;
    return read(ranges);
  };
  const verify = (isCancelled: () => boolean) =>
    engine.service.verifyCollection({ collectionId, deep: true }, { token: null, clientId: "c", requestId: "r", isCancelled });
  await verify(() => false);
  const all = reads;
  reads = 0;
  await expect(verify(() => reads === 2)).rejects.toMatchObject({ code: "ABORTED" });
  expect([reads, all > 4]).toEqual([2, true]);
  await engine.service.deleteCollection({ ...scope, name: "things" });
  expect(await engine.service.info()).toMatchObject({ blockBytesUsed: 0 });
});

describe("repair", () => {
  /** Two collections; the first has 20 records in blocks, four more in the log, and a log record that deletes one. */
  async function filled(
    name: string,
  ): Promise<{ open: () => Promise<Engine>; id: string; other: string; blocks: Extent[]; storage: Storage }> {
    const storage = await openMemoryStorage(name);
    const blocks: Extent[] = [];
    const write = storage.blobs.write.bind(storage.blobs);
    storage.blobs.write = async (bytes) => {
      const extent = await write(bytes);
      blocks.push(extent);
      return extent;
    };
    const engine = await openedEngine(storage);
    const { id } = await engine.service.createCollection(collection("damaged"));
    await engine.service.write({ collectionId: id, operation: "add", records: records(0, 20) });
    await engine.compact(id);
    await engine.service.write({ collectionId: id, operation: "add", records: records(20, 22) });
    await engine.service.delete({ collectionId: id, ids: ["r1"] });
    await engine.service.write({ collectionId: id, operation: "add", records: records(22, 24) });
    const { id: other } = await engine.service.createCollection(collection("sound"));
    await engine.service.write({ collectionId: other, operation: "add", records: records(0, 5) });
    await engine.close();
    return { open: async () => openedEngine(await openMemoryStorage(name)), id, other, blocks, storage: await openMemoryStorage(name) };
  }

  const idsOf = async (engine: Engine, collectionId: string) => (await engine.service.get({ collectionId, include: ["embeddings"] })).ids;
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `r${from + i}`);

  async function expectSound(open: () => Promise<Engine>, id: string, other: string, ids: string[]): Promise<void> {
    const engine = await open();
    expect(await idsOf(engine, id)).toEqual(ids);
    await engine.service.write({ collectionId: id, operation: "add", records: records(90, 92) });
    await engine.compact(id);
    await engine.close();
    const again = await open();
    expect(await idsOf(again, id)).toEqual([...ids, "r90", "r91"]);
    expect(await idsOf(again, other)).toEqual(numbers(0, 5));
    for (const collectionId of [id, other]) {
      expect(await again.service.verifyCollection({ collectionId, deep: true })).toMatchObject({ isSound: true });
    }
    expect(await again.service.verifyCatalog()).toMatchObject({ isSound: true });
    await again.close();
  }

  test("of a collection that is sound keeps all of it", async () => {
    const { open, id, other } = await filled("repair-sound");
    const engine = await open();
    const repaired = await engine.service.repairCollection({ collectionId: id });
    expect(repaired).toEqual({ id, name: "damaged", row: "kept", kept: 23, counted: 20, lostLogRecords: 0 });
    await engine.close();
    await expectSound(open, id, other, ["r0", ...numbers(2, 24)]);
  });

  test("after a block of metadata is gone builds the index anew and loses nothing", async () => {
    const { open, id, other, blocks, storage } = await filled("repair-metadata");
    await storage.blobs.retain(blocks.toSpliced(METADATA_BLOCK, 1));
    const engine = await open();
    expect((await engine.service.verifyCollection({ collectionId: id, deep: false })).findings.map(({ kind }) => kind)).toEqual([
      "metadata",
    ]);
    expect(await engine.service.repairCollection({ collectionId: id })).toMatchObject({ kept: 23, lostLogRecords: 0 });
    expect((await engine.service.get({ collectionId: id, where: { n: { $gte: 20 } }, include: [] })).ids).toEqual(numbers(20, 24));
    await engine.close();
    await expectSound(open, id, other, ["r0", ...numbers(2, 24)]);
  });

  test("after the ids are gone keeps what the log has, says what is lost, and a failed one changes nothing", async () => {
    const { open, id, other, blocks, storage } = await filled("repair-ids");
    await storage.blobs.retain(blocks.slice(1));
    const engine = await open();
    await expect(engine.service.count({ collectionId: id })).rejects.toMatchObject({ code: "CORRUPTION" });
    const rows = await storage.catalog.list("");
    const commit = SealedCatalog.prototype.commit;
    SealedCatalog.prototype.commit = () => Promise.reject(new TidepoolError("QUOTA_EXCEEDED", "full"));
    await expect(engine.service.repairCollection({ collectionId: id })).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    SealedCatalog.prototype.commit = commit;
    expect(await storage.catalog.list("")).toEqual(rows);
    expect(await engine.service.repairCollection({ collectionId: id })).toMatchObject({ kept: 4, counted: 20 });
    await engine.close();
    await expectSound(open, id, other, numbers(20, 24));
  });

  test("after a log record is gone keeps those that are certainly the collection's", async () => {
    const { open, id, other, storage } = await filled("repair-log");
    await storage.catalog.commit({ truncateLog: [{ collectionId: id, upTo: 2 }] });
    const engine = await open();
    expect(await engine.service.repairCollection({ collectionId: id })).toMatchObject({ kept: 21, lostLogRecords: 1 });
    await engine.close();
    await expectSound(open, id, other, ["r0", ...numbers(2, 20), ...numbers(22, 24)]);
  });

  test("of a collection whose row is lost with its spare gives it a name, and its records an index", async () => {
    const { open, id, other, storage } = await filled("repair-row");
    await storage.catalog.commit({ delete: [`collection/${id}`, `spare/collection/${id}`] });
    let engine = await open();
    await expect(engine.service.listCollections(scope)).rejects.toMatchObject({ code: "CORRUPTION" });
    const { isSound, lost, findings } = await engine.service.verifyCatalog();
    expect([isSound, lost, findings.map(({ place }) => place)]).toEqual([false, [id], [`collection/${id}`]]);
    const repaired = await engine.service.repairCollection({ collectionId: id });
    expect(repaired).toEqual({ id, name: `recovered-${id}`, row: "lost", kept: 23, counted: 20, lostLogRecords: 0 });
    expect((await engine.service.listCollections(scope)).map(({ name }) => name).sort()).toEqual([`recovered-${id}`, "sound"]);
    await engine.close();
    await expectSound(open, id, other, ["r0", ...numbers(2, 24)]);
    engine = await open();
    await engine.service.deleteCollection({ ...scope, name: `recovered-${id}` });
    expect(await engine.service.countCollections(scope)).toBe(1);
  });

  test("of a collection of which an earlier state of the row is left goes on with that", async () => {
    const { open, id, storage } = await filled("repair-outdated");
    const row = (await storage.catalog.get(`collection/${id}`))!;
    let engine = await open();
    await engine.service.modifyCollection({ collectionId: id, name: "renamed" });
    await engine.close();
    await storage.catalog.commit({ put: new Map([[`collection/${id}`, row]]), delete: [`spare/collection/${id}`] });
    engine = await open();
    expect(await engine.service.repairCollection({ collectionId: id })).toMatchObject({ name: "damaged", row: "outdated", kept: 23 });
    expect(await engine.service.verifyCatalog()).toMatchObject({ isSound: true });
  });

  test("gives tenants and databases rows again that are known from what lies in them", async () => {
    const storage = await openMemoryStorage("repair-scopes");
    let engine = await openedEngine(storage);
    await engine.service.createTenant({ name: "ten" });
    await engine.service.createDatabase({ tenant: "ten", name: "dat" });
    await engine.service.createCollection({ ...collection("inside"), tenant: "ten", database: "dat" });
    await engine.close();
    const again = async () => openedEngine(await openMemoryStorage("repair-scopes"));
    const digests = Array.from({ length: 16 }, (_, i) => `digest/${i}`);
    await (await openMemoryStorage("repair-scopes")).catalog.commit({ delete: ["tenant/ten", "database/ten/dat", ...digests] });
    engine = await again();
    expect((await engine.service.verifyCatalog()).findings.map(({ place }) => place)).toEqual(
      expect.arrayContaining(["tenant/ten", "database/ten/dat"]),
    );
    expect(await engine.service.listCollections({ tenant: "ten", database: "dat" })).toHaveLength(1);
    expect(await engine.service.repairCatalog()).toEqual({ tenants: ["ten"], databases: [{ tenant: "ten", name: "dat" }] });
    expect(await engine.service.repairCatalog()).toEqual({ tenants: [], databases: [] });
    await engine.close();
    engine = await again();
    expect((await engine.service.info()).warnings).toEqual([]);
    expect(await engine.service.verifyCatalog()).toMatchObject({ isSound: true });
    expect((await engine.service.listDatabases({ tenant: "ten" })).map(({ name }) => name)).toEqual(["dat"]);
    expect(await engine.service.listCollections({ tenant: "ten", database: "dat" })).toHaveLength(1);
  });

  test("lets reads go on with what there was, and has writes wait for what comes of it", async () => {
    const { open, id, other, blocks } = await filled("repair-meanwhile");
    await (await openMemoryStorage("repair-meanwhile")).blobs.retain(blocks.toSpliced(METADATA_BLOCK, 1));
    const storage = await openMemoryStorage("repair-meanwhile");
    let go = (): void => {};
    const held = new Promise<void>((resolve) => (go = resolve));
    let reached = (): void => {};
    const writing = new Promise<void>((resolve) => (reached = resolve));
    const write = storage.blobs.write.bind(storage.blobs);
    const engine = await openedEngine(storage);
    const before = ["r0", ...numbers(2, 24)];
    expect(await idsOf(engine, id)).toEqual(before);
    storage.blobs.write = async (bytes) => {
      reached();
      await held;
      return write(bytes);
    };
    const repairing = engine.service.repairCollection({ collectionId: id });
    await writing;
    let isWritten = false;
    const later = [
      engine.service.write({ collectionId: id, operation: "add", records: records(24, 26) }),
      engine.service.delete({ collectionId: id, ids: ["r23"] }),
    ];
    void Promise.race(later).then(() => (isWritten = true));
    await engine.service.write({ collectionId: other, operation: "upsert", records: records(0, 1) });
    expect(await idsOf(engine, id)).toEqual(before);
    const { ids } = await engine.service.query({
      collectionId: id,
      queryEmbeddings: { dimension: 2, values: Float32Array.of(7, 8) },
      nResults: 1,
      include: [],
    });
    expect([ids, isWritten]).toEqual([["r7"], false]);
    // This one is under way when the repaired collection takes the place of the old one.
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    const { read } = storage.blobs;
    const reading = new Promise<void>((resolve) => {
      storage.blobs.read = async (ranges) => {
        storage.blobs.read = read;
        resolve();
        await ended;
        return read.call(storage.blobs, ranges);
      };
    });
    const slow = engine.service.get({ collectionId: id, include: ["documents"] });
    await reading;
    go();
    await Promise.all(later);
    expect(await idsOf(engine, id)).toEqual([...before.slice(0, -1), "r24", "r25"]);
    end();
    expect((await slow).documents).toHaveLength(before.length);
    expect(await repairing).toMatchObject({ kept: 23 });
    await engine.close();
    await expectSound(open, id, other, [...before.slice(0, -1), "r24", "r25"]);
  });

  test("of the catalog puts back rows that are known from their second copy", async () => {
    const { open, id, other, storage } = await filled("repair-catalog");
    await storage.catalog.commit({ delete: [`collection/${id}`, `manifest/${other}`, "digest/3"] });
    const engine = await open();
    await engine.service.repairCatalog();
    expect(await engine.service.verifyCatalog()).toMatchObject({ isSound: true });
    await engine.close();
    await expectSound(open, id, other, ["r0", ...numbers(2, 24)]);
  });

  test("after the manifest is lost with its spare keeps what the log has", async () => {
    const { open, id, other, storage } = await filled("repair-manifest");
    await storage.catalog.commit({ delete: [`manifest/${id}`, `spare/manifest/${id}`] });
    const engine = await open();
    expect(await engine.service.repairCollection({ collectionId: id })).toMatchObject({ kept: 4, counted: null });
    await engine.close();
    await expectSound(open, id, other, numbers(20, 24));
  });
});
