/**
 * Takes a collection out of every component, in an order in which nobody is left with something that is gone: nobody begins to use
 * it any more, what is on its way into the log ends, background work on it ends, then one transaction deletes its rows and its log,
 * and its blocks are released after the readers that are still under way.
 */
import type { BlockRef } from "../blockstore/blockstore.js";
import type { Compactor } from "../compactor/compactor.js";
import type { Log } from "../log/log.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { SysDb } from "../sysdb/sysdb.js";
import type { OpenCollections } from "./open-collections.js";
import { ReadWriteLock } from "./read-write-lock.js";

/** Who has something of a collection. */
export interface DropParts {
  collections: OpenCollections;
  log: Pick<Log, "drain">;
  compactor: Pick<Compactor, "forget">;
  sysdb: SysDb;
  /** Gives back the space of blocks that nobody names any more; never rejects, since the deletion is durable by then. */
  free(refs: readonly BlockRef[], collection: string): Promise<void>;
}

/** When the commit fails the collection is still there; what memory holds of it is given up, and opened anew when asked for. */
export async function dropCollection(row: CollectionRow, parts: DropParts, requestId?: string): Promise<void> {
  const { collections, log, compactor, sysdb, free } = parts;
  const state = await collections.leave(row.id);
  try {
    if (state !== undefined) state.dropped = true;
    await log.drain();
    const unpublished = state === undefined ? [] : await compactor.forget(state);
    const deletion = sysdb.deleteCollection(row.id, unpublished, requestId);
    // Readers that are still under way hold the shared lock: blocks are released after them.
    const lock = state?.lock ?? new ReadWriteLock();
    const release = (refs: BlockRef[]): Promise<void> => lock.exclusive(() => free(refs, row.name));
    await deletion.then(release, async (error: unknown) => {
      await release(sysdb.manifests.refsOnlyIn(unpublished));
      throw error;
    });
  } finally {
    collections.forget(row.id);
    state?.dispose();
  }
}
