/** A sync that goes on: when the next round comes, and what programs see of it. */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { validateFunction } from "../../core/gateway/validate/values.js";
import type { Scope } from "../../core/service.js";
import type { Connection } from "../connection.js";
import { readArguments, readObject } from "../read-arguments.js";
import { backOffMs, GATHER_MS, jittered, roundBackOff } from "../remote/back-off.js";
import { surroundings } from "../remote/chroma-server.js";
import { ServerCalls } from "./remote-side.js";
import { type HoldLock, holdAll, holdLock } from "./sync-locks.js";
import { type Asked, readSync, type SyncEvents, type SyncOptions, type SyncReport, type SyncStatus } from "./sync-options.js";
import { type PairParts, SyncPairs } from "./sync-pairs.js";
import { storeId } from "./sync-state.js";

/**
 * What it takes from its surroundings, so that tests have none of their time.
 *
 * @internal
 */
export interface SyncSurroundings {
  holdLock: HoldLock;
  /** Calls `body` after so many milliseconds, unless what is returned is called. */
  schedule(ms: number, body: () => void): () => void;
  now(): number;
  /** 0–1. */
  random(): number;
  isOnline(): boolean;
  /** As for requests. */
  wait(ms: number): Promise<void>;
}

/** @internal */
export const syncSurroundings: SyncSurroundings = {
  ...surroundings,
  holdLock,
  schedule: (ms, body) => {
    const timer = setTimeout(body, ms);
    return () => clearTimeout(timer);
  },
  now: Date.now,
  isOnline: () => (globalThis.navigator as Navigator | undefined)?.onLine ?? true,
};

const EVENTS = ["status", "conflict", "comparison", "round"];

interface Waiting {
  resolve(report: SyncReport): void;
  reject(error: unknown): void;
}

type Listener<T extends keyof SyncEvents> = (event: SyncEvents[T]) => void;

/**
 * What a sync is over.
 *
 * @internal
 */
export interface SyncHome {
  connection: Pick<Connection, "call" | "on" | "remote">;
  scope: Scope;
}

/**
 * Keeps collections of a client and of a Chroma server equal. Made by `client.sync`; it begins at once, and goes on until `stop`.
 *
 * @example
 * const sync = await client.sync({ remote: { url: "http://localhost:8000" }, collections: ["tides"], intervalMs: null });
 * sync.on("status", ({ state, error }) => console.log(state, error?.code));
 * await sync.stop();
 */
export class Sync {
  readonly #asked: Asked;
  readonly #around: SyncSurroundings;
  readonly #pairs: SyncPairs;
  readonly #ending = new AbortController();
  readonly #listeners = new Map<string, Set<Listener<keyof SyncEvents>>>();
  #status: SyncStatus = { state: "standby", error: null, retryAt: null };
  #isPaused = false;
  #hasLock = false;
  #failures = 0;
  /** Who waits for a round that has not begun. */
  #waiting: Waiting[] = [];
  /** When the next round begins by itself, and whether it looks for changes on the server; `Infinity` for never. */
  #dueAt: number;
  #pollAt: number;
  #wake: () => void = () => undefined;
  readonly #ended: Promise<void>;
  /** Resolves when it is known whether somebody else syncs the same. */
  readonly #placed: Promise<void>;
  #place: () => void = () => undefined;

