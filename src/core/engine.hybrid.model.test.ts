/**
 * Whatever becomes of a collection, a hybrid search of it, or of what it was, is what its branches find when they are asked one by one,
 * put together plainly.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { TestEnvironment } from "../testing/environment.js";
import { FaultInjectingStorage } from "../testing/fault-injecting-storage.js";
import { openedEngine } from "../testing/opened-engines.js";
import type { Engine } from "./engine.js";
import { limits } from "./limits.js";
import { chance, denseShare } from "./query-executor/operators/fuse.js";
import type { HybridBranch, HybridRequest } from "./service.js";
import type { SparseVector } from "./types.js";

const SCHEMA = { keys: { terms: { sparse_vector: { sparse_vector_index: { enabled: true, config: { bm25: true } } } } } };
/** Some words have two forms. */
const VOCABULARY = "tide ebb moon spring pool shore crab weed rock sand neap wave tidé ébb crâb".split(" ");
const sentence = (maxLength: number) => fc.array(fc.constantFrom(...VOCABULARY), { maxLength }).map((list) => list.join(" "));
const words = sentence(5);
/** Vectors count more than their least only where many words are found. */
const queryText = fc.oneof(
  sentence(3),
  fc.shuffledSubarray(VOCABULARY, { minLength: 8 }).map((list) => list.join(" ")),
);
const sparse = fc
  .uniqueArray(fc.record({ index: fc.nat(5), value: fc.constantFrom(-1, 0.5, 1, 2) }), { selector: ({ index }) => index, maxLength: 4 })
  .map((entries): SparseVector => {
    const ascending = entries.toSorted((a, b) => a.index - b.index);
    return { indices: ascending.map(({ index }) => index), values: ascending.map(({ value }) => value) };
  });
const record = fc.record({ id: fc.nat(30).map((n) => `r${n}`), position: fc.nat(9), words, sparse });
const step = fc.oneof(
  { weight: 5, arbitrary: fc.uniqueArray(record, { selector: ({ id }) => id, minLength: 1, maxLength: 12 }) },
  { weight: 2, arbitrary: fc.constantFrom("compact" as const, "reopen" as const, "fork" as const) },
);
const weight = fc.constantFrom(undefined, 0, 1, 3);
const question = fc.record({
  queryText: fc.option(queryText, { nil: undefined, freq: 8 }),
  position: fc.option(fc.nat(9), { freq: 8 }),
  sparse: fc.option(sparse, { freq: 8 }),
  weights: fc.option(fc.record({ text: weight, dense: weight, sparse: weight }), { nil: undefined }),
  maxDistance: fc.option(fc.nat(20), { nil: undefined }),
  minSparseScore: fc.option(fc.integer({ min: -2, max: 4 }), { nil: undefined }),
  below: fc.option(fc.nat(9), { freq: 3 }),
});

interface Branch {
  name: HybridBranch;
  /** Of a branch of text. */
  terms?: string[][];
  ids: string[];
  /** Descending. */
  values: number[];
}

/** A collection as it is, or as it was. */
type Asked = Pick<HybridRequest, "collectionId" | "version">;

/** The most that a document could score by a query's words, how much of that is by unknown ones, and among how many documents. */
interface Most {
  ceiling: number;
  unknown: number;
  documents: number;
}

async function mostOf({ service }: Engine, asked: Asked, query: string): Promise<Most> {
  const { documents } = await service.get({ ...asked, include: ["documents"] });
  const known = documents!.map((document) => new Set(wordsOf(document!)));
  const rarities = wordsOf(query).map((word) => {
    const containing = known.filter((words) => words.has(word)).length;
    return { containing, most: 2.2 * Math.log(1 + (known.length - containing + 0.5) / (containing + 0.5)) };
  });
  const total = (list: typeof rarities) => list.reduce((sum, { most }) => sum + most, 0);
  const ceiling = total(rarities);
  const unknown = total(rarities.filter(({ containing }) => containing === 0)) / ceiling;
  return { ceiling, unknown, documents: known.length };
}

function wordsOf(text: string): string[] {
  return withoutMarks(text)
    .split(" ")
    .filter((word) => word !== "");
}

/** What each branch that is asked finds by itself. */
async function branchesOf({ service }: Engine, asked: Asked, request: Omit<HybridRequest, keyof Asked>): Promise<Branch[]> {
  const { queryText, queryEmbedding, sparse, weights = {}, maxDistance = Infinity, minSparseScore = -Infinity, where } = request;
  const selected = { ...asked, nResults: 100, include: [], ...(where && { where }) };
  const branches: Branch[] = [];
  if (queryText !== undefined && weights.text !== 0) {
    const { ids, scores, terms } = await service.searchText({ ...selected, query: queryText, prefix: false, fuzzy: 0 });
    branches.push({ name: "text", ids, terms, values: [...scores] });
  }
  if (queryEmbedding && weights.dense !== 0) {
    const queryEmbeddings = { dimension: 1, values: queryEmbedding };
    const { ids, distances } = await service.query({ ...selected, queryEmbeddings, include: ["distances"] });
    const near = ids.filter((_, i) => distances![i]! <= maxDistance);
    branches.push({ name: "dense", ids: near, values: [...distances!].slice(0, near.length).map((distance) => -distance) });
  }
  if (sparse && weights.sparse !== 0) {
    const rank = { $knn: { key: sparse.key, query: sparse.query, limit: 100 } };
    const search = { rank, limit: { limit: 100 }, select: { keys: ["#score"] }, ...(where && { filter: where }) };
    const [found] = await service.search({ ...asked, searches: [search] });
    const values = [...found!.scores!].map((score) => 1 - score).filter((score) => score >= minSparseScore);
    branches.push({ name: "sparse", ids: found!.ids.slice(0, values.length), values });
  }
  return branches;
}

