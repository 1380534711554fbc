/**
 * Chroma's `Schema`: which indexes a new collection gets. It is a builder and decides nothing; what it says as JSON is read,
 * and checked again, by the engine's gateway.
 */
import { invalidArgument, show } from "../../core/errors.js";
import { validateObject } from "../../core/gateway/validate/values.js";
import { DOCUMENT_KEY, describeFunction, EMBEDDING_KEY } from "../../core/schema.js";
import type {
  CollectionSchema,
  SchemaFunction,
  SparseVectorIndexSettings,
  ValueTypes as ValueTypesJson,
  VectorIndexSettings,
} from "../../core/types.js";
import type { EmbeddingFunction } from "../embedding-function.js";
import { restoreEmbeddingFunction, serializeEmbeddingFunction } from "../embedding-registry.js";
import { readArguments, readArgumentsInTurns } from "../read-arguments.js";
import { throughProxies } from "../through-proxies.js";
import { Cmek } from "./cmek.js";
import {
  BoolInvertedIndexConfig,
  BoolInvertedIndexType,
  BoolValueType,
  FloatInvertedIndexConfig,
  FloatInvertedIndexType,
  FloatListValueType,
  FloatValueType,
  FtsIndexConfig,
  FtsIndexType,
  type IndexConfig,
  IntInvertedIndexConfig,
  IntInvertedIndexType,
  IntValueType,
  SparseVectorIndexConfig,
  SparseVectorIndexType,
  SparseVectorValueType,
  StringInvertedIndexConfig,
  StringInvertedIndexType,
  StringValueType,
  ValueTypes,
  VectorIndexConfig,
  VectorIndexType,
} from "./index-config.js";
import { getSparseEmbeddingFunction, type SparseEmbeddingFunction } from "./sparse-embedding-function.js";

export { DOCUMENT_KEY, EMBEDDING_KEY };

/** A schema as JSON, which is how it is stored and sent. */
export interface SchemaJSON extends CollectionSchema {
  /** A customer-managed key: provider to resource. No collection can be made with one. */
  cmek?: Record<string, unknown>;
}

/** One kind of index: the class of its configuration, where it stands in a schema, and where in its JSON. */
interface IndexKind {
  Config: new () => IndexConfig;
  Index: new (enabled: boolean, config: never) => object;
  Value: new () => object;
  type: keyof ValueTypes;
  index: string;
  path: readonly [type: keyof ValueTypesJson, index: string];
}

const KINDS: readonly IndexKind[] = [
  { Config: FtsIndexConfig, Index: FtsIndexType, Value: StringValueType, type: "string", index: "ftsIndex", path: ["string", "fts_index"] },
  {
    Config: StringInvertedIndexConfig,
    Index: StringInvertedIndexType,
    Value: StringValueType,
    type: "string",
    index: "stringInvertedIndex",
    path: ["string", "string_inverted_index"],
  },
  {
    Config: VectorIndexConfig,
    Index: VectorIndexType,
    Value: FloatListValueType,
    type: "floatList",
    index: "vectorIndex",
    path: ["float_list", "vector_index"],
  },
  {
    Config: SparseVectorIndexConfig,
    Index: SparseVectorIndexType,
    Value: SparseVectorValueType,
    type: "sparseVector",
    index: "sparseVectorIndex",
    path: ["sparse_vector", "sparse_vector_index"],
  },
  {
    Config: IntInvertedIndexConfig,
    Index: IntInvertedIndexType,
    Value: IntValueType,
    type: "intValue",
    index: "intInvertedIndex",
    path: ["int", "int_inverted_index"],
  },
  {
    Config: FloatInvertedIndexConfig,
    Index: FloatInvertedIndexType,
    Value: FloatValueType,
    type: "floatValue",
    index: "floatInvertedIndex",
    path: ["float", "float_inverted_index"],
  },
  {
    Config: BoolInvertedIndexConfig,
    Index: BoolInvertedIndexType,
    Value: BoolValueType,
    type: "boolean",
    index: "boolInvertedIndex",
    path: ["bool", "bool_inverted_index"],
  },
];

type Indexes = Record<string, { enabled: boolean; config: IndexConfig } | null>;

/**
 * Which indexes a collection gets. Without one every metadata value is indexed by its type, documents are indexed as text,
 * and embeddings have the vector index that `configuration` describes. What has no index takes no room and cannot be
 * filtered by. A schema is fixed when its collection is created.
 *
 * @example
 * const schema = new Schema()
 *   .deleteIndex(new StringInvertedIndexConfig(), "body")
 *   .createIndex(new VectorIndexConfig({ space: "cosine", hnsw: { ef_search: 200 } }));
 * const pages = await client.createCollection({ name: "pages", schema });
 * console.log(pages.configuration.hnsw.space); // cosine
 */
