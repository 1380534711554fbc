/** Copies between an engine, a gateway as a server, and files: what arrives, what is left when they are interrupted, what is refused. */
import { describe, expect, test } from "vitest";
import { rejectionOf } from "../../testing/failure-of.js";
import { openedClient as local, opened } from "../../testing/opened-clients.js";
import { TidepoolClient } from "../client.js";
import type { Collection } from "../collection.js";
import { HashingEmbeddingFunction } from "../hashing-embedding-function.js";
import { createGateway } from "../rest/create-gateway.js";
import { SparseVectorIndexConfig, StringInvertedIndexConfig } from "../schema/index-config.js";
import { Schema } from "../schema/schema.js";
import { copyCollection } from "./copy-collection.js";
import { copyDatabase } from "./copy-database.js";

/** A client of a server, which is a gateway. `broken` may refuse a request. */
function server(broken: (path: string) => boolean = () => false): TidepoolClient {
  const gateway = createGateway(local());
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (broken(url)) return new Response(JSON.stringify({ error: "InternalError", message: "it is broken" }), { status: 500 });
    return gateway(new Request(url, init));
  };
  return opened(new TidepoolClient({ remote: { url: "http://chroma.test", fetch } }));
}

/** A collection with all that one may have. */
async function rich(client: TidepoolClient, count = 200): Promise<Collection> {
  const schema = new Schema().deleteIndex(new StringInvertedIndexConfig(), "secret").createIndex(new SparseVectorIndexConfig({}), "words");
  const embeddingFunction = new HashingEmbeddingFunction({ dimension: 64 });
  const collection = await client.createCollection({ name: "rich", metadata: { topic: "tides" }, schema, embeddingFunction });
  const ids = Array.from({ length: count }, (_, i) => `id-${(i * 7919) % 10_007}`);
  await collection.add({
    ids,
    documents: ids.map((id) => `The tide of ${id} 潮`),
    metadatas: ids.map((_, i) =>
      i % 3 === 0 ? null : { n: i + 0.5, tags: ["a", `${i}`], words: { indices: [i, i + 1], values: [0.1, 2] } },
    ),
    uris: ids.map((id, i) => (i % 2 === 0 ? `file:///${id}` : null)),
  });
  await collection.delete({ ids: [ids[5]!] });
  return collection;
}

/** A collection of more records than are written at once. */
async function long(client: TidepoolClient): Promise<void> {
  const collection = await client.createCollection({ name: "long", embeddingFunction: null });
  const ids = Array.from({ length: 2500 }, (_, i) => `id-${i}`);
  await collection.add({ ids, embeddings: ids.map((_, i) => [i, 1]) });
}

async function contents(client: TidepoolClient, name: string): Promise<object> {
  const collection = await client.getCollection({ name });
  const { ids, documents, metadatas, uris, embeddings } = await collection.get({
    include: ["documents", "metadatas", "uris", "embeddings"],
  });
  const { metadata, configuration, schema, embeddingFunction } = collection;
  const described = { metadata, configuration, schema: schema.serializeToJSON(), embeddingFunction: embeddingFunction?.getConfig?.() };
  return { ids, documents, metadatas, uris, embeddings, ...described };
}

/** A stream that keeps what is written to it. */
function sink(): { file: WritableStream<Uint8Array<ArrayBuffer>>; blob(): Blob } {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  return { file: new WritableStream({ write: (part) => void parts.push(part) }), blob: () => new Blob(parts) };
}

