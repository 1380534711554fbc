/** All three stores of a database in one IndexedDB database. */
import type { Durability, Storage } from "../../core/storage.js";
import { soleTenure, type Tenure } from "../tenure.js";
import { Database, deleteDatabase } from "./database.js";
import { IndexedDbBlobStore } from "./indexeddb-blob-store.js";
import { IndexedDbCatalogStore } from "./indexeddb-catalog-store.js";
import { IndexedDbLogStore } from "./indexeddb-log-store.js";

export async function openIndexedDbStorage(path: string, durability: Durability, tenure: Tenure = soleTenure): Promise<Storage> {
  return indexedDbStorage(await Database.open(path, tenure), path, durability, tenure);
}

/** The three stores over a connection that is already open. */
export function indexedDbStorage(database: Database, path: string, durability: Durability, tenure: Tenure): Storage {
  return {
    kind: "indexeddb",
    log: new IndexedDbLogStore(database, durability),
    catalog: new IndexedDbCatalogStore(database, () => tenure.changed?.()),
    blobs: new IndexedDbBlobStore(database),
    confirm: () => database.confirm(),
    close: async () => database.close(),
    destroy: async () => {
      database.assertOpen();
      database.close();
      await deleteDatabase(path);
    },
  };
}
