/**
 * Every request is validated here, completely and before anything is written, and turned into a plan that the other
 * components can trust. Pure functions; `service.ts` resolves the names.
 */

import { storedSparseVector } from "../base/sparse-vector.js";
import type { Steps } from "../base/steps.js";
import { wellFormed } from "../base/well-formed.js";
import { invalidArgument, show, TidepoolError } from "../errors.js";
import { limits } from "../limits.js";
import { DEFAULT_HNSW, type IndexPolicy } from "../schema.js";
import type {
  AutoSuggestRequest,
  BeginReembeddingRequest,
  CheckRecallRequest,
  ConfigurationInput,
  CountRequest,
  CreateCollectionRequest,
  DeleteRequest,
  DistinctRequest,
  ExportPageRequest,
  ExportRequest,
  FacetsRequest,
  GetRequest,
  ModifyCollectionRequest,
  OfModel,
  OrderBy,
  QueryRequest,
  SearchTextRequest,
  Selection,
  VacuumRequest,
  WriteRequest,
} from "../service.js";
import type { CollectionRow } from "../sysdb/collection-row.js";
import type {
  CollectionConfiguration,
  CollectionSchema,
  HighlightOptions,
  IncludeField,
  Metadata,
  MetadataPatch,
  MetadataValue,
  RecordBatch,
  Scalar,
  TextConfigurationInput,
} from "../types.js";
import { checkFullText, checkIndexed } from "./check-indexed.js";
import type { RecordFilter } from "./filter.js";
import { parseWhere, parseWhereDocument } from "./parse-filter.js";
import { isDefaultFunction, isDefaultSchema, planSchema, type SchemaPlan } from "./plan-schema.js";
import type { KnnSource, TextSource } from "./search-plan.js";
import { selectedIds } from "./selected-ids.js";
import { validateHnsw, validateSpann } from "./validate/configuration.js";
import { isMetadataKey, validateDimension, validateEmbeddingRows, validateMetadata, validateRecordBatch } from "./validate/records.js";
import { validateText } from "./validate/text-configuration.js";
import {
  validateArray,
  validateAtLeast,
  validateCount,
  validateInclude,
  validateName,
  validateObject,
  validateReadLevel,
} from "./validate/values.js";

/** A validated selection of records. */
export interface SelectionPlan {
  /** `null` selects all. */
  filter: RecordFilter | null;
}

/** What records are ordered by. */
export interface OrderPlan {
  key: string;
  descending: boolean;
}

export interface GetPlan extends SelectionPlan {
  /** `null`: insertion order. */
  orderBy: OrderPlan | null;
  limit: number;
  offset: number;
  include: ReadonlySet<IncludeField>;
}

export interface QueryPlan extends SelectionPlan {
  source: KnnSource;
  include: ReadonlySet<IncludeField>;
}

export interface SearchTextPlan extends SelectionPlan {
  source: TextSource;
  include: ReadonlySet<IncludeField>;
  /** `null`: nobody asks where hits matched. */
  highlight: Required<HighlightOptions> | null;
  suggest: boolean;
}

/** Which values of which keys are asked for. */
export interface FacetPlan extends SelectionPlan {
  keys: readonly string[];
  /** Most frequent first, or ascending. */
  order: "count" | "value";
  offset: number;
  limit: number;
}

export interface RecallPlan {
  sample: number;
  k: number;
}

export interface DeletePlan extends SelectionPlan {
  limit: number;
}

/** A configuration in which a language may stand for its stop words. */
export type PlannedConfiguration = Omit<CollectionConfiguration, "text"> & { text?: TextConfigurationInput };

/** How a new collection is set up. */
export interface CollectionPlan {
  configuration: PlannedConfiguration;
  schema?: CollectionSchema;
}

/** Validates a new collection; returns its configuration with defaults filled in, and its schema where that says something. */
export function planCreateCollection(request: CreateCollectionRequest): CollectionPlan {
  validateName(request.name, "name");
  if (request.metadata !== null) validateMetadata(request.metadata, "metadata");
  const { text, ...given } = request.configuration;
  const configuration = { ...planConfiguration(given), ...textOf(validateText(text ?? {})) };
  return request.schema == null ? { configuration } : storedJson(reconcile(planSchema(request.schema), configuration), "schema");
}

