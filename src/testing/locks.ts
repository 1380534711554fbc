/** Web Locks for tests in Node. */
import type { Locks } from "../worker/lease.js";

type Granted = (lock: Lock | null) => unknown;

interface Options {
  signal?: AbortSignal;
  steal?: boolean;
}

/** Web Locks of one origin: exclusive, first come first served, abortable, and to be stolen. */
export class TestLocks {
  readonly #queues = new Map<string, (() => void)[]>();
  /** Of each lock that is held: what frees it as when its worker has ended, and what takes it away. */
  readonly #holders = new Map<string, { die(): void; rob(): void }>();
  readonly #wanted = new Map<string, () => void>();
  readonly held: string[] = [];

  readonly request = (async (name: string, options: Options | Granted, callback?: Granted) => {
    const granted = (callback ?? options) as Granted;
    const { signal, steal = false } = callback ? (options as Options) : {};
    if (steal) this.#holders.get(name)?.rob();
    await this.#turn(name, signal, steal);
    this.held.push(name);
    return this.#hold(name, granted).finally(() => this.#next(name));
  }) as Locks["request"];

  readonly query = async (): Promise<LockManagerSnapshot> => ({
    held: this.held.map((name) => ({ name, mode: "exclusive" })),
    pending: [...this.#queues].flatMap(([name, queue]) => queue.slice(1).map(() => ({ name, mode: "exclusive" as const }))),
  });

  async #hold(name: string, granted: Granted): Promise<unknown> {
    const death = new Promise<void>((die, reject) => {
      this.#holders.set(name, { die, rob: () => reject(new DOMException("stolen", "AbortError")) });
    });
    try {
      return await Promise.race([granted({ name, mode: "exclusive" }), death]);
    } finally {
      this.held.splice(this.held.indexOf(name), 1);
      this.#holders.delete(name);
    }
  }

  #next(name: string): void {
    this.#queues.get(name)!.shift();
    this.#queues.get(name)![0]?.();
  }

  /** Frees the lock as the browser does when the worker that holds it has ended. */
  die(name: string): void {
    this.#holders.get(name)!.die();
  }

  /** Resolves when somebody begins to wait for the lock. */
  wanted(name: string): Promise<void> {
    return new Promise((resolve) => this.#wanted.set(name, resolve));
  }

  #turn(name: string, signal: AbortSignal | undefined, first: boolean): Promise<void> {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    return new Promise((resolve, reject) => {
      queue.splice(first ? 1 : queue.length, 0, resolve);
      if (queue[0] === resolve) return resolve();
      this.#wanted.get(name)?.();
      signal?.addEventListener("abort", () => {
        if (queue[0] === resolve) return;
        queue.splice(queue.indexOf(resolve), 1);
        reject(signal.reason);
      });
    });
  }
}
