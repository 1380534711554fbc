/**
 * Reads that are watched: what each of them has seen, and who is told once a write may have changed its result.
 *
 * What is written is gathered, and looked at together after a while (`limits.watchPauseMs`), by `interest.ts`: the more time that
 * takes, the more is left to others. A watch is told of once and not looked at again until its read is repeated.
 *
 * Invariants: what a read has seen is complete while nothing can be applied, since it is noted under the collection's shared lock; a
 * write is noted before it is acknowledged; so a watch that is not told of has a result that a read would give now, but for what
 * waits to be looked at. A watch whose read has failed has seen nothing, and any write is told. All of a client's watches end with
 * the session that they came over.
 */
import { Bitmap } from "../base/bitmap.js";
import type { Tick } from "../base/turns.js";
import type { Applied } from "../collection/applied-listeners.js";
import type { CollectionState } from "../collection/collection-state.js";
import type { RecordFields } from "../collection/memtable.js";
import { TidepoolError } from "../errors.js";
import type { Tell } from "../events.js";
import type { Caller } from "../gateway/caller.js";
import type { WatchPlan } from "../gateway/plan-watch.js";
import { limits } from "../limits.js";
import type { WatchAnswer } from "../service.js";
import type { Environment } from "../storage.js";
import type { QueryExecutor } from "./executor.js";
import { bothChanges, type Interest, interestOf, isTouched, type RecordChange, type Seen } from "./interest.js";
import { liveView } from "./view.js";
import { WatchedView } from "./watched-view.js";

export interface WatchesParts {
  environment: Pick<Environment, "now" | "schedule">;
  tick: Tick;
  tell: Tell;
  /** The state of a collection that is open. */
  find(collectionId: string): CollectionState | undefined;
}

interface Watch {
  readonly client: WatchingClient;
  readonly name: string;
  readonly collectionId: string;
  interest: Interest;
  /** `null` where the latest read has failed. */
  seen: Seen | null;
  /** Whether its client has been told since the latest read, or waits for the first. */
  isTold: boolean;
}

interface WatchingClient {
  readonly id: string;
  readonly watches: Map<string, Watch>;
  /** What else ends with its session, and its own part of that. */
  leaving: Set<() => void> | undefined;
  readonly leave: () => void;
}

/** One collection's watches, and what was written since they were looked at. */
interface Watched {
  readonly watches: Set<Watch>;
  changes: Map<number, RecordChange>;
  numbering: object | null;
  /** Ends the wait for the next look. */
  cancel: (() => void) | null;
  isLooking: boolean;
}

export class Watches {
  readonly #parts: WatchesParts;
  readonly #clients = new Map<string, WatchingClient>();
  readonly #watched = new Map<string, Watched>();

  constructor(parts: WatchesParts) {
    this.#parts = parts;
  }

  /** Reads, and watches what was read from then on. */
  async read(state: CollectionState, name: string, plan: WatchPlan, executor: QueryExecutor, caller?: Caller): Promise<WatchAnswer> {
    const watch = this.#watchOf(this.#clientOf(caller), name, state.row.id, interestOf(plan));
    const through = executor.through((view, read) => {
      const watched = new WatchedView(view, read);
      watch.seen = watched.seen;
      watch.isTold = false;
      return watched;
    });
    try {
      return await answer(through, state, plan);
    } catch (error) {
      watch.seen = null;
      watch.isTold = false;
      throw error;
    }
  }

  /** Ends watches of a client. */
  end(clientId: string, names: readonly string[]): void {
    const client = this.#clients.get(clientId);
    for (const name of names) this.#drop(client?.watches.get(name));
  }

