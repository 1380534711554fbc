/**
 * The gateway: answers the engine's requests. Each method checks its request, turns it into a plan, resolves the names in it, and
 * hands the plan on to the component whose work it is. It keeps nothing in memory itself.
 *
 * Invariants: bad input is refused before anything is written. What an answer tells of a change is read before it is committed, so
 * that a call which rejects for want of its answer has changed nothing. Changes of the system database run one after the other, so that a
 * check and the commit that it leads to belong together. Writes and deletions are planned in their turn by the writer, since what a
 * plan has to fit, such as the collection's dimension, depends on the writes before it.
 */

import type { Backups } from "../backup/backups.js";
import type { Restores } from "../backup/restores.js";
import type { Availability } from "../base/availability.js";
import type { Serial } from "../base/serial.js";
import { inTurns } from "../base/steps.js";
import type { Turns } from "../base/turns.js";
import type { CollectionState } from "../collection/collection-state.js";
import type { OpenCollections } from "../collection/open-collections.js";
import type { Verifier } from "../collection/verifier.js";
import type { Writer } from "../collection/writer.js";
import type { Repairer } from "../compactor/repairer.js";
import type { Vacuum } from "../compactor/vacuum.js";
import { invalidArgument, show, TidepoolError } from "../errors.js";
import type { ChangeKind, Progress, Tell } from "../events.js";
import type { KeyRotation, KeyRotationInfo, RotateKeyRequest, RotateKeyResponse } from "../key-rotation.js";
import type { QueryExecutor } from "../query-executor/executor.js";
import type { Exporter } from "../query-executor/exporter.js";
import type { Watches } from "../query-executor/watches.js";
import type { Reembedder } from "../reembedding/reembedder.js";
import type {
  AutoSuggestRequest,
  BackupBegun,
  BeginReembeddingRequest,
  CatalogReport,
  ChangedIds,
  ChangedIdsRequest,
  CheckRecallRequest,
  CollectionReport,
  ConditionalCommitRequest,
  ConditionalCommitResponse,
  ConditionalGetRequest,
  ConditionalGetResponse,
  CountRequest,
  CreateCollectionRequest,
  DatabaseInfo,
  DeleteRequest,
  DistinctRequest,
  EngineInfo,
  EngineMetrics,
  EngineService,
  ExportBegun,
  ExportPageRequest,
  ExportRequest,
  FacetColumns,
  FacetsRequest,
  GetRequest,
  HybridRequest,
  HybridResponse,
  IndexingStatus,
  ModifyCollectionRequest,
  OfModel,
  QueryRequest,
  QueryResponse,
  RecallReport,
  ReembeddingBatch,
  ReembeddingBegun,
  RepairedCatalog,
  RepairedCollection,
  RequestOf,
  RestoreMode,
  RestoreReport,
  Scope,
  SearchColumns,
  SearchRequest,
  SearchTextRequest,
  SearchTextResponse,
  TenantInfo,
  UserIdentity,
  VacuumRequest,
  VacuumStep,
  VersionInfo,
  WatchAnswer,
  WatchRequest,
  WriteReembeddingRequest,
  WriteRequest,
} from "../service.js";
import type { Environment } from "../storage.js";
import type { CatalogRequest } from "../sysdb/catalog-requests.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { Directory } from "../sysdb/directory.js";
import type { Deletion, SysDb } from "../sysdb/sysdb.js";
import type { CollectionConfiguration, CollectionInfo, RecordColumns, Scalar, TextSuggestion } from "../types.js";
import type { CallMetrics } from "./call-metrics.js";
import type { Caller } from "./caller.js";
import { changeOfCollection } from "./changes.js";
import { type Facts, infoOf } from "./facts.js";
import { planSearch } from "./parse-search.js";
import { type LoadPatterns, withPatterns } from "./patterns.js";
import {
  checkCollectionName,
  checkDatabaseName,
  checkModel,
  checkTenantName,
  type PlannedConfiguration,
  planAutoSuggest,
  planCheckRecall,
  planCount,
  planCreateCollection,
  planDistinct,
  planExport,
  planExportPage,
  planFacets,
  planGet,
  planModifyCollection,
  planPage,
  planQuery,
  planReembedding,
  planSearchText,
  planVacuum,
  storedMetadata,
} from "./plan.js";
import { planConditionalGet } from "./plan-conditional.js";
import { planHybrid } from "./plan-hybrid.js";
import { planWatch } from "./plan-watch.js";
import { checkSelected, selectsMany } from "./selected-ids.js";
import { validateArray, validateAtLeast, validateCount } from "./validate/values.js";

