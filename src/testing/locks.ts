/** Web Locks for tests in Node. */
import type { Locks } from "../worker/lease.js";

type Granted = (lock: Lock | null) => unknown;

/** Web Locks of one page: exclusive, first come first served, abortable. */
export class TestLocks {
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
