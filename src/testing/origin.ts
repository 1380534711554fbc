/**
 * One origin of a browser, for tests in Node: locks and channels that all its tabs share, and tabs that each load the package anew,
 * as realms do. The engine that a holder opens is one and the same object, which stands for what is on disk.
 */
import { vi } from "vitest";
import type { Connection } from "../api/connection.js";
import type { OpenOptions } from "../core/service.js";
import { TestEngine } from "./engine.js";
import { TestLocks } from "./locks.js";
import { TestWorker } from "./worker.js";

const options: OpenOptions = { path: "p", storage: "auto", durability: "strict", allowReset: false };

export class TestOrigin {
  readonly locks = new TestLocks();
  readonly engine = new TestEngine();
  /** How often an engine was opened. */
  openings = 0;
  readonly tabs: TestTab[] = [];
  #ids = 0;

  /** Databases of tests must not meet: Node's channels reach all of them. */
  readonly path = `origin-${Math.random()}`;

  async newTab(): Promise<TestTab> {
    vi.resetModules();
    const { Connection: Fresh } = await import("../api/connection.js");
    const tab = new TestTab(this, Fresh);
    this.tabs.push(tab);
    return tab;
  }

  nextId(): string {
    return `${++this.#ids}`;
  }

  async close(): Promise<void> {
    for (const tab of this.tabs) await tab.close();
  }
}

/** A worker that can be killed, with the locks and channels that it had. */
class MortalWorker {
  readonly worker: TestWorker;
  readonly #names = new Set<string>();
  readonly #channels: BroadcastChannel[] = [];
  readonly #locks: TestLocks;
  #dead = false;

  constructor(origin: TestOrigin) {
    this.#locks = origin.locks;
    const { locks } = origin;
    const request = ((name: string, ...rest: unknown[]) => {
      const granted = rest.at(-1) as (lock: Lock | null) => unknown;
      const noting = async (lock: Lock | null): Promise<unknown> => {
        if (this.#dead) return undefined;
        this.#names.add(name);
        return Promise.resolve(granted(lock)).finally(() => this.#names.delete(name));
      };
      return (locks.request as (...args: unknown[]) => Promise<unknown>)(name, ...rest.slice(0, -1), noting);
    }) as TestLocks["request"];
    const host = origin.engine.host({
      locks: { request, query: locks.query },
      randomId: () => origin.nextId(),
      openChannel: (name) => this.#open(name),
      openEngine: async (_storage, _options, tell) => {
        origin.openings++;
        return origin.engine.open(tell);
      },
    });
    this.worker = new TestWorker(host);
    const end = this.worker.terminate.bind(this.worker);
    this.worker.terminate = () => {
      end();
      this.#die();
    };
  }

  #open(name: string): BroadcastChannel {
    const channel = new BroadcastChannel(name);
    (channel as { unref?(): void }).unref?.();
    this.#channels.push(channel);
    return channel;
  }

  #die(): void {
    this.#dead = true;
    for (const channel of this.#channels) channel.close();
    for (const name of [...this.#names]) this.#locks.die(name);
  }
}

export class TestTab {
  readonly workers: TestWorker[] = [];
  readonly connections: Connection[] = [];
  readonly #origin: TestOrigin;
  readonly #Connection: typeof Connection;

  constructor(origin: TestOrigin, connection: typeof Connection) {
    this.#origin = origin;
    this.#Connection = connection;
  }

  connect(asked: Partial<OpenOptions> = {}): Connection {
    const start = (): Worker => {
      this.workers.push(new MortalWorker(this.#origin).worker);
      return this.workers.at(-1) as unknown as Worker;
    };
    const connection = new this.#Connection({ ...options, path: this.#origin.path, ...asked }, start);
    this.connections.push(connection);
    return connection;
  }

  /** As the browser ends it: nothing is said, all locks are free. */
  kill(): void {
    for (const worker of this.workers) worker.terminate();
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.connections.map((connection) => connection.close()));
  }
}
