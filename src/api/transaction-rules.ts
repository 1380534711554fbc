/**
 * The rules of a conditional transaction, those of Chroma's client: loaded with the first call of one, since most pages have none.
 *
 * Invariants: all reads are of the moment that the first one's token names. Nothing that is written is sent before the commit, and
 * nothing is buffered by a call that is refused. While a commit is under way, and once one has succeeded, the transaction is closed.
 */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import type { ConditionalCommitRequest, ConditionalCommitResponse, ConditionalOperation, RequestOf, ResponseOf } from "../core/service.js";
import type { MetadataOf, RecordBatch } from "../core/types.js";
import type { CallLimits } from "./call-limits.js";
import { readArguments, readObject } from "./read-arguments.js";
import type { GetResult } from "./results.js";
import type { WriteArguments } from "./write.js";

/** What a transaction asks of its collection. */
export interface TransactionHome {
  get(request: Omit<RequestOf<"conditionalGet">, "collectionId">, within: CallLimits): Promise<ResponseOf<"conditionalGet">>;
  toResult<T extends MetadataOf<T>>(response: ResponseOf<"conditionalGet">, include: GetResult["include"]): Promise<GetResult<T>>;
  prepare(operation: "add" | "update" | "upsert", args: WriteArguments): Promise<RecordBatch>;
  commit(request: Omit<ConditionalCommitRequest, "collectionId">): Promise<ConditionalCommitResponse>;
}

/** What a transaction has written. */
export interface CommitResult {
  /** Offset of its record in the collection's log; `null` where nothing was written. */
  first_inserted_record_offset: number | null;
  /** Ids that its writes name. */
  record_count: number;
}

type GetAsked = Parameters<TransactionHome["get"]>[0];

/** What a `run` runs. */
export interface Running<Txn, R> {
  txn: Txn;
  /** The object through which a caller uses other rules. */
  begin(rules: TransactionRules): Txn;
  callback(txn: Txn): R | Promise<R>;
  options: number | { maxRetries?: number };
}

export class TransactionRules {
  readonly #home: TransactionHome;
  #state: "open" | "committing" | "closed" = "open";
  #isRunning = false;
  #token: number | null = null;
  /** Ids that were read: `true` where the record was there, `false` where it was not, `null` where that was not asked. */
  readonly #read = new Map<string, boolean | null>();
  readonly #operations: ConditionalOperation[] = [];
  readonly #written = new Set<string>();
  /** What reads of this transaction rejected with, that says to run it again. */
  readonly #stale = new WeakSet<object>();

  constructor(home: TransactionHome) {
    this.#home = home;
  }

  /** The answer to a read that keeps the rules. */
  async get(request: GetAsked, within: CallLimits): Promise<ResponseOf<"conditionalGet">> {
    this.#assertOpen();
    const { ids, limit } = request;
    if (ids === undefined && !limit) throw invalidArgument("transactional filter reads require a positive limit: give limit, or ids");
    this.#assertUnwritten(ids ?? []);
    const response = await this.#ask(request, within);
    this.#assertOpen();
    this.#assertUnwritten(response.ids);
    this.#keepToken(response.readToken);
    this.#noteRead(request, response.ids);
    return response;
  }

