/** Reembedding: another model's vectors take the place of a collection's own, at once and whole, whatever happens meanwhile. */
import { describe, expect, test } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { type CrashVariant, FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { modelDistance } from "../testing/model.js";
import { openedEngine } from "../testing/opened-engines.js";
import { modelVector, reembedWith, storedModel, type TestModel } from "../testing/reembedding.js";
import type { Engine } from "./engine.js";
import type { ConditionalOperation, ConfigurationInput, EngineService, OpenOptions } from "./service.js";

const scope = { tenant: "default_tenant", database: "default_database" };
const small: TestModel = { name: "small", dimension: 3, space: "l2" };
const large: TestModel = { name: "large", dimension: 5, space: "cosine" };

function open(storage: FaultInjectingStorage, options: Partial<OpenOptions> = {}): Promise<Engine> {
  return openedEngine(storage, { environment: new TestEnvironment(), options, deadOrdinalsMax: () => 4 });
}

async function made(
  service: EngineService,
  documents: Record<string, string> | null,
  name = "notes",
  index: ConfigurationInput = { hnsw: { space: small.space } },
): Promise<string> {
  const configuration = { ...index, embedding_function: storedModel(small) };
  const { id } = await service.createCollection({ ...scope, name, metadata: null, configuration, getOrCreate: false });
  if (documents !== null) await write(service, id, documents);
  return id;
}

async function write(service: EngineService, collectionId: string, documents: Record<string, string>, model?: number): Promise<void> {
  const [ids, texts] = [Object.keys(documents), Object.values(documents)];
  const values = Float32Array.from(texts.flatMap((text) => [...modelVector(small, text)]));
  const embeddings = { dimension: small.dimension, values, present: null };
  const records = { ids, embeddings, documents: texts, metadatas: ids.map((id) => ({ of: id })), uris: null };
  await service.write({ collectionId, operation: "upsert", records, model });
}

function numbered(count: number, text = "document"): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`r${i}`, `${text} ${i}`]));
}

/** Every record has the model's vector of its document, and is found by it, with the right distance. */
async function expectModel(service: EngineService, collectionId: string, model: TestModel, version?: number): Promise<Map<string, string>> {
  const found = await service.get({ collectionId, version, include: ["documents", "embeddings"] });
  const vectors = found.documents!.map((document) => modelVector(model, document!));
  expect(found.embeddings!.dimension).toBe(model.dimension);
  expect(found.embeddings!.values).toEqual(Float32Array.from(vectors.flatMap((vector) => [...vector])));
  const query = modelVector(model, "a question");
  const nResults = found.ids.length;
  const queryEmbeddings = { dimension: model.dimension, values: query };
  const near = await service.query({ collectionId, version, queryEmbeddings, nResults, include: ["distances"] });
  const distances = vectors.map((vector) => modelDistance(model.space, query, vector)).sort((a, b) => a - b);
  expect(near.ids.toSorted()).toEqual(found.ids.toSorted());
  near.distances!.forEach((distance, i) => expect(distance).toBeCloseTo(distances[i]!, 4));
  return new Map(found.ids.map((id, i) => [id, found.documents![i]!]));
}

async function expectSound(service: EngineService): Promise<void> {
  const { findings, collections, lost } = await service.verifyCatalog();
  expect([findings, lost]).toEqual([[], []]);
  for (const { id } of collections) expect((await service.verifyCollection({ collectionId: id, deep: true })).findings).toEqual([]);
}

test("puts the new vectors, their dimension, space and function in place, and leaves nothing behind", async () => {
  const storage = new FaultInjectingStorage();
  const { service } = await open(storage);
  const collectionId = await made(service, numbered(10));
  expect(await reembedWith(service, collectionId, large)).toBe(true);
  const documents = await expectModel(service, collectionId, large);
  expect(documents).toEqual(new Map(Object.entries(numbered(10))));
  const [info, ...others] = await service.listCollections(scope);
  expect(others).toEqual([]);
  expect(info).toMatchObject({ id: collectionId, dimension: 5, model: 1 });
  expect(info!.configuration).toMatchObject({ hnsw: { space: "cosine" }, embedding_function: storedModel(large) });
  expect((await service.verifyCatalog()).collections.map(({ id }) => id)).toEqual([collectionId]);
  await expectSound(service);
  const reopened = await open(storage.reopen());
  await expectModel(reopened.service, collectionId, large);
  await expectSound(reopened.service);
});

