/**
 * What the engine asks of a place that keeps bytes. The consumer owns these interfaces; `src/storage/*` implements them
 * and `src/testing/storage-conformance.ts` is the one suite that every implementation runs.
 *
 * Durability contract, the same for all three stores: when a promise of `append` or `commit` resolves, and when `flush`
 * resolves for blobs written before it, the bytes survive loss of power (durability "strict") or of the process
 * ("relaxed"). Failures reject; nothing is retried or swallowed here. A rejected `append` or `commit` has had no effect.
 */
import type { KeyRotation } from "./key-rotation.js";

/** Where a log record stands: offsets of one collection ascend without gaps, starting at 1. */
export interface LogEntry {
  collectionId: string;
  offset: number;
  /** A framed, checksummed log record; the store does not look inside. */
  bytes: Uint8Array;
}

export interface LogStore {
  /**
   * Adds the entries and replaces the tails of these collections, all or none, in one transaction. What makes room may use what
   * is kept for that. With `replaces` the entries take the places of those that are there, under the same offsets.
   */
  append(entries: readonly LogEntry[], tails?: ReadonlyMap<string, Uint8Array>, makesRoom?: boolean, replaces?: boolean): Promise<void>;
  /** What was last written as the tail of a collection. Truncating the log to an offset leaves it. */
  tail(collectionId: string): Promise<Uint8Array | null>;
  /** Entries of one collection with an offset above `after`, ascending, at most about `bytesMax` bytes but at least one if any. */
  read(collectionId: string, after: number, bytesMax: number): Promise<LogEntry[]>;
}

/** One atomic change of the catalog. Order inside it does not matter: keys are distinct. */
export interface CatalogTransaction {
  /**
   * Compare-and-set preconditions: the bytes now stored under the key must equal these (`null`: the key must be absent).
   * When one does not hold, nothing is written and the promise rejects with code `INTERNAL` ("catalog conflict").
   */
  expect?: ReadonlyMap<string, Uint8Array | null>;
  put?: ReadonlyMap<string, Uint8Array>;
  delete?: readonly string[];
  /** Drops log entries of a collection up to and including an offset (`Infinity`: all, and the tail), in the same transaction. */
  truncateLog?: readonly { collectionId: string; upTo: number }[];
  /** Copies the log entries of `from` with an offset above `after`, and its tail, to `to`, which has none, under the same offsets. */
  copyLog?: { from: string; to: string; after: number };
  /** It leads to less being stored: a full origin still has room for it, as long as what is kept for that is enough. */
  makesRoom?: boolean;
}

export interface CatalogStore {
  get(key: string): Promise<Uint8Array | null>;
  /** Rows whose key starts with the prefix, in key order (UTF-16 code units). */
  list(prefix: string): Promise<[key: string, value: Uint8Array][]>;
  commit(transaction: CatalogTransaction): Promise<void>;
  /** Writes log and catalog anew, without a byte of what was there before. Only where that is possible. */
  rewrite?(): Promise<void>;
}

/** A range of bytes in an arena. For stores without arenas, `arena` is the number of the blob and `offset` is 0. */
export interface Extent {
  arena: number;
  offset: number;
  length: number;
  /**
   * Where the store encrypts, what it tells this write from all others by: bytes that stood in the place before, or stand elsewhere, do
   * not pass for those that were written. Kept with the extent by whoever names it.
   */
  writeId?: number;
  /** Which of the secrets that the database has had it is encrypted with; not there with the first. */
  keyVersion?: number;
}

/** Bytes inside an extent; `start` counts from the extent's beginning. */
export interface ByteRange {
  extent: Extent;
  start: number;
  length: number;
  /** Memory, at least that long, which the bytes may be read into instead of new memory: touching new memory takes long. */
  into?: Uint8Array;
}

/** A way to let go of reserved space: extents far behind others are written once more, into free space before them. */
export interface Packing {
  /** Whether so much is reserved that it should not wait for idleness. */
  readonly isUrgent: boolean;
  /** Whether an extent in use keeps the end of the reserved space from being given back. */
  isOutside(extent: Extent): boolean;
  /** Writes the bytes of such an extent into free space before it; `null` when there is none that is long enough. */
  write(bytes: Uint8Array, extent: Extent): Promise<Extent | null>;
}

