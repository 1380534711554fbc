/**
 * What a Chroma server does, one case for each row of the tables that describe it, as requests and answers over REST. They
 * run against any base: the gateway in Node, the built package in a browser, or a Chroma server (where a case is not one in
 * which we differ on purpose).
 */
import assert from "node:assert/strict";

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: cases look into it with assertions
  body: any;
}

/** Sends a request; a string is sent as it is. */
export type Ask = (method: string, path: string, body?: unknown) => Promise<Answer>;

export interface Case {
  name: string;
  run(rest: Rest): Promise<void>;
}

const T = "/api/v2/tenants/default_tenant";
const D = `${T}/databases/default_database`;
const ABSENT = "00000000-0000-4000-8000-000000000000";

let names = 0;

/** Requests with what most cases need around them. */
export class Rest {
  readonly ask: Ask;

  constructor(ask: Ask) {
    this.ask = ask;
  }

  /** A new collection's path. */
  async collection(fields: object = {}): Promise<string> {
    const { status, body } = await this.ask("POST", `${D}/collections`, { name: this.name(), ...fields });
    assert.equal(status, 200, JSON.stringify(body));
    return `${D}/collections/${body.id}`;
  }

  name(): string {
    return `case-${++names}-${Math.random().toString(36).slice(2)}x`;
  }

  /** A new collection with records a (0, 0), b (1, 0) and c (0, 2). */
  async filled(): Promise<string> {
    const path = await this.collection();
    const records = {
      ids: ["a", "b", "c"],
      embeddings: [
        [0, 0],
        [1, 0],
        [0, 2],
      ],
      documents: ["Ebb tide", "spring tide", null],
      metadatas: [{ n: 1, s: "x" }, { n: 2.5, t: ["u", "v"] }, null],
    };
    assert.deepEqual(await this.ask("POST", `${path}/add`, records), { status: 201, body: {} });
    return path;
  }

  async ids(path: string, selection: object = {}): Promise<string[]> {
    const { status, body } = await this.ask("POST", `${path}/get`, { include: [], ...selection });
    assert.equal(status, 200, JSON.stringify(body));
    return body.ids;
  }

  /** Asserts that a request is refused, with a message that holds the words. */
  async refused(status: number, error: string, words: string, method: string, path: string, body?: unknown): Promise<void> {
    const answer = await this.ask(method, path, body);
    assert.deepEqual([answer.status, answer.body.error], [status, error], JSON.stringify(answer));
    assert.ok(answer.body.message.includes(words), `${JSON.stringify(answer.body.message)} should hold ${JSON.stringify(words)}`);
  }
}

const on = { enabled: true, config: {} };
const off = { enabled: false, config: {} };

/** What the official client sends for a schema with these indexes by default, and these exceptions. */
function schemaOf(defaults: object, keys: object = {}, vector: object = {}): object {
  const config = { embedding_function: { type: "legacy" }, ...vector };
  return {
    defaults: {
      string: { fts_index: off, string_inverted_index: on },
      float_list: { vector_index: { enabled: false, config } },
      sparse_vector: { sparse_vector_index: { enabled: false, config: { embedding_function: { type: "legacy" } } } },
      int: { int_inverted_index: on },
      float: { float_inverted_index: on },
      bool: { bool_inverted_index: on },
      ...defaults,
    },
    keys: {
      "#document": { string: { fts_index: on, string_inverted_index: off } },
      "#embedding": { float_list: { vector_index: { enabled: true, config: { ...config, source_key: "#document" } } } },
      ...keys,
    },
  };
}

function isCollection(body: object): void {
  const fields = ["configuration_json", "database", "dimension", "id", "log_position", "metadata", "name", "schema", "tenant", "version"];
  assert.deepEqual(Object.keys(body).sort(), fields);
}

