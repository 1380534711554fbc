/**
 * Hostile REST requests: bodies that are no JSON, or not the route's, that were read already or break off, odd paths, methods and
 * headers. Each is answered, never by 500, and what is refused changes nothing.
 */
import { createGateway } from "../../api/rest/create-gateway.js";
import { routes } from "../../api/rest/routes.js";
import { SparseVectorIndexConfig } from "../../api/schema/index-config.js";
import { Schema } from "../../api/schema/schema.js";
import { openTestClient } from "../client.js";
import { Random } from "../environment.js";
import type { FuzzTarget } from "./fuzz-target.js";
import { mutateBytes, mutateJson, oddValue } from "./mutate.js";

const INPUTS = 100;
const ODD_NAMES = ["__proto__", "constructor", "toString", "%00", "%ff", "..", "tides", "%F0%9F%8C%8A", "a%2fb", "x".repeat(600)];
const TYPES = [
  "application/json",
  "application/json",
  "application/json",
  "text/plain",
  "application/x+json",
  "application/json; charset=x",
  "",
];

/** A body that any of the routes would take some of. */
const BODY = {
  name: "tides",
  new_name: "ebbs",
  resource_name: "res",
  get_or_create: true,
  metadata: { a: 1 },
  configuration: { hnsw: { space: "l2", ef_search: 10 } },
  ids: ["a", "b"],
  embeddings: [
    [1, 2],
    [3, 4],
  ],
  documents: ["ebb", null],
  metadatas: [{ n: 1, s: { "#type": "sparse_vector", indices: [1], values: [2] } }, null],
  uris: [null, "u"],
  where: { $and: [{ n: { $gt: 0 } }, { k: { $in: ["a", "b"] } }] },
  where_document: { $or: [{ $contains: "e" }, { $regex: "b+" }] },
  query_embeddings: [[1, 2]],
  n_results: 2,
  limit: 3,
  offset: 0,
  include: ["documents"],
  searches: [
    { rank: { $knn: { query: [1, 2], key: "#embedding", limit: 3 } }, limit: { limit: 2, offset: 0 }, select: { keys: ["#id"] } },
    { rank: { $knn: { query: { "#type": "sparse_vector", indices: [1, 9], values: [2, -1] }, key: "s", limit: 3 } } },
  ],
};
const SCHEMA = new Schema().createIndex(new SparseVectorIndexConfig(), "s");

export const fuzzBodies: FuzzTarget = {
  name: "bodies",
  inputs: INPUTS,
  seeds: 150,
  async run(seed) {
    const random = new Random(seed);
    const client = openTestClient({ allowReset: true });
    try {
      const gateway = createGateway(client);
      const tides = await client.createCollection({ name: "tides", embeddingFunction: null, schema: SCHEMA });
      for (let input = 0; input < INPUTS; input++) {
        const request = await hostileRequest(random, tides.id);
        const told = `request ${input}: ${request.method} ${request.url}`;
        const response = await gateway(request);
        const text = await response.text();
        if (response.status === 500 || response.status < 200 || response.status > 599) return `${told}: ${response.status} ${text}`;
      }
      const after = await gateway(new Request("http://x/api/v2/heartbeat"));
      return after.status === 200 ? null : `the heartbeat is ${after.status}`;
    } finally {
      await client.close();
    }
  },
};

async function hostileRequest(random: Random, collectionId: string): Promise<Request> {
  const route = random.pick(routes);
  const path = route.path
    .replace("{tenant}", random.chance(0.9) ? "default_tenant" : random.pick(ODD_NAMES))
    .replace("{database}", random.chance(0.9) ? "default_database" : random.pick(ODD_NAMES))
    .replace("{collection_id}", random.chance(0.8) ? collectionId : random.pick(ODD_NAMES))
    .replace(/\{\w+\}/g, () => random.pick(ODD_NAMES));
  const method = random.chance(0.95) ? route.method : random.pick(["PUT", "PATCH", "DELETE", "OPTIONS", "POST", "X"]);
  const query = random.chance(0.2)
    ? `?limit=${random.pick(["1", "-1", "x", "1e9", "4294967296", "%00"])}&offset=${random.pick(["0", "", "9"])}`
    : "";
  const headers = new Headers();
  const type = random.pick(TYPES);
  if (type !== "") headers.set("content-type", type);
  if (random.chance(0.1)) headers.set("content-length", random.pick(["0", "-1", "x", "99999999999"]));
  if (random.chance(0.1)) headers.set("authorization", random.pick(["Bearer", "Bearer x", "Basic __proto__", "bearer constructor"]));
  const body = method === "GET" || method === "HEAD" ? undefined : bodyOf(random);
  const request = new Request(`http://x${path}${query}`, { method, headers, body, duplex: "half" } as RequestInit);
  if (request.body !== null && random.chance(0.03)) await request.arrayBuffer().catch(() => undefined);
  if (request.body !== null && !request.bodyUsed && random.chance(0.03)) request.body.getReader();
  return request;
}

function bodyOf(random: Random): BodyInit {
  if (random.chance(0.05)) {
    const error = random.pick([new TypeError("gone"), null, "x"]);
    return new ReadableStream({ start: (controller) => controller.error(error) });
  }
  const value = random.chance(0.1) ? oddValue(random) : mutateJson(random, random.chance(0.5) ? BODY : mutateJson(random, BODY));
  const bytes = new TextEncoder().encode(JSON.stringify(value) ?? "");
  return (random.chance(0.2) ? mutateBytes(random, bytes) : bytes) as BodyInit;
}
