/** What encrypts a database, as a file of its own that a worker loads with the first one that is encrypted. */
import { Serial } from "../../core/base/serial.js";
import type { ReadableStorage } from "../../core/standby.js";
import type { Storage } from "../../core/storage.js";
import type { DatabaseKeys } from "./database-keys.js";
import { EncryptedBlobReader, EncryptedBlobs } from "./encrypted-blobs.js";
import { EncryptedCatalog } from "./encrypted-catalog.js";
import { EncryptedLog } from "./encrypted-log.js";
import { LazyRotation, type LoadRotation } from "./lazy-rotation.js";

export { DatabaseKeys } from "./database-keys.js";
export type { LoadRotation } from "./lazy-rotation.js";

/** The storage as the engine sees it, over one that sees nothing of what is in it. */
export function encryptedStorage(storage: Storage, keys: DatabaseKeys, loadRotation: LoadRotation): Storage {
  const changes = new Serial();
  const catalog = new EncryptedCatalog(storage.catalog, keys, changes);
  const log = new EncryptedLog(storage.log, keys, catalog.origins, changes);
  return {
    kind: storage.kind,
    log,
    catalog,
    blobs: new EncryptedBlobs(storage.blobs, keys),
    confirm: storage.confirm?.bind(storage),
    checkKey: (key) => keys.check(key),
    rotation: new LazyRotation({ storage, keys, catalog, log, changes }, loadRotation),
    close: () => storage.close(),
    destroy: () => storage.destroy(),
  };
}

/** As `encryptedStorage`, of one that can only be read. */
export function encryptedReadable({ catalog, blobs, close }: ReadableStorage, keys: DatabaseKeys): ReadableStorage {
  return { catalog: new EncryptedCatalog(catalog, keys, new Serial()), blobs: new EncryptedBlobReader(blobs, keys), close };
}
