/** Several tabs of one origin, in Node: who becomes the holder, how the others reach it, and what becomes of calls when it goes. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { TestOrigin, type TestTab } from "../testing/origin.js";
import { TestWorker } from "../testing/worker.js";
import { rendezvousOf } from "../worker/rendezvous.js";
import type { Connection } from "./connection.js";

let origin: TestOrigin;
let listeners: Map<string, Set<(event: { type: string; persisted: boolean }) => void>>;

beforeEach(() => {
  origin = new TestOrigin();
  listeners = new Map();
  vi.stubGlobal("navigator", { locks: origin.locks });
  vi.stubGlobal("addEventListener", (type: string, listener: () => void) => {
    listeners.set(type, (listeners.get(type) ?? new Set()).add(listener));
  });
  vi.stubGlobal("removeEventListener", (type: string, listener: () => void) => listeners.get(type)?.delete(listener));
});
afterEach(async () => {
  await origin.close();
  vi.unstubAllGlobals();
});

const count = (connection: Connection): Promise<number> => connection.call("count", { collectionId: "c" });
const add = (connection: Connection, ...ids: string[]): Promise<void> =>
  connection.call("write", {
    collectionId: "c",
    operation: "add",
    records: { ids, embeddings: null, documents: null, metadatas: null, uris: null },
  });

/** Two tabs with the database open, of which the first is the holder and the second stands by. */
async function pair(): Promise<{ tabs: [TestTab, TestTab]; holder: Connection; follower: Connection }> {
  const tabs: [TestTab, TestTab] = [await origin.newTab(), await origin.newTab()];
  const holder = tabs[0].connect();
  await holder.call("heartbeat");
  const follower = tabs[1].connect();
  await follower.call("heartbeat");
  await vi.waitUntil(async () => (await origin.locks.query()).pending!.some(({ name }) => name === `tidepool:${origin.path}`));
  return { tabs, holder, follower };
}

/** Resolves once the engine is asked this; it does not answer until then, nor ever. */
function silent(method: string): Promise<void> {
  return new Promise((resolve) =>
    origin.engine.overrides.set(method, () => {
      resolve();
      return new Promise(() => {});
    }),
  );
}

describe("two tabs", () => {
  test("share the engine of the one that came first", async () => {
    const { holder, follower } = await pair();
    await add(holder, "a");
    await add(follower, "b", "c");
    expect(await Promise.all([count(holder), count(follower)])).toEqual([3, 3]);
    expect([holder.role, follower.role, origin.openings]).toEqual(["holder", "follower", 1]);
  });

  test("that come at once open one engine", async () => {
    const tabs = [await origin.newTab(), await origin.newTab(), await origin.newTab()];
    const connections = tabs.map((tab) => tab.connect());
    expect(await Promise.all(connections.map(count))).toEqual([0, 0, 0]);
    expect(connections.map(({ role }) => role).sort()).toEqual(["follower", "follower", "holder"]);
    expect(origin.openings).toBe(1);
  });

  test("tell each other of changes", async () => {
    const { holder, follower } = await pair();
    const heard: unknown[] = [];
    holder.on("change", ({ ids, own }) => heard.push(["holder", ids, own]));
    follower.on("change", ({ ids, own }) => heard.push(["follower", ids, own]));
    await add(follower, "b");
    const requestId = origin.engine.callers.at(-1)!.requestId;
    const change = { kind: "add", tenant: "t", database: "d", collectionId: "c", collection: "tides", count: 1, ids: ["b"] } as const;
    origin.engine.tell("change", { ...change, ids: ["b"], requestId });
    await vi.waitUntil(() => heard.length === 2);
    expect(heard.sort()).toEqual([
      ["follower", ["b"], true],
      ["holder", ["b"], false],
    ]);
  });

  test("may differ in what each may do, and in nothing that concerns the engine", async () => {
    await pair();
    const other = await origin.newTab();
    await expect(other.connect({ durability: "relaxed" }).call("heartbeat")).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/is open with another durability, "strict" and not "relaxed"/),
    });
    const own = other.connect();
    await own.call("heartbeat");
    await expect(other.connect({ retainVersions: 2 }).call("heartbeat")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    origin.engine.overrides.set("reset", () => undefined);
    await expect(own.call("reset")).rejects.toMatchObject({ code: "FORBIDDEN" });
    const able = (await origin.newTab()).connect({ allowReset: true, memoryBudgetBytes: 9e6 });
    await able.call("reset");
    expect(able.role).toBe("follower");
  });
});

