/** The key that a database is encrypted with, as the page gives it. */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";

/** How a database is encrypted where it is stored: see docs/encryption.md. */
export interface EncryptionOptions {
  /**
   * A `CryptoKey` for AES-GCM with the usages "encrypt" and "decrypt", which need not be extractable, or what `passphraseKey` makes; or a
   * function that brings it, which is asked each time the database is opened.
   */
  key: CryptoKey | (() => CryptoKey | Promise<CryptoKey>);
}

/** Throws `INVALID_ARGUMENT` for what is neither key nor function. What keys are good for the worker checks. */
export function validateKey(key: unknown, argument = "encryption.key"): void {
  if (typeof key === "function" || Object.prototype.toString.call(key) === "[object CryptoKey]") return;
  throw invalidArgument(`${argument} must be a CryptoKey, or a function that brings one, got ${show(key)}`);
}

/** The key, asked for where a function brings it. */
export async function keyOf({ key }: { key: unknown }): Promise<object> {
  try {
    const given: unknown = typeof key === "function" ? await key() : key;
    validateKey(given);
    return given as object;
  } catch (cause) {
    throw new TidepoolError("WRONG_KEY", `encryption.key brought no key: ${(cause as Error)?.message}`, {
      cause,
      details: { reason: "missing" },
    });
  }
}
