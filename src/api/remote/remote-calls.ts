/**
 * The engine's methods as requests to a Chroma server, each for one call. What is missing here no server has. Reads of selected
 * records that servers do not count are counted here.
 */
import type {
  ConditionalGetRequest,
  CountRequest,
  DeleteRequest,
  EngineMethods,
  GetRequest,
  PreflightChecks,
  QueryRequest,
  RequestOf,
  ResponseOf,
  Scope,
  Selection,
  WriteRequest,
} from "../../core/service.js";
import type { CollectionInfo, RecordBatch, RecordColumns } from "../../core/types.js";
import { API, COLLECTION, DATABASE, TENANT } from "../rest/paths.js";
import type { Asked } from "./chroma-server.js";
import { type CollectionOnWire, creationOnWire, modificationOnWire } from "./remote-collections.js";
import { movedOn, notOnServer } from "./remote-errors.js";
import {
  batchOnWire,
  type ColumnsOnWire,
  columnsFromWire,
  type QueryOnWire,
  queriesOnWire,
  queryFromWire,
  type SearchOnWire,
  searchFromWire,
  selectionOnWire,
  sliceBatch,
} from "./remote-records.js";
import type { RemoteSession } from "./remote-session.js";

/** Ids that are read at once: Chroma Cloud's quota, which `chroma copy` keeps to, too. */
export const IDS_AT_ONCE = 300;
const NO_RECORDS: ColumnsOnWire = { ids: [], documents: [], metadatas: [], uris: [], embeddings: [] };

type Verb = Asked["method"];
/** What else a request has; `once`: it must not be made twice. */
type More = Pick<Asked, "body" | "query"> & { once?: boolean };

export class RemoteCalls {
  readonly #session: RemoteSession;
  readonly #signal: AbortSignal;

  constructor(session: RemoteSession, signal: AbortSignal) {
    this.#session = session;
    this.#signal = signal;
  }

