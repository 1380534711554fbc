/** Requests, retries and errors of a remote client, against a server that is a function. */
import { describe, expect, test } from "vitest";
import { TidepoolError } from "../../core/errors.js";
import type { Scope } from "../../core/service.js";
import type { RecordBatch } from "../../core/types.js";
import { rejectionOf } from "../../testing/failure-of.js";
import { TidepoolClient } from "../client.js";
import { readRetryAfter } from "./chroma-server.js";
import { RemoteLink } from "./remote-link.js";
import type { RemoteOptions } from "./remote-options.js";
import { base64Of, sliceBatch } from "./remote-records.js";

interface Seen {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: unknown;
}

type Answer = Response | Error | ((seen: Seen) => Response | Promise<Response>);

const json = (value: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(value), { status, headers });
const refusal = (status: number, error: string, message: string, headers = {}): Response => json({ error, message }, status, headers);

/** A server that gives these answers, one after the other, and the last of them for ever. */
function serverOf(...answers: Answer[]) {
  const seen: Seen[] = [];
  const waits: number[] = [];
  const fetch: NonNullable<RemoteOptions["fetch"]> = async (url, { method, headers, body }) => {
    const text = body instanceof Blob ? await body.text() : (body as string | undefined);
    const asked = {
      method: method!,
      path: url.replace("http://chroma.test", ""),
      headers: headers as Record<string, string>,
      body: text === undefined ? undefined : JSON.parse(text),
    };
    const answer = answers[Math.min(seen.push(asked) - 1, answers.length - 1)]!;
    if (answer instanceof Error) throw answer;
    return typeof answer === "function" ? answer(asked) : answer.clone();
  };
  const homes = new Map<string, Scope>();
  let request = 0;
  const call = (method: string, given?: unknown, options: Partial<RemoteOptions> = {}): Promise<unknown> => {
    const around = { wait: async (ms: number) => void waits.push(ms), random: () => 1 };
    const link = new RemoteLink({ url: "http://chroma.test/", fetch, ...options }, homes, around);
    return link.call((engine) => engine.call(method as "heartbeat", given, { token: null, clientId: "", requestId: `${++request}` }));
  };
  return { call, fetch, seen, waits };
}

const heartbeat = json({ "nanosecond heartbeat": 5 });
const scope = { tenant: "t t", database: "d" };
const wire = { id: "i", name: "n", ...scope, metadata: null, dimension: null, configuration_json: { hnsw: { space: "ip" } }, schema: null };

describe("retries", () => {
  test("what may be made twice is made again, later each time, and what does not pass is told", async () => {
    const { call, seen, waits } = serverOf(new TypeError("refused"), new Response("", { status: 503 }), refusal(502, "x", ""), heartbeat);
    expect(await call("heartbeat")).toBe(5);
    expect(waits).toEqual([250, 500, 1000]);
    expect(seen).toHaveLength(4);
    const gone = serverOf(new TypeError("refused"));
    expect(await rejectionOf(gone.call("heartbeat"))).toMatchObject({ code: "CONNECTION_LOST", details: { url: "http://chroma.test" } });
    expect(gone.seen).toHaveLength(5);
    const failing = serverOf(new Response("no", { status: 503 }));
    expect(await rejectionOf(failing.call("heartbeat"))).toMatchObject({ code: "SERVER_ERROR", details: { status: 503 } });
  });

  test("Retry-After is honoured, and one that asks for too long is the answer", async () => {
    const { call, waits } = serverOf(refusal(429, "Backoff", "slow down", { "retry-after": "7" }), heartbeat);
    expect(await call("heartbeat")).toBe(5);
    expect(waits).toEqual([7000]);
    const long = serverOf(refusal(429, "ChromaError", "slow down", { "retry-after": "3600" }));
    expect(await rejectionOf(long.call("heartbeat"))).toMatchObject({ code: "RATE_LIMITED", details: { retryAfterMs: 3_600_000 } });
    expect(long.seen).toHaveLength(1);
    expect(readRetryAfter("Thu, 01 Jan 1970 00:00:10 GMT", 4000)).toBe(6000);
    expect(readRetryAfter("soon", 0)).toBeUndefined();
  });

  test("what may not be made twice is made once, unless it was refused for the number of requests", async () => {
    const create = { ...scope, name: "n", metadata: null, configuration: {}, getOrCreate: false };
    const lost = serverOf(new TypeError("reset"));
    expect(await rejectionOf(lost.call("createCollection", create))).toMatchObject({ code: "CONNECTION_LOST" });
    expect(lost.seen).toHaveLength(1);
    const limited = serverOf(refusal(429, "Backoff", ""), json(wire));
    expect(await limited.call("createCollection", create)).toMatchObject({ id: "i", configuration: { hnsw: { space: "ip" } } });
    const again = serverOf(new TypeError("reset"), json(wire));
    expect(await again.call("createCollection", { ...create, getOrCreate: true })).toMatchObject({ id: "i" });
    expect(again.seen[0]?.path).toBe("/api/v2/tenants/t%20t/databases/d/collections");
  });
});

