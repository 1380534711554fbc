/**
 * The engine: constructs the five components over one database's storage, wires them, and answers requests.
 *
 * A collection is opened on its first use: ids and codes are read, the log is replayed. `open-collections.ts` says how long it
 * stays open. Changes of the system database run one after the other. After a failed flush the engine is poisoned: every
 * later call is refused until the database is reopened, since what the disk holds can then only be told by recovery.
 */

import { Availability } from "./base/availability.js";
import { ByteCache } from "./base/byte-cache.js";
import { Serial } from "./base/serial.js";
import { Turns } from "./base/turns.js";
import { type BlockRef, BlockStore } from "./blockstore/blockstore.js";
import { AppliedListeners } from "./collection/applied-listeners.js";
import { CollectionState } from "./collection/collection-state.js";
import { type CollectionFacts, factsOf, OpenCollections } from "./collection/open-collections.js";
import { ReadWriteLock } from "./collection/read-write-lock.js";
import { Writer } from "./collection/writer.js";
import { Compactor } from "./compactor/compactor.js";
import { GraphBuilder } from "./compactor/graph-builder.js";
import { show, TidepoolError } from "./errors.js";
import { type GuardFacts, guardService, type Usage } from "./gateway/guard.js";
import { planSearch } from "./gateway/parse-search.js";
import * as gateway from "./gateway/plan.js";
import { validateRules } from "./gateway/rules.js";
import type { CreateApproximate } from "./index/vector/approximate-index.js";
import type { VectorKernel } from "./index/vector/vector-kernel.js";
import { limits } from "./limits.js";
import { firstDimension } from "./log/first-dimension.js";
import { Log } from "./log/log.js";
import { encodeLogRecord } from "./log/log-record.js";
import { QueryExecutor } from "./query-executor/executor.js";
import type {
  CheckRecallRequest,
  CreateCollectionRequest,
  DatabaseInfo,
  DeleteRequest,
  EngineInfo,
  EngineService,
  GetRequest,
  IndexingStatus,
  ModifyCollectionRequest,
  OpenOptions,
  QueryRequest,
  QueryResponse,
  RecallReport,
  Scope,
  SearchColumns,
  SearchRequest,
  SearchTextRequest,
  SearchTextResponse,
  TenantInfo,
  TidepoolWarning,
  UserIdentity,
  VersionInfo,
  WriteRequest,
} from "./service.js";
import type { Environment, Storage } from "./storage.js";
import { refsOnlyIn } from "./sysdb/manifest.js";
import { type CollectionRow, FORMAT_VERSION, SysDb, toInfo } from "./sysdb/sysdb.js";
import type { CollectionConfiguration, CollectionInfo, IndexEngine, RecordColumns } from "./types.js";

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
  /** Told of each warning as it happens. Must not throw. */
  onWarning?(warning: TidepoolWarning): void;
  /** Vectors up to which a collection has no graph. Default: by dimension, see `index/vector/planner.ts`; tests ask for less. */
  flatRowsMax?: number;
  /**
   * Dead ordinals, for so many live ones, above which a collection is renumbered. Default: as many as are live, but at
   * least `limits.deadOrdinalsMin`; tests ask for less.
   */
  deadOrdinalsMax?(live: number): number;
  /** Default: `limits.openCollectionsMax`; tests ask for less. */
  openCollectionsMax?: number;
}

export class Engine implements EngineService {
  readonly #parts: EngineParts;
  readonly #sysdb: SysDb;
  readonly #log: Log;
  readonly #blocks: BlockStore;
  readonly #vectorCache: ByteCache<number, Float32Array>;
  readonly #executor: QueryExecutor;
  readonly #compactor: Compactor;
  readonly #graphBuilder: GraphBuilder;
  readonly #writer: Writer;
  readonly #warnings: string[] = [];
  readonly #collections: OpenCollections;
  readonly #turns: Turns;
  /** Changes of the system database run one after the other, so that a check and the commit it leads to belong together. */
  readonly #changes = new Serial();
  readonly #availability = new Availability(() => this.#halt());
  #closing: Promise<void> | null = null;

