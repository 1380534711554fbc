/**
 * The right to run the engine of one database path: a Web Lock held by the worker itself, so that the browser gives it
 * back the moment the worker ends, however it ends. One engine per path is what every store below relies on.
 */
import { TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";

export interface Lease {
  /** Gives the right back. */
  release(): void;
}

/** The part of `navigator.locks` that is used; tests bring their own. */
export type Locks = Pick<LockManager, "request">;

/** Waits for the tab that holds `path` to let go of it, at most `waitMs`; then rejects with `LOCKED`. */
export function acquireLease(locks: Locks | undefined, path: string, waitMs: number = limits.lockWaitMs): Promise<Lease> {
  if (locks === undefined) {
    return Promise.reject(
      new TidepoolError(
        "NOT_SUPPORTED",
        "Web Locks are missing here, so a stored database cannot be opened safely: " +
          'serve the page over https or from localhost, or use storage "memory"',
      ),
    );
  }
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), waitMs);
  return new Promise<Lease>((resolve, reject) => {
    locks
      .request(`tidepool:${path}`, { signal: patience.signal }, () => {
        clearTimeout(timer);
        return new Promise<void>((release) => resolve({ release }));
      })
      .catch((error: unknown) => {
        clearTimeout(timer);
        reject(
          patience.signal.aborted
            ? locked(path, waitMs)
            : new TidepoolError("INTERNAL", `The lock of database "${path}" failed`, { cause: error }),
        );
      });
  });
}

function locked(path: string, waitMs: number): TidepoolError {
  return new TidepoolError(
    "LOCKED",
    `Another tab or worker holds the database "${path}" and did not let go of it within ${waitMs} ms; close it there, or use another path`,
    { details: { path, waitMs } },
  );
}

/** Holds a lock of this name until the worker dies: whoever then gets it knows that the worker is gone. */
export function holdUntilDeath(locks: Locks, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    locks
      .request(name, () => {
        resolve();
        return new Promise<never>(() => {});
      })
      .catch(reject);
  });
}
