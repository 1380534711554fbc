/** `client.backup`: the engine makes the file, and the page pulls one piece after the other. Loaded when it is first called. */
import { invalidArgument, show } from "../../core/errors.js";
import { validateFunction } from "../../core/gateway/validate/values.js";
import { readCallLimits } from "../call-limits.js";
import type { Connection } from "../connection.js";
import type { ByteSource } from "../lazy-stream.js";
import { readArguments, readObject } from "../read-arguments.js";
import type { BackupOptions } from "./backup-arguments.js";
import { untilEnded } from "./until-ended.js";

/**
 * Has the engine keep everything as it is now, and reads it as it is asked for.
 *
 * @internal
 */
export async function backup(connection: Connection, options: BackupOptions): Promise<ByteSource> {
  const { versions, signal, onProgress } = readArguments("backup", () => readOptions(options));
  const { snapshot, bytes: totalBytes } = await connection.call("beginBackup", { versions }, { signal });
  const pieces = async function* (): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    let bytes = 0;
    for (let at = 0; ; at++) {
      const piece = await connection.call("readBackup", { snapshot, at }, { signal });
      if (piece.bytes === null) return;
      yield piece.bytes as Uint8Array<ArrayBuffer>;
      bytes += piece.bytes.length;
      onProgress?.({ bytes, totalBytes: Math.max(bytes, totalBytes) });
    }
  };
  // Where that fails the engine has gone, and what it kept with it, or it lets go by itself after a while.
  return untilEnded(pieces(), () => connection.call("endBackup", { snapshot }).catch(() => undefined));
}

function readOptions(options: BackupOptions) {
  const { versions = false, onProgress, ...given } = readObject(options, "backup", "versions signal onProgress");
  if (typeof versions !== "boolean") throw invalidArgument(`versions must be true or false, got ${show(versions)}`);
  if (onProgress !== undefined) validateFunction(onProgress, "onProgress");
  return { versions, onProgress, signal: readCallLimits(given).signal };
}
