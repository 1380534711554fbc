/**
 * The engine: constructs the components over one database's storage and wires them; they know each other by interface only. It opens
 * collections for them, and closes everything. Requests are answered by `service`.
 *
 * A collection is opened on its first use: ids and codes are read, the log is replayed. `open-collections.ts` says how long it
 * stays open. What was opened is to be closed, once.
 */

import { type Backup, Backups } from "./backup/backups.js";
import { type Restore, Restores } from "./backup/restores.js";
import { Availability } from "./base/availability.js";
import { ByteCache } from "./base/byte-cache.js";
import { checksumBytes } from "./base/checksum.js";
import { Serial } from "./base/serial.js";
import { Turns } from "./base/turns.js";
import { type BlockRef, BlockStore } from "./blockstore/blockstore.js";
import { AppliedListeners } from "./collection/applied-listeners.js";
import { CollectionState, type StateContext } from "./collection/collection-state.js";
import { type CollectionsAhead, indexBytesOf, type Openable } from "./collection/collections-ahead.js";
import { dropCollections } from "./collection/drop-collections.js";
import { OpenCollections } from "./collection/open-collections.js";
import type { ListLimits } from "./collection/part.js";
import { partJobs, sectionKinds } from "./collection/parts.js";
import { ReadWriteLock } from "./collection/read-write-lock.js";
import { salvageRecords } from "./collection/salvage.js";
import { Verifier } from "./collection/verifier.js";
import { Writer } from "./collection/writer.js";
import { Compactor } from "./compactor/compactor.js";
import { GraphBuilder } from "./compactor/graph-builder.js";
import { Repairer } from "./compactor/repairer.js";
import { RowReading } from "./compactor/row-reading.js";
import { TextReading } from "./compactor/text-reading.js";
import { Vacuum } from "./compactor/vacuum.js";
import { show, TidepoolError } from "./errors.js";
import type { Tell } from "./events.js";
import { CallMetrics } from "./gateway/call-metrics.js";
import { changesOfRecords } from "./gateway/changes.js";
import { Facts } from "./gateway/facts.js";
import { engineMethods, guardService } from "./gateway/guard.js";
import { type LoadPatterns, noPatterns, withPatterns } from "./gateway/patterns.js";
import { checkDimension, type PlannedConfiguration, planConfiguration, planDelete, planWrite } from "./gateway/plan.js";
import { planCommit, planOperation } from "./gateway/plan-conditional.js";
import { QuotaWatch, type ReadQuota } from "./gateway/quota-watch.js";
import { validateRules } from "./gateway/rules.js";
import { checkSelected } from "./gateway/selected-ids.js";
import { GatewayService } from "./gateway/service.js";
import { type LoadStem, noStemmers } from "./index/text/analyzer.js";
import { type LoadStopWords, noStopWords, withStopWords } from "./index/text/stop-words.js";
import type { CreateApproximate } from "./index/vector/approximate-index.js";
import type { VectorKernel } from "./index/vector/vector-kernel.js";
import { limits } from "./limits.js";
import { Log } from "./log/log.js";
import { encodeLogRecord } from "./log/log-record.js";
import { LogRetention } from "./log/log-retention.js";
import { checkFits, type MemoryShares, memorySharesOf } from "./memory-shares.js";
import { QueryExecutor } from "./query-executor/executor.js";
import { Exporter } from "./query-executor/exporter.js";
import { Snapshots } from "./query-executor/snapshots.js";
import { Watches } from "./query-executor/watches.js";
import { ModelSwap } from "./reembedding/model-swap.js";
import { Reembedder } from "./reembedding/reembedder.js";
import { hasDefaultGraph } from "./schema.js";
import type { EngineService, OpenOptions, TidepoolWarning } from "./service.js";
import type { Environment, Storage } from "./storage.js";
import type { CollectionRow } from "./sysdb/collection-row.js";
import { tellEvicted } from "./sysdb/evicted.js";
import { emptyManifest, type Manifest } from "./sysdb/manifest.js";
import { type Deletion, FORMAT_VERSION, SysDb } from "./sysdb/sysdb.js";
import type { CollectionConfiguration, IndexEngine } from "./types.js";

