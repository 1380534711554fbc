/**
 * Everything a caller can get wrong, one entry each: the call, the code it must be refused with, and what the message
 * must name. Imported twice: by the page, which makes the calls, and by the test, which knows what to expect.
 */
import type * as Package from "tidepool-db";
import type { Collection, EmbeddingFunction, ErrorCode, TidepoolClient } from "tidepool-db";

/**
 * What a call may use. `collection` is "guarded", holds records of dimension 3 and embeds texts; `silent` is empty and
 * has no embedding function. Every call must leave the whole database as it is.
 */
export interface Setting {
  tidepool: typeof Package;
  client: TidepoolClient;
  collection: Collection;
  silent: Collection;
}

export interface BadInput {
  name: string;
  code: ErrorCode;
  /** Parts that the message must have: the argument, and the value where there is one to show. */
  names: string[];
  call(setting: Setting): unknown;
}

/** The value as if it had the right type: what a caller without TypeScript may pass. */
function odd<T>(value: unknown): T {
  return value as T;
}

const one = { ids: ["x"], embeddings: [[1, 2, 3]] };
const circle: Record<string, unknown> = {};
circle.self = circle;

function nested(depth: number, operator: string, leaf: object): object {
  let filter = leaf;
  for (let i = 0; i < depth; i++) filter = { [operator]: [filter, leaf] };
  return filter;
}

/** An embedding function whose answer, or whose fault, is given. */
function answering(answer: () => unknown): EmbeddingFunction {
  return { name: "odd-one", generate: async () => answer() as number[][] };
}

/** A call that needs a database of its own, since a part of it is no mistake. */
function aside(
  call: (client: TidepoolClient) => Promise<unknown>,
  options: Package.TidepoolClientOptions = {},
): (setting: Setting) => Promise<void> {
  return async ({ tidepool }) => {
    const client = new tidepool.TidepoolClient({ path: "aside", storage: "memory", ...options });
    try {
      await call(client);
    } finally {
      await client.close();
    }
  };
}

type Row = [name: string, names: string[], call: (setting: Setting) => unknown];

function refused(code: ErrorCode, rows: Row[]): BadInput[] {
  return rows.map(([name, names, call]) => ({ name, code, names, call }));
}

function constructing(options: unknown): (setting: Setting) => unknown {
  return ({ tidepool }) => new tidepool.TidepoolClient(odd(options));
}

const construction = refused("INVALID_ARGUMENT", [
  ["options that are a string", ["TidepoolClient", '"notes"'], constructing("notes")],
  ["options that are null", ["TidepoolClient", "null"], constructing(null)],
  ["a path that is empty", ["path", '""'], constructing({ path: "" })],
  ["a path with a slash", ["path", '"a/b"'], constructing({ path: "a/b" })],
  ["a path of dots", ["path", '".."'], constructing({ path: ".." })],
  ["a path that is a number", ["path", "7"], constructing({ path: 7 })],
  ["a path that is too long", ["path", "128"], constructing({ path: "p".repeat(129) })],
  ["a tenant that is empty", ["tenant", '""'], constructing({ tenant: "" })],
  ["a tenant that is an object", ["tenant", "{}"], constructing({ tenant: {} })],
  ["a database that is a number", ["database", "1"], constructing({ database: 1 })],
  ["an unknown storage", ["storage", '"disk"', '"opfs"'], constructing({ storage: "disk" })],
  ["an unknown durability", ["durability", '"eventual"', '"relaxed"'], constructing({ durability: "eventual" })],
  ["an allowReset that is a string", ["allowReset", '"yes"'], constructing({ allowReset: "yes" })],
  ["a worker that is no function", ["worker", '"worker.js"'], constructing({ worker: "worker.js" })],
  [
    "a storage that the database was not created with",
    ["storage", '"indexeddb"', '"opfs"'],
    async ({ tidepool }) => {
      const stored = new tidepool.TidepoolClient({ path: "stored-elsewhere", storage: "opfs" });
      await stored.heartbeat();
      await stored.close();
      const asked = new tidepool.TidepoolClient({ path: "stored-elsewhere", storage: "indexeddb" });
      return asked.heartbeat();
    },
  ],
]);

function creating(args: unknown): (setting: Setting) => unknown {
  return ({ client }) => client.createCollection(odd(args));
}