test("old vectors answer until the swap, while nothing of what is gathered is listed, counted or found", async () => {
  const { service } = await open(new FaultInjectingStorage());
  const collectionId = await made(service, numbered(8));
  await service.forkCollection({ collectionId, name: "fork" });
  const before = await service.info();
  expect(await reembedWith(service, collectionId, large, { onBatch: () => false })).toBe(false);
  await expectModel(service, collectionId, small);
  const { collections, records } = await service.info();
  expect([collections, records]).toEqual([before.collections, before.records]);
  expect(await service.countCollections(scope)).toBe(2);
  const hidden = (await service.verifyCatalog()).collections.find(({ name }) => name === "notes (reembedding)")!;
  for (const ask of [
    service.getCollectionById({ ...scope, collectionId: hidden.id }),
    service.getCollection({ ...scope, name: hidden.name }),
    service.count({ collectionId: hidden.id }),
    service.delete({ collectionId: hidden.id, ids: ["r0"] }),
  ]) {
    await expect(ask).rejects.toMatchObject({ code: "NOT_FOUND" });
  }
  await expectSound(service);
});

test("goes on where it stopped, also in another process, and takes over from whoever was at it", async () => {
  const storage = new FaultInjectingStorage();
  const { service } = await open(storage);
  const collectionId = await made(service, numbered(10));
  let left = 2;
  const first = { embedded: [] };
  await reembedWith(service, collectionId, large, { log: first, onBatch: () => --left > 0 });
  const { service: next } = await open(storage.reopen());
  await write(next, collectionId, { r0: "another text", r20: "a new record" });
  const second = { embedded: [] as string[] };
  expect(await reembedWith(next, collectionId, large, { log: second })).toBe(true);
  expect(first.embedded).toEqual(["r0", "r1", "r2", "r3", "r4", "r5"]);
  expect(second.embedded.toSorted()).toEqual(["r0", "r20", "r6", "r7", "r8", "r9"]);
  await expectModel(next, collectionId, large);
});

test("who is overtaken is refused, and so is who goes on with what has ended", async () => {
  const { service } = await open(new FaultInjectingStorage());
  const collectionId = await made(service, numbered(4));
  const request = { collectionId, embeddingFunction: storedModel(large), space: large.space };
  const { reembedding, isResumed } = await service.beginReembedding(request);
  expect(isResumed).toBe(false);
  expect(await reembedWith(service, collectionId, large, { onBatch: () => false })).toBe(false);
  const of = { collectionId, reembedding };
  await expect(service.readReembedding({ ...of, limit: 1 })).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await reembedWith(service, collectionId, large)).toBe(true);
  await expect(service.endReembedding(of)).rejects.toMatchObject({ code: "STALE_READ" });
  await expect(service.beginReembedding({ ...request, goesOn: true })).rejects.toMatchObject({ code: "CONFLICT" });
});

test("takes in what is written and deleted meanwhile, and renumbered and closed", async () => {
  const { service } = await open(new FaultInjectingStorage());
  const collectionId = await made(service, numbered(16));
  let step = 0;
  const meanwhile = async (): Promise<boolean> => {
    step++;
    if (step === 1) await write(service, collectionId, { r1: "r1 anew", r15: "r15 anew" });
    if (step === 2) await service.delete({ collectionId, ids: ["r0", "r2", "r3", "r4", "r12"] });
    if (step === 3) await service.vacuum({ erase: false, after: 0 });
    if (step === 4) await write(service, collectionId, { r0: "r0 again", r40: "r40" });
    if (step === 5) await service.delete({ collectionId, ids: ["r5", "r6", "r7", "r8"] });
    if (step === 6) await service.vacuum({ erase: false, after: 0 });
    return true;
  };
  expect(await reembedWith(service, collectionId, large, { limit: 2, onBatch: meanwhile })).toBe(true);
  expect(step).toBeGreaterThan(6);
  const documents = await expectModel(service, collectionId, large);
  expect(documents.size).toBe(9);
  expect([documents.get("r0"), documents.get("r1"), documents.get("r15")]).toEqual(["r0 again", "r1 anew", "r15 anew"]);
  await expectSound(service);
});

