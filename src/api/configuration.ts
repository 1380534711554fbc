/** A collection's configuration on its way to the engine: index parameters and the stored form of the embedding function. */
import { invalidArgument } from "../core/errors.js";
import { validateHnsw } from "../core/gateway/validate/configuration.js";
import { validateObject } from "../core/gateway/validate/values.js";
import type { ConfigurationInput, ModifyCollectionRequest } from "../core/service.js";
import type { CollectionConfiguration, Metadata, Space, SpannParameters, TextConfigurationInput } from "../core/types.js";
import { type EmbeddingFunction, validateConfigUpdate, validateEmbeddingFunction } from "./embedding-function.js";
import { serializeEmbeddingFunction, validateSameFunction } from "./embedding-registry.js";
import { HashingEmbeddingFunction } from "./hashing-embedding-function.js";
import { copyOf, readObject } from "./read-arguments.js";

const FIELDS = "hnsw spann embeddingFunction text";

/** The part of a configuration that speaks of vectors. */
type Hnsw = CollectionConfiguration["hnsw"];

/** `configuration` of `createCollection` and `getOrCreateCollection`. */
export interface CreateCollectionConfiguration {
  /**
   * Index parameters. `max_neighbors`, `ef_construction` and `ef_search` shape the graph that large collections get; `engine`
   * says what builds it, "tidepool" (default) or "hnswlib", which takes the worker of `tidepool-db/hnswlib`; the others have no
   * effect. `space` defaults to the explicitly given embedding function's own, else to "l2".
   */
  hnsw?: Partial<Hnsw> & {
    /** Taken for Chroma's sake and forgotten. */
    batch_size?: number;
    /** Taken for Chroma's sake and forgotten. */
    num_threads?: number;
  };
  /**
   * Keeps the vectors in inverted lists, of which only the centroids are in memory, instead of codes of all and a graph: for sets that
   * memory does not hold. `{}` takes all defaults.
   */
  spann?:
    | (SpannParameters & {
        /** How distance is measured, as in `hnsw`. */
        space?: Space;
      })
    | null;
  /** How full-text search reads the documents; goes with a schema, too. */
  text?: TextConfigurationInput;
  /** Embeds the collection's texts, as the argument `embeddingFunction` of `createCollection` does; give one of the two. */
  embeddingFunction?: EmbeddingFunction;
}

/** `configuration` of `collection.modify`. Space and engine are fixed when a collection is created. */
export interface UpdateCollectionConfiguration {
  /** `ef_search` counts from the next search on, `max_neighbors` from the next opening on; the others have no effect. */
  hnsw?: Partial<Omit<Hnsw, "space" | "engine" | "ef_construction">> & {
    /** Taken for Chroma's sake and forgotten. */
    batch_size?: number;
    /** Taken for Chroma's sake and forgotten. */
    num_threads?: number;
  };
  /** `search_nprobe` counts from the next search on. Without effect in a collection that has no inverted lists. */
  spann?: Pick<SpannParameters, "search_nprobe" | "ef_search">;
  /**
   * Takes the place of all that was said of full-text search; `{}` is the default. Synonyms count from the next search on. Anything
   * else has the index built anew in the background, and searches go on as before until that is done.
   */
  text?: TextConfigurationInput;
  /**
   * Takes the place of the collection's embedding function. It must have its name, and agree to the change
   * (`validateConfigUpdate`).
   */
  embeddingFunction?: EmbeddingFunction;
}

/** The function of a new collection: `null` for none, `implicit` where nothing was said and the default steps in. */
export interface ChosenFunction {
  fn: EmbeddingFunction | null;
  implicit: boolean;
}

