/** What a client knows of the server it speaks to: its limits, whose the key is, in which database each collection is. */
import { Serial } from "../../core/base/serial.js";
import { invalidArgument } from "../../core/errors.js";
import type { PreflightChecks, Scope, UserIdentity } from "../../core/service.js";
import type { CollectionInfo } from "../../core/types.js";
import { API } from "../rest/paths.js";
import type { Asked, ChromaServer } from "./chroma-server.js";
import { type CollectionOnWire, collectionFromWire } from "./remote-collections.js";
import type { Remote } from "./remote-options.js";

/** Ids of an export that is being read. */
export interface KeptIds {
  collectionId: string;
  ids: string[];
}

const DEFAULT_SCOPE: Scope = { tenant: "default_tenant", database: "default_database" };

export class RemoteSession {
  readonly server: ChromaServer;
  readonly #remote: Remote;
  /** Where collections are that the page knows by their id alone. */
  readonly #homes: Map<string, Scope>;
  /** Exports under way, by their names. */
  readonly exports = new Map<string, KeptIds>();
  /** Writes of each collection, which take effect in the order in which they were made. */
  readonly #lines = new Map<string, Serial>();
  #limits: Promise<PreflightChecks> | null = null;
  #identity: Promise<UserIdentity> | null = null;

  constructor(server: ChromaServer, remote: Remote, homes: Map<string, Scope>) {
    this.server = server;
    this.#remote = remote;
    this.#homes = homes;
  }

  /** Asked once. It ends with no call: others wait for it, too. */
  limits(): Promise<PreflightChecks> {
    return (this.#limits ??= this.#once<PreflightChecks>("getPreflightChecks", "/pre-flight-checks", () => (this.#limits = null)));
  }

  identity(): Promise<UserIdentity> {
    return (this.#identity ??= this.#once<UserIdentity>("getUserIdentity", "/auth/identity", () => (this.#identity = null)));
  }

  #once<T>(call: string, path: string, forget: () => void): Promise<T> {
    const asked: Asked = { call, method: "GET", path: API + path, repeatable: true };
    const answer = this.server.ask<T>(asked, new AbortController().signal);
    answer.catch(forget);
    return answer;
  }

  /** Runs a write after those of the collection that were asked for before. */
  inLine<T>(collectionId: string, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(collectionId) ?? new Serial();
    this.#lines.set(collectionId, line);
    return line.run(work);
  }

  /** The tenant and database that a name of the page stands for: an API key says itself whose it is. */
  async scope<S extends Partial<Scope>>(given: S): Promise<S> {
    const { apiKey, tenant, database } = this.#remote;
    const asksTenant = tenant === undefined && given.tenant === DEFAULT_SCOPE.tenant;
    const asksDatabase = database === undefined && given.database === DEFAULT_SCOPE.database;
    if (apiKey === undefined || !(asksTenant || asksDatabase)) return given;
    const identity = await this.identity();
    return {
      ...given,
      ...(asksTenant ? { tenant: identity.tenant } : {}),
      ...(asksDatabase ? { database: onlyDatabase(identity) } : {}),
    };
  }

  async home(collectionId: string): Promise<Scope> {
    const { tenant = DEFAULT_SCOPE.tenant, database = DEFAULT_SCOPE.database } = this.#remote;
    return this.scope(this.#homes.get(collectionId) ?? { tenant, database });
  }

  /** The collection, which is known from now on. */
  known(wire: CollectionOnWire): CollectionInfo {
    const info = collectionFromWire(wire);
    this.#homes.set(info.id, { tenant: info.tenant, database: info.database });
    return info;
  }
}

function onlyDatabase({ databases }: UserIdentity): string {
  const [name, ...others] = databases.filter((one) => one !== "*");
  if (name !== undefined && others.length === 0) return name;
  const which = databases.length === 0 ? "no database" : `several databases (${databases.join(", ")})`;
  throw invalidArgument(`remote.apiKey is for ${which}: name one in remote.database`);
}
