/**
 * The engine as others see it: one method per request, plain structured-cloneable values in and out, and who calls beside
 * each request. `engine.ts` implements it, `src/worker` carries it over Comlink, and tests in Node call it directly.
 *
 * Every method rejects with a `TidepoolError`. Bad input is refused before anything is written.
 */
import type { MemoryUse } from "./base/memory-use.js";
import type { Caller } from "./gateway/caller.js";
import type { GatewayRules } from "./gateway/rules.js";
import type { KeyRotationInfo, RotateKeyRequest, RotateKeyResponse } from "./key-rotation.js";
import type { Durability } from "./storage.js";
import type {
  CollectionConfiguration,
  CollectionInfo,
  EmbeddingFunctionConfiguration,
  EmbeddingRows,
  Highlight,
  HighlightOptions,
  IncludeField,
  Metadata,
  RecordBatch,
  RecordColumns,
  Scalar,
  Space,
  SpannParameters,
  SparseVector,
  TextConfigurationInput,
  TextSuggestion,
  Where,
  WhereDocument,
} from "./types.js";

export type { KeyRotationInfo, RotateKeyRequest, RotateKeyResponse } from "./key-rotation.js";

/** Where names are looked up. */
export interface Scope {
  tenant: string;
  database: string;
}

/** Configuration as a caller may give it; missing numbers take Chroma's defaults. */
export interface ConfigurationInput {
  hnsw?: Partial<CollectionConfiguration["hnsw"]>;
  /** Given: the index is one of inverted lists. Its space stands in `hnsw`. */
  spann?: SpannParameters | undefined;
  /** Used when `hnsw.space` is not given: the embedding function's own preference. */
  defaultSpace?: Space;
  embedding_function?: EmbeddingFunctionConfiguration | null;
  text?: TextConfigurationInput | undefined;
}

export interface CreateCollectionRequest extends Scope {
  name: string;
  metadata: Metadata | null;
  configuration: ConfigurationInput;
  /** In the JSON form of Chroma's clients; the gateway validates it. Where it says something, the configuration says nothing. */
  schema?: unknown;
  /** Return the existing collection, unchanged, when the name is taken. */
  getOrCreate: boolean;
}

export interface ModifyCollectionRequest {
  collectionId: string;
  name?: string;
  /** Replaces the old metadata; `null`: there is none any more. */
  metadata?: Metadata | null;
  configuration?: {
    hnsw?: Partial<CollectionConfiguration["hnsw"]>;
    /** Of a collection with inverted lists; without effect elsewhere. */
    spann?: SpannParameters;
    embedding_function?: EmbeddingFunctionConfiguration;
    /** Takes the place of what there was; `{}`: all is as by default. */
    text?: TextConfigurationInput;
  };
}

export interface WriteRequest extends OfModel {
  collectionId: string;
  operation: "add" | "update" | "upsert";
  records: RecordBatch;
}

/** What embeddings of a request are of. */
export interface OfModel {
  /** What the collection told when they were made (`CollectionInfo`); those of another model are refused. None: nobody looks. */
  model?: number | undefined;
}

/** What selects records. Absent parts select everything; given parts are and-ed. */
export interface Selection {
  /** Read a retained version instead of the present. Reads only. */
  version?: number;
  ids?: string[];
  where?: Where;
  whereDocument?: WhereDocument;
  /** Takes in filters only what Chroma's server takes, as its REST API must. */
  asChroma?: boolean;
}

export interface DeleteRequest extends Selection {
  collectionId: string;
  limit?: number;
}

export interface GetRequest extends Selection {
  collectionId: string;
  limit?: number;
  offset?: number;
  orderBy?: OrderBy;
  include: IncludeField[];
}

/** A read of a conditional transaction, which is of no version. */
export interface ConditionalGetRequest extends GetRequest {
  /** The token that an earlier read of the transaction was answered with; none: the read is of the present. */
  readToken?: number | null;
}

/** Records, and the moment of which they are: the offset that the next log record got, or will get. */
export interface ConditionalGetResponse extends RecordColumns {
  readToken: number;
}

/** A write of a transaction, or a deletion of the ids that it names. */
export type ConditionalOperation = Omit<WriteRequest, "collectionId" | "model"> | { operation: "delete"; ids: string[] };

export interface ConditionalCommitRequest extends OfModel {
  collectionId: string;
  /** That of the transaction's reads; none: it has read nothing. */
  readToken?: number | null;
  /** Ids that were read, found or not. */
  readIds: string[];
  /** In the order in which they take effect. */
  operations: ConditionalOperation[];
}

/** What a transaction has written. */
export interface ConditionalCommitResponse {
  /** Offset of its log record, `null` where it wrote nothing. */
  firstInsertedRecordOffset: number | null;
  /** Ids that its operations name. */
  recordCount: number;
}

