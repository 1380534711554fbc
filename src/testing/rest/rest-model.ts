/**
 * A test oracle, not part of the gateway: what Chroma's REST v2 answers, over the plain model of records. Routes, shapes of
 * bodies, names and status codes are written down here a second time, from the description of Chroma's API, and share no
 * code with the gateway; of a refusal it tells the status and the error's name. `gateway.fuzz.test.ts` compares the two.
 */

import type { Metadata, MetadataPatch, MetadataValue, Space, SparseVector } from "../../core/types.js";
import {
  isScalar,
  isScalarList,
  type Matches,
  Model,
  type ModelRecord,
  type ModelWrite,
  modelOperands,
  modelWhere,
  modelWhereDocument,
} from "../model.js";

export interface ModelRequest {
  method: string;
  /** Path and query string. `<name>` in place of a collection's id stands for the id of the collection of that name. */
  path: string;
  /** Sent as it is; JSON when it is no string. */
  body?: unknown;
  contentType?: string | null;
}

export interface ModelAnswer {
  status: number;
  body: unknown;
}

/** A value that the gateway chooses: any UUID that nothing else has, and from then on the same one. */
export class LearnedId {
  value: string | null = null;
}

/** A value that is not looked at. */
export const ANYTHING = Symbol("anything");

class Refusal extends Error {
  constructor(readonly status: number) {
    super();
  }
}

interface ModelCollection {
  id: LearnedId;
  name: string;
  metadata: Metadata | null;
  hnsw: Record<string, unknown>;
  /** Whether vectors lie in inverted lists. */
  isListed: boolean;
  /** What its schema leaves without an index: `key type`, and `#document` where documents cannot be filtered. */
  unindexed: Set<string>;
  /** Keys with an index of sparse vectors, and whether rarity counts in it. */
  sparse: Map<string, boolean>;
  dimension: number | null;
  records: Model;
  /** One object for all that were forked from each other. */
  family: object;
  /** Not the first of its family. */
  isFork: boolean;
}

interface ModelDatabase {
  id: LearnedId;
  name: string;
  tenant: string;
  collections: ModelCollection[];
}

type Body = Record<string, unknown>;
type Params = Record<string, string>;

interface ModelRoute {
  method: string;
  pattern: RegExp;
  body?: (body: unknown) => boolean;
  status?: number;
  answer(params: Params, body: Body, query: URLSearchParams): unknown;
}

const ERROR_NAMES: Record<number, string> = {
  400: "InvalidArgumentError",
  404: "NotFoundError",
  409: "ChromaError",
  415: "ChromaError",
  422: "ChromaError",
  501: "ChromaError",
};
const INCLUDES = ["distances", "documents", "embeddings", "metadatas", "uris"];

