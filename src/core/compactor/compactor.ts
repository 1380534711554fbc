/**
 * Compacts collections and does the idle work of their parts: carries each piece of it from new blocks to an installed manifest.
 *
 * A collection is compacted at once when its log is long, and when the database has been idle for a moment if the log is
 * worth it; `jobs.ts` says when anything begins. Blocks are flushed before their manifest is installed in memory; the
 * publisher makes it the durable one.
 *
 * A failed compaction leaves everything as it was; the error is kept for `info()` and for writers that wait for room. A
 * failed flush cannot be reasoned about (the system may have dropped the pages), so it poisons the engine.
 */
import type { Tick } from "../base/turns.js";
import type { BlockBatch, BlockStore, BlockWriter } from "../blockstore/blockstore.js";
import type { CollectionState, PreparedManifest } from "../collection/collection-state.js";
import type { PartJob } from "../collection/part.js";
import type { PartName, partJobs } from "../collection/parts.js";
import { show, TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type { MemoryShares } from "../memory-shares.js";
import type { Environment } from "../storage.js";
import type { Manifest } from "../sysdb/manifest.js";
import type { Manifests } from "../sysdb/manifests.js";
import { compact } from "./compaction.js";
import { type IdleJob, Jobs, unwatched } from "./jobs.js";
import { Packer } from "./packer.js";
import { Publisher } from "./publisher.js";
import { needsRenumbering, renumber } from "./renumbering.js";

export interface CompactorParts {
  manifests: Manifests;
  blocks: BlockStore;
  environment: Environment;
  /** Open collections. */
  states(): Iterable<CollectionState>;
  /** The lock of a collection, open or not. */
  lockOf(id: string): CollectionState["lock"];
  /** Idle work of the collections' parts. */
  partJobs: typeof partJobs;
  memory: Pick<MemoryShares, "memtables" | "compaction">;
  /** Idle work beside compactions and that of the parts. */
  jobs: readonly IdleJob<CollectionState>[];
  tick: Tick;
  poison(error: TidepoolError): void;
}

export class Compactor {
  readonly #parts: CompactorParts;
  readonly #jobs: Jobs<CollectionState>;
  readonly #publisher: Publisher;
  readonly #packer: Packer;
  readonly #packing = this.#newPacking();
  /** To be renumbered with their next compaction, however few ordinals are dead: renumbering leaves no block as it was. */
  readonly #toRewrite = new Set<CollectionState>();
  /** Ids of collections on which no work begins. */
  readonly #paused = new Set<string>();
  #stopped = false;
  #lastError: TidepoolError | null = null;

  constructor(parts: CompactorParts) {
    this.#parts = parts;
    this.#jobs = new Jobs({
      environment: parts.environment,
      states: () => [...parts.states()].filter((state) => !this.#isPaused(state)),
      jobs: [this.#compaction(), ...parts.partJobs.map(({ name, job }) => this.#partJob(name, job)), this.#packing, ...parts.jobs],
    });
    this.#packer = new Packer({ ...parts, flush: (blocks) => this.flush(blocks), tick: () => this.#tick() });
    this.#publisher = new Publisher({
      ...parts,
      settled: () => void unwatched(this.#guard(() => this.#publishSettled())),
      failed: (error) => this.#note(error),
    });
  }

  /** Why the latest compaction failed; `null` after one that did not. */
  get lastError(): TidepoolError | null {
    return this.#lastError;
  }

  /** Whether background work is under way, or will be in a moment and is awaited. */
  get isBusy(): boolean {
    return this.#jobs.isBusy;
  }

  /** Collections of which something is installed and not published yet. */
  get unpublishedCount(): number {
    return this.#publisher.unpublishedCount;
  }

  /** Whether work on the collection is under way, or will be in a moment and is awaited. */
  isAtWorkOn(state: CollectionState): boolean {
    return this.#jobs.isAtWorkOn(state) || this.#publisher.isPublishing(state);
  }

  /** Begins to compact a log that is long enough; whether it did. */
  compactIfWorthIt(state: CollectionState): boolean {
    if (this.#stopped || this.#lastError !== null || this.#isPaused(state) || !isWorthIt(state)) return false;
    void unwatched(this.compact(state));
    return true;
  }

  /** Gives up what is not even staged of a collection that nobody uses any more: the log still has it all. */
  giveUp(state: CollectionState): void {
    this.#publisher.giveUp(state);
  }

  /** Called after every applied write. */
  noteWrite(state: CollectionState): void {
    if (this.#stopped) return;
    if (this.#isLong(state)) void unwatched(this.#ask(state, () => this.#isLong(state)));
    this.#jobs.noteWrite();
  }

  /** Whether the log is to be compacted at once. What has just failed waits for a moment of idleness. */
  #isLong({ records, log }: CollectionState): boolean {
    const isLong = records.memtableBytes >= this.#parts.memory.compaction || log.bytes >= limits.compactionLogBytesMax;
    return isLong && this.#lastError === null;
  }

  /** Called when a collection was opened, or needs background work for another reason than a write. */
  noteStale(): void {
    this.#jobs.noteStale();
  }

  /** Called when one of its `jobs` may be due for another reason than a write. */
  noteDue(job: IdleJob<CollectionState>): void {
    this.#jobs.noteDue(job);
  }

  /** Called when blocks were released: much more may be reserved now than is used. */
  noteRoom(): void {
    this.#jobs.noteDue(this.#packing);
  }

  /** Resolves when the collection's memtable has room for more; rejects with the compactor's error when none can be made. */
  async waitForRoom(state: CollectionState): Promise<void> {
    for (let full = this.#fullest(state); full !== null && !state.dropped; full = this.#fullest(state)) {
      if (this.#stopped) throw closed();
      await this.compact(full);
    }
  }

  /** The collection to be compacted before this one may be written to; `null`: none. */
  #fullest(state: CollectionState): CollectionState | null {
    if (state.records.memtableBytes >= limits.memtableBytesMax) return state;
    const states = [...this.#parts.states()].filter((one) => one.log.records > 0 && !this.#isPaused(one));
    if (states.reduce((bytes, { records }) => bytes + records.memtableBytes, 0) < this.#parts.memory.memtables) return null;
    return states.reduce((one, other) => (other.records.memtableBytes > one.records.memtableBytes ? other : one));
  }

  /** Compacts what the collection's memtable holds now, stages it, and publishes as soon as that is safe. */
  compact(state: CollectionState): Promise<void> {
    return this.#ask(state);
  }

  #ask(state: CollectionState, isWanted?: () => boolean): Promise<void> {
    return this.#jobs.run(state, () => this.#guard(() => this.#compact(state)), isWanted);
  }

  /**
   * Writes all of the collection's segments anew, from its records and nothing else, and resolves once that is published: nothing
   * but retained versions and forks names a block then in which a deleted record, or what it once held, could stand.
   */
  async rewrite(state: CollectionState): Promise<void> {
    this.#toRewrite.add(state);
    try {
      await this.compact(state);
    } finally {
      this.#toRewrite.delete(state);
    }
    await this.#untilPublished(state);
  }

  /** Waits until young arenas have come of age, which takes up to a minute. */
  async #untilPublished(state: CollectionState): Promise<void> {
    const { environment } = this.#parts;
    while (this.#publisher.isUnpublished(state) && !state.dropped) {
      if (this.#stopped) throw closed();
      await new Promise<void>((resolve) => void environment.schedule(resolve, Math.max(0, this.#publisher.settlesInMs)));
      await this.#guard(() => this.#publisher.publishSettled());
    }
  }

  /** Work on blocks of whichever collections, when no other writes any and all of them are published; `false` where it is not the time. */
  async alone(work: () => Promise<void>): Promise<boolean> {
    let isTime = false;
    await this.#jobs.alone(async () => {
      if (this.#stopped) throw closed();
      isTime = this.#paused.size + this.unpublishedCount === 0;
      if (isTime) await work();
    });
    return isTime;
  }

  /** Waits for background work on a collection that is being dropped; returns manifests that were never published. */
  async forget(state: CollectionState): Promise<readonly Manifest[]> {
    await this.#jobs.ended(state);
    return this.#publisher.forget(state);
  }

  /**
   * No work on the collection begins until `resume` is called with what this resolves to: its state, if it is open, and manifests
   * that are installed in it and not even staged. Those are not published meanwhile.
   */
  async pause(id: string): Promise<Paused> {
    this.#paused.add(id);
    const state = [...this.#parts.states()].find(({ row }) => row.id === id);
    await this.#jobs.ended(state);
    return { id, state, unpublished: state === undefined ? [] : await this.forget(state) };
  }

  /** `isReplaced`: the state is of no use any more, and neither are the manifests. */
  resume({ id, state, unpublished }: Paused, isReplaced: boolean): void {
    this.#paused.delete(id);
    if (isReplaced || state === undefined) return;
    for (const manifest of unpublished) this.#publisher.defer(state, manifest);
    if (state.closed) this.#publisher.giveUp(state);
  }

  #isPaused({ row }: CollectionState): boolean {
    return this.#paused.has(row.id);
  }

  /** No new work begins, and nothing is published any more. Unpublished manifests are dropped: the log still has it all. */
  halt(): void {
    this.#stopped = true;
    this.#jobs.halt();
    this.#publisher.halt();
  }

  /** Halts; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.halt();
    await Promise.all([this.#jobs.stop(), this.#publisher.idle()]);
  }

  // ---- when

  #compaction(): IdleJob<CollectionState> {
    return {
      idleMs: limits.compactionIdleMs,
      priority: 0,
      writesBlocks: true,
      isAwaited: false,
      isDue: isWorthIt,
      run: (state) => this.#piece(() => this.#compact(state)),
    };
  }

  #partJob(name: PartName, job: PartJob<unknown>): IdleJob<CollectionState> {
    const { idleMs, priority, isAwaited } = job;
    return {
      idleMs,
      priority,
      writesBlocks: true,
      isAwaited,
      isDue: (state) => job.isDue(state.parts[name]),
      isUrgent: (state) => job.isUrgent?.(state.parts[name]) ?? false,
      run: async (state) => {
        await this.#piece(() => this.#runPartJob(state, name, job));
        return job.isRepeated !== true || !job.isDue(state.parts[name]);
      },
    };
  }

  /** Gives back what is reserved and not used, of collections of which everything is published. */
  #newPacking(): IdleJob<CollectionState> {
    return {
      idleMs: limits.compactionIdleMs,
      priority: 3,
      writesBlocks: true,
      isAwaited: false,
      isDue: (state) => this.#packer.isDue && !this.#publisher.isUnpublished(state),
      isUrgent: () => this.#packer.isUrgent,
      run: async (state) => {
        let isOver = true;
        await this.#guard(async () => {
          isOver = this.#isPaused(state) || (await this.#packer.pack(state));
        });
        return isOver;
      },
    };
  }

  /** All of an idle job. */
  async #piece(work: () => Promise<void>): Promise<true> {
    await this.#guard(work);
    return true;
  }

  // ---- how

  async #compact(state: CollectionState): Promise<void> {
    if (this.#isPaused(state)) return;
    const makesRoom = state.log.deletions > 0;
    if (state.log.records > 0) await this.#install(state, (blocks) => compact(state, blocks, () => this.#tick()), makesRoom);
    else if (!this.#toRewrite.has(state)) return;
    if (this.#toRewrite.has(state) || needsRenumbering(state)) await this.#renumber(state);
    await this.#publisher.publishSettled();
  }

  async #renumber(state: CollectionState): Promise<void> {
    await this.#install(
      state,
      async (blocks) => {
        const { manifest, install } = await renumber(state, blocks, () => this.#tick());
        const installAndNote = () => {
          install();
          this.#jobs.noteStale();
        };
        return { manifest, install: installAndNote };
      },
      true,
    );
  }

  async #publishSettled(): Promise<void> {
    await this.#publisher.publishSettled();
    this.noteRoom();
  }

  /** Installs a manifest with the section that the idle job of a part wrote. */
  async #runPartJob(state: CollectionState, name: PartName, job: PartJob<unknown>): Promise<void> {
    if (this.#isPaused(state)) return;
    await this.#install(state, async (blocks) => {
      const prepared = await job.run(state.parts[name], blocks, () => this.#tick());
      return prepared === null ? null : state.prepareSection(name, prepared);
    });
    await this.#publisher.publishSettled();
  }

  /** From new blocks to their manifest in memory. The blocks go when that fails, or when the collection was dropped meanwhile. */
  async #install(
    state: CollectionState,
    write: (blocks: BlockWriter) => Promise<PreparedManifest | null>,
    makesRoom = false,
  ): Promise<void> {
    const blocks = this.#parts.blocks.begin(makesRoom);
    try {
      const prepared = await write(blocks);
      if (prepared === null) return await blocks.giveBack();
      await this.flush(blocks);
      await this.#tick();
      await state.lock.exclusive(async () => {
        if (state.dropped) return blocks.giveBack();
        this.#publisher.defer(state, prepared.manifest);
        blocks.publish();
        prepared.install();
      });
    } catch (error) {
      await blocks.giveBack();
      throw this.#withHeadroom(error, state);
    }
  }

  /** Blocks are written before others are freed: says how much room that takes at most, where there was too little. */
  #withHeadroom(error: unknown, { row, log }: CollectionState): unknown {
    if (!(error instanceof TidepoolError) || error.code !== "QUOTA_EXCEEDED") return error;
    const headroomBytes = this.#parts.manifests.latestRefs([row.id]).reduce((bytes, { length }) => bytes + length, log.bytes);
    const message =
      `${error.message}. Compacting collection ${show(row.name)} writes its changed blocks before it frees the old ones, for which ` +
      `it needs at most ${headroomBytes} bytes of free space. Nothing is lost: its log keeps what was written`;
    return new TidepoolError("QUOTA_EXCEEDED", message, { cause: error, details: { ...error.details, headroomBytes } });
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

  /** Makes the blocks of a batch durable. Where that fails the engine is at its end. */
  async flush(blocks: BlockBatch): Promise<void> {
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

function closed(): TidepoolError {
  return new TidepoolError("CLOSED", "The database is closed.");
}

/** What of a collection waits while no work on it begins. */
export interface Paused {
  readonly id: string;
  readonly state: CollectionState | undefined;
  readonly unpublished: readonly Manifest[];
}

/** Thrown inside background work to end it early. */
class Stopped extends Error {}

function isWorthIt(state: CollectionState): boolean {
  const { records, bytes, deletions } = state.log;
  return records > 0 && (bytes >= limits.compactionIdleLogBytes || deletions > 0);
}
