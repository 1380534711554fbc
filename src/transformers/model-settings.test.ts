/** What functions are told and stored with, and what is known of models. */
import { describe, expect, test } from "vitest";
import { knownUse } from "./known-models.js";
import { differing, readSettings, restoredOptions, stored, type TransformersModelOptions } from "./model-settings.js";

const restored = (config: object) => readSettings(restoredOptions(config));

describe("models that are known", () => {
  const relevant = "Represent this sentence for searching relevant passages: ";
  test.each([
    ["all-MiniLM-L6-v2", { pooling: "mean" }],
    ["Xenova/all-MiniLM-L12-v2", { pooling: "mean" }],
    ["onnx-community/all-MiniLM-L6-v2-ONNX", { pooling: "mean" }],
    ["Xenova/multi-qa-MiniLM-L6-cos-v1", { pooling: "mean" }],
    ["Xenova/paraphrase-multilingual-MiniLM-L12-v2", { pooling: "mean" }],
    ["Xenova/bge-small-en-v1.5", { pooling: "cls", queryPrefix: relevant }],
    ["BAAI/bge-m3", { pooling: "cls" }],
    ["Xenova/e5-small-v2", { pooling: "mean", queryPrefix: "query: ", documentPrefix: "passage: " }],
    ["Xenova/multilingual-e5-base", { pooling: "mean", queryPrefix: "query: ", documentPrefix: "passage: " }],
    ["Xenova/gte-small", { pooling: "mean" }],
    ["Alibaba-NLP/gte-base-en-v1.5", { pooling: "cls" }],
    [
      "onnx-community/embeddinggemma-300m-ONNX",
      { pooling: "model", queryPrefix: "task: search result | query: ", documentPrefix: "title: none | text: " },
    ],
    [
      "nomic-ai/nomic-embed-text-v1.5",
      { pooling: "mean", queryPrefix: "search_query: ", documentPrefix: "search_document: ", maxTokens: 2048 },
    ],
  ])("%s", (model, use) => expect(knownUse(model)).toEqual(use));
  test.each(["Xenova/multilingual-e5-large-instruct", "bert-base-uncased", "someone/my-bge-small-en-v2", ""])("%j is none", (model) => {
    expect(knownUse(model)).toBeUndefined();
  });
  test("are read as their card says, unless it is said otherwise", () => {
    expect(readSettings({ model: "Xenova/e5-small-v2" })).toMatchObject({
      pooling: "mean",
      queryPrefix: "query: ",
      documentPrefix: "passage: ",
    });
    const other: TransformersModelOptions = { model: "Xenova/e5-small-v2", pooling: "cls", queryPrefix: "", documentPrefix: "d " };
    expect(readSettings(other)).toMatchObject({ pooling: "cls", queryPrefix: "", documentPrefix: "d " });
  });
});

test.each([
  [{ model: "a/b" }, /pooling must be given for the model "a\/b", which is not known here: "mean", "cls", "last_token", "model"/],
  [{ model: "" }, /model must be a text with something in it, got ""/],
  [{ pooling: "max" }, /pooling must be one of "mean", "cls", "last_token", "model", got "max"/],
  [{ dtype: "fp8" }, /dtype must be one of "fp32", .*got "fp8"/],
  [{ normalize: 1 }, /normalize must be true or false, got 1/],
  [{ queryPrefix: null }, /queryPrefix must be a text, got null/],
  [{ longTexts: "cut" }, /longTexts must be one of "windows", "truncate", got "cut"/],
  [{ maxTokens: 7 }, /maxTokens must be a whole number from 8, got 7/],
  [{ revision: 3 }, /revision must be a text with something in it, got 3/],
])("%j is refused", (options, message) => {
  expect(() => readSettings(options as object)).toThrow(message);
});

describe("what is stored", () => {
  const all: TransformersModelOptions = {
    model: "a/b",
    revision: "v1",
    dtype: "q8",
    pooling: "cls",
    normalize: false,
    documentPrefix: "d ",
    queryPrefix: "q ",
    maxTokens: 100,
    longTexts: "truncate",
  };
  test.each([{}, all, { model: "Xenova/bge-small-en-v1.5" }])("of %j is enough to read it again", (options) => {
    const settings = readSettings(options);
    expect(restored(stored(settings))).toEqual(settings);
  });
  test("has what Chroma's packages need", () => {
    expect(stored(readSettings({}))).toMatchObject({
      model_name: "all-MiniLM-L6-v2",
      device: "cpu",
      normalize_embeddings: true,
      kwargs: {},
    });
  });
  test.each([
    ["the Python client by default", {}, { model: "all-MiniLM-L6-v2", normalize: true, pooling: "mean", longTexts: "truncate" }],
    [
      "default-embed",
      { model_name: "Xenova/all-MiniLM-L6-v2", revision: "main", dtype: "uint8", quantized: true },
      { model: "Xenova/all-MiniLM-L6-v2", dtype: "uint8", normalize: true },
    ],
    [
      "sentence-transformer",
      { model_name: "e5-small-v2", device: "cuda", normalize_embeddings: false, kwargs: { dtype: "q8" } },
      { model: "e5-small-v2", dtype: "q8", normalize: false, queryPrefix: "", documentPrefix: "", pooling: "mean", longTexts: "truncate" },
    ],
    [
      "Python, of a model that is not known",
      { model_name: "a/b", device: "cpu", normalize_embeddings: true, kwargs: null },
      { model: "a/b", pooling: "mean", normalize: true },
    ],
  ])("by %s is read as it is meant there", (_, config, expected) => {
    expect(restored(config)).toMatchObject({ dtype: "fp32", revision: "main", ...expected });
  });
  test("and cannot be followed is refused", () => {
    const config = { model_name: "all-MiniLM-L6-v2", device: "cpu", normalize_embeddings: true, kwargs: { truncate_dim: 64 } };
    expect(() => restored(config)).toThrow(
      "The stored configuration has truncate_dim 64, which TransformersEmbeddingFunction cannot follow",
    );
  });
});

test("settings differ in what vectors depend on, and the owner that a name has by default is none", () => {
  const plain = readSettings({});
  expect(differing(plain, readSettings({ model: "Xenova/all-MiniLM-L6-v2" }))).toBeUndefined();
  expect(differing(plain, readSettings({ dtype: "q8" }))).toBe("dtype");
  expect(differing(plain, readSettings({ maxTokens: 64 }))).toBe("max_tokens");
  expect(differing(plain, readSettings({ model: "Xenova/gte-small" }))).toBe("model_name");
});
