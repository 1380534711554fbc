/**
 * The keys of an encrypted database. They come from a secret of 32 random bytes, which stands in the row `encryption` (`key-row.ts`),
 * encrypted with the user's key: another key of the user's needs that row alone to be written anew. A database that is being encrypted
 * anew has two secrets; what is encrypted with which is told where it is read.
 *
 * Each change is one transaction, and takes effect here once that is committed (`key-changes.ts`).
 */
import { encodeJson } from "../../core/base/json-bytes.js";
import type { CatalogStore, CatalogTransaction } from "../../core/storage.js";
import { encodeRow } from "../../core/sysdb/row.js";
import { Cipher } from "./cipher.js";
import { encryptionKey, wrongKey } from "./encryption-row.js";
import { damagedKeys, decodeKeyRow, type KeyRow, versioned } from "./key-row.js";
import { newSecret, SecretKeys } from "./secret-keys.js";
import { checkUserKey, type Derivation, fromBase64, newDerivation, toBase64, wrappingKey } from "./user-key.js";

/** What the row `format` says beside it. */
const FORMAT_VERSION = 3;
const WRONG = "is encrypted with another key than the one given, perhaps its own before `rotateKey`. Nothing was read";

/** The user's key as secrets are encrypted with it. */
export interface Wrapping {
  key: CryptoKey;
  derivation: Derivation | null;
}

/** What there is beside the row. */
interface KeysInUse {
  wrapping: Wrapping;
  current: SecretKeys;
  former: SecretKeys | null;
}

export class DatabaseKeys {
  readonly #path: string;
  wrapping: Wrapping;
  row: KeyRow;
  /** What is encrypted from now on is encrypted with these. */
  current: SecretKeys;
  /** What is not encrypted with the current ones is with these; `null`: nothing is. */
  former: SecretKeys | null;
  /** The row as it stands in the catalog; `null`: not there yet. */
  #stored: Uint8Array | null;

  private constructor(path: string, wrapping: Wrapping, row: KeyRow, stored: Uint8Array | null, keys: [SecretKeys, SecretKeys | null]) {
    this.#path = path;
    this.wrapping = wrapping;
    this.row = row;
    this.#stored = stored;
    [this.current, this.former] = keys;
  }

  /** Those of a new database. */
  static async create(path: string, userKey: unknown): Promise<DatabaseKeys> {
    const wrapping = await newWrapping(checkUserKey(userKey));
    const secret = newSecret();
    const row = { derivation: wrapping.derivation, secret: await wrap(secret, wrapping, 1) };
    return new DatabaseKeys(path, wrapping, row, null, [await SecretKeys.of(1, secret), null]);
  }

  /** Rejects with `WRONG_KEY` where they cannot be read with this one. */
  static async read(path: string, stored: Uint8Array, userKey: unknown): Promise<DatabaseKeys> {
    const row = decodeKeyRow(path, stored);
    const { keyVersion = 1 } = row;
    const { wrapping, secret, former } = await unwrapAll(path, row, checkUserKey(userKey));
    const keys = await Promise.all([SecretKeys.of(keyVersion, secret), former && SecretKeys.of(keyVersion - 1, former)]);
    return new DatabaseKeys(path, wrapping, row, stored, keys);
  }

  /** The current ones first. */
  get all(): SecretKeys[] {
    return this.former === null ? [this.current] : [this.current, this.former];
  }

  /** Whether a rotation has something left to do. */
  get isUnderWay(): boolean {
    return this.row.isPending === true || this.row.isUntidy === true || this.former !== null;
  }

  /** Puts those of a new database into its catalog, before any row of the engine's. */
  async recordIn(catalog: CatalogStore): Promise<void> {
    if (this.#stored !== null) return;
    const put = new Map([["format", encodeRow("format", { formatVersion: FORMAT_VERSION })]]);
    await this.change(catalog, this.row, { put, expect: new Map([["format", null]]) });
  }

  /** Rejects with `WRONG_KEY` where the database cannot be opened with this key. */
  async check(userKey: unknown): Promise<void> {
    if (userKey === undefined) throw wrongKey(this.#path, "missing");
    await unwrapAll(this.#path, this.row, checkUserKey(userKey));
  }

  /** Writes the row, in one transaction with what else is given, and goes by it and by these keys from then on. */
  async change(
    catalog: CatalogStore,
    row: KeyRow,
    { put, expect, ...others }: CatalogTransaction = { makesRoom: true },
    { wrapping = this.wrapping, current = this.current, former = this.former }: Partial<KeysInUse> = {},
  ): Promise<void> {
    const bytes = encodeJson(versioned(row));
    await catalog.commit({
      ...others,
      expect: new Map([[encryptionKey, this.#stored], ...(expect ?? [])]),
      put: new Map([[encryptionKey, bytes], ...(put ?? [])]),
    });
    this.row = row;
    this.#stored = bytes;
    [this.wrapping, this.current, this.former] = [wrapping, current, former];
  }

  /** The secrets themselves. */
  secrets(): Promise<Secrets> {
    return unwrapWith(this.#path, this.row, this.wrapping);
  }
}

export async function newWrapping(key: CryptoKey): Promise<Wrapping> {
  const derivation = newDerivation(key);
  return { derivation, key: (await wrappingKey(key, derivation))! };
}

/** One secret does not pass for the other. */
function placeOf(keyVersion: number): string {
  return keyVersion === 1 ? encryptionKey : `${encryptionKey} ${keyVersion}`;
}

export async function wrap(secret: Uint8Array, { key }: Wrapping, keyVersion: number): Promise<string> {
  return toBase64(await new Cipher(key).encrypt(secret, placeOf(keyVersion)));
}

interface Secrets {
  secret: Uint8Array<ArrayBuffer>;
  former: Uint8Array<ArrayBuffer> | null;
}

async function unwrapAll(path: string, row: KeyRow, key: CryptoKey): Promise<Secrets & { wrapping: Wrapping }> {
  const { derivation } = row;
  const wrapping = await wrappingKey(key, derivation);
  if (wrapping === null) throw wrongKey(path, "wrong", WRONG);
  return { ...(await unwrapWith(path, row, { key: wrapping, derivation })), wrapping: { key: wrapping, derivation } };
}

async function unwrapWith(path: string, { keyVersion = 1, secret, former }: KeyRow, { key }: Wrapping): Promise<Secrets> {
  const cipher = new Cipher(key);
  const unwrap = (text: string, version: number) => cipher.decrypt(fromBase64(text), placeOf(version));
  const found = await unwrap(secret, keyVersion);
  if (found === null) throw wrongKey(path, "wrong", WRONG);
  if (former === undefined) return { secret: found, former: null };
  const before = await unwrap(former, keyVersion - 1);
  if (before === null) throw damagedKeys(path);
  return { secret: found, former: before };
}
