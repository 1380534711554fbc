/**
 * Decides when collections are compacted, and carries a compaction from new blocks to the published manifest.
 *
 * A collection is compacted at once when its log is long, and when the database has been idle for a moment if the log is
 * worth it. Blocks are flushed before their manifest is installed in memory; publishing (which truncates the log) follows
 * as soon as the arenas that hold them can be relied upon, which right after creating an arena takes a minute. Until
 * then the log is kept and the old manifest stays the durable one, so nothing hangs on a young arena's name. Space of
 * superseded blocks is released only after publishing, under the collection's exclusive lock.
 *
 * A failed compaction leaves everything as it was; the error is kept for `info()` and for writers that wait for room. A
 * failed flush cannot be reasoned about (the system may have dropped the pages), so it poisons the engine.
 */
import type { Tick } from "../base/turns.js";
import type { BlockBatch, BlockStore } from "../blockstore/blockstore.js";
import type { CollectionState } from "../collection/collection-state.js";
import { staleShare } from "../collection/text.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import { saveGraph } from "../segment/graph.js";
import type { Environment } from "../storage.js";
import type { Manifest } from "../sysdb/manifest.js";
import type { SysDb } from "../sysdb/sysdb.js";
import { compact } from "./compaction.js";
import { needsRenumbering, renumber } from "./renumbering.js";

