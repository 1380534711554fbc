/**
 * The IndexedDB connection that the three stores of one database share: schema, opening, transactions, error mapping.
 *
 * Invariants: a write is acknowledged only once its transaction has fired `complete`, and a transaction whose body
 * fails is aborted, so it has had no effect. A failed commit fires only `abort`, with no error on any request, which is
 * why `done` is awaited beside the requests. At most one write transaction is under way at any time. After `close`, a
 * version change or a loss of the connection, every call rejects with `CLOSED`.
 *
 * **Fencing.** Opening takes a new generation: one strict transaction raises the counter in the catalog's row `generation`. Every
 * write transaction reads that row first and aborts with `LEASE_LOST` when it holds another generation than its own. Transactions
 * that write are serial, since the row's store is in the scope of each; so once a successor has raised the counter, no write of
 * this connection commits any more, whatever its worker believes of the lease. It may have been frozen for hours. Two engines
 * therefore never both acknowledge.
 */

import type { DBSchema, IDBPDatabase, IDBPTransaction, OpenDBCallbacks, StoreNames } from "idb";
import { deleteDB, openDB } from "idb";
import { Serial } from "../../core/base/serial.js";
import { TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import type { Durability } from "../../core/storage.js";
import { bounded } from "../bounded.js";
import { clearedError, closedError, isQuota, isRefusal, leaseLost, nameOf, refused, storageError } from "../storage-error.js";
import { soleTenure, type Tenure } from "../tenure.js";
import { errorOfWrite } from "./full-origin-error.js";
import { decodeGeneration, encodeGeneration, generationAfter, generationKey } from "./generation.js";
import { Reserve } from "./reserve.js";

/** Version of the object stores below. A browser refuses to open a database whose version is higher. */
const schemaVersion = 1;

export interface Schema extends DBSchema {
  /** Log records: `[collectionId, offset]`. */
  log: { key: [string, number]; value: Uint8Array };
  catalog: { key: string; value: Uint8Array };
  /** Pieces of blobs: `[blob, piece]`. Unused when blobs live in OPFS. */
  blobs: { key: [number, number]; value: Uint8Array };
}

type Store = StoreNames<Schema>;
export type Transaction<M extends IDBTransactionMode> = IDBPTransaction<Schema, Store[], M>;

/** The name under which the browser lists the database at this path. */
export function databaseName(path: string): string {
  return `tidepool:${path}`;
}

export class Database {
  #database: IDBPDatabase<Schema>;
  #closed: TidepoolError | null = null;
  #generation = 0;
  /** Whether the latest write found no room. */
  #isFull = false;
  readonly #path: string;
  readonly #onLost: (error: TidepoolError) => void;
  readonly #writes = new Serial();
  readonly #reserve = new Reserve((durability, doing, body) =>
    this.#attempt(["blobs"], durability, doing, (transaction) => body(transaction.objectStore("blobs"))),
  );

  private constructor(database: IDBPDatabase<Schema>, path: string, onLost: (error: TidepoolError) => void) {
    this.#database = database;
    this.#path = path;
    this.#onLost = onLost;
  }

  /**
   * Opens the database at this path, creates it when there is none, and takes a generation. Rejects with `FORMAT_TOO_NEW` when
   * a newer release changed it, `LOCKED` when an older one is still open elsewhere, `NOT_SUPPORTED` without IndexedDB.
   * `tenure.lost` is told once when the connection, or the right to write over it, is taken away.
   */
  static async open(path: string, tenure: Tenure = soleTenure): Promise<Database> {
    assertPresent();
    let opened: Database | undefined;
    const connection = await openUnlessBlocked(path, {
      blocking: () =>
        opened?.lose(new TidepoolError("CLOSED", `The database "${path}" was closed because another tab deletes or upgrades it`)),
      terminated: () => opened?.terminated(),
    });
    opened = new Database(connection, path, tenure.lost);
    try {
      await opened.#takeGeneration(tenure);
    } catch (error) {
      opened.close();
      throw error;
    }
    return opened;
  }

  /**
   * Opens it for reading beside whoever writes to it, without a generation of its own; `null` where there is none. It gives way to
   * whoever deletes or upgrades the database.
   */
  static async peek(path: string): Promise<Database | null> {
    assertPresent();
    if (await isDeleted(path)) return null;
    let opened: Database | undefined;
    const connection = await openUnlessBlocked(path, { blocking: () => opened?.close(), terminated: () => opened?.close() });
    opened = new Database(connection, path, () => undefined);
    return opened;
  }

  /** How often the database had been opened, this time included: names whoever writes over this connection. */
  get generation(): number {
    return this.#generation;
  }

  /** Rejects with `LEASE_LOST` when somebody has taken a later generation. All that was read before it resolves was read by the latest. */
  confirm(): Promise<void> {
    return this.read("catalog", "read the generation", (transaction) => this.#assertLatest(transaction));
  }

  /**
   * On a full disk the counter cannot be raised. Where no earlier engine is left that could write under it, there is no need to:
   * a full database can be read, and room can be made in it.
   */
  async #takeGeneration({ predecessors }: Tenure): Promise<void> {
    try {
      this.#generation = await this.#raiseGeneration();
    } catch (error) {
      if (!isQuota(error) || (await predecessors()) !== null) throw error;
      const last = await this.read("catalog", "read the generation", readGeneration);
      if (last === null) throw error;
      this.#generation = last;
    }
  }

  #raiseGeneration(): Promise<number> {
    return this.#writing("take a new generation", ["catalog"], "strict", async (transaction) => {
      const next = generationAfter(await readGeneration(transaction));
      await transaction.objectStore("catalog").put(encodeGeneration(next), generationKey);
      return next;
    });
  }

  async #assertLatest(transaction: Transaction<IDBTransactionMode>): Promise<void> {
    const stored = await readGeneration(transaction);
    if (stored !== this.#generation) throw this.lose(leaseLost(this.#path));
  }

  /** Runs the body in one read-only transaction. `doing` completes "Could not …" in errors. */
  read<T>(store: Store, doing: string, body: (transaction: Transaction<"readonly">) => Promise<T>): Promise<T> {
    return this.#run(doing, () => this.#database.transaction([store], "readonly"), body);
  }

  /**
   * Runs the body in one transaction and resolves once that is complete; when the body rejects, nothing is written.
   *
   * A write begins when the one before it has ended, even if their stores differ. Chromium allows two at once, but when it
   * is killed meanwhile, its next start may take the database for corrupt and delete it: seen with plain IndexedDB after
   * 7 of 72 kills, and after none of 80 with both writers on one store. Why it does so was not established.
   *
   * What makes room, in a full origin, may use the reserve (`reserve.ts`): its body may then run twice.
   *
   * After one that found no room, Firefox takes the next for an attempt to make some, and refuses to add anything in it: a body
   * that is refused so runs once more.
   */
  async write<T>(
    stores: Store[],
    durability: Durability,
    doing: string,
    body: (transaction: Transaction<"readwrite">) => Promise<T>,
    makesRoom = false,
  ): Promise<T> {
    this.assertOpen();
    const attempt = () => this.#attempt(stores, durability, doing, body);
    const value = await this.#writes.run(() => (makesRoom ? this.#reserve.use(attempt) : attempt()));
    if (!makesRoom && this.#reserve.isDue) void this.#reserve.keep((put) => this.#writes.run(put));
    return value;
  }

  #attempt<T>(
    stores: Store[],
    durability: Durability,
    doing: string,
    body: (transaction: Transaction<"readwrite">) => Promise<T>,
  ): Promise<T> {
    const scope = [...new Set<Store>([...stores, "catalog"])];
    return this.#writing(doing, scope, durability, (transaction) => this.#fenced(transaction, body));
  }

  async #writing<T>(
    doing: string,
    scope: Store[],
    durability: Durability,
    body: (transaction: Transaction<"readwrite">) => Promise<T>,
  ): Promise<T> {
    const begin = () => this.#database.transaction(scope, "readwrite", { durability });
    const wasFull = this.#isFull;
    this.#isFull = false;
    try {
      return await this.#run(doing, begin, body);
    } catch (thrown) {
      const error = await errorOfWrite(thrown as TidepoolError, doing);
      this.#isFull = isQuota(error);
      if (wasFull && nameOf(error.cause) === "InvalidStateError") return this.#writing(doing, scope, durability, body);
      throw error;
    }
  }

  /** The generation is asked for first and so known first; what the body asks for meanwhile is undone when it is another's. */
  async #fenced<T>(transaction: Transaction<"readwrite">, body: (transaction: Transaction<"readwrite">) => Promise<T>): Promise<T> {
    const [, value] = await Promise.all([this.#assertLatest(transaction), body(transaction)]);
    return value;
  }

  /** Deletes all rows, the generation's too: whoever writes later learns that the database is not his any more. */
  clear(): Promise<void> {
    const stores: Store[] = ["log", "catalog", "blobs"];
    return this.#writes.run(() =>
      this.#writing("delete all rows", stores, "strict", async (transaction) => {
        await Promise.all(stores.map(async (store) => transaction.objectStore(store).clear()));
      }),
    );
  }

  close(): void {
    this.shut(closedError());
  }

  /** Closes the connection; calls from now on reject with this error. Transactions that are under way still finish. */
  shut(error: TidepoolError): void {
    this.#closed ??= error;
    this.#database.close();
  }

  /** Closes the connection because it, or the right to use it, was taken away. Returns the error that calls get from now on. */
  lose(error: TidepoolError): TidepoolError {
    if (this.#closed === null) {
      this.shut(error);
      this.#onLost(error);
    }
    return this.#closed ?? error;
  }

  /** The browser has closed the connection. Why is asked first, so that whoever hears of it hears what became of the data. */
  terminated(): TidepoolError {
    const message = `The browser closed the database "${this.#path}"; the call may or may not have taken effect`;
    const error = new TidepoolError("CONNECTION_LOST", message);
    if (this.#closed === null) {
      this.shut(error);
      void isDeleted(this.#path).then((deleted) => this.#onLost(deleted ? clearedError(this.#path, "indexeddb") : error));
    }
    return error;
  }

  assertOpen(): void {
    if (this.#closed) throw new TidepoolError(this.#closed.code, this.#closed.message);
  }

  /**
   * Where others wait for a transaction in which nothing happens for a minute, since this worker did not run, Chromium gives it up.
   * What it did is undone then, so it runs once more; whether somebody has taken over meanwhile, a write asks first.
   */
  async #run<M extends IDBTransactionMode, T>(
    doing: string,
    begin: () => Transaction<M>,
    body: (transaction: Transaction<M>) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#runOnce(doing, begin, body);
    } catch (error) {
      if (nameOf((error as Error).cause) !== "TimeoutError") throw error;
      return this.#runOnce(doing, begin, body);
    }
  }

  async #runOnce<M extends IDBTransactionMode, T>(
    doing: string,
    begin: () => Transaction<M>,
    body: (transaction: Transaction<M>) => Promise<T>,
  ): Promise<T> {
    this.assertOpen();
    let transaction: Transaction<M>;
    try {
      transaction = begin();
    } catch (error) {
      // The connection can be lost a moment before the event that says so.
      if (nameOf(error) === "InvalidStateError") throw this.terminated();
      throw storageError(error, doing);
    }
    const result = body(transaction).catch((error: unknown) => {
      abort(transaction);
      throw error;
    });
    const over = Promise.allSettled([result, transaction.done, ended(transaction)]);
    const [value, done] = await bounded(over, doing, limits.transactionWaitMs).catch((error: TidepoolError) => {
      throw this.lose(error);
    });
    if (value.status === "fulfilled" && done.status === "fulfilled") return value.value;
    const reasons = [value, done].flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
    throw storageError(rootCause([...reasons, transaction.error]), doing);
  }
}