/** What an engine is built from. */
export interface EngineParts {
  storage: Storage;
  kernel: VectorKernel;
  environment: Environment;
  options: OpenOptions;
  /**
   * Loads the index engines besides our own, by name; rejects with `NOT_SUPPORTED` where one cannot run. What is not named
   * here is not supported.
   */
  engines?: { readonly [engine in IndexEngine]?: () => Promise<CreateApproximate> };
  /** What was opened before the lease was there, by a `Standby` of these parts. */
  ahead?: CollectionsAhead | undefined;
  /** Loads what reduces words to their stems. Default: there is nothing. */
  loadStem?: LoadStem;
  /** Loads what compiles regular expressions. Default: there is nothing. */
  loadPatterns?: LoadPatterns;
  /** Loads the stop words of a language but English. Default: there is nothing. */
  loadStopWords?: LoadStopWords;
  /** Told once when the engine refuses every later call, until the database is reopened. Must not throw. */
  onPoison?(error: TidepoolError): void;
  /** Told of what happens, as it happens. */
  tell?: Tell;
  /** What the browser grants the origin. Default: it does not say. */
  quota?: ReadQuota;
  /** Vectors up to which a collection has no graph. Default: by dimension, see `index/vector/planner.ts`; tests ask for less. */
  flatRowsMax?: number;
  /** When inverted lists begin; tests ask for less. */
  lists?: ListLimits;
  /**
   * Dead ordinals, for so many live ones, above which a collection is renumbered. Default: as many as are live, but at
   * least `limits.deadOrdinalsMin`; tests ask for less.
   */
  deadOrdinalsMax?(live: number): number;
  /** Default: `limits.openCollectionsMax`; tests ask for less. */
  openCollectionsMax?: number;
}

