/**
 * Takes collections out of every component, in an order in which nobody is left with something that is gone: nobody begins to use
 * them any more, what is on its way into the log ends, background work on them ends, then one transaction deletes their rows and
 * logs, and their blocks are released after the readers that are still under way.
 */
import type { BlockRef } from "../blockstore/blockstore.js";
import type { Compactor } from "../compactor/compactor.js";
import type { Log } from "../log/log.js";
import type { Manifest } from "../sysdb/manifest.js";
import type { Deletion, SysDb } from "../sysdb/sysdb.js";
import type { CollectionState } from "./collection-state.js";
import type { OpenCollections } from "./open-collections.js";

/** Who has something of a collection. */
export interface DropParts {
  collections: OpenCollections;
  log: Pick<Log, "drain">;
  compactor: Pick<Compactor, "forget">;
  sysdb: SysDb;
  /** Gives back the space of blocks that nobody names any more; never rejects, since the deletion is durable by then. */
  free(refs: readonly BlockRef[]): Promise<void>;
}

/** When the commit fails the collections are still there; what memory holds of them is given up, and opened anew when asked for. */
export async function dropCollections(deletion: Deletion, parts: DropParts): Promise<void> {
  const { collections, sysdb, free } = parts;
  const states = await leaveAll(deletion.ids, collections);
  try {
    const unpublished = await endWork(states, parts);
    const refs = await sysdb.deleteCollections(deletion, unpublished).catch(async (error: unknown) => {
      await afterReaders(states);
      await free(sysdb.manifests.refsOnlyIn(unpublished));
      throw error;
    });
    await afterReaders(states);
    await free(refs);
  } finally {
    for (const id of deletion.ids) collections.forget(id);
    for (const state of states) state.dispose();
  }
}

async function leaveAll(ids: readonly string[], collections: OpenCollections): Promise<CollectionState[]> {
  const open = await Promise.all(ids.map((id) => collections.leave(id)));
  return open.filter((state) => state !== undefined);
}

/** Returns the manifests that were not even staged. */
async function endWork(states: readonly CollectionState[], { log, compactor }: DropParts): Promise<Manifest[]> {
  for (const state of states) state.dropped = true;
  await log.drain();
  const unpublished: Manifest[] = [];
  for (const state of states) unpublished.push(...(await compactor.forget(state)));
  return unpublished;
}

/** Readers that are still under way hold the shared lock, and no new ones are let in. */
async function afterReaders(states: readonly CollectionState[]): Promise<void> {
  for (const { lock } of states) await lock.exclusive(() => undefined);
}