async function readGeneration(transaction: Transaction<IDBTransactionMode>): Promise<number | null> {
  return decodeGeneration(await transaction.objectStore("catalog").get(generationKey));
}

/** `done` of a transaction that fails is told by the first error; this resolves when the transaction is really over. */
function ended(transaction: Transaction<IDBTransactionMode>): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["complete", "abort"] as const) transaction.addEventListener(event, () => resolve());
  });
}

/**
 * Deletes the database at this path, also when parts of it are damaged. A connection that is closed counts as open until its
 * transactions are over, so one that is open is waited for; when it does not go, `LOCKED`.
 */
export async function deleteDatabase(path: string): Promise<void> {
  const doing = `delete the database "${path}"`;
  const held = new TidepoolError("LOCKED", `The database "${path}" is open elsewhere; it disappears once that closes`);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const blocked = () => (timer = setTimeout(() => reject(held), limits.lockWaitMs));
      bounded((async () => deleteDB(databaseName(path), { blocked }))(), doing).then(resolve, reject);
    });
  } catch (error) {
    throw storageError(error, doing);
  } finally {
    clearTimeout(timer);
  }
}

function openUnlessBlocked(path: string, callbacks: { blocking(): void; terminated(): void }): Promise<IDBPDatabase<Schema>> {
  return new Promise((resolve, reject) => {
    let refused = false;
    const blocked = () => {
      refused = true;
      reject(new TidepoolError("LOCKED", `An older release holds the database "${path}" open in another tab; close that tab`));
    };
    let creation: { readonly error: unknown } | null = null;
    const create: NonNullable<OpenDBCallbacks<Schema>["upgrade"]> = (database, _old, _new, transaction) => {
      creation = transaction;
      // Whoever opened hears of it by the request.
      transaction.done.catch(() => undefined);
      upgrade(database);
    };
    // Some browsers throw at once instead of failing the request.
    const open = async (): Promise<IDBPDatabase<Schema>> =>
      openDB<Schema>(databaseName(path), schemaVersion, { upgrade: create, blocked, ...callbacks });
    const opening = open().catch((error: unknown) => {
      // Of a creation that found no room the request only says that it was aborted.
      throw openError(rootCause([error, creation?.error]), path);
    });
    // A blocked request goes on waiting and may succeed later, when nobody listens any more; so does one that was given up.
    opening.then((database) => refused && database.close()).catch(() => undefined);
    bounded(opening, `open the database "${path}"`).then(resolve, (error: unknown) => {
      refused = true;
      reject(error);
    });
  });
}

