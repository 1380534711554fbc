/**
 * Manifests that are installed in memory and not published yet, and how they come to be.
 *
 * Publishing makes a manifest the durable one and truncates the log, so it waits until the arenas that hold the blocks can
 * be relied upon, which right after creating an arena takes a minute. Until then the log is kept and the old manifest stays
 * the durable one, so nothing hangs on a young arena's name.
 *
 * Invariants: manifests of a collection are published in the order in which they were installed, and those that a newer one
 * has overtaken are skipped; one is published at a time. Space of superseded blocks is released only after that, under the
 * collection's exclusive lock.
 */
import { Serial } from "../base/serial.js";
import type { BlockStore } from "../blockstore/blockstore.js";
import type { CollectionState } from "../collection/collection-state.js";
import type { Environment } from "../storage.js";
import type { Manifest } from "../sysdb/manifest.js";
import type { Manifests } from "../sysdb/manifests.js";

/** What manifests belong to. */
type Owner = Pick<CollectionState, "lock" | "dropped"> & { readonly row: Pick<CollectionState["row"], "id"> };

export interface PublisherParts {
  manifests: Pick<Manifests, "publish" | "refsOnlyIn">;
  blocks: Pick<BlockStore, "release" | "settledAt">;
  environment: Pick<Environment, "now" | "schedule">;
  /** Told when arenas have come of age for which something waits: it is time to call `publishSettled` again. */
  settled(): void;
  /** Told of the error of what nobody waits for. */
  failed(error: unknown): void;
}

export class Publisher {
  readonly #parts: PublisherParts;
  /** Oldest first. */
  readonly #unpublished = new Map<Owner, Manifest[]>();
  readonly #publishing = new Serial();
  #beingPublished: Owner | null = null;
  #cancelWait: (() => void) | null = null;
  #stopped = false;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** Collections of which something is not published yet. */
  get unpublishedCount(): number {
    return this.#unpublished.size;
  }

  /** Whether something of the collection is not published yet. */
  isWaiting(state: Owner): boolean {
    return this.#unpublished.has(state);
  }

  /** Whether the collection is being published now. */
  isPublishing(state: Owner): boolean {
    return this.#beingPublished === state;
  }

  /** How long the youngest arena still takes to come of age; 0 or less when publishing need not wait. */
  get settlesInMs(): number {
    return this.#parts.blocks.settledAt() - this.#parts.environment.now();
  }

  /** Takes note of a manifest that is being installed; its blocks are durable. */
  defer(state: Owner, manifest: Manifest): void {
    const waiting = this.#unpublished.get(state) ?? [];
    waiting.push(manifest);
    this.#unpublished.set(state, waiting);
  }

  /** Publishes all installed manifests, or has itself be called again when their arenas are old enough. */
  async publishSettled(): Promise<void> {
    if (this.#stopped) return;
    const waitMs = this.settlesInMs;
    if (waitMs > 0) {
      this.#cancelWait?.();
      this.#cancelWait = this.#parts.environment.schedule(() => this.#parts.settled(), waitMs);
      return;
    }
    await this.#publishing.run(() => this.#publishAll());
  }

  /** Gives up what is not published yet of a collection that nobody uses any more: the log still has it all. */
  giveUp(state: Owner): void {
    const unpublished = this.#unpublished.get(state);
    if (unpublished === undefined) return;
    this.#unpublished.delete(state);
    this.#parts.blocks.release(this.#parts.manifests.refsOnlyIn(unpublished)).catch((error: unknown) => this.#parts.failed(error));
  }

  /** Ends publishing of a collection that is being dropped; returns what was never published, in the order of installation. */
  async forget(state: Owner): Promise<readonly Manifest[]> {
    await this.#publishing.idle();
    const unpublished = this.#unpublished.get(state) ?? [];
    this.#unpublished.delete(state);
    return unpublished;
  }

  /** Nothing more is published. What waits is dropped: the log still has it all. */
  halt(): void {
    this.#stopped = true;
    this.#cancelWait?.();
  }

  /** Resolves when what is being published is done. */
  idle(): Promise<void> {
    return this.#publishing.idle();
  }

  async #publishAll(): Promise<void> {
    for (const state of [...this.#unpublished.keys()]) {
      const waiting = this.#unpublished.get(state);
      if (this.#stopped || state.dropped || waiting === undefined) continue;
      this.#beingPublished = state;
      try {
        await this.#publish(state, waiting);
      } finally {
        this.#beingPublished = null;
      }
    }
  }

  async #publish(state: Owner, waiting: Manifest[]): Promise<void> {
    const skipped = waiting.slice();
    const next = skipped.pop()!;
    const garbage = await this.#parts.manifests.publish(state.row.id, next, skipped);
    waiting.splice(0, skipped.length + 1);
    if (waiting.length === 0) this.#unpublished.delete(state);
    await state.lock.exclusive(() => this.#parts.blocks.release(garbage));
  }
}