/** What records are ordered by. Those that lack the key come last; those that agree stay in insertion order. */
export interface OrderBy {
  /** A metadata key. Values are ordered within their type: booleans, numbers, strings by UTF-16 units, then all others. */
  key: string;
  /** Whether the largest value comes first. Default `false`. */
  descending?: boolean;
}

export interface CountRequest extends Selection {
  collectionId: string;
  /** Checked, and without effect. */
  readLevel?: string;
}

export interface FacetsRequest extends Selection {
  collectionId: string;
  keys: string[];
  /** Values of each key, the most frequent ones: 1 to `limits.facetValuesMax`. Default `limits.facetValuesDefault`. */
  limit?: number;
}

export interface DistinctRequest extends Selection {
  collectionId: string;
  key: string;
  limit?: number;
  offset?: number;
}

export interface QueryRequest extends Selection, OfModel {
  collectionId: string;
  queryEmbeddings: { dimension: number; values: Float32Array };
  nResults: number;
  /** Looks at every vector that the filters leave, whatever index there is. Default `false`. */
  exact?: boolean | undefined;
  include: IncludeField[];
}

export interface SearchTextRequest {
  collectionId: string;
  /** Read a retained version instead of the present. */
  version?: number;
  query: string;
  nResults: number;
  where?: Where;
  whereDocument?: WhereDocument;
  include: IncludeField[];
  /** Match also terms that begin with the query's last term. */
  prefix: boolean;
  /** Largest edit distance as a share of the term's length, 0–1; 0 is exact. */
  fuzzy: number;
  /** Whether `+`, `-` and quotation marks in the query are operators. */
  operators?: boolean | undefined;
  /** Whether hits tell where they matched, and how that is shown. */
  highlight?: boolean | HighlightOptions | undefined;
  /** Whether the query is corrected, where no document has one of its words. */
  suggest?: boolean | undefined;
}

/** What finds records in a hybrid search: the words of their documents, their vectors, or their sparse vectors under a key. */
export type HybridBranch = "text" | "dense" | "sparse";

export interface HybridRequest extends OfModel {
  collectionId: string;
  /** Read a retained version instead of the present. */
  version?: number;
  /** What the text branch looks for; without it there is none. */
  queryText?: string | undefined;
  /** What the dense branch looks for; without it there is none. */
  queryEmbedding?: Float32Array | undefined;
  /** What the sparse branch looks for, and under which metadata key; without it there is none. */
  sparse?: { key: string; query: SparseVector } | undefined;
  nResults: number;
  where?: Where;
  whereDocument?: WhereDocument;
  include: IncludeField[];
  /** What each branch counts; a branch of weight 0 is not read. Where none is above 0, they are set for each query. */
  weights?: { [B in HybridBranch]?: number } | undefined;
  /** Largest distance of what the dense branch finds. */
  maxDistance?: number | undefined;
  /** Smallest dot product of what the sparse branch finds. */
  minSparseScore?: number | undefined;
  /** Smallest fused score of a hit, 0–1. */
  minScore?: number | undefined;
  /** As of a text search. */
  prefix: boolean;
  /** As of a text search. */
  fuzzy: number;
  /** As of a text search. */
  operators?: boolean | undefined;
}

export interface AutoSuggestRequest {
  collectionId: string;
  queryText: string;
  nResults: number;
  where?: Where;
  whereDocument?: WhereDocument;
  /** As in a text search. */
  fuzzy: number;
}

export interface ChangedIdsRequest {
  collectionId: string;
  /** `next` of an earlier answer; `null` where there was none. */
  since: number | null;
}

export interface ChangedIds {
  /** Ids that writes and deletions have named since; `null` where not all of them are known any more. */
  ids: string[] | null;
  /** The offset that the next log record gets: what to ask with another time. */
  next: number;
}

export interface CheckRecallRequest {
  collectionId: string;
  /** Records to be used as queries, 1–1000. */
  sample: number;
  /** Neighbours of each to be compared, 1–100. */
  k: number;
}

/** How many of the exact answers a collection's vector index finds. */
export interface RecallReport {
  /** Share of the exact `k` nearest that were found, 0–1; `null` where there are fewer than two records to compare. */
  recall: number | null;
  /** Records that were used as queries. */
  sample: number;
  /** Neighbours of each of these that were compared. */
  k: number;
  /** The collection's present `ef_search`, at which `recall` was measured; with inverted lists, `search_nprobe`. */
  efSearch: number;
  /**
   * Smallest `ef_search` of 16, 32, … 1024 that reaches this recall, `null` when none does; the present one while the
   * exact scan answers. With inverted lists, the smallest `search_nprobe` of 4, 8, … 128.
   */
  efSearchFor: { "0.95": number | null; "0.99": number | null };
}

