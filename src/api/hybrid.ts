/** A hybrid search: its arguments as the request that is sent, and its result. Loaded when it is first called. */
import { invalidArgument, show } from "../core/errors.js";
import { validateHybrid } from "../core/gateway/validate/fusion.js";
import { readFuzzy, validateCount, validateInclude } from "../core/gateway/validate/values.js";
import type { HybridBranch, HybridRequest, HybridResponse } from "../core/service.js";
import type { IncludeField, Metadata, MetadataOf, SparseVector } from "../core/types.js";
import { CALL_LIMITS, type CallLimits, readCallLimits } from "./call-limits.js";
import { part } from "./part.js";
import { readObject } from "./read-arguments.js";
import { type Queries, type QueryRows, readQueries, readSelection, type SearchTextArguments } from "./read-requests.js";
import { columns, type GetRow, row } from "./results.js";
import type { SparseSource } from "./schema/embed-sparse.js";

/** Arguments of `collection.hybrid`. */
export interface HybridArguments<TMeta = Metadata> extends Omit<SearchTextArguments<TMeta>, "query"> {
  /**
   * What is looked for: its words in the documents; embedded by the collection's embedding function, its meaning; and, where an index
   * of sparse vectors has an embedding function, what that makes of it.
   */
  queryText?: string;
  /** Stands in place of the embedded `queryText`; without one, it alone is looked for. */
  queryEmbedding?: readonly number[] | Float32Array;
  /**
   * Under which metadata key the sparse branch looks for `queryText`. Default: the one key whose index of sparse vectors has an
   * embedding function; where several have, one must be named, and where none has, there is no sparse branch. A function that could not
   * be stored is known to the page only that gave it.
   */
  sparseKey?: string;
  /**
   * What each branch counts beside the others, finite and at least 0; one that is left out counts 1. A branch of weight 0 is not
   * asked, and needs no index and no embedding function. Where none is given that is above 0, those that are asked are weighed for
   * each query.
   */
  weights?: { [B in HybridBranch]?: number };
  /** Largest distance of what the dense branch finds. Default: none, so that it finds something for every query. */
  maxDistance?: number;
  /**
   * Smallest score of what the sparse branch finds: a dot product, as the `score` of {@link SparseReason}. Default: none, so that it
   * finds whatever has a dimension of the query's vector.
   */
  minSparseScore?: number;
  /** Smallest `score` of a hit, 0–1. Default 0. */
  minScore?: number;
}

/** Why the text branch found a record. */
export interface TextReason {
  /** Its place among what the branch found, from 1. */
  rank: number;
  /** Its BM25 score; larger is better. */
  score: number;
  /** The document's terms that matched, for highlighting. */
  terms: string[];
}

/** Why the dense branch found a record. */
export interface DenseReason {
  /** Its place among what the branch found, from 1. */
  rank: number;
  /** Smaller is nearer; squared for l2. */
  distance: number;
}

/** Why the sparse branch found a record. */
export interface SparseReason {
  /** Its place among what the branch found, from 1. */
  rank: number;
  /** The dot product with the query's sparse vector, in which rare terms count more where the index has `bm25`; larger is better. */
  score: number;
}

/** One record of a {@link HybridResult}. Fields that were not included are `undefined`. */
export interface HybridRow<TMeta extends MetadataOf<TMeta> = Metadata> extends GetRow<TMeta> {
  /** Of all branches together, 0–1; larger is better. */
  score: number;
  /** What the words of the query found in the document; `null` where that branch did not find the record. */
  text: TextReason | null;
  /** How near the vector is to the query's; `null` where that branch did not find the record. */
  dense: DenseReason | null;
  /** How alike the sparse vectors are; `null` where that branch did not find the record. */
  sparse: SparseReason | null;
}

