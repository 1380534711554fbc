/**
 * Every public function and method, given everything that no program would give on purpose: it gives a result, or fails with a
 * `TidepoolError` that is not a fault of ours, and it does so at once. What is exported and not in the table fails the test.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TidepoolError } from "../core/errors.js";
import * as hnswlib from "../hnswlib.js";
import * as index from "../index.js";
import * as rest from "../rest.js";
import * as serviceWorker from "../service-worker.js";
import { openTestClient } from "../testing/client.js";
import { MemoryFolder } from "../testing/published-host.js";

let client: index.TidepoolClient;
let collection: index.Collection;
let names = 0;
const rotated = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);

beforeEach(async () => {
  client = openTestClient({ allowReset: true });
  collection = await client.createCollection({ name: "abc" });
  await collection.add({ ids: ["a", "b"], documents: ["ebb", "flood"], metadatas: [{ year: 1 }, { year: 2 }] });
});
afterEach(() => client.close());
afterEach(() => vi.unstubAllGlobals());

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

const thrower = (): never => {
  throw new TypeError("not to be read");
};

function deep(): object {
  let value: object = {};
  for (let i = 0; i < 100_000; i++) value = { $and: [value] };
  return value;
}

const circle: Record<string, unknown> = {};
circle["self"] = circle;
const ring: unknown[] = [];
ring.push(ring);

const BAD: [string, () => unknown][] = [
  ["undefined", () => undefined],
  ["null", () => null],
  ["5", () => 5],
  ["NaN", () => Number.NaN],
  ["-1", () => -1],
  ["1n", () => 1n],
  ["true", () => true],
  ['""', () => ""],
  ["half a surrogate pair", () => "\ud800"],
  ["[]", () => []],
  ["[null]", () => [null]],
  ["{}", () => ({})],
  ["an object without prototype", () => Object.create(null)],
  ["a symbol", () => Symbol("bad")],
  ["a function", () => () => 1],
  ["a map", () => new Map()],
  ["a revoked proxy", () => revoked({})],
  ["a revoked proxy of an array", () => revoked([])],
  ["an array of revoked proxies", () => [revoked({}), revoked([])]],
  ["a getter that throws", () => Object.defineProperty({}, "x", { enumerable: true, get: thrower })],
  ["a proxy that throws", () => new Proxy({}, { get: thrower, ownKeys: thrower, has: thrower, getPrototypeOf: thrower })],
  ["an object that holds itself", () => circle],
  ["an array that holds itself", () => ring],
  ["a huge array", () => new Array(2 ** 32 - 1)],
  ["a huge array-like", () => ({ length: 2 ** 32 - 1 })],
  ["an object that nests deep", deep],
];

/** A call with something in the place of its argument. */
type Call = (value: never) => unknown;
/** Calls, and an argument that is good, of which each field is made bad in turn. */
type Entry = Call | Call[] | { run: Call; good: object };

const one = { ids: ["c"], documents: ["neap"], metadatas: [{ year: 3 }], uris: ["u"] };
const source = { query: "tide", limit: 1, default: 1, returnRank: true };
const schemaJson = new index.Schema().serializeToJSON();
const selection = { ids: ["a"], where: { year: 1 }, whereDocument: { $contains: "e" } };
const listed = { limit: 1, offset: 0 };
const limited = { signal: undefined, timeoutMs: 60_000 };
const created = () => ({ name: `c${++names}xx`, metadata: { a: 1 }, configuration: {}, embeddingFunction: undefined, schema: undefined });
const key = (method: keyof index.Key): Call => ((value: never) => (index.K("year")[method] as (v: never) => unknown)(value)) as Call;
const rank = (method: keyof index.RankExpression): Call =>
  ((value: never) => (index.Val(1)[method] as (v: never) => unknown)(value)) as Call;
const built =
  (Class: unknown): Call =>
  (value) =>
    new (Class as new (value: never) => unknown)(value);
