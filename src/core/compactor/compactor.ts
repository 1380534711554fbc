/**
 * Decides when collections are compacted, and carries each piece of work that writes blocks to an installed manifest.
 *
 * A collection is compacted at once when its log is long, and when the database has been idle for a moment if the log is
 * worth it. Blocks are flushed before their manifest is installed in memory; the publisher makes it the durable one.
 *
 * A failed compaction leaves everything as it was; the error is kept for `info()` and for writers that wait for room. A
 * failed flush cannot be reasoned about (the system may have dropped the pages), so it poisons the engine.
 */
import type { Tick } from "../base/turns.js";
import type { BlockBatch, BlockStore, BlockWriter } from "../blockstore/blockstore.js";
import type { CollectionState, PreparedManifest } from "../collection/collection-state.js";
import type { AnyPart, PartName } from "../collection/parts.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { Environment } from "../storage.js";
import type { Manifest } from "../sysdb/manifest.js";
import type { SysDb } from "../sysdb/sysdb.js";
import { compact } from "./compaction.js";
import { Publisher } from "./publisher.js";
import { needsRenumbering, renumber } from "./renumbering.js";

export interface CompactorParts {
  sysdb: SysDb;
  blocks: BlockStore;
  environment: Environment;
  /** Open collections. */
  states(): Iterable<CollectionState>;
  tick: Tick;
  poison(error: TidepoolError): void;
  /** Told when a collection was renumbered: what is derived from its ordinals is to be built again. */
  renumbered(state: CollectionState): void;
}

export class Compactor {
  readonly #parts: CompactorParts;
  readonly #running = new Map<CollectionState, Promise<void>>();
  readonly #publisher: Publisher;
  #tail: Promise<void> = Promise.resolve();
  #cancelIdle: (() => void) | null = null;
  #cancelTextIdle: (() => void) | null = null;
  #stopped = false;
  #lastError: TidepoolError | null = null;