export class RestModel {
  #tenants = new Map<string, { resourceName: string | null }>();
  #databases: ModelDatabase[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
    this.#clear();
  }

  /** As at the beginning; the first database is still the same, unless it had been deleted. */
  #clear(): void {
    const id = this.#database("default_tenant", "default_database")?.id ?? new LearnedId();
    this.#tenants = new Map([["default_tenant", { resourceName: null }]]);
    this.#databases = [{ id, name: "default_database", tenant: "default_tenant", collections: [] }];
  }

  /** The path with ids in place of `<name>`; a collection that is not there has an id that none has. */
  resolve(path: string): string {
    return path.replace(
      /^(.*\/tenants\/([^/]+)\/databases\/([^/]+)\/collections\/.*)<(\w+)>|<\w+>/,
      (_, before = "", tenant?: string, database?: string, name?: string) => {
        const id = this.#database(tenant ?? "", database ?? "")?.collections.find((one) => one.name === name)?.id.value;
        return `${before}${id ?? "00000000-0000-4000-8000-0000000000ff"}`;
      },
    );
  }

  /** Ids of all collections, for what is done beside the requests. */
  collectionIds(): string[] {
    return this.#databases.flatMap(({ collections }) => collections.flatMap(({ id }) => id.value ?? []));
  }

  answer(request: ModelRequest): ModelAnswer {
    const url = new URL(this.resolve(request.path), "http://localhost");
    const hits = this.#routes.flatMap((route) => {
      const match = route.pattern.exec(url.pathname);
      return match === null ? [] : [{ route, params: match.groups ?? {} }];
    });
    const hit = hits.find(({ route }) => route.method === request.method);
    if (hit === undefined) return { status: hits.length === 0 ? 404 : 405, body: "" };
    try {
      const params = Object.fromEntries(Object.entries(hit.params).map(([name, part]) => [name, decodeURIComponent(part)]));
      const isById = /^(POST|PUT)$/.test(request.method) && params["id"] !== undefined;
      if (isById) requireThat(isUuid(params["id"]!), 400);
      const body = hit.route.body === undefined ? {} : readBody(request, hit.route.body);
      return { status: hit.route.status ?? 200, body: hit.route.answer(params, body, url.searchParams) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, body: { error: ERROR_NAMES[error.status], message: ANYTHING } };
    }
  }

  // ---- routes

  readonly #routes: readonly ModelRoute[] = [
    ...["/api/v2", "/api/v2/heartbeat"].map((path) => route("GET", path, () => ({ "nanosecond heartbeat": this.#now() * 1e6 }))),
    route("GET", "/api/v2/version", () => "1.0.0"),
    route("GET", "/api/v2/healthcheck", () => ({ is_executor_ready: true, is_log_client_ready: true })),
    route("GET", "/api/v2/pre-flight-checks", () => ({ max_batch_size: 5461, supports_base64_encoding: true })),
    route("GET", "/api/v2/auth/identity", () => ({ user_id: "", tenant: "default_tenant", databases: ["default_database"] })),
    route("GET", "/openapi.json", () => ANYTHING),
    route("POST", "/api/v2/reset", () => {
      this.#clear();
      return true;
    }),

    route("POST", "/api/v2/tenants", (_, { name }) => this.#createTenant(name as string), { body: fields({ name: isText }) }),
    route("GET", "/api/v2/tenants/:tenant", ({ tenant }) => ({
      name: tenant,
      resource_name: found(this.#tenants.get(tenant!)).resourceName,
    })),
    route(
      "PATCH",
      "/api/v2/tenants/:tenant",
      ({ tenant }, body) => {
        found(this.#tenants.get(tenant!)).resourceName = body["resource_name"] as string;
        return {};
      },
      { body: fields({ resource_name: isText }) },
    ),
    route("GET", "/api/v2/tenants/:tenant/databases", ({ tenant }, _, query) =>
      page(
        query,
        this.#databases.filter((one) => one.tenant === tenant).sort((a, b) => (a.name < b.name ? -1 : 1)),
      ).map(databaseOnWire),
    ),
    route("POST", "/api/v2/tenants/:tenant/databases", ({ tenant }, { name }) => this.#createDatabase(tenant!, name as string), {
      body: fields({ name: isText }),
    }),
    route("GET", "/api/v2/tenants/:tenant/databases/:database", (params) => databaseOnWire(this.#existing(params))),
    route("DELETE", "/api/v2/tenants/:tenant/databases/:database", (params) => {
      this.#databases.splice(this.#databases.indexOf(this.#existing(params)), 1);
      return {};
    }),

    route("GET", "/api/v2/collections/:crn", ({ crn }) => this.#byCrn(crn!)),
    ...this.#collectionRoutes("/api/v2/tenants/:tenant/databases/:database"),
    ...this.#recordRoutes("/api/v2/tenants/:tenant/databases/:database/collections/:id"),
  ];

  #collectionRoutes(path: string): ModelRoute[] {
    const named = (params: Params): ModelCollection =>
      found(this.#database(params["tenant"]!, params["database"]!)?.collections.find(({ name }) => name === params["id"]));
    const all = ({ tenant, database }: Params): ModelCollection[] => this.#database(tenant!, database!)?.collections ?? [];
    return [
      route("GET", `${path}/collections`, (params, _, query) => page(query, all(params)).map((one) => onWire(one, params))),
      route("POST", `${path}/collections`, (params, body) => onWire(this.#createCollection(params, body), params), {
        body: isCollectionBody,
      }),
      route("GET", `${path}/collections_count`, (params) => all(params).length),
      route("GET", `${path}/collections/by-id/:id`, (params) => {
        requireThat(isUuid(params["id"]!), 400);
        return onWire(found(all(params).find(({ id }) => id.value === params["id"])), params);
      }),
      route("GET", `${path}/collections/:id`, (params) => onWire(named(params), params)),
      route("DELETE", `${path}/collections/:id`, (params) => {
        all(params).splice(all(params).indexOf(named(params)), 1);
        return {};
      }),
      route("PUT", `${path}/collections/:id`, (params, body) => this.#modify(params, body), { body: isModifyBody }),
      route("POST", `${path}/collections/:id/fork`, (params, body) => onWire(this.#fork(params, body["new_name"] as string), params), {
        body: fields({ new_name: isText }),
      }),
      route("GET", `${path}/collections/:id/fork_count`, (params) => {
        requireThat(isUuid(params["id"]!), 400);
        const { family } = this.#collection(params);
        const forks = this.#databases.flatMap(({ collections }) => collections).filter((one) => one.family === family && one.isFork);
        return { count: forks.length };
      }),
      ...["POST functions/attach", "GET functions/:name", "POST attached_functions/:name/detach"].map((name) => {
        const [method, rest] = name.split(" ") as [string, string];
        return route(method, `${path}/collections/:any/${rest}`, () => requireThat(false, 501));
      }),
    ];
  }

  #recordRoutes(path: string): ModelRoute[] {
    return [
      route("POST", `${path}/add`, (params, body) => this.#write(params, "add", body), { body: isAddBody, status: 201 }),
      route("POST", `${path}/upsert`, (params, body) => this.#write(params, "upsert", body), { body: isUpsertBody }),
      route("POST", `${path}/update`, (params, body) => this.#write(params, "update", body), { body: isUpdateBody }),
      route("POST", `${path}/get`, (params, body) => this.#get(params, body), { body: isGetBody }),
      route("POST", `${path}/query`, (params, body) => this.#query(params, body), { body: isQueryBody }),
      route("POST", `${path}/search`, (params, body) => this.#search(params, body), {
        body: fields({ searches: Array.isArray, read_level: maybe(isText) }),
      }),
      route("POST", `${path}/delete`, (params, body) => this.#delete(params, body), { body: isDeleteBody }),
      route("GET", `${path}/count`, (params) => {
        requireThat(isUuid(params["id"]!), 400);
        return this.#collection(params).records.records.size;
      }),
      route("GET", `${path}/indexing_status`, (params) => {
        requireThat(isUuid(params["id"]!), 400);
        this.#collection(params);
        return ANYTHING;
      }),
    ];
  }

  // ---- tenants, databases and collections

  #createTenant(name: string): object {
    requireThat(name.length >= 3, 400);
    requireThat(!this.#tenants.has(name), 409);
    this.#tenants.set(name, { resourceName: null });
    return {};
  }

  #createDatabase(tenant: string, name: string): object {
    requireThat(isName(name), 400);
    if (!this.#tenants.has(tenant)) this.#tenants.set(tenant, { resourceName: null });
    requireThat(this.#database(tenant, name) === undefined, 409);
    this.#databases.push({ id: new LearnedId(), name, tenant, collections: [] });
    return {};
  }

  #database(tenant: string, name: string): ModelDatabase | undefined {
    return this.#databases.find((one) => one.tenant === tenant && one.name === name);
  }

  #existing({ tenant, database }: Params): ModelDatabase {
    return found(this.#database(tenant!, database!));
  }

  #byCrn(crn: string): object {
    const [tenant, database, name, ...rest] = crn.split(":");
    requireThat(Boolean(tenant && database && name && rest.length === 0), 400);
    const collection = found(this.#database(tenant!, database!)?.collections.find((one) => one.name === name));
    return onWire(collection, { tenant: tenant!, database: database! });
  }

  #createCollection({ tenant, database: databaseName }: Params, body: Body): ModelCollection {
    const name = body["name"] as string;
    const given = (body["metadata"] ?? null) as Record<string, MetadataPatch[string] | []> | null;
    const configuration = (body["configuration"] ?? {}) as { hnsw?: Body | null; spann?: Body | null };
    requireThat(isName(name) && (given === null || Object.keys(given).length > 0), 400);
    requireThat(configuration.hnsw == null || configuration.spann == null, 400);
    const metadata = withoutNothing(given);
    requireThat(isSoundMetadata(metadata), 400);
    const schema = body["schema"] as SchemaOnWire | null | undefined;
    // Only one of the two may say something; the fuzz sends no configuration beside a schema that says what is the case anyhow.
    requireThat(Object.keys(schema?.keys ?? {}).length === 0 || (configuration.hnsw == null && configuration.spann == null), 400);
    const hnsw = Object.fromEntries(
      Object.entries(configuration.hnsw ?? {}).filter(([key, value]) => value !== null && key in DEFAULT_HNSW),
    );
    requireThat(isSoundHnsw(hnsw), 400);
    const space = hnsw["space"] ?? configuration.spann?.["space"] ?? metadata?.["hnsw:space"] ?? "l2";
    requireThat(SPACES.includes(space as Space), 400);
    const database = this.#database(tenant!, databaseName!);
    requireThat(database !== undefined, 400);
    const existing = database!.collections.find((one) => one.name === name);
    if (existing !== undefined && body["get_or_create"] === true) return existing;
    requireThat(existing === undefined, 409);
    const made = {
      name,
      metadata,
      hnsw: { ...DEFAULT_HNSW, ...hnsw, space },
      isListed: configuration.spann != null,
      unindexed: unindexedBy(schema),
      sparse: sparseBy(schema),
      dimension: null,
      records: new Model(space as Space),
    };
    database!.collections.push({ ...made, id: new LearnedId(), family: {}, isFork: false });
    return database!.collections.at(-1)!;
  }

  #modify(params: Params, body: Body): object {
    const name = body["new_name"] as string | null | undefined;
    const metadata = body["new_metadata"] as Record<string, MetadataPatch[string] | []> | null | undefined;
    requireThat((name == null || isName(name)) && (metadata == null || Object.keys(metadata).length > 0), 400);
    const collection = this.#collection(params);
    const kept = withoutNothing(metadata ?? null);
    requireThat(isSoundMetadata(kept), 400);
    const hnsw = Object.entries((body["new_configuration"] as { hnsw?: Body | null } | null | undefined)?.hnsw ?? {});
    const changed = Object.fromEntries(hnsw.filter(([key, value]) => value !== null && key in DEFAULT_HNSW));
    requireThat(isSoundHnsw(changed), 400);
    const namesake = name == null ? undefined : this.#existing(params).collections.find((one) => one.name === name);
    requireThat(namesake === undefined || namesake === collection, 409);
    if (name != null) collection.name = name;
    if (metadata != null) collection.metadata = kept;
    Object.assign(collection.hnsw, changed);
    return {};
  }

  #fork(params: Params, name: string): ModelCollection {
    requireThat(isName(name), 400);
    const source = this.#collection(params);
    const { collections } = this.#existing(params);
    requireThat(!collections.some((one) => one.name === name), 409);
    const records = new Model(source.records.space);
    for (const [id, record] of source.records.records) records.records.set(id, record);
    collections.push({ ...source, hnsw: { ...source.hnsw }, id: new LearnedId(), name, records, isFork: true });
    return collections.at(-1)!;
  }

  /** By the id in the path, wherever it lies. */
  #collection({ id }: Params): ModelCollection {
    return found(this.#databases.flatMap(({ collections }) => collections).find((one) => one.id.value === id));
  }

  // ---- records

  #write(params: Params, operation: "add" | "update" | "upsert", body: Body): object {
    const ids = body["ids"] as string[];
    const column = <T>(name: string): (T | null)[] => (body[name] ?? ids.map(() => null)) as (T | null)[];
    const [embeddings, documents, uris] = [column<number[] | string>("embeddings"), column<string>("documents"), column<string>("uris")];
    const metadatas = column<Record<string, MetadataPatch[string] | []>>("metadatas");
    requireThat(
      [embeddings, documents, uris, metadatas].every(({ length }) => length === ids.length),
      400,
    );
    const vectors = embeddings.map((one) => (typeof one === "string" ? decoded(one) : one));
    const kept = distinctPlaces(ids, operation === "add" ? "first" : "last");
    requireThat(
      kept.every((i) => ids[i] !== "" && isSoundMetadata(metadatas[i]!)),
      400,
    );
    const given = kept.flatMap((i) => (vectors[i] === null ? [] : [vectors[i]!]));
    requireThat(
      given.every((one) => one.length > 0 && one.length === given[0]!.length && one.every((x) => Number.isFinite(Math.fround(x)))),
      400,
    );
    const collection = this.#collection(params);
    requireThat(given.length === 0 || collection.dimension === null || collection.dimension === given[0]!.length, 400);
    const writes = kept.map(
      (i): ModelWrite => ({
        id: ids[i]!,
        embedding: vectors[i] === null ? undefined : Float32Array.from(vectors[i]!),
        document: documents[i],
        uri: uris[i],
        metadata: asStored(withoutEmptyLists(metadatas[i] ?? null)),
      }),
    );
    collection.records.write(operation, writes);
    if (given.length > 0 && collection.records.records.size > 0) collection.dimension ??= given[0]!.length;
    return {};
  }

  #get(params: Params, body: Body): object {
    const include = (body["include"] ?? ["documents", "metadatas"]) as string[];
    const found = this.#select(this.#collection(params), body);
    const from = (body["offset"] as number | null | undefined) ?? 0;
    const records = found.slice(from, from + ((body["limit"] as number | null | undefined) ?? Infinity));
    return { ids: records.map(({ id }) => id), ...columns(records, include), include };
  }

  #query(params: Params, body: Body): object {
    const include = (body["include"] ?? ["documents", "metadatas", "distances"]) as string[];
    const queries = body["query_embeddings"] as number[][];
    const collection = this.#collection(params);
    const dimension = collection.dimension;
    requireThat(
      queries.every((query) => (dimension === null ? true : query.length === dimension)),
      400,
    );
    const wanted = this.#select(collection, body).map(({ id }) => id);
    requireThat(
      queries.every((query) => query.every((x) => Number.isFinite(Math.fround(x)))),
      400,
    );
    const k = (body["n_results"] as number | null | undefined) ?? 10;
    const hits = queries.map((query) => collection.records.query(Float32Array.from(query), k, ({ id }) => wanted.includes(id)));
    const records = hits.map((hit) => hit.map(({ id }) => collection.records.records.get(id)!));
    const nested = INCLUDES.filter((field) => field !== "distances").map((field) => [
      field,
      include.includes(field) ? records.map((one) => columns(one, include)[field]) : null,
    ]);
    const distances = include.includes("distances") ? hits.map((hit) => hit.map(({ distance }) => near(distance))) : null;
    return { ids: hits.map((hit) => hit.map(({ id }) => id)), ...Object.fromEntries(nested), distances, include };
  }

  /**
   * Searches by one `$knn`, of embeddings or of sparse vectors, which is what the fuzz sends; rank expressions have a model of their own
   * beside the engine.
   */
  #search(params: Params, body: Body): object {
    const collection = this.#collection(params);
    const searches = body["searches"] as {
      filter?: unknown;
      rank: { $knn: Sought };
      limit: { offset: number; limit: number };
      select: { keys: string[] };
    }[];
    requireThat(searches.length > 0, 400);
    const all = searches.map(({ filter, rank: { $knn: knn }, limit, select: { keys } }) => {
      const matches = filter === undefined ? () => true : modelWhere(filter);
      if (matches !== null && filter !== undefined) requireIndexes(collection, filter);
      requireThat(matches !== null, 400);
      const hits = nearest(collection, knn, matches!).slice(limit.offset, limit.offset + limit.limit);
      const records = hits.map(({ id }) => collection.records.records.get(id)!);
      const when = <T>(key: string, column: T): T | null => (keys.includes(key) ? column : null);
      return {
        ids: hits.map(({ id }) => id),
        documents: when(
          "#document",
          records.map(({ document }) => document),
        ),
        embeddings: when(
          "#embedding",
          records.map(({ embedding }) => [...embedding].map(near)),
        ),
        // In a search, unlike elsewhere, metadata with nothing in it is `null`.
        metadatas: when(
          "#metadata",
          records.map(({ metadata }) => (Object.keys(metadata ?? {}).length === 0 ? null : valuesOnWire(metadata!))),
        ),
        scores: when(
          "#score",
          hits.map(({ score }) => near(score)),
        ),
        select: keys,
      };
    });
    return Object.fromEntries(Object.keys(all[0]!).map((key) => [key, all.map((one) => one[key as keyof typeof one])]));
  }

  #delete(params: Params, body: Body): object {
    const filtered = body["where"] != null || body["where_document"] != null;
    const ids = body["ids"] as string[] | null | undefined;
    const limit = body["limit"] as number | null | undefined;
    requireThat(filtered || (limit == null && ids?.length !== 0), 400);
    const collection = this.#collection(params);
    if (!filtered && ids == null) return { deleted: 0 };
    const selected = this.#select(collection, body).slice(0, limit ?? Infinity);
    return { deleted: collection.records.delete(selected.map(({ id }) => id)) };
  }

  #select(collection: ModelCollection, body: Body): ModelRecord[] {
    const matches = readSelection(collection, body);
    return collection.records.select(matches);
  }
}

interface Sought {
  query: number[] | SparseVector;
  key: string;
  limit: number;
}

function nearest({ dimension, records, sparse }: ModelCollection, { query, key, limit }: Sought, matches: Matches) {
  if (Array.isArray(query)) {
    requireThat(dimension === null || query.length === dimension, 400);
    return records.query(Float32Array.from(query), limit, matches).map(({ id, distance }) => ({ id, score: distance }));
  }
  requireThat(sparse.has(key), 400);
  return records.sparse(key, query, { byRarity: sparse.get(key)!, limit, matches });
}

/** `ids`, `where` and `where_document`, and-ed. */
function readSelection(collection: ModelCollection, body: Body): Matches {
  const ids = body["ids"] as string[] | null | undefined;
  const where = body["where"] == null ? () => true : modelWhere(body["where"]);
  const whereDocument = body["where_document"] == null ? () => true : modelWhereDocument(body["where_document"]);
  requireThat(where !== null && whereDocument !== null, 400);
  if (body["where"] != null) requireIndexes(collection, body["where"]);
  requireThat(
    !collection.unindexed.has("#document") || !/"\$(not_)?(contains|regex)"/.test(JSON.stringify(body["where_document"] ?? null)),
    400,
  );
  return (record) => (ids == null || ids.includes(record.id)) && where!(record) && whereDocument!(record);
}

/** A condition whose key has no index for what it is compared with is refused, whether or not an answer could be found. */
function requireIndexes({ unindexed }: ModelCollection, where: unknown): void {
  const typeOf = (operand: unknown): string => (typeof operand !== "number" ? typeof operand : Number.isInteger(operand) ? "int" : "float");
  requireThat(
    modelOperands(where).every(([key, operand]) => !unindexed.has(`${key} ${typeOf(operand)}`)),
    400,
  );
}

type SchemaOnWire = { keys: Record<string, Record<string, Record<string, { enabled: boolean; config: { bm25?: boolean } }>>> };

/** Of schemas the fuzz sends those that turn off indexes of single keys, or have sparse vectors in one; others have tests of their own. */
function unindexedBy(schema: SchemaOnWire | null | undefined): Set<string> {
  const types: Record<string, string> = { bool: "boolean" };
  return new Set(
    Object.entries(schema?.keys ?? {}).flatMap(([key, value]) =>
      Object.keys(value)
        .filter((type) => type !== "sparse_vector")
        .map((type) => (key === "#document" ? key : `${key} ${types[type] ?? type}`)),
    ),
  );
}

function sparseBy(schema: SchemaOnWire | null | undefined): Map<string, boolean> {
  const indexes = Object.entries(schema?.keys ?? {}).map(([key, value]) => [key, value["sparse_vector"]?.["sparse_vector_index"]] as const);
  return new Map(indexes.flatMap(([key, index]) => (index === undefined ? [] : [[key, index.config.bm25 === true]])));
}

function requireThat(holds: boolean, status: number): void {
  if (!holds) throw new Refusal(status);
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Refusal(404);
  return value;
}

function route(method: string, path: string, answer: ModelRoute["answer"], more: Pick<ModelRoute, "body" | "status"> = {}): ModelRoute {
  return { method, pattern: new RegExp(`^${path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`), answer, ...more };
}

function page<T>(query: URLSearchParams, all: readonly T[]): T[] {
  const [offset, limit] = ["offset", "limit"].map((name) => query.get(name));
  requireThat(
    [offset, limit].every((value) => value === null || /^\+?\d{1,9}$/.test(value!)),
    400,
  );
  return all.slice(Number(offset ?? 0), Number(offset ?? 0) + (limit === null ? Infinity : Number(limit)));
}

// ---- on the wire

/** A number as float32 arithmetic may leave it. */
export class Near {
  constructor(readonly value: number) {}
}

function near(value: number): Near {
  return new Near(value);
}

function databaseOnWire({ id, name, tenant }: ModelDatabase): object {
  return { id, name, tenant };
}

function onWire({ id, name, metadata, hnsw, isListed, dimension }: ModelCollection, { tenant, database }: Params): object {
  const index = isListed ? { hnsw: null, spann: { space: hnsw["space"] } } : { hnsw: { ...hnsw }, spann: null };
  const configuration_json = { ...index, embedding_function: null };
  return {
    id,
    name,
    configuration_json,
    schema: ANYTHING,
    metadata: metadata && valuesOnWire(metadata),
    dimension,
    tenant,
    database,
    log_position: 0,
    version: 0,
  };
}

function columns(records: readonly ModelRecord[], include: readonly string[]): Record<string, unknown> {
  const when = (field: string, column: (record: ModelRecord) => unknown): unknown => (include.includes(field) ? records.map(column) : null);
  return {
    documents: when("documents", ({ document }) => document),
    embeddings: when("embeddings", ({ embedding }) => [...embedding].map(near)),
    metadatas: when("metadatas", metadataOnWire),
    uris: when("uris", ({ uri }) => uri),
  };
}

/** A record that has a uri has metadata, if only `{}`. */
function metadataOnWire({ metadata, uri }: ModelRecord): object | null {
  return metadata === null ? (uri === null ? null : {}) : valuesOnWire(metadata);
}

/** Sparse vectors bear a mark. */
function valuesOnWire(metadata: Metadata): object {
  const entries = Object.entries(metadata).map(([key, value]) => {
    return [key, isSparse(value) ? { "#type": "sparse_vector", indices: value.indices, values: value.values.map(near) } : value];
  });
  return Object.fromEntries(entries) as object;
}

function isSparse(value: unknown): value is SparseVector {
  return isObject(value);
}

// ---- shapes of bodies

type Is = (value: unknown) => boolean;

const SPACES: readonly Space[] = ["l2", "cosine", "ip"];
const DEFAULT_HNSW = { space: "l2", ef_construction: 100, ef_search: 100, max_neighbors: 16, resize_factor: 1.2, sync_threshold: 1000 };

const isText: Is = (value) => typeof value === "string";
const isNumber: Is = (value) => typeof value === "number";
const isCount: Is = (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
const isSpace: Is = (value) => SPACES.includes(value as Space);
const maybe =
  (is: Is): Is =>
  (value) =>
    value === undefined || value === null || is(value);
const orNull =
  (is: Is): Is =>
  (value) =>
    value === null || is(value);
const listOf =
  (is: Is): Is =>
  (value) =>
    Array.isArray(value) && value.every(is);
const isObject: Is = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const recordOf =
  (is: Is): Is =>
  (value) =>
    isObject(value) && Object.values(value as object).every(is);

function fields(shapes: Record<string, Is>, closed = false): Is {
  return (value) => {
    if (!isObject(value)) return false;
    if (closed && Object.keys(value as object).some((key) => !Object.hasOwn(shapes, key))) return false;
    return Object.entries(shapes).every(([name, is]) => is(Object.hasOwn(value as object, name) ? (value as Body)[name] : undefined));
  };
}

const isSparseBody = fields({
  "#type": maybe((type) => type === "sparse_vector"),
  indices: (value) => Array.isArray(value) && value.every(isCount),
  values: listOf(isNumber),
  tokens: maybe(listOf(isText)),
});
const isValue: Is = (value) => isScalar(value) || isScalarList(value) || isSparseBody(value);
const isInclude = maybe(listOf((value) => INCLUDES.includes(value as string)));
const isVectors: Is = (value) => Array.isArray(value) && (value.every(isText) || value.every(listOf(isNumber)));
const isSomeVectors: Is = (value) => Array.isArray(value) && isVectors(value.filter((one) => one !== null));
const texts = { documents: maybe(listOf(orNull(isText))), uris: maybe(listOf(orNull(isText))) };
const isPatches = maybe(listOf(orNull(recordOf(orNull(isValue)))));
const isAddBody = fields({ ids: listOf(isText), embeddings: isVectors, metadatas: maybe(listOf(orNull(recordOf(isValue)))), ...texts });
const isUpsertBody = fields({ ids: listOf(isText), embeddings: isVectors, metadatas: isPatches, ...texts });
const isUpdateBody = fields({ ids: listOf(isText), embeddings: maybe(isSomeVectors), metadatas: isPatches, ...texts });
const ids = { ids: maybe(listOf(isText)) };
const isGetBody = fields({ ...ids, limit: maybe(isCount), offset: maybe(isCount), include: isInclude });
const isQueryBody = fields({ ...ids, query_embeddings: listOf(listOf(isNumber)), n_results: maybe(isCount), include: isInclude });
const isDeleteBody = fields({ ...ids, limit: maybe(isCount) });

const hnswNumbers = {
  ef_search: maybe(isCount),
  max_neighbors: maybe(isCount),
  num_threads: maybe(isCount),
  resize_factor: maybe(isNumber),
  sync_threshold: maybe(isCount),
  batch_size: maybe(isCount),
};
const isCollectionBody = fields({
  name: isText,
  get_or_create: maybe((value) => typeof value === "boolean"),
  metadata: maybe(recordOf(isValue)),
  schema: maybe(fields({ defaults: isObject, keys: isObject, cmek: () => true }, true)),
  configuration: maybe(
    fields({
      hnsw: maybe(fields({ space: maybe(isSpace), ef_construction: maybe(isCount), ...hnswNumbers })),
      spann: maybe(fields({ space: maybe(isSpace) })),
    }),
  ),
});
const isModifyBody = fields({
  new_name: maybe(isText),
  new_metadata: maybe(recordOf(orNull(isValue))),
  new_configuration: maybe(fields({ hnsw: maybe(fields(hnswNumbers, true)), spann: maybe(isObject) })),
});

function readBody({ body, contentType = "application/json" }: ModelRequest, is: Is): Body {
  requireThat(contentType === "application/json", 415);
  let value: unknown = body;
  if (typeof body === "string" || body === undefined) {
    try {
      value = JSON.parse(body ?? "");
    } catch {
      throw new Refusal(400);
    }
  }
  requireThat(is(value), 422);
  return value as Body;
}

/** Numbers of 1 and more; the factor may be any above 0. */
function isSoundHnsw(hnsw: Body): boolean {
  return Object.entries(hnsw).every(
    ([key, value]) => key === "space" || (value as number) >= (key === "resize_factor" ? Number.MIN_VALUE : 1),
  );
}

function isName(name: string): boolean {
  const isAddress =
    /^\d+\.\d+\.\d+\.\d+$/.test(name) && name.split(".").every((part) => String(Number(part)) === part && Number(part) < 256);
  return /^[a-zA-Z0-9][a-zA-Z0-9._-]{1,510}[a-zA-Z0-9]$/.test(name) && !name.includes("..") && !isAddress;
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** Keys are no special ones; indices of sparse vectors ascend and each has a value. */
function isSoundMetadata(metadata: object | null): boolean {
  return Object.entries(metadata ?? {}).every(([key, value]) => isKey(key) && (!isSparse(value) || isSound(value)));
}

function isSound({ indices, values }: SparseVector): boolean {
  return indices.length === values.length && indices.every((index, i) => i === 0 || index > indices[i - 1]!);
}

function isKey(key: string): boolean {
  return key !== "" && !key.startsWith("#") && !key.startsWith("$");
}

// ---- values

function decoded(base64: string): number[] {
  requireThat(/^[A-Za-z0-9+/]*={0,2}$/.test(base64) && base64.length % 4 === 0, 400);
  const bytes = Buffer.from(base64, "base64");
  requireThat(bytes.length % 4 === 0, 400);
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
}

/** Places of the records that count when an id stands several times. */
function distinctPlaces(ids: readonly string[], which: "first" | "last"): number[] {
  return ids.flatMap((id, i) => (i === (which === "first" ? ids.indexOf(id) : ids.lastIndexOf(id)) ? [i] : []));
}

/** A list with nothing in it says nothing, and metadata that holds nothing else neither. */
function withoutEmptyLists(metadata: Record<string, MetadataPatch[string] | []> | null): MetadataPatch | null {
  const entries = Object.entries(metadata ?? {}).filter(([, value]) => !(Array.isArray(value) && value.length === 0));
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

/** Sparse vectors are kept as float32, without what they bring along. */
function asStored(metadata: MetadataPatch | null): MetadataPatch | null {
  if (metadata === null) return null;
  const stored = (value: MetadataValue | null): MetadataValue | null =>
    isSparse(value) ? { indices: value.indices, values: value.values.map(Math.fround) } : value;
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, stored(value)]));
}

/** A collection's metadata, of which `null` says nothing either. */
function withoutNothing(metadata: Record<string, MetadataPatch[string] | []> | null): Metadata | null {
  const entries = Object.entries(withoutEmptyLists(metadata) ?? {}).filter(([, value]) => value !== null);
  return entries.length === 0 ? null : (Object.fromEntries(entries) as Metadata);
}
