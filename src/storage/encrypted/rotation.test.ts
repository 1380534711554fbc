/** The former key opens nothing once it is rotated, everything is encrypted anew whatever interrupts that, and nothing is lost by it. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Engine } from "../../core/engine.js";
import type { TidepoolError } from "../../core/errors.js";
import type { KeyRotationInfo, RotateKeyRequest } from "../../core/key-rotation.js";
import type { BackupBegun } from "../../core/service.js";
import type { Extent, Storage } from "../../core/storage.js";
import type { RecordBatch } from "../../core/types.js";
import { encrypted, newKey } from "../../testing/encryption.js";
import { TestEnvironment } from "../../testing/environment.js";
import { FaultInjectingStorage, type FaultOptions } from "../../testing/fault-injecting-storage.js";
import { openedEngine } from "../../testing/opened-engines.js";
import { pattern } from "../../testing/storage-conformance.js";
import { openDirectoryStorage } from "../directory/directory-storage.js";
import { openMemoryStorage } from "../memory/memory-storage.js";
import { Cipher } from "./cipher.js";
import { EncryptedBlobReader } from "./encrypted-blobs.js";
import { DatabaseKeys } from "./encryption.js";
import { encryptionKey } from "./encryption-row.js";
import { SecretKeys } from "./secret-keys.js";
import { fromBase64 } from "./user-key.js";

const scope = { tenant: "default_tenant", database: "default_database" };
let [oldKey, newOne]: CryptoKey[] = [];
beforeAll(async () => {
  [oldKey, newOne] = [await newKey(), await newKey()];
});

function records(ids: string[]): RecordBatch {
  const values = Float32Array.from({ length: ids.length * 4 }, (_, i) => i + ids[0]!.length);
  const documents = ids.map((id) => `document of ${id} ${"x".repeat(300)}`);
  return { ids, embeddings: { dimension: 4, values, present: null }, documents, metadatas: ids.map((id) => ({ id })), uris: null };
}

/** A database of a clock of its own, over one that sees it encrypted. */
interface Opened {
  below: FaultInjectingStorage;
  above: Storage;
  engine: Engine;
  environment: TestEnvironment;
}

async function open(below: FaultInjectingStorage, key: CryptoKey, ids = 0): Promise<Opened> {
  const environment = new TestEnvironment(ids);
  const above = await encrypted(below, key);
  const engine = await openedEngine(above, { environment, options: { retainVersions: 2 } });
  return { below, above, engine, environment };
}

/** Blocks, an earlier version, a fork that shares them and has the source's log, a log that is not compacted, a second collection. */
async function filled(options: FaultOptions = {}): Promise<Opened> {
  const opened = await open(new FaultInjectingStorage({ arenaBytes: 64 * 1024, ...options }), oldKey!);
  const { service } = opened.engine;
  const create = (name: string) => service.createCollection({ ...scope, name, metadata: { name }, configuration: {}, getOrCreate: false });
  const { id } = await create("one");
  for (const round of ["a", "b"]) {
    await service.write({ collectionId: id, operation: "add", records: records([`${round}1`, `${round}2`, `${round}3`]) });
    await opened.engine.compact(id);
  }
  await service.write({ collectionId: id, operation: "upsert", records: records(["b3", "c1"]) });
  const fork = await service.forkCollection({ collectionId: id, name: "fork" });
  await service.write({ collectionId: fork.id, operation: "add", records: records(["d1"]) });
  await service.write({ collectionId: (await create("two")).id, operation: "add", records: records(["e1"]) });
  return opened;
}

/** All that can be read, of the present and of earlier versions. */
async function contents({ service }: Engine): Promise<unknown> {
  const read = async ({ id, name }: { id: string; name: string }) => {
    const get = (version?: number) => {
      const include = ["documents" as const, "embeddings" as const, "metadatas" as const];
      return service.get({ collectionId: id, include, ...(version !== undefined && { version }) });
    };
    const versions = (await service.listVersions({ collectionId: id })).map(({ version }) => version);
    return [name, await get(), await Promise.all(versions.map(get))];
  };
  return Promise.all((await service.listCollections(scope)).map(read));
}

/** Lets time pass until a rotation is over, or `isEnough`. */
async function rotated({ engine, environment }: Opened, isEnough = (_: KeyRotationInfo) => false): Promise<KeyRotationInfo | null> {
  for (let turns = 0; turns < 3000; turns++) {
    const { keyRotation } = await engine.service.info();
    if (keyRotation === null || isEnough(keyRotation)) return keyRotation;
    await environment.yieldToEventLoop();
    environment.advance(1000);
  }
  throw new Error("The rotation does not end");
}

