/** The package entry. Importing it starts nothing and touches no browser global, so it is safe on a server too. */
export { AdminClient, type DatabaseInfo } from "./api/admin-client.js";
export {
  TidepoolClient,
  type CreateCollectionArguments,
  type EngineInfo,
  type GatewayRules,
  type TidepoolClientOptions,
  type TidepoolWarning,
  type UserIdentity,
  type WarningCode,
} from "./api/client.js";
export {
  Collection,
  type AddArguments,
  type CollectionVersion,
  type DeleteResult,
  type GetArguments,
  type ModifyArguments,
  type Nullable,
  type Patch,
  type QueryArguments,
  type SearchTextArguments,
  type SelectionArguments,
  type StoredSchema,
  type UpdateArguments,
  type UpsertArguments,
} from "./api/collection.js";
export type { CreateCollectionConfiguration, UpdateCollectionConfiguration } from "./api/configuration.js";
export {
  getEmbeddingFunction,
  knownEmbeddingFunctions,
  registerEmbeddingFunction,
  type EmbeddingFunction,
  type EmbeddingFunctionClass,
  type EmbeddingFunctionSpace,
  type Vector,
} from "./api/embedding-function.js";
export { destroyPath } from "./api/destroy-path.js";
export type { Embeddings } from "./api/embeddings.js";
export { HashingEmbeddingFunction, type HashingEmbeddingFunctionOptions } from "./api/hashing-embedding-function.js";
export {
  GetResult,
  IncludeEnum,
  QueryResult,
  SearchTextResult,
  type GetRow,
  type QueryRow,
  type QueryRow as QueryRowResult,
  type SearchTextRow,
} from "./api/results.js";
export { Cmek, CmekProvider } from "./api/schema/cmek.js";
export type { SchemaLike } from "./api/schema/create-with-schema.js";
export {
  BoolInvertedIndexConfig,
  FloatInvertedIndexConfig,
  FtsIndexConfig,
  IntInvertedIndexConfig,
  SparseVectorIndexConfig,
  StringInvertedIndexConfig,
  VectorIndexConfig,
  type BoolInvertedIndexType,
  type BoolValueType,
  type FloatInvertedIndexType,
  type FloatListValueType,
  type FloatValueType,
  type FtsIndexType,
  type HnswIndexConfig,
  type IndexConfig,
  type IntInvertedIndexType,
  type IntValueType,
  type SpannIndexConfig,
  type SparseVectorIndexConfigOptions,
  type SparseVectorIndexType,
  type SparseVectorValueType,
  type StringInvertedIndexType,
  type StringValueType,
  type ValueTypes,
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
export { Aggregate, GroupBy, MaxK, MinK, type AggregateInput, type AggregateJSON, type GroupByInput, type GroupByJSON } from "./api/search/group-by.js";
export { K, Key, WhereExpression, type IterableInput, type KeyFactory, type WhereInput, type WhereJSON } from "./api/search/key.js";
export {
  Abs,
  Div,
  Exp,
  Knn,
  Log,
  Max,
  Min,
  Mul,
  RankExpression,
  Rrf,
  Sub,
  Sum,
  Text,
  Val,
  type KnnOptions,
  type RankInput,
  type RankLiteral,
  type RrfOptions,
  type TextOptions,
} from "./api/search/rank.js";
export {
  Limit,
  ReadLevel,
  Search,
  Select,
  toSearch,
  type LimitInput,
  type LimitOptions,
  type SearchInit,
  type SearchLike,
  type SearchPayload,
  type SelectInput,
  type SelectKeyInput,
} from "./api/search/search.js";
export { SearchResult, type SearchResultRow } from "./api/search/search-result.js";
export type { Progress, WriteOptions } from "./api/write.js";
export type { IndexingStatus, RecallReport, VersionInfo } from "./core/service.js";
export type { TokenGrant } from "./core/gateway/rules.js";
export { TidepoolError, type ErrorCode, type TidepoolErrorOptions } from "./core/errors.js";
export type { CollectionSchema, SchemaFunction } from "./core/schema.js";
export type {
  CollectionConfiguration,
  EmbeddingFunctionConfiguration,
  IncludeField,
  Metadata,
  Metadata as CollectionMetadata,
  MetadataPatch,
  MetadataValue,
  Space,
  SparseVector,
  Where,
  WhereDocument,
  WhereOperator,
} from "./core/types.js";
