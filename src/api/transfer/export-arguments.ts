/** What `collection.export` takes, and tells. */
import type { IncludeField, Metadata, Where, WhereDocument } from "../../core/types.js";

/** A form in which records are exported: `docs/backup.md` says what each looks like. */
export type ExportFormat = "jsonl" | "arrow" | "parquet";

/** Arguments of `collection.export`. */
export interface ExportArguments<TMeta = Metadata> {
  /** "jsonl": a JSON object a line, "arrow": an Arrow IPC stream, "parquet": a Parquet file. */
  format: ExportFormat;
  /** Which records, by their metadata. Default: all. */
  where?: Where<TMeta>;
  /** Which records, by their documents. Default: all. */
  whereDocument?: WhereDocument;
  /** What of each record beside its id: "documents", "embeddings", "metadatas", "uris". Default: all four. */
  include?: IncludeField[];
  /** Ends it: reading the stream then rejects with `ABORTED`. */
  signal?: AbortSignal;
  /** Told after each part that was read. Must not throw. */
  onProgress?: (progress: ExportProgress) => void;
}

/** How far an export is. */
export interface ExportProgress {
  /** Records that have been written. */
  done: number;
  /** Records in all. */
  total: number;
}