/** Until there is a new secret. */
async function begun({ below, environment }: Opened): Promise<void> {
  while ((await keyRow(below)).former === undefined) await environment.yieldToEventLoop();
}

const rotate = (engine: Engine, request: Partial<RotateKeyRequest> = {}, requestId = "r") => {
  return engine.service.rotateKey({ key: newOne!, reencrypt: true, ...request }, { token: null, clientId: "c", requestId });
};

async function keyRow(below: Storage): Promise<{ secret: string; former?: string; version: number; keyVersion?: number }> {
  return JSON.parse(new TextDecoder().decode((await below.catalog.get(encryptionKey))!));
}

/** The keys that whoever has kept the first key and the row of the time can make. */
async function formerKeys(below: Storage, key = oldKey!): Promise<SecretKeys> {
  return SecretKeys.of(1, (await new Cipher(key).decrypt(fromBase64((await keyRow(below)).secret), encryptionKey))!);
}

async function logRows(below: Storage, ids: readonly string[]) {
  const rows = ids.map(async (id) => [...(await below.log.read(id, 0, Infinity)), { offset: "tail", bytes: await below.log.tail(id) }]);
  return (await Promise.all(rows)).flat();
}

/** Whatever of the stored is encrypted with these keys: rows, and log records under the places of any collection. */
async function decryptable(below: Storage, former: SecretKeys, ids: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const [name, bytes] of await below.catalog.list("")) if (await former.catalog.decrypt(bytes, name)) found.push(name);
  for (const { offset, bytes } of await logRows(below, ids))
    for (const id of ids) if (bytes && (await former.log.decrypt(bytes, `${offset} ${id}`))) found.push(`log ${id} ${offset}`);
  return found;
}

const wrong = { code: "WRONG_KEY", details: { reason: "wrong" } };

/** Extents that are written below, from now on. */
function watchWrites(below: Storage): Extent[] {
  const extents: Extent[] = [];
  const write = below.blobs.write.bind(below.blobs);
  below.blobs.write = async (...args) => {
    extents.push(await write(...args));
    return extents.at(-1)!;
  };
  return extents;
}

test("what is left after a rotation neither the former key nor the former secret decrypts, in use or free", async () => {
  const below = new FaultInjectingStorage({ arenaBytes: 64 * 1024 });
  const extents = watchWrites(below);
  const opened = await open(below, oldKey!);
  const { service } = opened.engine;
  const { id } = await service.createCollection({ ...scope, name: "one", metadata: null, configuration: {}, getOrCreate: false });
  await service.write({ collectionId: id, operation: "add", records: records(["a", "b"]) });
  await opened.engine.compact(id);
  await service.write({ collectionId: id, operation: "add", records: records(["c"]) });
  const former = await formerKeys(below);
  const chunks = await below.blobs.read(extents.map((extent) => ({ extent, start: 0, length: 40 })));
  expect(extents.length).toBeGreaterThan(1);
  expect((await decryptable(below, former, [id])).length).toBeGreaterThan(10);
  const before = await contents(opened.engine);
  await rotate(opened.engine);
  await rotated(opened);
  expect(await contents(opened.engine)).toEqual(before);
  expect(await decryptable(below, former, [id])).toEqual([]);
  expect(await keyRow(below)).toMatchObject({ version: 2, keyVersion: 2, isPending: false, isUntidy: false });
  expect((await keyRow(below)).former).toBeUndefined();
  const arenas = new Set(extents.map(({ arena }) => arena));
  for (const arena of arenas) {
    const extent = { arena, offset: 0, length: 64 * 1024 };
    const [bytes] = await below.blobs.read([{ extent, start: 0, length: extent.length }]);
    for (const chunk of chunks) expect(Buffer.from(bytes!).includes(Buffer.from(chunk))).toBe(false);
  }
  await opened.engine.close();
  const disk = below.reopen();
  await expect(encrypted(disk, oldKey!)).rejects.toMatchObject(wrong);
  expect(await contents((await open(disk, newOne!)).engine)).toEqual(before);
});

