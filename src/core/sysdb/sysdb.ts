/**
 * The system database: `directory.ts` (tenants, databases, collections) and `manifests.ts` (what each collection consists of) over
 * one catalog. Here is what concerns both: opening and the format, and the transactions in which a collection's row and its
 * manifests come and go together.
 */

import { Serial } from "../base/serial.js";
import type { BlockRef } from "../blockstore/blockstore.js";
import { TidepoolError } from "../errors.js";
import type { CatalogStore, CatalogTransaction, Environment } from "../storage.js";
import { collectionKey, formatKey, manifestKey } from "./catalog-keys.js";
import { CatalogRequests } from "./catalog-requests.js";
import type { CollectionRow } from "./collection-row.js";
import { Directory, type DirectoryChange, firstRows } from "./directory.js";
import { raiseFromFormat1 } from "./format-1.js";
import type { Manifest } from "./manifest.js";
import { Manifests, type ManifestsOptions, type StoredManifest, storedAs } from "./manifests.js";
import { decodeRow, encodeRow } from "./row.js";
import { SealedCatalog } from "./sealed-catalog.js";

/** Version of everything on disk. A change that an older release cannot read raises it. */
export const FORMAT_VERSION = 2;

interface FormatRow {
  formatVersion: number;
  createdAt: number;
}

/** What goes in one transaction. */
export interface Deletion {
  ids: readonly string[];
  /** What changes with it. */
  change?: DirectoryChange;
  requestId?: string | undefined;
}

export class SysDb {
  readonly directory: Directory;
  readonly manifests: Manifests;
  /** What the rows vouch for. */
  readonly catalog: SealedCatalog;
  /** Whose changes of tenants, databases and collections have been made. */
  readonly requests: CatalogRequests;
  /** Changes run one after the other: what is shared, and which names are taken, must not change between looking and committing. */
  readonly #changes: Serial;

  private constructor(catalog: SealedCatalog, requests: CatalogRequests, changes: Serial, directory: Directory, manifests: Manifests) {
    this.catalog = catalog;
    this.requests = requests;
    this.#changes = changes;
    this.directory = directory;
    this.manifests = manifests;
  }

  /**
   * Reads the catalog, or writes the first rows of a new one. What cannot be read is left out, and is `CORRUPTION` to whoever asks
   * for it; `catalog.damage` says what that is.
   */
  static async open(catalog: CatalogStore, environment: Pick<Environment, "now" | "randomId">, options: ManifestsOptions): Promise<SysDb> {
    const bytes = await catalog.get(formatKey);
    if (bytes === null) await initialise(catalog, environment);
    const format = bytes === null ? null : readFormat(bytes);
    if (format?.formatVersion === 1) await raiseFromFormat1(catalog, bytes!, { ...format, formatVersion: FORMAT_VERSION });
    const sealed = await SealedCatalog.read(catalog);
    const changes = new Serial();
    const requests = new CatalogRequests(sealed);
    const directory = Directory.load(sealed, requests, changes);
    const manifests = Manifests.load(sealed, changes, options, directory.everyCollection());
    sealed.forgetRows();
    return new SysDb(sealed, requests, changes, directory, manifests);
  }

  /** Reads the catalog that another engine writes to; `null` where it cannot all be read as it stands. Changes nothing. */
  static async peek(catalog: CatalogStore, options: ManifestsOptions): Promise<Pick<SysDb, "directory" | "manifests"> | null> {
    const bytes = await catalog.get(formatKey);
    if (bytes === null || readFormat(bytes).formatVersion !== FORMAT_VERSION) return null;
    const sealed = await SealedCatalog.read(catalog);
    if (sealed.damage.length > 0) return null;
    const changes = new Serial();
    const directory = Directory.load(sealed, new CatalogRequests(sealed), changes);
    return { directory, manifests: Manifests.load(sealed, changes, options, directory.everyCollection()) };
  }