const collections: BadInput[] = [
  ...refused("INVALID_ARGUMENT", [
    ["creating without arguments", ["argument", "undefined"], creating(undefined)],
    ["creating without a name", ["name", "undefined"], creating({})],
    ["a name that is too short", ["name", '"ab"', "3-512"], creating({ name: "ab" })],
    ["a name that is too long", ["name", "3-512"], creating({ name: "n".repeat(513) })],
    ["a name with a space", ["name", '"my notes"'], creating({ name: "my notes" })],
    ["a name that begins with a dash", ["name", '"-notes"'], creating({ name: "-notes" })],
    ["a name with two periods", ["name", '"no..tes"'], creating({ name: "no..tes" })],
    ["a name that is an address", ["name", '"10.0.0.1"'], creating({ name: "10.0.0.1" })],
    ["a name that is a number", ["name", "12345"], creating({ name: 12345 })],
    ["collection metadata that is empty", ["metadata", "{}"], creating({ name: "notes", metadata: {} })],
    ["collection metadata that is a list", ["metadata", "[1]"], creating({ name: "notes", metadata: [1] })],
    ["collection metadata with an object", ["metadata", '"a"', '{"b":1}'], creating({ name: "notes", metadata: { a: { b: 1 } } })],
    ["collection metadata with nothing but null", ["metadata", "{}"], creating({ name: "notes", metadata: { a: null } })],
    ["collection metadata with NaN", ["metadata", '"a"', "NaN"], creating({ name: "notes", metadata: { a: NaN } })],
    ["a configuration that is a string", ["configuration", '"hnsw"'], creating({ name: "notes", configuration: "hnsw" })],
    [
      "an unknown space",
      ["configuration.hnsw.space", '"hamming"', "cosine"],
      creating({ name: "notes", configuration: { hnsw: { space: "hamming" } } }),
    ],
    [
      "an unknown engine",
      ["configuration.hnsw.engine", '"faiss"', "tidepool, hnswlib"],
      creating({ name: "notes", configuration: { hnsw: { engine: "faiss" } } }),
    ],
    ["an unknown space by old metadata", ["hnsw:space", '"hamming"'], creating({ name: "notes", metadata: { "hnsw:space": "hamming" } })],
    [
      "an unknown space for spann",
      ["configuration.spann", '"hamming"'],
      creating({ name: "notes", configuration: { spann: { space: "hamming" } } }),
    ],
    ["hnsw and spann at once", ["HNSW", "SPANN"], creating({ name: "notes", configuration: { hnsw: {}, spann: {} } })],
    ["an unknown index parameter", ["configuration.hnsw", '"m"'], creating({ name: "notes", configuration: { hnsw: { m: 16 } } })],
    ["an index parameter of zero", ["ef_search", "0"], creating({ name: "notes", configuration: { hnsw: { ef_search: 0 } } })],
    [
      "an index parameter that is a string",
      ["max_neighbors", '"16"'],
      creating({ name: "notes", configuration: { hnsw: { max_neighbors: "16" } } }),
    ],
    ["an embedding function without generate", ["embeddingFunction", "generate"], creating({ name: "notes", embeddingFunction: {} })],
    [
      "two embedding functions",
      ["Embedding function", "configuration"],
      ({ client }) => {
        const embeddingFunction = answering(() => []);
        return client.createCollection({ name: "notes", embeddingFunction, configuration: { embeddingFunction } });
      },
    ],
    ["the JSON of a schema", ["schema", "Schema", "defaults"], creating({ name: "notes", schema: { defaults: {}, keys: {} } })],
    [
      "an index of text under another key",
      ["Full text", "#document", "title"],
      creating({
        name: "notes",
        schema: { serializeToJSON: () => ({ defaults: {}, keys: { title: { string: { fts_index: { enabled: true } } } } }) },
      }),
    ],
    [
      "a schema and a configuration",
      ["config", "schema", "simultaneously"],
      ({ client, tidepool: { IntInvertedIndexConfig, Schema } }) =>
        client.createCollection({
          name: "notes",
          schema: new Schema().deleteIndex(new IntInvertedIndexConfig()),
          configuration: { hnsw: { space: "ip" } },
        }),
    ],
    [
      "an index that nobody knows",
      ["config", "FtsIndexConfig"],
      async ({ tidepool: { Schema } }) => new Schema().createIndex(odd({}), "k"),
    ],
    ["getting without arguments", ["getCollection", "undefined"], ({ client }) => client.getCollection(odd(undefined))],
    ["getting an empty name", ["name", '""'], ({ client }) => client.getCollection({ name: "" })],
    ["deleting a collection by number", ["name", "3"], ({ client }) => client.deleteCollection({ name: odd(3) })],
    ["a negative limit of collections", ["limit", "-1"], ({ client }) => client.listCollections({ limit: -1 })],
    ["a broken offset of collections", ["offset", "0.5"], ({ client }) => client.listCollections({ offset: 0.5 })],
    ["modifying without arguments", ["modify", "undefined"], ({ collection }) => collection.modify(odd(undefined))],
    ["renaming to a bad name", ["name", '"a"'], ({ collection }) => collection.modify({ name: "a" })],
    ["modifying to empty metadata", ["metadata", "{}"], ({ collection }) => collection.modify({ metadata: {} })],
    ["modifying the space", ["space"], ({ collection }) => collection.modify({ configuration: { hnsw: odd({ space: "ip" }) } })],
    [
      "modifying the engine",
      ["engine", "fixed"],
      ({ collection }) => collection.modify({ configuration: { hnsw: odd({ engine: "hnswlib" }) } }),
    ],
    [
      "modifying to an odd parameter",
      ["ef_search", "-5"],
      ({ collection }) => collection.modify({ configuration: { hnsw: { ef_search: -5 } } }),
    ],
    [
      "modifying to an odd embedding function",
      ["configuration.embeddingFunction", "7"],
      ({ collection }) => collection.modify({ configuration: { embeddingFunction: odd(7) } }),
    ],
  ]),
  ...refused("NOT_SUPPORTED", [
    [
      "a customer-managed key",
      ["schema.cmek", "encryption"],
      ({ client, tidepool: { Cmek, Schema } }) =>
        client.createCollection({ name: "notes", schema: new Schema().setCmek(Cmek.gcp("projects/p")) }),
    ],
  ]),
  ...refused("NOT_FOUND", [
    ["getting a collection that is not there", ["nowhere"], ({ client }) => client.getCollection({ name: "nowhere" })],
    ["deleting a collection that is not there", ["nowhere"], ({ client }) => client.deleteCollection({ name: "nowhere" })],
    [
      "writing to a collection that was deleted",
      ["Collection"],
      aside(async (client) => {
        const gone = await client.createCollection({ name: "gone", embeddingFunction: null });
        await client.deleteCollection({ name: "gone" });
        await gone.add(one);
      }),
    ],
  ]),
  ...refused("ALREADY_EXISTS", [
    ["creating a collection that exists", ["guarded"], ({ client }) => client.createCollection({ name: "guarded" })],
    ["renaming to a name that exists", ["silent"], ({ collection }) => collection.modify({ name: "silent" })],
    [
      "registering an embedding function twice",
      ["hashing"],
      ({ tidepool }) => tidepool.registerEmbeddingFunction(new tidepool.HashingEmbeddingFunction().name, tidepool.HashingEmbeddingFunction),
    ],
  ]),
  ...refused("FORBIDDEN", [["resetting without leave", ["allowReset"], ({ client }) => client.reset()]]),
];

