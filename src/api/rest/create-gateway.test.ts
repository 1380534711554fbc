import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../core/limits.js";
import { openTestClient } from "../../testing/client.js";
import { TestEnvironment } from "../../testing/environment.js";
import { failureOf } from "../../testing/failure-of.js";
import type { TidepoolClient } from "../client.js";
import { createGateway, type Gateway } from "./create-gateway.js";
import { installFetch } from "./install-fetch.js";
import { routes } from "./routes.js";

const ORIGIN = "http://localhost:8000";
const DATABASE = "/api/v2/tenants/default_tenant/databases/default_database";
const ABSENT = "00000000-0000-4000-8000-000000000000";

let client: TidepoolClient;
let gateway: Gateway;
let environment: TestEnvironment;

beforeEach(() => {
  // Its clock stands still: nothing is compacted while a test asks what has been, however slow the machine.
  environment = new TestEnvironment();
  client = openTestClient({ allowReset: true }, environment);
  gateway = createGateway(client);
});
afterEach(() => client.close());

/** Sends JSON, or a string or bytes as they are. */
async function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown }> {
  const raw =
    typeof body === "string" || body instanceof Uint8Array ? (body as BodyInit) : body === undefined ? undefined : JSON.stringify(body);
  const typed = raw === undefined ? headers : { "content-type": "application/json", ...headers };
  const response = await gateway(new Request(ORIGIN + path, { method, body: raw, headers: typed }));
  const text = await response.text();
  return { status: response.status, body: response.headers.get("content-type") === "application/json" ? JSON.parse(text) : text };
}

async function collection(name = "tides"): Promise<string> {
  const created = await ask("POST", `${DATABASE}/collections`, { name });
  return `${DATABASE}/collections/${(created.body as { id: string }).id}`;
}

interface Operation {
  parameters: { name: string }[];
  requestBody: { content: Record<string, { schema: { required: string[] } }> };
  responses: object;
}

describe("routes", () => {
  test("every route of the table is reached, and nothing beside them", async () => {
    for (const { method, path } of routes) {
      const filled = path
        .replace("{collection_id}", ABSENT)
        .replace("{crn}", "a:b:c")
        .replace(/\{\w+\}/g, "nothing");
      const { status, body } = await ask(method, filled, method === "GET" || method === "DELETE" ? undefined : {});
      expect([path, status === 404 && body === ""]).toEqual([path, false]);
      expect(status, `${method} ${path}`).not.toBe(405);
      expect(status, `${method} ${path}`).not.toBe(500);
    }
    for (const path of ["/", "/api/v2/nope", `${DATABASE}/collections/a/b/c`, "/api/v2/tenants//databases"]) {
      expect(await ask("GET", path)).toEqual({ status: 404, body: "" });
    }
  });

  test("another method is 405 and says which are allowed", async () => {
    const response = await gateway(new Request(`${ORIGIN}/api/v2/tenants`, { method: "DELETE" }));
    expect([response.status, response.headers.get("allow"), await response.text()]).toEqual([405, "POST", ""]);
    expect((await ask("PUT", "/api/v2/heartbeat", {})).status).toBe(405);
  });

  test("system routes", async () => {
    expect(await ask("GET", "/api/v2/version")).toEqual({ status: 200, body: "1.0.0" });
    expect(await ask("GET", "/api/v2/pre-flight-checks")).toEqual({
      status: 200,
      body: { max_batch_size: limits.batchRecordsMax, supports_base64_encoding: true },
    });
    expect(await ask("GET", "/api/v2/auth/identity")).toMatchObject({
      body: { user_id: "", tenant: "default_tenant", databases: ["default_database"] },
    });
    expect((await ask("GET", "/api/v2/heartbeat")).body).toEqual({ "nanosecond heartbeat": environment.now() * 1e6 });
    expect((await ask("GET", "/api/v1/heartbeat")).status).toBe(410);
    expect(await ask("POST", "/api/v2/reset")).toEqual({ status: 200, body: true });
  });

  test("any origin may ask", async () => {
    const response = await gateway(new Request(`${ORIGIN}/api/v2/heartbeat`, { method: "OPTIONS" }));
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
    expect((await gateway(new Request(`${ORIGIN}/nope`))).headers.get("access-control-allow-origin")).toBe("*");
  });

  test("openapi.json tells every route, its parameters and its body", async () => {
    const document = (await ask("GET", "/openapi.json")).body as { paths: Record<string, Record<string, Operation>> };
    expect(Object.values(document.paths).flatMap((path) => Object.keys(path))).toHaveLength(
      routes.filter(({ isHidden }) => !isHidden).length,
    );
    const add = document.paths["/api/v2/tenants/{tenant}/databases/{database}/collections/{collection_id}/add"]!["post"]!;
    expect(add.parameters.map(({ name }) => name)).toEqual(["tenant", "database", "collection_id"]);
    expect(add.requestBody.content["application/json"]!.schema.required).toEqual(["ids", "embeddings"]);
    expect(add.responses).toHaveProperty("201");
  });
});

