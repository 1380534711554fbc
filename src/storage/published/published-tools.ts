/**
 * What reading published databases is given by the worker, which loads it as a file of its own: two files have two classes of errors, and
 * what the worker has already need not come again.
 */
import type { BackupHead } from "../../core/backup/backup-file.js";
import type { ErrorCode, TidepoolError } from "../../core/errors.js";
import type { CatalogStore, LogStore } from "../../core/storage.js";

/** A file of the origin private file system, as far as it is used here. */
export interface CacheFile {
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  close(): void;
}

/** Log records that the segments do not have, by the place of their collection in the head. */
export type EntriesOf = (collection: number) => Promise<readonly Uint8Array[]>;

export interface PublishedTools {
  error(code: ErrorCode, message: string, options?: { cause?: unknown; details?: Record<string, unknown> }): TidepoolError;
  crc32(bytes: Uint8Array): number;
  /** Opens a file that keeps what was read; `null` where nothing can be kept. */
  openFile(name: string): Promise<CacheFile | null>;
  /** Tells of what went wrong without loss. */
  warn(message: string): void;
  /** The database was published anew: whoever reads on opens it again. */
  lost(error: TidepoolError): void;
  /** Log and catalog of the database, in memory. */
  openRows(head: BackupHead, entries: EntriesOf): Promise<{ log: LogStore; catalog: CatalogStore }>;
}