function adding(args: unknown): (setting: Setting) => unknown {
  return ({ collection }) => collection.add(odd(args));
}

const writes: BadInput[] = [
  ...refused("INVALID_ARGUMENT", [
    ["adding nothing", ["add", "undefined"], adding(undefined)],
    ["no ids", ["ids", "undefined"], adding({ embeddings: [[1, 2, 3]] })],
    ["empty ids", ["ids"], adding({ ids: [], embeddings: [] })],
    ["ids that are a string", ["ids", '"x"'], adding({ ids: "x", embeddings: [[1, 2, 3]] })],
    [
      "an id that is a number",
      ["ids[1]", "2"],
      adding({
        ids: ["x", 2],
        embeddings: [
          [1, 2, 3],
          [1, 2, 3],
        ],
      }),
    ],
    ["an id that is empty", ["ids[0]"], adding({ ids: [""], embeddings: [[1, 2, 3]] })],
    ["an id that is null", ["ids[0]", "null"], adding({ ids: [null], embeddings: [[1, 2, 3]] })],
    ["an id with half a character", ["ids[0]"], adding({ ids: ["\ud800"], embeddings: [[1, 2, 3]] })],
    [
      "ids given twice",
      ["unique", "x (ids[2])"],
      adding({
        ids: ["x", "y", "x"],
        embeddings: [
          [1, 2, 3],
          [1, 2, 3],
          [1, 2, 3],
        ],
      }),
    ],
    ["neither embeddings nor documents", ["embeddings", "documents"], adding({ ids: ["x"] })],
    ["fewer embeddings than ids", ["ids", "embeddings", "2", "1"], adding({ ids: ["x", "y"], embeddings: [[1, 2, 3]] })],
    ["more documents than ids", ["ids", "documents"], adding({ ...one, documents: ["a", "b"] })],
    ["fewer metadatas than ids", ["ids", "metadatas"], adding({ ...one, metadatas: [] })],
    ["more uris than ids", ["ids", "uris"], adding({ ...one, uris: ["a", "b"] })],
    ["embeddings that are a string", ["embeddings", '"x"'], adding({ ids: ["x"], embeddings: "x" })],
    ["embeddings that are an object", ["embeddings"], adding({ ids: ["x"], embeddings: { 0: [1, 2, 3], length: 1 } })],
    ["an embedding that is a number", ["embeddings[0]", "1"], adding({ ids: ["x"], embeddings: [1] })],
    ["an embedding that is null", ["embeddings[0]", "null"], adding({ ids: ["x"], embeddings: [null] })],
    ["an embedding that is empty", ["embeddings[0]"], adding({ ids: ["x"], embeddings: [[]] })],
    [
      "ragged embeddings",
      ["embeddings[1]", "2", "3"],
      ({ silent }) =>
        silent.add({
          ids: ["x", "y"],
          embeddings: [
            [1, 2, 3],
            [1, 2],
          ],
        }),
    ],
    ["an embedding with NaN", ["embeddings[0][1]", "NaN"], adding({ ids: ["x"], embeddings: [[1, NaN, 3]] })],
    ["an embedding with Infinity", ["embeddings[0][2]", "Infinity"], adding({ ids: ["x"], embeddings: [[1, 2, Infinity]] })],
    ["a number too large for float32", ["embeddings[0][0]", "1e+39"], adding({ ids: ["x"], embeddings: [[1e39, 2, 3]] })],
    ["an embedding with a string", ["embeddings[0][1]", '"2"'], adding({ ids: ["x"], embeddings: [[1, "2", 3]] })],
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is refused
    ["an embedding with a hole", ["embeddings[0][1]", "undefined"], adding({ ids: ["x"], embeddings: [[1, , 3]] })],
    ["an embedding with bigints", ["embeddings[0][0]", "1n"], adding({ ids: ["x"], embeddings: [[1n, 2n, 3n]] })],
    ["a flat array with NaN", ["embeddings[1][0]", "NaN"], adding({ ids: ["x", "y"], embeddings: Float32Array.of(1, 2, 3, NaN, 5, 6) })],
    ["a flat array of an odd length", ["embeddings", "7", "2"], adding({ ids: ["x", "y"], embeddings: new Float32Array(7) })],
    ["a flat array of nothing", ["embeddings"], adding({ ids: ["x"], embeddings: new Float32Array(0) })],
    ["a late fault among many records", ["embeddings[2500][0]", "NaN"], adding(manyWithFault(2500))],
    ["a document that is a number", ["documents[0]", "5"], adding({ ...one, documents: [5] })],
    ["documents that are a string", ["documents", '"text"'], adding({ ...one, documents: "text" })],
    ["a uri that is an object", ["uris[0]", "{}"], adding({ ...one, uris: [{}] })],
    ["a document missing where it is embedded", ["documents[1]", "null"], adding({ ids: ["x", "y"], documents: ["text", null] })],
    ["metadata that is a string", ["metadatas[0]", '"a"'], adding({ ...one, metadatas: ["a"] })],
    ["metadata that is empty", ["metadatas[0]", "{}"], adding({ ...one, metadatas: [{}] })],
    ["metadata with an empty key", ["metadatas[0]", '""'], adding({ ...one, metadatas: [{ "": 1 }] })],
    ["metadata with a # key", ["metadatas[0]", '"#id"'], adding({ ...one, metadatas: [{ "#id": 1 }] })],
    ["metadata with a $ key", ["metadatas[0]", '"$in"'], adding({ ...one, metadatas: [{ $in: 1 }] })],
    ["metadata with an object", ["metadatas[0]", '"a"'], adding({ ...one, metadatas: [{ a: { b: 1 } }] })],
    ["metadata with a function", ["metadatas[0]", '"a"', "function"], adding({ ...one, metadatas: [{ a: () => 1 }] })],
    ["metadata with a symbol", ["metadatas[0]", '"a"', "Symbol(x)"], adding({ ...one, metadatas: [{ a: Symbol("x") }] })],
    [
      "metadata with an element of the page",
      ["metadatas[0]", '"a"'],
      adding({ ...one, metadatas: [{ a: globalThis.document?.createElement("div") }] }),
    ],
    ["metadata with itself", ["metadatas[0]", '"self"'], adding({ ...one, metadatas: [circle] })],
    ["metadata with a date", ["metadatas[0]", '"a"'], adding({ ...one, metadatas: [{ a: new Date(0) }] })],
    ["metadata with NaN", ["metadatas[0]", '"a"', "NaN"], adding({ ...one, metadatas: [{ a: NaN }] })],
    ["metadata with a list of nulls", ["metadatas[0]", '"a"', "null"], adding({ ...one, metadatas: [{ a: [null] }] })],
    ["metadata with an empty list", ["metadatas[0]", '"a"', "[]"], adding({ ...one, metadatas: [{ a: [] }] })],
    ["metadata with a mixed list", ["metadatas[0]", '"a"', "string", "number"], adding({ ...one, metadatas: [{ a: ["x", 1] }] })],
    ["metadata with a nested list", ["metadatas[0]", '"a"', "[1]"], adding({ ...one, metadatas: [{ a: [[1]] }] })],
    [
      "a sparse vector without values",
      ['metadatas[0]["sv"].values', "undefined"],
      adding({ ...one, metadatas: [{ sv: { indices: [1] } }] }),
    ],
    [
      "a sparse vector of typed arrays",
      ['metadatas[0]["sv"].indices'],
      adding({ ...one, metadatas: [{ sv: { indices: Uint32Array.of(1), values: Float32Array.of(1) } }] }),
    ],
    [
      "a sparse vector of two lengths",
      ['metadatas[0]["sv"]', "2 indices", "1 values"],
      adding({ ...one, metadatas: [{ sv: { indices: [1, 2], values: [1] } }] }),
    ],
    [
      "a sparse vector out of order",
      ['metadatas[0]["sv"].indices[1]', "4 after 7"],
      adding({ ...one, metadatas: [{ sv: { indices: [7, 4], values: [1, 1] } }] }),
    ],
    [
      "a sparse vector with an index twice",
      ['metadatas[0]["sv"].indices[1]', "7 after 7"],
      adding({ ...one, metadatas: [{ sv: { indices: [7, 7], values: [1, 1] } }] }),
    ],
    [
      "a sparse vector with a negative index",
      ['metadatas[0]["sv"].indices[0]', "-1", "4294967295"],
      adding({ ...one, metadatas: [{ sv: { indices: [-1], values: [1] } }] }),
    ],
    [
      "a sparse vector with a broken index",
      ['metadatas[0]["sv"].indices[0]', "0.5"],
      adding({ ...one, metadatas: [{ sv: { indices: [0.5], values: [1] } }] }),
    ],
    [
      "a sparse vector with NaN",
      ['metadatas[0]["sv"].values[0]', "NaN"],
      adding({ ...one, metadatas: [{ sv: { indices: [1], values: [NaN] } }] }),
    ],
    [
      "a sparse vector beyond float32",
      ['metadatas[0]["sv"].values[0]', "1e+39"],
      adding({ ...one, metadatas: [{ sv: { indices: [1], values: [1e39] } }] }),
    ],
    [
      "a sparse vector with another mark",
      ["#type", '"dense"'],
      adding({ ...one, metadatas: [{ sv: { "#type": "dense", indices: [1], values: [1] } }] }),
    ],
    [
      "a sparse vector with a strange field",
      ['metadatas[0]["sv"]', '"size"'],
      adding({ ...one, metadatas: [{ sv: { indices: [1], values: [1], size: 9 } }] }),
    ],
    ["a list of sparse vectors", ['metadatas[0]["sv"][0]'], adding({ ...one, metadatas: [{ sv: [{ indices: [1], values: [1] }] }] })],
    [
      "collection metadata with a bad sparse vector",
      ['metadata["sv"].indices[1]', "1 after 1"],
      creating({ name: "notes", metadata: { sv: { indices: [1, 1], values: [1, 1] } } }),
    ],
    ["a signal that is none", ["signal", "true"], adding({ ...one, signal: true })],
    ["an onProgress that is none", ["onProgress", "1"], adding({ ...one, onProgress: 1 })],
    ["upserting without anything", ["embeddings", "documents"], ({ collection }) => collection.upsert({ ids: ["a"] })],
    [
      "upserting empty metadata",
      ["metadatas[0]", "{}"],
      ({ collection }) => collection.upsert({ ids: ["a"], embeddings: [[1, 2, 3]], metadatas: [{}] }),
    ],
    ["updating with NaN", ["embeddings[0][0]", "NaN"], ({ collection }) => collection.update({ ids: ["a"], embeddings: [[NaN, 2, 3]] })],
    [
      "updating with a list of objects",
      ["metadatas[0]", '"a"'],
      ({ collection }) => collection.update({ ids: ["a"], metadatas: [{ a: odd([{}]) }] }),
    ],
    ["updating ids given twice", ["unique", "a"], ({ collection }) => collection.update({ ids: ["a", "a"], documents: [null, null] })],
  ]),
  ...refused("DIMENSION_MISMATCH", [
    ["an embedding that is too short", ["3", "2", "embeddings[0]"], adding({ ids: ["x"], embeddings: [[1, 2]] })],
    ["an embedding that is too long", ["3", "4", "embeddings[0]"], adding({ ids: ["x"], embeddings: [[1, 2, 3, 4]] })],
    [
      "a later embedding that is too long",
      ["3", "4", "embeddings[1]"],
      adding({
        ids: ["x", "y"],
        embeddings: [
          [1, 2, 3],
          [1, 2, 3, 4],
        ],
      }),
    ],
    ["flat rows that are too long", ["3", "4", "embeddings"], adding({ ids: ["x", "y"], embeddings: new Float32Array(8) })],
    ["an update that is too short", ["3", "1", "embeddings[0]"], ({ collection }) => collection.update({ ids: ["a"], embeddings: [[1]] })],
    [
      "an embedding that a stale object takes for the first",
      ["3", "2"],
      aside(async (client) => {
        const stale = await client.createCollection({ name: "notes", embeddingFunction: null });
        const other = await client.getCollection({ name: "notes" });
        await other.add({ ids: ["first"], embeddings: [[1, 2, 3]] });
        // This object has not seen the first record, so only the engine knows the dimension.
        await stale.add({ ids: ["x"], embeddings: [[1, 2]] });
      }),
    ],
  ]),
  ...refused("LIMIT_EXCEEDED", [
    [
      "an embedding of too many dimensions",
      ["5000", "4096"],
      ({ silent }) => silent.add({ ids: ["x"], embeddings: [new Float32Array(5000)] }),
    ],
    [
      "a sparse vector of too many entries",
      ['metadatas[0]["sv"]', "65537", "65536"],
      adding({ ...one, metadatas: [{ sv: manyEntries(65_537) }] }),
    ],
    ["a record that is too large", ["ids[0]", '"x"'], adding({ ...one, documents: ["d".repeat(34_000_000)] })],
  ]),
  ...refused("ABORTED", [
    ["a signal that has fired", ["aborted", "0 of 1"], adding({ ...one, signal: AbortSignal.abort() })],
    ["a signal that fires while embedding", ["aborted", "0 of 1"], aside(abortedWhileEmbedding)],
  ]),
];

