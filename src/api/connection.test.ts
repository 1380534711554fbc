import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TidepoolError } from "../core/errors.js";
import type { Caller } from "../core/gateway/caller.js";
import type { OpenOptions } from "../core/service.js";
import { TestEngine } from "../testing/engine.js";
import { TestLocks } from "../testing/locks.js";
import { TestWorker } from "../testing/worker.js";
import type { HostParts } from "../worker/host.js";
import { Connection } from "./connection.js";
import { createWorker } from "./create-worker.js";

const options: OpenOptions = { path: "p", storage: "memory", durability: "strict", allowReset: false };

let engine: TestEngine;
let workers: TestWorker[];
let connection: Connection;

beforeEach(() => {
  engine = new TestEngine();
  workers = [];
  connection = new Connection(
    options,
    TestWorker.factory(() => engine.host(), workers),
  );
});
afterEach(() => {
  for (const worker of workers) if (!worker.terminated) worker.terminate();
  vi.unstubAllGlobals();
});

function never(): Promise<never> {
  return new Promise(() => {});
}

/** Resolves once the engine has been asked. */
function asked(method: string): Promise<void> {
  return new Promise((resolve) =>
    engine.overrides.set(method, () => {
      resolve();
      return never();
    }),
  );
}

describe("opening", () => {
  test("happens with the first call, once for concurrent calls", async () => {
    expect(workers).toHaveLength(0);
    expect(await Promise.all([connection.call("heartbeat"), connection.call("heartbeat")])).toEqual([1, 1]);
    expect(workers).toHaveLength(1);
    expect(workers[0]!.calls.filter((path) => path === "open")).toHaveLength(1);
  });

  test("passes the options", async () => {
    let got: unknown;
    const openEngine: HostParts["openEngine"] = async (_storage, options, tell) => {
      got = options;
      return engine.open(tell);
    };
    connection = new Connection(
      options,
      TestWorker.factory(() => engine.host({ openEngine }), workers),
    );
    await connection.call("heartbeat");
    // Whether it may reset is each session's own affair.
    expect(got).toEqual({ ...options, allowReset: true });
  });

  test("that fails rejects every waiting call, ends the worker, and is tried again by the next call", async () => {
    let attempts = 0;
    const openEngine: HostParts["openEngine"] = async (_storage, _options, tell) => {
      if (++attempts === 1) throw new TidepoolError("LOCKED", "held elsewhere");
      return engine.open(tell);
    };
    connection = new Connection(
      options,
      TestWorker.factory(() => engine.host({ openEngine }), workers),
    );
    const outcomes = await Promise.allSettled([connection.call("heartbeat"), connection.call("heartbeat")]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: "rejected", reason: { code: "LOCKED" } });
    expect(workers[0]!.terminated).toBe(true);
    expect(await connection.call("heartbeat")).toBe(1);
    expect(workers).toHaveLength(2);
  });

  test("a worker factory that throws is NOT_SUPPORTED, and tried again", async () => {
    let broken = true;
    const good = TestWorker.factory(() => engine.host(), workers);
    connection = new Connection(options, () => {
      if (broken) throw new DOMException("blocked by policy", "SecurityError");
      return good();
    });
    await expect(connection.call("heartbeat")).rejects.toMatchObject({
      code: "NOT_SUPPORTED",
      message: expect.stringMatching(/option `worker`.*blocked by policy/),
    });
    broken = false;
    expect(await connection.call("heartbeat")).toBe(1);
  });

  test("where there is no Worker it says so", async () => {
    await expect(new Connection(options, createWorker).call("heartbeat")).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });

  test("a worker that fails before it has said anything is NOT_SUPPORTED", async () => {
    const start = TestWorker.factory(() => engine.host({ openStorage: never }), workers);
    connection = new Connection(options, () => {
      const worker = start();
      worker.terminate();
      return worker;
    });
    const call = connection.call("heartbeat");
    await vi.waitUntil(() => workers.length > 0);
    workers[0]!.crash();
    await expect(call).rejects.toMatchObject({ code: "NOT_SUPPORTED", message: expect.stringContaining("cannot be started or loaded") });
  });
});