describe("what another site can send", () => {
  const post = (path: string, init: RequestInit) => gateway(new Request(ORIGIN + path, { method: "POST", ...init }));

  test("changes nothing: forms, beacons and requests without CORS", async () => {
    await collection();
    const bodies: BodyInit[] = ["", "x=1", '{"name":"another"}', new URLSearchParams({ name: "another" }), new FormData()];
    for (const body of bodies) {
      for (const path of ["/api/v2/reset", `${DATABASE}/collections`]) expect((await post(path, { body })).status).toBe(415);
    }
    expect((await post("/api/v2/reset", { mode: "no-cors" })).status).toBe(415);
    expect((await ask("GET", `${DATABASE}/collections_count`)).body).toBe(1);
  });

  test("is not what Chroma's client sends, or whoever shows a token or says that it is JSON", async () => {
    expect((await post("/api/v2/reset", {})).status).toBe(200);
    expect((await post("/api/v2/reset", { headers: { "x-chroma-token": "any" }, body: "x" })).status).toBe(200);
    expect((await post("/api/v2/reset", { headers: { "content-type": "application/json" } })).status).toBe(200);
  });

  test("a body that was read already, is being read, or breaks off is 400", async () => {
    const path = `${DATABASE}/collections`;
    const made = () => {
      const headers = { "content-type": "application/json" };
      return new Request(ORIGIN + path, { method: "POST", headers, body: '{"name":"another"}' });
    };
    const used = made();
    await used.text();
    const locked = made();
    locked.body!.getReader();
    const broken = new ReadableStream({ pull: (controller) => controller.error(new TypeError("gone")) });
    const headers = { "content-type": "application/json" };
    const breaking = new Request(ORIGIN + path, { method: "POST", headers, body: broken, duplex: "half" } as RequestInit);
    for (const request of [used, locked, breaking]) {
      const response = await gateway(request);
      expect([response.status, await response.json()]).toEqual([
        400,
        { error: "InvalidArgumentError", message: expect.stringContaining("could not be read") },
      ]);
    }
    expect((await ask("GET", `${DATABASE}/collections_count`)).body).toBe(0);
  });
});