/** Searches in the form in which Chroma's client sends them; all of a call see the same moment. */
export interface SearchRequest extends OfModel {
  collectionId: string;
  /** One `{ filter, rank, group_by, limit, select }` for each search; the gateway validates them. */
  searches: unknown[];
  /** `index_only` sees what the latest compaction saw, the others every acknowledged write. Default `index_and_wal`. */
  readLevel?: string;
  /** Read a retained version instead of the present. */
  version?: number;
  /** As in a selection. */
  asChroma?: boolean;
}

/** What one search found, in columns; those that were not selected are `null`. */
export interface SearchColumns extends Omit<RecordColumns, "uris"> {
  /** Smaller is better; `NaN` where the rank is no number. */
  scores: Float64Array | null;
  /** The keys that were selected. */
  select: string[];
}

/** A read of one collection as it is now, by the name of its method. */
export type WatchedRead =
  | { method: "get"; request: Omit<GetRequest, "collectionId" | "version"> }
  | { method: "query"; request: Omit<QueryRequest, "collectionId" | "version" | "model"> }
  | { method: "searchText"; request: Omit<SearchTextRequest, "collectionId" | "version"> }
  | { method: "hybrid"; request: Omit<HybridRequest, "collectionId" | "version" | "model"> }
  | { method: "search"; request: Pick<SearchRequest, "searches"> }
  | { method: "count"; request: Omit<CountRequest, "collectionId" | "version"> };

/** A read whose result is to be watched from then on. */
export interface WatchRequest extends OfModel {
  collectionId: string;
  /** Chosen by the client, which knows its watches by it. One that is there already takes this read in place of its own. */
  watch: string;
  read: WatchedRead;
}

/** Records in columns; for several queries the rows of all queries follow each other, `counts[q]` rows for query q. */
export interface QueryResponse extends RecordColumns {
  counts: number[];
  distances: Float32Array | null;
}

export interface SearchTextResponse extends RecordColumns {
  /** Larger is better. */
  scores: Float64Array;
  /** For each hit, the document's terms that matched. */
  terms: string[][];
  /** For each hit, where they stand; where that was asked for. */
  highlights?: Highlight[];
  /** The corrected query, `null` where there is nothing to correct; where that was asked for. */
  suggestion?: string | null;
}

/** Why one branch found a record: for each hit in columns; where the branch did not find it, the rank is 0. */
export interface HybridResponse extends RecordColumns {
  /** Fused, 0–1, larger is better. */
  scores: Float64Array;
  /** `null` where there was no such branch. */
  text: { ranks: Uint32Array; scores: Float64Array; terms: string[][] } | null;
  /** `null` where there was no such branch. */
  dense: { ranks: Uint32Array; distances: Float64Array } | null;
  /** `null` where there was no such branch. */
  sparse: { ranks: Uint32Array; scores: Float64Array } | null;
}

/** Values of one key, and how many of the selected records have each. */
export interface FacetColumns {
  key: string;
  values: Scalar[];
  counts: Float64Array;
  /** Different values, also those that are not told. */
  distinct: number;
  /** Records that have no value: no such key, or a sparse vector under it. */
  missing: number;
}

/** What a browser says of the storage of an origin. */
export interface OriginQuota {
  /** Bytes that the origin stores, in all its databases, files and caches, as the browser estimates them. */
  usageBytes: number;
  /** Bytes that it may store. A browser may grant less when the disk is nearly full. */
  quotaBytes: number;
  /** Whether the browser keeps the data when space runs short; see `client.persist()`. */
  persisted: boolean;
}

/** A large file in which blocks lie. */
export interface ArenaInfo {
  /** Its number; later ones are younger. */
  arena: number;
  /** Its length. */
  bytes: number;
  /** Bytes of blocks in it, in whole slots of 4 KiB; the rest is free for others. */
  bytesUsed: number;
  /** Blocks in it. */
  blocks: number;
  /** How much of each of its 64 equal parts is in use, 0–1, from its beginning. */
  map: number[];
}

export type { MemoryUse };

/** Threads that build indexes and answer large queries. */
export interface CoresInfo {
  /** That may be at work at once, the engine's own included. */
  allowed: number;
  /** Helpers that run now, beside the engine's thread: they are started when there is work for them, and end after a while without. */
  helpers: number;
  /** Why the engine's thread works alone, such as "the page is not cross-origin isolated"; `null` where it may be helped. */
  alone: string | null;
}

