/** What encrypts a database, as a file of its own that a worker loads with the first one that is encrypted. */
import { Serial } from "../../core/base/serial.js";
import type { ReadableStorage } from "../../core/standby.js";
import type { Storage } from "../../core/storage.js";
import type { DatabaseKeys } from "./database-keys.js";
import { EncryptedBlobReader, EncryptedBlobs } from "./encrypted-blobs.js";
import { EncryptedCatalog } from "./encrypted-catalog.js";
import { EncryptedLog } from "./encrypted-log.js";

export { DatabaseKeys } from "./database-keys.js";

/** The storage as the engine sees it, over one that sees nothing of what is in it. */
export function encryptedStorage(storage: Storage, keys: DatabaseKeys): Storage {
  const changes = new Serial();
  const catalog = new EncryptedCatalog(storage.catalog, keys, changes);
  return {
    kind: storage.kind,
    log: new EncryptedLog(storage.log, keys.log, catalog.origins, changes),
    catalog,
    blobs: new EncryptedBlobs(storage.blobs, keys.blobs),
    confirm: storage.confirm?.bind(storage),
    checkKey: (key) => keys.check(key),
    close: () => storage.close(),
    destroy: () => storage.destroy(),
  };
}

/** As `encryptedStorage`, of one that can only be read. */
export function encryptedReadable({ catalog, blobs, close }: ReadableStorage, keys: DatabaseKeys): ReadableStorage {
  return { catalog: new EncryptedCatalog(catalog, keys, new Serial()), blobs: new EncryptedBlobReader(blobs, keys.blobs), close };
}
