/**
 * A storage for tests, never shipped, that keeps *live* and *durable* bytes apart and dies on demand. A test runs its
 * work once to count the durability points (`syncs`), then once more for each of them with a crash there, and looks at
 * what `reopen` finds. Same options, same calls: same faults, down to the torn sectors.
 *
 * What is modelled, as a strict database over OPFS and IndexedDB behaves:
 * - `append` and `commit` are atomic and durable when they resolve. A crash hits them before (no effect), after (durable
 *   but never acknowledged) or torn (one of the two; a transaction is never half there).
 * - Blob writes are live at once and durable only after `flush`. Every crash loses the unflushed ones, except that after
 *   "torn" any subset of their 4 KiB sectors may have reached the disk, also over bytes that were released a moment ago.
 * - Released space is used again as soon as possible, so a block that is released too early is really overwritten.
 * - An arena younger than `arenaSettleMs` (0 unless given) disappears in a crash with all that was flushed to it; after "torn"
 *   some do and others do not. The numbers of those that are gone are given out anew.
 * - A numbered operation can fail without a crash and without effect: quota or I/O error on a change, I/O error on a read.
 * - Closing is not flushing: unflushed blobs are lost as in a crash.
 *
 * Not modelled: relaxed durability, bytes that rot while at rest, a flush that lies.
 */

import { TidepoolError } from "../core/errors.js";
import type { BlobStore, ByteRange, CatalogStore, Extent, LogStore, Storage } from "../core/storage.js";
import { checkRange, extentName, missing } from "../storage/bytes.js";
import { ExtentAllocator, slotBytes, slotted } from "../storage/extent-allocator.js";
import { MemoryRows } from "../storage/memory/memory-rows.js";
import { closedError, notRetainedError } from "../storage/storage-error.js";

export type CrashVariant = "before" | "after" | "torn";

export interface FaultOptions {
  /** Die at this durability point, counted from 1: every `append`, `commit` and `flush` is one. */
  crash?: { at: number; variant: CrashVariant };
  /** Let this change fail, counted from 1: every `append`, `commit`, `flush` and blob `write` is one. */
  fail?: { at: number; error: "quota" | "io" };
  /** Let this read fail, counted from 1: log and blob `read`, catalog `get` and `list`. */
  failRead?: { at: number };
  /** Decides which sectors survive a torn crash. */
  seed?: number;
  /** The clock, for the age of arenas. */
  now?: () => number;
  arenaBytes?: number;
  arenaSettleMs?: number;
}

interface DurableArena {
  createdAtMs: number;
  bytes: Uint8Array;
}

/** What survives a crash. Rows need no live twin: they become visible and durable in the same instant. */
interface Disk {
  rows: MemoryRows;
  arenas: Map<number, DurableArena>;
}

export class FaultInjectingStorage implements Storage {
  readonly kind = "opfs";
  readonly log: LogStore;
  readonly catalog: CatalogStore;
  readonly blobs: BlobStore;
  readonly #disk: Disk;
  readonly #arenas: LiveArenas;
  readonly #options: FaultOptions;
  #syncs = 0;
  #changes = 0;
  #reads = 0;
  #end: TidepoolError | null = null;

  constructor(options: FaultOptions = {}, disk: Disk = { rows: new MemoryRows(), arenas: new Map() }) {
    this.#options = options;
    this.#disk = disk;
    this.#arenas = new LiveArenas(disk.arenas, options);
    this.log = {
      append: async (entries, tails, _, replaces) => this.#sync(() => disk.rows.append(entries, tails, replaces)),
      read: async (collectionId, after, bytesMax) => this.#read(() => disk.rows.read(collectionId, after, bytesMax)),
      tail: async (collectionId) => this.#read(() => disk.rows.tail(collectionId)),
    };
    this.catalog = {
      get: async (key) => this.#read(() => disk.rows.get(key)),
      list: async (prefix) => this.#read(() => disk.rows.list(prefix)),
      commit: async (transaction) => this.#sync(() => disk.rows.commit(transaction)),
    };
    this.blobs = this.#blobStore();
  }

  /** Durability points passed so far. */
  get syncs(): number {
    return this.#syncs;
  }

