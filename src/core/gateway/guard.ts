/**
 * The gateway's rules at work. It stands before the engine's service, so that every entrance passes it: who calls (401), what
 * the caller may do (403), how often its tenant may call (429), and whether what a write adds fits the tenant's quota.
 *
 * Quotas are checked against what is stored plus what is on its way; a write that passes never takes a tenant above them. Its
 * size is that of its own columns, of which the log and the blocks, compressed by nothing, hold about as much.
 */

import { recordTextBytes } from "../base/record-bytes.js";
import { TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import type {
  ConditionalCommitRequest,
  CreateCollectionRequest,
  EngineMethods,
  EngineService,
  RequestOf,
  Scope,
  UserIdentity,
  WriteRequest,
} from "../service.js";
import type { Caller } from "./caller.js";
import { planCommit } from "./plan-conditional.js";
import type { GatewayRules, TokenGrant } from "./rules.js";

/** What a tenant holds, or a write adds to it. */
export interface Usage {
  collections: number;
  records: number;
  bytes: number;
}

/** What the guard has to know of the engine. */
export interface GuardFacts {
  now(): number;
  /**
   * Where a collection lies; throws `NOT_FOUND`. Nothing is known of one whose row is lost: nobody but the owner of the whole may do
   * anything with it.
   */
  scopeOf(collectionId: string): Partial<Scope>;
  hasCollection(request: Scope & { name: string }): boolean;
  usageOf(tenant: string): Promise<Usage>;
  usageOfCollection(collectionId: string): Promise<Usage>;
  /** How many different ones of these ids name no record yet. */
  countAbsent(collectionId: string, ids: readonly string[]): Promise<number>;
}

/** `open` to everybody; of a tenant's data for `read` or `write`; `owner` for the database as a whole. */
type Access = "open" | "read" | "write" | "owner";

/** Any request, as far as the guard looks into it. */
interface Shown {
  tenant?: string;
  database?: string;
  name?: string;
  collectionId?: string;
}

/**
 * Which tenant and database a request is about, by the kind of place that it names. Whoever names a collection by its id is
 * judged by where that collection lies, whatever else the request says.
 */
const PLACES = {
  collection: ({ collectionId }: Shown, facts: GuardFacts): Partial<Scope> => facts.scopeOf(collectionId!),
  database: ({ tenant, database }: Shown): Partial<Scope> => ({ tenant, database }),
  databaseByName: ({ tenant, name }: Shown): Partial<Scope> => ({ tenant, database: name }),
  tenant: ({ tenant }: Shown): Partial<Scope> => ({ tenant }),
  tenantByName: ({ name }: Shown): Partial<Scope> => ({ tenant: name }),
  whole: (): Partial<Scope> => ({}),
};

/** The place that a request names, by its fields: no method can be given another. */
type PlaceOf<R> = R extends { collectionId: string }
  ? "collection"
  : R extends Scope
    ? "database"
    : R extends { tenant: string; name: string }
      ? "databaseByName"
      : R extends { tenant: string }
        ? "tenant"
        : R extends { name: string }
          ? "tenantByName"
          : "whole";

type Rules = { readonly [M in keyof EngineMethods]: readonly [Access, PlaceOf<RequestOf<M>>] };

const RULES: Rules = {
  createTenant: ["owner", "tenantByName"],
  getTenant: ["read", "tenantByName"],
  updateTenant: ["owner", "tenantByName"],
  createDatabase: ["write", "databaseByName"],
  getDatabase: ["read", "databaseByName"],
  listDatabases: ["read", "tenant"],
  deleteDatabase: ["write", "databaseByName"],
  createCollection: ["write", "database"],
  getCollection: ["read", "database"],
  getCollectionById: ["read", "collection"],
  listCollections: ["read", "database"],
  countCollections: ["read", "database"],
  modifyCollection: ["write", "collection"],
  deleteCollection: ["write", "database"],
  forkCollection: ["write", "collection"],
  forkCount: ["read", "collection"],
  listVersions: ["read", "collection"],
  write: ["write", "collection"],
  delete: ["write", "collection"],
  get: ["read", "collection"],
  beginExport: ["read", "collection"],
  readExport: ["read", "collection"],
  endExport: ["read", "collection"],
  conditionalGet: ["read", "collection"],
  conditionalCommit: ["write", "collection"],
  query: ["read", "collection"],
  searchText: ["read", "collection"],
  hybrid: ["read", "collection"],
  search: ["read", "collection"],
  count: ["read", "collection"],
  facets: ["read", "collection"],
  autoSuggest: ["read", "collection"],
  distinct: ["read", "collection"],
  watch: ["read", "collection"],
  unwatch: ["open", "whole"],
  checkRecall: ["read", "collection"],
  indexingStatus: ["read", "collection"],
  changedIds: ["read", "collection"],
  beginReembedding: ["write", "collection"],
  readReembedding: ["write", "collection"],
  writeReembedding: ["write", "collection"],
  endReembedding: ["write", "collection"],
  giveUpReembedding: ["write", "collection"],
  heartbeat: ["open", "whole"],
  identity: ["read", "database"],
  info: ["owner", "whole"],
  metrics: ["owner", "whole"],
  vacuum: ["owner", "whole"],
  rotateKey: ["owner", "whole"],
  keyRotation: ["owner", "whole"],
  verifyCatalog: ["owner", "whole"],
  verifyCollection: ["owner", "collection"],
  repairCatalog: ["owner", "whole"],
  repairCollection: ["owner", "collection"],
  beginBackup: ["owner", "whole"],
  readBackup: ["owner", "whole"],
  endBackup: ["owner", "whole"],
  beginRestore: ["owner", "whole"],
  feedRestore: ["owner", "whole"],
  endRestore: ["owner", "whole"],
  abortRestore: ["owner", "whole"],
  reset: ["owner", "whole"],
};

export const engineMethods = Object.keys(RULES) as (keyof EngineMethods)[];

/** Whether the engine has a method of this name; what all objects have, such as `constructor`, is none. */
export function isEngineMethod(name: unknown): name is keyof EngineMethods {
  return typeof name === "string" && Object.hasOwn(RULES, name);
}

/** Whether a request says what it is about; one about the whole database may be left out. */
export function needsRequest(method: keyof EngineMethods): boolean {
  return RULES[method][1] !== "whole";
}

const NOTHING: Usage = { collections: 0, records: 0, bytes: 0 };

/** A service that lets no call pass but by the rules, and has nothing else. */
export function guardService(service: EngineService, rules: GatewayRules, facts: GuardFacts): EngineService {
  const guard = new Guard(rules, facts);
  const guarded = Object.entries(RULES).map(([name, [access, place]]) => {
    const method = name as keyof EngineMethods;
    const ask = service[method] as (request?: Shown, caller?: Caller) => Promise<unknown>;
    return [
      method,
      (request?: Shown, caller?: Caller) =>
        guard.pass({ method, access, place, request: request ?? {}, token: caller?.token ?? null }, () =>
          ask.call(service, request, caller),
        ),
    ] as const;
  });
  return Object.fromEntries(guarded) as unknown as EngineService;
}

/** A call that wants to pass. */
interface Asked {
  method: keyof EngineMethods;
  access: Access;
  place: keyof typeof PLACES;
  request: Shown;
  token: string | null;
}

class Guard {
  readonly #rules: GatewayRules;
  readonly #facts: GuardFacts;
  readonly #tokens: ReadonlyMap<string, TokenGrant> | null;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  readonly #pending = new Map<string, Usage>();
  /** Rises when a write ends: what was measured before then may lack it. */
  #settled = 0;

  constructor(rules: GatewayRules, facts: GuardFacts) {
    this.#rules = rules;
    this.#facts = facts;
    this.#tokens = rules.auth === undefined ? null : new Map(Object.entries(rules.auth.tokens));
  }

  async pass({ method, access, place, request, token }: Asked, call: () => Promise<unknown>): Promise<unknown> {
    if (access === "open") return call();
    const grant = this.#authenticate(token);
    if (method === "identity" && grant !== null) return identityOf(grant, request);
    const scope = PLACES[place](request, this.#facts);
    if (grant !== null) authorise(method, access, grant, scope);
    this.#limitRate(scope.tenant ?? "");
    if (scope.tenant === undefined || this.#rules.quota === undefined) return call();
    return this.#withinQuota(scope.tenant, await this.#added(method, request), call);
  }

  #authenticate(token: string | null): TokenGrant | null {
    if (this.#tokens === null) return null;
    const grant = token === null ? undefined : this.#tokens.get(token);
    if (grant === undefined) {
      const what = token === null ? "no token was shown" : "the token that was shown is not known";
      throw new TidepoolError("UNAUTHENTICATED", `Unauthorized: ${what}`);
    }
    return grant;
  }

  /** A bucket that fills steadily and holds the burst; each call takes one out. */
  #limitRate(tenant: string): void {
    const { rateLimit } = this.#rules;
    if (rateLimit === undefined) return;
    const { requestsPerSecond: rate, burst = Math.max(1, rate) } = rateLimit;
    const now = this.#facts.now();
    const bucket = this.#buckets.get(tenant) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) * rate) / 1000);
    bucket.at = now;
    this.#buckets.set(tenant, bucket);
    if (this.#buckets.size > limits.rateBucketsMax) this.#forgetIdle(now, rate, burst);
    if (bucket.tokens >= 1) {
      bucket.tokens--;
      return;
    }
    const retryAfterMs = Math.ceil(((1 - bucket.tokens) * 1000) / rate);
    throw new TidepoolError(
      "RATE_LIMITED",
      `Rate limit exceeded: tenant [${tenant}] may call ${rate} times a second; try again in ${retryAfterMs} ms`,
      {
        details: { tenant, retryAfterMs },
      },
    );
  }

  /** A bucket that has filled up says nothing: whoever names many tenants cannot make the guard remember them all. */
  #forgetIdle(now: number, rate: number, burst: number): void {
    for (const [tenant, { tokens, at }] of this.#buckets) {
      if (tokens + ((now - at) * rate) / 1000 >= burst) this.#buckets.delete(tenant);
    }
  }

  /** What a call adds if it succeeds. */
  async #added(method: keyof EngineMethods, request: Shown): Promise<Usage> {
    if (method === "createCollection") {
      const { getOrCreate } = request as CreateCollectionRequest;
      const exists = getOrCreate && this.#facts.hasCollection(request as CreateCollectionRequest);
      return { ...NOTHING, collections: exists ? 0 : 1 };
    }
    if (method === "forkCollection") return { ...(await this.#facts.usageOfCollection(request.collectionId!)), collections: 1 };
    if (method === "conditionalCommit") {
      planCommit(request as ConditionalCommitRequest);
      return this.#addedByAll(request as ConditionalCommitRequest);
    }
    return method === "write" ? this.#addedByAll({ ...(request as WriteRequest), operations: [request as WriteRequest] }) : NOTHING;
  }

  /** As much as the operations add at most: a record that one of them deletes may be added again by the next. */
  async #addedByAll({ collectionId, operations }: Pick<ConditionalCommitRequest, "collectionId" | "operations">): Promise<Usage> {
    const writes = operations.filter((one) => one.operation !== "delete");
    const added = writes.flatMap(({ operation, records }) => (operation === "update" ? [] : records.ids));
    const bytes = writes.reduce((sum, { records }) => sum + batchBytes(records), 0);
    return { collections: 0, records: added.length === 0 ? 0 : await this.#facts.countAbsent(collectionId, added), bytes };
  }

  async #withinQuota<T>(tenant: string, added: Usage, call: () => Promise<T>): Promise<T> {
    if (added.collections + added.records + added.bytes === 0) return call();
    let used: Usage;
    let settled: number;
    do {
      settled = this.#settled;
      used = await this.#facts.usageOf(tenant);
    } while (settled !== this.#settled);
    const pending = this.#pending.get(tenant) ?? NOTHING;
    this.#refuseBeyond(tenant, sum(sum(used, pending), added), added);
    this.#pending.set(tenant, sum(pending, added));
    try {
      return await call();
    } finally {
      this.#settled++;
      const left = sum(this.#pending.get(tenant)!, added, -1);
      if (left.collections + left.records + left.bytes === 0) this.#pending.delete(tenant);
      else this.#pending.set(tenant, left);
    }
  }

  #refuseBeyond(tenant: string, total: Usage, added: Usage): void {
    for (const what of ["collections", "records", "bytes"] as const) {
      const allowed = this.#rules.quota?.[what] ?? Infinity;
      if (added[what] === 0 || total[what] <= allowed) continue;
      const message = `Quota exceeded: tenant [${tenant}] may hold ${allowed} ${what}, and this call would make it ${total[what]}`;
      throw new TidepoolError("QUOTA_EXCEEDED", message, { details: { tenant, quota: what, allowed, total: total[what] } });
    }
  }
}

function authorise(method: string, access: Access, grant: TokenGrant, { tenant, database }: Partial<Scope>): void {
  const { tenant: only, databases, readOnly = false } = grant;
  const outside = only !== undefined && (access === "owner" || tenant !== only);
  // What concerns a tenant's databases as such is not for the bearer of a token that knows some of them only.
  const elsewhere = databases !== undefined && method !== "getTenant" && (database === undefined || !databases.includes(database));
  const writes = readOnly && (access === "write" || access === "owner");
  if (outside || elsewhere || writes) {
    const where = tenant === undefined ? "" : ` in tenant [${tenant}]${database === undefined ? "" : `, database [${database}]`}`;
    throw new TidepoolError("FORBIDDEN", `Forbidden: the token that was shown does not allow ${method}${where}`);
  }
}

function identityOf({ user = "", tenant, databases }: TokenGrant, asked: Shown): UserIdentity {
  return { user_id: user, tenant: tenant ?? asked.tenant!, databases: databases ?? [asked.database!] };
}

function sum(a: Usage, b: Usage, sign = 1): Usage {
  return { collections: a.collections + sign * b.collections, records: a.records + sign * b.records, bytes: a.bytes + sign * b.bytes };
}

function batchBytes({ ids, embeddings, documents, uris, metadatas }: WriteRequest["records"]): number {
  const text = ids.reduce((bytes, id, i) => bytes + recordTextBytes(id, documents?.[i], uris?.[i], metadatas?.[i]), 0);
  return text + (embeddings?.values.byteLength ?? 0);
}
