/** Loads what encrypts with the first database that is encrypted. */
import { TidepoolError } from "../core/errors.js";
import type { LoadEncryption } from "../storage/encrypted/find-encryption.js";
import { asError } from "./protocol.js";

/** Not followed by bundlers, as in `load-stem.ts`. */
export const loadEncryption: LoadEncryption = {
  encryption: () => orSayWhat(() => import(/* @vite-ignore */ new URL("../storage/encrypted/encryption.ts", import.meta.url).href)),
  rotation: () => orSayWhat(() => import(/* @vite-ignore */ new URL("../storage/encrypted/rotation.ts", import.meta.url).href)),
};

async function orSayWhat<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new TidepoolError("NOT_SUPPORTED", `What encrypts could not be loaded: ${asError(error).message}`, { cause: error });
  }
}