function manyEntries(count: number): object {
  return { indices: Array.from({ length: count }, (_, i) => i), values: new Array<number>(count).fill(1) };
}

function manyWithFault(at: number): object {
  const ids = Array.from({ length: 3000 }, (_, i) => `many-${i}`);
  return { ids, embeddings: ids.map((_, i) => (i === at ? [NaN, 0, 0] : [i, 0, 0])) };
}

async function abortedWhileEmbedding(client: TidepoolClient): Promise<void> {
  const controller = new AbortController();
  const embeddingFunction = answering(() => {
    controller.abort();
    return new Promise(() => {});
  });
  const collection = await client.createCollection({ name: "slow", embeddingFunction });
  await collection.add({ ids: ["x"], documents: ["text"], signal: controller.signal });
}

/** A write whose embedding function answers so. */
function embedding(answer: () => unknown): (setting: Setting) => unknown {
  return async ({ client, collection }) => {
    const guarded = await client.getCollection({ name: collection.name, embeddingFunction: answering(answer) });
    return guarded.add({ ids: ["x"], documents: ["text"] });
  };
}

const embeddingFunctions: BadInput[] = [
  ...refused("EMBEDDING_FUNCTION", [
    [
      "an embedding function that throws",
      ["odd-one", "no model"],
      embedding(() => {
        throw new Error("no model");
      }),
    ],
    ["an embedding function that answers nothing", ["odd-one", "undefined"], embedding(() => undefined)],
    ["an embedding function that answers too few", ["odd-one", "0", "1"], embedding(() => [])],
    [
      "an embedding function that answers too many",
      ["odd-one", "2", "1"],
      embedding(() => [
        [1, 2, 3],
        [1, 2, 3],
      ]),
    ],
    ["an embedding function that answers NaN", ["NaN", "odd-one"], embedding(() => [[1, NaN, 3]])],
    ["an embedding function that answers strings", ["odd-one", '"a"'], embedding(() => [["a", "b", "c"]])],
    ["an embedding function that answers null", ["odd-one", "null"], embedding(() => [null])],
    [
      "texts for a collection without a function",
      ["silent", "embedding function"],
      ({ silent }) => silent.add({ ids: ["x"], documents: ["text"] }),
    ],
    ["a query text without a function", ["silent", "embedding function"], ({ silent }) => silent.query({ queryTexts: ["text"] })],
    [
      "another embedding function than the stored one",
      ["odd-one", "hashing"],
      aside(async (client) => {
        await client.createCollection({ name: "hashed" });
        await client.getCollection({ name: "hashed", embeddingFunction: answering(() => []) });
      }),
    ],
  ]),
  ...refused("DIMENSION_MISMATCH", [["an embedding function of another dimension", ["3", "2"], embedding(() => [[1, 2]])]]),
  ...refused("INVALID_ARGUMENT", [
    ["a hashing function of no dimension", ["dimension", "0"], ({ tidepool }) => new tidepool.HashingEmbeddingFunction({ dimension: 0 })],
    [
      "registering without a name",
      ["name", '""'],
      ({ tidepool }) => tidepool.registerEmbeddingFunction("", tidepool.HashingEmbeddingFunction),
    ],
    ["registering no class", ["fn", "{}"], ({ tidepool }) => tidepool.registerEmbeddingFunction("mine", odd({}))],
  ]),
];

