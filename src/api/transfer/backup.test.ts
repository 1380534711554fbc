import { describe, expect, test } from "vitest";
import { openTestClient } from "../../testing/client.js";
import { Random } from "../../testing/environment.js";
import { randomRecords } from "../../testing/transfer.js";
import { AdminClient } from "../admin-client.js";
import { TidepoolClient } from "../client.js";
import type { Collection } from "../collection.js";
import { SparseVectorIndexConfig } from "../schema/index-config.js";
import { Schema } from "../schema/schema.js";

async function bytesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const INCLUDE = ["documents", "embeddings", "metadatas", "uris"] as const;

/** All that can be asked of a client's collections. */
async function contentOf(client: TidepoolClient): Promise<unknown[]> {
  const collections = await client.listCollections();
  return Promise.all(
    collections.map(async (one) => ({
      id: one.id,
      name: one.name,
      metadata: one.metadata,
      configuration: one.configuration,
      schema: one.schema.serializeToJSON(),
      dimension: one.dimension,
      records: await one.get({ include: [...INCLUDE] }),
      found: (await one.searchText({ query: "ebb", nResults: 5 })).ids,
      near: one.dimension === undefined ? [] : (await one.query({ queryEmbeddings: [new Array<number>(one.dimension).fill(0.1)] })).ids,
      where: (await one.get({ where: { year: { $gte: 0 } } })).ids,
    })),
  );
}

async function fill(collection: Collection, random: Random, count: number, dimension: number): Promise<void> {
  for (const { id, document, uri, metadata, embedding } of randomRecords(random, count, dimension)) {
    await collection.upsert({
      ids: [id],
      embeddings: [embedding],
      ...(document !== null && { documents: [document] }),
      ...(uri !== null && { uris: [uri] }),
      ...(metadata !== null && { metadatas: [metadata] }),
    });
  }
}

/** Segments and log, with changes and deletions of either. */
async function filledClient(seed: number): Promise<TidepoolClient> {
  const client = openTestClient();
  const random = new Random(seed);
  const notes = await client.createCollection({ name: "notes", metadata: { seed }, embeddingFunction: null });
  await fill(notes, random, 30, 4);
  const schema = new Schema().createIndex(new SparseVectorIndexConfig({}), "s");
  await client.createCollection({ name: "sparse", schema, embeddingFunction: null });
  await client.createCollection({ name: "empty", embeddingFunction: null });
  await client.vacuum();
  await fill(notes, random, 15, 4);
  await notes.delete({ where: { year: { $gte: 1 } } });
  const { ids } = await notes.get({ limit: 3 });
  await notes.update({ ids, metadatas: ids.map(() => ({ year: -1, tag: null })) });
  await notes.add({ ids: ["new"], embeddings: [[1, -0, 0, 0]], documents: ["ebb tide"] });
  return client;
}

