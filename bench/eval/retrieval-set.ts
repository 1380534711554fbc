/**
 * A set of texts and questions with judgements, asked in every way that there is: BM25 as sparse vectors, full text, vectors that come
 * with the set, and the hybrids of the last two and of all three. Each set is written once.
 */
import {
  Bm25EmbeddingFunction,
  type Collection,
  K,
  Knn,
  Schema,
  Search,
  SparseVectorIndexConfig,
  type TidepoolClient,
  VectorIndexConfig,
} from "tidepool-db";
import { mean, standardError } from "../statistics.js";
import { readFloats, readJson, readJsonLines } from "./data.js";
import { latencies, timeQueries } from "./eval-set.js";
import { BRANCHES, type Hybrid, METHODS, type Method, type RetrievalOutcome } from "./retrieval-outcome.js";
import { ndcg, readGrades, recall } from "./text-set.js";

interface Text {
  id: string;
  title?: string;
  text: string;
}

/** Files of vectors: of the documents and of the queries. */
const VECTORS = {
  lsa: ["docs.lsa.f32", "queries.lsa.f32"],
  minilm: ["docs.minilm.f32", "queries.minilm-mapped.f32"],
} as const;

const FOUND = 100;
const SPARSE_KEY = "bm25";

export class RetrievalSet {
  readonly name: string;
  readonly #folder: string;
  readonly #vectors: keyof typeof VECTORS | null;
  readonly #isStemmed: boolean;

  constructor(folder: string, vectors: keyof typeof VECTORS | null = null, { isStemmed = false } = {}) {
    this.name = `${vectors === "minilm" ? `${folder}-minilm` : folder}${isStemmed ? "-stemmed" : ""}`;
    this.#folder = folder;
    this.#vectors = vectors;
    this.#isStemmed = isStemmed;
  }

  async ingest(client: TidepoolClient): Promise<void> {
    const corpus = await readJsonLines<Text>(`${this.#folder}/corpus.jsonl`);
    const embeddingFunction = new Bm25EmbeddingFunction();
    const schema = new Schema()
      .createIndex(new VectorIndexConfig({ space: "cosine" }))
      .createIndex(new SparseVectorIndexConfig({ embeddingFunction, sourceKey: K.DOCUMENT.name, bm25: true }), SPARSE_KEY);
    const configuration = this.#isStemmed ? { text: { stemming: "english" as const } } : undefined;
    const collection = await client.createCollection({ name: this.name, schema, configuration, embeddingFunction: null });
    await collection.add({
      ids: corpus.map(({ id }) => id),
      documents: corpus.map(({ title, text }) => (title ? `${title} ${text}` : text)),
      // A record has a vector; one number, the same for all, where the set has none.
      embeddings:
        this.#vectors === null ? new Float32Array(corpus.length).fill(1) : await readFloats(`${this.#folder}/${VECTORS[this.#vectors][0]}`),
    });
  }

  async evaluate(client: TidepoolClient): Promise<RetrievalOutcome> {
    const collection = await client.getCollection({ name: this.name, embeddingFunction: null });
    const grades = await readGrades(this.#folder);
    const all = await readJsonLines<Text>(`${this.#folder}/queries.jsonl`);
    const vectors = this.#vectors === null ? null : await readFloats(`${this.#folder}/${VECTORS[this.#vectors][1]}`);
    const dimension = vectors === null ? 0 : vectors.length / all.length;
    const queries = all
      .map((query, q) => ({ ...query, vector: vectors?.slice(q * dimension, (q + 1) * dimension) }))
      .filter(({ id }) => grades.has(id));
    const methods: RetrievalOutcome["methods"] = {};
    const byQuestion = new Map<Method, number[]>();
    for (const method of METHODS) {
      if (vectors === null && method !== "sparse" && method !== "fullText") continue;
      const { answers, timesMs } = await timeQueries(queries, (query) => ask(collection, method, query));
      const scores = (score: (ids: string[], of: Map<string, number>, k: number) => number, k: number): number[] =>
        queries.map(({ id }, q) => score(answers[q]!, grades.get(id)!, k));
      byQuestion.set(method, scores(ndcg, 10));
      methods[method] = { ndcgAt10: mean(byQuestion.get(method)!), recallAt100: mean(scores(recall, FOUND)), ...latencies(timesMs) };
    }
    const { reference_ndcg10: reference } = await readJson<{ reference_ndcg10: Record<string, number> }>(`${this.#folder}/meta.json`);
    const described = { set: this.name, records: await collection.count(), queries: queries.length, vectors: this.#vectors };
    return { ...described, isStemmed: this.#isStemmed, methods, beside: besideBranches(byQuestion), reference };
  }
}

function besideBranches(byQuestion: ReadonlyMap<Method, number[]>): RetrievalOutcome["beside"] {
  const beside: RetrievalOutcome["beside"] = {};
  for (const [hybrid, branches] of Object.entries(BRANCHES) as [Hybrid, readonly Method[]][]) {
    const own = byQuestion.get(hybrid);
    if (own === undefined) continue;
    const [best, ...others] = branches.map((branch) => ({ branch, scores: byQuestion.get(branch)! }));
    const { branch, scores } = others.reduce((best, other) => (mean(other.scores) > mean(best.scores) ? other : best), best!);
    const differences = own.map((score, q) => score - scores[q]!);
    beside[hybrid] = { branch, difference: mean(differences), standardError: standardError(differences) };
  }
  return beside;
}

async function ask(
  collection: Collection,
  method: Method,
  { text, vector }: { text: string; vector: Float32Array | undefined },
): Promise<string[]> {
  const common = { nResults: FOUND, include: [] };
  switch (method) {
    case "sparse": {
      const rank = Knn({ query: text, key: SPARSE_KEY, limit: FOUND });
      return (await collection.search(new Search().rank(rank).limit(FOUND))).ids[0]!;
    }
    case "fullText":
      return (await collection.searchText({ query: text, ...common })).ids;
    case "dense":
      return (await collection.query({ queryEmbeddings: [vector!], ...common })).ids[0]!;
    case "hybrid":
      return (await collection.hybrid({ queryText: text, queryEmbedding: vector!, weights: { sparse: 0 }, ...common })).ids;
    case "hybridOfThree":
      return (await collection.hybrid({ queryText: text, queryEmbedding: vector!, ...common })).ids;
  }
}
