/** What is stored says nothing without the key, and is not believed where it was changed, moved or put back. */
import { expect, test } from "vitest";
import { passphraseKey } from "../../api/passphrase-key.js";
import { Engine } from "../../core/engine.js";
import { referenceKernel } from "../../core/index/vector/reference-kernel.js";
import type { Extent, LogEntry, Storage } from "../../core/storage.js";
import type { RecordBatch } from "../../core/types.js";
import { encrypted, loadEncryption, newKey } from "../../testing/encryption.js";
import { TestEnvironment } from "../../testing/environment.js";
import { openedEngine } from "../../testing/opened-engines.js";
import { type ConformanceTarget, conformanceCases, pattern, runConformanceCase } from "../../testing/storage-conformance.js";
import { openMemoryStorage } from "../memory/memory-storage.js";
import { Cipher } from "./cipher.js";
import { encryptionKey } from "./encryption-row.js";

const scope = { tenant: "default_tenant", database: "default_database" };
const key = await newKey();
const target: ConformanceTarget = {
  open: async (name) => encrypted(await openMemoryStorage(name), key),
  capabilities: { arenas: false },
};
let names = 0;
const newName = (): string => `encrypted-${++names}`;

test.each(conformanceCases(target.capabilities).map(({ name }) => name))("conformance: %s", (name) => runConformanceCase(name, target));

/** A storage and the one below it. */
async function opened(name = newName()): Promise<{ above: Storage; below: Storage; name: string }> {
  const below = await openMemoryStorage(name);
  const above = await encrypted(below, key);
  return { above, below, name };
}

/** All bytes that memory keeps, and all names. */
async function everything(below: Storage, ids: readonly string[], extents: readonly Extent[]): Promise<Buffer> {
  const rows = (await below.catalog.list("")).flatMap(([name, bytes]) => [Buffer.from(name), Buffer.from(bytes)]);
  const logs = await Promise.all(ids.flatMap((id) => [below.log.read(id, 0, Infinity), below.log.tail(id)] as const));
  const log = logs.flatMap((part) => (Array.isArray(part) ? part.map(({ bytes }) => Buffer.from(bytes)) : Buffer.from(part ?? [])));
  const blobs = await below.blobs.read(extents.map((extent) => ({ extent, start: 0, length: extent.length })));
  return Buffer.concat([...rows, ...log, ...blobs.map((bytes) => Buffer.from(bytes))]);
}

function records(ids: string[], document: string): RecordBatch {
  const values = Float32Array.from({ length: ids.length * 4 }, (_, i) => 1.2345 + i);
  const metadatas = ids.map(() => ({ "hidden-key": "hidden-value" }));
  return { ids, embeddings: { dimension: 4, values, present: null }, documents: ids.map(() => document), metadatas, uris: null };
}

test("nothing of what an engine stores can be read below: names, keys, texts, vectors", async () => {
  const { above, below } = await opened();
  const extents: Extent[] = [];
  const { blobs } = below;
  const write = blobs.write.bind(blobs);
  blobs.write = async (...args) => {
    extents.push(await write(...args));
    return extents.at(-1)!;
  };
  const { service, compact } = await openedEngine(above).then((engine) => ({
    service: engine.service,
    compact: engine.compact.bind(engine),
  }));
  const { id } = await service.createCollection({ ...scope, name: "hidden-name", metadata: null, configuration: {}, getOrCreate: false });
  await service.createDatabase({ tenant: scope.tenant, name: "hidden-database" });
  await service.write({ collectionId: id, operation: "add", records: records(["hidden-id-1", "hidden-id-2"], "hidden-document") });
  await compact(id);
  await service.write({ collectionId: id, operation: "add", records: records(["hidden-id-3"], "hidden-document") });
  const bytes = await everything(
    below,
    [id],
    extents.filter((extent) => below.blobs.holds([extent])),
  );
  expect(bytes.length).toBeGreaterThan(2000);
  expect(bytes.includes("hidden")).toBe(false);
  expect(bytes.includes(Buffer.from(Float32Array.of(1.2345, 2.2345).buffer))).toBe(false);
  expect((await service.get({ collectionId: id, include: ["documents"], where: { "hidden-key": "hidden-value" } })).ids).toHaveLength(3);
});

