/** What a hybrid search answers: branches, reasons, cut-offs, and one moment for all of it. */
import { beforeEach, describe, expect, test } from "vitest";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import type { HybridRequest, HybridResponse } from "./service.js";

const DOCUMENTS = ["ebb tide", "spring tide tide", "moon light", "far shore"];
const POSITIONS = [0, 3, 1, 9];
const IDS = ["ebb", "spring", "moon", "far"];

let engine: Engine;
let collectionId: string;

function write(ids: string[], positions: number[], documents: string[], operation: "add" | "upsert" = "add"): Promise<void> {
  const embeddings = { dimension: 1, values: Float32Array.from(positions), present: null };
  const metadatas = positions.map((position) => ({ position, terms: { indices: [1, 2 + position], values: [1, 2] } }));
  return engine.service.write({ collectionId, operation, records: { ids, embeddings, documents, metadatas, uris: null } });
}

function ask(request: Partial<HybridRequest>): Promise<HybridResponse> {
  return engine.service.hybrid({ collectionId, nResults: 10, include: [], prefix: false, fuzzy: 0, ...request });
}

const near = (position: number): Float32Array => Float32Array.of(position);

beforeEach(async () => {
  engine = await openedEngine(new FaultInjectingStorage({}));
  const scope = { tenant: "default_tenant", database: "default_database" };
  const schema = { keys: { terms: { sparse_vector: { sparse_vector_index: { enabled: true, config: {} } } } } };
  const made = await engine.service.createCollection({
    ...scope,
    name: "sea",
    metadata: null,
    configuration: {},
    schema,
    getOrCreate: false,
  });
  collectionId = made.id;
  await write(IDS, POSITIONS, DOCUMENTS);
});

describe("branches", () => {
  test("each hit says where each branch has it, and why", async () => {
    const { ids, text, dense, scores } = await ask({ queryText: "spring tide", queryEmbedding: near(0) });
    expect([...ids].sort()).toEqual([...IDS].sort());
    const reasons = Object.fromEntries(
      ids.map((id, i) => [id, { text: [text!.ranks[i], text!.terms[i]], dense: [dense!.ranks[i], dense!.distances[i]] }]),
    );
    expect(reasons).toEqual({
      ebb: { text: [2, ["tide"]], dense: [1, 0] },
      spring: { text: [1, ["spring", "tide"]], dense: [3, 9] },
      moon: { text: [0, []], dense: [2, 1] },
      far: { text: [0, []], dense: [4, 81] },
    });
    expect([...scores]).toEqual([...scores].sort((a, b) => b - a));
    const alone = await engine.service.searchText({
      collectionId,
      query: "spring tide",
      nResults: 9,
      include: [],
      prefix: false,
      fuzzy: 0,
    });
    const inText = ids.map((id, i) => [id, text!.scores[i]]).filter(([, score]) => score !== 0);
    expect(Object.fromEntries(inText)).toEqual(Object.fromEntries(alone.ids.map((id, i) => [id, alone.scores[i]])));
  });

  test("one that nothing is given for, or that counts nothing, is not there", async () => {
    const words = await ask({ queryText: "tide" });
    expect([words.ids.length, words.dense]).toEqual([2, null]);
    const vectors = await ask({ queryEmbedding: near(9), nResults: 2 });
    expect([vectors.ids, vectors.text]).toEqual([["far", "spring"], null]);
    expect((await ask({ queryText: "tide", queryEmbedding: near(9), weights: { text: 0 } })).text).toBeNull();
    expect((await ask({ queryText: "tide", queryEmbedding: near(9), weights: { dense: 0 } })).ids).toEqual(words.ids);
  });

  test("sparse vectors are a branch of their own", async () => {
    const sparse = { key: "terms", query: { indices: [1, 5], values: [1, 1] } };
    const alone = await ask({ sparse });
    expect([alone.ids, alone.text, alone.dense]).toEqual([["spring", "ebb", "moon", "far"], null, null]);
    expect([[...alone.sparse!.ranks], [...alone.sparse!.scores]]).toEqual([
      [1, 2, 3, 4],
      [3, 1, 1, 1],
    ]);
    const all = await ask({
      sparse,
      queryText: "shore",
      queryEmbedding: near(1),
      maxDistance: 0,
      nResults: 2,
      weights: { text: 2, sparse: 3 },
    });
    expect([all.ids, [...all.sparse!.ranks], [...all.text!.ranks]]).toEqual([
      ["spring", "far"],
      [1, 4],
      [0, 1],
    ]);
    expect((await ask({ sparse, queryText: "shore", weights: { sparse: 0 } })).sparse).toBeNull();
  });

  test("weights say which of them decides", async () => {
    const weighed = (weights: HybridRequest["weights"]) => ask({ queryText: "moon", queryEmbedding: near(9), maxDistance: 0, weights });
    expect((await weighed({ dense: 5 })).ids).toEqual(["far", "moon"]);
    expect((await weighed({ text: 5 })).ids).toEqual(["moon", "far"]);
  });

  test("filters hold for both, and the text branch takes prefixes, near words and operators", async () => {
    const where = { position: { $lt: 2 } };
    expect((await ask({ queryText: "tide", queryEmbedding: near(9), where })).ids.sort()).toEqual(["ebb", "moon"]);
    expect((await ask({ queryText: "sprin", prefix: true })).ids).toEqual(["spring"]);
    expect((await ask({ queryText: "sprong", fuzzy: 0.2 })).ids).toEqual(["spring"]);
    expect((await ask({ queryText: "tide -ebb", operators: true })).ids).toEqual(["spring"]);
    const whereDocument = { $contains: "moon" };
    expect((await ask({ queryText: "tide", queryEmbedding: near(9), whereDocument })).ids).toEqual(["moon"]);
  });
});

