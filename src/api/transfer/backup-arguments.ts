/** What `client.backup` and `client.restore` take, and tell. */
import type { RestoreMode } from "../../core/service.js";

/** How far a backup or a restore is. */
export interface BackupProgress {
  /** Bytes of the file so far. */
  bytes: number;
  /** Bytes in all, of a backup about; `null` where a stream that is restored does not say. */
  totalBytes: number | null;
}

/** Options of `client.backup`. */
export interface BackupOptions {
  /** Whether the earlier versions that `retainVersions` keeps are in it. Default `false`. */
  versions?: boolean;
  /** Ends it: reading the stream then rejects with `ABORTED`. */
  signal?: AbortSignal;
  /** Told after each part that was read. Must not throw. */
  onProgress?: (progress: BackupProgress) => void;
}

/** A backup, to be read once. */
export type BackupFile = Blob | ReadableStream<Uint8Array> | Uint8Array;

/** Options of `client.restore`. */
export interface RestoreOptions {
  /**
   * "new": into an empty database, one without collections and without tenants or databases beside the first ones. "merge": beside what
   * there is; tenants and databases of the same names stay as they are, and collections of the same name or id are refused.
   */
  mode: RestoreMode;
  /** Ends it while the file is read; nothing is restored then. What is read whole goes on to its end. */
  signal?: AbortSignal;
  /** Told after each part. Must not throw. */
  onProgress?: (progress: BackupProgress) => void;
}
