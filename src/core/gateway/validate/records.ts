/**
 * What the records of a write may look like, and the embeddings of a query. Pure functions: the page runs them over a whole call
 * before its first batch leaves, the gateway runs them again on each batch that arrives, so a broken or hostile page can store
 * nothing that a good one could not.
 *
 * Every check throws a `TidepoolError` that names the argument, the index and the value. Column checks take a range, so
 * that a caller with many records can check them in slices. Keys are only ever read through `Object.keys` and
 * `Object.entries`: a metadata key named `__proto__` is a key like any other.
 */

import { recordTextBytes } from "../../base/record-bytes.js";
import type { Steps } from "../../base/steps.js";
import { wellFormed } from "../../base/well-formed.js";
import { beyondLimit, invalidArgument, show, TidepoolError } from "../../errors.js";
import { limits } from "../../limits.js";
import type { WriteRequest } from "../../service.js";
import type { EmbeddingRows, MetadataPatch, RecordBatch } from "../../types.js";
import { validateArray, validateObject } from "./values.js";

export type WriteOperation = WriteRequest["operation"];

const DUPLICATES_SHOWN_MAX = 5;

/** Ids that select or name records: a non-empty array of distinct non-empty strings. */
/** `seen` gets the ids. */
export function validateIds(ids: unknown, argument = "ids", seen = new Set<string>()): asserts ids is string[] {
  validateArray(ids, argument);
  if (ids.length === 0) throw invalidArgument(`Expected '${argument}' to be a non-empty list`);
  if (ids.length > limits.selectionIdsMax)
    throw beyondLimit(`${argument} has ${ids.length} entries, more`, "selectionIdsMax", limits.selectionIdsMax);
  validateIdRange(ids, argument, 0, ids.length, seen);
}

/** Checks `ids[start … end)`; `seen` carries the ids of earlier ranges from call to call. */
export function validateIdRange(ids: readonly unknown[], argument: string, start: number, end: number, seen: Set<string>): void {
  const duplicates: string[] = [];
  for (let i = start; i < end; i++) {
    const id = ids[i];
    if (typeof id !== "string") throw invalidArgument(`Expected each id to be a string, but ${argument}[${i}] is ${show(id)}`);
    if (id === "") throw invalidArgument(`Empty ID, ID must have at least one character (${argument}[${i}])`);
    if (seen.has(id)) duplicates.push(`${id.length > 80 ? `${id.slice(0, 77)}...` : id} (${argument}[${i}])`);
    seen.add(id);
  }
  if (duplicates.length === 0) return;
  const shown = duplicates.slice(0, DUPLICATES_SHOWN_MAX).join(", ");
  const more = duplicates.length > DUPLICATES_SHOWN_MAX ? `, and ${duplicates.length - DUPLICATES_SHOWN_MAX} more` : "";
  throw invalidArgument(`Expected IDs to be unique, but found duplicates of ${shown}${more}`);
}

/** Throws unless every given column is as long as `ids`. */
export function validateLengths(count: number, columns: Record<string, { length: number } | null | undefined>): void {
  for (const [name, column] of Object.entries(columns)) {
    if (column == null || column.length === count) continue;
    throw invalidArgument(
      `Unequal lengths for fields ids, ${name}: ids has ${count}, ${name} has ${column.length}; give one entry for each id`,
    );
  }
}

/** Documents or uris: strings, and `null` where a record has none. */
export function validateStringRange(values: readonly unknown[], argument: string, start: number, end: number): void {
  for (let i = start; i < end; i++) {
    const value = values[i];
    if (typeof value === "string" || value === null || value === undefined) continue;
    throw invalidArgument(`Expected each of '${argument}' to be a string or null, but ${argument}[${i}] is ${show(value)}`);
  }
}

/** Metadata of records: objects, and `null` where a record has none. `values[0]` is the entry at `offset`. */
export function validateMetadataRange(
  values: readonly unknown[],
  operation: WriteOperation,
  argument: string,
  start: number,
  end: number,
  offset = 0,
): void {
  for (let i = start; i < end; i++) {
    const value = values[i - offset];
    if (value !== null && value !== undefined) validateMetadata(value, `${argument}[${i}]`, operation !== "add");
  }
}

/**
 * Metadata of one record or of a collection: at least one key, scalars, homogeneous arrays of scalars or sparse vectors.
 * `null` is a value only where it deletes a key (`nullDeletes`).
 */
export function validateMetadata(metadata: unknown, argument: string, nullDeletes = false): asserts metadata is MetadataPatch {
  validateObject(metadata, argument);
  const count = Object.keys(metadata).length;
  if (count > limits.metadataKeysMax) throw beyondLimit(`${argument} has ${count} keys, more`, "metadataKeysMax", limits.metadataKeysMax);
  if (count === 0) {
    throw invalidArgument(`Expected metadata to be non-empty, but ${argument} is {}; leave it out or use null`);
  }
  for (const [key, value] of Object.entries(metadata)) {
    validateMetadataKey(key, argument);
    if (!(value === null && nullDeletes)) validateMetadataValue(value, `${argument}[${show(key)}]`);
  }
}

