/**
 * Turns the payloads of a search, as Chroma's client sends them, into a plan, or says exactly what is wrong with them.
 *
 * The input is not trusted: any value may arrive, of any depth. Depth and number of rank expressions are checked before
 * descending, so recursion stays bounded, and a field that is not known is refused, as it is always a misspelt one.
 * Defaults are those of Chroma's server. `$text` is a source of our own; everything else is Chroma's.
 */

import { storedSparseVector } from "../base/sparse-vector.js";
import { beyondLimit, invalidArgument, show, TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import { EMBEDDING_KEY, type IndexPolicy } from "../schema.js";
import type { SearchRequest } from "../service.js";
import type { SparseVector } from "../types.js";
import { checkFullText, checkIndexed, notIndexed } from "./check-indexed.js";
import type { RecordFilter } from "./filter.js";
import { parseSearchFilter } from "./parse-filter.js";
import type {
  GroupPlan,
  RankOperator,
  RankPlan,
  RankSource,
  SearchPlan,
  SelectPlan,
  SingleSearchPlan,
  SourceRank,
  SparseSource,
} from "./search-plan.js";
import { isMetadataKey, validateDimension, validateSparseVector, validateVector } from "./validate/records.js";
import { readFuzzy, validateCount, validateReadLevel } from "./validate/values.js";

/** Candidates of a source that does not say how many. */
const SOURCE_LIMIT_DEFAULT = 16;
const OPERATORS: Readonly<Record<string, { operator: RankOperator; operands: "one" | "two" | "many" }>> = {
  $sum: { operator: "sum", operands: "many" },
  $mul: { operator: "mul", operands: "many" },
  $max: { operator: "max", operands: "many" },
  $min: { operator: "min", operands: "many" },
  $sub: { operator: "sub", operands: "two" },
  $div: { operator: "div", operands: "two" },
  $abs: { operator: "abs", operands: "one" },
  $exp: { operator: "exp", operands: "one" },
  $log: { operator: "log", operands: "one" },
};
const RANK_KEYS = ["$knn", "$text", "$val", ...Object.keys(OPERATORS)];
const SELECT_KEYS = ["#id", "#document", "#embedding", "#metadata", "#score"];

/** Validates a search; `dimension` is the collection's, `null` while nothing fixes it. */
export function planSearch(request: SearchRequest, dimension: number | null, indexes: IndexPolicy): SearchPlan {
  const { searches, readLevel = "index_and_wal", asChroma } = request;
  validateReadLevel(readLevel);
  const payloads = list(searches, "searches");
  if (payloads.length > limits.searchesMax) {
    throw new TidepoolError("LIMIT_EXCEEDED", `${payloads.length} searches in one call exceed the ${limits.searchesMax} allowed`);
  }
  return {
    searches: payloads.map((payload, i) => parsePayload(payload, `searches[${i}]`, { dimension, indexes, asChroma })),
    indexOnly: readLevel === "index_only",
  };
}

/** What a search is read by. */
interface SearchContext {
  dimension: number | null;
  indexes: IndexPolicy;
  asChroma: boolean | undefined;
}

function parsePayload(payload: unknown, path: string, { dimension, indexes, asChroma }: SearchContext): SingleSearchPlan {
  const { filter, rank, group_by, limit, select } = fields(payload, path, ["filter", "rank", "group_by", "limit", "select"]);
  return {
    filter: parseIndexedFilter(filter, `${path}.filter`, indexes, asChroma),
    rank: isAbsent(rank) ? null : new RankParser(dimension, indexes).parse(rank, `${path}.rank`, 0),
    group: isAbsent(group_by) ? null : parseGroup(group_by, `${path}.group_by`),
    ...parseLimit(limit ?? {}, `${path}.limit`),
    select: parseSelect(select ?? {}, `${path}.select`),
  };
}

function parseIndexedFilter(filter: unknown, path: string, indexes: IndexPolicy, asChroma: boolean | undefined): RecordFilter | null {
  const parsed = parseSearchFilter(filter, path, asChroma);
  if (parsed !== null) checkIndexed(parsed, indexes);
  return parsed;
}

/** Reads one rank expression, counting its parts. */
class RankParser {
  readonly #dimension: number | null;
  readonly #indexes: IndexPolicy;
  #expressions = 0;

  constructor(dimension: number | null, indexes: IndexPolicy) {
    this.#dimension = dimension;
    this.#indexes = indexes;
  }

  parse(rank: unknown, path: string, depth: number): RankPlan {
    if (depth > limits.rankDepthMax) throw beyondLimit(`${path} nests deeper`, "rankDepthMax", limits.rankDepthMax);
    if (++this.#expressions > limits.rankExpressionsMax)
      throw beyondLimit("A rank has more expressions", "rankExpressionsMax", limits.rankExpressionsMax);
    const entries = Object.entries(fields(rank, path, RANK_KEYS));
    if (entries.length !== 1) throw invalid(path, rank, `an object with exactly one of ${RANK_KEYS.join(", ")}`);
    const [key, operand] = entries[0]!;
    const inner = `${path}.${key}`;
    if (key === "$val") return { kind: "value", value: finite(operand, inner) };
    if (key === "$knn") return this.#knn(operand, inner);
    if (key === "$text") return this.#text(operand, inner);
    const { operator, operands } = OPERATORS[key]!;
    const parts = operandsOf(operand, operands, inner);
    return { kind: "operation", operator, operands: parts.map(([part, place]) => this.parse(part, place, depth + 1)) };
  }

  #knn(knn: unknown, path: string): SourceRank {
    const given = fields(knn, path, ["query", "key", "limit", "exact", "default", "return_rank"]);
    const { query, key = EMBEDDING_KEY } = given;
    if (key !== EMBEDDING_KEY) return this.#sparse(given, path);
    if (typeof query === "string") throw invalid(`${path}.query`, query, "a vector: texts are embedded before they reach the engine");
    if (!Array.isArray(query) && !(query instanceof Float32Array)) throw invalid(`${path}.query`, query, this.#whatFits(query));
    validateDimension(query.length, `${path}.query`, this.#dimension);
    validateVector(query, `${path}.query`, 0);
    const limit = parseSourceLimit(given.limit, path);
    const exact = flag(given.exact, `${path}.exact`);
    return sourceRank({ kind: "knn", queries: [Float32Array.from(query)], limit, exact }, given, path);
  }

  /** What a search of the embeddings takes, and where a sparse vector belongs. */
  #whatFits(query: unknown): string {
    const dense = `an array of numbers for the key ${show(EMBEDDING_KEY)}`;
    return isSparse(query)
      ? `${dense}; a sparse vector needs a key with an index of them (${this.#indexes.sparseKeys.map(show).join(", ") || "there is none"})`
      : dense;
  }

  #sparse(given: Record<string, unknown>, path: string): SourceRank {
    // A search of sparse vectors misses none.
    flag(given.exact, `${path}.exact`);
    if (typeof given.key !== "string") throw invalid(`${path}.key`, given.key, `${show(EMBEDDING_KEY)} or a metadata key`);
    const sought = parseSparseQuery(given, path, this.#indexes);
    return sourceRank({ kind: "sparse", ...sought, limit: parseSourceLimit(given.limit, path) }, given, path);
  }

  #text(text: unknown, path: string): SourceRank {
    checkFullText(this.#indexes, "rank");
    return parseText(text, path);
  }
}

/** What is looked for among sparse vectors, and under which key. */
export function parseSparseQuery(
  { key, query }: { key?: unknown; query?: unknown },
  path: string,
  indexes: IndexPolicy,
): Pick<SparseSource, "key" | "vector"> {
  if (typeof key !== "string") throw invalid(`${path}.key`, key, "a metadata key");
  if (!indexes.isIndexed(key, "sparse_vector")) throw noSparseIndex(key, indexes.sparseKeys);
  if (typeof query === "string") throw invalid(`${path}.query`, query, "a sparse vector: texts are embedded before they reach the engine");
  if (!isSparse(query)) throw invalid(`${path}.query`, query, `a sparse vector, for that is what ${show(key)} has an index of`);
  validateSparseVector(query, `${path}.query`);
  return { key, vector: storedSparseVector(query) };
}

/** The operands of an operator, each with its place. */
function operandsOf(operand: unknown, count: "one" | "two" | "many", path: string): [part: unknown, path: string][] {
  if (count === "one") return [[operand, path]];
  if (count === "many") return list(operand, path).map((part, i) => [part, `${path}[${i}]`]);
  const { left, right } = fields(operand, path, ["left", "right"]);
  return [
    [left, `${path}.left`],
    [right, `${path}.right`],
  ];
}

function parseText(text: unknown, path: string): SourceRank {
  const given = fields(text, path, ["query", "limit", "prefix", "fuzzy", "operators", "default", "return_rank"]);
  const { query } = given;
  if (typeof query !== "string") throw invalid(`${path}.query`, query, "a string");
  const limit = parseSourceLimit(given.limit, path);
  const fuzzy = readFuzzy(given.fuzzy ?? false, `${path}.fuzzy`);
  const prefix = flag(given.prefix, `${path}.prefix`);
  const operators = flag(given.operators, `${path}.operators`);
  return sourceRank({ kind: "text", query, limit, prefix, fuzzy, operators }, given, path);
}

function sourceRank(source: RankSource, given: Record<string, unknown>, path: string): SourceRank {
  return {
    kind: "source",
    source,
    default: isAbsent(given.default) ? null : finite(given.default, `${path}.default`),
    returnRank: flag(given.return_rank, `${path}.return_rank`),
  };
}

function parseSourceLimit(limit: unknown, path: string): number {
  return isAbsent(limit) ? SOURCE_LIMIT_DEFAULT : positive(limit, `${path}.limit`);
}

function noSparseIndex(key: string, allowed: readonly string[]): TidepoolError {
  const others = allowed.length === 0 ? "no key has such an index" : `those with such an index are ${allowed.map(show).join(", ")}`;
  return invalidArgument(`${notIndexed(key, "sparse_vector").message}; ${others}`);
}

function isSparse(query: unknown): query is SparseVector {
  return typeof query === "object" && query !== null && !Array.isArray(query) && "indices" in query;
}

function parseGroup(group: unknown, path: string): GroupPlan {
  const { keys, aggregate } = fields(group, path, ["keys", "aggregate"]);
  const entries = Object.entries(fields(aggregate, `${path}.aggregate`, ["$min_k", "$max_k"]));
  if (entries.length !== 1) throw invalid(`${path}.aggregate`, aggregate, "an object with exactly one of $min_k, $max_k");
  const [name, operand] = entries[0]!;
  const place = `${path}.aggregate.${name}`;
  const given = fields(operand, place, ["keys", "k"]);
  return {
    keys: parseKeys(keys, `${path}.keys`, []),
    by: parseKeys(given.keys, `${place}.keys`, ["#score"]),
    k: positive(given.k, `${place}.k`),
    largest: name === "$max_k",
  };
}

function parseLimit(limit: unknown, path: string): { limit: number; offset: number } {
  const given = fields(limit, path, ["limit", "offset"]);
  const offset = given.offset ?? 0;
  validateCount(offset, `${path}.offset`);
  return { limit: isAbsent(given.limit) ? Infinity : positive(given.limit, `${path}.limit`), offset };
}

function parseSelect(select: unknown, path: string): SelectPlan {
  const given = fields(select, path, ["keys"]).keys;
  const keys = isAbsent(given) || (Array.isArray(given) && given.length === 0) ? [] : parseKeys(given, `${path}.keys`, SELECT_KEYS);
  const fieldKeys = new Set(keys.filter((key) => !SELECT_KEYS.includes(key)));
  return {
    keys: [...new Set(keys)],
    document: keys.includes("#document"),
    embedding: keys.includes("#embedding"),
    score: keys.includes("#score"),
    metadata: keys.includes("#metadata") ? "all" : fieldKeys.size > 0 ? fieldKeys : "none",
  };
}

/** Metadata keys, and those special keys that make sense here. */
function parseKeys(keys: unknown, path: string, special: readonly string[]): string[] {
  return list(keys, path).map((key, i) => {
    if (typeof key === "string" && (special.includes(key) || isMetadataKey(key))) return key;
    throw invalid(`${path}[${i}]`, key, ["a metadata key", ...special].join(", "));
  });
}

/** An object that has no fields but these; absent ones may be `undefined`. */
function fields(value: unknown, path: string, allowed: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(path, value, `an object with ${allowed.join(", ")}`);
  const stranger = Object.keys(value).find((key) => !allowed.includes(key));
  if (stranger === undefined) return value as Record<string, unknown>;
  throw invalidArgument(`${path} has the field ${show(stranger)}; it takes ${allowed.join(", ")}`);
}

/** A list with something in it; holes count as `undefined`. */
function list(value: unknown, path: string): unknown[] {
  if (Array.isArray(value) && value.length > 0) return Array.from(value as unknown[]);
  throw invalid(path, value, "a non-empty list");
}

function finite(value: unknown, path: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw invalid(path, value, "a finite number");
}

function positive(value: unknown, path: string): number {
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw invalid(path, value, "a whole number above 0");
}

function flag(value: unknown, path: string): boolean {
  if (isAbsent(value)) return false;
  if (typeof value === "boolean") return value;
  throw invalid(path, value, "true or false");
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

function invalid(path: string, value: unknown, allowed: string): TidepoolError {
  return new TidepoolError("INVALID_ARGUMENT", `${path} is ${show(value)}; expected ${allowed}`, { details: { path } });
}
