import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AdminClient } from "../../api/admin-client.js";
import { TidepoolClient, type TidepoolClientOptions } from "../../api/client.js";
import type { Connection } from "../../api/connection.js";
import { CONNECTION } from "../../api/connection-key.js";
import { createGateway } from "../../api/rest/create-gateway.js";
import { openTestClient } from "../../testing/client.js";
import { TestEnvironment } from "../../testing/environment.js";
import type { TidepoolError } from "../errors.js";
import type { EngineMethods, RequestOf } from "../service.js";
import type { GatewayRules } from "./rules.js";

let environment: TestEnvironment;
const clients: TidepoolClient[] = [];

beforeEach(() => {
  environment = new TestEnvironment();
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

function open(gateway: GatewayRules, options: TidepoolClientOptions = {}): TidepoolClient {
  const client = openTestClient({ gateway, ...options }, environment);
  clients.push(client);
  return client;
}

/** Status and body of a request, with a token or none. */
async function ask(
  client: TidepoolClient,
  path: string,
  token?: string,
  method = "GET",
  body?: object,
): Promise<{ status: number; body: unknown }> {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    ...(token === undefined ? {} : { "x-chroma-token": token }),
  };
  const response = await createGateway(client)(new Request(`http://x/api/v2${path}`, { method, headers, body: JSON.stringify(body) }));
  return { status: response.status, body: await response.json() };
}

const DATABASE = "/tenants/default_tenant/databases/default_database";

describe("tokens", () => {
  const auth = {
    tokens: {
      root: { user: "me" },
      team: { user: "them", tenant: "team" },
      drafts: { tenant: "default_tenant", databases: ["drafts"] },
      reader: { tenant: "default_tenant", readOnly: true },
    },
  };
  let client: TidepoolClient;

  beforeEach(async () => {
    client = open({ auth }, { token: "root", allowReset: true });
    const admin = new AdminClient({ client });
    await admin.createTenant({ name: "team" });
    await admin.createDatabase({ name: "drafts", tenant: "default_tenant" });
    await client.createCollection({ name: "notes", embeddingFunction: null });
  });

  test("a call without a token, or with one that nobody gave out, is refused everywhere", async () => {
    const anonymous = open({ auth });
    await expect(anonymous.listCollections()).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await expect(anonymous.info()).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    for (const token of [undefined, "", "nope", "__proto__", "constructor"]) {
      expect(await ask(client, `${DATABASE}/collections`, token), String(token)).toMatchObject({
        status: 401,
        body: { error: "AuthError" },
      });
    }
    expect((await ask(client, "/heartbeat")).status).toBe(200);
  });

  test("a token opens what it was given for, and nothing else", async () => {
    const notes = (await client.getCollection({ name: "notes" })).id;
    const cases: [token: string, method: string, path: string, status: number, body?: object][] = [
      ["root", "GET", `${DATABASE}/collections`, 200],
      ["team", "GET", `${DATABASE}/collections`, 403],
      ["team", "GET", `${DATABASE}/collections/${notes}/count`, 403],
      // A collection's id opens nothing through another tenant's path.
      ["team", "GET", `/tenants/team/databases/default_database/collections/${notes}/count`, 403],
      ["team", "POST", "/tenants/team/databases", 200, { name: "own" }],
      ["team", "GET", "/tenants/team", 200],
      ["team", "GET", "/tenants/default_tenant", 403],
      ["team", "POST", "/tenants", 403, { name: "another" }],
      ["team", "POST", "/reset", 403],
      ["drafts", "GET", "/tenants/default_tenant/databases/drafts/collections", 200],
      ["drafts", "GET", `${DATABASE}/collections`, 403],
      ["drafts", "GET", "/tenants/default_tenant/databases", 403],
      ["drafts", "DELETE", DATABASE, 403],
      ["reader", "GET", `${DATABASE}/collections/${notes}/count`, 200],
      ["reader", "POST", `${DATABASE}/collections/${notes}/get`, 200, {}],
      ["reader", "POST", `${DATABASE}/collections/${notes}/add`, 403, { ids: ["a"], embeddings: [[1]] }],
      ["reader", "DELETE", `${DATABASE}/collections/notes`, 403],
      ["reader", "POST", `${DATABASE}/collections/${notes}/fork`, 403, { new_name: "forked" }],
    ];
    for (const [token, method, path, status, body] of cases) {
      expect([token, method, path, (await ask(client, path, token, method, body)).status]).toEqual([token, method, path, status]);
    }
    expect(await client.countCollections()).toBe(1);
  });

  test("a bearer is a token too, and a request's own fields are not", async () => {
    const gateway = createGateway(client);
    const bearer = new Request(`http://x/api/v2${DATABASE}/collections_count`, { headers: { authorization: "Bearer root" } });
    expect((await gateway(bearer)).status).toBe(200);
    expect((await ask(client, `${DATABASE}/collections`, undefined, "POST", { name: "abc", token: "root" })).status).toBe(401);
  });

  test("a token inside a request is no token", async () => {
    const anonymous = open({ auth });
    const request = { tenant: "default_tenant", database: "default_database", token: "root" };
    const { [CONNECTION]: connection } = anonymous;
    await expect(connection.call("countCollections", request)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect(await connection.call("countCollections", request, { token: "root" })).toBe(0);
  });

  test("identity tells the bearer", async () => {
    expect(await client.getUserIdentity()).toEqual({ user_id: "me", tenant: "default_tenant", databases: ["default_database"] });
    expect((await ask(client, "/auth/identity", "drafts")).body).toEqual({ user_id: "", tenant: "default_tenant", databases: ["drafts"] });
    expect((await ask(client, "/auth/identity")).status).toBe(401);
  });
});

describe("every method", () => {
  const auth = {
    tokens: {
      root: {},
      ours: { tenant: "ours" },
      drafts: { tenant: "theirs", databases: ["drafts"] },
      reader: { tenant: "theirs", readOnly: true },
    },
  };
  type Kind = "open" | "read" | "write" | "owner";
  type Requests = { [M in keyof EngineMethods]: [Kind, RequestOf<M>] };

  /** One request for each method about the collection of the tenant "theirs". */
  function requests(collectionId: string): Requests {
    const scope = { tenant: "theirs", database: "main" };
    const by = { collectionId };
    const database = { tenant: "theirs", name: "main" };
    const embeddings = { dimension: 1, values: Float32Array.of(1), present: null };
    const records = { ids: ["z"], embeddings, documents: null, metadatas: null, uris: null };
    const include: [] = [];
    return {
      createTenant: ["owner", { name: "another" }],
      getTenant: ["read", { name: "theirs" }],
      updateTenant: ["owner", { name: "theirs", resourceName: "renamed" }],
      createDatabase: ["write", { tenant: "theirs", name: "another" }],
      getDatabase: ["read", database],
      listDatabases: ["read", { tenant: "theirs" }],
      deleteDatabase: ["write", database],
      createCollection: ["write", { ...scope, name: "another", metadata: null, configuration: {}, getOrCreate: false }],
      getCollection: ["read", { ...scope, name: "notes" }],
      getCollectionById: ["read", { ...scope, ...by }],
      listCollections: ["read", scope],
      countCollections: ["read", scope],
      modifyCollection: ["write", { ...by, metadata: { changed: true } }],
      deleteCollection: ["write", { ...scope, name: "notes" }],
      forkCollection: ["write", { ...by, name: "forked" }],
      forkCount: ["read", by],
      listVersions: ["read", by],
      readReembedding: ["write", { ...by, reembedding: "none", limit: 1 }],
      writeReembedding: ["write", { ...by, reembedding: "none", ids: ["z"], digests: ["d"], embeddings }],
      endReembedding: ["write", { ...by, reembedding: "none" }],
      beginReembedding: ["write", { ...by, embeddingFunction: { type: "known", name: "x", config: {} }, space: "l2" }],
      giveUpReembedding: ["write", by],
      write: ["write", { ...by, operation: "upsert", records }],
      delete: ["write", { ...by, ids: ["a"] }],
      beginExport: ["read", by],
      readExport: ["read", { ...by, snapshot: "none", from: 0, include }],
      endExport: ["read", { ...by, snapshot: "none" }],
      get: ["read", { ...by, include }],
      conditionalGet: ["read", { ...by, include }],
      conditionalCommit: ["write", { ...by, readIds: [], operations: [{ operation: "upsert", records }] }],
      query: ["read", { ...by, queryEmbeddings: embeddings, nResults: 1, include }],
      searchText: ["read", { ...by, query: "tide", nResults: 1, include, prefix: false, fuzzy: 0 }],
      hybrid: ["read", { ...by, queryText: "tide", nResults: 1, include, prefix: false, fuzzy: 0 }],
      search: ["read", { ...by, searches: [{}] }],
      count: ["read", by],
      autoSuggest: ["read", { ...by, queryText: "ti", nResults: 1, fuzzy: 0 }],
      facets: ["read", { ...by, keys: ["year"] }],
      distinct: ["read", { ...by, key: "year" }],
      watch: ["read", { ...by, watch: "w", read: { method: "count", request: {} } }],
      unwatch: ["open", { watches: ["w"] }],
      checkRecall: ["read", { ...by, sample: 1, k: 1 }],
      indexingStatus: ["read", by],
      changedIds: ["read", { ...by, since: null }],
      heartbeat: ["open", undefined],
      identity: ["open", scope],
      info: ["owner", undefined],
      metrics: ["owner", undefined],
      vacuum: ["owner", { erase: false, after: 0 }],
      rotateKey: ["owner", { key: {}, reencrypt: false }],
      keyRotation: ["owner", undefined],
      verifyCatalog: ["owner", undefined],
      verifyCollection: ["owner", { collectionId, deep: false }],
      repairCatalog: ["owner", undefined],
      repairCollection: ["owner", { collectionId }],
      beginBackup: ["owner", { versions: false }],
      readBackup: ["owner", { snapshot: "none", at: 0 }],
      endBackup: ["owner", { snapshot: "none" }],
      beginRestore: ["owner", { mode: "merge" }],
      feedRestore: ["owner", { restore: "none", at: 0, bytes: new Uint8Array() }],
      endRestore: ["owner", { restore: "none" }],
      abortRestore: ["owner", { restore: "none" }],
      reset: ["owner", undefined],
    };
  }

  let connection: Connection;
  let all: [keyof EngineMethods, Kind, object | undefined][];

  beforeEach(async () => {
    const client = open({ auth }, { token: "root", allowReset: true });
    const admin = new AdminClient({ client });
    for (const tenant of ["ours", "theirs"]) {
      await admin.createTenant({ name: tenant });
      for (const name of ["main", "drafts"]) await admin.createDatabase({ name, tenant });
    }
    const theirs = new TidepoolClient({ client, tenant: "theirs", database: "main" });
    const notes = await theirs.createCollection({ name: "notes", embeddingFunction: null });
    await notes.add({ ids: ["a"], embeddings: [[1]], documents: ["tide"] });
    connection = client[CONNECTION];
    all = Object.entries(requests(notes.id)).map(([method, [kind, request]]) => [method as keyof EngineMethods, kind, request]);
  });

  const ask = (method: keyof EngineMethods, request: object | undefined, token: string) =>
    connection.call(method, request as never, { token }).then(
      () => "answered",
      // There is no such export: the request has passed.
      (error: TidepoolError) => (error.code === "STALE_READ" ? "answered" : error.code),
    );

  test("is closed to the token of another tenant, whatever tenant a request about a collection's id names besides", async () => {
    for (const [method, kind, request] of all) {
      const lie = request !== undefined && "collectionId" in request ? { tenant: "ours", database: "main" } : {};
      expect([method, await ask(method, { ...request, ...lie }, "ours")]).toEqual([method, kind === "open" ? "answered" : "FORBIDDEN"]);
    }
  });

  test("is closed to the token of another database, but for the name of the tenant", async () => {
    for (const [method, kind, request] of all) {
      const answered = kind === "open" || method === "getTenant";
      const lie = request !== undefined && "collectionId" in request ? { tenant: "theirs", database: "drafts" } : {};
      expect([method, await ask(method, { ...request, ...lie }, "drafts")]).toEqual([method, answered ? "answered" : "FORBIDDEN"]);
    }
  });

  test("that changes anything is closed to a token for reading", async () => {
    for (const [method, kind, request] of all) {
      const answered = kind === "open" || kind === "read";
      expect([method, await ask(method, request, "reader")]).toEqual([method, answered ? "answered" : "FORBIDDEN"]);
    }
  });

  test("answers the token that may do everything", async () => {
    const last = ["deleteCollection", "deleteDatabase", "reset"];
    const ordered = [...all].sort(([a], [b]) => last.indexOf(a) - last.indexOf(b));
    for (const [method, , request] of ordered) expect([method, await ask(method, request, "root")]).toEqual([method, "answered"]);
  });
});

describe("the rate limit", () => {
  test("refuses a tenant's calls beyond the burst until time has passed, and leaves other tenants alone", async () => {
    const client = open({ rateLimit: { requestsPerSecond: 2, burst: 3 } });
    await new AdminClient({ client }).createTenant({ name: "team" });
    for (let i = 0; i < 3; i++) await client.countCollections();
    const refused = { code: "RATE_LIMITED", details: { tenant: "default_tenant", retryAfterMs: 500 } };
    await expect(client.countCollections()).rejects.toMatchObject(refused);
    expect(await ask(client, `${DATABASE}/collections_count`)).toMatchObject({ status: 429, body: { error: "ChromaError" } });
    expect(await new AdminClient({ client }).getTenant({ name: "team" })).toBe("team");
    environment.advance(499);
    await expect(client.countCollections()).rejects.toMatchObject({ code: "RATE_LIMITED" });
    environment.advance(1);
    expect(await client.countCollections()).toBe(0);
    environment.advance(60_000);
    for (let i = 0; i < 3; i++) await client.countCollections();
    await expect(client.countCollections()).rejects.toMatchObject({ code: "RATE_LIMITED" });
  });

  test("counts calls by a collection's id for the tenant it lies in", async () => {
    const client = open({ rateLimit: { requestsPerSecond: 1, burst: 2 } });
    const notes = await client.createCollection({ name: "notes", embeddingFunction: null });
    await notes.count();
    await expect(notes.count()).rejects.toMatchObject({ code: "RATE_LIMITED" });
  });
});

describe("quotas", () => {
  test("of collections: those that exist already count, and may be opened", async () => {
    const client = open({ quota: { collections: 2 } });
    const one = await client.createCollection({ name: "one", embeddingFunction: null });
    await client.getOrCreateCollection({ name: "two", embeddingFunction: null });
    await client.getOrCreateCollection({ name: "two", embeddingFunction: null });
    const refused = { code: "QUOTA_EXCEEDED", details: { tenant: "default_tenant", quota: "collections", allowed: 2, total: 3 } };
    await expect(client.createCollection({ name: "three" })).rejects.toMatchObject(refused);
    expect((await ask(client, `${DATABASE}/collections/${one.id}/fork`, undefined, "POST", { new_name: "three" })).status).toBe(422);
    await client.deleteCollection({ name: "one" });
    await client.createCollection({ name: "three", embeddingFunction: null });
  });

  test("of records: only new ones count, and what does not fit is refused whole", async () => {
    const client = open({ quota: { records: 3 } });
    const notes = await client.createCollection({ name: "notes", embeddingFunction: null });
    const add = (ids: string[]) => notes.upsert({ ids, embeddings: ids.map(() => [1]) });
    await add(["a", "b"]);
    await expect(add(["c", "d"])).rejects.toMatchObject({
      code: "QUOTA_EXCEEDED",
      message: "Quota exceeded: tenant [default_tenant] may hold 3 records, and this call would make it 4",
    });
    await add(["a", "b", "c"]);
    expect(
      await ask(client, `${DATABASE}/collections/${notes.id}/add`, undefined, "POST", { ids: ["d"], embeddings: [[1]] }),
    ).toMatchObject({
      status: 422,
      body: { error: "ChromaError", message: expect.stringMatching(/^Quota exceeded/) },
    });
    await notes.update({ ids: ["a", "z"], embeddings: [[2], [2]] });
    await notes.delete({ ids: ["b"] });
    await add(["d"]);
    expect((await notes.get()).ids).toEqual(["a", "c", "d"]);
  });

  test("of records, by writes that are under way at the same time", async () => {
    const client = open({ quota: { records: 5 } });
    const notes = await client.createCollection({ name: "notes", embeddingFunction: null });
    const writes = Array.from({ length: 12 }, (_, i) => notes.add({ ids: [`r${i}`], embeddings: [[i]] }));
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
    expect(await notes.count()).toBe(5);
  });

  test("of bytes: a tenant's own, and deleting makes room", async () => {
    const client = open({ quota: { bytes: 20_000 } });
    await new AdminClient({ client }).createDatabase({ name: "other", tenant: "default_tenant" });
    const notes = await client.createCollection({ name: "notes", embeddingFunction: null });
    const big = { embeddings: [[1]], documents: ["x".repeat(12_000)] };
    await notes.add({ ids: ["a"], ...big });
    const other = await new TidepoolClient({ client, database: "other" }).createCollection({ name: "notes", embeddingFunction: null });
    await expect(other.add({ ids: ["a"], ...big })).rejects.toMatchObject({ code: "QUOTA_EXCEEDED", details: { quota: "bytes" } });
    await client.deleteCollection({ name: "notes" });
    await other.add({ ids: ["a"], ...big });
  });
});

test.each([
  ["a misspelt rule", { quotas: {} }, /quotas/],
  ["no object", "strict", /gateway/],
  ["tokens in a list", { auth: { tokens: ["a"] } }, /tokens/],
  ["an empty token", { auth: { tokens: { "": {} } } }, /empty token/],
  ["a misspelt grant", { auth: { tokens: { secret: { readonly: true } } } }, /readonly/],
  ["databases of no tenant", { auth: { tokens: { secret: { databases: ["a"] } } } }, /tenant/],
  ["a rate of nothing", { rateLimit: { requestsPerSecond: 0 } }, /requestsPerSecond/],
  ["a burst below one call", { rateLimit: { requestsPerSecond: 5, burst: 0.5 } }, /burst/],
  ["a negative quota", { quota: { records: -1 } }, /records/],
])("%s is refused when the database is opened", async (_, rules, message) => {
  const client = open(rules as never);
  const error: Error = await client.heartbeat().then(
    () => expect.unreachable(),
    (error: Error) => error,
  );
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
  expect(error.message).not.toContain("secret");
});
