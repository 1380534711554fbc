/**
 * The client: one database path, opened by the first call. It checks arguments, keeps the connection, and makes
 * `Collection` objects out of what the engine tells.
 */
import { invalidArgument, show } from "../core/errors.js";
import { validateCount, validateName, validateObject } from "../core/gateway/validate-records.js";
import type { EngineInfo, OpenOptions, Scope } from "../core/service.js";
import type { CollectionInfo, Metadata, MetadataValue } from "../core/types.js";
import { VERSION } from "../version.js";
import { Collection } from "./collection.js";
import { chooseFunction, type ChosenFunction, createConfiguration, type CreateCollectionConfiguration } from "./configuration.js";
import { Connection } from "./connection.js";
import { createWorker } from "./create-worker.js";
import {
  type EmbeddingFunction,
  type Restored,
  restoreEmbeddingFunction,
  validateEmbeddingFunction,
  validateSameFunction,
} from "./embedding-function.js";
import { readCollectionMetadata } from "./write.js";

export type { EngineInfo };

/** Options of {@link TidepoolClient}. */
export interface TidepoolClientOptions {
  /** Names the database within the page's origin: letters, digits and `. _ -`, 1–128 characters. Default "default". */
  path?: string;
  /** Default "default_tenant". */
  tenant?: string;
  /** Default "default_database". */
  database?: string;
  /** Where bytes are kept. "auto" (default): OPFS where the browser has it, else IndexedDB; never memory. */
  storage?: OpenOptions["storage"];
  /** "strict" (default): an acknowledged write survives loss of power; "relaxed": a crash of the browser. */
  durability?: OpenOptions["durability"];
  /** Whether `reset` is allowed. Default `false`. */
  allowReset?: boolean;
  /** Makes the worker, for those who bundle it themselves. Called again when a worker has died. */
  worker?: () => Worker;
}

/** Arguments of `createCollection` and `getOrCreateCollection`. */
export interface CreateCollectionArguments {
  /** 3–512 of [a-zA-Z0-9._-], beginning and ending with a letter or digit. */
  name: string;
  /** At least one key; keys whose value is `null` are left out. */
  metadata?: { [key: string]: MetadataValue | null };
  configuration?: CreateCollectionConfiguration;
  /** Embeds the collection's texts. Default: a `HashingEmbeddingFunction`; `null`: none. */
  embeddingFunction?: EmbeddingFunction | null;
}

const STORAGES: readonly OpenOptions["storage"][] = ["auto", "opfs", "indexeddb", "memory"];
const DURABILITIES: readonly OpenOptions["durability"][] = ["strict", "relaxed"];

/**
 * A vector database in this browser, with the names of Chroma's client.
 *
 * @example
 * const client = new TidepoolClient({ path: "notes" });
 * const collection = await client.getOrCreateCollection({ name: "tides" });
 * await collection.add({ ids: ["a"], documents: ["Spring tides follow the new moon."] });
 * console.log((await collection.query({ queryTexts: ["moon"] })).documents[0]);
 */
export class TidepoolClient {
  readonly tenant: string;
  readonly database: string;
  readonly #connection: Connection;

  /**
   * Checks the options and does nothing else; the first call opens the database.
   *
   * @throws `INVALID_ARGUMENT`.
   */
  constructor(options: TidepoolClientOptions = {}) {
    validateObject(options, "options");
    const {
      path = "default",
      tenant = "default_tenant",
      database = "default_database",
      storage = "auto",
      durability = "strict",
      allowReset = false,
      worker = createWorker,
    } = options;
    validatePath(path);
    validateText(tenant, "tenant");
    validateText(database, "database");
    validateOneOf(storage, STORAGES, "storage");
    validateOneOf(durability, DURABILITIES, "durability");
    validateOneOf(allowReset, [true, false], "allowReset");
    if (typeof worker !== "function") throw invalidArgument(`worker must be a function that returns a Worker, got ${show(worker)}`);
    this.tenant = tenant;
    this.database = database;
    this.#connection = new Connection({ path, storage, durability, allowReset }, worker);
  }

