/**
 * Reads what was written into the text index in memory, some documents at a time, while nobody writes, or where many wait: a search that
 * comes then, the first after an import above all, finds it done, and so does the compaction.
 */
import type { Tick } from "../base/turns.js";
import type { CollectionState } from "../collection/collection-state.js";
import { limits } from "../limits.js";
import type { IdleJob } from "./jobs.js";

/** What it needs of a collection. */
type Readable = { readonly parts: { readonly text: Pick<CollectionState["parts"]["text"], "isBehind" | "backlog" | "catchUpSome"> } };

export class TextReading implements IdleJob<Readable> {
  readonly idleMs = limits.textReadingIdleMs;
  readonly priority = 1;
  readonly writesBlocks = false;
  readonly isAwaited = false;
  readonly #tick: Tick;

  constructor(tick: Tick) {
    this.#tick = tick;
  }

  isDue({ parts: { text } }: Readable): boolean {
    return text.isBehind;
  }

  isUrgent({ parts: { text } }: Readable): boolean {
    return text.backlog >= limits.textBacklogMax;
  }

  /** What fails is left to the next search, which tells whoever asks. */
  async run({ parts: { text } }: Readable, isOver: () => boolean): Promise<boolean> {
    await this.#tick();
    return isOver() || !(await text.catchUpSome(this.#tick));
  }
}
