/**
 * A file beside the arenas that says that there is a database. While all of it is in the log the arenas are empty: were the
 * browser to drop IndexedDB then, nothing else would tell the rest from a first run. It is written after the catalog's row `storage`
 * and before anything is acknowledged. An empty one counts as none: that is how a destruction takes it back, since the removal of
 * a file may not reach the disk.
 */
import { TidepoolError } from "../../core/errors.js";
import { nameOf, storageError } from "../storage-error.js";
import { type Directory, openSyncHandle } from "./file-system.js";

const name = "database";

export async function hasMarker(directory: Directory): Promise<boolean> {
  try {
    return (await (await directory.getFileHandle(name)).getFile()).size > 0;
  } catch (error) {
    if (nameOf(error) === "NotFoundError") return false;
    throw storageError(error, `look for the file ${name}`);
  }
}

/** Durable when this resolves, but for the name of the file if the power fails within its first minute. */
export async function writeMarker(directory: Directory, path: string): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify({ path, storage: "opfs" }));
  await change(directory, (handle) => {
    if (handle.write(bytes, { at: 0 }) < bytes.length) {
      throw new TidepoolError(
        "QUOTA_EXCEEDED",
        `Could not write the file ${name}: the browser refuses to store more bytes for this origin`,
      );
    }
  });
}

export async function emptyMarker(directory: Directory): Promise<void> {
  if (await hasMarker(directory)) await change(directory, (handle) => handle.truncate(0));
}

async function change(directory: Directory, work: (handle: Awaited<ReturnType<typeof openSyncHandle>>) => void): Promise<void> {
  const handle = await openSyncHandle(directory, name);
  try {
    work(handle);
    handle.flush();
  } catch (error) {
    throw storageError(error, `write the file ${name}`);
  } finally {
    handle.close();
  }
}
