import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TidepoolError } from "../core/errors.js";
import type { CreateCollectionRequest } from "../core/service.js";
import { TestEngine } from "../testing/engine.js";
import { TestWorker } from "../testing/worker.js";
import { TidepoolClient, type TidepoolClientOptions } from "./client.js";
import type { EmbeddingFunction } from "./embedding-function.js";
import { getEmbeddingFunction, knownEmbeddingFunctions, registerEmbeddingFunction } from "./embedding-registry.js";
import { HashingEmbeddingFunction } from "./hashing-embedding-function.js";

let engine: TestEngine;
let workers: TestWorker[];
let client: TidepoolClient;

beforeEach(() => {
  engine = new TestEngine();
  workers = [];
  client = new TidepoolClient({ storage: "memory", worker: TestWorker.factory(() => engine.host(), workers) });
});
afterEach(() => {
  for (const worker of workers) if (!worker.terminated) worker.terminate();
  for (const name of [...knownEmbeddingFunctions.keys()]) if (name.startsWith("test-")) knownEmbeddingFunctions.delete(name);
});

/** Embeds a text as its length. */
class LengthFunction implements EmbeddingFunction {
  readonly name = "test-length";
  readonly scale: number;

  constructor(scale = 1) {
    this.scale = scale;
  }

  static buildFromConfig({ scale }: { scale: number }): LengthFunction {
    if (scale === 0) throw new RangeError("scale is 0");
    return new LengthFunction(scale);
  }

  async generate(texts: string[]): Promise<number[][]> {
    return texts.map((text) => [text.length * this.scale, 1]);
  }

  getConfig(): { scale: number } {
    return { scale: this.scale };
  }

  defaultSpace(): "ip" {
    return "ip";
  }

  supportedSpaces(): ("ip" | "l2")[] {
    return ["ip", "l2"];
  }

  validateConfigUpdate({ scale }: { scale: number }): void {
    if (scale !== this.scale) throw new RangeError("scale must stay");
  }
}

function createRequest(): CreateCollectionRequest {
  return engine.requests.findLast(([method]) => method === "createCollection")![1] as CreateCollectionRequest;
}

describe("options", () => {
  test("the constructor starts nothing", () => {
    new TidepoolClient();
    expect(workers).toHaveLength(0);
  });

  test.each<[string, unknown, RegExp]>([
    ["path", "", /path must be 1-128 letters.*got ""/],
    ["path", "a/b", /path/],
    ["path", "..", /path/],
    ["path", "http://localhost:8000", /path/],
    ["path", "x".repeat(129), /path/],
    ["path", 7, /got 7/],
    ["tenant", "", /tenant must be a non-empty string/],
    ["database", 1, /database/],
    ["storage", "disk", /storage must be one of "auto", "opfs", "indexeddb", "directory", "memory", got "disk"/],
    ["durability", "none", /durability must be one of "strict", "relaxed"/],
    ["allowReset", "yes", /allowReset/],
    ["memoryBudgetBytes", 8 * 1024 * 1024 - 1, /memoryBudgetBytes must be a whole number of at least 8388608, got 8388607/],
    ["memoryBudgetBytes", 1e7 + 0.5, /memoryBudgetBytes/],
    ["memoryBudgetBytes", "64 MiB", /memoryBudgetBytes/],
    ["onWarning", "console", /onWarning must be a function, got "console"/],
    ["worker", {}, /worker must be a function/],
  ])("%s %j is refused", (name, value, message) => {
    const make = (): unknown => new TidepoolClient({ [name]: value } as TidepoolClientOptions);
    expect(make).toThrow(TidepoolError);
    expect(make).toThrow(message);
  });

  test("the memory budget reaches the engine; without one the engine has its own", async () => {
    const budgets: unknown[] = [];
    const host = () =>
      engine.host({
        openEngine: async (_storage, { memoryBudgetBytes }, tell) => {
          budgets.push(memoryBudgetBytes);
          return engine.open(tell);
        },
      });
    const worker = TestWorker.factory(host, workers);
    await new TidepoolClient({ storage: "memory", memoryBudgetBytes: 8 * 1024 * 1024, worker }).createCollection({ name: "abc" });
    await new TidepoolClient({ storage: "memory", worker }).createCollection({ name: "def" });
    expect(budgets).toEqual([8 * 1024 * 1024, undefined]);
  });

  test("tenant and database reach the engine", async () => {
    const other = new TidepoolClient({
      storage: "memory",
      tenant: "t",
      database: "d",
      worker: TestWorker.factory(() => engine.host(), workers),
    });
    const collection = await other.createCollection({ name: "abc" });
    expect([collection.tenant, collection.database]).toEqual(["t", "d"]);
    await client.createCollection({ name: "def" });
    expect(createRequest()).toMatchObject({ tenant: "default_tenant", database: "default_database", metadata: null, getOrCreate: false });
  });
});

