/** The words that the page, the wire and the engine share. Public names follow the `chromadb` JavaScript client. */

/**
 * A sparse vector as a metadata value: where it is not zero, and what it is there. Indices are whole numbers from 0 to
 * 2³² − 1 that ascend, each once; `values` has one finite number for each, kept as float32. Both may be empty. Chroma's mark
 * `"#type": "sparse_vector"` and its `tokens` may be there too, and are not kept.
 */
export interface SparseVector {
  /** Where the vector is not zero, ascending. */
  indices: number[];
  /** The numbers at these indices, one for each. */
  values: number[];
}

/**
 * One metadata value: a scalar, a homogeneous array of scalars, or a sparse vector. Numbers are IEEE doubles; `NaN` and
 * infinities are refused. Filters look at scalars and arrays only: to them a sparse vector is a value of another type.
 */
export type MetadataValue = string | number | boolean | string[] | number[] | boolean[] | SparseVector;

/** Metadata of a record as it is stored and returned. */
export type Metadata = Record<string, MetadataValue>;

/** What a type of metadata has to be, be it an alias or an interface, which has no index signature: every value is one of metadata. */
export type MetadataOf<T> = { [K in keyof T]: MetadataValue | undefined };

/** Metadata in `update` and `upsert`: merged into what is stored; `null` deletes the key. */
export type MetadataPatch = Record<string, MetadataValue | null>;

/** A single metadata value. Strings, numbers and booleans never equal each other. */
export type Scalar = string | number | boolean;

/** A condition on one metadata key. */
export type WhereOperator =
  | {
      /** The value is this one, of the same type. */
      $eq: Scalar;
    }
  | {
      /** The value is another one, or of another type, or the key is missing. */
      $ne: Scalar;
    }
  | {
      /** The value is a larger number, or a text that comes later in the order of UTF-16 units, such as that of ISO dates. */
      $gt: number | string;
    }
  | {
      /** The value is this number or text, or one beyond it. */
      $gte: number | string;
    }
  | {
      /** The value is a smaller number, or a text that comes earlier. */
      $lt: number | string;
    }
  | {
      /** The value is this number or text, or one before it. */
      $lte: number | string;
    }
  | {
      /** The value is a text that begins with this one. */
      $startsWith: string;
    }
  | {
      /** The value is one of these: at least one, all of one type. */
      $in: Scalar[];
    }
  | {
      /** The value is none of these, or the key is missing. */
      $nin: Scalar[];
    }
  | {
      /** The value is an array that holds this one. */
      $contains: Scalar;
    }
  | {
      /** The value is no array that holds this one, or the key is missing. */
      $not_contains: Scalar;
    };

/**
 * Filter on metadata. Negations (`$ne`, `$nin`, `$not_contains`) also match records that lack the key.
 *
 * @typeParam TMeta - Shape of the metadata, whose keys are the only ones that may be asked for.
 */
export type Where<TMeta = Metadata> =
  | {
      /** All of these match: at least two. */
      $and: Where<TMeta>[];
    }
  | {
      /** One of these matches: at least two. */
      $or: Where<TMeta>[];
    }
  | { [K in keyof TMeta]?: Scalar | WhereOperator };

/** Filter on documents. Negations also match records without a document. */
export type WhereDocument =
  | {
      /** The document has this text in it, exactly as written. */
      $contains: string;
    }
  | {
      /** The document does not have this text in it, or there is none. */
      $not_contains: string;
    }
  | {
      /** The pattern matches somewhere in the document. Its syntax is that of Rust's `regex` crate: `(?i)`, `\b`, `\d`. */
      $regex: string;
    }
  | {
      /** The pattern matches nowhere in the document, or there is none. */
      $not_regex: string;
    }
  | {
      /** All of these match: at least two. */
      $and: WhereDocument[];
    }
  | {
      /** One of these matches: at least two. */
      $or: WhereDocument[];
    };

