/** Sessions over a port to a worker that others use: the way by which another page will reach an engine. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { limits } from "../core/limits.js";
import type { GetRequest, OpenOptions } from "../core/service.js";
import type { RecordColumns } from "../core/types.js";
import { memoryHost } from "../testing/client.js";
import { TestEngine } from "../testing/engine.js";
import { TestLocks } from "../testing/locks.js";
import { TestWorker } from "../testing/worker.js";
import type { Host } from "../worker/host.js";
import { TidepoolClient } from "./client.js";
import { Connection } from "./connection.js";

const options: OpenOptions = { path: "p", storage: "memory", durability: "strict", allowReset: false };
const ports: MessagePort[] = [];

afterEach(() => {
  for (const port of ports.splice(0)) port.close();
  vi.unstubAllGlobals();
});

/** A port to the host. */
function portTo(host: Host): MessagePort {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  host.connect(port2);
  return port1;
}

describe("two clients on one engine, one over its worker and one over a port", () => {
  let owner: TidepoolClient;
  let guest: TidepoolClient;
  let databases = 0;

  beforeEach(() => {
    const host = memoryHost();
    const shared = { path: `shared-${++databases}`, storage: "memory" } as const;
    owner = new TidepoolClient({ ...shared, worker: TestWorker.factory(() => host) });
    guest = new TidepoolClient({ ...shared, worker: () => portTo(host) as unknown as Worker });
  });
  afterEach(async () => {
    await owner.close();
    await guest.close();
  });

  test("each sees what the other wrote, and one goes on when the other has closed", async () => {
    const mine = await owner.createCollection({ name: "tides", embeddingFunction: null });
    const theirs = await guest.getCollection({ name: "tides" });
    await theirs.add({ ids: ["ebb"], embeddings: [[1, 0]] });
    await mine.add({ ids: ["flood"], embeddings: [[0, 1]] });
    expect((await mine.get()).ids).toEqual(["ebb", "flood"]);
    expect((await theirs.query({ queryEmbeddings: [[0, 1]], nResults: 1 })).ids).toEqual([["flood"]]);

    await guest.close();
    await expect(theirs.count()).rejects.toMatchObject({ code: "CLOSED" });
    await mine.delete({ ids: ["ebb"] });
    expect(await mine.count()).toBe(1);
  });

  test("one that asks for other options is told so, and may be closed", async () => {
    await owner.heartbeat();
    const host = memoryHost();
    const first = new Connection(options, () => portTo(host));
    const second = new Connection({ ...options, allowReset: true }, () => portTo(host));
    expect(await first.call("countCollections", { tenant: "default_tenant", database: "default_database" })).toBe(0);
    await expect(second.call("heartbeat")).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/another allowReset, false and not true/),
    });
    await second.close();
    expect(await first.call("heartbeat")).toBeGreaterThan(0);
    await first.close();
  });
});

describe("a port", () => {
  let engine: TestEngine;
  let locks: TestLocks;
  let host: Host;

  beforeEach(() => {
    engine = new TestEngine();
    locks = new TestLocks();
    vi.stubGlobal("navigator", { locks });
    host = engine.host({ locks });
  });

  const connect = (): Connection => new Connection(options, () => portTo(host));
  const closings = (): number => engine.requests.filter(([method]) => method === "close").length;

  test("brings warnings to each session", async () => {
    const heard: unknown[][] = [[], []];
    const connections = heard.map(connect);
    for (const [i, mine] of heard.entries()) connections[i]!.on("warning", (warning) => mine.push(warning));
    for (const connection of connections) await connection.call("heartbeat");
    const warning = { code: "GRAPH_FAILED", message: "m" } as const;
    engine.tell("warning", warning);
    for (const connection of connections) await connection.call("heartbeat");
    expect(heard).toEqual([[warning], [warning]]);
  });

  test("to a worker that dies silently rejects the calls of every session", async () => {
    const connections = [connect(), connect()];
    engine.overrides.set("count", () => new Promise(() => {}));
    const outcomes = connections.map((connection) => connection.call("count", { collectionId: "c" }));
    for (const connection of connections) await connection.call("heartbeat");
    locks.die("tidepool-worker:1");
    for (const outcome of outcomes) await expect(outcome).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });

  test("that is let go tells the host, so that the last one closes the database", async () => {
    const listeners: ((event: { persisted: boolean }) => void)[] = [];
    vi.stubGlobal("addEventListener", (type: string, listener: (event: { persisted: boolean }) => void) => {
      if (type === "pagehide") listeners.push(listener);
    });
    vi.stubGlobal("removeEventListener", () => undefined);
    const connections = [connect(), connect()];
    for (const connection of connections) await connection.call("heartbeat");
    const closed = new Promise<void>((resolve) => engine.overrides.set("close", () => resolve()));
    listeners[0]!({ persisted: true });
    await connections[1]!.call("heartbeat");
    expect(closings()).toBe(0);
    listeners[1]!({ persisted: true });
    await closed;
    expect(closings()).toBe(1);
    expect(await connections[0]!.call("heartbeat")).toBe(1);
  });
});

