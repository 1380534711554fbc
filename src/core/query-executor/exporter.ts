/** Exports: records of one moment, read page by page. */
import type { Tick } from "../base/turns.js";
import type { BlockStore } from "../blockstore/blockstore.js";
import type { CollectionState } from "../collection/collection-state.js";
import type { ExportPagePlan, SelectionPlan } from "../gateway/plan.js";
import { limits } from "../limits.js";
import type { ExportBegun } from "../service.js";
import type { Environment } from "../storage.js";
import type { RecordColumns } from "../types.js";
import type { FrozenRead, QueryExecutor } from "./executor.js";
import { columnBytes, joinedColumns } from "./operators/respond.js";
import { fieldsOf } from "./operators/select.js";
import { Snapshots } from "./snapshots.js";

/** Records that are fetched between two ticks. */
const CHUNK = 64;

interface Frozen extends FrozenRead {
  readonly ordinals: Uint32Array;
}

export class Exporter {
  readonly #snapshots: Snapshots<Frozen>;
  readonly #blocks: Pick<BlockStore, "hold">;
  readonly #tick: Tick;

  constructor(environment: Pick<Environment, "randomId" | "schedule">, blocks: Pick<BlockStore, "hold">, tick: Tick) {
    this.#snapshots = new Snapshots(environment);
    this.#blocks = blocks;
    this.#tick = tick;
  }

  /** The snapshot is of the moment in which the read has the collection's lock. */
  async begin(state: CollectionState, plan: SelectionPlan, executor: QueryExecutor): Promise<ExportBegun> {
    this.#snapshots.checkRoom();
    const release = this.#blocks.hold();
    try {
      const frozen = await executor.freeze(state, plan);
      const snapshot = this.#snapshots.add(state.row.id, frozen, release);
      return { snapshot, count: frozen.ordinals.length, dimension: frozen.dimension };
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** About a page's worth of records, at least one where any are left. */
  page({ owner, snapshot, from, include }: ExportPagePlan): Promise<RecordColumns> {
    return this.#snapshots.read({ owner, snapshot }, async ({ ordinals, fetch }) => {
      const fields = fieldsOf(include);
      const chunks: RecordColumns[] = [await fetch(ordinals.subarray(from, from + 1), fields)];
      for (let at = from + 1, bytes = columnBytes(chunks[0]!); at < ordinals.length && bytes < limits.exportPageBytes; ) {
        await this.#tick();
        const perRecord = bytes / (at - from);
        const records = Math.max(1, Math.min(CHUNK, Math.floor((limits.exportPageBytes - bytes) / perRecord)));
        const chunk = await fetch(ordinals.subarray(at, at + records), fields);
        chunks.push(chunk);
        bytes += columnBytes(chunk);
        at += chunk.ids.length;
      }
      return joinedColumns(chunks);
    });
  }

  end(name: { owner: string; snapshot: string }): Promise<void> {
    return this.#snapshots.end(name);
  }

  close(): void {
    this.#snapshots.close();
  }
}
