/**
 * A search as the gateway hands it on: validated and bounded (`limits.searchesMax`, `limits.rankDepthMax`,
 * `limits.rankExpressionsMax`), with defaults filled in. Only types live here, so that every folder may know them.
 */
import type { SparseVector } from "../types.js";
import type { RecordFilter } from "./filter.js";

/** How a rank expression combines its operands; `sub` and `div` have two of them, `abs`, `exp` and `log` one. */
export type RankOperator = "sum" | "sub" | "mul" | "div" | "max" | "min" | "abs" | "exp" | "log";

/** Nearest records. Queries of one length; a rank has one. */
export interface KnnSource {
  kind: "knn";
  queries: readonly Float32Array[];
  /** Hits of each query. */
  limit: number;
  /** Whether none may be missed, whatever index there is. Default `false`. */
  exact?: boolean;
}

/** Records by the terms of their documents. */
export interface TextSource {
  kind: "text";
  query: string;
  limit: number;
  /** Match also terms that begin with the query's last term. */
  prefix: boolean;
  /** Largest edit distance as a share of the term's length, 0–1; 0 is exact. */
  fuzzy: number;
  /** Whether signs and quotation marks in the query are operators. */
  operators?: boolean | undefined;
}

/** Records by their sparse vectors under a metadata key. */
export interface SparseSource {
  kind: "sparse";
  key: string;
  vector: SparseVector;
  limit: number;
}

/** What finds records by itself, best first. */
export type RankSource = KnnSource | TextSource | SparseSource;

/** A source as part of an expression, with distance-like values: smaller is better. */
export interface SourceRank {
  kind: "source";
  source: RankSource;
  /** The value of a record that the source did not find; `null`: such a record drops out. */
  default: number | null;
  /** The value is the record's position among the source's hits, from 0, instead of its distance. */
  returnRank: boolean;
}

export type RankPlan =
  | { kind: "value"; value: number }
  | { kind: "operation"; operator: RankOperator; operands: readonly RankPlan[] }
  | SourceRank;

/** Keeps the first `k` records of every group, by `by`: metadata keys, or `#score`. */
export interface GroupPlan {
  keys: readonly string[];
  by: readonly string[];
  k: number;
  /** The largest come first instead of the smallest. */
  largest: boolean;
}

/** Columns to return beside the ids. */
export interface SelectPlan {
  /** As given, each once. */
  keys: readonly string[];
  document: boolean;
  embedding: boolean;
  score: boolean;
  metadata: "all" | "none" | ReadonlySet<string>;
}

/** One search of a call. */
export interface SingleSearchPlan {
  filter: RecordFilter | null;
  rank: RankPlan | null;
  group: GroupPlan | null;
  limit: number;
  offset: number;
  select: SelectPlan;
}

/** One call: its searches see the same moment. */
export interface SearchPlan {
  searches: readonly SingleSearchPlan[];
  /** Only what the latest compaction put into the segments is seen. */
  indexOnly: boolean;
}
