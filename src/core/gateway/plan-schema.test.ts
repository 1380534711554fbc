import { describe, expect, test } from "vitest";
import { DEFAULT_SCHEMA, describeSchema } from "../schema.js";
import type { ConfigurationInput } from "../service.js";
import type { CollectionConfiguration } from "../types.js";
import { type CollectionPlan, planCreateCollection } from "./plan.js";
import { planSchema } from "./plan-schema.js";

const on = { enabled: true, config: {} };
const off = { enabled: false, config: {} };
const document = { string: { fts_index: on, string_inverted_index: off } };
const hashing = { type: "known", name: "hashing", config: { dimension: 3 } };

function plan(schema: unknown, configuration: ConfigurationInput = {}): CollectionPlan {
  return planCreateCollection({ tenant: "t", database: "d", name: "things", metadata: null, configuration, schema, getOrCreate: false });
}

function vector(config: object, enabled = true): object {
  return { keys: { "#embedding": { float_list: { vector_index: { enabled, config } } } } };
}

function sparse(config: object, enabled = true): object {
  return { sparse_vector: { sparse_vector_index: { enabled, config } } };
}

/** What the official client sends for a schema that was not touched. */
const untouched = {
  defaults: {
    string: { fts_index: off, string_inverted_index: on },
    float_list: { vector_index: { enabled: false, config: { embedding_function: { type: "legacy" } } } },
    ...sparse({ embedding_function: { type: "legacy" } }, false),
    int: { int_inverted_index: on },
    float: { float_inverted_index: on },
    bool: { bool_inverted_index: on },
  },
  keys: {
    "#document": document,
    "#embedding": {
      float_list: { vector_index: { enabled: true, config: { embedding_function: { type: "legacy" }, source_key: "#document" } } },
    },
  },
};

/** What a collection without one tells. */
const asDescribed = JSON.parse(JSON.stringify(describeSchema(undefined, plan({}).configuration as CollectionConfiguration))) as object;

describe("what a schema comes to", () => {
  test.each([[{}], [{ defaults: {}, keys: {} }], [{ defaults: null, keys: null, cmek: null }], [asDescribed]])(
    "one that says what holds anyway is not stored: %j",
    (schema) => expect(plan(schema)).not.toHaveProperty("schema"),
  );

  test("is laid over what holds without one", () => {
    const { schema } = plan({
      ...untouched,
      defaults: { int: { int_inverted_index: off } },
      keys: { k: { string: { string_inverted_index: off } } },
    });
    expect(schema).toEqual({
      defaults: { ...DEFAULT_SCHEMA.defaults, int: { int_inverted_index: off } },
      keys: { "#document": document, k: { string: { string_inverted_index: off } } },
    });
  });

  test("an exception for a key like __proto__ is one like any other", () => {
    const { schema } = plan(JSON.parse('{"keys":{"__proto__":{"int":{"int_inverted_index":{"enabled":false}}}}}'));
    expect(Object.keys(schema!.keys)).toEqual(["#document", "__proto__"]);
  });

  test("a vector index becomes the configuration, and is told with the schema again", () => {
    const config = {
      space: "ip",
      hnsw: { ef_construction: 33, num_threads: 4, batch_size: 7 },
      embedding_function: hashing,
      source_key: "#document",
    };
    const planned = plan(vector(config));
    expect(planned).toEqual({
      configuration: {
        hnsw: { space: "ip", ef_construction: 33, ef_search: 100, max_neighbors: 16, resize_factor: 1.2, sync_threshold: 1000 },
        embedding_function: hashing,
      },
    });
    const { space: _space, ...parameters } = planned.configuration.hnsw;
    const told = { embedding_function: hashing, space: "ip", hnsw: { ...parameters, num_threads: 2, batch_size: 100 } };
    expect(describeSchema(undefined, planned.configuration as CollectionConfiguration)).toEqual({
      defaults: { ...DEFAULT_SCHEMA.defaults, float_list: { vector_index: { enabled: false, config: told } } },
      keys: {
        "#document": document,
        "#embedding": { float_list: { vector_index: { enabled: true, config: { ...told, source_key: "#document" } } } },
      },
    });
  });

  test("what #embedding leaves open is looked up among the defaults", () => {
    const general = {
      defaults: { float_list: { vector_index: { enabled: false, config: { space: "cosine", hnsw: { ef_search: 7, max_neighbors: 5 } } } } },
    };
    const { configuration } = plan({ ...general, ...vector({ hnsw: { ef_search: 9 } }) });
    expect(configuration.hnsw).toMatchObject({ space: "cosine", ef_search: 9, max_neighbors: 5 });
  });

  test("a sparse index is stored field by field", () => {
    const { schema } = plan({ keys: { sv: sparse({ source_key: "title", embedding_function: hashing, bm25: true }) } });
    expect(schema!.keys["sv"]).toEqual(sparse({ source_key: "title", embedding_function: hashing, bm25: true }));
  });

  test("parameters of inverted lists are checked and become the configuration", () => {
    const spann = { search_nprobe: 64 };
    expect(plan(vector({ spann }))).toEqual({ configuration: { ...plan({}).configuration, spann } });
    expect(() => plan(vector({ spann: { search_nprobe: 129 } }))).toThrow("must be a number from 0 to 128");
  });
});