  /** Changes tried so far: the numbers that `fail` understands. */
  get changes(): number {
    return this.#changes;
  }

  /** Reads tried so far: the numbers that `failRead` understands. */
  get reads(): number {
    return this.#reads;
  }

  get ended(): boolean {
    return this.#end !== null;
  }

  /** Ends the process and the power now, between two operations. Calls from now on reject with `CLOSED`. */
  crash(variant: "before" | "torn" = "before"): void {
    if (this.#end) return;
    this.#end = new TidepoolError("CLOSED", "The storage crashed");
    this.#arenas.lose(variant === "torn");
  }

  /** The power fails, whether or not the process has ended by then: young arenas are lost. */
  cutPower(): void {
    this.crash();
    this.#arenas.lose(false);
  }

  /** The database as the next process finds it. A storage that is still open crashes first. */
  reopen(options: FaultOptions = {}): FaultInjectingStorage {
    this.crash();
    const { now, arenaBytes, arenaSettleMs } = this.#options;
    return new FaultInjectingStorage({ now, arenaBytes, arenaSettleMs, ...options }, this.#disk);
  }

  async close(): Promise<void> {
    if (this.#end) return;
    this.#end = closedError();
    this.#arenas.drop();
  }

  async destroy(): Promise<void> {
    this.#assertOpen();
    await this.close();
    this.#disk.rows.clear();
    this.#disk.arenas.clear();
  }

  #blobStore(): BlobStore {
    const arenas = this.#arenas;
    return {
      retain: async (extents) => {
        this.#assertOpen();
        arenas.retain(extents);
      },
      holds: (extents) => arenas.holds(extents),
      vacuum: async (erase) => {
        if (erase) this.#change(() => arenas.overwriteFree());
        this.#sync(() => arenas.flush());
      },
      write: async (bytes) => this.#change(() => arenas.write(bytes)),
      flush: async () => this.#sync(() => arenas.flush()),
      read: async (ranges) => this.#read(() => arenas.read(ranges)),
      release: async (extents) => {
        this.#assertOpen();
        arenas.release(extents);
      },
      packing: () => null,
      settledAt: () => arenas.settledAt(),
      usage: () => arenas.usage(),
    };
  }

  #assertOpen(): void {
    if (this.#end) throw this.#end;
  }

  #read<T>(work: () => T): T {
    this.#assertOpen();
    if (++this.#reads === this.#options.failRead?.at) throw injected("io");
    return work();
  }

  #change<T>(work: () => T): T {
    this.#assertOpen();
    const { fail } = this.#options;
    if (++this.#changes === fail?.at) throw injected(fail.error);
    return work();
  }

  #sync(work: () => void): void {
    this.#change(() => {
      const { crash } = this.#options;
      if (++this.#syncs !== crash?.at) return work();
      const takesEffect = crash.variant === "after" || (crash.variant === "torn" && this.#arenas.coin());
      try {
        if (takesEffect) work();
      } finally {
        this.crash(crash.variant === "torn" ? "torn" : "before");
      }
      throw this.#end!;
    });
  }
}

/** The arenas as the running process sees them, over those on disk. */
class LiveArenas {
  readonly #disk: Map<number, DurableArena>;
  readonly #allocator = new ExtentAllocator();
  readonly #live = new Map<number, Uint8Array>();
  readonly #unflushed: Extent[] = [];
  readonly #now: () => number;
  readonly #arenaBytes: number;
  readonly #settleMs: number;
  #random: number;
  #retained = false;

  constructor(disk: Map<number, DurableArena>, { now = () => 0, arenaBytes = 1024 * 1024, arenaSettleMs = 0, seed = 1 }: FaultOptions) {
    this.#disk = disk;
    this.#now = now;
    this.#arenaBytes = slotted(arenaBytes);
    this.#settleMs = arenaSettleMs;
    this.#random = seed;
    for (const [number, { bytes }] of disk) this.#adopt(number, bytes.slice());
  }

  retain(extents: Iterable<Extent>): void {
    this.#allocator.retain(extents);
    this.#retained = true;
  }

