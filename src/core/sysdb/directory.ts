/**
 * The directory: tenants, databases and collections by name and id, as rows of the catalog.
 *
 * The rows are small and all of them are held in memory; every change is first committed to the catalog and only then
 * shown in memory, so a failed commit leaves both as they were. One engine owns the database (it holds the lock), so
 * names are checked for uniqueness in memory. A collection's row comes and goes together with its manifest, which is
 * `sysdb.ts`'s business.
 */
import type { Serial } from "../base/serial.js";
import { TidepoolError } from "../errors.js";
import type { RepairedCatalog } from "../service.js";
import { collectionKey, databaseKey, idIn, namesIn, tenantKey } from "./catalog-keys.js";
import type { CatalogRequests } from "./catalog-requests.js";
import type { CollectionRow } from "./collection-row.js";
import { decodeRow, encodeRow } from "./row.js";
import { type RowDamage, rowError, type SealedCatalog } from "./sealed-catalog.js";

export const DEFAULT_TENANT = "default_tenant";
export const DEFAULT_DATABASE = "default_database";

export interface TenantRow {
  name: string;
  /** Missing in rows of tenants that were never given one. */
  resourceName?: string;
}

export interface DatabaseRow {
  id: string;
  name: string;
  tenant: string;
}

/** A change of rows that is committed together with others, and shown when that is done. */
export interface DirectoryChange {
  delete: readonly string[];
  put?: ReadonlyMap<string, Uint8Array>;
  show(): void;
}

/** Rows of another database under the keys that they get here. */
export interface RestoredRows extends DirectoryChange {
  put: ReadonlyMap<string, Uint8Array>;
  collections: CollectionRow[];
}

/** Stands for the id of a database whose row is lost. */
const NO_ID = "00000000-0000-0000-0000-000000000000";

/** The rows of the tenant and the database that a new directory has; `id` is the latter's. */
export function firstRows(id: string): [key: string, bytes: Uint8Array][] {
  const tenant: TenantRow = { name: DEFAULT_TENANT };
  const database: DatabaseRow = { id, name: DEFAULT_DATABASE, tenant: DEFAULT_TENANT };
  return [rowOf(tenantKey(DEFAULT_TENANT), tenant), rowOf(databaseKey(DEFAULT_TENANT, DEFAULT_DATABASE), database)];
}

function rowOf(key: string, value: TenantRow | DatabaseRow): [key: string, bytes: Uint8Array] {
  return [key, encodeRow(key, value)];
}

export class Directory {
  readonly #requests: CatalogRequests;
  readonly #tenants = new Map<string, TenantRow>();
  readonly #databases = new Map<string, DatabaseRow>();
  readonly #collections = new Map<string, CollectionRow>();
  /** Keys of tenants and databases of which nothing but the names is known, from the keys of lost rows or from the collections in them. */
  readonly #unwritten = new Set<string>();
  /** Collections whose row cannot be read, by id: nobody knows their names. */
  readonly #lost = new Map<string, TidepoolError>();
  readonly #changes: Serial;
  #nextSequence = 1;

  private constructor(requests: CatalogRequests, changes: Serial) {
    this.#requests = requests;
    this.#changes = changes;
  }

  /** Takes over the rows. Changes of collections run in `changes`, one after the other; `requests` remembers whose changes they are. */
  static load(catalog: SealedCatalog, requests: CatalogRequests, changes: Serial): Directory {
    const directory = new Directory(requests, changes);
    directory.#loadScopes(catalog);
    directory.#loadCollections(catalog);
    return directory;
  }

