/**
 * The arguments of a collection's reads and deletions as the requests that are sent, checked as far as the page can: shapes,
 * counts and sizes. What a filter means is parsed by the gateway.
 */
import { beyondLimit, invalidArgument, show } from "../core/errors.js";
import { validateIds } from "../core/gateway/validate/records.js";
import { readFuzzy, validateCount, validateInclude, validateObject } from "../core/gateway/validate/values.js";
import { limits } from "../core/limits.js";
import type {
  AutoSuggestRequest,
  CountRequest,
  DeleteRequest,
  DistinctRequest,
  FacetsRequest,
  GetRequest,
  OrderBy,
  QueryRequest,
  SearchTextRequest,
  Selection,
} from "../core/service.js";
import type { HighlightOptions, IncludeField, Metadata, Where, WhereDocument } from "../core/types.js";
import { CALL_LIMITS, type CallLimits, readCallLimits } from "./call-limits.js";
import { type Embeddings, readEmbeddings } from "./embeddings.js";
import { copyOf, readObject, validateTexts } from "./read-arguments.js";

/** What selects records; given parts are and-ed. */
export interface SelectionArguments<TMeta = Metadata> {
  /** Distinct non-empty strings, at least one. Those that do not exist are ignored. */
  ids?: string[];
  /** Filter on metadata. */
  where?: Where<TMeta>;
  /** Filter on documents. */
  whereDocument?: WhereDocument;
}

/** Arguments of `collection.get`. */
export interface GetArguments<TMeta = Metadata> extends SelectionArguments<TMeta>, CallLimits {
  /** Largest number of records. Default: all. */
  limit?: number;
  /** Records to skip first. Default 0. */
  offset?: number;
  /** What records are ordered by, before `offset` and `limit` count. Default: insertion order. */
  orderBy?: OrderBy;
  /** Default `["documents", "metadatas"]`. */
  include?: IncludeField[];
}

/** Arguments of `collection.count`. */
export interface CountArguments<TMeta = Metadata> extends SelectionArguments<TMeta>, CallLimits {
  /** As in Chroma. No effect: reads see every acknowledged write. */
  readLevel?: string;
}

/** Arguments of `collection.facets`. */
export interface FacetsArguments<TMeta = Metadata, K extends keyof TMeta = keyof TMeta> extends SelectionArguments<TMeta>, CallLimits {
  /** Metadata keys whose values are counted: 1 to 256, each once. */
  keys: readonly K[];
  /** Largest number of values of each key, the most frequent ones: 1 to 10,000. Default 100. */
  limit?: number;
}

/** Arguments of `collection.distinct`. */
export interface DistinctArguments<TMeta = Metadata, K extends keyof TMeta = keyof TMeta> extends SelectionArguments<TMeta>, CallLimits {
  /** The metadata key. */
  key: K;
  /** Largest number of values. Default: all. */
  limit?: number;
  /** Values to skip first. Default 0. */
  offset?: number;
}

/** Arguments of `collection.delete`. */
export interface DeleteArguments<TMeta = Metadata> extends SelectionArguments<TMeta>, CallLimits {
  /** Largest number of records, the first in insertion order; with `where` or `whereDocument` only. Default: all. */
  limit?: number;
}

/** Arguments of `collection.query`: embeddings, or texts that the embedding function turns into some. */
export interface QueryArguments<TMeta = Metadata> extends SelectionArguments<TMeta>, CallLimits {
  /** One per query; a single `Float32Array` is one query. */
  queryEmbeddings?: Embeddings;
  /** One per query. Counts only without `queryEmbeddings`. */
  queryTexts?: string[];
  /** As in Chroma's client, uris alone cannot be embedded. */
  queryURIs?: string[];
  /** Largest number of hits per query. Default 10. */
  nResults?: number;
  /** Whether to look at every vector that the filters leave, whatever index there is: nothing is missed then. Default `false`. */
  exact?: boolean;
  /** Default `["metadatas", "documents", "distances"]`. */
  include?: IncludeField[];
}

