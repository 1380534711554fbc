/**
 * Writes and deletions, from the request to its acknowledgement:
 *
 *     validation → back-pressure → plan → log → apply → listeners → acknowledgement
 *
 * Invariants:
 * - Acknowledged means durable and visible: a call resolves after its record was logged and applied, or rejects.
 * - The operations of a collection enter the log in the order of their calls (`write-line.ts`), whatever each awaits on the way, and
 *   are applied in the order of the log.
 * - What is refused leaves nothing behind: everything that depends on the request is checked before the log.
 * - The first write claims the dimension in the very moment in which it is checked against it, so two first writes cannot both pass
 *   with different ones.
 * - A request with an id is applied once, however often it is tried (`applied-requests.ts`).
 * - A record that is durable and cannot be applied poisons the engine.
 *
 * Whatever takes long (checking, quantizing, encoding) happens before the collection's exclusive lock is taken, with ticks between.
 */
import type { Availability } from "../base/availability.js";
import type { LogPlace } from "../base/log-chain.js";
import type { Tick } from "../base/turns.js";
import type { Compactor } from "../compactor/compactor.js";
import { TidepoolError } from "../errors.js";
import type { planDelete, planWrite } from "../gateway/plan.js";
import type { QuantizedRows } from "../index/vector/quantize.js";
import type { Log } from "../log/log.js";
import type { encodeLogRecord, LogRecord } from "../log/log-record.js";
import type { QueryExecutor } from "../query-executor/executor.js";
import type { DeleteRequest, WriteRequest } from "../service.js";
import type { AppliedListeners } from "./applied-listeners.js";
import type { Outcome } from "./applied-requests.js";
import type { CollectionState } from "./collection-state.js";
import type { Logged } from "./write-line.js";

export interface WriterParts {
  availability: Availability;
  tick: Tick;
  planWrite: typeof planWrite;
  planDelete: typeof planDelete;
  compactor: Pick<Compactor, "waitForRoom">;
  executor: Pick<QueryExecutor, "selectIds">;
  encode: typeof encodeLogRecord;
  log: Pick<Log, "append">;
  listeners: AppliedListeners;
}

export class Writer {
  readonly #parts: WriterParts;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Resolves once the batch is durable and visible to every later read. `requestId` goes into the log with it. */
  async write(state: CollectionState, request: WriteRequest, requestId?: string): Promise<void> {
    await state.requests.once(requestId, () => state.writeLine.enter(() => this.#prepareWrite(state, request, requestId)));
  }

  async #prepareWrite(state: CollectionState, request: WriteRequest, requestId: string | undefined): Promise<Logged<Outcome>> {
    const { tick, planWrite, compactor } = this.#parts;
    // Reads that arrived with the write go first: it takes long.
    await tick();
    // No await between the check and the claim.
    const records = planWrite(request, state.dimension);
    const dimension = records.embeddings?.dimension ?? null;
    state.vectors.claimDimension(dimension);
    const unclaim = (): void => state.vectors.unclaimDimension(dimension);
    try {
      await compactor.waitForRoom(state);
      await tick();
      const codes = state.vectors.quantize(records);
      await tick();
      const { logged } = await this.#log(state, { kind: "write", operation: request.operation, records, requestId }, codes);
      return { logged: logged.finally(unclaim) };
    } catch (error) {
      unclaim();
      throw error;
    }
  }

  /** Resolves with the number of records really deleted. The selection is made here, once: what is logged are ids. */
  delete(state: CollectionState, request: DeleteRequest, requestId?: string): Promise<Outcome> {
    return state.requests.once(requestId, () => this.#delete(state, request, requestId));
  }

  async #delete(state: CollectionState, request: DeleteRequest, requestId: string | undefined): Promise<Outcome> {
    const { planDelete, compactor, executor } = this.#parts;
    const plan = planDelete(request, state.indexes);
    if (plan === null) return { deleted: 0 };
    return state.writeLine.enter(async (before) => {
      // It deletes what all writes before it have written.
      await before;
      const ids = await executor.selectIds(state, plan);
      if (ids.length === 0) return { logged: Promise.resolve({ deleted: 0 }) };
      await compactor.waitForRoom(state);
      return this.#log(state, { kind: "delete", ids, requestId });
    });
  }

  /** Resolves when the record's place in the order of the log is certain. */
  async #log(state: CollectionState, record: LogRecord, codes: QuantizedRows | null = null): Promise<Logged<Outcome>> {
    const { availability, tick, encode, log } = this.#parts;
    const bytes = encode(record);
    await tick();
    availability.check();
    if (state.dropped) throw new TidepoolError("NOT_FOUND", `Collection [${state.row.name}] does not exist`);
    const target = { collectionId: state.row.id, applied: () => state.applied };
    const apply = (place: LogPlace) => this.#apply(state, place, record, bytes.length, codes);
    return { logged: log.append(target, bytes, apply, record.kind === "delete") };
  }

  /** Called when the record is durable, and after all before it in the log; the call is acknowledged when this resolves. */
  async #apply(
    state: CollectionState,
    place: LogPlace,
    record: LogRecord,
    byteLength: number,
    codes: QuantizedRows | null,
  ): Promise<Outcome> {
    await this.#parts.tick();
    const outcome = await state.lock.exclusive(() => {
      this.#parts.availability.checkPoison();
      return this.#orPoison(state, place.offset, () => state.apply(place, record, byteLength, codes));
    });
    this.#parts.listeners.tell({ state, offset: place.offset, record });
    return outcome;
  }

  #orPoison<T>(state: CollectionState, offset: number, apply: () => T): T {
    try {
      return apply();
    } catch (cause) {
      const what = `Applying log record ${offset} of collection "${state.row.name}"`;
      const message = `${what} failed; reopen the database. The record is in the log.`;
      throw this.#parts.availability.poison(new TidepoolError("POISONED", message, { cause }));
    }
  }
}
