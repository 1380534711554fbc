import { describe, expect, test } from "vitest";
import { TidepoolError } from "../core/errors.js";
import type { EngineService, OpenOptions } from "../core/service.js";
import type { Storage } from "../core/storage.js";
import { TestEngine } from "../testing/engine.js";
import { VERSION } from "../version.js";
import { createHost, type HostParts } from "./host.js";
import { acquireLease, type Locks } from "./lease.js";

type Granted = (lock: Lock | null) => unknown;

/** Web Locks of one page: exclusive, first come first served, abortable. */
class TestLocks {
  readonly #queues = new Map<string, (() => void)[]>();
  readonly held: string[] = [];

  readonly request = (async (name: string, options: { signal?: AbortSignal } | Granted, callback?: Granted) => {
    const granted = (callback ?? options) as Granted;
    const { signal } = callback ? (options as { signal?: AbortSignal }) : {};
    await this.#turn(name, signal);
    this.held.push(name);
    try {
      return await granted(null);
    } finally {
      this.held.splice(this.held.indexOf(name), 1);
      this.#queues.get(name)!.shift();
      this.#queues.get(name)![0]?.();
    }
  }) as Locks["request"];

  #turn(name: string, signal: AbortSignal | undefined): Promise<void> {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    return new Promise((resolve, reject) => {
      queue.push(resolve);
      if (queue[0] === resolve) return resolve();
      signal?.addEventListener("abort", () => {
        queue.splice(queue.indexOf(resolve), 1);
        reject(signal.reason);
      });
    });
  }
}

const options: OpenOptions = { path: "p", storage: "auto", durability: "strict", allowReset: false };

class TestParts implements HostParts {
  readonly testLocks = new TestLocks();
  readonly locks: Locks | undefined = this.testLocks;
  readonly engine = new TestEngine();
  storagesClosed = 0;
  #ids = 0;

  async openStorage(): Promise<Storage> {
    return { close: async () => void this.storagesClosed++ } as unknown as Storage;
  }

  readonly destroyed: string[] = [];

  async destroyStorage(path: string): Promise<void> {
    if (!this.testLocks.held.includes(`tidepool:${path}`)) throw new Error("destroyed without the lease");
    this.destroyed.push(path);
  }

  async openEngine(): Promise<EngineService> {
    return { heartbeat: () => this.engine.service.heartbeat(), close: () => this.engine.service.close() } as EngineService;
  }

  randomId(): string {
    return `${++this.#ids}`;
  }
}

describe("opening", () => {
  test("takes the lease, opens, and holds a lock that tells of the worker's life", async () => {
    const parts = new TestParts();
    const host = createHost(parts);
    expect(await host.open(options, VERSION)).toBe("tidepool-worker:1");
    expect(parts.testLocks.held).toEqual(["tidepool:p", "tidepool-worker:1"]);
    expect(await host.service.heartbeat()).toBe(1);
  });

  test("closing gives the lease back, after the engine has closed", async () => {
    const parts = new TestParts();
    const host = createHost(parts);
    await host.open(options, VERSION);
    parts.engine.overrides.set("close", () => expect(parts.testLocks.held).toContain("tidepool:p"));
    await host.service.close();
    await Promise.resolve();
    expect(parts.testLocks.held).not.toContain("tidepool:p");
  });

  test("memory needs no lock, and works where there are none", async () => {
    const parts = Object.assign(new TestParts(), { locks: undefined });
    const host = createHost(parts);
    expect(await host.open({ ...options, storage: "memory" }, VERSION)).toBe(null);
    await expect(createHost(parts).open(options, VERSION)).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });

  test("what fails is undone, so that the next opening can succeed", async () => {
    const parts = new TestParts();
    const { openEngine } = parts;
    parts.openEngine = () => Promise.reject(new TidepoolError("CORRUPTION", "bad block"));
    await expect(createHost(parts).open(options, VERSION)).rejects.toMatchObject({ code: "CORRUPTION" });
    expect(parts.storagesClosed).toBe(1);
    parts.openEngine = openEngine;
    await createHost(parts).open(options, VERSION);
  });

  test("an unforeseen error is INTERNAL with its cause", async () => {
    const parts = Object.assign(new TestParts(), { openStorage: () => Promise.reject(new RangeError("odd")) });
    const error: unknown = await createHost(parts)
      .open(options, VERSION)
      .catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "INTERNAL", message: "Unexpected RangeError: odd", cause: { name: "RangeError" } });
  });

  test("page and worker of different releases refuse each other", async () => {
    const error: unknown = await createHost(new TestParts())
      .open(options, "9.9.9")
      .catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "NOT_SUPPORTED", details: { page: "9.9.9", worker: VERSION } });
  });

  test("calls before opening, and a second opening, are refused", async () => {
    const host = createHost(new TestParts());
    expect(() => host.service).toThrow(/before it was opened/);
    await host.open(options, VERSION);
    await expect(host.open(options, VERSION)).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("errors of the engine leave as TidepoolErrors", async () => {
    const parts = new TestParts();
    const host = createHost(parts);
    await host.open(options, VERSION);
    parts.engine.overrides.set("heartbeat", () => {
      throw new TypeError("x is undefined");
    });
    await expect(host.service.heartbeat()).rejects.toMatchObject({ code: "INTERNAL", message: "Unexpected TypeError: x is undefined" });
  });
});

describe("the lease", () => {
  test("is LOCKED while another holds it, and says for how long it waited", async () => {
    const locks = new TestLocks();
    await acquireLease(locks, "p");
    const error: unknown = await acquireLease(locks, "p", 1).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "LOCKED", details: { path: "p", waitMs: 1 } });
    expect((error as Error).message).toContain('database "p"');
  });

  test("goes to the one who waits when it is released", async () => {
    const locks = new TestLocks();
    const first = await acquireLease(locks, "p");
    const second = acquireLease(locks, "p", 60_000);
    first.release();
    (await second).release();
  });

  test("of one path does not hinder another", async () => {
    const locks = new TestLocks();
    await acquireLease(locks, "p");
    await acquireLease(locks, "q", 1);
  });
});

describe("destroying", () => {
  test("takes the lease for as long as it lasts, also when it fails", async () => {
    const parts = new TestParts();
    await createHost(parts).destroy("p", VERSION);
    expect([parts.destroyed, parts.testLocks.held]).toEqual([["p"], []]);
    parts.destroyStorage = () => Promise.reject(new RangeError("odd"));
    await expect(createHost(parts).destroy("p", VERSION)).rejects.toMatchObject({ code: "INTERNAL" });
    expect(parts.testLocks.held).toEqual([]);
  });

  test("is refused to a page of another release", async () => {
    const parts = new TestParts();
    await expect(createHost(parts).destroy("p", "0.0.0")).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
    expect(parts.destroyed).toEqual([]);
  });
});
