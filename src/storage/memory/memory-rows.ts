/**
 * Log and catalog as plain maps: the rows that the memory storage and the fault-injecting storage keep. Everything here
 * is synchronous, so a change is atomic by construction once its checks have passed. Bytes are copied in and out.
 */
import { lowerBound } from "../../core/base/lower-bound.js";
import { TidepoolError } from "../../core/errors.js";
import type { CatalogTransaction, LogEntry } from "../../core/storage.js";
import { catalogConflict, equalBytes, ownBytes } from "../bytes.js";

export class MemoryRows {
  /** For each collection, its records, ascending by offset. */
  readonly #log = new Map<string, LogEntry[]>();
  readonly #tails = new Map<string, Uint8Array>();
  readonly #catalog = new Map<string, Uint8Array>();

  append(entries: readonly LogEntry[], tails: ReadonlyMap<string, Uint8Array> = new Map(), replaces = false): void {
    const places = new Set<string>();
    for (const { collectionId, offset } of entries) {
      const place = `${offset} ${collectionId}`;
      if (places.has(place) || (!replaces && this.#has(collectionId, offset))) {
        throw new TidepoolError("INTERNAL", `Could not append to the log: offset ${offset} of ${collectionId} is taken`);
      }
      places.add(place);
    }
    for (const entry of entries) this.#insert({ ...entry, bytes: ownBytes(entry.bytes) });
    for (const [collectionId, bytes] of tails) this.#tails.set(collectionId, ownBytes(bytes));
  }

  tail(collectionId: string): Uint8Array | null {
    const tail = this.#tails.get(collectionId);
    return tail ? ownBytes(tail) : null;
  }

  read(collectionId: string, after: number, bytesMax: number): LogEntry[] {
    const entries: LogEntry[] = [];
    let total = 0;
    const log = this.#log.get(collectionId) ?? [];
    for (let i = firstAfter(log, after); i < log.length; i++) {
      const { offset, bytes } = log[i]!;
      total += bytes.length;
      if (entries.length > 0 && total > bytesMax) break;
      entries.push({ collectionId, offset, bytes: ownBytes(bytes) });
    }
    return entries;
  }

  get(key: string): Uint8Array | null {
    const value = this.#catalog.get(key);
    return value ? ownBytes(value) : null;
  }

  list(prefix: string): [key: string, value: Uint8Array][] {
    const keys = [...this.#catalog.keys()].filter((key) => key.startsWith(prefix)).sort();
    return keys.map((key) => [key, this.get(key)!]);
  }

  commit({ expect, put, delete: deleted, truncateLog, copyLog }: CatalogTransaction): void {
    for (const [key, bytes] of expect ?? []) {
      if (!equalBytes(this.#catalog.get(key) ?? null, bytes)) throw catalogConflict(key);
    }
    for (const [key, bytes] of put ?? []) this.#catalog.set(key, ownBytes(bytes));
    for (const key of deleted ?? []) this.#catalog.delete(key);
    if (copyLog) {
      for (const entry of this.read(copyLog.from, copyLog.after, Infinity)) this.#insert({ ...entry, collectionId: copyLog.to });
      const tail = this.tail(copyLog.from);
      if (tail) this.#tails.set(copyLog.to, tail);
    }
    for (const { collectionId, upTo } of truncateLog ?? []) this.#truncate(collectionId, upTo);
  }

  clear(): void {
    this.#log.clear();
    this.#tails.clear();
    this.#catalog.clear();
  }

  #has(collectionId: string, offset: number): boolean {
    const log = this.#log.get(collectionId) ?? [];
    return log[firstAfter(log, offset) - 1]?.offset === offset;
  }

  #insert(entry: LogEntry): void {
    const log = this.#log.get(entry.collectionId) ?? [];
    const at = firstAfter(log, entry.offset);
    const taken = Number(log[at - 1]?.offset === entry.offset);
    log.splice(at - taken, taken, entry);
    this.#log.set(entry.collectionId, log);
  }

  #truncate(collectionId: string, upTo: number): void {
    const log = this.#log.get(collectionId) ?? [];
    log.splice(0, firstAfter(log, upTo));
    if (upTo === Infinity) this.#tails.delete(collectionId);
  }
}

/** Index of the first entry with an offset above this one. */
function firstAfter(log: readonly LogEntry[], offset: number): number {
  return lowerBound(0, log.length, (i) => log[i]!.offset <= offset);
}
