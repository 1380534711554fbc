/** Chroma's own client, unchanged, in a page: every call is answered by the engine of that page, and no server runs. */
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collectErrors, createProfile, openBrowser, removeProfile } from "../tools/browser/browser.js";
import type { StaticServer } from "../tools/browser/static-server.js";
import { serveOfficialClient } from "./support/official-client.js";

declare global {
  /** In the page: Chroma's package. */
  // biome-ignore lint/suspicious/noExplicitAny: its types are tried by types.e2e.ts
  var chroma: any;
}

let app: StaticServer;
let profile: string;
let context: BrowserContext;
let page: Page;
let errors: string[];

beforeAll(async () => {
  app = await serveOfficialClient(`
    import * as chroma from "chromadb";
    import { TidepoolClient } from "tidepool-db";
    import { installFetch } from "tidepool-db/rest";
    installFetch(new TidepoolClient({ path: "official" }));
    Object.assign(globalThis, { chroma });
    document.title = "ready";
  `);
  profile = await createProfile();
  context = await openBrowser(profile);
  page = await context.newPage();
  errors = collectErrors(page);
  await page.goto(app.url);
  await page.waitForFunction(() => document.title === "ready", undefined, { timeout: 60_000 });
});

afterAll(async () => {
  await context?.close();
  await app?.close();
  await removeProfile(profile);
});

test("creates, adds, reads, queries, updates, searches, forks and deletes", async () => {
  const seen = await page.evaluate(async () => {
    const { ChromaClient, K, Knn, Search } = chroma;
    const client = new ChromaClient();
    const tides = await client.createCollection({ name: "tides", embeddingFunction: null, metadata: { sea: "north" } });
    await tides.add({
      ids: ["a", "b", "c"],
      embeddings: [
        [0.1, 0],
        [1, 0],
        [0, 1],
      ],
      documents: ["ebb", "flood", "spring"],
      metadatas: [{ n: 1 }, { n: 2, tags: ["x"] }, { n: 3 }],
    });
    const got = await tides.get({ where: { n: { $gt: 1 } }, include: ["embeddings", "documents"] });
    const found = await tides.query({ queryEmbeddings: [[0.1, 0]], nResults: 2 });
    await tides.update({ ids: ["a"], embeddings: [[0.1, 0]], documents: ["ebb tide"], metadatas: [{ n: 10 }] });
    await tides.upsert({ ids: ["d"], embeddings: [[5, 5]], documents: ["neap"] });
    const searched = await tides.search(
      new Search()
        .where(K("n").gt(1))
        .rank(Knn({ query: [1, 0], limit: 3 }))
        .limit(2)
        .select(K.DOCUMENT, K.SCORE),
    );
    const forked = await tides.fork({ name: "forked" });
    const deleted = await tides.delete({ where: { n: 10 } });
    return {
      got: [got.ids, got.embeddings, got.documents],
      found: [found.ids, found.distances, found.documents],
      searched: [searched.ids, searched.scores, searched.documents],
      counts: [await tides.count(), await forked.count()],
      deleted,
      names: (await client.listCollections()).map((one: { name: string }) => one.name),
      metadata: (await client.getCollection({ name: "tides" })).metadata,
    };
  });
  expect(seen).toEqual({
    got: [
      ["b", "c"],
      [
        [1, 0],
        [0, 1],
      ],
      ["flood", "spring"],
    ],
    found: [[["a", "b"]], [[0, 0.81]], [["ebb", "flood"]]],
    searched: [[["b", "a"]], [[0, 0.81]], [["flood", "ebb tide"]]],
    counts: [3, 4],
    deleted: { deleted: 1 },
    names: ["tides", "forked"],
    metadata: { sea: "north" },
  });
});

test("sparse vectors in metadata come back as they were sent", async () => {
  const seen = await page.evaluate(async () => {
    const { K, Search } = chroma;
    const client = new chroma.ChromaClient();
    const lexical = await client.createCollection({
      name: "lexical",
      embeddingFunction: null,
      metadata: { weights: { indices: [1], values: [0.1] } },
    });
    await lexical.add({
      ids: ["a", "b"],
      embeddings: [
        [0, 1],
        [1, 0],
      ],
      metadatas: [{ sv: { indices: [1, 5], values: [0.1, -2] } }, { sv: { indices: [], values: [] }, n: 1 }],
    });
    const { metadatas } = await lexical.get();
    await lexical.update({ ids: ["a"], metadatas: [{ sv: { indices: [4294967295], values: [3] } }] });
    const queried = await lexical.query({ queryEmbeddings: [[0, 1]], nResults: 1, where: { sv: { $ne: 1 } } });
    const searched = await lexical.search(new Search().where(K("n").eq(1)).select("sv"));
    const badNames: string[] = [];
    for (const sv of [
      { indices: [5, 1], values: [1, 1] },
      { indices: [1], values: [1, 1] },
    ]) {
      await lexical.add({ ids: ["c"], embeddings: [[1, 1]], metadatas: [{ sv }] }).catch((error: Error) => badNames.push(error.name));
    }
    const again = await client.getCollection({ name: "lexical" });
    const count = await again.count();
    await client.deleteCollection({ name: "lexical" });
    return { metadatas, queried: queried.metadatas, searched: searched.metadatas, badNames, metadata: again.metadata, count };
  });
  expect(seen).toEqual({
    metadatas: [{ sv: { indices: [1, 5], values: [0.1, -2] } }, { sv: { indices: [], values: [] }, n: 1 }],
    queried: [[{ sv: { indices: [4294967295], values: [3] } }]],
    searched: [[{ sv: { indices: [], values: [] } }]],
    badNames: ["ChromaClientError", "ChromaClientError"],
    metadata: { weights: { indices: [1], values: [0.1] } },
    count: 2,
  });
});