/**
 * Hits of a hybrid search in columns, best first; equal scores in insertion order. Columns that were not included are `[]`.
 *
 * @example
 * const result = await collection.hybrid({ queryText: "spring tide" });
 * for (const { id, score, text, dense } of result.rows()) console.log(id, score, text?.terms, dense?.distance);
 */
export class HybridResult<TMeta extends MetadataOf<TMeta> = Metadata> {
  /** The ids of the records; always there. */
  declare readonly ids: string[];
  /** Of all branches together, 0–1; larger is better. */
  declare readonly scores: number[];
  /** For each hit, why the text branch found it; `null` where it did not. */
  declare readonly text: (TextReason | null)[];
  /** For each hit, why the dense branch found it; `null` where it did not. */
  declare readonly dense: (DenseReason | null)[];
  /** For each hit, why the sparse branch found it; `null` where it did not. */
  declare readonly sparse: (SparseReason | null)[];
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

  /** Made by `collection.hybrid`. */
  constructor(columns: Omit<HybridResult<TMeta>, "rows">) {
    Object.assign(this, columns);
  }

  /** One object per hit, with the fields that were asked for. */
  rows(): HybridRow<TMeta>[] {
    const { scores, text, dense, sparse } = this;
    return this.ids.map((id, i) =>
      row(this, this.include, i, { id, score: scores[i]!, text: text[i]!, dense: dense[i]!, sparse: sparse[i]! }),
    );
  }
}

/** What is sent, but for vectors: that of the dense branch is made of `queries`, that of the sparse one for `sparseKey`. */
interface ReadHybrid {
  request: Omit<HybridRequest, "collectionId" | "version" | "queryEmbedding" | "sparse">;
  queryText: string | undefined;
  /** `null`: there is no dense branch. */
  queries: Queries | null;
  /** `null`: there is no sparse branch. */
  sparseKey: string | null;
  within: CallLimits;
}

const SEARCHED = "queryText queryEmbedding nResults where whereDocument include prefix fuzzy operators";
const FIELDS = `${SEARCHED} sparseKey weights maxDistance minSparseScore minScore ${CALL_LIMITS}`;

export function readHybrid(args: HybridArguments, sparse: SparseSource): ReadHybrid {
  const given = readObject(args, "hybrid", FIELDS);
  const { queryText, queryEmbedding, nResults = 10, include = ["metadatas", "documents"], prefix = false, fuzzy = false } = given;
  const { where, whereDocument, operators } = given;
  const cuts = { weights: given.weights, maxDistance: given.maxDistance, minSparseScore: given.minSparseScore, minScore: given.minScore };
  validateCount(nResults, "nResults");
  validateInclude(include, "distances");
  validateHybrid(cuts);
  if (queryText !== undefined && typeof queryText !== "string") throw invalidArgument(`queryText must be a string, got ${show(queryText)}`);
  for (const [name, value] of Object.entries({ prefix, operators }))
    if (value !== undefined && typeof value !== "boolean") throw invalidArgument(`${name} must be true or false, got ${show(value)}`);
  const asks = branchesOf(given, embeddingKeys(sparse));
  const flags = { prefix, fuzzy: readFuzzy(fuzzy), operators };
  return {
    request: { queryText: asks.text, nResults, include, ...cuts, ...flags, ...readSelection({ where, whereDocument }) },
    queryText,
    queries: asks.dense ? queriesOf(queryText, queryEmbedding) : null,
    sparseKey: asks.sparseKey,
    within: readCallLimits(given),
  };
}

interface Asked extends Pick<ReadHybrid, "sparseKey"> {
  text: string | undefined;
  dense: boolean;
}

/** Which branches there are; `keys` are those whose sparse index embeds texts. */
function branchesOf(given: HybridArguments, keys: string[]): Asked {
  const { queryText, queryEmbedding, weights } = given;
  const text = weights?.text === 0 ? undefined : queryText;
  const dense = weights?.dense !== 0 && (queryText !== undefined || queryEmbedding !== undefined);
  const sparseKey = sparseKeyOf(given, keys);
  if (text !== undefined || dense || sparseKey !== null) return { text, dense, sparseKey };
  throw invalidArgument("hybrid needs a queryText or a queryEmbedding whose branch has a weight above 0");
}

