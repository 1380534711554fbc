/**
 * Builds the graphs of collections in the background, in slices of a few milliseconds between which requests get their
 * turn. Until a vector is in the graph the scan answers for it, so nobody waits for this; while writes come in, building
 * waits for them, unless so many vectors are waiting that the scan would get slow.
 */
import type { CollectionState } from "../collection-state.js";
import { limits } from "../limits.js";
import type { Environment } from "../storage.js";

export interface GraphBuilderParts {
  environment: Environment;
  /** Writes the collection's graph to disk. Its errors are kept by the compactor. */
  saveGraph(state: CollectionState): Promise<void>;
}

/** Share of the vectors that may change before the graph on disk is written anew. */
const CHANGED_SHARE_MAX = 0.2;

export class GraphBuilder {
  readonly #parts: GraphBuilderParts;
  readonly #running = new Set<CollectionState>();
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

  /** Called when a collection was opened or written to. */
  note(state: CollectionState): void {
    this.#lastWriteAt = this.#parts.environment.now();
    if (this.#running.has(state) || state.isGraphDone) return;
    this.#running.add(state);
    void this.#build(state).finally(() => this.#running.delete(state));
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
      await state.prepareGraph();
      if (this.#isOver(state)) return;
    } while (!state.buildGraph(this.#slice()));
    if (state.graphChangedShare > CHANGED_SHARE_MAX) await this.#parts.saveGraph(state);
  }

  /** Yields to requests; while writes come in, until there have been none for a moment. */
  async #letWritesPass(state: CollectionState): Promise<void> {
    const { environment } = this.#parts;
    await environment.yieldToEventLoop();
    while (!this.#isOver(state) && state.graphBacklog < limits.graphBacklogMax) {
      const waitMs = this.#lastWriteAt + limits.graphIdleMs - environment.now();
      if (waitMs <= 0) return;
      await this.#sleep(waitMs);
    }
  }

  #slice(): () => boolean {
    const end = this.#parts.environment.now() + limits.sliceMs;
    return () => this.#parts.environment.now() >= end;
  }

  #isOver(state: CollectionState): boolean {
    return this.#stopped || state.dropped;
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