describe("schema and configuration", () => {
  const custom = { keys: { k: { string: { string_inverted_index: off } } } };

  test.each<[schema: object, configuration: ConfigurationInput]>([
    [custom, { hnsw: { space: "cosine" } }],
    [custom, { hnsw: { ef_search: 7 } }],
    [custom, { hnsw: { engine: "hnswlib" } }],
    [custom, { embedding_function: hashing as never }],
    [vector({ space: "ip" }), { defaultSpace: "cosine" }],
    [vector({ embedding_function: hashing }), { embedding_function: { type: "known", name: "other", config: {} } }],
  ])("only one of them may say something: %j, %j", (schema, configuration) => {
    expect(() => plan(schema, configuration)).toThrow(
      "Failed to reconcile schema: Cannot set both collection config and schema simultaneously",
    );
  });

  test("one that the official client made says something, since it names a function", () => {
    expect(() => plan(untouched, { hnsw: { space: "cosine" } })).toThrow("simultaneously");
    expect(plan(untouched).schema?.defaults).toMatchObject(sparse({ embedding_function: { type: "legacy" }, bm25: false }, false));
  });

  test("a configuration of defaults says nothing beside a schema", () => {
    const configuration: ConfigurationInput = {
      hnsw: { space: "l2", ef_search: 100 },
      embedding_function: { type: "known", name: "default", config: {} },
    };
    expect(plan(custom, configuration)).toEqual(plan(custom));
  });

  test("a schema that says nothing leaves the configuration in force", () => {
    expect(plan(asDescribed, { hnsw: { space: "cosine" } }).configuration.hnsw.space).toBe("cosine");
  });
});

describe("what is refused", () => {
  const types = (value: object) => ({ defaults: value });
  const key = (value: object, name = "k") => ({ keys: { [name]: value } });

  test.each<[schema: unknown, message: string]>([
    [[], "Expected 'schema' to be an object"],
    ["x", "Expected 'schema' to be an object"],
    [{ default: {} }, 'schema has the field "default"; it takes defaults, keys, cmek'],
    [{ defaults: [] }, "Expected 'schema.defaults' to be an object"],
    [{ keys: [] }, "Expected 'schema.keys' to be an object"],
    [types({ text: {} }), 'schema.defaults has the field "text"'],
    [types({ int: { fts_index: on } }), 'schema.defaults.int has the field "fts_index"; it takes int_inverted_index'],
    [types({ int: { int_inverted_index: {} } }), "schema.defaults.int.int_inverted_index.enabled must be true or false, got undefined"],
    [types({ int: { int_inverted_index: { enabled: 1 } } }), "enabled must be true or false, got 1"],
    [types({ int: { int_inverted_index: { enabled: true, config: { x: 1 } } } }), 'config has the field "x"; it takes none'],
    [
      types({ string: { fts_index: on } }),
      "Full text search / regular expression index cannot be enabled by default. It can only be enabled on #document field.",
    ],
    [types({ float_list: { vector_index: on } }), "Vector index cannot be enabled by default. It can only be enabled on #embedding field."],
    [types(sparse({})), "Sparse vector index cannot be enabled by default."],
    [key({ string: { fts_index: on } }), "Full text search / regular expression index can only be enabled on #document field: k"],
    [key({ float_list: { vector_index: on } }), "Vector index can only be enabled on #embedding field: k"],
    [key({ int: {} }, "#document"), 'schema.keys["#document"] has the field "int"; it takes string'],
    [key({ string: { string_inverted_index: on } }, "#document"), "String inverted index cannot be enabled on #document field."],
    [key({ string: {} }, "#embedding"), 'schema.keys["#embedding"] has the field "string"; it takes float_list'],
    [vector({}, false), "Vector index cannot be disabled on #embedding field."],
    [key({}, "#id"), 'schema.keys["#id"] is no metadata key'],
    [key({}, "$x"), 'schema.keys["$x"] is no metadata key'],
    [key({}, ""), 'schema.keys[""] is no metadata key'],
    [vector({ space: "l1" }), "space must be one of l2, cosine, ip"],
    [vector({ hnsw: { M: 3 } }), 'hnsw has the field "M"'],
    [vector({ hnsw: { space: "ip" } }), 'hnsw has the field "space"'],
    [vector({ hnsw: { ef_search: 0 } }), "hnsw.ef_search must be a whole number of at least 1, got 0"],
    [vector({ source_key: "title" }), 'source_key must be "#document", since embeddings are made of documents, got "title"'],
    [vector({ embedding_function: { type: "python" } }), 'embedding_function.type must be known, legacy or unknown, got "python"'],
    [vector({ embedding_function: { type: "known" } }), "embedding_function.name must be a non-empty string, got undefined"],
    [vector({ embedding_function: { type: "known", name: "x", config: [] } }), "embedding_function.config' to be an object"],
    [key(sparse({ source_key: "#id" })), 'source_key must be "#document" or a metadata key, got "#id"'],
    [key(sparse({ bm25: "yes" })), 'bm25 must be true or false, got "yes"'],
    [key(sparse({ algorithm: "bmw" })), 'algorithm must be wand or max_score, got "bmw"'],
    [key({ string: { fts_index: { enabled: true, config: { algorithm: "bitmap" } } } }, "#document"), "must be trigram or token_bitmap"],
  ])("%j", (schema, message) => {
    expect(() => planSchema(schema)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) as string }),
    );
  });

  test("encryption, since it would not take place", () => {
    expect(() => planSchema({ cmek: { gcp: "projects/p/locations/l/keyRings/r/cryptoKeys/k" } })).toThrow(
      expect.objectContaining({ code: "NOT_SUPPORTED", message: expect.stringContaining("key in a cloud") as string }),
    );
  });
});