describe("cut-offs", () => {
  test("gibberish finds nothing by its words, and by its vector nothing beyond maxDistance", async () => {
    expect((await ask({ queryText: "xqzv wkjh" })).ids).toEqual([]);
    expect((await ask({ queryText: "xqzv wkjh", queryEmbedding: near(100) })).ids).toHaveLength(4);
    expect((await ask({ queryText: "xqzv wkjh", queryEmbedding: near(100), maxDistance: 50 })).ids).toEqual([]);
  });

  test("maxDistance includes what is just as far, and leaves the text branch alone", async () => {
    expect((await ask({ queryEmbedding: near(0), maxDistance: 9 })).ids).toEqual(["ebb", "moon", "spring"]);
    const { ids, dense } = await ask({ queryText: "shore", queryEmbedding: near(0), maxDistance: 0 });
    expect(ids.sort()).toEqual(["ebb", "far"]);
    expect([...dense!.ranks].sort()).toEqual([0, 1]);
  });

  test("minSparseScore includes what is just as alike, and leaves the other branches alone", async () => {
    // Each has dimension 1 with weight 1, and one of its own with weight 2.
    const sparse = { key: "terms", query: { indices: [1, 2, 5], values: [1, 1, -1] } };
    const found = async (minSparseScore?: number) => (await ask({ sparse, minSparseScore })).ids;
    expect(await found()).toEqual(["ebb", "moon", "far", "spring"]);
    expect(await found(1)).toEqual(["ebb", "moon", "far"]);
    expect(await found(1.5)).toEqual(["ebb"]);
    const beside = await ask({ sparse, minSparseScore: 4, queryText: "moon" });
    expect([beside.ids, [...beside.sparse!.ranks]]).toEqual([["moon"], [0]]);
  });

  test("no hit has less than minScore", async () => {
    const all = await ask({ queryText: "spring tide", queryEmbedding: near(0) });
    const some = await ask({ queryText: "spring tide", queryEmbedding: near(0), minScore: all.scores[1]! });
    expect(some.ids).toEqual(all.ids.slice(0, 2));
    expect(some.text!.terms).toEqual(all.text!.terms.slice(0, 2));
  });
});