/** Share of changed documents above which the text index is written anew. */
const TEXT_STALE_SHARE_MAX = 0.2;

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
  /** Manifests installed in memory and not published yet, oldest first. */
  readonly #unpublished = new Map<CollectionState, Manifest[]>();
  #tail: Promise<void> = Promise.resolve();
  #publishing: Promise<void> = Promise.resolve();
  #beingPublished: CollectionState | null = null;
  #cancelIdle: (() => void) | null = null;
  #cancelTextIdle: (() => void) | null = null;
  #cancelPublish: (() => void) | null = null;
  #stopped = false;
  #lastError: TidepoolError | null = null;

  constructor(parts: CompactorParts) {
    this.#parts = parts;
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
    return this.#unpublished.size;
  }

  /** Whether work on the collection is under way. */
  isAtWorkOn(state: CollectionState): boolean {
    return this.#running.has(state) || this.#beingPublished === state;
  }

  /** Whether a compaction of the collection waits for its arena to come of age. */
  isWaitingToPublish(state: CollectionState): boolean {
    return this.#unpublished.has(state);
  }

  /** Begins to compact a log that is long enough, if the result can be published soon; whether it did. */
  compactIfWorthIt(state: CollectionState): boolean {
    if (this.#stopped || this.#lastError !== null || this.#settlesInMs() > 0 || !isWorthIt(state)) return false;
    void unwatched(this.compact(state));
    return true;
  }

  /** Gives up what is not published yet of a collection that nobody uses any more: the log still has it all. */
  giveUp(state: CollectionState): void {
    const unpublished = this.#unpublished.get(state);
    if (unpublished === undefined) return;
    this.#unpublished.delete(state);
    this.#parts.blocks.release(this.#parts.sysdb.refsOnlyIn(unpublished)).catch((error: unknown) => this.#note(error));
  }

  /** Called after every applied write. */
  noteWrite(state: CollectionState): void {
    if (this.#stopped) return;
    if (state.memtable.bytes >= limits.compactionLogBytes && this.#lastError === null) void unwatched(this.compact(state));
    this.#scheduleIdle();
  }

  /** Resolves when the collection's memtable has room for more; rejects with the compactor's error when it cannot be emptied. */
  async waitForRoom(state: CollectionState): Promise<void> {
    while (state.memtable.bytes >= limits.memtableBytesMax && !state.dropped) {
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
    return this.#runNext(state, () => this.#saveGraph(state));
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
    await this.#publishing;
    const unpublished = this.#unpublished.get(state) ?? [];
    this.#unpublished.delete(state);
    return unpublished;
  }

  /** No new work begins, and nothing is published any more. Unpublished manifests are dropped: the log still has it all. */
  halt(): void {
    this.#stopped = true;
    for (const cancel of [this.#cancelIdle, this.#cancelTextIdle, this.#cancelPublish]) cancel?.();
  }

  /** The same; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.halt();
    await Promise.allSettled([...this.#running.values(), this.#publishing]);
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
      if (!this.#stopped && !state.closed && needsTextSnapshot(state)) await this.#runNext(state, () => this.#saveText(state));
    }
  }

  // ---- how

  async #compact(state: CollectionState): Promise<void> {
    if (state.memtable.size === 0 && state.logRecords === 0) return;
    await this.#inBatch(async (blocks) => {
      const installation = await compact(state, blocks, () => this.#tick());
      await this.#flush(blocks);
      await state.lock.exclusive(async () => {
        if (state.dropped) return blocks.giveBack();
        this.#defer(state, installation.manifest);
        blocks.publish();
        state.install(installation);
      });
    });
    if (needsRenumbering(state)) await this.#renumber(state);
    await this.#publishSettled();
  }

  async #renumber(state: CollectionState): Promise<void> {
    await this.#inBatch(async (blocks) => {
      const renumbering = await renumber(state, blocks, () => this.#tick());
      await this.#flush(blocks);
      const prepared = await state.prepareRenumbered(renumbering.manifest);
      await state.lock.exclusive(async () => {
        if (state.dropped) return blocks.giveBack();
        this.#defer(state, renumbering.manifest);
        blocks.publish();
        state.installRenumbered(renumbering, prepared);
        this.#parts.renumbered(state);
      });
    });
  }

  /** Brings the text index up to date and writes it. What is written after that stays in the memtable, hence is re-read on load. */
  async #saveText(state: CollectionState): Promise<void> {
    const wasLoaded = state.text.isLoaded;
    const { nextOrdinal } = state.manifest;
    await this.#replace(state, async (blocks) => ({
      text: await state.text.save(state.textSource(), nextOrdinal, blocks, () => this.#tick()),
    }));
    if (!wasLoaded) state.text.unload();
  }

  /** Tidies the graph up, in slices, and writes it. */
  async #saveGraph(state: CollectionState): Promise<void> {
    const snapshot = await state.finishGraph(() => this.#tick());
    if (snapshot === null) return;
    await this.#replace(state, async (blocks) => ({ graph: await saveGraph(blocks, snapshot, () => this.#tick()) }));
  }

  /** Installs a manifest with another section in it, which `save` writes. */
  async #replace(
    state: CollectionState,
    save: (blocks: BlockBatch) => Promise<Pick<Manifest, "text"> | Pick<Manifest, "graph">>,
  ): Promise<void> {
    await this.#inBatch(async (blocks) => {
      const section = await save(blocks);
      await this.#flush(blocks);
      await state.lock.exclusive(async () => {
        if (state.dropped) return blocks.giveBack();
        const manifest = { ...state.manifest, ...section, version: state.manifest.version + 1 };
        this.#defer(state, manifest);
        blocks.publish();
        state.manifest = manifest;
      });
    });
    await this.#publishSettled();
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

  /** What the work wrote goes when it fails. */
  async #inBatch(work: (blocks: BlockBatch) => Promise<void>): Promise<void> {
    const blocks = this.#parts.blocks.begin();
    try {
      await work(blocks);
    } catch (error) {
      await blocks.giveBack();
      throw error;
    }
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

  // ---- publishing

  #defer(state: CollectionState, manifest: Manifest): void {
    const waiting = this.#unpublished.get(state) ?? [];
    waiting.push(manifest);
    this.#unpublished.set(state, waiting);
  }

  /** Publishes all installed manifests, or comes back when their arenas are old enough. */
  async #publishSettled(): Promise<void> {
    const waitMs = this.#settlesInMs();
    if (waitMs > 0) {
      this.#cancelPublish?.();
      this.#cancelPublish = this.#parts.environment.schedule(() => void unwatched(this.#guard(() => this.#publishSettled())), waitMs);
      return;
    }
    const publishing = this.#publishing.then(() => this.#publishAll());
    // One after the other, whether the one before succeeds or not; a failure reaches its own caller.
    this.#publishing = unwatched(publishing);
    await publishing;
  }

  #settlesInMs(): number {
    return this.#parts.blocks.settledAt() - this.#parts.environment.now();
  }

  async #publishAll(): Promise<void> {
    for (const state of [...this.#unpublished.keys()]) {
      const waiting = this.#unpublished.get(state);
      if (this.#stopped || state.dropped || waiting === undefined) continue;
      this.#beingPublished = state;
      try {
        await this.#publishOne(state, waiting);
      } finally {
        this.#beingPublished = null;
      }
    }
  }

  async #publishOne(state: CollectionState, waiting: Manifest[]): Promise<void> {
    const published = waiting.slice();
    const next = published.pop()!;
    const garbage = await this.#parts.sysdb.publish(state.row.id, next, published);
    waiting.splice(0, published.length + 1);
    if (waiting.length === 0) this.#unpublished.delete(state);
    await state.lock.exclusive(() => this.#parts.blocks.release(garbage));
  }
}

/** For work that nobody waits for. Its error is not lost: the compactor keeps it in `lastError`. */
function unwatched(work: Promise<void>): Promise<void> {
  return work.catch(() => undefined);
}

/** Thrown inside background work to end it early. */
class Stopped extends Error {}

function isWorthIt(state: CollectionState): boolean {
  return state.logRecords > 0 && (state.logBytes >= limits.compactionIdleLogBytes || state.logDeletions > 0);
}

function needsTextSnapshot(state: CollectionState): boolean {
  const { text, nextOrdinal, hasDocuments } = state.manifest;
  return hasDocuments && state.indexes.fullText && (text === null || staleShare(text, nextOrdinal) > TEXT_STALE_SHARE_MAX);
}