test("versions, forks and logs that nobody has open are encrypted anew, and what was is read all the while", async () => {
  const { below, engine, environment } = await filled();
  const before = await contents(engine);
  const collections = await engine.service.listCollections(scope);
  const former = await formerKeys(below);
  await engine.close();
  const opened = await open(below.reopen(), oldKey!, environment.ids);
  await rotate(opened.engine);
  let reads = 0;
  for (let isOver = false; !isOver; reads++) {
    isOver = (await opened.engine.service.info()).keyRotation === null;
    expect(await contents(opened.engine)).toEqual(before);
    await opened.environment.yieldToEventLoop();
    opened.environment.advance(1000);
  }
  expect(reads).toBeGreaterThan(2);
  expect(await decryptable(opened.below, former, collections.map(({ id }) => id))).toEqual([]); // biome-ignore format: one line
  for (const { id } of collections) {
    expect(await opened.engine.service.verifyCollection({ collectionId: id, deep: true })).toMatchObject({ isSound: true });
  }
});

/** One of so many steps is tried, which `SAMPLE` draws; with `ALL=1` every one. */
const every = process.env["ALL"] === "1" ? 1 : 8;
const firstStep = 1 + (Number(process.env["SAMPLE"] ?? 1) % every);

test("interrupted at whichever step, the rotation goes on with the next opening", async () => {
  const run = async (crash?: FaultOptions["crash"]) => {
    const { below, engine, environment } = await filled();
    const before = await contents(engine);
    const former = await formerKeys(below);
    const ids = (await engine.service.listCollections(scope)).map(({ id }) => id);
    await engine.close();
    const opened = await open(below.reopen({ ...(crash && { crash }), seed: crash?.at ?? 1 }), oldKey!, environment.ids);
    await rotate(opened.engine)
      .then(() => rotated(opened))
      .catch(() => undefined);
    const { syncs } = opened.below;
    await opened.engine.close().catch(() => undefined);
    const disk = opened.below.reopen();
    const [first, second] = [await opensWith(disk, oldKey!), await opensWith(disk, newOne!)];
    expect(first).toBe(!second);
    const again = await open(disk, second ? newOne! : oldKey!, environment.ids);
    expect(await contents(again.engine)).toEqual(before);
    if (first) await rotate(again.engine);
    expect(await rotated(again, ({ error }) => error !== null)).toBeNull();
    expect(await contents(again.engine)).toEqual(before);
    expect(await decryptable(again.below, former, ids)).toEqual([]);
    return syncs;
  };
  const syncs = await run();
  expect(syncs).toBeGreaterThan(8);
  for (let at = firstStep; at <= syncs; at += every) await run({ at, variant: (["before", "after", "torn"] as const)[at % 3]! });
});

async function opensWith(below: Storage, key: CryptoKey): Promise<boolean> {
  return encrypted(below, key).then(
    () => true,
    () => false,
  );
}

test("what was written before and is named only later keeps the former secret until then", async () => {
  const source = await filled();
  const { snapshot } = (await source.engine.service.beginBackup({ versions: true })) as BackupBegun;
  const parts: Uint8Array[] = [];
  for (let at = 0; ; at++) {
    const { bytes } = await source.engine.service.readBackup({ snapshot, at });
    if (bytes === null) break;
    parts.push(bytes);
  }
  const opened = await open(new FaultInjectingStorage(), oldKey!);
  const { service } = opened.engine;
  const { restore } = await service.beginRestore({ mode: "new" });
  const file = Buffer.concat(parts);
  const half = Math.floor(file.length * 0.9);
  await service.feedRestore({ restore, at: 0, bytes: Uint8Array.from(file.subarray(0, half)) });
  await rotate(opened.engine);
  await begun(opened);
  for (let i = 0; i < 20; i++) {
    await opened.environment.yieldToEventLoop();
    opened.environment.advance(1000);
  }
  expect((await keyRow(opened.below)).former).toBeDefined();
  await service.feedRestore({ restore, at: half, bytes: Uint8Array.from(file.subarray(half)) });
  await service.endRestore({ restore });
  await rotated(opened);
  const present = async (engine: Engine) => ((await contents(engine)) as unknown[][]).map(([name, records]) => [name, records]);
  expect(await present(opened.engine)).toEqual(await present(source.engine));
});

