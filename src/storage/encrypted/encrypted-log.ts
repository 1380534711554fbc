/**
 * The log over a store that sees its records encrypted. A record is bound to its offset and to where the log comes from: the log of a fork
 * begins as a copy of another's, rows and all, and goes on under the name of that (`log-origins.ts`). That it is the right one of two
 * logs of one origin the chain tells, whose links are inside the records.
 *
 * While the database is encrypted anew a record may be encrypted with the former secret, and is tried with both.
 *
 * A record that is damaged, or belongs elsewhere, comes back without bytes, which nobody takes for one: readers say which it is, and
 * whoever saves what can be saved finds the others.
 */

import type { Serial } from "../../core/base/serial.js";
import type { LogEntry, LogStore } from "../../core/storage.js";
import type { DatabaseKeys } from "./database-keys.js";
import type { LogOrigins } from "./log-origins.js";
import type { SecretKeys } from "./secret-keys.js";

const nothing = new Uint8Array(0);

export class EncryptedLog implements LogStore {
  readonly #store: LogStore;
  readonly #keys: DatabaseKeys;
  readonly #origins: LogOrigins;
  readonly #changes: Serial;

  /** `changes` are those of log and catalog, in the order of the calls. */
  constructor(store: LogStore, keys: DatabaseKeys, origins: LogOrigins, changes: Serial) {
    this.#store = store;
    this.#keys = keys;
    this.#origins = origins;
    this.#changes = changes;
  }

  append(entries: readonly LogEntry[], tails?: ReadonlyMap<string, Uint8Array>, makesRoom?: boolean, replaces?: boolean): Promise<void> {
    return this.#changes.run(async () => {
      const encrypted = entries.map(async (entry) => ({
        ...entry,
        bytes: await this.#encrypt(entry.collectionId, entry.offset, entry.bytes),
      }));
      const encryptedTails = [...(tails ?? [])].map(async ([id, bytes]) => [id, await this.#encrypt(id, "tail", bytes)] as const);
      await this.#store.append(await Promise.all(encrypted), new Map(await Promise.all(encryptedTails)), makesRoom, replaces);
    });
  }

  async tail(collectionId: string): Promise<Uint8Array | null> {
    const keys = this.#keys.all;
    const bytes = await this.#store.tail(collectionId);
    return bytes === null ? null : this.#decrypt(collectionId, "tail", bytes, keys);
  }

  async read(collectionId: string, after: number, bytesMax: number): Promise<LogEntry[]> {
    const keys = this.#keys.all;
    const entries = await this.#store.read(collectionId, after, bytesMax);
    return Promise.all(
      entries.map(async ({ offset, bytes }) => ({ collectionId, offset, bytes: await this.#decrypt(collectionId, offset, bytes, keys) })),
    );
  }

  async #encrypt(collectionId: string, place: number | "tail", bytes: Uint8Array): Promise<Uint8Array> {
    return this.#keys.current.log.encrypt(bytes, await this.placeOf(collectionId, place));
  }

  /** What a record, or the tail, is bound to. */
  async placeOf(collectionId: string, place: number | "tail"): Promise<string> {
    return `${place} ${await this.#origins.of(collectionId)}`;
  }

  /** `before`: the keys that there were when it was read, which may have gone since. */
  async #decrypt(collectionId: string, place: number | "tail", bytes: Uint8Array, before: readonly SecretKeys[]): Promise<Uint8Array> {
    const where = await this.placeOf(collectionId, place);
    for (const { log } of new Set([...this.#keys.all, ...before])) {
      const decrypted = await log.decrypt(bytes, where);
      if (decrypted !== null) return decrypted;
    }
    return nothing;
  }
}