/** What `client.info()` tells. */
export interface EngineInfo {
  /** Where bytes are kept. */
  storage: "opfs" | "indexeddb" | "directory" | "memory" | "published";
  /** What an acknowledged write survives: "strict" loss of power too, "relaxed" a crash of the page or the browser. */
  durability: Durability;
  /** Version of what is on disk. An older release refuses a newer one with `FORMAT_TOO_NEW`. */
  formatVersion: number;
  /** Collections of all tenants and databases. */
  collections: number;
  /** Records of all these collections that can be read. */
  records: number;
  /** Log records (batches and deletes) acknowledged and not yet compacted. */
  logRecords: number;
  /** Bytes of the log records that are not compacted yet. */
  logBytes: number;
  /** Bytes reserved on disk for blocks. */
  blockBytesReserved: number;
  /** Bytes of all blocks in use; the rest of what is reserved is free. */
  blockBytesUsed: number;
  /** The files of these blocks, oldest first; none where blocks do not lie in files of ours, as in IndexedDB. */
  arenas: ArenaInfo[];
  /** What the browser grants this origin, whose databases and caches share it; `null` where the browser does not say. */
  quota: OriginQuota | null;
  /** Bytes of memory that open collections and the caches hold, in part estimated: all of `memory` together. */
  memoryBytes: number;
  /** What `memoryBytes` is made of. */
  memory: MemoryUse;
  /** Which vector kernel runs: one of two WebAssembly builds, by what the browser has, or plain TypeScript. Results are the same. */
  kernel: "wasm-simd" | "wasm-relaxed-simd" | "typescript";
  /** How many of the machine's cores may be at work for this database. */
  cores: CoresInfo;
  /** Whether background work (compaction, indexing text, building graphs) is under way. */
  compacting: boolean;
  /**
   * Collections of which a compaction waits to be published: it is on disk, and the next opening goes on from it, but the log is
   * kept until its arena is a minute old.
   * At 0, with `compacting` false, nothing changes on disk by itself any more but a text index, 2 s after the last write.
   */
  unpublished: number;
  /** The messages of all warnings since opening: what was found damaged, or failed, and was mended without loss. */
  warnings: string[];
  /** Why the latest background compaction failed; `null` when it did not. Acknowledged writes are safe in the log. */
  compactionError: string | null;
  /** What `rotateKey` has begun and is under way, be it in whichever tab or opening; `null` where there is nothing to encrypt anew. */
  keyRotation: KeyRotationInfo | null;
}

/** What `client.metrics()` tells of the engine, and so of all tabs that use it. */
export interface EngineMetrics {
  /** When the engine was opened, in ms since the epoch: counting began then. After a takeover another engine counts anew. */
  since: number;
  /** By the engine's method: "write" for add, update and upsert, others as they are called, such as "query". Never called, not named. */
  methods: { [method: string]: MethodMetrics | undefined };
}

/** Calls of one method that have ended. */
export interface MethodMetrics {
  /** How many. */
  calls: number;
  /** Of these, how many were rejected, by the error's code. */
  errors: { [code: string]: number };
  /** Time in the engine, waiting for its turn included. Quantiles are off by at most 5 %. */
  ms: CallTimes;
}

/** In ms. */
export interface CallTimes {
  /** Of all calls together. */
  total: number;
  /** Half of the calls took no longer. */
  p50: number;
  /** 95 % of the calls took no longer. */
  p95: number;
  /** 99 % of the calls took no longer. */
  p99: number;
  /** The slowest call. */
  max: number;
}

/** What a warning is about, stable across releases. */
export type WarningCode =
  /** A row of the catalog is damaged or missing. Where the message ends there, what it said is known from another one. */
  | "CATALOG_DAMAGED"
  /** A stored graph cannot be used; it is built anew, and the exact scan answers meanwhile. */
  | "GRAPH_DAMAGED"
  /** Stored inverted lists cannot be used; they are made anew, and rows are read one by one meanwhile. */
  | "LISTS_DAMAGED"
  /** A graph of hnswlib-wasm failed; the exact scan answers, and it is built again, twice at most. */
  | "GRAPH_FAILED"
  /** A graph cannot be built, for want of memory, say; the exact scan answers. */
  | "GRAPH_NOT_BUILT"
  /** A helper on another core could not be started, or has ended; the engine's thread does its work. `info().cores` tells what is left. */
  | "CORES_UNUSED"
  /** The browser has cleared stored data while the database was open; it has been opened anew, without it. */
  | "DATA_EVICTED"
  /** Space of what was deleted could not be given back; the next opening does. */
  | "SPACE_NOT_FREED"
  /** Empty arrays or objects in metadata that was to be flattened were left out, since they cannot be stored. */
  | "METADATA_DROPPED"
  /** A subscription could not be refreshed, and has no `onError`; the message says whether it is tried again. */
  | "SUBSCRIPTION"
  /** The host of a published database cannot be reached, and it is read as it was last; or what is read cannot be kept. */
  | "SOURCE_UNREACHABLE"
  /** A fault of Tidepool itself, met after a write was acknowledged, which stays. Please report it. */
  | "INTERNAL";

