/** Encrypted storages for tests, never shipped. */
import type { Storage } from "../core/storage.js";
import * as encryption from "../storage/encrypted/encryption.js";
import { findEncryption, type LoadEncryption } from "../storage/encrypted/find-encryption.js";
import * as rotation from "../storage/encrypted/rotation.js";

export const loadEncryption: LoadEncryption = { encryption: async () => encryption, rotation: async () => rotation };

export function newKey(): Promise<CryptoKey> {
  return crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** A storage with encryption over it, as opening one puts it there. */
export async function encrypted(storage: Storage, key: object | undefined): Promise<Storage> {
  const found = await findEncryption(storage.catalog, { path: "test", key, load: loadEncryption });
  return (await found?.over(storage)) ?? storage;
}