test("what was read, and is written between the last look and the swap, is not swapped over", async () => {
  const { service } = await open(new FaultInjectingStorage());
  const collectionId = await made(service, numbered(2));
  const request = { collectionId, embeddingFunction: storedModel(large), space: large.space };
  const of = { collectionId, reembedding: (await service.beginReembedding(request)).reembedding };
  const { ids, digests, isLast } = await service.readReembedding({ ...of, limit: 5 });
  expect([ids, isLast]).toEqual([["r0", "r1"], true]);
  expect(await service.endReembedding(of)).toBeNull();
  await write(service, collectionId, { r1: "written meanwhile" });
  const embeddings = { dimension: 5, values: new Float32Array(10), present: null };
  await service.writeReembedding({ ...of, ids, digests, embeddings });
  expect(await service.endReembedding(of)).toBeNull();
  expect((await service.readReembedding({ ...of, limit: 5 })).ids).toEqual(["r1"]);
});

test("a swap whose answer was lost is told again and not made twice", async () => {
  const { service } = await open(new FaultInjectingStorage());
  const collectionId = await made(service, numbered(3));
  await reembedWith(service, collectionId, large, { requestId: "swap" });
  const caller = { token: null, clientId: "reembedding", requestId: "swap" };
  expect(await service.endReembedding({ collectionId, reembedding: "gone" }, caller)).toMatchObject({ model: 1, dimension: 5 });
});

test("vectors in inverted lists are followed by others in lists", async () => {
  const storage = new FaultInjectingStorage();
  const lists = { tailRows: 8, judgedRowsMax: 2, splitRows: 16 };
  const { service } = await openedEngine(storage, { environment: new TestEnvironment(), lists });
  const collectionId = await made(service, numbered(60), "notes", { hnsw: { space: small.space }, spann: {} });
  await service.vacuum({ erase: false, after: 0 });
  expect(await reembedWith(service, collectionId, large)).toBe(true);
  await service.vacuum({ erase: false, after: 0 });
  expect((await expectModel(service, collectionId, large)).size).toBe(60);
  const [info] = await service.listCollections(scope);
  expect(info!.configuration).toMatchObject({ hnsw: { space: "cosine" }, spann: {} });
  await expectSound(service);
  const reopened = await openedEngine(storage.reopen(), { environment: new TestEnvironment(), lists });
  await expectModel(reopened.service, collectionId, large);
  await expectSound(reopened.service);
});

test("an empty collection gets the function and forgets the dimension", async () => {
  const { service } = await open(new FaultInjectingStorage());
  const collectionId = await made(service, numbered(2));
  await service.delete({ collectionId, ids: ["r0", "r1"] });
  expect(await reembedWith(service, collectionId, large)).toBe(true);
  expect(await service.getCollection({ ...scope, name: "notes" })).toMatchObject({ dimension: null, model: 1 });
});

describe("refused before anything is written", () => {
  test("records without a document, with their number and some ids", async () => {
    const { service } = await open(new FaultInjectingStorage());
    const collectionId = await made(service, numbered(3));
    const embeddings = { dimension: 3, values: new Float32Array(15), present: null };
    const bare = { ids: ["a", "b", "c", "d", "e"], embeddings, documents: null, metadatas: null, uris: null };
    await service.write({ collectionId, operation: "add", records: bare });
    await expect(reembedWith(service, collectionId, large)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining('5 records without a document, which no embedding function can embed, such as "a", "b", "c"'),
      details: { count: 5, ids: ["a", "b", "c"] },
    });
    expect((await service.verifyCatalog()).collections).toHaveLength(1);
  });

  test("another function than the one that is at it, until that is given up", async () => {
    const { service } = await open(new FaultInjectingStorage());
    const collectionId = await made(service, numbered(5));
    await reembedWith(service, collectionId, large, { onBatch: () => false });
    await expect(reembedWith(service, collectionId, small)).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      message: expect.stringContaining('by "large"'),
    });
    expect(await service.giveUpReembedding({ collectionId })).toEqual({ givenUp: true });
    expect(await service.giveUpReembedding({ collectionId })).toEqual({ givenUp: false });
    expect((await service.verifyCatalog()).collections).toHaveLength(1);
    expect(await reembedWith(service, collectionId, { ...small, name: "other" })).toBe(true);
    await expectModel(service, collectionId, { ...small, name: "other" });
  });
});

