/**
 * Chooses where a database lives and opens it there. The choice is made once, when the database is created, and
 * recorded in the catalog: a database whose blocks lie in OPFS is never opened as if they lay in IndexedDB, whatever
 * the browser offers today. Memory is used only when asked for by name and records nothing.
 *
 * The browser keeps IndexedDB and OPFS apart and may drop one of the two. What is then left is never taken for a new
 * database: blocks without a catalog are refused here, a catalog without its blocks when their extents are retained.
 */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import type { OpenOptions } from "../core/service.js";
import type { Environment, Storage } from "../core/storage.js";
import { type Encryption, findEncryption, type LoadEncryption } from "./encrypted/find-encryption.js";
import { Database } from "./idb/database.js";
import { IndexedDbCatalogStore } from "./idb/indexeddb-catalog-store.js";
import { indexedDbStorage } from "./idb/indexeddb-storage.js";
import { openMemory } from "./open-memory.js";
import { probeSyncHandles } from "./opfs/file-system.js";
import type { ArenaLimits } from "./opfs/opfs-blob-store.js";
import { arenaBytesAt, destroyDatabase, isMarked, markDatabase, opfsStorage } from "./opfs/opfs-storage.js";
import { type PersistentKind, readStorageState, recordKind } from "./storage-kind.js";
import { soleTenure, type Tenure } from "./tenure.js";

/** What opening a storage takes beside its options. */
export interface OpenParts extends Pick<Environment, "now"> {
  /** Default: there is nothing to encrypt with. */
  loadEncryption?: LoadEncryption;
}

/** `arenaLimits` is for tests, which use small arenas. */
export async function openStorage(
  options: OpenOptions,
  parts: OpenParts,
  tenure: Tenure = soleTenure,
  arenaLimits?: ArenaLimits,
): Promise<Storage> {
  const { path, storage } = options;
  if (storage === "memory") return openMemory(options);
  if (storage !== "auto" && storage !== "opfs" && storage !== "indexeddb") {
    throw invalidArgument(`storage must be "auto", "opfs", "indexeddb" or "memory", got ${show(storage)}`);
  }
  const { database, kind: recorded } = await openDatabase(path, tenure);
  try {
    if (recorded && storage !== "auto" && storage !== recorded) throw otherKind(path, recorded, storage);
    if (!recorded) await refuseOrphans(path);
    const asked = { path, key: options.encryption?.key, load: parts.loadEncryption };
    const encryption = await findEncryption(new IndexedDbCatalogStore(database), asked);
    const kind = recorded ?? (await firstKind(path, storage));
    const opened =
      kind === "opfs"
        ? await opfsStorage(database, path, options.durability, parts.now, tenure, arenaLimits)
        : indexedDbStorage(database, path, options.durability, tenure);
    return await orClose(opened, () => begin(opened, { path, kind, isNew: !recorded, encryption, tenure }));
  } catch (error) {
    database.close();
    throw explain(error, path);
  }
}

interface Beginning {
  path: string;
  kind: PersistentKind;
  isNew: boolean;
  encryption: Encryption | null;
  tenure: Tenure;
}

/** Writes what has to be there before the first row of the engine's. */
async function begin(opened: Storage, { path, kind, isNew, encryption, tenure }: Beginning): Promise<Storage> {
  if (isNew) await recordKind(opened.catalog, kind);
  // A database that is not marked yet is one of an earlier release, or its creation was interrupted.
  if (kind === "opfs") await mark(path, !isNew);
  const storage = (await encryption?.over(opened)) ?? opened;
  if (isNew) tenure.created?.();
  return storage;
}

/** Deletes all that is stored at this path, whatever state it is in. */
export async function destroyStorage(path: string): Promise<void> {
  const database = await Database.open(path);
  await destroyDatabase(database, path).catch((error: unknown) => {
    database.close();
    throw error;
  });
}

/** A database whose destruction was interrupted is destroyed first, and then there is none. */
async function openDatabase(path: string, tenure: Tenure): Promise<{ database: Database; kind: PersistentKind | null }> {
  const database = await Database.open(path, tenure);
  try {
    const state = await readStorageState(new IndexedDbCatalogStore(database), path);
    if (state !== "destroying") return { database, kind: state };
    await destroyDatabase(database, path);
  } catch (error) {
    database.close();
    throw error;
  }
  return { database: await Database.open(path, tenure), kind: null };
}

/**
 * Files without a catalog are no first run: the catalog is durable before the first of them has a byte, and a destruction
 * empties them before it deletes the catalog. So the browser has dropped it.
 */
async function refuseOrphans(path: string): Promise<void> {
  const bytes = await arenaBytesAt(path);
  if (bytes === 0 && !(await isMarked(path))) return;
  throw new TidepoolError(
    "DATA_EVICTED",
    `The database "${path}" has lost its catalog and its log: ` +
      `the browser has dropped its IndexedDB database and kept ${bytes} bytes of its blocks, which nobody can read without. ` +
      `Nothing was changed. destroyPath({ path: "${path}" }) deletes what is left; then the path can be used again`,
    { details: { lost: "indexeddb", collections: null, path, bytes } },
  );
}

async function mark(path: string, isOld: boolean): Promise<void> {
  if ((await markDatabase(path)) || isOld) return;
  throw new TidepoolError(
    "QUOTA_EXCEEDED",
    `Could not create the database "${path}": the browser refuses to store more bytes for this origin`,
  );
}

async function orClose<T>(storage: Storage, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/**
 * The kind of a database that is created now. Only a lack of support leads to IndexedDB, and only when the choice is
 * ours: a file system that is locked or full is an error to be told.
 */
async function firstKind(path: string, asked: PersistentKind | "auto"): Promise<PersistentKind> {
  if (asked === "indexeddb") return asked;
  try {
    await probeSyncHandles(path);
    return "opfs";
  } catch (error) {
    if (asked === "auto" && isNotSupported(error)) return "indexeddb";
    throw error;
  }
}

function explain(error: unknown, path: string): unknown {
  if (!isNotSupported(error)) return error;
  return new TidepoolError("NOT_SUPPORTED", `The database "${path}" cannot be opened with storage "opfs" here. ${error.message}`, {
    cause: error,
  });
}

function isNotSupported(error: unknown): error is TidepoolError {
  return error instanceof TidepoolError && error.code === "NOT_SUPPORTED";
}

function otherKind(path: string, recorded: PersistentKind, asked: PersistentKind): TidepoolError {
  return invalidArgument(`storage must be "${recorded}" or "auto" for the database "${path}", which was created with it, got "${asked}"`);
}