  holds(extents: Iterable<Extent>): boolean {
    return [...extents].every(({ arena, offset, length }) => offset + slotted(length) <= (this.#live.get(arena)?.length ?? 0));
  }

  write(bytes: Uint8Array): Extent {
    this.#assertRetained();
    const extent = this.#allocator.allocate(bytes.length) ?? this.#inNewArena(bytes.length);
    this.#live.get(extent.arena)!.set(bytes, extent.offset);
    this.#unflushed.push(extent);
    return extent;
  }

  /** Live at once, durable with the next flush. */
  overwriteFree(): void {
    for (const [arena, bytes] of this.#live) {
      for (let at = 0; at < bytes.length; ) {
        const piece = this.#allocator.freeFrom(arena, at);
        if (piece === null) break;
        bytes.fill(0, piece.offset, piece.offset + piece.length);
        this.#unflushed.push({ arena, ...piece });
        at = piece.offset + piece.length;
      }
    }
  }

  flush(): void {
    this.#assertRetained();
    for (const extent of this.#unflushed.splice(0)) this.#keep(extent.arena, extent.offset, slotted(extent.length));
  }

  read(ranges: readonly ByteRange[]): Uint8Array[] {
    return ranges.map((range) => {
      checkRange(range);
      const { extent, start, length } = range;
      const arena = this.#live.get(extent.arena);
      const from = extent.offset + start;
      if (!arena || from + length > arena.length)
        throw missing(`Arena ${extent.arena} at offset ${from}, in extent ${extentName(extent)},`);
      return arena.slice(from, from + length);
    });
  }

  release(extents: Iterable<Extent>): void {
    this.#assertRetained();
    this.#allocator.release(extents);
  }

  settledAt(): number {
    const inUse = [...this.#disk].filter(([number]) => this.#allocator.arenaBytesUsed(number) > 0);
    return inUse.length === 0 ? 0 : Math.max(...inUse.map(([, { createdAtMs }]) => createdAtMs)) + this.#settleMs;
  }

  usage(): { bytesReserved: number; bytesUsed: number } {
    return { bytesReserved: this.#allocator.bytesReserved, bytesUsed: this.#allocator.bytesUsed };
  }

  /** What power loss leaves: unflushed sectors are gone, or some of them when torn, and young arenas are gone whole. */
  lose(torn: boolean): void {
    for (const extent of torn ? this.#unflushed : []) {
      const end = extent.offset + slotted(extent.length);
      for (let at = extent.offset; at < end; at += slotBytes) if (this.coin()) this.#keep(extent.arena, at, slotBytes);
    }
    for (const [number, { createdAtMs }] of this.#disk) {
      if (createdAtMs + this.#settleMs > this.#now() && !(torn && this.coin())) this.#disk.delete(number);
    }
    this.drop();
  }

  /** Forgets what is not durable. */
  drop(): void {
    this.#unflushed.length = 0;
    this.#live.clear();
  }

  /** The next bit of a seeded sequence (mulberry32). */
  coin(): boolean {
    this.#random = (this.#random + 0x6d2b79f5) | 0;
    let x = Math.imul(this.#random ^ (this.#random >>> 15), 1 | this.#random);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) & 1) === 1;
  }

  #inNewArena(length: number): Extent {
    const number = Math.max(0, ...this.#disk.keys()) + 1;
    const size = Math.max(this.#arenaBytes, slotted(length));
    this.#disk.set(number, { createdAtMs: this.#now(), bytes: new Uint8Array(size) });
    this.#adopt(number, new Uint8Array(size));
    return this.#allocator.allocate(length)!;
  }

  #adopt(number: number, bytes: Uint8Array): void {
    this.#live.set(number, bytes);
    this.#allocator.addArena(number, bytes.length);
  }

  #keep(arena: number, offset: number, length: number): void {
    this.#disk.get(arena)!.bytes.set(this.#live.get(arena)!.subarray(offset, offset + length), offset);
  }

  #assertRetained(): void {
    if (!this.#retained) throw notRetainedError();
  }
}

function injected(error: "quota" | "io"): TidepoolError {
  if (error === "quota") return new TidepoolError("QUOTA_EXCEEDED", "The browser refuses to store more bytes for this origin (injected)");
  return new TidepoolError("INTERNAL", "The disk failed (injected)");
}
