import { describe, expect, test } from "vitest";
import type { SparseVector } from "../../core/types.js";
import type { Vector } from "../embedding-function.js";
import { K } from "../search/key.js";
import { Cmek } from "./cmek.js";
import {
  BoolInvertedIndexConfig,
  FloatInvertedIndexConfig,
  FtsIndexConfig,
  type IndexConfig,
  IntInvertedIndexConfig,
  SparseVectorIndexConfig,
  StringInvertedIndexConfig,
  VectorIndexConfig,
} from "./index-config.js";
import { DOCUMENT_KEY, EMBEDDING_KEY, Schema } from "./schema.js";
import { registerSparseEmbeddingFunction } from "./sparse-embedding-function.js";

const on = { enabled: true, config: {} };
const off = { enabled: false, config: {} };
const legacy = { embedding_function: { type: "legacy" } };

class Sparse {
  readonly name = "test-sparse";
  readonly #config: object;
  constructor(config: object = { k1: 2 }) {
    this.#config = config;
  }
  static buildFromConfig(config: object): Sparse {
    return new Sparse(config);
  }
  async generate(texts: string[]): Promise<SparseVector[]> {
    return texts.map(() => ({ indices: [1], values: [1] }));
  }
  getConfig(): object {
    return this.#config;
  }
}
registerSparseEmbeddingFunction("test-sparse", Sparse);

class Dense {
  readonly name = "test-dense";
  static buildFromConfig(): Dense {
    return new Dense();
  }
  async generate(texts: string[]): Promise<Vector[]> {
    return texts.map(() => [1]);
  }
  defaultSpace(): "cosine" {
    return "cosine";
  }
  getConfig(): object {
    return { size: 1 };
  }
}

/** What `new Schema()` of the official client is. */
const untouched = {
  defaults: {
    string: { fts_index: off, string_inverted_index: on },
    float_list: { vector_index: { enabled: false, config: legacy } },
    sparse_vector: { sparse_vector_index: { enabled: false, config: legacy } },
    int: { int_inverted_index: on },
    float: { float_inverted_index: on },
    bool: { bool_inverted_index: on },
  },
  keys: {
    "#document": { string: { fts_index: on, string_inverted_index: off } },
    "#embedding": { float_list: { vector_index: { enabled: true, config: { ...legacy, source_key: "#document" } } } },
  },
};

