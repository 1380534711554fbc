/** Web Locks for tests in Node. */
import type { Locks } from "../worker/lease.js";

type Granted = (lock: Lock | null) => unknown;

/** Web Locks of one page: exclusive, first come first served, abortable. */
export class TestLocks {
  readonly #queues = new Map<string, (() => void)[]>();
  readonly #deaths = new Map<string, () => void>();
  readonly #wanted = new Map<string, () => void>();
  readonly held: string[] = [];

  readonly request = (async (name: string, options: { signal?: AbortSignal } | Granted, callback?: Granted) => {
    const granted = (callback ?? options) as Granted;
    const { signal } = callback ? (options as { signal?: AbortSignal }) : {};
    await this.#turn(name, signal);
    this.held.push(name);
    try {
      const death = new Promise<void>((resolve) => this.#deaths.set(name, resolve));
      return await Promise.race([granted(null), death]);
    } finally {
      this.held.splice(this.held.indexOf(name), 1);
      this.#queues.get(name)!.shift();
      this.#queues.get(name)![0]?.();
    }
  }) as Locks["request"];

  /** Frees the lock as the browser does when the worker that holds it has ended. */
  die(name: string): void {
    this.#deaths.get(name)!();
  }

  /** Resolves when somebody begins to wait for the lock. */
  wanted(name: string): Promise<void> {
    return new Promise((resolve) => this.#wanted.set(name, resolve));
  }

  #turn(name: string, signal: AbortSignal | undefined): Promise<void> {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    return new Promise((resolve, reject) => {
      queue.push(resolve);
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
