/** The schema that Chroma's server tells of a collection that was made without one: every index, as its configuration says. */
import type { CollectionConfiguration } from "../../core/types.js";

const off = (config: object = {}): object => ({ enabled: false, config });
const on = (config: object = {}): object => ({ enabled: true, config });

export function schemaOnWire({ hnsw, embedding_function }: CollectionConfiguration): object {
  const { space, ...parameters } = hnsw;
  const vector = {
    ...(embedding_function === null ? {} : { embedding_function: functionOnWire(embedding_function) }),
    space,
    hnsw: { ...parameters, num_threads: 2, batch_size: 100 },
  };
  return {
    defaults: {
      string: { fts_index: off(), string_inverted_index: on() },
      float_list: { vector_index: off(vector) },
      sparse_vector: { sparse_vector_index: off({ embedding_function: { type: "unknown" }, bm25: false }) },
      int: { int_inverted_index: on() },
      float: { float_inverted_index: on() },
      bool: { bool_inverted_index: on() },
    },
    keys: {
      "#document": { string: { fts_index: on(), string_inverted_index: off() } },
      "#embedding": { float_list: { vector_index: on({ ...vector, source_key: "#document" }) } },
    },
  };
}

/** A function that cannot be built again is told as nothing but that. */
export function functionOnWire(fn: NonNullable<CollectionConfiguration["embedding_function"]>): object {
  return fn.type === "known" ? { type: fn.type, name: fn.name, config: fn.config } : { type: "legacy" };
}