/** The configuration of a collection of which this is asked, without that of full-text search; `{}` is the default. */
export function planConfiguration(given: Omit<ConfigurationInput, "text">): Omit<CollectionConfiguration, "text"> {
  const hnsw = validateHnsw(given.hnsw ?? {}, "create");
  const space = hnsw.space ?? given.defaultSpace ?? DEFAULT_HNSW.space;
  // What is not stored is the default, so clients that do not know of engines see none.
  if (hnsw.engine === "tidepool") delete hnsw.engine;
  return {
    hnsw: { ...DEFAULT_HNSW, ...hnsw, ...validateHnsw({ space }, "create") },
    ...(given.spann == null ? {} : { spann: validateSpann(given.spann, "create") }),
    embedding_function: storedJson(given.embedding_function ?? null, "configuration.embedding_function"),
  };
}

function textOf(text: TextConfigurationInput | undefined): Pick<PlannedConfiguration, "text"> {
  return text === undefined ? {} : { text };
}

/** Only one of the two may say something, as in Chroma: then it counts, and the other does not. */
function reconcile(plan: SchemaPlan, configuration: PlannedConfiguration): CollectionPlan {
  const planned = planConfiguration({ hnsw: plan.hnsw, spann: plan.spann, embedding_function: plan.embeddingFunction });
  const configured = { ...planned, ...textOf(configuration.text) };
  const saysNothing = isDefaultSchema(plan) && isDefaultConfiguration(configured);
  if (saysNothing)
    return { configuration: { ...configuration, embedding_function: configuration.embedding_function ?? plan.embeddingFunction } };
  if (!isDefaultConfiguration(configuration)) {
    throw invalidArgument("Failed to reconcile schema: Cannot set both collection config and schema simultaneously");
  }
  return isDefaultSchema(plan) ? { configuration: configured } : { configuration: configured, schema: plan.schema };
}

function isDefaultConfiguration({ hnsw, spann, embedding_function }: PlannedConfiguration): boolean {
  const isDefault = (name: keyof typeof hnsw) => hnsw[name] === DEFAULT_HNSW[name];
  return (Object.keys(hnsw) as (keyof typeof hnsw)[]).every(isDefault) && spann === undefined && isDefaultFunction(embedding_function);
}

/** Validates what a collection is changed to; returns the configuration that results. */
export function planModifyCollection(request: ModifyCollectionRequest, current: CollectionConfiguration): PlannedConfiguration {
  if (request.name !== undefined) validateName(request.name, "name");
  if (request.metadata != null) validateMetadata(request.metadata, "metadata");
  const hnsw = validateHnsw(request.configuration?.hnsw ?? {}, "modify");
  const spann = validateSpann(request.configuration?.spann ?? {}, "modify");
  return {
    hnsw: { ...current.hnsw, ...hnsw },
    ...(current.spann === undefined ? {} : { spann: { ...current.spann, ...spann } }),
    embedding_function: storedJson(
      request.configuration?.embedding_function ?? current.embedding_function,
      "configuration.embedding_function",
    ),
    ...textOf(request.configuration?.text === undefined ? current.text : validateText(request.configuration.text)),
  };
}

/** Validates by what a collection is to be embedded anew; returns the configuration of what gathers that. */
export function planReembedding({ embeddingFunction, space }: BeginReembeddingRequest): CollectionConfiguration {
  validateObject(embeddingFunction, "embeddingFunction");
  if (typeof space !== "string") throw invalidArgument(`space must be a string, got ${show(space)}`);
  return planConfiguration({ hnsw: { space }, embedding_function: embeddingFunction });
}

/** Refuses embeddings that were made by another function than the collection's, or than that of the version that is read. */
export function checkModel({ model }: OfModel, { name, configuration, model: own = 0 }: CollectionRow): void {
  if (model === undefined || model === own) return;
  const fn = show(configuration.embedding_function?.name ?? null);
  const why =
    own > model
      ? `Collection [${name}] was reembedded, by the embedding function ${fn}, and these embeddings were made before: get the ` +
        "collection again, by client.getCollection, and make the call again"
      : `This version of collection [${name}] is of the embedding function ${fn}, from before collection.reembed: query it with ` +
        "embeddings made by that, through client.collection(id).at({ version })";
  throw new TidepoolError("EMBEDDING_FUNCTION", why, { details: { model: own } });
}

/** A collection's metadata, validated, as it is stored: as a record's. */
export function storedMetadata(metadata: Metadata | null): Metadata | null {
  return metadata === null ? null : (storedPatch(metadata) as Metadata);
}

/** What is stored as JSON and nobody here looks into, as its row will give it back. */
function storedJson<T>(value: T, argument: string): T {
  try {
    return JSON.parse(JSON.stringify(value)) as T;
  } catch (cause) {
    throw invalidArgument(`${argument} must be a value of JSON: ${String(cause)}`);
  }
}

