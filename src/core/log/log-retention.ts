/**
 * Who still needs log records that the segments contain already: replicas, exports, live queries. As long as somebody does,
 * publishing a manifest does not drop them. Holds are in memory only: whoever wants records after the database was opened
 * again has to ask before the next compaction.
 */

/** A claim on the records of one collection's log after an offset. */
export interface LogHold {
  /** Needs records after this offset only; what was let go of cannot be asked for again. */
  advance(after: number): void;
  /** Needs none any more. */
  release(): void;
}

export class LogRetention {
  readonly #holds = new Map<string, Set<{ after: number }>>();

  /** Keeps the log records of a collection after `after` until the hold advances or is released. */
  hold(collectionId: string, after: number): LogHold {
    const hold = { after };
    const holds = this.#holds.get(collectionId) ?? new Set();
    this.#holds.set(collectionId, holds.add(hold));
    return {
      advance: (to) => {
        hold.after = Math.max(hold.after, to);
      },
      release: () => {
        holds.delete(hold);
        if (holds.size === 0 && this.#holds.get(collectionId) === holds) this.#holds.delete(collectionId);
      },
    };
  }

  /** The last log record of a collection that nobody needs any more; `Infinity` when nobody holds any. */
  floor(collectionId: string): number {
    return Math.min(...[...(this.#holds.get(collectionId) ?? [])].map(({ after }) => after));
  }
}
