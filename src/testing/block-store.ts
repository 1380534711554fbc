/** A block store over plain memory, for tests of what lies above it. */
import { BlockStore } from "../core/blockstore/blockstore.js";
import type { BlobStore, ByteRange, Extent } from "../core/storage.js";

/** Space is never reused; reading what was released fails. */
class TestBlobs implements BlobStore {
  readonly #blobs = new Map<number, Uint8Array>();
  #next = 0;

  async retain(): Promise<void> {}
  async flush(): Promise<void> {}

  async write(bytes: Uint8Array): Promise<Extent> {
    this.#blobs.set(this.#next, bytes.slice());
    return { arena: this.#next++, offset: 0, length: bytes.length };
  }

  async read(ranges: readonly ByteRange[]): Promise<Uint8Array[]> {
    return ranges.map(({ extent, start, length }) => this.#blobs.get(extent.arena)!.slice(start, start + length));
  }

  async release(extents: Iterable<Extent>): Promise<void> {
    for (const { arena } of extents) this.#blobs.delete(arena);
  }

  holds(): boolean {
    return true;
  }

  async vacuum(): Promise<void> {}

  packing(): null {
    return null;
  }

  settledAt(): number {
    return 0;
  }

  usage(): { bytesReserved: number; bytesUsed: number } {
    return { bytesReserved: 0, bytesUsed: 0 };
  }
}

export function testBlockStore(): BlockStore {
  return new BlockStore(new TestBlobs());
}