export class Engine {
  /** The engine as its entrances see it: behind the gateway rules, where there are any. */
  readonly service: EngineService;
  /** Who still needs log records that are compacted: they are kept for as long as somebody holds them. */
  readonly logRetention: LogRetention;
  readonly #parts: EngineParts;
  readonly #loadPatterns: LoadPatterns;
  readonly #loadStem: LoadStem;
  readonly #sysdb: SysDb;
  readonly #blocks: BlockStore;
  // What memory holds must not reach the disk any more: a compaction would truncate the log that knows better.
  readonly #availability = new Availability((error) => {
    this.#compactor.halt();
    this.#parts.onPoison?.(error);
  });
  readonly #turns: Turns;
  readonly #rowReading: RowReading;
  readonly #log: Log;
  readonly #memory: MemoryShares;
  readonly #vectorCache: ByteCache<number, Float32Array>;
  readonly #executor: QueryExecutor;
  readonly #exporter: Exporter;
  readonly #backups: Snapshots<Backup>;
  readonly #restores: Snapshots<Restore>;
  readonly #watches: Watches;
  readonly #writer: Writer;
  readonly #reembedder: Reembedder;
  readonly #compactor: Compactor;
  readonly #collections: OpenCollections;
  readonly #changes = new Serial();
  readonly #metrics: CallMetrics;
  readonly #warnings: string[] = [];
  readonly #quota: QuotaWatch;
  #closing: Promise<void> | null = null;

  private constructor(parts: EngineParts, sysdb: SysDb, blocks: BlockStore, logRetention: LogRetention) {
    this.logRetention = logRetention;
    this.#parts = parts;
    this.#loadPatterns = parts.loadPatterns ?? noPatterns;
    this.#loadStem = parts.loadStem ?? noStemmers;
    this.#sysdb = sysdb;
    this.#blocks = blocks;
    this.#turns = new Turns(parts.environment);
    this.#metrics = new CallMetrics(parts.environment.now(), () => parts.environment.elapsed());
    this.#rowReading = new RowReading(this.#turns.backgroundTick);
    this.#log = new Log(parts.storage.log, this.#turns.tick);
    blocks.takeTurns(this.#turns.tick);
    this.#memory = memorySharesOf(parts.options);
    this.#vectorCache = new ByteCache(this.#memory.caches(0, 0).vectors);
    this.#executor = new QueryExecutor(this.#turns.tick);
    this.#backups = new Snapshots(parts.environment);
    this.#restores = new Snapshots(parts.environment);
    this.#exporter = new Exporter(parts.environment, blocks, this.#turns.tick);
    this.#watches = new Watches({
      environment: parts.environment,
      tick: this.#turns.tick,
      tell: (type, event) => this.#parts.tell?.(type, event),
      find: (id) => this.#collections.find(id),
    });
    this.#quota = new QuotaWatch({
      read: parts.quota ?? (async () => null),
      environment: parts.environment,
      tell: (type, event) => this.#parts.tell?.(type, event),
    });
    this.#compactor = this.#newCompactor();
    if (parts.storage.isReadOnly) this.#compactor.halt();
    this.#collections = this.#newCollections();
    this.#writer = this.#newWriter();
    this.#reembedder = this.#newReembedder();
    for (const { key, what } of sysdb.catalog.damage) this.#warn({ code: "CATALOG_DAMAGED", message: `Catalog row "${key}" ${what}` });
    this.#beHelped();
    const facts = this.#newFacts();
    const service = this.#newService(facts);
    const { gateway: rules } = parts.options;
    this.#beginRotation();
    const guarded = rules === undefined ? service : guardService(service, rules, facts.guardFacts());
    this.service = this.#metrics.measured(guarded, engineMethods);
  }

  #beHelped(): void {
    this.#parts.kernel.helpers?.serve({
      tick: this.#turns.tick,
      bytesMax: Math.min(limits.helpersBytesMax, this.#memory.building),
      onTrouble: (why) => this.#warn({ code: "CORES_UNUSED", message: `Fewer cores are at work than might be: ${why}` }),
    });
  }

  /**
   * Opens the database that the storage holds, or starts a new one. Rejects with `FORMAT_TOO_NEW`, `CORRUPTION` or
   * `DATA_EVICTED` without having changed anything.
   */
  static async open(parts: EngineParts): Promise<Engine> {
    if (parts.options.gateway !== undefined) validateRules(parts.options.gateway);
    const logRetention = new LogRetention();
    const sysdb = await SysDb.open(parts.storage.catalog, parts.environment, {
      sections: sectionKinds,
      retention: logRetention,
      retainVersions: parts.options.retainVersions ?? 1,
    });
    const blocks = parts.ahead?.blocks ?? new BlockStore(null, memorySharesOf(parts.options).caches(0, 0).blocks);
    blocks.moveTo(parts.storage.blobs);
    await sysdb.manifests.dropUnfounded((refs) => blocks.holds(refs));
    await blocks
      .retain(sysdb.manifests.blockRefs(), () => sysdb.manifests.firstLoss)
      .catch((error: unknown) => {
        throw tellEvicted(error, sysdb);
      });
    return new Engine(parts, sysdb, blocks, logRetention);
  }

  /** Compacts one collection now. Background work does this by itself; tests and measurements ask for it. */
  async compact(collectionId: string): Promise<void> {
    this.#availability.check();
    const row = this.#sysdb.directory.collectionById(collectionId);
    await this.#collections.useToChange(row, (state) => this.#compactor.compact(state));
  }

  /** Ends background work, lets queued writes finish, and closes the storage. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#availability.close();
    this.#parts.storage.rotation?.stop();
    for (const kept of [this.#exporter, this.#watches, this.#backups, this.#restores]) kept.close();
    await this.#log.drain();
    await this.#compactor.stop();
    await this.#changes.idle();
    for (const state of this.#collections.states()) state.dispose();
    this.#parts.kernel.helpers?.rest();
    await this.#parts.storage.close();
  }

  #warn(warning: TidepoolWarning): void {
    this.#warnings.push(warning.message);
    this.#parts.tell?.("warning", warning);
  }

  // ---- background work

  #newCompactor(): Compactor {
    return new Compactor({
      manifests: this.#sysdb.manifests,
      blocks: this.#blocks,
      environment: this.#parts.environment,
      states: () => this.#collections.states(),
      lockOf: (id) => this.#collections.find(id)?.lock ?? new ReadWriteLock(),
      partJobs,
      memory: this.#memory,
      jobs: [
        new GraphBuilder({
          turns: this.#turns,
          warn: (warning) => this.#warn(warning),
          built: ({ row }) => this.#watches.touchAll(row.id, ({ vector }) => vector),
        }),
        new TextReading(this.#turns.backgroundTick),
        this.#rowReading,
      ],
      tick: this.#turns.backgroundTick,
      poison: (error) => this.#availability.poison(error),
    });
  }

  /** What a rotation of the key has left to do in an earlier opening is gone on with. */
  #beginRotation(): void {
    const { storage, environment } = this.#parts;
    storage.rotation?.begin({
      sysdb: this.#sysdb,
      blocks: this.#blocks,
      collections: this.#collections,
      compactor: this.#compactor,
      environment,
      tick: this.#turns.backgroundTick,
    });
  }

  // ---- collections

  #newCollections(): OpenCollections {
    return new OpenCollections({
      open: (row) => this.#open(row),
      retained: (id) => this.#sysdb.manifests.retained(id),
      isBusy: (state) => this.#compactor.isAtWorkOn(state),
      wrapUp: (state) => this.#compactor.compactIfWorthIt(state),
      giveUp: (state) => this.#compactor.giveUp(state),
      countMax: this.#parts.openCollectionsMax ?? limits.openCollectionsMax,
      bytesMax: this.#memory.collections,
      held: (bytes) => this.#share(bytes),
    });
  }

  /** Caches make room for what the collections hold. */
  #share(bytes: number): void {
    const shared = this.#parts.kernel.coderBytes + checksumBytes() + this.#sysdb.manifests.byteLength;
    const { blocks, vectors } = this.#memory.caches(bytes + shared, this.#collections.memory.listCache);
    this.#blocks.resizeCache(blocks);
    this.#vectorCache.resize(vectors);
  }

  /** A graph that nobody has asked for makes room for lists before it is too large. */
  #checkFits({ row, manifest }: Openable, bytes: number): void {
    const { configuration } = row;
    const hasLists = configuration.spann !== undefined || manifest.sections.vectors.isListed === true;
    if (hasLists || !hasDefaultGraph(configuration)) checkFits(row.name, bytes, this.#memory);
  }

  async #open({ id }: CollectionRow): Promise<CollectionState> {
    // Who waited while the collection was replaced knows it by the row that it had before.
    const row = this.#sysdb.directory.collectionById(id);
    const [manifest, context] = [this.#sysdb.manifests.latest(row.id), await this.#contextOf(row)];
    this.#checkFits({ row, manifest }, indexBytesOf({ row, manifest }));
    const ahead = await this.#parts.ahead?.take(row, manifest, context);
    const state = ahead ?? (await CollectionState.open(row, manifest, context));
    // Its row may have been changed while it was opened.
    state.configure(this.#sysdb.directory.collectionById(row.id));
    if (state.log.records > 0) this.#compactor.noteWrite(state);
    this.#compactor.noteStale();
    return state;
  }

  /** A state that nobody else knows, of a manifest without its log; for a repair, where it holds nothing, and for a restore. */
  async #openApart(row: CollectionRow, manifest: Manifest): Promise<CollectionState> {
    const nothing: Pick<Log, "replay"> = { replay: async function* () {} };
    return CollectionState.open(row, manifest, { ...(await this.#contextOf(row)), log: nothing });
  }

  /** What is stored of the configuration; rejects with `NOT_SUPPORTED` where what it names is not to be had here. */
  async #loadFor(collection: string, { text, ...others }: PlannedConfiguration): Promise<CollectionConfiguration> {
    await this.#loadIndexEngine(collection, others);
    if (text?.stemming !== undefined) await this.#loadStem(text.stemming);
    if (text === undefined) return others;
    return { ...others, text: await withStopWords(text, this.#parts.loadStopWords ?? noStopWords) };
  }

  async #contextOf(row: CollectionRow): Promise<StateContext> {
    const createApproximate = await this.#loadIndexEngine(row.name, row.configuration);
    return {
      blocks: this.#blocks,
      log: this.#log,
      kernel: this.#parts.kernel,
      createApproximate,
      vectorCache: this.#vectorCache,
      tick: this.#turns.tick,
      loadStem: this.#loadStem,
      // Nobody searches what is gathered for another collection.
      flatRowsMax: row.reembeds === undefined ? this.#parts.flatRowsMax : Infinity,
      graphBytesMax: this.#parts.lists?.graphBytesMax ?? this.#memory.graph,
      buildBytesMax: this.#memory.building,
      listBytesMax: this.#memory.lists,
      lists: this.#parts.lists,
      deadOrdinalsMax: this.#parts.deadOrdinalsMax ?? ((live) => Math.max(live, limits.deadOrdinalsMin)),
      warn: (warning) => this.#warn(warning),
      noteWork: () => this.#compactor.noteStale(),
      noteReading: () => this.#compactor.noteDue(this.#rowReading),
      noteOtherWords: () => this.#watches.touchAll(row.id, ({ text }) => text),
    };
  }

  /** What makes the approximate indexes of a collection; `undefined` is our own. */
  async #loadIndexEngine(collection: string, { hnsw: { engine } }: CollectionConfiguration): Promise<CreateApproximate | undefined> {
    if (engine === undefined) return undefined;
    const load = this.#parts.engines?.[engine];
    if (load !== undefined) return load();
    throw new TidepoolError(
      "NOT_SUPPORTED",
      `Collection "${collection}" has the index engine ${show(engine)}, which this worker does not have: ` +
        `give the client a worker that does, with { worker: createHnswlibWorker } from "tidepool-db/hnswlib"`,
    );
  }

  async #drop(deletion: Deletion, names: readonly string[]): Promise<void> {
    const parts = {
      collections: this.#collections,
      log: this.#log,
      compactor: this.#compactor,
      sysdb: this.#sysdb,
      free: (refs: readonly BlockRef[]) => this.#free(refs, names),
    };
    await dropCollections(deletion, parts);
    this.#compactor.noteRoom();
  }

  /** What is not freed now is found unused, and freed, by the next opening. */
  async #free(refs: readonly BlockRef[], names: readonly string[]): Promise<void> {
    try {
      await this.#blocks.release(refs);
    } catch (error) {
      const of = names.length === 1 ? `collection "${names[0]}"` : `${names.length} collections`;
      const message = `Space of ${of} could not be freed before the database is opened again: ${String(error)}`;
      this.#warn({ code: "SPACE_NOT_FREED", message, ...(names.length === 1 && { collection: names[0]! }) });
    }
  }

  // ---- answering requests

  #newService(facts: Facts): GatewayService {
    return new GatewayService({
      loadPatterns: this.#loadPatterns,
      availability: this.#availability,
      environment: this.#parts.environment,
      turns: this.#turns,
      changes: this.#changes,
      sysdb: this.#sysdb,
      collections: this.#collections,
      writer: this.#writer,
      executor: this.#executor,
      exporter: this.#exporter,
      backups: this.#newBackups(),
      restores: this.#newRestores(),
      watches: this.#watches,
      reembedder: this.#reembedder,
      facts,
      rotation: this.#parts.storage.rotation,
      metrics: this.#metrics,
      vacuum: new Vacuum({
        sysdb: this.#sysdb,
        collections: this.#collections,
        compactor: this.#compactor,
        blocks: this.#blocks,
        catalog: this.#parts.storage.catalog,
        reembedder: this.#reembedder,
        tick: this.#turns.tick,
      }),
      repairer: this.#newRepairer(),
      verifier: new Verifier({
        sysdb: this.#sysdb,
        blocks: this.#blocks,
        log: this.#log,
        tick: this.#turns.tick,
        loadStem: this.#loadStem,
      }),
      allowReset: this.#parts.options.allowReset,
      loadFor: (collection, configuration) => this.#loadFor(collection, configuration),
      drop: (deletion, names) => this.#drop(deletion, names),
      tell: (type, event) => this.#parts.tell?.(type, event),
    });
  }

  #newBackups(): Backups {
    const parts = {
      sysdb: this.#sysdb,
      collections: this.#collections,
      blocks: this.#blocks,
      environment: this.#parts.environment,
      tick: this.#turns.tick,
    };
    return new Backups(parts, this.#backups);
  }

  #newRestores(): Restores {
    const parts = {
      sysdb: this.#sysdb,
      blocks: this.#blocks,
      environment: this.#parts.environment,
      tick: this.#turns.tick,
      openApart: (row: CollectionRow, manifest: Manifest) => this.#openApart(row, manifest),
      loadFor: (collection: string, configuration: PlannedConfiguration) => this.#loadFor(collection, configuration),
      free: (refs: readonly BlockRef[], collections: readonly string[]) => this.#free(refs, collections),
    };
    return new Restores(parts, this.#restores);
  }

  #newRepairer(): Repairer {
    return new Repairer({
      sysdb: this.#sysdb,
      collections: this.#collections,
      compactor: this.#compactor,
      log: this.#log,
      blocks: this.#blocks,
      environment: this.#parts.environment,
      tick: this.#turns.tick,
      salvageRecords,
      configuration: planConfiguration({}),
      openEmpty: (row) => this.#openApart(row, emptyManifest(sectionKinds.empty(), row.id)),
      free: (refs, collection) => this.#free(refs, [collection]),
    });
  }

  #newReembedder(): Reembedder {
    const swap = new ModelSwap({
      sysdb: this.#sysdb,
      collections: this.#collections,
      compactor: this.#compactor,
      blocks: this.#blocks,
      environment: this.#parts.environment,
      tick: this.#turns.tick,
      free: (refs, collection) => this.#free(refs, [collection]),
    });
    return new Reembedder({
      sysdb: this.#sysdb,
      collections: this.#collections,
      writer: this.#writer,
      swap,
      blocks: this.#blocks,
      environment: this.#parts.environment,
      tick: this.#turns.tick,
    });
  }

  #newWriter(): Writer {
    const listeners = new AppliedListeners(({ message }, collection) => this.#warn({ code: "INTERNAL", message, collection }));
    listeners.add(({ state }) => this.#compactor.noteWrite(state));
    listeners.add(() => this.#quota.noteWrite());
    listeners.add((applied) => this.#watches.note(applied));
    listeners.add((applied) => this.#reembedder.note(applied));
    listeners.add(({ state, record }) => {
      if (state.row.reembeds !== undefined) return;
      for (const change of changesOfRecords(state.row, record)) this.#parts.tell?.("change", change);
    });
    return new Writer({
      availability: this.#availability,
      tick: this.#turns.tick,
      planWrite,
      checkDimension,
      checkSelected,
      planDelete: (request, indexes) => withPatterns(this.#loadPatterns, () => planDelete(request, indexes)),
      planCommit,
      planOperation,
      compactor: this.#compactor,
      checkMemory: (state) => {
        const { memtable, text, tail, listCache } = state.memory;
        this.#checkFits(state, state.memoryBytes - memtable - text - tail - listCache);
      },
      executor: this.#executor,
      encode: encodeLogRecord,
      log: this.#log,
      listeners,
    });
  }

  #newFacts(): Facts {
    const { storage, kernel, environment, options } = this.#parts;
    return new Facts({
      fixed: { storage: storage.kind, durability: options.durability, formatVersion: FORMAT_VERSION, kernel: kernel.name },
      availability: this.#availability,
      environment,
      directory: this.#sysdb.directory,
      manifests: this.#sysdb.manifests,
      collections: this.#collections,
      log: this.#log,
      blocks: this.#blocks,
      vectorCache: this.#vectorCache,
      kernel,
      compactor: this.#compactor,
      quota: this.#quota,
      rotation: storage.rotation,
      warnings: this.#warnings,
    });
  }
}
