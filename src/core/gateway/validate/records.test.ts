import { describe, expect, test } from "vitest";
import { failureOf } from "../../../testing/failure-of.js";
import { atOnce } from "../../base/steps.js";
import { limits } from "../../limits.js";
import type { RecordBatch } from "../../types.js";
import { validateDimension, validateIds, validateMetadata, validateRecordBatch } from "./records.js";

const nested: unknown = JSON.parse('{"a": {"b": 1}}');

describe("ids", () => {
  test.each<[unknown, RegExp]>([
    [undefined, /'ids' to be an array, but got undefined/],
    ["a", /'ids' to be an array, but got "a"/],
    [[], /'ids' to be a non-empty list/],
    [["a", 1], /ids\[1\] is 1/],
    [["a", null], /ids\[1\] is null/],
    [["a", ""], /Empty ID.*ids\[1\]/],
    [["a", "b", "a"], /unique, but found duplicates of a \(ids\[2\]\)/],
    [["a", "a", "a", "a", "a", "a", "a", "a"], /and 2 more/],
  ])("%j is refused", (ids, message) => {
    const error = failureOf(() => validateIds(ids));
    expect(error.code).toBe("INVALID_ARGUMENT");
    expect(error.message).toMatch(message);
  });

  test("any distinct non-empty strings are ids, also names of Object.prototype", () => {
    validateIds(["__proto__", "constructor", "toString", " ", "x".repeat(5000), "é😀"]);
  });
});

describe("metadata", () => {
  test.each<[unknown, RegExp]>([
    [{}, /non-empty/],
    [[], /to be an object, but got \[\]/],
    ["x", /to be an object, but got "x"/],
    [{ "": 1 }, /must not be empty.*""/],
    [{ "#a": 1 }, /start with '#' or '\$'.*"#a"/],
    [{ $a: 1 }, /"\$a"/],
    [nested, /metadata\["a"\] is \{"b":1\}/],
    [{ a: NaN }, /finite, but metadata\["a"\] is NaN/],
    [{ a: Infinity }, /Infinity/],
    [{ a: [] }, /non-empty, but metadata\["a"\] is \[\]/],
    [{ a: [1, "b"] }, /number at 0 and a string at 1/],
    [{ a: [[1]] }, /metadata\["a"\]\[0\] is \[1\]/],
    [{ a: [1, NaN] }, /metadata\["a"\]\[1\] is NaN/],
    [{ a: [null] }, /metadata\["a"\]\[0\] is null/],
    [{ a: 10n }, /metadata\["a"\] is 10n/],
    [{ a: () => 1 }, /metadata\["a"\] is a function/],
    [{ a: new Date(0) }, /metadata\["a"\] is/],
    [{ a: undefined }, /undefined/],
    [{ a: null }, /only update and upsert take/],
    [{ a: { indices: [1] } }, /metadata\["a"\]\.values is undefined; a sparse vector has indices/],
    [{ a: { indices: [] } }, /metadata\["a"\]\.values is undefined/],
    [{ a: new Map() }, /or a sparse vector, but metadata\["a"\] is \[object Map\]/],
    [{ a: Object.assign(new Map(), { indices: [] }) }, /metadata\["a"\]\.values is undefined/],
    [{ a: { values: [1], indices: null } }, /metadata\["a"\]\.indices is null/],
    [{ a: { indices: new Uint32Array(1), values: [1] } }, /metadata\["a"\]\.indices is \[object Uint32Array\]/],
    [{ a: { indices: [1], values: 1 } }, /metadata\["a"\]\.values is 1/],
    [{ a: { indices: [1], values: [1], weight: 2 } }, /metadata\["a"\] has the field "weight"/],
    [{ a: { "#type": "dense", indices: [1], values: [1] } }, /metadata\["a"\]\["#type"\] is "dense"/],
    [{ a: { indices: [1, 2], values: [1] } }, /metadata\["a"\] has 2 indices and 1 values/],
    [{ a: { indices: [2, 1], values: [1, 1] } }, /metadata\["a"\]\.indices\[1\] is 1 after 2; .* that ascend/],
    [{ a: { indices: [1, 1], values: [1, 1] } }, /metadata\["a"\]\.indices\[1\] is 1 after 1/],
    [{ a: { indices: [-1], values: [1] } }, /metadata\["a"\]\.indices\[0\] is -1; .* from 0 to 4294967295/],
    [{ a: { indices: [1.5], values: [1] } }, /indices\[0\] is 1\.5/],
    [{ a: { indices: [2 ** 32], values: [1] } }, /indices\[0\] is 4294967296/],
    [{ a: { indices: ["1"], values: [1] } }, /indices\[0\] is "1"/],
    [{ a: { indices: [1n], values: [1] } }, /indices\[0\] is 1n/],
    [{ a: { indices: new Array(1), values: [1] } }, /indices\[0\] is undefined/],
    [{ a: { indices: [1], values: [NaN] } }, /metadata\["a"\]\.values\[0\] is NaN; .* finite as float32/],
    [{ a: { indices: [1], values: [1e39] } }, /values\[0\] is 1e\+39/],
    [{ a: { indices: [1], values: ["1"] } }, /values\[0\] is "1"/],
    [{ a: [{ indices: [1], values: [1] }] }, /metadata\["a"\]\[0\] is/],
  ])("%o is refused", (metadata, message) => {
    const error = failureOf(() => validateMetadata(metadata, "metadata"));
    expect(error.code).toBe("INVALID_ARGUMENT");
    expect(error.message).toMatch(message);
  });

  test("scalars, lists of one type, whole and broken numbers together, and keys like __proto__ are fine", () => {
    const metadata = JSON.parse('{"__proto__": "x", "constructor": true, "s": ["a"], "n": [1, 2.5], "b": [true], "e": ""}');
    validateMetadata(metadata, "metadata");
  });

  test("sparse vectors are fine: empty, with a mark or tokens, up to the last index and the limit", () => {
    const longest = {
      indices: Array.from({ length: limits.sparseVectorEntriesMax }, (_, i) => i),
      values: new Array(limits.sparseVectorEntriesMax).fill(0),
    };
    const marked = { "#type": "sparse_vector", indices: [0, 4294967295], values: [-0.5, 0], tokens: ["a", "b"] };
    validateMetadata({ empty: { indices: [], values: [] }, marked, longest }, "metadata");
    const error = failureOf(() =>
      validateMetadata({ a: { indices: [...longest.indices, 1e6], values: [...longest.values, 1] } }, "metadata"),
    );
    expect(error.code).toBe("LIMIT_EXCEEDED");
    expect(error.message).toMatch(/metadata\["a"\] has 65537 entries, more than the 65536 allowed/);
  });

  test("null is a value only where it deletes a key", () => validateMetadata({ a: null }, "metadata", true));
});

