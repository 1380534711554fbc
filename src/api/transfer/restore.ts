/** `client.restore`: the page hands the file on, piece by piece, and the engine puts it in place. Loaded when it is first called. */
import { invalidArgument, show, TidepoolError } from "../../core/errors.js";
import { validateFunction } from "../../core/gateway/validate/values.js";
import { limits } from "../../core/limits.js";
import type { RestoreReport } from "../../core/service.js";
import { aborted, readCallLimits } from "../call-limits.js";
import type { Connection } from "../connection.js";
import { readArguments, readObject } from "../read-arguments.js";
import type { BackupFile, RestoreOptions } from "./backup-arguments.js";

/**
 * Restores it, or gives it up.
 *
 * @internal
 */
export async function restore(connection: Connection, file: BackupFile, options: RestoreOptions): Promise<RestoreReport> {
  const { mode, onProgress, signal, source, totalBytes } = readArguments("restore", () => ({ ...readOptions(options), ...readFile(file) }));
  const { restore } = await connection.call("beginRestore", { mode }, { signal });
  try {
    let report: RestoreReport = { tenants: 0, databases: 0, collections: 0, records: 0 };
    let at = 0;
    for await (const bytes of piecesOf(source)) {
      report = await connection.call("feedRestore", { restore, at, bytes }, { signal });
      at += bytes.length;
      onProgress?.({ bytes: at, totalBytes });
    }
    if (signal?.aborted) throw aborted(signal);
    // From here on it is all or nothing, and an abort could not tell which.
    await connection.call("endRestore", { restore });
    return report;
  } catch (error) {
    // Where that fails the engine has gone, and all that it had of this with it.
    await connection.call("abortRestore", { restore }).catch(() => undefined);
    throw error;
  }
}

function readOptions(options: RestoreOptions) {
  const { mode, onProgress, ...given } = readObject(options, "restore", "mode signal onProgress");
  if (mode !== "new" && mode !== "merge") throw invalidArgument(`mode must be "new" or "merge", got ${show(mode)}`);
  if (onProgress !== undefined) validateFunction(onProgress, "onProgress");
  return { mode, onProgress, signal: readCallLimits(given).signal };
}

interface ReadFile {
  source: ReadableStream<Uint8Array> | Uint8Array;
  totalBytes: number | null;
}

function readFile(file: BackupFile): ReadFile {
  if (file instanceof Blob) return { source: file.stream(), totalBytes: file.size };
  if (file instanceof Uint8Array) return { source: file, totalBytes: file.length };
  if (typeof ReadableStream === "function" && file instanceof ReadableStream) return { source: file, totalBytes: null };
  throw invalidArgument(`file must be a Blob, a ReadableStream or a Uint8Array, got ${show(file)}`);
}

/** In pieces that a message may have. What is left of a stream is cancelled when nobody asks for more. */
async function* piecesOf(source: ReadFile["source"]): AsyncGenerator<Uint8Array, void, undefined> {
  if (source instanceof Uint8Array) return yield* cut(source);
  const reader = source.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield* cut(part.value);
  } catch (error) {
    throw error instanceof TidepoolError ? error : invalidArgument(`The stream of a backup failed: ${show(error)}`);
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function* cut(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  if (!(bytes instanceof Uint8Array)) throw invalidArgument(`the stream of a backup must give Uint8Arrays, got ${show(bytes)}`);
  for (let at = 0; at < bytes.length; at += limits.exportPageBytes) yield bytes.slice(at, at + limits.exportPageBytes);
}