  /** Keeps an operation for the commit. */
  buffer(operation: ConditionalOperation): void {
    this.#assertOpen();
    const name = operation.operation;
    const ids = name === "delete" ? operation.ids : operation.records.ids;
    const proof = { add: false, update: true, delete: true, upsert: null }[name];
    for (const id of ids) {
      if (this.#written.has(id)) throw invalidArgument(`transaction already has a buffered write for id ${show(id)}`);
      if (proof === null || this.#read.get(id) === proof) continue;
      const what = proof ? "present" : "absent";
      throw invalidArgument(`transactional ${name} for id ${show(id)} requires a prior read proving the id is ${what}`);
    }
    for (const id of ids) this.#written.add(id);
    this.#operations.push(operation);
  }

  async commit(): Promise<CommitResult> {
    if (this.#isRunning) throw invalidArgument("txn.commit() cannot be called inside run(): it commits by itself");
    return this.#commit();
  }

  async run<Txn, R>({ txn, begin, callback, options }: Running<Txn, R>): Promise<R> {
    if (this.#isRunning) throw invalidArgument("txn.run() cannot be called inside run()");
    this.#assertOpen();
    if (typeof callback !== "function") throw invalidArgument(`run needs a function, got ${show(callback)}`);
    const maxRetries = readArguments("run", () => readRetries(options));
    let [rules, current]: [TransactionRules, Txn] = [this, txn];
    for (let retries = 0; ; retries++) {
      const tried = await rules.#try(current, callback);
      if ("value" in tried) {
        this.#state = "closed";
        return tried.value;
      }
      if (!tried.again || retries === maxRetries) throw tried.error;
      rules = new TransactionRules(this.#home);
      current = begin(rules);
    }
  }

  async #try<Txn, R>(txn: Txn, callback: (txn: Txn) => R | Promise<R>): Promise<{ value: R } | { error: unknown; again: boolean }> {
    this.#isRunning = true;
    try {
      const value = await callback(txn);
      try {
        await this.#commit();
      } catch (error) {
        return { error, again: saysAgain(error) };
      }
      return { value };
    } catch (error) {
      return { error, again: this.#stale.has(Object(error)) };
    } finally {
      this.#isRunning = false;
    }
  }

  async #commit(): Promise<CommitResult> {
    this.#assertOpen();
    this.#state = "committing";
    try {
      const written = await this.#send();
      this.#state = "closed";
      return { first_inserted_record_offset: written.firstInsertedRecordOffset, record_count: written.recordCount };
    } finally {
      if (this.#state === "committing") this.#state = "open";
    }
  }

  async #send(): Promise<ConditionalCommitResponse> {
    if (this.#operations.length === 0) return { firstInsertedRecordOffset: null, recordCount: 0 };
    return this.#home.commit({ readToken: this.#token, readIds: [...this.#read.keys()].sort(), operations: this.#operations });
  }

  async #ask(request: GetAsked, within: CallLimits): Promise<ResponseOf<"conditionalGet">> {
    try {
      return await this.#home.get({ ...request, readToken: this.#token }, within);
    } catch (error) {
      if (saysAgain(error)) this.#stale.add(Object(error));
      throw error;
    }
  }

  #keepToken(token: unknown): void {
    if (token === null || token === undefined) throw invalidArgument("transactional get response did not include an OCC read token");
    if (!Number.isSafeInteger(token) || (token as number) < 0) {
      throw invalidArgument(`transactional read token offset ${show(token)} is not a safe integer`);
    }
    if (this.#token !== null && this.#token !== token) {
      throw invalidArgument(
        `transactional read token changed from log upper bound offset ${this.#token} to ${show(token)}: await the first get`,
      );
    }
    this.#token = token as number;
  }

  #noteRead({ ids = [], where, whereDocument, limit = Infinity, offset = 0 }: GetAsked, found: string[]): void {
    // What a filter, or the page, left out may be there all the same.
    const isWhole = where === undefined && whereDocument === undefined && offset === 0 && limit >= ids.length;
    for (const id of ids) this.#read.set(id, isWhole ? false : (this.#read.get(id) ?? null));
    for (const id of found) this.#read.set(id, true);
  }

  #assertUnwritten(ids: readonly string[]): void {
    const written = ids.find((id) => this.#written.has(id));
    if (written === undefined) return;
    throw invalidArgument(`cannot transactionally read id ${show(written)} after buffering a write for it`);
  }

  #assertOpen(): void {
    if (this.#state !== "open") throw invalidArgument("conditional transaction is closed");
  }
}

function readRetries(options: Running<unknown, unknown>["options"]): number {
  const { maxRetries = 3 } = typeof options === "number" ? { maxRetries: options } : readObject(options, "run", "maxRetries");
  if (Number.isSafeInteger(maxRetries) && maxRetries >= 0) return maxRetries;
  throw invalidArgument(`maxRetries must be a non-negative integer, got ${show(maxRetries)}`);
}

/** Whether an error of the engine says that others were faster. */
export function saysAgain(error: unknown): boolean {
  return error instanceof TidepoolError && (error.code === "CONFLICT" || error.code === "STALE_READ");
}