const BARE = ["persist", "persisted", "version", "reset", "getPreflightChecks", "getMaxBatchSize", "supportsBase64Encoding"] as const;
/** A method that takes no arguments, given one. */
const bare =
  (method: (typeof BARE)[number]): Call =>
  (value) =>
    (client[method] as (value: unknown) => unknown)(value);
const embeds = new index.HashingEmbeddingFunction();
const weighs = new index.Bm25EmbeddingFunction();
const bm25Config = { k: 1, b: 0, avg_doc_length: 1, token_max_length: 1, stopwords: [], include_tokens: true };

const exported: Record<string, unknown> = { ...index, ...rest, ...serviceWorker, ...hnswlib };

const read = (stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<ArrayBuffer> => new Response(stream).arrayBuffer();

const TABLE: Record<string, Entry> = {
  flattenMetadata: (v) => index.flattenMetadata(v),
  chunk: {
    run: (options) => index.chunk("Low tide. High tide.", options),
    good: { maxTokens: 4, overlap: 1, tokenizer: (text: string) => text.length, format: "text", signal: undefined },
  },
  TidepoolClient: {
    run: built(index.TidepoolClient),
    good: {
      path: "p",
      tenant: "t",
      database: "ddd",
      client: undefined,
      storage: "memory",
      durability: "strict",
      allowReset: true,
      retainVersions: 1,
      memoryBudgetBytes: 1e9,
      gateway: undefined,
      token: "t",
      onWarning: undefined,
      worker: undefined,
    },
  },
  "TidepoolClient#heartbeat": { run: (v) => client.heartbeat(v), good: limited },
  "TidepoolClient#persist": bare("persist"),
  "TidepoolClient#persisted": bare("persisted"),
  "TidepoolClient#version": bare("version"),
  "TidepoolClient#info": { run: (v) => client.info(v), good: limited },
  "TidepoolClient#metrics": { run: (v) => client.metrics(v), good: limited },
  "TidepoolClient#subscribe": {
    run: async (v) => (await client.subscribe(v, () => undefined)).unsubscribe(),
    good: { collections: {}, onError: () => undefined, signal: undefined },
  },
  "TidepoolClient#listCollections": { run: (v) => client.listCollections(v), good: listed },
  "TidepoolClient#countCollections": { run: (v) => client.countCollections(v), good: limited },
  "TidepoolClient#createCollection": { run: (v) => client.createCollection(v), good: created() },
  "TidepoolClient#getOrCreateCollection": { run: (v) => client.getOrCreateCollection(v), good: created() },
  "TidepoolClient#getCollection": { run: (v) => client.getCollection(v), good: { name: "abc", embeddingFunction: undefined } },
  "TidepoolClient#getCollections": [(v) => client.getCollections(v), (v) => client.getCollections([v])],
  "TidepoolClient#getCollectionById": (v) => client.getCollectionById(v),
  "TidepoolClient#collection": (v) => client.collection(v).count(),
  "TidepoolClient#getPreflightChecks": bare("getPreflightChecks"),
  "TidepoolClient#getMaxBatchSize": bare("getMaxBatchSize"),
  "TidepoolClient#supportsBase64Encoding": bare("supportsBase64Encoding"),
  "TidepoolClient#getCollectionByCrn": (v) => client.getCollectionByCrn(v),
  "TidepoolClient#vacuum": { run: (v) => client.vacuum(v), good: { erase: false, onProgress: undefined, signal: undefined } },
  "TidepoolClient#backup": {
    run: (v) => read(client.backup(v)),
    good: { versions: false, onProgress: undefined, signal: undefined },
  },
  "TidepoolClient#publish": [
    (v) => client.publish(v),
    (v) => client.publish(new MemoryFolder(), v),
    (v) => client.publish(new MemoryFolder(), { fileBytesMax: v }),
    (v) => client.publish(new MemoryFolder(), { onProgress: v }),
    (v) => client.publish(new MemoryFolder(), { signal: v }),
  ],
  "TidepoolClient#sync": {
    run: async (v) => (await client.sync(v)).stop(),
    good: {
      remote: { url: "http://127.0.0.1:9" },
      collections: ["tides"],
      direction: "both",
      conflict: "local",
      revisionKey: "revision",
      intervalMs: null,
      encryption: undefined,
    },
  },
  passphraseKey: (v) => index.passphraseKey(v),
  "TidepoolClient#restore": [
    (v) => client.restore(v, { mode: "merge" }),
    (v) => client.restore(new Uint8Array(), v),
    (v) => client.restore(new Uint8Array(), { mode: v }),
    (v) => client.restore(new Uint8Array(), { mode: "merge", onProgress: v }),
    (v) => client.restore(new Blob(), { mode: "merge", signal: v }),
    (v) => client.restore(new ReadableStream({ start: (controller) => controller.enqueue(v) }), { mode: "merge" }),
  ],
  "TidepoolClient#getUserIdentity": { run: (v) => client.getUserIdentity(v), good: limited },
  "TidepoolClient#deleteCollection": { run: (v) => client.deleteCollection(v), good: { name: "abc" } },
  "TidepoolClient#on": [(v) => client.on(v, () => undefined), (v) => client.on("change", v)],
  "TidepoolClient#verify": {
    run: (v) => client.verify(v),
    good: { deep: false, onProgress: undefined, signal: undefined },
  },
  "TidepoolClient#repair": {
    run: (v) => client.repair(v),
    good: { onProgress: undefined, signal: undefined },
  },
  "TidepoolClient#rotateKey": {
    run: (v) => client.rotateKey(v),
    good: { key: rotated, reencrypt: false, onProgress: undefined, signal: undefined },
  },
  "TidepoolClient#reset": bare("reset"),
  "TidepoolClient#close": () => client.close(),
  AdminClient: built(index.AdminClient),
  "AdminClient#createTenant": { run: (v) => new index.AdminClient({ client }).createTenant(v), good: { name: "t" } },
  "AdminClient#getTenant": { run: (v) => new index.AdminClient({ client }).getTenant(v), good: { name: "t" } },
  "AdminClient#createDatabase": { run: (v) => new index.AdminClient({ client }).createDatabase(v), good: { name: "ddd", tenant: "t" } },
  "AdminClient#getDatabase": { run: (v) => new index.AdminClient({ client }).getDatabase(v), good: { name: "ddd", tenant: "t" } },
  "AdminClient#deleteDatabase": { run: (v) => new index.AdminClient({ client }).deleteDatabase(v), good: { name: "ddd", tenant: "t" } },
  "AdminClient#listDatabases": {
    run: (v) => new index.AdminClient({ client }).listDatabases(v),
    good: { ...listed, tenant: "default_tenant" },
  },
  "AdminClient#close": () => new index.AdminClient({ client }).close(),
  "Collection#add": {
    run: (v) => collection.add(v),
    good: { ...one, signal: undefined, onProgress: undefined, embeddings: undefined, embedBatchSize: 1, metadata: "flatten" },
  },
  "Collection#upsert": { run: (v) => collection.upsert(v), good: one },
  "Collection#update": { run: (v) => collection.update(v), good: { ...one, ids: ["a"] } },
  "Collection#delete": { run: (v) => collection.delete(v), good: { ...selection, limit: 1 } },
  "Collection#export": {
    run: (v) => read(collection.export(v)),
    good: {
      format: "jsonl",
      where: selection.where,
      whereDocument: selection.whereDocument,
      include: ["documents"],
      onProgress: undefined,
      signal: undefined,
    },
  },
  "Collection#addDocument": {
    run: (v) => collection.addDocument(v),
    good: { id: "d", text: "tide", metadata: { year: 1 }, uri: "u", chunk: { maxTokens: 9 } },
  },
  "Collection#deleteDocument": { run: (v) => collection.deleteDocument(v), good: { id: "d" } },
  "Collection#get": { run: (v) => collection.get(v), good: { ...selection, ...listed, orderBy: { key: "year" }, include: ["documents"] } },
  "Collection#peek": { run: (v) => collection.peek(v), good: { limit: 1 } },
  "Collection#query": {
    run: (v) => collection.query(v),
    good: { ...selection, queryTexts: ["tide"], queryEmbeddings: undefined, nResults: 1, include: ["documents"] },
  },
  "Collection#searchText": {
    run: (v) => collection.searchText(v),
    good: {
      where: selection.where,
      whereDocument: selection.whereDocument,
      query: "tide",
      nResults: 1,
      include: ["documents"],
      prefix: false,
      fuzzy: false,
      operators: false,
      highlight: { before: "<b>", after: "</b>", maxLength: 9 },
      suggest: true,
    },
  },
  "Collection#autoSuggest": {
    run: (v) => collection.autoSuggest(v),
    good: { where: selection.where, whereDocument: selection.whereDocument, queryText: "ti", nResults: 1, fuzzy: false },
  },
  "Collection#hybrid": {
    run: (v) => collection.hybrid(v),
    good: {
      where: selection.where,
      whereDocument: selection.whereDocument,
      queryText: "tide",
      queryEmbedding: undefined,
      sparseKey: undefined,
      nResults: 1,
      weights: { text: 1 },
      maxDistance: 1,
      minSparseScore: 0,
      minScore: 0,
      include: ["documents"],
      prefix: false,
      fuzzy: false,
    },
  },
  "Collection#search": [
    (v) => collection.search(v),
    (v) => collection.search([v]),
    (v) => collection.search({}, v),
    (v) => collection.search({}, { readLevel: v }),
    ...(["where", "rank", "groupBy", "limit", "select"] as const).map(
      (part): Call =>
        (v) =>
          collection.search({ [part]: v }),
    ),
  ],
  "Collection#reembed": {
    run: (v) => collection.reembed(v),
    good: {
      embeddingFunction: new index.HashingEmbeddingFunction(),
      space: "l2",
      batchSize: 9,
      onProgress: () => undefined,
      giveUp: false,
    },
  },
  "Collection#subscribe": {
    run: async (v) => (await collection.subscribe(v, () => undefined)).unsubscribe(),
    good: { get: {}, onError: () => undefined, signal: undefined },
  },
  "Collection#count": { run: (v) => collection.count(v), good: { ...selection, readLevel: "index_only", ...limited } },
  "Collection#import": [
    (v) => collection.import(v),
    (v) => collection.import(new Uint8Array([91, 93]), v),
    ...(["format", "mapping", "metadata", "mode", "startAt", "signal", "onProgress"] as const).map(
      (name): Call =>
        (v) =>
          collection.import(new Uint8Array([91, 93]), { [name]: v }),
    ),
    ...(["id", "embedding", "metadata"] as const).map(
      (name): Call =>
        (v) =>
          collection.import(new Uint8Array([91, 93]), { mapping: { [name]: v } }),
    ),
  ],
  "Collection#facets": { run: (v) => collection.facets(v), good: { ...selection, keys: ["year"], limit: 1 } },
  "Collection#distinct": { run: (v) => collection.distinct(v), good: { ...selection, ...listed, key: "year" } },
  "Collection#getIndexingStatus": { run: (v) => collection.getIndexingStatus(v), good: limited },
  "Collection#checkRecall": { run: (v) => collection.checkRecall(v), good: { sample: 1, k: 1 } },
  "Collection#modify": {
    run: (v) => collection.modify(v),
    good: { name: "abc", metadata: { a: 1 }, configuration: { hnsw: { ef_search: 7 }, spann: null, embeddingFunction: undefined } },
  },
  "Collection#fork": { run: (v) => collection.fork(v), good: { name: "fork" } },
  "Collection#forkCount": { run: (v) => collection.forkCount(v), good: limited },
  "Collection#listVersions": { run: (v) => collection.listVersions(v), good: limited },
  "Collection#at": { run: (v) => collection.at(v), good: { version: 1 } },
  "Collection#conditional": [
    (v) => (collection.conditional as (value: unknown) => unknown)(v),
    (v) => collection.conditional().get(v),
    (v) => collection.conditional().upsert(v),
    (v) => collection.conditional().delete(v),
    (v) => collection.conditional().run(v),
    (v) => collection.conditional().run(() => 1, v),
  ],
  liveStore: [(v) => index.liveStore(collection, v).subscribe(() => undefined)()],
  destroyPath: { run: (v) => index.destroyPath(v), good: { path: "p", worker: undefined } },
  getEmbeddingFunction: { run: (v) => index.getEmbeddingFunction(v), good: { efConfig: null, client: undefined } },
  registerEmbeddingFunction: [
    (v) => index.registerEmbeddingFunction(v, null as never),
    (v) => index.registerEmbeddingFunction(`n${++names}`, v),
  ],
  getSparseEmbeddingFunction: [(v) => index.getSparseEmbeddingFunction(v), (v) => index.getSparseEmbeddingFunction(client, v)],
  registerSparseEmbeddingFunction: [
    (v) => index.registerSparseEmbeddingFunction(v, null as never),
    (v) => index.registerSparseEmbeddingFunction(`n${++names}`, v),
  ],
  Bm25EmbeddingFunction: {
    run: built(index.Bm25EmbeddingFunction),
    good: { k: 1, b: 0, avgDocLength: 1, tokenMaxLength: 1, stopwords: [] },
  },
  "Bm25EmbeddingFunction.buildFromConfig": { run: (v) => index.Bm25EmbeddingFunction.buildFromConfig(v), good: bm25Config },
  "Bm25EmbeddingFunction#generate": [(v) => weighs.generate(v), (v) => weighs.generate([v])],
  "Bm25EmbeddingFunction#generateForQueries": [(v) => weighs.generateForQueries(v), (v) => weighs.generateForQueries([v])],
  "Bm25EmbeddingFunction#getConfig": () => weighs.getConfig(),
  "Bm25EmbeddingFunction#validateConfigUpdate": { run: (v) => weighs.validateConfigUpdate(v), good: bm25Config },
  HashingEmbeddingFunction: { run: built(index.HashingEmbeddingFunction), good: { dimension: 8 } },
  "HashingEmbeddingFunction.buildFromConfig": (v) => index.HashingEmbeddingFunction.buildFromConfig(v),
  "HashingEmbeddingFunction#generate": [(v) => embeds.generate(v), (v) => embeds.generate([v])],
  "HashingEmbeddingFunction#getConfig": () => embeds.getConfig(),
  "HashingEmbeddingFunction#defaultSpace": () => embeds.defaultSpace(),
  "HashingEmbeddingFunction#supportedSpaces": () => embeds.supportedSpaces(),
  "HashingEmbeddingFunction#validateConfigUpdate": { run: (v) => embeds.validateConfigUpdate(v), good: { dimension: 384 } },
  Cmek: [],
  "Cmek.gcp": (v) => index.Cmek.gcp(v),
  "Cmek.fromJSON": { run: (v) => index.Cmek.fromJSON(v), good: { gcp: "a" } },
  "Cmek#validatePattern": () => index.Cmek.gcp("a").validatePattern(),
  "Cmek#toJSON": () => index.Cmek.gcp("a").toJSON(),
  Schema: () => new index.Schema(),
  "Schema.deserializeFromJSON": {
    run: (v) => index.Schema.deserializeFromJSON(v),
    good: { defaults: schemaJson.defaults, keys: schemaJson.keys, cmek: undefined },
  },
  "Schema#setCmek": (v) => new index.Schema().setCmek(v),
  "Schema#createIndex": [
    (v) => new index.Schema().createIndex(v),
    (v) => new index.Schema().createIndex(v, "k"),
    (v) => new index.Schema().createIndex(new index.IntInvertedIndexConfig(), v),
  ],
  "Schema#deleteIndex": [
    (v) => new index.Schema().deleteIndex(v),
    (v) => new index.Schema().deleteIndex(new index.IntInvertedIndexConfig(), v),
  ],
  "Schema#serializeToJSON": () => new index.Schema().serializeToJSON(),
  "Schema#resolveEmbeddingFunction": () => new index.Schema().resolveEmbeddingFunction(),
  "Schema#sparseEmbeddingFunctions": () => new index.Schema().sparseEmbeddingFunctions(),
  VectorIndexConfig: {
    run: built(index.VectorIndexConfig),
    good: { space: "l2", embeddingFunction: null, sourceKey: null, hnsw: null, spann: null },
  },
  SparseVectorIndexConfig: {
    run: built(index.SparseVectorIndexConfig),
    good: { embeddingFunction: null, sourceKey: null, bm25: null, algorithm: null },
  },
  FtsIndexConfig: { run: built(index.FtsIndexConfig), good: { algorithm: null } },
  Aggregate: [],
  "Aggregate.from": { run: (v) => index.Aggregate.from(v), good: { $min_k: { keys: ["a"], k: 1 } } },
  "Aggregate.minK": [(v) => index.Aggregate.minK(v, 1), (v) => index.Aggregate.minK([v], 1), (v) => index.Aggregate.minK(["a"], v)],
  "Aggregate.maxK": [(v) => index.Aggregate.maxK(v, 1), (v) => index.Aggregate.maxK([v], 1), (v) => index.Aggregate.maxK(["a"], v)],
  "Aggregate#toJSON": () => index.Aggregate.minK(["a"], 1).toJSON(),
  MinK: (v) => new index.MinK(v, 1),
  MaxK: (v) => new index.MaxK(v, 1),
  GroupBy: [(v) => new index.GroupBy(v, index.Aggregate.minK(["a"], 1)), (v) => new index.GroupBy(["a"], v)],
  "GroupBy.from": { run: (v) => index.GroupBy.from(v), good: { keys: ["a"], aggregate: { $min_k: { keys: ["a"], k: 1 } } } },
  "GroupBy#toJSON": () => new index.GroupBy(["a"], index.Aggregate.minK(["a"], 1)).toJSON(),
  K: (v) => index.K(v),
  Key: built(index.Key),
  ...Object.fromEntries(
    (["eq", "ne", "gt", "gte", "lt", "lte", "startsWith", "isIn", "notIn", "contains", "notContains", "regex", "notRegex"] as const).map(
      (method) => [`Key#${method}`, key(method)],
    ),
  ),
  WhereExpression: [],
  "WhereExpression.from": { run: (v) => index.WhereExpression.from(v), good: { $and: [{ a: 1 }, { b: 2 }] } },
  "WhereExpression#and": (v) => index.K("a").eq(1).and(v),
  "WhereExpression#or": (v) => index.K("a").eq(1).or(v),
  "WhereExpression#toJSON": () => index.K("a").eq(1).toJSON(),
  RankExpression: [],
  "RankExpression.from": { run: (v) => index.RankExpression.from(v), good: { $val: 1 } },
  ...Object.fromEntries(
    (["add", "subtract", "multiply", "divide", "negate", "abs", "exp", "log", "max", "min", "toJSON"] as const).map((method) => [
      `RankExpression#${method}`,
      rank(method),
    ]),
  ),
  ...Object.fromEntries(
    (["Val", "Sum", "Mul", "Max", "Min", "Sub", "Div", "Abs", "Exp", "Log"] as const).map((name) => [
      name,
      [(v: never) => (exported[name] as Call)(v), (v: never) => (exported[name] as (a: number, b: never) => unknown)(1, v)],
    ]),
  ),
  Knn: { run: (v) => index.Knn(v), good: { ...source, key: "#embedding" } },
  Text: { run: (v) => index.Text(v), good: { ...source, prefix: false, fuzzy: false } },
  Rrf: { run: (v) => index.Rrf(v), good: { ranks: [1, 2], k: 60, weights: [1, 2], normalize: false } },
  Limit: { run: built(index.Limit), good: listed },
  "Limit.from": [(v) => index.Limit.from(v), (v) => index.Limit.from(1, v)],
  "Limit#toJSON": () => new index.Limit().toJSON(),
  Select: [built(index.Select), (v) => new index.Select([v])],
  "Select.from": { run: (v) => index.Select.from(v), good: { keys: ["a"] } },
  "Select.all": () => index.Select.all(),
  "Select#toJSON": () => index.Select.all().toJSON(),
  Search: {
    run: built(index.Search),
    good: { where: undefined, rank: undefined, groupBy: undefined, limit: undefined, select: [] },
  },
  "Search#where": (v) => new index.Search().where(v),
  "Search#rank": (v) => new index.Search().rank(v),
  "Search#groupBy": (v) => new index.Search().groupBy(v),
  "Search#limit": [(v) => new index.Search().limit(v), (v) => new index.Search().limit(1, v)],
  "Search#select": [(v) => new index.Search().select(v), (v) => new index.Search().select("a", v)],
  "Search#selectAll": () => new index.Search().selectAll(),
  "Search#toPayload": () => new index.Search().toPayload(),
  toSearch: (v) => index.toSearch(v),
  createGateway: (v) => rest.createGateway(v),
  installFetch: [(v) => rest.installFetch(v)(), (v) => rest.installFetch(client, v)(), (v) => rest.installFetch(client, { url: v })()],
  offerGateway: (v) => rest.offerGateway(v),
  answerFromPages: [
    (v) => {
      vi.stubGlobal("addEventListener", () => undefined);
      serviceWorker.answerFromPages(v);
    },
    (v) => {
      vi.stubGlobal("addEventListener", () => undefined);
      serviceWorker.answerFromPages({ url: v });
    },
  ],
  createHnswlibWorker: () => hnswlib.createHnswlibWorker(),
};

/** Classes that are only made by the package itself, or that take everything and only keep it. */
const KEEPERS = new Set([
  "Collection",
  "GetResult",
  "QueryResult",
  "SearchTextResult",
  "SearchResult",
  "TidepoolError",
  ...Object.keys(index).filter((name) => /^(Chroma|Invalid).*Error$/.test(name)),
  "ValueTypes",
  ...["String", "Int", "Float", "Bool"].map((type) => `${type}InvertedIndexConfig`),
  ...["Fts", "StringInverted", "Vector", "SparseVector", "IntInverted", "FloatInverted", "BoolInverted"].map((type) => `${type}IndexType`),
  ...["String", "FloatList", "SparseVector", "Int", "Float", "Bool"].map((type) => `${type}ValueType`),
]);
/** Results, of which only the rows can be asked for. */
const ROWS = ["GetResult#rows", "QueryResult#rows", "SearchTextResult#rows", "SearchResult#rows"];

function publicNames(): string[] {
  const entries = Object.entries(exported).filter(([, value]) => typeof value === "function");
  return entries.flatMap(([name, value]) => {
    const methods = Object.getOwnPropertyDescriptors((value as { prototype?: object }).prototype ?? {});
    const statics = String(value).startsWith("class") ? Object.getOwnPropertyDescriptors(value) : {};
    const called = (of: Record<string, PropertyDescriptor>, sign: string) =>
      Object.keys(of)
        .filter((key) => key !== "constructor" && key !== "prototype" && typeof of[key]!.value === "function")
        .map((key) => `${name}${sign}${key}`);
    return [...(KEEPERS.has(name) ? [] : [name]), ...called(methods, "#"), ...called(statics, ".")];
  });
}

test("the table has everything that is exported", () => {
  const known = new Set([...Object.keys(TABLE), ...ROWS]);
  expect(publicNames().filter((name) => !known.has(name))).toEqual([]);
  expect([...known].filter((name) => !publicNames().includes(name))).toEqual([]);
});

/** Everything that an entry can be called with: bad as a whole, and in each part of what is good. */
function* callsOf(entry: Entry, bad: unknown): Generator<() => unknown> {
  const calls = typeof entry === "object" && "run" in entry ? [entry.run] : [entry].flat();
  for (const call of calls) yield () => call(bad as never);
  if (typeof entry === "function" || Array.isArray(entry)) return;
  for (const field of Object.keys(entry.good)) yield () => entry.run({ ...entry.good, [field]: bad } as never);
}

async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return null;
  } catch (error) {
    return error;
  }
}