  /** A row that is lost leaves its names behind, in its key; so what lies below them can still be reached. */
  #loadScopes(catalog: SealedCatalog): void {
    for (const [key, bytes] of catalog.list("tenant/")) {
      const row = decodeRow<TenantRow>(key, bytes);
      this.#tenants.set(row.name, row);
    }
    for (const [key, bytes] of catalog.list("database/")) this.#databases.set(key, decodeRow<DatabaseRow>(key, bytes));
    for (const { key } of catalog.lost("tenant/")) this.#nameTenant(namesIn(key)[0]!);
    for (const { key } of catalog.lost("database/")) this.#nameDatabase(...(namesIn(key) as [string, string]));
  }

  #nameTenant(name: string): void {
    if (this.#tenants.has(name)) return;
    this.#tenants.set(name, { name });
    this.#unwritten.add(tenantKey(name));
  }

  #nameDatabase(tenant: string, name: string): void {
    this.#nameTenant(tenant);
    const key = databaseKey(tenant, name);
    if (this.#databases.has(key)) return;
    this.#databases.set(key, { id: NO_ID, name, tenant });
    this.#unwritten.add(key);
  }

  #loadCollections(catalog: SealedCatalog): void {
    const rows = catalog.list("collection/").map(([key, bytes]) => decodeRow<CollectionRow>(key, bytes));
    for (const row of rows.sort((a, b) => a.sequence - b.sequence)) {
      this.add(row);
      this.#nextSequence = row.sequence + 1;
    }
    for (const damage of catalog.lost("collection/")) this.#lost.set(idIn(damage.key), rowError(damage));
    for (const prefix of ["manifest/", "version/"]) {
      const keys = [...catalog.list(prefix).map(([key]) => key), ...catalog.lost(prefix).map(({ key }) => key)];
      for (const id of new Set(keys.map(idIn))) {
        if (this.#collections.has(id) || this.#lost.has(id)) continue;
        this.#lost.set(id, rowError({ key: collectionKey(id), what: "is missing" }));
      }
    }
  }

  // ---- tenants and databases

  async createTenant(name: string, requestId?: string): Promise<void> {
    if (this.#tenants.has(name)) throw alreadyExists("Tenant", name);
    const put = new Map([rowOf(tenantKey(name), { name })]);
    await this.#requests.commit({ expect: new Map([[tenantKey(name), null]]), put }, requestId);
    this.#tenants.set(name, { name });
  }

  getTenant(name: string): { name: string; resourceName: string | null } {
    const row = this.#tenants.get(name);
    if (row === undefined) throw notFound("Tenant", name);
    return { name, resourceName: row.resourceName ?? null };
  }

  async updateTenant(name: string, resourceName: string, requestId?: string): Promise<void> {
    this.getTenant(name);
    const row: TenantRow = { name, resourceName };
    await this.#requests.commit({ put: new Map([rowOf(tenantKey(name), row)]) }, requestId);
    this.#tenants.set(name, row);
    this.#unwritten.delete(tenantKey(name));
  }

  async createDatabase(tenant: string, name: string, id: string, requestId?: string): Promise<void> {
    this.getTenant(tenant);
    const key = databaseKey(tenant, name);
    if (this.#databases.has(key)) throw alreadyExists("Database", name);
    const row: DatabaseRow = { id, name, tenant };
    await this.#requests.commit({ expect: new Map([[key, null]]), put: new Map([rowOf(key, row)]) }, requestId);
    this.#databases.set(key, row);
  }

  getDatabase(tenant: string, name: string): DatabaseRow {
    this.getTenant(tenant);
    const row = this.#databases.get(databaseKey(tenant, name));
    if (row === undefined) throw notFound("Database", name);
    return row;
  }

  /** By name, since rows say nothing of when they were written: pages go on with one another after the database was opened anew. */
  listDatabases(tenant: string): DatabaseRow[] {
    this.getTenant(tenant);
    return [...this.#databases.values()].filter((row) => row.tenant === tenant).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The end of a database; its collections go in the same transaction. */
  withoutDatabase(tenant: string, name: string): DirectoryChange {
    this.getDatabase(tenant, name);
    const key = databaseKey(tenant, name);
    const show = (): void => {
      this.#databases.delete(key);
      this.#unwritten.delete(key);
    };
    return { delete: [key], show };
  }

  /** The rows of all tenants and databases. */
  scopes(): { tenants: TenantRow[]; databases: DatabaseRow[] } {
    return { tenants: [...this.#tenants.values()], databases: [...this.#databases.values()] };
  }

  /** Refuses a directory that has more than a new one. */
  refuseUnlessEmpty(): void {
    const { tenants, databases } = this.scopes();
    const collections = this.listCollections();
    const isNew = tenants.length === 1 && databases.length === 1 && databases[0]!.name === DEFAULT_DATABASE;
    if (isNew && collections.length === 0 && this.#lost.size === 0) return;
    const what = collections[0] === undefined ? "tenants or databases" : `collections, one of which is [${collections[0].name}]`;
    throw new TidepoolError("ALREADY_EXISTS", `mode "new" restores into an empty database, and this one has ${what}: use another path`);
  }

  /**
   * What another database had, beside what there is: tenants and databases of names that are taken stay as they are, unless this
   * directory is `empty`. Refused where a collection's name or id is taken.
   */
  restored(scopes: { tenants: TenantRow[]; databases: DatabaseRow[] }, rows: readonly CollectionRow[], empty: boolean): RestoredRows {
    if (empty) this.refuseUnlessEmpty();
    this.refuseLost();
    const tenants = scopes.tenants.filter(({ name }) => empty || !this.#tenants.has(name));
    const databases = scopes.databases.filter(({ tenant, name }) => empty || !this.#databases.has(databaseKey(tenant, name)));
    const sequence = this.#nextSequence;
    const collections = rows.map((row, i) => ({ ...row, sequence: sequence + i }));
    for (const row of collections) this.#refuseTaken(row);
    const put = new Map([
      ...tenants.map((row) => rowOf(tenantKey(row.name), row)),
      ...databases.map((row) => rowOf(databaseKey(row.tenant, row.name), row)),
      ...collections.map((row): [string, Uint8Array] => [collectionKey(row.id), encodeRow(collectionKey(row.id), row)]),
    ]);
    const show = (): void => {
      for (const row of tenants) this.#tenants.set(row.name, row);
      for (const row of databases) this.#databases.set(databaseKey(row.tenant, row.name), row);
      for (const row of collections) this.add(row);
      this.#nextSequence = sequence + collections.length;
    };
    return { delete: [], put, show, collections };
  }

  #refuseTaken({ id, tenant, database, name }: CollectionRow): void {
    const taken = this.listCollections().find(
      (row) => row.id === id || (row.tenant === tenant && row.database === database && row.name === name),
    );
    if (taken === undefined) return;
    const why = taken.name === name ? "" : `, under the name [${taken.name}]`;
    throw new TidepoolError("ALREADY_EXISTS", `Collection [${name}] of the backup already exists${why}. Nothing was restored`);
  }

  /** Rows that are known to be missing by what other rows say. */
  get missing(): Pick<RowDamage, "key" | "what">[] {
    return [
      ...[...this.#unwritten].map((key) => ({ key, what: "is missing, and collections lie in what it stands for" })),
      ...this.lostIds.map((id) => ({ key: collectionKey(id), what: "is missing, and there is a manifest of that collection" })),
    ];
  }

  /** Gives each tenant and database that is known by its name alone a row; databases get new ids. Returns their names. */
  async writeScopes(newId: () => string): Promise<RepairedCatalog> {
    const keys = [...this.#unwritten];
    const tenants = keys.flatMap((key) => this.#tenants.get(namesIn(key)[0]!) ?? []).filter(({ name }) => keys.includes(tenantKey(name)));
    const databases = keys.flatMap((key) => this.#databases.get(key) ?? []).map((row) => ({ ...row, id: newId() }));
    const put = new Map([
      ...new Map(tenants.map((row) => rowOf(tenantKey(row.name), row))),
      ...databases.map((row) => rowOf(databaseKey(row.tenant, row.name), row)),
    ]);
    if (put.size > 0) await this.#requests.commit({ put }, undefined);
    for (const row of databases) this.#databases.set(databaseKey(row.tenant, row.name), row);
    this.#unwritten.clear();
    return { tenants: [...new Set(tenants.map(({ name }) => name))], databases: databases.map(({ tenant, name }) => ({ tenant, name })) };
  }

  /**
   * Leaves the tenant and the database that a new one has; the collections go in the same transaction. `id` is for the latter,
   * should it have been deleted.
   */
  anew(id: string): DirectoryChange {
    const key = databaseKey(DEFAULT_TENANT, DEFAULT_DATABASE);
    const tenant: TenantRow = { name: DEFAULT_TENANT };
    const database = this.#databases.get(key) ?? { id, name: DEFAULT_DATABASE, tenant: DEFAULT_TENANT };
    const gone = [...[...this.#tenants.keys()].map(tenantKey), ...this.#databases.keys()];
    const put = new Map([rowOf(tenantKey(DEFAULT_TENANT), tenant), rowOf(key, database)]);
    const show = (): void => {
      this.#tenants.clear();
      this.#databases.clear();
      this.#unwritten.clear();
      this.#tenants.set(DEFAULT_TENANT, tenant);
      this.#databases.set(key, database);
    };
    return { delete: gone.filter((row) => !put.has(row)), put, show };
  }

  // ---- collections

  /** All collections of a database (or, without arguments, of all), in order of creation; none that gathers for another. */
  listCollections(tenant?: string, database?: string): CollectionRow[] {
    const all = this.everyCollection().filter(({ reembeds }) => reembeds === undefined);
    if (tenant === undefined || database === undefined) return all;
    this.getDatabase(tenant, database);
    this.refuseLost();
    return all.filter((row) => row.tenant === tenant && row.database === database);
  }

  /** All collections, those that gather for others included. */
  everyCollection(): CollectionRow[] {
    return [...this.#collections.values()];
  }

  /** What gathers for the collection, while it is reembedded. */
  gatheringFor(id: string): CollectionRow | undefined {
    return this.everyCollection().find(({ reembeds }) => reembeds === id);
  }

  /** Whether none has the name cannot be told while any is lost: that is `CORRUPTION`. */
  findCollection(tenant: string, database: string, name: string): CollectionRow | null {
    this.getDatabase(tenant, database);
    const ofScope = (row: CollectionRow): boolean => row.tenant === tenant && row.database === database;
    const found = this.listCollections().find((row) => row.name === name && ofScope(row));
    if (found === undefined) this.refuseLost();
    return found ?? null;
  }

  /** Rejects while the row of any collection is lost. */
  refuseLost(): void {
    for (const error of this.#lost.values()) throw error;
  }

  /** Ids of collections whose row cannot be read. */
  get lostIds(): string[] {
    return [...this.#lost.keys()];
  }

  getCollection(tenant: string, database: string, name: string): CollectionRow {
    const row = this.findCollection(tenant, database, name);
    if (row === null) throw notFound("Collection", name);
    return row;
  }

  /** With a scope, the collection must lie in it, and gather for no other. */
  collectionById(id: string, scope?: { tenant: string; database: string }): CollectionRow {
    const row = this.#collections.get(id);
    if (row === undefined && this.#lost.has(id)) throw this.#lost.get(id)!;
    const inScope = scope === undefined || (row?.tenant === scope.tenant && row.database === scope.database && row.reembeds === undefined);
    if (row === undefined || !inScope) throw notFound("Collection", id);
    return row;
  }

  /** A collection that somebody may use: one that gathers for another is there for nobody. */
  collectionInUse(id: string): CollectionRow {
    const row = this.collectionById(id);
    if (row.reembeds !== undefined) throw notFound("Collection", id);
    return row;
  }

  /** Collections that were forked, directly or not, from the same one, without that one. */
  forkCount(id: string): number {
    const { root } = this.collectionById(id);
    return this.listCollections().filter((row) => row.root === root && row.id !== root).length;
  }

  modifyCollection(
    id: string,
    change: Partial<Pick<CollectionRow, "name" | "metadata" | "configuration">>,
    requestId?: string,
  ): Promise<CollectionRow> {
    return this.#changes.run(async () => {
      const row = { ...this.collectionById(id), ...change };
      const namesake = this.findCollection(row.tenant, row.database, row.name);
      if (namesake !== null && namesake.id !== id) throw alreadyExists("Collection", row.name);
      await this.#requests.commit({ put: new Map([[collectionKey(id), encodeRow(collectionKey(id), row)]]) }, requestId, id);
      this.#collections.set(id, row);
      return row;
    });
  }

  // ---- what comes and goes with a manifest

  /** The row of a collection that is to be created; refused when its name is taken. */
  newRow(fields: Omit<CollectionRow, "sequence">): CollectionRow {
    if (this.findCollection(fields.tenant, fields.database, fields.name) !== null) throw alreadyExists("Collection", fields.name);
    return { ...fields, sequence: this.#nextSequence++ };
  }

  /**
   * A row for a collection that has lost its own: an earlier state of that, if there is one, or one of which `made` is all that is
   * known, with a name after the id.
   */
  rowOfLost(id: string, earlier: CollectionRow | null, made: Pick<CollectionRow, "configuration">): CollectionRow {
    const scope = { tenant: DEFAULT_TENANT, database: DEFAULT_DATABASE };
    const row = earlier ?? { ...made, ...scope, id, name: "", metadata: null, sequence: this.#nextSequence++, root: id };
    const isTaken = (name: string): boolean =>
      this.listCollections().some((other) => other.tenant === row.tenant && other.database === row.database && other.name === name);
    let name = row.name === "" || isTaken(row.name) ? `recovered-${id}` : row.name;
    while (isTaken(name)) name = `${name}-again`;
    return { ...row, name };
  }

  /** Shows a collection that was committed. */
  add(row: CollectionRow): void {
    this.#collections.set(row.id, row);
    this.#lost.delete(row.id);
    this.#nameDatabase(row.tenant, row.database);
  }

  /** Shows a collection no more, whose deletion was committed. */
  remove(id: string): void {
    this.#collections.delete(id);
    this.#lost.delete(id);
  }
}

export function notFound(kind: string, name: string): TidepoolError {
  return new TidepoolError("NOT_FOUND", `${kind} [${name}] does not exist`);
}

function alreadyExists(kind: string, name: string): TidepoolError {
  return new TidepoolError("ALREADY_EXISTS", `${kind} [${name}] already exists`);
}
