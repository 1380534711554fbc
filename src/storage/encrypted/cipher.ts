/**
 * Bytes encrypted and authenticated by AES-GCM. Grammar:
 *
 *     encrypted = nonce:12 ciphertext tag:16
 *
 * The place where they belong goes in as associated data: at any other place, changed in one bit, or cut off, they are not decrypted.
 * Nonces are random: a counter would have to survive crashes and old copies of the files. Under one key 2^32 pieces are encrypted
 * before the chance that two nonces agree reaches 2^-32 (NIST SP 800-38D, 8.3).
 */
import { encodeUtf8 } from "../../core/base/json-bytes.js";
import { nameOf } from "../storage-error.js";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** How much longer bytes are when they are encrypted. */
export const overheadBytes = NONCE_BYTES + TAG_BYTES;

export class Cipher {
  readonly #key: CryptoKey;

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  async encrypt(bytes: Uint8Array, place: string): Promise<Uint8Array<ArrayBuffer>> {
    const into = new Uint8Array(bytes.length + overheadBytes);
    await this.encryptInto(into, bytes, place);
    return into;
  }

  /** `into` has the length of what is to be written. */
  async encryptInto(into: Uint8Array<ArrayBuffer>, bytes: Uint8Array, place: string): Promise<void> {
    const nonce = crypto.getRandomValues(into.subarray(0, NONCE_BYTES));
    const encrypted = await crypto.subtle.encrypt(this.#algorithm(nonce, place), this.#key, bytes as BufferSource);
    into.set(new Uint8Array(encrypted), NONCE_BYTES);
  }

  /** `null` where these are not the bytes that were encrypted for this place. */
  async decrypt(bytes: Uint8Array, place: string): Promise<Uint8Array<ArrayBuffer> | null> {
    if (bytes.length < overheadBytes) return null;
    const algorithm = this.#algorithm(bytes.subarray(0, NONCE_BYTES), place);
    try {
      return new Uint8Array(await crypto.subtle.decrypt(algorithm, this.#key, bytes.subarray(NONCE_BYTES) as BufferSource));
    } catch (error) {
      if (nameOf(error) === "OperationError") return null;
      throw error;
    }
  }

  #algorithm(nonce: Uint8Array, place: string): AesGcmParams {
    return { name: "AES-GCM", iv: nonce as BufferSource, additionalData: encodeUtf8(place) as BufferSource };
  }
}
