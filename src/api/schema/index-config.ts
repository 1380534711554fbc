/** The kinds of index that a schema may ask for, and the shelves on which it keeps them: Chroma's classes. */

import type {
  CollectionConfiguration,
  FullTextIndexSettings,
  Space,
  SpannParameters,
  SparseVectorIndexSettings,
} from "../../core/types.js";
import type { EmbeddingFunction } from "../embedding-function.js";
import { readArguments, readObject } from "../read-arguments.js";
import type { Key } from "../search/key.js";
import type { SparseEmbeddingFunction } from "./sparse-embedding-function.js";

/** Options of {@link FtsIndexConfig}. */
export interface FtsIndexConfigOptions {
  /** How Chroma builds the index. Stored and told, and without effect: filters give the answers of a scan either way. */
  algorithm?: NonNullable<FullTextIndexSettings["algorithm"]> | null;
}

/** Full-text index of the documents: `searchText`, `Text` and `whereDocument`. */
export class FtsIndexConfig {
  /** Tells the classes of index apart, as in Chroma's client. */
  readonly type = "FtsIndexConfig";
  /** How Chroma builds the index; `null` for "trigram". */
  algorithm: NonNullable<FullTextIndexSettings["algorithm"]> | null;

  /** For `schema.createIndex(config, "#document")`. */
  constructor(given: FtsIndexConfigOptions = {}) {
    const { algorithm } = readArguments("FtsIndexConfig", () => readObject(given, "FtsIndexConfig", "algorithm"));
    this.algorithm = algorithm ?? null;
  }
}

/** Index of metadata values that are strings, and of the elements of arrays of strings. */
export class StringInvertedIndexConfig {
  /** Tells the classes of index apart, as in Chroma's client. */
  readonly type = "StringInvertedIndexConfig";
}

/** Index of metadata values, and of elements of arrays, that are whole numbers. */
export class IntInvertedIndexConfig {
  /** Tells the classes of index apart, as in Chroma's client. */
  readonly type = "IntInvertedIndexConfig";
}

/** Index of metadata values, and of elements of arrays, that are numbers with a fraction. */
export class FloatInvertedIndexConfig {
  /** Tells the classes of index apart, as in Chroma's client. */
  readonly type = "FloatInvertedIndexConfig";
}

/** Index of metadata values that are booleans, and of the elements of arrays of booleans. */
export class BoolInvertedIndexConfig {
  /** Tells the classes of index apart, as in Chroma's client. */
  readonly type = "BoolInvertedIndexConfig";
}

/** Parameters of the graph, as in `configuration.hnsw` but without the space. */
export type HnswIndexConfig = Partial<Omit<CollectionConfiguration["hnsw"], "space">> & {
  /** Taken for Chroma's sake and forgotten. */
  batch_size?: number;
  /** Taken for Chroma's sake and forgotten. */
  num_threads?: number;
};

/** Parameters of inverted lists, as in `configuration.spann` but without the space. */
export type SpannIndexConfig = { [Name in keyof SpannParameters]?: SpannParameters[Name] | null };

/** Options of {@link VectorIndexConfig}. */
export interface VectorIndexConfigOptions {
  /** Default: what the embedding function prefers, else "l2". */
  space?: Space | null;
  /** Embeds the collection's texts. `null`: none. Left out: what `createCollection` is given, or its default. */
  embeddingFunction?: EmbeddingFunction | null;
  /** What is embedded: `#document`, which is the default, and nothing else. */
  sourceKey?: string | Key | null;
  /** Parameters of the graph that large collections get. Default: those of a collection without a schema. */
  hnsw?: HnswIndexConfig | null;
  /** Given: vectors lie in inverted lists, for sets that memory does not hold, instead of a graph; `{}` takes all defaults. */
  spann?: SpannIndexConfig | null;
}

/** The index of the embeddings. There is one, for `#embedding`; it cannot be deleted. */
export class VectorIndexConfig {
  /** Tells the classes of index apart, as in Chroma's client. */
  readonly type = "VectorIndexConfig";
  /** How distance is measured; `null` leaves it to the embedding function, and then to "l2". */
  space: Space | null;
  /** Embeds the collection's texts; `null` for nothing, `undefined` where nothing is said. */
  embeddingFunction?: EmbeddingFunction | null;
  /** What is embedded; `null` means the document. */
  sourceKey: string | null;
  /** Parameters of the graph; `null` where nothing is said. */
  hnsw: HnswIndexConfig | null;
  /** Parameters of inverted lists; `null` where vectors do not lie in such. */
  spann: SpannIndexConfig | null;

  /** For `schema.createIndex(config)`, without a key. What is left out is what a collection without a schema has. */
  constructor(given: VectorIndexConfigOptions = {}) {
    const options = readArguments("VectorIndexConfig", () => {
      const read = readObject(given, "VectorIndexConfig", "space embeddingFunction sourceKey hnsw spann");
      return { ...read, sourceKey: keyName(read.sourceKey) };
    });
    this.space = options.space ?? null;
    this.embeddingFunction = options.embeddingFunction;
    this.sourceKey = options.sourceKey;
    this.hnsw = options.hnsw ?? null;
    this.spann = options.spann ?? null;
  }
}

/** Options of {@link SparseVectorIndexConfig}. */
export interface SparseVectorIndexConfigOptions {
  /** Makes the sparse vector of a record that brings none. Needed with `sourceKey`. */
  embeddingFunction?: SparseEmbeddingFunction | null;
  /** What is embedded: `#document`, or a metadata key whose values are strings. */
  sourceKey?: string | Key | null;
  /** Whether the vectors are weights of BM25: the entries of a query then count by how rare they are. Default `false`. */
  bm25?: boolean | null;
  /** How Chroma searches the index. Stored and told, and without effect: both give the same answers. Default "wand". */
  algorithm?: NonNullable<SparseVectorIndexSettings["algorithm"]> | null;
}