test("every bit that is flipped is noticed, and every byte that is missing", async () => {
  const cipher = new Cipher(key);
  const bytes = await cipher.encrypt(pattern(9), "place");
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const flipped = bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
    expect(await cipher.decrypt(flipped, "place")).toBeNull();
  }
  for (let length = 0; length < bytes.length; length++) expect(await cipher.decrypt(bytes.slice(0, length), "place")).toBeNull();
  expect(await cipher.decrypt(bytes, "places")).toBeNull();
  expect(await cipher.decrypt(bytes, "place")).toEqual(pattern(9));
});

test("damaged rows come back as what nobody takes for one, damaged chunks as an error", async () => {
  const { above, below } = await opened();
  await above.blobs.retain([]);
  const extent = await above.blobs.write(pattern(20_000));
  await above.log.append([{ collectionId: "a", offset: 1, bytes: pattern(9) }], new Map([["a", pattern(9)]]));
  await above.catalog.commit({ put: new Map([["row", pattern(9)]]) });
  const damaged = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => byte ^ Number(i === bytes.length - 1));
  const [name, row] = (await below.catalog.list("encrypted/"))[0]!;
  const [entry] = (await below.log.read("a", 0, Infinity)) as [LogEntry];
  const tail = (await below.log.tail("a"))!;
  const { read } = below.blobs;
  below.blobs.read = async (ranges) => (await read.call(below.blobs, ranges)).map(damaged);
  await below.catalog.commit({ put: new Map([[name, damaged(row)]]), truncateLog: [{ collectionId: "a", upTo: Infinity }] });
  await below.log.append([{ ...entry, bytes: damaged(entry.bytes) }], new Map([["a", damaged(tail)]]));
  for (const start of [3, 17_000]) {
    await expect(above.blobs.read([{ extent, start, length: 2 }])).rejects.toMatchObject({ code: "CORRUPTION" });
  }
  const nothing = new Uint8Array(0);
  expect([await above.catalog.get("row"), await above.catalog.list(""), await above.log.tail("a")]).toEqual([nothing, [], nothing]);
  expect((await above.log.read("a", 0, Infinity))[0]!.bytes).toEqual(nothing);
});

test("what stands in another's place, or is older than what was written last, is not believed", async () => {
  const { above, below } = await opened();
  const { log, catalog, blobs } = above;
  await log.append([1, 2].map((offset) => ({ collectionId: "a", offset, bytes: pattern(offset) })));
  await catalog.commit({ put: new Map([["x", pattern(5)], ["y", pattern(6)]]) }); // biome-ignore format: one line
  const [first, second] = await below.log.read("a", 0, Infinity);
  await below.catalog.commit({ truncateLog: [{ collectionId: "a", upTo: 2 }] });
  await below.log.append([
    { ...first!, bytes: second!.bytes },
    { ...first!, collectionId: "b" },
  ]);
  expect([...(await log.read("a", 0, Infinity)), ...(await log.read("b", 0, Infinity))].map(({ bytes }) => bytes.length)).toEqual([0, 0]);
  const [[one, ofOne], [other, ofOther]] = (await below.catalog.list("encrypted/")) as [[string, Uint8Array], [string, Uint8Array]];
  await below.catalog.commit({ put: new Map([[one, ofOther], [other, ofOne]]) }); // biome-ignore format: one line
  expect([await catalog.get("x"), await catalog.get("y")]).toEqual([new Uint8Array(0), new Uint8Array(0)]);
  await blobs.retain([]);
  const [older, newer] = [await blobs.write(pattern(99)), await blobs.write(pattern(99))];
  const swapped = { ...older, writeId: newer.writeId! };
  await expect(blobs.read([{ extent: swapped, start: 0, length: 1 }])).rejects.toMatchObject({ code: "CORRUPTION" });
});

