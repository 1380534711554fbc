/** A schema on its way to the engine, and the functions it brings for the page. Loaded when a collection is made with one. */
import { invalidArgument, show } from "../../core/errors.js";
import { EMBEDDING_KEY } from "../../core/schema.js";
import type { CollectionSchema, SchemaFunction, VectorIndexSettings } from "../../core/types.js";
import { type ChosenFunction, type CreateCollectionConfiguration, chooseFunction, validateSpace } from "../configuration.js";
import { type EmbeddingFunction, embeddingError } from "../embedding-function.js";
import { restoreEmbeddingFunction, serializeEmbeddingFunction } from "../embedding-registry.js";
import type { SchemaJSON } from "./schema.js";
import type { SparseEmbeddingFunction } from "./sparse-embedding-function.js";

/** What a collection can be made with: a `Schema`, or another collection's. */
export interface SchemaLike {
  /** The schema as JSON. */
  serializeToJSON(): SchemaJSON;
  /** What embeds the texts: `null` for nothing, `undefined` where nothing is said. Left out: what the JSON names. */
  resolveEmbeddingFunction?(): EmbeddingFunction | null | undefined;
  /** What embeds into sparse vectors, by the key of the vectors. Left out: nothing. */
  sparseEmbeddingFunctions?(): Map<string, SparseEmbeddingFunction>;
}

export interface SchemaChoice {
  /** As it is sent. */
  schema: CollectionSchema;
  chosen: ChosenFunction;
  /** By the key of their vectors. */
  sparse: Map<string, SparseEmbeddingFunction>;
  /** Throws when a collection that was there already has other sparse embedding functions. */
  checkSparse(persisted: CollectionSchema): void;
}

/** The embedding function is named once: in the schema, or beside it. */
export function chooseSchema(
  schema: SchemaLike,
  embeddingFunction: EmbeddingFunction | null | undefined,
  configuration: CreateCollectionConfiguration | undefined,
  client: unknown,
): SchemaChoice {
  if (typeof schema?.serializeToJSON !== "function") throw invalidArgument(`schema must be a Schema, got ${show(schema)}`);
  // Copied, since what is filled in below is nobody else's business.
  const json = structuredClone(schema.serializeToJSON());
  const own = functionOf(schema, json, client);
  if (own && (embeddingFunction || configuration?.embeddingFunction)) {
    throw invalidArgument("Embedding function provided when already defined in the schema");
  }
  // A schema that says "none" leaves the word to whoever says more; one that says nothing leaves it to everybody.
  const said = own ?? embeddingFunction ?? (own === null ? null : embeddingFunction);
  const chosen = chooseFunction(said, configuration);
  for (const config of vectorConfigs(json)) fillIn(config, chosen);
  const sparse = schema.sparseEmbeddingFunctions?.() ?? new Map<string, SparseEmbeddingFunction>();
  return { schema: json, chosen, sparse, checkSparse: (persisted) => sparse.forEach((fn, key) => checkSameSparse(fn, key, persisted)) };
}

function checkSameSparse(fn: SparseEmbeddingFunction, key: string, { keys }: CollectionSchema): void {
  const stored = keys[key]?.sparse_vector?.sparse_vector_index?.config.embedding_function;
  if (stored?.type !== "known" || stored.name === fn.name) return;
  throw embeddingError(
    `The key ${show(key)} has a sparse embedding function already. ` +
      `Embedding function conflict: new: ${show(fn.name)} vs persisted: ${show(stored.name)}`,
  );
}

/** A stored schema has only the function's name, and that of a function that cannot be built would be lost. */
function functionOf(schema: SchemaLike, json: CollectionSchema, client: unknown): EmbeddingFunction | null | undefined {
  if (schema.resolveEmbeddingFunction !== undefined) return schema.resolveEmbeddingFunction();
  const stored = json.keys[EMBEDDING_KEY]?.float_list?.vector_index?.config.embedding_function;
  if (stored?.type !== "known") return undefined;
  const { fn, failure } = restoreEmbeddingFunction(stored, client);
  if (failure !== null) throw failure;
  return fn;
}

function vectorConfigs({ defaults, keys }: CollectionSchema): VectorIndexSettings[] {
  const settings = [defaults, keys[EMBEDDING_KEY]].map((types) => types?.float_list?.vector_index?.config);
  return settings.filter((config) => config !== undefined);
}

/** As in a configuration, only a function that was named chooses the space. */
function fillIn(config: VectorIndexSettings, { fn, implicit }: ChosenFunction): void {
  config.embedding_function = fn === null ? { type: "unknown" } : (serializeEmbeddingFunction(fn) as SchemaFunction);
  if (fn === null || implicit || !fn.supportedSpaces) return;
  const space = config.space ?? fn.defaultSpace?.();
  if (space === undefined) return;
  validateSpace(fn, space);
  config.space = space;
}
