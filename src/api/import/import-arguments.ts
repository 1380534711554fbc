/** What `collection.import` takes, and tells. */

/** Bytes to import: a file, a URL to fetch, a stream, or the bytes themselves. */
export type ImportSource = Blob | URL | string | ReadableStream<Uint8Array> | Uint8Array;

/** A form of the bytes: `docs/import.md` says what each looks like. */
export type ImportFormat = "jsonl" | "json" | "csv" | "parquet" | "arrow" | "npy";

/**
 * Which field of a row is what. Names may go into objects by dots, `"payload.text"`. Default of each: the first that a row has of those
 * named here.
 */
export interface ImportMapping {
  /** Of "id", "_id", "ids". A whole number becomes a text. `null`: the number of the row is the id, the first being "1". */
  id?: string | null;
  /** Of "embedding", "vector", "values", "emb", "embeddings". `null`: none is taken, and the documents are embedded. */
  embedding?: string | null;
  /** Of "document", "text_chunk", "text", "content", "pageContent", "page_content", "documents". `null`: none. */
  document?: string | null;
  /** "uri" or "uris". `null`: none. */
  uri?: string | null;
  /**
   * The field whose object holds the metadata; or a list of fields that are a key of it each; `null`: none. Default: what "metadata" or
   * "payload" holds, and every other field as a key.
   */
  metadata?: string | readonly string[] | null;
}

/** How far an import is. */
export interface ImportProgress {
  /** Records that are in. */
  imported: number;
  /** Rows that could not go in. */
  rejected: number;
  /** Bytes of the source that were read. */
  bytes: number;
  /** Bytes of the source; `null` where it does not say. */
  totalBytes: number | null;
}

/** Options of `collection.import`. */
export interface ImportOptions {
  /** Default "auto": told by the first bytes. */
  format?: ImportFormat | "auto";
  /** Which field of a row is what. */
  mapping?: ImportMapping;
  /**
   * "flatten": nested metadata gets dotted keys, as by `flattenMetadata`; empty lists and objects are left out, which `warnings` tells.
   * Default: such rows are rejected.
   */
  metadata?: "flatten";
  /** "upsert", the default: records whose id exists are updated, as by `collection.upsert`. "add": such rows are rejected. */
  mode?: "upsert" | "add";
  /** The first row that goes in, counted from 1. Default 1. An import that was interrupted tells where to go on: `details.nextRow`. */
  startAt?: number;
  /** Ends it between two batches: it rejects with `ABORTED`, and what is in stays. */
  signal?: AbortSignal;
  /** Told after each batch. Must not throw. */
  onProgress?: (progress: ImportProgress) => void;
}

/** A row that did not go in. */
export interface ImportRejection {
  /** Which row of the source, counted from 1; blank lines are none. */
  row: number;
  /** Which line of the source, counted from 1; `null` where the format has no lines. */
  line: number | null;
  /** Why. */
  reason: string;
}

/** What an import did. Each row of the source, from `startAt` on, is counted in `imported` or in `rejectedCount`. */
export interface ImportReport {
  /** Which format the source has. */
  format: ImportFormat;
  /** Which field was taken for what; `null` where nothing was. `metadata: null` says that no field held an object of it. */
  mapping: Required<ImportMapping>;
  /** Records that are in. */
  imported: number;
  /** Rows that could not go in. */
  rejectedCount: number;
  /** The first 1,000 of them. */
  rejected: ImportRejection[];
  /** What else is to be known, such as parts of the source that are no rows. */
  warnings: string[];
}