  createCollection(fields: Omit<CollectionRow, "sequence" | "root">, requestId?: string): Promise<CollectionRow> {
    return this.#changes.run(() => {
      const row = this.directory.newRow({ ...fields, root: fields.id });
      return this.#admit(row, this.manifests.first(row.id), {}, requestId);
    });
  }

  /**
   * A new collection that begins with all that `sourceId` holds: it shares the blocks of the published manifest and gets
   * a copy of the log records after it, which are bounded by what the memtable may hold.
   */
  forkCollection(sourceId: string, id: string, name: string, requestId?: string): Promise<CollectionRow> {
    return this.#changes.run(() => {
      const row = this.directory.newRow({ ...this.directory.collectionById(sourceId), id, name });
      const stored = this.manifests.stored(sourceId);
      const transaction = {
        expect: new Map([[manifestKey(sourceId), stored.bytes]]),
        copyLog: { from: sourceId, to: id, after: stored.manifest.offset },
      };
      return this.#admit(row, storedAs(id, stored.manifest), transaction, requestId);
    });
  }

  /** The manifest is shown first: whoever sees the collection finds it. */
  async #admit(row: CollectionRow, stored: StoredManifest, transaction: CatalogTransaction, requestId?: string): Promise<CollectionRow> {
    const put = new Map([
      [collectionKey(row.id), encodeRow(collectionKey(row.id), row)],
      [manifestKey(row.id), stored.bytes],
    ]);
    await this.requests.commit({ ...transaction, put }, requestId, row.id);
    this.manifests.add(row.id, stored);
    this.directory.add(row);
    return row;
  }

  /**
   * Puts what another database had in place, in one transaction: `manifests` of each collection, oldest first. Returns the rows of the
   * collections. `empty`: there is to be nothing else.
   */
  restore(
    scopes: Parameters<Directory["restored"]>[0],
    rows: readonly CollectionRow[],
    manifests: readonly (readonly Manifest[])[],
    empty: boolean,
    requestId?: string,
  ): Promise<CollectionRow[]> {
    return this.#changes.run(async () => {
      const { put, show, collections } = this.directory.restored(scopes, rows, empty);
      const restored = this.manifests.restored(new Map(collections.map(({ id }, i) => [id, manifests[i]!])));
      await this.requests.commit({ put: new Map([...put, ...restored.put]) }, requestId);
      restored.show();
      show();
      return collections;
    });
  }

  /** The row to go on with of a collection whose own is lost, and how much it tells; `made` is all that is known where nothing does. */
  async rowOfLost(id: string, made: Pick<CollectionRow, "configuration">): Promise<{ row: CollectionRow; known: "outdated" | "lost" }> {
    const key = collectionKey(id);
    const bytes = await this.catalog.unvouched(key);
    const earlier = bytes === null ? null : decodeRow<CollectionRow>(key, bytes);
    return { row: this.directory.rowOfLost(id, earlier, made), known: earlier === null ? "lost" : "outdated" };
  }

  /**
   * Puts a row and one manifest in place of all that the collection has, also of what cannot be read, and of its log, in one
   * transaction. Returns the blocks that no manifest names any more, those of the `skipped` ones included.
   */
  replaceCollection(row: CollectionRow, next: Manifest, skipped: readonly Manifest[]): Promise<BlockRef[]> {
    const { id } = row;
    return this.#changes.run(async () => {
      const isLost = this.directory.lostIds.includes(id);
      if (!isLost) this.directory.collectionById(id);
      const stored = storedAs(id, next);
      const manifest: [string, Uint8Array] = [manifestKey(id), stored.bytes];
      await this.catalog.commit({
        put: new Map(isLost ? [[collectionKey(id), encodeRow(collectionKey(id), row)], manifest] : [manifest]),
        delete: this.manifests.keysOf(id).filter((key) => key !== manifestKey(id)),
        truncateLog: [{ collectionId: id, upTo: Infinity }],
      });
      if (isLost) this.directory.add(row);
      return this.manifests.replace(id, stored, skipped);
    });
  }

  /**
   * Puts a collection with other vectors in place, with its row, and takes away what gathered them, in one transaction. Earlier versions
   * that are retained keep their vectors. Its log, all of which is in the manifest, goes too. Returns the blocks that no manifest names
   * any more, those of the `skipped` ones, of whichever of the two, included.
   */
  reembed(row: CollectionRow, next: Manifest, gathered: string, skipped: readonly Manifest[], requestId?: string): Promise<BlockRef[]> {
    const { id } = row;
    return this.#changes.run(async () => {
      const { configuration, model = 0 } = this.directory.collectionById(id);
      const { put, expect, gone, show } = this.manifests.succession(id, next, { configuration, model });
      const transaction = {
        expect,
        put: new Map([...put, [collectionKey(id), encodeRow(collectionKey(id), row)]]),
        delete: [...gone, collectionKey(gathered), ...this.manifests.keysOf(gathered)],
        truncateLog: [id, gathered].map((collectionId) => ({ collectionId, upTo: Infinity })),
        makesRoom: true,
      };
      await this.requests.commit(transaction, requestId, id);
      this.directory.add(row);
      this.directory.remove(gathered);
      return [...show([]), ...this.manifests.remove([gathered], skipped)];
    });
  }

  /**
   * Deletes rows, manifests and logs, also those that cannot be read, in one transaction. Returns the blocks that no other
   * collection's manifest names.
   */
  deleteCollections({ ids, change, requestId }: Deletion, unpublished: readonly Manifest[] = []): Promise<BlockRef[]> {
    return this.#changes.run(async () => {
      const lost = new Set(this.directory.lostIds);
      for (const id of ids) if (!lost.has(id)) this.directory.collectionById(id);
      const transaction = {
        delete: [...ids.flatMap((id) => [collectionKey(id), ...this.manifests.keysOf(id)]), ...(change?.delete ?? [])],
        put: change?.put,
        truncateLog: ids.map((collectionId) => ({ collectionId, upTo: Infinity })),
        makesRoom: true,
      };
      await this.requests.commit(transaction, requestId);
      for (const id of ids) this.directory.remove(id);
      change?.show();
      return this.manifests.remove(ids, unpublished);
    });
  }
}

async function initialise(catalog: CatalogStore, environment: Pick<Environment, "now" | "randomId">): Promise<void> {
  const orphans = [...(await catalog.list("collection/")), ...(await catalog.list("manifest/"))];
  if (orphans.length > 0) {
    throw new TidepoolError("CORRUPTION", `Catalog row "format" is missing although ${orphans.length} others exist. Nothing was changed.`);
  }
  const format: FormatRow = { formatVersion: FORMAT_VERSION, createdAt: environment.now() };
  await SealedCatalog.empty(catalog).commit({
    expect: new Map([[formatKey, null]]),
    put: new Map([[formatKey, encodeRow(formatKey, format)], ...firstRows(environment.randomId())]),
  });
}

function readFormat(bytes: Uint8Array): FormatRow {
  const format = decodeRow<FormatRow>(formatKey, bytes);
  if (!Number.isSafeInteger(Object(format).formatVersion)) {
    throw new TidepoolError("CORRUPTION", 'Catalog row "format" names no version of the format. Nothing was changed.');
  }
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
