/**
 * The log in IndexedDB: one row per log record, keyed `[collectionId, offset]`. Rows are added, never put: an offset
 * that is already taken fails the transaction instead of overwriting an acknowledged record.
 */
import type { Durability, LogEntry, LogStore } from "../../core/storage.js";
import { cloneableBytes } from "../bytes.js";
import type { Database } from "./database.js";

/** Rows asked for in the first request; later requests follow the size of the rows seen. */
const firstBatchRows = 16;
/** Never more at once, in case large rows follow small ones. */
const batchRowsMax = 1024;

export class IndexedDbLogStore implements LogStore {
  readonly #database: Database;
  readonly #durability: Durability;

  constructor(database: Database, durability: Durability) {
    this.#database = database;
    this.#durability = durability;
  }

  async append(entries: readonly LogEntry[]): Promise<void> {
    await this.#database.write(["log"], this.#durability, "append to the log", async (transaction) => {
      const log = transaction.objectStore("log");
      await Promise.all(entries.map(async ({ collectionId, offset, bytes }) => log.add(cloneableBytes(bytes), [collectionId, offset])));
    });
  }

  async read(collectionId: string, after: number, bytesMax: number): Promise<LogEntry[]> {
    return this.#database.read("log", `read the log of ${collectionId}`, async (transaction) => {
      const log = transaction.objectStore("log");
      const entries: LogEntry[] = [];
      let rows = firstBatchRows;
      for (let last = after, bytes = 0; ; ) {
        const range = logRange(collectionId, last);
        const [keys, values] = await Promise.all([log.getAllKeys(range, rows), log.getAll(range, rows)]);
        for (let i = 0; i < keys.length; i++) {
          if (entries.length > 0 && bytes + values[i]!.length > bytesMax) return entries;
          last = keys[i]![1];
          bytes += values[i]!.length;
          entries.push({ collectionId, offset: last, bytes: values[i]! });
        }
        if (keys.length < rows || bytes >= bytesMax) return entries;
        rows = nextRows((bytesMax - bytes) / (bytes / entries.length || 1), rows);
      }
    });
  }
}

/** Keys of one collection's records with `after < offset`, up to and including `upTo`. */
export function logRange(collectionId: string, after: number, upTo = Infinity): IDBKeyRange {
  return IDBKeyRange.bound([collectionId, after], [collectionId, upTo], true);
}

/** About as many rows as the bytes left have room for, at most four times as many as last time. */
function nextRows(expected: number, previous: number): number {
  return Math.max(1, Math.min(Math.ceil(expected), previous * 4, batchRowsMax));
}
