/** Questions whose paragraph is known, answered by full-text search and scored as in the data's own reference. */
import type { TidepoolClient } from "tidepool-db";
import { readJsonLines, readLines } from "./data.js";
import { type EvalSet, latencies, timeQueries } from "./eval-set.js";
import type { Outcome } from "./outcome.js";

interface Text {
  id: string;
  text: string;
}

export class TextSet implements EvalSet {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async ingest(client: TidepoolClient): Promise<void> {
    const corpus = await readJsonLines<Text>(`${this.name}/corpus.jsonl`);
    const collection = await client.createCollection({ name: this.name });
    await collection.add({ ids: corpus.map(({ id }) => id), documents: corpus.map(({ text }) => text) });
  }

  async evaluate(client: TidepoolClient): Promise<Outcome> {
    const queries = await readJsonLines<Text>(`${this.name}/queries.jsonl`);
    const grades = await readGrades(this.name);
    const collection = await client.getCollection({ name: this.name });
    const { answers, timesMs } = await timeQueries(queries, ({ text }) =>
      collection.searchText({ query: text, nResults: 100, include: [] }),
    );
    const judged = queries.flatMap(({ id }, q) => (grades.has(id) ? [{ ids: answers[q]!.ids, grades: grades.get(id)! }] : []));
    const mean = (score: (ids: string[], grades: Map<string, number>) => number): number =>
      judged.reduce((sum, { ids, grades }) => sum + score(ids, grades), 0) / judged.length;
    return {
      set: this.name,
      against: "searchText",
      records: await collection.count(),
      dimension: collection.dimension ?? 0,
      space: "BM25+",
      recallAt10: mean((ids, grades) => recall(ids, grades, 10)),
      ...latencies(timesMs),
      ndcgAt10: mean((ids, grades) => ndcg(ids, grades, 10)),
      recallAt100: mean((ids, grades) => recall(ids, grades, 100)),
      problems: [],
    };
  }
}

/** For each query of a set that has an answer, how good each is. */
export async function readGrades(set: string): Promise<Map<string, Map<string, number>>> {
  const grades = new Map<string, Map<string, number>>();
  for (const line of await readLines(`${set}/qrels.tsv`)) {
    const [query, document, grade] = line.split("\t") as [string, string, string];
    if (!(Number(grade) > 0)) continue;
    const known = grades.get(query) ?? new Map<string, number>();
    grades.set(query, known.set(document, Number(grade)));
  }
  return grades;
}

export function recall(ids: readonly string[], grades: ReadonlyMap<string, number>, k: number): number {
  return ids.slice(0, k).filter((id) => grades.has(id)).length / grades.size;
}

/** Linear gain, discount log2(rank + 1), ranks from 1. */
export function ndcg(ids: readonly string[], grades: ReadonlyMap<string, number>, k: number): number {
  const gain = (ordered: readonly number[]): number => ordered.slice(0, k).reduce((sum, grade, i) => sum + grade / Math.log2(i + 2), 0);
  const ideal = [...grades.values()].sort((a, b) => b - a);
  return gain(ids.map((id) => grades.get(id) ?? 0)) / gain(ideal);
}
