/**
 * What a journal says: the catalog and the tails in memory, and of each log record where its bytes lie in the file. Everything here is
 * synchronous and takes effect at once; what a change needs is checked before it is written to the journal.
 */
import { lowerBound } from "../../core/base/lower-bound.js";
import { TidepoolError } from "../../core/errors.js";
import type { CatalogTransaction, LogEntry } from "../../core/storage.js";
import { catalogConflict, equalBytes, ownBytes } from "../bytes.js";
import type { Change, ReadChange } from "./journal-frame.js";

/** Where the bytes of a log record lie in the journal. */
export interface Place {
  offset: number;
  at: number;
  length: number;
}

/** What a row takes beside its bytes, about. */
const ROW_BYTES = 64;

export class JournalRows {
  readonly catalog = new Map<string, Uint8Array>();
  readonly tails = new Map<string, Uint8Array>();
  /** Of each collection, ascending by offset. */
  readonly log = new Map<string, Place[]>();

  /** Bytes that a journal of nothing but this would have, about. */
  get bytes(): number {
    let bytes = 0;
    for (const rows of [this.catalog, this.tails]) for (const row of rows.values()) bytes += row.length + ROW_BYTES;
    for (const places of this.log.values()) for (const { length } of places) bytes += length + ROW_BYTES;
    return bytes;
  }

  after(collectionId: string, offset: number): Place[] {
    const places = this.log.get(collectionId) ?? [];
    return places.slice(firstAfter(places, offset));
  }

  /** The changes of an append, refused where an offset is taken, unless what is there is to be replaced. */
  appending(entries: readonly LogEntry[], tails: ReadonlyMap<string, Uint8Array>, replaces: boolean): Change[] {
    const given = new Set<string>();
    const appended = entries.map(({ collectionId: key, offset, bytes }): Change => {
      const places = this.log.get(key) ?? [];
      const place = `${offset} ${key}`;
      if (given.has(place) || (!replaces && places[firstAfter(places, offset) - 1]?.offset === offset)) {
        throw new TidepoolError("INTERNAL", `Could not append to the log: offset ${offset} of ${key} is taken`);
      }
      given.add(place);
      return { kind: 1, key, offset, bytes };
    });
    return [...appended, ...[...tails].map(([key, bytes]): Change => ({ kind: 2, key, bytes }))];
  }

  /** The changes of a commit, refused where a row is not what it was built on. */
  committing({ expect, put, delete: deleted, truncateLog, copyLog }: CatalogTransaction): Change[] {
    for (const [key, bytes] of expect ?? []) if (!equalBytes(this.catalog.get(key) ?? null, bytes)) throw catalogConflict(key);
    return [
      ...[...(put ?? [])].map(([key, bytes]): Change => ({ kind: 3, key, bytes })),
      ...[...(deleted ?? [])].map((key): Change => ({ kind: 4, key })),
      ...(copyLog ? [{ kind: 6, key: copyLog.from, to: copyLog.to, offset: copyLog.after } satisfies Change] : []),
      ...(truncateLog ?? []).map(({ collectionId: key, upTo: offset }): Change => ({ kind: 5, key, offset })),
    ];
  }

  /** `base` is where the payload that the change was read from begins in the journal. */
  apply(change: ReadChange, base: number): void {
    switch (change.kind) {
      case 1:
        return this.#insert(change.key, { offset: change.offset, at: base + change.at, length: change.bytes.length });
      case 2:
        return void this.tails.set(change.key, ownBytes(change.bytes));
      case 3:
        return void this.catalog.set(change.key, ownBytes(change.bytes));
      case 4:
        return void this.catalog.delete(change.key);
      case 5:
        return this.#truncate(change.key, change.offset);
      case 6:
        return this.#copy(change.key, change.to, change.offset);
    }
  }

  #insert(key: string, place: Place): void {
    const places = this.log.get(key) ?? [];
    const at = firstAfter(places, place.offset);
    const taken = Number(places[at - 1]?.offset === place.offset);
    places.splice(at - taken, taken, place);
    this.log.set(key, places);
  }

  #truncate(key: string, upTo: number): void {
    const left = this.after(key, upTo);
    if (left.length > 0) this.log.set(key, left);
    else this.log.delete(key);
    if (upTo === Infinity) this.tails.delete(key);
  }

  #copy(from: string, to: string, after: number): void {
    for (const place of this.after(from, after)) this.#insert(to, place);
    const tail = this.tails.get(from);
    if (tail !== undefined) this.tails.set(to, tail);
  }
}

function firstAfter(places: readonly Place[], offset: number): number {
  return lowerBound(0, places.length, (i) => places[i]!.offset <= offset);
}
