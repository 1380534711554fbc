/**
 * Repairs a damaged collection, also one whose row is lost: what can still be read becomes new blocks, with indexes built from them,
 * and a manifest that names them. Reads go on as they did meanwhile, writes wait, and nothing of it is changed before one transaction
 * puts the new manifest in place of the old ones and of the log; so a repair that fails, or is interrupted, leaves all as it was.
 */

import type { LogRecord } from "../base/operations.js";
import { inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import type { BlockRef, BlockStore, BlockWriter } from "../blockstore/blockstore.js";
import { untilSettled } from "../blockstore/settled.js";
import type { CollectionState } from "../collection/collection-state.js";
import type { OpenCollections } from "../collection/open-collections.js";
import type { salvageRecords } from "../collection/salvage.js";
import { limits } from "../limits.js";
import type { Log } from "../log/log.js";
import type { RepairedCollection } from "../service.js";
import type { Environment } from "../storage.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type { Manifest } from "../sysdb/manifest.js";
import type { SysDb } from "../sysdb/sysdb.js";
import { compact } from "./compaction.js";
import type { Compactor } from "./compactor.js";

export interface RepairerParts {
  sysdb: SysDb;
  collections: Pick<OpenCollections, "whileUnchanged" | "replace">;
  compactor: Pick<Compactor, "pause" | "resume">;
  log: Pick<Log, "salvage">;
  blocks: BlockStore;
  environment: Pick<Environment, "now" | "schedule">;
  tick: Tick;
  salvageRecords: typeof salvageRecords;
  /** Of a collection whose own is lost. */
  configuration: CollectionRow["configuration"];
  /** A state of the collection that holds nothing and that nobody else knows. */
  openEmpty(row: CollectionRow): Promise<CollectionState>;
  /** Gives back the space of blocks that nobody names any more; never rejects, since the repair is durable by then. */
  free(refs: readonly BlockRef[], collection: string): Promise<void>;
}

interface Replaced {
  repaired: Omit<RepairedCollection, "row">;
  /** Blocks that no manifest names any more. */
  garbage: readonly BlockRef[];
}

export class Repairer {
  readonly #parts: RepairerParts;

  constructor(parts: RepairerParts) {
    this.#parts = parts;
  }

  /** Blocks of the old collection are freed after those who still read it. */
  async repair(id: string): Promise<RepairedCollection> {
    const { collections, free } = this.#parts;
    const { row, known } = await this.#rowOf(id);
    const { repaired, garbage, unused } = await collections.whileUnchanged(id, () => this.#replace(row));
    await unused;
    await free(garbage, row.name);
    return { ...repaired, row: known };
  }

  async #rowOf(id: string): Promise<{ row: CollectionRow; known: RepairedCollection["row"] }> {
    const { sysdb, configuration } = this.#parts;
    if (sysdb.directory.lostIds.includes(id)) return sysdb.rowOfLost(id, { configuration });
    return { row: sysdb.directory.collectionById(id), known: "kept" };
  }

  async #replace(row: CollectionRow): Promise<Replaced & { unused: Promise<void> }> {
    const { collections, compactor } = this.#parts;
    const paused = await compactor.pause(row.id);
    let isReplaced = false;
    try {
      const replaced = await this.#rebuild(row, paused.unpublished);
      isReplaced = true;
      return { ...replaced, unused: collections.replace(row.id) };
    } finally {
      compactor.resume(paused, isReplaced);
    }
  }

  async #rebuild(row: CollectionRow, unpublished: readonly Manifest[]): Promise<Replaced> {
    const { sysdb, blocks, log, openEmpty } = this.#parts;
    const before = sysdb.manifests.newestReadable(row.id);
    const logged = await log.salvage(row, before ?? { offset: 0, link: 0 });
    const scratch = await openEmpty(row);
    const batch = blocks.beginRepair();
    try {
      const rounds = await this.#fill(scratch, before, logged.records, batch);
      const next = { ...scratch.manifest, ...logged.end, version: (before?.version ?? 0) + 1, requests: before?.requests ?? [] };
      await batch.flush();
      // Nothing is published before the names of its arenas are safe.
      await untilSettled(this.#parts);
      const garbage = await sysdb.replaceCollection(row, next, [...unpublished, ...rounds]);
      batch.publish();
      const repaired = { id: row.id, name: row.name, kept: scratch.count, counted: before?.count ?? null, lostLogRecords: logged.lost };
      return { repaired, garbage };
    } catch (error) {
      await batch.giveBack();
      throw error;
    } finally {
      scratch.dispose();
    }
  }

  /** Puts all that is left into the state and its blocks; returns the manifests on the way there. */
  async #fill(scratch: CollectionState, before: Manifest | null, logged: readonly LogRecord[], writer: BlockWriter): Promise<Manifest[]> {
    const rounds: Manifest[] = [];
    const apply = async (record: LogRecord): Promise<void> => {
      const place = { offset: scratch.appliedOffset + 1, link: 0 };
      await inTurns(scratch.apply(place, record, 0, await scratch.prepareToApply(record)), this.#parts.tick);
      if (scratch.records.memtableBytes >= limits.compactionLogBytes) rounds.push(await this.#compact(scratch, writer));
      await this.#parts.tick();
    };
    if (before !== null) {
      for await (const records of this.#parts.salvageRecords(before.sections, this.#parts)) {
        await apply({ kind: "write", operation: "add", records });
      }
    }
    for (const record of logged) await apply(record);
    await this.#compact(scratch, writer);
    return rounds;
  }

  async #compact(scratch: CollectionState, writer: BlockWriter): Promise<Manifest> {
    const prepared = await compact(scratch, writer, this.#parts.tick);
    prepared.install();
    return prepared.manifest;
  }
}
