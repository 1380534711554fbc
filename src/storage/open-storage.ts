/**
 * Chooses where a database lives and opens it there. The choice is made once, when the database is created, and
 * recorded in the catalog: a database whose blocks lie in OPFS is never opened as if they lay in IndexedDB, whatever
 * the browser offers today. Memory is used only when asked for by name and records nothing.
 */
import { TidepoolError, invalidArgument, show } from "../core/errors.js";
import type { OpenOptions } from "../core/service.js";
import type { Environment, Storage } from "../core/storage.js";
import { Database } from "./idb/database.js";
import { IndexedDbCatalogStore } from "./idb/indexeddb-catalog-store.js";
import { indexedDbStorage } from "./idb/indexeddb-storage.js";
import { openMemoryStorage } from "./memory/memory-storage.js";
import { probeSyncHandles } from "./opfs/file-system.js";
import { opfsStorage } from "./opfs/opfs-storage.js";

type PersistentKind = "opfs" | "indexeddb";

/** Row of the catalog that says `{"kind":"opfs"}` or `{"kind":"indexeddb"}`. */
export const storageKey = "storage";

export async function openStorage(options: OpenOptions, environment: Pick<Environment, "now">): Promise<Storage> {
  const { path, storage, durability } = options;
  if (storage === "memory") return openMemoryStorage(path);
  if (storage !== "auto" && storage !== "opfs" && storage !== "indexeddb") {
    throw invalidArgument(`storage must be "auto", "opfs", "indexeddb" or "memory", got ${show(storage)}`);
  }
  const database = await Database.open(path);
  try {
    const recorded = await recordedKind(database, path);
    if (recorded && storage !== "auto" && storage !== recorded) throw otherKind(path, recorded, storage);
    const kind = recorded ?? (await firstKind(path, storage));
    const opened = kind === "opfs" ? await opfsStorage(database, path, durability, environment.now) : indexedDbStorage(database, path, durability);
    if (!recorded) await record(opened, kind);
    return opened;
  } catch (error) {
    database.close();
    throw explain(error, path);
  }
}

async function recordedKind(database: Database, path: string): Promise<PersistentKind | null> {
  const bytes = await new IndexedDbCatalogStore(database).get(storageKey);
  if (!bytes) return null;
  const text = new TextDecoder().decode(bytes);
  const kind = (["opfs", "indexeddb"] as const).find((known) => text === encodeKind(known));
  if (!kind) throw new TidepoolError("CORRUPTION", `The database "${path}" does not say where its blocks lie: ${show(text)}`);
  return kind;
}

async function record(storage: Storage, kind: PersistentKind): Promise<void> {
  try {
    await storage.catalog.commit({ expect: new Map([[storageKey, null]]), put: new Map([[storageKey, new TextEncoder().encode(encodeKind(kind))]]) });
  } catch (error) {
    await storage.close();
    throw error;
  }
}

function encodeKind(kind: PersistentKind): string {
  return JSON.stringify({ kind });
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
  return new TidepoolError("NOT_SUPPORTED", `The database "${path}" cannot be opened with storage "opfs" here. ${error.message}`, { cause: error });
}

function isNotSupported(error: unknown): error is TidepoolError {
  return error instanceof TidepoolError && error.code === "NOT_SUPPORTED";
}

function otherKind(path: string, recorded: PersistentKind, asked: PersistentKind): TidepoolError {
  return invalidArgument(`storage must be "${recorded}" or "auto" for the database "${path}", which was created with it, got "${asked}"`);
}
