import { expect, test } from "vitest";
import { atOnce } from "../base/steps.js";
import type { MetadataPatch, RecordBatch } from "../types.js";
import { type MemtableEntry, newEntry, patchEntry, prepareMetadata, type RecordFields } from "./memtable.js";

const vector = { embedding: new Float32Array(1), quantized: {} as never, at: 0 };
const full: MemtableEntry = { kind: "record", id: "a", vector, document: "low", uri: null, metadata: { depth: 1, tide: "low" } };
const patched: MemtableEntry = {
  kind: "patch",
  id: "a",
  vector: undefined,
  document: undefined,
  uri: undefined,
  metadata: { depth: null },
};

function batchOf(patch: MetadataPatch): RecordBatch {
  return { ids: ["a"], embeddings: null, documents: null, metadatas: [patch], uris: null };
}

function fields(metadata: MetadataPatch): RecordFields {
  return { vector, document: undefined, uri: undefined, metadata };
}

test.each<[string, below: MemtableEntry | null | undefined, expected: MetadataPatch]>([
  ["a full record, where null deletes", full, { tide: "high" }],
  ["a patch, where null stays", patched, { depth: null, tide: "high" }],
  ["a record of the segments", undefined, { depth: null, tide: "high" }],
  ["nothing", null, { tide: "high" }],
])("metadata that was laid ahead over %s is taken as it is, and is what would be made at once", (_, below, expected) => {
  const lay = (patch: MetadataPatch) =>
    below === null
      ? newEntry("a", fields(patch)).metadata
      : (patchEntry("a", below, fields(patch)) as { metadata: MetadataPatch }).metadata;
  const patch: MetadataPatch = { depth: null, tide: "high" };
  expect(lay({ ...patch })).toEqual(expected);
  atOnce(prepareMetadata(batchOf(patch), () => below));
  expect(lay(patch)).toEqual(expected);
  expect(lay(patch)).toBe(lay(patch));
});

test("what has come below meanwhile counts", () => {
  const patch: MetadataPatch = { tide: "high" };
  atOnce(prepareMetadata(batchOf(patch), () => full));
  const other: MemtableEntry = { ...full, metadata: { depth: 2 } };
  expect(patchEntry("a", other, fields(patch))).toMatchObject({ metadata: { depth: 2, tide: "high" } });
  expect(patchEntry("a", undefined, fields(patch))).toMatchObject({ kind: "patch", metadata: { tide: "high" } });
});
