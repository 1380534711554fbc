/**
 * Restores: a backup's file, fed piece by piece, becomes blocks that nobody names, and at its end one transaction puts all tenants,
 * databases, collections and their manifests in place. So nothing of it is seen before it is whole, and a restore that fails, is
 * interrupted, or ends with its worker leaves nothing but free space.
 *
 * What the segments of a collection did not have yet comes as log records: they are applied to a state that nobody else knows, and
 * compacted.
 */

import { crc32 } from "../base/checksum.js";
import { decodeJson } from "../base/json-bytes.js";
import { inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import type { BlockBatch, BlockRef, BlockStore } from "../blockstore/blockstore.js";
import { untilSettled } from "../blockstore/settled.js";
import type { CollectionState } from "../collection/collection-state.js";
import { sectionKinds } from "../collection/parts.js";
import { compact } from "../compactor/compaction.js";
import { show, TidepoolError } from "../errors.js";
import { decodeLogRecord } from "../log/log-record.js";
import type { Snapshots } from "../query-executor/snapshots.js";
import type { RestoreMode, RestoreReport } from "../service.js";
import type { Environment } from "../storage.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import { type Manifest, moveRefs, refKey } from "../sysdb/manifest.js";
import { FORMAT_VERSION, type SysDb } from "../sysdb/sysdb.js";
import { BACKUP_VERSION, type BackupHead, damagedBackup, type Part, PartReader } from "./backup-file.js";
import { savedRefs } from "./saved-refs.js";

export interface RestoreParts {
  sysdb: SysDb;
  blocks: BlockStore;
  environment: Pick<Environment, "now" | "schedule">;
  tick: Tick;
  /** A state that nobody else knows, of a manifest and nothing of the log. */
  openApart(row: CollectionRow, manifest: Manifest): Promise<CollectionState>;
  /** Rejects with `NOT_SUPPORTED` where what the configuration names cannot run. */
  loadFor(collection: string, configuration: CollectionRow["configuration"]): Promise<unknown>;
  /** Gives back the space of blocks that nobody names any more; never rejects. */
  free(refs: readonly BlockRef[], collections: readonly string[]): Promise<void>;
}

/** Who owns restores. */
const OWNER = "restore";

export class Restores {
  readonly #parts: RestoreParts;
  readonly #sittings: Snapshots<Restore>;

  constructor(parts: RestoreParts, sittings: Snapshots<Restore>) {
    this.#parts = parts;
    this.#sittings = sittings;
  }

  begin(mode: RestoreMode): string {
    this.#sittings.checkRoom();
    if (mode === "new") this.#parts.sysdb.directory.refuseUnlessEmpty();
    const restore = new Restore(this.#parts, mode);
    return this.#sittings.add(OWNER, restore, () => restore.giveUp());
  }

  /** Takes the bytes at a place of the file; those that it has are passed over. */
  feed(restore: string, at: number, bytes: Uint8Array): Promise<void> {
    return this.#on(restore, (one) => one.feed(at, bytes));
  }

  /** Resolves when the file is whole and its blocks can be relied upon. */
  prepare(restore: string): Promise<void> {
    return this.#on(restore, (one) => one.prepare());
  }

  /** Puts everything in place. For a caller that lets nobody else change the system database. */
  async commit(restore: string, requestId?: string): Promise<CollectionRow[]> {
    const rows = await this.#on(restore, (one) => one.commit(requestId));
    await this.abort(restore);
    return rows;
  }

  report(restore: string): Promise<RestoreReport> {
    return this.#on(restore, async (one) => one.report);
  }

  /** Ends it, and gives back all that is not in place. */
  abort(restore: string): Promise<void> {
    return this.#sittings.end({ owner: OWNER, snapshot: restore });
  }

  #on<T>(restore: string, body: (one: Restore) => Promise<T>): Promise<T> {
    return this.#sittings.read({ owner: OWNER, snapshot: restore }, body);
  }
}

/** One restore under way. */
export class Restore {
  readonly #parts: RestoreParts;
  readonly #mode: RestoreMode;
  readonly #reader = new PartReader();
  readonly #batch: BlockBatch;
  #head: BackupHead | null = null;
  /** Blocks that are still to come, in their order. */
  #refs: Iterator<BlockRef> = [].values();
  #nextRef: BlockRef | undefined;
  /** Where the blocks are now, by where they were. */
  readonly #places = new Map<string, BlockRef>();
  /** The collection whose entries are being applied. */
  #applying: { at: number; state: CollectionState } | null = null;
  /** Blocks of segments that the entries have changed. */
  readonly #replaced: Manifest[] = [];
  #isSealed = false;
  #isOver = false;

  constructor(parts: RestoreParts, mode: RestoreMode) {
    this.#parts = parts;
    this.#mode = mode;
    this.#batch = parts.blocks.begin();
  }

  get report(): RestoreReport {
    const { tenants = [], databases = [], collections = [] } = this.#head ?? {};
    const records = collections.reduce((sum, { count }) => sum + count, 0);
    return { tenants: tenants.length, databases: databases.length, collections: collections.length, records };
  }

  async feed(at: number, bytes: Uint8Array): Promise<void> {
    const { received } = this.#reader;
    if (at > received || this.#isOver)
      throw new TidepoolError("INTERNAL", `A restore that has ${received} bytes was fed those from ${at} on`);
    this.#reader.push(bytes.subarray(received - at));
    for (let part = this.#reader.next(); part !== null; part = this.#reader.next()) {
      await this.#take(part);
      await this.#parts.tick();
    }
  }

  async #take({ kind, payload }: Part): Promise<void> {
    if (this.#isSealed) throw damagedBackup("it goes on after its seal");
    if ((kind === "head") !== (this.#head === null)) throw damagedBackup("its head is not its first part, or there are two");
    if (kind === "head") await this.#takeHead(readHead(payload));
    else if (kind === "block") await this.#takeBlock(payload);
    else if (this.#nextRef !== undefined) throw damagedBackup(`block ${refKey(this.#nextRef)} is missing`);
    else if (kind === "entries") await this.#takeEntries(payload);
    else await this.#takeSeal(payload);
  }

  async #takeHead(head: BackupHead): Promise<void> {
    const { sysdb, loadFor } = this.#parts;
    this.#head = head;
    sysdb.directory.restored(head, rowsOf(head), this.#mode === "new");
    for (const { row } of head.collections) await loadFor(row.name, row.configuration);
    this.#refs = savedRefs(head);
    this.#nextRef = this.#refs.next().value;
  }

  async #takeBlock(bytes: Uint8Array): Promise<void> {
    const ref = this.#nextRef;
    if (ref === undefined) throw damagedBackup("it has more blocks than its manifests name");
    if (bytes.length !== ref.length || crc32(bytes) !== ref.crc32)
      throw damagedBackup(`block ${refKey(ref)} is not what its manifest tells`);
    this.#places.set(refKey(ref), await this.#batch.write(bytes));
    this.#nextRef = this.#refs.next().value;
    if (this.#nextRef === undefined) this.#moveAll();
  }

  /** All blocks have a place: the manifests name it from here on. */
  #moveAll(): void {
    for (const { manifests } of this.#head!.collections) for (const manifest of manifests) moveRefs(sectionKinds, manifest, this.#places);
  }

  async #takeEntries(payload: Uint8Array): Promise<void> {
    if (payload.length < 4) throw damagedBackup("a part of entries is too short");
    const at = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
    if (at !== this.#applying?.at) await this.#begin(at);
    const { state } = this.#applying!;
    const record = decodeLogRecord(payload.slice(4), "of the backup");
    const place = { offset: state.appliedOffset + 1, link: 0 };
    await inTurns(state.apply(place, record, 0, await state.prepareToApply(record)), this.#parts.tick);
  }

  async #begin(at: number): Promise<void> {
    const before = this.#applying?.at ?? -1;
    await this.#compactEntries();
    const saved = this.#head!.collections[at];
    if (saved === undefined || at <= before) throw damagedBackup(`it has entries of a collection ${at}, out of order`);
    this.#applying = { at, state: await this.#parts.openApart(saved.row, saved.manifests.at(-1)!) };
  }

  /** What the entries have made takes the place of the manifest that they lie over. */
  async #compactEntries(): Promise<void> {
    if (this.#applying === null) return;
    const { at, state } = this.#applying;
    const saved = this.#head!.collections[at]!;
    this.#applying = null;
    try {
      const { manifest } = await compact(state, this.#batch, this.#parts.tick);
      this.#replaced.push(saved.manifests.pop()!);
      const { version, requests } = { ...manifest, requests: saved.requests };
      saved.manifests.push({ ...manifest, ...saved.applied, version, requests });
    } finally {
      state.dispose();
    }
  }

  async #takeSeal(payload: Uint8Array): Promise<void> {
    await this.#compactEntries();
    const { parts } = jsonOf<{ parts: number }>(payload, "seal");
    if (parts !== this.#reader.count - 1) throw damagedBackup(`it has ${this.#reader.count - 1} parts and not ${parts}`);
    const wrong = this.#head!.collections.find(({ count, manifests }) => manifests.at(-1)!.count !== count);
    if (wrong !== undefined)
      throw damagedBackup(`collection ${show(wrong.row.name)} does not have the ${wrong.count} records that it should`);
    this.#isSealed = true;
  }

  /** Nothing is committed before the names of its arenas are safe, which right after creating one takes a minute. */
  async prepare(): Promise<void> {
    const { received } = this.#reader;
    if (!this.#isSealed || !this.#reader.isBetweenParts) {
      throw damagedBackup(`it ends after ${received} bytes without a seal, so the end of it is missing`);
    }
    await this.#batch.flush();
    await untilSettled(this.#parts);
  }

  async commit(requestId: string | undefined): Promise<CollectionRow[]> {
    const { sysdb, free } = this.#parts;
    const head = this.#head!;
    const rows = rowsOf(head);
    const saved = head.collections.map(({ manifests }) => manifests);
    const committed = await sysdb.restore(head, rows, saved, this.#mode === "new", requestId);
    this.#batch.publish();
    this.#isOver = true;
    await free(
      sysdb.manifests.refsOnlyIn(this.#replaced),
      rows.map(({ name }) => name),
    );
    return committed;
  }

  /** Nothing of what is in place is given back: those blocks are the manifests'. */
  async giveUp(): Promise<void> {
    this.#isOver = true;
    this.#applying?.state.dispose();
    await this.#batch.giveBack();
  }
}

function rowsOf({ collections }: BackupHead): CollectionRow[] {
  return collections.map(({ row }) => row);
}

function readHead(payload: Uint8Array): BackupHead {
  const head = jsonOf<BackupHead>(payload, "head");
  const { backupVersion, formatVersion } = head;
  if (backupVersion > BACKUP_VERSION || formatVersion > FORMAT_VERSION) {
    throw new TidepoolError(
      "FORMAT_TOO_NEW",
      `The backup has version ${backupVersion} and format version ${formatVersion}; this release reads up to ${BACKUP_VERSION} and ` +
        `${FORMAT_VERSION}. Update tidepool-db to restore it. Nothing was restored`,
      { details: { found: formatVersion, supported: FORMAT_VERSION } },
    );
  }
  const { tenants, databases, collections } = head;
  const isWhole =
    [tenants, databases, collections].every(Array.isArray) && collections.every(({ row, manifests }) => row && manifests?.length);
  if (!isWhole || formatVersion !== FORMAT_VERSION) throw damagedBackup("its head does not say what it has");
  return head;
}

function jsonOf<T>(payload: Uint8Array, what: string): T {
  try {
    return decodeJson(payload) as T;
  } catch (cause) {
    throw damagedBackup(`its ${what} is no JSON`, cause);
  }
}
