import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import type { QueryRequest, SearchTextRequest } from "../core/service.js";
import type { Metadata } from "../core/types.js";
import { TestEngine } from "../testing/engine.js";
import { turns } from "../testing/gate.js";
import { TestWorker } from "../testing/worker.js";
import { TidepoolClient } from "./client.js";
import type { Collection } from "./collection.js";
import type { EmbeddingFunction } from "./embedding-function.js";
import type { Progress } from "./write.js";

let engine: TestEngine;
let workers: TestWorker[];
let client: TidepoolClient;
let collection: Collection;

beforeEach(async () => {
  engine = new TestEngine();
  workers = [];
  client = new TidepoolClient({ storage: "memory", worker: TestWorker.factory(() => engine.host(), workers) });
  collection = await client.createCollection({ name: "abc", embeddingFunction: null });
  engine.requests.length = 0;
});
afterEach(() => {
  for (const worker of workers) if (!worker.terminated) worker.terminate();
});

function ids(count: number, prefix = "r"): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

function rows(count: number, dimension = 2): number[][] {
  return Array.from({ length: count }, (_, i) => new Array<number>(dimension).fill(i));
}

async function failureOf(call: Promise<unknown>): Promise<TidepoolError> {
  const error: unknown = await call.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(TidepoolError);
  return error as TidepoolError;
}

/** Holds itself, and a function. */
const circle: Record<string, unknown> = {};
circle["self"] = circle;
circle["call"] = () => circle;

/** Embeds a text as its length. */
const lengthFunction: EmbeddingFunction = {
  name: "length",
  generate: async (texts) => texts.map((text) => [text.length]),
};