  get #scope(): Scope {
    return { tenant: this.tenant, database: this.database };
  }

  /**
   * The engine's clock, in nanoseconds since the epoch.
   *
   * @example
   * await client.heartbeat();
   */
  heartbeat(): Promise<number> {
    return this.#connection.call("heartbeat");
  }

  /** The release of this package. */
  async version(): Promise<string> {
    return VERSION;
  }

  /**
   * What is in use: storage, durability, counts, bytes on disk and in memory, length of the log, format version.
   *
   * @example
   * const { storage, records } = await client.info();
   */
  info(): Promise<EngineInfo> {
    return this.#connection.call("info");
  }

  /**
   * The collections in order of creation, at most `limit` (default 100) from `offset` (default 0).
   *
   * @example
   * for (const collection of await client.listCollections()) console.log(collection.name);
   */
  async listCollections({ limit = 100, offset = 0 }: { limit?: number; offset?: number } = {}): Promise<Collection[]> {
    validateCount(limit, "limit");
    validateCount(offset, "offset");
    const infos = await this.#connection.call("listCollections", { ...this.#scope, limit, offset });
    return infos.map((info) => this.#collection(info, this.#restore(info)));
  }

  /** The number of collections. */
  countCollections(): Promise<number> {
    return this.#connection.call("countCollections", this.#scope);
  }

  /**
   * Creates a collection.
   *
   * @throws `ALREADY_EXISTS` when the name is taken; `INVALID_ARGUMENT`.
   *
   * @example
   * const collection = await client.createCollection({ name: "tides", configuration: { hnsw: { space: "cosine" } } });
   */
  async createCollection<TMeta extends Metadata = Metadata>(args: CreateCollectionArguments): Promise<Collection<TMeta>> {
    const { info, chosen } = await this.#create(args, false);
    return this.#collection<TMeta>(info, { fn: chosen.fn ?? undefined, failure: null });
  }

  /**
   * Opens a collection, or creates it when there is none; `metadata` and `configuration` then count.
   *
   * @throws `EMBEDDING_FUNCTION` when the collection exists and was made with another embedding function.
   *
   * @example
   * const collection = await client.getOrCreateCollection({ name: "tides" });
   */
  async getOrCreateCollection<TMeta extends Metadata = Metadata>(args: CreateCollectionArguments): Promise<Collection<TMeta>> {
    const { info, chosen } = await this.#create(args, true);
    const given = chosen.implicit ? undefined : (chosen.fn ?? undefined);
    return this.#collection<TMeta>(info, this.#resolve(info, given));
  }

  /**
   * Opens a collection. Its embedding function comes back by itself when its class is registered.
   *
   * @throws `NOT_FOUND`; `EMBEDDING_FUNCTION` when the one given is not the one it was made with.
   *
   * @example
   * const collection = await client.getCollection<{ year: number }>({ name: "tides" });
   */
  async getCollection<TMeta extends Metadata = Metadata>(args: {
    name: string;
    embeddingFunction?: EmbeddingFunction | null;
  }): Promise<Collection<TMeta>> {
    validateObject(args, "argument of getCollection");
    const { name, embeddingFunction } = args;
    validateText(name, "name");
    if (embeddingFunction != null) validateEmbeddingFunction(embeddingFunction, "embeddingFunction");
    const info = await this.#connection.call("getCollection", { ...this.#scope, name });
    return this.#collection<TMeta>(info, this.#resolve(info, embeddingFunction ?? undefined));
  }

  /**
   * Deletes a collection and everything in it.
   *
   * @throws `NOT_FOUND`.
   */
  async deleteCollection(args: { name: string }): Promise<void> {
    validateObject(args, "argument of deleteCollection");
    validateText(args.name, "name");
    await this.#connection.call("deleteCollection", { ...this.#scope, name: args.name });
  }

  /**
   * Deletes everything of this path.
   *
   * @throws `FORBIDDEN` unless the client was made with `allowReset: true`.
   */
  async reset(): Promise<void> {
    await this.#connection.call("reset");
  }

  /** Lets calls under way finish and closes the database. Later calls reject with `CLOSED`; closing twice is fine. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  async #create(args: CreateCollectionArguments, getOrCreate: boolean): Promise<{ info: CollectionInfo; chosen: ChosenFunction }> {
    validateObject(args, "argument");
    const { name, metadata, configuration, embeddingFunction } = args;
    validateName(name);
    const kept = readCollectionMetadata(metadata);
    const chosen = chooseFunction(embeddingFunction, configuration ?? undefined);
    const info = await this.#connection.call("createCollection", {
      ...this.#scope,
      name,
      metadata: kept,
      configuration: createConfiguration(chosen, configuration ?? undefined, kept),
      getOrCreate,
    });
    return { info, chosen };
  }

  #restore(info: CollectionInfo): Restored {
    return restoreEmbeddingFunction(info.configuration.embedding_function, this);
  }

  #resolve(info: CollectionInfo, given: EmbeddingFunction | undefined): Restored {
    if (given === undefined) return this.#restore(info);
    validateSameFunction(given, info.configuration.embedding_function, this);
    return { fn: given, failure: null };
  }

  #collection<TMeta extends Metadata = Metadata>(info: CollectionInfo, embedding: Restored): Collection<TMeta> {
    return new Collection<TMeta>(this, this.#connection, info, embedding);
  }
}

function validatePath(path: unknown): void {
  if (typeof path === "string" && /^[A-Za-z0-9._-]{1,128}$/.test(path) && !/^\.+$/.test(path)) return;
  throw invalidArgument(`path must be 1-128 letters, digits and . _ - (and not only dots), got ${show(path)}`);
}

function validateText(value: unknown, argument: string): void {
  if (typeof value === "string" && value !== "") return;
  throw invalidArgument(`${argument} must be a non-empty string, got ${show(value)}`);
}

function validateOneOf(value: unknown, allowed: readonly unknown[], argument: string): void {
  if (!allowed.includes(value)) throw invalidArgument(`${argument} must be one of ${allowed.map(show).join(", ")}, got ${show(value)}`);
}
