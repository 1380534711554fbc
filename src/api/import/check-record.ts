/** Whether a row can be a record: by the checks that every write goes through, one record at a time. */
import { recordTextBytes } from "../../core/base/record-bytes.js";
import { invalidArgument, TidepoolError } from "../../core/errors.js";
import { validateIdRange, validateMetadata, validateStringRange } from "../../core/gateway/validate/records.js";
import { limits } from "../../core/limits.js";
import type { Metadata } from "../../core/types.js";
import { copyEmbeddings, readEmbeddings } from "../embeddings.js";
import type { RowRecord } from "./field-mapping.js";

/** A record that can be written. Without an embedding it has a document to embed. */
export interface ImportedRecord {
  id: string;
  embedding: Float32Array | null;
  document: string | null;
  uri: string | null;
  metadata: Metadata | null;
}

/** The record. Throws, naming what is wrong with it. */
export function checkRecord({ id, embedding, document, uri, metadata }: RowRecord, dimension: number | null): ImportedRecord {
  if (id == null) throw invalidArgument("the row has no id: name its field by mapping.id, or take the numbers of rows by mapping.id: null");
  validateIdRange([id], "id", 0, 1, new Set());
  validateStringRange([document], "document", 0, 1);
  validateStringRange([uri], "uri", 0, 1);
  if (metadata !== null) validateMetadata(metadata, "metadata");
  if (embedding == null && document == null) throw invalidArgument("the row has neither an embedding nor a document to embed");
  const record = {
    id: id as string,
    embedding: embedding == null ? null : checkEmbedding(embedding, dimension),
    document: (document ?? null) as string | null,
    uri: (uri ?? null) as string | null,
    metadata: metadata as Metadata | null,
  };
  checkSize(record);
  return record;
}

function checkEmbedding(embedding: unknown, dimension: number | null): Float32Array {
  const rows = readEmbeddings(copyEmbeddings([embedding], 1), 1, { argument: "embedding", dimension })!;
  rows.check(0, 1);
  return rows.copy(0, 1).values;
}

function checkSize({ id, embedding, document, uri, metadata }: ImportedRecord): void {
  const size = recordTextBytes(id, document, uri, metadata) + 4 * (embedding?.length ?? limits.dimensionMax);
  if (size <= limits.batchBytesMax) return;
  throw new TidepoolError("LIMIT_EXCEEDED", `the record takes about ${size} bytes, more than the ${limits.batchBytesMax} allowed`);
}
