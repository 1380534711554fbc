/**
 * Requests for the fuzz, from a seed: mostly sound ones over few names, so that they meet, and some with a fault. A sequence
 * is plain data that knows nothing of the answers, so any part of it can be replayed alone.
 */
import type { Random } from "../environment.js";
import type { ModelRequest } from "./rest-model.js";

/** What is done to the engine beside requests. */
export type Upkeep = "compact" | "reopen";
export type Step = ModelRequest | Upkeep;

const SCOPES = ["tenants/default_tenant/databases/default_database", "tenants/team/databases/drafts"];
const NAMES = ["alpha", "beta", "gamma"];
const IDS = [...Array.from({ length: 16 }, (_, i) => `r${i}`), "a b", "ü/?", "constructor"];
const KEYS = ["n", "s", "b", "t", "m", "__proto__", "constructor"];
/** Keys under which records mostly have sparse vectors. */
const SPARSE_KEYS = ["v", "__proto__"];
const WORDS = ["wave", "kelp", "Crab", "100%", "潮", '"q"'];
const TYPES_OF_FAULT: readonly unknown[] = [
  null,
  1,
  -1,
  1.5,
  "text",
  true,
  [],
  {},
  [1],
  ["x"],
  [null],
  [[]],
  { $x: 1 },
  [{ a: { b: 1 } }],
  [[1, "x"]],
  2 ** 32,
];

export function generateSteps(random: Random, count: number): Step[] {
  const generator = new Generator(random);
  return [...generator.start(), ...Array.from({ length: count }, () => generator.step())];
}

type Body = Record<string, unknown>;

