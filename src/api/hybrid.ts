/** A hybrid search: its arguments as the request that is sent, and its result. Loaded when it is first called. */
import { invalidArgument, show } from "../core/errors.js";
import { validateHybrid } from "../core/gateway/validate/fusion.js";
import { readFuzzy, validateCount, validateInclude } from "../core/gateway/validate/values.js";
import type { HybridBranch, HybridRequest, HybridResponse } from "../core/service.js";
import type { IncludeField, Metadata, MetadataOf } from "../core/types.js";
import { CALL_LIMITS, type CallLimits, readCallLimits } from "./call-limits.js";
import { readObject } from "./read-arguments.js";
import { type Queries, readQueries, readSelection, type SearchTextArguments } from "./read-requests.js";
import { columns, type GetRow, row } from "./results.js";

/** Arguments of `collection.hybrid`. */
export interface HybridArguments<TMeta = Metadata> extends Omit<SearchTextArguments<TMeta>, "query"> {
  /** What is looked for: its words in the documents, and, embedded by the collection's embedding function, its meaning. */
  queryText?: string;
  /** Stands in place of the embedded `queryText`; without one, it alone is looked for. */
  queryEmbedding?: readonly number[] | Float32Array;
  /**
   * What each branch counts beside the other, finite and at least 0; one that is left out counts 1. A branch of weight 0 is not
   * asked, and needs no index and no embedding function.
   */
  weights?: { [B in HybridBranch]?: number };
  /** Largest distance of what the dense branch finds. Default: none, so that it finds something for every query. */
  maxDistance?: number;
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

/** One record of a {@link HybridResult}. Fields that were not included are `undefined`. */
export interface HybridRow<TMeta extends MetadataOf<TMeta> = Metadata> extends GetRow<TMeta> {
  /** Of all branches together, 0–1; larger is better. */
  score: number;
  /** What the words of the query found in the document; `null` where that branch did not find the record. */
  text: TextReason | null;
  /** How near the vector is to the query's; `null` where that branch did not find the record. */
  dense: DenseReason | null;
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
    const { scores, text, dense } = this;
    return this.ids.map((id, i) => row(this, this.include, i, { id, score: scores[i]!, text: text[i]!, dense: dense[i]! }));
  }
}

/** What is sent, but for the embedding, which is made of `queries`; `null`: there is no dense branch. */
interface ReadHybrid {
  request: Omit<HybridRequest, "collectionId" | "version" | "queryEmbedding">;
  queries: Queries | null;
  within: CallLimits;
}

const SEARCHED = "queryText queryEmbedding nResults where whereDocument include prefix fuzzy operators";
const FIELDS = `${SEARCHED} weights maxDistance minScore ${CALL_LIMITS}`;

export function readHybrid(args: HybridArguments): ReadHybrid {
  const given = readObject(args, "hybrid", FIELDS);
  const { queryText, queryEmbedding, nResults = 10, include = ["metadatas", "documents"], prefix = false, fuzzy = false } = given;
  const { where, whereDocument, operators } = given;
  const cuts = { weights: given.weights, maxDistance: given.maxDistance, minScore: given.minScore };
  validateCount(nResults, "nResults");
  validateInclude(include, "distances");
  validateHybrid(cuts);
  if (queryText !== undefined && typeof queryText !== "string") throw invalidArgument(`queryText must be a string, got ${show(queryText)}`);
  for (const [name, value] of Object.entries({ prefix, operators }))
    if (value !== undefined && typeof value !== "boolean") throw invalidArgument(`${name} must be true or false, got ${show(value)}`);
  const asks = branchesOf(given);
  const flags = { prefix, fuzzy: readFuzzy(fuzzy), operators };
  return {
    request: { queryText: asks.text, nResults, include, ...cuts, ...flags, ...readSelection({ where, whereDocument }) },
    queries: asks.dense ? queriesOf(queryText, queryEmbedding) : null,
    within: readCallLimits(given),
  };
}

/** Which branches there are. */
function branchesOf({ queryText, queryEmbedding, weights }: HybridArguments): { text: string | undefined; dense: boolean } {
  const text = weights?.text === 0 ? undefined : queryText;
  const dense = weights?.dense !== 0 && (queryText !== undefined || queryEmbedding !== undefined);
  if (text !== undefined || dense) return { text, dense };
  throw invalidArgument("hybrid needs a queryText or a queryEmbedding whose branch has a weight above 0");
}

function queriesOf(queryText: string | undefined, queryEmbedding: HybridArguments["queryEmbedding"]): Queries {
  if (queryEmbedding === undefined) return [queryText!];
  if (!Array.isArray(queryEmbedding) && !(queryEmbedding instanceof Float32Array))
    throw invalidArgument(`queryEmbedding must be an array of numbers or a Float32Array, got ${show(queryEmbedding)}`);
  return readQueries({ queryEmbeddings: [queryEmbedding] });
}

export async function hybridResult<T extends MetadataOf<T>>(response: HybridResponse, include: IncludeField[]): Promise<HybridResult<T>> {
  const { ids, scores, text, dense } = response;
  const { ranks: textRanks, scores: textScores, terms } = text ?? {};
  return new HybridResult<T>({
    ids,
    scores: Array.from(scores),
    text: ids.map((_, i) => (textRanks?.[i] ? { rank: textRanks[i]!, score: textScores![i]!, terms: terms![i]! } : null)),
    dense: ids.map((_, i) => (dense?.ranks[i] ? { rank: dense.ranks[i]!, distance: dense.distances[i]! } : null)),
    ...(await columns<T>(response)),
    include,
  });
}