/** Arguments of `collection.searchText`. */
export interface SearchTextArguments<TMeta = Metadata> extends CallLimits {
  /** Words to look for, in any order. */
  query: string;
  /** Largest number of hits. Default 10. */
  nResults?: number;
  /** Filter on metadata. Scores stay those of the whole collection. */
  where?: Where<TMeta>;
  /** Filter on documents. Scores stay those of the whole collection. */
  whereDocument?: WhereDocument;
  /** Default `["metadatas", "documents"]`; "distances" is not among the choices. */
  include?: IncludeField[];
  /** Whether the query's last word also matches longer words that begin with it. Default `false`. */
  prefix?: boolean;
  /** Spelling tolerance: largest edit distance as a share of a word's length, 0–1; `true` is 0.2. Default `false`. */
  fuzzy?: boolean | number;
  /**
   * Whether signs and quotation marks in the query are operators: `+word` must be in the document and `-word` must not, words in
   * `"…"` must follow each other, and `-"…"` must not. `prefix` and `fuzzy` do not loosen them. A word or phrase with a boost, a
   * number above 0 and below 1000 as in `word^2` and `"some words"^0.5`, counts that much beside the others. What is no operator
   * is text. Default `false`.
   */
  operators?: boolean;
  /**
   * Whether each hit tells where its words stand: `highlights` of the result, `highlight` of its rows. What matched is marked, be it by
   * a prefix, an edit or a synonym; the words of a phrase where it stands. Default `false`.
   */
  highlight?: boolean | HighlightOptions;
  /**
   * Whether the result has a `suggestion` ("did you mean"): the query with each word that no document has as the nearest word that
   * some of those that are searched have, one edit or swap of neighbours away in words of three letters on, two in words of six;
   * `null` where there is nothing to correct or nothing near. Default `false`.
   */
  suggest?: boolean;
}

/** Arguments of `collection.autoSuggest`. */
export interface AutoSuggestArguments<TMeta = Metadata> extends CallLimits {
  /** What was typed; its last word counts as unfinished. */
  queryText: string;
  /** Largest number of suggestions. Default 10. */
  nResults?: number;
  /** Filter on metadata: only words of these records are suggested. */
  where?: Where<TMeta>;
  /** Filter on documents. */
  whereDocument?: WhereDocument;
  /** Whether words that no document has are corrected, as in `collection.searchText`. Default `false`. */
  fuzzy?: boolean | number;
}

/** Rows of queries, flat. */
export type QueryRows = QueryRequest["queryEmbeddings"];
/** Rows, or texts that are to be embedded. */
export type Queries = QueryRows | string[];

const SELECTION = "ids where whereDocument";

/** The request of a call, and what may end it. */
interface Read<R> {
  request: Omit<R, "collectionId">;
  within: CallLimits;
}

export function readGet(args: GetArguments): Read<GetRequest> {
  const {
    include = ["documents", "metadatas"],
    limit,
    offset,
    orderBy,
    ...selection
  } = readObject(args, "get", `${SELECTION} limit offset orderBy include ${CALL_LIMITS}`);
  validateInclude(include, "distances");
  const page = { limit: optionalCount(limit, "limit"), offset: optionalCount(offset, "offset") };
  return {
    request: { ...readSelection(selection), ...page, orderBy: copyOf(orderBy), include: copyOf(include) },
    within: readCallLimits(selection),
  };
}

export function readCount(args: CountArguments): Read<CountRequest> {
  const { readLevel, ...given } = readObject(args, "count", `${SELECTION} readLevel ${CALL_LIMITS}`);
  return { request: { ...readSelection(given), readLevel }, within: readCallLimits(given) };
}

export function readFacets(args: FacetsArguments): Read<FacetsRequest> {
  const { keys, limit, ...given } = readObject(args, "facets", `${SELECTION} keys limit ${CALL_LIMITS}`);
  const request = { ...readSelection(given), keys: copyOf(keys) as string[], limit: optionalCount(limit, "limit") };
  return { request, within: readCallLimits(given) };
}

export function readDistinct(args: DistinctArguments): Read<DistinctRequest> {
  const { key, limit, offset, ...given } = readObject(args, "distinct", `${SELECTION} key limit offset ${CALL_LIMITS}`);
  const page = { limit: optionalCount(limit, "limit"), offset: optionalCount(offset, "offset") };
  return { request: { ...readSelection(given), key, ...page }, within: readCallLimits(given) };
}

export function readQuery(args: QueryArguments): Read<Omit<QueryRequest, "queryEmbeddings">> & { queries: Queries } {
  const fields = `${SELECTION} queryEmbeddings queryTexts queryURIs nResults exact include ${CALL_LIMITS}`;
  const { nResults = 10, exact = false, include = ["metadatas", "documents", "distances"], ...rest } = readObject(args, "query", fields);
  validateCount(nResults, "nResults");
  if (typeof exact !== "boolean") throw invalidArgument(`exact must be true or false, got ${show(exact)}`);
  validateInclude(include);
  return {
    request: { ...readSelection(rest), nResults, include: copyOf(include), ...(exact && { exact }) },
    queries: readQueries(rest),
    within: readCallLimits(rest),
  };
}

