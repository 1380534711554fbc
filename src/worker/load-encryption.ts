/** Loads what encrypts with the first database that is encrypted. */
import type { LoadEncryption } from "../storage/encrypted/find-encryption.js";
import { loadPart } from "./load-part.js";

const what = "What encrypts";

/** Not followed by bundlers, as in `load-stem.ts`. */
export const loadEncryption: LoadEncryption = {
  encryption: () => loadPart(what, () => import(/* @vite-ignore */ new URL("../storage/encrypted/encryption.ts", import.meta.url).href)),
  rotation: () => loadPart(what, () => import(/* @vite-ignore */ new URL("../storage/encrypted/rotation.ts", import.meta.url).href)),
};
