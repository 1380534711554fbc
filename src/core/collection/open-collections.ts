/**
 * The collections that are open in memory, and what is known of those that were.
 *
 * A collection is opened on its first use and stays open until more are open, or more memory is held, than the bounds
 * allow; then those used longest ago are closed. Nothing is lost with them: what they knew is in the segments and the log.
 *
 * Invariants: a collection has at most one state that anybody begins to use, and everything that reads or writes it runs inside
 * `use`; a state is closed only while nobody uses it and no background work holds on to it. So the bounds may be exceeded for as
 * long as that many are really in use. While a collection is replaced by a repaired one, reads go on with the old state, to their end,
 * and writes wait for the new one.
 */

import { type MemoryUse, memorySum } from "../base/memory-use.js";
import { show, TidepoolError } from "../errors.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { Manifest } from "../sysdb/manifest.js";
import { CollectionState } from "./collection-state.js";
import { ReadWriteLock } from "./read-write-lock.js";

/** What is told of a collection without opening it again. */
export interface CollectionFacts {
  readonly count: number;
  readonly dimension: number | null;
  readonly appliedOffset: number;
  readonly logRecords: number;
  readonly logBytes: number;
}

export interface OpenCollectionsParts {
  open(row: CollectionRow): Promise<CollectionState>;
  /** The published manifests of a collection that can be read, oldest first. */
  retained(id: string): readonly Manifest[];
  /** Whether background work holds on to the state. */
  isBusy(state: CollectionState): boolean;
  /** Begins what should be done before the state is closed, such as compacting a long log; false when there is nothing. */
  wrapUp(state: CollectionState): boolean;
  /** Told of a state that is closed. */
  giveUp(state: CollectionState): void;
  /** Told after each use how many bytes of memory the collections take. */
  held?(bytes: number): void;
  countMax: number;
  bytesMax: number;
}

interface Entry {
  readonly opening: Promise<CollectionState>;
  /** `null` until it is open. */
  state: CollectionState | null;
  /** Calls under way. */
  users: number;
  /** Told when there are none any more: the entry has been replaced. */
  unused?: () => void;
  /** Opened versions, for as long as the system database retains their manifests. */
  readonly versions: WeakMap<Manifest, Promise<CollectionState>>;
}

/** Of so many reads one is followed by a look at the memory that collections take. */
const READS_PER_LOOK = 16;

export class OpenCollections {
  readonly #parts: OpenCollectionsParts;
  /** Whether more memory was held than the bounds allow when it was last counted. */
  #isTight = false;
  #reads = 0;
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry>();
  /** Of collections that were open and are closed; they cannot change before they are opened again. */
  readonly #closed = new Map<string, CollectionFacts>();
  /** Being dropped: nobody begins to use them any more. */
  readonly #leaving = new Set<string>();
  /** Shared by those who change a collection, and held alone while it is replaced. */
  readonly #writing = new Map<string, ReadWriteLock>();

  constructor(parts: OpenCollectionsParts) {
    this.#parts = parts;
  }

  /** Opens the collection if need be, and keeps it open until `body` has ended. */
  use<T>(row: CollectionRow, body: (state: CollectionState) => Promise<T> | T): Promise<T> {
    return this.#use(row, body, false);
  }

  async #use<T>(row: CollectionRow, body: (state: CollectionState) => Promise<T> | T, isChange: boolean): Promise<T> {
    const entry = this.#enter(row);
    const { state } = entry;
    entry.users++;
    try {
      return await body(state ?? (await entry.opening));
    } finally {
      entry.users--;
      if (entry.users === 0) entry.unused?.();
      if (isChange || state === null || this.#readNeedsLook()) this.#closeIdle();
    }
  }