describe("tenants, databases and collections", () => {
  test("a tenant from its creation to its databases", async () => {
    expect(await ask("POST", "/api/v2/tenants", { name: "team" })).toEqual({ status: 200, body: {} });
    expect(await ask("POST", "/api/v2/tenants", { name: "team" })).toMatchObject({ status: 409, body: { error: "ChromaError" } });
    expect(await ask("PATCH", "/api/v2/tenants/team", { resource_name: "res" })).toEqual({ status: 200, body: {} });
    expect(await ask("GET", "/api/v2/tenants/team")).toEqual({ status: 200, body: { name: "team", resource_name: "res" } });
    expect(await ask("POST", "/api/v2/tenants/team/databases", { name: "drafts" })).toEqual({ status: 200, body: {} });
    expect(await ask("GET", "/api/v2/tenants/team/databases?limit=1")).toMatchObject({ body: [{ name: "drafts", tenant: "team" }] });
    expect(await ask("DELETE", "/api/v2/tenants/team/databases/drafts")).toEqual({ status: 200, body: {} });
    expect(await ask("GET", "/api/v2/tenants/team/databases/drafts")).toEqual({
      status: 404,
      body: { error: "NotFoundError", message: "Database [drafts] not found. Are you sure it exists?" },
    });
  });

  test("a collection by name, id and CRN, changed and deleted", async () => {
    const created = await ask("POST", `${DATABASE}/collections`, {
      name: "tides",
      metadata: { a: 1 },
      configuration: { hnsw: { space: "cosine" } },
    });
    expect(created).toMatchObject({
      status: 200,
      body: { name: "tides", metadata: { a: 1 }, dimension: null, log_position: 0, version: 0 },
    });
    const { id } = created.body as { id: string };
    for (const path of [
      `${DATABASE}/collections/tides`,
      `${DATABASE}/collections/by-id/${id}`,
      "/api/v2/collections/default_tenant:default_database:tides",
    ]) {
      expect((await ask("GET", path)).body).toEqual(created.body);
    }
    expect(await ask("PUT", `${DATABASE}/collections/${id}`, { new_name: "ebbs", new_metadata: { a: null } })).toEqual({
      status: 200,
      body: {},
    });
    expect((await ask("GET", `${DATABASE}/collections`)).body).toMatchObject([{ name: "ebbs", metadata: null }]);
    expect((await ask("GET", `${DATABASE}/collections_count`)).body).toBe(1);
    await collection("other");
    expect((await ask("PUT", `${DATABASE}/collections/${id}`, { new_name: "other" })).status).toBe(409);
    expect((await ask("DELETE", `${DATABASE}/collections/ebbs`)).body).toEqual({});
    expect((await ask("DELETE", `${DATABASE}/collections/ebbs`)).status).toBe(404);
    expect((await ask("POST", `${DATABASE}/collections`, { name: "x1y", schema: { defaults: {}, keys: {}, more: 1 } })).status).toBe(422);
  });

  test("a fork has the records and a count", async () => {
    const tides = await collection();
    await ask("POST", `${tides}/add`, { ids: ["a"], embeddings: [[1]] });
    const forked = (await ask("POST", `${tides}/fork`, { new_name: "forked" })).body as { id: string };
    expect((await ask("GET", `${DATABASE}/collections/${forked.id}/count`)).body).toBe(1);
    expect((await ask("GET", `${tides}/fork_count`)).body).toEqual({ count: 1 });
  });
});