export interface BlobStore {
  /**
   * Declares the extents in use: everything else is free space. Called once, right after opening, before any write.
   * The free list is derived from this and never stored, so no crash can corrupt it. Rejects with `DATA_EVICTED` when whole
   * files are gone in which extents lay (`details.arenas`), with `CORRUPTION` when what is there cannot hold them.
   */
  retain(extents: Iterable<Extent>, isComplete?: boolean): Promise<void>;
  /** Whether all of these extents can still be there: their arenas exist and are long enough. May be asked before `retain`. */
  holds(extents: Iterable<Extent>): boolean;
  /**
   * Writes bytes into free space. They are readable at once and durable after the next `flush`. What makes room may use what is
   * kept for that.
   */
  write(bytes: Uint8Array, makesRoom?: boolean): Promise<Extent>;
  flush(): Promise<void>;
  /**
   * Reads ranges, in order. A range that is not there (missing arena, short file) rejects with `CORRUPTION`.
   * The bytes are copies that the caller owns, or, where it was given, at the beginning of `into`.
   */
  read(ranges: readonly ByteRange[]): Promise<Uint8Array[]>;
  /** Makes the space of these extents free for later writes. */
  release(extents: Iterable<Extent>): Promise<void>;
  /**
   * Gives free space at the ends of arenas back to the origin. With `erase` all other free space is overwritten with zeros besides,
   * durably, so that nothing that was released before the call can be found. Awaits `tick` between pieces.
   */
  vacuum(erase: boolean, tick: () => Promise<void>): Promise<void>;
  /**
   * How to give back more, when much more is reserved than used; `null` when it is not worth it, or cannot be done now. What it writes
   * lies in arenas that are old enough to be relied upon once it is flushed. Good until space is next asked for or given back by others.
   */
  packing(): Packing | null;
  /**
   * Milliseconds (on the injected clock's scale) at which every extent written so far can be relied upon after loss of
   * power; in the past when all can. A manifest that names a younger extent must not be published yet, only staged.
   */
  settledAt(): number;
  /** Bytes taken on disk, and the part of them that extents in use occupy. */
  usage(): { bytesReserved: number; bytesUsed: number };
  /** What the files look like in which extents lie, oldest first; not there where there are no such files. */
  arenas?(): ArenaUsage[];
}

/** A file in which extents lie, as `ArenaInfo` of `service.ts` tells it. */
export interface ArenaUsage {
  arena: number;
  bytes: number;
  bytesUsed: number;
  blocks: number;
  map: number[];
}

/** One database's stores, opened together. */
export interface Storage {
  readonly kind: "opfs" | "indexeddb" | "directory" | "memory" | "published";
  /** Whatever would write rejects with `READ_ONLY`, and there is no work in the background. */
  readonly isReadOnly?: boolean;
  readonly log: LogStore;
  readonly catalog: CatalogStore;
  readonly blobs: BlobStore;
  /** Rejects with `LEASE_LOST` when another engine has opened the database since. Not there where none can. */
  confirm?(): Promise<void>;
  /** Rejects with `WRONG_KEY` where the database cannot be opened with this key, or without one. Not there where it is not encrypted. */
  checkKey?(key: object | undefined): Promise<void>;
  /** Gives the database another key, and encrypts it anew. Not there where it is not encrypted. */
  readonly rotation?: KeyRotation;
  /** Releases handles. Calls after it reject with `CLOSED`. */
  close(): Promise<void>;
  /** Deletes everything this database stored, then closes. */
  destroy(): Promise<void>;
}

/** What an acknowledged write survives. */
export type Durability =
  /** Loss of power too: each group of writes waits for one sync of the disk. */
  | "strict"
  /** A crash of the page or the browser; the last writes before a loss of power may be lost. */
  | "relaxed";

/** Injected so that every test can be replayed. */
export interface Environment {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since whenever, with fractions: for measuring how long something takes, and nothing else. */
  elapsed(): number;
  /** A UUID. */
  randomId(): string;
  /** Lets queued messages run, then resolves: the gap between two slices of background work. */
  yieldToEventLoop(): Promise<void>;
  /** Calls back once after a delay; returns what cancels it. */
  schedule(callback: () => void, delayMs: number): () => void;
}