  /** Reads take little memory and give none back, and counting it takes as long as a short read. */
  #readNeedsLook(): boolean {
    return this.#isTight || this.#entries.size > this.#parts.countMax || ++this.#reads % READS_PER_LOOK === 0;
  }

  /** As `use`, to change the collection: waits while that is being replaced, and goes on with what has taken its place. */
  useToChange<T>(row: CollectionRow, body: (state: CollectionState) => Promise<T> | T): Promise<T> {
    return this.#writingOf(row.id).shared(() => this.#use(row, body, true));
  }

  /** Runs `work` while nobody changes the collection. Reads go on. */
  whileUnchanged<T>(id: string, work: () => Promise<T>): Promise<T> {
    return this.#writingOf(id).exclusive(work);
  }

  /** Whoever begins to use the collection opens it anew. Resolves once nobody uses it any more as it was. */
  async replace(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    this.#closed.delete(id);
    if (entry === undefined) return;
    if (entry.users > 0) await new Promise<void>((resolve) => (entry.unused = resolve));
    if (entry.state === null) return;
    entry.state.dropped = true;
    entry.state.dispose();
  }

  #writingOf(id: string): ReadWriteLock {
    const lock = this.#writing.get(id) ?? new ReadWriteLock();
    this.#writing.set(id, lock);
    return lock;
  }

  /** Runs `body` with the collection as it was at a retained version. */
  useVersion<T>(row: CollectionRow, version: number, body: (state: CollectionState) => Promise<T> | T): Promise<T> {
    return this.use(row, async (live) => body(await this.#version(live, version)));
  }

  /**
   * A retained version of a collection in use, opened without its log. It shares the collection's lock, under which blocks are
   * released, and is kept until the version is no longer retained or the collection is closed.
   */
  #version(live: CollectionState, version: number): Promise<CollectionState> {
    const { id, name } = live.row;
    const find = (): Manifest | undefined => this.#parts.retained(id).find((manifest) => manifest.version === version);
    const manifest = find();
    if (manifest === undefined) {
      throw new TidepoolError(
        "NOT_FOUND",
        `Version ${show(version)} of collection [${name}] is not retained; listVersions() tells which are`,
      );
    }
    const { state, versions } = this.#entries.get(id) ?? {};
    if (state !== live || versions === undefined) throw gone(live.row);
    const known = versions.get(manifest);
    if (known !== undefined) return known;
    const opening = CollectionState.openVersion(live, manifest, () => !live.dropped && find() === manifest);
    versions.set(manifest, opening);
    // A failed open is not remembered: the next call tries again and reports what it finds.
    opening.catch(() => versions.delete(manifest));
    return opening;
  }

  /** The collection's state if it is open now. */
  find(id: string): CollectionState | undefined {
    return this.#entries.get(id)?.state ?? undefined;
  }

  /** Those that are open now. */
  *states(): Generator<CollectionState, void, undefined> {
    for (const { state } of this.#entries.values()) if (state !== null) yield state;
  }

  /** Resolves when all reads that are under way have ended, those that open a collection included. */
  async afterReaders(): Promise<void> {
    const opening = [...this.#entries.values()].map((entry) => entry.opening.then(({ lock }) => lock.exclusive(() => undefined)));
    await Promise.allSettled(opening);
  }

  /** Bytes of memory that those take. */
  get memory(): MemoryUse {
    return memorySum([...this.states()].map((state) => state.memory));
  }

  get #memoryBytes(): number {
    let bytes = 0;
    for (const state of this.states()) bytes += state.memoryBytes;
    return bytes;
  }

  /** What is known of a collection; `undefined` when it was never opened. */
  facts(id: string): CollectionFacts | undefined {
    const state = this.find(id);
    return state === undefined ? this.#closed.get(id) : factsOf(state);
  }

  /** What is known of all that are open or were. */
  *allFacts(): Generator<CollectionFacts, void, undefined> {
    for (const state of this.states()) yield factsOf(state);
    yield* this.#closed.values();
  }

  /** Lets nobody begin to use a collection that is being dropped. Resolves with its state, if it is open. */
  async leave(id: string): Promise<CollectionState | undefined> {
    this.#leaving.add(id);
    return this.#entries.get(id)?.opening.catch(() => undefined);
  }

  /** Ends what `leave` began: the collection is gone, or will be opened anew. */
  forget(id: string): void {
    this.#leaving.delete(id);
    this.#entries.delete(id);
    this.#closed.delete(id);
    this.#writing.delete(id);
  }

  /** The entry, from now on the most recently used one. */
  #enter(row: CollectionRow): Entry {
    if (this.#leaving.has(row.id)) throw gone(row);
    const entry = this.#entries.get(row.id) ?? this.#open(row);
    this.#entries.delete(row.id);
    this.#entries.set(row.id, entry);
    return entry;
  }

  #open(row: CollectionRow): Entry {
    const entry: Entry = { opening: this.#parts.open(row), state: null, users: 0, versions: new WeakMap() };
    entry.opening.then(
      (state) => {
        entry.state = state;
        if (this.#entries.get(row.id) === entry) this.#closed.delete(row.id);
      },
      // A failed open is not remembered: the next call tries again and reports what it finds.
      () => {
        if (this.#entries.get(row.id) === entry) this.#entries.delete(row.id);
      },
    );
    return entry;
  }

  /** What is wrapped up first counts as closed here: a later call finds it ready. */
  #closeIdle(): void {
    const { countMax, bytesMax, isBusy, wrapUp } = this.#parts;
    let count = this.#entries.size;
    let bytes = this.#memoryBytes;
    this.#parts.held?.(bytes);
    this.#isTight = bytes > bytesMax;
    for (const [id, { state, users }] of this.#entries) {
      if (count <= countMax && (count <= 1 || bytes <= bytesMax)) return;
      if (state === null || users > 0) continue;
      count--;
      bytes -= state.memoryBytes;
      if (!isBusy(state) && !wrapUp(state)) this.#close(id, state);
    }
  }

  #close(id: string, state: CollectionState): void {
    this.#entries.delete(id);
    this.#closed.set(id, factsOf(state));
    state.closed = true;
    this.#parts.giveUp(state);
    state.dispose();
  }
}

function factsOf({ count, dimension, appliedOffset, log }: CollectionState): CollectionFacts {
  return { count, dimension, appliedOffset, logRecords: log.records, logBytes: log.bytes };
}

function gone({ name }: CollectionRow): TidepoolError {
  return new TidepoolError("NOT_FOUND", `Collection [${name}] does not exist any more`);
}