  /** @internal */
  constructor({ connection, scope }: SyncHome, asked: Asked, around: SyncSurroundings = syncSurroundings) {
    this.#asked = asked;
    this.#around = around;
    const { signal } = this.#ending;
    const server = new ServerCalls(asked.remote, signal, around);
    const tell: PairParts["tell"] = (type, event) => this.#tell(type, event);
    this.#pairs = new SyncPairs({ calls: connection, scope, server, asked, signal, tell });
    this.#dueAt = this.#pollAt = asked.intervalMs === null ? Infinity : around.now();
    const offs = [connection.on("change", (event) => this.#onChange(event, scope)), this.#onOnline()];
    this.#placed = new Promise((resolve) => (this.#place = resolve));
    this.#ended = this.#hold(connection, scope).catch((error) => this.#onEnd(error));
    void this.#ended.then(() => offs.forEach((off) => off()));
  }

  /** What it is doing now. */
  get status(): SyncStatus {
    return this.#status;
  }

  /**
   * Tells the listener of every event of this kind from now on. What it throws is the page's own uncaught error.
   *
   * @returns Ends it.
   *
   * @throws `INVALID_ARGUMENT`.
   */
  on<T extends keyof SyncEvents>(type: T, listener: (event: SyncEvents[T]) => void): () => void {
    if (!EVENTS.includes(type)) throw invalidArgument(`type must be one of ${EVENTS.join(", ")}, got ${show(type)}`);
    validateFunction(listener, "listener");
    const own = ((event: SyncEvents[T]) => listener(event)) as Listener<keyof SyncEvents>;
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(own));
    return () => void listeners.delete(own);
  }

  /**
   * Makes a round that begins after this call, also while it is paused, and resolves with what that has done.
   *
   * @throws What a round fails with, such as `CONNECTION_LOST`; `LOCKED` while another tab syncs these collections; `CLOSED` after `stop`.
   */
  async now(): Promise<SyncReport> {
    await this.#placed;
    if (this.#ending.signal.aborted) throw stopped();
    if (!this.#hasLock)
      throw new TidepoolError("LOCKED", "Another tab or worker syncs these collections; this one takes over when it goes");
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#wake();
    });
  }

  /** Makes no more rounds by itself, until `resume`; one under way goes on to its end. */
  pause(): void {
    this.#isPaused = true;
    if (this.#status.state !== "syncing" && this.#status.state !== "standby") this.#is("paused");
    this.#wake();
  }

  /** Goes on by itself, at once. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#asked.intervalMs !== null) this.#dueAt = this.#pollAt = this.#around.now();
    this.#wake();
  }

  /**
   * Ends it, wherever it is: what is not done is found by the next sync. Resolves when nothing is under way any more. `forget`: drops what
   * both sides have agreed on, so that the next sync knows of no deletion before it.
   *
   * @throws `INVALID_ARGUMENT`.
   */
  async stop(options: { forget?: boolean } = {}): Promise<void> {
    const { forget = false } = readArguments("stop", () => readObject(options, "stop", "forget"));
    if (typeof forget !== "boolean") throw invalidArgument(`forget must be true or false, got ${show(forget)}`);
    this.#ending.abort(stopped());
    this.#wake();
    await this.#ended;
    if (forget) await this.#pairs.forget();
  }

  // ---- rounds

  async #hold(calls: SyncHome["connection"], { tenant, database }: Scope): Promise<void> {
    const { remote, collections } = this.#asked;
    const store = await storeId(calls);
    const nameOf = (collection: string): string =>
      `tidepool-sync:${JSON.stringify([store, tenant, database, collection, remote.url, remote.tenant, remote.database])}`;
    await holdAll(this.#around.holdLock, collections.map(nameOf), this.#ending.signal, () => this.#run(), this.#place);
  }

  async #run(): Promise<void> {
    this.#hasLock = true;
    this.#place();
    while (!this.#ending.signal.aborted) {
      await this.#due();
      if (!this.#ending.signal.aborted) await this.#round();
    }
    throw stopped();
  }

  /** Resolves when a round is to begin. */
  async #due(): Promise<void> {
    for (;;) {
      const now = this.#around.now();
      if (this.#waiting.length > 0 || this.#ending.signal.aborted) return;
      const isHeld = this.#isPaused || !this.#around.isOnline();
      if (!isHeld && this.#dueAt <= now) return;
      this.#is(this.#isPaused ? "paused" : isHeld ? "offline" : this.#failures > 0 ? "waiting" : "idle");
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      const cancel = isHeld || this.#dueAt === Infinity ? undefined : this.#around.schedule(this.#dueAt - now, this.#wake);
      await woken;
      cancel?.();
    }
  }

  async #round(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    const looksThere = waiting.length > 0 || this.#pollAt <= this.#around.now();
    this.#dueAt = Infinity;
    this.#is("syncing");
    try {
      const report = await this.#pairs.round(looksThere);
      this.#failures = 0;
      this.#status = { ...this.#status, error: null };
      if (looksThere) this.#pollAt = this.#around.now() + jittered(this.#asked.intervalMs ?? Infinity, this.#around.random());
      this.#dueAt = Math.min(this.#dueAt, this.#pollAt);
      this.#tell("round", report);
      for (const { resolve } of waiting) resolve(report);
    } catch (error) {
      this.#onFailure(error);
      for (const { reject } of waiting) reject(this.#ending.signal.aborted ? stopped() : error);
    }
  }

  #onFailure(error: unknown): void {
    if (this.#ending.signal.aborted) return;
    const told = asError(error);
    if (told.code === "CLOSED") this.#ending.abort(told);
    const asked = Number(told.details?.["retryAfterMs"] ?? 0);
    const waitMs = backOffMs(roundBackOff, ++this.#failures, this.#around.random());
    const afterMs = this.#asked.intervalMs === null ? Infinity : Math.max(waitMs, asked);
    this.#dueAt = this.#pollAt = this.#around.now() + afterMs;
    this.#status = { ...this.#status, error: told };
  }

  #onChange(event: Scope & { collection: string }, { tenant, database }: Scope): void {
    const isOurs = event.tenant === tenant && event.database === database && this.#asked.collections.includes(event.collection);
    const { intervalMs, direction } = this.#asked;
    // While it waits after a failure, what is new waits, too.
    if (!isOurs || intervalMs === null || direction === "pull" || this.#failures > 0) return;
    this.#dueAt = Math.min(this.#dueAt, this.#around.now() + GATHER_MS);
    this.#wake();
  }

  #onOnline(): () => void {
    const target = globalThis as Partial<Pick<EventTarget, "addEventListener" | "removeEventListener">>;
    const onOnline = (): void => {
      if (this.#asked.intervalMs !== null)
        this.#dueAt = this.#pollAt = this.#around.now() + jittered(roundBackOff.firstMs, this.#around.random());
      this.#wake();
    };
    target.addEventListener?.("online", onOnline);
    return () => target.removeEventListener?.("online", onOnline);
  }

  // ---- what is told

  #onEnd(error: unknown): void {
    const reason = asError(this.#ending.signal.aborted ? this.#ending.signal.reason : error);
    this.#ending.abort(reason);
    this.#place();
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
    if (reason.code !== "CLOSED") this.#status = { ...this.#status, error: reason };
    this.#is("stopped");
  }

  #is(state: SyncStatus["state"]): void {
    const retryAt = state === "waiting" && this.#dueAt < Infinity ? this.#dueAt : null;
    const { status } = this;
    if (status.state === state && status.retryAt === retryAt) return;
    this.#status = { ...status, state, retryAt };
    this.#tell("status", this.#status);
  }

  #tell<T extends keyof SyncEvents>(type: T, event: SyncEvents[T]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        // The page's own error, which must not end what it listens to.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/**
 * Begins a sync of a client's collections.
 *
 * @internal
 */
export function startSync(connection: SyncHome["connection"], scope: Scope, options: SyncOptions): Sync {
  const asked = readArguments("sync", () => readSync(options));
  if (connection.remote === undefined) return new Sync({ connection, scope }, asked);
  throw invalidArgument("sync is between a database in this browser and a server: its client must have no remote");
}

function stopped(): TidepoolError {
  return new TidepoolError("CLOSED", "The sync is stopped; begin another");
}

function asError(error: unknown): TidepoolError {
  if (error instanceof TidepoolError) return error;
  const message = `A sync failed: ${error instanceof Error ? error.message : String(error)}`;
  return new TidepoolError("INTERNAL", message, { cause: error });
}
