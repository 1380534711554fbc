/** The package entry. Importing it starts nothing and touches no browser global, so it is safe on a server too. */
export { AdminClient, type DatabaseInfo } from "./api/admin-client.js";
export { type Bm25Config, Bm25EmbeddingFunction, type Bm25EmbeddingFunctionOptions } from "./api/bm25-embedding-function.js";
export type { CallLimits } from "./api/call-limits.js";
export {
  ChromaBackoffError,
  ChromaClientError,
  ChromaConditionalWriteConflictError,
  ChromaConnectionError,
  ChromaError,
  type ChromaErrorClass,
  ChromaForbiddenError,
  ChromaNotFoundError,
  ChromaQuotaExceededError,
  ChromaRateLimitError,
  ChromaServerError,
  ChromaStaleReadError,
  ChromaUnauthorizedError,
  ChromaUniqueError,
  ChromaValueError,
  InvalidArgumentError,
  InvalidCollectionError,
} from "./api/chroma-errors.js";
export {
  type ClientInfo,
  type CreateCollectionArguments,
  type EngineInfo,
  type EngineMetrics,
  type GatewayRules,
  type MemoryUse,
  type PreflightChecks,
  type PublishedSource,
  type RemoteOptions,
  TidepoolClient,
  type TidepoolClientOptions,
  type TidepoolWarning,
  type UserIdentity,
  type WarningCode,
} from "./api/client.js";
export type { ChangeEvent, ChangeKind, ClientEvents, LeaseEvent, QuotaEvent, Role } from "./api/client-events.js";
export {
  Collection,
  type CollectionVersion,
  type DeleteResult,
  type ModifyArguments,
  type StoredSchema,
} from "./api/collection.js";
export type { ConditionalTransaction } from "./api/conditional-transaction.js";
export type { CreateCollectionConfiguration, UpdateCollectionConfiguration } from "./api/configuration.js";
export { destroyPath } from "./api/destroy-path.js";
export type { EmbeddingFunction, EmbeddingFunctionSpace, Vector } from "./api/embedding-function.js";
export {
  type EmbeddingFunctionClass,
  getEmbeddingFunction,
  knownEmbeddingFunctions,
  registerEmbeddingFunction,
} from "./api/embedding-registry.js";
export type { Embeddings } from "./api/embeddings.js";
export type { EncryptionOptions } from "./api/encryption-options.js";
export { type FlattenedMetadata, flattenMetadata } from "./api/flatten-metadata.js";
export { HashingEmbeddingFunction, type HashingEmbeddingFunctionOptions } from "./api/hashing-embedding-function.js";
export type { DenseReason, HybridArguments, HybridResult, HybridRow, SparseReason, TextReason } from "./api/hybrid.js";
export type {
  ImportFormat,
  ImportMapping,
  ImportOptions,
  ImportProgress,
  ImportRejection,
  ImportReport,
  ImportSource,
} from "./api/import/import-arguments.js";
export type { LiveOptions, Subscription } from "./api/live/live-query.js";
export type { LiveUpdate } from "./api/live/live-results.js";
export { type LiveSnapshot, type LiveStore, liveStore } from "./api/live/live-store.js";
export type { LiveListener, LiveRead, LiveReads, LiveResults } from "./api/live/subscribe.js";
export { type ChunkOptions, chunk, type Passage, type TextFormat, type Tokenizer } from "./api/passages/chunk.js";
export type { AddDocumentArguments, AddDocumentResult, DeleteDocumentArguments, PassageKey } from "./api/passages/documents.js";
export { passphraseKey } from "./api/passphrase-key.js";
export type {
  PublishDirectory,
  PublishFile,
  PublishOptions,
  PublishProgress,
  PublishReport,
} from "./api/publish/publish-arguments.js";
export type {
  AutoSuggestArguments,
  CountArguments,
  DeleteArguments,
  DistinctArguments,
  FacetsArguments,
  GetArguments,
  QueryArguments,
  SearchTextArguments,
  SelectionArguments,
} from "./api/read-requests.js";
export type { ReembedArguments, ReembedProgress, ReembedReport } from "./api/reembed.js";
export {
  type Facet,
  type Facets,
  type FacetValue,
  GetResult,
  type GetRow,
  IncludeEnum,
  QueryResult,
  type QueryRow,
  type QueryRow as QueryRowResult,
  SearchTextResult,
  type SearchTextRow,
} from "./api/results.js";
export type { RotateKeyOptions } from "./api/rotate-key.js";
export { Cmek, CmekProvider } from "./api/schema/cmek.js";
export type { SchemaLike } from "./api/schema/create-with-schema.js";
export {
  BoolInvertedIndexConfig,
  type BoolInvertedIndexType,
  type BoolValueType,
  FloatInvertedIndexConfig,
  type FloatInvertedIndexType,
  type FloatListValueType,
  type FloatValueType,
  FtsIndexConfig,
  type FtsIndexConfigOptions,
  type FtsIndexType,
  type HnswIndexConfig,
  type IndexConfig,
  IntInvertedIndexConfig,
  type IntInvertedIndexType,
  type IntValueType,
  type SpannIndexConfig,
  SparseVectorIndexConfig,
  type SparseVectorIndexConfigOptions,
  type SparseVectorIndexType,
  type SparseVectorValueType,
  StringInvertedIndexConfig,
  type StringInvertedIndexType,
  type StringValueType,
  type ValueTypes,
  VectorIndexConfig,
  type VectorIndexConfigOptions,
  type VectorIndexType,
} from "./api/schema/index-config.js";
export { DOCUMENT_KEY, EMBEDDING_KEY, Schema, type SchemaJSON } from "./api/schema/schema.js";
export {
  getSparseEmbeddingFunction,
  knownSparseEmbeddingFunctions,
  registerSparseEmbeddingFunction,
  type SparseEmbeddingFunction,
  type SparseEmbeddingFunctionClass,
} from "./api/schema/sparse-embedding-function.js";
export {
  Aggregate,
  type AggregateInput,
  type AggregateJSON,
  GroupBy,
  type GroupByInput,
  type GroupByJSON,
  MaxK,
  MinK,
} from "./api/search/group-by.js";
export { type IterableInput, K, Key, type KeyFactory, WhereExpression, type WhereInput, type WhereJSON } from "./api/search/key.js";
export {
  Abs,
  Div,
  Exp,
  Knn,
  type KnnOptions,
  Log,
  Max,
  Min,
  Mul,
  RankExpression,
  type RankInput,
  type RankLiteral,
  Rrf,
  type RrfOptions,
  Sub,
  Sum,
  Text,
  type TextOptions,
  Val,
} from "./api/search/rank.js";
export {
  Limit,
  type LimitInput,
  type LimitOptions,
  ReadLevel,
  Search,
  type SearchInit,
  type SearchLike,
  type SearchPayload,
  Select,
  type SelectInput,
  type SelectKeyInput,
  toSearch,
} from "./api/search/search.js";
export { SearchResult, type SearchResultRow } from "./api/search/search-result.js";
export type { CommitResult } from "./api/transaction-rules.js";
export type { BackupFile, BackupOptions, BackupProgress, RestoreOptions } from "./api/transfer/backup-arguments.js";
export type { ExportArguments, ExportFormat, ExportProgress } from "./api/transfer/export-arguments.js";
export type { VacuumOptions, VacuumReport } from "./api/vacuum.js";
export type { RepairReport, VerifyOptions, VerifyProgress, VerifyReport } from "./api/verify.js";
export type { Progress, WriteOptions } from "./api/write.js";
export type { AddArguments, Flattening, Nullable, Patch, UpdateArguments, UpsertArguments } from "./api/write-arguments.js";
export { type ErrorCode, TidepoolError, type TidepoolErrorOptions } from "./core/errors.js";
export type { TokenGrant } from "./core/gateway/rules.js";
export type {
  ArenaInfo,
  CollectionReport,
  Finding,
  IndexingStatus,
  KeyRotationInfo,
  OrderBy,
  OriginQuota,
  RecallReport,
  RepairedCollection,
  RestoreMode,
  RestoreReport,
  VerifiedCounts,
  VersionInfo,
} from "./core/service.js";
export type {
  CollectionConfiguration,
  CollectionSchema,
  EmbeddingFunctionConfiguration,
  Highlight,
  HighlightOptions,
  IncludeField,
  Metadata as CollectionMetadata,
  Metadata,
  MetadataOf,
  MetadataPatch,
  MetadataValue,
  SchemaFunction,
  Space,
  SpannParameters,
  SparseVector,
  StemmingLanguage,
  StopWordLanguage,
  TextConfiguration,
  TextConfigurationInput,
  TextRange,
  TextSuggestion,
  Where,
  WhereDocument,
  WhereOperator,
} from "./core/types.js";