test("ranges of long blobs are read by their chunks, and into memory that is given", async () => {
  const { above, below } = await opened();
  await above.blobs.retain([]);
  const bytes = pattern(50_000);
  const [extent, empty] = [await above.blobs.write(bytes), await above.blobs.write(new Uint8Array(0))];
  const asked: number[] = [];
  const { read } = below.blobs;
  below.blobs.read = (ranges) => {
    asked.push(...ranges.map(({ length }) => length));
    return read.call(below.blobs, ranges);
  };
  const starts = [0, 16_380, 16_384, 49_990, 0, 7, 50_000];
  const ranges = [10, 10, 16_384, 10, 50_000, 0, 0].map((length, i) => [starts[i]!, length] as const);
  const into = new Uint8Array(60_000);
  const found = await above.blobs.read(ranges.map(([start, length], i) => ({ extent, start, length, ...(i === 4 && { into }) })));
  expect(found).toEqual(ranges.map(([start, length]) => bytes.slice(start, start + length)));
  expect(found[4]!.buffer).toBe(into.buffer);
  expect(asked.slice(0, 4)).toEqual([16_412, 32_824, 16_412, 876]);
  expect(await above.blobs.read([{ extent: empty, start: 0, length: 0 }])).toEqual([new Uint8Array(0)]);
  await above.blobs.release([extent]);
  const lost = above.blobs.retain([empty, extent]);
  await expect(lost).rejects.toMatchObject({ code: "CORRUPTION", details: { extents: [{ arena: extent.arena, length: 50_000 }] } });
});

test("a fork's log is read as the copy that it is, and goes on by itself; one that is dropped begins anew", async () => {
  const { above, name } = await opened();
  const texts = async (storage: Storage, id: string) => (await storage.log.read(id, 0, Infinity)).map(({ bytes }) => bytes.length);
  await above.log.append([{ collectionId: "a", offset: 1, bytes: pattern(1) }], new Map([["a", pattern(9)]]));
  await above.catalog.commit({ copyLog: { from: "a", to: "b", after: 0 } });
  await above.catalog.commit({ copyLog: { from: "b", to: "c", after: 0 } });
  await above.log.append([{ collectionId: "c", offset: 2, bytes: pattern(2) }]);
  const again = await encrypted(await openMemoryStorage(name), key);
  expect([await texts(again, "b"), await texts(again, "c"), await again.log.tail("c")]).toEqual([[1], [1, 2], pattern(9)]);
  await again.catalog.commit({ truncateLog: [{ collectionId: "c", upTo: Infinity }] });
  await again.log.append([{ collectionId: "c", offset: 1, bytes: pattern(3) }]);
  expect(await texts(again, "c")).toEqual([3]);
  expect(await again.catalog.list("")).toEqual([]);
});

const wrong = (reason: string) => ({ code: "WRONG_KEY", details: { reason } });

test("another key, none, or one for a database that has none, is told before anything is written", async () => {
  const { above, below, name } = await opened();
  await openedEngine(above);
  const rows = await below.catalog.list("");
  const open = async (given: object | undefined) => encrypted(await openMemoryStorage(name), given);
  await expect(open(await newKey())).rejects.toMatchObject(wrong("wrong"));
  await expect(open(undefined)).rejects.toMatchObject(wrong("missing"));
  await expect(open(await passphraseKey("x"))).rejects.toMatchObject(wrong("wrong"));
  await expect(above.checkKey!(await newKey())).rejects.toMatchObject(wrong("wrong"));
  await above.checkKey!(key);
  expect(await below.catalog.list("")).toEqual(rows);
  const plain = newName();
  await openedEngine(await openMemoryStorage(plain));
  await expect(encrypted(await openMemoryStorage(plain), key)).rejects.toMatchObject(wrong("unencrypted"));
});

test("a release that knows nothing of encryption refuses the database", async () => {
  const { above, below } = await opened();
  await openedEngine(above);
  await expect(openedEngine(below)).rejects.toMatchObject({ code: "FORMAT_TOO_NEW" });
});

