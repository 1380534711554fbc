/**
 * Reads the schema of a new collection, or says exactly what is wrong with it.
 *
 * The input is not trusted. What is given is laid over what holds without a schema, as Chroma's server does it; what
 * Chroma does not allow is refused, and so is whatever would have no effect here: a field that is not known, indexes of
 * keys that no metadata can have, a vector index that is off or elsewhere, encryption.
 */

import { invalidArgument, show, TidepoolError } from "../errors.js";
import { DEFAULT_SCHEMA, DOCUMENT_KEY, EMBEDDING_KEY } from "../schema.js";
import type {
  CollectionConfiguration,
  CollectionSchema,
  EmbeddingFunctionConfiguration,
  IndexSetting,
  SchemaFunction,
  SpannParameters,
  SparseVectorIndexSettings,
  ValueTypes,
  VectorIndexSettings,
} from "../types.js";
import { validateHnsw, validateSpann } from "./validate/configuration.js";
import { isMetadataKey } from "./validate/records.js";
import { validateObject } from "./validate/values.js";

/** What a schema comes to. */
export interface SchemaPlan {
  /** What is to be stored of it, the vector index aside. */
  schema: CollectionSchema;
  hnsw: Partial<CollectionConfiguration["hnsw"]>;
  spann: SpannParameters | undefined;
  embeddingFunction: EmbeddingFunctionConfiguration | null;
}

const INDEX_TYPES: Readonly<Record<keyof ValueTypes, readonly string[]>> = {
  string: ["fts_index", "string_inverted_index"],
  float_list: ["vector_index"],
  sparse_vector: ["sparse_vector_index"],
  int: ["int_inverted_index"],
  float: ["float_inverted_index"],
  bool: ["bool_inverted_index"],
};
const SPARSE_ALGORITHMS = ["wand", "max_score"] as const;
const FTS_ALGORITHMS = ["trigram", "token_bitmap"] as const;
const VALUE_TYPES = Object.keys(INDEX_TYPES);

export function planSchema(input: unknown): SchemaPlan {
  const given = readFields(input, "schema", ["defaults", "keys", "cmek"]);
  if (given.cmek != null) {
    throw new TidepoolError("NOT_SUPPORTED", "schema.cmek names a key in a cloud, which cannot be used for encryption here");
  }
  const defaults = readValueTypes(given.defaults ?? {}, "schema.defaults", VALUE_TYPES);
  const keys = readKeys(given.keys ?? {});
  checkPlaces({ defaults, keys });
  return { schema: storedSchema(defaults, keys), ...planVector(defaults, keys[EMBEDDING_KEY] ?? {}) };
}

/** Whether a plan says, the vector index aside, nothing else than what holds without a schema. */
export function isDefaultSchema({ schema }: SchemaPlan): boolean {
  return JSON.stringify(comparable(schema)) === JSON.stringify(comparable(DEFAULT_SCHEMA));
}

/** Chroma's default function counts as none, since its clients send it by themselves. */
export function isDefaultFunction(fn: EmbeddingFunctionConfiguration | null): boolean {
  return fn === null || (fn.type === "known" && fn.name === "default");
}

/** The parts in one order, whatever the order in which they were given. */
function comparable({ defaults: { string, sparse_vector, int, float, bool }, keys }: CollectionSchema): unknown {
  const { embedding_function, source_key, bm25, algorithm } = sparse_vector!.sparse_vector_index!.config;
  const document = keys[DOCUMENT_KEY]!.string!;
  const indexes = [string, document].map((types) => [types?.fts_index, types?.string_inverted_index]);
  return [...indexes, embedding_function, source_key, bm25, algorithm, int, float, bool, Object.keys(keys)];
}

// ---- reading

function readKeys(value: unknown): Record<string, ValueTypes> {
  validateObject(value, "schema.keys");
  return Object.fromEntries(Object.entries(value).map(([key, types]) => [key, readKey(key, types)]));
}

function readKey(key: string, types: unknown): ValueTypes {
  const path = `schema.keys[${show(key)}]`;
  if (key === DOCUMENT_KEY) return readValueTypes(types, path, ["string"]);
  if (key === EMBEDDING_KEY) return readValueTypes(types, path, ["float_list"]);
  if (isMetadataKey(key)) return readValueTypes(types, path, VALUE_TYPES);
  throw invalidArgument(`${path} is no metadata key: those are not empty, do not begin with '#' or '$' and are well-formed Unicode`);
}