  constructor(parts: CompactorParts) {
    this.#parts = parts;
    this.#publisher = new Publisher({
      ...parts,
      settled: () => void unwatched(this.#guard(() => this.#publisher.publishSettled())),
      failed: (error) => this.#note(error),
    });
  }

  /** Why the latest compaction failed; `null` after one that did not. */
  get lastError(): TidepoolError | null {
    return this.#lastError;
  }

  /** Whether background work is under way. */
  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /** Collections of which something is installed and not published yet. */
  get unpublishedCount(): number {
    return this.#publisher.unpublishedCount;
  }

  /** Whether work on the collection is under way. */
  isAtWorkOn(state: CollectionState): boolean {
    return this.#running.has(state) || this.#publisher.isPublishing(state);
  }

  /** Whether a compaction of the collection waits for its arena to come of age. */
  isWaitingToPublish(state: CollectionState): boolean {
    return this.#publisher.isWaiting(state);
  }

  /** Begins to compact a log that is long enough, if the result can be published soon; whether it did. */
  compactIfWorthIt(state: CollectionState): boolean {
    if (this.#stopped || this.#lastError !== null || this.#publisher.settlesInMs > 0 || !isWorthIt(state)) return false;
    void unwatched(this.compact(state));
    return true;
  }

  /** Gives up what is not published yet of a collection that nobody uses any more: the log still has it all. */
  giveUp(state: CollectionState): void {
    this.#publisher.giveUp(state);
  }

  /** Called after every applied write. */
  noteWrite(state: CollectionState): void {
    if (this.#stopped) return;
    if (state.records.memtableBytes >= limits.compactionLogBytes && this.#lastError === null) void unwatched(this.compact(state));
    this.#scheduleIdle();
  }

  /** Resolves when the collection's memtable has room for more; rejects with the compactor's error when it cannot be emptied. */
  async waitForRoom(state: CollectionState): Promise<void> {
    while (state.records.memtableBytes >= limits.memtableBytesMax && !state.dropped) {
      if (this.#stopped) throw new TidepoolError("CLOSED", "The database is closed.");
      await this.compact(state);
    }
  }

  /** Compacts what the collection's memtable holds now, and publishes as soon as that is safe. */
  compact(state: CollectionState): Promise<void> {
    return this.#run(state, () => this.#compact(state));
  }

  /** Writes the collection's graph, as it is once it is tidied up. */
  saveGraph(state: CollectionState): Promise<void> {
    return this.#runNext(state, () => this.#runIdleJob(state, "vectors"));
  }

  /**
   * One piece of work at a time: whoever asks for more of the same collection waits for the one under way, others queue
   * up.
   */
  #run(state: CollectionState, work: () => Promise<void>): Promise<void> {
    const running = this.#running.get(state);
    if (running !== undefined) return running;
    const guarded = async (): Promise<void> => {
      // What is being dropped has no blocks to read soon, and for what is closed another state may stand.
      if (!state.dropped && !state.closed) await this.#guard(work);
    };
    const run = this.#tail.then(guarded).finally(() => this.#running.delete(state));
    this.#tail = unwatched(run);
    this.#running.set(state, run);
    return run;
  }

  /** Work that nobody waits for and that no other work of the collection does. */
  async #runNext(state: CollectionState, work: () => Promise<void>): Promise<void> {
    for (let running = this.#running.get(state); running !== undefined; running = this.#running.get(state)) await unwatched(running);
    if (!this.#stopped) await unwatched(this.#run(state, work));
  }

  /** Waits for background work on a collection that is being dropped; returns manifests that were never published. */
  async forget(state: CollectionState): Promise<readonly Manifest[]> {
    // Whatever that work fails with no longer matters.
    await this.#running.get(state)?.catch(() => undefined);
    return this.#publisher.forget(state);
  }

  /** No new work begins, and nothing is published any more. Unpublished manifests are dropped: the log still has it all. */
  halt(): void {
    this.#stopped = true;
    for (const cancel of [this.#cancelIdle, this.#cancelTextIdle]) cancel?.();
    this.#publisher.halt();
  }

  /** The same; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.halt();
    await Promise.allSettled([...this.#running.values(), this.#publisher.idle()]);
  }

  // ---- when

  #scheduleIdle(): void {
    this.#cancelIdle?.();
    this.#cancelTextIdle?.();
    this.#cancelIdle = this.#parts.environment.schedule(() => void this.#compactIdle(), limits.compactionIdleMs);
    this.#cancelTextIdle = this.#parts.environment.schedule(() => void this.#saveTextIdle(), limits.textIdleMs);
  }

  async #compactIdle(): Promise<void> {
    for (const state of [...this.#parts.states()]) {
      if (!this.#stopped && !state.closed && isWorthIt(state)) await unwatched(this.compact(state));
    }
  }

  async #saveTextIdle(): Promise<void> {
    for (const state of [...this.#parts.states()]) {
      if (!this.#stopped && !state.closed && state.text.idleJob.isDue()) await this.#runNext(state, () => this.#runIdleJob(state, "text"));
    }
  }

  // ---- how

  async #compact(state: CollectionState): Promise<void> {
    if (state.log.records === 0) return;
    await this.#install(state, (blocks) => compact(state, blocks, () => this.#tick()));
    if (needsRenumbering(state)) await this.#renumber(state);
    await this.#publisher.publishSettled();
  }

  async #renumber(state: CollectionState): Promise<void> {
    await this.#install(state, async (blocks) => {
      const { manifest, install } = await renumber(state, blocks, () => this.#tick());
      const installAndTell = () => {
        install();
        this.#parts.renumbered(state);
      };
      return { manifest, install: installAndTell };
    });
  }

  /** Runs the idle job of one part, and installs a manifest with the section that it wrote. */
  async #runIdleJob(state: CollectionState, name: PartName): Promise<void> {
    await this.#install(state, async (blocks) => {
      const prepared = await (state.parts[name] as AnyPart).idleJob?.run(blocks, () => this.#tick());
      return prepared == null ? null : state.prepareSection(name, prepared);
    });
    await this.#publisher.publishSettled();
  }

  /** From new blocks to their manifest in memory. The blocks go when that fails, or when the collection was dropped meanwhile. */
  async #install(state: CollectionState, write: (blocks: BlockWriter) => Promise<PreparedManifest | null>): Promise<void> {
    const blocks = this.#parts.blocks.begin();
    try {
      const prepared = await write(blocks);
      if (prepared === null) return await blocks.giveBack();
      await this.#flush(blocks);
      await state.lock.exclusive(async () => {
        if (state.dropped) return blocks.giveBack();
        this.#publisher.defer(state, prepared.manifest);
        blocks.publish();
        prepared.install();
      });
    } catch (error) {
      await blocks.giveBack();
      throw error;
    }
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      if (this.#stopped) return;
      await work();
      this.#lastError = null;
    } catch (error) {
      if (error instanceof Stopped) return;
      throw this.#note(error);
    }
  }

  #note(error: unknown): TidepoolError {
    this.#lastError =
      error instanceof TidepoolError ? error : new TidepoolError("INTERNAL", `Compaction failed: ${String(error)}`, { cause: error });
    return this.#lastError;
  }

  async #flush(blocks: BlockBatch): Promise<void> {
    try {
      await blocks.flush();
    } catch (cause) {
      const error = new TidepoolError(
        "POISONED",
        "Flushing blocks to disk failed; reopen the database. Acknowledged writes are in the log.",
        { cause },
      );
      this.#parts.poison(error);
      throw error;
    }
  }

  async #tick(): Promise<void> {
    if (this.#stopped) throw new Stopped();
    await this.#parts.tick();
  }
}

/** For work that nobody waits for. Its error is not lost: the compactor keeps it in `lastError`. */
function unwatched(work: Promise<void>): Promise<void> {
  return work.catch(() => undefined);
}

/** Thrown inside background work to end it early. */
class Stopped extends Error {}

function isWorthIt(state: CollectionState): boolean {
  const { records, bytes, deletions } = state.log;
  return records > 0 && (bytes >= limits.compactionIdleLogBytes || deletions > 0);
}