export function readSearchText(args: SearchTextArguments): Read<SearchTextRequest> {
  const fields = "query nResults where whereDocument include prefix fuzzy operators highlight suggest";
  const given = readObject(args, "searchText", `${fields} ${CALL_LIMITS}`);
  const { query, nResults = 10, include = ["metadatas", "documents"], prefix = false, fuzzy = false, operators } = given;
  if (typeof query !== "string") throw invalidArgument(`query must be a string, got ${show(query)}`);
  validateCount(nResults, "nResults");
  validateInclude(include, "distances");
  if (typeof prefix !== "boolean") throw invalidArgument(`prefix must be true or false, got ${show(prefix)}`);
  if (operators !== undefined && typeof operators !== "boolean")
    throw invalidArgument(`operators must be true or false, got ${show(operators)}`);
  const { where, whereDocument } = readSelection({ where: given.where, whereDocument: given.whereDocument });
  const text = { query, operators, prefix, fuzzy: readFuzzy(fuzzy), highlight: copyOf(given.highlight), suggest: given.suggest };
  return { request: { ...text, nResults, where, whereDocument, include: copyOf(include) }, within: readCallLimits(given) };
}

export function readAutoSuggest(args: AutoSuggestArguments): Read<AutoSuggestRequest> {
  const given = readObject(args, "autoSuggest", `queryText nResults where whereDocument fuzzy ${CALL_LIMITS}`);
  const { queryText, nResults = 10, fuzzy = false, where, whereDocument } = given;
  const filters = readSelection({ where, whereDocument });
  return { request: { ...filters, queryText, nResults, fuzzy: readFuzzy(fuzzy) }, within: readCallLimits(given) };
}

/** `null` where nothing is selected: then nothing is deleted. */
export function readDelete(args: DeleteArguments): Read<DeleteRequest> | null {
  const given = readObject(args, "delete", `${SELECTION} limit ${CALL_LIMITS}`);
  const selection = readSelection(given);
  const limit = optionalCount(given.limit, "limit");
  const filtered = selection.where !== undefined || selection.whereDocument !== undefined;
  if (limit !== undefined && !filtered) {
    throw invalidArgument("limit can only be specified when a where or whereDocument clause is provided");
  }
  const within = readCallLimits(given);
  return selection.ids === undefined && !filtered ? null : { request: { ...selection, limit }, within };
}

/** The parts of a selection that are given. */
export function readSelection({ ids, where, whereDocument }: SelectionArguments): Selection {
  const selection: Selection = {};
  if (ids != null) {
    validateIds(ids);
    selection.ids = copyOf(ids);
  }
  if (where != null) selection.where = copyOf(readFilter(where, "where"));
  if (whereDocument != null) selection.whereDocument = copyOf(readFilter(whereDocument, "whereDocument"));
  return selection;
}

/**
 * The checks that Chroma's client makes of a filter's shape, so that no slip such as an empty list selects everything, and that
 * it is not too large to be sent.
 */
function readFilter<F extends object>(filter: F, argument: string, depth = 0): F {
  validateObject(filter, argument);
  const entries = Object.entries(filter);
  if (entries.length !== 1) {
    throw invalidArgument(`Expected '${argument}' to have exactly one operator, but got ${entries.length}: ${show(filter)}`);
  }
  const [operator, operand] = entries[0] as [string, unknown];
  if ((operator !== "$and" && operator !== "$or") || !Array.isArray(operand)) return filter;
  if (depth >= limits.filterDepthMax)
    throw beyondLimit(`'${argument.split(".", 1)[0]}' nests $and and $or deeper`, "filterDepthMax", limits.filterDepthMax);
  if (operand.length > limits.filterClausesMax)
    throw beyondLimit(`'${argument}' has more clauses`, "filterClausesMax", limits.filterClausesMax);
  if (operand.length < 2) {
    throw invalidArgument(`Expected '${argument}' ${operator} to be a list of at least two expressions, but got ${show(operand)}`);
  }
  operand.forEach((part, i) => readFilter(part as object, `${argument}.${operator}[${i}]`, depth + 1));
  return filter;
}

function optionalCount(value: unknown, argument: string): number | undefined {
  if (value == null) return undefined;
  validateCount(value, argument);
  return value;
}

export function readQueries({ queryEmbeddings, queryTexts }: QueryArguments): Queries {
  if (queryEmbeddings != null) return readQueryEmbeddings(queryEmbeddings);
  if (queryTexts == null) throw invalidArgument("At least one of 'queryEmbeddings' and 'queryTexts' must be provided");
  if (!Array.isArray(queryTexts) || queryTexts.length === 0) {
    throw invalidArgument(`Expected 'queryTexts' to be a non-empty list, but got ${show(queryTexts)}`);
  }
  validateTexts(queryTexts, "queryTexts", limits.queriesMax);
  return copyOf(queryTexts);
}

function readQueryEmbeddings(value: Embeddings): QueryRows {
  const argument = "queryEmbeddings";
  const count = value instanceof Float32Array ? 1 : value.length;
  if (count === 0) throw invalidArgument(`Expected ${argument} to be an array with at least one item`);
  if (count > limits.queriesMax) throw beyondLimit(`${argument} has ${count} queries, more`, "queriesMax", limits.queriesMax);
  const source = readEmbeddings(value, count, { argument })!;
  source.check(0, count);
  const { dimension, values } = source.copy(0, count);
  return { dimension, values };
}
