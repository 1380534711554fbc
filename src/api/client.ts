/**
 * The client: one database path, opened by the first call. It checks arguments, keeps the connection, and makes
 * `Collection` objects out of what the engine tells.
 */
import { invalidArgument, show, TidepoolError } from "../core/errors.js";
import type { GatewayRules } from "../core/gateway/rules.js";
import {
  validateArray,
  validateAtLeast,
  validateCount,
  validateFunction,
  validateName,
  validateText,
} from "../core/gateway/validate/values.js";
import { limits } from "../core/limits.js";
import type {
  EngineInfo,
  EngineMetrics,
  MemoryUse,
  OpenOptions,
  PreflightChecks,
  PublishedSource,
  RestoreReport,
  Scope,
  TidepoolWarning,
  UserIdentity,
  VacuumRequest,
  WarningCode,
} from "../core/service.js";
import type { CollectionInfo, Metadata, MetadataOf, MetadataValue } from "../core/types.js";
import { VERSION } from "../version.js";
import { CALL_LIMITS, type CallLimits, limited, readCallLimits, readLimits } from "./call-limits.js";
import type { ClientEvents, Role } from "./client-events.js";
import { Collection } from "./collection.js";
import { type ChosenFunction, type CreateCollectionConfiguration, chooseFunction, createConfiguration } from "./configuration.js";
import { Connection } from "./connection.js";
import { CONNECTION } from "./connection-key.js";
import { createWorker } from "./create-worker.js";
import { type EmbeddingFunction, embeddingError, validateEmbeddingFunction } from "./embedding-function.js";
import { type Restored, restoreEmbeddingFunction, validateSameFunction } from "./embedding-registry.js";
import { type EncryptionOptions, validateKey } from "./encryption-options.js";
import { lazyStream } from "./lazy-stream.js";
import type { LiveOptions, Subscription } from "./live/live-query.js";
import type { LiveUpdate } from "./live/live-results.js";
import { part } from "./part.js";
import type { PublishDirectory, PublishOptions, PublishReport } from "./publish/publish-arguments.js";
import { copyOf, readArguments, readObject } from "./read-arguments.js";
import type { RemoteOptions } from "./remote/remote-options.js";
import type { RotateKeyOptions } from "./rotate-key.js";
import type { SchemaChoice, SchemaLike } from "./schema/create-with-schema.js";
import type { Sync } from "./sync/sync-handle.js";
import type { SyncOptions } from "./sync/sync-options.js";
import { selfOf, throughProxies } from "./through-proxies.js";
import type { BackupFile, BackupOptions, RestoreOptions } from "./transfer/backup-arguments.js";
import type { VacuumOptions, VacuumReport } from "./vacuum.js";
import type { RepairReport, VerifyOptions, VerifyReport } from "./verify.js";
import { readCollectionMetadata } from "./write.js";

export type {
  EngineInfo,
  EngineMetrics,
  GatewayRules,
  MemoryUse,
  PreflightChecks,
  PublishedSource,
  RemoteOptions,
  TidepoolWarning,
  UserIdentity,
  WarningCode,
};

