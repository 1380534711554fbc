/**
 * The manifests of all collections, as rows of the catalog: the published one of each, and the earlier ones that are retained.
 *
 * All of them are held in memory; a change is first committed to the catalog and only then shown. Several manifests may name
 * one block: those of forks, and earlier versions of a collection. A block is handed back for release only when the last
 * manifest that names it goes, so changes run one after the other: what is shared must not change between looking and
 * committing. A collection's first manifest comes, and its last ones go, together with its row, which is `sysdb.ts`'s business.
 */
import type { Serial } from "../base/serial.js";
import type { BlockRef } from "../blockstore/blockstore.js";
import { show, TidepoolError } from "../errors.js";
import type { CatalogStore } from "../storage.js";
import { idIn, manifestKey, versionKey } from "./catalog-keys.js";
import type { CollectionRow } from "./collection-row.js";
import { notFound } from "./directory.js";
import { toManifest } from "./format-1.js";
import { emptyManifest, type Manifest, refsOnlyIn, type SectionKinds } from "./manifest.js";
import { decodeRow, encodeRow } from "./row.js";

/** A manifest and its row, for compare-and-set. */
export interface StoredManifest {
  manifest: Manifest;
  bytes: Uint8Array;
}

export interface ManifestsOptions {
  sections: SectionKinds;
  /** Who still needs log records that a manifest contains. */
  retention: { floor(collectionId: string): number };
  /** Published versions of each collection that stay readable, the current one included. */
  retainVersions: number;
}

export class Manifests {
  readonly #catalog: CatalogStore;
  readonly #published = new Map<string, StoredManifest>();
  /** Earlier manifests that are retained, by collection, oldest first. */
  readonly #versions = new Map<string, Manifest[]>();
  readonly #options: ManifestsOptions;
  readonly #changes: Serial;

  private constructor(catalog: CatalogStore, changes: Serial, options: ManifestsOptions) {
    this.#catalog = catalog;
    this.#changes = changes;
    this.#options = options;
  }

  /** Reads the manifests of these collections. One that is missing or damaged is `CORRUPTION`. Changes run in `changes`. */
  static async load(
    catalog: CatalogStore,
    changes: Serial,
    options: ManifestsOptions,
    collections: readonly CollectionRow[],
  ): Promise<Manifests> {
    const manifests = new Manifests(catalog, changes, options);
    await manifests.#load(new Map(collections.map(({ id, name }) => [id, name])));
    return manifests;
  }

  async #load(names: ReadonlyMap<string, string>): Promise<void> {
    for (const [key, bytes] of await this.#catalog.list("manifest/")) {
      this.#published.set(idIn(key), { manifest: decodeManifest(key, bytes, names), bytes });
    }
    for (const [key, bytes] of await this.#catalog.list("version/")) {
      const id = idIn(key);
      const versions = [...this.versions(id), decodeManifest(key, bytes, names)];
      this.#versions.set(
        id,
        versions.sort((a, b) => a.version - b.version),
      );
    }
    for (const [id, name] of names) {
      if (this.#published.has(id)) continue;
      throw new TidepoolError("CORRUPTION", `The manifest of collection ${show(name)} is missing. Nothing was changed.`);
    }
  }

  /** The published manifest. */
  published(id: string): Manifest {
    return this.stored(id).manifest;
  }

  /** Earlier manifests that are retained, oldest first; the published one is not among them. */
  versions(id: string): readonly Manifest[] {
    return this.#versions.get(id) ?? [];
  }

  /** All manifests of a collection that can be read, oldest first; the last is the published one. */
  retained(id: string): readonly Manifest[] {
    return [...this.versions(id), this.published(id)];
  }

  /** Every block that the published manifests of these collections name, once each. */
  publishedRefs(ids: readonly string[]): BlockRef[] {
    return refsOnlyIn(
      this.#options.sections,
      ids.map((id) => this.published(id)),
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
      const current = this.stored(id);
      const earlier = [...this.versions(id), current.manifest];
      const retained = earlier.slice(Math.max(0, earlier.length - this.#options.retainVersions + 1));
      const dropped = earlier.slice(0, earlier.length - retained.length);
      const bytes = encodeRow(next);
      const put = new Map([[manifestKey(id), bytes]]);
      if (retained.length > 0) put.set(versionKey(id, current.manifest.version), current.bytes);
      await this.#catalog.commit({
        expect: new Map([[manifestKey(id), current.bytes]]),
        put,
        delete: dropped.filter((manifest) => manifest !== current.manifest).map(({ version }) => versionKey(id, version)),
        truncateLog: [{ collectionId: id, upTo: Math.min(next.offset, this.#options.retention.floor(id)) }],
      });
      this.#published.set(id, { manifest: next, bytes });
      this.#versions.set(id, retained);
      return refsOnlyIn(this.#options.sections, [...dropped, ...skipped], this.#allManifests());
    });
  }

  // ---- what comes and goes with a collection's row

  /** The published manifest and its row. */
  stored(id: string): StoredManifest {
    const stored = this.#published.get(id);
    if (stored === undefined) throw notFound("Collection", id);
    return stored;
  }

  /** The first manifest of a collection that begins with nothing. */
  first(): StoredManifest {
    const manifest = emptyManifest(this.#options.sections.empty());
    return { manifest, bytes: encodeRow(manifest) };
  }

  /** The keys of all rows of a collection's manifests. */
  keysOf(id: string): string[] {
    return [manifestKey(id), ...this.versions(id).map(({ version }) => versionKey(id, version))];
  }

  /** Shows the manifest of a collection that was committed. */
  add(id: string, stored: StoredManifest): void {
    this.#published.set(id, stored);
  }

  /**
   * Forgets the manifests of a collection whose deletion was committed. Returns the blocks that they, or `unpublished` ones of the
   * collection, name and no other does.
   */
  remove(id: string, unpublished: readonly Manifest[]): BlockRef[] {
    const gone = [...this.retained(id), ...unpublished];
    this.#published.delete(id);
    this.#versions.delete(id);
    return this.refsOnlyIn(gone);
  }

  #allManifests(): Manifest[] {
    return [...[...this.#published.values()].map(({ manifest }) => manifest), ...[...this.#versions.values()].flat()];
  }
}

function decodeManifest(key: string, bytes: Uint8Array, names: ReadonlyMap<string, string>): Manifest {
  try {
    return toManifest(decodeRow<Manifest>(key, bytes));
  } catch (cause) {
    const name = names.get(idIn(key));
    if (name === undefined || !(cause instanceof TidepoolError)) throw cause;
    throw new TidepoolError("CORRUPTION", `The manifest of collection ${show(name)} is damaged. ${cause.message}`, { cause });
  }
}
