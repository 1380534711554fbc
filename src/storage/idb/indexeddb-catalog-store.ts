/**
 * The catalog in IndexedDB. A commit is one transaction over catalog and log, so publishing a manifest and truncating
 * the log up to it cannot come apart.
 *
 * A commit is always strict, whatever durability the log was given. A commit frees blocks, whose space is overwritten
 * soon after: if loss of power brought back the catalog of before, it would name overwritten blocks. "relaxed" may
 * lose the last acknowledged writes; it must never lose the database.
 *
 * The row `generation` is the connection's own (`database.ts`); no list shows it.
 */
import type { IDBPObjectStore, StoreNames } from "idb";
import type { CatalogStore, CatalogTransaction } from "../../core/storage.js";
import { catalogConflict, cloneableBytes, equalBytes, storedBytes } from "../bytes.js";
import type { Database, Schema, Transaction } from "./database.js";
import { generationKey } from "./generation.js";
import { logRange, tailKey } from "./indexeddb-log-store.js";

export class IndexedDbCatalogStore implements CatalogStore {
  readonly #database: Database;
  readonly #changed: () => void;

  /** `changed` is told after each commit. */
  constructor(database: Database, changed: () => void = () => undefined) {
    this.#database = database;
    this.#changed = changed;
  }

  async get(key: string): Promise<Uint8Array | null> {
    const value: unknown = await this.#database.read("catalog", `read the catalog row "${key}"`, (transaction) =>
      transaction.objectStore("catalog").get(key),
    );
    return value === undefined ? null : storedBytes(value);
  }

  async list(prefix: string): Promise<[key: string, value: Uint8Array][]> {
    return this.#database.read("catalog", `list the catalog rows "${prefix}…"`, async (transaction) => {
      const catalog = transaction.objectStore("catalog");
      const range = prefixRange(prefix);
      const [keys, values] = await Promise.all([catalog.getAllKeys(range), catalog.getAll(range)]);
      return keys.flatMap((key, i) => (key === generationKey ? [] : [[key, storedBytes(values[i])]]));
    });
  }

  async commit(change: CatalogTransaction): Promise<void> {
    const { makesRoom = false } = change;
    await this.#database.write(
      ["catalog", "log"],
      "strict",
      "commit to the catalog",
      (transaction) => apply(transaction, change),
      makesRoom,
    );
    this.#changed();
  }
}

async function apply(
  transaction: Transaction<"readwrite">,
  { expect, put, delete: deleted, truncateLog, copyLog }: CatalogTransaction,
): Promise<void> {
  const catalog = transaction.objectStore("catalog");
  const log = transaction.objectStore("log");
  await Promise.all(
    [...(expect ?? [])].map(async ([key, bytes]) => {
      const value: unknown = await catalog.get(key);
      if (!equalBytes(value === undefined ? null : storedBytes(value), bytes)) throw catalogConflict(key);
    }),
  );
  if (copyLog) await copyEntries(log, copyLog);
  await Promise.all([
    ...[...(put ?? [])].map(async ([key, bytes]) => catalog.put(cloneableBytes(bytes), key)),
    ...(deleted ?? []).map(async (key) => catalog.delete(key)),
    ...(truncateLog ?? []).map(async ({ collectionId, upTo }) => log.delete(truncated(collectionId, upTo))),
  ]);
}

type LogObjectStore = IDBPObjectStore<Schema, StoreNames<Schema>[], "log", "readwrite">;

/** One entry in memory at a time. */
async function copyEntries(log: LogObjectStore, { from, to, after }: NonNullable<CatalogTransaction["copyLog"]>): Promise<void> {
  for (let cursor = await log.openCursor(logRange(from, after, Infinity)); cursor; cursor = await cursor.continue()) {
    await log.put(cursor.value, [to, cursor.key[1]]);
  }
  const tail = await log.get(tailKey(from));
  if (tail !== undefined) await log.put(tail, tailKey(to));
}

/** All keys with this prefix: below the first string that is larger than all of them, if there is one. */
function prefixRange(prefix: string): IDBKeyRange {
  const stem = prefix.replace(/\uffff+$/, "");
  if (stem === "") return IDBKeyRange.lowerBound(prefix);
  const next = stem.slice(0, -1) + String.fromCharCode(stem.charCodeAt(stem.length - 1) + 1);
  return IDBKeyRange.bound(prefix, next, false, true);
}

/** The tail stays unless all goes: it says where the next record follows. A range must not be empty, and no record lies at a half. */
function truncated(collectionId: string, upTo: number): IDBKeyRange {
  return upTo === Infinity ? logRange(collectionId, -Infinity) : logRange(collectionId, 0, Math.max(0.5, upTo));
}