/** Options of {@link TidepoolClient}. */
export interface TidepoolClientOptions {
  /** Names the database within the page's origin: 1–128 letters, digits and `. _ -`, not only dots. Default "default". */
  path?: string;
  /** Default "default_tenant", which is always there; `AdminClient` creates others. */
  tenant?: string;
  /** Default "default_database", which is always there; `AdminClient` creates others. */
  database?: string;
  /** Shares the connection of this client, for another tenant or database of its path. The options below then do not count. */
  client?: TidepoolClient;
  /**
   * Where bytes are kept. "auto" (default): where the database lies already; a new one in OPFS where the browser has its
   * synchronous access handles, else in IndexedDB; never in memory. "memory" is gone with the worker. "directory" is that of a
   * `NodeClient`, which `tidepool-db/node` has.
   */
  storage?: OpenOptions["storage"];
  /** What an acknowledged write survives. "strict" (default): loss of power too; "relaxed": a crash of the page or browser. */
  durability?: OpenOptions["durability"];
  /** Whether `reset` is allowed. Default `false`. */
  allowReset?: boolean;
  /** Published versions of each collection that `collection.at` can read, the newest included; at least 1. Default 1. */
  retainVersions?: number;
  /**
   * Bytes of memory that the database may hold, at least 8 MiB: indexes, caches, and what was written and is not compacted yet. As it
   * fills up caches shrink, collections that nobody uses are closed, and writes wait; a collection whose index alone does not fit is
   * refused with `LIMIT_EXCEEDED`. Default: 64 MiB for caches, and what indexes need. See docs/memory.md.
   */
  memoryBudgetBytes?: number;
  /**
   * Threads that may be at work at once, the engine's own included: a whole number from 1. Where the page is cross-origin isolated, others
   * help to build graphs and to answer calls of many queries. Default: what the machine has, at most 4. A client in a worker has one.
   * See docs/cores.md.
   */
  cores?: number;
  /**
   * Encrypts all that the database stores, names included. To be given from its creation on: `WRONG_KEY` where the database has another
   * key, or none. See docs/encryption.md.
   *
   * @example
   * const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
   * const client = new TidepoolClient({ path: "diary", encryption: { key } });
   */
  encryption?: EncryptionOptions;
  /** Who may call, how often, and how much each tenant may hold. Checked when the database is opened. Default: no rules. */
  gateway?: GatewayRules;
  /** Shown with every call, where `gateway.auth` asks for one. */
  token?: string;
  /**
   * Hears of what went wrong without loss, such as a damaged graph that is built anew: once each time, as it happens. Default:
   * the message goes to `console.warn`. `info().warnings` has the messages, too.
   *
   * @example
   * const client = new TidepoolClient({ onWarning: (warning) => console.warn(warning.code, warning.message) });
   */
  onWarning?: (warning: TidepoolWarning) => void;
  /**
   * For a browser extension's background service worker, which can start no worker: a page of the extension, such as
   * "offscreen.html", whose script opens the same path. It is made the extension's offscreen document when nobody else has the
   * database open. The manifest needs the permission "offscreen".
   */
  offscreen?: string;
  /**
   * Brings the keys of embedding functions that are restored with a collection: `provider` is the function's name, such as "openai".
   * Asked when a text is to be embedded; nothing is stored.
   *
   * @example
   * const client = new TidepoolClient({ credentials: async (provider) => (await fetch(`/keys/${provider}`)).text() });
   */
  credentials?: (provider: string) => string | Promise<string>;
  /**
   * A Chroma server in the place of a database in this browser. Goes with `onWarning` and `credentials` alone: what else there is
   * concerns databases in browsers. What is wrong inside is told by the first call. `docs/remote.md` says what a server cannot do.
   *
   * @example
   * const client = new TidepoolClient({ remote: { url: "http://localhost:8000" } });
   */
  remote?: RemoteOptions;
  /**
   * A published database (`publish`), to be read where it lies: the address of its folder, or with headers and a bound for what is kept in
   * this browser. Whatever writes rejects with `READ_ONLY`. What is wrong inside is told by the first call. See docs/publish.md.
   *
   * @example
   * const client = new TidepoolClient({ source: "https://example.org/notes/" });
   */
  source?: string | PublishedSource;
  /** Makes the worker, for those who bundle `tidepool-db/worker` themselves. Called again when a worker has ended. */
  worker?: () => Worker;
}

/** What `client.info()` tells: the engine's facts, and this client's role. */
export interface ClientInfo extends EngineInfo {
  /** Whether the engine runs in a worker of this page, frame or worker ("holder"), or in that of another ("follower"). */
  role: Role;
}

/** Arguments of `createCollection` and `getOrCreateCollection`. */
export interface CreateCollectionArguments {
  /** 3–512 of [a-zA-Z0-9._-], beginning and ending with a letter or digit. */
  name: string;
  /** At least one key; keys whose value is `null` are left out. */
  metadata?: { [key: string]: MetadataValue | null };
  /** Parameters of the index, fixed or changed later as each of them says. Default: an `l2` space and Chroma's parameters. */
  configuration?: CreateCollectionConfiguration;
  /** Embeds the collection's texts. Default: a `HashingEmbeddingFunction`; `null`: none. */
  embeddingFunction?: EmbeddingFunction | null;
  /** Which indexes the collection gets: a {@link Schema}, or another collection's. Takes the place of `configuration`. */
  schema?: SchemaLike;
}

/** Those that concern a published database, too. */
const SOURCE_OPTIONS =
  "path tenant database client storage allowReset memoryBudgetBytes cores gateway token onWarning offscreen credentials worker " +
  "encryption source";
const OPTIONS = `${SOURCE_OPTIONS} remote durability retainVersions`;
/** Those that concern a server, too. */
const REMOTE_OPTIONS = "remote onWarning credentials";
const STORAGES: readonly OpenOptions["storage"][] = ["auto", "opfs", "indexeddb", "directory", "memory"];
const EVENTS: readonly (keyof ClientEvents)[] = ["change", "lease", "warning", "quota"];
const DURABILITIES: readonly OpenOptions["durability"][] = ["strict", "relaxed"];

/**
 * A vector database in this browser, with the names of Chroma's client. Clients of one path, in this tab or elsewhere, use it at
 * once: one of them runs the engine, and another takes over when it goes.
 *
 * Every call rejects with a {@link TidepoolError}. Beside the codes named at each method any call may meet `LOCKED`,
 * `NOT_SUPPORTED`, `CORRUPTION`, `DATA_EVICTED`, `FORMAT_TOO_NEW`, `QUOTA_EXCEEDED`, `CONNECTION_LOST`, `POISONED` and `CLOSED`.
 *
 * @example
 * const client = new TidepoolClient({ path: "notes" });
 * const collection = await client.getOrCreateCollection({ name: "tides" });
 * await collection.add({ ids: ["a"], documents: ["Spring tides follow the new moon."] });
 * console.log((await collection.query({ queryTexts: ["moon"] })).documents[0]);
 */
export class TidepoolClient {
  /** Whose databases the calls of this client concern. */
  readonly tenant: string;
  /** The database that the calls of this client concern. */
  readonly database: string;
  /** Brings the keys of restored embedding functions; `undefined` where nobody does. */
  readonly credentials: ((provider: string) => string | Promise<string>) | undefined;
  readonly #connection: Connection;
  /** @internal */
  get [CONNECTION](): Connection {
    return this.#connection;
  }