test("embeddings of the earlier model are refused, also of the same dimension, and tokens from before are stale", async () => {
  const { service } = await open(new FaultInjectingStorage());
  const collectionId = await made(service, numbered(4));
  const { readToken } = await service.conditionalGet({ collectionId, ids: ["r0"], include: [] });
  await reembedWith(service, collectionId, { ...small, name: "other" });
  const stale = { code: "EMBEDDING_FUNCTION", message: expect.stringContaining("was reembedded") };
  await expect(write(service, collectionId, { r0: "text" }, 0)).rejects.toMatchObject(stale);
  const queryEmbeddings = { dimension: 3, values: new Float32Array(3) };
  await expect(service.query({ collectionId, model: 0, queryEmbeddings, nResults: 1, include: [] })).rejects.toMatchObject(stale);
  await expect(service.search({ collectionId, model: 0, searches: [{}] })).rejects.toMatchObject(stale);
  expect(await service.query({ collectionId, model: 1, queryEmbeddings, nResults: 1, include: [] })).toMatchObject({ counts: [1] });
  const operations: ConditionalOperation[] = [{ operation: "delete", ids: ["r0"] }];
  const commit = service.conditionalCommit({ collectionId, readToken, readIds: ["r0"], operations });
  await expect(commit).rejects.toMatchObject({ code: "STALE_READ" });
});

test("forks and retained versions keep the old vectors, in their space", async () => {
  const storage = new FaultInjectingStorage();
  const engine = await open(storage, { retainVersions: 3 });
  const { service } = engine;
  const collectionId = await made(service, numbered(6));
  await engine.compact(collectionId);
  const { version } = (await service.listVersions({ collectionId })).at(-1)!;
  const fork = await service.forkCollection({ collectionId, name: "fork" });
  await reembedWith(service, collectionId, large);
  for (const next of [() => engine, () => open(storage.reopen(), { retainVersions: 3 })]) {
    const { service: asked } = await next();
    await expectModel(asked, collectionId, large);
    await expectModel(asked, collectionId, small, version);
    await expectModel(asked, fork.id, small);
    await expectSound(asked);
    const queryEmbeddings = { dimension: 3, values: new Float32Array(3) };
    const query = { collectionId, version, queryEmbeddings, nResults: 1, include: [] };
    await expect(asked.query({ ...query, model: 1 })).rejects.toMatchObject({ message: expect.stringContaining("client.collection(id)") });
  }
});

test("what is gathered goes with its collection", async () => {
  const { service } = await open(new FaultInjectingStorage());
  const collectionId = await made(service, numbered(5));
  await reembedWith(service, collectionId, large, { onBatch: () => false });
  await service.deleteCollection({ ...scope, name: "notes" });
  expect((await service.verifyCatalog()).collections).toEqual([]);
});

test("an erasure leaves nothing gathered of documents that are gone", async () => {
  const storage = new FaultInjectingStorage();
  const { service } = await open(storage);
  const collectionId = await made(service, numbered(5));
  const log = { embedded: [] as string[] };
  await reembedWith(service, collectionId, large, { onBatch: () => false });
  await service.delete({ collectionId, ids: ["r0"] });
  await write(service, collectionId, { r1: "another" });
  for (let after: number | null = 0; after !== null; ) ({ after } = await service.vacuum({ erase: true, after }));
  const hidden = (await service.verifyCatalog()).collections.find(({ name }) => name.endsWith("(reembedding)"))!;
  const { counts } = await service.verifyCollection({ collectionId: hidden.id, deep: true });
  expect(counts.records).toBe(1);
  expect(await reembedWith(service, collectionId, large, { log })).toBe(true);
  expect(log.embedded).toEqual(["r1", "r3", "r4"]);
  await expectModel(service, collectionId, large);
});