/** Records that are made well-formed between two turns. */
const RECORDS_PER_STEP = 16;

/** Validates a batch, but for its dimension (`checkDimension`); returns it as it is to be logged. */
export function* planWrite(request: WriteRequest): Steps<RecordBatch> {
  if (!["add", "update", "upsert"].includes(request.operation)) {
    throw invalidArgument(`operation must be add, update or upsert, got ${show(request.operation)}`);
  }
  yield* validateRecordBatch(request.records, request.operation);
  const { embeddings } = request.records;
  if (request.operation !== "update" && (embeddings === null || embeddings.present !== null)) {
    throw invalidArgument(`${request.operation} needs an embedding for every record`);
  }
  return yield* wellFormedBatch(request.records);
}

/** Refuses embeddings of another dimension than the collection's (`null`: not fixed yet). */
export function checkDimension({ embeddings }: RecordBatch, dimension: number | null): void {
  if (embeddings !== null) validateDimension(embeddings.dimension, "embeddings", dimension);
}

/**
 * A record reads the same before and after compaction, so it takes the form that storage gives back here, before the log. What
 * is stored is UTF-8, which has no lone surrogates: in an id or a key one is refused, since replacing it could make two of them
 * one, and elsewhere it becomes U+FFFD. Numbers have no negative zero, which JSON does not know.
 */
function* wellFormedBatch(records: RecordBatch): Steps<RecordBatch> {
  records.ids.forEach((id, i) => {
    if (wellFormed(id) !== id)
      throw invalidArgument(`ids[${i}] ${show(id)} holds half of a surrogate pair; ids must be well-formed Unicode`);
  });
  const metadatas: RecordBatch["metadatas"] = records.metadatas && [];
  for (const metadata of records.metadatas ?? []) {
    metadatas!.push(metadata === null ? null : storedPatch(metadata));
    if (metadatas!.length % RECORDS_PER_STEP === 0) yield;
  }
  return {
    ...records,
    documents: records.documents?.map(wellFormedOrNull) ?? null,
    uris: records.uris?.map(wellFormedOrNull) ?? null,
    metadatas,
  };
}

function wellFormedOrNull(text: string | null): string | null {
  return text === null ? null : wellFormed(text);
}

function storedPatch(metadata: MetadataPatch): MetadataPatch {
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, storedValue(value)]));
}

function storedValue(value: MetadataValue | null): MetadataValue | null {
  if (Array.isArray(value)) return (value as Scalar[]).map(storedScalar) as MetadataValue;
  if (value === null || typeof value !== "object") return value === null ? null : storedScalar(value);
  return storedSparseVector(value);
}

function storedScalar(value: Scalar): Scalar {
  if (typeof value === "string") return wellFormed(value);
  return Object.is(value, -0) ? 0 : value;
}

export function planGet(request: GetRequest, indexes: IndexPolicy): GetPlan {
  return {
    ...planSelection(request, indexes),
    limit: optionalCount(request.limit, "limit") ?? Infinity,
    offset: optionalCount(request.offset, "offset") ?? 0,
    orderBy: request.orderBy == null ? null : planOrder(request.orderBy),
    include: includeSet(request.include, "distances"),
  };
}

function planOrder(orderBy: OrderBy): OrderPlan {
  validateObject(orderBy, "orderBy");
  const { key, descending = false, ...others } = orderBy;
  for (const name in others) throw invalidArgument(`orderBy has the field ${show(name)}; it takes key, descending`);
  validateMetadataName(key, "orderBy.key");
  if (typeof descending !== "boolean") throw invalidArgument(`orderBy.descending must be true or false, got ${show(descending)}`);
  return { key, descending };
}

function validateMetadataName(key: unknown, argument: string): asserts key is string {
  if (typeof key === "string" && isMetadataKey(key)) return;
  throw invalidArgument(`${argument} must be a metadata key, got ${show(key)}`);
}

/** Which page of which snapshot. */
export interface ExportPagePlan {
  owner: string;
  snapshot: string;
  from: number;
  include: ReadonlySet<IncludeField>;
}

export function planExport(request: ExportRequest, indexes: IndexPolicy): SelectionPlan {
  return planSelection(request, indexes);
}