describe("a tab whose worker takes long to load", () => {
  /** Of those who look for the holder: resolves when they have asked so often. */
  async function asked(times: number): Promise<void> {
    const channel = new BroadcastChannel(rendezvousOf(origin.path));
    let heard = 0;
    await new Promise<void>((resolve) => {
      channel.onmessage = ({ data }) => void (data.type === "who" && ++heard === times && resolve());
    });
    channel.close();
  }

  /** Keeps workers from hearing anything until what this returns is called. */
  function heldBack(): () => void {
    const { postMessage } = TestWorker.prototype;
    const messages: (() => void)[] = [];
    const spy = vi.spyOn(TestWorker.prototype, "postMessage").mockImplementation(function (this: TestWorker, ...message) {
      messages.push(() => postMessage.apply(this, message));
    });
    return () => {
      spy.mockRestore();
      for (const send of messages) send();
    };
  }

  afterEach(() => vi.restoreAllMocks());

  test("waits for it longer than for a holder that is silent", async () => {
    const begin = heldBack();
    const call = (await origin.newTab()).connect().call("heartbeat");
    await asked(1);
    const now = performance.now.bind(performance);
    vi.spyOn(performance, "now").mockImplementation(() => now() + 2 * limits.serveWaitMs);
    await asked(3);
    begin();
    expect(await call).toBe(1);
  });

  test("starts no other when the holder goes meanwhile, which would be a stranger to it once the first serves", async () => {
    const first = await origin.newTab();
    await first.connect().call("heartbeat");
    const begin = heldBack();
    const tab = await origin.newTab();
    const follower = tab.connect();
    const roles: string[] = [];
    follower.on("lease", ({ role }) => roles.push(role));
    await follower.call("heartbeat");
    await vi.waitUntil(() => tab.workers.length === 1);
    const searching = asked(1);
    first.kill();
    await searching;
    begin();
    expect(await count(follower)).toBe(0);
    await vi.waitUntil(() => follower.role === "holder");
    expect([tab.workers.length, roles]).toEqual([1, ["follower", "holder"]]);
  });

  test("gives it up in the end, and says so", async () => {
    heldBack();
    const call = (await origin.newTab()).connect().call("heartbeat");
    const outcome = expect(call).rejects.toMatchObject({ code: "CONNECTION_LOST", message: expect.stringContaining("has not begun") });
    await asked(1);
    const now = performance.now.bind(performance);
    vi.spyOn(performance, "now").mockImplementation(() => now() + 2 * limits.workerLoadWaitMs);
    await outcome;
  });
});

describe("clients of one page", () => {
  test("share one worker, and the last to close ends it", async () => {
    const tab = await origin.newTab();
    const [first, second] = [tab.connect(), tab.connect()];
    await Promise.all([first.call("heartbeat"), second.call("heartbeat")]);
    expect(tab.workers).toHaveLength(1);
    await first.close();
    await expect(first.call("heartbeat")).rejects.toMatchObject({ code: "CLOSED" });
    expect(await second.call("heartbeat")).toBe(1);
    const closing = second.close();
    await vi.waitUntil(() => tab.workers[0]!.calls.includes("close"));
    const third = tab.connect();
    expect(await third.call("heartbeat")).toBe(1);
    await closing;
    expect(tab.workers.map(({ terminated }) => terminated)).toEqual([true, false]);
    await third.close();
    expect(origin.locks.held).toEqual([]);
    expect([...listeners.values()].map(({ size }) => size)).toEqual([0, 0]);
  });
});