/** The property itself throws where the browser stores nothing. */
function assertPresent(): void {
  let factory: IDBFactory | null | undefined;
  try {
    factory = globalThis.indexedDB as IDBFactory | null | undefined;
  } catch (error) {
    throw refused("IndexedDB", error);
  }
  if (!factory) throw refused("IndexedDB", undefined);
}

/**
 * Whether the browser has no database at this path any more. Asked by opening it, which waits for a deletion that is under way, and
 * creates nothing. One that does not say counts as having it.
 */
async function isDeleted(path: string): Promise<boolean> {
  const asked = new Promise<boolean>((resolve, reject) => {
    const request = indexedDB.open(databaseName(path));
    request.onupgradeneeded = () => {
      request.transaction!.abort();
      resolve(true);
    };
    request.onsuccess = () => {
      request.result.close();
      resolve(false);
    };
    request.onerror = () => reject(request.error);
  });
  return bounded(asked, "look for the database").catch(() => false);
}

function upgrade(database: IDBPDatabase<Schema>): void {
  database.createObjectStore("log");
  database.createObjectStore("catalog");
  database.createObjectStore("blobs");
}

function openError(error: unknown, path: string): TidepoolError {
  if (isRefusal(error)) return refused("IndexedDB", error);
  if (nameOf(error) !== "VersionError") return storageError(error, `open the database "${path}"`);
  return new TidepoolError("FORMAT_TOO_NEW", `The database "${path}" was written by a newer release; nothing was changed`, {
    cause: error,
  });
}

function abort(transaction: { abort(): void }): void {
  try {
    transaction.abort();
  } catch (error) {
    // It had already ended by itself, which is why the body failed.
    if (nameOf(error) !== "InvalidStateError") throw error;
  }
}

/** When a transaction aborts, most of its promises only say `AbortError`; one of them may know why. */
function rootCause(reasons: readonly unknown[]): unknown {
  return reasons.find((reason) => reason && nameOf(reason) !== "AbortError") ?? reasons[0];
}
