/**
 * The manifests of all collections, as rows of the catalog: the published one of each, the earlier ones that are retained, and a
 * staged one, which is newer than the published one and names blocks in young arenas.
 *
 * A young arena's name may be lost with the power, so a staged manifest is a promise that may be broken: as long as it is staged,
 * the published manifest, its blocks and all log records after it stay. Whoever opens the database goes on from the staged manifest
 * if its arenas are all there. If one is not, the row is deleted (`dropUnfounded`) before anything is written, so that no new arena
 * can take the place of a lost one under its number, and the published manifest and the log give the same records.
 *
 * All of them are held in memory; a change is first committed to the catalog and only then shown. Several manifests may name
 * one block: those of forks, and earlier versions of a collection. A block is handed back for release only when the last
 * manifest that names it goes, so changes run one after the other: what is shared must not change between looking and
 * committing. A collection's first manifest comes, and its last ones go, together with its row, which is `sysdb.ts`'s business.
 */
import type { Serial } from "../base/serial.js";
import type { BlockRef } from "../blockstore/blockstore.js";
import { show, TidepoolError } from "../errors.js";
import { idIn, manifestKey, stagedKey, versionKey } from "./catalog-keys.js";
import type { CollectionRow } from "./collection-row.js";
import { notFound } from "./directory.js";
import { emptyManifest, type MadeUnder, type Manifest, moveRefs, refKey, refsOnlyIn, type SectionKinds } from "./manifest.js";
import { decodeRow, encodeRow } from "./row.js";
import { type RowDamage, rowError, type SealedCatalog } from "./sealed-catalog.js";

/** A manifest and its row, for compare-and-set. */
export interface StoredManifest {
  manifest: Manifest;
  bytes: Uint8Array;
}

/** A manifest's taking the place of another. */
interface Succession {
  expect: Map<string, Uint8Array>;
  put: Map<string, Uint8Array>;
  gone: string[];
  /** Shows it, once it is committed. Returns the blocks that no manifest names any more, those of the `skipped` ones included. */
  show(skipped: readonly Manifest[]): BlockRef[];
}

/** Memory that the name of a block takes, estimated: an object of four numbers in an entry of a section, and their digits in a row. */
const REF_BYTES = 200;
const REF_ROW_BYTES = 100;

export interface ManifestsOptions {
  sections: SectionKinds;
  /** Who still needs log records that a manifest contains. */
  retention: { floor(collectionId: string): number };
  /** Published versions of each collection that stay readable, the current one included. */
  retainVersions: number;
}

export class Manifests {
  readonly #catalog: Pick<SealedCatalog, "commit">;
  readonly #published = new Map<string, StoredManifest>();
  readonly #staged = new Map<string, StoredManifest>();
  /** Rows of staged manifests that cannot be read: nothing is lost with them. */
  #lostStaged: string[] = [];
  /** Earlier manifests that are retained, by collection, oldest first. */
  readonly #versions = new Map<string, Manifest[]>();
  /** Rows that cannot be read, by collection: nobody knows which blocks they name. */
  readonly #lost = new Map<string, { key: string; error: TidepoolError }[]>();
  readonly #options: ManifestsOptions;
  readonly #changes: Serial;
  /** How many blocks each names, once that was asked for. */
  readonly #names = new WeakMap<Manifest, number>();

  private constructor(catalog: SealedCatalog, changes: Serial, options: ManifestsOptions) {
    this.#catalog = catalog;
    this.#changes = changes;
    this.#options = options;
  }

  /** Takes over the manifests. One of these collections that is missing or damaged is `CORRUPTION` to whoever asks for it. */
  static load(catalog: SealedCatalog, changes: Serial, options: ManifestsOptions, collections: readonly CollectionRow[]): Manifests {
    const manifests = new Manifests(catalog, changes, options);
    manifests.#load(catalog, new Map(collections.map(({ id, name }) => [id, name])));
    return manifests;
  }

  #load(catalog: SealedCatalog, names: ReadonlyMap<string, string>): void {
    for (const [key, bytes] of catalog.list("manifest/")) {
      this.#published.set(idIn(key), { manifest: this.#read(key, bytes), bytes });
    }
    for (const [key, bytes] of catalog.list("staged/")) {
      this.#staged.set(idIn(key), { manifest: this.#read(key, bytes), bytes });
    }
    this.#lostStaged = catalog.lost("staged/").map(({ key }) => key);
    for (const [key, bytes] of catalog.list("version/")) {
      const id = idIn(key);
      const versions = [...this.versions(id), this.#read(key, bytes)];
      this.#versions.set(
        id,
        versions.sort((a, b) => a.version - b.version),
      );
    }
    for (const damage of [...catalog.lost("manifest/"), ...catalog.lost("version/")]) this.#lose(damage, names);
    for (const id of names.keys()) {
      const key = manifestKey(id);
      if (!this.#published.has(id) && !this.#lost.get(id)?.some((lost) => lost.key === key)) this.#lose({ key, what: "is missing" }, names);
    }
  }

