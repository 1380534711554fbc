/**
 * Manifests that are installed in memory and not published yet, and how they come to be.
 *
 * Publishing makes a manifest the durable one and truncates the log, so it waits until the arenas that hold the blocks can
 * be relied upon, which right after creating an arena takes a minute. Until then the manifest is staged: the next opening goes on
 * from it if the arenas are still there, and from the published manifest and the whole log, which both stay, if one is not. So
 * nothing hangs on a young arena's name. A collection may be closed while its manifest is staged, and is published all the same.
 *
 * Invariants: manifests of a collection are staged and published in the order in which they were installed, and those that a newer
 * one has overtaken are skipped; one is committed at a time. Space of superseded blocks is released only after that, under the
 * collection's exclusive lock.
 */
import { Serial } from "../base/serial.js";
import type { BlockRef, BlockStore } from "../blockstore/blockstore.js";
import type { CollectionState } from "../collection/collection-state.js";
import { limits } from "../limits.js";
import type { Environment } from "../storage.js";
import type { Manifest } from "../sysdb/manifest.js";
import type { Manifests } from "../sysdb/manifests.js";

/** What manifests belong to. */
type Owner = Pick<CollectionState, "dropped"> & { readonly row: Pick<CollectionState["row"], "id"> };

export interface PublisherParts {
  manifests: Pick<Manifests, "publish" | "stage" | "publishStaged" | "stagedIds" | "refsOnlyIn">;
  blocks: Pick<BlockStore, "release" | "settledAt">;
  environment: Pick<Environment, "now" | "schedule">;
  /** The lock of a collection, open or not. */
  lockOf(id: string): Pick<CollectionState["lock"], "exclusive">;
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
  #beingPublished: string | null = null;
  #cancelWait: (() => void) | null = null;
  #stopped = false;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    // What an earlier opening staged has time until this one has answered what it was opened for.
    if (this.#isStaged) this.#comeBackIn(Math.max(this.settlesInMs, limits.compactionIdleMs));
  }

  /** Collections of which something is not published yet. */
  get unpublishedCount(): number {
    return new Set([...[...this.#unpublished.keys()].map(({ row }) => row.id), ...this.#parts.manifests.stagedIds()]).size;
  }

  /** Whether something of the collection is not published yet. */
  isUnpublished(state: Owner): boolean {
    return this.#unpublished.has(state) || this.#parts.manifests.stagedIds().includes(state.row.id);
  }

  /** Whether the collection is being published now. */
  isPublishing(state: Owner): boolean {
    return this.#beingPublished === state.row.id;
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

  /** Publishes all installed manifests, or stages them and has itself be called again when their arenas are old enough. */
  async publishSettled(): Promise<void> {
    if (this.#stopped) return;
    await this.#publishing.run(() => this.#commitAll());
    if (this.#isStaged && !this.#stopped) this.#comeBackIn(this.settlesInMs);
  }

  /** Gives up what is not even staged of a collection that nobody uses any more: the log still has it all. */
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

  /** Nothing more is committed. What waits is dropped: the log still has it all. */
  halt(): void {
    this.#stopped = true;
    this.#cancelWait?.();
  }

  /** Resolves when what is being published is done. */
  idle(): Promise<void> {
    return this.#publishing.idle();
  }

  get #isStaged(): boolean {
    return this.#parts.manifests.stagedIds().length > 0;
  }

  #comeBackIn(waitMs: number): void {
    this.#cancelWait?.();
    this.#cancelWait = this.#parts.environment.schedule(() => this.#parts.settled(), waitMs);
  }

  async #commitAll(): Promise<void> {
    for (const state of [...this.#unpublished.keys()]) {
      const waiting = this.#unpublished.get(state);
      if (this.#stopped || state.dropped || waiting === undefined) continue;
      await this.#commit(state.row.id, () => this.#commitNewest(state, waiting));
    }
    for (const id of this.#parts.manifests.stagedIds()) {
      if (this.#stopped || this.settlesInMs > 0) return;
      await this.#commit(id, () => this.#parts.manifests.publishStaged(id));
    }
  }

  async #commit(id: string, work: () => Promise<BlockRef[]>): Promise<void> {
    this.#beingPublished = id;
    try {
      const garbage = await work();
      await this.#parts.lockOf(id).exclusive(() => this.#parts.blocks.release(garbage));
    } finally {
      this.#beingPublished = null;
    }
  }

  async #commitNewest(state: Owner, waiting: Manifest[]): Promise<BlockRef[]> {
    const { manifests } = this.#parts;
    const { id } = state.row;
    const skipped = waiting.slice();
    const next = skipped.pop()!;
    const garbage = await (this.settlesInMs > 0 ? manifests.stage(id, next, skipped) : manifests.publish(id, next, skipped));
    waiting.splice(0, skipped.length + 1);
    if (waiting.length === 0) this.#unpublished.delete(state);
    return garbage;
  }
}