export class Schema {
  /** What holds for every key. */
  defaults = new ValueTypes();
  /** What differs under single keys. */
  keys: Record<string, ValueTypes> = {};
  /** The customer-managed key, if one was set. */
  cmek: Cmek | null = null;

  /** A schema that says what holds without one: metadata indexed by value, documents as text, embeddings by the vector index. */
  constructor() {
    throughProxies(this, Schema);
    for (const Config of [StringInvertedIndexConfig, IntInvertedIndexConfig, FloatInvertedIndexConfig, BoolInvertedIndexConfig]) {
      setIndex(this.defaults, new Config(), true);
    }
    for (const Config of [FtsIndexConfig, VectorIndexConfig, SparseVectorIndexConfig]) setIndex(this.defaults, new Config(), false);
    setIndex(this.#of(DOCUMENT_KEY), new FtsIndexConfig(), true);
    setIndex(this.#of(DOCUMENT_KEY), new StringInvertedIndexConfig(), false);
    setIndex(this.#of(EMBEDDING_KEY), new VectorIndexConfig({ sourceKey: DOCUMENT_KEY }), true);
  }

  /** A schema with a customer-managed key can be built, but no collection can be made with it: `NOT_SUPPORTED`. */
  setCmek(cmek: Cmek | null): this {
    if (cmek !== null && !readArguments("setCmek", () => cmek instanceof Cmek))
      throw invalidArgument(`cmek must be a Cmek, got ${show(cmek)}`);
    this.cmek = cmek;
    return this;
  }

  /**
   * Asks for an index: of one metadata key, or, without a key, of every key that has no setting of its own. The vector index
   * takes no key, the full-text index the key `#document`, a sparse vector index the key under which its vectors stand.
   *
   * @throws `INVALID_ARGUMENT` where there can be no such index.
   *
   * @example
   * const schema = new Schema().deleteIndex(new IntInvertedIndexConfig()).createIndex(new IntInvertedIndexConfig(), "year");
   */
  createIndex(config?: IndexConfig | null, key?: string | null): this {
    if (config == null && key == null) throw invalidArgument("Cannot enable all index types globally. Must specify either config or key.");
    readArguments("createIndex", () => checkArguments(config, key));
    if (key === EMBEDDING_KEY) {
      throw invalidArgument(
        `Cannot create index on special key '${key}'. This key is managed automatically by the system. ` +
          "Invoke createIndex(new VectorIndexConfig(...)) without specifying a key to configure the vector index globally.",
      );
    }
    if (key === DOCUMENT_KEY && !(config instanceof FtsIndexConfig)) {
      throw invalidArgument(`Cannot create index on special key '${key}' with this config. Only FtsIndexConfig is allowed for #document.`);
    }
    checkNotReserved(key);
    if (config instanceof VectorIndexConfig) {
      if (key == null) return this.#setVectorIndex(config);
      throw invalidArgument(
        "Vector index cannot be enabled on specific keys. " +
          "Use createIndex(new VectorIndexConfig(...)) without specifying a key to configure the vector index globally.",
      );
    }
    if (config instanceof FtsIndexConfig && key !== DOCUMENT_KEY) {
      throw invalidArgument("FTS index can only be enabled on #document key. Use createIndex(new FtsIndexConfig(), '#document')");
    }
    if (config instanceof SparseVectorIndexConfig) checkSparse(config, key);
    if (config == null)
      throw invalidArgument(`Cannot enable all index types for key '${key}'. Please specify a specific index configuration.`);
    return this.#setIndex(config, key, true);
  }

  /**
   * Does without an index: of one metadata key, or, without a key, of every key that has no setting of its own. Only the
   * indexes of metadata values, and the full-text index of `#document`, can be done without.
   *
   * @throws `INVALID_ARGUMENT` where an index cannot be done without.
   *
   * @example
   * const schema = new Schema().deleteIndex(new FtsIndexConfig(), DOCUMENT_KEY);
   */
  deleteIndex(config?: IndexConfig | null, key?: string | null): this {
    if (config == null && key == null) throw invalidArgument("Cannot disable all indexes. Must specify either config or key.");
    readArguments("deleteIndex", () => checkArguments(config, key));
    if (key === EMBEDDING_KEY) throw invalidArgument("Cannot modify #embedding. Currently not supported");
    if (key === DOCUMENT_KEY && !(config instanceof FtsIndexConfig)) {
      throw invalidArgument(`Cannot delete index on special key '${key}' with this config. Only FtsIndexConfig is allowed for #document.`);
    }
    checkNotReserved(key);
    if (config instanceof VectorIndexConfig) throw invalidArgument("Deleting vector index is not currently supported.");
    if (config instanceof SparseVectorIndexConfig) throw invalidArgument("Deleting sparse vector index is not currently supported.");
    if (config instanceof FtsIndexConfig && key !== DOCUMENT_KEY)
      throw invalidArgument("Deleting FTS index is only supported on #document key.");
    if (config == null)
      throw invalidArgument(`Cannot disable all index types for key '${key}'. Please specify a specific index configuration.`);
    return this.#setIndex(config, key, false);
  }

  /** The schema as Chroma's clients send it. */
  serializeToJSON(): SchemaJSON {
    const keys = Object.entries(this.keys).map(([key, types]) => [key, typesToJson(types)] as const);
    const json: SchemaJSON = { defaults: typesToJson(this.defaults), keys: Object.fromEntries(keys) };
    if (this.cmek !== null) json.cmek = this.cmek.toJSON();
    return json;
  }

  /**
   * A schema from its JSON; `undefined` for none. Embedding functions are built again where their classes are registered.
   *
   * @example
   * const schema = await Schema.deserializeFromJSON(collection.schema.serializeToJSON(), client);
   * console.log(schema?.keys[DOCUMENT_KEY]?.string?.ftsIndex?.enabled); // true
   */
  static async deserializeFromJSON(json: SchemaJSON | null | undefined, client?: unknown): Promise<Schema | undefined> {
    if (json == null) return undefined;
    return readArgumentsInTurns("Schema.deserializeFromJSON", async () => {
      validateObject(json, "json");
      const schema = new Schema();
      schema.defaults = await typesFromJson(json.defaults ?? {}, client);
      const keys = Object.entries(json.keys ?? {}).map(async ([key, types]) => [key, await typesFromJson(types, client)] as const);
      schema.keys = Object.fromEntries(await Promise.all(keys));
      schema.cmek = json.cmek == null ? null : Cmek.fromJSON(json.cmek);
      return schema;
    });
  }

  /** What embeds the collection's texts: `null` for nothing, `undefined` where nothing is said. */
  resolveEmbeddingFunction(): EmbeddingFunction | null | undefined {
    const own = this.keys[EMBEDDING_KEY]?.floatList?.vectorIndex?.config.embeddingFunction;
    return own === undefined ? this.defaults.floatList?.vectorIndex?.config.embeddingFunction : own;
  }

  /** What embeds into sparse vectors, by the key of the vectors. */
  sparseEmbeddingFunctions(): Map<string, SparseEmbeddingFunction> {
    const functions = new Map<string, SparseEmbeddingFunction>();
    for (const [key, { sparseVector }] of Object.entries(this.keys)) {
      const { enabled, config } = sparseVector?.sparseVectorIndex ?? {};
      if (enabled && config?.embeddingFunction) functions.set(key, config.embeddingFunction);
    }
    return functions;
  }

  #of(key: string): ValueTypes {
    if (!Object.hasOwn(this.keys, key))
      Object.defineProperty(this.keys, key, { value: new ValueTypes(), enumerable: true, writable: true, configurable: true });
    return this.keys[key]!;
  }

  #setIndex(config: IndexConfig, key: string | null | undefined, enabled: boolean): this {
    setIndex(key == null ? this.defaults : this.#of(key), config, enabled);
    return this;
  }

  /** It is described for every key and built for #embedding, which keeps its source. */
  #setVectorIndex(config: VectorIndexConfig): this {
    const general = this.defaults.floatList?.vectorIndex;
    setIndex(this.defaults, copyOf(config), general?.enabled ?? false);
    const types = this.#of(EMBEDDING_KEY);
    const own = types.floatList?.vectorIndex;
    setIndex(types, Object.assign(copyOf(config), { sourceKey: own?.config.sourceKey ?? DOCUMENT_KEY }), own?.enabled ?? true);
    return this;
  }
}

function checkArguments(config: unknown, key: unknown): void {
  if (config != null && !KINDS.some(({ Config }) => config instanceof Config)) {
    throw invalidArgument(
      `config must be an instance of ${KINDS.map(({ Config }) => (new Config() as { type: string }).type).join(", ")}, got ${show(config)}`,
    );
  }
  if (key != null && (typeof key !== "string" || key === "")) throw invalidArgument(`key must be a non-empty string, got ${show(key)}`);
}

function checkNotReserved(key: string | null | undefined): void {
  if (key?.startsWith("#") && key !== DOCUMENT_KEY)
    throw invalidArgument("key cannot begin with '#'. Keys starting with '#' are reserved for system use.");
}

function checkSparse({ sourceKey, embeddingFunction }: SparseVectorIndexConfig, key: string | null | undefined): void {
  if (key == null) {
    throw invalidArgument(
      "Sparse vector index must be created on a specific key. " +
        "Please specify a key using: createIndex(new SparseVectorIndexConfig(...), 'your_key')",
    );
  }
  if (sourceKey !== null && !embeddingFunction) {
    throw invalidArgument(
      "If sourceKey is provided then embeddingFunction must also be provided since there is no default embedding function.",
    );
  }
}

function setIndex(types: ValueTypes, config: IndexConfig, enabled: boolean): void {
  const { type, index, Value, Index } = KINDS.find(({ Config }) => config instanceof Config)!;
  const shelves = types as unknown as Record<string, Indexes | null>;
  const indexes = (shelves[type] ??= new Value() as Indexes);
  indexes[index] = new Index(enabled, config as never) as Indexes[string];
}

function copyOf({ space, embeddingFunction, sourceKey, hnsw, spann }: VectorIndexConfig): VectorIndexConfig {
  return new VectorIndexConfig({ space, embeddingFunction, sourceKey, hnsw: hnsw && { ...hnsw }, spann: spann && { ...spann } });
}

// ---- JSON

function typesToJson(types: ValueTypes): ValueTypesJson {
  const json: Record<string, Record<string, object>> = {};
  for (const { type, index, path } of KINDS) {
    const setting = (types as unknown as Record<string, Indexes | null>)[type]?.[index];
    if (setting != null) (json[path[0]] ??= {})[path[1]] = { enabled: setting.enabled, config: configToJson(setting.config) };
  }
  return json;
}

function configToJson(config: IndexConfig): object {
  if (config instanceof VectorIndexConfig) return vectorToJson(config);
  if (config instanceof SparseVectorIndexConfig) return sparseToJson(config);
  return config instanceof FtsIndexConfig && config.algorithm !== null ? { algorithm: config.algorithm } : {};
}

function vectorToJson({ space, embeddingFunction, sourceKey, hnsw, spann }: VectorIndexConfig): VectorIndexSettings {
  const json: Record<string, unknown> = { embedding_function: functionToJson(embeddingFunction) };
  const chosen = space ?? embeddingFunction?.defaultSpace?.();
  if (chosen) json["space"] = chosen;
  if (sourceKey) json["source_key"] = sourceKey;
  if (hnsw) json["hnsw"] = { ...hnsw };
  if (spann) json["spann"] = { ...spann };
  return json;
}

function sparseToJson({ embeddingFunction, sourceKey, bm25, algorithm }: SparseVectorIndexConfig): SparseVectorIndexSettings {
  const json: SparseVectorIndexSettings = { embedding_function: functionToJson(embeddingFunction) };
  if (sourceKey) json.source_key = sourceKey;
  if (bm25 !== null) json.bm25 = bm25;
  if (algorithm !== null) json.algorithm = algorithm;
  return json;
}

function functionToJson(fn: EmbeddingFunction | SparseEmbeddingFunction | null | undefined): SchemaFunction {
  return fn ? describeFunction(serializeEmbeddingFunction(fn as EmbeddingFunction)) : { type: "legacy" };
}

async function typesFromJson(json: ValueTypesJson, client: unknown): Promise<ValueTypes> {
  validateObject(json, "types of a schema");
  const types = new ValueTypes();
  for (const { Config, path } of KINDS) {
    const setting = (json as Record<string, Record<string, { enabled?: boolean; config?: object } | undefined> | undefined>)[path[0]]?.[
      path[1]
    ];
    if (setting != null) setIndex(types, await configFromJson(new Config(), setting.config ?? {}, client), Boolean(setting.enabled));
  }
  return types;
}

async function configFromJson(
  config: IndexConfig,
  json: VectorIndexSettings & Omit<SparseVectorIndexSettings, "algorithm"> & { algorithm?: string },
  client: unknown,
): Promise<IndexConfig> {
  const { space, source_key: sourceKey, hnsw, spann, bm25, algorithm, embedding_function: stored } = json;
  if (config instanceof FtsIndexConfig) return new FtsIndexConfig({ algorithm: algorithm as FtsIndexConfig["algorithm"] });
  if (config instanceof SparseVectorIndexConfig) {
    const embeddingFunction = (await getSparseEmbeddingFunction(client, stored)) ?? null;
    const options = { sourceKey, bm25, embeddingFunction, algorithm: algorithm as SparseVectorIndexConfig["algorithm"] };
    return new SparseVectorIndexConfig(options);
  }
  if (!(config instanceof VectorIndexConfig)) return config;
  const embeddingFunction = stored?.type === "known" ? restoreEmbeddingFunction(stored, client).fn : undefined;
  const options = { sourceKey, hnsw: hnsw as VectorIndexConfig["hnsw"], spann, embeddingFunction };
  return new VectorIndexConfig({ ...options, space: space ?? embeddingFunction?.defaultSpace?.() });
}
