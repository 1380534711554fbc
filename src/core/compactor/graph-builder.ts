/**
 * Builds the graphs of collections in the background, in slices of a few milliseconds between which requests get their
 * turn; a large one by several threads, where there are helpers. Until a vector is in the graph the scan answers for it, so nobody
 * waits for this; while writes come in, building waits for them, unless so
 * many vectors are waiting that the scan would get slow.
 */
import type { Turns } from "../base/turns.js";
import type { CollectionState } from "../collection/collection-state.js";
import { limits } from "../limits.js";
import type { TidepoolWarning } from "../service.js";
import type { IdleJob } from "./jobs.js";

/** What it needs of a collection. */
type Buildable = Pick<CollectionState, "lock" | "dropped"> & {
  readonly row: Pick<CollectionState["row"], "name" | "id">;
  readonly vectors: Pick<
    CollectionState["vectors"],
    "isGraphBuilt" | "graphBacklog" | "prepareGraph" | "buildGraph" | "buildGraphTogether"
  >;
};

export interface GraphBuilderParts {
  turns: Turns;
  /** Told when a graph has grown to all vectors, through which queries may find others than before. */
  built(state: Buildable): void;
  /** Takes note of a graph that could not be built; the scan answers for it. */
  warn(warning: TidepoolWarning): void;
}

export class GraphBuilder implements IdleJob<Buildable> {
  readonly idleMs = limits.graphIdleMs;
  readonly priority = 0;
  readonly writesBlocks = false;
  readonly isAwaited = true;
  readonly #parts: GraphBuilderParts;
  /** Collections whose graph could not be built: not tried again until they are opened anew. */
  readonly #failed = new WeakSet<Buildable>();

  constructor(parts: GraphBuilderParts) {
    this.#parts = parts;
  }

  isDue(state: Buildable): boolean {
    return !state.vectors.isGraphBuilt && !this.#failed.has(state);
  }

  isUrgent(state: Buildable): boolean {
    return state.vectors.graphBacklog >= limits.graphBacklogMax;
  }

  async run(state: Buildable, isOver: () => boolean): Promise<boolean> {
    try {
      return await this.#buildSlice(state, isOver);
    } catch (error) {
      this.#giveUp(state, error);
      return true;
    }
  }

  async #buildSlice(state: Buildable, isOver: () => boolean): Promise<boolean> {
    await this.#parts.turns.nextInBackground();
    if (isOver()) return true;
    let isShared = false;
    await state.lock.shared(async () => {
      if (state.dropped) return;
      await state.vectors.prepareGraph();
      isShared = await state.vectors.buildGraphTogether(this.#parts.turns.backgroundTick);
    });
    if (isOver()) return true;
    if (isShared) return false;
    this.#parts.turns.begin();
    const isDone = state.vectors.buildGraph(this.#parts.turns.isSliceOver);
    if (isDone) this.#parts.built(state);
    return isDone;
  }

  /** For want of memory, say. Nothing is lost: a graph is derived, and rows outside of it are scanned. */
  #giveUp(state: Buildable, error: unknown): void {
    this.#failed.add(state);
    const reason = error instanceof Error ? error.message : String(error);
    const { name: collection } = state.row;
    this.#parts.warn({
      code: "GRAPH_NOT_BUILT",
      message: `The graph of collection "${collection}" could not be built, so queries scan: ${reason}`,
      collection,
    });
  }
}
