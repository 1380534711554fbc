/** The vector store of LangChain, over the real engine in memory: what it stores, finds, scores, replaces and refuses. */
import { Document } from "@langchain/core/documents";
import { Embeddings } from "@langchain/core/embeddings";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TidepoolClient, TidepoolWarning } from "../api/client.js";
import { openTestClient } from "../testing/client.js";
import { rejectionOf } from "../testing/failure-of.js";
import { TidepoolVectorStore, type TidepoolVectorStoreConfig } from "./tidepool-vector-store.js";

/** Texts are angles in degrees. */
class Angles extends Embeddings {
  constructor() {
    super({});
  }

  async embedQuery(text: string): Promise<number[]> {
    const angle = (Number.parseFloat(text) * Math.PI) / 180;
    return [Math.cos(angle), Math.sin(angle)];
  }

  async embedDocuments(texts: string[]): Promise<number[][]> {
    return Promise.all(texts.map((text) => this.embedQuery(text)));
  }
}

const embeddings = new Angles();
const warnings: TidepoolWarning[] = [];
let client: TidepoolClient;
let config: TidepoolVectorStoreConfig;

beforeEach(() => {
  warnings.length = 0;
  client = openTestClient({ onWarning: (warning) => warnings.push(warning) });
  config = { client, collectionName: "angles" };
});
afterEach(() => client.close());

const texts = (documents: Document[]): string[] => documents.map(({ pageContent }) => pageContent);

