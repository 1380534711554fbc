/**
 * The system database: tenants, databases, collections and the manifest of each collection, as rows of the catalog.
 *
 * The rows are small and all of them are held in memory; every change is first committed to the catalog and only then
 * shown in memory, so a failed commit leaves both as they were. One engine owns the database (it holds the lock), so
 * names are checked for uniqueness in memory.
 *
 * Keys: `format` · `tenant/<t>` · `database/<t>/<d>` · `collection/<id>` · `manifest/<id>`, names percent-encoded.
 */
import { TidepoolError, show } from "../errors.js";
import type { CatalogStore, CatalogTransaction, Environment } from "../storage.js";
import type { CollectionConfiguration, CollectionInfo, Metadata } from "../types.js";
import type { BlockRef } from "../blockstore/blockstore.js";
import { type Manifest, emptyManifest, manifestRefs, refsOnlyIn } from "./manifest.js";
import { decodeRow, encodeRow } from "./row.js";

/** Version of everything on disk. A change that an older release cannot read raises it. */
export const FORMAT_VERSION = 1;

export const DEFAULT_TENANT = "default_tenant";
export const DEFAULT_DATABASE = "default_database";

interface FormatRow {
  formatVersion: number;
  createdAt: number;
}

export interface DatabaseRow {
  id: string;
  name: string;
  tenant: string;
}

/** A collection's row. `sequence` is its place in the order of creation. */
export interface CollectionRow {
  id: string;
  name: string;
  tenant: string;
  database: string;
  metadata: Metadata | null;
  configuration: CollectionConfiguration;
  sequence: number;
}

/** Row plus what the manifest adds. */
export function toInfo(row: CollectionRow, dimension: number | null): CollectionInfo {
  const { sequence: _, ...info } = row;
  return { ...info, dimension };
}

export class SysDb {
  readonly #catalog: CatalogStore;
  readonly #tenants = new Set<string>();
  readonly #databases = new Map<string, DatabaseRow>();
  readonly #collections = new Map<string, CollectionRow>();
  readonly #manifests = new Map<string, { manifest: Manifest; bytes: Uint8Array }>();
  #nextSequence = 1;

  private constructor(catalog: CatalogStore) {
    this.#catalog = catalog;
  }

  /** Reads the catalog, or writes the first rows of a new one. */
  static async open(catalog: CatalogStore, environment: Pick<Environment, "now" | "randomId">): Promise<SysDb> {
    const sysdb = new SysDb(catalog);
    const format = await catalog.get("format");
    if (format === null) await sysdb.#initialise(environment);
    else checkFormat(decodeRow<FormatRow>("format", format));
    await sysdb.#load();
    return sysdb;
  }

