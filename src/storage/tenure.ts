/**
 * What a storage asks of the lease under which it is opened. Nothing in it makes writing safe: that is the generation's work
 * (`idb/database.ts`). It says who else may still have files open, and hears of the end.
 */
import type { TidepoolError } from "../core/errors.js";
import type { TidepoolWarning } from "../core/service.js";

/** Engines that had the lease of a path earlier, and may still have its files open: their workers were frozen when it was taken. */
export interface Predecessors {
  /** Resolves when they have not any more. */
  readonly gone: Promise<void>;
}

export interface Tenure {
  /** Asked once the generation is taken; `null` when there are none. */
  predecessors(): Promise<Predecessors | null>;
  /** Told when the catalog has changed. */
  changed?(): void;
  /** Told of what went wrong without loss. */
  warn?(warning: TidepoolWarning): void;
  /** Told when there was no database at the path, and one was created. */
  created?(): void;
  /** Told once when the storage cannot be used any more, and why. */
  lost(error: TidepoolError): void;
}

/** Of one who is certainly alone, as in tests. */
export const soleTenure: Tenure = { predecessors: async () => null, lost: () => undefined };
