/**
 * The system database: tenants, databases, collections and the manifest of each collection, as rows of the catalog.
 *
 * The rows are small and all of them are held in memory; every change is first committed to the catalog and only then
 * shown in memory, so a failed commit leaves both as they were. One engine owns the database (it holds the lock), so
 * names are checked for uniqueness in memory.
 *
 * Several manifests may name one block: those of forks, and earlier versions of a collection that are retained. A block is
 * handed back for release only when the last manifest that names it goes.
 *
 * Keys: `format` · `tenant/<t>` · `database/<t>/<d>` · `collection/<id>` · `manifest/<id>` · `version/<id>/<n>` (an earlier
 * manifest), names percent-encoded.
 */

import { Serial } from "../base/serial.js";
import type { BlockRef } from "../blockstore/blockstore.js";
import { show, TidepoolError } from "../errors.js";
import type { CatalogStore, CatalogTransaction, Environment } from "../storage.js";
import type { CollectionRow } from "./collection-row.js";
import { toManifest } from "./format-1.js";
import { emptyManifest, type Manifest, refsOnlyIn, type SectionKinds } from "./manifest.js";
import { decodeRow, encodeRow } from "./row.js";

/** Version of everything on disk. A change that an older release cannot read raises it. */
export const FORMAT_VERSION = 2;

export const DEFAULT_TENANT = "default_tenant";
export const DEFAULT_DATABASE = "default_database";

interface TenantRow {
  name: string;
  /** Missing in rows of tenants that were never given one. */
  resourceName?: string;
}

interface FormatRow {
  formatVersion: number;
  createdAt: number;
}

export interface DatabaseRow {
  id: string;
  name: string;
  tenant: string;
}

/** A manifest and its row, for compare-and-set. */
interface StoredManifest {
  manifest: Manifest;
  bytes: Uint8Array;
}

export interface SysDbOptions {
  sections: SectionKinds;
  /** Who still needs log records that a manifest contains. */
  retention: { floor(collectionId: string): number };
  /** Published versions of each collection that stay readable, the current one included. */
  retainVersions: number;
}

export class SysDb {
  readonly #catalog: CatalogStore;
  readonly #tenants = new Map<string, TenantRow>();
  readonly #databases = new Map<string, DatabaseRow>();
  readonly #collections = new Map<string, CollectionRow>();
  readonly #manifests = new Map<string, StoredManifest>();
  /** Earlier manifests that are retained, by collection, oldest first. */
  readonly #versions = new Map<string, Manifest[]>();
  readonly #options: SysDbOptions;
  #nextSequence = 1;
  /** Changes of manifests run one after the other: what is shared must not change between looking and committing. */
  readonly #changes = new Serial();

  private constructor(catalog: CatalogStore, options: SysDbOptions) {
    this.#catalog = catalog;
    this.#options = options;
  }

  /** Reads the catalog, or writes the first rows of a new one. */
  static async open(catalog: CatalogStore, environment: Pick<Environment, "now" | "randomId">, options: SysDbOptions): Promise<SysDb> {
    const sysdb = new SysDb(catalog, options);
    const bytes = await catalog.get("format");
    if (bytes === null) await sysdb.#initialise(environment);
    const format = bytes === null ? null : readFormat(bytes);
    await sysdb.#load();
    if (format !== null && format.formatVersion < FORMAT_VERSION) await sysdb.#raiseFormat(format, bytes!);
    return sysdb;
  }