  /**
   * Checks the options and does nothing else; the first call opens the database.
   *
   * @throws `INVALID_ARGUMENT`.
   */
  constructor(options: TidepoolClientOptions = {}) {
    throughProxies(this, TidepoolClient, "persist persisted version reset getPreflightChecks getMaxBatchSize supportsBase64Encoding");
    const {
      source,
      path = source?.url.replace(/[^\w.-]+/g, "_").slice(-128) ?? "default",
      tenant = "default_tenant",
      database = "default_database",
      storage = "auto",
      durability = "strict",
      allowReset = false,
      retainVersions = 1,
      memoryBudgetBytes,
      cores,
      encryption,
      worker = createWorker,
      client,
      shared,
      gateway,
      token,
      onWarning,
      offscreen,
      credentials,
      remote,
    } = readOptions(options);
    for (const [name, text] of Object.entries({ token, offscreen, tenant, database })) if (text !== undefined) validateText(text, name);
    validatePath(path);
    validateOneOf(storage, STORAGES, "storage");
    validateOneOf(durability, DURABILITIES, "durability");
    validateOneOf(allowReset, [true, false], "allowReset");
    validateAtLeast(retainVersions, 1, "retainVersions");
    if (memoryBudgetBytes !== undefined) validateAtLeast(memoryBudgetBytes, limits.memoryBudgetBytesMin, "memoryBudgetBytes");
    validateWorker(worker);
    if (encryption !== undefined) validateKey(encryption.key);
    for (const [name, fn] of Object.entries({ onWarning, credentials })) if (fn !== undefined) validateFunction(fn, name);
    if (client !== undefined && !shared) throw invalidArgument(`client must be a TidepoolClient, got ${show(client)}`);
    this.tenant = tenant;
    this.database = database;
    this.credentials = credentials;
    const common = { path, storage, durability, allowReset, retainVersions, memoryBudgetBytes, gateway, encryption, source };
    const open = { ...common, cores: coresHere(cores) };
    this.#connection = shared ?? new Connection(open, worker, token, offscreen, remote);
    if (onWarning !== undefined) this.#connection.on("warning", onWarning);
  }

