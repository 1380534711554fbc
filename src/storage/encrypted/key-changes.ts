/**
 * What changes the keys of a database, a transaction each. For a caller that keeps all other changes of log and catalog waiting.
 */
import { TidepoolError } from "../../core/errors.js";
import type { RotateKeyRequest } from "../../core/key-rotation.js";
import type { CatalogStore } from "../../core/storage.js";
import { type DatabaseKeys, newWrapping, wrap } from "./database-keys.js";
import { type EncryptedCatalog, ROWS } from "./encrypted-catalog.js";
import { newSecret, SecretKeys } from "./secret-keys.js";
import { checkUserKey } from "./user-key.js";

/** The user's key is another from here on. `reencrypt`: and there is to be a new secret. A request that comes again changes nothing. */
export async function rewrap(
  catalog: CatalogStore,
  keys: DatabaseKeys,
  { key, reencrypt }: RotateKeyRequest,
  request: string | undefined,
): Promise<void> {
  const userKey = checkUserKey(key, "key");
  if (request !== undefined && keys.row.request === request) return;
  const wrapping = await newWrapping(userKey);
  const { secret, former } = await keys.secrets();
  const { version } = keys.current;
  const row = {
    ...keys.row,
    derivation: wrapping.derivation,
    secret: await wrap(secret, wrapping, version),
    ...(former && { former: await wrap(former, wrapping, version - 1) }),
    isPending: keys.row.isPending === true || reencrypt,
    isUntidy: catalog.rewrite !== undefined,
    request,
  };
  await keys.change(catalog, row, undefined, { wrapping });
}

/**
 * Makes a new secret, with which what is written from here on is encrypted, and encrypts all rows of the catalog with it. Rejects with
 * `CORRUPTION`, and changes nothing, where a row cannot be decrypted: there may be a way to repair it as it is.
 */
export async function renew(store: CatalogStore, keys: DatabaseKeys, catalog: EncryptedCatalog): Promise<void> {
  const secret = newSecret();
  const { row, wrapping, current: former } = keys;
  const current = await SecretKeys.of(former.version + 1, secret);
  const stored = await store.list(ROWS);
  const put = stored.map(async ([name, bytes]) => {
    const found = await catalog.decrypt(name, bytes);
    if (found === null) throw damagedRow();
    return catalog.encrypt(found.key, found.value, current);
  });
  const rows = { put: new Map(await Promise.all(put)), delete: stored.map(([name]) => name) };
  const next = {
    ...row,
    keyVersion: current.version,
    former: await wrap((await keys.secrets()).secret, wrapping, former.version),
    secret: await wrap(secret, wrapping, current.version),
    isPending: false,
  };
  await catalog.whileRenewed(keys.change(store, next, rows, { current, former }));
}

/** Nothing is encrypted with the former secret any more. */
export async function destroyFormer(catalog: CatalogStore, keys: DatabaseKeys): Promise<void> {
  const { former: _, ...row } = keys.row;
  await keys.change(catalog, { ...row, isUntidy: catalog.rewrite !== undefined }, undefined, { former: null });
}

/** The file in which the rows lie has been written anew. */
export async function tidied(catalog: CatalogStore, keys: DatabaseKeys): Promise<void> {
  await keys.change(catalog, { ...keys.row, isUntidy: false });
}

function damagedRow(): TidepoolError {
  const message = "A row of the catalog is damaged, so it cannot be encrypted anew: verify() tells of it, and repair() mends what can be";
  return new TidepoolError("CORRUPTION", message);
}