/** What a branch gives a record, of 1. */
function share({ ids, values }: Branch, id: string): number {
  const at = ids.indexOf(id);
  if (at === -1) return 0;
  const [first, last] = [values[0]!, values.at(-1)!];
  return (0.2 * 21) / (21 + at) + 0.8 * (first === last ? 1 : (values[at]! - last) / (first - last));
}

function withoutMarks(form: string): string {
  return form.normalize("NFD").replace(/\p{M}/gu, "");
}

type Weights = NonNullable<HybridRequest["weights"]>;

/** What the branches count: as given, or where nothing is, by what they found. */
function weightsOf(branches: Branch[], given: Weights, most: Most): Weights {
  if (Object.values(given).some((weight) => weight !== undefined && weight > 0)) return given;
  const found = (name: HybridBranch) => branches.find((branch) => branch.name === name && branch.ids.length > 0);
  const [text, dense, sparse] = [found("text"), found("dense"), found("sparse")];
  if (!text || !dense) return { text: text ? 1 : 0, dense: dense ? 1 : 0, sparse: sparse ? 1 : 0 };
  const at = dense.ids.indexOf((sparse ?? text).ids[0]!);
  const asIfMeant = denseShare(new Set(text.terms!.flat().map(withoutMarks)).size, at === -1 ? limits.hybridCandidates + 1 : at + 1);
  const share = 1 - (1 - asIfMeant) * (1 - chance({ values: text.values, ...most }));
  return { dense: share, text: 1 - share, sparse: sparse ? 1 - share : 0 };
}

async function write({ service }: Engine, collectionId: string, records: (typeof record extends fc.Arbitrary<infer R> ? R : never)[]) {
  const embeddings = { dimension: 1, values: Float32Array.from(records, ({ position }) => position), present: null };
  await service.write({
    collectionId,
    operation: "upsert",
    records: {
      ids: records.map(({ id }) => id),
      embeddings,
      documents: records.map(({ words }) => words),
      metadatas: records.map(({ position, sparse }) => ({ position, terms: sparse })),
      uris: null,
    },
  });
}

const options = { retainVersions: 3 };

test("branches, reasons and scores", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 8 }),
      fc.array(question, { minLength: 1, maxLength: 6 }),
      async (steps, questions) => {
        let storage = new FaultInjectingStorage();
        // One for all openings, so that it gives no id twice.
        const environment = new TestEnvironment();
        let engine = await openedEngine(storage, { environment, options });
        const named = { tenant: "default_tenant", database: "default_database", name: "sea", metadata: null, configuration: {} };
        const collectionIds = [(await engine.service.createCollection({ ...named, schema: SCHEMA, getOrCreate: false })).id];
        for (const what of steps) {
          const collectionId = collectionIds.at(-1)!;
          if (what === "compact") await engine.compact(collectionId);
          else if (what === "fork") {
            const fork = { collectionId, name: `sea-${collectionIds.length}` };
            collectionIds.push((await engine.service.forkCollection(fork)).id);
          } else if (what !== "reopen") await write(engine, collectionId, what);
          else {
            await engine.close();
            storage = storage.reopen();
            engine = await openedEngine(storage, { environment, options });
          }
        }
        for (const collectionId of collectionIds) {
          const versions = await engine.service.listVersions({ collectionId });
          const asked = [{ collectionId }, ...versions.map(({ version }) => ({ collectionId, version }))];
          for (const [i, question] of questions.entries()) await check(engine, asked[i % asked.length]!, question);
        }
        await engine.close();
      },
    ),
    { numRuns: 60 },
  );
});

type Question = typeof question extends fc.Arbitrary<infer Q> ? Q : never;

async function check(engine: Engine, asked: Asked, { position, sparse, below, ...cuts }: Question): Promise<void> {
  const request = {
    ...cuts,
    nResults: 100,
    include: [],
    prefix: false,
    fuzzy: 0,
    ...(position !== null && { queryEmbedding: Float32Array.of(position) }),
    ...(sparse !== null && { sparse: { key: "terms", query: sparse } }),
    ...(below !== null && { where: { position: { $lt: below } } }),
  };
  const branches = await branchesOf(engine, asked, request);
  const found = engine.service.hybrid({ ...asked, ...request });
  if (branches.length === 0) return expect(found).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  const { ids, scores, ...reasons } = await found;
  expect([...ids].sort()).toEqual([...new Set(branches.flatMap((branch) => branch.ids))].sort());
  expect([...scores]).toEqual([...scores].sort((a, b) => b - a));
  for (const name of ["text", "dense", "sparse"] as const) {
    const branch = branches.find((branch) => branch.name === name);
    if (branch === undefined) expect(reasons[name]).toBeNull();
    else expect([...reasons[name]!.ranks]).toEqual(ids.map((id) => branch.ids.indexOf(id) + 1));
  }
  const weights = weightsOf(branches, cuts.weights ?? {}, await mostOf(engine, asked, cuts.queryText ?? ""));
  const whole = branches.reduce((sum, { name }) => sum + (weights[name] ?? 1), 0);
  const scoreOf = (id: string) => branches.reduce((sum, branch) => sum + ((weights[branch.name] ?? 1) / whole) * share(branch, id), 0);
  expect([...scores]).toEqual(ids.map((id) => expect.closeTo(scoreOf(id), 6)));
}