export function planExportPage({ collectionId, snapshot, from, include }: ExportPageRequest): ExportPagePlan {
  if (typeof snapshot !== "string") throw invalidArgument(`snapshot must be a string, got ${show(snapshot)}`);
  return { owner: collectionId, snapshot, from: optionalCount(from, "from") ?? 0, include: includeSet(include, "distances") };
}

export function planCount(request: CountRequest, indexes: IndexPolicy): SelectionPlan {
  if (request.readLevel !== undefined) validateReadLevel(request.readLevel);
  return planSelection(request, indexes);
}

export function planFacets(request: FacetsRequest, indexes: IndexPolicy): FacetPlan {
  const { keys, limit = limits.facetValuesDefault } = request;
  validateFacetKeys(keys);
  validateRange(limit, limits.facetValuesMax, "limit");
  return { ...planSelection(request, indexes), keys, order: "count", offset: 0, limit };
}

export function planDistinct(request: DistinctRequest, indexes: IndexPolicy): FacetPlan {
  validateMetadataName(request.key, "key");
  return {
    ...planSelection(request, indexes),
    keys: [request.key],
    order: "value",
    offset: optionalCount(request.offset, "offset") ?? 0,
    limit: optionalCount(request.limit, "limit") ?? Infinity,
  };
}

function validateFacetKeys(keys: unknown): asserts keys is string[] {
  validateArray(keys, "keys");
  if (keys.length === 0) throw invalidArgument("keys must name at least one metadata key");
  if (keys.length > limits.facetKeysMax) {
    throw new TidepoolError("LIMIT_EXCEEDED", `keys has ${keys.length} keys, more than the ${limits.facetKeysMax} allowed (facetKeysMax)`, {
      details: { limit: "facetKeysMax", allowed: limits.facetKeysMax },
    });
  }
  keys.forEach((key, i) => {
    validateMetadataName(key, `keys[${i}]`);
    if (keys.indexOf(key) !== i) throw invalidArgument(`keys[${i}] ${show(key)} is there twice; each key can be named once`);
  });
}

/** Validates a query; `dimension` is the collection's, `null` while nothing fixes it. */
export function planQuery(request: QueryRequest, dimension: number | null, indexes: IndexPolicy): QueryPlan {
  validateCount(request.nResults, "nResults");
  const { queryEmbeddings: rows, exact = false } = request;
  if (typeof exact !== "boolean") throw invalidArgument(`exact must be true or false, got ${show(exact)}`);
  validateObject(rows, "queryEmbeddings");
  const count = Math.floor(rows.values?.length / rows.dimension);
  validateEmbeddingRows({ ...rows, present: null }, count, dimension, "queryEmbeddings");
  const queries = Array.from({ length: count }, (_, q) => rows.values.subarray(q * rows.dimension, (q + 1) * rows.dimension));
  return {
    ...planSelection(request, indexes),
    source: { kind: "knn", queries, limit: request.nResults, exact },
    include: includeSet(request.include),
  };
}

export function planSearchText(request: SearchTextRequest, indexes: IndexPolicy): SearchTextPlan {
  validateCount(request.nResults, "nResults");
  if (request.suggest !== undefined && typeof request.suggest !== "boolean") {
    throw invalidArgument(`suggest must be a boolean, got ${show(request.suggest)}`);
  }
  return {
    ...planSelection(request, indexes),
    source: planText(request, request.nResults, indexes),
    include: includeSet(request.include, "distances"),
    highlight: planHighlight(request.highlight),
    suggest: request.suggest ?? false,
  };
}

/** What finds records by the words of a text. */
export function planText(
  request: Pick<SearchTextRequest, "query" | "prefix" | "fuzzy" | "operators">,
  limit: number,
  indexes: IndexPolicy,
): TextSource {
  checkFullText(indexes, "searchText");
  if (typeof request.query !== "string") throw invalidArgument(`query must be a string, got ${show(request.query)}`);
  if (typeof request.prefix !== "boolean") throw invalidArgument(`prefix must be a boolean, got ${show(request.prefix)}`);
  if (typeof request.fuzzy !== "number" || !(request.fuzzy >= 0 && request.fuzzy <= 1)) {
    throw invalidArgument(`fuzzy must be a number from 0 to 1, got ${show(request.fuzzy)}`);
  }
  if (request.operators !== undefined && typeof request.operators !== "boolean") {
    throw invalidArgument(`operators must be a boolean, got ${show(request.operators)}`);
  }
  const { query, prefix, fuzzy, operators } = request;
  return { kind: "text", query, limit, prefix, fuzzy, operators };
}

