/**
 * The write-ahead log: what a call is acknowledged by.
 *
 * Calls that arrive while a transaction is under way share the next one (group commit). A record gets its offset when its
 * transaction is built, so a failed transaction leaves no gap; after the store has made it durable, records are applied
 * in order and only then acknowledged.
 */

import { decodeTail, encodeTail, type LogPlace, placeAfter } from "../base/log-chain.js";
import { type LogRecord, operationsOf } from "../base/operations.js";
import { inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { LogEntry, LogStore } from "../storage.js";
import { LogAhead } from "./log-ahead.js";
import { checksumIn, decodeInSteps, decodeLogRecord, linkIn, setLink } from "./log-record.js";

/** Where records of one collection go. */
export interface LogTarget {
  readonly collectionId: string;
  /** Place of the last record that is durable and applied. */
  applied(): LogPlace;
}

/** A record as it stands in the log. */
export interface LoggedRecord {
  readonly place: LogPlace;
  readonly record: LogRecord;
  readonly byteLength: number;
}

interface Pending<Result> {
  target: LogTarget;
  bytes: Uint8Array;
  apply: (place: LogPlace) => Promise<Result>;
  makesRoom: boolean;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/** One transaction takes at most about this much, so that a burst does not build one huge transaction. */
const TRANSACTION_BYTES_MAX = 16 * 1024 * 1024;

/** Log records read at once while replaying, and how many such pages may wait. */
const REPLAY_BYTES = 8 * 1024 * 1024;
const PAGES_AHEAD = 2;

export class Log {
  readonly #store: LogStore;
  readonly #tick: Tick;
  #queue: Pending<unknown>[] = [];
  #pump: Promise<void> | null = null;

  /** `tick` is awaited while long records are read. */
  constructor(store: LogStore, tick: Tick = () => undefined) {
    this.#store = store;
    this.#tick = tick;
  }

  /**
   * Appends one encoded record. Resolves with what `apply` returned, after the record is durable and applied. The bytes get their
   * link. A record that makes room, as deletes do, may use what storage keeps for that.
   */
  append<Result>(target: LogTarget, bytes: Uint8Array, apply: (place: LogPlace) => Promise<Result>, makesRoom = false): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#queue.push({ target, bytes, apply, makesRoom, resolve, reject } as Pending<unknown>);
      this.#pump ??= this.#run();
    });
  }

  /**
   * The durable records of a collection after a place, in order. One that is missing, the last one too, or damaged, or that
   * belongs elsewhere, is `CORRUPTION`.
   */
  async *replay(
    collection: { id: string; name: string },
    after: LogPlace,
    bytesAtOnce = REPLAY_BYTES,
  ): AsyncGenerator<LoggedRecord, void, undefined> {
    let last = after;
    for await (const logged of this.#records(collection, after, bytesAtOnce)) {
      last = logged.place;
      yield logged;
    }
    await this.#checkTail(collection, after, last);
  }

  async *#records(
    collection: { id: string; name: string },
    after: LogPlace,
    bytesAtOnce = REPLAY_BYTES,
  ): AsyncGenerator<LoggedRecord, void, undefined> {
    const where = `collection "${collection.name}"`;
    let last = after;
    const ahead = new LogAhead((offset) => this.#store.read(collection.id, offset, bytesAtOnce), after.offset, PAGES_AHEAD * bytesAtOnce);
    try {
      for (let entries = await ahead.next(); entries.length > 0; entries = await ahead.next()) {
        for (const { offset, bytes } of entries) {
          if (offset !== last.offset + 1) throw missing(where, last.offset + 1);
          const record = await inTurns(decodeInSteps(bytes, `${offset} of ${where}`), this.#tick);
          last = placeAfter(last, checksumIn(bytes));
          if ((linkIn(bytes) ?? last.link) !== last.link) throw astray(where, offset);
          yield { place: last, record, byteLength: bytes.length };
        }
      }
    } finally {
      ahead.end();
    }
  }

  /** The records after a place up to the tail that the log has now. Writes go on; damage is as in `replay`. */
  async *verify(collection: { id: string; name: string }, after: LogPlace): AsyncGenerator<LoggedRecord, void, undefined> {
    const where = `collection "${collection.name}"`;
    const bytes = await this.#store.tail(collection.id);
    if (bytes === null) return yield* this.replay(collection, after);
    const tail = decodeTail(bytes, where);
    let last = after;
    if (tail.offset > after.offset) {
      for await (const logged of this.#records(collection, after)) {
        last = logged.place;
        yield logged;
        if (last.offset >= tail.offset) break;
      }
    }
    this.#compareWithTail(where, tail, last);
  }

  /** Records of database format 1 have no tail until another one follows them. */
  async #checkTail(collection: { id: string; name: string }, manifest: LogPlace, last: LogPlace): Promise<void> {
    const where = `collection "${collection.name}"`;
    const bytes = await this.#store.tail(collection.id);
    if (bytes === null) {
      const [entry] = last === manifest ? [] : await this.#store.read(collection.id, last.offset - 1, 1);
      if (entry === undefined || linkIn(entry.bytes) === null) return;
      throw new TidepoolError("CORRUPTION", `The tail of the log of ${where} is missing. Nothing was changed.`);
    }
    this.#compareWithTail(where, decodeTail(bytes, where), last);
  }

  #compareWithTail(where: string, tail: LogPlace, last: LogPlace): void {
    if (tail.offset > last.offset) throw missing(where, last.offset + 1);
    if (tail.offset !== last.offset || tail.link !== last.link) {
      throw new TidepoolError("CORRUPTION", `The log of ${where} ends with another record than its tail tells. Nothing was changed.`);
    }
  }

  /**
   * The records after a place that are sound and certainly the collection's, and where the log goes on. After a gap a record is so only
   * where the one that follows, or the tail, continues from it. The log goes on beyond the end that it had, which a token of a read names:
   * what was read of records that are lost must not pass for what is so. Where nothing tells the end, it goes on far beyond.
   */
  async salvage(collection: { id: string; name: string }, after: LogPlace): Promise<{ records: LogRecord[]; lost: number; end: LogPlace }> {
    const entries = await this.#store.read(collection.id, after.offset, Infinity);
    const tail = await this.#readableTail(collection.id);
    const records: LogRecord[] = [];
    let known: LogPlace | null = after;
    for (const [i, entry] of entries.entries()) {
      const place: LogPlace | null = certainPlace(entry, known, entries[i + 1], tail);
      const record: LogRecord | null = place === null ? null : soundOrNull(entry.bytes);
      known = record === null ? null : place;
      if (record !== null) records.push(record);
    }
    const last = Math.max(after.offset, entries.at(-1)?.offset ?? 0, tail?.offset ?? 0);
    const link = known?.offset === last ? known.link : (tail?.link ?? after.link);
    const beyond = tail === null ? limits.lostLogRecordsMax : 1;
    return { records, lost: last - after.offset - records.length, end: { offset: last + beyond, link } };
  }

  async #readableTail(collectionId: string): Promise<LogPlace | null> {
    const bytes = await this.#store.tail(collectionId);
    try {
      return bytes === null ? null : decodeTail(bytes, collectionId);
    } catch {
      return null;
    }
  }

  /** Dimension that the first records after a place fix, up to which there are none; `null` when none follow. */
  async firstDimension(collection: { id: string; name: string }, after: LogPlace): Promise<number | null> {
    for await (const { record } of this.replay(collection, after, 1)) {
      // An update of records that are not there fixes nothing.
      const fixing = operationsOf(record).find((one) => one.kind === "write" && one.operation !== "update");
      if (fixing?.kind === "write") return fixing.records.embeddings?.dimension ?? null;
    }
    return null;
  }

  /** Whether records of the collection follow an offset. */
  async hasRecordsAfter(collectionId: string, offset: number): Promise<boolean> {
    return (await this.#store.read(collectionId, offset, 1)).length > 0;
  }

  /** Resolves when everything queued so far has ended, well or badly. */
  async drain(): Promise<void> {
    while (this.#pump !== null) await this.#pump;
  }

  /** No turn may pass between finding the queue empty and saying that nothing pumps: a call made in it would wait for ever. */
  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      // A moment's wait lets calls made in the same turn share the transaction.
      await Promise.resolve();
      await this.#commit(this.#take());
    }
    this.#pump = null;
  }

  #take(): Pending<unknown>[] {
    let bytes = 0;
    let n = 0;
    while (n < this.#queue.length && (n === 0 || bytes + this.#queue[n]!.bytes.length <= TRANSACTION_BYTES_MAX)) {
      bytes += this.#queue[n++]!.bytes.length;
    }
    return this.#queue.splice(0, n);
  }

  /** Where there is no room for all, there may be for some: then each has a transaction of its own. */
  async #commit(group: Pending<unknown>[]): Promise<void> {
    const { places, tails } = assignPlaces(group);
    try {
      const entries = group.map(({ target, bytes }, i) => ({ collectionId: target.collectionId, offset: places[i]!.offset, bytes }));
      const makesRoom = group.every((pending) => pending.makesRoom);
      await this.#store.append(entries, new Map([...tails].map(([id, place]) => [id, encodeTail(place)])), makesRoom);
    } catch (error) {
      if (group.length > 1 && error instanceof TidepoolError && error.code === "QUOTA_EXCEEDED") {
        for (const pending of group) await this.#commit([pending]);
      } else for (const pending of group) pending.reject(error);
      return;
    }
    for (let i = 0; i < group.length; i++) {
      const pending = group[i]!;
      try {
        pending.resolve(await pending.apply(places[i]!));
      } catch (error) {
        pending.reject(error);
      }
    }
  }
}