describe("bad arguments are refused before anything is sent", () => {
  const one = { ids: ["a"], embeddings: [[1, 2]] };
  const late = (spoil: (row: number) => unknown): unknown[] => Array.from({ length: 2500 }, (_, i) => (i === 2400 ? spoil(i) : [1, 2]));

  test.each<[string, (c: Collection) => Promise<unknown>, RegExp, string?]>([
    ["no argument", (c) => c.add(undefined as never), /argument of add/],
    ["ids missing", (c) => c.add({ embeddings: [[1]] } as never), /'ids' to be an array/],
    ["ids of another type", (c) => c.add({ ...one, ids: "a" as never }), /'ids' to be an array/],
    ["ids empty", (c) => c.add({ ids: [], embeddings: [] }), /Non-empty lists are required for ids/],
    ["id empty", (c) => c.add({ ...one, ids: [""] }), /Empty ID/],
    ["id of another type", (c) => c.add({ ...one, ids: [1 as never] }), /ids\[0\] is 1/],
    ["duplicate ids", (c) => c.add({ ids: ["a", "a"], embeddings: [[1], [2]] }), /duplicates of a/],
    [
      "duplicates in different batches",
      (c) => c.add({ ids: [...ids(1500), "r3"], embeddings: rows(1501) }),
      /duplicates of r3 \(ids\[1500\]\)/,
    ],
    ["only ids", (c) => c.add({ ids: ["a"] }), /At least one of 'embeddings' and 'documents'/],
    ["only uris", (c) => c.upsert({ ids: ["a"], uris: ["u"] }), /At least one of/],
    ["embeddings of another type", (c) => c.add({ ids: ["a"], embeddings: "x" as never }), /'embeddings' to be an array|Unequal/],
    ["too few embeddings", (c) => c.add({ ids: ["a", "b"], embeddings: [[1]] }), /Unequal lengths for fields ids, embeddings/],
    ["one vector instead of a list", (c) => c.add({ ids: ["a"], embeddings: [1] as never }), /embeddings\[0\] is 1/],
    ["empty embedding", (c) => c.add({ ids: ["a"], embeddings: [[]] }), /non-empty array of numbers.*embeddings\[0\]/],
    ["null embedding", (c) => c.add({ ids: ["a"], embeddings: [null as never] }), /embeddings\[0\] is null/],
    [
      "NaN",
      (c) => c.add({ ids: ["a"], embeddings: [[1, NaN]] }),
      /Non-finite float value at embedding index 0: NaN \(embeddings\[0\]\[1\]/,
    ],
    ["Infinity", (c) => c.add({ ids: ["a"], embeddings: [Float32Array.of(Infinity)] }), /Infinity/],
    ["beyond float32", (c) => c.add({ ids: ["a"], embeddings: [[1e39]] }), /1e\+39.*float32/],
    ["string in an embedding", (c) => c.add({ ids: ["a"], embeddings: [["1"] as never] }), /embeddings\[0\]\[0\] is "1"/],
    ["hole in an embedding", (c) => c.add({ ids: ["a"], embeddings: [new Array(2)] }), /embeddings\[0\]\[0\] is undefined/],
    ["mixed dimensions", (c) => c.add({ ids: ["a", "b"], embeddings: [[1], [1, 2]] }), /Inconsistent dimensions.*embeddings\[1\] has 2/],
    [
      "too many dimensions",
      (c) => c.add({ ids: ["a"], embeddings: [new Float32Array(limits.dimensionMax + 1)] }),
      /4097 dimensions/,
      "LIMIT_EXCEEDED",
    ],
    ["flat array that does not divide", (c) => c.add({ ids: ["a", "b"], embeddings: new Float32Array(3) }), /not a multiple of the 2 ids/],
    ["empty flat array", (c) => c.add({ ids: ["a"], embeddings: new Float32Array(0) }), /non-empty/],
    ["NaN in a late batch", (c) => c.add({ ids: ids(2500), embeddings: late(() => [1, NaN]) as never }), /embedding index 2400/],
    ["dimension in a late batch", (c) => c.add({ ids: ids(2500), embeddings: late(() => [1]) as never }), /embeddings\[2400\] has 1/],
    ["documents of another type", (c) => c.add({ ...one, documents: "d" as never }), /'documents' to be an array/],
    ["document of another type", (c) => c.add({ ...one, documents: [5 as never] }), /documents\[0\] is 5/],
    ["too many documents", (c) => c.add({ ...one, documents: ["a", "b"] }), /Unequal lengths for fields ids, documents/],
    ["uri of another type", (c) => c.add({ ...one, uris: [{} as never] }), /uris\[0\] is \{\}/],
    ["metadata of another type", (c) => c.add({ ...one, metadatas: ["m" as never] }), /metadatas\[0\]' to be an object/],
    ["empty metadata", (c) => c.add({ ...one, metadatas: [{}] }), /metadatas\[0\] is \{\}/],
    ["nested metadata", (c) => c.add({ ...one, metadatas: [{ o: { a: 1 } as never }] }), /metadatas\[0\]\["o"\]/],
    [
      "sparse vector of two lengths",
      (c) => c.add({ ...one, metadatas: [{ sv: { indices: [1, 2], values: [1] } }] }),
      /metadatas\[0\]\["sv"\] has 2 indices and 1 values/,
    ],
    [
      "sparse vector in a late batch",
      (c) =>
        c.update({ ids: ids(2500), metadatas: ids(2500).map((_, i) => ({ sv: { indices: [1, i === 2400 ? 1 : 2], values: [1, 2] } })) }),
      /metadatas\[2400\]\["sv"\]\.indices\[1\] is 1 after 1/,
    ],
    ["reserved key", (c) => c.upsert({ ...one, metadatas: [{ "#a": 1 }] }), /must not start with/],
    ["NaN in metadata", (c) => c.update({ ids: ["a"], metadatas: [{ o: NaN }] }), /metadatas\[0\]\["o"\] is NaN/],
    [
      "metadata in a late batch",
      (c) => c.update({ ids: ids(2500), metadatas: ids(2500).map((_, i) => (i === 2400 ? { o: [] } : { o: 1 })) }),
      /metadatas\[2400\]\["o"\] is \[\]/,
    ],
    ["record too large", (c) => c.add({ ...one, documents: ["x".repeat(limits.batchBytesMax)] }), /ids\[0\].*bytes/, "LIMIT_EXCEEDED"],
    ["signal of another type", (c) => c.add({ ...one, signal: {} as never }), /signal must be an AbortSignal/],
    ["onProgress of another type", (c) => c.add({ ...one, onProgress: 1 as never }), /onProgress must be a function/],
    [
      "texts without a function",
      (c) => c.add({ ids: ["a"], documents: ["d"] }),
      /No embedding function found for collection 'abc'/,
      "EMBEDDING_FUNCTION",
    ],
    ["new texts without a function", (c) => c.update({ ids: ["a"], documents: ["d"] }), /No embedding function/, "EMBEDDING_FUNCTION"],
    ["get ids empty", (c) => c.get({ ids: [] }), /'ids' to be a non-empty list/],
    ["get include distances", (c) => c.get({ include: ["distances"] }), /distances is not allowed/],
    ["get include unknown", (c) => c.get({ include: ["foo" as never] }), /include\[0\] is "foo"/],
    ["get limit", (c) => c.get({ limit: -1 }), /'limit' to be a non-negative integer/],
    ["get offset", (c) => c.get({ offset: 1.5 }), /'offset'/],
    ["get where empty", (c) => c.get({ where: {} }), /'where' to have exactly one operator, but got 0/],
    ["get where of another type", (c) => c.get({ where: "x" as never }), /'where' to be an object/],
    [
      "get whereDocument with two",
      (c) => c.get({ whereDocument: { $contains: "a", $regex: "b" } as never }),
      /exactly one operator, but got 2/,
    ],
    [
      "get where with a function",
      (c) => c.get({ where: { $and: [{ a: 1 }, { b: { $in: ["x", (() => 1) as never] } }] } }),
      /^where\.\$and\[1\]\.b\.\$in\[1\] is a function, which cannot be sent to the worker/,
    ],
    ["get where with a symbol", (c) => c.get({ where: { a: Symbol("x") as never } }), /^where\.a is Symbol\(x\), which/],
    [
      "get whereDocument with an object of the page",
      (c) => c.get({ whereDocument: { $contains: new WeakMap() as never } }),
      /^whereDocument\.\$contains is \[object WeakMap\], which/,
    ],
    ["get where with itself and a function", (c) => c.get({ where: { a: circle as never } }), /^where\.a\.call is a function/],
    [
      "too many ids",
      (c) => c.get({ ids: new Array(100_001) }),
      /ids has 100001 entries, more than the limit of 100000 \(selectionIdsMax\)/,
      "LIMIT_EXCEEDED",
    ],
    [
      "too many queries",
      (c) => c.query({ queryTexts: new Array(2 ** 32 - 1) }),
      /queryTexts has more than the 10000 entries allowed/,
      "LIMIT_EXCEEDED",
    ],
    [
      "too many keys in metadata",
      (c) => c.update({ ids: ["a"], metadatas: [Object.fromEntries(ids(1025).map((key) => [key, 1]))] }),
      /metadatas\[0\] has 1025 keys, more than the limit of 1024 \(metadataKeysMax\)/,
      "LIMIT_EXCEEDED",
    ],
    [
      "too long a list in metadata",
      (c) => c.update({ ids: ["a"], metadatas: [{ a: new Array(65_537).fill(1) }] }),
      /\["a"\] has 65537 entries, more than the limit of 65536 \(metadataListMax\)/,
      "LIMIT_EXCEEDED",
    ],
    ["peek limit", (c) => c.peek({ limit: "3" as never }), /'limit'/],
    ["query nothing", (c) => c.query({}), /At least one of 'queryEmbeddings' and 'queryTexts'/],
    ["query uris only", (c) => c.query({ queryURIs: ["u"] }), /At least one of/],
    ["query no embeddings", (c) => c.query({ queryEmbeddings: [] }), /at least one item/],
    ["query one vector instead of a list", (c) => c.query({ queryEmbeddings: [1, 2] as never }), /queryEmbeddings\[0\] is 1/],
    ["query NaN", (c) => c.query({ queryEmbeddings: [[NaN]] }), /queryEmbeddings\[0\]\[0\]/],
    ["query mixed dimensions", (c) => c.query({ queryEmbeddings: [[1], [1, 2]] }), /Inconsistent/],
    ["query texts of another type", (c) => c.query({ queryTexts: "x" as never }), /'queryTexts' to be a non-empty list/],
    ["query text of another type", (c) => c.query({ queryTexts: ["x", 1 as never] }), /queryTexts\[1\] is 1/],
    ["query texts without a function", (c) => c.query({ queryTexts: ["x"] }), /No embedding function/, "EMBEDDING_FUNCTION"],
    ["query nResults", (c) => c.query({ queryEmbeddings: [[1]], nResults: -1 }), /'nResults'/],
    ["query ids duplicated", (c) => c.query({ queryEmbeddings: [[1]], ids: ["a", "a"] }), /duplicates of a/],
    ["search query", (c) => c.searchText({ query: 1 as never }), /query must be a string/],
    ["search prefix", (c) => c.searchText({ query: "a", prefix: "yes" as never }), /prefix must be/],
    ["search fuzzy", (c) => c.searchText({ query: "a", fuzzy: 2 }), /fuzzy must be/],
    ["delete limit alone", (c) => c.delete({ ids: ["a"], limit: 1 }), /limit can only be specified/],
    ["delete ids empty", (c) => c.delete({ ids: [] }), /non-empty list/],
    ["delete where with an empty list", (c) => c.delete({ where: { $and: [] } }), /at least two expressions, but got \[\]/],
    [
      "get whereDocument with a list of one",
      (c) => c.get({ whereDocument: { $or: [{ $contains: "a" }] } }),
      /'whereDocument' \$or to be a list of at least two/,
    ],
    [
      "delete where with an empty list inside",
      (c) => c.delete({ where: { $or: [{ a: 1 }, { $and: [] }] } }),
      /'where\.\$or\[1\]' \$and to be a list of at least two/,
    ],
    ["delete where empty", (c) => c.delete({ where: {} }), /exactly one operator/],
    ["modify name", (c) => c.modify({ name: "x" }), /name: Expected/],
    ["modify metadata empty", (c) => c.modify({ metadata: {} }), /non-empty/],
    ["modify space", (c) => c.modify({ configuration: { hnsw: { space: "ip" } as never } }), /"space"; modify takes/],
  ])("%s", async (_, call, message, code = "INVALID_ARGUMENT") => {
    const error = await failureOf(call(collection));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect(engine.requests).toEqual([]);
  });

  test("once the dimension is known, every row of a call is held against it", async () => {
    await collection.add({ ids: ["a"], embeddings: [[1, 2]] });
    expect(collection.dimension).toBe(2);
    for (const embeddings of [[[1, 2, 3]], Float32Array.of(1, 2, 3)]) {
      expect((await failureOf(collection.add({ ids: ["b"], embeddings }))).code).toBe("DIMENSION_MISMATCH");
    }
    expect(engine.writes).toHaveLength(1);
  });
});

describe("writing", () => {
  test("columns arrive as they were given, vectors as float32, absent ones as null", async () => {
    const metadata = JSON.parse('{"__proto__": "p", "constructor": 1, "tags": ["x"]}');
    await collection.add({
      ids: ["a", "b"],
      embeddings: [[1, 0.1], Float32Array.of(3, 4)],
      documents: ["d", null],
      metadatas: [metadata, null],
    });
    expect(engine.writes[0]).toEqual({
      collectionId: "id-of-abc",
      model: 0,
      operation: "add",
      records: {
        ids: ["a", "b"],
        embeddings: { dimension: 2, values: Float32Array.of(1, 0.1, 3, 4), present: null },
        documents: ["d", null],
        metadatas: [metadata, null],
        uris: null,
      },
    });
    expect(Object.keys(engine.writes[0]!.records.metadatas![0]!)).toEqual(["__proto__", "constructor", "tags"]);
  });

  test("the caller's arrays stay theirs", async () => {
    const flat = Float32Array.of(1, 2, 3, 4);
    const row = Float32Array.of(5, 6);
    await collection.add({ ids: ["a", "b"], embeddings: flat });
    await collection.add({ ids: ["c"], embeddings: [row] });
    expect([flat.length, row.length]).toEqual([4, 2]);
    expect(engine.writes[0]!.records.embeddings).toEqual({ dimension: 2, values: flat, present: null });
  });

  test("a view into a larger buffer sends only itself", async () => {
    const view = new Float32Array(100).fill(7).subarray(10, 12);
    await collection.add({ ids: ["a"], embeddings: view });
    expect(engine.writes[0]!.records.embeddings!.values.buffer.byteLength).toBe(8);
  });

  test("null in metadata is a key left out of add, as by Chroma's client, and deletes one in upsert", async () => {
    await collection.add({ ids: ["a", "b"], embeddings: rows(2), metadatas: [{ a: 1, b: null }, { b: null }] });
    await collection.upsert({ ids: ["a"], embeddings: rows(1), metadatas: [{ b: null }] });
    expect(engine.writes.map(({ records }) => records.metadatas)).toEqual([[{ a: 1 }, null], [{ b: null }]]);
  });

  test("undefined in metadata is a key left out, and the caller's object is not touched", async () => {
    const metadatas: Metadata[] = [{ a: 1, b: undefined as never }, { b: undefined as never }];
    await collection.add({ ids: ["a", "b"], embeddings: rows(2), metadatas });
    expect(engine.writes[0]!.records.metadatas).toEqual([{ a: 1 }, null]);
    expect(Object.keys(metadatas[0]!)).toEqual(["a", "b"]);
  });

  test("update sends only what is given, and knows records without a new embedding", async () => {
    await collection.update({ ids: ["a", "b"], embeddings: [null, [1, 2]], metadatas: [{ a: null }, null] });
    await collection.update({ ids: ["a"], embeddings: [null] });
    await collection.update({ ids: ["a"] });
    expect(engine.writes[0]!.records.embeddings).toEqual({ dimension: 2, values: Float32Array.of(1, 2), present: Uint8Array.of(0, 1) });
    expect(engine.writes[0]!.records.metadatas).toEqual([{ a: null }, null]);
    expect(engine.writes[1]!.records.embeddings).toBe(null);
    expect(engine.writes[2]!.records).toEqual({ ids: ["a"], embeddings: null, documents: null, metadatas: null, uris: null });
  });

  test("many records go in batches of bounded count, in order, with progress", async () => {
    const progress: Progress[] = [];
    await collection.add({ ids: ids(2500), embeddings: rows(2500), onProgress: (now) => progress.push(now) });
    expect(engine.writes.map(({ records }) => [records.ids.length, records.ids[0], records.embeddings!.values[0]])).toEqual([
      [1000, "r0", 0],
      [1000, "r1000", 1000],
      [500, "r2000", 2000],
    ]);
    expect(progress).toEqual([
      { done: 1000, total: 2500 },
      { done: 2000, total: 2500 },
      { done: 2500, total: 2500 },
    ]);
  });

  test("large records go in batches of bounded bytes", async () => {
    const megabyte = "x".repeat(1024 * 1024);
    await collection.add({ ids: ids(20), embeddings: rows(20), documents: ids(20).map(() => megabyte) });
    expect(engine.writes.map(({ records }) => records.ids.length)).toEqual([7, 7, 6]);
  });

  test("at most two batches are under way", async () => {
    let underWay = 0;
    let most = 0;
    engine.overrides.set("write", async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
    });
    await collection.add({ ids: ids(6000), embeddings: rows(6000) });
    expect(most).toBe(2);
  });
});

describe("calls that write and are not awaited", () => {
  /** Embeds each text when the test says so. */
  class SlowFunction implements EmbeddingFunction {
    readonly name = "slow";
    readonly started: string[] = [];
    readonly answers = new Map<string, (error?: Error) => void>();

    generate(texts: string[]): Promise<number[][]> {
      const [text] = texts as [string];
      this.started.push(text);
      return new Promise((resolve, reject) => {
        this.answers.set(text, (error) => (error === undefined ? resolve(texts.map(() => [text.length])) : reject(error)));
      });
    }
  }

  const sent = (): unknown[] =>
    engine.requests.map(([method, request]) => [
      method,
      (request as { records?: { ids: string[] }; ids?: string[] }).records?.ids ?? (request as { ids?: string[] }).ids,
    ]);
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  test("are sent in the order in which they were made, and embed side by side", async () => {
    const slow = new SlowFunction();
    const notes = await client.createCollection({ name: "notes", embeddingFunction: slow });
    engine.requests.length = 0;
    const calls = [
      notes.add({ ids: ["a"], documents: ["first"] }),
      notes.upsert({ ids: ["a", "b"], documents: ["second", "second"] }),
      notes.update({ ids: ["a"], embeddings: [[3]] }),
      notes.delete({ ids: ["b"] }),
      notes.upsert({ ids: ["c"], embeddings: [[4]] }),
    ];
    // Which begins to embed first is not promised: a call may take turns before.
    await expect.poll(() => [...slow.started].sort()).toEqual(["first", "second"]);
    await turns();
    expect(sent()).toEqual([]);
    slow.answers.get("second")!();
    await turns();
    expect(sent()).toEqual([]);
    await notes.get({ ids: ["a"] });
    expect(sent()).toEqual([["get", ["a"]]]);
    slow.answers.get("first")!();
    await Promise.all(calls);
    expect(sent().slice(1)).toEqual([
      ["write", ["a"]],
      ["write", ["a", "b"]],
      ["write", ["a"]],
      ["delete", ["b"]],
      ["write", ["c"]],
    ]);
  });

  test("keep their order also where a large one takes longer to check than a small one", async () => {
    const many = collection.upsert({ ids: ids(5000), embeddings: rows(5000) });
    const one = collection.upsert({ ids: ["r4999"], embeddings: [[7, 7]] });
    await Promise.all([many, one]);
    expect(engine.writes.map(({ records }) => records.ids.length)).toEqual([1000, 1000, 1000, 1000, 1000, 1]);
  });

  test("do not wait for acknowledgements", async () => {
    let acknowledge = (): void => {};
    const acknowledged = new Promise<void>((resolve) => (acknowledge = resolve));
    engine.overrides.set("write", () => acknowledged);
    const calls = [
      collection.add({ ids: ["a"], embeddings: [[1]] }),
      collection.add({ ids: ["b"], embeddings: [[2]] }),
      collection.add({ ids: ["c"], embeddings: [[3]] }),
    ];
    await turns();
    expect(sent()).toEqual([
      ["write", ["a"]],
      ["write", ["b"]],
      ["write", ["c"]],
    ]);
    acknowledge();
    await Promise.all(calls);
  });

  test("go on after one that is refused, fails, or is aborted", async () => {
    const slow = new SlowFunction();
    const notes = await client.createCollection({ name: "notes", embeddingFunction: slow });
    engine.requests.length = 0;
    const controller = new AbortController();
    const refused = notes.add({ ids: ["a"], documents: ["failing"] });
    const stopped = notes.add({ ids: ["b"], documents: ["aborted"], signal: controller.signal });
    const waiting = notes.add({ ids: ["c"], embeddings: [[1]], signal: controller.signal });
    const bad = notes.add({ ids: [], embeddings: [] });
    const last = notes.add({ ids: ["d"], embeddings: [[1]] });
    expect((await failureOf(bad)).code).toBe("INVALID_ARGUMENT");
    await turns();
    controller.abort();
    expect((await failureOf(stopped)).code).toBe("ABORTED");
    expect((await failureOf(waiting)).code).toBe("ABORTED");
    expect(sent()).toEqual([]);
    slow.answers.get("failing")!(new Error("no model"));
    expect((await failureOf(refused)).code).toBe("EMBEDDING_FUNCTION");
    await last;
    expect(sent()).toEqual([["write", ["d"]]]);
  });
});

describe("stopping half-way", () => {
  test("an aborted signal sends nothing", async () => {
    const error = await failureOf(collection.add({ ids: ["a"], embeddings: [[1]], signal: AbortSignal.abort("enough") }));
    expect(error).toMatchObject({ code: "ABORTED", details: { acknowledged: 0 } });
    expect(error.message).toContain("0 of 1 records");
    expect(engine.writes).toHaveLength(0);
  });

  test("an abort between batches keeps what was acknowledged, and says how much", async () => {
    const abort = new AbortController();
    const call = collection.add({
      ids: ids(10_000),
      embeddings: rows(10_000),
      signal: abort.signal,
      onProgress: ({ done }) => done === 2000 && abort.abort(new Error("enough")),
    });
    const error = await failureOf(call);
    const stored = engine.writes.reduce((sum, { records }) => sum + records.ids.length, 0);
    expect(error.code).toBe("ABORTED");
    expect(error.details).toEqual({ acknowledged: stored });
    expect(error.message).toContain(`${stored} of 10000 records were acknowledged and stay`);
    expect(error.cause).toMatchObject({ code: "ABORTED", cause: { message: "enough" } });
    expect(stored).toBeLessThan(10_000);
  });

  test("an abort does not wait for an embedding function", async () => {
    const abort = new AbortController();
    const stuck: EmbeddingFunction = {
      generate: () => {
        abort.abort();
        return new Promise(() => {});
      },
    };
    const texts = await client.createCollection({ name: "texts", embeddingFunction: stuck });
    expect(await failureOf(texts.add({ ids: ["a"], documents: ["d"], signal: abort.signal }))).toMatchObject({ code: "ABORTED" });
  });

  test("a batch that fails keeps its code and says how much stays", async () => {
    engine.overrides.set("write", ({ records }: { records: { ids: string[] } }) => {
      if (records.ids[0] === "r2000") throw new TidepoolError("QUOTA_EXCEEDED", "The disk is full", { details: { bytes: 9 } });
    });
    const error = await failureOf(collection.add({ ids: ids(5000), embeddings: rows(5000) }));
    expect(error).toMatchObject({ code: "QUOTA_EXCEEDED", details: { acknowledged: 2000, bytes: 9 }, cause: { code: "QUOTA_EXCEEDED" } });
    expect(error.message).toBe("The disk is full (2000 of 5000 records were acknowledged and stay)");
  });

  test("the death of the worker says how much is certain", async () => {
    let batches = 0;
    engine.overrides.set("write", () => {
      if (++batches === 2) workers[0]!.crash("killed");
    });
    const error = await failureOf(collection.add({ ids: ids(5000), embeddings: rows(5000) }));
    expect(error.code).toBe("CONNECTION_LOST");
    expect(error.details.acknowledged).toBeLessThanOrEqual(1000);
  });

  test("a throwing onProgress stops the call", async () => {
    const onProgress = (): void => {
      throw new Error("no such element");
    };
    const error = await failureOf(collection.add({ ids: ids(5000), embeddings: rows(5000), onProgress }));
    expect(error.message).toContain("onProgress threw: no such element");
    expect(engine.writes.length).toBeLessThan(5);
  });
});

describe("embedding texts", () => {
  let texts: Collection;
  beforeEach(async () => {
    texts = await client.createCollection({ name: "texts", embeddingFunction: lengthFunction });
    engine.requests.length = 0;
  });

  test("documents are embedded batch by batch", async () => {
    await texts.add({ ids: ids(1500), documents: ids(1500) });
    expect(engine.writes.map(({ records }) => records.embeddings!.values.length)).toEqual([1000, 500]);
    expect(engine.writes[1]!.records.embeddings!.values[0]).toBe(5);
    expect(texts.dimension).toBe(1);
  });

  test("a function gets few texts at once, and progress follows each time", async () => {
    const sizes: number[] = [];
    const counting = await client.createCollection({
      name: "counting",
      embeddingFunction: {
        generate: async (given) => {
          sizes.push(given.length);
          return given.map(() => [1]);
        },
      },
    });
    const progress: Progress[] = [];
    await counting.add({ ids: ids(150), documents: ids(150), onProgress: (now) => progress.push(now) });
    expect(sizes).toEqual([64, 64, 22]);
    expect(progress).toEqual([
      { done: 0, total: 150, embedded: 64 },
      { done: 0, total: 150, embedded: 128 },
      { done: 0, total: 150, embedded: 150 },
      { done: 150, total: 150, embedded: 150 },
    ]);
    await counting.update({ ids: ids(5), documents: ["a", null, "b", "c", null], embedBatchSize: 2 });
    expect(sizes.slice(3)).toEqual([1, 2]);
    expect(engine.writes.at(-1)!.records.embeddings).toMatchObject({ present: Uint8Array.of(1, 0, 1, 1, 0) });
    expect(engine.writes.at(-1)!.records.documents).toEqual(["a", null, "b", "c", null]);
  });

  test("what a slow function has made is sent before it makes the rest, and told when it is acknowledged", async () => {
    const clock = vi.spyOn(performance, "now");
    let now = 0;
    clock.mockImplementation(() => now);
    const done: number[] = [];
    const seen: number[] = [];
    const slow = await client.createCollection({
      name: "slow",
      embeddingFunction: {
        generate: async (given) => {
          now += 1000;
          await turns();
          seen.push(done.at(-1) ?? 0);
          return given.map(() => [1]);
        },
      },
    });
    await slow.add({ ids: ids(256), documents: ids(256), onProgress: (progress) => done.push(progress.done) });
    clock.mockRestore();
    expect(engine.writes.map(({ records }) => records.ids.length)).toEqual([64, 64, 64, 64]);
    expect(seen).toEqual([0, 64, 128, 192]);
    expect(done.at(-1)).toBe(256);
  });

  test("given embeddings win over documents", async () => {
    await texts.upsert({ ids: ["a"], embeddings: [[7]], documents: ["long"] });
    expect(engine.writes[0]!.records.embeddings!.values).toEqual(Float32Array.of(7));
  });

  test("add and upsert need every document, update takes what is there", async () => {
    const error = await failureOf(texts.add({ ids: ["a", "b"], documents: ["d", null] }));
    expect(error.message).toContain("documents[1] is null");
    expect(engine.requests).toEqual([]);
    await texts.update({ ids: ["a", "b"], documents: ["dd", null] });
    expect(engine.writes[0]!.records.embeddings).toEqual({ dimension: 1, values: Float32Array.of(2), present: Uint8Array.of(1, 0) });
  });

  test.each<[string, EmbeddingFunction["generate"], RegExp]>([
    ["throws", () => Promise.reject(new Error("429 Too Many Requests")), /generate of the embedding function.*failed: 429/],
    ["answers nothing", async () => undefined as never, /answered undefined, not an array/],
    ["answers too few", async () => [], /answered 0 embeddings for 1 texts/],
    ["answers numbers", async () => [1] as never, /not an embedding/],
    ["answers NaN", async () => [[NaN]], /not an embedding.*Non-finite/],
  ])("a function that %s is EMBEDDING_FUNCTION", async (_, generate, message) => {
    const bad = await client.createCollection({ name: "bad", embeddingFunction: { generate } });
    for (const call of [() => bad.add({ ids: ["a"], documents: ["d"] }), () => bad.query({ queryTexts: ["d"] })]) {
      const error = await failureOf(call());
      expect(error.code).toBe("EMBEDDING_FUNCTION");
      expect(error.message).toMatch(message);
    }
    expect(engine.writes).toHaveLength(0);
  });

  test("queries use generateForQueries where there is one", async () => {
    engine.overrides.set("query", () => ({
      ids: [],
      documents: null,
      metadatas: null,
      uris: null,
      embeddings: null,
      counts: [0],
      distances: null,
    }));
    const asymmetric: EmbeddingFunction = { ...lengthFunction, generateForQueries: async (queries) => queries.map(() => [-1]) };
    const other = await client.createCollection({ name: "other", embeddingFunction: asymmetric });
    await other.query({ queryTexts: ["abc"] });
    await texts.query({ queryTexts: ["abc"] });
    const sent = engine.requests.filter(([method]) => method === "query").map(([, request]) => (request as QueryRequest).queryEmbeddings);
    expect(sent).toEqual([
      { dimension: 1, values: Float32Array.of(-1) },
      { dimension: 1, values: Float32Array.of(3) },
    ]);
  });
});

describe("reading", () => {
  test("get asks with Chroma's defaults and answers Chroma's columns", async () => {
    engine.overrides.set("get", () => ({ ids: ["a"], documents: ["d"], metadatas: [{ k: 1 }], uris: null, embeddings: null }));
    const result = await collection.get();
    expect(engine.requests.at(-1)).toEqual(["get", { collectionId: "id-of-abc", model: 0, include: ["documents", "metadatas"] }]);
    expect({ ...result }).toEqual({
      ids: ["a"],
      documents: ["d"],
      metadatas: [{ k: 1 }],
      uris: [],
      embeddings: [],
      include: ["documents", "metadatas"],
    });
    expect(result.rows()).toEqual([{ id: "a", document: "d", metadata: { k: 1 } }]);
  });

  test("embeddings come as plain arrays", async () => {
    engine.overrides.set("get", () => ({
      ids: ["a", "b"],
      documents: null,
      metadatas: null,
      uris: null,
      embeddings: { dimension: 2, values: Float32Array.of(1, 2, 3, 4) },
    }));
    const result = await collection.get({ include: ["embeddings"] });
    expect(result.embeddings).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(Array.isArray(result.embeddings[0])).toBe(true);
    expect(result.rows()[1]).toEqual({ id: "b", embedding: [3, 4] });
  });

  test("query asks with Chroma's defaults and nests by query", async () => {
    engine.overrides.set("query", () => ({
      ids: ["a", "b", "c"],
      documents: ["x", null, "z"],
      metadatas: [null, { k: 1 }, null],
      uris: null,
      embeddings: null,
      counts: [2, 1],
      distances: Float32Array.of(0.5, 1, 2),
    }));
    const result = await collection.query({ queryEmbeddings: [[1, 2], Float32Array.of(3, 4)], where: { k: 1 } });
    expect(engine.requests.at(-1)).toEqual([
      "query",
      {
        collectionId: "id-of-abc",
        model: 0,
        queryEmbeddings: { dimension: 2, values: Float32Array.of(1, 2, 3, 4) },
        nResults: 10,
        include: ["metadatas", "documents", "distances"],
        where: { k: 1 },
      },
    ]);
    expect({ ...result }).toEqual({
      ids: [["a", "b"], ["c"]],
      documents: [["x", null], ["z"]],
      metadatas: [[null, { k: 1 }], [null]],
      distances: [[0.5, 1], [2]],
      embeddings: [],
      uris: [],
      include: ["metadatas", "documents", "distances"],
    });
    expect(result.rows()).toEqual([
      [
        { id: "a", document: "x", metadata: null, distance: 0.5 },
        { id: "b", document: null, metadata: { k: 1 }, distance: 1 },
      ],
      [{ id: "c", document: "z", metadata: null, distance: 2 }],
    ]);
  });

  test("no hits are an empty list for each query", async () => {
    engine.overrides.set("query", () => ({
      ids: [],
      documents: [],
      metadatas: [],
      uris: null,
      embeddings: null,
      counts: [0, 0],
      distances: new Float32Array(0),
    }));
    const result = await collection.query({ queryEmbeddings: [[1], [2]], nResults: 0 });
    expect([result.ids, result.documents, result.distances, result.uris]).toEqual([[[], []], [[], []], [[], []], []]);
  });

  test("one Float32Array is one query", async () => {
    engine.overrides.set("query", ({ queryEmbeddings }: QueryRequest) => {
      expect(queryEmbeddings).toEqual({ dimension: 3, values: Float32Array.of(1, 2, 3) });
      return { ids: [], documents: null, metadatas: null, uris: null, embeddings: null, counts: [0], distances: null };
    });
    await collection.query({ queryEmbeddings: Float32Array.of(1, 2, 3) });
  });

  test("searchText asks and answers with scores and terms", async () => {
    engine.overrides.set("searchText", () => ({
      ids: ["a"],
      documents: ["spring tide"],
      metadatas: [null],
      uris: null,
      embeddings: null,
      scores: Float64Array.of(2.5),
      terms: [["tide"]],
    }));
    const result = await collection.searchText({ query: "tides", fuzzy: true });
    expect(engine.requests.at(-1)![1] as SearchTextRequest).toMatchObject({
      query: "tides",
      nResults: 10,
      prefix: false,
      fuzzy: 0.2,
      include: ["metadatas", "documents"],
    });
    expect(result.rows()).toEqual([{ id: "a", score: 2.5, terms: ["tide"], document: "spring tide", metadata: null }]);
  });

  test("peek is the first ten", async () => {
    await collection.peek();
    expect(engine.requests.at(-1)).toEqual([
      "get",
      { collectionId: "id-of-abc", model: 0, limit: 10, include: ["documents", "metadatas"] },
    ]);
  });
});

describe("checkRecall", () => {
  test("asks the engine, by default for 100 records and their 10 nearest", async () => {
    const report = { recall: 0.9, sample: 50, k: 10, efSearch: 100, efSearchFor: { "0.95": 128, "0.99": null } };
    engine.overrides.set("checkRecall", () => report);
    expect(await collection.checkRecall()).toEqual(report);
    expect(engine.requests.at(-1)).toEqual(["checkRecall", { collectionId: "id-of-abc", model: 0, sample: 100, k: 10 }]);
    await collection.checkRecall({ sample: 3, k: 2 });
    expect(engine.requests.at(-1)).toEqual(["checkRecall", { collectionId: "id-of-abc", model: 0, sample: 3, k: 2 }]);
  });

  test("is about the present, not about an earlier version", async () => {
    const earlier = collection.at({ version: 1 }) as Collection;
    expect(await failureOf(earlier.checkRecall())).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("checkRecall") as string,
    });
    expect(engine.requests).toEqual([]);
  });
});

describe("deleting and modifying", () => {
  test("delete without a selection deletes nothing and asks nobody", async () => {
    for (const args of [{}, { ids: undefined, where: null as never }]) expect(await collection.delete(args)).toEqual({ deleted: 0 });
    expect(engine.requests).toEqual([]);
    expect(await collection.delete({ where: { k: 1 }, limit: 2 })).toEqual({ deleted: 1 });
    expect(engine.requests.at(-1)).toEqual(["delete", { collectionId: "id-of-abc", where: { k: 1 }, limit: 2 }]);
  });

  test("a new name counts once the engine has taken it", async () => {
    engine.overrides.set("modifyCollection", () => {
      throw new TidepoolError("ALREADY_EXISTS", "taken");
    });
    expect((await failureOf(collection.modify({ name: "taken" }))).code).toBe("ALREADY_EXISTS");
    expect(collection.name).toBe("abc");
    engine.overrides.clear();
    await collection.modify({ name: "other" });
    expect(collection.name).toBe("other");
  });
});