/** Fields that a read may return beside the ids. */
export type IncludeField =
  /** How far each hit is from its query; only `query` has them. */
  | "distances"
  /** The texts. */
  | "documents"
  /** The vectors, as numbers that were float32. */
  | "embeddings"
  /** The metadata. */
  | "metadatas"
  /** Where the data lies elsewhere. */
  | "uris";

/** How distance is measured. Smaller is nearer in all three. */
export type Space =
  /** Squared Euclidean. */
  | "l2"
  /** 1 − cosine, 0 to 2; 1 where one of the two is the zero vector. */
  | "cosine"
  /** 1 − dot product; it may be negative. */
  | "ip";

/** What builds and walks the graph of a large collection. */
export type IndexEngine =
  /** Tidepool's own. */
  | "tidepool"
  /** The npm package hnswlib-wasm, in the worker of `tidepool-db/hnswlib`. */
  | "hnswlib";

/**
 * An embedding function as it is stored with a collection: enough to build it again when its class is registered under
 * `name` ("known"), or only its name ("legacy").
 */
export interface EmbeddingFunctionConfiguration {
  /** Whether it can be built again. */
  type: "known" | "legacy";
  /** The name under which its class is registered. */
  name: string;
  /** What its `getConfig` told. */
  config: Record<string, unknown>;
}

/** A language whose words can be reduced to their stems. */
export type StemmingLanguage =
  | "arabic"
  | "armenian"
  | "bulgarian"
  | "danish"
  | "dutch"
  | "english"
  | "finnish"
  | "french"
  | "german"
  | "greek"
  | "hungarian"
  | "indian"
  | "indonesian"
  | "irish"
  | "italian"
  | "lithuanian"
  | "nepali"
  | "norwegian"
  | "portuguese"
  | "romanian"
  | "russian"
  | "sanskrit"
  | "serbian"
  | "spanish"
  | "swedish"
  | "tamil"
  | "turkish"
  | "ukrainian";

/** A language of which there is a list of stop words. */
export type StopWordLanguage = Extract<
  StemmingLanguage,
  | "danish"
  | "dutch"
  | "english"
  | "finnish"
  | "french"
  | "german"
  | "hungarian"
  | "italian"
  | "nepali"
  | "norwegian"
  | "portuguese"
  | "russian"
  | "spanish"
  | "swedish"
  | "turkish"
>;

/** How texts become words, in full-text search. What is left out is as by default. */
export interface TextConfiguration {
  /** Whether a word is also found by the same word with other diacritics or vowel signs. Default true. */
  fold_diacritics?: boolean;
  /**
   * Whether a word is also found by others of its stem, and in which language: "tides" by "tide". The stemmers are loaded when the
   * first collection asks for them. Default none.
   */
  stemming?: StemmingLanguage;
  /** Words that are neither indexed nor looked for, at most 10,000; in whatever case. Default none. */
  stop_words?: string[];
  /**
   * Groups of words, or of phrases, of which each is also found by the others: at most 10,000 in all. They count from the next
   * search on. Default none.
   */
  synonyms?: string[][];
}

/** A {@link TextConfiguration} as it may be given. */
export interface TextConfigurationInput extends Omit<TextConfiguration, "stop_words"> {
  /**
   * Stop words, or the language whose list is stored in their place: of English NLTK's, else Snowball's. Lists but the English one are
   * loaded when a collection asks for one.
   */
  stop_words?: string[] | StopWordLanguage;
}

/**
 * Parameters of an index of inverted lists, with Chroma's names: only a centroid for each list is in memory, so it is for sets that do not
 * fit there.
 */
