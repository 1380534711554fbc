/**
 * The key that the user gives: one of AES-GCM, which encrypts the database's own keys itself, or a passphrase as a key of PBKDF2, from
 * which such a one is derived with the salt and the iterations that stand with the database.
 */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";

/** How a key comes from a passphrase. */
export interface Derivation {
  /** Base64. */
  salt: string;
  iterations: number;
}

/**
 * For PBKDF2 with HMAC-SHA-256, as OWASP's Password Storage Cheat Sheet asks since 2023:
 * https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#pbkdf2
 */
const ITERATIONS = 600_000;
/** More than any release writes: who reads this many has damaged bytes before him, and would never come to an end. */
const ITERATIONS_MAX = 100_000_000;
const SALT_BYTES = 16;

const usagesNeeded = new Map<string, readonly KeyUsage[]>([
  ["AES-GCM", ["encrypt", "decrypt"]],
  ["PBKDF2", ["deriveKey"]],
]);

/** A new one for this key; `null` where it needs none. */
export function newDerivation(key: CryptoKey): Derivation | null {
  if (key.algorithm.name !== "PBKDF2") return null;
  return { salt: toBase64(crypto.getRandomValues(new Uint8Array(SALT_BYTES))), iterations: ITERATIONS };
}

export function isDerivation(value: unknown): value is Derivation | null {
  if (value === null) return true;
  const { salt, iterations } = Object(value) as Partial<Record<keyof Derivation, unknown>>;
  return typeof salt === "string" && Number.isSafeInteger(iterations) && Number(iterations) > 0 && Number(iterations) <= ITERATIONS_MAX;
}

/** What the database's keys are encrypted with; `null` where this kind of key cannot be the database's. */
export async function wrappingKey(key: CryptoKey, derivation: Derivation | null): Promise<CryptoKey | null> {
  if ((derivation === null) === (key.algorithm.name === "PBKDF2")) return null;
  if (derivation === null) return key;
  const { salt, iterations } = derivation;
  const algorithm = { name: "PBKDF2", hash: "SHA-256", salt: fromBase64(salt), iterations };
  return crypto.subtle.deriveKey(algorithm, key, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** Throws `INVALID_ARGUMENT` for what is no such key, `NOT_SUPPORTED` where there is no cryptography. */
export function checkUserKey(key: unknown, argument = "encryption.key"): CryptoKey {
  if ((globalThis.crypto as Crypto | undefined)?.subtle === undefined) {
    throw new TidepoolError("NOT_SUPPORTED", "Encryption needs a secure context (https or localhost): there is no WebCrypto here");
  }
  if (Object.prototype.toString.call(key) !== "[object CryptoKey]") throw badKey(argument, show(key));
  const { algorithm, usages } = key as CryptoKey;
  if (usagesNeeded.get(algorithm.name)?.every((usage) => usages.includes(usage))) return key as CryptoKey;
  throw badKey(argument, `one for ${algorithm.name} with the usages ${usages.join(", ") || "none"}`);
}

function badKey(argument: string, got: string): TidepoolError {
  return invalidArgument(
    `${argument} must be a CryptoKey for AES-GCM with the usages encrypt and decrypt, or what passphraseKey makes, got ${got}`,
  );
}

export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Throws where it is none. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