describe("TidepoolVectorStore", () => {
  test("finds the nearest first, with id, metadata and the cosine as score", async () => {
    const store = await TidepoolVectorStore.fromTexts(["0", "60", "90"], [{ n: 1 }, { n: 2 }, { n: 3 }], embeddings, config);
    const found = await store.similaritySearchWithScore("0", 2);
    expect(texts(found.map(([document]) => document))).toEqual(["0", "60"]);
    expect(found.map(([, score]) => score)).toEqual([expect.closeTo(1, 5), expect.closeTo(0.5, 5)]);
    expect(found[1]![0].metadata).toEqual({ n: 2 });
    expect(found[1]![0].id).toMatch(/^[0-9a-f-]{36}$/);
    expect(texts(await store.similaritySearch("90", 4, { n: { $lt: 3 } }))).toEqual(["60", "0"]);
  });

  test("scores by the space: squared distance in l2, inner product in ip", async () => {
    const scores = async (space: "l2" | "ip") => {
      const store = new TidepoolVectorStore(embeddings, { client, collectionName: `in-${space}`, space });
      await store.addVectors(
        [
          [1, 0],
          [3, 0],
        ],
        [new Document({ pageContent: "1" }), new Document({ pageContent: "3" })],
      );
      return (await store.similaritySearchVectorWithScore([2, 1], 2)).map(([{ pageContent }, score]) => [pageContent, score]);
    };
    expect(await scores("l2")).toEqual([
      ["1", 1 / 3],
      ["3", 1 / 3],
    ]);
    expect(await scores("ip")).toEqual([
      ["3", 6],
      ["1", 2],
    ]);
  });

  test("keeps the ids that it is given, by the call or by documents, and makes others", async () => {
    const store = new TidepoolVectorStore(embeddings, config);
    expect(await store.addDocuments([new Document({ pageContent: "1" })], { ids: ["a"] })).toEqual(["a"]);
    const [b, other] = await store.addDocuments([new Document({ pageContent: "2", id: "b" }), new Document({ pageContent: "3" })]);
    expect([b, other]).toEqual(["b", expect.stringMatching(/^[0-9a-f-]{36}$/)]);
    expect(await store.addDocuments([])).toEqual([]);
    expect((await (await store.ensureCollection()).get()).ids).toEqual(["a", "b", other]);
  });

  test("puts a document in place of the one that has its id, with all its metadata", async () => {
    for (const metadata of ["flatten", undefined] as const) {
      const store = new TidepoolVectorStore(embeddings, { client, collectionName: `replaced-${metadata}`, metadata });
      const kept = metadata ? { loc: { page: 1 } } : { "loc.page": 1 };
      await store.addDocuments([new Document({ pageContent: "1", metadata: { ...kept, draft: true } })], { ids: ["a"] });
      await store.addDocuments([new Document({ pageContent: "2", metadata: kept })], { ids: ["a"] });
      const [document] = await store.similaritySearch("2");
      expect(document).toMatchObject({ id: "a", pageContent: "2" });
      expect(document!.metadata).toEqual({ "loc.page": 1 });
      await store.addDocuments([new Document({ pageContent: "3" })], { ids: ["a"] });
      expect((await store.similaritySearch("2"))[0]!.metadata).toEqual({});
    }
  });

  test("flattens nested metadata where that is asked for, and refuses it otherwise", async () => {
    const nested = [new Document({ pageContent: "1", metadata: { loc: { lines: { from: 1, to: 2 } }, tags: [] } })];
    const flat = await TidepoolVectorStore.fromDocuments(nested, embeddings, { ...config, metadata: "flatten" });
    expect((await flat.similaritySearch("1", 1, { "loc.lines.to": 2 }))[0]!.metadata).toEqual({ "loc.lines.from": 1, "loc.lines.to": 2 });
    expect(warnings).toMatchObject([{ code: "METADATA_DROPPED", collection: "angles" }]);
    const error = await rejectionOf(TidepoolVectorStore.fromDocuments(nested, embeddings, config));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining('metadatas[0]["loc"]') });
  });

  test("chooses what is near and unlike each other, over the whole breadth and in a filter", async () => {
    const given = ["0", "1", "2", "40", "80"];
    const metadatas = given.map((_, i) => ({ n: i }));
    const store = await TidepoolVectorStore.fromTexts(given, metadatas, embeddings, config);
    const choose = (options: { k: number; fetchK?: number; lambda?: number; filter?: object }) =>
      store.maxMarginalRelevanceSearch("0", options).then(texts);
    expect(await choose({ k: 2, lambda: 1 })).toEqual(["0", "1"]);
    expect(await choose({ k: 2, lambda: 0 })).toEqual(["0", "80"]);
    expect(await choose({ k: 2, lambda: 0, fetchK: 3 })).toEqual(["0", "2"]);
    expect(await choose({ k: 2, lambda: 0, fetchK: 1 })).toEqual(["0", "1"]);
    expect(await choose({ k: 2, lambda: 0, filter: { n: { $lt: 4 } } })).toEqual(["0", "40"]);
    const retriever = store.asRetriever({ k: 2, searchType: "mmr", searchKwargs: { lambda: 0 }, filter: { n: { $gt: 0 } } });
    expect(texts(await retriever.invoke("0"))).toEqual(["1", "80"]);
  });

  test("serves as a retriever", async () => {
    const store = await TidepoolVectorStore.fromTexts(["0", "60", "90"], { all: true }, embeddings, config);
    expect(texts(await store.asRetriever(2).invoke("80"))).toEqual(["90", "60"]);
    expect(texts(await store.asRetriever({ k: 1, filter: { all: false } }).invoke("80"))).toEqual([]);
    expect(store.asRetriever().tags).toEqual(["tidepool"]);
  });

  test("deletes by ids, by a filter and by both", async () => {
    const store = new TidepoolVectorStore(embeddings, config);
    const documents = ["1", "2", "3", "4"].map((pageContent) => new Document({ pageContent, metadata: { n: Number(pageContent) } }));
    await store.addDocuments(documents, { ids: ["a", "b", "c", "d"] });
    const left = async () => (await (await store.ensureCollection()).get()).ids;
    await store.delete({ ids: [] });
    await store.delete({ ids: ["a", "nobody"] });
    expect(await left()).toEqual(["b", "c", "d"]);
    await store.delete({ ids: ["b", "c"], filter: { n: { $gt: 2 } } });
    expect(await left()).toEqual(["b", "d"]);
    await store.delete({ filter: { n: 4 } });
    expect(await left()).toEqual(["b"]);
    expect((await rejectionOf(store.delete({}))).message).toContain("needs ids or a filter");
  });

  test("opens what is there already, in the space that it has, and says where nothing is", async () => {
    expect((await rejectionOf(TidepoolVectorStore.fromExistingCollection(embeddings, config))).code).toBe("NOT_FOUND");
    const made = await client.createCollection({ name: "angles", embeddingFunction: null });
    await made.add({ ids: ["a"], embeddings: [[0, 1]] });
    const store = await TidepoolVectorStore.fromExistingCollection(embeddings, config);
    const [[document, score]] = (await store.similaritySearchWithScore("0")) as [[Document, number]];
    expect([document.id, document.pageContent, document.metadata]).toEqual(["a", "", {}]);
    expect(score).toBeCloseTo(1 / 3);
  });

  test("tries again after a failed opening", async () => {
    const store = new TidepoolVectorStore(embeddings, { ...config, collectionName: "x" });
    expect((await rejectionOf(store.ensureCollection())).code).toBe("INVALID_ARGUMENT");
    expect((await rejectionOf(store.ensureCollection())).code).toBe("INVALID_ARGUMENT");
  });

  test("closes a client of its own only", async () => {
    const store = new TidepoolVectorStore(embeddings, config);
    await store.close();
    expect(await (await store.ensureCollection()).count()).toBe(0);
    const own = new TidepoolVectorStore(embeddings, { path: "own", collectionName: "angles" });
    await own.close();
    expect((await rejectionOf(own.ensureCollection())).code).toBe("CLOSED");
  });

  test.each<[string, (store: TidepoolVectorStore) => unknown, string]>([
    ["no database", () => new TidepoolVectorStore(embeddings, { collectionName: "abc" }), "needs a client or the path"],
    ["two databases", () => new TidepoolVectorStore(embeddings, { client, path: "p", collectionName: "abc" }), "and not both"],
    ["no name", () => new TidepoolVectorStore(embeddings, { client } as never), "collectionName must be"],
    ["another option", () => new TidepoolVectorStore(embeddings, { ...config, url: "u" } as never), 'no argument "url"'],
    [
      "other metadata",
      () => new TidepoolVectorStore(embeddings, { ...config, metadata: "nest" as "flatten" }),
      'metadata must be "flatten"',
    ],
    [
      "too few ids",
      (store) => store.addDocuments([new Document({ pageContent: "1" })], { ids: [] }),
      "1 documents need as many ids, got 0",
    ],
    ["too many vectors", (store) => store.addVectors([[1]], []), "0 documents need as many vectors, got 1"],
    ["what is no document", (store) => store.addDocuments([null as never]), "addDocuments cannot be read"],
    ["what is no metadata", (store) => store.addDocuments([{ pageContent: "1", metadata: "m" as never }]), "documents[0].metadata"],
    ["unknown options", (store) => store.addDocuments([], { upsert: true } as never), 'no argument "upsert"'],
    ["too few metadatas", () => TidepoolVectorStore.fromTexts(["1", "2"], [{}], embeddings, config), "2 texts need as many metadatas"],
    ["another vector's length", (store) => store.similaritySearchVectorWithScore([1, 2, 3], 1), "dimension of 2"],
  ])("refuses %s", async (_, call, message) => {
    const store = await TidepoolVectorStore.fromTexts(["0"], {}, embeddings, config);
    const error = await rejectionOf((async () => call(store))());
    expect(error.message).toContain(message);
    expect(await (await store.ensureCollection()).count()).toBe(1);
  });
});