describe("as JSON", () => {
  test("an untouched schema", () => expect(new Schema().serializeToJSON()).toEqual(untouched));

  test.each<[name: string, change: (schema: Schema) => Schema, path: string, expected: object]>([
    [
      "a string index deleted under a key",
      (s) => s.deleteIndex(new StringInvertedIndexConfig(), "k"),
      "keys.k",
      { string: { string_inverted_index: off } },
    ],
    ["an int index deleted for all", (s) => s.deleteIndex(new IntInvertedIndexConfig()), "defaults.int", { int_inverted_index: off }],
    [
      "and asked for under one",
      (s) => s.deleteIndex(new IntInvertedIndexConfig()).createIndex(new IntInvertedIndexConfig(), "k"),
      "keys.k",
      { int: { int_inverted_index: on } },
    ],
    [
      "several under one key",
      (s) =>
        s
          .deleteIndex(new FloatInvertedIndexConfig(), "k")
          .deleteIndex(new BoolInvertedIndexConfig(), "k")
          .createIndex(new StringInvertedIndexConfig(), "k"),
      "keys.k",
      { float: { float_inverted_index: off }, bool: { bool_inverted_index: off }, string: { string_inverted_index: on } },
    ],
    [
      "full text deleted",
      (s) => s.deleteIndex(new FtsIndexConfig(), DOCUMENT_KEY),
      "keys.#document",
      { string: { fts_index: off, string_inverted_index: off } },
    ],
    [
      "and asked for again",
      (s) => s.deleteIndex(new FtsIndexConfig(), "#document").createIndex(new FtsIndexConfig(), "#document"),
      "keys",
      untouched.keys,
    ],
    [
      "a vector index",
      (s) => s.createIndex(new VectorIndexConfig({ space: "ip", hnsw: { ef_search: 7 }, spann: { search_nprobe: 3 } })),
      "keys.#embedding.float_list.vector_index",
      { enabled: true, config: { ...legacy, space: "ip", source_key: "#document", hnsw: { ef_search: 7 }, spann: { search_nprobe: 3 } } },
    ],
    [
      "and what it says of other keys",
      (s) => s.createIndex(new VectorIndexConfig({ space: "ip" })),
      "defaults.float_list.vector_index",
      { enabled: false, config: { ...legacy, space: "ip" } },
    ],
    [
      "a vector index with a function, which chooses the space",
      (s) => s.createIndex(new VectorIndexConfig({ embeddingFunction: new Dense() })),
      "keys.#embedding.float_list.vector_index.config",
      { embedding_function: { type: "known", name: "test-dense", config: { size: 1 } }, space: "cosine", source_key: "#document" },
    ],
    [
      "a function that cannot be built again",
      (s) => s.createIndex(new VectorIndexConfig({ embeddingFunction: { generate: async () => [] } })),
      "keys.#embedding.float_list.vector_index.config.embedding_function",
      { type: "legacy" },
    ],
    [
      "a sparse index",
      (s) => s.createIndex(new SparseVectorIndexConfig({ embeddingFunction: new Sparse(), sourceKey: K("title"), bm25: true }), "sv"),
      "keys.sv",
      {
        sparse_vector: {
          sparse_vector_index: {
            enabled: true,
            config: { embedding_function: { type: "known", name: "test-sparse", config: { k1: 2 } }, source_key: "title", bm25: true },
          },
        },
      },
    ],
    ["a customer-managed key", (s) => s.setCmek(Cmek.gcp("projects/p")), "cmek", { gcp: "projects/p" }],
  ])("%s", (_, change, path, expected) => {
    const json: unknown = change(new Schema()).serializeToJSON();
    expect(path.split(".").reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], json)).toEqual(expected);
  });

  test("any number of sparse indexes can be asked for", () => {
    const schema = new Schema().createIndex(new SparseVectorIndexConfig(), "a").createIndex(new SparseVectorIndexConfig(), "b");
    expect(Object.keys(schema.serializeToJSON().keys)).toEqual(["#document", "#embedding", "a", "b"]);
  });

  test("a key named like what objects inherit is a key", () => {
    const json = new Schema()
      .deleteIndex(new IntInvertedIndexConfig(), "constructor")
      .deleteIndex(new IntInvertedIndexConfig(), "__proto__")
      .serializeToJSON();
    expect(Object.keys(json.keys).slice(2)).toEqual(["constructor", "__proto__"]);
  });

  test("there and back again", async () => {
    const schema = new Schema()
      .deleteIndex(new StringInvertedIndexConfig(), "k")
      .createIndex(new VectorIndexConfig({ space: "cosine", hnsw: { ef_construction: 33 } }))
      .createIndex(new SparseVectorIndexConfig({ embeddingFunction: new Sparse(), sourceKey: DOCUMENT_KEY, algorithm: "max_score" }), "sv")
      .createIndex(new FtsIndexConfig({ algorithm: "token_bitmap" }), DOCUMENT_KEY)
      .setCmek(Cmek.gcp("projects/p"));
    const restored = await Schema.deserializeFromJSON(schema.serializeToJSON());
    expect(restored).toBeInstanceOf(Schema);
    expect(restored!.serializeToJSON()).toEqual(schema.serializeToJSON());
    expect(restored!.keys["sv"]!.sparseVector!.sparseVectorIndex!.config.embeddingFunction).toBeInstanceOf(Sparse);
    expect(restored!.keys[EMBEDDING_KEY]!.floatList!.vectorIndex!.config.hnsw).toEqual({ ef_construction: 33 });
    expect(restored!.keys["k"]!.string!.stringInvertedIndex!.enabled).toBe(false);
    expect(restored!.keys["k"]!.intValue).toBeNull();
    expect(await Schema.deserializeFromJSON(null)).toBeUndefined();
  });
});

