/**
 * Blocks on a blob store: written once under a checksum, read through one cache that is bounded in bytes. Whoever writes
 * begins a batch, which owns its blocks until a manifest names them: pieces of work that write at the same time know
 * nothing of each other.
 *
 * Invariants: no byte of a block reaches a caller of `read` or `readBytes` before its crc32 matched; `cacheBytes` never
 * exceeds the bound; a released block is not in the cache, not even when its load was under way. Blocks are immutable, so
 * a block that leaves the cache stays valid for whoever holds it. Least recently used means least recently read: the
 * cache holds blocks in the order of their last reads.
 */

import { ByteCache } from "../base/byte-cache.js";
import { crc32, crc32InSteps } from "../base/checksum.js";
import { inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { ArenaUsage, BlobStore, ByteRange, Extent, Packing } from "../storage.js";
import { Block } from "./block.js";
import { BlockPages, type BlockRows, type RowReading } from "./block-pages.js";

/** Names a block on disk. Plain JSON: manifests hold these. */
export interface BlockRef extends Extent {
  crc32: number;
}

/** A part of a block that is read by itself, against a checksum of its own. */
export interface BlockPart {
  ref: BlockRef;
  /** Counts from the block's beginning. */
  start: number;
  length: number;
  crc32: number;
}

/** What those need who write blocks and leave it to others what becomes of them. */
export interface BlockWriter {
  /** Places an encoded block. It is readable at once and durable after the batch's next `flush`. */
  write(bytes: Uint8Array): Promise<BlockRef>;
}

/** Share of the cache that may be filled with what nobody has asked for yet. */
const READ_AHEAD_SHARE = 0.75;

export class BlockStore {
  /** `null` as long as it only reads. */
  #store: BlobStore | null;
  #reader: Pick<BlobStore, "read"> | null;
  readonly #cache: ByteCache<string, Block | Uint8Array>;
  readonly #pages: BlockPages<BlockRef>;
  readonly #loads = new Map<string, Promise<Block>>();
  /** Keys of parts in the cache, or that were, by their block. */
  readonly #partKeys = new Map<string, Set<string>>();
  readonly #keysOfParts = new WeakMap<BlockPart, string>();
  /** Blocks that manifests name and that are not in use: there is no space of theirs to be freed. */
  readonly #absent = new Set<string>();
  /** Batches of which it is not known yet what becomes of their blocks. */
  readonly openBatches = new Set<BlockBatch>();
  #holds = 0;
  /** Released while somebody held their space. */
  readonly #held: BlockRef[] = [];
  /** Awaited while long blocks are checked. */
  #tick: Tick = () => undefined;
  #whyFrozen: () => TidepoolError | null = () => null;

  /** Without a store it only reads, from what `readFrom` is given. */
  constructor(blobs: BlobStore | null, cacheBytesMax: number = limits.blockCacheBytesMax) {
    this.#store = blobs;
    this.#reader = blobs;
    this.#cache = new ByteCache(cacheBytesMax);
    const reader = { read: (ranges: readonly ByteRange[]) => this.#read(ranges) };
    this.#pages = new BlockPages(reader, this.#cache as ByteCache<string, Uint8Array>, keyOf, (bytes) => this.hasRoomAhead(bytes));
  }

  /** Long blocks are checked in turns from now on. */
  takeTurns(tick: Tick): void {
    this.#tick = tick;
  }

  /** Blocks are read from there, as long as there is no store. */
  readFrom(reader: Pick<BlobStore, "read">): void {
    this.#reader = reader;
  }

  /**
   * From here on blocks lie in this store, and are written. What was read by pages, hence unchecked, is read again, and so is what is
   * being read.
   */
  moveTo(blobs: BlobStore): void {
    this.#store = blobs;
    this.#reader = blobs;
    this.#cache.clear();
  }

  get #blobs(): BlobStore {
    if (this.#store === null) throw new TidepoolError("INTERNAL", "Blocks were to be written before the lease was there.");
    return this.#store;
  }

  async #read(ranges: readonly ByteRange[]): Promise<Uint8Array[]> {
    const reader = this.#reader;
    if (reader === null) throw new TidepoolError("INTERNAL", "Blocks were to be read from nowhere.");
    const found = await reader.read(ranges).catch((error: unknown) => {
      if (reader === this.#reader) throw error;
      return null;
    });
    return found === null || reader !== this.#reader ? this.#read(ranges) : found;
  }

  /** Bounds the cache anew. */
  resizeCache(bytesMax: number): void {
    this.#cache.resize(bytesMax);
  }

  /** Bytes of the blocks in the cache. */
  get cacheBytes(): number {
    return this.#cache.bytes;
  }

  /**
   * Declares the blocks in use; called once, right after opening. While `whyFrozen` has an answer nobody knows all blocks in use,
   * and none is written. Blocks that are not there, or that others overlap, are passed over: who reads them is told.
   */
  async retain(refs: readonly BlockRef[], whyFrozen: () => TidepoolError | null = () => null): Promise<void> {
    this.#whyFrozen = whyFrozen;
    try {
      await this.#blobs.retain(refs, whyFrozen() === null);
    } catch (error) {
      if (!(error instanceof TidepoolError) || error.code !== "CORRUPTION" || error.details.extents === undefined) throw error;
      const unfit = new Set((error.details.extents as Extent[]).map(placeOf));
      for (const ref of refs) if (unfit.has(placeOf(ref))) this.#absent.add(keyOf(ref));
      await this.#blobs.retain(
        refs.filter((ref) => !unfit.has(placeOf(ref))),
        false,
      );
    }
  }

  /** Whether all of these blocks have a place to be in; says nothing of what stands there. */
  holds(refs: Iterable<BlockRef>): boolean {
    return this.#blobs.holds(refs);
  }

  /** Begins a batch of blocks to write; one that makes room finds some in a full origin, too. */
  begin(makesRoom = false): BlockBatch {
    this.#checkFrozen();
    return this.#begin(makesRoom);
  }

  #begin(makesRoom: boolean): BlockBatch {
    return new BlockBatch(this.#blobs, (refs) => this.release(refs), makesRoom, this.#tick, this.openBatches);
  }

  /** A batch also while it is not known which blocks are in use: what a repair writes over had been lost before. */
  beginRepair(): BlockBatch {
    return this.#begin(false);
  }

  #checkFrozen(): void {
    const why = this.#whyFrozen();
    if (why === null) return;
    const message = `Nothing can be compacted while it is not known which blocks are in use. ${why.message}`;
    throw new TidepoolError("CORRUPTION", message, { cause: why, details: why.details });
  }

  /** `owner` names the collection and the segment in the error. Concurrent reads of one block share one load. */
  async read(ref: BlockRef, owner: string): Promise<Block> {
    const key = keyOf(ref);
    return (this.#cache.get(key) as Block | undefined) ?? this.#loads.get(key) ?? this.#load(key, ref, owner);
  }

  /** Several blocks, in the order given: those that are not in memory are read in one go. */
  async readAll(refs: readonly BlockRef[], owner: string): Promise<Block[]> {
    const missing = refs.filter((ref) => this.cached(ref) === undefined && !this.#loads.has(keyOf(ref)));
    if (missing.length > 1) {
      const bytes = this.#fetchAll(missing, owner);
      missing.forEach((ref, i) => void this.#load(keyOf(ref), ref, owner, () => bytes[i]!).catch(() => undefined));
    }
    return Promise.all(refs.map((ref) => this.read(ref, owner)));
  }

  /** A block that is in the cache. */
  cached(ref: BlockRef): Block | undefined {
    return this.#cache.get(keyOf(ref)) as Block | undefined;
  }

  /** As `readAll`, past the cache: what is read once. */
  async readAllOnce(refs: readonly BlockRef[], owner: string): Promise<Block[]> {
    const bytes = this.#fetchAll(refs, owner);
    return Promise.all(refs.map((ref, i) => this.#decode(ref, owner, () => bytes[i]!)));
  }

  /** The whole encoded block, checked and not cached; in `into`, which is long enough, where the storage can do that. */
  async readBytes(ref: BlockRef, owner: string, into?: Uint8Array): Promise<Uint8Array> {
    return this.#whole(ref, owner, await this.#fetch(ref, owner, into));
  }

  async #whole(ref: BlockRef, owner: string, bytes: Uint8Array): Promise<Uint8Array> {
    if (bytes.length !== ref.length) throw damaged(ref, owner, `has ${bytes.length} bytes`);
    const found = await inTurns(crc32InSteps(bytes), this.#tick);
    if (found !== ref.crc32) throw damaged(ref, owner, `fails its checksum (expected ${ref.crc32}, found ${found})`);
    return bytes;
  }

  /**
   * Rows of blocks, one after the other in `into`. Where `reading` is by pages these stay in the cache: where a row was read its
   * neighbours follow, and a page costs hardly more than a row. They are not checked, since the checksum covers whole blocks.
   */
  readRows(rows: readonly BlockRows<BlockRef>[], into: Uint8Array, reading: RowReading): Promise<void> {
    return this.#pages.read(rows, into, reading);
  }

  /** Whether so many bytes would fit into what of the cache may be filled ahead. */
  couldHold(bytes: number): boolean {
    return bytes <= READ_AHEAD_SHARE * this.#cache.bytesMax;
  }

  /** Whether the cache has room for so many bytes that nobody has asked for yet. */
  hasRoomAhead(bytes: number): boolean {
    return this.couldHold(this.#cache.bytes + bytes);
  }

  /** Reads the pages of so many bytes into the cache, ahead of need. */
  readAhead(rows: BlockRows<BlockRef>): Promise<void> {
    return this.#pages.fill({ ...rows, extent: { ...rows.extent } });
  }

  /** Parts of blocks, checked, in the order given; what is read at once is read in one go. `keeps`: they stay in the cache. */
  async readParts(parts: readonly BlockPart[], owner: string, keeps: boolean): Promise<Uint8Array[]> {
    const found = parts.map((part) => this.#cache.get(this.#keyOfPart(part)) as Uint8Array | undefined);
    const missing = parts.filter((_, i) => found[i] === undefined);
    const read = missing.length === 0 ? [] : await this.#read(missing.map(({ ref, start, length }) => ({ extent: ref, start, length })));
    const loaded = new Map(missing.map((part, i) => [part, this.#checked(part, read[i]!, owner, keeps)]));
    return parts.map((part, i) => found[i] ?? loaded.get(part)!);
  }

  #checked(part: BlockPart, read: Uint8Array, owner: string, keeps: boolean): Uint8Array {
    const { ref, start, length } = part;
    if (read.length !== length || crc32(read) !== part.crc32)
      throw damaged(ref, owner, `fails the checksum of its bytes ${start}+${length}`);
    // Typed arrays over a part begin where they may.
    const bytes = read.byteOffset % 8 === 0 ? read : read.slice();
    if (!keeps) return bytes;
    const keys = this.#partKeys.get(keyOf(ref)) ?? new Set();
    const key = this.#keyOfPart(part);
    this.#partKeys.set(keyOf(ref), keys.add(key));
    this.#cache.set(key, bytes, length);
    return bytes;
  }

  /** Made once: searches ask for hundreds of parts. */
  #keyOfPart(part: BlockPart): string {
    let key = this.#keysOfParts.get(part);
    if (key === undefined) this.#keysOfParts.set(part, (key = partKeyOf(part)));
    return key;
  }

  /** Keeps the space of blocks that are released from being used again, until what this returns is called. */
  hold(): () => Promise<void> {
    this.#holds++;
    return async () => {
      if (--this.#holds === 0) await this.release(this.#held.splice(0));
    };
  }

  /** Frees the space of blocks that no manifest and no snapshot references any more. */
  async release(refs: Iterable<BlockRef>): Promise<void> {
    const released = [...refs];
    for (const ref of released) this.#drop(ref);
    if (this.#holds > 0) {
      for (const ref of released) this.#held.push(ref);
      return;
    }
    await this.#blobs.release(released.filter((ref) => !this.#absent.delete(keyOf(ref))));
  }

  settledAt(): number {
    return this.#blobs.settledAt();
  }

  /** How to give back reserved space; `null` when that is not worth it, or it is not known which blocks are in use. */
  packing(): Packing | null {
    return this.#whyFrozen() === null ? this.#blobs.packing() : null;
  }

  /** Gives back, and with `erase` overwrites, the space in which no block lies. What is held cannot be erased. */
  async vacuum(erase: boolean, tick: Tick): Promise<void> {
    this.#checkFrozen();
    if (erase && this.#holds > 0) {
      const message = "What was deleted cannot be erased while an export, a backup or a verification is under way: call again after it";
      throw new TidepoolError("LOCKED", message);
    }
    await this.#blobs.vacuum(erase, async () => tick());
  }

  usage(): { bytesReserved: number; bytesUsed: number } {
    return this.#blobs.usage();
  }

  arenas(): ArenaUsage[] {
    return this.#blobs.arenas?.() ?? [];
  }

  #load(key: string, ref: BlockRef, owner: string, fetch = () => this.#fetch(ref, owner)): Promise<Block> {
    const load = this.#decode(ref, owner, fetch)
      .then((block) => {
        // A block released meanwhile has lost its entry, and must not come back into the cache.
        if (this.#loads.get(key) === load) this.#cache.set(key, block, block.byteLength);
        return block;
      })
      .finally(() => {
        if (this.#loads.get(key) === load) this.#loads.delete(key);
      });
    this.#loads.set(key, load);
    return load;
  }

  async #decode(ref: BlockRef, owner: string, fetch: () => Promise<Uint8Array>): Promise<Block> {
    const bytes = await this.#whole(ref, owner, await fetch());
    try {
      return Block.decode(bytes);
    } catch (error) {
      throw damaged(ref, owner, "matches its checksum but is not a block", error);
    }
  }

  /** One read for all. Where it fails each is read by itself, to tell which it is. */
  #fetchAll(refs: readonly BlockRef[], owner: string): Promise<Uint8Array>[] {
    const all = this.#read(refs.map((ref) => ({ extent: ref, start: 0, length: ref.length })));
    return refs.map((ref, i) =>
      all.then(
        (bytes) => bytes[i]!,
        () => this.#fetch(ref, owner),
      ),
    );
  }

  async #fetch(ref: BlockRef, owner: string, into?: Uint8Array): Promise<Uint8Array> {
    try {
      const [bytes] = await this.#read([{ extent: ref, start: 0, length: ref.length, ...(into && { into }) }]);
      return bytes!;
    } catch (error) {
      if (!(error instanceof TidepoolError) || error.code !== "CORRUPTION") throw error;
      throw damaged(ref, owner, "is not there", error);
    }
  }

  #drop(ref: BlockRef): void {
    const key = keyOf(ref);
    this.#cache.delete(key);
    this.#loads.delete(key);
    this.#pages.drop(ref);
    for (const part of this.#partKeys.get(key) ?? []) this.#cache.delete(part);
    this.#partKeys.delete(key);
  }
}

/**
 * Blocks that one piece of work writes. They are its own until it says that a manifest names them (`publish`) or that none
 * ever will (`giveBack`); then the batch is over, and what is said or written later has no effect on any block.
 */
export class BlockBatch implements BlockWriter {
  readonly #blobs: BlobStore;
  readonly #release: (refs: readonly BlockRef[]) => Promise<void>;
  readonly #makesRoom: boolean;
  readonly #tick: Tick;
  readonly #open: Set<BlockBatch>;
  readonly #written: BlockRef[] = [];

  /** For `BlockStore.begin`. It is among the `open` ones until it is over. */
  constructor(
    blobs: BlobStore,
    release: (refs: readonly BlockRef[]) => Promise<void>,
    makesRoom: boolean,
    tick: Tick,
    open: Set<BlockBatch>,
  ) {
    this.#open = open.add(this);
    this.#tick = tick;
    this.#blobs = blobs;
    this.#release = release;
    this.#makesRoom = makesRoom;
  }

  async write(bytes: Uint8Array): Promise<BlockRef> {
    this.#check();
    const extent = await this.#blobs.write(bytes, this.#makesRoom);
    return this.#own(extent, await inTurns(crc32InSteps(bytes), this.#tick));
  }

  /** Places a block that is there already once more, before where it is; `null` when there is no room. */
  async copy(bytes: Uint8Array, ref: BlockRef, packing: Packing): Promise<BlockRef | null> {
    this.#check();
    const extent = await packing.write(bytes, ref);
    return extent === null ? null : this.#own(extent, ref.crc32);
  }

  async #own(extent: Extent, checksum: number): Promise<BlockRef> {
    const ref = { ...extent, crc32: checksum };
    // Nobody is left to answer for a block that comes too late.
    if (!this.#open.has(this)) await this.#release([ref]);
    this.#check();
    this.#written.push(ref);
    return ref;
  }

  /** Makes the blocks written so far durable. */
  flush(): Promise<void> {
    return this.#blobs.flush();
  }

  /** Says that a manifest names the blocks now: from here on they are the manifest's. */
  publish(): void {
    this.#open.delete(this);
    this.#written.length = 0;
  }

  /** Frees the space of the blocks, if no manifest names them: the work that wrote them has failed, or nobody needs it any more. */
  async giveBack(): Promise<void> {
    this.#open.delete(this);
    const refs = this.#written.splice(0);
    if (refs.length > 0) await this.#release(refs);
  }

  #check(): void {
    if (!this.#open.has(this))
      throw new TidepoolError("INTERNAL", "A block was written to a batch that is already published or given back.");
  }
}

function placeOf({ arena, offset, length }: Extent): string {
  return `${arena}:${offset}+${length}`;
}

const keys = new WeakMap<BlockRef, string>();

/** Space is used again after a release, so the place alone does not name a block. Made once: a query asks for dozens of blocks. */
function keyOf(ref: BlockRef): string {
  let key = keys.get(ref);
  if (key === undefined) keys.set(ref, (key = `${ref.arena}:${ref.offset}+${ref.length}#${ref.crc32}`));
  return key;
}

function partKeyOf({ ref, start }: BlockPart): string {
  return `${keyOf(ref)}+${start}`;
}

function damaged(ref: BlockRef, owner: string, what: string, cause?: unknown): TidepoolError {
  const place = `${ref.arena}:${ref.offset}+${ref.length}`;
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new TidepoolError("CORRUPTION", `Block ${place} of ${owner} ${what}${why}`, { cause });
}
