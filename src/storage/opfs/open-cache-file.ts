/** A file of the origin private file system for what can be fetched again, beside what a database at the same path would have there. */
import type { TidepoolError } from "../../core/errors.js";
import type { OpenOptions } from "../../core/service.js";
import type { Tenure } from "../tenure.js";
import { openDirectory, openSyncHandle, type SyncHandle } from "./file-system.js";

/** `null` where there is no such file system, or none is wanted; what else is in the way is told. */
export async function openCacheFile(
  { path, storage }: Pick<OpenOptions, "path" | "storage">,
  name: string,
  { warn }: Pick<Tenure, "warn">,
): Promise<SyncHandle | null> {
  if (storage === "memory") return null;
  try {
    return await openSyncHandle(await openDirectory(path), name);
  } catch (error) {
    const { code, message } = error as TidepoolError;
    if (code !== "NOT_SUPPORTED")
      warn?.({ code: "SOURCE_UNREACHABLE", message: `What is read of a published database is not kept: ${message}` });
    return null;
  }
}