class Generator {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Two collections and a database, so that what follows has something to work on. */
  start(): Step[] {
    const add = (name: string): Step => ({ method: "POST", path: `/api/v2/${SCOPES[0]}/collections/<${name}>/add`, body: this.#records() });
    const create = (name: string): Step => {
      const configuration = { hnsw: { space: this.#random.pick(["l2", "cosine", "ip"]) } };
      const schema = { defaults: {}, keys: this.#schemaKeys() };
      return {
        method: "POST",
        path: `/api/v2/${SCOPES[0]}/collections`,
        body: { name, ...(this.#random.chance(0.5) ? { configuration } : { schema }) },
      };
    };
    const database: Step = { method: "POST", path: "/api/v2/tenants/team/databases", body: { name: "drafts" } };
    return [create("alpha"), create("beta"), database, add("alpha"), add("alpha"), add("beta")];
  }

  step(): Step {
    const dice = this.#random.next();
    if (dice < 0.06) return "compact";
    if (dice < 0.1) return "reopen";
    const request = this.#request();
    return this.#random.chance(0.15) ? this.#faulty(request) : request;
  }

  #request(): ModelRequest {
    const { pick, chance } = this.#bound();
    const scope = chance(0.93) ? SCOPES[0]! : SCOPES[1]!;
    const collection = `/api/v2/${scope}/collections/<${chance(0.8) ? "alpha" : pick(NAMES)}>`;
    const dice = this.#random.next();
    if (dice < 0.3)
      return { method: "POST", path: `${collection}/${pick(["add", "add", "update", "upsert", "upsert"])}`, body: this.#records() };
    if (dice < 0.5) return { method: "POST", path: `${collection}/get`, body: this.#get() };
    if (dice < 0.6) return { method: "POST", path: `${collection}/query`, body: this.#query() };
    if (dice < 0.7) return { method: "POST", path: `${collection}/search`, body: this.#search() };
    if (dice < 0.78) return { method: "POST", path: `${collection}/delete`, body: this.#delete() };
    if (dice < 0.93) return this.#collectionRequest(scope, collection);
    return this.#otherRequest(scope);
  }

  #collectionRequest(scope: string, collection: string): ModelRequest {
    const { pick, below } = this.#bound();
    const base = `/api/v2/${scope}`;
    const name = pick(NAMES);
    return pick<() => ModelRequest>([
      () => this.#create(scope, name),
      () => this.#create(scope, name),
      () => ({ method: "GET", path: `${collection}/count` }),
      () => ({ method: "GET", path: `${collection}/indexing_status` }),
      () => ({ method: "GET", path: `${collection}/fork_count` }),
      () => ({ method: "POST", path: `${collection}/fork`, body: { new_name: name } }),
      () => ({ method: "GET", path: `${base}/collections/${name}` }),
      () => ({ method: "DELETE", path: `${base}/collections/${pick(["beta", "gamma"])}` }),
      () => ({ method: "GET", path: `${base}/collections/by-id/<${name}>` }),
      () => ({ method: "GET", path: `${base}/collections?limit=${below(4)}&offset=${below(3)}` }),
      () => ({ method: "GET", path: `${base}/collections?offset=${pick(["-1", "x", "", "1"])}` }),
      () => ({ method: "GET", path: `${base}/collections_count` }),
      () => ({ method: "PUT", path: collection, body: this.#change() }),
    ])();
  }

  #otherRequest(scope: string): ModelRequest {
    const { pick, chance } = this.#bound();
    const [, tenant, , database] = scope.split("/") as [string, string, string, string];
    const name = pick(["team", "team", "crew ä", "no"]);
    return pick<() => ModelRequest>([
      () => ({ method: "POST", path: "/api/v2/tenants", body: { name } }),
      () => ({ method: "GET", path: `/api/v2/tenants/${encodeURIComponent(name)}` }),
      () => ({ method: "PATCH", path: `/api/v2/tenants/${tenant}`, body: { resource_name: pick(["one", "two"]) } }),
      () => ({ method: "GET", path: `/api/v2/tenants/${tenant}/databases?limit=5` }),
      () => ({ method: "POST", path: `/api/v2/tenants/${tenant}/databases`, body: { name: pick(["drafts", "drafts", "x", "a..b"]) } }),
      () => ({ method: "GET", path: `/api/v2/${scope}` }),
      () => ({ method: "DELETE", path: `/api/v2/tenants/${tenant}/databases/${chance(0.95) ? "drafts" : database}` }),
      () => ({
        method: "GET",
        path: `/api/v2/collections/${pick([`${tenant}:${database}:alpha`, `${tenant}:${database}:nobody`, "a:b", "::"])}`,
      }),
      () => ({
        method: "GET",
        path: pick([
          "/api/v2",
          "/api/v2/heartbeat",
          "/api/v2/version",
          "/api/v2/healthcheck",
          "/api/v2/pre-flight-checks",
          "/api/v2/auth/identity",
          "/openapi.json",
        ]),
      }),
      () => (chance(0.1) ? { method: "POST", path: "/api/v2/reset" } : { method: "GET", path: "/api/v2/nothing" }),
      () => ({ method: "POST", path: `/api/v2/${scope}/collections/alpha/functions/attach`, body: {} }),
    ])();
  }

  #create(scope: string, name: string): ModelRequest {
    const { pick, chance } = this.#bound();
    const body: Body = { name: chance(0.95) ? name : pick(["ab", "-abc", "192.168.0.1", "a".repeat(513), "256.1.1.1"]) };
    if (chance(0.3)) body["get_or_create"] = chance(0.7);
    if (chance(0.3)) body["metadata"] = chance(0.2) ? { "hnsw:space": "cosine" } : this.#metadata(false);
    if (chance(0.5))
      body["configuration"] = {
        hnsw: { space: pick(["l2", "cosine", "ip", null]), ...(chance(0.3) ? { ef_search: 20, max_neighbors: 8, num_threads: 2 } : {}) },
      };
    if (chance(0.15)) {
      // A space among the metadata would be a configuration too.
      return {
        method: "POST",
        path: `/api/v2/${scope}/collections`,
        body: {
          name,
          schema: { defaults: {}, keys: this.#schemaKeys() },
          ...(chance(0.1) ? { configuration: { hnsw: { space: "ip" } } } : {}),
        },
      };
    }
    if (chance(0.05)) body["configuration"] = { spann: { space: pick(["l2", "ip"]) }, ...(chance(0.5) ? { hnsw: {} } : {}) };
    return { method: "POST", path: `/api/v2/${scope}/collections`, body };
  }

  /** Keys of a schema, each with an index turned off, and some with one of sparse vectors. */
  #schemaKeys(): Body {
    const { pick, chance } = this.#bound();
    const config = () => ({ bm25: chance(0.5), ...(chance(0.3) ? { algorithm: pick(["wand", "max_score"]) } : {}) });
    const indexed = SPARSE_KEYS.filter(() => chance(0.8)).map((key) => [
      key,
      { sparse_vector: { sparse_vector_index: { enabled: true, config: config() } } },
    ]);
    return { ...this.#unindexed(), ...(Object.fromEntries(indexed) as Body) };
  }

  #unindexed(): Body {
    const off = { enabled: false, config: {} };
    const types = ["string", "int", "float", "bool"].map((type) => ({ [type]: { [`${type}_inverted_index`]: off } }));
    const keys: Body = Object.fromEntries(
      ["n", "s", "b"].filter(() => this.#random.chance(0.5)).map((key) => [key, this.#random.pick(types)]),
    );
    return this.#random.chance(0.3) ? { ...keys, "#document": { string: { fts_index: off } } } : keys;
  }

  #change(): Body {
    const { pick, chance } = this.#bound();
    const body: Body = {};
    if (chance(0.4)) body["new_name"] = pick([...NAMES, "no"]);
    if (chance(0.5)) body["new_metadata"] = this.#metadata(true);
    if (chance(0.3))
      body["new_configuration"] = { hnsw: pick([{ ef_search: 7 }, { resize_factor: 2 }, { space: "ip" }, { ef_search: 0 }, {}]) };
    return body;
  }

  #records(): Body {
    const { pick, chance, below } = this.#bound();
    const ids = Array.from({ length: chance(0.05) ? 0 : 1 + below(8) }, () => pick(IDS));
    const dimension = chance(0.04) ? 2 : 3;
    const base64 = chance(0.2);
    const vector = (): number[] | string => (base64 ? asBase64(this.#vector(dimension)) : this.#vector(dimension));
    const body: Body = { ids };
    if (chance(0.93)) body["embeddings"] = ids.map(() => (chance(0.02) ? null : vector()));
    if (chance(0.7)) body["documents"] = ids.map(() => (chance(0.8) ? this.#text() : null));
    if (chance(0.3)) body["uris"] = ids.map(() => (chance(0.5) ? `urn:${pick(WORDS)}` : null));
    if (chance(0.7)) body["metadatas"] = ids.map(() => (chance(0.85) ? this.#metadata(chance(0.3)) : null));
    return body;
  }

  #vector(dimension: number): number[] {
    const { chance, below, next } = this.#bound();
    const whole = chance(0.5);
    return Array.from({ length: dimension }, () => (whole ? below(3) - 1 : next() * 2 - 1));
  }

  #text(): string {
    return Array.from({ length: 1 + this.#random.below(4) }, () => this.#random.pick(WORDS)).join(" ");
  }

  #metadata(nulls: boolean): Body {
    const { pick, chance } = this.#bound();
    const entries = Array.from({ length: this.#random.below(4) }, () => [
      chance(0.97) ? pick(KEYS) : pick(["", "#k", "$k"]),
      nulls && chance(0.4) ? null : this.#value(),
    ]);
    const sparse = SPARSE_KEYS.filter(() => chance(0.6)).map((key) => [key, this.#sparse()]);
    return Object.fromEntries([...entries, ...sparse]) as Body;
  }

  /** Sound, and of few dimensions, so that vectors meet. Its numbers and their products are exact in float32. */
  #sparse(): Body {
    const { chance, below } = this.#bound();
    const indices = [0, 1, 7, 70_000, 2 ** 32 - 1].filter(() => chance(0.5));
    const mark = chance(0.7) ? { "#type": "sparse_vector" } : {};
    return { ...mark, indices, values: indices.map(() => below(17) / 4 - 2), ...(chance(0.2) ? { tokens: indices.map(String) } : {}) };
  }

  #value(): unknown {
    const { pick, chance, next } = this.#bound();
    const sparse = {
      ...(chance(0.7) ? { "#type": "sparse_vector" } : {}),
      indices: pick([[], [1], [3, 70000], [5, 2]]),
      values: pick([[], [next()], [0.1, -2]]),
    };
    return chanceList(this.#random, () => this.#scalar(), [[], ["wave", "kelp"], [1, 2.5], [true], [pick(WORDS)], sparse]);
  }

  #scalar(): unknown {
    const { pick, below } = this.#bound();
    return pick([below(4), below(4) + 0.5, -below(3), pick(["wave", "kelp", "1", ""]), true, false]);
  }

  #where(depth: number): unknown {
    const { pick, chance, below } = this.#bound();
    if (depth > 0 && chance(0.35)) return { [pick(["$and", "$or"])]: Array.from({ length: below(4) }, () => this.#where(depth - 1)) };
    const key = chance(0.99) ? pick(KEYS) : "$k";
    if (chance(0.3)) return { [key]: this.#scalar() };
    const operator = pick([
      "$eq",
      "$ne",
      "$gt",
      "$gte",
      "$lt",
      "$lte",
      "$in",
      "$nin",
      "$contains",
      "$not_contains",
      ...(chance(0.1) ? ["$nope"] : []),
    ]);
    return { [key]: { [operator]: chance(0.06) ? pick(TYPES_OF_FAULT) : this.#operand(operator) } };
  }

  #operand(operator: string): unknown {
    const { pick, chance, below } = this.#bound();
    if (operator === "$in" || operator === "$nin")
      return pick<() => unknown[]>([() => [below(3)], () => [1, 2.5], () => ["wave", "1"], () => [true]])();
    return /^\$[gl]te?$/.test(operator) && chance(0.9) ? below(4) : this.#scalar();
  }

  #whereDocument(depth: number): unknown {
    const { pick, chance, below } = this.#bound();
    if (depth > 0 && chance(0.3))
      return { [pick(["$and", "$or"])]: Array.from({ length: below(3) }, () => this.#whereDocument(depth - 1)) };
    const operator = pick(["$contains", "$not_contains", "$regex", "$not_regex", ...(chance(0.1) ? ["$nope"] : [])]);
    const patterns = ["^wave", "kelp$", "[wk]\\w+ 100", "Crab|潮"];
    return { [operator]: chance(0.05) ? pick([1, null, ["x"]]) : /regex/.test(operator) ? pick(patterns) : pick([...WORDS, "", "e k"]) };
  }

  #selection(): Body {
    const { pick, chance, below } = this.#bound();
    const body: Body = {};
    if (chance(0.3)) body["ids"] = Array.from({ length: chance(0.1) ? 0 : 1 + below(9) }, () => pick([...IDS, "nobody"]));
    if (chance(0.4)) body["where"] = this.#where(2);
    if (chance(0.2)) body["where_document"] = this.#whereDocument(1);
    return body;
  }

  #get(): Body {
    const { chance, below } = this.#bound();
    return {
      ...this.#selection(),
      ...(chance(0.4) ? { limit: below(6) } : {}),
      ...(chance(0.4) ? { offset: below(4) } : {}),
      ...this.#include(),
    };
  }

  #include(): Body {
    const all = ["documents", "metadatas", "embeddings", "uris", "distances"];
    return this.#random.chance(0.8) ? { include: all.filter(() => this.#random.chance(0.7)) } : {};
  }

  #query(): Body {
    const { chance, below } = this.#bound();
    const query_embeddings = Array.from({ length: chance(0.05) ? 0 : 1 + below(2) }, () => this.#vector(chance(0.04) ? 2 : 3));
    return { ...this.#selection(), query_embeddings, ...(chance(0.7) ? { n_results: below(8) } : {}), ...this.#include() };
  }

  #search(): Body {
    const { pick, chance, below } = this.#bound();
    const searches = Array.from({ length: 1 + below(2) }, () => ({
      ...(chance(0.5) ? { filter: this.#where(1) } : {}),
      rank: { $knn: { ...this.#sought(), limit: 1 + below(9) } },
      limit: { offset: below(3), limit: 1 + below(5) },
      select: { keys: ["#document", "#embedding", "#metadata", "#score"].filter(() => chance(0.5)) },
    }));
    return { searches, ...(chance(0.2) ? { read_level: pick(["index_and_wal", "index_and_bounded_wal"]) } : {}) };
  }

  /** A vector and what it is looked for among; keys may have no index. */
  #sought(): Body {
    const { pick, chance } = this.#bound();
    if (chance(0.5)) return { query: this.#vector(3), key: "#embedding" };
    return { query: this.#sparse(), key: chance(0.95) ? pick(SPARSE_KEYS) : "n" };
  }

  #delete(): Body {
    const { chance, below } = this.#bound();
    return { ...(chance(0.05) ? {} : this.#selection()), ...(chance(0.4) ? { limit: 1 + below(3) } : {}) };
  }

  // ---- faults

  /** The request with one thing wrong with it, or with what only may be wrong: the model decides. */
  #faulty(request: ModelRequest): ModelRequest {
    const { pick } = this.#bound();
    const body = request.body as Body | undefined;
    const faults: (() => ModelRequest)[] = [
      () => ({ ...request, method: pick(["GET", "POST", "PUT", "PATCH", "DELETE"]) }),
      () => ({ ...request, path: request.path.replace(/<\w+>/, pick(["<nobody>", "not-an-id", "x"])) }),
      () => ({ ...request, path: `${request.path}/more` }),
    ];
    if (body !== undefined) {
      const fields = Object.keys(body);
      const text = JSON.stringify(body);
      faults.push(
        () => ({ ...request, body: { ...body, [pick([...fields, "ids", "limit"])]: pick(TYPES_OF_FAULT) } }),
        () => ({ ...request, body: { ...body, [pick([...fields, "where"])]: pick(TYPES_OF_FAULT) } }),
        () => ({ ...request, body: Object.fromEntries(Object.entries(body).filter(([name]) => name !== pick(fields))) }),
        () => ({ ...request, body: { ...body, stranger: 1 } }),
        () => ({ ...request, body: text.slice(0, this.#random.below(text.length)) }),
        () => ({ ...request, body: pick(["", "nonsense", "[]", "null", "{} {}", '{"a":1,}', "1", '"x"']) }),
        () => ({ ...request, contentType: pick([null, "text/plain"]) }),
      );
    }
    const faulty = pick(faults)();
    const search = /search$/.test(request.path) && typeof faulty.body === "object";
    // Of what may be wrong inside a search the model says nothing; other tests do.
    return search && JSON.stringify(faulty.body) !== JSON.stringify(request.body) ? request : faulty;
  }

  #bound(): Pick<Random, "pick" | "chance" | "below" | "next"> {
    const random = this.#random;
    return { pick: (from) => random.pick(from), chance: (p) => random.chance(p), below: (n) => random.below(n), next: () => random.next() };
  }
}

/** Mostly a scalar, sometimes a list. */
function chanceList(random: Random, scalar: () => unknown, lists: readonly unknown[]): unknown {
  return random.chance(0.75) ? scalar() : random.pick(lists);
}

function asBase64(values: readonly number[]): string {
  return Buffer.from(Float32Array.from(values).buffer).toString("base64");
}
