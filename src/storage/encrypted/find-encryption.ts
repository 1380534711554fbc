/**
 * What says that a database is encrypted: the row `encryption` of the catalog below, which holds its keys, themselves encrypted with
 * the user's (`key-row.ts` has the grammar). It is written with the first row of a new database and read before everything else.
 * The row `format` beside it names a version that releases without encryption refuse; they would take the rest for an empty database.
 */
import { orOwnError, withOwnErrors } from "../../core/base/own-errors.js";
import { TidepoolError } from "../../core/errors.js";
import type { ReadableStorage } from "../../core/standby.js";
import type { CatalogStore, Storage } from "../../core/storage.js";
import type { DatabaseKeys } from "./database-keys.js";
import type * as Loaded from "./encryption.js";
import { encryptionKey, wrongKey } from "./encryption-row.js";

/** Loads what encrypts, with the first database that is, and what encrypts anew, with the first that has its key rotated. */
export interface LoadEncryption {
  encryption(): Promise<typeof Loaded>;
  rotation: Loaded.LoadRotation;
}

/** How a database is opened: with which key, `undefined` where with none, and who can tell that from others. */
export interface EncryptionAsked {
  readonly path: string;
  readonly key?: object | undefined;
  readonly load?: LoadEncryption | undefined;
}

/** What encrypts a database. */
export interface Encryption {
  /** Puts it over the database's storage, once that is open. */
  over(storage: Storage): Promise<Storage>;
}

/**
 * Compares what a catalog says with the key that is given. Rejects with `WRONG_KEY` where they do not go together; what it resolves to is
 * `null` where the database is not encrypted, and shall not be.
 */
export async function findEncryption(catalog: CatalogStore, asked: EncryptionAsked): Promise<Encryption | null> {
  const keys = await findKeys(catalog, asked);
  if (keys === null) return null;
  const load = asked.load!;
  const { encryptedStorage } = await load.encryption();
  return {
    over: async (storage) => {
      await keys.recordIn(storage.catalog);
      const { log, catalog, blobs, rotation, ...others } = encryptedStorage(storage, keys, load.rotation);
      const parts = {
        log: withOwnErrors(log),
        catalog: withOwnErrors(catalog),
        blobs: withOwnErrors(blobs),
        rotation: withOwnErrors(rotation!),
      };
      return { ...withOwnErrors(others), ...parts };
    },
  };
}

/** As `findEncryption`, for a database that another writes to. */
export async function encryptedReader(
  catalog: CatalogStore,
  asked: EncryptionAsked,
): Promise<(storage: ReadableStorage) => ReadableStorage> {
  const keys = await findKeys(catalog, asked);
  if (keys === null) return (storage) => storage;
  const { encryptedReadable } = await asked.load!.encryption();
  return (storage) => encryptedReadable(storage, keys);
}

async function findKeys(catalog: CatalogStore, { path, key, load }: EncryptionAsked): Promise<DatabaseKeys | null> {
  const row = await catalog.get(encryptionKey);
  if (key === undefined) {
    if (row === null) return null;
    throw wrongKey(path, "missing");
  }
  if (row === null && (await catalog.get("format")) !== null) throw wrongKey(path, "unencrypted");
  if (load === undefined) throw new TidepoolError("NOT_SUPPORTED", "This worker has nothing to encrypt with");
  return orOwnError(() =>
    load.encryption().then(({ DatabaseKeys }) => (row === null ? DatabaseKeys.create(path, key) : DatabaseKeys.read(path, row, key))),
  );
}