function getting(args: unknown): (setting: Setting) => unknown {
  return ({ collection }) => collection.get(odd(args));
}

function where(filter: unknown): (setting: Setting) => unknown {
  return getting({ where: filter });
}

function whereDocument(filter: unknown): (setting: Setting) => unknown {
  return getting({ whereDocument: filter });
}

const filters: BadInput[] = [
  ...refused("INVALID_ARGUMENT", [
    ["a where that is a string", ["where", '"a"'], where("a")],
    ["a where that is empty", ["where", "0"], where({})],
    ["a where with two keys", ["where", "2"], where({ a: 1, b: 2 })],
    ["a where with a function in a list", ["where.a.$in[1]", "a function"], where({ a: { $in: ["x", () => 1] } })],
    ["a where with a symbol", ["where.$and[0].a", "Symbol(x)"], where({ $and: [{ a: Symbol("x") }, { b: 1 }] })],
    [
      "a where with an element of the page",
      ["where.a.$eq", "HTMLDivElement"],
      where({ a: { $eq: globalThis.document?.createElement("div") } }),
    ],
    ["a where with null", ["where.a", "null"], where({ a: null })],
    ["a where with a list", ["where.a", "[1]"], where({ a: [1] })],
    ["a where with NaN", ["where.a", "NaN"], where({ a: NaN })],
    ["an unknown operator", ["where.a.$like", "$eq"], where({ a: { $like: "x" } })],
    ["two operators at once", ["where.a", "2"], where({ a: { $gt: 1, $lt: 2 } })],
    ["an operator in the place of a key", ["where.$eq"], where({ $eq: 1 })],
    ["a range of booleans", ["where.a.$gt", "true"], where({ a: { $gt: true } })],
    ["a range to Infinity", ["where.a.$lte", "Infinity"], where({ a: { $lte: Infinity } })],
    ["an empty $in", ["where.a.$in", "[]"], where({ a: { $in: [] } })],
    ["a mixed $in", ["where.a.$in[1]", '"x"'], where({ a: { $in: [1, "x"] } })],
    ["an $nin that is no list", ["where.a.$nin", "1"], where({ a: { $nin: 1 } })],
    ["a $contains of an object", ["where.a.$contains", "{}"], where({ a: { $contains: {} } })],
    ["an $and that is no list", ["where.$and", "{}"], where({ $and: {} })],
    ["an $and of nothing", ["where", "$and", "[]"], where({ $and: [] })],
    ["an $or with a string in it", ["where.$or[1]", '"x"'], where({ $or: [{ a: 1 }, "x"] })],
    [
      "a fault deep inside",
      ["where.$and[1].$or[1].a.$gte", "true"],
      where({ $and: [{ c: 1 }, { $or: [{ b: 1 }, { a: { $gte: true } }] }] }),
    ],
    ["a where with a function", ["where.a is a function"], where({ a: () => 1 })],
    ["a whereDocument that is a string", ["whereDocument", '"a"'], whereDocument("a")],
    ["an empty whereDocument", ["whereDocument", "0"], whereDocument({})],
    ["an unknown document operator", ["whereDocument.$like", "$contains"], whereDocument({ $like: "x" })],
    ["a $contains of a number", ["whereDocument.$contains", "1"], whereDocument({ $contains: 1 })],
    ["a $regex that does not close", ["whereDocument.$regex", '"(a"'], whereDocument({ $regex: "(a" })],
    ["a $regex that looks around", ["whereDocument.$regex", "(?=a)"], whereDocument({ $regex: "(?=a)" })],
    ["a $not_regex of a list", ["whereDocument.$not_regex", "[]"], whereDocument({ $not_regex: [] })],
    ["a document $or that is no list", ["whereDocument.$or", '"x"'], whereDocument({ $or: "x" })],
    ["deleting by an odd where", ["where.a.$gt", "true"], ({ collection }) => collection.delete({ where: { a: { $gt: odd(true) } } })],
    ["searching by an odd where", ["where.a", "null"], ({ collection }) => collection.searchText({ query: "x", where: { a: odd(null) } })],
  ]),
  ...refused("LIMIT_EXCEEDED", [
    ["a where that is too deep", ["where", "64"], where(nested(80, "$and", { a: 1 }))],
    ["a whereDocument that is too deep", ["whereDocument", "64"], whereDocument(nested(80, "$or", { $contains: "a" }))],
    ["a where of too many clauses", ["where", "4096"], where({ $or: Array.from({ length: 5000 }, (_, a) => ({ a })) })],
    ["a $regex that is too large", ["whereDocument.$regex", "a{900}"], whereDocument({ $regex: "(a{900}){900}" })],
  ]),
];

