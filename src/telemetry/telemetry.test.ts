import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { afterEach, describe, expect, test } from "vitest";
import type { TidepoolClient } from "../api/client.js";
import { openTestClient } from "../testing/client.js";
import { markCalls } from "./mark-calls.js";
import { traceCalls } from "./trace-calls.js";

let client: TidepoolClient;
afterEach(() => client.close());

async function work(on: TidepoolClient): Promise<void> {
  const notes = await on.createCollection({ name: "notes", embeddingFunction: null });
  await notes.add({ ids: ["a", "b"], embeddings: [[1], [2]], metadatas: [{ year: 1 }, { year: 2 }] });
  await notes.query({ queryEmbeddings: [[1]], nResults: 1, where: { $and: [{ year: { $in: [1, 2] } }, { year: 1 }] } });
  await on.getCollection({ name: "nothing" }).catch(() => null);
}

describe("spans", () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracer = provider.getTracer("test");
  afterEach(() => exporter.reset());
  const spans = () => exporter.getFinishedSpans();

  test("are named and attributed by the conventions", async () => {
    client = openTestClient();
    traceCalls(client, { tracer });
    await work(client);
    expect(spans().map(({ name }) => name)).toEqual(["createCollection notes", "add notes", "query notes", "getCollection nothing"]);
    expect(new Set(spans().map(({ kind }) => kind))).toEqual(new Set([SpanKind.CLIENT]));
    const [created, added, queried, failed] = spans();
    expect(created!.attributes).toMatchObject({ "db.system.name": "tidepool", "db.namespace": "default_tenant/default_database" });
    expect(added!.attributes).toEqual({
      "db.system.name": "tidepool",
      "db.collection.name": "notes",
      "db.operation.name": "add",
      "db.operation.batch.size": 2,
      "db.query.summary": "add notes",
    });
    expect(queried!.attributes["db.operation.batch.size"]).toBeUndefined();
    expect(queried!.attributes["db.query.text"]).toBe('{"where":{"$and":[{"year":{"$in":"?"}},{"year":"?"}]}}');
    expect(failed!.status).toEqual({ code: SpanStatusCode.ERROR, message: "NOT_FOUND" });
    expect(failed!.attributes).toMatchObject({ "error.type": "NOT_FOUND", "db.response.status_code": "NOT_FOUND" });
  });

  test("end with what was returned, and name a collection by its id where the name is not known", async () => {
    client = openTestClient();
    const { id } = await client.createCollection({ name: "notes", embeddingFunction: null });
    const stop = traceCalls(client, { tracer });
    await client.collection(id).count();
    stop();
    await client.collection(id).count();
    expect(spans().map(({ name }) => name)).toEqual([`count ${id}`]);
  });

  test("a filter that nests too deeply is refused by the engine alone", async () => {
    client = openTestClient();
    const notes = await client.createCollection({ name: "notes", embeddingFunction: null });
    traceCalls(client, { tracer });
    let where: object = { year: 1 };
    for (let depth = 0; depth < 20_000; depth++) where = { $and: [where, { year: 1 }] };
    await expect(notes.get({ where: where as never })).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    await expect(notes.count()).resolves.toBe(0);
  });

  test.each([undefined, null, {}, { tracer: 5 }, { tracer, level: "all" }])("are not made by %o", (options) => {
    client = openTestClient();
    expect(() => traceCalls(client, options as never)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
});

describe("marks", () => {
  test("are told to observers, and not kept", async () => {
    client = openTestClient();
    const heard: PerformanceEntry[] = [];
    const observer = new PerformanceObserver((list) => void heard.push(...list.getEntries()));
    observer.observe({ entryTypes: ["measure"] });
    const stop = markCalls(client);
    await work(client);
    stop();
    await client.countCollections();
    heard.push(...observer.takeRecords());
    observer.disconnect();
    const names = ["createCollection notes", "add notes", "query notes", "getCollection nothing"];
    expect(heard.map(({ name }) => name)).toEqual(names.map((name) => `tidepool: ${name}`));
    const [, added, , failed] = (heard as PerformanceMeasure[]).map(({ detail }) => (detail as { devtools: object }).devtools);
    expect(added).toEqual({ dataType: "track-entry", track: "Tidepool", color: "primary", properties: [["records", "2"]] });
    expect(failed).toMatchObject({ color: "error", properties: [["error", "NOT_FOUND"]] });
    expect(performance.getEntriesByType("measure")).toEqual([]);
  });

  test.each([undefined, {}, 5])("are not made of %o", (other) => {
    client = openTestClient();
    expect(() => markCalls(other as never)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
});

test("client.metrics() counts the engine's calls", async () => {
  client = openTestClient();
  await work(client);
  const { methods, since } = await client.metrics();
  expect(since).toBeLessThanOrEqual(Date.now());
  expect(methods["write"]).toMatchObject({ calls: 1, errors: {} });
  expect(methods["getCollection"]).toMatchObject({ calls: 1, errors: { NOT_FOUND: 1 } });
  expect(methods["query"]!.ms.max).toBeGreaterThan(0);
});