describe("what the official client refuses is refused in its words", () => {
  const everything: IndexConfig[] = [
    new FtsIndexConfig(),
    new StringInvertedIndexConfig(),
    new IntInvertedIndexConfig(),
    new FloatInvertedIndexConfig(),
    new BoolInvertedIndexConfig(),
  ];
  const special = (verb: string) =>
    `Cannot ${verb} index on special key '#document' with this config. Only FtsIndexConfig is allowed for #document.`;
  const reserved = "key cannot begin with '#'. Keys starting with '#' are reserved for system use.";

  test.each<[args: [IndexConfig?, (string | null)?], message: string]>([
    [[], "Cannot enable all index types globally. Must specify either config or key."],
    [[undefined, "k"], "Cannot enable all index types for key 'k'. Please specify a specific index configuration."],
    [
      [new VectorIndexConfig(), "#embedding"],
      "Cannot create index on special key '#embedding'. This key is managed automatically by the system.",
    ],
    [[new StringInvertedIndexConfig(), "#document"], special("create")],
    [[undefined, "#document"], special("create")],
    [[new StringInvertedIndexConfig(), "#x"], reserved],
    [[new VectorIndexConfig(), "k"], "Vector index cannot be enabled on specific keys."],
    [[new FtsIndexConfig()], "FTS index can only be enabled on #document key. Use createIndex(new FtsIndexConfig(), '#document')"],
    [[new FtsIndexConfig(), "k"], "FTS index can only be enabled on #document key."],
    [
      [new SparseVectorIndexConfig()],
      "Sparse vector index must be created on a specific key. " +
        "Please specify a key using: createIndex(new SparseVectorIndexConfig(...), 'your_key')",
    ],
    [
      [new SparseVectorIndexConfig({ sourceKey: "t" }), "k"],
      "If sourceKey is provided then embeddingFunction must also be provided since there is no default embedding function.",
    ],
    [[new IntInvertedIndexConfig(), ""], 'key must be a non-empty string, got ""'],
    [[{} as never, "k"], "config must be an instance of FtsIndexConfig, StringInvertedIndexConfig"],
  ])("createIndex: %#", (args, message) => {
    const schema = new Schema();
    expect(() => schema.createIndex(...args)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) as string }),
    );
    expect(schema.serializeToJSON()).toEqual(untouched);
  });

  test.each<[args: [IndexConfig?, (string | null)?], message: string]>([
    [[], "Cannot disable all indexes. Must specify either config or key."],
    [[undefined, "k"], "Cannot disable all index types for key 'k'. Please specify a specific index configuration."],
    [[new VectorIndexConfig(), "#embedding"], "Cannot modify #embedding. Currently not supported"],
    [[new IntInvertedIndexConfig(), "#document"], special("delete")],
    [[new IntInvertedIndexConfig(), "#x"], reserved],
    [[new VectorIndexConfig()], "Deleting vector index is not currently supported."],
    [[new SparseVectorIndexConfig(), "k"], "Deleting sparse vector index is not currently supported."],
    [[new FtsIndexConfig()], "Deleting FTS index is only supported on #document key."],
    [[new FtsIndexConfig(), "k"], "Deleting FTS index is only supported on #document key."],
  ])("deleteIndex: %#", (args, message) => {
    const schema = new Schema();
    expect(() => schema.deleteIndex(...args)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) as string }),
    );
    expect(schema.serializeToJSON()).toEqual(untouched);
  });

  test("every index of metadata values may be asked for and done without, for one key and for all", () => {
    for (const config of everything.slice(1)) {
      expect(() => new Schema().createIndex(config).createIndex(config, "k").deleteIndex(config).deleteIndex(config, "k")).not.toThrow();
    }
  });
});

test("the function of the vector index is what was said last: one, none, or nothing", () => {
  const fn = new Dense();
  expect(new Schema().resolveEmbeddingFunction()).toBeUndefined();
  expect(new Schema().createIndex(new VectorIndexConfig({ embeddingFunction: null })).resolveEmbeddingFunction()).toBeNull();
  expect(new Schema().createIndex(new VectorIndexConfig({ embeddingFunction: fn })).resolveEmbeddingFunction()).toBe(fn);
});

test("a customer-managed key knows the form of its name", () => {
  expect(Cmek.gcp("projects/p/locations/l/keyRings/r/cryptoKeys/k").validatePattern()).toBe(true);
  expect(Cmek.gcp("p").validatePattern()).toBe(false);
  expect(Cmek.fromJSON({ gcp: "p" })).toEqual(Cmek.gcp("p"));
  expect(() => Cmek.fromJSON({ aws: "p" })).toThrow("Unsupported or missing CMEK provider in data");
});