export interface SpannParameters {
  /** Lists that a search looks into, 0 to 128. Default 0: as many as it takes, which is told by what they hold. May change live. */
  search_nprobe?: number;
  /** Rows beyond which a list is split, 50 to 200. Default 200. */
  split_threshold?: number;
  /** Rows below which a list is dissolved, 25 to 100; a third of `split_threshold` at most counts. Default 50. */
  merge_threshold?: number;
  /** Lists beside one that is split whose rows may change over, 0 to 64. Default 16. */
  reassign_neighbor_count?: number;
  /** Kept for Chroma's sake, as all that follow; no effect. */
  search_rng_factor?: number;
  /** No effect. */
  search_rng_epsilon?: number;
  /** No effect: no vector is in two lists. */
  nreplica_count?: number;
  /** No effect. */
  write_rng_factor?: number;
  /** No effect. */
  write_rng_epsilon?: number;
  /** No effect. */
  num_samples_kmeans?: number;
  /** No effect. */
  initial_lambda?: number;
  /** No effect. */
  num_centers_to_merge_to?: number;
  /** No effect. */
  write_nprobe?: number;
  /** No effect: centroids are scanned. */
  ef_construction?: number;
  /** No effect. */
  ef_search?: number;
  /** No effect. */
  max_neighbors?: number;
}

/** A collection's configuration as stored. `resize_factor` and `sync_threshold` are kept for Chroma's sake and have no effect. */
export interface CollectionConfiguration {
  /** How vectors are compared, and the graph that large collections get. */
  hnsw: {
    /** How distance is measured. Fixed when the collection is created. Default "l2". */
    space: Space;
    /** How many candidates are looked at when a vector is put into the graph. Fixed when the collection is created. Default 100. */
    ef_construction: number;
    /** How many candidates a search looks at, at least as many as it returns: more miss less and take longer. Default 100. */
    ef_search: number;
    /** Links of a vector in the graph (M of the HNSW paper; twice as many on its lowest level). Default 16. */
    max_neighbors: number;
    /** No effect. Default 1.2. */
    resize_factor: number;
    /** No effect. Default 1000. */
    sync_threshold: number;
    /** What builds and walks the graph; missing where it is Tidepool's own. Fixed when the collection is created. */
    engine?: IndexEngine;
  };
  /** Given where vectors lie in inverted lists instead; of `hnsw` nothing but the space has a meaning then. */
  spann?: SpannParameters;
  /** What embeds the texts; `null` for nothing. */
  embedding_function: EmbeddingFunctionConfiguration | null;
  /** How full-text search reads the documents; missing where all is as by default. */
  text?: TextConfiguration;
}

/** Whether there is an index, and how it is built. */
export interface IndexSetting<C = object> {
  /** Whether there is such an index. */
  enabled: boolean;
  /** How it is built; `{}` where there is nothing to choose. */
  config: C;
}

/** An embedding function in a schema; `unknown` where there is none. One that cannot be built again is only said to be there. */
export type SchemaFunction =
  | {
      /** It can be built again. */
      type: "known";
      /** The name under which its class is registered. */
      name: string;
      /** What its `getConfig` told. */
      config: Record<string, unknown>;
    }
  | {
      /** It cannot be built again. */
      type: "legacy";
      /** What it was called. */
      name?: string;
    }
  | {
      /** There is none. */
      type: "unknown";
    };

/** The index of the embeddings. */
export interface VectorIndexSettings {
  /** How distance is measured. */
  space?: Space;
  /** What embeds the texts. */
  embedding_function?: SchemaFunction;
  /** What is embedded: always the document. */
  source_key?: string;
  /** Parameters of the graph, and Chroma's that have no effect. */
  hnsw?: { [parameter: string]: number | string };
  /** Parameters of inverted lists, where vectors lie in such. */
  spann?: SpannParameters;
}

/** The index of sparse vectors. */
export interface SparseVectorIndexSettings {
  /** What embeds the source into sparse vectors. */
  embedding_function?: SchemaFunction;
  /** What the client embeds where a record brings no vector: `#document`, or a metadata key whose value is a string. */
  source_key?: string;
  /** Whether the vectors are weights of BM25: a query's are then multiplied by how rare each dimension is. */
  bm25?: boolean;
  /** How Chroma searches the index, `wand` where nothing is said. Kept, and without effect: answers are those of either. */
  algorithm?: "wand" | "max_score";
}

