/** What all stores share about bytes and the places where they lie. */
import { TidepoolError } from "../core/errors.js";
import type { ByteRange, Extent } from "../core/storage.js";

/**
 * A copy with a buffer of its own. Storing a view as it is would store the whole buffer behind it: a structured clone
 * of a 10-byte view of a 32 MiB buffer takes 32 MiB.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** Bytes for a store that clones what it is given: no copy is made where they are all that their buffer holds. */
export function cloneableBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : ownBytes(bytes);
}

/** What a store gave back, where bytes were put: anything else is damage, and counts as no bytes at all, which no reader takes. */
export function storedBytes(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(0);
}

export function equalBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null || a.length !== b.length) return a === b;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A range that leaves its extent can only come from stored bytes that contradict each other. */
export function checkRange({ extent, start, length }: ByteRange): void {
  if (start >= 0 && length >= 0 && start + length <= extent.length) return;
  throw new TidepoolError("CORRUPTION", `Bytes ${start}+${length} lie outside extent ${extentName(extent)}`);
}

export function missing(what: string): TidepoolError {
  return new TidepoolError("CORRUPTION", `${what} is missing`);
}

export function catalogConflict(key: string): TidepoolError {
  return new TidepoolError("INTERNAL", `catalog conflict: the row "${key}" is not what this commit was built on`);
}

/** An extent as error messages show it. */
export function extentName({ arena, offset, length }: Extent): string {
  return `${arena}:${offset}+${length}`;
}