/** The index of the sparse vectors under one metadata key; any number of keys may have one. It is searched with `Knn`. */
export class SparseVectorIndexConfig {
  /** Tells the classes of index apart, as in Chroma's client. */
  readonly type = "SparseVectorIndexConfig";
  /** Makes the sparse vector of a record that brings none. */
  embeddingFunction?: SparseEmbeddingFunction | null;
  /** What it makes them of: `#document`, or a metadata key; `null` for nothing. */
  sourceKey: string | null;
  /** Whether the entries of a query count by how rare they are; `null` where nothing is said. */
  bm25: boolean | null;
  /** How Chroma searches the index; `null` for "wand". */
  algorithm: NonNullable<SparseVectorIndexSettings["algorithm"]> | null;

  /** For `schema.createIndex(config, key)`: the key is the one under which the vectors stand. */
  constructor(given: SparseVectorIndexConfigOptions = {}) {
    const options = readArguments("SparseVectorIndexConfig", () => {
      const read = readObject(given, "SparseVectorIndexConfig", "embeddingFunction sourceKey bm25 algorithm");
      return { ...read, sourceKey: keyName(read.sourceKey) };
    });
    this.embeddingFunction = options.embeddingFunction;
    this.sourceKey = options.sourceKey;
    this.bm25 = options.bm25 ?? null;
    this.algorithm = options.algorithm ?? null;
  }
}

function keyName(key: string | Key | null | undefined): string | null {
  return typeof key === "object" ? (key?.name ?? null) : (key ?? null);
}

/** Every index that a schema can ask for. */
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
  /** Whether there is such an index. */
  enabled: boolean;
  /** How it is built. */
  config: C;

  /** An index that is there or not, built in this way. */
  constructor(enabled: boolean, config: C) {
    this.enabled = enabled;
    this.config = config;
  }
}

/** Whether documents have a full-text index. */
export class FtsIndexType extends IndexType<FtsIndexConfig> {}
/** Whether strings have an index. */
export class StringInvertedIndexType extends IndexType<StringInvertedIndexConfig> {}
/** Whether embeddings have an index, and which. */
export class VectorIndexType extends IndexType<VectorIndexConfig> {}
/** Whether sparse vectors have an index, and which. */
export class SparseVectorIndexType extends IndexType<SparseVectorIndexConfig> {}
/** Whether whole numbers have an index. */
export class IntInvertedIndexType extends IndexType<IntInvertedIndexConfig> {}
/** Whether numbers with a fraction have an index. */
export class FloatInvertedIndexType extends IndexType<FloatInvertedIndexConfig> {}
/** Whether booleans have an index. */
export class BoolInvertedIndexType extends IndexType<BoolInvertedIndexConfig> {}

/** The indexes of strings. */
export class StringValueType {
  /** As text; `null` where nothing is said. */
  ftsIndex: FtsIndexType | null;
  /** By value; `null` where nothing is said. */
  stringInvertedIndex: StringInvertedIndexType | null;

  /** Either index, or none. */
  constructor(ftsIndex: FtsIndexType | null = null, stringInvertedIndex: StringInvertedIndexType | null = null) {
    this.ftsIndex = ftsIndex;
    this.stringInvertedIndex = stringInvertedIndex;
  }
}

/** The index of embeddings. */
export class FloatListValueType {
  /** `null` where nothing is said. */
  vectorIndex: VectorIndexType | null;

  /** This index, or none. */
  constructor(vectorIndex: VectorIndexType | null = null) {
    this.vectorIndex = vectorIndex;
  }
}

/** The index of sparse vectors. */
export class SparseVectorValueType {
  /** `null` where nothing is said. */
  sparseVectorIndex: SparseVectorIndexType | null;

  /** This index, or none. */
  constructor(sparseVectorIndex: SparseVectorIndexType | null = null) {
    this.sparseVectorIndex = sparseVectorIndex;
  }
}

/** The index of whole numbers. */
export class IntValueType {
  /** `null` where nothing is said. */
  intInvertedIndex: IntInvertedIndexType | null;

  /** This index, or none. */
  constructor(intInvertedIndex: IntInvertedIndexType | null = null) {
    this.intInvertedIndex = intInvertedIndex;
  }
}

/** The index of numbers with a fraction. */
export class FloatValueType {
  /** `null` where nothing is said. */
  floatInvertedIndex: FloatInvertedIndexType | null;

  /** This index, or none. */
  constructor(floatInvertedIndex: FloatInvertedIndexType | null = null) {
    this.floatInvertedIndex = floatInvertedIndex;
  }
}

/** The index of booleans. */
export class BoolValueType {
  /** `null` where nothing is said. */
  boolInvertedIndex: BoolInvertedIndexType | null;

  /** This index, or none. */
  constructor(boolInvertedIndex: BoolInvertedIndexType | null = null) {
    this.boolInvertedIndex = boolInvertedIndex;
  }
}

/** Indexes by the type of the value; `null` where nothing is said. */
export class ValueTypes {
  /** Indexes of strings, and of the elements of arrays of strings. */
  string: StringValueType | null = null;
  /** Indexes of embeddings. */
  floatList: FloatListValueType | null = null;
  /** Indexes of sparse vectors. */
  sparseVector: SparseVectorValueType | null = null;
  /** Indexes of whole numbers. */
  intValue: IntValueType | null = null;
  /** Indexes of numbers with a fraction. */
  floatValue: FloatValueType | null = null;
  /** Indexes of booleans. */
  boolean: BoolValueType | null = null;
}