describe("errors", () => {
  test.each([
    [refusal(400, "InvalidArgumentError", "bad"), "INVALID_ARGUMENT"],
    [refusal(400, "InvalidArgumentError", "Collection expecting embedding with dimension of 2, got 3"), "DIMENSION_MISMATCH"],
    [refusal(401, "AuthError", "who"), "UNAUTHENTICATED"],
    [refusal(403, "AuthError", "no"), "FORBIDDEN"],
    [refusal(404, "NotFoundError", "none"), "NOT_FOUND"],
    [new Response("", { status: 404 }), "NOT_SUPPORTED"],
    [refusal(409, "ChromaError", "taken"), "ALREADY_EXISTS"],
    [refusal(409, "ConditionalWriteConflictError", "conditional write conflict"), "CONFLICT"],
    [refusal(412, "StaleReadError", "stale"), "STALE_READ"],
    [new Response("Payload too large", { status: 413 }), "LIMIT_EXCEEDED"],
    [refusal(422, "ChromaError", "Quota exceeded: 'Number of records'"), "QUOTA_EXCEEDED"],
    [refusal(422, "InvalidArgumentError", "wrong"), "INVALID_ARGUMENT"],
    [refusal(500, "InternalError", "oh"), "SERVER_ERROR"],
    [refusal(500, "InternalError", "UNIQUE constraint failed: collections.name"), "ALREADY_EXISTS"],
    [refusal(501, "ChromaError", "unsupported"), "NOT_SUPPORTED"],
    [new Response("<html>", { status: 200 }), "SERVER_ERROR"],
  ])("%#: %o is %s", async (answer, code) => {
    const { call, seen } = serverOf(answer);
    const error = await rejectionOf(call("countCollections", scope));
    expect(error).toBeInstanceOf(TidepoolError);
    expect(error).toMatchObject({ code });
    if (code === "NOT_SUPPORTED") expect(error).toMatchObject({ details: { call: "countCollections" } });
    expect(seen).toHaveLength(1);
  });

  test("what no server has names the call and asks nothing", async () => {
    const { call, seen } = serverOf(heartbeat);
    expect(await rejectionOf(call("beginBackup", { versions: false }))).toMatchObject({
      code: "NOT_SUPPORTED",
      details: { call: "backup" },
    });
    expect(seen).toEqual([]);
  });
});

describe("options", () => {
  test("headers and keys are sent, also those that are asked for each time", async () => {
    let keys = 0;
    const { call, seen } = serverOf(heartbeat);
    await call("heartbeat", undefined, { headers: { authorization: "Basic x" }, apiKey: () => `key-${++keys}` });
    await call("heartbeat", undefined, { headers: async () => ({ "x-own": "1" }), apiKey: "fixed" });
    expect(seen.map(({ headers }) => headers)).toEqual([
      { authorization: "Basic x", "x-chroma-token": "key-1" },
      { "x-own": "1", "x-chroma-token": "fixed" },
    ]);
  });

  test("a key says whose it is, where nobody else does", async () => {
    const identity = json({ user_id: "u", tenant: "team", databases: ["one"] });
    const { call, seen } = serverOf(identity, json(3));
    const given = { tenant: "default_tenant", database: "default_database" };
    expect(await call("countCollections", given, { apiKey: "k" })).toBe(3);
    expect(seen[1]?.path).toBe("/api/v2/tenants/team/databases/one/collections_count");
    const several = serverOf(json({ user_id: "u", tenant: "team", databases: ["one", "two"] }));
    expect(await rejectionOf(several.call("countCollections", given, { apiKey: "k" }))).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test.each([
    [{ url: "ftp://x" }, "remote.url"],
    [{ url: "http://me@x" }, "remote.url"],
    [{ url: undefined }, "remote.url"],
    [{ headers: { a: 1 } as never }, "remote.headers"],
    [{ apiKey: 5 as never }, "remote.apiKey"],
    [{ fetch: 5 as never }, "remote.fetch"],
  ])("%o is refused", async (options, name) => {
    const client = new TidepoolClient({ remote: { url: "http://chroma.test", ...options } });
    expect(await rejectionOf(client.heartbeat())).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(name) });
  });

  test("an option of databases in browsers is refused beside it, and so is one that there is not", () => {
    expect(() => new TidepoolClient({ remote: { url: "http://x" }, path: "notes" })).toThrow(/no argument "path"/);
    expect(() => new TidepoolClient({ remote: { url: "http://x", tenant: 5 as never } })).toThrow(/tenant must be/);
    expect(() => new TidepoolClient({ remote: { uri: "http://x" } as never })).toThrow(/no argument "uri"/);
  });
});

