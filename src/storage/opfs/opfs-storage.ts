/** Blobs in OPFS arenas, log and catalog in IndexedDB. */
import type { Durability, Storage } from "../../core/storage.js";
import { Database, deleteDatabase } from "../idb/database.js";
import { IndexedDbCatalogStore } from "../idb/indexeddb-catalog-store.js";
import { IndexedDbLogStore } from "../idb/indexeddb-log-store.js";
import { openDirectory, removeDirectory } from "./file-system.js";
import { OpfsBlobStore } from "./opfs-blob-store.js";
import type { ArenaLimits } from "./opfs-blob-store.js";

export async function openOpfsStorage(path: string, durability: Durability, now: () => number, arenaLimits?: ArenaLimits): Promise<Storage> {
  const database = await Database.open(path);
  try {
    return await opfsStorage(database, path, durability, now, arenaLimits);
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The same over a connection that is already open; when it rejects, the connection is still the caller's. */
export async function opfsStorage(database: Database, path: string, durability: Durability, now: () => number, arenaLimits?: ArenaLimits): Promise<Storage> {
  const blobs = await OpfsBlobStore.open(await openDirectory(path), now, arenaLimits);
  const close = async () => {
    database.close();
    await blobs.close();
  };
  return {
    kind: "opfs",
    log: new IndexedDbLogStore(database, durability),
    catalog: new IndexedDbCatalogStore(database),
    blobs,
    close,
    destroy: async () => {
      database.assertOpen();
      await close();
      // The catalog goes first: arenas without a catalog are free space, a catalog without arenas is damaged.
      await deleteDatabase(path);
      await removeDirectory(path);
    },
  };
}
