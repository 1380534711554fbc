/** What an encrypted storage is made of. */
import type { Serial } from "../../core/base/serial.js";
import type { Storage } from "../../core/storage.js";
import type { DatabaseKeys } from "./database-keys.js";
import type { EncryptedCatalog } from "./encrypted-catalog.js";
import type { EncryptedLog } from "./encrypted-log.js";

export interface EncryptedParts {
  /** The one below. */
  storage: Storage;
  keys: DatabaseKeys;
  catalog: EncryptedCatalog;
  log: EncryptedLog;
  /** Of log and catalog, in the order of the calls. */
  changes: Serial;
}
