/**
 * The log in IndexedDB: one row per log record, keyed `[collectionId, offset]`. Rows are added, not put: an offset that is already taken
 * fails the transaction instead of overwriting an acknowledged record, unless that is asked for. Offsets start at 1; a collection's
 * tail stands at 0 and is replaced with each append, in the same transaction.
 */
import type { Durability, LogEntry, LogStore } from "../../core/storage.js";
import { cloneableBytes, storedBytes } from "../bytes.js";
import type { Database, Transaction } from "./database.js";

/** Rows asked for in the first request: full batches are some two megabytes. Later requests follow the size of the rows seen. */
const firstBatchRows = 4;
/** Never more at once, in case large rows follow small ones. */
const batchRowsMax = 1024;

export class IndexedDbLogStore implements LogStore {
  readonly #database: Database;
  readonly #durability: Durability;

  constructor(database: Database, durability: Durability) {
    this.#database = database;
    this.#durability = durability;
  }

  async append(
    entries: readonly LogEntry[],
    tails: ReadonlyMap<string, Uint8Array> = new Map(),
    makesRoom = false,
    replaces = false,
  ): Promise<void> {
    const add = async (transaction: Transaction<"readwrite">): Promise<void> => {
      const log = transaction.objectStore("log");
      await Promise.all([
        ...entries.map(async ({ collectionId, offset, bytes }) =>
          log[replaces ? "put" : "add"](cloneableBytes(bytes), [collectionId, offset]),
        ),
        ...[...tails].map(async ([collectionId, bytes]) => log.put(cloneableBytes(bytes), tailKey(collectionId))),
      ]);
    };
    await this.#database.write(["log"], this.#durability, "append to the log", add, makesRoom);
  }

  async tail(collectionId: string): Promise<Uint8Array | null> {
    const value: unknown = await this.#database.read("log", `read the tail of the log of ${collectionId}`, (transaction) =>
      transaction.objectStore("log").get(tailKey(collectionId)),
    );
    return value === undefined ? null : storedBytes(value);
  }

  async read(collectionId: string, after: number, bytesMax: number): Promise<LogEntry[]> {
    return this.#database.read("log", `read the log of ${collectionId}`, async (transaction) => {
      const log = transaction.objectStore("log");
      const entries: LogEntry[] = [];
      let rows = Math.min(firstBatchRows, Math.max(1, bytesMax));
      for (let last = after, bytes = 0; ; ) {
        const range = logRange(collectionId, last);
        const [keys, values] = await Promise.all([log.getAllKeys(range, rows), log.getAll(range, rows)]);
        for (let i = 0; i < keys.length; i++) {
          const value = storedBytes(values[i]);
          if (entries.length > 0 && bytes + value.length > bytesMax) return entries;
          last = keys[i]![1];
          bytes += value.length;
          entries.push({ collectionId, offset: last, bytes: value });
        }
        const expected = Math.floor((bytesMax - bytes) / (bytes / entries.length || 1));
        // What was read and is not returned would be read again.
        if (keys.length < rows || expected < 1) return entries;
        rows = Math.min(expected, rows * 4, batchRowsMax);
      }
    });
  }
}

/** Where the tail of a collection's log stands, below all records. */
export function tailKey(collectionId: string): [collectionId: string, offset: number] {
  return [collectionId, 0];
}

/** Keys of one collection's records with `after < offset`, up to and including `upTo`. */
export function logRange(collectionId: string, after: number, upTo = Infinity): IDBKeyRange {
  return IDBKeyRange.bound([collectionId, after], [collectionId, upTo], true);
}
