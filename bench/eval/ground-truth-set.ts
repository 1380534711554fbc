/** Real embeddings with the exact neighbours that came with them. */
import type { TidepoolClient } from "tidepool-db";
import { readFloats, readJson } from "./data.js";
import { type EvalSet, latencies, timeQueries } from "./eval-set.js";
import { type EvalSpace, judgeHits, rowOf, type Vectors } from "./exact-search.js";
import type { Outcome } from "./outcome.js";

const K = 10;

interface Meta {
  n: number;
  dim: number;
  n_queries: number;
  k: number;
  metric: EvalSpace;
}

export class GroundTruthSet implements EvalSet {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async ingest(client: TidepoolClient): Promise<void> {
    const { n, metric } = await this.#meta();
    const collection = await client.createCollection({
      name: this.name,
      embeddingFunction: null,
      configuration: { hnsw: { space: metric } },
    });
    const ids = Array.from({ length: n }, (_, row) => String(row));
    await collection.add({ ids, embeddings: await readFloats(`${this.name}/base.f32`) });
  }

  async evaluate(client: TidepoolClient): Promise<Outcome> {
    const { n, dim: dimension, metric: space, n_queries, k } = await this.#meta();
    const base: Vectors = { dimension, values: await readFloats(`${this.name}/base.f32`) };
    const queries: Vectors = { dimension, values: await readFloats(`${this.name}/queries.f32`) };
    const scores = await readFloats(`${this.name}/gt.scores.f32`);
    const collection = await client.getCollection({ name: this.name });
    const rows = Array.from({ length: n_queries }, (_, q) => q);
    const { answers, timesMs } = await timeQueries(rows, (q) => collection.query({ queryEmbeddings: rowOf(queries, q), nResults: K }));
    let found = 0;
    const problems: string[] = [];
    for (const [q, { ids, distances }] of answers.entries()) {
      const hits = ids[0]!.map((id, i) => ({ row: Number(id), distance: distances[0]![i]! }));
      const score = scores[q * k + K - 1]!;
      const kth = space === "cosine" ? 1 - score : score;
      const judged = judgeHits(hits, { space, base, query: rowOf(queries, q), kth, expected: K, allowed: () => true });
      found += judged.recall;
      problems.push(...judged.problems.map((problem) => `query ${q}: ${problem}`));
    }
    const count = await collection.count();
    if (count !== n) problems.push(`${count} records, not ${n}`);
    return {
      set: this.name,
      against: "ground truth",
      records: n,
      dimension,
      space,
      recallAt10: found / n_queries,
      ...latencies(timesMs),
      problems,
    };
  }

  #meta(): Promise<Meta> {
    return readJson<Meta>(`${this.name}/meta.json`);
  }
}