/** Something that went wrong without loss: answers are right, and may take longer for a while. */
export interface TidepoolWarning {
  /** What programs switch on. */
  code: WarningCode;
  /** For people: what was found, and what becomes of it. */
  message: string;
  /** Name of the collection that it concerns. */
  collection?: string;
}

/** Something that `client.verify()` found wrong. */
export interface Finding {
  /**
   * What it concerns: a row of the `catalog`, the `log`, what a `manifest` says, the `records`, one of the indexes (`vectors`,
   * `graph`, `lists`, `metadata`, `sparse`, `text`), or a block that an earlier `version` alone has.
   */
  kind: "catalog" | "log" | "manifest" | "records" | "vectors" | "graph" | "lists" | "metadata" | "sparse" | "text" | "version";
  /** Where: a row's key, a block as arena:offset+length, a log record, an ordinal, or a key of the metadata index. */
  place: string;
  /** For people. */
  message: string;
}

/** How much of a collection was read and found sound or not. */
export interface VerifiedCounts {
  /** Records of the log (batches and deletes) that the published manifest does not contain. */
  logRecords: number;
  /** Blocks whose checksum was compared. */
  blocks: number;
  /** Bytes of the blocks of records, vectors and metadata among these. */
  bytes: number;
  /** Records in blocks. */
  records: number;
  /** Vectors in blocks. */
  vectors: number;
  /** Ordinals in the indexes of metadata and of sparse vectors. */
  postings: number;
  /** Documents in the text index. */
  documents: number;
}

/** What the rows of the catalog, and the manifests together, look like. */
export interface CatalogReport {
  /** Whether there are no findings. */
  isSound: boolean;
  /** Rows that were read and are as they should be, or are known from their second copy. */
  rows: number;
  /** What is wrong; a row that can be read from its second copy is among them. */
  findings: Finding[];
  /** The collections there are, in order of creation. */
  collections: { id: string; name: string; tenant: string; database: string }[];
  /** Ids of collections whose row is lost with its second copy. */
  lost: string[];
}

/** What a collection looks like on disk. */
export interface CollectionReport {
  /** Its id. */
  id: string;
  /** Its name. */
  name: string;
  /** The tenant that it belongs to. */
  tenant: string;
  /** The database that it belongs to. */
  database: string;
  /** Whether there are no findings. */
  isSound: boolean;
  /** How much was read. */
  counts: VerifiedCounts;
  /** What is wrong: the first 1,000 (`limits.findingsMax`). */
  findings: Finding[];
  /** How much is wrong altogether. */
  findingCount: number;
}

/** Tenants and databases whose rows were lost, and that have new ones. */
export interface RepairedCatalog {
  /** Names of the tenants. Their resource names are gone. */
  tenants: string[];
  /** The databases, which have new ids. */
  databases: { tenant: string; name: string }[];
}

/** What became of a damaged collection. */
export interface RepairedCollection {
  /** Its id. */
  id: string;
  /** Its name, which is `recovered-<id>` where that was lost. */
  name: string;
  /**
   * What is left of its name, metadata, configuration and schema. `kept`: all. `outdated`: an earlier state of them. `lost`: nothing;
   * it lies in the default database and has the default configuration, whatever it had, its distances included.
   */
  row: "kept" | "outdated" | "lost";
  /** Records that are there now. */
  kept: number;
  /** Records that its newest readable manifest counted, without later writes; `null` where none could be read. */
  counted: number | null;
  /** Records of the log (batches and deletes) that could not be read, or not be told to be the collection's. */
  lostLogRecords: number;
}

/** A published version of a collection. */
export interface VersionInfo {
  /** What `collection.at` takes; later versions have larger numbers. */
  version: number;
  /** Records in it. */
  count: number;
  /** Last log record that it contains. */
  logOffset: number;
}

/** A database: a set of collections with names of their own. */
export interface DatabaseInfo {
  /** A UUID. */
  id: string;
  /** Its name, unique within its tenant. */
  name: string;
  /** The tenant that it belongs to. */
  tenant: string;
}

export interface TenantInfo {
  name: string;
  /** A name for use in CRNs, `null` until it is given one. */
  resourceName: string | null;
}

/** Which records are exported. */
export interface ExportRequest extends Selection {
  collectionId: string;
}

/** Which page of an export is read. */
export interface ExportPageRequest {
  collectionId: string;
  /** That of `beginExport`. */
  snapshot: string;
  /** Records before it. */
  from: number;
  include: IncludeField[];
}

/** A snapshot that was taken for an export. */
export interface ExportBegun {
  /** Names it. */
  snapshot: string;
  /** Records in it. */
  count: number;
  /** Of the embeddings; `null` where the collection has had no record. */
  dimension: number | null;
}

/** A backup that was begun: its moment is kept. */
export interface BackupBegun {
  /** Names it. */
  snapshot: string;
  /** Bytes of the blocks in it, which are most of it. */
  bytes: number;
  /** Where it is to be published: its blocks, in the order in which they come. */
  blocks?: PublishedBlock[];
}