/** Begins one, and the other so many turns later. */
async function apart(one: () => Promise<unknown>, other: () => Promise<unknown>, turns: number): Promise<Promise<unknown>[]> {
  const begun = one();
  for (let i = 0; i < turns; i++) await Promise.resolve();
  return [begun, other()];
}

test("all branches and columns see one moment, wherever in the search a write comes", async () => {
  const seen = new Set<string>();
  for (let turns = 0; turns < 60; turns++) {
    const [position, document] = turns % 2 === 0 ? [50, "no more"] : [0, "ebb tide"];
    const sparse = { key: "terms", query: { indices: [52], values: [1] } };
    const search = () => ask({ queryText: "tide", queryEmbedding: near(0), sparse, include: ["documents"] });
    const change = () => write(["ebb"], [position], [document], "upsert");
    // Each comes in the midst of the other, sooner or later.
    const [found, written] = turns % 4 < 2 ? await apart(search, change, turns) : (await apart(change, search, turns)).reverse();
    const { ids, documents, dense, text, sparse: alike } = (await found) as Awaited<ReturnType<typeof search>>;
    await written;
    const at = ids.indexOf("ebb");
    const expected = documents![at] === "ebb tide" ? [0, ["tide"], 0] : [2500, [], 1];
    expect([dense!.distances[at], text!.terms[at], alike!.ranks[at]]).toEqual(expected);
    seen.add(documents![at] === document ? "after" : "before");
  }
  expect([...seen].sort()).toEqual(["after", "before"]);
});

test.each<[string, Partial<HybridRequest>, RegExp]>([
  ["neither", {}, /queryText or a queryEmbedding/],
  ["only branches that count nothing", { queryText: "a", weights: { text: 0 } }, /weight above 0/],
  ["no text", { queryText: 1 as never }, /queryText/],
  ["no vector", { queryEmbedding: [1] as never }, /queryEmbedding must be a Float32Array/],
  ["an infinite vector", { queryEmbedding: near(Infinity) }, /queryEmbedding/],
  ["an unknown branch", { queryText: "a", weights: { colour: 1 } as never }, /"colour".*text, dense, sparse/],
  ["a sparse query under a key without an index", { sparse: { key: "position", query: { indices: [1], values: [1] } } }, /position/],
  ["a sparse query that is a text", { sparse: { key: "terms", query: "tide" } as never }, /sparse\.query.*embedded before/],
  ["no sparse query", { sparse: 7 as never }, /'sparse' to be an object/],
  ["indices that do not ascend", { sparse: { key: "terms", query: { indices: [2, 1], values: [1, 1] } } }, /ascend/],
  ["a negative weight", { queryText: "a", weights: { text: -1 } }, /weights\.text.*-1/],
  ["an infinite weight", { queryText: "a", weights: { dense: Infinity } }, /weights\.dense/],
  ["no weights", { queryText: "a", weights: [] as never }, /weights/],
  ["no distance", { queryText: "a", maxDistance: Number.NaN }, /maxDistance/],
  ["an infinite sparse score", { queryText: "a", minSparseScore: Infinity }, /minSparseScore must be a finite number/],
  ["a score above 1", { queryText: "a", minScore: 1.5 }, /minScore.*0 to 1/],
  ["distances", { queryText: "a", include: ["distances"] }, /distances/],
  ["no number of results", { queryText: "a", nResults: -1 }, /nResults/],
])("takes no %s", async (_, request, message) => {
  await expect(ask(request)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
});

test("a vector of another length is refused by name", async () => {
  await expect(ask({ queryEmbedding: Float32Array.of(1, 2) })).rejects.toMatchObject({ code: "DIMENSION_MISMATCH" });
});