/** Whom the gateway hands requests on to. */
export interface GatewayParts {
  loadPatterns: LoadPatterns;
  availability: Availability;
  environment: Pick<Environment, "now" | "randomId">;
  turns: Pick<Turns, "begin" | "tick">;
  /** Where changes of the system database wait for each other. */
  changes: Serial;
  sysdb: SysDb;
  collections: OpenCollections;
  writer: Writer;
  executor: QueryExecutor;
  exporter: Exporter;
  backups: Backups;
  restores: Restores;
  watches: Watches;
  reembedder: Reembedder;
  facts: Facts;
  metrics: Pick<CallMetrics, "report">;
  vacuum: Pick<Vacuum, "step">;
  /** Not there where nothing is encrypted. */
  rotation: KeyRotation | undefined;
  verifier: Verifier;
  repairer: Pick<Repairer, "repair">;
  allowReset: boolean;
  /**
   * The configuration as it is stored. Rejects with `NOT_SUPPORTED` where what it names, an index engine, a stemmer or a list of stop
   * words, is not to be had.
   */
  loadFor(collection: string, configuration: PlannedConfiguration): Promise<CollectionConfiguration>;
  /** Deletes collections of these names, where these are known, and all that they hold. */
  drop(deletion: Deletion, names: readonly string[]): Promise<void>;
  tell: Tell;
}

