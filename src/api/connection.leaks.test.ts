/** What is left of clients that were closed: no listener of the page, and no worker. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test, vi } from "vitest";
import type { TidepoolError } from "../core/errors.js";
import { memoryHost } from "../testing/client.js";
import { TestEngine } from "../testing/engine.js";
import { TestLocks } from "../testing/locks.js";
import { TestWorker } from "../testing/worker.js";
import { TidepoolClient } from "./client.js";
import { Connection } from "./connection.js";
import { destroyPath } from "./destroy-path.js";

const CYCLES = 500;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

afterEach(() => vi.unstubAllGlobals());

/** Listeners of the page, counted. */
function countListeners(): { count: number } {
  const counter = { count: 0 };
  vi.stubGlobal("addEventListener", () => counter.count++);
  vi.stubGlobal("removeEventListener", () => counter.count--);
  return counter;
}

/** Workers that are made and not collected, after so many turns as finalizers need to run in. */
async function living(made: readonly WeakRef<TestWorker>[]): Promise<number> {
  for (let round = 0; round < 10; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  return made.filter((worker) => worker.deref() !== undefined).length;
}

function factory(made: WeakRef<TestWorker>[], host = () => memoryHost()): () => Worker {
  return () => {
    const worker = new TestWorker(host());
    made.push(new WeakRef(worker));
    return worker as unknown as Worker;
  };
}

test(`${CYCLES} clients opened and closed leave no listener and no worker`, async () => {
  const listeners = countListeners();
  const made: WeakRef<TestWorker>[] = [];
  for (let i = 0; i < CYCLES; i++) {
    const client = new TidepoolClient({ path: `leak-${i}`, storage: "memory", worker: factory(made) });
    await client.heartbeat();
    await client.close();
  }
  expect(made).toHaveLength(CYCLES);
  expect(listeners.count).toBe(0);
  expect(await living(made)).toBeLessThan(5);
});

test("clients that close with subscriptions leave no worker", async () => {
  const made: WeakRef<TestWorker>[] = [];
  for (let i = 0; i < 50; i++) {
    const client = new TidepoolClient({ path: `live-${i}`, storage: "memory", worker: factory(made) });
    const collection = await client.createCollection({ name: "sea", embeddingFunction: null });
    await collection.subscribe({ get: {} }, () => undefined);
    await client.subscribe({ collections: {} }, () => undefined);
    await collection.add({ ids: ["a"], embeddings: [[1]] });
    await client.close();
  }
  expect(await living(made)).toBeLessThan(5);
});

test("workers that died with a call under way leave nothing either", async () => {
  const made: WeakRef<TestWorker>[] = [];
  const engine = new TestEngine();
  engine.overrides.set("heartbeat", () => new Promise(() => {}));
  for (let i = 0; i < 20; i++) {
    const options = { path: "p", storage: "memory", durability: "strict", allowReset: false } as const;
    const connection = new Connection(
      options,
      factory(made, () => engine.host()),
    );
    const call = connection.call("heartbeat");
    await connection.call("info").catch(() => undefined);
    made.at(-1)!.deref()!.crash("gone");
    // What `expect` is given it keeps until the test ends, and an error leads to where it was made.
    expect(await call.catch((error: TidepoolError) => error.code)).toBe("CONNECTION_LOST");
    await connection.close();
  }
  expect(await living(made)).toBeLessThan(3);
});

test("destroyPath leaves no worker", async () => {
  const made: WeakRef<TestWorker>[] = [];
  for (let i = 0; i < 20; i++)
    await destroyPath({ path: "p", worker: factory(made, () => new TestEngine().host({ locks: new TestLocks() })) });
  expect(await living(made)).toBeLessThan(3);
});