  async #initialise(environment: Pick<Environment, "now" | "randomId">): Promise<void> {
    const orphans = [...(await this.#catalog.list("collection/")), ...(await this.#catalog.list("manifest/"))];
    if (orphans.length > 0) {
      throw new TidepoolError("CORRUPTION", `Catalog row "format" is missing although ${orphans.length} others exist. Nothing was changed.`);
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
    for (const [key, bytes] of await this.#catalog.list("tenant/")) this.#tenants.add(decodeRow<{ name: string }>(key, bytes).name);
    for (const [key, bytes] of await this.#catalog.list("database/")) this.#databases.set(key, decodeRow<DatabaseRow>(key, bytes));
    for (const [key, bytes] of await this.#catalog.list("manifest/")) {
      this.#manifests.set(key.slice("manifest/".length), { manifest: decodeRow<Manifest>(key, bytes), bytes });
    }
    const rows = (await this.#catalog.list("collection/")).map(([key, bytes]) => decodeRow<CollectionRow>(key, bytes));
    for (const row of rows.sort((a, b) => a.sequence - b.sequence)) {
      if (!this.#manifests.has(row.id)) {
        throw new TidepoolError("CORRUPTION", `The manifest of collection ${show(row.name)} is missing. Nothing was changed.`);
      }
      this.#collections.set(row.id, row);
      this.#nextSequence = row.sequence + 1;
    }
  }

  // ---- tenants and databases

  async createTenant(name: string): Promise<void> {
    if (this.#tenants.has(name)) throw alreadyExists("Tenant", name);
    await this.#catalog.commit({ expect: new Map([[tenantKey(name), null]]), put: new Map([[tenantKey(name), encodeRow({ name })]]) });
    this.#tenants.add(name);
  }

  getTenant(name: string): { name: string } {
    if (!this.#tenants.has(name)) throw notFound("Tenant", name);
    return { name };
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

  /** Deletes every tenant and database but the default ones; the collections must be gone already. */
  async reset(): Promise<void> {
    const tenants = [...this.#tenants].filter((name) => name !== DEFAULT_TENANT);
    const databases = [...this.#databases.keys()].filter((key) => key !== databaseKey(DEFAULT_TENANT, DEFAULT_DATABASE));
    await this.#catalog.commit({ delete: [...tenants.map(tenantKey), ...databases] });
    for (const name of tenants) this.#tenants.delete(name);
    for (const key of databases) this.#databases.delete(key);
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

  collectionById(id: string): CollectionRow {
    const row = this.#collections.get(id);
    if (row === undefined) throw notFound("Collection", id);
    return row;
  }

  async createCollection(fields: Omit<CollectionRow, "sequence">): Promise<CollectionRow> {
    if (this.findCollection(fields.tenant, fields.database, fields.name) !== null) throw alreadyExists("Collection", fields.name);
    const row: CollectionRow = { ...fields, sequence: this.#nextSequence++ };
    const manifest = emptyManifest();
    const bytes = encodeRow(manifest);
    this.#collections.set(row.id, row);
    try {
      await this.#catalog.commit({ put: new Map([[`collection/${row.id}`, encodeRow(row)], [`manifest/${row.id}`, bytes]]) });
    } catch (error) {
      this.#collections.delete(row.id);
      throw error;
    }
    this.#manifests.set(row.id, { manifest, bytes });
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

  /** Deletes row, manifest and log in one transaction. Returns the blocks that this manifest or an unpublished one referenced. */
  async deleteCollection(id: string, unpublished: readonly Manifest[]): Promise<BlockRef[]> {
    const refs = refsOnlyIn([this.manifest(id), ...unpublished], emptyManifest());
    await this.#catalog.commit({
      delete: [`collection/${id}`, `manifest/${id}`],
      truncateLog: [{ collectionId: id, upTo: Infinity }],
    });
    this.#collections.delete(id);
    this.#manifests.delete(id);
    return refs;
  }

  // ---- manifests

  /** The published manifest. */
  manifest(id: string): Manifest {
    const entry = this.#manifests.get(id);
    if (entry === undefined) throw notFound("Collection", id);
    return entry.manifest;
  }

  /** Every block that a published manifest references. */
  *blockRefs(): Generator<BlockRef, void, undefined> {
    for (const { manifest } of this.#manifests.values()) yield* manifestRefs(manifest);
  }

  /**
   * Commit point: replaces the manifest if nobody else did, and truncates the log to its offset, in one transaction.
   * Returns the blocks that only the old manifest, or one of the `skipped` ones that were never published, referenced.
   */
  async publish(id: string, next: Manifest, skipped: readonly Manifest[]): Promise<BlockRef[]> {
    const current = this.#manifests.get(id);
    if (current === undefined) throw notFound("Collection", id);
    const key = `manifest/${id}`;
    const bytes = encodeRow(next);
    const transaction: CatalogTransaction = {
      expect: new Map([[key, current.bytes]]),
      put: new Map([[key, bytes]]),
      truncateLog: [{ collectionId: id, upTo: next.offset }],
    };
    await this.#catalog.commit(transaction);
    this.#manifests.set(id, { manifest: next, bytes });
    return refsOnlyIn([current.manifest, ...skipped], next);
  }
}

function checkFormat(format: FormatRow): void {
  if (format.formatVersion > FORMAT_VERSION) {
    throw new TidepoolError(
      "FORMAT_TOO_NEW",
      `This database has format version ${format.formatVersion}; this release reads up to ${FORMAT_VERSION}. Update tidepool-db to open it. Nothing was changed.`,
      { details: { found: format.formatVersion, supported: FORMAT_VERSION } },
    );
  }
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
