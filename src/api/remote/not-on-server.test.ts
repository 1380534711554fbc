/** What a client of a server cannot do says so by its name, at once; and there is no method that does neither. */
import { expect, test } from "vitest";
import { rejectionOf } from "../../testing/failure-of.js";
import { opened } from "../../testing/opened-clients.js";
import { TidepoolClient } from "../client.js";
import type { Collection } from "../collection.js";

const wire = { id: "i", name: "notes", tenant: "t", database: "d", metadata: null, dimension: null, configuration_json: {}, schema: null };
const remote = { url: "http://chroma.test", fetch: async () => Response.json(wire) };

type Calls<T> = { [name: string]: (target: T) => unknown };

const key = crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
const folder = { getFileHandle: () => undefined, removeEntry: () => undefined, keys: () => undefined } as never;

const refusedOfClient: Calls<TidepoolClient> = {
  "on:change": (client) => client.on("change", () => undefined),
  "on:lease": (client) => client.on("lease", () => undefined),
  "on:quota": (client) => client.on("quota", () => undefined),
  subscribe: (client) => client.subscribe({ collections: {} }, () => undefined),
  info: (client) => client.info(),
  metrics: (client) => client.metrics(),
  verify: (client) => client.verify(),
  repair: (client) => client.repair(),
  vacuum: (client) => client.vacuum(),
  rotateKey: async (client) => client.rotateKey({ key: await key }),
  backup: (client) => client.backup().getReader().read(),
  restore: (client) => client.restore(new Blob(["x"]), { mode: "new" }),
  publish: (client) => client.publish(folder),
};

const refusedOfCollection: Calls<Collection> = {
  searchText: (notes) => notes.searchText({ query: "moon" }),
  hybrid: (notes) => notes.hybrid({ queryText: "moon", queryEmbedding: [1] }),
  autoSuggest: (notes) => notes.autoSuggest({ queryText: "mo" }),
  facets: (notes) => notes.facets({ keys: ["a"] }),
  distinct: (notes) => notes.distinct({ key: "a" }),
  checkRecall: (notes) => notes.checkRecall(),
  reembed: (notes) => notes.reembed({ embeddingFunction: { name: "own", generate: async () => [[1]] } as never }),
  listVersions: (notes) => notes.listVersions(),
  subscribe: (notes) => notes.subscribe({ count: {} }, () => undefined),
};

/** They ask the server, are answered here, or, as `persist` and `at`, make or ask what is no server's. */
const doneOfClient = [
  "constructor persist persisted heartbeat version listCollections sync countCollections createCollection getOrCreateCollection",
  "getCollection getCollections getCollectionById collection getPreflightChecks getMaxBatchSize supportsBase64Encoding",
  "getCollectionByCrn getUserIdentity deleteCollection reset close on",
].join(" ");
const doneOfCollection = [
  "constructor id name tenant database metadata configuration schema dimension embeddingFunction add upsert update delete get export",
  "import conditional addDocument deleteDocument peek query search count getIndexingStatus modify fork forkCount at",
].join(" ");

const open = () => opened(new TidepoolClient({ remote }));

test.each(Object.keys(refusedOfClient))("client.%s", async (call) => {
  const client = open();
  const calling = async () => refusedOfClient[call]!(client);
  expect(await rejectionOf(calling())).toMatchObject({ code: "NOT_SUPPORTED", details: { call: call.split(":")[0] } });
});

test.each(Object.keys(refusedOfCollection))("collection.%s", async (call) => {
  const notes = await open().getCollection({ name: "notes", embeddingFunction: null });
  const calling = async () => refusedOfCollection[call]!(notes);
  expect(await rejectionOf(calling())).toMatchObject({ code: "NOT_SUPPORTED", details: { call } });
});

test("there is no other method", async () => {
  const notes = await open().getCollection({ name: "notes", embeddingFunction: null });
  const told = (refused: object, done: string) => new Set([...Object.keys(refused), ...done.split(" ")]);
  const [ofClient, ofCollection] = [told(refusedOfClient, doneOfClient), told(refusedOfCollection, doneOfCollection)];
  expect(Object.getOwnPropertyNames(TidepoolClient.prototype).filter((name) => !ofClient.has(name))).toEqual([]);
  expect(Object.getOwnPropertyNames(Object.getPrototypeOf(notes)).filter((name) => !ofCollection.has(name))).toEqual([]);
});
