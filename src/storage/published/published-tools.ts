/**
 * What reading published databases is given by the worker, which loads it as a file of its own: two files have two classes of errors, and
 * what the worker has already need not come again.
 */
import type { sectionKinds } from "../../core/collection/parts.js";
import type { ErrorCode, TidepoolError } from "../../core/errors.js";
import type { Log } from "../../core/log/log.js";
import type { LogRetention } from "../../core/log/log-retention.js";
import type { OpenOptions } from "../../core/service.js";
import type { Environment } from "../../core/storage.js";
import type { SysDb } from "../../core/sysdb/sysdb.js";
import type { openMemoryStorage } from "../memory/memory-storage.js";

/** A file of the origin private file system, as far as it is used here. */
export interface CacheFile {
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  close(): void;
}

/** Of the engine, what makes rows as a restore would. */
export interface RowMakers {
  SysDb: typeof SysDb;
  Log: typeof Log;
  LogRetention: typeof LogRetention;
  sectionKinds: typeof sectionKinds;
  openMemoryStorage: typeof openMemoryStorage;
  environment: Environment;
}

export interface PublishedTools {
  error(code: ErrorCode, message: string, options?: { cause?: unknown; details?: Record<string, unknown> }): TidepoolError;
  crc32(bytes: Uint8Array): number;
  /** Opens a file that keeps what was read; `null` where nothing can be kept. */
  openFile(name: string): Promise<CacheFile | null>;
  /** Tells of what went wrong without loss. */
  warn(message: string): void;
  /** The database was published anew: whoever reads on opens it again. */
  lost(error: TidepoolError): void;
  makers: RowMakers;
  /** The newest format version of a database that this release reads. */
  formatVersionMax: number;
  /** As the client asks for it. */
  storage: OpenOptions["storage"];
  /** What the client may hold in memory, where that is bounded. */
  memoryBudgetBytes: number | undefined;
}
