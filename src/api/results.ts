/** What reads return: Chroma's column-wise results, with `rows()` for those who prefer records. */
import { INCLUDE_FIELDS } from "../core/gateway/validate/values.js";
import type { QueryResponse, SearchTextResponse } from "../core/service.js";
import type { Highlight, IncludeField, Metadata, MetadataOf, RecordColumns, Scalar } from "../core/types.js";
import { toNumberArrays } from "./embeddings.js";
import { Slice } from "./slice.js";

/** The fields that a read can include, by name, as Chroma's client exports them. */
export const IncludeEnum = Object.fromEntries(INCLUDE_FIELDS.map((field) => [field, field])) as { readonly [F in IncludeField]: F };
/** One of the values of {@link IncludeEnum}. */
export type IncludeEnum = (typeof IncludeEnum)[keyof typeof IncludeEnum];

/** One record of a {@link GetResult}. Fields that were not included are `undefined`. */
export interface GetRow<TMeta extends MetadataOf<TMeta> = Metadata> {
  /** The record's id. */
  id: string;
  /** The document; `null` where the record has none. */
  document?: string | null;
  /** The embedding, as numbers that were float32. */
  embedding?: number[];
  /** The metadata; `null` where the record never had any. */
  metadata?: TMeta | null;
  /** Where the data lies elsewhere; `null` where the record does not say. */
  uri?: string | null;
}

/** One record of a {@link QueryResult}. Fields that were not included are `undefined`. */
export interface QueryRow<TMeta extends MetadataOf<TMeta> = Metadata> {
  /** The record's id. */
  id: string;
  /** The document; `null` where the record has none. */
  document?: string | null;
  /** The embedding, as numbers that were float32. */
  embedding?: number[] | null;
  /** The metadata; `null` where the record never had any. */
  metadata?: TMeta | null;
  /** Where the data lies elsewhere; `null` where the record does not say. */
  uri?: string | null;
  /** Smaller is nearer; squared for l2. */
  distance?: number | null;
}

/** One record of a {@link SearchTextResult}. Fields that were not included are `undefined`. */
export interface SearchTextRow<TMeta extends MetadataOf<TMeta> = Metadata> extends GetRow<TMeta> {
  /** Larger is better. */
  score: number;
  /** The document's terms that matched, for highlighting. */
  terms: string[];
  /** Where they stand; where `highlight` was asked for. */
  highlight?: Highlight;
}

/** What counts as a value under a metadata key: a scalar, or an element of a list. */
export type FacetValue<V> = V extends readonly (infer E)[] ? E : Extract<V, Scalar>;

/** The values of one metadata key. */
export interface Facet<V = Scalar> {
  /** The most frequent values, and how many of the records have each: most frequent first, equal ones ascending. */
  values: {
    /** With its type: `1` and `"1"` are two values. */
    value: V;
    /** Records that have it, as the value or as an element of a list. */
    count: number;
  }[];
  /** How many different values there are, also beyond the `limit`. */
  distinct: number;
  /** Records that have no value: they lack the key, or have a sparse vector under it. */
  missing: number;
}

/** What `collection.facets` returns: the values of each key that was asked for. */
export type Facets<TMeta = Metadata, K extends keyof TMeta = keyof TMeta> = { [P in K]-?: Facet<FacetValue<TMeta[P]>> };

/**
 * Records in columns, in insertion order. Columns that were not included are `[]`.
 *
 * @example
 * const result = await collection.get({ ids: ["a", "b"], include: ["documents"] });
 * for (const { id, document } of result.rows()) console.log(id, document);
 * console.log(result.ids, result.metadatas); // ["a","b"] []
 */
export class GetResult<TMeta extends MetadataOf<TMeta> = Metadata> {
  /** The ids of the records; always there. */
  declare readonly ids: string[];
  /** For each record its document; `null` where it has none. */
  declare readonly documents: (string | null)[];
  /** For each record its embedding, as numbers that were float32. */
  declare readonly embeddings: number[][];
  /** For each record its metadata; `null` where it never had any. */
  declare readonly metadatas: (TMeta | null)[];
  /** For each record its uri; `null` where it has none. */
  declare readonly uris: (string | null)[];
  /** The fields that were asked for. */
  declare readonly include: IncludeField[];

  /** Made by `collection.get` and `peek`. */
  constructor(columns: Omit<GetResult<TMeta>, "rows">) {
    Object.assign(this, columns);
  }

  /** One object per record, with the fields that were asked for. */
  rows(): GetRow<TMeta>[] {
    return this.ids.map((id, i) => row(this, this.include, i, { id }));
  }
}

/**
 * Hits of each query in columns, nearest first; equal distances in insertion order. The outer arrays have one entry per
 * query. Columns that were not included are `[]`.
 *
 * @example
 * const result = await collection.query({ queryTexts: ["tides"], nResults: 3 });
 * for (const { id, distance } of result.rows()[0] ?? []) console.log(id, distance);
 */
export class QueryResult<TMeta extends MetadataOf<TMeta> = Metadata> {
  /** For each query the ids of its hits. */
  declare readonly ids: string[][];
  /** For each query the documents; `null` for a record that has none. */
  declare readonly documents: (string | null)[][];
  /** For each query the embeddings, as numbers that were float32. */
  declare readonly embeddings: (number[] | null)[][];
  /** For each query the metadata; `null` for a record that never had any. */
  declare readonly metadatas: (TMeta | null)[][];
  /** For each query the uris; `null` for a record that has none. */
  declare readonly uris: (string | null)[][];
  /** Smaller is nearer; squared for l2. */
  declare readonly distances: (number | null)[][];
  /** The fields that were asked for. */
  declare readonly include: IncludeField[];