  private constructor(parts: EngineParts, sysdb: SysDb, blocks: BlockStore) {
    this.#parts = parts;
    this.#sysdb = sysdb;
    this.#blocks = blocks;
    this.#vectorCache = new ByteCache(cacheBudgets(parts.options).vectors);
    this.#log = new Log(parts.storage.log);
    this.#turns = new Turns(parts.environment);
    this.#executor = new QueryExecutor(this.#turns.tick);
    this.#compactor = new Compactor({
      sysdb,
      blocks,
      environment: parts.environment,
      states: () => this.#collections.states(),
      tick: this.#turns.tick,
      poison: (error) => this.#availability.poison(error),
      renumbered: (state) => this.#graphBuilder.note(state),
    });
    this.#collections = new OpenCollections({
      open: (row) => this.#open(row),
      isBusy: (state) => this.#compactor.isAtWorkOn(state) || this.#graphBuilder.isBuilding(state),
      isUnfinished: (state) => this.#compactor.isWaitingToPublish(state),
      wrapUp: (state) => this.#compactor.compactIfWorthIt(state),
      giveUp: (state) => this.#compactor.giveUp(state),
      countMax: parts.openCollectionsMax ?? limits.openCollectionsMax,
      bytesMax: limits.openCollectionBytesMax,
    });
    this.#graphBuilder = new GraphBuilder({
      environment: parts.environment,
      turns: this.#turns,
      saveGraph: (state) => this.#compactor.saveGraph(state),
      warn: (warning) => this.#warn(warning),
    });
    this.#writer = new Writer({
      availability: this.#availability,
      tick: this.#turns.tick,
      planWrite: gateway.planWrite,
      planDelete: gateway.planDelete,
      compactor: this.#compactor,
      executor: this.#executor,
      encode: encodeLogRecord,
      log: this.#log,
      listeners: this.#newListeners(),
    });
  }

  #newListeners(): AppliedListeners {
    const listeners = new AppliedListeners(({ message }, collection) => this.#warn({ code: "INTERNAL", message, collection }));
    listeners.add(({ state }) => this.#compactor.noteWrite(state));
    listeners.add(({ state }) => this.#graphBuilder.note(state));
    return listeners;
  }

  /**
   * Opens the database that the storage holds, or starts a new one. Rejects with `FORMAT_TOO_NEW` or `CORRUPTION` without
   * having changed anything.
   */
  static async open(parts: EngineParts): Promise<Engine> {
    if (parts.options.gateway !== undefined) validateRules(parts.options.gateway);
    const sysdb = await SysDb.open(parts.storage.catalog, parts.environment, parts.options.retainVersions ?? 1);
    const blocks = new BlockStore(parts.storage.blobs, cacheBudgets(parts.options).blocks);
    await blocks.retain(sysdb.blockRefs());
    return new Engine(parts, sysdb, blocks);
  }

  /** The engine as its entrances see it: behind the gateway rules, where there are any. */
  get service(): EngineService {
    const { gateway: rules } = this.#parts.options;
    return rules === undefined ? this : guardService(this, rules, this.#guardFacts());
  }

  #guardFacts(): GuardFacts {
    return {
      now: () => this.#parts.environment.now(),
      scopeOf: (collectionId) => this.#sysdb.collectionById(collectionId),
      hasCollection: ({ tenant, database, name }) => this.#sysdb.findCollection(tenant, database, name) !== null,
      usageOf: (tenant) => this.#usageOf(this.#sysdb.listCollections().filter((row) => row.tenant === tenant)),
      usageOfCollection: (collectionId) => this.#usageOf([this.#sysdb.collectionById(collectionId)]),
      countAbsent: (collectionId, ids) =>
        this.#using(collectionId, (state) => new Set(ids.filter((id) => state.ordinalOf(id) === undefined)).size),
    };
  }

  /** Blocks that several of the collections share count once. */
  async #usageOf(rows: readonly CollectionRow[]): Promise<Usage> {
    let records = 0;
    for (const row of rows) records += await this.#countRecords(row);
    const blocks = refsOnlyIn(
      rows.map((row) => this.#sysdb.manifest(row.id)),
      [],
    );
    const logBytes = rows.reduce((bytes, row) => bytes + (this.#collections.facts(row.id)?.logBytes ?? 0), 0);
    return { collections: rows.length, records, bytes: blocks.reduce((bytes, ref) => bytes + ref.length, logBytes) };
  }

  // ---- tenants and databases

  async createTenant(request: { name: string }): Promise<void> {
    gateway.checkTenantName(request.name);
    await this.#change(() => this.#sysdb.createTenant(request.name));
  }

  async getTenant(request: { name: string }): Promise<TenantInfo> {
    this.#availability.check();
    return this.#sysdb.getTenant(request.name);
  }

  async updateTenant(request: { name: string; resourceName: string }): Promise<void> {
    gateway.checkTenantName(request.resourceName, "resourceName");
    await this.#change(() => this.#sysdb.updateTenant(request.name, request.resourceName));
  }

  async createDatabase(request: { tenant: string; name: string }): Promise<void> {
    gateway.checkDatabaseName(request.name);
    await this.#change(() => this.#sysdb.createDatabase(request.tenant, request.name, this.#parts.environment.randomId()));
  }

  async getDatabase(request: { tenant: string; name: string }): Promise<DatabaseInfo> {
    this.#availability.check();
    return this.#sysdb.getDatabase(request.tenant, request.name);
  }

  async listDatabases(request: { tenant: string; limit?: number; offset?: number }): Promise<DatabaseInfo[]> {
    this.#availability.check();
    const page = gateway.planPage(request);
    return this.#sysdb.listDatabases(request.tenant).slice(page.from, page.to);
  }

  async deleteDatabase(request: { tenant: string; name: string }): Promise<void> {
    await this.#change(async () => {
      this.#sysdb.getDatabase(request.tenant, request.name);
      for (const row of this.#sysdb.listCollections(request.tenant, request.name)) await this.#drop(row);
      await this.#sysdb.deleteDatabase(request.tenant, request.name);
    });
  }

  // ---- collections

  async createCollection(request: CreateCollectionRequest): Promise<CollectionInfo> {
    const plan = gateway.planCreateCollection(request);
    const { tenant, database, name } = request;
    const metadata = gateway.storedMetadata(request.metadata);
    return this.#change(async () => {
      const existing = this.#sysdb.findCollection(tenant, database, name);
      if (existing !== null && request.getOrCreate) return this.#describe(existing);
      await this.#loadEngine(name, plan.configuration);
      const id = this.#parts.environment.randomId();
      return this.#describe(await this.#sysdb.createCollection({ id, name, tenant, database, metadata, ...plan }));
    });
  }

  async getCollection(request: Scope & { name: string }): Promise<CollectionInfo> {
    this.#availability.check();
    return this.#describe(this.#sysdb.getCollection(request.tenant, request.database, request.name));
  }

  async getCollectionById(request: Scope & { collectionId: string }): Promise<CollectionInfo> {
    this.#availability.check();
    const { tenant, database, collectionId } = request;
    return this.#describe(this.#sysdb.collectionById(collectionId, { tenant, database }));
  }

  async listCollections(request: Scope & { limit?: number; offset?: number }): Promise<CollectionInfo[]> {
    this.#availability.check();
    const page = gateway.planPage(request);
    const rows = this.#sysdb.listCollections(request.tenant, request.database).slice(page.from, page.to);
    return Promise.all(rows.map((row) => this.#describe(row)));
  }

  async countCollections(request: Scope): Promise<number> {
    this.#availability.check();
    return this.#sysdb.listCollections(request.tenant, request.database).length;
  }

  async modifyCollection(request: ModifyCollectionRequest): Promise<CollectionInfo> {
    return this.#change(async () => {
      const row = this.#sysdb.collectionById(request.collectionId);
      const configuration = gateway.planModifyCollection(request, row.configuration);
      const next = await this.#sysdb.modifyCollection(row.id, {
        name: request.name ?? row.name,
        metadata: request.metadata === undefined ? row.metadata : gateway.storedMetadata(request.metadata),
        configuration,
      });
      this.#collections.find(row.id)?.configure(next);
      return this.#describe(next);
    });
  }

  async forkCollection(request: { collectionId: string; name: string }): Promise<CollectionInfo> {
    gateway.checkCollectionName(request.name);
    return this.#change(async () => {
      const id = this.#parts.environment.randomId();
      return this.#describe(await this.#sysdb.forkCollection(request.collectionId, id, request.name));
    });
  }

  async forkCount(request: { collectionId: string }): Promise<number> {
    this.#availability.check();
    return this.#sysdb.forkCount(request.collectionId);
  }

  async listVersions(request: { collectionId: string }): Promise<VersionInfo[]> {
    this.#availability.check();
    const manifests = [...this.#sysdb.versions(request.collectionId), this.#sysdb.manifest(request.collectionId)];
    return manifests.map(({ version, count, offset }) => ({ version, count, logOffset: offset }));
  }

  async deleteCollection(request: Scope & { name: string }): Promise<void> {
    await this.#change(() => this.#drop(this.#sysdb.getCollection(request.tenant, request.database, request.name)));
  }

  // ---- records

  write(request: WriteRequest): Promise<void> {
    return this.#using(request.collectionId, (state) => this.#writer.write(state, request));
  }

  delete(request: DeleteRequest): Promise<{ deleted: number }> {
    return this.#using(request.collectionId, (state) => this.#writer.delete(state, request));
  }

  get(request: GetRequest): Promise<RecordColumns> {
    return this.#reading(request, (state) => this.#executor.get(state, gateway.planGet(request, state.indexes)));
  }

  query(request: QueryRequest): Promise<QueryResponse> {
    return this.#reading(request, (state) => this.#executor.query(state, gateway.planQuery(request, state.dimension, state.indexes)));
  }

  searchText(request: SearchTextRequest): Promise<SearchTextResponse> {
    return this.#reading(request, (state) => this.#executor.searchText(state, gateway.planSearchText(request, state.indexes)));
  }

  search(request: SearchRequest): Promise<SearchColumns[]> {
    return this.#reading(request, (state) => this.#executor.search(state, planSearch(request, state.dimension, state.indexes)));
  }

  count(request: { collectionId: string; version?: number }): Promise<number> {
    return this.#reading(request, (state) => this.#executor.count(state));
  }

  checkRecall(request: CheckRecallRequest): Promise<RecallReport> {
    return this.#using(request.collectionId, (state) => this.#executor.checkRecall(state, gateway.planCheckRecall(request)));
  }

  async indexingStatus(request: { collectionId: string }): Promise<IndexingStatus> {
    const { appliedOffset: total, logRecords: pending } = await this.#using(request.collectionId, factsOf);
    return {
      total_ops: total,
      num_indexed_ops: total - pending,
      num_unindexed_ops: pending,
      op_indexing_progress: total === 0 ? 1 : (total - pending) / total,
    };
  }

  // ---- the database as a whole

  async heartbeat(): Promise<number> {
    this.#availability.check();
    return this.#parts.environment.now() * 1e6;
  }

  /** Without gateway rules nobody is known, and everybody may use everything. */
  async identity({ tenant, database }: Scope): Promise<UserIdentity> {
    this.#availability.check();
    return { user_id: "", tenant, databases: [database] };
  }

  async info(): Promise<EngineInfo> {
    this.#availability.check();
    const rows = this.#sysdb.listCollections();
    let records = 0;
    for (const row of rows) records += await this.#countRecords(row);
    const facts = [...this.#collections.allFacts()];
    const sum = (of: (facts: CollectionFacts) => number) => facts.reduce((total, one) => total + of(one), 0);
    return {
      storage: this.#parts.storage.kind,
      durability: this.#parts.options.durability,
      formatVersion: FORMAT_VERSION,
      collections: rows.length,
      records,
      logRecords: sum(({ logRecords }) => logRecords),
      logBytes: sum(({ logBytes }) => logBytes),
      blockBytesReserved: this.#blocks.usage().bytesReserved,
      blockBytesUsed: this.#blocks.usage().bytesUsed,
      memoryBytes: this.#blocks.cacheBytes + this.#vectorCache.bytes + this.#collections.memoryBytes,
      kernel: this.#parts.kernel.name,
      compacting: this.#compactor.isBusy || this.#graphBuilder.isBusy,
      unpublished: this.#compactor.unpublishedCount,
      warnings: [...this.#warnings],
      compactionError: this.#compactor.lastError?.message ?? null,
    };
  }

  async reset(): Promise<void> {
    if (!this.#parts.options.allowReset) {
      throw new TidepoolError(
        "FORBIDDEN",
        "Resetting is not allowed: open the client with allowReset: true to delete everything in this database.",
      );
    }
    await this.#change(async () => {
      for (const row of this.#sysdb.listCollections()) await this.#drop(row);
      await this.#sysdb.reset(this.#parts.environment.randomId());
    });
  }

  /** Ends background work, lets queued writes finish, and closes the storage. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#availability.close();
    await this.#log.drain();
    this.#graphBuilder.stop();
    await this.#compactor.stop();
    await this.#changes.idle();
    for (const state of this.#collections.states()) state.dispose();
    await this.#parts.storage.close();
  }

  /** Compacts one collection now. Background work does this by itself; tests and measurements ask for it. */
  async compact(collectionId: string): Promise<void> {
    await this.#using(collectionId, (state) => this.#compactor.compact(state));
  }

  // ---- inside

  #change<T>(body: () => Promise<T>): Promise<T> {
    this.#availability.check();
    return this.#changes.run(body);
  }

  async #describe(row: CollectionRow): Promise<CollectionInfo> {
    const facts = this.#collections.facts(row.id);
    if (facts !== undefined) return toInfo(row, facts.dimension);
    const { dimension, offset } = this.#sysdb.manifest(row.id);
    return toInfo(row, dimension ?? (await firstDimension(this.#parts.storage.log, row, offset)));
  }

  /** Runs the body with the collection open. */
  async #using<T>(collectionId: string, body: (state: CollectionState) => Promise<T> | T): Promise<T> {
    this.#availability.check();
    return this.#collections.use(this.#sysdb.collectionById(collectionId), body);
  }

  /** The same with the collection as it is, or as it was at a retained version. */
  #reading<T>(
    { collectionId, version }: { collectionId: string; version?: number },
    body: (state: CollectionState) => Promise<T>,
  ): Promise<T> {
    this.#turns.begin();
    return this.#using(collectionId, async (live) => body(version === undefined ? live : await this.#stateAt(live, version)));
  }

  /**
   * A retained version, opened without its log. It shares the collection's lock, under which blocks are released, and is
   * kept until the version is no longer retained or the collection is closed.
   */
  async #stateAt(live: CollectionState, version: number): Promise<CollectionState> {
    const { id, name } = live.row;
    const find = () => [...this.#sysdb.versions(id), this.#sysdb.manifest(id)].find((retained) => retained.version === version);
    const manifest = find();
    if (manifest === undefined) {
      throw new TidepoolError(
        "NOT_FOUND",
        `Version ${show(version)} of collection [${name}] is not retained; listVersions() tells which are`,
      );
    }
    const isRetained = () => live.dropped === false && find() === manifest;
    return this.#collections.version(live, manifest, () => CollectionState.openVersion(live, manifest, isRetained));
  }

  #warn(warning: TidepoolWarning): void {
    this.#warnings.push(warning.message);
    this.#parts.onWarning?.(warning);
  }

  /** What makes the approximate indexes of a collection; `undefined` is our own. */
  async #loadEngine(collection: string, { hnsw: { engine } }: CollectionConfiguration): Promise<CreateApproximate | undefined> {
    if (engine === undefined) return undefined;
    const load = this.#parts.engines?.[engine];
    if (load !== undefined) return load();
    throw new TidepoolError(
      "NOT_SUPPORTED",
      `Collection "${collection}" has the index engine ${show(engine)}, which this worker does not have: give the client a worker that does, with { worker: createHnswlibWorker } from "tidepool-db/hnswlib"`,
    );
  }

  async #open(row: CollectionRow): Promise<CollectionState> {
    const createApproximate = await this.#loadEngine(row.name, row.configuration);
    const state = await CollectionState.open(row, this.#sysdb.manifest(row.id), {
      blocks: this.#blocks,
      log: this.#parts.storage.log,
      kernel: this.#parts.kernel,
      createApproximate,
      vectorCache: this.#vectorCache,
      tick: this.#turns.tick,
      flatRowsMax: this.#parts.flatRowsMax,
      deadOrdinalsMax: this.#parts.deadOrdinalsMax ?? ((live) => Math.max(live, limits.deadOrdinalsMin)),
      warn: (warning) => this.#warn(warning),
      buildGraph: (opened) => this.#graphBuilder.note(opened),
    });
    void state.prepareWrites();
    // Its row may have been changed while it was opened.
    state.configure(this.#sysdb.collectionById(row.id));
    if (state.logRecords > 0) this.#compactor.noteWrite(state);
    this.#graphBuilder.note(state);
    return state;
  }

  /** What memory holds must not reach the disk any more: a compaction would truncate the log that knows better. */
  #halt(): void {
    this.#compactor.halt();
    this.#graphBuilder.stop();
  }

  /** A collection that was never opened and has nothing in the log is counted by its manifest. */
  async #countRecords(row: CollectionRow): Promise<number> {
    const facts = this.#collections.facts(row.id);
    if (facts !== undefined) return facts.count;
    const manifest = this.#sysdb.manifest(row.id);
    const pending = await this.#parts.storage.log.read(row.id, manifest.offset, 1);
    return pending.length === 0 ? manifest.count : this.#using(row.id, ({ count }) => count);
  }

  /** When the commit fails the collection is still there; what memory holds of it is given up, and opened anew when asked for. */
  async #drop(row: CollectionRow): Promise<void> {
    const state = await this.#collections.leave(row.id);
    try {
      if (state !== undefined) state.dropped = true;
      await this.#log.drain();
      const unpublished = state === undefined ? [] : await this.#compactor.forget(state);
      const deletion = this.#sysdb.deleteCollection(row.id, unpublished);
      // Readers that are still under way hold the shared lock: blocks are released after them.
      const release = async (refs: BlockRef[]): Promise<void> =>
        (state?.lock ?? new ReadWriteLock()).exclusive(() => this.#blocks.release(refs));
      await deletion.then(release, async (error: unknown) => {
        await release(this.#sysdb.refsOnlyIn(unpublished));
        throw error;
      });
    } finally {
      this.#collections.forget(row.id);
      state?.dispose();
    }
  }
}

/** Bytes that each cache may hold. */
function cacheBudgets({ memoryBudgetBytes }: OpenOptions): { blocks: number; vectors: number } {
  if (memoryBudgetBytes === undefined) return { blocks: limits.blockCacheBytesMax, vectors: limits.vectorCacheBytesMax };
  const vectors = Math.floor(memoryBudgetBytes / 2);
  return { blocks: memoryBudgetBytes - vectors, vectors };
}