/** The keys whose index has a function that embeds texts: of the page's own, or stored, whether or not it can be built here. */
function embeddingKeys({ schema, given }: SparseSource): string[] {
  return Object.entries(schema.keys).flatMap(([key, { sparse_vector }]) => {
    const { enabled, config } = sparse_vector?.sparse_vector_index ?? {};
    return enabled && (given?.has(key) || config?.embedding_function?.type === "known") ? [key] : [];
  });
}

/** The vector of a text under a key. */
async function embedSparse(source: SparseSource, key: string, text: string): Promise<{ key: string; query: SparseVector }> {
  const { embedSparseQueries } = await part(import("./schema/embed-sparse.js"));
  const [query] = await embedSparseQueries(source, key, [text]);
  return { key, query: query! };
}

function sparseKeyOf({ queryText, sparseKey, weights }: HybridArguments, keys: string[]): string | null {
  const weight = weights?.sparse;
  const known = keys.map(show).join(", ");
  if (sparseKey !== undefined && !keys.includes(sparseKey)) {
    const allowed = keys.length === 0 ? "no key has one" : `it may be ${known}`;
    throw invalidArgument(`sparseKey must be a key whose sparse index has an embedding function, got ${show(sparseKey)}; ${allowed}`);
  }
  if (weight && keys.length === 0)
    throw invalidArgument(`weights.sparse is ${weight}, but the collection has no sparse index with an embedding function`);
  if (queryText === undefined || weight === 0) return null;
  if (sparseKey === undefined && keys.length > 1)
    throw invalidArgument(`hybrid needs a sparseKey, one of ${known}, or weights.sparse 0: each has a sparse index that embeds texts`);
  return sparseKey ?? keys[0] ?? null;
}

/** The vectors that a search is asked by, made at one time. */
export async function embedHybrid(
  { queryText, queries, sparseKey }: ReadHybrid,
  embed: (queries: Queries) => Promise<QueryRows>,
  source: SparseSource,
): Promise<Pick<HybridRequest, "queryEmbedding" | "sparse">> {
  const [rows, sparse] = await Promise.all([
    queries && embed(queries),
    sparseKey === null ? undefined : embedSparse(source, sparseKey, queryText!),
  ]);
  return { queryEmbedding: rows?.values, sparse };
}

function queriesOf(queryText: string | undefined, queryEmbedding: HybridArguments["queryEmbedding"]): Queries {
  if (queryEmbedding === undefined) return [queryText!];
  if (!Array.isArray(queryEmbedding) && !(queryEmbedding instanceof Float32Array))
    throw invalidArgument(`queryEmbedding must be an array of numbers or a Float32Array, got ${show(queryEmbedding)}`);
  return readQueries({ queryEmbeddings: [queryEmbedding] });
}

export async function hybridResult<T extends MetadataOf<T>>(response: HybridResponse, include: IncludeField[]): Promise<HybridResult<T>> {
  const { ids, scores, text, dense, sparse } = response;
  const { ranks: textRanks, scores: textScores, terms } = text ?? {};
  return new HybridResult<T>({
    ids,
    scores: Array.from(scores),
    text: ids.map((_, i) => (textRanks?.[i] ? { rank: textRanks[i]!, score: textScores![i]!, terms: terms![i]! } : null)),
    dense: ids.map((_, i) => (dense?.ranks[i] ? { rank: dense.ranks[i]!, distance: dense.distances[i]! } : null)),
    sparse: ids.map((_, i) => (sparse?.ranks[i] ? { rank: sparse.ranks[i]!, score: sparse.scores[i]! } : null)),
    ...(await columns<T>(response)),
    include,
  });
}
