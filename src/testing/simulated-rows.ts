/**
 * IndexedDB in memory whose committed states can be kept and brought back, and whose transactions fail on demand, for tests,
 * never shipped. It is `fake-indexeddb`, watched at the moment in which a transaction commits.
 *
 * What is modelled: a transaction is there whole or not at all. A strict one is on disk with all that were committed before
 * it; of later ones, which are not strict, a loss of power takes some of the last, never one from the middle.
 */
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";

type Row = readonly [key: IDBValidKey, value: unknown];

/** The rows of one database, by store. */
interface DatabaseRows {
  readonly version: number;
  readonly stores: ReadonlyMap<string, readonly Row[]>;
}

/** All databases at one moment. Values are never changed, only replaced. */
export type RowsImage = ReadonlyMap<string, DatabaseRows>;

export type RowsCall = "begin" | "commit" | "get" | "open" | "deleteDatabase";

/** Told of every call before it takes effect; an error returned is the call's failure. */
export type RowsGate = (call: RowsCall) => DOMException | null;

/** Parts of the fake that its types do not show. */
interface RawDatabase {
  readonly name: string;
  readonly version: number;
  readonly rawObjectStores: Map<
    string,
    { records: { values(): Iterable<{ key: IDBValidKey; value: unknown }>; put(record: object): void } }
  >;
}
interface RawTransaction extends IDBTransaction {
  _rollbackLog: (() => void)[];
}
type Listener = (event: Event) => boolean;

export class SimulatedRows {
  /** What may be on disk: the state after the latest strict transaction, and after each one since. */
  #states: RowsImage[];
  readonly #gate: RowsGate;
  readonly #committing: () => void;
  readonly #committed: (strict: boolean) => void;

  /** `committing` is called when a transaction is about to take effect, `committed` when it has and nobody knows yet. */
  constructor(image: RowsImage, gate: RowsGate, committing: () => void, committed: (strict: boolean) => void) {
    this.#states = [image];
    this.#gate = gate;
    this.#committing = committing;
    this.#committed = committed;
  }

  /** States that may be found after a loss of power, oldest first; the last is also what is found after the end of the process. */
  get states(): readonly RowsImage[] {
    return this.#states;
  }

  /** What replaces `globalThis.indexedDB`. */
  async factory(): Promise<IDBFactory> {
    const factory = new IDBFactory();
    for (const [name, rows] of this.#states.at(-1)!) await restore(factory, name, rows);
    const { open, deleteDatabase } = factory;
    factory.open = (...args) => {
      this.#refuse("open");
      const request = open.apply(factory, args);
      // A new database is committed by the transaction that creates its stores, which nobody asked to be strict.
      request.addEventListener("upgradeneeded", () => this.#watchUpgrade(request.transaction as RawTransaction));
      request.addEventListener("success", () => this.#watch(request.result));
      return request;
    };
    factory.deleteDatabase = (name) => {
      this.#refuse("deleteDatabase");
      const request = deleteDatabase.call(factory, name);
      request.addEventListener("success", () => this.#commit(false, (now) => now.delete(name)));
      return request;
    };
    return factory;
  }

  #watch(database: IDBDatabase): void {
    if (Object.hasOwn(database, "transaction")) return;
    const begin = database.transaction;
    database.transaction = (stores, mode, options) => {
      const changes = mode !== undefined && mode !== "readonly";
      if (changes) this.#refuse("begin");
      const transaction = begin.call(database, stores, mode, options);
      if (changes) this.#watchCommit(transaction as RawTransaction);
      else this.#watchRead(transaction as RawTransaction);
      return transaction;
    };
  }

  #watchUpgrade(transaction: RawTransaction): void {
    const failure = this.#gate("commit");
    if (failure) return this.#abort(transaction, failure);
    const commit = (): void => this.#commit(false, (now) => now.set(transaction.db.name, rowsOf(transaction.db)));
    transaction.addEventListener("complete", commit);
  }

  #abort(transaction: RawTransaction, failure: DOMException): void {
    Object.defineProperty(transaction, "error", { get: () => failure });
    queueMicrotask(() => transaction.abort());
  }

  #watchCommit(transaction: RawTransaction): void {
    const dispatch = transaction.dispatchEvent.bind(transaction);
    transaction.dispatchEvent = ((event: Event) => {
      if (event.type !== "complete") return dispatch(event);
      const failure = this.#gate("commit");
      if (failure) return abort(transaction, failure, event, dispatch);
      this.#commit(transaction.durability === "strict", (now) => now.set(transaction.db.name, rowsOf(transaction.db)));
      return dispatch(event);
    }) as Listener;
  }

  /** A read that fails does so in one of its requests. */
  #watchRead(transaction: RawTransaction): void {
    const failure = this.#gate("get");
    if (failure) this.#abort(transaction, failure);
  }

  #commit(strict: boolean, change: (now: Map<string, DatabaseRows>) => void): void {
    this.#committing();
    const now = new Map(this.#states.at(-1));
    change(now);
    this.#states = strict ? [now] : [...this.#states, now];
    this.#committed(strict);
  }

  #refuse(call: RowsCall): void {
    const failure = this.#gate(call);
    if (failure) throw failure;
  }
}

/** A commit that fails: everything is undone, and only `abort` fires, with no error on any request. */
function abort(transaction: RawTransaction, failure: DOMException, event: Event, dispatch: Listener): boolean {
  for (const undo of transaction._rollbackLog.reverse()) undo();
  Object.defineProperty(transaction, "error", { get: () => failure });
  return dispatch(new (event.constructor as typeof Event)("abort", { bubbles: true }));
}

function raw(database: IDBDatabase): RawDatabase {
  return (database as unknown as { _rawDatabase: RawDatabase })._rawDatabase;
}

function rowsOf(database: IDBDatabase): DatabaseRows {
  const { version, rawObjectStores } = raw(database);
  const rows = [...rawObjectStores].map(
    ([name, { records }]) => [name, [...records.values()].map(({ key, value }) => [key, value] as const)] as const,
  );
  return { version, stores: new Map(rows) };
}

function restore(factory: IDBFactory, name: string, { version, stores }: DatabaseRows): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = factory.open(name, version);
    request.addEventListener("upgradeneeded", () => {
      for (const store of stores.keys()) request.result.createObjectStore(store);
    });
    request.addEventListener("error", () => reject(request.error));
    request.addEventListener("success", () => {
      const { rawObjectStores } = raw(request.result);
      for (const [store, rows] of stores) for (const [key, value] of rows) rawObjectStores.get(store)!.records.put({ key, value });
      request.result.close();
      resolve();
    });
  });
}