/** Which embedding function a new collection gets. */
export function chooseFunction(
  embeddingFunction: EmbeddingFunction | null | undefined,
  configuration: CreateCollectionConfiguration | undefined,
): ChosenFunction {
  if (configuration !== undefined) readObject(configuration, "configuration", FIELDS);
  const configured = configuration?.embeddingFunction;
  if (embeddingFunction && configured) {
    throw invalidArgument("Embedding function provided when already defined in the collection configuration");
  }
  const fn = embeddingFunction ?? configured;
  if (fn != null) {
    validateEmbeddingFunction(fn, "embeddingFunction");
    return { fn, implicit: false };
  }
  if (embeddingFunction === null) return { fn: null, implicit: false };
  return { fn: new HashingEmbeddingFunction(), implicit: true };
}

/** What is sent to create a collection. As in Chroma only an explicitly given function chooses the space. */
export function createConfiguration(
  { fn, implicit }: ChosenFunction,
  configuration: CreateCollectionConfiguration | undefined,
  metadata: Metadata | null,
): ConfigurationInput {
  const { hnsw, spann } = createIndex(configuration);
  const legacySpace = metadata?.["hnsw:space"];
  if (hnsw.space === undefined && legacySpace !== undefined) {
    hnsw.space = validateHnsw({ space: legacySpace }, "create", 'metadata["hnsw:space"]').space;
  }
  const input: ConfigurationInput = {
    hnsw,
    ...(spann === undefined ? {} : { spann }),
    embedding_function: fn === null ? null : serializeEmbeddingFunction(fn),
    text: textOf(configuration),
  };
  if (fn === null || implicit || !fn.supportedSpaces) return input;
  if (fn.defaultSpace) input.defaultSpace = fn.defaultSpace();
  validateSpace(fn, hnsw.space ?? input.defaultSpace);
  return input;
}

/** The engine checks what is in it. */
function textOf({ text }: { text?: TextConfigurationInput } = {}): TextConfigurationInput | undefined {
  if (text == null) return undefined;
  validateObject(text, "configuration.text");
  return copyOf(text);
}

/** The engine checks the parameters of inverted lists. */
function createIndex(configuration: CreateCollectionConfiguration | undefined): { hnsw: Partial<Hnsw>; spann?: SpannParameters } {
  const { hnsw, spann } = configuration ?? {};
  if (hnsw && spann) throw invalidArgument("Cannot specify both HNSW and SPANN configurations");
  if (spann == null) return { hnsw: validateHnsw(hnsw ?? {}, "create") };
  validateObject(spann, "configuration.spann");
  const { space, ...parameters } = spann as NonNullable<typeof spann>;
  return { hnsw: validateHnsw({ space }, "create", "configuration.spann"), spann: parameters };
}

/** Throws when the function does not go with the space. */
export function validateSpace(fn: EmbeddingFunction, space: Space | undefined): void {
  const supported = fn.supportedSpaces!();
  if (space === undefined || supported.includes(space)) return;
  throw invalidArgument(
    `Space '${space}' is not supported by embedding function '${fn.name || "unknown"}'. Supported spaces: ${supported.join(", ")}`,
  );
}

/** What is sent to modify a collection; a new embedding function must fit the vectors that are there. */
export function modifyConfiguration(
  configuration: UpdateCollectionConfiguration,
  stored: CollectionConfiguration,
  current: EmbeddingFunction | undefined,
  client: unknown,
): NonNullable<ModifyCollectionRequest["configuration"]> {
  const { hnsw, spann, embeddingFunction: next } = readObject(configuration, "configuration", FIELDS);
  const update: NonNullable<ModifyCollectionRequest["configuration"]> = {};
  if (hnsw != null) update.hnsw = validateHnsw(hnsw, "modify");
  if (spann != null) {
    validateObject(spann, "configuration.spann");
    update.spann = { ...(spann as SpannParameters) };
  }
  if (configuration.text != null) update.text = textOf(configuration)!;
  if (next == null) return update;
  validateEmbeddingFunction(next, "configuration.embeddingFunction");
  if (current) validateConfigUpdate(current, next);
  else validateSameFunction(next, stored.embedding_function, client);
  update.embedding_function = serializeEmbeddingFunction(next);
  return update;
}
