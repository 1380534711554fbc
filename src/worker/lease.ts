/**
 * The right to run the engine of one database path: a Web Lock held by the worker itself, so that the browser gives it
 * back the moment the worker ends, however it ends. One engine per path is what every store below relies on.
 *
 * A holder that does not answer any more, since its tab is frozen or it hangs, can be taken over from: the lock is stolen. It hears
 * of it when it thaws, and until then believes to have the lease; that it does no harm meanwhile is the storage's affair, which
 * counts generations. For the storage each engine also holds a lock of its own from before it opens anything until it has closed
 * everything. Nobody steals that one: as long as it is held, its engine may have files open.
 */
import { TidepoolError } from "../core/errors.js";
import { limits } from "../core/limits.js";
import { bounded } from "../storage/bounded.js";
import { isRefusal, leaseLost, refused } from "../storage/storage-error.js";
import type { Predecessors } from "../storage/tenure.js";

export interface Lease {
  /** Resolves when somebody has taken it over. */
  readonly lost: Promise<void>;
  /** Engines that had the lease earlier and have not let go of everything yet; `null` when there are none. */
  predecessors(): Promise<Predecessors | null>;
  /** Gives the right back, once everything is closed; a lease that was lost, too, so that others know that it is. */
  release(): void;
  /** Gives the right back although not everything could be closed: whoever comes next finds a predecessor. */
  resign(): void;
}

/** The part of `navigator.locks` that is used; tests bring their own. */
export type Locks = Pick<LockManager, "request" | "query">;

export interface LeaseOptions {
  /** Tells the engine from all others. */
  id: string;
  /** Takes the lease from whoever has it, instead of waiting for it. */
  takeOver?: boolean;
  waitMs?: number;
}

/** Waits for the tab that holds `path` to let go of it, at most `waitMs`, which may be infinite; then rejects with `LOCKED`. */
export async function acquireLease(locks: Locks | undefined, path: string, options: LeaseOptions): Promise<Lease> {
  if (locks === undefined) {
    throw new TidepoolError(
      "NOT_SUPPORTED",
      "Web Locks are missing here, so a stored database cannot be opened safely: " +
        'serve the page over https or from localhost, or use storage "memory"',
    );
  }
  const right = await acquireRight(locks, path, options);
  const own = `${enginesOf(path)}:${options.id}`;
  let letGo: () => void;
  try {
    letGo = await bounded(hold(locks, own), `announce the engine of database "${path}"`);
  } catch (error) {
    right.release();
    throw lockFailed(path, error);
  }
  // A worker that was frozen when it was granted the lease finds it stolen, and must not take a generation after that.
  if (right.isLost()) {
    letGo();
    throw leaseLost(path);
  }
  return {
    lost: right.lost,
    resign: right.release,
    predecessors: () => othersOf(locks, path, own),
    release: () => {
      right.release();
      letGo();
    },
  };
}

/** What the names of the locks of a path's engines begin with; their ids, which have no colon, follow after one. */
const enginesOf = (path: string): string => `tidepool-engine:${path}`;

interface Right {
  lost: Promise<void>;
  isLost(): boolean;
  release(): void;
}

function acquireRight(locks: Locks, path: string, { takeOver = false, waitMs = limits.lockWaitMs }: LeaseOptions): Promise<Right> {
  const patience = new AbortController();
  const timer = Number.isFinite(waitMs) ? setTimeout(() => patience.abort(), waitMs) : undefined;
  return new Promise((resolve, reject) => {
    let lose = (): void => undefined;
    let isLost = false;
    const lost = new Promise<void>((taken) => (lose = taken)).then(() => void (isLost = true));
    const how = takeOver ? { steal: true } : { signal: patience.signal };
    const ask = async () =>
      locks.request(`tidepool:${path}`, how, () => {
        clearTimeout(timer);
        return new Promise<void>((release) => resolve({ lost, isLost: () => isLost, release }));
      });
    ask().catch((error: unknown) => {
      clearTimeout(timer);
      // Once it was granted it fails for one reason only: it was stolen. Then there is nobody to reject any more.
      lose();
      reject(patience.signal.aborted ? locked(path, waitMs) : lockFailed(path, error));
    });
  });
}

/** Holds a lock until the function that it resolves with is called, or the worker ends. */
function hold(locks: Locks, name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    locks.request(name, () => new Promise<void>((release) => resolve(release))).catch(reject);
  });
}

async function othersOf(locks: Locks, path: string, own: string): Promise<Predecessors | null> {
  const { held = [] } = await bounded(locks.query(), `look for other engines of database "${path}"`);
  const isOther = (name: string): boolean => name.slice(0, name.lastIndexOf(":")) === enginesOf(path) && name !== own;
  const others = held.flatMap(({ name = "" }) => (isOther(name) ? [name] : []));
  if (others.length === 0) return null;
  return { gone: Promise.all(others.map((name) => locks.request(name, () => undefined))).then(() => undefined) };
}

/** Where site data is blocked there are no locks either. */
function lockFailed(path: string, cause: unknown): TidepoolError {
  if (cause instanceof TidepoolError) return cause;
  if (isRefusal(cause)) return refused("Web Locks", cause);
  return new TidepoolError("INTERNAL", `The lock of database "${path}" failed`, { cause });
}

function locked(path: string, waitMs: number): TidepoolError {
  return new TidepoolError(
    "LOCKED",
    `Another tab or worker holds the database "${path}" and did not let go of it within ${waitMs} ms; close it there, or use another path`,
    { details: { path, waitMs } },
  );
}

/**
 * Holds a lock of this name until the worker dies, or the function that is returned is called: whoever then gets it knows that the
 * worker is gone. `null` where the browser gives out no locks, since it stores nothing here.
 */
export async function holdUntilDeath(locks: Locks, name: string): Promise<(() => void) | null> {
  try {
    return await bounded(hold(locks, name), "announce the worker");
  } catch (error) {
    if (isRefusal(error)) return null;
    throw error;
  }
}