/** Whether metadata can have such a key. Storage has no room for half of a surrogate pair: two such keys would become one. */
export function isMetadataKey(key: string): boolean {
  return !/^([#$]|$)/.test(key) && wellFormed(key) === key;
}

function validateMetadataKey(key: string, argument: string): void {
  if (isMetadataKey(key)) return;
  throw invalidArgument(
    "Metadata keys must not be empty, must not start with '#' or '$' and must be well-formed Unicode, " +
      `but ${argument} has the key ${show(key)}`,
  );
}

function validateMetadataValue(value: unknown, where: string): void {
  if (typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number") return validateMetadataNumber(value, where);
  if (Array.isArray(value)) return validateMetadataArray(value, where);
  if (isSparse(value)) return validateSparseVector(value, where);
  if (value === null) {
    throw invalidArgument(`${where} is null, which only update and upsert take (it deletes the key); leave the key out instead`);
  }
  throw invalidArgument(
    "Expected each metadata value to be a string, number, boolean, an array of one of these or a sparse vector, " +
      `but ${where} is ${show(value)}`,
  );
}

function validateMetadataNumber(value: number, where: string): void {
  if (!Number.isFinite(value)) throw invalidArgument(`Expected metadata numbers to be finite, but ${where} is ${value}`);
}

function validateMetadataArray(values: readonly unknown[], where: string): void {
  if (values.length === 0) throw invalidArgument(`Expected metadata lists to be non-empty, but ${where} is []`);
  if (values.length > limits.metadataListMax)
    throw beyondLimit(`${where} has ${values.length} entries, more`, "metadataListMax", limits.metadataListMax);
  const type = typeof values[0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
      throw invalidArgument(`Expected metadata lists to contain only strings, numbers or booleans, but ${where}[${i}] is ${show(value)}`);
    }
    if (typeof value !== type) {
      throw invalidArgument(`Expected metadata lists to contain one type, but ${where} has a ${type} at 0 and a ${typeof value} at ${i}`);
    }
    if (typeof value === "number") validateMetadataNumber(value, `${where}[${i}]`);
  }
}

/** Something that means to be a sparse vector. */
function isSparse(value: unknown): value is object {
  return typeof value === "object" && value !== null && (Object.hasOwn(value, "indices") || Object.hasOwn(value, "values"));
}

const SPARSE_RULE = "a sparse vector has indices, whole numbers from 0 to 4294967295 that ascend, and as many values, finite as float32";

/** The vector's form, and that float32 holds its values. */
export function validateSparseVector(vector: object, where: string): void {
  const refuse: (what: string) => never = (what) => {
    throw invalidArgument(`${where}${what}; ${SPARSE_RULE}`);
  };
  // A copy has own fields only: "values" is also a method of some objects.
  const { indices, values, "#type": mark, tokens: _, ...rest }: Record<string, unknown> = { ...vector };
  for (const field in rest) refuse(` has the field ${show(field)}`);
  if (mark != null && mark !== "sparse_vector") refuse(`["#type"] is ${show(mark)}`);
  if (!Array.isArray(indices)) refuse(`.indices is ${show(indices)}`);
  if (!Array.isArray(values)) refuse(`.values is ${show(values)}`);
  if (indices.length !== values.length) refuse(` has ${indices.length} indices and ${values.length} values`);
  if (indices.length > limits.sparseVectorEntriesMax) {
    throw new TidepoolError(
      "LIMIT_EXCEEDED",
      `${where} has ${indices.length} entries, more than the ${limits.sparseVectorEntriesMax} allowed`,
    );
  }
  for (let i = 0; i < indices.length; i++) {
    const [index, last = -1] = [indices[i], indices[i - 1]] as [number, number?];
    if (!(Number.isInteger(index) && index > last && index < 2 ** 32))
      refuse(`.indices[${i}] is ${show(index)}${i > 0 ? ` after ${last}` : ""}`);
    if (!isFloat32(values[i])) refuse(`.values[${i}] is ${show(values[i])}`);
  }
}

function isFloat32(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(Math.fround(value));
}

/** Length of an embedding: 1 … `limits.dimensionMax`, and the collection's own dimension once that is fixed. */
export function validateDimension(dimension: number, argument: string, expected?: number | null): void {
  if (dimension === 0) {
    throw invalidArgument(`Expected each embedding to be a non-empty array of numbers, but got an empty array at ${argument}`);
  }
  if (dimension > limits.dimensionMax) {
    throw new TidepoolError("LIMIT_EXCEEDED", `${argument} has ${dimension} dimensions, more than the ${limits.dimensionMax} allowed`);
  }
  if (expected != null && dimension !== expected) {
    throw new TidepoolError(
      "DIMENSION_MISMATCH",
      `Collection expecting embedding with dimension of ${expected}, got ${dimension} (${argument})`,
      { details: { expected, actual: dimension } },
    );
  }
}

/** Throws unless each value is a number that stays finite as float32. `row` is the embedding's index in its column. */
export function validateVector(values: ArrayLike<unknown>, argument: string, row: number): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (isFloat32(value)) continue;
    const place = `${argument}[${row}][${i}]`;
    if (typeof value !== "number") throw invalidArgument(`Expected embeddings to hold numbers, but ${place} is ${show(value)}`);
    throw invalidArgument(`Non-finite float value at embedding index ${row}: ${value} (${place}; every number must be finite as float32)`);
  }
}