test("an export keeps what it reads until it ends", async () => {
  const opened = await filled();
  const { service } = opened.engine;
  const [{ id: collectionId }] = (await service.listCollections(scope)) as unknown as [{ id: string }];
  const { snapshot } = await service.beginExport({ collectionId });
  await rotate(opened.engine);
  for (let i = 0; i < 20; i++) {
    await opened.environment.yieldToEventLoop();
    opened.environment.advance(1000);
  }
  expect(await service.keyRotation()).toMatchObject({ error: null });
  expect((await service.readExport({ collectionId, snapshot, from: 0, include: ["documents"] })).ids).toHaveLength(7);
  await service.endExport({ collectionId, snapshot });
  await rotated(opened);
});

test("another rotation while one is under way: the last key opens, with a secret that is newer than all before", async () => {
  const opened = await filled();
  const before = await contents(opened.engine);
  const third = await newKey();
  await Promise.all([rotate(opened.engine, {}, "1"), rotate(opened.engine, { key: third }, "2")]);
  await rotated(opened);
  await rotate(opened.engine, { key: oldKey!, reencrypt: false }, "3");
  expect((await keyRow(opened.below)).keyVersion).toBe(2);
  await rotate(opened.engine, { key: third }, "4");
  await opened.environment.yieldToEventLoop();
  await rotate(opened.engine, {}, "5");
  await rotated(opened);
  expect(await contents(opened.engine)).toEqual(before);
  expect((await keyRow(opened.below)).keyVersion).toBeGreaterThanOrEqual(3);
  await opened.engine.close();
  const disk = opened.below.reopen();
  for (const key of [oldKey!, third]) await expect(encrypted(disk, key)).rejects.toMatchObject(wrong);
  expect(await contents((await open(disk, newOne!)).engine)).toEqual(before);
});

test("without encrypting anew the secret stays, and the former key opens nothing all the same", async () => {
  const opened = await filled();
  const rows = await opened.below.catalog.list("encrypted/");
  expect(await rotate(opened.engine, { reencrypt: false })).toEqual({ keyRotation: null });
  expect(await opened.below.catalog.list("encrypted/")).toEqual(rows);
  expect((await keyRow(opened.below)).version).toBe(1);
  await expect(opened.above.checkKey!(oldKey!)).rejects.toMatchObject(wrong);
  await opened.above.checkKey!(newOne!);
  await opened.engine.close();
  await open(opened.below.reopen(), newOne!);
});