  /** Takes note of what a log record did. */
  note({ state, offset, effects }: Applied): void {
    const watched = this.#watched.get(state.row.id);
    if (watched === undefined) return;
    const { numbering } = state.records;
    if (watched.numbering !== null && watched.numbering !== numbering) return this.touchAll(state.row.id);
    watched.numbering = numbering;
    // So many are not looked at one by one.
    if (effects.some(({ written, deleted }) => written.length + deleted.length > limits.watchedChangesMax)) {
      return this.touchAll(state.row.id);
    }
    for (const { written, deleted } of effects) {
      for (const [ordinal, fields] of written) merge(watched.changes, ordinal, changeOf(fields, offset));
      for (const ordinal of deleted) merge(watched.changes, ordinal, { ...gone, offset });
    }
    if (watched.changes.size > limits.watchedChangesMax) return this.touchAll(state.row.id);
    if (watched.changes.size > 0) this.#lookLater(state.row.id, watched, limits.watchPauseMs);
  }

  /** Tells of all results of a collection, or of those that vectors have a part in: they may have changed, or it is gone. */
  touchAll(collectionId: string, isConcerned: (interest: Interest) => boolean = () => true): void {
    const watched = this.#watched.get(collectionId);
    if (watched === undefined) return;
    this.#tell([...watched.watches].filter(({ interest, isTold }) => !isTold && isConcerned(interest)));
    if ([...watched.watches].every(({ isTold }) => isTold)) forget(watched);
  }

  /** Forgets all, and tells nobody. */
  close(): void {
    for (const watched of this.#watched.values()) forget(watched);
    this.#watched.clear();
    this.#clients.clear();
  }

  // ---- who watches

  #clientOf({ clientId = "", leaving }: Partial<Caller> = {}): WatchingClient {
    const client = this.#clients.get(clientId) ?? this.#newClient(clientId);
    if (client.leaving === leaving) return client;
    // It has come back over another session.
    client.leaving?.delete(client.leave);
    client.leaving = leaving;
    leaving?.add(client.leave);
    return client;
  }

