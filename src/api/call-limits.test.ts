/** What ends a call before it is done: signals, limits of time, and closing by force. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Caller } from "../core/gateway/caller.js";
import { limits } from "../core/limits.js";
import { TestEngine } from "../testing/engine.js";
import { TestWorker } from "../testing/worker.js";
import { TidepoolClient } from "./client.js";
import type { Collection } from "./collection.js";

let engine: TestEngine;
let workers: TestWorker[];
let client: TidepoolClient;
let collection: Collection;

beforeEach(async () => {
  engine = new TestEngine();
  workers = [];
  client = new TidepoolClient({ storage: "memory", worker: TestWorker.factory(() => engine.host(), workers) });
  collection = await client.createCollection({ name: "abc" });
});
afterEach(() => {
  vi.useRealTimers();
  for (const worker of workers) if (!worker.terminated) worker.terminate();
});

/** Keeps a method from answering; resolves with its caller once it is asked. */
function silence(method: string): Promise<Caller> {
  return new Promise((asked) => {
    engine.overrides.set(method, (_, caller) => {
      asked(caller!);
      return new Promise(() => {});
    });
  });
}

const READS: [string, (within: { signal?: AbortSignal; timeoutMs?: number }) => Promise<unknown>, method?: string][] = [
  ["get", (within) => collection.get(within)],
  ["peek", (within) => collection.peek(within), "get"],
  ["query", (within) => collection.query({ queryTexts: ["tide"], ...within })],
  ["searchText", (within) => collection.searchText({ query: "tide", ...within })],
  ["hybrid", (within) => collection.hybrid({ queryText: "tide", ...within })],
  ["search", (within) => collection.search({}, within)],
  ["count", (within) => collection.count(within)],
  ["autoSuggest", (within) => collection.autoSuggest({ queryText: "ti", ...within })],
  ["facets", (within) => collection.facets({ keys: ["year"], ...within })],
  ["distinct", (within) => collection.distinct({ key: "year", ...within })],
  ["checkRecall", (within) => collection.checkRecall(within)],
  ["delete", (within) => collection.delete({ ids: ["a"], ...within })],
];

describe.each(READS)("%s", (name, call, method = name) => {
  test("rejects at once when its signal fires, and the engine is told", async () => {
    const asked = silence(method);
    const controller = new AbortController();
    const answer = call({ signal: controller.signal });
    const caller = await asked;
    expect(caller.isCancelled!()).toBe(false);
    controller.abort("enough");
    await expect(answer).rejects.toMatchObject({ code: "ABORTED", cause: "enough" });
    await client.heartbeat();
    expect(caller.isCancelled!()).toBe(true);
  });

  test("rejects when its time is over", async () => {
    const asked = silence(method);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const answer = call({ timeoutMs: 500 });
    const caller = await asked;
    vi.advanceTimersByTime(499);
    expect(caller.isCancelled!()).toBe(false);
    vi.advanceTimersByTime(1);
    await expect(answer).rejects.toMatchObject({ code: "TIMEOUT", message: expect.stringContaining("500"), details: { timeoutMs: 500 } });
    await client.heartbeat();
    expect(caller.isCancelled!()).toBe(true);
  });

  test("is not asked at all when its signal has fired before", async () => {
    await expect(call({ signal: AbortSignal.abort(), timeoutMs: 1000 })).rejects.toMatchObject({ code: "ABORTED" });
  });

  test.each([0, -1, Number.NaN, Infinity, "1"])("takes no timeoutMs of %s", async (timeoutMs) => {
    await expect(call({ timeoutMs: timeoutMs as number })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("writes", () => {
  let asked: () => void = () => undefined;
  const silent = {
    name: "silent",
    generate: () => {
      asked();
      return new Promise<never>(() => {});
    },
  };

  test("one whose embedding function never answers lets others pass when its time is over", async () => {
    const slow = await client.createCollection({ name: "slow", embeddingFunction: silent });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const stuck = slow.add({ ids: ["a"], documents: ["d"], timeoutMs: 1000 });
    const behind = slow.add({ ids: ["b"], embeddings: [[1]] });
    vi.advanceTimersByTime(1000);
    await expect(stuck).rejects.toMatchObject({ code: "TIMEOUT", details: { acknowledged: 0 } });
    await behind;
    expect(engine.writes.map(({ records }) => records.ids)).toEqual([["b"]]);
  });

  test("one without a limit does so after embeddingWaitMs", async () => {
    const slow = await client.createCollection({ name: "slow", embeddingFunction: silent });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const generating = new Promise<void>((resolve) => (asked = resolve));
    const stuck = slow.add({ ids: ["a"], documents: ["d"] });
    const behind = slow.delete({ ids: ["b"] });
    engine.overrides.set("delete", () => ({ deleted: 1 }));
    await generating;
    vi.advanceTimersByTime(limits.embeddingWaitMs);
    await expect(stuck).rejects.toMatchObject({ code: "EMBEDDING_FUNCTION", message: expect.stringContaining("embeddingWaitMs") });
    expect(await behind).toEqual({ deleted: 1 });
  });

  test("one that waits behind another may give up", async () => {
    const slow = await client.createCollection({ name: "slow", embeddingFunction: silent });
    const controller = new AbortController();
    const stuck = slow.add({ ids: ["a"], documents: ["d"], signal: controller.signal });
    await expect(slow.delete({ ids: ["b"], timeoutMs: 1 })).rejects.toMatchObject({ code: "TIMEOUT" });
    controller.abort();
    await expect(stuck).rejects.toMatchObject({ code: "ABORTED" });
    expect(engine.requests.map(([method]) => method)).not.toContain("delete");
  });
});

describe("close({ force: true })", () => {
  test("ends the worker whatever it does, and calls under way reject", async () => {
    void silence("close");
    const asked = silence("get");
    const answer = collection.get();
    await asked;
    const closing = client.close();
    await client.close({ force: true });
    await expect(answer).rejects.toMatchObject({ code: "CLOSED" });
    expect(workers.every(({ terminated }) => terminated)).toBe(true);
    await expect(client.heartbeat()).rejects.toMatchObject({ code: "CLOSED" });
    await closing.catch(() => undefined);
  });

  test("does so while the database is being opened", async () => {
    const opening = new TidepoolClient({
      storage: "memory",
      worker: TestWorker.factory(() => engine.host({ openStorage: () => new Promise(() => {}) }), workers),
    });
    const call = opening.heartbeat();
    await vi.waitFor(() => expect(workers).toHaveLength(2));
    await opening.close({ force: true });
    await expect(call).rejects.toMatchObject({ code: "CLOSED" });
    expect(workers[1]!.terminated).toBe(true);
  });

  test("leaves the worker to other clients of the connection's owner", async () => {
    await client.close({ force: true });
    await client.close();
    await client.close({ force: true });
    expect(workers).toHaveLength(1);
  });
});
