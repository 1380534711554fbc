/** Turns a hybrid search into a plan: which branches there are, how much each counts, and what is cut off. */
import { invalidArgument, show } from "../errors.js";
import { limits } from "../limits.js";
import type { IndexPolicy } from "../schema.js";
import type { HybridRequest } from "../service.js";
import type { IncludeField } from "../types.js";
import { parseSparseQuery } from "./parse-search.js";
import { includeSet, planSelection, planText, type SelectionPlan } from "./plan.js";
import type { KnnSource, SparseSource, TextSource } from "./search-plan.js";
import { validateHybrid } from "./validate/fusion.js";
import { validateDimension, validateVector } from "./validate/records.js";
import { validateCount, validateObject } from "./validate/values.js";

/** A branch and how much it counts. */
export interface BranchPlan<Source> {
  source: Source;
  weight: number;
}

/** Of the branches at least one is there. */
export interface HybridPlan extends SelectionPlan {
  text: BranchPlan<TextSource> | null;
  dense: BranchPlan<KnnSource> | null;
  sparse: BranchPlan<SparseSource> | null;
  /** Whether the weights are set for each query. */
  isWeighed: boolean;
  limit: number;
  /** Of what the dense branch finds. */
  maxDistance: number;
  /** Of what the sparse branch finds, as a dot product. */
  minSparseScore: number;
  /** Of a hit. */
  minScore: number;
  include: ReadonlySet<IncludeField>;
}

/** Validates a hybrid search; `dimension` is the collection's, `null` while nothing fixes it. */
export function planHybrid(request: HybridRequest, dimension: number | null, indexes: IndexPolicy): HybridPlan {
  const { nResults, weights = {}, maxDistance = Infinity, minSparseScore = -Infinity, minScore = 0 } = request;
  validateCount(nResults, "nResults");
  validateHybrid(request);
  const limit = Math.max(nResults, limits.hybridCandidates);
  const text = request.queryText === undefined ? null : branch(textSource(request, limit, indexes), weights.text);
  const dense = request.queryEmbedding === undefined ? null : branch(denseSource(request.queryEmbedding, limit, dimension), weights.dense);
  const sparse = request.sparse === undefined ? null : branch(sparseSource(request.sparse, limit, indexes), weights.sparse);
  if (text === null && dense === null && sparse === null) {
    throw invalidArgument("A hybrid search needs a queryText or a queryEmbedding whose branch has a weight above 0");
  }
  const include = includeSet(request.include, "distances");
  return {
    ...planSelection(request, indexes),
    text,
    dense,
    sparse,
    isWeighed: !Object.values(weights).some((weight) => weight > 0),
    limit: nResults,
    maxDistance,
    minSparseScore,
    minScore,
    include,
  };
}

/** `null` where it counts nothing. */
function branch<Source>(source: Source, weight = 1): BranchPlan<Source> | null {
  return weight === 0 ? null : { source, weight };
}

function textSource(request: HybridRequest, limit: number, indexes: IndexPolicy): TextSource {
  const { queryText, prefix, fuzzy, operators } = request;
  if (typeof queryText !== "string") throw invalidArgument(`queryText must be a string, got ${show(queryText)}`);
  return planText({ query: queryText, prefix, fuzzy, operators }, limit, indexes);
}

function denseSource(query: unknown, limit: number, dimension: number | null): KnnSource {
  if (!(query instanceof Float32Array)) throw invalidArgument(`queryEmbedding must be a Float32Array, got ${show(query)}`);
  validateDimension(query.length, "queryEmbedding", dimension);
  validateVector(query, "queryEmbedding", 0);
  return { kind: "knn", queries: [query], limit };
}

function sparseSource(sought: object, limit: number, indexes: IndexPolicy): SparseSource {
  validateObject(sought, "sparse");
  return { kind: "sparse", ...parseSparseQuery(sought, "sparse", indexes), limit };
}