  /** A part that came later has no section in it. */
  #read(key: string, bytes: Uint8Array): Manifest {
    const manifest = decodeRow<Manifest>(key, bytes);
    return { ...manifest, sections: { ...this.#options.sections.empty(), ...manifest.sections } };
  }

  #lose(damage: Pick<RowDamage, "key" | "what">, names: ReadonlyMap<string, string>): void {
    const id = idIn(damage.key);
    const name = names.get(id);
    const { message, details } = rowError(damage);
    const told = name === undefined ? message : `The manifest of collection ${show(name)} cannot be read. ${message}`;
    this.#lost.set(id, [...(this.#lost.get(id) ?? []), { key: damage.key, error: new TidepoolError("CORRUPTION", told, { details }) }]);
  }

  /** Bytes of memory held, estimated by the blocks that are named: of the latest manifests there are the rows, too. */
  get byteLength(): number {
    let bytes = 0;
    for (const manifest of this.#allManifests()) bytes += REF_BYTES * this.#namesIn(manifest);
    for (const { manifest } of [...this.#published.values(), ...this.#staged.values()]) bytes += REF_ROW_BYTES * this.#namesIn(manifest);
    return bytes;
  }

  /** How many blocks a manifest names, and one for itself. */
  #namesIn(manifest: Manifest): number {
    let names = this.#names.get(manifest);
    if (names === undefined) {
      names = 1;
      for (const _ of this.#options.sections.refs(manifest.sections)) names++;
      this.#names.set(manifest, names);
    }
    return names;
  }

  /** What is wrong with a manifest that cannot be read; while there is one nobody knows all blocks in use. */
  get firstLoss(): TidepoolError | null {
    for (const [loss] of this.#lost.values()) return loss!.error;
    return null;
  }

  /** The published manifest. */
  published(id: string): Manifest {
    return this.stored(id).manifest;
  }

  /** What a collection is opened with: the staged manifest if there is one, else the published one. */
  latest(id: string): Manifest {
    const published = this.published(id);
    return this.#staged.get(id)?.manifest ?? published;
  }

  /** The newest manifest that can be read, be it an earlier one; `null` when all are lost. */
  newestReadable(id: string): Manifest | null {
    return this.#staged.get(id)?.manifest ?? this.#published.get(id)?.manifest ?? this.versions(id).at(-1) ?? null;
  }

  /** Collections that have a staged manifest. */
  stagedIds(): string[] {
    return [...this.#staged.keys()];
  }

  /** Earlier manifests that are retained, oldest first; the published one is not among them. */
  versions(id: string): readonly Manifest[] {
    return this.#versions.get(id) ?? [];
  }

  /** All manifests of a collection that can be read, oldest first; the last is the published one. `CORRUPTION` when one is lost. */
  retained(id: string): readonly Manifest[] {
    const lost = this.#lost.get(id);
    if (lost !== undefined) throw lost[0]!.error;
    return [...this.versions(id), this.published(id)];
  }

  /** Every block that the latest manifests of these collections name, as far as they can be read, once each. */
  latestRefs(ids: readonly string[]): BlockRef[] {
    return refsOnlyIn(
      this.#options.sections,
      ids.flatMap((id) => (this.#published.has(id) ? this.latest(id) : [])),
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

  /** Deletes the staged manifests that cannot be read, or name blocks which are not there. Called once, before anything is written. */
  async dropUnfounded(isThere: (refs: readonly BlockRef[]) => boolean): Promise<void> {
    const refsOf = ({ manifest }: StoredManifest) => refsOnlyIn(this.#options.sections, [manifest], []);
    const unfounded = [...this.#staged].filter(([, staged]) => !isThere(refsOf(staged)));
    const keys = [...this.#lostStaged, ...unfounded.map(([id]) => stagedKey(id))];
    if (keys.length > 0) await this.#catalog.commit({ delete: keys, makesRoom: true });
    for (const [id] of unfounded) this.#staged.delete(id);
  }

  /**
   * Makes a manifest in young arenas the one that the next opening goes on from, if its arenas are there by then. The log stays.
   * Returns the blocks that no manifest names any more: those of the one staged before, and of the `skipped` ones.
   */
  stage(id: string, next: Manifest, skipped: readonly Manifest[]): Promise<BlockRef[]> {
    return this.#changes.run(async () => {
      const before = this.#staged.get(id);
      const bytes = encodeRow(stagedKey(id), next);
      await this.#catalog.commit({
        expect: new Map([
          [manifestKey(id), this.stored(id).bytes],
          [stagedKey(id), before?.bytes ?? null],
        ]),
        put: new Map([[stagedKey(id), bytes]]),
      });
      this.#staged.set(id, { manifest: next, bytes });
      return this.refsOnlyIn(before === undefined ? skipped : [before.manifest, ...skipped]);
    });
  }

  /** Publishes what is staged, if it still is when its turn comes: what has taken its place meanwhile stays. */
  publishStaged(id: string): Promise<BlockRef[]> {
    return this.#changes.run(async () => {
      const staged = this.#staged.get(id);
      return staged === undefined ? [] : this.#publish(id, staged.manifest, []);
    });
  }

  /**
   * Commit point: replaces the manifest if nobody else did, and truncates the log to its offset, in one transaction.
   * Returns the blocks that no manifest names any more, those of the `skipped` and the staged ones included.
   */
  publish(id: string, next: Manifest, skipped: readonly Manifest[]): Promise<BlockRef[]> {
    return this.#changes.run(() => this.#publish(id, next, skipped));
  }

  async #publish(id: string, next: Manifest, skipped: readonly Manifest[]): Promise<BlockRef[]> {
    const { put, expect, gone, show } = this.succession(id, next);
    await this.#catalog.commit({
      expect,
      put,
      delete: gone,
      truncateLog: [{ collectionId: id, upTo: Math.min(next.offset, this.#options.retention.floor(id)) }],
      makesRoom: true,
    });
    return show(skipped);
  }

  /**
   * What is to be committed for the manifest to take the place of the published and the staged one. `madeUnder`: what the earlier versions
   * that are retained were made under, where the vectors of the next one are others.
   */
  succession(id: string, next: Manifest, madeUnder?: MadeUnder): Succession {
    const current = this.stored(id);
    const earlier = [...this.versions(id), current.manifest];
    const dropped = earlier.slice(0, Math.max(0, earlier.length - this.#options.retainVersions + 1));
    const retained = earlier.slice(dropped.length).map((manifest) => (madeUnder === undefined ? manifest : { madeUnder, ...manifest }));
    const bytes = encodeRow(manifestKey(id), next);
    const changed = retained.filter((manifest, i) => manifest !== earlier[dropped.length + i] || manifest === current.manifest);
    const rows = changed.map((manifest): [string, Uint8Array] => {
      const key = versionKey(id, manifest.version);
      return [key, encodeRow(key, manifest)];
    });
    const staged = this.#staged.get(id);
    const outdated = dropped.filter((manifest) => manifest !== current.manifest).map(({ version }) => versionKey(id, version));
    return {
      expect: new Map([[manifestKey(id), current.bytes]]),
      put: new Map([[manifestKey(id), bytes], ...rows]),
      gone: staged === undefined ? outdated : [...outdated, stagedKey(id)],
      show: (skipped) => {
        this.#published.set(id, { manifest: next, bytes });
        this.#staged.delete(id);
        this.#versions.set(id, retained);
        return this.refsOnlyIn([...dropped, ...skipped, ...(staged === undefined ? [] : [staged.manifest])]);
      },
    };
  }

  /** The blocks that the published manifest of a collection names, and no other manifest does. */
  ownRefs(id: string): BlockRef[] {
    const published = [...this.#published].filter(([other]) => other !== id).map(([, { manifest }]) => manifest);
    const staged = [...this.#staged.values()].map(({ manifest }) => manifest);
    return refsOnlyIn(this.#options.sections, [this.published(id)], [...published, ...staged, ...this.#allVersions()]);
  }

  /**
   * Commits that blocks have been copied to other places, in all manifests that name them; with an id, blocks that this collection's
   * published manifest alone names. A manifest stays that version, in the same object: whoever goes by it follows. Returns what nobody
   * names then: where the blocks were, and copies of those that nobody names any more, or that others have come to name.
   */
  move(copies: ReadonlyMap<BlockRef, BlockRef>, id?: string): Promise<BlockRef[]> {
    return this.#changes.run(async () => {
      const copyOf = new Map([...copies].map(([ref, copy]) => [refKey(ref), copy]));
      const refs = id === undefined ? this.blockRefs() : this.ownRefs(id);
      const left = refs.flatMap((ref) => (copyOf.has(refKey(ref)) ? { ...ref } : []));
      const places = new Map(left.map((ref) => [refKey(ref), copyOf.get(refKey(ref))!]));
      const { sections } = this.#options;
      const moved = [...this.#rows()].filter(([, manifest]) => refsOnlyIn(sections, [manifest], []).some((ref) => places.has(refKey(ref))));
      const put = new Map<string, Uint8Array>();
      for (const [key, manifest] of moved) {
        const next = decodeRow<Manifest>(key, encodeRow(key, manifest));
        moveRefs(sections, next, places);
        put.set(key, encodeRow(key, next));
      }
      await this.#catalog.commit({ put, makesRoom: true });
      for (const [, manifest] of moved) moveRefs(sections, manifest, places);
      for (const [id, stored] of this.#published) stored.bytes = put.get(manifestKey(id)) ?? stored.bytes;
      for (const [id, stored] of this.#staged) stored.bytes = put.get(stagedKey(id)) ?? stored.bytes;
      return [...left, ...[...copyOf].flatMap(([from, copy]) => (places.has(from) ? [] : [copy]))];
    });
  }

  /** All manifests, with the keys of their rows. */
  *#rows(): Generator<[key: string, manifest: Manifest]> {
    for (const [id, { manifest }] of this.#published) yield [manifestKey(id), manifest];
    for (const [id, { manifest }] of this.#staged) yield [stagedKey(id), manifest];
    for (const [id, manifests] of this.#versions) for (const manifest of manifests) yield [versionKey(id, manifest.version), manifest];
  }

  // ---- what comes and goes with a collection's row

  /** The published manifest and its row. */
  stored(id: string): StoredManifest {
    const stored = this.#published.get(id);
    const lost = this.#lost.get(id)?.find(({ key }) => key === manifestKey(id));
    if (lost !== undefined) throw lost.error;
    if (stored === undefined) throw notFound("Collection", id);
    return stored;
  }

  /** The first manifest of a collection that begins with nothing. */
  first(id: string): StoredManifest {
    return storedAs(id, emptyManifest(this.#options.sections.empty(), id));
  }

  /** The keys of all rows of a collection's manifests. */
  keysOf(id: string): string[] {
    const lost = (this.#lost.get(id) ?? []).map(({ key }) => key);
    const staged = this.#staged.has(id) ? [stagedKey(id)] : [];
    return [...new Set([manifestKey(id), ...staged, ...this.versions(id).map(({ version }) => versionKey(id, version)), ...lost])];
  }

  /** Manifests of new collections, oldest first, to be committed with their rows. */
  restored(all: ReadonlyMap<string, readonly Manifest[]>): { put: Map<string, Uint8Array>; show(): void } {
    const put = new Map<string, Uint8Array>();
    for (const [id, manifests] of all) {
      for (const [i, manifest] of manifests.entries()) {
        const key = i + 1 < manifests.length ? versionKey(id, manifest.version) : manifestKey(id);
        put.set(key, encodeRow(key, manifest));
      }
    }
    const show = (): void => {
      for (const [id, manifests] of all) {
        this.#published.set(id, { manifest: manifests.at(-1)!, bytes: put.get(manifestKey(id))! });
        this.#versions.set(id, manifests.slice(0, -1));
      }
    };
    return { put, show };
  }

  /** Shows the manifest of a collection that was committed. */
  add(id: string, stored: StoredManifest): void {
    this.#published.set(id, stored);
  }

  /** Shows one manifest in place of all others of the collection, as was committed. Returns as `remove` does. */
  replace(id: string, stored: StoredManifest, skipped: readonly Manifest[]): BlockRef[] {
    const current = [this.#published.get(id), this.#staged.get(id)].flatMap((one) => one?.manifest ?? []);
    const gone = [...this.versions(id), ...current, ...skipped];
    this.#staged.delete(id);
    this.#versions.delete(id);
    this.#lost.delete(id);
    this.#published.set(id, stored);
    return this.refsOnlyIn(gone);
  }

  /**
   * Forgets the manifests of collections whose deletion was committed. Returns the blocks that they, or `unpublished` ones of the
   * collections, name and no other does.
   */
  remove(ids: readonly string[], unpublished: readonly Manifest[]): BlockRef[] {
    const gone = [...unpublished];
    for (const id of ids) {
      for (const stored of [this.#published.get(id), this.#staged.get(id)]) gone.push(...(stored === undefined ? [] : [stored.manifest]));
      gone.push(...this.versions(id));
      for (const manifests of [this.#published, this.#staged, this.#versions, this.#lost]) manifests.delete(id);
    }
    return this.refsOnlyIn(gone);
  }

  #allManifests(): Manifest[] {
    return [...this.#rows()].map(([, manifest]) => manifest);
  }

  #allVersions(): Manifest[] {
    return [...this.#versions.values()].flat();
  }
}

/** The manifest with its row under the collection's key. */
export function storedAs(id: string, manifest: Manifest): StoredManifest {
  return { manifest, bytes: encodeRow(manifestKey(id), manifest) };
}
