/** Blobs in OPFS arenas, log and catalog in IndexedDB. */
import { TidepoolError } from "../../core/errors.js";
import { limits } from "../../core/limits.js";
import type { Durability, LogStore, Storage } from "../../core/storage.js";
import { Database, deleteDatabase } from "../idb/database.js";
import { IndexedDbCatalogStore } from "../idb/indexeddb-catalog-store.js";
import { IndexedDbLogStore } from "../idb/indexeddb-log-store.js";
import { clearedError, isQuota } from "../storage-error.js";
import { recordDestruction } from "../storage-kind.js";
import { soleTenure, type Tenure } from "../tenure.js";
import { ArenaFile } from "./arena-file.js";
import { type Directory, findDirectory, openDirectory, removeDirectory } from "./file-system.js";
import { emptyMarker, hasMarker, writeMarker } from "./marker-file.js";
import { type ArenaClaim, type ArenaLimits, OpfsBlobStore } from "./opfs-blob-store.js";

export async function openOpfsStorage(
  path: string,
  durability: Durability,
  now: () => number,
  arenaLimits?: ArenaLimits,
  tenure: Tenure = soleTenure,
): Promise<Storage> {
  const database = await Database.open(path, tenure);
  try {
    return await opfsStorage(database, path, durability, now, tenure, arenaLimits);
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The stores over a connection that is already open; when this rejects, the connection is still the caller's. */
export async function opfsStorage(
  database: Database,
  path: string,
  durability: Durability,
  now: () => number,
  tenure: Tenure,
  arenaLimits?: ArenaLimits,
): Promise<Storage> {
  const claim: ArenaClaim = {
    generation: database.generation,
    confirm: () => database.confirm(),
    cleared: () => database.lose(clearedError(path, "opfs")),
    predecessors: await tenure.predecessors(),
  };
  const blobs = await openBlobs(await openDirectory(path), now, claim, arenaLimits);
  const close = async () => {
    database.close();
    await blobs.close();
  };
  return {
    kind: "opfs",
    log: watching(new IndexedDbLogStore(database, durability), blobs, now),
    catalog: new IndexedDbCatalogStore(database, () => tenure.changed?.()),
    blobs,
    confirm: () => database.confirm(),
    close,
    destroy: async () => {
      database.assertOpen();
      await blobs.close();
      await destroyDatabase(database, path);
    },
  };
}

/** A log that, where it is written to, looks after the files now and then, so that it is noticed soon when they are gone. */
function watching(log: LogStore, blobs: OpfsBlobStore, now: () => number): LogStore {
  let lookedAt = now();
  return {
    read: (...range) => log.read(...range),
    tail: (...from) => log.tail(...from),
    append: (...what) => {
      if (now() - lookedAt >= limits.filesCheckMs) {
        lookedAt = now();
        // What it finds is told to whoever has the database open.
        blobs.check().catch(() => undefined);
      }
      return log.append(...what);
    },
  };
}

async function openBlobs(directory: Directory, now: () => number, claim: ArenaClaim, arenaLimits?: ArenaLimits): Promise<OpfsBlobStore> {
  try {
    return await OpfsBlobStore.open(directory, now, arenaLimits, claim);
  } catch (cause) {
    if (claim.predecessors === null || !(cause instanceof TidepoolError) || cause.code !== "LOCKED") throw cause;
    const message =
      "A tab or worker that does not answer any more has the files of this database open, and this browser gives a file to one at a " +
      "time: close that tab, or wait until it answers again";
    throw new TidepoolError("LOCKED", message, { cause });
  }
}

/**
 * Says beside the arenas that there is a database, unless that is said already. `false` when there is no room for it, which
 * matters to nobody who has a catalog.
 */
export async function markDatabase(path: string): Promise<boolean> {
  const directory = await openDirectory(path);
  if (await hasMarker(directory)) return true;
  try {
    await writeMarker(directory, path);
    return true;
  } catch (error) {
    if (error instanceof TidepoolError && error.code === "QUOTA_EXCEEDED") return false;
    throw error;
  }
}

/** Whether the files at this path are those of a database. Creates nothing. */
export async function isMarked(path: string): Promise<boolean> {
  const directory = await findDirectory(path);
  return directory !== null && hasMarker(directory);
}

/** Bytes that arenas take at this path; 0 where there are none, or no OPFS. Creates nothing. */
export async function arenaBytesAt(path: string): Promise<number> {
  const directory = await findDirectory(path);
  return directory === null ? 0 : ArenaFile.bytesIn(directory);
}

/**
 * Deletes the database behind this connection with its arenas, if it has any, whose handles must be closed. A crash at any
 * point leaves a database that is still whole, or one that the next opening goes on destroying, or none. Files are emptied
 * and flushed before they are removed, because a removal may not reach the disk: one that comes back is free space.
 */
export async function destroyDatabase(database: Database, path: string): Promise<void> {
  const directory = await findDirectory(path);
  const arenas = directory === null ? [] : await ArenaFile.openAll(directory, Infinity, Infinity);
  try {
    await beginDestruction(database);
    for (const arena of arenas) {
      arena.resize(0);
      arena.flush();
    }
    if (directory !== null) await emptyMarker(directory);
  } finally {
    for (const arena of arenas) arena.close();
  }
  if (directory !== null) await removeDirectory(path);
  database.close();
  await deleteDatabase(path);
}

/**
 * Where there is no room for the marker, all rows are deleted instead, which takes none. A crash between that and the emptying of
 * the arenas is then told as `DATA_EVICTED`, until somebody destroys what is left.
 */
async function beginDestruction(database: Database): Promise<void> {
  try {
    await recordDestruction(new IndexedDbCatalogStore(database));
  } catch (error) {
    if (!isQuota(error)) throw error;
    await database.clear();
  }
}
