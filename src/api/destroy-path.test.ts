import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TidepoolError } from "../core/errors.js";
import { TestEngine } from "../testing/engine.js";
import { TestLocks } from "../testing/locks.js";
import { TestWorker } from "../testing/worker.js";
import type { HostParts } from "../worker/host.js";
import { destroyPath } from "./destroy-path.js";

let locks: TestLocks;
let workers: TestWorker[];

beforeEach(() => {
  locks = new TestLocks();
  workers = [];
  vi.stubGlobal("navigator", { locks });
});
afterEach(() => {
  for (const worker of workers) if (!worker.terminated) worker.terminate();
  vi.unstubAllGlobals();
});

function destroy(destroyStorage: HostParts["destroyStorage"]): Promise<void> {
  const host = new TestEngine().host({ locks, destroyStorage });
  return destroyPath({ path: "old", worker: TestWorker.factory(() => host, workers) });
}

/** Begins to destroy, and never ends; the page has come to watch the worker. */
async function destroying(): Promise<{ outcome: Promise<void> }> {
  const watched = locks.wanted("tidepool-worker:1");
  let outcome!: Promise<void>;
  await new Promise<void>((begun) => {
    outcome = destroy(() => {
      begun();
      return new Promise(() => {});
    });
  });
  await watched;
  return { outcome };
}

test("destroys what is stored at the path, in a worker that ends with it", async () => {
  const destroyed: string[] = [];
  await destroy(async (path) => void destroyed.push(path));
  expect(destroyed).toEqual(["old"]);
  expect(workers.map(({ terminated }) => terminated)).toEqual([true]);
});

test("tells what went wrong, and ends the worker all the same", async () => {
  const failing = destroy(() => Promise.reject(new TidepoolError("FORMAT_TOO_NEW", "written by a newer release")));
  await expect(failing).rejects.toMatchObject({ code: "FORMAT_TOO_NEW" });
  expect(workers[0]!.terminated).toBe(true);
});

test("a worker that dies silently is CONNECTION_LOST", async () => {
  const { outcome } = await destroying();
  workers[0]!.terminate();
  locks.die("tidepool-worker:1");
  await expect(outcome).rejects.toMatchObject({ code: "CONNECTION_LOST", message: expect.stringContaining("the worker ended") });
});

test("a worker that fails is CONNECTION_LOST", async () => {
  const { outcome } = await destroying();
  workers[0]!.crash("out of memory");
  await expect(outcome).rejects.toMatchObject({ code: "CONNECTION_LOST", message: expect.stringContaining("out of memory") });
  expect(workers[0]!.terminated).toBe(true);
});

test("a worker that cannot be started is NOT_SUPPORTED", async () => {
  const worker = (): Worker => {
    throw new DOMException("blocked by policy", "SecurityError");
  };
  await expect(destroyPath({ path: "old", worker })).rejects.toMatchObject({
    code: "NOT_SUPPORTED",
    message: expect.stringContaining("blocked by policy"),
  });
});

test("a path that can name no database is refused before a worker is started", async () => {
  await expect(destroyPath({ path: "a/b", worker: TestWorker.factory(() => new TestEngine().host(), workers) })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
  expect(workers).toEqual([]);
});