test("its errors are the ones that a server would cause", async () => {
  const names = await page.evaluate(async () => {
    const client = new chroma.ChromaClient();
    const nameOf = (call: Promise<unknown>): Promise<string> =>
      call.then(
        () => "nothing",
        (error: Error) => error.name,
      );
    const tides = await client.getOrCreateCollection({ name: "tides", embeddingFunction: null });
    return [
      await nameOf(client.getCollection({ name: "nobody" })),
      await nameOf(client.createCollection({ name: "tides", embeddingFunction: null })),
      await nameOf(tides.query({ queryEmbeddings: [[1, 2, 3]] })),
      await nameOf(client.reset()),
    ];
  });
  expect(names).toEqual(["ChromaNotFoundError", "ChromaUniqueError", "ChromaClientError", "ChromaForbiddenError"]);
});

test("makes collections with a schema, which is told and honoured", async () => {
  const seen = await page.evaluate(async () => {
    const { ChromaClient, FtsIndexConfig, IntInvertedIndexConfig, Schema, StringInvertedIndexConfig, VectorIndexConfig } = chroma;
    const client = new ChromaClient();
    const schema = new Schema()
      .deleteIndex(new StringInvertedIndexConfig(), "body")
      .deleteIndex(new IntInvertedIndexConfig())
      .createIndex(new IntInvertedIndexConfig(), "year")
      .deleteIndex(new FtsIndexConfig(), "#document")
      .createIndex(new VectorIndexConfig({ space: "cosine", hnsw: { ef_construction: 33 } }));
    const made = await client.createCollection({ name: "schema", schema, embeddingFunction: null });
    await made.add({ ids: ["a"], embeddings: [[1, 0]], documents: ["x"], metadatas: [{ body: "x", year: 1, n: 1, s: "y" }] });
    const message = (call: Promise<unknown>): Promise<string> =>
      call.then(
        () => "nothing",
        (error: Error) => `${error.name}: ${error.message.split("status: ")[1]}`,
      );
    const found = await client.getCollection({ name: "schema" });
    const { keys } = found.schema.serializeToJSON();
    const answers = [
      (await found.get({ where: { $and: [{ s: "y" }, { year: 1 }] } })).ids,
      await message(found.get({ where: { body: "x" } })),
      await message(found.get({ where: { n: 1 } })),
      await message(found.get({ whereDocument: { $contains: "x" } })),
    ];
    await client.deleteCollection({ name: "schema" });
    return {
      answers,
      keys: Object.keys(keys).sort(),
      body: found.schema.keys.body.string.stringInvertedIndex.enabled,
      vector: keys["#embedding"].float_list.vector_index.config.hnsw.ef_construction,
      space: made.configuration.hnsw.space,
      both: await message(
        client.createCollection({ name: "both", schema, configuration: { hnsw: { space: "ip" } }, embeddingFunction: null }),
      ),
    };
  });
  expect(seen).toEqual({
    answers: [
      ["a"],
      "ChromaClientError: Cannot filter using metadata key 'body' with type 'Str' because indexing is disabled",
      "ChromaClientError: Cannot filter using metadata key 'n' with type 'Int' because indexing is disabled",
      "ChromaClientError: Cannot filter using full-text search because FTS indexing is disabled",
    ],
    keys: ["#document", "#embedding", "body", "year"],
    body: false,
    vector: 33,
    space: "cosine",
    both: "ChromaClientError: Failed to reconcile schema: Cannot set both collection config and schema simultaneously",
  });
});

test("what it stored is there after the page was closed, and nothing was asked of the network", async () => {
  const requests: string[] = [];
  context.on("request", (request) => requests.push(request.url()));
  await page.reload();
  await page.waitForFunction(() => document.title === "ready", undefined, { timeout: 60_000 });
  const names = await page.evaluate(async () => {
    const admin = new chroma.AdminClient();
    await admin.createDatabase({ name: "another", tenant: "default_tenant" });
    const collections = await new chroma.ChromaClient().listCollections();
    return [
      collections.map((one: { name: string }) => one.name),
      (await admin.listDatabases({ tenant: "default_tenant" })).map((one: { name: string }) => one.name),
    ];
  });
  expect(names).toEqual([
    ["tides", "forked"],
    ["another", "default_database"],
  ]);
  expect(requests.filter((url) => !url.startsWith(app.url))).toEqual([]);
  expect(errors).toEqual([]);
});
