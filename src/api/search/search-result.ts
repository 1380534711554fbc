/** What a search returns. */
import type { Metadata, MetadataOf } from "../../core/types.js";

const FIELDS = ["document", "embedding", "metadata", "score"] as const;

/** One record of a {@link SearchResult}. Fields that were not selected, or that the record lacks, are not there. */
export interface SearchResultRow<TMeta extends MetadataOf<TMeta> = Metadata> {
  /** The record's id. */
  id: string;
  /** The document, where `K.DOCUMENT` was selected. */
  document?: string | null;
  /** The embedding, where `K.EMBEDDING` was selected. */
  embedding?: number[] | null;
  /** All metadata, or the selected keys of it. */
  metadata?: TMeta | null;
  /** Smaller is better. */
  score?: number | null;
}

/**
 * Hits of each search in columns, best first; equal scores in insertion order. The outer arrays have one entry per search;
 * a column that a search did not select is `null`.
 *
 * @example
 * import { K, Knn, Search } from "tidepool-db";
 * const result = await collection.search(new Search().rank(Knn({ query: "moon" })).select(K.SCORE));
 * for (const { id, score } of result.rows()[0] ?? []) console.log(id, score);
 */
export class SearchResult<TMeta extends MetadataOf<TMeta> = Metadata> {
  /** For each search the ids of its hits. */
  declare readonly ids: string[][];
  /** For each search the documents; `null` for a record that has none. */
  declare readonly documents: ((string | null)[] | null)[];
  /** For each search the embeddings, as numbers that were float32. */
  declare readonly embeddings: ((number[] | null)[] | null)[];
  /** For each search the metadata, all or the selected keys; `null` for a record that never had any. */
  declare readonly metadatas: ((TMeta | null)[] | null)[];
  /** Smaller is better; `null` where a rank is no number. */
  declare readonly scores: ((number | null)[] | null)[];
  /** The keys that each search selected. */
  declare readonly select: string[][];

  /** Made by `collection.search`. */
  constructor(columns: Omit<SearchResult<TMeta>, "rows">) {
    Object.assign(this, columns);
  }

  /** For each search one object per hit. */
  rows(): SearchResultRow<TMeta>[][] {
    return this.ids.map((ids, s) =>
      ids.map((id, i) => {
        const row: Record<string, unknown> = { id };
        for (const field of FIELDS) {
          const value = this[`${field}s`][s]?.[i];
          if (value != null) row[field] = value;
        }
        return row as unknown as SearchResultRow<TMeta>;
      }),
    );
  }
}
