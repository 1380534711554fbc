/**
 * Records with metadata and documents, searched under filters. Each filter stands beside a plain function that says the
 * same in JavaScript, written by hand from Chroma's semantics: nothing here interprets a `where`.
 */
import type { Collection, Metadata, TidepoolClient, Where, WhereDocument } from "tidepool-db";
import { type EvalSet, latencies, timeQueries } from "./eval-set.js";
import { judgeHits, kthDistance, rowOf, type Vectors } from "./exact-search.js";
import type { Outcome } from "./outcome.js";

const K = 10;

export interface FilterCase<TRecord> {
  where?: Where;
  whereDocument?: WhereDocument;
  keep(record: TRecord): boolean;
}

export interface LoadedRecords<TRecord> {
  records: TRecord[];
  metadatas: (Metadata | null)[];
  documents: string[] | null;
  base: Vectors;
  /** Given to the collection; `null` when it has to embed the documents by itself. */
  embeddings: Float32Array | null;
  queries: Vectors;
  /** Asked instead of the vectors, which they must embed to. */
  queryTexts: string[] | null;
}

export class FilterSet<TRecord> implements EvalSet {
  readonly name: string;
  readonly #load: () => Promise<LoadedRecords<TRecord>>;
  readonly #cases: readonly FilterCase<TRecord>[];
  #loaded: Promise<LoadedRecords<TRecord>> | null = null;

  constructor(name: string, load: () => Promise<LoadedRecords<TRecord>>, cases: readonly FilterCase<TRecord>[]) {
    this.name = name;
    this.#load = load;
    this.#cases = cases;
  }

  #records(): Promise<LoadedRecords<TRecord>> {
    return (this.#loaded ??= this.#load());
  }

  async ingest(client: TidepoolClient): Promise<void> {
    const { records, metadatas, documents, embeddings } = await this.#records();
    const collection = await client.createCollection({
      name: this.name,
      ...(embeddings === null ? {} : { embeddingFunction: null }),
      configuration: { hnsw: { space: "cosine" } },
    });
    const ids = records.map((_, row) => String(row));
    await collection.add({ ids, metadatas, ...(documents === null ? {} : { documents }), ...(embeddings === null ? {} : { embeddings }) });
  }

  async evaluate(client: TidepoolClient): Promise<Outcome> {
    const loaded = await this.#records();
    const collection = await client.getCollection({ name: this.name });
    const problems: string[] = [];
    const timesMs: number[] = [];
    let recallAt10 = 1;
    for (const filter of this.#cases) {
      const judged = await judgeCase(collection, loaded, filter);
      recallAt10 = Math.min(recallAt10, judged.recall);
      timesMs.push(...judged.timesMs);
      const { where, whereDocument } = filter;
      problems.push(...judged.problems.map((problem) => `${JSON.stringify({ where, whereDocument })}: ${problem}`));
    }
    const { records, base } = loaded;
    return {
      set: this.name,
      against: `${this.#cases.length} filters`,
      records: records.length,
      dimension: base.dimension,
      space: "cosine",
      recallAt10,
      ...latencies(timesMs),
      problems,
    };
  }
}

interface Judged {
  recall: number;
  timesMs: number[];
  problems: string[];
}

async function judgeCase<TRecord>(collection: Collection, loaded: LoadedRecords<TRecord>, filter: FilterCase<TRecord>): Promise<Judged> {
  const { records, base, queries, queryTexts } = loaded;
  const { where, whereDocument } = filter;
  const rows = records.flatMap((record, row) => (filter.keep(record) ? [row] : []));
  const problems =
    rows.length === 0 || rows.length === records.length ? ["the plain filter selects nothing or everything, which proves nothing"] : [];
  const { ids } = await collection.get({ where, whereDocument, include: [] });
  if (!sameRows(ids, rows))
    problems.push(
      `get returns ${ids.length} records, the plain filter ${rows.length}` +
        (ids.length === rows.length ? " others, or in another order" : ""),
    );
  const numbers = Array.from({ length: queries.values.length / queries.dimension }, (_, q) => q);
  const { answers, timesMs } = await timeQueries(numbers, (q) =>
    collection.query({
      ...(queryTexts === null ? { queryEmbeddings: rowOf(queries, q) } : { queryTexts: [queryTexts[q]!] }),
      nResults: K,
      where,
      whereDocument,
    }),
  );
  const kept = new Set(rows);
  let recall = 0;
  for (const [q, { ids, distances }] of answers.entries()) {
    const query = rowOf(queries, q);
    const hits = ids[0]!.map((id, i) => ({ row: Number(id), distance: distances[0]![i]! }));
    const kth = kthDistance("cosine", base, rows, query, K);
    const judged = judgeHits(hits, {
      space: "cosine",
      base,
      query,
      kth,
      expected: Math.min(K, rows.length),
      allowed: (row) => kept.has(row),
    });
    recall += judged.recall / answers.length;
    problems.push(...judged.problems.map((problem) => `query ${q}: ${problem}`));
  }
  return { recall: Math.round(recall * 1e9) / 1e9, timesMs, problems };
}

function sameRows(ids: readonly string[], rows: readonly number[]): boolean {
  return ids.length === rows.length && ids.every((id, i) => Number(id) === rows[i]);
}
