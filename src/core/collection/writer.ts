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
 * - A transaction is decided when all before it in the log are applied and none can come between; it is one record of the log.
 * - A record that is durable and cannot be applied poisons the engine.
 *
 * Whatever takes long (checking, quantizing, encoding) happens before the collection's exclusive lock is taken, with ticks between.
 */
import type { Availability } from "../base/availability.js";
import type { LogPlace } from "../base/log-chain.js";
import { type LogOperation, type LogRecord, operationsOf } from "../base/operations.js";
import { inTurns } from "../base/steps.js";
import type { Tick } from "../base/turns.js";
import type { Compactor } from "../compactor/compactor.js";
import { show, TidepoolError } from "../errors.js";
import type { checkDimension, planDelete, planWrite } from "../gateway/plan.js";
import type { CommitPlan, planCommit, planOperation } from "../gateway/plan-conditional.js";
import type { checkSelected } from "../gateway/selected-ids.js";
import type { QuantizedRows } from "../index/vector/quantize.js";
import { limits } from "../limits.js";
import type { Log } from "../log/log.js";
import type { encodeLogRecord } from "../log/log-record.js";
import type { QueryExecutor } from "../query-executor/executor.js";
import type { ConditionalCommitRequest, ConditionalCommitResponse, ConditionalOperation, DeleteRequest, WriteRequest } from "../service.js";
import type { AppliedListeners } from "./applied-listeners.js";
import type { Outcome } from "./applied-requests.js";
import type { CollectionState, FoundAt } from "./collection-state.js";
import type { AppliedRecords } from "./part.js";
import type { Logged } from "./write-line.js";

export interface WriterParts {
  availability: Availability;
  tick: Tick;
  planWrite: typeof planWrite;
  checkDimension: typeof checkDimension;
  checkSelected: typeof checkSelected;
  planDelete(...asked: Parameters<typeof planDelete>): Promise<ReturnType<typeof planDelete>>;
  planCommit: typeof planCommit;
  planOperation: typeof planOperation;
  compactor: Pick<Compactor, "waitForRoom">;
  /** Throws where the collection takes all the memory that it may: it can still be deleted from. */
  checkMemory(state: CollectionState): void;
  executor: Pick<QueryExecutor, "selectIds">;
  encode: typeof encodeLogRecord;
  log: Pick<Log, "append">;
  listeners: AppliedListeners;
}