test.each(Object.entries(TABLE))("%s settles, whatever it is given", async (_, entry) => {
  for (const [what, bad] of BAD) {
    for (const call of callsOf(entry, bad())) {
      const error = await failureOf(call);
      if (error === null) continue;
      expect(error, what).toBeInstanceOf(TidepoolError);
      expect((error as TidepoolError).code, what).not.toBe("INTERNAL");
    }
  }
});

/** Those whose argument is data of the caller's own, with whatever fields. */
const OPEN = new Set(["Cmek.fromJSON", "WhereExpression.from", "RankExpression.from", "Schema.deserializeFromJSON"]);
const closed = Object.entries(TABLE).flatMap(([name, entry]) =>
  typeof entry === "object" && "run" in entry && !OPEN.has(name) ? [[name, entry] as const] : [],
);

test.each(closed)("%s takes what it should, and names what it does not know", async (_, { run, good }) => {
  const error = (await failureOf(() => run({ ...good, misspelt: undefined } as never))) as TidepoolError | null;
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining('"misspelt"') });
  const told = (await failureOf(() => run(good as never))) as TidepoolError | null;
  expect(told?.message ?? "").not.toContain("has no argument");
});

test.each(BARE)("%s takes no arguments", async (method) => {
  expect(await failureOf(() => bare(method)({ where: 1 } as never))).toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("conditional takes no arguments, and says so at once", () => {
  expect(() => (collection.conditional as (value: unknown) => unknown)({ maxRetries: 1 })).toThrow("conditional takes no arguments");
  expect(() => (collection.conditional as (value: unknown) => unknown)(undefined)).not.toThrow();
});

test("misspelt options within arguments are named", async () => {
  const calls: [call: () => unknown, name: string][] = [
    [() => client.createCollection({ name: "def", configuration: { hsnw: {} } as never }), "hsnw"],
    [() => client.createCollection({ name: "def", configuration: { hnsw: { efSearch: 1 } } as never }), "efSearch"],
    [() => collection.modify({ configuration: { embedding_function: null } as never }), "embedding_function"],
    [() => collection.search({ limit: { ofset: 1 } as never }), "ofset"],
    [() => collection.search({ groupBy: { keys: ["a"], agregate: {} } as never }), "agregate"],
    [() => collection.search({ groupBy: { keys: ["a"], aggregate: { $min_k: { keys: ["a"], n: 1 } } } as never }), "n"],
    [() => collection.search({ rank: { $knn: { query: "a", limits: 1 } } }), "limits"],
    [() => collection.search({}, { readlevel: "index_only" } as never), "readlevel"],
    [() => collection.count({ readLevel: "wal" }), "wal"],
  ];
  for (const [call, name] of calls) {
    const error = (await failureOf(call)) as TidepoolError;
    expect(error.code, name).toBe("INVALID_ARGUMENT");
    expect(error.message).toContain(`"${name}"`);
  }
});
