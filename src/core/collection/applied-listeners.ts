/**
 * Who is told of what was written: the compactor, whose jobs wait until nobody writes, and those who watch results.
 *
 * Each record of the log is told once, after it was applied and before its call is acknowledged, and the records of a collection in
 * the order of its log. Records that are replayed when a collection is opened are not told: they were when they were written.
 *
 * A listener may look at the state and begin work, but waits for nothing: the acknowledgement, and the records after it, wait for it.
 * The record is durable and visible by then, so a listener that throws takes nothing back: the others are told, the call is
 * acknowledged, and the error is reported as `INTERNAL`, since no caller can have caused it.
 */

import type { LogRecord } from "../base/operations.js";
import { TidepoolError } from "../errors.js";
import type { CollectionState } from "./collection-state.js";
import type { AppliedRecords } from "./part.js";

/** A record of the log was applied to a collection. */
export interface Applied {
  readonly state: CollectionState;
  /** Where the record stands in the collection's log. */
  readonly offset: number;
  /** The operation and the ids it is about, those included that it left as they were, such as ids to be added that were there already. */
  readonly record: LogRecord;
  /** What each of its operations did. */
  readonly effects: readonly AppliedRecords[];
}

export type AppliedListener = (applied: Applied) => void;

export class AppliedListeners {
  readonly #listeners = new Set<AppliedListener>();
  readonly #report: (error: TidepoolError, collection: string) => void;

  /** `report` is told what a listener threw. It must not throw. */
  constructor(report: (error: TidepoolError, collection: string) => void) {
    this.#report = report;
  }

  /** Tells the listener of every record from now on, until the function that is returned is called. */
  add(listener: AppliedListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(applied: Applied): void {
    for (const listener of this.#listeners) {
      try {
        listener(applied);
      } catch (cause) {
        this.#report(failed(applied, cause), applied.state.row.name);
      }
    }
  }
}

function failed({ state, offset }: Applied, cause: unknown): TidepoolError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `Log record ${offset} of collection "${state.row.name}" was applied, but what follows from it failed: ${reason}`;
  return new TidepoolError("INTERNAL", message, { cause });
}
