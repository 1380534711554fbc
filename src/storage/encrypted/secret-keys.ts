/** What HKDF with SHA-256 makes of one secret of a database: a key each for log, catalog and blocks, and one for the names of rows. */
import { encodeUtf8 } from "../../core/base/json-bytes.js";
import { Cipher } from "./cipher.js";
import { toBase64 } from "./user-key.js";

const SECRET_BYTES = 32;

export function newSecret(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
}

export class SecretKeys {
  /** Which of the database's secrets they come from, counted from 1. */
  readonly version: number;
  readonly log: Cipher;
  readonly catalog: Cipher;
  readonly blobs: Cipher;
  readonly #names: CryptoKey;

  private constructor(version: number, [log, catalog, blobs, names]: readonly CryptoKey[]) {
    this.version = version;
    this.log = new Cipher(log!);
    this.catalog = new Cipher(catalog!);
    this.blobs = new Cipher(blobs!);
    this.#names = names!;
  }

  static async of(version: number, secret: Uint8Array<ArrayBuffer>): Promise<SecretKeys> {
    return new SecretKeys(version, await derive(secret));
  }

  /** What a row is called below: who does not have the key learns nothing of its name. */
  async nameOf(key: string): Promise<string> {
    return toBase64(new Uint8Array(await crypto.subtle.sign("HMAC", this.#names, encodeUtf8(key) as BufferSource)));
  }
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
