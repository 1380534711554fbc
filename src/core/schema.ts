/**
 * A collection's schema: which indexes it has, for every key and, as exceptions, for single ones. In memory, in the catalog
 * and on the wire it is the JSON that Chroma's clients and servers exchange.
 *
 * The vector index stands in the collection's configuration, which `modify` can change, and nowhere else: what is stored as
 * a schema says nothing of it, and `describeSchema` puts the two together. A collection that was made without a schema,
 * or with one that says what holds anyway, stores none.
 */
import type {
  CollectionConfiguration,
  CollectionSchema,
  EmbeddingFunctionConfiguration,
  IndexSetting,
  Scalar,
  SchemaFunction,
  ValueTypes,
  VectorIndexSettings,
} from "./types.js";

/** Chroma's defaults. */
export const DEFAULT_HNSW: CollectionConfiguration["hnsw"] = {
  space: "l2",
  ef_construction: 100,
  ef_search: 100,
  max_neighbors: 16,
  resize_factor: 1.2,
  sync_threshold: 1000,
};

/** Whether nothing is said of the graph but the space: so it is where nobody has asked for one. */
export function hasDefaultGraph({ hnsw }: CollectionConfiguration): boolean {
  const names = Object.keys({ ...DEFAULT_HNSW, ...hnsw }) as (keyof typeof hnsw)[];
  return names.every((name) => name === "space" || hnsw[name] === DEFAULT_HNSW[name]);
}

/** The key under which a schema speaks of the documents. */
export const DOCUMENT_KEY = "#document";
/** The key under which a schema speaks of the embeddings. */
export const EMBEDDING_KEY = "#embedding";

const off = { enabled: false, config: {} };
const on = { enabled: true, config: {} };

/** What holds without a schema, but for the vector index. */
export const DEFAULT_SCHEMA: CollectionSchema = {
  defaults: {
    string: { fts_index: off, string_inverted_index: on },
    sparse_vector: { sparse_vector_index: { enabled: false, config: { embedding_function: { type: "unknown" }, bm25: false } } },
    int: { int_inverted_index: on },
    float: { float_inverted_index: on },
    bool: { bool_inverted_index: on },
  },
  keys: { [DOCUMENT_KEY]: { string: { fts_index: on, string_inverted_index: off } } },
};

/** The whole schema of a collection, as Chroma's server tells it. */
export function describeSchema(stored: CollectionSchema | undefined, configuration: CollectionConfiguration): CollectionSchema {
  const { defaults, keys } = stored ?? DEFAULT_SCHEMA;
  const config = vectorSettings(configuration);
  const embedding = { float_list: { vector_index: { enabled: true, config: { ...config, source_key: DOCUMENT_KEY } } } };
  return {
    defaults: { ...defaults, float_list: { vector_index: { enabled: false, config } } },
    keys: { ...keys, [EMBEDDING_KEY]: embedding },
  };
}

function vectorSettings({ hnsw: { space, ...parameters }, spann, embedding_function }: CollectionConfiguration): VectorIndexSettings {
  return {
    ...(embedding_function === null ? {} : { embedding_function: describeFunction(embedding_function) }),
    space,
    // The last two are Chroma's defaults; they have no meaning here.
    ...(spann === undefined ? { hnsw: { ...parameters, num_threads: 2, batch_size: 100 } } : { spann }),
  };
}

/** A function that cannot be built again is told as nothing but that. */
export function describeFunction(fn: EmbeddingFunctionConfiguration): SchemaFunction {
  return fn.type === "known" ? { type: fn.type, name: fn.name, config: fn.config } : { type: "legacy" };
}

/** Types of metadata values that an index of their own may be kept of. A number without a fraction is an "int". */
export type IndexedType = "string" | "int" | "float" | "bool" | "sparse_vector";

/** Integers beyond this are written with an exponent, which makes them floats on Chroma's wire. */
const INT_MAX = 2 ** 63;

export function typeOfScalar(value: Scalar): IndexedType {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  return Number.isInteger(value) && Math.abs(value) < INT_MAX ? "int" : "float";
}

/** Which of its values a collection finds by an index. */
export class IndexPolicy {
  readonly #schema: CollectionSchema;

  constructor(schema: CollectionSchema | undefined) {
    this.#schema = schema ?? DEFAULT_SCHEMA;
  }

  /** Whether documents are indexed and searched as text. */
  get fullText(): boolean {
    return this.#settings(DOCUMENT_KEY).string?.fts_index?.enabled ?? true;
  }

  /** Whether values of this type under this metadata key are indexed. */
  isIndexed(key: string, type: IndexedType): boolean {
    return (settingOf(this.#settings(key), type) ?? settingOf(this.#schema.defaults, type))?.enabled ?? true;
  }

  /** Metadata keys under which sparse vectors are indexed. */
  get sparseKeys(): string[] {
    return Object.keys(this.#schema.keys).filter((key) => this.isIndexed(key, "sparse_vector"));
  }

  /** Whether the terms of a query for sparse vectors under this key count by how rare they are. */
  weighsByRarity(key: string): boolean {
    return this.#settings(key).sparse_vector?.sparse_vector_index?.config.bm25 ?? false;
  }

  #settings(key: string): ValueTypes {
    return Object.hasOwn(this.#schema.keys, key) ? this.#schema.keys[key]! : {};
  }
}

function settingOf(types: ValueTypes, type: IndexedType): IndexSetting | undefined {
  switch (type) {
    case "string":
      return types.string?.string_inverted_index;
    case "int":
      return types.int?.int_inverted_index;
    case "float":
      return types.float?.float_inverted_index;
    case "bool":
      return types.bool?.bool_inverted_index;
    case "sparse_vector":
      return types.sparse_vector?.sparse_vector_index;
  }
}
