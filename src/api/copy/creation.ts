/** What the counterpart of a collection is made with, in an engine or on a server. */
import type { CollectionInfo } from "../../core/types.js";

type Described = Pick<CollectionInfo, "metadata" | "configuration" | "schema">;

/** All that a collection is made with. What only Tidepool's engine keeps is left out for a server, and told. */
export function creationOf({ metadata, configuration, schema }: Described, isRemote: boolean) {
  const { text, hnsw, spann, embedding_function } = configuration;
  const { engine, ...parameters } = hnsw;
  const kept = isRemote ? parameters : hnsw;
  const leftOut = [isRemote && text !== undefined && "configuration.text", isRemote && engine !== undefined && "configuration.hnsw.engine"];
  const extra = isRemote || text === undefined ? {} : { text };
  const index = spann === undefined ? { hnsw: kept } : { hnsw: { space: hnsw.space }, spann };
  const hasSchema = Object.keys(schema.keys).length > 0;
  const request = {
    metadata,
    // A schema says all that a configuration says, but for full text.
    configuration: hasSchema ? extra : { ...index, embedding_function, ...extra },
    ...(hasSchema ? { schema: isRemote ? withoutEngine(schema) : schema } : {}),
  };
  return { request, leftOut: leftOut.filter((one) => one !== false) };
}

function withoutEngine(schema: Described["schema"]): Described["schema"] {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) => (key === "engine" ? undefined : value)) as Described["schema"];
}