  /** Before the first row of this format is written: an older release must not open what it cannot read. */
  #raiseFormat(format: FormatRow, bytes: Uint8Array): Promise<void> {
    const raised: FormatRow = { ...format, formatVersion: FORMAT_VERSION };
    return this.#catalog.commit({ expect: new Map([["format", bytes]]), put: new Map([["format", encodeRow(raised)]]) });
  }

  async #initialise(environment: Pick<Environment, "now" | "randomId">): Promise<void> {
    const orphans = [...(await this.#catalog.list("collection/")), ...(await this.#catalog.list("manifest/"))];
    if (orphans.length > 0) {
      throw new TidepoolError(
        "CORRUPTION",
        `Catalog row "format" is missing although ${orphans.length} others exist. Nothing was changed.`,
      );
    }
    const database: DatabaseRow = { id: environment.randomId(), name: DEFAULT_DATABASE, tenant: DEFAULT_TENANT };
    await this.#catalog.commit({
      expect: new Map([["format", null]]),
      put: new Map([
        ["format", encodeRow({ formatVersion: FORMAT_VERSION, createdAt: environment.now() } satisfies FormatRow)],
        [tenantKey(DEFAULT_TENANT), encodeRow({ name: DEFAULT_TENANT })],
        [databaseKey(DEFAULT_TENANT, DEFAULT_DATABASE), encodeRow(database)],
      ]),
    });
  }

  async #load(): Promise<void> {
    for (const [key, bytes] of await this.#catalog.list("tenant/")) {
      const row = decodeRow<TenantRow>(key, bytes);
      this.#tenants.set(row.name, row);
    }
    for (const [key, bytes] of await this.#catalog.list("database/")) this.#databases.set(key, decodeRow<DatabaseRow>(key, bytes));
    await this.#loadCollections();
    for (const [key, bytes] of await this.#catalog.list("manifest/")) {
      this.#manifests.set(idIn(key), { manifest: this.#decodeManifest(key, bytes), bytes });
    }
    for (const [key, bytes] of await this.#catalog.list("version/")) {
      const id = idIn(key);
      this.#versions.set(
        id,
        [...this.versions(id), this.#decodeManifest(key, bytes)].sort((a, b) => a.version - b.version),
      );
    }
    for (const row of this.#collections.values()) {
      if (this.#manifests.has(row.id)) continue;
      throw new TidepoolError("CORRUPTION", `The manifest of collection ${show(row.name)} is missing. Nothing was changed.`);
    }
  }

  /** First of all, so that errors can name the collections. */
  async #loadCollections(): Promise<void> {
    const rows = (await this.#catalog.list("collection/")).map(([key, bytes]) => decodeRow<CollectionRow>(key, bytes));
    for (const row of rows.sort((a, b) => a.sequence - b.sequence)) {
      this.#collections.set(row.id, row);
      this.#nextSequence = row.sequence + 1;
    }
  }

  #decodeManifest(key: string, bytes: Uint8Array): Manifest {
    try {
      return toManifest(decodeRow<Manifest>(key, bytes));
    } catch (cause) {
      const row = this.#collections.get(idIn(key));
      if (row === undefined || !(cause instanceof TidepoolError)) throw cause;
      throw new TidepoolError("CORRUPTION", `The manifest of collection ${show(row.name)} is damaged. ${cause.message}`, { cause });
    }
  }

  // ---- tenants and databases

  async createTenant(name: string): Promise<void> {
    if (this.#tenants.has(name)) throw alreadyExists("Tenant", name);
    await this.#catalog.commit({ expect: new Map([[tenantKey(name), null]]), put: new Map([[tenantKey(name), encodeRow({ name })]]) });
    this.#tenants.set(name, { name });
  }

  getTenant(name: string): { name: string; resourceName: string | null } {
    const row = this.#tenants.get(name);
    if (row === undefined) throw notFound("Tenant", name);
    return { name, resourceName: row.resourceName ?? null };
  }

  async updateTenant(name: string, resourceName: string): Promise<void> {
    this.getTenant(name);
    const row: TenantRow = { name, resourceName };
    await this.#catalog.commit({ put: new Map([[tenantKey(name), encodeRow(row)]]) });
    this.#tenants.set(name, row);
  }

  async createDatabase(tenant: string, name: string, id: string): Promise<void> {
    this.getTenant(tenant);
    const key = databaseKey(tenant, name);
    if (this.#databases.has(key)) throw alreadyExists("Database", name);
    const row: DatabaseRow = { id, name, tenant };
    await this.#catalog.commit({ expect: new Map([[key, null]]), put: new Map([[key, encodeRow(row)]]) });
    this.#databases.set(key, row);
  }

  getDatabase(tenant: string, name: string): DatabaseRow {
    this.getTenant(tenant);
    const row = this.#databases.get(databaseKey(tenant, name));
    if (row === undefined) throw notFound("Database", name);
    return row;
  }

  listDatabases(tenant: string): DatabaseRow[] {
    this.getTenant(tenant);
    return [...this.#databases.values()].filter((row) => row.tenant === tenant);
  }

  /** Deletes the database's row; its collections must be gone already. */
  async deleteDatabase(tenant: string, name: string): Promise<void> {
    this.getDatabase(tenant, name);
    const key = databaseKey(tenant, name);
    await this.#catalog.commit({ delete: [key] });
    this.#databases.delete(key);
  }

  /**
   * Leaves the tenant and the database that a new one has; the collections must be gone already. `id` is for the latter,
   * should it have been deleted.
   */
  async reset(id: string): Promise<void> {
    const key = databaseKey(DEFAULT_TENANT, DEFAULT_DATABASE);
    const tenant: TenantRow = { name: DEFAULT_TENANT };
    const database = this.#databases.get(key) ?? { id, name: DEFAULT_DATABASE, tenant: DEFAULT_TENANT };
    await this.#catalog.commit({
      delete: [...[...this.#tenants.keys()].map(tenantKey), ...this.#databases.keys()].filter(
        (row) => row !== key && row !== tenantKey(DEFAULT_TENANT),
      ),
      put: new Map([
        [tenantKey(DEFAULT_TENANT), encodeRow(tenant)],
        [key, encodeRow(database)],
      ]),
    });
    this.#tenants.clear();
    this.#databases.clear();
    this.#tenants.set(DEFAULT_TENANT, tenant);
    this.#databases.set(key, database);
  }

  // ---- collections

  /** All collections of a database (or, without arguments, of all), in order of creation. */
  listCollections(tenant?: string, database?: string): CollectionRow[] {
    const all = [...this.#collections.values()];
    if (tenant === undefined || database === undefined) return all;
    this.getDatabase(tenant, database);
    return all.filter((row) => row.tenant === tenant && row.database === database);
  }

  findCollection(tenant: string, database: string, name: string): CollectionRow | null {
    return this.listCollections(tenant, database).find((row) => row.name === name) ?? null;
  }

  getCollection(tenant: string, database: string, name: string): CollectionRow {
    const row = this.findCollection(tenant, database, name);
    if (row === null) throw notFound("Collection", name);
    return row;
  }

  /** With a scope, the collection must lie in it. */
  collectionById(id: string, scope?: { tenant: string; database: string }): CollectionRow {
    const row = this.#collections.get(id);
    const inScope = scope === undefined || (row?.tenant === scope.tenant && row.database === scope.database);
    if (row === undefined || !inScope) throw notFound("Collection", id);
    return row;
  }

  async createCollection(fields: Omit<CollectionRow, "sequence" | "root">): Promise<CollectionRow> {
    if (this.findCollection(fields.tenant, fields.database, fields.name) !== null) throw alreadyExists("Collection", fields.name);
    const row: CollectionRow = { ...fields, sequence: this.#nextSequence++, root: fields.id };
    const manifest = emptyManifest(this.#options.sections.empty());
    return this.#admit(row, { manifest, bytes: encodeRow(manifest) }, {});
  }

  /**
   * A new collection that begins with all that `sourceId` holds: it shares the blocks of the published manifest and gets
   * a copy of the log records after it, which are bounded by what the memtable may hold.
   */
  forkCollection(sourceId: string, id: string, name: string): Promise<CollectionRow> {
    return this.#changes.run(async () => {
      const source = this.collectionById(sourceId);
      if (this.findCollection(source.tenant, source.database, name) !== null) throw alreadyExists("Collection", name);
      const stored = this.#manifests.get(sourceId)!;
      const row: CollectionRow = { ...source, id, name, sequence: this.#nextSequence++ };
      return this.#admit(row, stored, {
        expect: new Map([[`manifest/${sourceId}`, stored.bytes]]),
        copyLog: { from: sourceId, to: id, after: stored.manifest.offset },
      });
    });
  }

  /** Collections that were forked, directly or not, from the same one, without that one. */
  forkCount(id: string): number {
    const { root } = this.collectionById(id);
    return this.listCollections().filter((row) => row.root === root && row.id !== root).length;
  }

  /** The name is taken while the commit is under way, and free again if it fails. */
  async #admit(row: CollectionRow, stored: StoredManifest, transaction: CatalogTransaction): Promise<CollectionRow> {
    this.#collections.set(row.id, row);
    try {
      const put = new Map([
        [`collection/${row.id}`, encodeRow(row)],
        [`manifest/${row.id}`, stored.bytes],
      ]);
      await this.#catalog.commit({ ...transaction, put });
    } catch (error) {
      this.#collections.delete(row.id);
      throw error;
    }
    this.#manifests.set(row.id, stored);
    return row;
  }

  async modifyCollection(id: string, change: Partial<Pick<CollectionRow, "name" | "metadata" | "configuration">>): Promise<CollectionRow> {
    const row = { ...this.collectionById(id), ...change };
    const namesake = this.findCollection(row.tenant, row.database, row.name);
    if (namesake !== null && namesake.id !== id) throw alreadyExists("Collection", row.name);
    await this.#catalog.commit({ put: new Map([[`collection/${id}`, encodeRow(row)]]) });
    this.#collections.set(id, row);
    return row;
  }

  /** Deletes row, manifests and log in one transaction. Returns the blocks that no other collection's manifest names. */
  deleteCollection(id: string, unpublished: readonly Manifest[]): Promise<BlockRef[]> {
    return this.#changes.run(async () => {
      const gone = [this.manifest(id), ...this.versions(id), ...unpublished];
      await this.#catalog.commit({
        delete: [`collection/${id}`, `manifest/${id}`, ...this.versions(id).map(({ version }) => versionKey(id, version))],
        truncateLog: [{ collectionId: id, upTo: Infinity }],
      });
      this.#collections.delete(id);
      this.#manifests.delete(id);
      this.#versions.delete(id);
      return refsOnlyIn(this.#options.sections, gone, this.#allManifests());
    });
  }

  // ---- manifests

  /** The published manifest. */
  manifest(id: string): Manifest {
    const entry = this.#manifests.get(id);
    if (entry === undefined) throw notFound("Collection", id);
    return entry.manifest;
  }

  /** Earlier manifests that are retained, oldest first; the published one is not among them. */
  versions(id: string): readonly Manifest[] {
    return this.#versions.get(id) ?? [];
  }

  /** All manifests of a collection that can be read, oldest first; the last is the published one. */
  retained(id: string): readonly Manifest[] {
    return [...this.versions(id), this.manifest(id)];
  }

  /** Every block that the published manifests of these collections name, once each. */
  publishedRefs(ids: readonly string[]): BlockRef[] {
    return refsOnlyIn(
      this.#options.sections,
      ids.map((id) => this.manifest(id)),
      [],
    );
  }

  /** Every block that a manifest names, once each. */
  blockRefs(): BlockRef[] {
    return refsOnlyIn(this.#options.sections, this.#allManifests(), []);
  }

  /** The blocks that these manifests, which were never published, name and no other does. */
  refsOnlyIn(unpublished: readonly Manifest[]): BlockRef[] {
    return refsOnlyIn(this.#options.sections, unpublished, this.#allManifests());
  }

  /**
   * Commit point: replaces the manifest if nobody else did, and truncates the log to its offset, in one transaction.
   * Returns the blocks that no manifest names any more, those of the `skipped` ones, which were never published, included.
   */
  publish(id: string, next: Manifest, skipped: readonly Manifest[]): Promise<BlockRef[]> {
    return this.#changes.run(async () => {
      const current = this.#manifests.get(id);
      if (current === undefined) throw notFound("Collection", id);
      const earlier = [...this.versions(id), current.manifest];
      const retained = earlier.slice(Math.max(0, earlier.length - this.#options.retainVersions + 1));
      const dropped = earlier.slice(0, earlier.length - retained.length);
      const bytes = encodeRow(next);
      const put = new Map([[`manifest/${id}`, bytes]]);
      if (retained.length > 0) put.set(versionKey(id, current.manifest.version), current.bytes);
      await this.#catalog.commit({
        expect: new Map([[`manifest/${id}`, current.bytes]]),
        put,
        delete: dropped.filter((manifest) => manifest !== current.manifest).map(({ version }) => versionKey(id, version)),
        truncateLog: [{ collectionId: id, upTo: Math.min(next.offset, this.#options.retention.floor(id)) }],
      });
      this.#manifests.set(id, { manifest: next, bytes });
      this.#versions.set(id, retained);
      return refsOnlyIn(this.#options.sections, [...dropped, ...skipped], this.#allManifests());
    });
  }

  #allManifests(): Manifest[] {
    return [...[...this.#manifests.values()].map(({ manifest }) => manifest), ...[...this.#versions.values()].flat()];
  }
}

function readFormat(bytes: Uint8Array): FormatRow {
  const format = decodeRow<FormatRow>("format", bytes);
  if (format.formatVersion > FORMAT_VERSION) {
    throw new TidepoolError(
      "FORMAT_TOO_NEW",
      `This database has format version ${format.formatVersion}; this release reads up to ${FORMAT_VERSION}. ` +
        "Update tidepool-db to open it. Nothing was changed.",
      { details: { found: format.formatVersion, supported: FORMAT_VERSION } },
    );
  }
  return format;
}

/** The collection's id in the key of a manifest or of an earlier one. */
function idIn(key: string): string {
  return key.split("/")[1]!;
}

function versionKey(id: string, version: number): string {
  return `version/${id}/${version}`;
}

function tenantKey(tenant: string): string {
  return `tenant/${encodeURIComponent(tenant)}`;
}

function databaseKey(tenant: string, database: string): string {
  return `database/${encodeURIComponent(tenant)}/${encodeURIComponent(database)}`;
}

function notFound(kind: string, name: string): TidepoolError {
  return new TidepoolError("NOT_FOUND", `${kind} [${name}] does not exist`);
}

function alreadyExists(kind: string, name: string): TidepoolError {
  return new TidepoolError("ALREADY_EXISTS", `${kind} [${name}] already exists`);
}
