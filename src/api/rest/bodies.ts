/** The bodies of Chroma's REST v2 requests. Filters and searches are left to the engine's gateway, which explains them. */
import type { IncludeField, MetadataValue, Space } from "../../core/types.js";
import { anything, count, flag, float, list, nullable, object, oneOf, optional, record, type Shape, text, untagged } from "./shape.js";
import { isSparseVectorOnWire, type SparseVectorOnWire, sparseVectorSchema } from "./sparse-on-wire.js";

export type ValueOnWire = MetadataValue | SparseVectorOnWire | never[];

const metadataValueSchema = {
  anyOf: [
    { type: "string" },
    { type: "number" },
    { type: "boolean" },
    { type: "array", items: { type: "string" } },
    { type: "array", items: { type: "number" } },
    { type: "array", items: { type: "boolean" } },
    sparseVectorSchema,
  ],
};

const metadataValue = untagged("MetadataValue", metadataValueSchema, isMetadataValue);
const patchValue = untagged(
  "UpdateMetadataValue",
  metadataValueSchema,
  (value): value is ValueOnWire | null => value === null || isMetadataValue(value),
);

function isMetadataValue(value: unknown): value is ValueOnWire {
  if (Array.isArray(value)) return isScalarList(value);
  return isScalar(value) || isSparseVectorOnWire(value);
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));
}

function isScalarList(values: readonly unknown[]): boolean {
  return values.every((value) => isScalar(value) && typeof value === typeof values[0]);
}

function isNumberList(values: unknown): values is number[] {
  return Array.isArray(values) && values.every((value) => typeof value === "number");
}

/** Embeddings as lists of numbers, or each as the base64 of its little-endian float32 bytes. */
export type EmbeddingsOnWire = (number[] | string | null)[];

const embeddingsSchema = {
  anyOf: [
    { type: "array", items: { type: "array", items: { type: "number" } } },
    { type: "array", items: { type: "string", format: "byte" } },
  ],
};

function embeddings(name: string, nulls: boolean): Shape<EmbeddingsOnWire> {
  return untagged(name, embeddingsSchema, (value): value is EmbeddingsOnWire => {
    if (!Array.isArray(value)) return false;
    const given = nulls ? value.filter((one) => one !== null) : value;
    return given.every((one) => typeof one === "string") || given.every(isNumberList);
  });
}

const space: Shape<Space> = oneOf("l2", "cosine", "ip");

const hnswUpdate = {
  ef_search: optional(count),
  max_neighbors: optional(count),
  num_threads: optional(count),
  resize_factor: optional(float),
  sync_threshold: optional(count),
  batch_size: optional(count),
};

const spannParameters = {
  search_nprobe: optional(count),
  write_nprobe: optional(count),
  ef_construction: optional(count),
  ef_search: optional(count),
  max_neighbors: optional(count),
  reassign_neighbor_count: optional(count),
  split_threshold: optional(count),
  merge_threshold: optional(count),
};

const embeddingFunction = object({
  type: oneOf("legacy", "known", "unknown"),
  name: optional(text),
  config: optional(record(anything)),
});

const configuration = object({
  hnsw: optional(object({ space: optional(space), ef_construction: optional(count), ...hnswUpdate })),
  spann: optional(object({ space: optional(space), ...spannParameters })),
  embedding_function: optional(embeddingFunction),
});

/** Its inside is left to the engine's gateway. */
const schema = object({ defaults: record(anything), keys: record(anything), cmek: optional(anything) }, true);

const configurationUpdate = object({
  hnsw: optional(object(hnswUpdate, true)),
  spann: optional(object({ search_nprobe: optional(count), ef_search: optional(count) })),
  embedding_function: optional(embeddingFunction),
});

const include: Shape<IncludeField> = oneOf("distances", "documents", "embeddings", "metadatas", "uris");

export const nameBody = object({ name: text });
export const updateTenantBody = object({ resource_name: text });
export const createCollectionBody = object({
  name: text,
  get_or_create: optional(flag),
  metadata: optional(record(metadataValue)),
  configuration: optional(configuration),
  schema: optional(schema),
});
export const updateCollectionBody = object({
  new_name: optional(text),
  new_metadata: optional(record(patchValue)),
  new_configuration: optional(configurationUpdate),
});
export const forkBody = object({ new_name: text });

const columns = {
  documents: optional(list(nullable(text))),
  uris: optional(list(nullable(text))),
};
const metadatas = optional(list(nullable(record(metadataValue))));
const metadataPatches = optional(list(nullable(record(patchValue))));
export const addBody = object({ ids: list(text), embeddings: embeddings("EmbeddingsPayload", false), metadatas, ...columns });
export const upsertBody = object({
  ids: list(text),
  embeddings: embeddings("EmbeddingsPayload", false),
  metadatas: metadataPatches,
  ...columns,
});
export const updateBody = object({
  ids: list(text),
  embeddings: optional(embeddings("UpdateEmbeddingsPayload", true)),
  metadatas: metadataPatches,
  ...columns,
});

const selection = { ids: optional(list(text)), where: optional(anything), where_document: optional(anything) };
export const getBody = object({ ...selection, limit: optional(count), offset: optional(count), include: optional(list(include)) });
export const queryBody = object({
  ...selection,
  query_embeddings: list(list(float)),
  n_results: optional(count),
  include: optional(list(include)),
});
export const deleteBody = object({ ...selection, limit: optional(count) });
export const searchBody = object({ searches: list(anything), read_level: optional(text) });

export const conditionalGetBody = object({
  ...selection,
  limit: optional(count),
  offset: optional(count),
  include: optional(list(include)),
  read_token: optional(count),
});
/** What stands in a payload depends on its operation, and is read as the body of that operation's route. */
export const conditionalCommitBody = object({
  read_token: optional(count),
  read_ids: optional(list(text)),
  operations: list(object({ operation: oneOf("add", "update", "upsert", "delete"), payload: anything })),
});