describe("bad arguments are refused before anything is sent", () => {
  test.each<[string, (client: TidepoolClient) => Promise<unknown>]>([
    ["no argument", (client) => client.createCollection(undefined as never)],
    ["no name", (client) => client.createCollection({} as never)],
    ["short name", (client) => client.createCollection({ name: "ab" })],
    ["empty metadata", (client) => client.createCollection({ name: "abc", metadata: {} })],
    ["nested metadata", (client) => client.createCollection({ name: "abc", metadata: { o: {} } as never })],
    ["only null in metadata", (client) => client.createCollection({ name: "abc", metadata: { o: null } })],
    ["configuration of another type", (client) => client.createCollection({ name: "abc", configuration: "x" as never })],
    ["unknown space", (client) => client.createCollection({ name: "abc", configuration: { hnsw: { space: "foo" as never } } })],
    ["unknown space in metadata", (client) => client.createCollection({ name: "abc", metadata: { "hnsw:space": "foo" } })],
    ["both indexes", (client) => client.createCollection({ name: "abc", configuration: { hnsw: {}, spann: {} } })],
    ["no function", (client) => client.createCollection({ name: "abc", embeddingFunction: {} as never })],
    [
      "two functions",
      (client) =>
        client.createCollection({
          name: "abc",
          embeddingFunction: new LengthFunction(),
          configuration: { embeddingFunction: new LengthFunction() },
        }),
    ],
    [
      "space that the function cannot",
      (client) =>
        client.createCollection({ name: "abc", embeddingFunction: new LengthFunction(), configuration: { hnsw: { space: "cosine" } } }),
    ],
    ["getOrCreate with a bad name", (client) => client.getOrCreateCollection({ name: "a b" })],
    ["get without a name", (client) => client.getCollection({} as never)],
    ["get with a bad function", (client) => client.getCollection({ name: "abc", embeddingFunction: 1 as never })],
    ["delete without a name", (client) => client.deleteCollection({} as never)],
    ["negative limit", (client) => client.listCollections({ limit: -1 })],
    ["broken offset", (client) => client.listCollections({ offset: 0.5 })],
  ])("%s", async (_, call) => {
    await expect(call(client)).rejects.toMatchObject({ name: "TidepoolError", code: "INVALID_ARGUMENT" });
    expect(workers).toHaveLength(0);
  });
});