describe("the caller", () => {
  const callers = async (make: () => Connection): Promise<Caller[]> => {
    const made = make();
    await made.call("heartbeat");
    await made.call("count", { collectionId: "c" });
    return engine.callers.splice(0) as Caller[];
  };
  const connect = (token?: string): Connection =>
    new Connection(
      options,
      TestWorker.factory(() => engine.host(), workers),
      token,
    );

  test("stands beside the request, with the connection's token or none", async () => {
    const [bearer] = await callers(() => connect("secret"));
    const [nobody] = await callers(() => connect());
    expect([bearer!.token, nobody!.token]).toEqual(["secret", null]);
    expect(engine.requests.slice(0, 2)).toEqual([
      ["heartbeat", undefined],
      ["count", { collectionId: "c" }],
    ]);
  });

  test("is one client for each connection, and each call has an id that no other has", async () => {
    const all = [...(await callers(connect)), ...(await callers(connect))];
    expect(all.map(({ clientId }) => clientId)).toEqual([all[0]!.clientId, all[0]!.clientId, all[2]!.clientId, all[2]!.clientId]);
    expect(new Set(all.map(({ clientId }) => clientId)).size).toBe(2);
    expect(new Set(all.map(({ requestId }) => requestId)).size).toBe(4);
    for (const { clientId } of all) expect(clientId).toMatch(/^[A-Za-z0-9+/]{16}$/);
  });

  test("keeps the client's id when a worker has died, and a call tried again its own", async () => {
    await connection.call("heartbeat");
    workers[0]!.crash();
    const [first] = engine.callers as [Caller];
    await connection.call("heartbeat", undefined, { requestId: first.requestId });
    await connection.call("heartbeat");
    const [, again, next] = engine.callers as Caller[];
    expect(again).toMatchObject({ token: first.token, clientId: first.clientId, requestId: first.requestId });
    expect(next!.clientId).toBe(first.clientId);
    expect(next!.requestId).not.toBe(first.requestId);
  });

  test("shows another token where a call brings one, or none", async () => {
    connection = connect("own");
    for (const token of ["other", null]) await connection.call("count", { collectionId: "c" }, { token });
    expect(engine.callers.map((caller) => caller?.token)).toEqual(["other", null]);
  });
});

describe("warnings", () => {
  const warning = { code: "GRAPH_DAMAGED", message: "It was built anew.", collection: "tides" } as const;

  test("reach the handler as they are, from each worker that is started", async () => {
    const heard: unknown[] = [];
    connection = new Connection(
      options,
      TestWorker.factory(() => engine.host(), workers),
    );
    const off = connection.on("warning", (warning) => heard.push(warning));
    await connection.call("heartbeat");
    engine.tell("warning", warning);
    await connection.call("heartbeat");
    workers[0]!.crash();
    await connection.call("heartbeat");
    engine.tell("warning", { ...warning, code: "GRAPH_FAILED" });
    await connection.call("heartbeat");
    expect(heard).toEqual([warning, { ...warning, code: "GRAPH_FAILED" }]);
    off();
    connection.on("warning", () => heard.push("another"));
    engine.tell("warning", warning);
    await connection.call("heartbeat");
    expect(heard.slice(2)).toEqual(["another"]);
  });

  test("go to the console where nobody listens", async () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue(undefined);
    await connection.call("heartbeat");
    engine.tell("warning", warning);
    await connection.call("heartbeat");
    expect(warned.mock.calls).toEqual([["It was built anew."]]);
    warned.mockRestore();
  });
});

