/**
 * A subscription as a store, in the one shape that React's `useSyncExternalStore`, Svelte's stores and Vue can use: a snapshot that
 * is another object whenever something has changed and the same while nothing has, and `subscribe`, which calls at once and after
 * each change.
 *
 * It asks nothing before somebody subscribes, and ends its subscription a while after the last one has left: whoever leaves and comes
 * back at once, as components do, finds it as it was.
 */
import type { TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import type { Metadata, MetadataOf } from "../../core/types.js";
import type { TidepoolClient } from "../client.js";
import type { Collection } from "../collection.js";
import { copyOf, readArguments } from "../read-arguments.js";
import type { LiveOptions, Subscription } from "./live-query.js";
import type { LiveUpdate } from "./live-results.js";
import type { LiveListener, LiveRead, LiveReads, LiveResults } from "./subscribe.js";

/** What a store knows; another object after each change. */
export interface LiveSnapshot<R> {
  /** The latest results, `undefined` before the first. They stay when a refresh fails. */
  readonly results: R | undefined;
  /** What the latest change of them was, `undefined` before there was one. */
  readonly update: LiveUpdate<R> | undefined;
  /** Why there are no newer results, `undefined` where nothing is wrong. */
  readonly error: TidepoolError | undefined;
  /** Whether the first results are still on their way. */
  readonly isLoading: boolean;
}

/** Results that are kept up to date while somebody is subscribed. */
export interface LiveStore<R> {
  /** One object until something changes. It asks nothing, so a server can call it, too. */
  getSnapshot(): LiveSnapshot<R>;
  /** Calls `run` at once and after each change, until the function that it returns is called. */
  subscribe(run: (snapshot: LiveSnapshot<R>) => void): () => void;
  /** Asks again at once; what comes of it is in the snapshot. Without subscribers it does nothing. */
  refresh(): Promise<void>;
}

/** What can be subscribed to, as far as a store needs it. */
interface Source<R> {
  subscribe(what: object, listener: LiveListener<R>): Promise<Subscription<R>>;
}

/**
 * A store of the results of a read, or of the list of a client's collections. It is made at once and asks nothing itself.
 *
 * @param source - A collection, or a client.
 * @param what - As of their `subscribe`, without `onError` and `signal`: errors are in the snapshot.
 *
 * @example
 * const store = liveStore(collection, { get: { where: { year: 2 } } });
 * const off = store.subscribe(({ results, error }) => console.log(results?.ids, error?.message));
 * off();
 */
export function liveStore<K extends keyof LiveReads, TMeta extends MetadataOf<TMeta> = Metadata>(
  source: Collection<TMeta>,
  what: LiveRead<K, TMeta>,
): LiveStore<LiveResults<TMeta>[K]>;
/** A store of the list of a client's collections. */
export function liveStore(source: TidepoolClient, what: { collections: { limit?: number; offset?: number } }): LiveStore<Collection[]>;
export function liveStore(source: unknown, what: object): LiveStore<unknown> {
  const store = new Store(
    source as Source<unknown>,
    readArguments("liveStore", () => copyOf(what)),
  );
  return {
    getSnapshot: () => store.snapshot,
    subscribe: (run) => store.subscribe(run),
    refresh: () => store.refresh(),
  };
}

class Store<R> {
  readonly #source: Source<R>;
  readonly #what: object;
  readonly #runs = new Set<(snapshot: LiveSnapshot<R>) => void>();
  /** Of the present subscription. */
  #aborting: AbortController | null = null;
  #subscription: Promise<Subscription<R> | null> | null = null;
  #leaving: ReturnType<typeof setTimeout> | undefined;
  snapshot: LiveSnapshot<R> = { results: undefined, update: undefined, error: undefined, isLoading: true };

  constructor(source: Source<R>, what: object) {
    this.#source = source;
    this.#what = what;
  }

  subscribe(run: (snapshot: LiveSnapshot<R>) => void): () => void {
    // One that is given twice is called twice, and each is taken off by itself.
    const own = (snapshot: LiveSnapshot<R>): void => run(snapshot);
    this.#runs.add(own);
    clearTimeout(this.#leaving);
    this.#subscription ??= this.#open();
    run(this.snapshot);
    return () => {
      if (!this.#runs.delete(own) || this.#runs.size > 0) return;
      this.#leaving = setTimeout(() => this.#close(), limits.liveLingerMs);
    };
  }

  async refresh(): Promise<void> {
    if (this.#runs.size === 0) return;
    const subscription = await (this.#subscription ??= this.#open());
    try {
      const results = await subscription?.refresh();
      if (results !== undefined && this.snapshot.error !== undefined) this.#set({ results, error: undefined });
    } catch (error) {
      this.#set({ error: error as TidepoolError });
    }
  }

  async #open(): Promise<Subscription<R> | null> {
    const aborting = new AbortController();
    this.#aborting = aborting;
    const { signal } = aborting;
    const onError: LiveOptions["onError"] = (error, { isFinal }) => {
      if (isFinal) this.#close();
      this.#set({ error });
    };
    try {
      const listener: LiveListener<R> = (update) => this.#set({ results: update.results, update, error: undefined });
      const subscription = await this.#source.subscribe({ ...this.#what, onError, signal }, listener);
      if (!signal.aborted) this.#set({ results: subscription.initial, error: undefined, isLoading: false });
      return subscription;
    } catch (error) {
      if (signal.aborted) return null;
      this.#close();
      this.#set({ error: error as TidepoolError, isLoading: false });
      return null;
    }
  }

  /** Whoever subscribes from now on, or asks again, opens it anew. */
  #close(): void {
    this.#aborting?.abort();
    this.#aborting = null;
    this.#subscription = null;
  }

  #set(changed: Partial<LiveSnapshot<R>>): void {
    this.snapshot = { ...this.snapshot, ...changed };
    for (const run of [...this.#runs]) run(this.snapshot);
  }
}
