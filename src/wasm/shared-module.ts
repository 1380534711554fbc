/**
 * The kernel for memory that several threads share. It is the same code: of the module's bytes one differs, that which says what memory
 * is imported. So there is one file to be fetched.
 */

import { TidepoolError } from "../core/errors.js";
import { PAGES_MAX } from "./table-memory.js";

/** How the import of "env.memory", of kind 2, begins; the next byte is 1 for memory with a maximum, and 3 for such that is shared. */
const IMPORT = [3, ..."env", 6, ..."memory", 2].map((part) => (typeof part === "number" ? part : part.charCodeAt(0)));
const SHARED = 3;

/** The kernel's bytes, changed to import shared memory. */
export function sharedKernelOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const shared = bytes.slice();
  const at = shared.findIndex((_, start) => IMPORT.every((byte, i) => shared[start + i] === byte));
  if (at < 0) throw new TidepoolError("INTERNAL", "The vector kernel imports no memory.");
  shared[at + IMPORT.length] = SHARED;
  return shared;
}

/** Memory that can be sent to other threads. Throws where there is no room for its addresses. */
export function newSharedMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: 1, maximum: PAGES_MAX, shared: true });
}
