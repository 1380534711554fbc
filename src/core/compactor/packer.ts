/**
 * Lets go of space that is reserved and not used. Blocks that come and go leave holes in arenas, and an arena can only be cut off
 * behind its last block. When much more is reserved than used, the blocks that lie farthest behind are copied into holes before
 * them, a piece at a time, and the published manifest names the copies: the same version, with its blocks elsewhere.
 *
 * Invariants: copies are durable, and in arenas that are old enough, before the catalog names them; the commit of the manifest's row is
 * the only commit point, and until then copies are free space to whoever opens the database. The places before are released after
 * it, under the collection's exclusive lock, so no read finds them overwritten. A block that another manifest names too, of a fork
 * or a retained version, stays where it is, and so does one that cannot be read.
 */
import type { Tick } from "../base/turns.js";
import type { BlockBatch, BlockRef, BlockStore } from "../blockstore/blockstore.js";
import type { CollectionState } from "../collection/collection-state.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { Packing } from "../storage.js";
import type { Manifests } from "../sysdb/manifests.js";

export interface PackerParts {
  manifests: Pick<Manifests, "ownRefs" | "move">;
  blocks: Pick<BlockStore, "packing" | "begin" | "readBytes" | "release">;
  /** Makes the blocks of a batch durable. */
  flush(batch: BlockBatch): Promise<void>;
  tick: Tick;
}

export class Packer {
  readonly #parts: PackerParts;

  constructor(parts: PackerParts) {
    this.#parts = parts;
  }

  /** Whether there is space to let go of. */
  get isDue(): boolean {
    return this.#parts.blocks.packing() !== null;
  }

  get isUrgent(): boolean {
    return this.#parts.blocks.packing()?.isUrgent ?? false;
  }

  /** Moves some blocks of a collection of which everything is published; resolves to whether nothing was left to move. */
  async pack(state: CollectionState): Promise<boolean> {
    const { manifests, blocks, flush } = this.#parts;
    const packing = blocks.packing();
    if (packing === null) return true;
    const batch = blocks.begin(true);
    try {
      const copies = await this.#copy(state, packing, batch);
      if (copies.size === 0) {
        await batch.giveBack();
        return true;
      }
      await flush(batch);
      const free = await manifests.move(copies, state.row.id);
      batch.publish();
      await state.lock.exclusive(() => blocks.release(free));
      return false;
    } catch (error) {
      await batch.giveBack();
      throw error;
    }
  }

  /** The blocks farthest behind, as many as one piece of work may write, and their copies. */
  async #copy(state: CollectionState, packing: Packing, batch: BlockBatch): Promise<Map<BlockRef, BlockRef>> {
    const copies = new Map<BlockRef, BlockRef>();
    let bytes = 0;
    for (const ref of this.#outside(state, packing)) {
      const copy = await this.#copyBlock(ref, state, packing, batch);
      await this.#parts.tick();
      if (copy === null) continue;
      copies.set(ref, copy);
      bytes += ref.length;
      if (bytes >= limits.packingBytesMax) break;
    }
    return copies;
  }

  /** Those that lie behind the others, the last one first. */
  #outside({ row }: CollectionState, packing: Packing): BlockRef[] {
    const refs = this.#parts.manifests.ownRefs(row.id).filter((ref) => packing.isOutside(ref));
    return refs.sort((a, b) => b.arena - a.arena || b.offset - a.offset);
  }

  async #copyBlock(ref: BlockRef, { row }: CollectionState, packing: Packing, batch: BlockBatch): Promise<BlockRef | null> {
    try {
      const bytes = await this.#parts.blocks.readBytes(ref, `collection "${row.name}"`);
      return await batch.copy(bytes, ref, packing);
    } catch (error) {
      if (error instanceof TidepoolError && error.code === "CORRUPTION") return null;
      throw error;
    }
  }
}