describe("collections", () => {
  test("are created, found and listed with what the engine says of them", async () => {
    const created = await client.createCollection({ name: "abc", metadata: { a: 1 }, embeddingFunction: null });
    expect(created).toMatchObject({ id: "id-of-abc", name: "abc", metadata: { a: 1 }, dimension: undefined, embeddingFunction: undefined });
    expect(created.configuration).toEqual({
      hnsw: { space: "l2", ef_construction: 100, ef_search: 100, max_neighbors: 16, resize_factor: 1.2, sync_threshold: 1000 },
      spann: null,
      embedding_function: null,
    });
    expect((await client.getCollection({ name: "abc" })).id).toBe("id-of-abc");
    expect((await client.listCollections()).map(({ name }) => name)).toEqual(["abc"]);
    await expect(client.createCollection({ name: "abc" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    await expect(client.getCollection({ name: "none" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("the space comes from configuration, then Chroma's metadata key, then an explicitly given function", async () => {
    const space = async (name: string, args: object): Promise<string> =>
      (await client.createCollection({ name, ...args })).configuration.hnsw.space;
    expect(await space("abc1", { metadata: { "hnsw:space": "ip" }, configuration: { hnsw: { space: "cosine" } } })).toBe("cosine");
    expect(await space("abc2", { metadata: { "hnsw:space": "ip" }, embeddingFunction: new HashingEmbeddingFunction() })).toBe("ip");
    expect(await space("abc3", { embeddingFunction: new HashingEmbeddingFunction() })).toBe("cosine");
    expect(await space("abc4", {})).toBe("l2");
    expect(await space("abc5", { configuration: { spann: { space: "cosine" } } })).toBe("cosine");
    expect(await space("abc6", { embeddingFunction: new LengthFunction() })).toBe("ip");
  });

  test("version is the package's", async () => {
    expect(await client.version()).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe("embedding functions", () => {
  test("nothing said: the hashing function, stored and restored", async () => {
    const created = await client.createCollection({ name: "abc" });
    expect(created.embeddingFunction).toBeInstanceOf(HashingEmbeddingFunction);
    expect(createRequest().configuration.embedding_function).toEqual({
      type: "known",
      name: "tidepool-hashing",
      config: { dimension: 384 },
    });
    const got = await client.getCollection({ name: "abc" });
    expect(got.embeddingFunction).toBeInstanceOf(HashingEmbeddingFunction);
  });

  test("a registered class comes back with its configuration", async () => {
    registerEmbeddingFunction("test-length", LengthFunction);
    await client.createCollection({ name: "abc", embeddingFunction: new LengthFunction(3) });
    const efConfig = createRequest().configuration.embedding_function;
    expect((await client.getCollection({ name: "abc" })).embeddingFunction).toMatchObject({ scale: 3 });
    expect((await client.getOrCreateCollection({ name: "abc" })).embeddingFunction).toMatchObject({ scale: 3 });
    expect((await client.listCollections())[0]!.embeddingFunction).toMatchObject({ scale: 3 });
    expect(await getEmbeddingFunction({ client, efConfig })).toMatchObject({ scale: 3 });
  });

  test("one that is not registered leaves the collection usable, and a text call says what to register", async () => {
    await client.createCollection({ name: "abc", embeddingFunction: new LengthFunction() });
    const got = await client.getCollection({ name: "abc" });
    expect(got.embeddingFunction).toBe(undefined);
    await got.add({ ids: ["a"], embeddings: [[1, 2]] });
    const error: unknown = await got.query({ queryTexts: ["x"] }).catch((error: unknown) => error);
    expect(error).toMatchObject({
      code: "EMBEDDING_FUNCTION",
      message: expect.stringContaining('registerEmbeddingFunction("test-length"'),
    });
    const given = await client.getCollection({ name: "abc", embeddingFunction: new LengthFunction() });
    await given.add({ ids: ["b"], documents: ["four"] });
    expect(Array.from(engine.writes.at(-1)!.records.embeddings!.values)).toEqual([4, 1]);
  });

  test("one that cannot be built again is told with its cause when a text comes", async () => {
    registerEmbeddingFunction("test-length", LengthFunction);
    await client.createCollection({ name: "abc", embeddingFunction: new LengthFunction(0) });
    const got = await client.getCollection({ name: "abc" });
    const error: unknown = await got.add({ ids: ["a"], documents: ["x"] }).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "EMBEDDING_FUNCTION", message: expect.stringContaining("scale is 0") });
    expect(engine.writes).toHaveLength(0);
  });

  test("another function than the stored one is a conflict", async () => {
    await client.createCollection({ name: "abc" });
    for (const call of [client.getCollection, client.getOrCreateCollection]) {
      await expect(call.call(client, { name: "abc", embeddingFunction: new LengthFunction() })).rejects.toMatchObject({
        code: "EMBEDDING_FUNCTION",
        message: expect.stringContaining('new: "test-length" vs persisted: "tidepool-hashing"'),
      });
    }
  });

  test("the same function with a configuration that does not fit is a conflict too", async () => {
    registerEmbeddingFunction("test-length", LengthFunction);
    await client.createCollection({ name: "abc", embeddingFunction: new LengthFunction(1) });
    await expect(client.getCollection({ name: "abc", embeddingFunction: new LengthFunction(2) })).rejects.toMatchObject({
      code: "EMBEDDING_FUNCTION",
      message: expect.stringContaining("scale must stay"),
    });
    await client.getCollection({ name: "abc", embeddingFunction: new LengthFunction(1) });
  });

  test("none, or one that cannot be stored, may be given anew each time", async () => {
    await client.createCollection({ name: "none", embeddingFunction: null });
    const plain: EmbeddingFunction = { generate: async (texts) => texts.map(() => [1]) };
    await client.createCollection({ name: "plain", embeddingFunction: plain });
    expect(createRequest().configuration.embedding_function?.type).toBe("legacy");
    for (const name of ["none", "plain"]) {
      expect((await client.getCollection({ name })).embeddingFunction).toBe(undefined);
      expect((await client.getCollection({ name, embeddingFunction: plain })).embeddingFunction).toBe(plain);
    }
  });

  test("a name is registered once", () => {
    registerEmbeddingFunction("test-length", LengthFunction);
    expect(() => registerEmbeddingFunction("test-length", LengthFunction)).toThrow(/already registered/);
    expect(() => registerEmbeddingFunction("", LengthFunction)).toThrow(/name must be/);
    expect(() => registerEmbeddingFunction("test-x", class {} as never)).toThrow(/buildFromConfig/);
  });

  test("modify takes one that fits, and refuses one that does not", async () => {
    registerEmbeddingFunction("test-length", LengthFunction);
    const collection = await client.createCollection({ name: "abc", embeddingFunction: new LengthFunction(1) });
    await expect(collection.modify({ configuration: { embeddingFunction: new LengthFunction(2) } })).rejects.toMatchObject({
      code: "EMBEDDING_FUNCTION",
    });
    const next = new LengthFunction(1);
    await collection.modify({ configuration: { embeddingFunction: next } });
    expect(collection.embeddingFunction).toBe(next);
  });
});

test("a client of a published database refuses the options that concern writing", () => {
  const source = "https://example.org/notes/";
  expect(new TidepoolClient({ source, memoryBudgetBytes: 1 << 24 })).toBeInstanceOf(TidepoolClient);
  for (const odd of [{ durability: "relaxed" as const }, { retainVersions: 2 }, { remote: { url: source } }]) {
    expect(() => new TidepoolClient({ source, ...odd })).toThrow(/has no argument "(durability|retainVersions|source)"/);
  }
});