test("a dimension is bounded and agrees with the collection's", () => {
  expect(failureOf(() => validateDimension(0, "embeddings[0]")).code).toBe("INVALID_ARGUMENT");
  expect(failureOf(() => validateDimension(limits.dimensionMax + 1, "embeddings[0]")).code).toBe("LIMIT_EXCEEDED");
  const error = failureOf(() => validateDimension(3, "embeddings[0]", 2));
  expect(error.code).toBe("DIMENSION_MISMATCH");
  expect(error.message).toContain("Collection expecting embedding with dimension of 2, got 3");
  expect(error.details).toEqual({ expected: 2, actual: 3 });
  validateDimension(limits.dimensionMax, "embeddings[0]", null);
});

describe("a batch in the gateway", () => {
  const good = (): RecordBatch => ({
    ids: ["a", "b"],
    embeddings: { dimension: 2, values: Float32Array.of(1, 2, 3, 4), present: null },
    documents: ["x", null],
    metadatas: [null, { k: 1 }],
    uris: null,
  });

  test("that is well formed passes", () => {
    atOnce(validateRecordBatch(good(), "add"));
    const embeddings = { dimension: 2, values: Float32Array.of(1, 2), present: Uint8Array.of(0, 1) };
    atOnce(validateRecordBatch({ ...good(), embeddings }, "update"));
  });

  test.each<[string, (batch: RecordBatch) => unknown, string, RegExp]>([
    ["short column", (batch) => ({ ...batch, documents: ["x"] }), "INVALID_ARGUMENT", /Unequal lengths for fields ids, documents/],
    ["column of another type", (batch) => ({ ...batch, uris: "u" }), "INVALID_ARGUMENT", /'uris' to be an array/],
    ["document of another type", (batch) => ({ ...batch, documents: ["x", 5] }), "INVALID_ARGUMENT", /documents\[1\] is 5/],
    [
      "null in metadata of add",
      (batch) => ({ ...batch, metadatas: [null, { k: null }] }),
      "INVALID_ARGUMENT",
      /metadatas\[1\]\["k"\] is null/,
    ],
    [
      "missing numbers",
      (batch) => ({ ...batch, embeddings: { ...batch.embeddings, values: new Float32Array(3) } }),
      "INVALID_ARGUMENT",
      /has 3 numbers, but 2 embeddings/,
    ],
    [
      "NaN",
      (batch) => ({ ...batch, embeddings: { ...batch.embeddings, values: Float32Array.of(1, 2, NaN, 4) } }),
      "INVALID_ARGUMENT",
      /Non-finite float value at embedding index 1: NaN \(embeddings\[1\]\[0\]/,
    ],
    [
      "Infinity",
      (batch) => ({ ...batch, embeddings: { ...batch.embeddings, values: Float32Array.of(1, 2, 3, -Infinity) } }),
      "INVALID_ARGUMENT",
      /index 1: -Infinity/,
    ],
    [
      "wide presence",
      (batch) => ({ ...batch, embeddings: { ...batch.embeddings, present: Uint8Array.of(2, 0) } }),
      "INVALID_ARGUMENT",
      /present must be 2 bytes/,
    ],
    ["too many records", () => ({ ...emptyBatch(limits.batchRecordsMax + 1) }), "LIMIT_EXCEEDED", /5462 records exceeds/],
    ["too many bytes", () => ({ ...emptyBatch(1), documents: ["x".repeat(limits.batchBytesMax)] }), "LIMIT_EXCEEDED", /bytes exceeds/],
  ])("is refused: %s", (_, spoil, code, message) => {
    const error = failureOf(() => atOnce(validateRecordBatch(spoil(good()) as RecordBatch, "add")));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  test("what is too large for a batch says which limit it exceeds", () => {
    const batch = { ...emptyBatch(1), documents: ["x".repeat(limits.batchBytesMax)] };
    const { details } = failureOf(() => atOnce(validateRecordBatch(batch, "add")));
    expect(details).toEqual({ limit: "batchBytesMax", allowed: limits.batchBytesMax, actual: expect.any(Number) });
    expect(details.actual).toBeGreaterThan(limits.batchBytesMax);
  });

  function emptyBatch(count: number): RecordBatch {
    return { ids: Array.from({ length: count }, (_, i) => `r${i}`), embeddings: null, documents: null, metadatas: null, uris: null };
  }
});
