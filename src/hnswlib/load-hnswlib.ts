/**
 * Brings hnswlib-wasm in, which users install themselves, when the first collection asks for it. The library's loader also
 * opens an IndexedDB database of its own, for files that are not used here.
 */
import { TidepoolError } from "../core/errors.js";
import type { CreateApproximate } from "../core/index/vector/approximate-index.js";
import { type Hnswlib, hnswlibIndexes } from "./hnswlib-index.js";

/** What is used of the package. Its own types leave out that every index can be freed. */
interface Package {
  loadHnswlib(): Promise<Hnswlib>;
}

let loading: Promise<CreateApproximate> | null = null;

/** Rejects with `NOT_SUPPORTED` where the library cannot be found or cannot run; the next call tries again. */
export function loadHnswlib(): Promise<CreateApproximate> {
  loading ??= load(() => import("hnswlib-wasm") as unknown as Promise<Package>).catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** Loads the library by an import of the caller's, and says why where that fails. */
export async function load(importLibrary: () => Promise<Package>): Promise<CreateApproximate> {
  try {
    const library = await importLibrary();
    return hnswlibIndexes(await library.loadHnswlib());
  } catch (cause) {
    throw new TidepoolError("NOT_SUPPORTED", `The index engine "hnswlib" cannot run here: ${whyNot(cause)}`, { cause });
  }
}

function whyNot(cause: unknown): string {
  if (cause instanceof EvalError) {
    return (
      "hnswlib-wasm makes code out of strings, " +
      "which the content security policy forbids without 'unsafe-eval'; use the engine \"tidepool\""
    );
  }
  const why = cause instanceof Error ? cause.message : String(cause);
  return (
    `hnswlib-wasm could not be loaded (${why}). ` +
    "It must be installed, and the app built by a bundler that finds it; it does not run in Node"
  );
}