function readValueTypes(value: unknown, path: string, allowed: readonly string[]): ValueTypes {
  const types: Record<string, unknown> = {};
  for (const [type, indexes] of Object.entries(readFields(value, path, allowed))) {
    if (indexes == null) continue;
    const given = Object.entries(readFields(indexes, `${path}.${type}`, INDEX_TYPES[type as keyof ValueTypes]));
    types[type] = Object.fromEntries(
      given.filter(([, index]) => index != null).map(([name, index]) => [name, readIndex(name, index, `${path}.${type}.${name}`)]),
    );
  }
  return types;
}

function readIndex(name: string, value: unknown, path: string): IndexSetting {
  const { enabled, config } = readFields(value, path, ["enabled", "config"]);
  if (typeof enabled !== "boolean") throw invalidArgument(`${path}.enabled must be true or false, got ${show(enabled)}`);
  return { enabled, config: readConfig(name, config ?? {}, `${path}.config`) };
}

function readConfig(name: string, config: unknown, path: string): object {
  if (name === "vector_index") return readVector(config, path);
  if (name === "sparse_vector_index") return readSparse(config, path);
  if (name === "fts_index") return readAlgorithm(readFields(config, path, ["algorithm"]).algorithm, FTS_ALGORITHMS, path);
  return readFields(config, path, []);
}

function readVector(config: unknown, path: string): VectorIndexSettings {
  const given = readFields(config, path, ["space", "embedding_function", "source_key", "hnsw", "spann"]);
  if (given.source_key != null && given.source_key !== DOCUMENT_KEY) {
    throw invalidArgument(
      `${path}.source_key must be ${show(DOCUMENT_KEY)}, since embeddings are made of documents, got ${show(given.source_key)}`,
    );
  }
  const settings: VectorIndexSettings = {};
  if (given.spann != null) settings.spann = validateSpann(given.spann, "create", `${path}.spann`);
  if (given.hnsw != null) settings.hnsw = readHnsw(given.hnsw, `${path}.hnsw`);
  if (given.space != null) settings.space = validateHnsw({ space: given.space }, "create", path).space;
  if (given.embedding_function != null) settings.embedding_function = readFunction(given.embedding_function, `${path}.embedding_function`);
  return settings;
}

function readHnsw(hnsw: unknown, path: string): NonNullable<VectorIndexSettings["hnsw"]> {
  const { space, ...parameters } = validateHnsw(hnsw, "create", path);
  if (space !== undefined) throw invalidArgument(`${path} has the field "space", which stands beside hnsw in the config of a vector index`);
  return parameters;
}

function readSparse(config: unknown, path: string): SparseVectorIndexSettings {
  const given = readFields(config, path, ["embedding_function", "source_key", "bm25", "algorithm"]);
  const settings: SparseVectorIndexSettings = readAlgorithm(given.algorithm, SPARSE_ALGORITHMS, path);
  if (given.embedding_function != null) settings.embedding_function = readFunction(given.embedding_function, `${path}.embedding_function`);
  if (given.source_key != null) settings.source_key = readSourceKey(given.source_key, `${path}.source_key`);
  if (given.bm25 != null) {
    if (typeof given.bm25 !== "boolean") throw invalidArgument(`${path}.bm25 must be true or false, got ${show(given.bm25)}`);
    settings.bm25 = given.bm25;
  }
  return settings;
}

/** How Chroma builds an index. The first of those that it knows is what holds anyway, and is not told. */
function readAlgorithm<Name extends string>(value: unknown, names: readonly Name[], path: string): { algorithm?: Name } {
  const algorithm = value == null ? names[0] : names.find((name) => name === value);
  if (algorithm === undefined) throw invalidArgument(`${path}.algorithm must be ${names.join(" or ")}, got ${show(value)}`);
  return algorithm === names[0] ? {} : { algorithm };
}

function readSourceKey(key: unknown, path: string): string {
  if (typeof key === "string" && (key === DOCUMENT_KEY || isMetadataKey(key))) return key;
  throw invalidArgument(`${path} must be ${show(DOCUMENT_KEY)} or a metadata key, got ${show(key)}`);
}

function readFunction(value: unknown, path: string): SchemaFunction {
  const { type, name, config } = readFields(value, path, ["type", "name", "config"]);
  if (type === "unknown") return { type };
  // What the name of a function says that cannot be built again is for people only.
  if (type === "legacy") return typeof name === "string" ? { type, name } : { type };
  if (type !== "known") throw invalidArgument(`${path}.type must be known, legacy or unknown, got ${show(type)}`);
  if (typeof name !== "string" || name === "") throw invalidArgument(`${path}.name must be a non-empty string, got ${show(name)}`);
  validateObject(config ?? {}, `${path}.config`);
  return { type, name, config: (config ?? {}) as Record<string, unknown> };
}

