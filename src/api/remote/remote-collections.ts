/** Collections on their way to a server and back. */
import type { ConfigurationInput, CreateCollectionRequest, ModifyCollectionRequest } from "../../core/service.js";
import type {
  CollectionConfiguration,
  CollectionInfo,
  CollectionSchema,
  EmbeddingFunctionConfiguration,
  SchemaFunction,
  Space,
  SpannParameters,
} from "../../core/types.js";
import { metadataFromWire, metadataOnWire } from "../rest/sparse-on-wire.js";
import { notOnServer } from "./remote-errors.js";

/** What a server does not tell of a collection with inverted lists, which has no graph: Chroma's defaults, without effect. */
const NO_GRAPH = { ef_construction: 100, ef_search: 100, max_neighbors: 16, resize_factor: 1.2, sync_threshold: 1000 };

/** A collection as servers tell it; older ones leave out what came later. */
export interface CollectionOnWire {
  id: string;
  name: string;
  tenant: string;
  database: string;
  metadata: Parameters<typeof metadataFromWire>[0];
  dimension: number | null;
  configuration_json?: {
    hnsw?: Partial<CollectionConfiguration["hnsw"]> | null;
    spann?: (SpannParameters & { space?: Space }) | null;
    embedding_function?: SchemaFunction | null;
  } | null;
  schema?: CollectionSchema | null;
}

export function collectionFromWire(wire: CollectionOnWire): CollectionInfo {
  const { id, name, tenant, database, dimension } = wire;
  const { hnsw, spann, embedding_function } = wire.configuration_json ?? {};
  const { space: spannSpace, ...parameters } = spann ?? {};
  const described = wire.schema?.keys["#embedding"]?.float_list?.vector_index?.config.embedding_function;
  const space = hnsw?.space ?? spannSpace ?? "l2";
  const configuration: CollectionConfiguration = {
    hnsw: { ...NO_GRAPH, ...hnsw, space },
    ...(spann ? { spann: parameters } : {}),
    embedding_function: functionFromWire(embedding_function) ?? functionFromWire(described),
  };
  const schema = wire.schema ?? { defaults: {}, keys: {} };
  const metadata = metadataFromWire(wire.metadata ?? null);
  return { id, name, tenant, database, metadata, configuration, schema, dimension, model: 0 };
}

/** One that cannot be built again is as good as none: servers do not even keep its name. */
function functionFromWire(wire: SchemaFunction | null | undefined): EmbeddingFunctionConfiguration | null {
  return wire?.type === "known" ? { type: "known", name: wire.name, config: wire.config ?? {} } : null;
}

/** As Chroma's client tells of it, also where there is none. */
function functionOnWire(fn: EmbeddingFunctionConfiguration | null | undefined): SchemaFunction {
  return fn?.type === "known" ? { type: "known", name: fn.name, config: fn.config } : { type: "legacy" };
}

export function creationOnWire({ name, metadata, configuration, schema, getOrCreate }: CreateCollectionRequest, url: string): object {
  refuseOwn(configuration, "createCollection", url);
  return {
    name,
    get_or_create: getOrCreate,
    ...(metadata === null ? {} : { metadata: metadataOnWire(metadata) }),
    // A schema says all that a configuration says; servers refuse both at once.
    ...(schema === undefined ? { configuration: configurationOnWire(configuration) } : { schema }),
  };
}

function configurationOnWire({ hnsw, spann, defaultSpace, embedding_function }: ConfigurationInput): object {
  const space = hnsw?.space ?? defaultSpace;
  const index = spann === undefined ? { hnsw: { ...hnsw, space } } : { spann: { ...spann, space } };
  return { ...index, embedding_function: functionOnWire(embedding_function) };
}

export function modificationOnWire({ name, metadata, configuration }: ModifyCollectionRequest, url: string): object {
  refuseOwn(configuration, "modify", url);
  const { hnsw, spann, embedding_function } = configuration ?? {};
  const changes = {
    ...(hnsw === undefined ? {} : { hnsw }),
    ...(spann === undefined ? {} : { spann }),
    ...(embedding_function === undefined ? {} : { embedding_function: functionOnWire(embedding_function) }),
  };
  return {
    ...(name === undefined ? {} : { new_name: name }),
    ...(metadata == null ? {} : { new_metadata: metadataOnWire(metadata) }),
    ...(Object.keys(changes).length === 0 ? {} : { new_configuration: changes }),
  };
}

/** What only Tidepool's own configurations say. */
function refuseOwn(configuration: Pick<ConfigurationInput, "text" | "hnsw"> | undefined, call: string, url: string): void {
  if (configuration?.text !== undefined) throw notOnServer(`${call} with configuration.text`, url);
  if (configuration?.hnsw?.engine !== undefined) throw notOnServer(`${call} with configuration.hnsw.engine`, url);
}