/** Of the embeddings of each operation. */
type Codes = readonly (QuantizedRows | null)[];

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
    const { tick, planWrite, checkDimension, compactor } = this.#parts;
    // Reads that arrived with the write go first: it takes long.
    await tick();
    const records = await inTurns(planWrite(request), tick);
    // No await between the check and the claim.
    checkDimension(records, state.dimension);
    const dimension = records.embeddings?.dimension ?? null;
    state.vectors.claimDimension(dimension);
    const unclaim = (): void => state.vectors.unclaimDimension(dimension);
    try {
      await compactor.waitForRoom(state);
      this.#parts.checkMemory(state);
      await tick();
      const codes = state.vectors.quantize(records);
      await tick();
      const { logged } = await this.#log(state, { kind: "write", operation: request.operation, records, requestId }, [codes]);
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
    const { tick, checkSelected, planDelete, compactor, executor } = this.#parts;
    return state.writeLine.enter(async (before) => {
      await inTurns(checkSelected(request), tick);
      const plan = await planDelete(request, state.indexes);
      if (plan === null) return { logged: Promise.resolve({ deleted: 0 }) };
      // It deletes what all writes before it have written.
      await before;
      const ids = await executor.selectIds(state, plan);
      if (ids.length === 0) return { logged: Promise.resolve({ deleted: 0 }) };
      await compactor.waitForRoom(state);
      return this.#log(state, { kind: "delete", ids, requestId });
    });
  }

  /** Makes all operations take effect in one moment, unless somebody has written what they depend on. */
  async commit(state: CollectionState, request: ConditionalCommitRequest, requestId?: string): Promise<ConditionalCommitResponse> {
    const plan = this.#parts.planCommit(request);
    if (plan === null) return { firstInsertedRecordOffset: null, recordCount: 0 };
    const { offset = null } = await state.requests.once(requestId, () =>
      state.writeLine.enter((before) => this.#prepareCommit(state, request, plan, before, requestId)),
    );
    return { firstInsertedRecordOffset: offset, recordCount: plan.written };
  }

  /** Nothing enters the log between the look at what was written and the transaction: it is alone in the line until it is logged. */
  async #prepareCommit(
    state: CollectionState,
    { operations: asked }: ConditionalCommitRequest,
    { token, ids }: CommitPlan,
    before: Promise<unknown>,
    requestId: string | undefined,
  ): Promise<Logged<Outcome>> {
    await before;
    const unclaims: (() => void)[] = [];
    const unclaim = (): void => unclaims.forEach((one) => one());
    try {
      const operations = await this.#planOperations(state, asked, unclaims);
      const written = token === null ? null : state.recent.namedSince(token, ids);
      if (written !== null) throw conflict(written);
      await this.#parts.compactor.waitForRoom(state);
      if (operations.some(({ kind }) => kind === "write")) this.#parts.checkMemory(state);
      const codes: (QuantizedRows | null)[] = [];
      for (const operation of operations) {
        await this.#parts.tick();
        codes.push(operation.kind === "delete" ? null : state.vectors.quantize(operation.records));
      }
      const { logged } = await this.#log(state, { kind: "transaction", operations, requestId }, codes);
      return { logged: logged.finally(unclaim) };
    } catch (error) {
      unclaim();
      throw error;
    }
  }

  async #planOperations(state: CollectionState, asked: readonly ConditionalOperation[], unclaims: (() => void)[]): Promise<LogOperation[]> {
    const operations: LogOperation[] = [];
    for (const one of asked) {
      const { tick, planOperation, checkDimension } = this.#parts;
      await tick();
      const operation = await inTurns(planOperation(one, state.row.id), tick);
      operations.push(operation);
      // No await between the check and the claim.
      if (operation.kind === "write") checkDimension(operation.records, state.dimension);
      const dimension = operation.kind === "delete" ? null : (operation.records.embeddings?.dimension ?? null);
      state.vectors.claimDimension(dimension);
      unclaims.push(() => state.vectors.unclaimDimension(dimension));
    }
    return operations;
  }

  /** Resolves when the record's place in the order of the log is certain. */
  async #log(state: CollectionState, record: LogRecord, codes: Codes = []): Promise<Logged<Outcome>> {
    const { availability, tick, encode, log } = this.#parts;
    const found = await state.findIds(record);
    const bytes = await inTurns(encode(record), tick);
    if (record.kind === "transaction" && bytes.length > limits.batchBytesMax) throw tooLarge(bytes.length);
    await tick();
    availability.check();
    if (state.dropped) throw new TidepoolError("NOT_FOUND", `Collection [${state.row.name}] does not exist`);
    const target = { collectionId: state.row.id, applied: () => state.applied };
    const apply = (place: LogPlace) => this.#apply(state, place, record, bytes.length, codes, found);
    return {
      logged: log.append(
        target,
        bytes,
        apply,
        operationsOf(record).every(({ kind }) => kind === "delete"),
      ),
    };
  }

  /** Called when the record is durable, and after all before it in the log; the call is acknowledged when this resolves. */
  async #apply(
    state: CollectionState,
    place: LogPlace,
    record: LogRecord,
    byteLength: number,
    codes: Codes,
    known: FoundAt,
  ): Promise<Outcome> {
    await this.#parts.tick();
    const effects: AppliedRecords[] = [];
    this.#parts.availability.checkPoison();
    const outcome = await this.#orPoison(state, place.offset, async () => {
      const before = await state.lock.shared(() => state.prepareToApply(record, known));
      return state.lock.exclusive(async () => {
        this.#parts.availability.checkPoison();
        const found = state.isCurrent(before) ? before : await state.prepareToApply(record);
        return inTurns(state.apply(place, record, byteLength, found, codes, effects), this.#parts.tick);
      });
    });
    this.#parts.listeners.tell({ state, offset: place.offset, record, effects });
    return outcome;
  }

  async #orPoison<T>(state: CollectionState, offset: number, apply: () => Promise<T>): Promise<T> {
    try {
      return await apply();
    } catch (cause) {
      const what = `Applying log record ${offset} of collection "${state.row.name}"`;
      const message = `${what} failed; reopen the database. The record is in the log.`;
      throw this.#parts.availability.poison(new TidepoolError("POISONED", message, { cause }));
    }
  }
}

function conflict(id: string): TidepoolError {
  const message = `conditional write conflict: the record ${show(id)} was written since the transaction's first read. Run it again.`;
  return new TidepoolError("CONFLICT", message, { details: { id } });
}

function tooLarge(actual: number): TidepoolError {
  const allowed = limits.batchBytesMax;
  const message = `A transaction of about ${actual} bytes exceeds the ${allowed} allowed`;
  return new TidepoolError("LIMIT_EXCEEDED", message, { details: { limit: "batchBytesMax", allowed, actual } });
}