describe("a copy is what its source is", () => {
  test("from an engine to another, to a server, to a file, and back", async () => {
    const [from, second, remote, last] = [local(), local(), server(), local()];
    await rich(from);
    const expected = await contents(from, "rich");
    const told: string[] = [];
    const first = await copyCollection({
      from: { client: from, name: "rich" },
      to: { client: second, name: "copy" },
      onProgress: ({ phase, done, total }) => told.push(`${phase} ${done} of ${total}`),
    });
    expect(first).toMatchObject({ name: "copy", records: 199, resumedAt: 0, leftOut: [], digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(told).toContain("copying 199 of 199");
    expect(told.at(-1)).toBe("verifying 199 of 199");
    expect(await contents(second, "copy")).toEqual(expected);
    const onServer = await copyCollection({ from: { client: second, name: "copy" }, to: { client: remote, name: "rich" } });
    const { file, blob } = sink();
    const inFile = await copyCollection({ from: { client: remote, name: "rich" }, to: { file } });
    const back = await copyCollection({ from: { file: blob() }, to: { client: last } });
    expect(new Set([first, onServer, inFile, back].map(({ digest }) => digest)).size).toBe(1);
    expect(await contents(last, "rich")).toMatchObject({ ...expected, schema: expect.anything(), configuration: expect.anything() });
    expect((await last.getCollection({ name: "rich" })).schema.keys["secret"]).toEqual({
      string: { string_inverted_index: { enabled: false, config: {} } },
    });
  });

  test("an empty collection, and what a server cannot keep is told", async () => {
    const [from, remote] = [local(), server()];
    await from.createCollection({ name: "empty", configuration: { text: { fold_diacritics: false }, hnsw: { space: "cosine" } } });
    const report = await copyCollection({ from: { client: from, name: "empty" }, to: { client: remote } });
    expect(report).toMatchObject({ records: 0, leftOut: ["configuration.text"] });
    expect((await remote.getCollection({ name: "empty" })).configuration.hnsw.space).toBe("cosine");
  });
});

describe("an interrupted copy", () => {
  test("has another name until it is whole, and goes on where it was", async () => {
    const from = local();
    await long(from);
    let left = 2;
    const remote = server((url) => url.endsWith("/add") && left-- <= 0);
    const copy = () => copyCollection({ from: { client: from, name: "long" }, to: { client: remote } });
    expect(await rejectionOf(copy())).toMatchObject({ code: "SERVER_ERROR" });
    expect(await rejectionOf(remote.getCollection({ name: "long" }))).toMatchObject({ code: "NOT_FOUND" });
    expect(await (await remote.getCollection({ name: "copying-long" })).count()).toBe(2000);
    left = Infinity;
    expect(await copy()).toMatchObject({ records: 2500, resumedAt: 2000 });
    expect(await rejectionOf(remote.getCollection({ name: "copying-long" }))).toMatchObject({ code: "NOT_FOUND" });
    const [one, other] = await Promise.all([contents(from, "long"), contents(remote, "long")]);
    expect(other).toMatchObject({ ids: (one as { ids: string[] }).ids });
  });

  test("is not finished over what is no copy", async () => {
    const [from, to] = [local(), local()];
    await rich(from, 20);
    const odd = await to.createCollection({ name: "copying-rich", embeddingFunction: null });
    await odd.add({ ids: ["stranger"], embeddings: [new Array<number>(64).fill(1)] });
    const copy = copyCollection({ from: { client: from, name: "rich" }, to: { client: to } });
    expect(await rejectionOf(copy)).toMatchObject({ code: "CONFLICT" });
    expect(await to.listCollections()).toHaveLength(1);
  });

  test("ends by its signal, between two parts", async () => {
    const [from, to] = [local(), local()];
    await rich(from);
    const stop = new AbortController();
    const how = { signal: stop.signal, onProgress: () => stop.abort() };
    expect(await rejectionOf(copyCollection({ from: { client: from, name: "rich" }, to: { client: to }, ...how }))).toMatchObject({
      code: "ABORTED",
    });
    expect((await to.listCollections()).map(({ name }) => name)).toEqual(["copying-rich"]);
  });

  test("a file that is cut or changed is no source", async () => {
    const from = local();
    await rich(from, 30);
    const { file, blob } = sink();
    await copyCollection({ from: { client: from, name: "rich" }, to: { file } });
    const text = await blob().text();
    for (const [bad, code] of [
      [text.slice(0, -2), "CORRUPTION"],
      [text.slice(0, text.lastIndexOf('{"end"')), "CORRUPTION"],
      [text.replace("The tide", "The tyde"), "CORRUPTION"],
      [text.replace('"tidepool-copy":1', '"tidepool-copy":2'), "FORMAT_TOO_NEW"],
      ["{}\n", "INVALID_ARGUMENT"],
    ] as const) {
      const to = local();
      const copy = copyCollection({ from: { file: new Blob([bad]) }, to: { client: to } });
      expect(await rejectionOf(copy), bad.slice(-40)).toMatchObject({ code });
      expect(await to.listCollections()).toEqual([]);
    }
  });
});

describe("what is refused", () => {
  test("a name that is taken, a source that is not there, and arguments that cannot be used", async () => {
    const client = local();
    await rich(client, 10);
    const copy = (args: object) => rejectionOf(copyCollection(args as never));
    expect(await copy({ from: { client, name: "rich" }, to: { client } })).toMatchObject({ code: "ALREADY_EXISTS" });
    expect(await copy({ from: { client, name: "none" }, to: { client } })).toMatchObject({ code: "NOT_FOUND" });
    expect(await copy({ from: { client, name: "rich" }, to: { client, name: "x" } })).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await copy({ from: { client: {}, name: "rich" }, to: { client } })).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await copy({ from: { client, name: "rich" }, to: { file: 5 } })).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await copy({ from: { client, name: "rich" }, to: { client, name: "other" }, batch: 5 })).toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });
});

describe("copyDatabase", () => {
  test("copies every collection, goes on after an interruption, and through a file", async () => {
    const [from, last] = [local(), local()];
    await rich(from, 40);
    const other = await from.createCollection({ name: "other", embeddingFunction: null });
    await other.add({ ids: ["a"], embeddings: [[1, 2]] });
    await from.createCollection({ name: "copying-of-old" });
    let broken = true;
    const remote = server((url) => broken && url.endsWith("/add") && url.includes("chroma.test") && adds++ > 0);
    let adds = 0;
    expect(await rejectionOf(copyDatabase({ from: { client: from }, to: { client: remote } }))).toMatchObject({ code: "SERVER_ERROR" });
    broken = false;
    const report = await copyDatabase({ from: { client: from }, to: { client: remote } });
    expect(report).toMatchObject({
      passedOver: ["copying-of-old"],
      collections: [
        { name: "rich", resumedAt: 39 },
        { name: "other", records: 1 },
      ],
    });
    const { file, blob } = sink();
    await copyDatabase({ from: { client: remote }, to: { file } });
    const restored = await copyDatabase({ from: { file: blob() }, to: { client: last } });
    const digests = ({ collections }: typeof report) => collections.map(({ digest }) => digest);
    expect(digests(restored)).toEqual(digests(report));
    await (await last.getCollection({ name: "other" })).add({ ids: ["b"], embeddings: [[3, 4]] });
    expect(await rejectionOf(copyDatabase({ from: { client: from }, to: { client: last } }))).toMatchObject({ code: "ALREADY_EXISTS" });
  });
});