describe("when the holder goes", () => {
  test("silently, calls under way are asked again of the next one, with the ids that they had", async () => {
    const { tabs, follower } = await pair();
    const roles: string[] = [];
    follower.on("lease", ({ role }) => roles.push(role));
    const asked = silent("write");
    const writing = add(follower, "a");
    await asked;
    origin.engine.overrides.clear();
    tabs[0].kill();
    await writing;
    const ids = origin.engine.requests.flatMap(([method], i) => (method === "write" ? [origin.engine.callers[i]!.requestId] : []));
    expect(ids).toHaveLength(2);
    expect(ids[1]).toBe(ids[0]);
    expect([roles, origin.openings]).toEqual([["holder"], 2]);
  });

  test("in the middle of an answer, all of it is asked for again", async () => {
    const { tabs, follower } = await pair();
    const ids = Array.from({ length: 50 }, (_, i) => `${i} ${"x".repeat(limits.answerPartBytes / 16)}`);
    const answer = { ids, documents: null, metadatas: null, uris: null, embeddings: null };
    origin.engine.overrides.set("get", () => {
      // The first part leaves before the worker ends, and no other does.
      if (origin.openings === 1) setTimeout(() => tabs[0].kill());
      return answer;
    });
    expect(await follower.call("get", { collectionId: "c", include: [] })).toEqual(answer);
    expect([origin.openings, origin.engine.requests.filter(([method]) => method === "get").length]).toEqual([2, 2]);
  });

  test("by closing, the others go on, and its page may come back as a follower", async () => {
    const { tabs, holder, follower } = await pair();
    await holder.close();
    expect(await count(follower)).toBe(0);
    await vi.waitUntil(() => follower.role === "holder");
    const again = tabs[0].connect();
    expect(await count(again)).toBe(0);
    expect(again.role).toBe("follower");
  });

  test("one stands by at a time, and when it goes another does", async () => {
    const { tabs } = await pair();
    const third = await origin.newTab();
    const last = third.connect();
    await last.call("heartbeat");
    expect(third.workers).toHaveLength(0);
    await tabs[1].close();
    await vi.waitUntil(() => third.workers.length === 1);
    tabs[0].kill();
    expect(await count(last)).toBe(0);
    await vi.waitUntil(() => last.role === "holder");
  });

  test("and who stands by is frozen, and has the lease now, another takes both from it", async () => {
    const holder = await origin.newTab();
    await holder.connect().call("heartbeat");
    const frozen = (name: string): Promise<unknown> => origin.locks.request(name, () => new Promise(() => {})).catch(() => "robbed");
    const robbed = [`tidepool-standby:${origin.path}`, `tidepool:${origin.path}`].map(frozen);
    const other = (await origin.newTab()).connect();
    await other.call("heartbeat");
    holder.kill();
    expect(await count(other)).toBe(0);
    expect(other.role).toBe("holder");
    expect(await Promise.all(robbed)).toEqual(["robbed", "robbed"]);
  });

  test("a call that kills every worker is given up", async () => {
    const { tabs, follower } = await pair();
    let deaths = 0;
    origin.engine.overrides.set("count", () => {
      deaths++;
      for (const tab of tabs)
        for (const worker of tab.workers) if (origin.locks.held.length > 0 && !worker.terminated) worker.crash("boom");
      for (const tab of tabs) tab.kill();
      return new Promise(() => {});
    });
    await expect(count(follower)).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    expect(deaths).toBe(limits.callAttemptsMax);
    origin.engine.overrides.clear();
    expect(await count(follower)).toBe(0);
  });

  test("an engine that cannot be opened is told to whoever asks", async () => {
    const { tabs, follower } = await pair();
    origin.engine.open = () => {
      throw new TidepoolError("CORRUPTION", "a bad block");
    };
    tabs[0].kill();
    await expect(count(follower)).rejects.toMatchObject({ code: "CORRUPTION" });
  });
});

describe("a page put aside", () => {
  test("holds nothing, and goes on when it is back", async () => {
    const tab = await origin.newTab();
    const connection = tab.connect();
    await connection.call("heartbeat");
    const asked = silent("count");
    const counting = count(connection);
    await asked;
    origin.engine.overrides.clear();
    for (const listener of [...listeners.get("pagehide")!]) listener({ type: "pagehide", persisted: true });
    await vi.waitUntil(() => origin.locks.held.length === 0);
    const other = (await origin.newTab()).connect();
    expect(await count(other)).toBe(0);
    for (const listener of [...listeners.get("pageshow")!]) listener({ type: "pageshow", persisted: true });
    expect(await counting).toBe(0);
    expect([other.role, connection.role]).toEqual(["holder", "follower"]);
  });
});

describe("whoever speaks at the rendezvous", () => {
  const speak = (...words: unknown[]): void => {
    const channel = new BroadcastChannel(rendezvousOf(origin.path));
    for (const word of words) channel.postMessage(word);
    channel.close();
  };

  test("says what is no word, and nobody minds", async () => {
    const { holder, follower } = await pair();
    speak(null, 7, "who", [], {}, { type: "who" }, { type: "who", guest: "x".repeat(1000) }, { type: "serving", host: 1, guest: null });
    speak({ type: "serving", host: "h", guest: null }, { type: "__proto__", guest: null });
    expect(await Promise.all([count(holder), count(follower)])).toEqual([0, 0]);
  });

  test("of another release is not followed", async () => {
    await origin.locks.request(`tidepool:${origin.path}`, async () => {
      const connection = (await origin.newTab()).connect();
      const calling = count(connection);
      const answering = vi.waitUntil(() => {
        speak({ type: "serving", host: "h", release: "9.9.9", ready: true, guest: null });
        return connection.role !== null;
      });
      answering.catch(() => undefined);
      await expect(calling).rejects.toMatchObject({ code: "NOT_SUPPORTED", details: { holder: "9.9.9" } });
    });
  });
});
