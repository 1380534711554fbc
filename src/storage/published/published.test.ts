/** Databases that were published, read from a real server of HTTP: answers, requests, and everything that may be wrong on the way. */
import { afterEach, describe, expect, test } from "vitest";
import { TidepoolClient, type TidepoolClientOptions } from "../../api/client.js";
import type { Collection } from "../../api/collection.js";
import { K } from "../../api/search/key.js";
import { memoryHost, type OpenFile, openTestClient } from "../../testing/client.js";
import { Random } from "../../testing/environment.js";
import { MemoryFolder, type PublishedHost, servePublished } from "../../testing/published-host.js";
import { TestWorker } from "../../testing/worker.js";
import type { CacheFile } from "./published-tools.js";

const DIMENSION = 96;
const hosts: PublishedHost[] = [];
const clients: TidepoolClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(hosts.splice(0).map((host) => host.close()));
});

async function serve(folder: MemoryFolder): Promise<PublishedHost> {
  const host = await servePublished(folder);
  hosts.push(host);
  return host;
}

function openSourceOf({ url }: PublishedHost, options: TidepoolClientOptions = {}, openFile?: OpenFile): TidepoolClient {
  const worker = TestWorker.factory(() => memoryHost(undefined, undefined, openFile === undefined ? {} : { openFile }));
  const client = new TidepoolClient({ source: url, storage: "memory", worker, ...options });
  clients.push(client);
  return client;
}

const words = ["tide", "ebb", "moon", "pool", "crab", "wave", "shore", "salt"];

async function add(notes: Collection, from: number, count: number): Promise<void> {
  const random = new Random(from + 1);
  const ids = Array.from({ length: count }, (_, i) => `n${from + i}`);
  await notes.add({
    ids,
    embeddings: ids.map(() => Array.from({ length: DIMENSION }, () => random.next() - 0.5)),
    documents: ids.map((id) => `${id} ${words[random.below(8)]} ${words[random.below(8)]} ${"of the sea ".repeat(20)}`),
    metadatas: ids.map((_, i) => ({ year: i % 50, kind: words[i % 8]! })),
  });
}

async function filled(count = 800): Promise<{ client: TidepoolClient; notes: Collection }> {
  const client = openTestClient();
  clients.push(client);
  const notes = await client.createCollection({ name: "notes", metadata: { arena: 1, offset: 2 }, embeddingFunction: null });
  await add(notes, 0, count);
  await client.createCollection({ name: "empty", embeddingFunction: null });
  return { client, notes };
}

const query = Array.from({ length: DIMENSION }, (_, d) => Math.sin(d));

async function answersOf(client: TidepoolClient): Promise<unknown> {
  const notes = await client.getCollection({ name: "notes", embeddingFunction: null });
  return {
    names: (await client.listCollections()).map(({ name, metadata }) => [name, metadata]),
    count: await notes.count(),
    counted: await client.countCollections(),
    get: await notes.get({ ids: ["n3", "n199", "none"], include: ["documents", "embeddings", "metadatas"] }),
    where: (await notes.get({ where: { $and: [{ year: { $gte: 45 } }, { kind: "crab" }] } })).ids,
    contains: (await notes.get({ whereDocument: { $contains: "moon tide" } })).ids,
    query: await notes.query({ queryEmbeddings: [query], nResults: 10, include: ["documents", "distances"], where: { year: { $lt: 40 } } }),
    text: (await notes.searchText({ query: "moon crab", nResults: 5 })).ids,
    hybrid: (await notes.hybrid({ queryText: "ebb", queryEmbedding: query, nResults: 5 })).ids,
    facets: await notes.facets({ keys: ["kind"] }),
    search: (await notes.search({ rank: { $knn: { query, limit: 20 } }, limit: 5, select: [K.ID, K.SCORE] } as never)).ids,
  };
}

