/**
 * Leaves on disk only what somebody needs: collections are compacted, or for an erasure written anew from their records, one after
 * the other, and free space is given back and overwritten at the end. A step is one collection, so that whoever asked for the
 * whole can show how far it is, and stop; a collection that comes or goes meanwhile does no harm.
 */
import type { Tick } from "../base/turns.js";
import type { BlockStore } from "../blockstore/blockstore.js";
import type { OpenCollections } from "../collection/open-collections.js";
import { TidepoolError } from "../errors.js";
import type { Reembedder } from "../reembedding/reembedder.js";
import type { VacuumRequest, VacuumStep } from "../service.js";
import type { CatalogStore } from "../storage.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { SysDb } from "../sysdb/sysdb.js";
import type { Compactor } from "./compactor.js";

export interface VacuumParts {
  sysdb: Pick<SysDb, "directory" | "manifests">;
  collections: Pick<OpenCollections, "useToChange">;
  compactor: Pick<Compactor, "compact" | "rewrite">;
  blocks: Pick<BlockStore, "vacuum">;
  catalog: CatalogStore;
  reembedder: Pick<Reembedder, "prune">;
  tick: Tick;
}

export class Vacuum {
  readonly #parts: VacuumParts;

  constructor(parts: VacuumParts) {
    this.#parts = parts;
  }

  async step({ erase, after }: VacuumRequest): Promise<VacuumStep> {
    const { sysdb, blocks, catalog, tick } = this.#parts;
    const rows = sysdb.directory.everyCollection();
    const at = rows.findIndex(({ sequence }) => sequence > after);
    const row = rows[at];
    const told = { total: rows.length + 1, versionsKept: this.#versionsKept() };
    // Compacting takes room, which is therefore made first.
    if (after === 0) await blocks.vacuum(false, tick);
    if (row !== undefined) {
      await this.#collection(row, erase);
      return { ...told, after: row.sequence, done: at + 1 };
    }
    await blocks.vacuum(erase, tick);
    if (erase) await catalog.rewrite?.();
    return { ...told, after: null, done: told.total };
  }

  async #collection(row: CollectionRow, erase: boolean): Promise<void> {
    const { collections, compactor, reembedder } = this.#parts;
    try {
      if (erase && row.reembeds !== undefined) await reembedder.prune(row);
      await collections.useToChange(row, (state) => (erase ? compactor.rewrite(state) : compactor.compact(state)));
    } catch (error) {
      const isGone = error instanceof TidepoolError && error.code === "NOT_FOUND";
      if (!isGone) throw error;
    }
  }

  #versionsKept(): number {
    const { directory, manifests } = this.#parts.sysdb;
    return directory.everyCollection().reduce((sum, { id }) => sum + manifests.versions(id).length, 0);
  }
}