/** The index of documents as text. */
export interface FullTextIndexSettings {
  /** How Chroma filters by it, `trigram` where nothing is said. Kept, and without effect: answers are those of either. */
  algorithm?: "trigram" | "token_bitmap";
}

/** Indexes by the type of the value. */
export interface ValueTypes {
  /** Strings, and the elements of arrays of strings. */
  string?: {
    /** As text, for which only documents are indexed. */
    fts_index?: IndexSetting<FullTextIndexSettings>;
    /** By value. */
    string_inverted_index?: IndexSetting;
  };
  /** Embeddings. */
  float_list?: {
    /** By nearness. */
    vector_index?: IndexSetting<VectorIndexSettings>;
  };
  /** Sparse vectors. */
  sparse_vector?: {
    /** By nearness. */
    sparse_vector_index?: IndexSetting<SparseVectorIndexSettings>;
  };
  /** Whole numbers, and the elements of arrays of them. */
  int?: {
    /** By value. */
    int_inverted_index?: IndexSetting;
  };
  /** Numbers with a fraction, and the elements of arrays of them. */
  float?: {
    /** By value. */
    float_inverted_index?: IndexSetting;
  };
  /** Booleans, and the elements of arrays of them. */
  bool?: {
    /** By value. */
    bool_inverted_index?: IndexSetting;
  };
}

/** A collection's schema as Chroma's clients and servers exchange it. */
export interface CollectionSchema {
  /** What holds for every key. */
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
  /** How often its embeddings were made anew: embeddings that were made before are of another model. */
  model: number;
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

/** Columns of records as a reader gets them: one entry per record in each, `null` for a column that was not asked for. */
export interface RecordColumns {
  /** The records, in their order. */
  ids: string[];
  /** What each says; `null` where documents were not asked for. */
  documents: (string | null)[] | null;
  /** What is known of each; `null` where metadata was not asked for. */
  metadatas: (Metadata | null)[] | null;
  /** Where each comes from; `null` where URIs were not asked for. */
  uris: (string | null)[] | null;
  /** Row-major, one row per id; `null` where embeddings were not asked for. */
  embeddings: {
    /** Numbers of a row. */
    dimension: number;
    /** All rows, one after the other. */
    values: Float32Array;
  } | null;
}

/** A stretch of a text, in UTF-16 code units: `text.slice(start, end)`. */
export interface TextRange {
  /** Where it begins. */
  start: number;
  /** One past its last code unit. */
  end: number;
}

/** How a text search shows what it found in each document. */
export interface HighlightOptions {
  /** What stands before each match in the snippet, at most 256 characters. Default `"<mark>"`. */
  before?: string;
  /** What stands after it, at most 256 characters. Default `"</mark>"`. */
  after?: string;
  /** Most that a snippet has of the document, in UTF-16 code units. `Infinity`: all of it. Default 240. */
  maxLength?: number;
}

/** Where in a document the words stand by which a text search found it. */
export interface Highlight {
  /**
   * Every match in the first million code units of the document, up to 10,000 of them: ascending, those that touch joined. They
   * are for those who mark the document themselves, as a page does that must not take text for HTML.
   */
  ranges: TextRange[];
  /**
   * The part of the document with the most different words that matched, then the most matches, from a word to a word; "…" stands where
   * it is cut. Between the marks is the document's text as it is: it is not escaped for HTML.
   */
  snippet: string;
  /** Where in the document the snippet begins. */
  start: number;
  /** Where it ends. */
  end: number;
}

/** What a text may become whose last word is unfinished. */
export interface TextSuggestion {
  /** The text, with its last word completed, and misspelt ones corrected where `fuzzy` was asked for. */
  suggestion: string;
  /** Its words as documents have them, in lower case. */
  terms: string[];
  /** Sum of the BM25 scores of the documents that have all of the words, of the best 256 for what was typed. Larger is better. */
  score: number;
}