/** Two records at first, more and other ones while it is reembedded; resolves once the new model is in place. */
async function liveThrough(storage: FaultInjectingStorage, written: Map<string, string>[]): Promise<void> {
  const engine = await open(storage);
  const { service } = engine;
  const note = (change: (documents: Map<string, string>) => void): void => {
    const documents = new Map(written.at(-1));
    change(documents);
    written.push(documents);
  };
  const collectionId = await made(service, null);
  const put = async (documents: Record<string, string>): Promise<void> => {
    note((all) => Object.entries(documents).forEach(([id, text]) => all.set(id, text)));
    await write(service, collectionId, documents);
  };
  const remove = async (id: string): Promise<void> => {
    note((all) => void all.delete(id));
    await service.delete({ collectionId, ids: [id] });
  };
  await put(numbered(5));
  await engine.compact(collectionId);
  let step = 0;
  await reembedWith(service, collectionId, large, {
    limit: 2,
    onBatch: async () => {
      step++;
      if (step === 1) await put({ r0: "r0 anew" });
      if (step === 2) await engine.compact(collectionId);
      if (step !== 3) return true;
      await remove("r1");
      return true;
    },
  });
  await remove("r2");
}

describe("dying at each durability point", () => {
  test.each<CrashVariant>(["before", "after", "torn"])("%s it leaves the one model or the other, whole, and goes on", async (variant) => {
    const rehearsal = new FaultInjectingStorage();
    await liveThrough(rehearsal, [new Map()]);
    expect(rehearsal.syncs).toBeGreaterThan(12);
    const seen = new Set<number>();
    for (let at = 1; at <= rehearsal.syncs; at++) {
      const storage = new FaultInjectingStorage({ crash: { at, variant }, seed: at });
      const written: Map<string, string>[] = [new Map()];
      await liveThrough(storage, written).catch((error: unknown) => {
        if (!storage.ended) throw error;
      });
      const { service } = await open(storage.reopen());
      const [info] = await service.listCollections(scope);
      if (info === undefined || info.dimension === null) continue;
      seen.add(info.model);
      const found = await expectModel(service, info.id, info.model === 0 ? small : large);
      expect(written.slice(-2), `crash ${variant} sync ${at}`).toContainEqual(found);
      await expectSound(service);
      const next: TestModel = info.model === 0 ? large : { ...large, name: "next" };
      expect(await reembedWith(service, info.id, next)).toBe(true);
      expect(await expectModel(service, info.id, next)).toEqual(found);
      await expectSound(service);
    }
    expect(seen).toEqual(new Set([0, 1]));
  });
});

test("in a database's first minute the swap waits, and what was staged before does not come back after it", async () => {
  const environment = new TestEnvironment();
  const storage = new FaultInjectingStorage({ now: () => environment.now(), arenaSettleMs: 60_000 });
  const engine = await openedEngine(storage, { environment });
  const { service } = engine;
  const collectionId = await made(service, numbered(6));
  await engine.compact(collectionId);
  expect((await service.info()).unpublished).toBe(1);
  let isOver = false;
  const reembedded = reembedWith(service, collectionId, large).finally(() => (isOver = true));
  for (let seconds = 0; !isOver; seconds++) {
    expect(seconds).toBeLessThan(200);
    environment.advance(1_000);
    for (let turn = 0; turn < 20; turn++) await environment.yieldToEventLoop();
  }
  expect(await reembedded).toBe(true);
  environment.advance(120_000);
  for (let turn = 0; turn < 50; turn++) await environment.yieldToEventLoop();
  await expectModel(service, collectionId, large);
  const next = await openedEngine(storage.reopen(), { environment });
  await expectModel(next.service, collectionId, large);
  await expectSound(next.service);
});
