/** Memory, when it is asked for by name. */
import { invalidArgument } from "../core/errors.js";
import type { OpenOptions } from "../core/service.js";
import type { Storage } from "../core/storage.js";
import { openMemoryStorage } from "./memory/memory-storage.js";

/** Rejects with `INVALID_ARGUMENT` where it is to be encrypted: it is not at rest. */
export async function openMemory({ path, encryption }: Pick<OpenOptions, "path" | "encryption">): Promise<Storage> {
  if (encryption === undefined) return openMemoryStorage(path);
  throw invalidArgument('encryption is for what is stored, and storage "memory" stores nothing');
}