test("a passphrase opens what it has encrypted, in whatever form of Unicode it is typed", async () => {
  const name = newName();
  const first = await encrypted(await openMemoryStorage(name), await passphraseKey("caf\u00e9"));
  await first.catalog.commit({ put: new Map([["x", pattern(3)]]) });
  const below = await openMemoryStorage(name);
  const again = await encrypted(below, await passphraseKey("cafe\u0301"));
  expect(await again.catalog.get("x")).toEqual(pattern(3));
  const { derivation } = JSON.parse(new TextDecoder().decode((await below.catalog.get(encryptionKey))!)) as Record<string, object>;
  expect(derivation).toEqual({ iterations: 600_000, salt: expect.stringMatching(/^.{22}==$/) });
  await expect(encrypted(below, await passphraseKey("tea"))).rejects.toMatchObject(wrong("wrong"));
});

test.each([
  [{}, "got {}"],
  ["key", 'got "key"'],
])("%j is no key", async (odd, got) => {
  const below = await openMemoryStorage(newName());
  await expect(encrypted(below, odd as object)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(got) });
});

test("a key that is good for something else is refused by what it is good for", async () => {
  const signs = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const opening = encrypted(await openMemoryStorage(newName()), signs);
  await expect(opening).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining("HMAC with the usages sign") });
});

test.each(["", "{", "{}", '{"version":1}', '{"version":1,"derivation":{"salt":"","iterations":1e99},"secret":""}'])(
  "%j in the place of the keys is damage",
  async (text) => {
    const below = await openMemoryStorage(newName());
    await below.catalog.commit({ put: new Map([[encryptionKey, new TextEncoder().encode(text)]]) });
    await expect(encrypted(below, key)).rejects.toMatchObject({ code: "CORRUPTION" });
  },
);

test("keys in a form of a later release are too new", async () => {
  const below = await openMemoryStorage(newName());
  await below.catalog.commit({ put: new Map([[encryptionKey, new TextEncoder().encode('{"version":3}')]]) });
  await expect(encrypted(below, key)).rejects.toMatchObject({ code: "FORMAT_TOO_NEW", details: { found: 3, supported: 2 } });
});

test("a damaged row of a collection is read from its spare", async () => {
  const { above, below, name } = await opened();
  const engine = await openedEngine(above);
  await engine.service.createCollection({ ...scope, name: "notes", metadata: null, configuration: {}, getOrCreate: false });
  await engine.close();
  const damaged = await openMemoryStorage(name);
  const store = await encrypted(damaged, key);
  const row = (await store.catalog.list("collection/"))[0]!;
  for (const [stored, bytes] of await below.catalog.list("").catch(() => damaged.catalog.list(""))) {
    if (!stored.startsWith("encrypted/")) continue;
    const before = (await store.catalog.list("collection/")).length;
    await damaged.catalog.commit({ put: new Map([[stored, bytes.map((byte) => byte ^ 1)]]) });
    if ((await store.catalog.list("collection/")).length < before) break;
    await damaged.catalog.commit({ put: new Map([[stored, bytes]]) });
  }
  expect(await store.catalog.get(row[0])).toEqual(new Uint8Array(0));
  const options = { path: "test", storage: "memory", durability: "strict", allowReset: false } as const;
  const parts = { storage: store, kernel: referenceKernel, environment: new TestEnvironment(), options };
  const mended = await Engine.open(parts);
  const [found] = await mended.service.listCollections(scope);
  await mended.service.modifyCollection({ collectionId: found!.id, name: "mended" });
  await mended.close();
  const last = await openedEngine(await encrypted(await openMemoryStorage(name), key));
  expect((await last.service.listCollections(scope)).map((one) => one.name)).toEqual(["mended"]);
  expect((await last.service.info()).warnings).toEqual([]);
});

test("what encrypts is loaded only where there is something to encrypt", async () => {
  expect((await loadEncryption.encryption()).encryptedStorage).toBeTypeOf("function");
  await expect(encrypted(await openMemoryStorage(newName()), undefined)).resolves.not.toHaveProperty("checkKey");
});