/** A block as manifests name it. */
export interface PublishedBlock {
  ref: { arena: number; offset: number; length: number; crc32: number };
  /** Whether opening its collection reads it. */
  opens: boolean;
}

/** Where a published database lies. */
export interface PublishedSource {
  /** Of its folder: http, https, and in pages relative to the page. */
  url: string;
  /** Sent with every request. */
  headers?: Record<string, string>;
  /** Bytes of what was read that are kept in the origin private file system, where there is one; 0: none. Default 256 MiB. */
  cacheBytes?: number;
}

/**
 * Where a backup goes. `new`: a database that holds no collection, and no tenant or database beside the first ones. `merge`: beside what
 * there is.
 */
export type RestoreMode = "new" | "merge";

/** What a backup had, and the database has now. */
export interface RestoreReport {
  /** Tenants of the backup, also those that were there. */
  tenants: number;
  /** Databases of the backup, also those that were there. */
  databases: number;
  /** Collections that were restored. */
  collections: number;
  /** Records in them. */
  records: number;
}

/** What a collection's documents are to be embedded by. */
export interface BeginReembeddingRequest {
  collectionId: string;
  /** As it is stored. */
  embeddingFunction: EmbeddingFunctionConfiguration;
  /** How distance is measured between its vectors. */
  space: Space;
  /** Only to go on with what was begun. */
  goesOn?: boolean;
}

export interface ReembeddingBegun {
  /** Names it, until another call begins. */
  reembedding: string;
  /** Whether something was there to go on with. */
  isResumed: boolean;
}

/** Records whose documents are to be embedded, in columns. */
export interface ReembeddingBatch {
  ids: string[];
  documents: string[];
  /** Of the documents; to be sent with their embeddings. */
  digests: string[];
  /** Records that have theirs, and all of them. */
  done: number;
  total: number;
  /** Whether every other record has its embedding, or is taken. */
  isLast: boolean;
}

export interface WriteReembeddingRequest {
  collectionId: string;
  reembedding: string;
  ids: string[];
  digests: string[];
  embeddings: EmbeddingRows;
}

/** Who a caller is and what it may use; the names are those of Chroma's answer. */
export interface UserIdentity {
  /** The bearer's name in the gateway rules; "" where there is none. */
  user_id: string;
  /** The only tenant that the token allows; the client's own where it allows all. */
  tenant: string;
  /** The only databases that the token allows; the client's own where it allows all. */
  databases: string[];
}

/** How far the indexes of a collection have come; the names are those of Chroma's answer. */
export interface IndexingStatus {
  /** Writes and deletes that the collection has taken. */
  total_ops: number;
  /** Writes and deletes that have reached the indexes on disk. */
  num_indexed_ops: number;
  /** Writes and deletes that only the log has on disk so far. Reads see them all the same. */
  num_unindexed_ops: number;
  /** Share of the operations that are indexed, 0–1. */
  op_indexing_progress: number;
}

/** One step of a vacuum: one collection, or, as the last step, the space of all of them. */
export interface VacuumRequest {
  /** Whether what was deleted is overwritten, too. */
  erase: boolean;
  /** Where the step before ended; 0 at the beginning. */
  after: number;
}

export interface VacuumStep {
  /** For the next step; `null` when this was the last. */
  after: number | null;
  /** Steps that are done, and all of them. */
  done: number;
  total: number;
  /** Earlier versions that are retained; what was deleted since stands in them. */
  versionsKept: number;
}

/** What a server tells Chroma's clients of its limits. */
export interface PreflightChecks {
  /** Records of the largest batch over REST. */
  max_batch_size: number;
  /** Whether embeddings may come as base64 over REST. */
  supports_base64_encoding: boolean;
}

/** What the engine can be asked. */
export interface EngineMethods {
  createTenant(request: { name: string }): Promise<void>;
  getTenant(request: { name: string }): Promise<TenantInfo>;
  updateTenant(request: { name: string; resourceName: string }): Promise<void>;
  createDatabase(request: { tenant: string; name: string }): Promise<void>;
  getDatabase(request: { tenant: string; name: string }): Promise<DatabaseInfo>;
  listDatabases(request: { tenant: string; limit?: number; offset?: number }): Promise<DatabaseInfo[]>;
  deleteDatabase(request: { tenant: string; name: string }): Promise<void>;