describe("requests", () => {
  const checks = (body: object): Answer => json({ max_batch_size: 2, supports_base64_encoding: false, ...body });
  const records: RecordBatch = {
    ids: ["a", "b", "c"],
    embeddings: { dimension: 2, values: Float32Array.of(1, 2, 5, 6), present: Uint8Array.of(1, 0, 1) },
    documents: null,
    metadatas: [{ v: { indices: [1], values: [0.1] } }, { gone: null }, null],
    uris: null,
  };
  const write = { collectionId: "i", operation: "update", records };

  test("a batch is cut to what the server takes, with vectors as it takes them", async () => {
    const { call, seen } = serverOf(checks({}), json({}));
    await call("write", write);
    expect(seen.slice(1).map(({ body }) => body)).toEqual([
      {
        ids: ["a", "b"],
        embeddings: [[1, 2], null],
        metadatas: [{ v: { "#type": "sparse_vector", indices: [1], values: [0.1] } }, { gone: null }],
      },
      { ids: ["c"], embeddings: [[5, 6]], metadatas: [null] },
    ]);
    const encoded = serverOf(checks({ max_batch_size: 5, supports_base64_encoding: true }), json({}));
    await encoded.call("write", write);
    expect(encoded.seen[1]?.body).toMatchObject({ embeddings: [base64Of(Float32Array.of(1, 2)), null, base64Of(Float32Array.of(5, 6))] });
    expect(base64Of(Float32Array.of(1, -2))).toBe("AACAPwAAAMA=");
    expect(sliceBatch({ ...records, ids: ["a", "b", "c"] }, 1, 2).embeddings).toBeNull();
  });

  test("writes of a collection wait for each other, whatever the network does", async () => {
    const order: string[] = [];
    let open!: () => void;
    const held = new Promise<void>((resolve) => (open = resolve));
    const slow: Answer = async ({ path }) => {
      if (path.endsWith("/pre-flight-checks")) return json({ max_batch_size: 9, supports_base64_encoding: true });
      order.push(path.slice(path.lastIndexOf("/")));
      if (path.endsWith("/add")) await held;
      return json({ deleted: 0 });
    };
    const { fetch } = serverOf(slow);
    const client = new TidepoolClient({ remote: { url: "http://chroma.test", fetch } });
    const collection = client.collection("i");
    const adding = collection.add({ ids: ["a"], embeddings: [[1]] });
    const deleting = collection.delete({ ids: ["a"] });
    while (order.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(["/add"]);
    open();
    await Promise.all([adding, deleting]);
    expect(order).toEqual(["/add", "/delete"]);
    await client.close();
    expect(await rejectionOf(collection.count())).toMatchObject({ code: "CLOSED" });
  });

  test("a signal ends the request itself, and so does a forced end", async () => {
    const signals: AbortSignal[] = [];
    const fetch: NonNullable<RemoteOptions["fetch"]> = (_, { signal }) => {
      signals.push(signal!);
      return new Promise((_resolve, reject) => signal!.addEventListener("abort", () => reject(new DOMException("", "AbortError"))));
    };
    const client = new TidepoolClient({ remote: { url: "http://chroma.test", fetch } });
    const aborting = new AbortController();
    const aborted = rejectionOf(client.heartbeat({ signal: aborting.signal }));
    const forced = rejectionOf(client.countCollections());
    while (signals.length < 2) await new Promise((resolve) => setImmediate(resolve));
    aborting.abort();
    expect(await aborted).toMatchObject({ code: "ABORTED" });
    expect(signals.map((signal) => signal.aborted)).toEqual([true, false]);
    await client.close({ force: true });
    expect(await forced).toMatchObject({ code: "CLOSED" });
    expect(signals[1]?.aborted).toBe(true);
  });

  test("an export whose records are deleted meanwhile says so", async () => {
    const { call } = serverOf(json(wire), json({ ids: ["a", "b"] }), json({ ids: ["b"], documents: ["x"] }));
    const serving = serverOf(({ path }) => {
      if (path.includes("by-id")) return json(wire);
      return serving.seen.filter(({ path: one }) => one.endsWith("/get")).length === 1 ? json({ ids: ["a", "b"] }) : json({ ids: ["b"] });
    });
    const client = new TidepoolClient({ remote: { url: "http://chroma.test", fetch: serving.fetch } });
    const text = new Response(client.collection("i").export({ format: "jsonl" })).text();
    expect(await rejectionOf(text)).toMatchObject({ code: "STALE_READ" });
    expect(await call("getCollection", { ...scope, name: "n" })).toMatchObject({ name: "n" });
  });
});