function querying(args: unknown): (setting: Setting) => unknown {
  return ({ collection }) => collection.query(odd(args));
}

const ask = { queryEmbeddings: [[1, 2, 3]] };

function searching(args: unknown): (setting: Setting) => unknown {
  return ({ collection }) => collection.searchText(odd(args));
}

const reads: BadInput[] = [
  ...refused("INVALID_ARGUMENT", [
    ["getting by a string", ["get", '"a"'], getting("a")],
    ["getting no ids", ["ids"], getting({ ids: [] })],
    ["getting ids given twice", ["unique", "a"], getting({ ids: ["a", "a"] })],
    ["getting an id that is a number", ["ids[0]", "1"], getting({ ids: [1] })],
    ["a negative limit", ["limit", "-1"], getting({ limit: -1 })],
    ["a broken limit", ["limit", "1.5"], getting({ limit: 1.5 })],
    ["a limit that is a string", ["limit", '"5"'], getting({ limit: "5" })],
    ["a negative offset", ["offset", "-2"], getting({ offset: -2 })],
    ["an offset of NaN", ["offset", "NaN"], getting({ offset: NaN })],
    ["an unknown include", ["include[0]", '"scores"'], getting({ include: ["scores"] })],
    ["distances in get", ["include[1]", "distances"], getting({ include: ["documents", "distances"] })],
    ["an include that is a string", ["include", '"documents"'], getting({ include: "documents" })],
    ["a broken peek", ["limit", "-1"], ({ collection }) => collection.peek({ limit: -1 })],
    ["deleting nothing", ["delete", "undefined"], ({ collection }) => collection.delete(odd(undefined))],
    ["deleting no ids", ["ids"], ({ collection }) => collection.delete({ ids: [] })],
    ["deleting by limit alone", ["limit", "where"], ({ collection }) => collection.delete({ ids: ["a"], limit: 1 })],
    ["deleting with a negative limit", ["limit", "-1"], ({ collection }) => collection.delete({ where: { n: 1 }, limit: -1 })],
    ["querying nothing", ["query", "undefined"], querying(undefined)],
    ["a query without a question", ["queryEmbeddings", "queryTexts"], querying({})],
    ["a query of no embeddings", ["queryEmbeddings"], querying({ queryEmbeddings: [] })],
    ["a query of an empty embedding", ["queryEmbeddings[0]"], querying({ queryEmbeddings: [[]] })],
    ["a query by a string", ["queryEmbeddings", '"x"'], querying({ queryEmbeddings: "x" })],
    ["a query by a number", ["queryEmbeddings", "5"], querying({ queryEmbeddings: 5 })],
    ["a query by numbers", ["queryEmbeddings[0]", "1"], querying({ queryEmbeddings: [1, 2, 3] })],
    ["a query with NaN", ["queryEmbeddings[0][2]", "NaN"], querying({ queryEmbeddings: [[1, 2, NaN]] })],
    [
      "a ragged query",
      ["queryEmbeddings[1]"],
      querying({
        queryEmbeddings: [
          [1, 2, 3],
          [1, 2],
        ],
      }),
    ],
    ["a query of no texts", ["queryTexts", "[]"], querying({ queryTexts: [] })],
    ["a query text that is a number", ["queryTexts[0]", "1"], querying({ queryTexts: [1] })],
    ["a negative nResults", ["nResults", "-1"], querying({ ...ask, nResults: -1 })],
    ["a broken nResults", ["nResults", "2.5"], querying({ ...ask, nResults: 2.5 })],
    ["an nResults that is a string", ["nResults", '"3"'], querying({ ...ask, nResults: "3" })],
    ["a query with an unknown include", ["include[0]", '"data"'], querying({ ...ask, include: ["data"] })],
    ["a query with an odd where", ["where.n.$gt", "true"], querying({ ...ask, where: { n: { $gt: true } } })],
    ["a query with odd ids", ["ids[0]", "null"], querying({ ...ask, ids: [null] })],
    ["searching without a query", ["query", "undefined"], searching({})],
    ["searching for a number", ["query", "5"], searching({ query: 5 })],
    ["searching for nothing at all", ["searchText", "undefined"], searching(undefined)],
    ["a negative nResults in a search", ["nResults", "-1"], searching({ query: "x", nResults: -1 })],
    ["a prefix that is a string", ["prefix", '"yes"'], searching({ query: "x", prefix: "yes" })],
    ["a fuzzy above one", ["fuzzy", "2"], searching({ query: "x", fuzzy: 2 })],
    ["a fuzzy of NaN", ["fuzzy", "NaN"], searching({ query: "x", fuzzy: NaN })],
    ["distances in a search", ["include[0]", "distances"], searching({ query: "x", include: ["distances"] })],
    ["a search with an odd whereDocument", ["whereDocument.$regex", '"["'], searching({ query: "x", whereDocument: { $regex: "[" } })],
  ]),
  ...refused("DIMENSION_MISMATCH", [
    ["a query that is too short", ["3", "2", "queryEmbeddings"], querying({ queryEmbeddings: [[1, 2]] })],
    ["a flat query that is too long", ["3", "6", "queryEmbeddings"], querying({ queryEmbeddings: new Float32Array(6) })],
  ]),
  ...refused("LIMIT_EXCEEDED", [
    ["a query of too many dimensions", ["queryEmbeddings", "5000", "4096"], querying({ queryEmbeddings: [new Float32Array(5000)] })],
  ]),
];