/** An object that has no fields but these. */
function readFields(value: unknown, path: string, allowed: readonly string[]): Record<string, unknown> {
  validateObject(value, path);
  const stranger = Object.keys(value).find((key) => !allowed.includes(key));
  if (stranger === undefined) return value as Record<string, unknown>;
  throw invalidArgument(`${path} has the field ${show(stranger)}; it takes ${allowed.join(", ") || "none"}`);
}

// ---- what may be where

function checkPlaces({ defaults, keys }: CollectionSchema): void {
  if (defaults.float_list?.vector_index?.enabled) {
    throw invalidArgument("Vector index cannot be enabled by default. It can only be enabled on #embedding field.");
  }
  if (defaults.sparse_vector?.sparse_vector_index?.enabled) {
    throw invalidArgument("Sparse vector index cannot be enabled by default. " + "Please enable sparse vector index on specific keys.");
  }
  if (defaults.string?.fts_index?.enabled) {
    throw invalidArgument(
      "Full text search / regular expression index cannot be enabled by default. It can only be enabled on #document field.",
    );
  }
  for (const [key, types] of Object.entries(keys)) checkKey(key, types);
}

function checkKey(key: string, { string, float_list }: ValueTypes): void {
  if (key === EMBEDDING_KEY && float_list?.vector_index?.enabled === false) {
    throw invalidArgument("Vector index cannot be disabled on #embedding field.");
  }
  if (key === DOCUMENT_KEY && string?.string_inverted_index?.enabled) {
    throw invalidArgument(
      "String inverted index cannot be enabled on #document field. Documents are found by full text search and whereDocument.",
    );
  }
  if (key !== EMBEDDING_KEY && float_list?.vector_index?.enabled) {
    throw invalidArgument(`Vector index can only be enabled on #embedding field: ${key}`);
  }
  if (key !== DOCUMENT_KEY && string?.fts_index?.enabled) {
    throw invalidArgument(`Full text search / regular expression index can only be enabled on #document field: ${key}`);
  }
}

// ---- what it comes to

function storedSchema(defaults: ValueTypes, keys: Record<string, ValueTypes>): CollectionSchema {
  const exceptions = Object.entries(keys).filter(([key]) => key !== EMBEDDING_KEY && key !== DOCUMENT_KEY);
  return {
    defaults: over(DEFAULT_SCHEMA.defaults, defaults),
    keys: Object.fromEntries([
      [DOCUMENT_KEY, over(DEFAULT_SCHEMA.keys[DOCUMENT_KEY]!, keys[DOCUMENT_KEY] ?? {})],
      ...exceptions.map(([key, types]) => [key, over({}, types)] as const),
    ]),
  };
}

/** Settings of single indexes take the place of others; those of a sparse index are taken field by field. */
function over(base: ValueTypes, given: ValueTypes): ValueTypes {
  const { float_list: _vector, ...types } = given;
  const merged: Record<string, object> = {};
  for (const type of VALUE_TYPES as (keyof typeof types)[]) {
    if (base[type] !== undefined || types[type] !== undefined) merged[type] = { ...base[type], ...types[type] };
  }
  const sparse = types.sparse_vector?.sparse_vector_index;
  if (sparse !== undefined) {
    const config = { ...base.sparse_vector?.sparse_vector_index?.config, ...sparse.config };
    merged["sparse_vector"] = { sparse_vector_index: { ...sparse, config } };
  }
  return merged;
}

/** What #embedding leaves open is looked up among the defaults. */
function planVector(defaults: ValueTypes, embedding: ValueTypes): Pick<SchemaPlan, "hnsw" | "spann" | "embeddingFunction"> {
  const general = defaults.float_list?.vector_index?.config ?? {};
  const own = embedding.float_list?.vector_index?.config ?? {};
  const space = own.space ?? general.space;
  return {
    hnsw: { ...general.hnsw, ...own.hnsw, ...(space === undefined ? {} : { space }) },
    spann: own.spann ?? general.spann,
    embeddingFunction: planFunction(own.embedding_function ?? general.embedding_function),
  };
}

function planFunction(fn: SchemaFunction | undefined): EmbeddingFunctionConfiguration | null {
  if (fn === undefined || fn.type === "unknown") return null;
  return { name: "", config: {}, ...fn } as EmbeddingFunctionConfiguration;
}