describe("records", () => {
  test("are added as numbers and as base64, read, queried, searched, changed and deleted", async () => {
    const tides = await collection();
    const add = {
      ids: ["a", "b"],
      embeddings: [
        [0.1, 0],
        [1, 1],
      ],
      documents: ["ebb", null],
      metadatas: [{ n: 1 }, null],
      uris: [null, "u"],
    };
    expect(await ask("POST", `${tides}/add`, add)).toEqual({ status: 201, body: {} });
    expect((await ask("POST", `${tides}/upsert`, { ids: ["c"], embeddings: ["AACAPwAAAEA="] })).status).toBe(200);
    expect((await ask("POST", `${tides}/get`, { include: ["embeddings", "metadatas", "uris", "distances"] })).body).toEqual({
      ids: ["a", "b", "c"],
      embeddings: [
        [0.1, 0],
        [1, 1],
        [1, 2],
      ],
      documents: null,
      uris: [null, "u", null],
      metadatas: [{ n: 1 }, {}, null],
      include: ["embeddings", "metadatas", "uris", "distances"],
    });
    expect(
      (
        await ask("POST", `${tides}/query`, {
          query_embeddings: [
            [1, 1],
            [1, 2],
          ],
          n_results: 1,
          ids: ["b", "c", "nobody"],
          include: ["distances"],
        })
      ).body,
    ).toEqual({
      ids: [["b"], ["c"]],
      embeddings: null,
      documents: null,
      uris: null,
      metadatas: null,
      distances: [[0], [0]],
      include: ["distances"],
    });
    const search = {
      rank: { $knn: { query: [1, 1], key: "#embedding", limit: 2 } },
      limit: { offset: 0, limit: 2 },
      select: { keys: ["#score", "#embedding"] },
    };
    expect((await ask("POST", `${tides}/search`, { searches: [search] })).body).toEqual({
      ids: [["b", "c"]],
      documents: [null],
      embeddings: [
        [
          [1, 1],
          [1, 2],
        ],
      ],
      metadatas: [null],
      scores: [[0, 1]],
      select: [["#score", "#embedding"]],
    });
    await ask("POST", `${tides}/update`, { ids: ["a", "nobody"], metadatas: [{ n: null, m: 2 }, { n: 1 }], embeddings: [null, [5, 5]] });
    expect((await ask("POST", `${tides}/get`, { ids: ["a"], include: ["metadatas", "embeddings"] })).body).toMatchObject({
      metadatas: [{ m: 2 }],
      embeddings: [[0.1, 0]],
    });
    expect((await ask("POST", `${tides}/delete`, { where: { m: 2 } })).body).toEqual({ deleted: 1 });
    expect((await ask("GET", `${tides}/count?read_level=index_only`)).body).toBe(2);
    expect((await ask("GET", `${tides}/indexing_status`)).body).toMatchObject({ total_ops: 4, num_unindexed_ops: 4 });
  });

  test("sparse vectors in metadata come with Chroma's mark or without, and go with it", async () => {
    const tides = await collection();
    const sv = (...values: number[]) => ({ "#type": "sparse_vector", indices: values.map((_, i) => i * 10), values });
    const add = {
      ids: ["a", "b"],
      embeddings: [[1], [2]],
      metadatas: [{ n: 1, sv: { ...sv(0.1, -2.5), tokens: ["ebb", "flow"] } }, { sv: { indices: [], values: [] } }],
    };
    expect(await ask("POST", `${tides}/add`, add)).toEqual({ status: 201, body: {} });
    const answered = [{ n: 1, sv: sv(0.1, -2.5) }, { sv: sv() }];
    expect((await ask("POST", `${tides}/get`, {})).body).toMatchObject({ metadatas: answered });
    expect((await ask("POST", `${tides}/query`, { query_embeddings: [[1]] })).body).toMatchObject({ metadatas: [answered] });
    const search = (keys: string[]) => ask("POST", `${tides}/search`, { searches: [{ select: { keys } }] });
    expect((await search(["sv"])).body).toMatchObject({ metadatas: [[{ sv: sv(0.1, -2.5) }, { sv: sv() }]] });
    expect((await search(["#metadata"])).body).toMatchObject({ metadatas: [answered] });
    expect((await ask("POST", `${tides}/get`, { where: { sv: { $ne: 1 } }, include: [] })).body).toMatchObject({ ids: ["a", "b"] });
    await ask("POST", `${tides}/update`, { ids: ["a"], metadatas: [{ sv: sv(1) }] });
    await ask("POST", `${tides}/upsert`, { ids: ["b"], embeddings: [[2]], metadatas: [{ sv: null, n: 2 }] });
    expect((await ask("POST", `${tides}/get`, {})).body).toMatchObject({ metadatas: [{ n: 1, sv: sv(1) }, { n: 2 }] });
  });

  test("sparse vectors in a collection's metadata", async () => {
    const created = await ask("POST", `${DATABASE}/collections`, {
      name: "tides",
      metadata: { sv: { indices: [3], values: [0.1], tokens: ["x"] } },
    });
    expect(created.body).toMatchObject({ metadata: { sv: { "#type": "sparse_vector", indices: [3], values: [0.1] } } });
    expect((await ask("GET", `${DATABASE}/collections/tides`)).body).toEqual(created.body);
    expect((await client.getCollection({ name: "tides" })).metadata).toEqual({ sv: { indices: [3], values: [Math.fround(0.1)] } });
    const bad = await ask("POST", `${DATABASE}/collections`, { name: "ebbs", metadata: { sv: { indices: [3, 3], values: [1, 1] } } });
    expect(bad).toMatchObject({ status: 400, body: { message: expect.stringContaining('metadata["sv"].indices[1] is 3 after 3') } });
  });

  test("a batch as large as the pre-flight tells is one write", async () => {
    const tides = await collection();
    const { max_batch_size: max } = (await ask("GET", "/api/v2/pre-flight-checks")).body as { max_batch_size: number };
    const ids = Array.from({ length: max }, (_, i) => `r${i}`);
    expect((await ask("POST", `${tides}/add`, { ids, embeddings: ids.map(() => [1]) })).status).toBe(201);
    expect((await ask("GET", `${tides}/indexing_status`)).body).toMatchObject({ total_ops: 1 });
  });

  test("more than one batch holds are all stored", async () => {
    const tides = await collection();
    const ids = Array.from({ length: 5500 }, (_, i) => `r${i}`);
    expect((await ask("POST", `${tides}/add`, { ids, embeddings: ids.map(() => [1]) })).status).toBe(201);
    expect((await ask("GET", `${tides}/count`)).body).toBe(5500);
  });

  test("repeated ids: add counts the first, upsert and update the last", async () => {
    const tides = await collection();
    await ask("POST", `${tides}/add`, { ids: ["a", "b", "a"], embeddings: [[1], [2], [3]] });
    const embeddings = async () =>
      ((await ask("POST", `${tides}/get`, { include: ["embeddings"] })).body as { embeddings: unknown }).embeddings;
    expect(await embeddings()).toEqual([[1], [2]]);
    await ask("POST", `${tides}/upsert`, { ids: ["a", "a"], embeddings: [[4], [5]] });
    expect(await embeddings()).toEqual([[5], [2]]);
  });

  test.each([
    ["empty ids in get", "get", { ids: [] }, 200, { ids: [] }],
    ["empty ids in query", "query", { query_embeddings: [[1, 0]], ids: [] }, 200, { ids: [[]], distances: [[]] }],
    ["no queries", "query", { query_embeddings: [] }, 200, { ids: [] }],
    ["an empty query", "query", { query_embeddings: [[]] }, 400, { message: "Collection expecting embedding with dimension of 2, got 0" }],
    [
      "queries of several lengths",
      "query",
      { query_embeddings: [[1, 2], [1]] },
      400,
      { message: "Collection expecting embedding with dimension of 2, got 1" },
    ],
    ["no ids to delete", "delete", { ids: [] }, 400, { message: "Validation error: ids, where: Either ids or where must be specified" }],
    ["empty and", "get", { where: { $and: [] } }, 200, { ids: ["a"] }],
    ["empty or", "get", { where: { $or: [] } }, 200, { ids: [] }],
    ["a bad filter", "get", { where: { a: 1, b: 2 } }, 400, { error: "InvalidArgumentError", message: "Invalid where clause" }],
    ["a bad document filter", "get", { where_document: { $foo: "x" } }, 400, { message: "Invalid where document clause" }],
    [
      "a bad pattern",
      "get",
      { where_document: { $regex: "a[" } },
      400,
      { message: "Regex syntax errror: regex parse error:\n    a[\n     ^\nerror: unclosed character class" },
    ],
    [
      "a bad pattern of many characters",
      "get",
      { where_document: { $regex: `${"long ".repeat(40)}|*` } },
      400,
      { message: expect.stringContaining(`|*\n    ${" ".repeat(201)}^\nerror: repetition operator missing expression`) },
    ],
    [
      "nested metadata",
      "add",
      { ids: ["b"], embeddings: [[1, 2]], metadatas: [{ o: { a: 1 } }] },
      422,
      {
        error: "ChromaError",
        message: expect.stringContaining(
          "metadatas[0].o: data did not match any variant of untagged enum MetadataValue at line 1 column 60",
        ),
      },
    ],
    ["null in added metadata", "add", { ids: ["b"], embeddings: [[1, 2]], metadatas: [{ k: null }] }, 422, {}],
    [
      "reserved keys",
      "add",
      { ids: ["b"], embeddings: [[1, 2]], metadatas: [{ $k: 1 }] },
      400,
      { message: "Validation error: metadatas: Invalid metadata at index 0" },
    ],
    [
      "a sparse vector with a broken index",
      "add",
      { ids: ["b"], embeddings: [[1, 2]], metadatas: [{ sv: { indices: [0.5], values: [1] } }] },
      422,
      { error: "ChromaError", message: expect.stringContaining("metadatas[0].sv: data did not match any variant") },
    ],
    [
      "a sparse vector with a negative index",
      "upsert",
      { ids: ["b"], embeddings: [[1, 2]], metadatas: [{ sv: { indices: [-1], values: [1] } }] },
      422,
      {},
    ],
    [
      "a sparse vector with an index of 2³²",
      "update",
      { ids: ["a"], metadatas: [{ sv: { indices: [4294967296], values: [1] } }] },
      422,
      {},
    ],
    [
      "a sparse vector with another mark",
      "add",
      { ids: ["b"], embeddings: [[1, 2]], metadatas: [{ sv: { "#type": "dense", indices: [1], values: [1] } }] },
      422,
      {},
    ],
    [
      "a sparse vector with odd tokens",
      "add",
      { ids: ["b"], embeddings: [[1, 2]], metadatas: [{ sv: { indices: [1], values: [1], tokens: [1] } }] },
      422,
      {},
    ],
    [
      "a sparse vector with null for a value",
      "add",
      { ids: ["b"], embeddings: [[1, 2]], metadatas: [{ sv: { indices: [1], values: [null] } }] },
      422,
      {},
    ],
    [
      "a sparse vector out of order",
      "add",
      { ids: ["b"], embeddings: [[1, 2]], metadatas: [{ sv: { indices: [2, 1], values: [1, 1] } }] },
      400,
      { error: "InvalidArgumentError", message: "Validation error: metadatas: Invalid metadata at index 0" },
    ],
    [
      "a sparse vector of two lengths",
      "update",
      { ids: ["a"], metadatas: [{ sv: { "#type": "sparse_vector", indices: [1], values: [1, 2] } }] },
      400,
      { message: "Validation error: metadatas: Invalid metadata at index 0" },
    ],
    [
      "a sparse vector beyond float32",
      "add",
      { ids: ["b"], embeddings: [[1, 2]], metadatas: [{ sv: { indices: [1], values: [1e39] } }] },
      400,
      { message: expect.stringContaining('metadatas[0]["sv"].values[0] is 1e+39') },
    ],
    [
      "a search for a sparse vector",
      "search",
      { searches: [{ rank: { $knn: { query: { "#type": "sparse_vector", indices: [1], values: [1] } } } }] },
      400,
      { message: expect.stringContaining("a sparse vector needs a key with an index of them") },
    ],
    [
      "columns of several lengths",
      "add",
      { ids: ["b", "c"], embeddings: [[1, 2]] },
      400,
      { message: "Inconsistent number of IDs, embeddings, documents, URIs and metadatas" },
    ],
    [
      "embeddings of several lengths",
      "add",
      { ids: ["b", "c"], embeddings: [[1, 2], [1]] },
      400,
      { message: "Inconsistent dimensions in provided embeddings" },
    ],
    [
      "another dimension",
      "upsert",
      { ids: ["b"], embeddings: [[1]] },
      400,
      { message: "Collection expecting embedding with dimension of 2, got 1" },
    ],
    [
      "numbers beyond float32",
      "add",
      { ids: ["b"], embeddings: [[1e39, 1]] },
      400,
      { message: "Non-finite float value at embedding index 0: inf" },
    ],
    [
      "base64 that is none",
      "add",
      { ids: ["b"], embeddings: ["@@@"] },
      400,
      { message: "Invalid base64 string: Invalid symbol 64, offset 0." },
    ],
    [
      "base64 of odd length",
      "add",
      { ids: ["b"], embeddings: ["AAAAAAA="] },
      400,
      { message: "Invalid byte length: 5 bytes cannot be converted to f32 values (must be divisible by 4)" },
    ],
    ["base64 cut off", "add", { ids: ["b"], embeddings: ["AAAAA"] }, 400, { message: "Invalid base64 string: Invalid padding" }],
    [
      "a missing field",
      "upsert",
      { ids: ["b"] },
      422,
      { message: "Failed to deserialize the JSON body into the target type: missing field `embeddings` at line 1 column 13" },
    ],
    [
      "a wrong type",
      "add",
      { ids: [1], embeddings: [[1]] },
      422,
      {
        message:
          "Failed to deserialize the JSON body into the target type: ids[0]: " +
          "invalid type: integer `1`, expected a string at line 1 column 9",
      },
    ],
    ["a negative limit", "get", { limit: -1 }, 422, {}],
    ["an unknown field to include", "get", { include: ["foo"] }, 422, {}],
    ["a body that is a list", "get", [], 422, {}],
    ["a bad search", "search", { searches: [{ rank: { $nope: 1 } }] }, 400, { error: "InvalidArgumentError" }],
  ])("%s", async (_, operation, body, status, answer) => {
    const tides = await collection();
    await ask("POST", `${tides}/add`, { ids: ["a"], embeddings: [[1, 0]] });
    const got = await ask("POST", `${tides}/${operation}`, body);
    expect(got).toMatchObject({ status, body: answer });
    expect((await ask("GET", `${tides}/count`)).body).toBe(1);
  });

  test("the first of several faults is the answer, and none is left behind unhandled", async () => {
    for (const operation of ["add", "update", "upsert"]) {
      expect((await ask("POST", `${DATABASE}/collections/xyz/${operation}`, "nonsense")).body).toMatchObject({
        message: "Collection ID is not a valid UUIDv4",
      });
    }
  });

  test("a query that can find nothing is looked at all the same", async () => {
    const tides = await collection();
    for (const query_embeddings of [[], [[1], [1, 2]]]) {
      expect(await ask("POST", `${tides}/query`, { query_embeddings, where: { $nope: 1 } })).toMatchObject({
        status: 400,
        body: { message: "Invalid where clause" },
      });
    }
  });

  test("ids that name no collection are told from those that cannot", async () => {
    const body = { ids: ["a"], embeddings: [[1]], query_embeddings: [[1]], searches: [{}], new_name: "abc" };
    for (const operation of ["add", "update", "upsert", "get", "query", "delete", "search", "fork"]) {
      expect(await ask("POST", `${DATABASE}/collections/${ABSENT}/${operation}`, body), operation).toMatchObject({
        status: 404,
        body: { error: "NotFoundError", message: `Collection [${ABSENT}] does not exist.` },
      });
      expect((await ask("POST", `${DATABASE}/collections/xyz/${operation}`, body)).body).toMatchObject({
        message: "Collection ID is not a valid UUIDv4",
      });
    }
  });
});

