/** Tenants and databases of a path, with the methods of Chroma's `AdminClient`. */
import { validateText } from "../core/gateway/validate/values.js";
import type { DatabaseInfo, RequestOf, ResponseOf } from "../core/service.js";
import { type CallLimits, limited } from "./call-limits.js";
import { readPage, TidepoolClient, type TidepoolClientOptions } from "./client.js";
import { CONNECTION } from "./connection-key.js";
import { readArguments, readObject } from "./read-arguments.js";
import { throughProxies } from "./through-proxies.js";

export type { DatabaseInfo };

/** Calls that name a tenant, a database, or both. */
type NamingMethod = "createTenant" | "getTenant" | "createDatabase" | "getDatabase" | "deleteDatabase";

/**
 * Creates, lists and deletes tenants and databases. It holds its path as any client does, so give it the client that is
 * open already when there is one.
 *
 * @example
 * const admin = new AdminClient({ client });
 * await admin.createTenant({ name: "team" });
 * await admin.createDatabase({ name: "drafts", tenant: "team" });
 * const drafts = new TidepoolClient({ client, tenant: "team", database: "drafts" });
 * console.log(await drafts.countCollections()); // 0
 */
export class AdminClient {
  readonly #client: TidepoolClient;

  /**
   * Checks the options and does nothing else; the first call opens the database.
   *
   * @param options - Those of {@link TidepoolClient}, or just `{ client }` to share one's connection.
   *
   * @throws `INVALID_ARGUMENT`.
   */
  constructor(options: TidepoolClientOptions = {}) {
    throughProxies(this, AdminClient, "close");
    this.#client = new TidepoolClient(options);
  }

  /**
   * Makes a tenant, which has no database yet. "default_tenant" is always there.
   *
   * @throws `ALREADY_EXISTS`; `INVALID_ARGUMENT`.
   */
  async createTenant(args: { name: string }): Promise<void> {
    await this.#call("createTenant", args);
  }

  /**
   * Tells whether there is a tenant of this name.
   *
   * @returns The tenant's name.
   *
   * @throws `NOT_FOUND`.
   */
  async getTenant(args: { name: string }): Promise<string> {
    return (await this.#call("getTenant", args)).name;
  }

  /**
   * Makes an empty database. Names look like those of collections; "default_database" of "default_tenant" is always there.
   *
   * @throws `NOT_FOUND` when there is no such tenant; `ALREADY_EXISTS`; `INVALID_ARGUMENT`.
   */
  async createDatabase(args: { name: string; tenant: string }): Promise<void> {
    await this.#call("createDatabase", args);
  }

  /**
   * Tells id, name and tenant of a database.
   *
   * @throws `NOT_FOUND`.
   */
  getDatabase(args: { name: string; tenant: string }): Promise<DatabaseInfo> {
    return this.#call("getDatabase", args);
  }

  /**
   * Deletes a database with all its collections.
   *
   * @throws `NOT_FOUND`.
   */
  async deleteDatabase(args: { name: string; tenant: string }): Promise<void> {
    await this.#call("deleteDatabase", args);
  }

  /**
   * The databases of a tenant, by name, at most `limit` (default 100) from `offset` (default 0).
   *
   * @throws `NOT_FOUND`.
   *
   * @example
   * const admin = new AdminClient({ client });
   * console.log((await admin.listDatabases({ tenant: "default_tenant" })).map(({ name }) => name)); // ["default_database"]
   */
  async listDatabases(args: { tenant: string; limit?: number; offset?: number } & CallLimits): Promise<DatabaseInfo[]> {
    const { given, page, within } = readArguments("listDatabases", () => readPage(args, "listDatabases", " tenant"));
    const { tenant } = given;
    validateText(tenant, "tenant");
    return limited(within, (signal) => this.#client[CONNECTION].call("listDatabases", { tenant, ...page }, { signal }));
  }

  /** Closes the connection, also for the client that shares it. */
  close(): Promise<void> {
    return this.#client.close();
  }

  async #call<M extends NamingMethod>(method: M, args: RequestOf<M>): Promise<ResponseOf<M>> {
    const request = readArguments(method, () => {
      const ofDatabase = method.endsWith("Database");
      const { name, tenant = "" } = readObject<{ name: string; tenant?: string }>(args, method, ofDatabase ? "name tenant" : "name");
      validateText(name, "name");
      if (!ofDatabase) return { name };
      validateText(tenant, "tenant");
      return { name, tenant };
    });
    return this.#client[CONNECTION].call(method, request as RequestOf<M>);
  }
}