  #newClient(id: string): WatchingClient {
    const watches = new Map<string, Watch>();
    const leave = (): void => this.end(id, [...watches.keys()]);
    const client: WatchingClient = { id, watches, leaving: undefined, leave };
    this.#clients.set(id, client);
    return client;
  }

  #watchOf(client: WatchingClient, name: string, collectionId: string, interest: Interest): Watch {
    const known = client.watches.get(name);
    if (known?.collectionId === collectionId) {
      known.interest = interest;
      return known;
    }
    this.#drop(known);
    if (client.watches.size >= limits.subscriptionsMax) throw tooMany();
    const watch: Watch = { client, name, collectionId, interest, seen: null, isTold: true };
    this.#clients.set(client.id, client);
    client.watches.set(name, watch);
    const watched = this.#watched.get(collectionId) ?? newWatched();
    this.#watched.set(collectionId, watched);
    watched.watches.add(watch);
    return watch;
  }

  #drop(watch: Watch | undefined): void {
    if (watch === undefined) return;
    const { client, name, collectionId } = watch;
    client.watches.delete(name);
    if (client.watches.size === 0) {
      client.leaving?.delete(client.leave);
      client.leaving = undefined;
      this.#clients.delete(client.id);
    }
    const watched = this.#watched.get(collectionId)!;
    watched.watches.delete(watch);
    if (watched.watches.size > 0) return;
    forget(watched);
    this.#watched.delete(collectionId);
  }

  // ---- looking at what was written

  #lookLater(collectionId: string, watched: Watched, pauseMs: number): void {
    if (watched.isLooking || watched.cancel !== null) return;
    watched.cancel = this.#parts.environment.schedule(() => {
      watched.cancel = null;
      void this.#look(collectionId, watched);
    }, pauseMs);
  }

  async #look(collectionId: string, watched: Watched): Promise<void> {
    const begun = this.#parts.environment.now();
    const { changes, numbering } = watched;
    watched.changes = new Map();
    watched.isLooking = true;
    try {
      const touched: Watch[] = [];
      for (const watch of [...watched.watches]) {
        if (!watch.isTold && (await this.#isTouched(watch, changes, numbering))) touched.push(watch);
        await this.#parts.tick();
      }
      this.#tell(touched.filter((watch) => watched.watches.has(watch)));
    } finally {
      watched.isLooking = false;
    }
    const resting = Math.min(limits.livePauseMsMax, limits.livePauseShare * (this.#parts.environment.now() - begun));
    const pauseMs = Math.max(limits.watchPauseMs, resting);
    if (watched.changes.size > 0) this.#lookLater(collectionId, watched, pauseMs);
  }

  /** Also where it cannot be told: of a collection that is closed or gone, or whose records have other ordinals by now. */
  async #isTouched(watch: Watch, changes: ReadonlyMap<number, RecordChange>, numbering: object | null): Promise<boolean> {
    const state = this.#parts.find(watch.collectionId);
    if (state === undefined) return true;
    try {
      return await state.read(() => {
        const { seen, interest } = watch;
        if (seen === null || seen.numbering !== state.records.numbering || numbering !== state.records.numbering) return true;
        return this.#hasTouched(state, interest, seen, changes);
      });
    } catch {
      // Whoever reads again is told what is wrong.
      return true;
    }
  }

  async #hasTouched(state: CollectionState, interest: Interest, seen: Seen, changes: ReadonlyMap<number, RecordChange>): Promise<boolean> {
    const later = [...changes].filter(([, { offset }]) => offset > seen.offset);
    if (later.length === 0) return false;
    const live = Bitmap.of(later.map(([ordinal]) => ordinal)).intersect(state.records.live);
    const view = liveView(state, this.#parts.tick);
    const matching: Bitmap[] = [];
    for (const filter of interest.filters) matching.push(filter === null ? live : await view.selectAmong(filter, live));
    const isExact = !(state.vectors.finder?.isApproximate ?? false);
    return later.some(([ordinal, change]) => {
      const matches = matching.map((bitmap) => bitmap.has(ordinal));
      return isTouched(interest, seen, { ordinal, change, matches }, isExact);
    });
  }

  #tell(watches: readonly Watch[]): void {
    const named = new Map<string, string[]>();
    for (const watch of watches) {
      const names = named.get(watch.client.id) ?? [];
      named.set(watch.client.id, names);
      names.push(watch.name);
      watch.isTold = true;
    }
    for (const [clientId, names] of named) this.#parts.tell("live", { clientId, watches: names });
  }
}

function newWatched(): Watched {
  return { watches: new Set(), changes: new Map(), numbering: null, cancel: null, isLooking: false };
}

function forget(watched: Watched): void {
  watched.cancel?.();
  watched.cancel = null;
  watched.changes = new Map();
  watched.numbering = null;
}

const gone: Omit<RecordChange, "offset"> = { vector: false, document: false, metadata: false, uri: false, deleted: true };

function changeOf({ vector, document, metadata, uri }: RecordFields, offset: number): RecordChange {
  const isGiven = (field: unknown): boolean => field !== undefined;
  const given = { vector: isGiven(vector), document: isGiven(document), metadata: isGiven(metadata), uri: isGiven(uri) };
  return { ...given, deleted: false, offset };
}

function merge(changes: Map<number, RecordChange>, ordinal: number, change: RecordChange): void {
  changes.set(ordinal, bothChanges(changes.get(ordinal), change));
}

function answer(executor: QueryExecutor, state: CollectionState, { method, plan }: WatchPlan): Promise<WatchAnswer> {
  switch (method) {
    case "get":
      return executor.get(state, plan);
    case "query":
      return executor.query(state, plan);
    case "searchText":
      return executor.searchText(state, plan);
    case "hybrid":
      return executor.hybrid(state, plan);
    case "search":
      return executor.search(state, plan);
    case "count":
      return executor.count(state, plan);
  }
}

function tooMany(): TidepoolError {
  const allowed = limits.subscriptionsMax;
  const message = `A client has at most ${allowed} subscriptions (subscriptionsMax): end some with unsubscribe()`;
  return new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit: "subscriptionsMax", allowed } });
}