describe("a published database", () => {
  test("answers as the one that was published, also what was written while it was being published", async () => {
    const { client, notes } = await filled();
    const folder = new MemoryFolder();
    const report = await client.publish(folder);
    expect(report).toMatchObject({ collections: 2, records: 800, files: [expect.stringMatching(/^blocks-.*\.bin$/), "tidepool.json"] });
    expect(report.bytes).toBe([...folder.files.values()].reduce((sum, { length }) => sum + length, 0));
    const host = await serve(folder);
    for (const ranges of ["several", "single"] as const) {
      host.ranges = ranges;
      expect(await answersOf(openSourceOf(host))).toEqual(await answersOf(client));
    }
    const source = openSourceOf(host);
    expect((await source.verify({ deep: true })).isSound).toBe(true);
    expect((await source.info()).storage).toBe("published");
    await notes.delete({ ids: ["n3"] });
    expect((await (await source.getCollection({ name: "notes" })).get({ ids: ["n3"] })).ids).toEqual(["n3"]);
  });

  test("has what no block has yet", async () => {
    const { client, notes } = await filled(300);
    const folder = new MemoryFolder();
    let writing: Promise<void> | null = null;
    // The engine has compacted by then, and the moment of the publication is still to come.
    const { getFileHandle } = MemoryFolder.prototype;
    const connection = Reflect.ownKeys(TidepoolClient.prototype).find((key) => String(key).includes("connection")) as never;
    const { call } = client[connection] as { call(method: string, ...rest: unknown[]): Promise<unknown> };
    (client[connection] as { call: unknown }).call = async function (this: unknown, method: string, ...rest: unknown[]) {
      if (method === "beginBackup") await (writing ??= add(notes, 5000, 40));
      return call.call(this, method, ...rest);
    };
    folder.getFileHandle = getFileHandle;
    await client.publish(folder);
    const manifest = JSON.parse(new TextDecoder().decode(folder.files.get("tidepool.json")));
    expect(manifest.entries.length).toBeGreaterThan(0);
    expect(await answersOf(openSourceOf(await serve(folder)))).toEqual(await answersOf(client));
  });

  test("asks for little: of what a query touches, in few requests", async () => {
    const { client } = await filled(3000);
    const folder = new MemoryFolder();
    const { bytes } = await client.publish(folder);
    const host = await serve(folder);
    const source = openSourceOf(host);
    const notes = await source.getCollection({ name: "notes", embeddingFunction: null });
    expect(host.requests.map(({ name }) => name)).toEqual(["tidepool.json"]);
    const asked = { queryEmbeddings: [query], nResults: 10 };
    const { ids } = await notes.query(asked);
    expect(ids).toEqual((await (await client.getCollection({ name: "notes", embeddingFunction: null })).query(asked)).ids);
    expect(host.requests.length - 1).toBeLessThanOrEqual(5);
    const before = host.requests.length;
    await notes.query(asked);
    expect(host.requests.length).toBe(before);
    const other = await openSourceOf(host).getCollection({ name: "notes", embeddingFunction: null });
    expect((await other.get({ ids: ["n1500"] })).ids).toEqual(["n1500"]);
    const read = host.requests.slice(before).flatMap(({ range }) => [...(range ?? "").matchAll(/(\d+)-(\d+)/g)]);
    expect(read.reduce((sum, [, from, last]) => sum + Number(last) - Number(from) + 1, 0)).toBeLessThan(bytes / 2);
  });

  test("has a short index come as a whole, with lists as without", async () => {
    const { client } = await filled(200);
    const lists = await client.createCollection({ name: "lists", configuration: { spann: {} }, embeddingFunction: null });
    await add(lists, 0, 200);
    const folder = new MemoryFolder();
    await client.publish(folder);
    const host = await serve(folder);
    for (const name of ["notes", "lists"]) {
      const notes = await openSourceOf(host).getCollection({ name, embeddingFunction: null });
      const before = host.requests.length;
      expect((await notes.query({ queryEmbeddings: [query], nResults: 10 })).ids[0]!.length).toBe(10);
      expect(host.requests.length - before, name).toBeLessThanOrEqual(5);
    }
  });

  test("refuses what would change it, and lets others open what is there", async () => {
    const { client } = await filled(50);
    const folder = new MemoryFolder();
    await client.publish(folder);
    const source = openSourceOf(await serve(folder), { allowReset: true });
    const notes = await source.getOrCreateCollection({ name: "notes", embeddingFunction: null });
    const other = openTestClient();
    clients.push(other);
    await add(await other.createCollection({ name: "others", embeddingFunction: null }), 0, 5);
    const refused: (() => Promise<unknown>)[] = [
      () => notes.add({ ids: ["x"], embeddings: [query] }),
      () => notes.upsert({ ids: ["n1"], documents: ["x"], embeddings: [query] }),
      () => notes.update({ ids: ["n1"], documents: ["x"], embeddings: [query] }),
      () => notes.delete({ ids: ["n1"] }),
      () => notes.modify({ name: "other" }),
      () => notes.fork({ name: "fork" }),
      () => source.createCollection({ name: "more", embeddingFunction: null }),
      () => source.getOrCreateCollection({ name: "another", embeddingFunction: null }),
      () => source.deleteCollection({ name: "notes" }),
      () => source.vacuum(),
      () => source.reset(),
      () => source.publish(new MemoryFolder()),
      () => source.restore(other.backup(), { mode: "merge" }),
      () =>
        notes.conditional().run(async (txn) => {
          await txn.get({ ids: ["n1"] });
          await txn.update({ ids: ["n1"], metadatas: [{ year: 3 }] });
        }),
    ];
    for (const call of refused) await expect(call(), String(call)).rejects.toMatchObject({ code: "READ_ONLY", message: /read-only/ });
    expect(await notes.count()).toBe(50);
    const copy = openTestClient();
    clients.push(copy);
    await copy.restore(source.backup(), { mode: "new" });
    expect(await answersOf(copy)).toEqual(await answersOf(client));
  });

  test("is published anew by what is new, and by a manifest at the end", async () => {
    const { client, notes } = await filled(2000);
    const folder = new MemoryFolder();
    const first = await client.publish(folder);
    const again = await client.publish(folder);
    expect(again.files).toEqual(first.files);
    expect(again.bytesWritten).toBeLessThan(first.bytes / 20);
    const before = [...folder.files];
    await add(notes, 10_000, 10);
    folder.closing = (name) => {
      if (name === "tidepool.json") throw new Error("the disk is full");
    };
    await expect(client.publish(folder)).rejects.toThrow("the disk is full");
    expect(folder.files.size).toBe(before.length);
    expect(before.every(([name, bytes]) => folder.files.get(name) === bytes)).toBe(true);
    folder.closing = () => undefined;
    const { bytesWritten, files } = await client.publish(folder);
    expect(bytesWritten).toBeLessThan(first.bytes);
    expect(files.length).toBe(3);
    expect(await answersOf(openSourceOf(await serve(folder)))).toEqual(await answersOf(client));
  });

  test("in short files is read from all of them, and nothing stays that nobody names", async () => {
    const { client, notes } = await filled(3000);
    const folder = new MemoryFolder();
    const { files } = await client.publish(folder, { fileBytesMax: 1024 * 1024 });
    expect(files.length).toBeGreaterThan(2);
    expect(Math.max(...[...folder.files.values()].map(({ length }) => length))).toBeLessThanOrEqual(1024 * 1024);
    expect(await answersOf(openSourceOf(await serve(folder)))).toEqual(await answersOf(client));
    await notes.delete({ where: { year: { $gte: 0 } } });
    await client.publish(folder);
    const last = await client.publish(folder);
    expect([...folder.files.keys()].sort()).toEqual(last.files.sort());
  });

  test("stops by its signal and tells how far it is", async () => {
    const { client } = await filled(500);
    const folder = new MemoryFolder();
    const aborting = new AbortController();
    const publishing = client.publish(folder, { signal: aborting.signal, onProgress: () => aborting.abort() });
    await expect(publishing).rejects.toMatchObject({ code: "ABORTED" });
    expect([...folder.files.keys()]).toEqual([]);
    await expect(client.publish({} as never)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: /directory/ });
    for (const options of [{ fileBytesMax: 5 }, { onProgress: 1 }, { versions: true }])
      await expect(client.publish(folder, options as never)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("what is wrong on the way", () => {
  async function published(count = 600) {
    const { client } = await filled(count);
    const folder = new MemoryFolder();
    await client.publish(folder);
    const host = await serve(folder);
    const blocks = [...folder.files.keys()].find((name) => name.startsWith("blocks-"))!;
    return { client, folder, host, blocks };
  }

  test("bytes that were changed anywhere are CORRUPTION, and never an answer", async () => {
    const { client, folder, host, blocks } = await published();
    const whole = await answersOf(client);
    const random = new Random(5);
    for (let round = 0; round < 6; round++) {
      for (const name of [blocks, "tidepool.json"]) {
        const bytes = folder.files.get(name)!;
        const damaged = bytes.slice();
        damaged[random.below(damaged.length)]! ^= 1 << random.below(8);
        folder.files.set(name, damaged);
        const answers = await answersOf(openSourceOf(host)).catch((error: { code: string }) => error.code);
        if (answers !== "CORRUPTION" && answers !== "FORMAT_TOO_NEW") expect(answers, name).toEqual(whole);
        if (name !== blocks) expect(["CORRUPTION", "FORMAT_TOO_NEW"]).toContain(answers);
        folder.files.set(name, bytes);
      }
    }
    folder.files.set(
      blocks,
      folder.files.get(blocks)!.map((byte) => byte ^ 1),
    );
    await expect(answersOf(openSourceOf(host))).rejects.toMatchObject({ code: "CORRUPTION", message: new RegExp(blocks) });
    folder.files.set(blocks, new Uint8Array(100));
    await expect(answersOf(openSourceOf(host))).rejects.toMatchObject({ code: "CORRUPTION" });
  });

  test("a host without ranges, without the files, or away is told as what it is", async () => {
    const { folder, host, blocks } = await published(200);
    host.ranges = "none";
    await expect(answersOf(openSourceOf(host))).rejects.toMatchObject({ code: "NOT_SUPPORTED", message: /range requests/ });
    host.ranges = "several";
    const bytes = folder.files.get(blocks)!;
    folder.files.delete(blocks);
    await expect(answersOf(openSourceOf(host))).rejects.toMatchObject({ code: "NOT_FOUND", details: { status: 404 } });
    folder.files.set(blocks, bytes);
    folder.files.delete("tidepool.json");
    await expect(answersOf(openSourceOf(host))).rejects.toMatchObject({ code: "NOT_FOUND", message: /tidepool\.json/ });
    folder.files.set("tidepool.json", new TextEncoder().encode("<!doctype html>"));
    await expect(answersOf(openSourceOf(host))).rejects.toMatchObject({ code: "CORRUPTION", message: /no manifest/ });
    folder.files.set("tidepool.json", new TextEncoder().encode('{"tidepool":2,"crc32":"00000000",}'));
    await expect(answersOf(openSourceOf(host))).rejects.toMatchObject({ code: "FORMAT_TOO_NEW" });
    host.failures.push(403);
    await expect(answersOf(openSourceOf(host))).rejects.toMatchObject({ code: "SERVER_ERROR", details: { status: 403 } });
    await host.close();
    await expect(answersOf(openSourceOf(host))).rejects.toMatchObject({ code: "CONNECTION_LOST", message: /cannot be reached/ });
  });

  test("a host that is busy, or breaks off, is asked again", async () => {
    const { client, host } = await published(200);
    host.failures.push(503, "break off", 429);
    const source = openSourceOf(host);
    const notes = await source.getCollection({ name: "notes", embeddingFunction: null });
    host.failures.push("break off", 500);
    const asked = { queryEmbeddings: [query], nResults: 3 };
    expect((await notes.query(asked)).ids).toEqual(
      (await (await client.getCollection({ name: "notes", embeddingFunction: null })).query(asked)).ids,
    );
    host.failures.push("break off", "break off");
    expect(await answersOf(source)).toEqual(await answersOf(client));
    expect(host.failures).toEqual([]);
  });

  test("a publication that took another's place is opened anew by the next call", async () => {
    const { client, folder, host } = await published(400);
    const source = openSourceOf(host);
    const notes = await source.getCollection({ name: "notes", embeddingFunction: null });
    await (await client.getCollection({ name: "notes", embeddingFunction: null })).delete({ where: { year: { $gte: 1 } } });
    folder.files.clear();
    await client.publish(folder);
    await expect(notes.get({ limit: 1 })).rejects.toMatchObject({ code: "CONNECTION_LOST", message: /published anew/ });
    expect(await notes.count()).toBe(8);
  });

  test("headers go with every request, and options that cannot be are refused", async () => {
    const { host } = await published(50);
    await answersOf(openSourceOf(host, { source: { url: host.url, headers: { "x-key": "k" } } }));
    expect(new Set(host.requests.map(({ header }) => header))).toEqual(new Set(["k"]));
    for (const source of ["nowhere", 1, {}, { url: host.url, fetch: () => undefined }, null])
      expect(() => new TidepoolClient({ source: source as never }), String(source)).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
    for (const source of ["ftp://a.b/", { url: host.url, cacheBytes: -1 }, { url: host.url, headers: { "a b": "c" } }])
      await expect(openSourceOf(host, { source }).heartbeat()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

/** Files that outlive clients, as those of the origin private file system do. */
class KeptFiles {
  readonly files = new Map<string, Uint8Array>();
  /** Bytes that fit. */
  room = Infinity;

  readonly open = async (name: string): Promise<CacheFile> => ({
    getSize: () => this.#of(name).length,
    read: (into, { at }) => {
      const bytes = this.#of(name).subarray(at, at + into.length);
      into.set(bytes);
      return bytes.length;
    },
    write: (bytes, { at }) => {
      if (at + bytes.length > this.room) throw new DOMException("full", "QuotaExceededError");
      const before = this.#of(name);
      const after = new Uint8Array(Math.max(before.length, at + bytes.length));
      after.set(before);
      after.set(bytes, at);
      this.files.set(name, after);
      return bytes.length;
    },
    truncate: (size) => void this.files.set(name, this.#of(name).slice(0, size)),
    close: () => undefined,
  });

  #of(name: string): Uint8Array {
    return this.files.get(name) ?? new Uint8Array();
  }
}

describe("what was read before", () => {
  test("is not fetched again, and answers where the host is away", async () => {
    const { client } = await filled(600);
    const folder = new MemoryFolder();
    await client.publish(folder);
    const host = await serve(folder);
    const kept = new KeptFiles();
    const options = { source: { url: host.url, cacheBytes: 4 * 1024 * 1024 } };
    const whole = await answersOf(openSourceOf(host, options, kept.open));
    const before = host.requests.length;
    expect(await answersOf(openSourceOf(host, options, kept.open))).toEqual(whole);
    expect(host.requests.slice(before).map(({ name }) => name)).toEqual(["tidepool.json"]);
    await host.close();
    const warnings: string[] = [];
    const offline = openSourceOf(host, { ...options, onWarning: ({ code }) => void warnings.push(code) }, kept.open);
    expect(await answersOf(offline)).toEqual(whole);
    expect(warnings).toEqual(["SOURCE_UNREACHABLE"]);
  });

  test("is bounded, and what is damaged of it, or finds no room, costs a request and nothing else", async () => {
    const { client } = await filled(600);
    const folder = new MemoryFolder();
    await client.publish(folder);
    const host = await serve(folder);
    const whole = await answersOf(client);
    const kept = new KeptFiles();
    const bounded = { source: { url: host.url, cacheBytes: 100_000 } };
    expect(await answersOf(openSourceOf(host, bounded, kept.open))).toEqual(whole);
    expect(kept.files.get("chunks")!.length).toBeLessThanOrEqual(100_000 + 8);
    for (const bytes of kept.files.values()) for (let at = 500; at < bytes.length; at += 97) bytes[at]! ^= 255;
    expect(await answersOf(openSourceOf(host, bounded, kept.open))).toEqual(whole);
    const full = new KeptFiles();
    full.room = 50_000;
    const warnings: string[] = [];
    const source = openSourceOf(host, { ...bounded, onWarning: ({ message }) => void warnings.push(message) }, full.open);
    expect(await answersOf(source)).toEqual(whole);
    expect(warnings.length).toBeLessThanOrEqual(2);
    expect(warnings.join()).toContain("cannot be kept");
  });
});
