/** The package entry. Importing it starts nothing and touches no browser global, so it is safe on a server too. */
export { AdminClient, type DatabaseInfo } from "./api/admin-client.js";
export {
  TidepoolClient,
  type CreateCollectionArguments,
  type EngineInfo,
  type GatewayRules,
  type TidepoolClientOptions,
  type UserIdentity,
} from "./api/client.js";
export {
  Collection,
  type AddArguments,
  type CollectionVersion,
  type GetArguments,
  type ModifyArguments,
  type Nullable,
  type Patch,
  type QueryArguments,
  type SearchTextArguments,
  type SelectionArguments,
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
export type { Embeddings } from "./api/embeddings.js";
export { HashingEmbeddingFunction, type HashingEmbeddingFunctionOptions } from "./api/hashing-embedding-function.js";
export {
  GetResult,
  IncludeEnum,
  QueryResult,
  SearchTextResult,
  type GetRow,
  type QueryRow,
  type SearchTextRow,
} from "./api/results.js";
export type { Progress, WriteOptions } from "./api/write.js";
export type { VersionInfo } from "./core/service.js";
export type { TokenGrant } from "./core/gateway/rules.js";
export { TidepoolError, type ErrorCode, type TidepoolErrorOptions } from "./core/errors.js";
export type {
  CollectionConfiguration,
  EmbeddingFunctionConfiguration,
  IncludeField,
  Metadata,
  MetadataPatch,
  MetadataValue,
  Space,
  Where,
  WhereDocument,
  WhereOperator,
} from "./core/types.js";
