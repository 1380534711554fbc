/**
 * Bounds what the browser may take. Some of its promises never settle: those of a storage that was cleared while it was open, or of
 * a lock manager that went with it. Nobody may wait for them for ever.
 */
import { TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";

/** The outcome of what was asked, or `CONNECTION_LOST` when there is none in time. `doing` completes "Could not …". */
export function bounded<T>(asked: Promise<T>, doing: string, waitMs: number = limits.browserWaitMs): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(unanswered(doing, waitMs)), waitMs);
    asked.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function unanswered(doing: string, waitMs: number): TidepoolError {
  return new TidepoolError("CONNECTION_LOST", `Could not ${doing}: the browser has not answered within ${waitMs} ms`, {
    details: { waitMs },
  });
}
