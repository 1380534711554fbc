/**
 * The catalog over one whose rows are called by a hash of their key, which takes the database's own to make, and hold it, encrypted:
 *
 *     row = encrypted( key-length:u32 key:utf8 value )      bound to its name below
 *
 * A row that is damaged, or stands under another's name, comes back without bytes where it is asked for by its key, which nobody takes for
 * one, and is not listed. Compare-and-set goes by what is inside: no two encryptions of the same bytes are alike.
 *
 * All rows are encrypted with keys of one secret: a new one takes its place with all of them, in one transaction.
 */
import { concat } from "../../core/base/concat.js";
import { decodeUtf8, encodeUtf8 } from "../../core/base/json-bytes.js";
import type { Serial } from "../../core/base/serial.js";
import type { CatalogStore, CatalogTransaction } from "../../core/storage.js";
import { catalogConflict, equalBytes } from "../bytes.js";
import type { DatabaseKeys } from "./database-keys.js";
import { LogOrigins } from "./log-origins.js";
import type { SecretKeys } from "./secret-keys.js";

/** Rows of the store below that are the engine's. */
export const ROWS = "encrypted/";

export class EncryptedCatalog implements CatalogStore {
  readonly origins = new LogOrigins((key) => this.get(key));
  readonly #store: CatalogStore;
  readonly #keys: DatabaseKeys;
  readonly #changes: Serial;
  /** Until it resolves rows may stand under their names with the current secret or the next. */
  #renewed: Promise<void> | undefined;

  /** `changes` are those of log and catalog, in the order of the calls. */
  constructor(store: CatalogStore, keys: DatabaseKeys, changes: Serial) {
    this.#store = store;
    this.#keys = keys;
    this.#changes = changes;
  }

  get(key: string): Promise<Uint8Array | null> {
    return this.#withOneSecret(async () => {
      const name = await this.#nameOf(key);
      const stored = await this.#store.get(name);
      if (stored === null) return null;
      const row = await this.decrypt(name, stored);
      return row?.key === key ? row.value : new Uint8Array(0);
    });
  }

  async list(prefix: string): Promise<[key: string, value: Uint8Array][]> {
    const rows = await this.#withOneSecret(async () => {
      const stored = await this.#store.list(ROWS);
      return Promise.all(stored.map(([name, bytes]) => this.decrypt(name, bytes)));
    });
    const found = rows.flatMap((row) => (row?.key.startsWith(prefix) && !LogOrigins.isOwn(row.key) ? [row] : []));
    return found.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ key, value }) => [key, value]);
  }

  async rewrite(): Promise<void> {
    await this.#store.rewrite?.();
  }

  commit(transaction: CatalogTransaction): Promise<void> {
    return this.#changes.run(async () => {
      const origins = await this.origins.changes(transaction);
      const put = [...(transaction.put ?? []), ...origins.put].map(([key, value]) => this.encrypt(key, value));
      const gone = [...(transaction.delete ?? []), ...origins.delete].map((key) => this.#nameOf(key));
      await this.#store.commit({
        ...transaction,
        expect: await this.#expected(transaction.expect),
        put: new Map(await Promise.all(put)),
        delete: await Promise.all(gone),
      });
      this.origins.forget(transaction);
    });
  }

  /** Reads once more where the secret became another meanwhile. */
  async #withOneSecret<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      const renewed = this.#renewed;
      await renewed;
      const found = await read();
      if (renewed === this.#renewed) return found;
    }
  }

  /** All rows become those of another secret by this change. */
  whileRenewed(change: Promise<void>): Promise<void> {
    this.#renewed = change.catch(() => undefined);
    return change;
  }

  /** What stands below now, where it is what is expected: the store compares it once more as it commits. */
  async #expected(expect: CatalogTransaction["expect"]): Promise<Map<string, Uint8Array | null>> {
    const found = [...(expect ?? [])].map(async ([key, value]): Promise<[string, Uint8Array | null]> => {
      const name = await this.#nameOf(key);
      const stored = await this.#store.get(name);
      const row = stored === null ? null : await this.decrypt(name, stored);
      // What is damaged was not listed, so whoever goes by the list expects nothing there.
      if (!equalBytes(row?.value ?? null, value)) throw catalogConflict(key);
      return [name, stored];
    });
    return new Map(await Promise.all(found));
  }

  async #nameOf(key: string, keys = this.#keys.current): Promise<string> {
    return ROWS + (await keys.nameOf(key));
  }

  async encrypt(key: string, value: Uint8Array, keys: SecretKeys = this.#keys.current): Promise<[name: string, row: Uint8Array]> {
    const [name, ownKey] = [await this.#nameOf(key, keys), encodeUtf8(key)];
    const length = new Uint8Array(Uint32Array.of(ownKey.length).buffer);
    return [name, await keys.catalog.encrypt(concat(Uint8Array, [length, ownKey, value]), name)];
  }

  async decrypt(name: string, stored: Uint8Array): Promise<{ key: string; value: Uint8Array } | null> {
    const row = await this.#keys.current.catalog.decrypt(stored, name);
    if (row === null) return null;
    const valueAt = 4 + new DataView(row.buffer).getUint32(0, true);
    return { key: decodeUtf8(row.subarray(4, valueAt)), value: row.slice(valueAt) };
  }
}