describe("hostile bodies", () => {
  const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;

  test.each([
    ["nothing", "", 400, "EOF while parsing a value at line 1 column 0"],
    ["half an object", "{", 400, "EOF while parsing an object at line 1 column 1"],
    ["a word", "nonsense", 400, "expected value at line 1 column 1"],
    ["a second line", '{\n "ids": [1,]}', 400, "trailing comma at line 2 column 12"],
    ["more after the end", "{} x", 400, "trailing characters at line 1 column 4"],
    ["an open string", '{"ids": ["a', 400, "EOF while parsing a string at line 1 column 11"],
    ["a bad escape", '{"ids": ["\\q"]}', 400, "invalid escape at line 1 column 12"],
    ["a line break in a string", '{"ids": ["\n"]}', 400, "control character"],
    ["deep nesting", `{"where":${nested(10_000)}}`, 400, "recursion limit exceeded at line 1 column 137"],
    ["deep nesting, cut off", "[".repeat(100_000), 400, "recursion limit exceeded"],
    ["bytes that are no UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, "invalid unicode code point"],
    ["a long string where a list belongs", JSON.stringify({ ids: "x".repeat(30_000_000) }), 422, "ids: invalid type: string"],
  ])("%s is refused cleanly", async (_, body, status, message) => {
    const tides = await collection();
    const got = await ask("POST", `${tides}/get`, body as string);
    expect(got.status).toBe(status);
    expect((got.body as { message: string }).message).toContain(message);
    expect((got.body as { message: string }).message.length).toBeLessThan(1000);
  });

  test("of a repeated key the last value counts, and no key is special", async () => {
    const tides = await collection();
    await ask("POST", `${tides}/add`, '{"ids":["x"],"ids":["a"],"embeddings":[[1]],"metadatas":[{"__proto__":"p","constructor":"c"}]}');
    const { body } = await ask("POST", `${tides}/get`, '{"include":["metadatas"]}');
    expect(JSON.stringify(body)).toContain('"metadatas":[{"__proto__":"p","constructor":"c"}]');
    expect(body).toMatchObject({ ids: ["a"] });
    expect((await ask("POST", `${tides}/get`, '{"where":{"__proto__":"p"}}')).body).toMatchObject({ ids: ["a"] });
  });

  test("a body beyond the limit is 413, whether or not it says how long it is", async () => {
    const tides = await collection();
    const body = JSON.stringify({ ids: ["a"], embeddings: [[1]], documents: ["x".repeat(50_000_000)] });
    expect(await ask("POST", `${tides}/add`, body)).toEqual({ status: 413, body: "Payload too large" });
    expect(await ask("POST", `${tides}/add`, "{}", { "content-length": "50000000" })).toEqual({ status: 413, body: "Payload too large" });
    expect((await ask("GET", `${tides}/count`)).body).toBe(0);
  });

  test("a document of many megabytes is taken, and one beyond what a batch may hold is 413", async () => {
    const tides = await collection();
    const add = (megabytes: number) =>
      ask("POST", `${tides}/add`, { ids: [`${megabytes}`], embeddings: [[1]], documents: ["x".repeat(megabytes * 1e6)] });
    expect((await add(20)).status).toBe(201);
    expect(await add(35)).toMatchObject({ status: 413, body: { error: "ChromaError", message: expect.stringContaining("33554432") } });
    expect((await ask("POST", `${tides}/get`, { include: [] })).body).toMatchObject({ ids: ["20"] });
  });

  test("without a content type nothing is read", async () => {
    const tides = await collection();
    expect(await ask("POST", `${tides}/get`, "{}", { "content-type": "text/plain" })).toEqual({
      status: 415,
      body: { error: "ChromaError", message: "Expected request with `Content-Type: application/json`" },
    });
  });

  test("a path that is no UTF-8 is refused", async () => {
    expect((await ask("GET", "/api/v2/tenants/%ff")).status).toBe(400);
  });
});

test("a closed client answers 503", async () => {
  await client.close();
  expect(await ask("GET", "/api/v2/heartbeat")).toMatchObject({ status: 503 });
});

describe("installFetch", () => {
  test("answers one origin, leaves others alone, and can be undone", async () => {
    const former = globalThis.fetch;
    const seen: string[] = [];
    const base: typeof fetch = async (input) => {
      seen.push(input instanceof Request ? input.url : String(input));
      return new Response("elsewhere");
    };
    globalThis.fetch = base;
    try {
      const uninstall = installFetch(client, { url: "http://db.test:1234/some/path" });
      expect(await (await fetch("http://db.test:1234/api/v2/version")).json()).toBe("1.0.0");
      expect(await (await fetch(new Request("http://db.test:1234/api/v2/version"))).json()).toBe("1.0.0");
      expect(await (await fetch(new URL("http://db.test:1235/api/v2/version"))).text()).toBe("elsewhere");
      await expect(fetch("http://db.test:1234/api/v2/version", { signal: AbortSignal.abort() })).rejects.toMatchObject({
        name: "AbortError",
      });
      const kept = globalThis.fetch;
      uninstall();
      expect(globalThis.fetch).toBe(base);
      expect(await (await kept("http://db.test:1234/x")).text()).toBe("elsewhere");
      expect(seen).toEqual(["http://db.test:1235/api/v2/version", "http://db.test:1234/x"]);
    } finally {
      globalThis.fetch = former;
    }
  });

  test("leaves an application's own files alone, and takes no URL that has no origin of its own", async () => {
    const former = globalThis.fetch;
    globalThis.fetch = async () => new Response("elsewhere");
    try {
      const uninstall = installFetch(client, { url: ORIGIN });
      for (const path of ["/", "/index.html", "/api/v20/x", "/api", "/apis/v2", "/x/api/v2/version"]) {
        expect(await (await fetch(ORIGIN + path)).text(), path).toBe("elsewhere");
      }
      expect(await (await fetch(`blob:${ORIGIN}/api/v2/version`)).text()).toBe("elsewhere");
      for (const path of ["/api/v2", "/api/v2/nope", "/api/v1/heartbeat", "/openapi.json"]) {
        expect((await fetch(ORIGIN + path)).headers.get("access-control-allow-origin"), path).toBe("*");
      }
      uninstall();
      const urls = [
        "data:,x",
        `blob:${ORIGIN}/x`,
        "about:blank",
        "file:///x",
        "javascript:1",
        "ws://localhost:8000",
        "nonsense",
        "",
        null,
        {},
      ];
      for (const url of urls) {
        expect(
          failureOf(() => void installFetch(client, { url: url as string })),
          String(url),
        ).toMatchObject({
          code: "INVALID_ARGUMENT",
          message: expect.stringContaining("url must be an http or https URL"),
        });
      }
      expect(await (await fetch("data:,x")).text()).toBe("elsewhere");
    } finally {
      globalThis.fetch = former;
    }
  });

  test("what is no client is refused at once", () => {
    expect(() => createGateway({} as TidepoolClient)).toThrow(/TidepoolClient/);
  });
});