describe("a backup", () => {
  test.each([1, 2, 3, 4, 5])("restores everything as it was (seed %i)", async (seed) => {
    const client = await filledClient(seed);
    const file = await bytesOf(client.backup());
    const other = openTestClient();
    const report = await other.restore(file, { mode: "new" });
    const content = await contentOf(client);
    expect(await contentOf(other)).toEqual(content);
    expect(report).toEqual({ tenants: 1, databases: 1, collections: 3, records: (await client.info()).records });
    const { isSound } = await other.verify({ deep: true });
    expect(isSound).toBe(true);
    // It goes on from there like any other.
    const notes = await other.getCollection({ name: "notes" });
    await notes.add({ ids: ["later"], embeddings: [[0, 0, 0, 1]], documents: ["ebb"] });
    await other.vacuum();
    expect((await notes.get({ ids: ["later"] })).documents).toEqual(["ebb"]);
    expect((await other.verify({ deep: true })).isSound).toBe(true);
  });

  test("is of one moment, whatever is written while it is read", async () => {
    const client = await filledClient(7);
    const content = await contentOf(client);
    const reader = client.backup().getReader();
    const parts = [];
    const notes = await client.getCollection({ name: "notes" });
    // The backup's moment comes before what is asked for after it.
    await notes.delete({ where: { $or: [{ year: { $gte: -100 } }, { year: { $lt: -100 } }] } });
    await client.deleteCollection({ name: "empty" });
    await client.vacuum();
    for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value);
    const other = openTestClient();
    await other.restore(new Blob(parts), { mode: "new" });
    expect(await contentOf(other)).toEqual(content);
  });

  test("has tenants, databases and, where it is asked for, earlier versions", async () => {
    const client = openTestClient({ retainVersions: 4 });
    const admin = new AdminClient({ client });
    await admin.createTenant({ name: "team" });
    await admin.createDatabase({ name: "drafts", tenant: "team" });
    const drafts = await new TidepoolClient({ client, tenant: "team", database: "drafts" }).createCollection({
      name: "one",
      embeddingFunction: null,
    });
    for (const id of ["a", "b", "c"]) {
      await drafts.add({ ids: [id], embeddings: [[1, 2]] });
      await client.vacuum();
    }
    const fork = await drafts.fork({ name: "two" });
    await fork.add({ ids: ["d"], embeddings: [[3, 4]] });
    for (const versions of [true, false]) {
      const other = openTestClient({ retainVersions: 4 });
      const report = await other.restore(client.backup({ versions }), { mode: "new" });
      expect(report).toEqual({ tenants: 2, databases: 2, collections: 2, records: 7 });
      const restored = await new TidepoolClient({ client: other, tenant: "team", database: "drafts" }).getCollection({ name: "one" });
      const counts = (await restored.listVersions()).map(({ count }) => count);
      expect(counts).toEqual(versions ? (await drafts.listVersions()).map(({ count }) => count) : [3]);
      const [oldest] = await restored.listVersions();
      expect(await restored.at({ version: oldest!.version }).count()).toBe(oldest!.count);
      expect(await restored.forkCount()).toBe(1);
    }
  });

  test("merges into what there is, and refuses what is there already before anything is written", async () => {
    const client = await filledClient(3);
    const file = await bytesOf(client.backup());
    const other = openTestClient();
    const own = await other.createCollection({ name: "own", embeddingFunction: null });
    await own.add({ ids: ["mine"], embeddings: [[1]] });
    await expect(other.restore(file, { mode: "new" })).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      message: expect.stringContaining("[own]"),
    });
    await other.restore(file, { mode: "merge" });
    expect((await other.listCollections()).map(({ name }) => name)).toEqual(["own", "notes", "sparse", "empty"]);
    await expect(other.restore(file, { mode: "merge" })).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      message: expect.stringContaining("[notes]"),
    });
    expect((await other.listCollections()).length).toBe(4);
    expect((await other.verify({ deep: true })).isSound).toBe(true);
  });

  test("that is cut or changed anywhere is refused, and nothing of it is there", async () => {
    const client = await filledClient(4);
    const file = await bytesOf(client.backup());
    const random = new Random(11);
    const other = openTestClient();
    const before = await other.info();
    for (let i = 0; i < 300; i++) {
      const damaged = file.slice(0, random.chance(0.3) ? random.below(file.length) : file.length);
      if (damaged.length === file.length) damaged[random.below(file.length)]! ^= 1 << random.below(8);
      await expect(other.restore(damaged, { mode: "new" }), `round ${i}`).rejects.toMatchObject({ code: "CORRUPTION" });
    }
    for (const wrong of [new Uint8Array([...file, 0]), new Uint8Array([...file, ...file]), file.slice(20), new Uint8Array(1000)]) {
      await expect(other.restore(wrong, { mode: "new" })).rejects.toMatchObject({ code: "CORRUPTION" });
    }
    const after = await other.info();
    expect([after.collections, after.blockBytesUsed]).toEqual([0, before.blockBytesUsed]);
    await other.restore(file, { mode: "new" });
    expect(await contentOf(other)).toEqual(await contentOf(client));
  });

  test("stops by its signal, and tells how far it is", async () => {
    const client = await filledClient(5);
    const file = await bytesOf(client.backup({ onProgress: ({ bytes, totalBytes }) => expect(bytes).toBeLessThanOrEqual(totalBytes!) }));
    const aborting = new AbortController();
    const other = openTestClient();
    const restoring = other.restore(new Blob([file]), {
      mode: "new",
      signal: aborting.signal,
      onProgress: () => aborting.abort(),
    });
    await expect(restoring).rejects.toMatchObject({ code: "ABORTED" });
    expect((await other.info()).collections).toBe(0);
    const reader = client.backup().getReader();
    await reader.cancel();
    await client.vacuum({ erase: true });
  });

  test("and its restore refuse arguments that they cannot use", async () => {
    const client = openTestClient();
    for (const options of [{ version: 1 }, { versions: 1 }, { signal: 1 }, { onProgress: 1 }]) {
      await expect(bytesOf(client.backup(options as object))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    const file = new Uint8Array();
    for (const options of [{}, { mode: "old" }, { mode: "new", into: 1 }, { mode: "new", signal: 1 }, undefined]) {
      await expect(client.restore(file, options as { mode: "new" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    for (const wrong of ["text", null, {}, [1]]) {
      await expect(client.restore(wrong as never, { mode: "new" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    await expect(client.restore(file, { mode: "new" })).rejects.toMatchObject({ code: "CORRUPTION" });
  });
});
