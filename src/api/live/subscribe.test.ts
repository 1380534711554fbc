/** Subscriptions through two clients of one engine: what they tell, how often they ask, and how they end. */
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { Engine } from "../../core/engine.js";
import type { TidepoolError } from "../../core/errors.js";
import { referenceKernel } from "../../core/index/vector/reference-kernel.js";
import { limits } from "../../core/limits.js";
import type { EngineService } from "../../core/service.js";
import { openStorage } from "../../storage/open-storage.js";
import { Random } from "../../testing/environment.js";
import { TestWorker } from "../../testing/worker.js";
import { workerEnvironment } from "../../worker/environment.js";
import { Host } from "../../worker/host.js";
import { TidepoolClient, type TidepoolClientOptions } from "../client.js";
import type { Collection } from "../collection.js";
import { GetResult, type QueryResult } from "../results.js";
import { Knn } from "../search/rank.js";
import { Search } from "../search/search.js";
import type { LiveUpdate } from "./live-results.js";

/** Reads that were run for subscriptions, by method. */
let asked: string[];
let host: Host;
/** Of the database, which stays in memory while the test file runs. */
let path: string;
let paths = 0;
const clients: TidepoolClient[] = [];

beforeEach(() => {
  asked = [];
  path = `live-${++paths}`;
  host = new Host({
    locks: undefined,
    openStorage: (options, tenure) => openStorage(options, workerEnvironment, tenure),
    openEngine: async (storage, options, tell, onPoison) => {
      const engine = await Engine.open({ storage, kernel: referenceKernel, environment: workerEnvironment, options, tell, onPoison });
      return { service: counted(engine.service), close: () => engine.close() };
    },
    destroyStorage: async () => undefined,
    randomId: () => workerEnvironment.randomId(),
  });
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

function counted(service: EngineService): EngineService {
  return new Proxy(service, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as EngineService["watch"] | undefined;
      if (name !== "watch") return method?.bind(target);
      return (...args: Parameters<EngineService["watch"]>) => {
        asked.push(args[0].read.method);
        return method!.apply(target, args);
      };
    },
  });
}

function open(options: TidepoolClientOptions = {}): TidepoolClient {
  const client = new TidepoolClient({ path, storage: "memory", worker: TestWorker.factory(() => host), ...options });
  clients.push(client);
  return client;
}

interface Tide {
  year: number;
  tag?: string;
}

async function two(): Promise<[Collection<Tide>, Collection<Tide>, TidepoolClient]> {
  const [mine, theirs] = [open(), open()];
  const collection = await mine.createCollection<Tide>({ name: "tides" });
  await collection.add({
    ids: ["a", "b", "c"],
    documents: ["ebb tide", "spring tide", "moon"],
    metadatas: [{ year: 1 }, { year: 2 }, { year: 3 }],
  });
  return [collection, await theirs.getCollection<Tide>({ name: "tides" }), theirs];
}