/** Calls on a client or collection after `close`. */
function closed(call: (client: TidepoolClient, collection: Collection) => Promise<unknown>): (setting: Setting) => Promise<void> {
  return aside(async (client) => {
    const collection = await client.createCollection({ name: "notes", embeddingFunction: null });
    await client.close();
    await call(client, collection);
  });
}

const closing = refused("CLOSED", [
  ["info of a closed client", ["closed"], closed((client) => client.info())],
  ["a collection of a closed client", ["closed"], closed((client) => client.getCollection({ name: "notes" }))],
  ["adding after closing", ["closed"], closed((_, collection) => collection.add(one))],
  ["querying after closing", ["closed"], closed((_, collection) => collection.query(ask))],
]);

const elsewhere = refused("NOT_FOUND", [
  ["a tenant that is not there", ["nobody"], aside((client) => client.createCollection({ name: "notes" }), { tenant: "nobody" })],
  ["a database that is not there", ["nothing"], aside((client) => client.listCollections(), { database: "nothing" })],
]);

export const badInputs: readonly BadInput[] = [
  ...construction,
  ...collections,
  ...writes,
  ...embeddingFunctions,
  ...filters,
  ...reads,
  ...closing,
  ...elsewhere,
];

/** What a call was refused with. */
export interface Outcome {
  isTidepoolError: boolean;
  code: string;
  message: string;
}

/** Makes the call; `null` when it was not refused. */
export async function attempt(input: BadInput, setting: Setting): Promise<Outcome | null> {
  try {
    await input.call(setting);
    return null;
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    return { isTidepoolError: error instanceof setting.tidepool.TidepoolError, code: String(code), message: String(message) };
  }
}