export class GatewayService implements EngineService {
  readonly #parts: GatewayParts;
  readonly #sysdb: SysDb;
  readonly #directory: Directory;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#sysdb = parts.sysdb;
    this.#directory = parts.sysdb.directory;
  }

  // ---- tenants and databases

  async createTenant(request: { name: string }, caller?: Caller): Promise<void> {
    checkTenantName(request.name);
    await this.#change(caller, (id) => this.#directory.createTenant(request.name, id));
  }

  async getTenant(request: { name: string }): Promise<TenantInfo> {
    this.#check();
    return this.#directory.getTenant(request.name);
  }

  async updateTenant(request: { name: string; resourceName: string }, caller?: Caller): Promise<void> {
    checkTenantName(request.resourceName, "resourceName");
    await this.#change(caller, (id) => this.#directory.updateTenant(request.name, request.resourceName, id));
  }

  async createDatabase(request: { tenant: string; name: string }, caller?: Caller): Promise<void> {
    checkDatabaseName(request.name);
    await this.#change(caller, (id) => this.#directory.createDatabase(request.tenant, request.name, this.#newId(), id));
  }

  async getDatabase(request: { tenant: string; name: string }): Promise<DatabaseInfo> {
    this.#check();
    return this.#directory.getDatabase(request.tenant, request.name);
  }

  async listDatabases(request: { tenant: string; limit?: number; offset?: number }): Promise<DatabaseInfo[]> {
    this.#check();
    const page = planPage(request);
    return this.#directory.listDatabases(request.tenant).slice(page.from, page.to);
  }

  async deleteDatabase(request: { tenant: string; name: string }, caller?: Caller): Promise<void> {
    await this.#change(caller, async (id) => {
      const change = this.#directory.withoutDatabase(request.tenant, request.name);
      await this.#drop(this.#directory.listCollections(request.tenant, request.name), caller, { change, requestId: id });
    });
  }

  // ---- collections

  async createCollection(request: CreateCollectionRequest, caller?: Caller): Promise<CollectionInfo> {
    const plan = planCreateCollection(request);
    const { tenant, database, name } = request;
    const metadata = storedMetadata(request.metadata);
    return this.#changeOne(caller, async (id) => {
      const existing = this.#directory.findCollection(tenant, database, name);
      if (existing !== null && request.getOrCreate) return this.#describe(existing);
      const configuration = await this.#parts.loadFor(name, plan.configuration);
      const row = await this.#sysdb.createCollection({ id: this.#newId(), name, tenant, database, metadata, ...plan, configuration }, id);
      return infoOf(this.#told("create", row, caller), null);
    });
  }

  async getCollection(request: Scope & { name: string }): Promise<CollectionInfo> {
    this.#check();
    return this.#describe(this.#directory.getCollection(request.tenant, request.database, request.name));
  }

  async getCollectionById(request: Scope & { collectionId: string }): Promise<CollectionInfo> {
    this.#check();
    const { tenant, database, collectionId } = request;
    return this.#describe(this.#directory.collectionById(collectionId, { tenant, database }));
  }

  async listCollections(request: Scope & { limit?: number; offset?: number }): Promise<CollectionInfo[]> {
    this.#check();
    const page = planPage(request);
    const rows = this.#directory.listCollections(request.tenant, request.database).slice(page.from, page.to);
    return Promise.all(rows.map((row) => this.#parts.facts.describeIfSound(row)));
  }

  async countCollections(request: Scope): Promise<number> {
    this.#check();
    return this.#directory.listCollections(request.tenant, request.database).length;
  }

  async modifyCollection(request: ModifyCollectionRequest, caller?: Caller): Promise<CollectionInfo> {
    return this.#changeOne(caller, async (id) => {
      const row = this.#directory.collectionById(request.collectionId);
      const planned = planModifyCollection(request, row.configuration);
      // What is kept of full-text search is as it is stored.
      const isTextKept = request.configuration?.text === undefined;
      const configuration = isTextKept ? (planned as CollectionConfiguration) : await this.#parts.loadFor(row.name, planned);
      const { dimension } = await this.#parts.facts.describeIfSound(row);
      const change = {
        name: request.name ?? row.name,
        metadata: request.metadata === undefined ? row.metadata : storedMetadata(request.metadata),
        configuration,
      };
      const next = await this.#directory.modifyCollection(row.id, change, id);
      this.#parts.collections.find(row.id)?.configure(next);
      if (request.configuration !== undefined) this.#parts.watches.touchAll(row.id);
      return infoOf(this.#told("modify", next, caller), dimension);
    });
  }

  async forkCollection(request: { collectionId: string; name: string }, caller?: Caller): Promise<CollectionInfo> {
    checkCollectionName(request.name);
    return this.#changeOne(caller, async (id) => {
      const { dimension } = await this.#describe(this.#directory.collectionById(request.collectionId));
      const row = await this.#sysdb.forkCollection(request.collectionId, this.#newId(), request.name, id);
      return infoOf(this.#told("create", row, caller), dimension);
    });
  }

  async forkCount(request: { collectionId: string }): Promise<number> {
    this.#check();
    return this.#directory.forkCount(request.collectionId);
  }

  async listVersions(request: { collectionId: string }): Promise<VersionInfo[]> {
    this.#check();
    const manifests = this.#sysdb.manifests.retained(request.collectionId);
    return manifests.map(({ version, count, offset }) => ({ version, count, logOffset: offset }));
  }

  async deleteCollection(request: Scope & { name: string }, caller?: Caller): Promise<void> {
    const { tenant, database, name } = request;
    await this.#change(caller, (requestId) => this.#drop([this.#directory.getCollection(tenant, database, name)], caller, { requestId }));
  }

  // ---- records

  write(request: WriteRequest, caller?: Caller): Promise<void> {
    return this.#changing(request, (state) => this.#parts.writer.write(state, request, caller?.requestId));
  }

  delete(request: DeleteRequest, caller?: Caller): Promise<{ deleted: number }> {
    return this.#changing({ collectionId: request.collectionId }, (state) => this.#parts.writer.delete(state, request, caller?.requestId));
  }

  get(request: GetRequest, caller?: Caller): Promise<RecordColumns> {
    return this.#reading(request, (state) => this.#executor(caller).get(state, planGet(request, state.indexes)));
  }

  beginExport(request: ExportRequest, caller?: Caller): Promise<ExportBegun> {
    return this.#reading(request, (state) => this.#parts.exporter.begin(state, planExport(request, state.indexes), this.#executor(caller)));
  }

  async readExport(request: ExportPageRequest): Promise<RecordColumns> {
    this.#check();
    return this.#parts.exporter.page(planExportPage(request));
  }

  async endExport({ collectionId, snapshot }: { collectionId: string; snapshot: string }): Promise<void> {
    this.#check();
    await this.#parts.exporter.end({ owner: collectionId, snapshot });
  }

  conditionalGet(request: ConditionalGetRequest, caller?: Caller): Promise<ConditionalGetResponse> {
    return this.#reading({ collectionId: request.collectionId }, (state) =>
      this.#executor(caller).conditionalGet(state, planConditionalGet(request, state.indexes)),
    );
  }

  conditionalCommit(request: ConditionalCommitRequest, caller?: Caller): Promise<ConditionalCommitResponse> {
    return this.#changing(request, (state) => this.#parts.writer.commit(state, request, caller?.requestId));
  }

  query(request: QueryRequest, caller?: Caller): Promise<QueryResponse> {
    return this.#readingVectors(request, (state) =>
      this.#executor(caller).query(state, planQuery(request, state.dimension, state.indexes)),
    );
  }

  searchText(request: SearchTextRequest, caller?: Caller): Promise<SearchTextResponse> {
    return this.#reading(request, (state) => this.#executor(caller).searchText(state, planSearchText(request, state.indexes)));
  }

  hybrid(request: HybridRequest, caller?: Caller): Promise<HybridResponse> {
    return this.#readingVectors(request, (state) =>
      this.#executor(caller).hybrid(state, planHybrid(request, state.dimension, state.indexes)),
    );
  }

  search(request: SearchRequest, caller?: Caller): Promise<SearchColumns[]> {
    return this.#readingVectors(request, (state) =>
      this.#executor(caller).search(state, planSearch(request, state.dimension, state.indexes)),
    );
  }

  count(request: CountRequest, caller?: Caller): Promise<number> {
    return this.#reading(request, (state) => this.#executor(caller).count(state, planCount(request, state.indexes)));
  }

  autoSuggest(request: AutoSuggestRequest, caller?: Caller): Promise<TextSuggestion[]> {
    return this.#reading(request, (state) => this.#executor(caller).autoSuggest(state, planAutoSuggest(request, state.indexes)));
  }

  facets(request: FacetsRequest, caller?: Caller): Promise<FacetColumns[]> {
    return this.#reading(request, (state) => this.#executor(caller).facets(state, planFacets(request, state.indexes)));
  }

  async distinct(request: DistinctRequest, caller?: Caller): Promise<Scalar[]> {
    const [facet] = await this.#reading(request, (state) => this.#executor(caller).facets(state, planDistinct(request, state.indexes)));
    return facet!.values;
  }

  watch(request: WatchRequest, caller?: Caller): Promise<WatchAnswer> {
    const { collectionId, watch, read, model } = request;
    const isOfModel = ["query", "hybrid", "search"].includes(read?.method);
    return this.#readingVectors({ collectionId, ...(isOfModel && { model }) }, (state) =>
      this.#parts.watches.read(state, watch, planWatch(request, state), this.#executor(caller), caller),
    );
  }

  async unwatch({ watches }: { watches: string[] }, caller?: Caller): Promise<void> {
    this.#check();
    validateArray(watches, "watches");
    this.#parts.watches.end(caller?.clientId ?? "", watches);
  }

  checkRecall(request: CheckRecallRequest, caller?: Caller): Promise<RecallReport> {
    return this.#using(request.collectionId, (state) => this.#executor(caller).checkRecall(state, planCheckRecall(request)));
  }

  async indexingStatus(request: { collectionId: string }): Promise<IndexingStatus> {
    const [total, pending] = await this.#using(request.collectionId, ({ appliedOffset, log }) => [appliedOffset, log.records] as const);
    return {
      total_ops: total,
      num_indexed_ops: total - pending,
      num_unindexed_ops: pending,
      op_indexing_progress: total === 0 ? 1 : (total - pending) / total,
    };
  }

  async changedIds({ collectionId, since }: ChangedIdsRequest): Promise<ChangedIds> {
    if (since !== null) validateAtLeast(since, 1, "since");
    return this.#using(collectionId, ({ recent }) => ({ ids: since === null ? null : recent.since(since), next: recent.take() }));
  }

  // ---- reembedding

  async beginReembedding(request: BeginReembeddingRequest): Promise<ReembeddingBegun> {
    this.#check();
    const plan = planReembedding(request);
    const { collectionId, goesOn = false } = request;
    await this.#parts.reembedder.check(this.#directory.collectionInUse(collectionId));
    return this.#parts.changes.run(() => this.#parts.reembedder.begin(this.#directory.collectionInUse(collectionId), plan, goesOn));
  }

  async readReembedding({ collectionId, reembedding, limit }: RequestOf<"readReembedding">): Promise<ReembeddingBatch> {
    this.#check();
    validateAtLeast(limit, 1, "limit");
    return this.#parts.reembedder.read(this.#directory.collectionInUse(collectionId), reembedding, limit);
  }

  async writeReembedding(request: WriteReembeddingRequest): Promise<void> {
    this.#check();
    await this.#parts.reembedder.write(this.#directory.collectionInUse(request.collectionId), request);
  }

  async endReembedding({ collectionId, reembedding }: RequestOf<"endReembedding">, caller?: Caller): Promise<CollectionInfo | null> {
    this.#check();
    if (this.#sysdb.requests.find(caller?.requestId) === undefined) await this.#parts.reembedder.prepareToEnd();
    return this.#once<CollectionInfo | null>(
      caller,
      async (id) => {
        const row = await this.#parts.reembedder.end(this.#directory.collectionInUse(collectionId), reembedding, id);
        if (row === null) return null;
        this.#parts.watches.touchAll(collectionId);
        return this.#describe(this.#told("modify", row, caller));
      },
      () => this.#describe(this.#directory.collectionById(collectionId)),
    );
  }

  async giveUpReembedding({ collectionId }: { collectionId: string }): Promise<{ givenUp: boolean }> {
    this.#check();
    return this.#parts.changes.run(async () => {
      const { id, name } = this.#directory.collectionInUse(collectionId);
      const gathering = this.#directory.gatheringFor(id);
      this.#parts.reembedder.forget(id);
      if (gathering === undefined) return { givenUp: false };
      await this.#parts.drop({ ids: [gathering.id] }, [name]);
      return { givenUp: true };
    });
  }

  // ---- the database as a whole

  async heartbeat(): Promise<number> {
    this.#check();
    return this.#parts.environment.now() * 1e6;
  }

  /** Without gateway rules nobody is known, and everybody may use everything. */
  async identity({ tenant, database }: Scope): Promise<UserIdentity> {
    this.#check();
    return { user_id: "", tenant, databases: [database] };
  }

  async info(): Promise<EngineInfo> {
    this.#check();
    return this.#parts.facts.info();
  }

  async metrics(): Promise<EngineMetrics> {
    this.#check();
    return this.#parts.metrics.report();
  }

  async vacuum(request: VacuumRequest): Promise<VacuumStep> {
    this.#check();
    return this.#parts.vacuum.step(planVacuum(request));
  }

  async rotateKey(request: RotateKeyRequest, caller?: Caller): Promise<RotateKeyResponse | null> {
    this.#check();
    return this.#parts.rotation?.rotate(request, caller?.requestId) ?? null;
  }

  async keyRotation(): Promise<KeyRotationInfo | null> {
    this.#check();
    return this.#parts.rotation?.next() ?? null;
  }

  async verifyCatalog(): Promise<CatalogReport> {
    this.#check();
    return this.#parts.verifier.catalog();
  }

  async verifyCollection({ collectionId, deep }: { collectionId: string; deep: boolean }, caller?: Caller): Promise<CollectionReport> {
    this.#check();
    const { requestId, isCancelled } = caller ?? {};
    const tell = (progress: Progress): void => {
      if (requestId !== undefined) this.#parts.tell("progress", { ...progress, requestId });
    };
    return this.#parts.verifier.collection(this.#directory.collectionById(collectionId), deep, { isCancelled, tell });
  }

  async repairCatalog(): Promise<RepairedCatalog> {
    this.#check();
    return this.#parts.changes.run(async () => {
      await this.#sysdb.catalog.heal();
      return this.#directory.writeScopes(() => this.#newId());
    });
  }

  async repairCollection({ collectionId }: { collectionId: string }): Promise<RepairedCollection> {
    this.#check();
    return this.#parts.changes.run(async () => {
      const repaired = await this.#parts.repairer.repair(collectionId);
      this.#parts.watches.touchAll(collectionId);
      // A collection that was lost may lie where nothing was left.
      await this.#directory.writeScopes(() => this.#newId());
      return repaired;
    });
  }

  async beginBackup({ versions, publishes = false }: { versions: boolean; publishes?: boolean }): Promise<BackupBegun> {
    this.#check();
    for (const [name, flag] of Object.entries({ versions, publishes }))
      if (typeof flag !== "boolean") throw invalidArgument(`${name} must be true or false, got ${show(flag)}`);
    return this.#parts.changes.run(() => this.#parts.backups.begin(versions, publishes));
  }

  async readBackup({ snapshot, at }: { snapshot: string; at: number }): Promise<{ bytes: Uint8Array | null }> {
    this.#check();
    validateCount(at, "at");
    return { bytes: await this.#parts.backups.read(snapshot, at) };
  }

  async endBackup({ snapshot }: { snapshot: string }): Promise<void> {
    this.#check();
    await this.#parts.backups.end(snapshot);
  }

  async beginRestore({ mode }: { mode: RestoreMode }): Promise<{ restore: string }> {
    this.#check();
    if (mode !== "new" && mode !== "merge") throw invalidArgument(`mode must be "new" or "merge", got ${show(mode)}`);
    return { restore: this.#parts.restores.begin(mode) };
  }

  async feedRestore({ restore, at, bytes }: { restore: string; at: number; bytes: Uint8Array }): Promise<RestoreReport> {
    this.#check();
    validateCount(at, "at");
    if (!(bytes instanceof Uint8Array)) throw invalidArgument(`bytes must be a Uint8Array, got ${show(bytes)}`);
    await this.#parts.restores.feed(restore, at, bytes);
    return this.#parts.restores.report(restore);
  }

  /** What takes long is done before the system database is held. */
  async endRestore({ restore }: { restore: string }, caller?: Caller): Promise<void> {
    this.#check();
    if (this.#sysdb.requests.find(caller?.requestId) === undefined) await this.#parts.restores.prepare(restore);
    await this.#change(caller, async (id) => {
      for (const row of await this.#parts.restores.commit(restore, id)) this.#told("create", row, caller);
    });
  }

  async abortRestore({ restore }: { restore: string }): Promise<void> {
    this.#check();
    await this.#parts.restores.abort(restore);
  }

  async reset(_request?: undefined, caller?: Caller): Promise<void> {
    if (!this.#parts.allowReset) throw resetForbidden();
    await this.#change(caller, async (id) => {
      const change = this.#directory.anew(this.#newId());
      await this.#drop(this.#directory.listCollections(), caller, { change, requestId: id, lost: this.#directory.lostIds });
    });
  }

  // ---- inside

  #executor(caller: Caller | undefined): QueryExecutor {
    return this.#parts.executor.until(caller?.isCancelled);
  }

  #check(): void {
    this.#parts.availability.check();
  }

  #newId(): string {
    return this.#parts.environment.randomId();
  }

  /** All in one transaction, with the ids of collections whose rows are lost and what else changes. */
  async #drop(
    rows: readonly CollectionRow[],
    caller: Caller | undefined,
    { lost = [], ...deletion }: Omit<Deletion, "ids"> & { lost?: readonly string[] },
  ): Promise<void> {
    const names = rows.map(({ name }) => name);
    const gathering = rows.flatMap(({ id }) => this.#directory.gatheringFor(id)?.id ?? []);
    await this.#parts.drop({ ...deletion, ids: [...rows.map(({ id }) => id), ...gathering, ...lost] }, names);
    for (const row of rows) {
      this.#parts.reembedder.forget(row.id);
      this.#parts.watches.touchAll(row.id);
      this.#told("drop", row, caller);
    }
  }

  /** Tells of what became of a collection; returns its row. */
  #told(kind: ChangeKind, row: CollectionRow, caller: Caller | undefined): CollectionRow {
    this.#parts.tell("change", changeOfCollection(kind, row, caller?.requestId));
    return row;
  }

  #describe(row: CollectionRow): Promise<CollectionInfo> {
    return this.#parts.facts.describe(row);
  }

  /** Makes a change, and remembers whose it was; another try of a request that has made its change makes none. */
  #change(caller: Caller | undefined, body: (requestId?: string) => Promise<void>): Promise<void> {
    return this.#once(caller, body, async () => undefined);
  }

  /** Makes a change of one collection in this way, and describes it as it is then. */
  #changeOne(caller: Caller | undefined, body: (requestId?: string) => Promise<CollectionInfo>): Promise<CollectionInfo> {
    return this.#once(caller, body, ({ collection }) => this.#describe(this.#directory.collectionById(collection!)));
  }

  async #once<T>(
    caller: Caller | undefined,
    body: (requestId?: string) => Promise<T>,
    again: (made: CatalogRequest) => Promise<T>,
  ): Promise<T> {
    this.#check();
    return this.#parts.changes.run(() => {
      const made = this.#sysdb.requests.find(caller?.requestId);
      return made === undefined ? body(caller?.requestId) : again(made);
    });
  }

  /** Runs the body with the collection open. */
  async #using<T>(collectionId: string, body: (state: CollectionState) => Promise<T> | T): Promise<T> {
    this.#check();
    return this.#parts.collections.use(this.#directory.collectionInUse(collectionId), body);
  }

  /** Runs the body, which changes records, with the collection open. */
  async #changing<T>({ collectionId, model }: OfCollection, body: (state: CollectionState) => Promise<T>): Promise<T> {
    this.#check();
    return this.#parts.collections.useToChange(this.#directory.collectionInUse(collectionId), (state) => {
      checkModel({ model }, state.row);
      return body(state);
    });
  }

  /** Runs the body with the collection as it is, or as it was at a retained version. */
  async #reading<T>(request: OfCollection, body: (state: CollectionState) => Promise<T>): Promise<T> {
    const { collectionId, version } = request;
    this.#parts.turns.begin();
    this.#check();
    const row = this.#directory.collectionInUse(collectionId);
    const { turns, collections, loadPatterns } = this.#parts;
    const planned = (state: CollectionState): Promise<T> => withPatterns(loadPatterns, () => body(state));
    const whenChecked = async (state: CollectionState): Promise<T> => {
      await inTurns(checkSelected(request), turns.tick);
      return planned(state);
    };
    const read = selectsMany(request) ? whenChecked : planned;
    return version === undefined ? collections.use(row, read) : collections.useVersion(row, version, read);
  }

  /** In the same way, for a body that looks for vectors. */
  #readingVectors<T>(request: OfCollection, body: (state: CollectionState) => Promise<T>): Promise<T> {
    return this.#reading(request, (state) => {
      checkModel(request, state.row);
      return body(state);
    });
  }
}

/** Which collection a request is about, and of which version and which model of it. */
interface OfCollection extends OfModel {
  collectionId: string;
  ids?: string[];
  version?: number;
}

/** What `reset` rejects with where it is not allowed. */
export function resetForbidden(): TidepoolError {
  return new TidepoolError(
    "FORBIDDEN",
    "Resetting is not allowed: open the client with allowReset: true to delete everything in this database.",
  );
}
