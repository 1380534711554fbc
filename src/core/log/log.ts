/**
 * The write-ahead log: what a call is acknowledged by.
 *
 * Calls that arrive while a transaction is under way share the next one (group commit). A record gets its offset when its
 * transaction is built, so a failed transaction leaves no gap; after the store has made it durable, records are applied
 * in order and only then acknowledged.
 */
import { TidepoolError } from "../errors.js";
import type { LogStore } from "../storage.js";
import { firstDimension } from "./first-dimension.js";
import { decodeLogRecord, type LogRecord } from "./log-record.js";

/** Where records of one collection go. */
export interface LogTarget {
  readonly collectionId: string;
  /** Offset of the last record that is durable and applied. */
  appliedOffset(): number;
}

/** A record as it stands in the log. */
export interface LoggedRecord {
  readonly offset: number;
  readonly record: LogRecord;
  readonly byteLength: number;
}

interface Pending<Result> {
  target: LogTarget;
  bytes: Uint8Array;
  apply: (offset: number) => Promise<Result>;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/** One transaction takes at most about this much, so that a burst does not build one huge transaction. */
const TRANSACTION_BYTES_MAX = 16 * 1024 * 1024;

/** Log records read at once while replaying. */
const REPLAY_BYTES = 16 * 1024 * 1024;

export class Log {
  readonly #store: LogStore;
  #queue: Pending<unknown>[] = [];
  #pump: Promise<void> | null = null;

  constructor(store: LogStore) {
    this.#store = store;
  }

  /** Appends one encoded record. Resolves with what `apply` returned, after the record is durable and applied. */
  append<Result>(target: LogTarget, bytes: Uint8Array, apply: (offset: number) => Promise<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#queue.push({ target, bytes, apply, resolve, reject } as Pending<unknown>);
      this.#pump ??= this.#run();
    });
  }

  /** The durable records of a collection after an offset, in order. One that is missing or damaged is `CORRUPTION`. */
  async *replay(collection: { id: string; name: string }, after: number): AsyncGenerator<LoggedRecord, void, undefined> {
    for (let last = after; ; ) {
      const entries = await this.#store.read(collection.id, last, REPLAY_BYTES);
      if (entries.length === 0) return;
      for (const { offset, bytes } of entries) {
        if (offset !== ++last) throw missing(collection.name, last);
        const record = decodeLogRecord(bytes, `${offset} of collection "${collection.name}"`);
        yield { offset, record, byteLength: bytes.length };
      }
    }
  }

  /** Dimension that the first records after an offset fix, up to which there are none; `null` when none follow. */
  firstDimension(collection: { id: string; name: string }, after: number): Promise<number | null> {
    return firstDimension(this.#store, collection, after);
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

  async #commit(group: Pending<unknown>[]): Promise<void> {
    const offsets = assignOffsets(group);
    try {
      await this.#store.append(group.map(({ target, bytes }, i) => ({ collectionId: target.collectionId, offset: offsets[i]!, bytes })));
    } catch (error) {
      for (const pending of group) pending.reject(error);
      return;
    }
    for (let i = 0; i < group.length; i++) {
      const pending = group[i]!;
      try {
        pending.resolve(await pending.apply(offsets[i]!));
      } catch (error) {
        pending.reject(error);
      }
    }
  }
}

function assignOffsets(group: readonly Pending<unknown>[]): number[] {
  const last = new Map<string, number>();
  return group.map(({ target }) => {
    const offset = (last.get(target.collectionId) ?? target.appliedOffset()) + 1;
    last.set(target.collectionId, offset);
    return offset;
  });
}

function missing(collection: string, offset: number): TidepoolError {
  return new TidepoolError("CORRUPTION", `Log record ${offset} of collection "${collection}" is missing. Nothing was changed.`);
}
