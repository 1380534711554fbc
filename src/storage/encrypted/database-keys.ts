/**
 * The keys of an encrypted database. They come from one secret of 32 random bytes, which stands in the row `encryption`, encrypted with
 * the user's key: so another key of the user's needs that row alone to be written anew. The row is JSON:
 *
 *     {"version": 1, "derivation": null or {"salt": base64, "iterations": number}, "secret": base64 of `cipher.ts`'s grammar}
 *
 * HKDF with SHA-256 makes of the secret a key each for log, catalog and blocks, and one for the names of rows.
 */
import { decodeJson, encodeJson, encodeUtf8 } from "../../core/base/json-bytes.js";
import { TidepoolError } from "../../core/errors.js";
import type { CatalogStore } from "../../core/storage.js";
import { encodeRow } from "../../core/sysdb/row.js";
import { Cipher } from "./cipher.js";
import { encryptionKey, wrongKey } from "./encryption-row.js";
import { checkUserKey, type Derivation, fromBase64, isDerivation, newDerivation, toBase64, wrappingKey } from "./user-key.js";

/** What the row `format` says beside it. */
const FORMAT_VERSION = 3;
const ROW_VERSION = 1;
const SECRET_BYTES = 32;

interface EncryptionRow {
  version: number;
  derivation: Derivation | null;
  secret: string;
}

export class DatabaseKeys {
  readonly log: Cipher;
  readonly catalog: Cipher;
  readonly blobs: Cipher;
  readonly #names: CryptoKey;
  readonly #path: string;
  /** As it stands in the catalog, or shall. */
  #row: Uint8Array;
  #isNew: boolean;

  private constructor(path: string, row: Uint8Array, isNew: boolean, [log, catalog, blobs, names]: readonly CryptoKey[]) {
    this.#path = path;
    this.#isNew = isNew;
    this.#row = row;
    this.log = new Cipher(log!);
    this.catalog = new Cipher(catalog!);
    this.blobs = new Cipher(blobs!);
    this.#names = names!;
  }

  /** Those of a new database. */
  static async create(path: string, userKey: unknown): Promise<DatabaseKeys> {
    const key = checkUserKey(userKey);
    const secret = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
    return new DatabaseKeys(path, await encodeEncryption(key, secret), true, await derive(secret));
  }

  /** Rejects with `WRONG_KEY` where they cannot be read with this one. */
  static async read(path: string, row: Uint8Array, userKey: unknown): Promise<DatabaseKeys> {
    return new DatabaseKeys(path, row, false, await derive(await readSecret(path, row, checkUserKey(userKey))));
  }

  /** Puts those of a new database into its catalog, before any row of the engine's. */
  async recordIn(catalog: CatalogStore): Promise<void> {
    if (!this.#isNew) return;
    await catalog.commit({
      expect: new Map([
        [encryptionKey, null],
        ["format", null],
      ]),
      put: new Map([
        [encryptionKey, this.#row],
        ["format", encodeRow("format", { formatVersion: FORMAT_VERSION })],
      ]),
    });
    this.#isNew = false;
  }

  /** Rejects with `WRONG_KEY` where the database cannot be opened with this key. */
  async check(userKey: unknown): Promise<void> {
    if (userKey === undefined) throw wrongKey(this.#path, "missing");
    await readSecret(this.#path, this.#row, checkUserKey(userKey));
  }

  /** What a row is called below: who does not have the key learns nothing of its name. */
  async nameOf(key: string): Promise<string> {
    return toBase64(new Uint8Array(await crypto.subtle.sign("HMAC", this.#names, encodeUtf8(key) as BufferSource)));
  }
}

async function encodeEncryption(key: CryptoKey, secret: Uint8Array): Promise<Uint8Array> {
  const derivation = newDerivation(key);
  const encrypted = await new Cipher((await wrappingKey(key, derivation))!).encrypt(secret, encryptionKey);
  return encodeJson({ version: ROW_VERSION, derivation, secret: toBase64(encrypted) } satisfies EncryptionRow);
}

async function readSecret(path: string, bytes: Uint8Array, key: CryptoKey): Promise<Uint8Array<ArrayBuffer>> {
  const { derivation, encrypted } = decodeEncryption(path, bytes);
  const wrapping = await wrappingKey(key, derivation);
  const secret = wrapping && (await new Cipher(wrapping).decrypt(encrypted, encryptionKey));
  if (secret === null) throw wrongKey(path, "wrong");
  return secret;
}

function decodeEncryption(path: string, bytes: Uint8Array): { derivation: Derivation | null; encrypted: Uint8Array } {
  try {
    const row = Object(decodeJson(bytes)) as Partial<EncryptionRow>;
    if (row.version === ROW_VERSION && isDerivation(row.derivation))
      return { derivation: row.derivation, encrypted: fromBase64(row.secret!) };
    if (Number(row.version) > ROW_VERSION) throw tooNew(path, row.version!);
  } catch (error) {
    if (error instanceof TidepoolError) throw error;
  }
  throw new TidepoolError("CORRUPTION", `The row of the database "${path}" with its encrypted keys is damaged. Nothing was changed`);
}

function tooNew(path: string, version: number): TidepoolError {
  const message = `The database "${path}" is encrypted in version ${version}; this release reads up to ${ROW_VERSION}. Nothing was changed`;
  return new TidepoolError("FORMAT_TOO_NEW", message, { details: { found: version, supported: ROW_VERSION } });
}

/** Keys for log, catalog, blobs and names. */
async function derive(secret: Uint8Array<ArrayBuffer>): Promise<CryptoKey[]> {
  const root = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const keyFor = (use: string, type: AesKeyGenParams | HmacKeyGenParams, usages: KeyUsage[]): Promise<CryptoKey> => {
    const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: encodeUtf8(`tidepool ${use}`) as BufferSource };
    return crypto.subtle.deriveKey(algorithm, root, type, false, usages);
  };
  const aes = ["log", "catalog", "blobs"].map((use) => keyFor(use, { name: "AES-GCM", length: 256 }, ["encrypt", "decrypt"]));
  return Promise.all([...aes, keyFor("names", { name: "HMAC", hash: "SHA-256", length: 256 }, ["sign"])]);
}