describe("an answer that comes in parts", () => {
  const ids = Array.from({ length: 100 }, (_, i) => `${i} ${"x".repeat(limits.answerPartBytes / 16)}`);
  const answer: RecordColumns = { ids, documents: null, metadatas: null, uris: null, embeddings: null };
  const request: GetRequest = { collectionId: "c", include: [] };
  let engine: TestEngine;
  let port: MessagePort;
  let connection: Connection;

  beforeEach(() => {
    engine = new TestEngine();
    engine.overrides.set("get", () => answer);
    port = portTo(engine.host());
    connection = new Connection(options, () => port);
  });

  /** What the page asks the session for, by name, and what happens before it is asked. */
  function spyOnMore(before: () => unknown = () => undefined): number[] {
    const asked: number[] = [];
    const post = port.postMessage.bind(port) as (message: { path?: string[] }) => void;
    port.postMessage = (message: { path?: string[] }) => {
      if (message.path?.[0] === "more") asked.push(asked.length);
      if (message.path?.[0] === "more" && asked.length === 2) before();
      post(message);
    };
    return asked;
  }

  test("is pulled part by part", async () => {
    const asked = spyOnMore();
    expect(await connection.call("get", request)).toEqual(answer);
    expect(asked.length).toBeGreaterThan(4);
    await connection.close();
  });

  test("is all there although the client is closed meanwhile", async () => {
    let closing: Promise<void> | undefined;
    spyOnMore(() => (closing = connection.close()));
    expect(await connection.call("get", request)).toEqual(answer);
    await closing;
  });

  test("is dropped once its caller has aborted, and others go on", async () => {
    const controller = new AbortController();
    const asked = spyOnMore(() => controller.abort());
    await expect(connection.call("get", request, { signal: controller.signal })).rejects.toMatchObject({ code: "ABORTED" });
    expect(await connection.call("heartbeat")).toBe(1);
    expect(asked).toHaveLength(2);
    expect(await connection.call("get", request)).toEqual(answer);
    await connection.close();
  });
});

describe("a call settles, whatever it is given", () => {
  const revoked = (): object => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  };
  const throwing = (): object => Object.defineProperty({}, "x", { enumerable: true, get: () => thrown() });
  const thrown = (): never => {
    throw Object.create(null);
  };
  const deep = (): object => {
    let value: object = {};
    for (let i = 0; i < 100_000; i++) value = { x: value };
    return value;
  };

  test.each([
    ["a revoked proxy", revoked, /^where\.a is a value of type object that cannot be read, which cannot be sent/],
    ["a getter that throws", throwing, /^where\.a is a value of type object that cannot be read, which cannot be sent/],
    ["a proxy", () => new Proxy({}, {}), /^where\.a is \{\}, which cannot be sent/],
    ["an object that nests deep", deep, /^where\.a(\.x)+ is \{"x":\{.*\.\.\., which cannot be sent/],
    ["an error that cannot be shown", () => Object.create(null, { x: { enumerable: true, get: revoked } }) as object, /^where\.a/],
  ])("%s", async (_, bad, message) => {
    const host = new TestEngine().host();
    const connection = new Connection(options, () => portTo(host));
    const call = connection.call("get", { collectionId: "c", include: [], where: { a: bad() as never } });
    await expect(call).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
    await connection.close();
  });
});
