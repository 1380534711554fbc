/**
 * Reads rows of vectors ahead, some pages at a time, once a query had to read some: the next queries find theirs in memory, as far as
 * the block cache has room. Many pages in one go take Firefox about as long as two rows by themselves. It waits until no query reads.
 */
import type { Tick } from "../base/turns.js";
import type { CollectionState } from "../collection/collection-state.js";
import { limits } from "../limits.js";
import type { IdleJob } from "./jobs.js";

/** What it needs of a collection. */
type Readable = { readonly vectors: Pick<CollectionState["vectors"], "isReadBehind" | "readAhead"> };

export class RowReading implements IdleJob<Readable> {
  readonly idleMs = limits.rowReadingIdleMs;
  readonly priority = 2;
  readonly writesBlocks = false;
  readonly isAwaited = false;
  readonly #tick: Tick;

  constructor(tick: Tick) {
    this.#tick = tick;
  }

  isDue({ vectors }: Readable): boolean {
    return vectors.isReadBehind;
  }

  /** What cannot be read is left to whoever asks for it, and is told so. */
  async run({ vectors }: Readable, isOver: () => boolean): Promise<boolean> {
    await this.#tick();
    if (isOver()) return true;
    await vectors.readAhead();
    return !vectors.isReadBehind;
  }
}