  get #url(): string {
    return this.#session.server.url;
  }

  #ask<T>(call: string, method: Verb, path: string, more: More = {}): Promise<T> {
    const { once = false, ...rest } = more;
    return this.#session.server.ask<T>({ call, method, path, ...rest, repeatable: !once }, this.#signal);
  }

  /** Asks for something in a database. */
  async #inDatabase<T>(call: string, method: Verb, given: Scope, rest: string, more?: More): Promise<T> {
    const { tenant, database } = await this.#session.scope(given);
    return this.#ask<T>(call, method, fill(DATABASE, { tenant, database }) + rest, more);
  }

  /** Asks for something of a collection. */
  async #of<T>(call: string, method: Verb, collectionId: string, rest: string, more?: More): Promise<T> {
    const home = await this.#session.home(collectionId);
    return this.#ask<T>(call, method, fill(COLLECTION, { ...home, collection_id: collectionId }) + rest, more);
  }

  // ---- the server

  async heartbeat(): Promise<number> {
    return (await this.#ask<{ "nanosecond heartbeat": number }>("heartbeat", "GET", `${API}/heartbeat`))["nanosecond heartbeat"];
  }

  preFlightChecks(): Promise<PreflightChecks> {
    return this.#session.limits();
  }

  identity(): Promise<ResponseOf<"identity">> {
    return this.#session.identity();
  }

  async reset(): Promise<void> {
    await this.#ask("reset", "POST", `${API}/reset`);
  }

  // ---- tenants and databases

  async createTenant({ name }: RequestOf<"createTenant">): Promise<void> {
    await this.#ask("createTenant", "POST", `${API}/tenants`, { body: { name }, once: true });
  }

  async getTenant({ name }: RequestOf<"getTenant">): Promise<ResponseOf<"getTenant">> {
    const { tenant } = await this.#session.scope({ tenant: name });
    const found = await this.#ask<{ name: string; resource_name?: string | null }>("getTenant", "GET", fill(TENANT, { tenant }));
    return { name: found.name, resourceName: found.resource_name ?? null };
  }

  async createDatabase({ tenant: given, name }: RequestOf<"createDatabase">): Promise<void> {
    const { tenant } = await this.#session.scope({ tenant: given });
    await this.#ask("createDatabase", "POST", `${fill(TENANT, { tenant })}/databases`, { body: { name }, once: true });
  }

  getDatabase({ tenant, name: database }: RequestOf<"getDatabase">): Promise<ResponseOf<"getDatabase">> {
    return this.#inDatabase("getDatabase", "GET", { tenant, database }, "");
  }

  async listDatabases({ tenant: given, limit, offset }: RequestOf<"listDatabases">): Promise<ResponseOf<"listDatabases">> {
    const { tenant } = await this.#session.scope({ tenant: given });
    return this.#ask("listDatabases", "GET", `${fill(TENANT, { tenant })}/databases`, { query: { limit, offset } });
  }

  async deleteDatabase({ tenant, name: database }: RequestOf<"deleteDatabase">): Promise<void> {
    await this.#inDatabase("deleteDatabase", "DELETE", { tenant, database }, "", { once: true });
  }

  // ---- collections

  async createCollection(request: RequestOf<"createCollection">): Promise<CollectionInfo> {
    const { tenant, database, getOrCreate } = request;
    const call = getOrCreate ? "getOrCreateCollection" : "createCollection";
    const more = { body: creationOnWire(request, this.#url), once: !getOrCreate };
    return this.#known(this.#inDatabase(call, "POST", { tenant, database }, "/collections", more));
  }

  getCollection({ tenant, database, name }: RequestOf<"getCollection">): Promise<CollectionInfo> {
    return this.#known(this.#inDatabase("getCollection", "GET", { tenant, database }, `/collections/${encodeURIComponent(name)}`));
  }

  getCollectionById({ tenant, database, collectionId }: RequestOf<"getCollectionById">): Promise<CollectionInfo> {
    const path = `/collections/by-id/${encodeURIComponent(collectionId)}`;
    return this.#known(this.#inDatabase("getCollectionById", "GET", { tenant, database }, path));
  }

  async listCollections({ tenant, database, limit, offset }: RequestOf<"listCollections">): Promise<CollectionInfo[]> {
    const query = { limit, offset };
    const scope = { tenant, database };
    const found = await this.#inDatabase<CollectionOnWire[]>("listCollections", "GET", scope, "/collections", { query });
    return found.map((wire) => this.#session.known(wire));
  }

  countCollections(scope: RequestOf<"countCollections">): Promise<number> {
    return this.#inDatabase("countCollections", "GET", scope, "/collections_count");
  }

  async modifyCollection(request: RequestOf<"modifyCollection">): Promise<CollectionInfo> {
    const { collectionId } = request;
    await this.#of("modify", "PUT", collectionId, "", { body: modificationOnWire(request, this.#url) });
    return this.getCollectionById({ ...(await this.#session.home(collectionId)), collectionId });
  }

  async deleteCollection({ tenant, database, name }: RequestOf<"deleteCollection">): Promise<void> {
    const path = `/collections/${encodeURIComponent(name)}`;
    await this.#inDatabase("deleteCollection", "DELETE", { tenant, database }, path, { once: true });
  }

  forkCollection({ collectionId, name }: RequestOf<"forkCollection">): Promise<CollectionInfo> {
    return this.#known(this.#of("fork", "POST", collectionId, "/fork", { body: { new_name: name }, once: true }));
  }

  async forkCount({ collectionId }: RequestOf<"forkCount">): Promise<number> {
    return (await this.#of<{ count: number }>("forkCount", "GET", collectionId, "/fork_count")).count;
  }

  indexingStatus({ collectionId }: RequestOf<"indexingStatus">): Promise<ResponseOf<"indexingStatus">> {
    return this.#of("getIndexingStatus", "GET", collectionId, "/indexing_status");
  }

  async #known(answer: Promise<CollectionOnWire>): Promise<CollectionInfo> {
    return this.#session.known(await answer);
  }

  // ---- writing

  /** More records than the server takes at once go one part after the other. */
  write({ collectionId, operation, records }: WriteRequest): Promise<void> {
    return this.#session.inLine(collectionId, async () => {
      const { max_batch_size: atOnce, supports_base64_encoding: asBase64 } = await this.#session.limits();
      for (let start = 0; start < records.ids.length; start += atOnce) {
        const body = batchOnWire(sliceBatch(records, start, start + atOnce), asBase64);
        await this.#of(operation, "POST", collectionId, `/${operation}`, { body });
      }
    });
  }

  /** With a limit each time deletes others. */
  delete({ collectionId, limit, ...selection }: DeleteRequest): Promise<{ deleted: number }> {
    if (selection.ids?.length === 0) return Promise.resolve({ deleted: 0 });
    const body = { ...selectionOnWire(selection, "delete", this.#url), limit };
    const ask = () => this.#of<{ deleted?: number } | null>("delete", "POST", collectionId, "/delete", { body, once: limit !== undefined });
    return this.#session.inLine(collectionId, async () => ({ deleted: (await ask())?.deleted ?? 0 }));
  }

  conditionalCommit(request: RequestOf<"conditionalCommit">): Promise<ResponseOf<"conditionalCommit">> {
    const { collectionId, readToken, readIds, operations } = request;
    const payloadOf = (records: RecordBatch): object => batchOnWire(records, true);
    const body = {
      ...(readToken == null ? {} : { read_token: readToken }),
      read_ids: [...readIds].sort(),
      operations: operations.map((one) => ({
        operation: one.operation,
        payload: one.operation === "delete" ? { ids: one.ids, where: null, where_document: null, limit: null } : payloadOf(one.records),
      })),
    };
    return this.#session.inLine(collectionId, async () => {
      const more = { body, once: true };
      const written = await this.#of<CommitOnWire>("commit", "POST", collectionId, "/conditional/commit", more);
      return { firstInsertedRecordOffset: written.first_inserted_record_offset, recordCount: written.record_count };
    });
  }

  // ---- reading

  async get({ collectionId, orderBy, ...rest }: GetRequest): Promise<RecordColumns> {
    if (orderBy !== undefined) throw notOnServer("get with orderBy", this.#url);
    if (rest.ids?.length === 0) return columnsFromWire(NO_RECORDS, rest.include);
    const wire = await this.#of<ColumnsOnWire>("get", "POST", collectionId, "/get", { body: this.#getBody(rest, "get") });
    return columnsFromWire(wire, rest.include);
  }

  #getBody({ limit, offset, include, ...selection }: Omit<GetRequest, "collectionId">, call: string): object {
    return { ...selectionOnWire(selection, call, this.#url), limit, offset, include };
  }

  async conditionalGet(request: ConditionalGetRequest): Promise<ResponseOf<"conditionalGet">> {
    const { collectionId, readToken, orderBy, ...rest } = request;
    if (orderBy !== undefined) throw notOnServer("get with orderBy", this.#url);
    const body = { ...this.#getBody(rest, "get"), ...(readToken == null ? {} : { read_token: readToken }) };
    const path = "/conditional/get";
    const wire = await this.#of<ColumnsOnWire & { read_token: number }>("conditional().get", "POST", collectionId, path, { body });
    return { ...(await columnsFromWire(wire, rest.include)), readToken: wire.read_token };
  }

  async query({ collectionId, queryEmbeddings, nResults, exact, include, ...selection }: QueryRequest): Promise<ResponseOf<"query">> {
    if (exact) throw notOnServer("query with exact", this.#url);
    const queries = queriesOnWire(queryEmbeddings);
    const body = { ...selectionOnWire(selection, "query", this.#url), query_embeddings: queries, n_results: nResults, include };
    const nothing = { ids: Array.from({ length: queries.length }, () => []) };
    const isNothing = selection.ids?.length === 0;
    const wire = isNothing ? nothing : await this.#of<QueryOnWire>("query", "POST", collectionId, "/query", { body });
    return queryFromWire(wire, include);
  }

  async search({ collectionId, searches, readLevel, version }: RequestOf<"search">): Promise<ResponseOf<"search">> {
    if (version !== undefined) throw notOnServer("search at a version", this.#url);
    const body = { searches, read_level: readLevel };
    return searchFromWire(await this.#of<SearchOnWire>("search", "POST", collectionId, "/search", { body }));
  }

  /** A server counts all records or none; those that are selected are counted by their ids. */
  async count({ collectionId, readLevel, ...selection }: CountRequest): Promise<number> {
    const selects = Object.keys(selectionOnWire(selection, "count", this.#url)).length > 0;
    if (!selects) return this.#of("count", "GET", collectionId, "/count", { query: { read_level: readLevel } });
    let count = 0;
    for await (const ids of this.#idPages(collectionId, selection)) count += ids.length;
    return count;
  }

  async *#idPages(collectionId: string, selection: Selection): AsyncGenerator<string[], void, undefined> {
    for (let offset = 0, isLast = false; !isLast; offset += IDS_AT_ONCE) {
      const { ids } = await this.get({ collectionId, ...selection, limit: IDS_AT_ONCE, offset, include: [] });
      yield ids;
      isLast = ids.length < IDS_AT_ONCE;
    }
  }

  // ---- exports: what is read is fixed by its ids, since servers keep no moment

  async beginExport({ collectionId, ...selection }: RequestOf<"beginExport">): Promise<ResponseOf<"beginExport">> {
    if (selection.version !== undefined) throw notOnServer("export at a version", this.#url);
    const { dimension } = await this.getCollectionById({ ...(await this.#session.home(collectionId)), collectionId });
    const ids = new Set<string>();
    for await (const page of this.#idPages(collectionId, selection)) for (const id of page) ids.add(id);
    const snapshot = crypto.randomUUID();
    this.#session.exports.set(snapshot, { collectionId, ids: [...ids] });
    return { snapshot, count: ids.size, dimension };
  }

  async readExport({ collectionId, snapshot, from, include }: RequestOf<"readExport">): Promise<RecordColumns> {
    const ids = this.#session.exports.get(snapshot)?.ids.slice(from, from + IDS_AT_ONCE);
    if (ids === undefined) throw movedOn(this.#url, "it was ended");
    const found = await this.get({ collectionId, ids, include });
    // In insertion order here and there, so that what differs has gone meanwhile.
    if (found.ids.length !== ids.length || found.ids.some((id, i) => id !== ids[i])) throw movedOn(this.#url, "records were deleted");
    return found;
  }

  async endExport({ snapshot }: RequestOf<"endExport">): Promise<void> {
    this.#session.exports.delete(snapshot);
  }
}

interface CommitOnWire {
  first_inserted_record_offset: number | null;
  record_count: number;
}

/** Method names of the engine that differ from those of the calls that they serve. */
const PUBLIC_NAMES: { readonly [M in keyof EngineMethods]?: string } = {
  watch: "subscribe",
  unwatch: "subscribe",
  verifyCatalog: "verify",
  verifyCollection: "verify",
  repairCatalog: "repair",
  repairCollection: "repair",
  beginBackup: "backup",
  readBackup: "backup",
  endBackup: "backup",
  beginRestore: "restore",
  feedRestore: "restore",
  endRestore: "restore",
  abortRestore: "restore",
  beginReembedding: "reembed",
  readReembedding: "reembed",
  writeReembedding: "reembed",
  endReembedding: "reembed",
  giveUpReembedding: "reembed",
};

/** Asks the server what the engine would be asked. */
export function callServer(session: RemoteSession, method: keyof EngineMethods, request: unknown, signal: AbortSignal): Promise<unknown> {
  const calls = new RemoteCalls(session, signal) as unknown as Record<string, ((request: unknown) => Promise<unknown>) | undefined>;
  const ask = calls[method];
  if (ask !== undefined) return ask.call(calls, request);
  return Promise.reject(notOnServer(PUBLIC_NAMES[method] ?? method, session.server.url));
}

function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name]!));
}
