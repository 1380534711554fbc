/**
 * Blocks on a blob store: written once under a checksum, read through one cache that is bounded in bytes.
 *
 * Invariants: no byte of a block reaches a caller of `read` or `readBytes` before its crc32 matched; `cacheBytes` never
 * exceeds the bound; a released block is not in the cache, not even when its load was under way. Blocks are immutable, so
 * a block that leaves the cache stays valid for whoever holds it. Least recently used means least recently read: the
 * cache holds blocks in the order of their last reads.
 */

import { ByteCache } from "../base/byte-cache.js";
import { crc32 } from "../base/checksum.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { BlobStore, ByteRange, Extent } from "../storage.js";
import { Block } from "./block.js";

/** Names a block on disk. Plain JSON: manifests hold these. */
export interface BlockRef extends Extent {
  crc32: number;
}

export class BlockStore {
  readonly #blobs: BlobStore;
  readonly #cache: ByteCache<string, Block>;
  readonly #loads = new Map<string, Promise<Block>>();
  /** Blocks written and not claimed yet: no manifest names them. */
  readonly #unclaimed = new Map<string, BlockRef>();

  constructor(blobs: BlobStore, cacheBytesMax: number = limits.blockCacheBytesMax) {
    this.#blobs = blobs;
    this.#cache = new ByteCache(cacheBytesMax);
  }

  /** Bytes of the blocks in the cache. */
  get cacheBytes(): number {
    return this.#cache.bytes;
  }

  /** Declares the blocks in use; called once, right after opening. */
  retain(refs: Iterable<BlockRef>): Promise<void> {
    return this.#blobs.retain(refs);
  }

  /** Places an encoded block. It is readable at once and durable after the next `flush`. */
  async write(bytes: Uint8Array): Promise<BlockRef> {
    const checksum = crc32(bytes);
    const { arena, offset, length } = await this.#blobs.write(bytes);
    const ref = { arena, offset, length, crc32: checksum };
    this.#unclaimed.set(keyOf(ref), ref);
    return ref;
  }

  /** Says that a manifest now names the blocks written since the last `claim` or `abandon`. */
  claim(): void {
    this.#unclaimed.clear();
  }

  /** Frees the blocks written since then: the work that wrote them has failed. */
  async abandon(): Promise<void> {
    await this.release([...this.#unclaimed.values()]);
  }

  flush(): Promise<void> {
    return this.#blobs.flush();
  }

  /** `owner` names the collection and the segment in the error. Concurrent reads of one block share one load. */
  async read(ref: BlockRef, owner: string): Promise<Block> {
    const key = keyOf(ref);
    return this.#cache.get(key) ?? this.#loads.get(key) ?? this.#load(key, ref, owner);
  }

  /** The whole encoded block, checked and not cached; in `into`, which is long enough, where the storage can do that. */
  async readBytes(ref: BlockRef, owner: string, into?: Uint8Array): Promise<Uint8Array> {
    const bytes = await this.#fetch(ref, owner, into);
    if (bytes.length !== ref.length) throw damaged(ref, owner, `has ${bytes.length} bytes`);
    const found = crc32(bytes);
    if (found !== ref.crc32) throw damaged(ref, owner, `fails its checksum (expected ${ref.crc32}, found ${found})`);
    return bytes;
  }

  /** Rows of blocks straight from disk: neither cached nor checked, since the checksum covers whole blocks. */
  readRanges(ranges: readonly ByteRange[]): Promise<Uint8Array[]> {
    return this.#blobs.read(ranges);
  }

  /** Frees the space of blocks that no manifest and no snapshot references any more. */
  async release(refs: Iterable<BlockRef>): Promise<void> {
    const released = [...refs];
    for (const ref of released) this.#drop(keyOf(ref));
    await this.#blobs.release(released);
  }

  settledAt(): number {
    return this.#blobs.settledAt();
  }

  usage(): { bytesReserved: number; bytesUsed: number } {
    return this.#blobs.usage();
  }

  #load(key: string, ref: BlockRef, owner: string): Promise<Block> {
    const load = this.#decode(ref, owner)
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

  async #decode(ref: BlockRef, owner: string): Promise<Block> {
    const bytes = await this.readBytes(ref, owner);
    try {
      return Block.decode(bytes);
    } catch (error) {
      throw damaged(ref, owner, "matches its checksum but is not a block", error);
    }
  }

  async #fetch(ref: BlockRef, owner: string, into: Uint8Array | undefined): Promise<Uint8Array> {
    try {
      const [bytes] = await this.#blobs.read([{ extent: ref, start: 0, length: ref.length, ...(into && { into }) }]);
      return bytes!;
    } catch (error) {
      if (!(error instanceof TidepoolError) || error.code !== "CORRUPTION") throw error;
      throw damaged(ref, owner, "is not there", error);
    }
  }

  #drop(key: string): void {
    this.#cache.delete(key);
    this.#loads.delete(key);
    this.#unclaimed.delete(key);
  }
}

/** Space is used again after a release, so the place alone does not name a block. */
function keyOf(ref: BlockRef): string {
  return `${ref.arena}:${ref.offset}+${ref.length}#${ref.crc32}`;
}

function damaged(ref: BlockRef, owner: string, what: string, cause?: unknown): TidepoolError {
  const place = `${ref.arena}:${ref.offset}+${ref.length}`;
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new TidepoolError("CORRUPTION", `Block ${place} of ${owner} ${what}${why}`, { cause });
}
