/** The kinds of index that a schema may ask for, and the shelves on which it keeps them: Chroma's classes. */
import type { CollectionConfiguration, Space } from "../../core/types.js";
import type { EmbeddingFunction } from "../embedding-function.js";
import type { Key } from "../search/key.js";
import type { SparseEmbeddingFunction } from "./sparse-embedding-function.js";

/** Full-text index of the documents: `searchText`, `Text` and `whereDocument`. */
export class FtsIndexConfig {
  readonly type = "FtsIndexConfig";
}

/** Index of metadata values that are strings, and of the elements of arrays of strings. */
export class StringInvertedIndexConfig {
  readonly type = "StringInvertedIndexConfig";
}

/** Index of metadata values, and of elements of arrays, that are whole numbers. */
export class IntInvertedIndexConfig {
  readonly type = "IntInvertedIndexConfig";
}

/** Index of metadata values, and of elements of arrays, that are numbers with a fraction. */
export class FloatInvertedIndexConfig {
  readonly type = "FloatInvertedIndexConfig";
}

/** Index of metadata values that are booleans, and of the elements of arrays of booleans. */
export class BoolInvertedIndexConfig {
  readonly type = "BoolInvertedIndexConfig";
}

/** Parameters of the graph, as in `configuration.hnsw` but without the space. */
export type HnswIndexConfig = Partial<Omit<CollectionConfiguration["hnsw"], "space">> & { batch_size?: number; num_threads?: number };

/** Parameters of Chroma's distributed index. They are checked, and have no effect here. */
export interface SpannIndexConfig {
  [parameter: string]: number | null | undefined;
}

export interface VectorIndexConfigOptions {
  /** Default: what the embedding function prefers, else "l2". */
  space?: Space | null;
  /** Embeds the collection's texts. `null`: none. Left out: what `createCollection` is given, or its default. */
  embeddingFunction?: EmbeddingFunction | null;
  /** What is embedded: `#document`, which is the default, and nothing else. */
  sourceKey?: string | Key | null;
  hnsw?: HnswIndexConfig | null;
  spann?: SpannIndexConfig | null;
}

/** The index of the embeddings. There is one, for `#embedding`; it cannot be deleted. */
export class VectorIndexConfig {
  readonly type = "VectorIndexConfig";
  space: Space | null;
  embeddingFunction?: EmbeddingFunction | null;
  sourceKey: string | null;
  hnsw: HnswIndexConfig | null;
  spann: SpannIndexConfig | null;

  constructor(options: VectorIndexConfigOptions = {}) {
    this.space = options.space ?? null;
    this.embeddingFunction = options.embeddingFunction;
    this.sourceKey = keyName(options.sourceKey);
    this.hnsw = options.hnsw ?? null;
    this.spann = options.spann ?? null;
  }
}

export interface SparseVectorIndexConfigOptions {
  /** Makes the sparse vector of a record that brings none. Needed with `sourceKey`. */
  embeddingFunction?: SparseEmbeddingFunction | null;
  /** What is embedded: `#document`, or a metadata key whose values are strings. */
  sourceKey?: string | Key | null;
  /** Whether the vectors are weights of BM25. */
  bm25?: boolean | null;
}

/** The index of the sparse vectors under one metadata key; a collection may have one. */
export class SparseVectorIndexConfig {
  readonly type = "SparseVectorIndexConfig";
  embeddingFunction?: SparseEmbeddingFunction | null;
  sourceKey: string | null;
  bm25: boolean | null;

  constructor(options: SparseVectorIndexConfigOptions = {}) {
    this.embeddingFunction = options.embeddingFunction;
    this.sourceKey = keyName(options.sourceKey);
    this.bm25 = options.bm25 ?? null;
  }
}

function keyName(key: string | Key | null | undefined): string | null {
  return typeof key === "object" ? (key?.name ?? null) : (key ?? null);
}

export type IndexConfig =
  | FtsIndexConfig
  | VectorIndexConfig
  | SparseVectorIndexConfig
  | StringInvertedIndexConfig
  | IntInvertedIndexConfig
  | FloatInvertedIndexConfig
  | BoolInvertedIndexConfig;

/** Whether there is an index, and how it is built. */
class IndexType<C extends IndexConfig> {
  enabled: boolean;
  config: C;

  constructor(enabled: boolean, config: C) {
    this.enabled = enabled;
    this.config = config;
  }
}

export class FtsIndexType extends IndexType<FtsIndexConfig> {}
export class StringInvertedIndexType extends IndexType<StringInvertedIndexConfig> {}
export class VectorIndexType extends IndexType<VectorIndexConfig> {}
export class SparseVectorIndexType extends IndexType<SparseVectorIndexConfig> {}
export class IntInvertedIndexType extends IndexType<IntInvertedIndexConfig> {}
export class FloatInvertedIndexType extends IndexType<FloatInvertedIndexConfig> {}
export class BoolInvertedIndexType extends IndexType<BoolInvertedIndexConfig> {}

export class StringValueType {
  ftsIndex: FtsIndexType | null;
  stringInvertedIndex: StringInvertedIndexType | null;

  constructor(ftsIndex: FtsIndexType | null = null, stringInvertedIndex: StringInvertedIndexType | null = null) {
    this.ftsIndex = ftsIndex;
    this.stringInvertedIndex = stringInvertedIndex;
  }
}

export class FloatListValueType {
  vectorIndex: VectorIndexType | null;

  constructor(vectorIndex: VectorIndexType | null = null) {
    this.vectorIndex = vectorIndex;
  }
}

export class SparseVectorValueType {
  sparseVectorIndex: SparseVectorIndexType | null;

  constructor(sparseVectorIndex: SparseVectorIndexType | null = null) {
    this.sparseVectorIndex = sparseVectorIndex;
  }
}

export class IntValueType {
  intInvertedIndex: IntInvertedIndexType | null;

  constructor(intInvertedIndex: IntInvertedIndexType | null = null) {
    this.intInvertedIndex = intInvertedIndex;
  }
}

export class FloatValueType {
  floatInvertedIndex: FloatInvertedIndexType | null;

  constructor(floatInvertedIndex: FloatInvertedIndexType | null = null) {
    this.floatInvertedIndex = floatInvertedIndex;
  }
}

export class BoolValueType {
  boolInvertedIndex: BoolInvertedIndexType | null;

  constructor(boolInvertedIndex: BoolInvertedIndexType | null = null) {
    this.boolInvertedIndex = boolInvertedIndex;
  }
}

/** Indexes by the type of the value; `null` where nothing is said. */
export class ValueTypes {
  string: StringValueType | null = null;
  floatList: FloatListValueType | null = null;
  sparseVector: SparseVectorValueType | null = null;
  intValue: IntValueType | null = null;
  floatValue: FloatValueType | null = null;
  boolean: BoolValueType | null = null;
}