test("a request that comes again does nothing again; a key that is none is refused before anything is written", async () => {
  const opened = await filled();
  await rotate(opened.engine, {}, "same");
  await rotated(opened);
  const row = await opened.below.catalog.get(encryptionKey);
  await rotate(opened.engine, {}, "same");
  const signs = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  for (const bad of [{ key: signs }, { key: {} }, { reencrypt: "yes" as unknown as boolean }]) {
    await expect(rotate(opened.engine, bad, "other")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  }
  expect(await opened.below.catalog.get(encryptionKey)).toEqual(row);
  const plain = await openedEngine(await openMemoryStorage("plain"));
  expect(await rotate(plain)).toBeNull();
  expect((await plain.service.info()).keyRotation).toBeNull();
});

test("where there is no room it is told, and tried again after a minute", async () => {
  const opened = await filled();
  await opened.engine.close();
  for (let at = 4; at < 12; at += 2) {
    const below = opened.below.reopen({ fail: { at, error: "quota" } });
    const one = await open(below, at === 4 ? oldKey! : newOne!, opened.environment.ids);
    await rotate(one.engine, {}, `${at}`).catch((error: TidepoolError) => expect(error.code).toBe("QUOTA_EXCEEDED"));
    const told = await rotated(one, ({ error }) => error !== null);
    if (told !== null) expect(told.error).toMatchObject({ code: "QUOTA_EXCEEDED" });
    if (told === null && !(await opensWith(below, newOne!))) await rotate(one.engine, {}, `again ${at}`);
    await rotated(one);
    await one.engine.close();
    opened.below = below;
  }
});

test("a damaged block is told, and the former secret stays until it is gone", async () => {
  const opened = await filled();
  await opened.engine.close();
  const below = opened.below.reopen();
  const extents: Extent[] = [];
  const readOf = below.blobs.read.bind(below.blobs);
  below.blobs.read = async (ranges) => {
    extents.push(...ranges.map(({ extent }) => extent));
    const { arena, offset } = extents[0]!;
    const found = await readOf(ranges);
    return found.map((bytes, i) => (ranges[i]!.extent.arena === arena && ranges[i]!.extent.offset === offset ? bytes.fill(0) : bytes));
  };
  const again = await open(below, oldKey!, opened.environment.ids);
  await rotate(again.engine);
  expect((await rotated(again, ({ error }) => error !== null))!.error).toMatchObject({ code: "CORRUPTION" });
  expect((await keyRow(below)).former).toBeDefined();
  for (const name of ["one", "fork"]) await again.engine.service.deleteCollection({ ...scope, name });
  await rotated(again);
  expect((await keyRow(below)).former).toBeUndefined();
});

test("what is put back after the end is damage: a record, a row, a block", async () => {
  const opened = await filled();
  const { below, above } = opened;
  const [{ id }] = (await opened.engine.service.listCollections(scope)) as unknown as [{ id: string }];
  const [old] = await below.log.read(id, 0, Infinity);
  const rows = await below.catalog.list("encrypted/");
  await rotate(opened.engine);
  await rotated(opened);
  await below.log.append([old!], undefined, false, true);
  await below.catalog.commit({ put: new Map(rows) });
  const nothing = new Uint8Array(0);
  expect((await above.log.read(id, 0, Infinity)).find(({ offset }) => offset === old!.offset)!.bytes).toEqual(nothing);
  const listed = await above.catalog.list("");
  expect(listed.length).toBeLessThanOrEqual(rows.length);
  const extent = await above.blobs.write(pattern(9));
  expect(extent.keyVersion).toBe(2);
  const former = { ...extent };
  delete former.keyVersion;
  await expect(above.blobs.read([{ extent: former, start: 0, length: 9 }])).rejects.toMatchObject({ code: "CORRUPTION" });
});

test("a block that is moved while it is read is read as it was", async () => {
  const below = await openMemoryStorage();
  const above = await encrypted(below, oldKey!);
  await above.blobs.retain([]);
  const [extent, copy] = [await above.blobs.write(pattern(99)), await above.blobs.write(pattern(99))];
  const read = above.blobs.read([{ extent, start: 0, length: 99 }]);
  Object.assign(extent, copy);
  expect(await read).toEqual([pattern(99)]);
});

test("who only reads has both secrets while there are two", async () => {
  const opened = await filled();
  const extent = await opened.above.blobs.write(pattern(50));
  const { restore } = await opened.engine.service.beginRestore({ mode: "merge" });
  await rotate(opened.engine);
  await begun(opened);
  const keys = await DatabaseKeys.read("test", (await opened.below.catalog.get(encryptionKey))!, newOne!);
  expect(keys.all.map(({ version }) => version)).toEqual([2, 1]);
  const reader = new EncryptedBlobReader(opened.below.blobs, keys);
  expect(await reader.read([{ extent, start: 0, length: 50 }])).toEqual([pattern(50)]);
  await opened.engine.service.abortRestore({ restore });
});

test("in a directory the journal has neither the former row nor what was encrypted with the former secret", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tidepool-rotation-"));
  try {
    const options = { durability: "strict" as const, now: () => 0, lost: () => undefined };
    const below = await openDirectoryStorage(directory, options);
    const environment = new TestEnvironment();
    const above = await encrypted(below, oldKey!);
    const engine = await openedEngine(above, { environment });
    const { id } = await engine.service.createCollection({ ...scope, name: "one", metadata: null, configuration: {}, getOrCreate: false });
    await engine.service.write({ collectionId: id, operation: "add", records: records(["a"]) });
    const { secret } = await keyRow(below);
    const before = await contents(engine);
    const rows = (await below.catalog.list("encrypted/")).map(([, bytes]) => Buffer.from(bytes).subarray(0, 40));
    const [entry] = await below.log.read(id, 0, Infinity);
    const needles = [Buffer.from(secret), Buffer.from(entry!.bytes).subarray(0, 40), ...rows];
    const found = async () => {
      const files = (await readdir(directory)).filter((name) => name.startsWith("journal"));
      const bytes = Buffer.concat(await Promise.all(files.map((name) => readFile(join(directory, name)))));
      return needles.filter((needle) => bytes.includes(needle)).length;
    };
    expect(await found()).toBe(needles.length);
    await rotate(engine);
    const opened = { engine, environment } as Opened;
    await rotated(opened);
    expect(await found()).toBe(0);
    expect(await contents(engine)).toEqual(before);
    await engine.close();
    const again = await openedEngine(await encrypted(await openDirectoryStorage(directory, options), newOne!));
    expect(await contents(again)).toEqual(before);
    await again.close();
  } finally {
    await rm(directory, { recursive: true });
  }
});
