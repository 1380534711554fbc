/**
 * A file by itself, which the engine's worker loads where there may be helpers, and of which each helper is a worker. One file, since
 * bundlers that copy it do not look for others that it names.
 */
import { beHelper, HELPER_NAME, type HelperScope } from "./helper-worker.js";
import { newHelperPool } from "./start-helper.js";

const scope = globalThis as unknown as HelperScope;
if (scope.name.startsWith(HELPER_NAME)) beHelper(scope);

/** The helpers of a kernel. */
export const newHelpers = (bytes: Uint8Array<ArrayBuffer>) => newHelperPool(bytes, import.meta.url);