/** What is suggested, and among which records it is looked for. */
export interface AutoSuggestPlan extends SelectionPlan {
  source: TextSource;
}

export function planAutoSuggest(request: AutoSuggestRequest, indexes: IndexPolicy): AutoSuggestPlan {
  validateCount(request.nResults, "nResults");
  const { queryText, fuzzy, nResults } = request;
  if (typeof queryText !== "string") throw invalidArgument(`queryText must be a string, got ${show(queryText)}`);
  return { ...planSelection(request, indexes), source: planText({ query: queryText, prefix: true, fuzzy }, nResults, indexes) };
}

function planHighlight(highlight: SearchTextRequest["highlight"]): SearchTextPlan["highlight"] {
  if (highlight === undefined || highlight === false) return null;
  if (highlight !== true) validateObject(highlight, "highlight");
  const { before = "<mark>", after = "</mark>", maxLength = 240, ...others } = highlight === true ? {} : highlight;
  for (const name in others) throw invalidArgument(`highlight has the field ${show(name)}; it takes before, after, maxLength`);
  for (const [name, mark] of Object.entries({ before, after })) {
    if (typeof mark === "string" && mark.length <= limits.highlightMarkLengthMax) continue;
    const allowed = `a string of at most ${limits.highlightMarkLengthMax} characters (highlightMarkLengthMax)`;
    throw invalidArgument(`highlight.${name} must be ${allowed}, got ${show(mark)}`);
  }
  if (maxLength !== Infinity) validateAtLeast(maxLength, 1, "highlight.maxLength");
  return { before, after, maxLength };
}

export function planCheckRecall({ sample, k }: CheckRecallRequest): RecallPlan {
  validateRange(sample, limits.recallSampleMax, "sample");
  validateRange(k, limits.recallResultsMax, "k");
  return { sample, k };
}

export function planVacuum({ erase, after }: VacuumRequest): VacuumRequest {
  if (typeof erase !== "boolean") throw invalidArgument(`erase must be true or false, got ${show(erase)}`);
  validateCount(after, "after");
  return { erase, after };
}

function validateRange(value: unknown, max: number, argument: string): void {
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= max) return;
  throw invalidArgument(`${argument} must be a whole number from 1 to ${max}, got ${show(value)}`);
}

/** `null`: it selects nothing at all, and `delete({})` deletes nothing. */
export function planDelete(request: DeleteRequest, indexes: IndexPolicy): DeletePlan | null {
  const plan = planSelection(request, indexes);
  const limit = optionalCount(request.limit, "limit");
  if (limit !== null && request.where == null && request.whereDocument == null) {
    throw invalidArgument("limit can only be used with a where or whereDocument clause in delete");
  }
  return plan.filter === null ? null : { ...plan, limit: limit ?? Infinity };
}

export function planSelection(selection: Selection, indexes: IndexPolicy): SelectionPlan {
  const named: RecordFilter | null =
    selection.ids === undefined
      ? null
      : { kind: "condition", condition: { operator: "id", ids: selectedIds(selection.ids) }, negated: false };
  const parts: (RecordFilter | null)[] = [
    named,
    parseWhere(selection.where, selection.asChroma),
    parseWhereDocument(selection.whereDocument),
  ];
  const filters = parts.filter((part) => part !== null);
  for (const filter of filters) checkIndexed(filter, indexes);
  return { filter: filters.length > 1 ? { kind: "and", filters } : (filters[0] ?? null) };
}

function optionalCount(value: unknown, argument: string): number | null {
  if (value === undefined || value === null) return null;
  validateCount(value, argument);
  return value;
}

export function includeSet(include: unknown, exclude?: IncludeField): ReadonlySet<IncludeField> {
  validateInclude(include, exclude);
  return new Set(include);
}

/** Positions that limit and offset select of a list. */
export function planPage(request: { limit?: number; offset?: number }): { from: number; to: number } {
  const from = optionalCount(request.offset, "offset") ?? 0;
  return { from, to: from + (optionalCount(request.limit, "limit") ?? Infinity) };
}

/** A tenant is named by any non-empty string of well-formed Unicode. */
export function checkTenantName(name: unknown, argument = "name"): asserts name is string {
  if (typeof name === "string" && name !== "" && wellFormed(name) === name) return;
  throw invalidArgument(`${argument} must be a non-empty string of well-formed Unicode, got ${show(name)}`);
}

export function checkCollectionName(name: unknown): asserts name is string {
  validateName(name, "name");
}

export function checkDatabaseName(name: unknown): asserts name is string {
  validateName(name, "name");
}
