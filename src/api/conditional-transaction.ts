/**
 * Chroma's conditional transactions: reads, writes that wait in the page, and a commit that makes them take effect together unless
 * somebody has written what they depend on. Arguments are read here, when a call is made; the rest is in `transaction-rules.ts`, which
 * is loaded by the first call. The engine decides conflicts.
 */
import { invalidArgument } from "../core/errors.js";
import type { Metadata, MetadataOf } from "../core/types.js";
import { part } from "./part.js";
import { readArguments, readObject } from "./read-arguments.js";
import { type GetArguments, readDelete, readGet } from "./read-requests.js";
import type { GetResult } from "./results.js";
import { throughProxies } from "./through-proxies.js";
import type { CommitResult, TransactionHome, TransactionRules } from "./transaction-rules.js";
import type { WriteArguments } from "./write.js";
import type { AddArguments, Flattening, UpdateArguments, UpsertArguments } from "./write-arguments.js";

/**
 * Reads and writes of one collection that depend on each other: `commit` makes all writes take effect in one moment, or none,
 * unless a record that was read or is written has been written by anybody since the first read. Made by `collection.conditional()`.
 *
 * @example
 * await collection.conditional().run(async (txn) => {
 *   const { metadatas } = await txn.get({ ids: ["a"] });
 *   await txn.update({ ids: ["a"], metadatas: [{ year: Number(metadatas[0]?.year ?? 0) + 1 }] });
 * });
 */
export class ConditionalTransaction<TMeta extends MetadataOf<TMeta> = Metadata> {
  readonly #home: TransactionHome;
  #rules: Promise<TransactionRules> | null;

  /** @internal */
  constructor(home: TransactionHome, rules?: TransactionRules) {
    throughProxies(this, ConditionalTransaction, "commit");
    this.#home = home;
    this.#rules = rules === undefined ? null : Promise.resolve(rules);
  }

  /**
   * Reads records as `collection.get` does, all reads as of the moment of the first one. Without `ids` a positive `limit` is needed.
   * With `ids` alone it also proves that those that are not found are absent, as `add` needs.
   *
   * @throws `INVALID_ARGUMENT`, also for an id that the transaction has written; `STALE_READ` where a record that it would find may have
   *   been written since the first read: `run` runs the transaction again.
   *
   * @example
   * const txn = collection.conditional();
   * console.log((await txn.get({ ids: ["a", "b"] })).ids); // ["a", "b"]
   */
  async get<T extends MetadataOf<T> = TMeta>(args: GetArguments<TMeta> = {}): Promise<GetResult<T>> {
    const { request, within } = readArguments("get", () => readGet(args as GetArguments));
    const response = await (await this.#load()).get(request, within);
    return this.#home.toResult<T>(response, request.include);
  }

  /**
   * Adds records with the commit. A read must have found that their ids are absent.
   *
   * @throws As `collection.add`; `INVALID_ARGUMENT` without that read, or where the transaction writes an id twice.
   */
  async add(args: Flattening<AddArguments<TMeta>>): Promise<void> {
    await this.#write("add", args);
  }

  /**
   * Changes records with the commit. A read must have found them.
   *
   * @throws As `collection.update`; `INVALID_ARGUMENT` without that read, or where the transaction writes an id twice.
   */
  async update(args: Flattening<UpdateArguments<TMeta>>): Promise<void> {
    await this.#write("update", args);
  }

  /**
   * Adds or changes records with the commit, whether or not they were read.
   *
   * @throws As `collection.upsert`; `INVALID_ARGUMENT` where the transaction writes an id twice.
   */
  async upsert(args: Flattening<UpsertArguments<TMeta>>): Promise<void> {
    await this.#write("upsert", args);
  }

  /**
   * Deletes records with the commit. A read must have found them.
   *
   * @throws `INVALID_ARGUMENT`, also without that read, for filters, and where the transaction writes an id twice.
   */
  async delete(args: { ids: string[] }): Promise<void> {
    const ids = readArguments("delete", () => readDelete(readObject(args, "delete", "ids"))?.request.ids);
    if (ids === undefined) throw invalidArgument("delete of a conditional transaction needs ids");
    (await this.#load()).buffer({ operation: "delete", ids });
  }

  /**
   * Makes all writes take effect in one moment, and closes the transaction. After it has rejected it may be called again.
   *
   * @throws `CONFLICT` where a record that was read or is written has been written since the first read; `STALE_READ` where that is not
   *   known any more, since too much has been written or the database was opened anew. Nothing is written then.
   *
   * @example
   * const txn = collection.conditional();
   * await txn.upsert({ ids: ["a"], metadatas: [{ year: 5 }], documents: ["Ebb tide."] });
   * console.log((await txn.commit()).record_count); // 1
   */
  async commit(): Promise<CommitResult> {
    return (await this.#load()).commit();
  }

  /**
   * Calls `callback` with this transaction, commits, and resolves with what the callback returned. Where a commit or a read finds that
   * others were faster (`CONFLICT`, `STALE_READ`) it does so again with a new transaction, at once, up to `maxRetries` times (default 3).
   *
   * @throws `INVALID_ARGUMENT`; what the callback throws; what the last try rejected with.
   */
  async run<R>(
    callback: (txn: ConditionalTransaction<TMeta>) => R | Promise<R>,
    options: number | { maxRetries?: number } = {},
  ): Promise<R> {
    const begin = (rules: TransactionRules) => new ConditionalTransaction<TMeta>(this.#home, rules);
    return (await this.#load()).run<ConditionalTransaction<TMeta>, R>({ txn: this, begin, callback, options });
  }

  async #write(operation: "add" | "update" | "upsert", args: object): Promise<void> {
    const records = await this.#home.prepare(operation, args as WriteArguments);
    (await this.#load()).buffer({ operation, records });
  }

  #load(): Promise<TransactionRules> {
    return (this.#rules ??= part(import("./transaction-rules.js")).then(
      ({ TransactionRules }) => new TransactionRules(this.#home),
      (error: unknown) => {
        this.#rules = null;
        throw error;
      },
    ));
  }
}