/** Flat rows as they arrive in the gateway: sizes agree and every number is finite. */
export function validateEmbeddingRows(rows: EmbeddingRows, count: number, expected?: number | null, argument = "embeddings"): void {
  validateObject(rows, argument);
  if (!Number.isSafeInteger(rows.dimension) || rows.dimension < 0) {
    throw invalidArgument(`${argument}.dimension must be a whole number, got ${show(rows.dimension)}`);
  }
  validateDimension(rows.dimension, argument, expected);
  if (!(rows.values instanceof Float32Array)) throw invalidArgument(`${argument}.values must be a Float32Array, got ${show(rows.values)}`);
  if (rows.present !== null) validatePresence(rows.present, count, argument);
  const carried = rows.present === null ? count : rows.present.reduce((sum, one) => sum + one, 0);
  if (rows.values.length !== carried * rows.dimension) {
    throw invalidArgument(
      `${argument}.values has ${rows.values.length} numbers, ` +
        `but ${carried} embeddings of dimension ${rows.dimension} have ${carried * rows.dimension}`,
    );
  }
  if (!allFinite(rows.values)) {
    for (let r = 0; r < carried; r++) {
      validateVector(rows.values.subarray(r * rows.dimension, (r + 1) * rows.dimension), argument, r);
    }
  }
}

function validatePresence(present: unknown, count: number, argument: string): void {
  if (present instanceof Uint8Array && present.length === count && present.every((one) => one <= 1)) return;
  throw invalidArgument(`${argument}.present must be ${count} bytes of 0 or 1`);
}

/** A finite number times 0 is ±0; NaN and the infinities give NaN, which stays in the sum. */
function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0;
  return sum === 0;
}

/** Records that are looked at between two turns. */
const RECORDS_PER_STEP = 16;

/** A whole batch as it arrives in the gateway, but for whether its dimension is the collection's. */
export function* validateRecordBatch(batch: RecordBatch, operation: WriteOperation): Steps<void> {
  validateObject(batch, "records");
  validateIds(batch.ids);
  const count = batch.ids.length;
  if (count > limits.batchRecordsMax) {
    throw new TidepoolError("LIMIT_EXCEEDED", `A batch of ${count} records exceeds the ${limits.batchRecordsMax} allowed`);
  }
  const { documents, uris, metadatas } = batch;
  for (const [name, column] of Object.entries({ documents, uris, metadatas })) {
    if (column !== null) validateArray(column, name);
  }
  validateLengths(count, { documents, uris, metadatas });
  if (documents !== null) validateStringRange(documents, "documents", 0, count);
  if (uris !== null) validateStringRange(uris, "uris", 0, count);
  for (let start = 0; metadatas !== null && start < count; start += RECORDS_PER_STEP) {
    validateMetadataRange(metadatas, operation, "metadatas", start, Math.min(start + RECORDS_PER_STEP, count));
    yield;
  }
  if (batch.embeddings !== null) validateEmbeddingRows(batch.embeddings, count);
  yield* validateBatchBytes(batch);
}

function* validateBatchBytes(batch: RecordBatch): Steps<void> {
  let bytes = batch.embeddings?.values.byteLength ?? 0;
  for (let i = 0; i < batch.ids.length; i++) {
    bytes += recordTextBytes(batch.ids[i]!, batch.documents?.[i], batch.uris?.[i], batch.metadatas?.[i]);
    if (i % RECORDS_PER_STEP === 0) yield;
  }
  if (bytes <= limits.batchBytesMax) return;
  throw new TidepoolError("LIMIT_EXCEEDED", `A batch of about ${bytes} bytes exceeds the ${limits.batchBytesMax} allowed`, {
    details: { limit: "batchBytesMax", allowed: limits.batchBytesMax, actual: bytes },
  });
}