  createCollection(request: CreateCollectionRequest): Promise<CollectionInfo>;
  getCollection(request: Scope & { name: string }): Promise<CollectionInfo>;
  /** Rejects with `NOT_FOUND` for a collection of another database. */
  getCollectionById(request: Scope & { collectionId: string }): Promise<CollectionInfo>;
  listCollections(request: Scope & { limit?: number; offset?: number }): Promise<CollectionInfo[]>;
  countCollections(request: Scope): Promise<number>;
  modifyCollection(request: ModifyCollectionRequest): Promise<CollectionInfo>;
  deleteCollection(request: Scope & { name: string }): Promise<void>;
  /** A new collection with all that this one holds; takes no longer for a large one, and neither sees the other's later writes. */
  forkCollection(request: { collectionId: string; name: string }): Promise<CollectionInfo>;
  /** Forks made from the same collection, directly or not. */
  forkCount(request: { collectionId: string }): Promise<number>;
  /** Published versions that can be read, oldest first; the last is the current one. */
  listVersions(request: { collectionId: string }): Promise<VersionInfo[]>;

  /** Keeps the selected records as they are now, to be read page by page. The snapshot is let go when it is not read for a while. */
  beginExport(request: ExportRequest): Promise<ExportBegun>;
  /** The records of a snapshot from the `from`-th on, about `exportPageBytes` of them; none at its end. */
  readExport(request: ExportPageRequest): Promise<RecordColumns>;
  /** Lets go of a snapshot. One that is not there any more is none the worse. */
  endExport(request: { collectionId: string; snapshot: string }): Promise<void>;

  /** Resolves once the batch is durable and visible to every later read. */
  write(request: WriteRequest): Promise<void>;
  /** Resolves with the number of records really deleted. */
  delete(request: DeleteRequest): Promise<{ deleted: number }>;
  get(request: GetRequest): Promise<RecordColumns>;
  /**
   * Reads records as of the token, or now. Rejects with `STALE_READ` where what it would read at the token may have been written since.
   */
  conditionalGet(request: ConditionalGetRequest): Promise<ConditionalGetResponse>;
  /**
   * Makes all operations take effect in one moment, unless a record that they name, or that was read, was written at or after the token:
   * then it rejects with `CONFLICT`, or with `STALE_READ` where that is not known any more.
   */
  conditionalCommit(request: ConditionalCommitRequest): Promise<ConditionalCommitResponse>;
  query(request: QueryRequest): Promise<QueryResponse>;
  searchText(request: SearchTextRequest): Promise<SearchTextResponse>;
  /**
   * Reads, and from then on tells with the event `live` once a write may have changed what was read: once, until it is read again. A
   * watch ends with the session that it came over. Rejects with `LIMIT_EXCEEDED` beyond `limits.subscriptionsMax` of a client.
   */
  watch(request: WatchRequest): Promise<WatchAnswer>;
  /** Ends watches of this client, as far as it has them. */
  unwatch(request: { watches: string[] }): Promise<void>;
  /** Several branches of one moment, fused. */
  hybrid(request: HybridRequest): Promise<HybridResponse>;
  /** One result for each search, in their order. */
  search(request: SearchRequest): Promise<SearchColumns[]>;
  /** The number of records, or of those that are selected. */
  count(request: CountRequest): Promise<number>;
  /** For each key its most frequent values in the selected records. */
  facets(request: FacetsRequest): Promise<FacetColumns[]>;
  /** The different values of a key in the selected records, ascending. */
  distinct(request: DistinctRequest): Promise<Scalar[]>;
  /** Completions of a text's last word, best first. */
  autoSuggest(request: AutoSuggestRequest): Promise<TextSuggestion[]>;
  checkRecall(request: CheckRecallRequest): Promise<RecallReport>;
  indexingStatus(request: { collectionId: string }): Promise<IndexingStatus>;
  /** Which records have been written since an earlier call, as far as the log still tells. */
  changedIds(request: ChangedIdsRequest): Promise<ChangedIds>;