describe("the death of the worker", () => {
  test("rejects calls under way, and the next call starts a new worker", async () => {
    await connection.call("heartbeat");
    const reached = asked("count");
    const calls = [connection.call("count", { collectionId: "c" }), connection.call("count", { collectionId: "c" })];
    await reached;
    workers[0]!.crash("out of memory");
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ code: "CONNECTION_LOST", message: expect.stringContaining("out of memory") });
    }
    engine.overrides.clear();
    expect(await connection.call("heartbeat")).toBe(1);
    expect(workers).toHaveLength(2);
  });

  test("may come without a word", async () => {
    await connection.call("heartbeat");
    const reached = asked("count");
    const call = connection.call("count", { collectionId: "c" });
    await reached;
    workers[0]!.crash();
    await expect(call).rejects.toMatchObject({ code: "CONNECTION_LOST", message: expect.stringContaining("the worker failed. ") });
  });

  test("is noticed by its presence lock when nothing else tells", async () => {
    const locks = new TestLocks();
    vi.stubGlobal("navigator", { locks });
    connection = new Connection(
      options,
      TestWorker.factory(() => engine.host({ locks, randomId: () => "7" }), workers),
    );
    const reached = asked("count");
    const call = connection.call("count", { collectionId: "c" });
    await reached;
    workers[0]!.terminate();
    locks.die("tidepool-worker:7");
    await expect(call).rejects.toMatchObject({ code: "CONNECTION_LOST", message: expect.stringContaining("the worker ended") });
    engine.overrides.clear();
    expect(await connection.call("heartbeat")).toBe(1);
  });

  test("is brought about when the page enters the back/forward cache, and undone by the next call", async () => {
    const listeners = new Map<string, (event: { persisted: boolean }) => void>();
    vi.stubGlobal("addEventListener", (name: string, listener: () => void) => listeners.set(name, listener));
    vi.stubGlobal("removeEventListener", (name: string) => listeners.delete(name));
    await connection.call("heartbeat");
    const reached = asked("count");
    const call = connection.call("count", { collectionId: "c" });
    await reached;
    listeners.get("pagehide")!({ persisted: false });
    expect(workers[0]!.terminated).toBe(false);
    listeners.get("pagehide")!({ persisted: true });
    expect(workers[0]!.terminated).toBe(true);
    await expect(call).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    expect(await connection.call("heartbeat")).toBe(1);
    expect(workers).toHaveLength(2);
    await connection.close();
    expect(listeners.size).toBe(0);
  });

  test("an answer that cannot be read counts as one", async () => {
    await connection.call("heartbeat");
    const reached = asked("info");
    const call = connection.call("info");
    await reached;
    workers[0]!.dispatchEvent(new Event("messageerror"));
    await expect(call).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });
});

describe("closing", () => {
  test("closes the engine once, ends the worker, and later calls are CLOSED", async () => {
    await connection.call("heartbeat");
    await Promise.all([connection.close(), connection.close()]);
    await connection.close();
    expect(engine.requests.filter(([method]) => method === "close")).toHaveLength(1);
    expect(workers[0]!.terminated).toBe(true);
    await expect(connection.call("heartbeat")).rejects.toMatchObject({ code: "CLOSED", message: expect.stringContaining('"p"') });
  });

  test("before the first call starts no worker", async () => {
    await connection.close();
    expect(workers).toHaveLength(0);
    await expect(connection.call("heartbeat")).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("waits for an opening that is under way", async () => {
    const call = connection.call("heartbeat");
    await connection.close();
    await expect(call).resolves.toBe(1);
    expect(workers[0]!.terminated).toBe(true);
  });

  test("an error of the engine's close is told, and the worker ended all the same", async () => {
    await connection.call("heartbeat");
    engine.overrides.set("close", () => {
      throw new TidepoolError("POISONED", "a flush failed");
    });
    await expect(connection.close()).rejects.toMatchObject({ code: "POISONED" });
    expect(workers[0]!.terminated).toBe(true);
  });
});

test("an argument that cannot be cloned is INVALID_ARGUMENT", async () => {
  const where = { a: (() => 1) as unknown as string };
  await expect(connection.call("get", { collectionId: "c", where, include: [] })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("an error without a code is INTERNAL", async () => {
  engine.overrides.set("heartbeat", () => {
    throw new TypeError("odd");
  });
  await expect(connection.call("heartbeat")).rejects.toMatchObject({ code: "INTERNAL", message: "Unexpected TypeError: odd" });
  engine.overrides.set("heartbeat", () => () => "a function cannot be sent");
  await expect(connection.call("heartbeat")).rejects.toMatchObject({ code: "INTERNAL", message: "Unserializable return value" });
});
