/**
 * Backups: the whole database as it is in one moment, read piece by piece. The moment is one in which nobody changes anything: every
 * collection is held still until what its memory has is copied, and the space of its blocks is kept from then on. After that writes go
 * on, and nothing but memory and blocks is read.
 */

import { concat } from "../base/concat.js";
import { encodeJson } from "../base/json-bytes.js";
import { inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import type { BlockRef, BlockStore } from "../blockstore/blockstore.js";
import type { CollectionState } from "../collection/collection-state.js";
import type { MemtableEntry } from "../collection/memtable.js";
import type { OpenCollections } from "../collection/open-collections.js";
import { limits } from "../limits.js";
import { encodeLogRecord } from "../log/log-record.js";
import type { Snapshots } from "../query-executor/snapshots.js";
import type { BackupBegun } from "../service.js";
import type { Environment } from "../storage.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import { refKey } from "../sysdb/manifest.js";
import { FORMAT_VERSION, type SysDb } from "../sysdb/sysdb.js";
import { BACKUP_VERSION, type BackupHead, PartWriter, type SavedCollection } from "./backup-file.js";
import { publishedBlocks } from "./published-blocks.js";
import { recordsOf } from "./saved-entries.js";
import { savedRefs } from "./saved-refs.js";

export interface BackupParts {
  sysdb: SysDb;
  collections: Pick<OpenCollections, "use" | "whileUnchanged">;
  blocks: Pick<BlockStore, "hold" | "readBytes">;
  environment: Pick<Environment, "now">;
  tick: Tick;
}

type Entries = ReadonlyMap<number, MemtableEntry>;

/** A backup under way: its bytes, and the piece that was read last, should its answer have been lost. */
export interface Backup {
  readonly pieces: AsyncGenerator<Uint8Array, void, undefined>;
  at: number;
  piece: Uint8Array | null;
}

/** Who owns the snapshots of backups. */
const OWNER = "backup";

export class Backups {
  readonly #parts: BackupParts;
  readonly #snapshots: Snapshots<Backup>;

  constructor(parts: BackupParts, snapshots: Snapshots<Backup>) {
    this.#parts = parts;
    this.#snapshots = snapshots;
  }

  /** For a caller that lets nobody change the system database meanwhile. */
  async begin(versions: boolean, publishes = false): Promise<BackupBegun> {
    this.#snapshots.checkRoom();
    const release = this.#parts.blocks.hold();
    try {
      const { head, entries } = await this.#takeAll(versions);
      const blocks = publishes ? publishedBlocks(head) : undefined;
      const refs = (blocks?.map(({ ref }) => ref) ?? [...savedRefs(head)]).map((ref) => ({ ...ref }));
      const pieces = this.#pieces(encodeJson(head), refs, entries);
      const snapshot = this.#snapshots.add(OWNER, { pieces, at: -1, piece: null }, release);
      return { snapshot, bytes: refs.reduce((bytes, { length }) => bytes + length, 0), ...(blocks && { blocks }) };
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** The `at`-th piece, `null` at the end. The last one can be asked for again. */
  read(snapshot: string, at: number): Promise<Uint8Array | null> {
    return this.#snapshots.read({ owner: OWNER, snapshot }, async (backup) => {
      if (at === backup.at + 1) {
        const { value = null } = await backup.pieces.next();
        Object.assign(backup, { at, piece: value });
      }
      return backup.piece;
    });
  }

  end(snapshot: string): Promise<void> {
    return this.#snapshots.end({ owner: OWNER, snapshot });
  }

  async #takeAll(versions: boolean): Promise<{ head: BackupHead; entries: Entries[] }> {
    const { directory, manifests } = this.#parts.sysdb;
    directory.refuseLost();
    const loss = manifests.firstLoss;
    if (loss !== null) throw loss;
    const rows = directory.listCollections();
    const taken = await this.#whileUnchanged(rows, async () => {
      const all: [SavedCollection, Entries][] = [];
      for (const row of rows) all.push(await this.#parts.collections.use(row, (state) => this.#take(state, versions)));
      return all;
    });
    const head: BackupHead = {
      backupVersion: BACKUP_VERSION,
      formatVersion: FORMAT_VERSION,
      createdAt: this.#parts.environment.now(),
      ...directory.scopes(),
      collections: taken.map(([saved]) => saved),
    };
    return { head, entries: taken.map(([, entries]) => entries) };
  }

  #whileUnchanged<T>(rows: readonly CollectionRow[], body: () => Promise<T>): Promise<T> {
    const { collections } = this.#parts;
    return rows.reduceRight<() => Promise<T>>(
      (inner, { id }) =>
        () =>
          collections.whileUnchanged(id, inner),
      body,
    )();
  }

  /** In one step, so nothing moves. */
  #take(state: CollectionState, versions: boolean): [SavedCollection, Entries] {
    const { row, manifest, applied, count } = state;
    const earlier = versions ? this.#parts.sysdb.manifests.retained(row.id).filter(({ version }) => version < manifest.version) : [];
    const saved = { row, manifests: [...earlier, manifest], applied, requests: state.requests.list(), count };
    return [structuredCloneOf(saved), state.records.frozen().entries];
  }

  /** Parts put together to pieces of about `exportPageBytes`. */
  async *#pieces(head: Uint8Array, refs: readonly BlockRef[], entries: readonly Entries[]): AsyncGenerator<Uint8Array, void, undefined> {
    let waiting: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of this.#framed(head, refs, entries)) {
      waiting.push(...part);
      bytes += part.reduce((sum, { length }) => sum + length, 0);
      if (bytes < limits.exportPageBytes) continue;
      yield concat(Uint8Array, waiting);
      waiting = [];
      bytes = 0;
    }
    if (bytes > 0) yield concat(Uint8Array, waiting);
  }

  async *#framed(head: Uint8Array, refs: readonly BlockRef[], entries: readonly Entries[]): AsyncGenerator<Uint8Array[], void, undefined> {
    const { blocks, tick } = this.#parts;
    const parts = new PartWriter();
    yield parts.frame("head", head);
    for (const ref of refs) {
      yield parts.frame("block", await blocks.readBytes(ref, `block ${refKey(ref)} of the backup`));
      await tick();
    }
    for (const [collection, own] of entries.entries()) {
      for (const record of recordsOf(own)) {
        const number = new Uint8Array(4);
        new DataView(number.buffer).setUint32(0, collection, true);
        yield parts.frame("entries", concat(Uint8Array, [number, await inTurns(encodeLogRecord(record), tick)]));
        await tick();
      }
    }
    yield parts.frame("seal", encodeJson({ parts: parts.count }));
  }
}

/** Plain JSON, of which nothing moves any more. */
function structuredCloneOf<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