  /** Made by `collection.query`. */
  constructor(columns: Omit<QueryResult<TMeta>, "rows">) {
    Object.assign(this, columns);
  }

  /** For each query one object per hit, with the fields that were asked for. */
  rows(): QueryRow<TMeta>[][] {
    return this.ids.map((ids, q) => {
      const columns = Object.fromEntries(this.include.map((field) => [field, this[field][q]]));
      return ids.map((id, i) => row<QueryRow<TMeta>>(columns, this.include, i, { id }));
    });
  }
}

/**
 * Hits of a text search in columns, best first. Columns that were not included are `[]`.
 *
 * @example
 * const result = await collection.searchText({ query: "spring tide" });
 * for (const { id, score, terms } of result.rows()) console.log(id, score, terms);
 */
export class SearchTextResult<TMeta extends MetadataOf<TMeta> = Metadata> {
  /** The ids of the records; always there. */
  declare readonly ids: string[];
  /** Larger is better. */
  declare readonly scores: number[];
  /** For each hit, the document's terms that matched, for highlighting. */
  declare readonly terms: string[][];
  /** For each hit, where its terms stand; only where `highlight` was asked for. */
  declare readonly highlights?: Highlight[];
  /** The query with its unknown words corrected, `null` where there is nothing to correct; only where `suggest` was asked for. */
  declare readonly suggestion?: string | null;
  /** For each record its document; `null` where it has none. */
  declare readonly documents: (string | null)[];
  /** For each record its embedding, as numbers that were float32. */
  declare readonly embeddings: number[][];
  /** For each record its metadata; `null` where it never had any. */
  declare readonly metadatas: (TMeta | null)[];
  /** For each record its uri; `null` where it has none. */
  declare readonly uris: (string | null)[];
  /** The fields that were asked for. */
  declare readonly include: IncludeField[];

  /** Made by `collection.searchText`. */
  constructor(columns: Omit<SearchTextResult<TMeta>, "rows">) {
    Object.assign(this, columns);
  }

  /** One object per hit, with the fields that were asked for. */
  rows(): SearchTextRow<TMeta>[] {
    const { ids, scores, terms, highlights } = this;
    return ids.map((id, i) => {
      const found = { id, score: scores[i]!, terms: terms[i]! };
      return row(this, this.include, i, highlights ? { ...found, highlight: highlights[i] } : found);
    });
  }
}

/** A response's columns as results hold them: `[]` where a column was not asked for. */
export async function columns<T extends MetadataOf<T>>(response: RecordColumns) {
  const { documents, metadatas, uris, embeddings } = response;
  return {
    documents: documents ?? [],
    metadatas: (metadatas ?? []) as (T | null)[],
    uris: uris ?? [],
    embeddings: embeddings === null ? [] : await toNumberArrays(embeddings),
  };
}

type Columns = { readonly [F in IncludeField]?: readonly unknown[] | undefined };

/** One object for record `i`, with the fields that were asked for. */
export function row<TRow>(columns: Columns, include: readonly IncludeField[], i: number, start: object): TRow {
  const record: Record<string, unknown> = { ...start };
  // "documents" has the singular "document", and so with all the others.
  for (const field of include) record[field.slice(0, -1)] = columns[field]?.[i];
  return record as TRow;
}

/** Rows of several queries that follow each other in one column, `counts[q]` of them for query q, apart. */
export function perQuery<V>(column: readonly V[], counts: readonly number[]): V[][] {
  let start = 0;
  return counts.map((count) => column.slice(start, (start += count)));
}

export async function getResult<T extends MetadataOf<T>>(response: RecordColumns, include: IncludeField[]): Promise<GetResult<T>> {
  return new GetResult<T>({ ids: response.ids, ...(await columns<T>(response)), include });
}

export async function queryResult<T extends MetadataOf<T>>(response: QueryResponse, include: IncludeField[]): Promise<QueryResult<T>> {
  const { ids, distances, counts } = response;
  const all = await columns<T>(response);
  const slice = new Slice();
  const nest = async <V>(values: ArrayLike<V>, field?: IncludeField): Promise<V[][]> => {
    const nested: V[][] = [];
    let start = 0;
    for (const count of field === undefined || include.includes(field) ? counts : []) {
      nested.push(Array.from((values as V[]).slice(start, (start += count))));
      await slice.tick();
    }
    return nested;
  };
  return new QueryResult<T>({
    ids: await nest(ids),
    documents: await nest(all.documents, "documents"),
    embeddings: await nest(all.embeddings, "embeddings"),
    metadatas: await nest(all.metadatas, "metadatas"),
    uris: await nest(all.uris, "uris"),
    distances: await nest(distances ?? [], "distances"),
    include,
  });
}

export async function searchTextResult<T extends MetadataOf<T>>(
  response: SearchTextResponse,
  include: IncludeField[],
): Promise<SearchTextResult<T>> {
  return new SearchTextResult<T>({
    ids: response.ids,
    scores: Array.from(response.scores),
    terms: response.terms,
    ...(response.highlights && { highlights: response.highlights }),
    ...(response.suggestion !== undefined && { suggestion: response.suggestion }),
    ...(await columns<T>(response)),
    include,
  });
}