  /** The engine's clock in nanoseconds since the epoch, as Chroma tells it. */
  heartbeat(request?: undefined): Promise<number>;
  identity(request: Scope): Promise<UserIdentity>;
  info(request?: undefined): Promise<EngineInfo>;
  /** How often each method was called, how it ended, and how long it took. */
  metrics(request?: undefined): Promise<EngineMetrics>;
  /** Leaves on disk what is needed. A whole vacuum is one step after the other. */
  vacuum(request: VacuumRequest): Promise<VacuumStep>;
  /** Resolves when the new key has taken the place of the former; to `null` where the database is not encrypted. */
  rotateKey(request: RotateKeyRequest): Promise<RotateKeyResponse | null>;
  /** How far what `rotateKey` has begun is: when it has gone on, or after a second. `null` when nothing is left. */
  keyRotation(request?: undefined): Promise<KeyRotationInfo | null>;
  /** Verifies the rows of the catalog. */
  verifyCatalog(request?: undefined): Promise<CatalogReport>;
  /** Verifies what is on disk of a collection, also of one that cannot be opened. `deep`: compares indexes with records, too. */
  verifyCollection(request: { collectionId: string; deep: boolean }): Promise<CollectionReport>;
  /** Writes anew those rows of the catalog that are known from a second copy, and of tenants and databases that are known by name. */
  repairCatalog(request?: undefined): Promise<RepairedCatalog>;
  /** Keeps what can be read of a collection, also of one whose row is lost, with new indexes; what cannot is gone for good. */
  repairCollection(request: { collectionId: string }): Promise<RepairedCollection>;
  /** Keeps everything as it is in one moment, to be read piece by piece. `versions`: earlier versions of collections, too. */
  beginBackup(request: { versions: boolean; publishes?: boolean }): Promise<BackupBegun>;
  /** The `at`-th piece of a backup, `null` at its end. One after the other; the last one may be asked for again. */
  readBackup(request: { snapshot: string; at: number }): Promise<{ bytes: Uint8Array | null }>;
  /** Lets go of it. One that is not there any more is none the worse. */
  endBackup(request: { snapshot: string }): Promise<void>;
  /** Begins to take a backup in. Nothing of it is seen before `endRestore`. */
  beginRestore(request: { mode: RestoreMode }): Promise<{ restore: string }>;
  /** Takes the bytes at a place of the file: one after the other; those that are there already are passed over. */
  feedRestore(request: { restore: string; at: number; bytes: Uint8Array }): Promise<RestoreReport>;
  /**
   * Begins to embed a collection's documents anew, or goes on with it; who worked on it before is refused from then on. Rejects with
   * `INVALID_ARGUMENT` where a record has no document, and with `ALREADY_EXISTS` where it is done by another function already.
   */
  beginReembedding(request: BeginReembeddingRequest): Promise<ReembeddingBegun>;
  /** The next records that lack their embedding, at most `limit`; none where it looked at many in vain. */
  readReembedding(request: { collectionId: string; reembedding: string; limit: number }): Promise<ReembeddingBatch>;
  /** Resolves once the embeddings are durable. They are not seen before `endReembedding`. */
  writeReembedding(request: WriteReembeddingRequest): Promise<void>;
  /** Puts all of them in place in one moment, and tells what the collection is then; `null` where records are left to be embedded. */
  endReembedding(request: { collectionId: string; reembedding: string }): Promise<CollectionInfo | null>;
  /** Gives up what was begun, for good; `false` where nothing was. */
  giveUpReembedding(request: { collectionId: string }): Promise<{ givenUp: boolean }>;
  /** Puts everything in place in one moment, or rejects with `CORRUPTION` where the file was not whole. */
  endRestore(request: { restore: string }): Promise<void>;
  /** Gives up a restore. One that is not there any more is none the worse. */
  abortRestore(request: { restore: string }): Promise<void>;
  /** Deletes everything of this database path. Refused with `FORBIDDEN` unless the engine was opened with `allowReset`. */
  reset(request?: undefined): Promise<void>;
}

/** What the read of a watch answers. */
export type WatchAnswer = { [M in WatchedRead["method"]]: Awaited<ReturnType<EngineMethods[M]>> }[WatchedRead["method"]];

export type RequestOf<M extends keyof EngineMethods> = Parameters<EngineMethods[M]>[0];
export type ResponseOf<M extends keyof EngineMethods> = Awaited<ReturnType<EngineMethods[M]>>;

/** Methods that ask for nothing in particular, so that their request may be left out. */
export type MethodWithoutRequest = { [M in keyof EngineMethods]: undefined extends RequestOf<M> ? M : never }[keyof EngineMethods];

/** The engine with the caller beside each request. A call without one shows no token and is known by no id. */
export type EngineService = {
  [M in keyof EngineMethods]: (...args: [...Parameters<EngineMethods[M]>, caller?: Caller]) => ReturnType<EngineMethods[M]>;
};

/** How a database is opened. */
export interface OpenOptions {
  /** Names the database within the page's origin. */
  path: string;
  /** Where bytes are kept; "auto" chooses for a new database, and finds an old one. */
  storage: "auto" | "opfs" | "indexeddb" | "directory" | "memory";
  /** What an acknowledged write survives. */
  durability: Durability;
  /** Whether `reset` is allowed. */
  allowReset: boolean;
  /** Published versions of each collection that stay readable, the current one included. Default 1. */
  retainVersions?: number;
  /** Bytes that everything may hold together (`memory-shares.ts`). Default: what `limits` gives each. */
  memoryBudgetBytes?: number;
  /** Threads that may be at work at once, the engine's own included. Default: those of the machine, at most `limits.coresDefaultMax`. */
  cores?: number;
  /** Rules for every call; without them everybody may do everything. */
  gateway?: GatewayRules;
  /** A published database in the place of one that is stored here. */
  source?: PublishedSource;
  /** What the database is encrypted with. */
  encryption?:
    | {
        /** A `CryptoKey`, or in the page what brings one. */
        readonly key: object;
      }
    | undefined;
}
