/** Keys of databases from passphrases. */
import { invalidArgument } from "../core/errors.js";

/**
 * A passphrase as a key for `EncryptionOptions`. The key itself is derived from it where the database is, by PBKDF2 with 600,000
 * iterations of HMAC-SHA-256 and the salt that stands with the database. Unicode's forms of one text (NFKC) are one passphrase.
 *
 * @throws `INVALID_ARGUMENT` for what is no text, or empty.
 *
 * @example
 * const client = new TidepoolClient({ path: "diary", encryption: { key: () => passphraseKey(prompt("Passphrase?") ?? "") } });
 */
export async function passphraseKey(passphrase: string): Promise<CryptoKey> {
  if (typeof passphrase !== "string" || !passphrase) throw invalidArgument("passphrase must be a text that is not empty");
  const bytes = new TextEncoder().encode(passphrase.normalize("NFKC"));
  return crypto.subtle.importKey("raw", bytes, "PBKDF2", false, ["deriveKey"]);
}