/** Binds the records of a transaction to their places; `tails` are the last ones by collection. */
function assignPlaces(group: readonly Pending<unknown>[]): { places: LogPlace[]; tails: Map<string, LogPlace> } {
  const tails = new Map<string, LogPlace>();
  const places = group.map(({ target, bytes }) => {
    const place = placeAfter(tails.get(target.collectionId) ?? target.applied(), checksumIn(bytes));
    setLink(bytes, place.link);
    tails.set(target.collectionId, place);
    return place;
  });
  return { places, tails };
}

function missing(where: string, offset: number): TidepoolError {
  return new TidepoolError("CORRUPTION", `Log record ${offset} of ${where} is missing. Nothing was changed.`);
}

function astray(where: string, offset: number): TidepoolError {
  return new TidepoolError("CORRUPTION", `Log record ${offset} of ${where} does not follow the one before it. Nothing was changed.`);
}

/** Where a record stands that continues from the one before, or from which what follows goes on; `null` for any other. */
function certainPlace(
  { offset, bytes }: LogEntry,
  before: LogPlace | null,
  next: LogEntry | undefined,
  tail: LogPlace | null,
): LogPlace | null {
  const link = linkIn(bytes);
  if (before?.offset === offset - 1) {
    const place = placeAfter(before, checksumIn(bytes));
    if (link === null || link === place.link) return place;
  }
  const place = { offset, link: link ?? 0 };
  return link !== null && isConfirmed(place, next, tail) ? place : null;
}

/** Whether what follows a record goes on from it. */
function isConfirmed(place: LogPlace, next: LogEntry | undefined, tail: LogPlace | null): boolean {
  if (tail?.offset === place.offset) return tail.link === place.link;
  if (next?.offset !== place.offset + 1) return false;
  return linkIn(next.bytes) === placeAfter(place, checksumIn(next.bytes)).link;
}

function soundOrNull(bytes: Uint8Array): LogRecord | null {
  try {
    return decodeLogRecord(bytes, "");
  } catch {
    return null;
  }
}