/** What a listener hears, and what it has heard once there is one more. */
function listening<R>() {
  const updates: LiveUpdate<R>[] = [];
  let wake = (): void => undefined;
  const listener = (update: LiveUpdate<R>): void => {
    updates.push(update);
    wake();
  };
  const next = async (): Promise<LiveUpdate<R>> => {
    while (updates.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return updates.shift()!;
  };
  return { updates, listener, next };
}

describe("results", () => {
  test("are told with what was added, has changed and was removed, whichever client wrote", async () => {
    const [mine, theirs] = await two();
    const { listener, next } = listening<GetResult<Tide>>();
    const live = await mine.subscribe({ get: { where: { year: { $lt: 3 } } } }, listener);
    expect(live.initial).toBeInstanceOf(GetResult);
    expect(live.initial.ids).toEqual(["a", "b"]);
    await theirs.update({ ids: ["a"], metadatas: [{ tag: "low" }] });
    const { results, ...changed } = await next();
    expect(changed).toEqual({ added: [], changed: ["a"], removed: [] });
    expect(results.metadatas[0]).toEqual({ year: 1, tag: "low" });
    await mine.upsert({ ids: ["c"], metadatas: [{ year: 0 }], documents: ["moon"] });
    expect(await next()).toMatchObject({ added: ["c"], changed: [], removed: [] });
    await theirs.delete({ ids: ["b"] });
    expect(await next()).toMatchObject({ added: [], changed: [], removed: ["b"], results: { ids: ["a", "c"] } });
    live.unsubscribe();
  });

  test("come of each read as its method gives them, with texts embedded once", async () => {
    const generate = vi.fn(async (texts: string[]) => texts.map((text) => [text.length, 1]));
    const embeddingFunction = { name: "lengths", generate };
    const mine = open();
    const tides = await mine.createCollection({ name: "tides", embeddingFunction });
    await tides.add({ ids: ["a", "b"], documents: ["ebb", "spring tide"] });
    generate.mockClear();
    const ranked = () => new Search().rank(Knn({ query: "spring tide" })).limit(1);
    const { listener, next } = listening<unknown>();
    const query = await tides.subscribe({ query: { queryTexts: ["flood", "neap"], nResults: 1 } }, listener);
    const text = await tides.subscribe({ searchText: { query: "tide" } }, listener);
    const hybrid = await tides.subscribe({ hybrid: { queryText: "tide", nResults: 1 } }, listener);
    const search = await tides.subscribe({ search: ranked() }, listener);
    const count = await tides.subscribe({ count: {} }, listener);
    const embedded = generate.mock.calls.length;
    expect(query.initial).toEqual(await tides.query({ queryTexts: ["flood", "neap"], nResults: 1 }));
    expect(text.initial).toEqual(await tides.searchText({ query: "tide" }));
    expect(hybrid.initial).toEqual(await tides.hybrid({ queryText: "tide", nResults: 1 }));
    expect(search.initial).toEqual(await tides.search(ranked()));
    expect(count.initial).toBe(2);
    generate.mockClear();
    await tides.add({ ids: ["c"], documents: ["tide"] });
    const heard = [await next(), await next(), await next(), await next()];
    expect(heard.map(({ added }) => added)).toContainEqual([]);
    expect([embedded, generate.mock.calls.length]).toEqual([3, 1]);
  });

  test("are not asked for again where a write cannot touch them, however many there are", async () => {
    const [mine, theirs] = await two();
    const { listener, next, updates } = listening<unknown>();
    await mine.subscribe({ get: { ids: ["a"] } }, listener);
    await mine.subscribe({ count: { where: { year: 1 } } }, listener);
    await mine.subscribe({ query: { queryTexts: ["tide"], where: { year: 1 } } }, listener);
    const last = await mine.subscribe({ get: { ids: ["last"] } }, listener);
    asked = [];
    for (let i = 0; i < 50; i++) await (i % 2 ? mine : theirs).upsert({ ids: [`o${i}`], documents: ["tide"], metadatas: [{ year: 7 }] });
    await theirs.add({ ids: ["last"], documents: ["x"], metadatas: [{ year: 7 }] });
    expect(await next()).toMatchObject({ added: ["last"] });
    expect([asked, updates]).toEqual([["get"], []]);
    expect(await last.refresh()).toMatchObject({ ids: ["last"] });
    expect(asked).toEqual(["get", "get"]);
  });

  test("equal a fresh call, whatever two clients write", async () => {
    const [mine, theirs] = await two();
    const reads = {
      get: { get: { where: { year: { $lt: 3 } }, limit: 4 } },
      query: { query: { queryTexts: ["tide"], nResults: 2 } },
      text: { searchText: { query: "tide", nResults: 2 } },
      count: { count: { where: { tag: "x" } } },
    };
    const latest: Record<string, unknown> = {};
    const on = (kind: keyof typeof reads) => (update: { results: unknown }) => void (latest[kind] = update.results);
    latest.get = (await mine.subscribe(reads.get, on("get"))).initial;
    latest.query = (await mine.subscribe(reads.query, on("query"))).initial;
    latest.text = (await mine.subscribe(reads.text, on("text"))).initial;
    latest.count = (await mine.subscribe(reads.count, on("count"))).initial;
    const random = new Random(7);
    for (let round = 0; round < 8; round++) {
      const writes = Array.from({ length: 12 }, () => randomWrite(random.pick([mine, theirs]), random));
      await Promise.all(writes);
      const fresh = {
        get: await theirs.get(reads.get.get),
        query: await theirs.query(reads.query.query),
        text: await theirs.searchText(reads.text.searchText),
        count: await theirs.count(reads.count.count),
      };
      await vi.waitFor(() => expect(latest).toEqual(fresh), { timeout: 30_000 });
    }
  });
});

function randomWrite(collection: Collection<Tide>, random: Random): Promise<unknown> {
  const ids = [random.pick(["a", "b", "c", "d", "e", "f"])];
  if (random.chance(0.2)) return collection.delete({ ids });
  const documents = [random.pick(["ebb tide", "tide", "moon"])];
  const metadatas = [{ year: random.below(5), ...(random.chance(0.5) && { tag: random.pick(["x", "y"]) }) }];
  return random.chance(0.5) ? collection.upsert({ ids, documents, metadatas }) : collection.update({ ids, metadatas });
}

describe("the end", () => {
  test("of a subscription: nothing is told or asked any more", async () => {
    const [mine, theirs] = await two();
    const { listener, next } = listening<unknown>();
    const ended = vi.fn();
    const first = await mine.subscribe({ count: {} }, ended);
    const aborting = new AbortController();
    await mine.subscribe({ count: {}, signal: aborting.signal }, ended);
    await mine.subscribe({ count: {} }, listener);
    first.unsubscribe();
    first.unsubscribe();
    aborting.abort();
    asked = [];
    await theirs.delete({ ids: ["a"] });
    await next();
    expect([asked, ended.mock.calls]).toEqual([["count"], []]);
    await expect(first.refresh()).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("by a signal that has fired, or fires before there is a result", async () => {
    const [mine] = await two();
    const signal = AbortSignal.abort();
    await expect(mine.subscribe({ count: {}, signal }, () => undefined)).rejects.toMatchObject({ code: "ABORTED" });
    const aborting = new AbortController();
    const opening = mine.subscribe({ count: {}, signal: aborting.signal }, () => undefined);
    aborting.abort();
    await expect(opening).rejects.toMatchObject({ code: "ABORTED" });
  });

  test("of the collection is an error, which is the last; a renamed one goes on", async () => {
    const [mine, theirs, client] = await two();
    const { listener, next } = listening<number>();
    const failed = new Promise<[TidepoolError, object]>((resolve) => {
      void mine.subscribe({ count: {}, onError: (error, about) => resolve([error, about]) }, listener);
    });
    await mine.subscribe({ count: {}, onError: () => undefined }, () => undefined);
    await theirs.modify({ name: "currents" });
    await theirs.delete({ ids: ["a"] });
    expect(await next()).toMatchObject({ results: 2, removed: [] });
    await client.deleteCollection({ name: "currents" });
    const [error, about] = await failed;
    expect([error.code, about]).toEqual(["NOT_FOUND", { isFinal: true }]);
  });

  test("of the client, of the other nothing", async () => {
    const [mine, theirs] = await two();
    const { listener, next } = listening<number>();
    const silent = vi.fn();
    await mine.subscribe({ count: {}, onError: silent }, silent);
    await theirs.subscribe({ count: {} }, listener);
    await clients[0]!.close();
    asked = [];
    await theirs.delete({ ids: ["a"] });
    expect(await next()).toMatchObject({ results: 2 });
    expect([asked, silent.mock.calls]).toEqual([["count"], []]);
  });
});

describe("what goes wrong", () => {
  test("is a warning where nobody listens for it", async () => {
    const told = new Promise<string>((resolve) => {
      const client = open({ onWarning: ({ code, message }) => resolve(`${code}: ${message}`) });
      void client.createCollection({ name: "gone" }).then(async (gone) => {
        await gone.subscribe({ count: {} }, () => undefined);
        await client.deleteCollection({ name: "gone" });
      });
    });
    expect(await told).toMatch(
      /^SUBSCRIPTION: A subscription to count of collection "gone" failed and has ended: Collection .* does not exist/,
    );
  });

  test("in a listener is the page's own error, and ends nothing", async () => {
    const [mine] = await two();
    const uncaught = new Promise<unknown>((resolve) => {
      vi.stubGlobal("queueMicrotask", (callback: () => void) => {
        try {
          callback();
        } catch (error) {
          resolve(error);
        }
      });
    });
    const { listener, next } = listening<number>();
    await mine.subscribe({ count: {} }, (update) => {
      listener(update);
      if (update.results === 2) throw new Error("of the page");
    });
    await mine.delete({ ids: ["a"] });
    await next();
    expect(await uncaught).toMatchObject({ message: "of the page" });
    vi.unstubAllGlobals();
    await mine.delete({ ids: ["b"] });
    expect(await next()).toMatchObject({ results: 1 });
  });

  test.each([
    [{}, /subscribe takes one of get, query, searchText, hybrid, search, count, got none/],
    [{ get: {}, count: {} }, /got get, count/],
    [{ facets: {} }, /no argument "facets"/],
    [{ get: { limitt: 1 } }, /no argument "limitt"/],
    [{ get: { timeoutMs: 5 } }, /no signal and no timeoutMs/],
    [{ count: {}, onError: 1 }, /onError must be a function/],
    [{ count: {}, signal: 1 }, /signal must be an AbortSignal/],
    [{ query: {} }, /At least one of 'queryEmbeddings' and 'queryTexts'/],
    [null, /argument of subscribe/],
  ])("%j is refused", async (what, message) => {
    const [mine] = await two();
    await expect(mine.subscribe(what as never, () => undefined)).rejects.toThrow(message);
    expect(asked).toEqual([]);
  });

  test("no listener, an earlier version, and too many are refused", async () => {
    const [mine, , client] = await two();
    await expect(mine.subscribe({ count: {} }, undefined as never)).rejects.toThrow(/listener must be a function/);
    await expect((mine.at({ version: 1 }) as unknown as Collection).subscribe({ count: {} }, () => undefined)).rejects.toThrow(/version 1/);
    await expect(client.subscribe({ collections: { limitt: 1 } } as never, () => undefined)).rejects.toThrow(/limitt/);
    const opening = Array.from({ length: limits.subscriptionsMax }, () => mine.subscribe({ count: {} }, () => undefined));
    await Promise.all(opening);
    await expect(mine.subscribe({ count: {} }, () => undefined)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  });
});

test("the list of collections is told when one is made, changed and deleted, in this database", async () => {
  const [mine, , client] = await two();
  const { listener, next, updates } = listening<Collection[]>();
  const { initial } = await open({ client }).subscribe({ collections: {} }, listener);
  expect(initial.map(({ name }) => name)).toEqual(["tides"]);
  const made = await client.createCollection({ name: "pools" });
  expect(await next()).toMatchObject({ added: [made.id], changed: [], removed: [] });
  await mine.modify({ name: "ebbs" });
  const { results, ...renamed } = await next();
  expect(renamed).toEqual({ added: [], changed: [mine.id], removed: [] });
  expect(results.map(({ name }) => name)).toEqual(["ebbs", "pools"]);
  await mine.delete({ ids: ["a"] });
  await client.deleteCollection({ name: "pools" });
  expect(await next()).toMatchObject({ added: [], changed: [], removed: [made.id] });
  expect(updates).toEqual([]);
});

test("types follow the read", async () => {
  const [mine] = await two();
  const { initial } = await mine.subscribe({ query: { queryTexts: ["x"], where: { year: 1 } } }, ({ results }) => {
    expectTypeOf(results).toEqualTypeOf<QueryResult<Tide>>();
  });
  expectTypeOf(initial).toEqualTypeOf<QueryResult<Tide>>();
  const { initial: count } = await mine.subscribe({ count: {} }, ({ results }) => expectTypeOf(results).toEqualTypeOf<number>());
  expectTypeOf(count).toEqualTypeOf<number>();
  // @ts-expect-error: no key of the metadata
  await mine.subscribe({ get: { where: { yaer: 1 } } }, () => undefined);
});
