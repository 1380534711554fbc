/**
 * The subscriptions of one client, and when each is refreshed: a few at once, those first that were touched first, and none again before
 * these are done. The longer they take, the longer the next ones wait (`limits.livePauseShare`), so that subscriptions take a share of
 * the engine's time and no more; and the fewer they are, down to one, while those that take little are more each time
 * (`limits.liveRefreshMs`), since they share the way to a busy engine and back. What is touched several times meanwhile is
 * refreshed once.
 */
import { TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import type { Connection, Subscriptions } from "../connection.js";

/** What is refreshed. */
export interface Refreshed {
  readonly name: string;
  /** Never rejects. */
  refreshNow(): Promise<void>;
  end(): void;
}

export class LiveQueries implements Subscriptions {
  readonly #connection: Connection;
  readonly #all = new Map<string, Refreshed>();
  readonly #touched = new Set<Refreshed>();
  #names = 0;
  #isRunning = false;
  /** How many are refreshed together. */
  #atOnce = 1;
  /** Until when others go first, on the clock of `performance`. */
  #restsUntil = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Those of the connection's client. */
  static of(connection: Connection): LiveQueries {
    connection.subscriptions ??= new LiveQueries(connection);
    return connection.subscriptions as LiveQueries;
  }

  /** A name that no other of them has. */
  newName(): string {
    return `${++this.#names}`;
  }

  /** Takes one on. Throws `LIMIT_EXCEEDED` beyond `limits.subscriptionsMax`. */
  add(one: Refreshed): void {
    if (this.#all.size >= limits.subscriptionsMax) throw tooMany();
    this.#all.set(one.name, one);
  }

  /** Lets one go; the engine, too, where it watches for it. */
  delete(one: Refreshed, isWatched: boolean): void {
    if (!this.#all.delete(one.name)) return;
    this.#touched.delete(one);
    // It goes with its session at the latest.
    if (isWatched) void this.#connection.call("unwatch", { watches: [one.name] }).catch(() => undefined);
  }

  /** Refreshes it when its turn comes. */
  touch(one: Refreshed): void {
    if (!this.#all.has(one.name)) return;
    this.#touched.add(one);
    this.#go();
  }

  onTouched(watches: readonly string[]): void {
    for (const name of watches) {
      const one = this.#all.get(name);
      if (one !== undefined) this.touch(one);
    }
  }

  onLost(): void {
    for (const one of this.#all.values()) this.touch(one);
  }

  end(): void {
    for (const one of [...this.#all.values()]) one.end();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #go(): void {
    if (this.#isRunning || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        void this.#run();
      },
      Math.max(0, this.#restsUntil - performance.now()),
    );
  }

  async #run(): Promise<void> {
    const next = [...this.#touched].slice(0, this.#atOnce);
    for (const one of next) this.#touched.delete(one);
    this.#isRunning = true;
    const begun = performance.now();
    await Promise.all(next.map((one) => one.refreshNow()));
    this.#rest(performance.now() - begun, next.length);
    this.#isRunning = false;
    if (this.#touched.size > 0) this.#go();
  }

  #rest(tookMs: number, count: number): void {
    const fitting = Math.floor((count * limits.liveRefreshMs) / tookMs);
    this.#atOnce = Math.max(1, Math.min(fitting, 2 * this.#atOnce, limits.liveAtOnceMax));
    this.#restsUntil = performance.now() + Math.min(limits.livePauseMsMax, limits.livePauseShare * tookMs);
  }
}

function tooMany(): TidepoolError {
  const allowed = limits.subscriptionsMax;
  const message = `A client has at most ${allowed} subscriptions (subscriptionsMax): end some with unsubscribe()`;
  return new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit: "subscriptionsMax", allowed } });
}
