/**
 * Snapshots that are read page by page, in many calls, while writes go on: of records for exports, of everything for backups. Restores,
 * which are written so, are kept in the same way.
 *
 * A snapshot is made of what is in memory and of blocks whose space is not used again before it is let go (`BlockStore.hold`), so it
 * costs nothing but that space. Whoever reads it may vanish, so one that is not read for `snapshotIdleMs` is let go too; and none
 * outlives its engine.
 *
 * Invariants: reads of one snapshot run one after the other, and it is let go after them; `release` is called once for each.
 */
import { Serial } from "../base/serial.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { Environment } from "../storage.js";

interface Held<T> {
  readonly content: T;
  readonly release: () => Promise<void>;
  readonly line: Serial;
  cancelExpiry: () => void;
}

/** What a snapshot is known by. */
export interface SnapshotName {
  /** Whose it is: who names it with another owner does not find it. */
  owner: string;
  snapshot: string;
}

export class Snapshots<T> {
  readonly #environment: Pick<Environment, "randomId" | "schedule">;
  readonly #held = new Map<string, Held<T>>();

  constructor(environment: Pick<Environment, "randomId" | "schedule">) {
    this.#environment = environment;
  }

  /** Refuses one more than there may be, before anything is kept for it. */
  checkRoom(): void {
    if (this.#held.size < limits.snapshotsMax) return;
    const message = `${limits.snapshotsMax} exports, or backups, are under way, and no more are allowed (snapshotsMax): end one first`;
    throw new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit: "snapshotsMax", allowed: limits.snapshotsMax } });
  }

  /** Keeps the content; returns what names it. */
  add(owner: string, content: T, release: () => Promise<void>): string {
    const snapshot = this.#environment.randomId();
    const held: Held<T> = { content, release, line: new Serial(), cancelExpiry: () => undefined };
    this.#held.set(keyOf({ owner, snapshot }), held);
    this.#expireLater({ owner, snapshot }, held);
    return snapshot;
  }

  /** Runs a read of the snapshot, which lives on for another while. */
  read<R>(name: SnapshotName, body: (content: T) => Promise<R>): Promise<R> {
    const held = this.#held.get(keyOf(name));
    if (held === undefined) throw gone();
    held.cancelExpiry();
    return held.line.run(async () => {
      try {
        return await body(held.content);
      } finally {
        if (this.#held.has(keyOf(name))) this.#expireLater(name, held);
      }
    });
  }

  /** Lets go of it, if it is still there. */
  async end(name: SnapshotName): Promise<void> {
    const held = this.#held.get(keyOf(name));
    if (held === undefined) return;
    this.#held.delete(keyOf(name));
    held.cancelExpiry();
    await held.line.run(held.release);
  }

  /** The engine closes: nothing is read any more, and space is nobody's concern. */
  close(): void {
    for (const { cancelExpiry } of this.#held.values()) cancelExpiry();
    this.#held.clear();
  }

  /** Space that could not be freed is found unused by the next opening. */
  #expireLater(name: SnapshotName, held: Held<T>): void {
    held.cancelExpiry();
    held.cancelExpiry = this.#environment.schedule(() => void this.end(name).catch(() => undefined), limits.snapshotIdleMs);
  }
}

function keyOf({ owner, snapshot }: SnapshotName): string {
  return `${owner}/${snapshot}`;
}

function gone(): TidepoolError {
  const minutes = limits.snapshotIdleMs / 60_000;
  return new TidepoolError(
    "STALE_READ",
    `This export, backup or restore is no longer under way: nothing came for ${minutes} minutes, or the database has been opened anew ` +
      "since, in another tab perhaps. Begin again",
  );
}
