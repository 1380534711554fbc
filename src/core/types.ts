/** The words that the page, the wire and the engine share. Public names follow the `chromadb` JavaScript client. */

/**
 * A sparse vector as a metadata value: where it is not zero, and what it is there. Indices are whole numbers from 0 to
 * 2³² − 1 that ascend, each once; `values` has one finite number for each, kept as float32. Both may be empty. Chroma's mark
 * `"#type": "sparse_vector"` and its `tokens` may be there too, and are not kept.
 */
export interface SparseVector {
  indices: number[];
  values: number[];
}

/**
 * One metadata value: a scalar, a homogeneous array of scalars, or a sparse vector. Numbers are IEEE doubles; `NaN` and
 * infinities are refused. Filters look at scalars and arrays only: to them a sparse vector is a value of another type.
 */
export type MetadataValue = string | number | boolean | string[] | number[] | boolean[] | SparseVector;

/** Metadata of a record as it is stored and returned. */
export type Metadata = Record<string, MetadataValue>;

/** Metadata in `update` and `upsert`: merged into what is stored; `null` deletes the key. */
export type MetadataPatch = Record<string, MetadataValue | null>;

type Scalar = string | number | boolean;

/** A condition on one metadata key. */
export type WhereOperator =
  | { $eq: Scalar }
  | { $ne: Scalar }
  | { $gt: number }
  | { $gte: number }
  | { $lt: number }
  | { $lte: number }
  | { $in: Scalar[] }
  | { $nin: Scalar[] }
  | { $contains: Scalar }
  | { $not_contains: Scalar };

/** Filter on metadata. Negations (`$ne`, `$nin`, `$not_contains`) also match records that lack the key. */
export type Where = { $and: Where[] } | { $or: Where[] } | { [key: string]: Scalar | WhereOperator };

/** Filter on documents. Negations also match records without a document. */
export type WhereDocument =
  | { $contains: string }
  | { $not_contains: string }
  | { $regex: string }
  | { $not_regex: string }
  | { $and: WhereDocument[] }
  | { $or: WhereDocument[] };

/** Fields that a read may return beside the ids. */
export type IncludeField = "distances" | "documents" | "embeddings" | "metadatas" | "uris";

/** How distance is measured: squared Euclidean, 1 − cosine, or 1 − dot product. */
export type Space = "l2" | "cosine" | "ip";

/** What builds and walks the graph of a large collection: Tidepool's own, or the npm package hnswlib-wasm. */
export type IndexEngine = "tidepool" | "hnswlib";

/**
 * An embedding function as it is stored with a collection: enough to build it again when its class is registered under
 * `name` ("known"), or only its name ("legacy").
 */
export interface EmbeddingFunctionConfiguration {
  type: "known" | "legacy";
  name: string;
  config: Record<string, unknown>;
}

/** A collection's configuration as stored. `resize_factor` and `sync_threshold` are kept for Chroma's sake and have no effect. */
export interface CollectionConfiguration {
  hnsw: {
    space: Space;
    ef_construction: number;
    ef_search: number;
    max_neighbors: number;
    resize_factor: number;
    sync_threshold: number;
    /** What builds and walks the graph; missing where it is Tidepool's own. Fixed when the collection is created. */
    engine?: IndexEngine;
  };
  embedding_function: EmbeddingFunctionConfiguration | null;
}

/** Whether there is an index, and how it is built. */
export interface IndexSetting<C = object> {
  enabled: boolean;
  config: C;
}

/** An embedding function in a schema; `unknown` where there is none. One that cannot be built again is only said to be there. */
export type SchemaFunction =
  | { type: "known"; name: string; config: Record<string, unknown> }
  | { type: "legacy"; name?: string }
  | { type: "unknown" };

export interface VectorIndexSettings {
  space?: Space;
  embedding_function?: SchemaFunction;
  /** What is embedded: always the document. */
  source_key?: string;
  hnsw?: { [parameter: string]: number | string };
  /** Chroma's distributed index. Checked, and without effect. */
  spann?: { [parameter: string]: number };
}

export interface SparseVectorIndexSettings {
  embedding_function?: SchemaFunction;
  /** What the client embeds where a record brings no vector: `#document`, or a metadata key whose value is a string. */
  source_key?: string;
  bm25?: boolean;
}

/** Indexes by the type of the value. */
export interface ValueTypes {
  string?: { fts_index?: IndexSetting; string_inverted_index?: IndexSetting };
  float_list?: { vector_index?: IndexSetting<VectorIndexSettings> };
  sparse_vector?: { sparse_vector_index?: IndexSetting<SparseVectorIndexSettings> };
  int?: { int_inverted_index?: IndexSetting };
  float?: { float_inverted_index?: IndexSetting };
  bool?: { bool_inverted_index?: IndexSetting };
}

export interface CollectionSchema {
  defaults: ValueTypes;
  /** What differs under single keys. */
  keys: Record<string, ValueTypes>;
}

/** A collection as the system database knows it. */
export interface CollectionInfo {
  id: string;
  name: string;
  tenant: string;
  database: string;
  metadata: Metadata | null;
  configuration: CollectionConfiguration;
  /** Every index, those of the configuration included. */
  schema: CollectionSchema;
  /** `null` until the first record fixes it. */
  dimension: number | null;
}

/** Embeddings of a batch: one flat array, row-major. */
export interface EmbeddingRows {
  dimension: number;
  /** Rows of the records that carry an embedding, in batch order. */
  values: Float32Array;
  /** One byte per record, 1 where it carries an embedding; `null`: every record does. */
  present: Uint8Array | null;
}

/**
 * Records on their way into the log, in columns. A column that is `null`, or a `null` in it, means "not given": nothing
 * for add, unchanged for update and upsert of an existing record.
 */
export interface RecordBatch {
  ids: string[];
  embeddings: EmbeddingRows | null;
  documents: (string | null)[] | null;
  metadatas: (MetadataPatch | null)[] | null;
  uris: (string | null)[] | null;
}

/** One record's columns as a reader gets them. */
export interface RecordColumns {
  ids: string[];
  documents: (string | null)[] | null;
  metadatas: (Metadata | null)[] | null;
  uris: (string | null)[] | null;
  /** Row-major, one row per id. */
  embeddings: { dimension: number; values: Float32Array } | null;
}
