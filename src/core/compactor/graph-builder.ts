/**
 * Builds the graphs of collections in the background, in slices of a few milliseconds between which requests get their
 * turn. Until a vector is in the graph the scan answers for it, so nobody waits for this; while writes come in, building
 * waits for them, unless so many vectors are waiting that the scan would get slow.
 */

import type { Turns } from "../base/turns.js";
import type { CollectionState } from "../collection/collection-state.js";
import { limits } from "../limits.js";
import type { TidepoolWarning } from "../service.js";
import type { Environment } from "../storage.js";

export interface GraphBuilderParts {
  environment: Environment;
  turns: Turns;
  /** Writes the collection's graph to disk. Its errors are kept by the compactor. */
  saveGraph(state: CollectionState): Promise<void>;
  /** Takes note of a graph that could not be built; the scan answers for it. */
  warn(warning: TidepoolWarning): void;
}

export class GraphBuilder {
  readonly #parts: GraphBuilderParts;
  /** Whose graphs are being built; true for those that were written to since. */
  readonly #running = new Map<CollectionState, boolean>();
  /** Collections whose graph could not be built: not tried again until they are opened anew. */
  readonly #failed = new WeakSet<CollectionState>();
  readonly #sleepers = new Set<() => void>();
  #lastWriteAt = -Infinity;
  #stopped = false;

  constructor(parts: GraphBuilderParts) {
    this.#parts = parts;
  }

  /** Whether a graph is being built. */
  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /** Whether this collection's graph is being built. */
  isBuilding(state: CollectionState): boolean {
    return this.#running.has(state);
  }

  /** Called when a collection was opened or written to. */
  note(state: CollectionState): void {
    this.#lastWriteAt = this.#parts.environment.now();
    if (this.#stopped || this.#failed.has(state)) return;
    if (this.#running.has(state)) this.#running.set(state, true);
    else if (!state.vectors.isGraphDone) void this.#run(state);
  }

  /** Writes that come in while the graph is being saved are for another round. */
  async #run(state: CollectionState): Promise<void> {
    this.#running.set(state, false);
    await this.#build(state).catch((error: unknown) => this.#giveUp(state, error));
    const isWrittenTo = this.#running.get(state);
    this.#running.delete(state);
    if (isWrittenTo) this.note(state);
  }

  /** Building ends after the slice under way. */
  stop(): void {
    this.#stopped = true;
    for (const wake of this.#sleepers) wake();
  }

  async #build(state: CollectionState): Promise<void> {
    do {
      await this.#letWritesPass(state);
      if (this.#isOver(state)) return;
      await this.#fetchVectors(state);
      if (this.#isOver(state)) return;
      this.#parts.turns.begin();
    } while (!state.vectors.buildGraph(this.#parts.turns.isSliceOver));
    if (state.vectors.idleJob.isDue()) await this.#parts.saveGraph(state);
  }

  #fetchVectors(state: CollectionState): Promise<void> {
    return state.lock.shared(async () => {
      if (!state.dropped) await state.vectors.prepareGraph();
    });
  }

  /** For want of memory, say. Nothing is lost: a graph is derived, and rows outside of it are scanned. */
  #giveUp(state: CollectionState, error: unknown): void {
    this.#failed.add(state);
    const reason = error instanceof Error ? error.message : String(error);
    const { name: collection } = state.row;
    this.#parts.warn({
      code: "GRAPH_NOT_BUILT",
      message: `The graph of collection "${collection}" could not be built, so queries scan: ${reason}`,
      collection,
    });
  }

  /** Yields to requests; while writes come in, until there have been none for a moment. */
  async #letWritesPass(state: CollectionState): Promise<void> {
    const { environment, turns } = this.#parts;
    await turns.next();
    while (!this.#isOver(state) && state.vectors.graphBacklog < limits.graphBacklogMax) {
      const waitMs = this.#lastWriteAt + limits.graphIdleMs - environment.now();
      if (waitMs <= 0) return;
      await this.#sleep(waitMs);
      await turns.next();
    }
  }

  #isOver(state: CollectionState): boolean {
    return this.#stopped || state.dropped || state.closed;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(wake);
        resolve();
      };
      this.#sleepers.add(wake);
      this.#parts.environment.schedule(wake, ms);
    });
  }
}