  /**
   * Tells the listener of every event of this kind from now on; opens nothing. What it throws is the page's own uncaught error.
   *
   * @param type - "change": records or collections of this client's tenant and database were changed, in whatever tab;
   *   "lease": the engine runs in another context now, or in this one; "warning": as `onWarning`; "quota": the space that the
   *   browser grants runs short.
   * @returns Ends it.
   *
   * @throws `INVALID_ARGUMENT`; `NOT_SUPPORTED` for all but `warning` over a Chroma server, which tells of nothing.
   *
   * @example
   * const off = client.on("change", ({ collection, ids, own }) => console.log(collection, ids, own));
   * off();
   */
  on<T extends keyof ClientEvents>(type: T, listener: (event: ClientEvents[T]) => void): () => void {
    validateOneOf(type, EVENTS, "type");
    validateFunction(listener, "listener");
    if (type !== "change") return this.#connection.on(type, listener);
    return this.#connection.on("change", (event) => {
      if (event.tenant === this.tenant && event.database === this.database) listener(event as ClientEvents[T]);
    });
  }

  get #scope(): Scope {
    return { tenant: this.tenant, database: this.database };
  }

  /**
   * Asks the browser to keep this origin's data when space runs short; it may ask the user. Call it from a page, best in answer to
   * a click. Opens nothing. Resolves to whether the data is kept now.
   *
   * @throws `NOT_SUPPORTED` where there is nobody to ask, as in workers and insecure contexts.
   *
   * @example
   * if (!(await client.persisted())) console.log(await client.persist());
   */
  async persist(): Promise<boolean> {
    const storage = originStorage();
    if (storage?.persist !== undefined) return storage.persist();
    throw new TidepoolError("NOT_SUPPORTED", "persist() needs a page of a secure context");
  }

  /**
   * Whether the browser keeps this origin's data when space runs short. Opens nothing. `false` where the browser does not say.
   *
   * @example
   * console.log(await client.persisted());
   */
  async persisted(): Promise<boolean> {
    return (await originStorage()?.persisted?.()) ?? false;
  }

  /**
   * The worker's clock, in nanoseconds since the epoch as in Chroma, exact to a millisecond. Opens the database, so it tells
   * whether that works.
   *
   * @example
   * console.log(new Date((await client.heartbeat()) / 1e6));
   */
  async heartbeat(options: CallLimits = {}): Promise<number> {
    return limited(readLimits(options, "heartbeat"), (signal) => this.#connection.call("heartbeat", undefined, { signal }));
  }

  /**
   * The release of this package. Opens nothing.
   *
   * @example
   * console.log(await client.version()); // 0.1.0
   */
  async version(): Promise<string> {
    return VERSION;
  }

  /**
   * What is in use: storage, durability, counts, bytes on disk and in memory, length of the log, format version. Counts
   * span all tenants and databases of the path. Collections that have something in the log are opened to be counted.
   *
   * @example
   * const { storage, records, blockBytesUsed } = await client.info();
   * console.log(`${records} records in ${storage}, ${blockBytesUsed} bytes of blocks`);
   */
  async info(options: CallLimits = {}): Promise<ClientInfo> {
    const info = await limited(readLimits(options, "info"), (signal) => this.#connection.call("info", undefined, { signal }));
    return { ...info, role: this.#connection.role! };
  }

  /**
   * How often each method of the engine was called since it was opened, by whichever tab, how it ended, and how long it took there.
   *
   * @example
   * const { methods } = await client.metrics();
   * console.log(methods["query"]?.calls, methods["query"]?.ms.p95);
   */
  async metrics(options: CallLimits = {}): Promise<EngineMetrics> {
    return limited(readLimits(options, "metrics"), (signal) => this.#connection.call("metrics", undefined, { signal }));
  }

  /**
   * Reads all that is stored at this path and says what is wrong: every checksum, every reference, the log's chain, and with
   * `deep` every index against the records. Reads and writes go on. It changes nothing. Takes about as long as reading the files:
   * seconds for each gigabyte, several times that with `deep`.
   *
   * @throws `ABORTED`; `FORBIDDEN` where gateway rules allow a token less than the whole database. Damage is reported, not thrown.
   *
   * @example
   * const { isSound, findings, collections } = await client.verify({ deep: true });
   * if (!isSound) for (const { message } of [...findings, ...collections.flatMap((one) => one.findings)]) console.warn(message);
   */
  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    const given = readArguments("verify", () => copyOf(options));
    // Loaded when it is first needed.
    return (await part(import("./verify.js"))).verify(this.#connection, given);
  }

  /**
   * Verifies, `deep` unless it is said otherwise, and repairs what is damaged: records that can be read are kept, indexes are built
   * anew, and the report says what is gone. Earlier versions of a repaired collection are given up. Each collection is repaired on
   * new blocks that replace the old ones in one step, so what is interrupted changes nothing; reads go on meanwhile, and writes to it
   * wait. A collection of which not even the name is left is named `recovered-<id>`.
   *
   * @throws `ABORTED` while it still verifies; `QUOTA_EXCEEDED`; `FORBIDDEN` as `verify` does.
   *
   * @example
   * const { collections } = await client.repair();
   * for (const { name, kept, counted } of collections) console.log(`${name}: ${kept} of ${counted} records are left`);
   */
  async repair(options: VerifyOptions = {}): Promise<RepairReport> {
    const given = readArguments("repair", () => copyOf(options));
    return (await part(import("./verify.js"))).repair(this.#connection, given);
  }

  /**
   * The collections in order of creation, at most `limit` (default 100) from `offset` (default 0).
   *
   * @example
   * for (const { name } of await client.listCollections({ limit: 20 })) console.log(name);
   */
  async listCollections(args: { limit?: number; offset?: number } & CallLimits = {}): Promise<Collection[]> {
    const { page, within } = readArguments("listCollections", () => readPage(args, "listCollections"));
    const request = { ...this.#scope, ...page };
    const infos = await limited(within, (signal) => this.#connection.call("listCollections", request, { signal }));
    return infos.map((info) => this.#collection(info, this.#restore(info)));
  }

  /**
   * The collections of this client's tenant and database, now and from then on: whenever one is created, changed or deleted, in
   * whatever tab, the listener gets the list and the ids of those that were added, have changed and were removed.
   *
   * @param what - `collections` with the arguments of {@link TidepoolClient.listCollections}; beside it `onError` and `signal`.
   *
   * @throws `INVALID_ARGUMENT`; `LIMIT_EXCEEDED` beyond 1,000 subscriptions of a client; `ABORTED`.
   *
   * @example
   * const listed = await client.subscribe({ collections: {} }, ({ results }) => console.log(results.map(({ name }) => name)));
   * listed.unsubscribe();
   */
  async subscribe(
    what: { collections: { limit?: number; offset?: number } } & LiveOptions,
    listener: (update: LiveUpdate<Collection[]>) => void,
  ): Promise<Subscription<Collection[]>> {
    const given = readArguments("subscribe", () => copyOf(what));
    // Loaded when it is first needed.
    const { subscribeToList } = await part(import("./live/subscribe.js"));
    return subscribeToList(given, listener, this.#connection, {
      list: (page) => this.listCollections(page),
      onChange: (told) => this.on("change", told),
    });
  }

  /**
   * Keeps collections here and on a Chroma server equal, from now on until it is stopped: what was written here goes there, what was
   * written there comes here, and where both were, the rule `conflict` decides. See docs/sync.md.
   *
   * @throws `INVALID_ARGUMENT`; `NOT_SUPPORTED` in service workers, which load nothing later: `syncCollections` of
   *   `tidepool-db/sync` is for these; `CONNECTION_LOST` where its file cannot be fetched. What a round
   *   fails with is told by the status, and by `now()`.
   *
   * @example
   * const sync = await client.sync({ remote: { url: "http://localhost:8000" }, collections: ["tides"], intervalMs: null });
   * sync.on("conflict", ({ id, winner }) => console.log(id, winner));
   * await sync.stop();
   */
  async sync(options: SyncOptions): Promise<Sync> {
    const given = readArguments("sync", () => copyOf(options));
    const { startSync } = await part(import("./sync/sync-handle.js"), "import tidepool-db/sync");
    return startSync(this.#connection, this.#scope, given);
  }

  /**
   * The number of collections.
   *
   * @example
   * console.log(await client.countCollections()); // 0
   */
  async countCollections(options: CallLimits = {}): Promise<number> {
    const within = readLimits(options, "countCollections");
    return limited(within, (signal) => this.#connection.call("countCollections", this.#scope, { signal }));
  }

  /**
   * Creates a collection. Its schema and its space (default "l2", or what an embedding function given here prefers) are
   * fixed; its dimension is fixed by the first record.
   *
   * @throws `ALREADY_EXISTS` when the name is taken; `INVALID_ARGUMENT`, also where both `schema` and `configuration` say
   *   something; `NOT_FOUND` when the client's tenant or database is not there; `NOT_SUPPORTED` for a schema with a `cmek`.
   *
   * @example
   * const notes = await client.createCollection({ name: "notes", configuration: { hnsw: { space: "cosine" } } });
   */
  async createCollection<TMeta extends MetadataOf<TMeta> = Metadata>(args: CreateCollectionArguments): Promise<Collection<TMeta>> {
    const { info, chosen, sparse } = await this.#create(args, false);
    return this.#collection<TMeta>(info, { fn: chosen.fn ?? undefined, failure: null, sparse });
  }

  /**
   * Opens a collection, or creates it when there is none. `metadata`, `configuration` and `schema` count only when it is created.
   *
   * @throws `EMBEDDING_FUNCTION` when the collection exists and was made with another embedding function.
   *
   * @example
   * const notes = await client.getOrCreateCollection({ name: "notes", metadata: { language: "en" } });
   */
  async getOrCreateCollection<TMeta extends MetadataOf<TMeta> = Metadata>(args: CreateCollectionArguments): Promise<Collection<TMeta>> {
    const { info, chosen, sparse } = await this.#create(args, true);
    const given = chosen.implicit ? undefined : (chosen.fn ?? undefined);
    return this.#collection<TMeta>(info, { ...this.#resolve(info, given), sparse });
  }

  /**
   * Opens a collection. Its embedding function comes back by itself when its class is registered.
   *
   * @throws `NOT_FOUND`; `EMBEDDING_FUNCTION` when the one given is not the one it was made with.
   *
   * @example
   * await client.createCollection({ name: "notes" });
   * const notes = await client.getCollection<{ year: number }>({ name: "notes" });
   */
  async getCollection<TMeta extends MetadataOf<TMeta> = Metadata>(
    args: {
      name: string;
      embeddingFunction?: EmbeddingFunction | null;
    } & CallLimits,
  ): Promise<Collection<TMeta>> {
    const { name, embeddingFunction, within } = readArguments("getCollection", () => readNamed(args));
    const info = await limited(within, (signal) => this.#connection.call("getCollection", { ...this.#scope, name }, { signal }));
    return this.#collection<TMeta>(info, this.#resolve(info, embeddingFunction ?? undefined));
  }

  /**
   * Opens several collections, in the order of `items`: names, or arguments of `getCollection`.
   *
   * @throws As `getCollection` does for the first that fails.
   *
   * @example
   * await client.createCollection({ name: "notes" });
   * const [notes] = await client.getCollections(["notes"]);
   */
  async getCollections(items: string[] | { name: string; embeddingFunction?: EmbeddingFunction | null }[]): Promise<Collection[]> {
    const named = readArguments("getCollections", () => {
      validateArray(items, "items");
      return Array.from<unknown, Named>(items, (item) => readNamed(typeof item === "string" ? { name: item } : (item as Named)).given);
    });
    return Promise.all(named.map((item) => this.getCollection(item)));
  }

  /**
   * Opens the collection of this client's database that has the id.
   *
   * @throws `NOT_FOUND`.
   *
   * @example
   * const { id } = await client.createCollection({ name: "notes" });
   * console.log((await client.getCollectionById(id)).name); // notes
   */
  async getCollectionById<TMeta extends MetadataOf<TMeta> = Metadata>(id: string): Promise<Collection<TMeta>> {
    validateText(id, "id");
    const info = await this.#connection.call("getCollectionById", { ...this.#scope, collectionId: id });
    return this.#collection<TMeta>(info, this.#restore(info));
  }

  /**
   * A handle of the collection that has the id, without asking for it: it knows neither name, metadata and configuration nor an
   * embedding function, so texts cannot be embedded. Its calls reject with `NOT_FOUND` where there is no such collection.
   *
   * @throws `INVALID_ARGUMENT`.
   *
   * @example
   * const { id } = await client.createCollection({ name: "notes" });
   * console.log(await client.collection(id).count()); // 0
   */
  collection<TMeta extends MetadataOf<TMeta> = Metadata>(id: string): Collection<TMeta> {
    validateText(id, "id");
    if (this.#connection.remote) this.#connection.homes.set(id, this.#scope);
    const unknown = { metadata: null, dimension: null, schema: { defaults: {}, keys: {} }, configuration: { embedding_function: null } };
    const info = { id, name: "", ...this.#scope, ...unknown } as unknown as CollectionInfo;
    const why = "client.collection(id) knows no embedding function; use getCollectionById";
    return this.#collection<TMeta>(info, { fn: undefined, failure: embeddingError(why) });
  }

  /**
   * What Chroma's clients ask a server before they write. Opens nothing; where there is a server, it is asked.
   *
   * @example
   * console.log(await client.getPreflightChecks()); // {"max_batch_size":5461,"supports_base64_encoding":true}
   */
  async getPreflightChecks(): Promise<PreflightChecks> {
    if (this.#connection.remote) return this.#connection.call("preFlightChecks");
    return { max_batch_size: limits.batchRecordsMax, supports_base64_encoding: true };
  }

  /**
   * Records of the largest batch over REST. Calls of this client may have any number: it splits them itself.
   *
   * @example
   * console.log(await client.getMaxBatchSize()); // 5461
   */
  async getMaxBatchSize(): Promise<number> {
    return (await this.getPreflightChecks()).max_batch_size;
  }

  /**
   * Whether embeddings may come as base64 over REST: they may, but for old servers.
   *
   * @example
   * console.log(await client.supportsBase64Encoding()); // true
   */
  async supportsBase64Encoding(): Promise<boolean> {
    return (await this.getPreflightChecks()).supports_base64_encoding;
  }

  /**
   * Opens a collection by its CRN, `tenant:database:collection`, whatever this client's own tenant and database are.
   *
   * @throws `INVALID_ARGUMENT`; `NOT_FOUND`.
   *
   * @example
   * await client.createCollection({ name: "notes" });
   * const notes = await client.getCollectionByCrn("default_tenant:default_database:notes");
   */
  async getCollectionByCrn<TMeta extends MetadataOf<TMeta> = Metadata>(crn: string): Promise<Collection<TMeta>> {
    const parts = (typeof crn === "string" ? crn : "").split(":") as [string, string, string];
    if (parts.length !== 3 || parts.includes("")) throw invalidArgument(`crn must be tenant:database:collection, got ${show(crn)}`);
    const [tenant, database, name] = parts;
    const info = await this.#connection.call("getCollection", { tenant, database, name });
    return this.#collection<TMeta>(info, this.#restore(info));
  }

  /**
   * Who this client is for the gateway rules, and which databases it may use.
   *
   * @example
   * console.log((await client.getUserIdentity()).tenant); // default_tenant
   */
  async getUserIdentity(options: CallLimits = {}): Promise<UserIdentity> {
    const within = readLimits(options, "getUserIdentity");
    return limited(within, (signal) => this.#connection.call("identity", this.#scope, { signal }));
  }

  /**
   * Deletes a collection and everything in it. Its space on disk is free for other blocks, and overwritten by `vacuum({ erase: true })`.
   *
   * @throws `NOT_FOUND`.
   *
   * @example
   * await client.createCollection({ name: "notes" });
   * await client.deleteCollection({ name: "notes" });
   */
  async deleteCollection(args: { name: string }): Promise<void> {
    const { name } = readArguments("deleteCollection", () => readObject(args, "deleteCollection", "name"));
    validateText(name, "name");
    await this.#connection.call("deleteCollection", { ...this.#scope, name });
  }

  /**
   * Leaves on disk what is needed: compacts all collections of the path, and gives free space back to the origin. With `erase`,
   * what was deleted or replaced before the call is overwritten besides: ids, documents, metadata and vectors are found nowhere
   * in the origin private file system any more. It writes every collection anew, so it takes as long as writing all of them did,
   * and up to a minute more in a database's first minute. What the browser keeps beyond its reach is told in
   * `docs/upkeep.md`, under "Deleting for good".
   *
   * @returns What is left, and how many earlier versions are retained: those keep what was deleted since.
   *
   * @throws `INVALID_ARGUMENT`; `ABORTED` by the signal, after which part of it is done; `QUOTA_EXCEEDED` where compacting
   *   finds no room; `LOCKED` where a frozen tab that has lost the database still has its files open, and, with
   *   `erase`, while an export, a backup or a verification is under way.
   *
   * @example
   * const { versionsKept } = await client.vacuum({ erase: true });
   * console.log(versionsKept); // 0
   */
  async vacuum(options: VacuumOptions = {}): Promise<VacuumReport> {
    const given = readArguments("vacuum", () => copyOf(options));
    const engine = { vacuum: (step: VacuumRequest) => this.#connection.call("vacuum", step), info: () => this.info() };
    return (await part(import("./vacuum.js"))).vacuum(engine, given);
  }

  /**
   * Gives an encrypted database another key. When the new one has taken the former's place, in one moment, the former opens nothing any
   * more. Then everything is encrypted anew with a new secret, in the background: reads and writes go on, and so does the rotation where
   * the client is closed or its tab goes, with whoever has the database open, or opens it next. This client opens with the new key from
   * now on; other tabs that are let in stay in, and need the new key when they open it again. See docs/encryption.md.
   *
   * @param options - `key`: the new one, in any form of `encryption.key`.
   * @returns When nothing is left that the former key, and the secret that it led to, could decrypt. `info().keyRotation` tells as well.
   *
   * @throws `INVALID_ARGUMENT`; `WRONG_KEY` where the function brings no key, or with the reason "unencrypted"; `NOT_SUPPORTED` for memory
   *   and published databases; `ABORTED`. After the first call of `onProgress` the new key holds, whatever the call rejects with:
   *   `QUOTA_EXCEEDED`; `CORRUPTION` where what is damaged cannot be encrypted anew.
   *
   * @example
   * const first = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
   * const diary = new TidepoolClient({ path: "rotated", encryption: { key: first } });
   * await diary.rotateKey({ key: () => passphraseKey("a longer passphrase") });
   */
  async rotateKey(options: RotateKeyOptions): Promise<void> {
    return (await part(import("./rotate-key.js"))).rotateKey(this.#connection, options);
  }

  /**
   * Everything of this path as one file, streamed: all tenants, databases and collections with their configurations, schemas, metadata,
   * records and indexes, as they are in the moment of this call. Writes wait for that moment and go on while the stream is read; the
   * rules of {@link Collection.export} hold for that. The file carries checksums and an end, by which `restore` tells whether it is whole.
   *
   * Reading rejects with `INVALID_ARGUMENT`, `CORRUPTION` where something stored is damaged, `FORBIDDEN` where gateway rules allow a token
   * less than the whole database, and as `export`.
   *
   * @example
   * const file = await new Response(client.backup()).blob();
   * console.log(file.size > 0); // true
   */
  backup(options: BackupOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    const given = readArguments("backup", () => copyOf(options));
    return lazyStream(async () => (await part(import("./transfer/backup.js"))).backup(this.#connection, given));
  }

  /**
   * Takes a backup in, all of it in one moment or, where anything goes wrong, nothing. Until then nothing of it is seen; a restore that is
   * interrupted leaves nothing behind. In a database's first minute, and that of its files, it takes the rest of that minute.
   *
   * @param file - What `backup` has given.
   *
   * @throws `CORRUPTION` where the file is cut, changed or no backup; `ALREADY_EXISTS` where mode "new" finds a database that is not empty,
   *   or mode "merge" a collection of the same name or id; `FORMAT_TOO_NEW`; `NOT_SUPPORTED` where the worker lacks an index engine that a
   *   collection needs; `QUOTA_EXCEEDED`, `ABORTED`, `INVALID_ARGUMENT`; `STALE_READ` where the tab that took it in has gone.
   *
   * @example
   * const copy = new TidepoolClient({ path: "copy", allowReset: true });
   * await copy.reset();
   * const { collections } = await copy.restore(client.backup(), { mode: "new" });
   * console.log(collections === (await client.info()).collections); // true
   */
  async restore(file: BackupFile, options: RestoreOptions): Promise<RestoreReport> {
    const given = readArguments("restore", () => copyOf(options));
    return (await part(import("./transfer/restore.js"))).restore(this.#connection, file, given);
  }

  /**
   * Writes everything of this path, as it is in the moment of this call, as files that any web host can serve: `source` of a client opens
   * them where they lie. Files never change once they are there; what is there already is not written again, and the manifest is written
   * last, so that readers have the earlier publication or this one. Earlier versions are left out. One call at a time has a directory.
   *
   * @param directory - Such as `showDirectoryPicker({ mode: "readwrite" })` gives, or a directory in `navigator.storage.getDirectory()`.
   *
   * @throws `INVALID_ARGUMENT`; `ABORTED`; `CORRUPTION` where something stored, or the manifest in the directory, is damaged; `FORBIDDEN`
   *   where gateway rules allow a token less than the whole database.
   *
   * @example
   * const root = await navigator.storage.getDirectory();
   * const { files, bytesWritten } = await client.publish(await root.getDirectoryHandle("site", { create: true }));
   * console.log(files.at(-1), bytesWritten > 0); // tidepool.json true
   */
  async publish(directory: PublishDirectory, options: PublishOptions = {}): Promise<PublishReport> {
    return (await part(import("./publish/publish.js"))).publish(this.#connection, directory, options);
  }

  /**
   * Deletes everything of this path.
   *
   * @throws `FORBIDDEN` unless the client was made with `allowReset: true`.
   *
   * @example
   * const scratch = new TidepoolClient({ path: "scratch", allowReset: true });
   * await scratch.reset();
   */
  async reset(): Promise<void> {
    await this.#connection.call("reset");
  }

  /**
   * Ends this client, and where no other in the page uses the path, its worker: other tabs go on with one of theirs. Batches on
   * their way to the log become durable first; whatever else is under way, and every later call, rejects with `CLOSED`. Closing
   * twice is fine.
   *
   * @param options - `force: true` waits for nothing: calls under way reject with `CLOSED`, and the worker ends at once, however
   *   busy it is. What was not acknowledged may or may not have taken effect; what was stays.
   *
   * @throws `INVALID_ARGUMENT`.
   *
   * @example
   * await client.close();
   */
  async close(options: { force?: boolean } = {}): Promise<void> {
    const { force = false } = readArguments("close", () => readObject(options, "close", "force"));
    validateOneOf(force, [true, false], "force");
    await (force ? this.#connection.forceClose() : this.#connection.close());
  }

  async #create(
    args: CreateCollectionArguments,
    getOrCreate: boolean,
  ): Promise<Partial<SchemaChoice> & { info: CollectionInfo; chosen: ChosenFunction }> {
    // Loaded when it is first needed: a page without schemas does without it.
    const schemas = readArguments("createCollection", () => (args?.schema == null ? null : part(import("./schema/create-with-schema.js"))));
    const loaded = await schemas;
    const { chosen, choice, request } = readArguments("createCollection", () => this.#readCreation(args, loaded));
    const info = await this.#connection.call("createCollection", { ...request, getOrCreate });
    choice?.checkSparse(info.schema);
    return { ...choice, info, chosen };
  }

  #readCreation(args: CreateCollectionArguments, schemas: typeof import("./schema/create-with-schema.js") | null) {
    const given = readObject(args, "createCollection", "name metadata configuration embeddingFunction schema");
    const { name, metadata, embeddingFunction, schema } = given;
    const configuration = given.configuration ?? undefined;
    validateName(name);
    const kept = readCollectionMetadata(metadata);
    const choice = schemas?.chooseSchema(schema!, embeddingFunction, configuration, this) ?? null;
    const chosen = choice?.chosen ?? chooseFunction(embeddingFunction, configuration);
    const request = {
      ...this.#scope,
      name,
      metadata: kept,
      configuration: createConfiguration(choice === null ? chosen : { fn: null, implicit: true }, configuration, kept),
      schema: choice?.schema,
    };
    return { chosen, choice, request };
  }

  #restore(info: CollectionInfo): Restored {
    return restoreEmbeddingFunction(info.configuration.embedding_function, this);
  }

  #resolve(info: CollectionInfo, given: EmbeddingFunction | undefined): Restored {
    if (given === undefined) return this.#restore(info);
    validateSameFunction(given, info.configuration.embedding_function, this);
    return { fn: given, failure: null };
  }

  #collection<TMeta extends MetadataOf<TMeta> = Metadata>(info: CollectionInfo, embedding: Restored): Collection<TMeta> {
    return new Collection<TMeta>(this, this.#connection, info, embedding);
  }
}

/** The options that there are, with the connection to share, and with where a server's collections are looked for. */
function readOptions(options: TidepoolClientOptions) {
  return readArguments("TidepoolClient", () => {
    const remote =
      options?.remote === undefined ? undefined : readObject(options.remote, "remote", "url headers apiKey tenant database fetch");
    const given = readObject(options, "TidepoolClient", remote ? REMOTE_OPTIONS : options?.source ? SOURCE_OPTIONS : OPTIONS);
    const { encryption } = given;
    return {
      ...given,
      ...(encryption !== undefined && { encryption: readObject(encryption, "encryption", "key") }),
      ...(remote && { remote, tenant: remote.tenant, database: remote.database }),
      source: given.source === undefined ? undefined : readSource(given.source),
      shared: selfOf(given.client)?.[CONNECTION],
    };
  });
}

/** Addresses are relative to the page, of which the worker knows nothing. */
function readSource(source: string | PublishedSource): PublishedSource {
  const given = typeof source === "string" ? { url: source } : readObject(copyOf(source), "source", "url headers cacheBytes");
  return { ...given, url: new URL(given.url, globalThis.location?.href).href };
}

/** Which part of a list is asked for. */
export function readPage<A extends { limit?: number; offset?: number } & CallLimits>(args: A, call: string, more = "") {
  const given = readObject(args, call, `limit offset ${CALL_LIMITS}${more}`);
  const { limit = 100, offset = 0 } = given;
  validateCount(limit, "limit");
  validateCount(offset, "offset");
  return { given, page: { limit, offset }, within: readCallLimits(given) };
}

/** What `getCollection` takes. */
interface Named extends CallLimits {
  name: string;
  embeddingFunction?: EmbeddingFunction | null;
}

function readNamed(args: Named): Named & { given: Named; within: CallLimits } {
  const given = readObject(args, "getCollection", `name embeddingFunction ${CALL_LIMITS}`);
  const { name, embeddingFunction } = given;
  validateText(name, "name");
  if (embeddingFunction != null) validateEmbeddingFunction(embeddingFunction, "embeddingFunction");
  return { given, name, embeddingFunction, within: readCallLimits(given) };
}

export function validatePath(path: unknown): void {
  if (typeof path === "string" && /^[A-Za-z0-9._-]{1,128}$/.test(path) && !/^\.+$/.test(path)) return;
  throw invalidArgument(`path must be 1-128 letters, digits and . _ - (and not only dots), got ${show(path)}`);
}

export function validateWorker(worker: unknown): void {
  if (typeof worker !== "function") throw invalidArgument(`worker must be a function that returns a Worker, got ${show(worker)}`);
}

/** Pages alone start helpers (`page-helpers.ts`). */
function coresHere(cores: number | undefined): number | undefined {
  if (cores !== undefined) validateAtLeast(cores, 1, "cores");
  return typeof document === "undefined" ? 1 : cores;
}

function validateOneOf(value: unknown, allowed: readonly unknown[], argument: string): void {
  if (!allowed.includes(value)) throw invalidArgument(`${argument} must be one of ${allowed.map(show).join(", ")}, got ${show(value)}`);
}

/** As far as there is one. */
function originStorage(): Partial<StorageManager> | undefined {
  return (globalThis.navigator as Navigator | undefined)?.storage;
}