export const cases: readonly Case[] = [
  // ---- behaviour
  {
    name: "include default: documents and metadatas, for queries distances too; what is not asked for is null",
    async run(rest) {
      const path = await rest.filled();
      const got = (await rest.ask("POST", `${path}/get`, {})).body;
      assert.deepEqual([got.include, got.embeddings, got.uris], [["documents", "metadatas"], null, null]);
      const found = (await rest.ask("POST", `${path}/query`, { query_embeddings: [[0, 0]] })).body;
      assert.deepEqual([found.include, found.embeddings, found.uris], [["documents", "metadatas", "distances"], null, null]);
    },
  },
  ...(
    [
      ["l2", [0, 5, 1], "squared"],
      ["cosine", [0, 0, 1], "1 − cos, and 1 for a zero vector"],
      ["ip", [0, -1, 1], "1 − dot"],
    ] as const
  ).map(([space, distances, what]) => ({
    name: `distances of ${space}: ${what}`,
    async run(rest: Rest) {
      const path = await rest.collection({ configuration: { hnsw: { space } } });
      await rest.ask("POST", `${path}/add`, { ids: ["x", "far", "zero"], embeddings: [[1, 0], space === "l2" ? [2, 2] : [2, 0], [0, 0]] });
      const { body } = await rest.ask("POST", `${path}/query`, { query_embeddings: [[1, 0]], include: ["distances"] });
      const byId = Object.fromEntries(body.ids[0].map((id: string, i: number) => [id, body.distances[0][i]]));
      assert.deepEqual([byId.x, byId.far, byId.zero], distances);
    },
  })),
  {
    name: "distances are float32, shown as short as they can be",
    async run(rest) {
      const path = await rest.collection();
      await rest.ask("POST", `${path}/add`, { ids: ["a"], embeddings: [[0.1, 0.5]] });
      const { body } = await rest.ask("POST", `${path}/query`, { query_embeddings: [[0.1, 0]], include: ["distances", "embeddings"] });
      assert.deepEqual([body.embeddings, body.distances], [[[[0.1, 0.5]]], [[0.25]]]);
    },
  },
  {
    name: "query order: nearest first, ties in insertion order; n_results 10 by default, 0, and more than there are",
    async run(rest) {
      const path = await rest.collection();
      const ids = Array.from({ length: 12 }, (_, i) => `r${i}`);
      await rest.ask("POST", `${path}/add`, { ids, embeddings: ids.map((_, i) => [i < 6 ? 1 : 0]) });
      const query = async (n?: number) =>
        (await rest.ask("POST", `${path}/query`, { query_embeddings: [[0]], n_results: n, include: [] })).body.ids[0];
      assert.deepEqual(await query(), [...ids.slice(6), ...ids.slice(0, 4)]);
      assert.deepEqual(await query(0), []);
      assert.equal((await query(100)).length, 12);
      await rest.refused(422, "ChromaError", "n_results: invalid value: integer `-1`, expected u32", "POST", `${path}/query`, {
        query_embeddings: [[0]],
        n_results: -1,
      });
    },
  },
  {
    name: "query of a wrong dimension",
    async run(rest) {
      const message = "Collection expecting embedding with dimension of 2, got 3";
      await rest.refused(400, "InvalidArgumentError", message, "POST", `${await rest.filled()}/query`, { query_embeddings: [[1, 2, 3]] });
    },
  },
  {
    name: "query of an empty collection: nothing, for any dimension",
    async run(rest) {
      const { body } = await rest.ask("POST", `${await rest.collection()}/query`, {
        query_embeddings: [
          [1, 2, 3],
          [4, 5, 6],
        ],
      });
      assert.deepEqual(
        [body.ids, body.distances],
        [
          [[], []],
          [[], []],
        ],
      );
    },
  },
  {
    name: "get: insertion order even with ids, absent ids ignored, limit and offset after filtering",
    async run(rest) {
      const path = await rest.filled();
      assert.deepEqual(await rest.ids(path, { ids: ["c", "nobody", "a"] }), ["a", "c"]);
      assert.deepEqual(await rest.ids(path, { where: { n: { $gt: 0 } }, offset: 1, limit: 5 }), ["b"]);
      assert.deepEqual(await rest.ids(path, { limit: 0 }), []);
    },
  },
  {
    name: "add of an id that exists changes nothing",
    async run(rest) {
      const path = await rest.filled();
      assert.equal((await rest.ask("POST", `${path}/add`, { ids: ["a"], embeddings: [[9, 9]], documents: ["new"] })).status, 201);
      assert.deepEqual((await rest.ask("POST", `${path}/get`, { ids: ["a"] })).body.documents, ["Ebb tide"]);
    },
  },
  {
    name: "repeated ids in one batch: add keeps the first, upsert and update the last",
    async run(rest) {
      const path = await rest.collection();
      const read = async () => (await rest.ask("POST", `${path}/get`, { include: ["embeddings"] })).body.embeddings;
      await rest.ask("POST", `${path}/add`, { ids: ["a", "a"], embeddings: [[1], [2]] });
      assert.deepEqual(await read(), [[1]]);
      await rest.ask("POST", `${path}/upsert`, { ids: ["a", "a"], embeddings: [[3], [4]] });
      assert.deepEqual(await read(), [[4]]);
      await rest.ask("POST", `${path}/update`, { ids: ["a", "a"], embeddings: [[5], [6]] });
      assert.deepEqual(await read(), [[6]]);
    },
  },
  {
    name: "update of an absent id is ignored",
    async run(rest) {
      const path = await rest.filled();
      assert.deepEqual(await rest.ask("POST", `${path}/update`, { ids: ["nobody"], documents: ["x"] }), { status: 200, body: {} });
      assert.deepEqual(await rest.ids(path), ["a", "b", "c"]);
    },
  },
  {
    name: "update and upsert merge metadata, leave what is omitted or null, keep the position, replace arrays, change types",
    async run(rest) {
      const path = await rest.filled();
      await rest.ask("POST", `${path}/update`, { ids: ["b"], metadatas: [{ t: ["w"], n: "now text", extra: true }], documents: [null] });
      await rest.ask("POST", `${path}/upsert`, { ids: ["a"], embeddings: [[7, 7]], metadatas: [{ m: 1 }] });
      const { body } = await rest.ask("POST", `${path}/get`, { include: ["documents", "metadatas", "embeddings"] });
      assert.deepEqual(body.ids, ["a", "b", "c"]);
      assert.deepEqual(body.documents, ["Ebb tide", "spring tide", null]);
      assert.deepEqual(body.metadatas, [{ n: 1, s: "x", m: 1 }, { n: "now text", t: ["w"], extra: true }, null]);
      assert.deepEqual(body.embeddings, [
        [7, 7],
        [1, 0],
        [0, 2],
      ]);
    },
  },
  {
    name: "null in metadata deletes the key in update, is refused in add; all keys deleted is {}, never set is null",
    async run(rest) {
      const path = await rest.filled();
      await rest.ask("POST", `${path}/update`, { ids: ["a"], metadatas: [{ n: null, s: null }] });
      assert.deepEqual((await rest.ask("POST", `${path}/get`, { ids: ["a", "c"] })).body.metadatas, [{}, null]);
      await rest.refused(422, "ChromaError", "metadatas[0].k: data did not match any variant", "POST", `${path}/add`, {
        ids: ["d"],
        embeddings: [[1, 1]],
        metadatas: [{ k: null }],
      });
      await rest.ask("POST", `${path}/add`, { ids: ["u"], embeddings: [[1, 1]], uris: ["urn:u"] });
      assert.deepEqual((await rest.ask("POST", `${path}/get`, { ids: ["u"] })).body.metadatas, [{}]);
    },
  },
  {
    name: "metadata values: scalars and homogeneous arrays; nested and mixed refused; empty ones are nothing; keys",
    async run(rest) {
      const path = await rest.collection();
      const metadata = { s: "x", i: -1, f: 1.5, b: false, ss: ["x"], ff: [1, 2.5], bb: [true] };
      await rest.ask("POST", `${path}/add`, { ids: ["a", "e", "o"], embeddings: [[1], [1], [1]], metadatas: [metadata, { e: [] }, {}] });
      assert.deepEqual((await rest.ask("POST", `${path}/get`, {})).body.metadatas, [metadata, null, null]);
      for (const value of [{ a: 1 }, [[1]], [1, "x"]]) {
        await rest.refused(422, "ChromaError", "untagged enum MetadataValue", "POST", `${path}/add`, {
          ids: ["n"],
          embeddings: [[1]],
          metadatas: [{ k: value }],
        });
      }
      for (const key of ["", "#k", "$k"]) {
        await rest.refused(400, "InvalidArgumentError", "Invalid metadata at index 0", "POST", `${path}/add`, {
          ids: ["n"],
          embeddings: [[1]],
          metadatas: [{ [key]: 1 }],
        });
      }
    },
  },
  {
    name: "metadata values: sparse vectors whose indices are u32 and ascend, one value for each; with or without the mark",
    async run(rest) {
      const path = await rest.collection();
      const add = (sv: unknown) => rest.ask("POST", `${path}/add`, { ids: ["n"], embeddings: [[1]], metadatas: [{ sv }] });
      for (const sv of [
        { indices: [5, 1], values: [0.5, 2] },
        { indices: [1, 1], values: [0.5, 2] },
        { indices: [1], values: [0.5, 2] },
      ]) {
        const { status, body } = await add({ "#type": "sparse_vector", ...sv });
        assert.deepEqual(
          [status, body],
          [400, { error: "InvalidArgumentError", message: "Validation error: metadatas: Invalid metadata at index 0" }],
        );
      }
      for (const sv of [
        { indices: [-1], values: [1] },
        { indices: [0.5], values: [1] },
        { indices: [1] },
        { "#type": "dense", indices: [1], values: [1] },
      ]) {
        assert.equal((await add(sv)).status, 422);
      }
      assert.deepEqual(await rest.ids(path), []);
    },
  },
  {
    name: "ids: non-empty strings of any length",
    async run(rest) {
      const path = await rest.collection();
      const long = "é".repeat(20_000);
      assert.equal((await rest.ask("POST", `${path}/add`, { ids: [long], embeddings: [[1]] })).status, 201);
      assert.deepEqual(await rest.ids(path, { ids: [long] }), [long]);
      await rest.refused(400, "InvalidArgumentError", "Empty ID", "POST", `${path}/add`, { ids: [""], embeddings: [[1]] });
      await rest.refused(422, "ChromaError", "ids[0]: invalid type: integer `1`", "POST", `${path}/add`, { ids: [1], embeddings: [[1]] });
    },
  },
  {
    name: "embeddings: finite, base64 or arrays; the first add fixes the dimension, even when all records are gone",
    async run(rest) {
      const path = await rest.collection();
      const base64 = (...values: number[]) => Buffer.from(new Float32Array(values).buffer).toString("base64");
      for (const operation of ["add", "update", "upsert"])
        await rest.ask("POST", `${path}/${operation}`, { ids: [operation, "add"], embeddings: [base64(1, 2), base64(3, 4)] });
      assert.deepEqual((await rest.ask("POST", `${path}/get`, { include: ["embeddings"] })).body.embeddings, [
        [3, 4],
        [1, 2],
      ]);
      await rest.refused(400, "InvalidArgumentError", "Non-finite float value at embedding index 1: NaN", "POST", `${path}/add`, {
        ids: ["x", "y"],
        embeddings: [base64(1, 2), base64(NaN, 1)],
      });
      await rest.ask("POST", `${path}/delete`, { ids: ["add", "upsert"] });
      await rest.refused(400, "InvalidArgumentError", "dimension of 2, got 1", "POST", `${path}/add`, { ids: ["x"], embeddings: [[1]] });
    },
  },
  {
    name: "batch: the pre-flight tells a size that only clients enforce",
    async run(rest) {
      const { max_batch_size: max, supports_base64_encoding: base64 } = (await rest.ask("GET", "/api/v2/pre-flight-checks")).body;
      assert.ok(max >= 100 && base64);
      const path = await rest.collection();
      const ids = Array.from({ length: max + 1 }, (_, i) => `${i}`);
      assert.equal((await rest.ask("POST", `${path}/add`, { ids, embeddings: ids.map(() => [1]) })).status, 201);
      assert.equal((await rest.ask("GET", `${path}/count`)).body, max + 1);
    },
  },
  {
    name: "delete: ids and where are and-ed, nothing selects nothing, a limit needs where, an empty list is refused",
    async run(rest) {
      const path = await rest.filled();
      const remove = async (body: object) => (await rest.ask("POST", `${path}/delete`, body)).body;
      assert.deepEqual(await remove({}), { deleted: 0 });
      assert.deepEqual(await remove({ ids: ["b", "c"], where: { n: 1 } }), { deleted: 0 });
      assert.deepEqual(await remove({ where: { n: { $gt: 0 } }, limit: 1 }), { deleted: 1 });
      assert.deepEqual(await rest.ids(path), ["b", "c"]);
      await rest.refused(400, "InvalidArgumentError", "limit can only be specified", "POST", `${path}/delete`, { ids: ["b"], limit: 1 });
      await rest.refused(400, "InvalidArgumentError", "Either ids or where must be specified", "POST", `${path}/delete`, { ids: [] });
    },
  },
  {
    name: "names of collections",
    async run(rest) {
      for (const name of ["ab", "-abc", "abc_", "a b", "a..b", "192.168.1.1", "é".repeat(5), "a".repeat(513)]) {
        await rest.refused(400, "InvalidArgumentError", "Validation error: name: Expected a name", "POST", `${D}/collections`, { name });
      }
      await rest.collection({ name: `${"n".repeat(480)}-${Math.random().toString(36).slice(2)}` });
    },
  },
  {
    name: "getOrCreate ignores metadata and configuration of a collection that exists",
    async run(rest) {
      const name = rest.name();
      await rest.collection({ name, metadata: { a: 1 } });
      const again = { name, get_or_create: true, metadata: { b: 2 }, configuration: { hnsw: { space: "ip" } } };
      const { body } = await rest.ask("POST", `${D}/collections`, again);
      assert.deepEqual([body.metadata, body.configuration_json.hnsw.space], [{ a: 1 }, "l2"]);
      await rest.refused(409, "ChromaError", "already exists", "POST", `${D}/collections`, { name });
    },
  },
  {
    name: "modify replaces metadata, refuses an empty one, and cannot change the space",
    async run(rest) {
      const path = await rest.collection({ metadata: { a: 1, b: 2 } });
      const id = path.split("/").at(-1)!;
      assert.deepEqual(await rest.ask("PUT", path, { new_metadata: { b: 3 } }), { status: 200, body: {} });
      assert.deepEqual((await rest.ask("GET", `${D}/collections/by-id/${id}`)).body.metadata, { b: 3 });
      await rest.refused(400, "InvalidArgumentError", "Metadata cannot be empty", "PUT", path, { new_metadata: {} });
      await rest.refused(422, "ChromaError", "unknown field `space`", "PUT", path, { new_configuration: { hnsw: { space: "ip" } } });
    },
  },
  {
    name: "configuration returned: defaults",
    async run(rest) {
      const { body } = await rest.ask("POST", `${D}/collections`, { name: rest.name() });
      const hnsw = { space: "l2", ef_construction: 100, ef_search: 100, max_neighbors: 16, resize_factor: 1.2, sync_threshold: 1000 };
      assert.deepEqual(body.configuration_json, { hnsw, spann: null, embedding_function: null });
    },
  },
  {
    name: "tenants and databases: the defaults, and what is missing",
    async run(rest) {
      assert.deepEqual((await rest.ask("GET", T)).body, { name: "default_tenant", resource_name: null });
      assert.deepEqual((await rest.ask("GET", D)).body.name, "default_database");
      await rest.refused(400, "InvalidArgumentError", "Database [nowhere] does not exist", "POST", `${T}/databases/nowhere/collections`, {
        name: "abc",
      });
      assert.deepEqual((await rest.ask("GET", `${T}/databases/nowhere/collections`)).body, []);
      assert.deepEqual((await rest.ask("GET", `${T}/databases/nowhere/collections_count`)).body, 0);
      await rest.refused(404, "NotFoundError", "Tenant [nobody-here] not found", "GET", "/api/v2/tenants/nobody-here");
    },
  },
  {
    name: "where: comparisons, and negations that match what lacks the key",
    async run(rest) {
      const path = await rest.filled();
      const expected: [where: unknown, ids: string[]][] = [
        [{ n: 1 }, ["a"]],
        [{ n: { $gte: 1 } }, ["a", "b"]],
        [{ n: { $lt: 2.5 } }, ["a"]],
        [{ n: { $ne: 1 } }, ["b", "c"]],
        [{ s: { $nin: ["x"] } }, ["b", "c"]],
        [{ n: { $eq: "1" } }, []],
        [{ t: { $contains: "u" } }, ["b"]],
        [{ t: { $not_contains: "u" } }, ["a", "c"]],
        [{ s: { $contains: "x" } }, []],
        [{ t: "u" }, []],
        [{ $and: [{ n: { $gt: 0 } }, { s: "x" }] }, ["a"]],
        [{ $or: [{ n: 2.5 }, { s: "x" }] }, ["a", "b"]],
        [{ $and: [] }, ["a", "b", "c"]],
        [{ $or: [] }, []],
      ];
      for (const [where, ids] of expected) assert.deepEqual([where, await rest.ids(path, { where })], [where, ids]);
      for (const where of [{}, { a: 1, b: 2 }, { n: null }, { n: { $in: [] } }, { n: { $in: [1, "x"] } }, { n: { $foo: 1 } }, "text"]) {
        await rest.refused(400, "InvalidArgumentError", "Invalid where clause", "POST", `${path}/get`, { where });
      }
    },
  },
  {
    name: "where_document: literal substrings, regular expressions, and negations that match records without a document",
    async run(rest) {
      const path = await rest.filled();
      const expected: [filter: unknown, ids: string[]][] = [
        [{ $contains: "tide" }, ["a", "b"]],
        [{ $contains: "EBB" }, []],
        [{ $contains: "" }, ["a", "b"]],
        [{ $not_contains: "Ebb" }, ["b", "c"]],
        [{ $regex: "(?i)^EBB\\b" }, ["a"]],
        [{ $not_regex: "^s" }, ["a", "c"]],
        [{ $and: [{ $contains: "tide" }, { $not_contains: "spring" }] }, ["a"]],
        [{ $or: [] }, []],
      ];
      for (const [filter, ids] of expected) assert.deepEqual([filter, await rest.ids(path, { where_document: filter })], [filter, ids]);
      await rest.refused(400, "InvalidArgumentError", "regex parse error", "POST", `${path}/get`, { where_document: { $regex: "[" } });
      await rest.refused(400, "InvalidArgumentError", "Invalid where document clause", "POST", `${path}/get`, {
        where_document: { $contains: 1 },
      });
    },
  },
  {
    name: "search: rank expressions, ascending scores, filter, limit, select",
    async run(rest) {
      const path = await rest.filled();
      const knn = { $knn: { query: [0, 0], key: "#embedding", limit: 10 } };
      const searches = [
        { rank: { $sum: [knn, { $val: 1 }] }, limit: { offset: 1, limit: 2 }, select: { keys: ["#score", "n"] } },
        { filter: { n: { $gt: 1 } }, limit: { offset: 0, limit: 5 }, select: { keys: ["#document"] } },
      ];
      const { status, body } = await rest.ask("POST", `${path}/search`, { searches });
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(
        [body.ids, body.scores[0], body.documents],
        [
          [["b", "c"], ["b"]],
          [2, 5],
          [null, ["spring tide"]],
        ],
      );
      assert.deepEqual([body.metadatas[0][0], body.metadatas[1], body.embeddings], [{ n: 2.5 }, null, [null, null]]);
    },
  },
  {
    name: "where: types never mix, lists are searched by type, and ranges compare numbers only",
    async run(rest) {
      const path = await rest.collection();
      const metadatas = [{ v: 1 }, { v: "1" }, { v: true }, { v: [1, 2] }, { v: ["1"] }, { v: [true] }];
      await rest.ask("POST", `${path}/add`, {
        ids: ["int", "text", "flag", "ints", "texts", "flags"],
        embeddings: metadatas.map(() => [1]),
        metadatas,
      });
      const expected: [where: unknown, ids: string[]][] = [
        [{ v: 1 }, ["int"]],
        [{ v: "1" }, ["text"]],
        [{ v: { $in: [true] } }, ["flag"]],
        [{ v: { $ne: 1 } }, ["text", "flag", "ints", "texts", "flags"]],
        [{ v: { $nin: ["1"] } }, ["int", "flag", "ints", "texts", "flags"]],
        [{ v: { $contains: 1 } }, ["ints"]],
        [{ v: { $contains: "1" } }, ["texts"]],
        [{ v: { $not_contains: true } }, ["int", "text", "flag", "ints", "texts"]],
        [{ v: { $gte: 1 } }, ["int"]],
      ];
      for (const [where, ids] of expected) assert.deepEqual([where, await rest.ids(path, { where })], [where, ids]);
      for (const operand of ["1", true, null, [1]]) {
        await rest.refused(400, "InvalidArgumentError", "Invalid where clause", "POST", `${path}/get`, { where: { v: { $gt: operand } } });
      }
    },
  },
  {
    name: "where_document: %, _ and single characters of any script stand for themselves",
    async run(rest) {
      const path = await rest.collection();
      const documents = ["100% sure", "a_b", "海潮", "axb", "emoji 🌊"];
      await rest.ask("POST", `${path}/add`, { ids: documents, embeddings: documents.map(() => [1]), documents });
      const expected: [filter: unknown, ids: string[]][] = [
        [{ $contains: "%" }, ["100% sure"]],
        [{ $contains: "_" }, ["a_b"]],
        [{ $contains: "潮" }, ["海潮"]],
        [{ $contains: "🌊" }, ["emoji 🌊"]],
        [{ $contains: "a" }, ["a_b", "axb"]],
        [{ $regex: "\\d" }, ["100% sure"]],
        [{ $regex: "a.b" }, ["a_b", "axb"]],
      ];
      for (const [filter, ids] of expected) assert.deepEqual([filter, await rest.ids(path, { where_document: filter })], [filter, ids]);
    },
  },
  {
    name: "search: operators of ranks, records without a rank, and ranks by position",
    async run(rest) {
      const path = await rest.filled();
      const knn = (fields: object) => ({ $knn: { query: [0, 0], key: "#embedding", limit: 3, ...fields } });
      const scores = async (rank: object) => {
        const { status, body } = await rest.ask("POST", `${path}/search`, { searches: [{ rank, select: { keys: ["#score"] } }] });
        assert.equal(status, 200, JSON.stringify(body));
        return Object.fromEntries(body.ids[0].map((id: string, i: number) => [id, body.scores[0][i]]));
      };
      const val = ($val: number) => ({ $val });
      assert.deepEqual(await scores(knn({})), { a: 0, b: 1, c: 4 });
      assert.deepEqual(await scores(knn({ limit: 2 })), { a: 0, b: 1 });
      assert.deepEqual(await scores({ $sum: [knn({}), knn({ limit: 2 })] }), { a: 0, b: 2 });
      assert.deepEqual(await scores({ $sum: [knn({}), knn({ limit: 2, default: 9 })] }), { a: 0, b: 2, c: 13 });
      assert.deepEqual(await scores(knn({ return_rank: true })), { a: 0, b: 1, c: 2 });
      assert.deepEqual(await scores({ $mul: [knn({}), val(2)] }), { a: 0, b: 2, c: 8 });
      assert.deepEqual(await scores({ $sub: { left: val(4), right: knn({}) } }), { a: 4, b: 3, c: 0 });
      assert.deepEqual(await scores({ $div: { left: knn({}), right: val(2) } }), { a: 0, b: 0.5, c: 2 });
      assert.deepEqual(await scores({ $abs: { $sub: { left: knn({}), right: val(2) } } }), { a: 2, b: 1, c: 2 });
      assert.deepEqual(await scores({ $max: [knn({}), val(1)] }), { a: 1, b: 1, c: 4 });
      assert.deepEqual(await scores({ $min: [knn({}), val(1)] }), { a: 0, b: 1, c: 1 });
      assert.deepEqual(await scores({ $exp: { $mul: [knn({}), val(0)] } }), { a: 1, b: 1, c: 1 });
      assert.deepEqual(await scores({ $log: { $sum: [{ $mul: [knn({}), val(0)] }, val(1)] } }), { a: 0, b: 0, c: 0 });
      // What Rrf comes to: the sum of −weight ÷ (k + position).
      assert.deepEqual(await scores({ $div: { left: val(-1), right: { $sum: [val(1), knn({ return_rank: true })] } } }), {
        a: -1,
        b: -0.5,
        c: -0.33333334,
      });
    },
  },
  {
    name: "search: groups keep their best, by score or by a key; special keys; bad payloads",
    async run(rest) {
      const path = await rest.collection();
      const metadatas = [{ g: "x", n: 1 }, { g: "x", n: 9 }, { g: "y", n: 5 }, { n: 2 }];
      await rest.ask("POST", `${path}/add`, {
        ids: ["a", "b", "c", "d"],
        embeddings: [[1], [2], [3], [4]],
        metadatas,
        documents: ["p", "q", null, "q"],
      });
      const search = async (fields: object) =>
        (
          await rest.ask("POST", `${path}/search`, {
            searches: [{ rank: { $knn: { query: [0], key: "#embedding", limit: 9 } }, ...fields }],
          })
        ).body;
      const grouped = async (aggregate: object) => (await search({ group_by: { keys: ["g"], aggregate } })).ids;
      assert.deepEqual(await grouped({ $min_k: { keys: ["#score"], k: 1 } }), [["a", "c", "d"]]);
      assert.deepEqual(await grouped({ $max_k: { keys: ["n"], k: 1 } }), [["b", "c", "d"]]);
      assert.deepEqual((await search({ filter: { "#id": { $in: ["a", "d"] } } })).ids, [["a", "d"]]);
      assert.deepEqual((await search({ filter: { "#document": { $contains: "q" } } })).ids, [["b", "d"]]);
      const body = await search({ limit: { limit: 1, offset: 0 }, select: { keys: ["#document", "#embedding", "#metadata", "#score"] } });
      assert.deepEqual([body.documents, body.embeddings, body.metadatas, body.scores], [[["p"]], [[[1]]], [[metadatas[0]]], [[1]]]);
      for (const payload of [
        { rank: { $nope: 1 } },
        { rank: { $knn: { query: [1, 2], key: "#embedding" } } },
        { limit: { limit: -1 } },
        { filter: { a: 1, b: 2 } },
      ]) {
        assert.equal((await rest.ask("POST", `${path}/search`, { searches: [payload] })).status, 400, JSON.stringify(payload));
      }
      assert.equal((await rest.ask("POST", `${path}/search`, { searches: "all" })).status, 422);
    },
  },

  // ---- routes
  {
    name: "GET the clock at its short path too, and what openapi.json tells",
    async run(rest) {
      assert.ok((await rest.ask("GET", "/api/v2")).body["nanosecond heartbeat"] > 1e18);
      const { paths } = (await rest.ask("GET", "/openapi.json")).body;
      const told = Object.entries<object>(paths).flatMap(([path, operations]) =>
        Object.keys(operations).map((method) => `${method} ${path.replace(/\{\w+\}/g, "*")}`),
      );
      const C = "/api/v2/tenants/*/databases/*/collections/*";
      for (const route of [
        "get /api/v2/heartbeat",
        "post /api/v2/reset",
        "patch /api/v2/tenants/*",
        "delete /api/v2/tenants/*/databases/*",
        `put ${C}`,
        `post ${C}/search`,
        `get ${C}/fork_count`,
      ]) {
        assert.ok(told.includes(route), route);
      }
    },
  },
  {
    name: "PATCH of a tenant gives it a resource name; other tenants have none",
    async run(rest) {
      const tenant = rest.name();
      await rest.ask("POST", "/api/v2/tenants", { name: tenant });
      assert.deepEqual(await rest.ask("PATCH", `/api/v2/tenants/${tenant}`, { resource_name: "res" }), { status: 200, body: {} });
      assert.deepEqual((await rest.ask("GET", `/api/v2/tenants/${tenant}`)).body, { name: tenant, resource_name: "res" });
      await rest.refused(404, "NotFoundError", "not found", "PATCH", "/api/v2/tenants/nobody-here", { resource_name: "res" });
    },
  },
  {
    name: "databases: names, one that exists, and a tenant that is made with its first database",
    async run(rest) {
      const tenant = rest.name();
      const databases = `/api/v2/tenants/${tenant}/databases`;
      assert.deepEqual(await rest.ask("POST", databases, { name: "one" }), { status: 200, body: {} });
      assert.deepEqual((await rest.ask("GET", `/api/v2/tenants/${tenant}`)).body, { name: tenant, resource_name: null });
      await rest.refused(409, "ChromaError", "already exists", "POST", databases, { name: "one" });
      await rest.refused(400, "InvalidArgumentError", "Expected a name", "POST", databases, { name: "x" });
      assert.deepEqual((await rest.ask("GET", "/api/v2/tenants/nobody-here/databases")).body, []);
      await rest.refused(404, "NotFoundError", "Database [two] not found", "GET", `${databases}/two`);
    },
  },
  {
    name: "deleting a database deletes its collections, and a collection is found in its own database only",
    async run(rest) {
      const tenant = rest.name();
      const databases = `/api/v2/tenants/${tenant}/databases`;
      for (const name of ["one", "two"]) await rest.ask("POST", databases, { name });
      const { id } = (await rest.ask("POST", `${databases}/one/collections`, { name: "tides" })).body;
      assert.equal((await rest.ask("GET", `${databases}/one/collections/by-id/${id}`)).status, 200);
      assert.equal((await rest.ask("GET", `${databases}/two/collections/by-id/${id}`)).status, 404);
      await rest.ask("DELETE", `${databases}/one`);
      await rest.ask("POST", databases, { name: "one" });
      assert.deepEqual((await rest.ask("GET", `${databases}/one/collections`)).body, []);
      await rest.refused(404, "NotFoundError", `Collection [${id}] does not exist`, "GET", `${databases}/one/collections/${id}/count`);
    },
  },
  {
    name: "PUT of a configuration changes what may change; a fork keeps metadata and configuration, and its name must be free",
    async run(rest) {
      const name = rest.name();
      const path = await rest.collection({ name, metadata: { a: 1 }, configuration: { hnsw: { space: "cosine" } } });
      assert.deepEqual(await rest.ask("PUT", path, { new_configuration: { hnsw: { ef_search: 33 } } }), { status: 200, body: {} });
      const forked = (await rest.ask("POST", `${path}/fork`, { new_name: rest.name() })).body;
      assert.deepEqual(
        [forked.metadata, forked.configuration_json.hnsw.space, forked.configuration_json.hnsw.ef_search],
        [{ a: 1 }, "cosine", 33],
      );
      assert.equal((await rest.ask("POST", `${path}/fork`, { new_name: name })).status, 409);
      await rest.refused(400, "InvalidArgumentError", "Expected a name", "POST", `${path}/fork`, { new_name: "x" });
    },
  },
  {
    name: "pages of collections: limit, offset, and what is no number",
    async run(rest) {
      const tenant = rest.name();
      await rest.ask("POST", `/api/v2/tenants/${tenant}/databases`, { name: "one" });
      const path = `/api/v2/tenants/${tenant}/databases/one/collections`;
      for (const name of ["aaa", "bbb", "ccc"]) await rest.ask("POST", path, { name });
      assert.equal((await rest.ask("GET", `${path}?limit=2`)).body.length, 2);
      assert.equal((await rest.ask("GET", `${path}?limit=2&offset=2`)).body.length, 1);
      assert.deepEqual((await rest.ask("GET", `${path}?limit=0`)).body, []);
      assert.equal((await rest.ask("GET", `${path}?limit=-1`)).status, 400);
      assert.equal((await rest.ask("GET", `${path}?offset=x`)).status, 400);
    },
  },
  {
    name: "functions that only Chroma's cloud has are 501",
    async run(rest) {
      const path = await rest.collection();
      assert.equal((await rest.ask("POST", `${path}/functions/attach`, {})).status, 501);
      assert.equal((await rest.ask("GET", `${path}/functions/any`)).status, 501);
      assert.equal((await rest.ask("POST", `${path}/attached_functions/any/detach`, {})).status, 501);
    },
  },
  {
    name: "GET heartbeat, version, pre-flight-checks, auth/identity, healthcheck",
    async run(rest) {
      assert.ok((await rest.ask("GET", "/api/v2/heartbeat")).body["nanosecond heartbeat"] > 1e18);
      assert.deepEqual(await rest.ask("GET", "/api/v2/version"), { status: 200, body: "1.0.0" });
      assert.deepEqual((await rest.ask("GET", "/api/v2/auth/identity")).body, {
        user_id: "",
        tenant: "default_tenant",
        databases: ["default_database"],
      });
      assert.deepEqual((await rest.ask("GET", "/api/v2/healthcheck")).body, { is_executor_ready: true, is_log_client_ready: true });
    },
  },
  {
    name: "tenants: POST, GET; databases: POST, GET, list, DELETE",
    async run(rest) {
      const tenant = rest.name();
      assert.deepEqual(await rest.ask("POST", "/api/v2/tenants", { name: tenant }), { status: 200, body: {} });
      await rest.refused(409, "ChromaError", "already exists", "POST", "/api/v2/tenants", { name: tenant });
      const databases = `/api/v2/tenants/${tenant}/databases`;
      for (const name of ["one", "two"]) assert.deepEqual(await rest.ask("POST", databases, { name }), { status: 200, body: {} });
      const { body } = await rest.ask("GET", `${databases}/two`);
      assert.deepEqual([body.name, body.tenant, Object.keys(body).length], ["two", tenant, 3]);
      assert.deepEqual((await rest.ask("GET", `${databases}?limit=1&offset=1`)).body, [body]);
      assert.deepEqual(await rest.ask("DELETE", `${databases}/two`), { status: 200, body: {} });
      await rest.refused(404, "NotFoundError", "Database [two] not found", "DELETE", `${databases}/two`);
    },
  },
  {
    name: "collections: POST, list, count, GET and DELETE by name, GET by id and by CRN, PUT",
    async run(rest) {
      const name = rest.name();
      const created = (await rest.ask("POST", `${D}/collections`, { name, metadata: { a: 1 } })).body;
      isCollection(created);
      for (const path of [
        `${D}/collections/${name}`,
        `${D}/collections/by-id/${created.id}`,
        `/api/v2/collections/default_tenant:default_database:${name}`,
      ]) {
        assert.deepEqual((await rest.ask("GET", path)).body, created);
      }
      const all = (await rest.ask("GET", `${D}/collections?limit=100000`)).body;
      assert.ok(all.some(({ id }: { id: string }) => id === created.id));
      assert.equal((await rest.ask("GET", `${D}/collections_count`)).body, all.length);
      assert.deepEqual(await rest.ask("PUT", `${D}/collections/${created.id}`, { new_name: `${name}2` }), { status: 200, body: {} });
      assert.deepEqual(await rest.ask("DELETE", `${D}/collections/${name}2`), { status: 200, body: {} });
      await rest.refused(404, "NotFoundError", `Collection [${name}] does not exist`, "GET", `${D}/collections/${name}`);
      await rest.refused(400, "InvalidArgumentError", "CRN must be in the format", "GET", "/api/v2/collections/nothing");
      await rest.refused(400, "InvalidArgumentError", "expected UUID", "GET", `${D}/collections/by-id/nothing`);
    },
  },
  {
    name: "records: every operation tells a collection that is missing from an id that is none",
    async run(rest) {
      for (const [operation, body] of Object.entries({
        add: { ids: ["a"], embeddings: [[1]] },
        update: { ids: ["a"] },
        upsert: { ids: ["a"], embeddings: [[1]] },
        get: {},
        query: { query_embeddings: [[1]] },
        delete: { ids: ["a"] },
      })) {
        await rest.refused(
          404,
          "NotFoundError",
          `Collection [${ABSENT}] does not exist.`,
          "POST",
          `${D}/collections/${ABSENT}/${operation}`,
          body,
        );
        await rest.refused(
          400,
          "InvalidArgumentError",
          "Collection ID is not a valid UUIDv4",
          "POST",
          `${D}/collections/xyz/${operation}`,
          body,
        );
      }
    },
  },
  {
    name: "count, fork, fork_count, indexing_status",
    async run(rest) {
      const path = await rest.filled();
      for (const level of ["index_and_wal", "index_and_bounded_wal"]) {
        assert.equal((await rest.ask("GET", `${path}/count?read_level=${level}`)).body, 3);
      }
      const forked = (await rest.ask("POST", `${path}/fork`, { new_name: rest.name() })).body;
      isCollection(forked);
      await rest.ask("POST", `${path}/delete`, { ids: ["a"] });
      assert.deepEqual(await rest.ids(`${D}/collections/${forked.id}`), ["a", "b", "c"]);
      assert.deepEqual((await rest.ask("GET", `${path}/fork_count`)).body, { count: 1 });
      const status = (await rest.ask("GET", `${path}/indexing_status`)).body;
      assert.equal(status.num_indexed_ops + status.num_unindexed_ops, status.total_ops);
    },
  },
  {
    name: "unknown routes, wrong methods, and the API before this one",
    async run(rest) {
      assert.deepEqual(await rest.ask("GET", "/api/v2/nope"), { status: 404, body: "" });
      assert.deepEqual(await rest.ask("PUT", "/api/v2/heartbeat", {}), { status: 405, body: "" });
      assert.equal((await rest.ask("GET", "/api/v1/heartbeat")).status, 410);
    },
  },
  {
    name: "bodies that are no JSON, or have another shape",
    async run(rest) {
      await rest.refused(
        400,
        "InvalidArgumentError",
        "Failed to parse the request body as JSON: EOF while parsing an object at line 1 column 1",
        "POST",
        `${D}/collections`,
        "{",
      );
      await rest.refused(422, "ChromaError", "missing field `name` at line 1 column 2", "POST", `${D}/collections`, "{}");
      await rest.refused(
        400,
        "InvalidArgumentError",
        "recursion limit exceeded",
        "POST",
        `${D}/collections`,
        `{"metadata":${"[".repeat(10_000)}`,
      );
      assert.equal((await rest.ask("POST", `${D}/collections`, JSON.stringify({ name: "x".repeat(41 * 1024 * 1024) }))).status, 413);
    },
  },

  // ---- where we differ from a Chroma server
  {
    name: "ours: numbers are compared as numbers",
    async run(rest) {
      const path = await rest.filled();
      assert.deepEqual(await rest.ids(path, { where: { n: { $eq: 1.5 } } }), []);
      assert.deepEqual(await rest.ids(path, { where: { n: { $in: [1, 2.5] } } }), ["a", "b"]);
    },
  },
  // ---- schemas
  {
    name: "the schema of a collection that was made without one",
    async run(rest) {
      const { body } = await rest.ask("POST", `${D}/collections`, { name: rest.name() });
      assert.deepEqual(body.schema.keys["#document"], { string: { fts_index: on, string_inverted_index: off } });
      const { enabled, config } = body.schema.keys["#embedding"].float_list.vector_index;
      assert.deepEqual([enabled, config.space, config.source_key], [true, "l2", "#document"]);
      const hnsw = { ef_construction: 100, max_neighbors: 16, ef_search: 100, batch_size: 100, sync_threshold: 1000, resize_factor: 1.2 };
      assert.deepEqual({ ...config.hnsw, num_threads: 0 }, { ...hnsw, num_threads: 0 });
      assert.deepEqual(body.schema.defaults.sparse_vector, {
        sparse_vector_index: { enabled: false, config: { embedding_function: { type: "unknown" }, bm25: false } },
      });
    },
  },
  {
    name: "deleteIndex on a key: told with the collection; filtering on it is refused, on others not",
    async run(rest) {
      const schema = schemaOf({}, { k: { string: { string_inverted_index: off } } });
      const name = rest.name();
      const path = await rest.collection({ name, schema });
      const { body } = await rest.ask("GET", `${D}/collections/${name}`);
      assert.deepEqual(body.schema.keys.k, { string: { string_inverted_index: off } });
      assert.deepEqual(Object.keys(body.schema.keys).sort(), ["#document", "#embedding", "k"]);
      await rest.ask("POST", `${path}/add`, { ids: ["a"], embeddings: [[1]], metadatas: [{ k: "v", j: "w", n: 1 }] });
      assert.deepEqual(await rest.ids(path, { where: { j: "w" } }), ["a"]);
      const refusal = "Cannot filter using metadata key 'k' with type 'Str' because indexing is disabled";
      for (const where of [{ k: "v" }, { k: { $ne: "v" } }, { $or: [{ j: "w" }, { k: { $in: ["v"] } }] }]) {
        await rest.refused(400, "InvalidArgumentError", refusal, "POST", `${path}/get`, { where });
        await rest.refused(400, "InvalidArgumentError", refusal, "POST", `${path}/query`, { where, query_embeddings: [[1]] });
        await rest.refused(400, "InvalidArgumentError", refusal, "POST", `${path}/delete`, { where });
      }
    },
  },
  {
    name: "deleteIndex for every key, and createIndex for one",
    async run(rest) {
      const schema = schemaOf(
        { int: { int_inverted_index: off }, bool: { bool_inverted_index: off } },
        { year: { int: { int_inverted_index: on } } },
      );
      const path = await rest.collection({ schema });
      await rest.ask("POST", `${path}/add`, {
        ids: ["a", "b"],
        embeddings: [[1], [2]],
        metadatas: [
          { k: 1, year: 1 },
          { k: 1.5, year: 2 },
        ],
      });
      await rest.refused(400, "InvalidArgumentError", "metadata key 'k' with type 'Int'", "POST", `${path}/get`, { where: { k: 1 } });
      await rest.refused(400, "InvalidArgumentError", "metadata key 'b' with type 'Bool'", "POST", `${path}/get`, { where: { b: true } });
      assert.deepEqual(await rest.ids(path, { where: { k: 1.5 } }), ["b"]);
      assert.deepEqual(await rest.ids(path, { where: { year: { $gte: 1 } } }), ["a", "b"]);
    },
  },
  {
    name: "deleteIndex of full text: filtering on documents is refused",
    async run(rest) {
      const path = await rest.collection({ schema: schemaOf({}, { "#document": { string: { fts_index: off } } }) });
      await rest.ask("POST", `${path}/add`, { ids: ["a"], embeddings: [[1]], documents: ["hello"] });
      const words = "Cannot filter using full-text search because FTS indexing is disabled";
      await rest.refused(400, "InvalidArgumentError", words, "POST", `${path}/get`, { where_document: { $contains: "hell" } });
      assert.deepEqual((await rest.ask("POST", `${path}/get`, {})).body.documents, ["hello"]);
    },
  },
  {
    name: "a vector index of a schema is the collection's configuration",
    async run(rest) {
      const schema = schemaOf({}, {}, { space: "cosine", hnsw: { ef_construction: 33 } });
      const { body } = await rest.ask("POST", `${D}/collections`, { name: rest.name(), schema });
      const hnsw = { space: "cosine", ef_construction: 33, ef_search: 100, max_neighbors: 16, resize_factor: 1.2, sync_threshold: 1000 };
      assert.deepEqual(body.configuration_json, { hnsw, spann: null, embedding_function: { type: "legacy" } });
      assert.equal(body.schema.keys["#embedding"].float_list.vector_index.config.hnsw.ef_construction, 33);
    },
  },
  {
    name: "schema and configuration: only one of them may say something",
    async run(rest) {
      const schema = schemaOf({}, { k: { string: { string_inverted_index: off } } });
      const create = (fields: object) => ["POST", `${D}/collections`, { name: rest.name(), ...fields }] as const;
      const words = "Failed to reconcile schema: Cannot set both collection config and schema simultaneously";
      await rest.refused(400, "InvalidArgumentError", words, ...create({ schema, configuration: { hnsw: { space: "cosine" } } }));
      await rest.refused(
        400,
        "InvalidArgumentError",
        words,
        ...create({ schema, configuration: { embedding_function: { type: "known", name: "x", config: {} } } }),
      );
      assert.equal((await rest.ask(...create({ schema, configuration: { hnsw: { space: "l2" } } }))).status, 200);
      const untouched = schemaOf({});
      await rest.refused(
        400,
        "InvalidArgumentError",
        words,
        ...create({ schema: untouched, configuration: { hnsw: { space: "cosine" } } }),
      );
      assert.equal(
        (await rest.ask(...create({ schema: untouched, configuration: { embedding_function: { type: "unknown" } } }))).status,
        200,
      );
    },
  },
  {
    name: "indexes in places where they cannot be",
    async run(rest) {
      const refuse = (schema: object, words: string) =>
        rest.refused(400, "InvalidArgumentError", words, "POST", `${D}/collections`, { name: rest.name(), schema });
      await refuse(schemaOf({ string: { fts_index: on } }), "It can only be enabled on #document field");
      await refuse(schemaOf({}, { k: { string: { fts_index: on } } }), "can only be enabled on #document field: k");
      await refuse(schemaOf({}, { k: { float_list: { vector_index: on } } }), "Vector index can only be enabled on #embedding field: k");
      const sparse = { sparse_vector: { sparse_vector_index: on } };
      await refuse(schemaOf(sparse), "Sparse vector index cannot be enabled by default");
      await rest.refused(422, "ChromaError", "missing field `defaults`", "POST", `${D}/collections`, { name: rest.name(), schema: {} });
    },
  },
  {
    name: "ours: a customer-managed key is 501, since nothing would be encrypted with it",
    async run(rest) {
      const schema = { ...schemaOf({}), cmek: { gcp: "projects/p/locations/l/keyRings/r/cryptoKeys/k" } };
      const { status, body } = await rest.ask("POST", `${D}/collections`, { name: rest.name(), schema });
      assert.deepEqual([status, body.error], [501, "ChromaError"]);
    },
  },
  {
    name: "ours: a schema may ask for indexes of sparse vectors",
    async run(rest) {
      const sv = {
        sparse_vector: {
          sparse_vector_index: {
            enabled: true,
            config: { embedding_function: { type: "known", name: "x", config: {} }, source_key: "#document" },
          },
        },
      };
      const { status, body } = await rest.ask("POST", `${D}/collections`, { name: rest.name(), schema: schemaOf({}, { sv, other: sv }) });
      assert.deepEqual([status, body.schema.keys.sv, body.schema.keys.other], [200, sv, sv]);
    },
  },
  {
    name: "ours: how an index is built is told again where it is not as by default",
    async run(rest) {
      const sparse = (algorithm: string) => ({ sparse_vector: { sparse_vector_index: { enabled: true, config: { algorithm } } } });
      const documents = (algorithm: string) => ({ string: { fts_index: { enabled: true, config: { algorithm } } } });
      const create = (keys: object) => rest.ask("POST", `${D}/collections`, { name: rest.name(), schema: schemaOf({}, keys) });
      const { keys } = (await create({ "#document": documents("token_bitmap"), a: sparse("max_score"), b: sparse("wand") })).body.schema;
      assert.deepEqual(keys["#document"].string.fts_index, { enabled: true, config: { algorithm: "token_bitmap" } });
      assert.equal(keys.a.sparse_vector.sparse_vector_index.config.algorithm, "max_score");
      assert.ok(!("algorithm" in keys.b.sparse_vector.sparse_vector_index.config));
      assert.deepEqual((await create({ "#document": documents("trigram") })).body.schema.keys["#document"].string.fts_index, on);
      assert.equal((await create({ "#document": documents("bloom") })).status, 400);
    },
  },
  {
    name: "ours: sparse vectors are searched: 1 - the dot product, with idf where the index says bm25; a leaf for each key",
    async run(rest) {
      const index = (bm25: boolean) => ({ sparse_vector: { sparse_vector_index: { enabled: true, config: { bm25 } } } });
      const path = await rest.collection({ schema: schemaOf({}, { plain: index(false), rare: index(true) }) });
      const sv = (...values: number[]) => ({ "#type": "sparse_vector", indices: values.map((_, i) => i + 1), values });
      const metadatas = [{ plain: sv(1, 0.5), rare: sv(2) }, { plain: sv(3), rare: sv(1, 4) }, { n: 1 }];
      const embeddings = [[0], [1], [2]];
      assert.equal((await rest.ask("POST", `${path}/add`, { ids: ["a", "b", "c"], embeddings, metadatas })).status, 201);
      const search = async (rank: object) => {
        const searches = [{ rank, limit: { limit: 9, offset: 0 }, select: { keys: ["#score"] } }];
        const { body } = await rest.ask("POST", `${path}/search`, { searches, read_level: "index_and_bounded_wal" });
        return body.ids[0].map((id: string, i: number) => [id, Number(body.scores[0][i].toFixed(5))]);
      };
      const knn = (key: string, query: object, more: object = {}) => ({ $knn: { query, key, ...more } });
      assert.deepEqual(await search(knn("plain", sv(1, 2))), [
        ["b", -2],
        ["a", -1],
      ]);
      const idf = (df: number) => Math.log(1 + (3 - df + 0.5) / (df + 0.5));
      assert.deepEqual(await search(knn("rare", { indices: [2], values: [1] })), [["b", Number((1 - 4 * idf(1)).toFixed(5))]]);
      assert.deepEqual(await search({ $sum: [knn("plain", sv(1), { return_rank: true }), knn("rare", sv(1), { return_rank: true })] }), [
        ["a", 1],
        ["b", 1],
      ]);
      const searches = [{ rank: knn("n", sv(1)), limit: { limit: 9, offset: 0 }, select: { keys: [] } }];
      const words = "Cannot filter using metadata key 'n' with type 'SparseVector' because indexing is disabled";
      await rest.refused(400, "InvalidArgumentError", words, "POST", `${path}/search`, { searches });
    },
  },
  {
    name: "ours: a query ignores absent ids",
    async run(rest) {
      const { body } = await rest.ask("POST", `${await rest.filled()}/query`, { query_embeddings: [[0, 0]], ids: ["nobody", "c"] });
      assert.deepEqual(body.ids, [["c"]]);
    },
  },
  {
    name: "ours: renaming onto a name that is taken is 409",
    async run(rest) {
      const name = rest.name();
      await rest.collection({ name });
      await rest.refused(409, "ChromaError", "already exists", "PUT", await rest.collection(), { new_name: name });
    },
  },
  {
    name: "ours: deleted counts records really deleted",
    async run(rest) {
      assert.deepEqual((await rest.ask("POST", `${await rest.filled()}/delete`, { ids: ["a", "a", "nobody"] })).body, { deleted: 1 });
    },
  },
  {
    name: "ours: collections are listed in order of creation",
    async run(rest) {
      const tenant = rest.name();
      await rest.ask("POST", "/api/v2/tenants", { name: tenant });
      await rest.ask("POST", `/api/v2/tenants/${tenant}/databases`, { name: "one" });
      const path = `/api/v2/tenants/${tenant}/databases/one/collections`;
      const made = ["zzz", "mmm", "aaa", "nnn"];
      for (const name of made) await rest.ask("POST", path, { name });
      assert.deepEqual(
        (await rest.ask("GET", path)).body.map(({ name }: { name: string }) => name),
        made,
      );
    },
  },
  {
    name: "ours: sparse vectors in metadata are stored, merged, returned with the mark, and matched by negations only",
    async run(rest) {
      const path = await rest.collection({ metadata: { sv: { indices: [2], values: [0.5] } } });
      const sv = (indices: number[], values: number[]) => ({ "#type": "sparse_vector", indices, values });
      const metadatas = [{ sv: { indices: [1, 5], values: [0.1, 2] } }, { sv: sv([], []), n: 1 }, { sv: 5 }];
      assert.deepEqual(await rest.ask("POST", `${path}/add`, { ids: ["a", "b", "c"], embeddings: [[1], [2], [3]], metadatas }), {
        status: 201,
        body: {},
      });
      const stored = async () => (await rest.ask("POST", `${path}/get`, {})).body.metadatas;
      assert.deepEqual(await stored(), [{ sv: sv([1, 5], [0.1, 2]) }, { sv: sv([], []), n: 1 }, { sv: 5 }]);
      for (const where of [{ sv: { $gt: 0 } }, { sv: 5 }, { sv: { $in: [5] } }]) assert.deepEqual(await rest.ids(path, { where }), ["c"]);
      assert.deepEqual(await rest.ids(path, { where: { sv: { $contains: 1 } } }), []);
      for (const where of [{ sv: { $ne: 5 } }, { sv: { $nin: [5] } }]) assert.deepEqual(await rest.ids(path, { where }), ["a", "b"]);
      assert.deepEqual(await rest.ids(path, { where: { sv: { $not_contains: 1 } } }), ["a", "b", "c"]);
      await rest.ask("POST", `${path}/update`, { ids: ["a", "b"], metadatas: [{ sv: sv([7], [1]) }, { sv: null }] });
      assert.deepEqual(await stored(), [{ sv: sv([7], [1]) }, { n: 1 }, { sv: 5 }]);
      const found = (await rest.ask("POST", `${path}/search`, { searches: [{ select: { keys: ["sv"] }, limit: { limit: 1 } }] })).body;
      assert.deepEqual(found.metadatas, [[{ sv: sv([7], [1]) }]]);
    },
  },
  {
    name: "ours: a collection's metadata may hold arrays, and leaves nothing behind",
    async run(rest) {
      const name = rest.name();
      await rest.collection({ name, metadata: { list: [1, 2] } });
      assert.deepEqual((await rest.ask("GET", `${D}/collections/${name}`)).body.metadata, { list: [1, 2] });
      await rest.ask("DELETE", `${D}/collections/${name}`);
      const path = await rest.collection({ name });
      await rest.ask("POST", `${path}/add`, { ids: ["a"], embeddings: [[1]] });
      assert.deepEqual((await rest.ask("POST", `${path}/get`, {})).body.metadatas, [null]);
    },
  },
  {
    name: "ours: n_results 0 after many deletions",
    async run(rest) {
      const path = await rest.collection();
      const ids = Array.from({ length: 500 }, (_, i) => `${i}`);
      await rest.ask("POST", `${path}/add`, { ids, embeddings: ids.map((_, i) => [i]) });
      await rest.ask("POST", `${path}/delete`, { ids: ids.slice(1) });
      assert.deepEqual((await rest.ask("POST", `${path}/query`, { query_embeddings: [[1]], n_results: 0 })).body.ids, [[]]);
    },
  },
  {
    name: "ours: the same query gets the same answer, equal distances in insertion order, exact among several hundred",
    async run(rest) {
      const path = await rest.collection();
      const ids = Array.from({ length: 700 }, (_, i) => `r${i}`);
      await rest.ask("POST", `${path}/add`, { ids, embeddings: ids.map((_, i) => [(i * 37) % 101, i % 7]) });
      const query = async () =>
        (await rest.ask("POST", `${path}/query`, { query_embeddings: [[50, 3]], n_results: 40, include: ["distances"] })).body;
      const exact = ids
        .map((id, i) => ({ id, distance: (((i * 37) % 101) - 50) ** 2 + ((i % 7) - 3) ** 2 }))
        .sort((a, b) => a.distance - b.distance)
        .slice(0, 40);
      const first = await query();
      assert.deepEqual([first.ids, first.distances], [[exact.map(({ id }) => id)], [exact.map(({ distance }) => distance)]]);
      assert.deepEqual(await query(), first);
    },
  },
  {
    name: "POST reset: everything is gone but the first tenant and database",
    async run(rest) {
      const [tenant, path] = [rest.name(), await rest.filled()];
      await rest.ask("POST", "/api/v2/tenants", { name: tenant });
      assert.deepEqual(await rest.ask("POST", "/api/v2/reset"), { status: 200, body: true });
      assert.equal((await rest.ask("GET", `/api/v2/tenants/${tenant}`)).status, 404);
      assert.equal((await rest.ask("GET", `${path}/count`)).status, 404);
      assert.deepEqual((await rest.ask("GET", `${D}/collections`)).body, []);
      assert.equal((await rest.ask("GET", D)).body.name, "default_database");
    },
  },
];
