/** Encrypts a log with the current secret, as far as it is encrypted with the former. */
import type { LogEntry } from "../../core/storage.js";
import type { EncryptedParts } from "./encrypted-parts.js";

/** Bytes of records that are encrypted anew at once. */
const RENEWED_BYTES = 1024 * 1024;

/**
 * Takes records after an offset, and at the log's end its tail. Resolves to the offset to go on after; `null` at the end. What neither
 * secret decrypts stays as it is, damaged.
 */
export function renewLog(parts: EncryptedParts, collectionId: string, after: number): Promise<number | null> {
  const { storage, changes } = parts;
  return changes.run(async () => {
    const entries = await storage.log.read(collectionId, after, RENEWED_BYTES);
    const renewed = entries.map(async (entry) => ({ ...entry, bytes: await renewedBytes(parts, collectionId, entry.offset, entry.bytes) }));
    const replaced = (await Promise.all(renewed)).filter((entry): entry is LogEntry => entry.bytes !== null);
    const stored = entries.length === 0 ? await storage.log.tail(collectionId) : null;
    const tail = stored && (await renewedBytes(parts, collectionId, "tail", stored));
    if (replaced.length > 0 || tail !== null) {
      await storage.log.append(replaced, new Map(tail === null ? [] : [[collectionId, tail]]), false, true);
    }
    return entries.at(-1)?.offset ?? null;
  });
}

/** `null` where it is not encrypted with the former secret. */
async function renewedBytes(
  { keys, log }: EncryptedParts,
  collectionId: string,
  offset: number | "tail",
  bytes: Uint8Array,
): Promise<Uint8Array | null> {
  const place = await log.placeOf(collectionId, offset);
  const decrypted = await keys.former?.log.decrypt(bytes, place);
  return decrypted == null ? null : keys.current.log.encrypt(decrypted, place);
}
